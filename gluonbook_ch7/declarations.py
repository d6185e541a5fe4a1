"""The declarations: what an update rule says of itself, and how an unfit call is refused.

A rule takes its hyperparameters through `take` and its states through `matched`, so a wrong one is
refused wherever the rule is called, and for less than the cost of one MXNet operator a step.
"""

import math
import numbers
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple, Optional

import numpy as np

from .errors import ArgumentError

__all__ = [
    "DOMAINS",
    "Difference",
    "Domain",
    "UpdateRule",
    "check_hyperparams",
    "matched",
    "take",
]

Step = Callable[[Sequence[Any], Any, dict[str, Any]], None]


class Domain(NamedTuple):
    """The values that a hyperparameter may have: in words, and as a test of one number."""

    words: str
    holds: Callable[[Any], bool]


def _is_finite_positive(x: Any) -> bool:
    try:
        # As a Python float, because NumPy 2 rounds float_info.max to infinity beside a float32.
        return 0 < float(x) < math.inf
    except OverflowError:  # an int that no float holds
        return False


_POSITIVE = Domain("a finite positive number", _is_finite_positive)
_FRACTION = Domain("a number in [0, 1]", lambda x: 0 <= x <= 1)
_STEP = Domain("a whole number of at least 1", lambda x: x >= 1 and x == int(x))

DOMAINS = {
    "lr": _POSITIVE,
    "eta": _POSITIVE,  # what the two-dimensional rules call lr
    "mom": _FRACTION,
    "gamma": _FRACTION,
    "rho": _FRACTION,
    "t": _STEP,
}


def take(rule: str, hyperparams: Mapping[str, Any], *wanted: str) -> list[Any]:
    """Return the wanted hyperparameters in that order; refuse a missing or impossible one.

    An array, one value for each run of an ensemble, is passed through unread: reading it would
    wait for MXNet at every step. `check_hyperparams` reads arrays, once.
    """
    if not isinstance(hyperparams, Mapping):
        kind = type(hyperparams).__name__
        raise ArgumentError(f"{rule} wants a dict with {' and '.join(wanted)}; it got a {kind}")
    values = []
    for name in wanted:
        if name not in hyperparams:
            raise ArgumentError(_missing(rule, hyperparams, wanted))
        value = hyperparams[name]
        if getattr(value, "shape", ()) == ():
            _check_number(rule, name, value)
        values.append(value)
    return values


def check_hyperparams(rule: str, hyperparams: Mapping[str, Any], wanted: Sequence[str]) -> None:
    """Refuse what `take` refuses, and read arrays too.

    Parameters
    ----------
    rule : str
        The rule's name, for the message.
    hyperparams : dict
        Numbers, or arrays of numbers (NDArray or ndarray).
    wanted : sequence of str
        The names that the rule takes.

    Raises
    ------
    ArgumentError
        If one is missing, or a number is outside of its domain.
    """
    for name, value in zip(wanted, take(rule, hyperparams, *wanted)):
        if getattr(value, "shape", ()) != ():
            value = value.asnumpy() if hasattr(value, "asnumpy") else np.asarray(value)
            for number in np.unique(value):
                _check_number(rule, name, number)


def matched(
    rule: str, params: Sequence[Any], states: Any, arrays: int = 1
) -> Iterator[tuple[Any, Any]]:
    """Pair each parameter with its state; refuse states that are not one for each.

    `arrays` is how many arrays a state is made of: 1, then it is that array; or more, then it is a
    tuple of them.
    """
    each = "one array" if arrays == 1 else f"a tuple of {arrays} arrays"
    given = len(states) if isinstance(states, (tuple, list)) else None
    if given != len(params):
        got = type(states).__name__ if given is None else f"{given} of them"
        raise ArgumentError(
            f"{rule} wants {len(params)} states, {each} for each parameter; it got {got}"
        )
    for state in states:
        if arrays != (len(state) if isinstance(state, (tuple, list)) else 1):
            got = f"one of {len(state)}" if isinstance(state, (tuple, list)) else "one array"
            raise ArgumentError(f"{rule} wants {each} as the state of a parameter; it got {got}")
    return zip(params, states)


def _check_number(rule: str, name: str, value: Any) -> None:
    domain = DOMAINS[name]
    real = isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    if not real or not domain.holds(value):
        raise ArgumentError(f"{rule}'s {name} is {value!r}; it must be {domain.words}")


def _missing(rule: str, hyperparams: Mapping[str, Any], wanted: Sequence[str]) -> str:
    """Say which hyperparameters a rule wants, which it did not get, and what it got instead."""
    missing = [name for name in wanted if name not in hyperparams]
    strange = [repr(name) for name in hyperparams if name not in wanted]
    instead = f", but {' and '.join(strange)}, which it does not know" if strange else ""
    return f"{rule} wants {' and '.join(wanted)}; it did not get {' and '.join(missing)}{instead}"


@dataclass(frozen=True)
class Difference:
    """One difference between a rule as the book trains with it and Gluon's optimizer.

    Attributes
    ----------
    name : str
    ours, gluons : str
        What each does.
    gluon_hyperparams : dict
        Switches the difference off: what to set Gluon's hyperparameters to.
    variant : dict
        Switches it off: what to call the rule's `like_gluon` with.
    count_rows : bool
        Switches it off: tell ``Trainer.step`` how many rows the minibatch really has.
    """

    name: str
    ours: str
    gluons: str
    gluon_hyperparams: Mapping[str, float] = field(default_factory=dict)
    variant: Mapping[str, bool] = field(default_factory=dict)
    count_rows: bool = False


@dataclass(frozen=True)
class UpdateRule:
    """A rule of the chapter and all that belongs to it.

    Attributes
    ----------
    step : callable
        The rule itself.
    init_states : callable or None
        From features to states.
    hyperparams : dict
        The values the chapter trains with. `DOMAINS` says what others may be.
    gluon : str
        The name of Gluon's optimizer.
    gluon_names : dict
        What Gluon calls each hyperparameter; it has no counterpart to Adam's t.
    differences : tuple of Difference
        In what training with Gluon's optimizer differs.
    like_gluon : callable or None
        The rule with keyword arguments that make it follow Gluon, where no hyperparameter of
        Gluon's can make that follow the rule.
    """

    step: Step
    init_states: Optional[Callable[[Any], Any]]
    hyperparams: Mapping[str, float]
    gluon: str
    gluon_names: Mapping[str, str]
    differences: tuple[Difference, ...]
    like_gluon: Optional[Callable[..., None]] = None

    @property
    def name(self) -> str:
        """The rule's name, which is its function's."""
        return self.step.__name__

    def states(self, features: Any) -> Any:
        """Return the rule's states before the first step."""
        return self.init_states(features) if self.init_states else None

    def gluon_hyperparams(self, hyperparams: Mapping[str, Any]) -> dict[str, Any]:
        """Return hyperparameters under Gluon's names."""
        return {gluons: hyperparams[ours] for ours, gluons in self.gluon_names.items()}
