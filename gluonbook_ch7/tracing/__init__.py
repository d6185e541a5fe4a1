"""Fusion: the training of one run, rule and all, as a few MXNet graphs; the same bit for bit."""
