"""Inference: what a loss curve says about the call that gave it."""
