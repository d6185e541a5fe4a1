"""The variants: a rule of the chapter with what Gluon does otherwise, each by itself.

There is one only where Gluon's hyperparameters cannot make Gluon follow the chapter.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._mxnet import nd
from .declarations import matched, take

__all__ = ["adam_like_gluon"]


def adam_like_gluon(
    params: Sequence[nd.NDArray],
    states: Any,
    hyperparams: dict[str, Any],
    *,
    folded: bool = False,
    single: bool = False,
) -> None:
    """Take one step of `adam`, but for what Gluon does otherwise; each by itself.

    With ``folded`` the bias corrections are in the learning rate::

        x ← x − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) v / (√s + ε)

    With ``single`` the two 1 − β are differences of float32 numbers.
    """
    eta, t = take("adam_like_gluon", hyperparams, "lr", "t")
    betas, eps = (0.9, 0.999), 1e-6
    rest1, rest2 = (float(1 - np.float32(beta)) if single else 1 - beta for beta in betas)
    corr1, corr2 = (1 - beta**t for beta in betas)
    for p, (v, s) in matched("adam_like_gluon", params, states, arrays=2):
        v *= betas[0]
        v += rest1 * p.grad
        s *= betas[1]
        s += rest2 * p.grad.square()
        if folded:
            p -= eta * (corr2**0.5 / corr1) * v / (s.sqrt() + eps)
        else:
            p -= eta * (v / corr1) / ((s / corr2).sqrt() + eps)
    hyperparams["t"] += 1
