"""Experiments: what the book could not do."""
