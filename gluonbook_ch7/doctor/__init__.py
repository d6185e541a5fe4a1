"""The doctor: what is here, what is wrong, and the command that mends it."""
