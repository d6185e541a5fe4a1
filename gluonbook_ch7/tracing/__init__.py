"""Training steps as MXNet graphs, which give the same losses many times as fast.

`purity` decides whether a rule depends on nothing but its arguments. If so, `tracer` calls it on
stand-ins for its arrays (`tape`) and returns what it computes. `graph` compiles that, together with
the gradients, into one operator for ten steps, and `runs` trains with it. Ensembles apply what
`tracer` returns with NumPy instead.
"""

from .runs import train_gluon, train_scratch, warn_not_traced

__all__ = ["train_gluon", "train_scratch", "warn_not_traced"]
