"""The chapter's rules, what each is trained with, and how Gluon's optimizers differ from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

import numpy as np

from .. import rules
from .._mxnet import nd
from .._validation import checked
from ..errors import ArgumentError


@dataclass(frozen=True)
class Difference:
    """A known difference between a rule from scratch and another optimizer, usually Gluon's.

    To remove it, set hyperparameters of the rule's `like_gluon`, or of the other optimizer.
    """

    name: str
    ours: str  # what each of the two does
    theirs: str
    our_changes: Mapping[str, Any] = field(default_factory=dict)
    their_changes: Mapping[str, Any] = field(default_factory=dict)


# It lies in the training and not in the rule.
SHORT_MINIBATCH = Difference(
    "short minibatch",
    ours="averages over the rows of the last minibatch",
    theirs="Trainer.step(batch_size) divides by batch_size",
    their_changes={"count_rows": True},  # not Gluon's own: follow_gluon removes the difference
)


def _epsilon(gluons: float, name: str = "epsilon") -> Difference:
    return Difference("epsilon", "ε = 1e-06", f"ε = {gluons:g}", their_changes={name: 1e-6})


@dataclass(frozen=True)
class UpdateRule:
    """A rule of the chapter, with its states, its hyperparameters and its counterpart in Gluon."""

    step: Callable[[Sequence[Any], Any, dict[str, Any]], None]
    states: Callable[[Any], Any]  # makes the states from the features
    hyperparams: Mapping[str, float]  # the values that the chapter trains with
    gluon: str  # the name of Gluon's optimizer
    gluon_names: Mapping[str, str]  # Gluon's name for each hyperparameter; Adam's t has none
    differences: tuple[Difference, ...] = (SHORT_MINIBATCH,)  # which all of Gluon's share
    # Imitates Gluon where Gluon's hyperparameters cannot imitate the rule.
    like_gluon: Optional[Callable[..., None]] = None

    @property
    def name(self) -> str:
        """The name of the rule's function."""
        return self.step.__name__

    def gluon_hyperparams(self, hyperparams: Mapping[str, Any]) -> dict[str, Any]:
        """Return hyperparameters under Gluon's names."""
        return {gluons: hyperparams[ours] for ours, gluons in self.gluon_names.items()}


@checked("lr", "t", arrays_per_state=2)
def adam_like_gluon(params: Sequence[nd.NDArray], states: Any, hyperparams: dict[str, Any]) -> None:
    """Take one step of `adam`, except for what Gluon does differently.

    With the hyperparameter ``folded`` the bias corrections are part of the learning rate::

        x ← x − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) v / (√s + ε)

    With ``single``, 1 − β₁ and 1 − β₂ are computed in float32.
    """
    eta, t, eps = hyperparams["lr"], hyperparams["t"], 1e-6
    beta1, beta2 = 0.9, 0.999
    rest1, rest2 = 1 - beta1, 1 - beta2
    if hyperparams.get("single"):
        rest1, rest2 = float(1 - np.float32(beta1)), float(1 - np.float32(beta2))
    for p, (v, s) in zip(params, states):
        v[:] = beta1 * v + rest1 * p.grad
        s[:] = beta2 * s + rest2 * p.grad.square()
        if hyperparams.get("folded"):
            folded_eta = eta * ((1 - beta2**t) ** 0.5 / (1 - beta1**t))
            p[:] = p - folded_eta * v / (s.sqrt() + eps)
        else:
            v_hat = v / (1 - beta1**t)
            s_hat = s / (1 - beta2**t)
            p[:] = p - eta * v_hat / (s_hat.sqrt() + eps)
    hyperparams["t"] += 1


_RULES = (
    UpdateRule(
        step=rules.sgd,
        states=lambda features: None,
        hyperparams={"lr": 0.05},
        gluon="sgd",
        gluon_names={"lr": "learning_rate"},
    ),
    UpdateRule(
        step=rules.sgd_momentum,
        states=rules.init_momentum_states,
        hyperparams={"lr": 0.02, "mom": 0.5},
        gluon="sgd",
        gluon_names={"lr": "learning_rate", "mom": "momentum"},
    ),
    UpdateRule(
        step=rules.adagrad,
        states=rules.init_adagrad_states,
        hyperparams={"lr": 0.1},
        gluon="adagrad",
        gluon_names={"lr": "learning_rate"},
        differences=(_epsilon(1e-7, "eps"), SHORT_MINIBATCH),
    ),
    UpdateRule(
        step=rules.rmsprop,
        states=rules.init_rmsprop_states,
        hyperparams={"lr": 0.01, "gamma": 0.9},
        gluon="rmsprop",
        gluon_names={"lr": "learning_rate", "gamma": "gamma1"},
        differences=(_epsilon(1e-8), SHORT_MINIBATCH),
    ),
    UpdateRule(
        step=rules.adadelta,
        states=rules.init_adadelta_states,
        hyperparams={"rho": 0.9},
        gluon="adadelta",
        gluon_names={"rho": "rho"},
    ),
    UpdateRule(
        step=rules.adam,
        states=rules.init_adam_states,
        hyperparams={"lr": 0.01, "t": 1},
        gluon="adam",
        gluon_names={"lr": "learning_rate"},
        differences=(
            _epsilon(1e-8),
            Difference(
                "folded bias correction",
                ours="corrects both averages, then adds ε to √ŝ",
                theirs="corrects the learning rate and adds ε to √s",
                our_changes={"folded": True},
            ),
            Difference(
                "float32 1 − β",
                ours="1 − β₂ = 0.001",
                theirs="1 − β₂ = 0.00099998713",
                our_changes={"single": True},
            ),
            SHORT_MINIBATCH,
        ),
        like_gluon=adam_like_gluon,
    ),
)
RULES = {rule.name: rule for rule in _RULES}


def find_rule(name: str) -> UpdateRule:
    """Return the chapter's rule with this name, or raise `ArgumentError`."""
    if name not in RULES:
        raise ArgumentError(f"there is no rule {name!r}. There are: {', '.join(RULES)}")
    return RULES[name]


def rule_of(function: Any) -> Optional[UpdateRule]:
    """Return the chapter's rule that a function is, or None for any other function."""
    return next((rule for rule in RULES.values() if rule.step is function), None)
