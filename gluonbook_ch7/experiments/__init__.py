"""Experiments that the book does not have: ensembles, sweeps and comparisons."""
