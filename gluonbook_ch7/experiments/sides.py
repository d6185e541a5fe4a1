"""The two sides of a comparison: any rule, and any optimizer that can be followed beside it."""

import inspect
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

import numpy as np

from .. import _validation as validation
from .._mxnet import mx, nd
from .._optimizers import check_optimizer, default_hyperparams, suggestion
from .._trees import map_arrays
from ..errors import ArgumentError
from ..training import Rule
from .frameworks import PEERS, counterpart
from .registry import RULES, SHORT_MINIBATCH, Difference, UpdateRule, find_rule, rule_of
from .trajectory import Paths, Trials, follow_gluon, follow_scratch

# Counterparts of the chapter's rules treat every number on its own, so that several trials can be
# updated in one call.
ELEMENTWISE = {rule.gluon for rule in RULES.values()}


@dataclass(frozen=True, eq=False)
class Side:
    """An optimizer with its hyperparameters."""

    name: str  # such as "rmsprop", "Gluon's nag" or "PyTorch's Adam"
    library: str  # "scratch", "Gluon", "PyTorch" or "optax"
    hyperparams: Mapping[str, Any]
    train: Callable[[Trials, dict[str, Any]], Paths]
    defaults: Mapping[str, Any]  # of its hyperparameters, where they can be known
    rule: Optional[UpdateRule] = None  # if it is one of the chapter's
    _trained: dict[Any, Paths] = field(default_factory=dict)

    def paths(self, trials: Trials, changes: Mapping[str, Any]) -> Paths:
        """Return the paths with some hyperparameters changed; each is trained only once."""
        hyperparams = {**self.hyperparams, **changes}
        key = trials.seeds, repr(sorted(hyperparams.items()))
        if key not in self._trained:
            self._trained[key] = self.train(trials, hyperparams)
        return self._trained[key]


def other_side(
    ours: Side, against: Any, hyperparams: Optional[Mapping[str, Any]], states: Any
) -> tuple[Side, tuple[Difference, ...]]:
    """Return what a side is compared with, as `compare` takes it, and the known differences."""
    rule = ours.rule
    if against is None:
        if rule is None:
            raise ArgumentError(
                f"against what is {ours.name} to be compared? Only the chapter's own rules have a "
                "counterpart; give against, such as against='nag'"
            )
        against = rule.gluon
    if not isinstance(against, str):
        if rule and hyperparams is None:
            hyperparams = _translated(rule, ours.hyperparams, against)
        return _side(against, hyperparams, states), ()
    given = hyperparams or {}
    if rule and against.lower() == rule.gluon:
        given = {**rule.gluon_hyperparams(ours.hyperparams), **given}
        return _gluon_side(against, given), rule.differences
    return _gluon_side(against, given), (SHORT_MINIBATCH,)


def _name(function: Any) -> str:
    return getattr(function, "__name__", None) or type(function).__name__


# --- From scratch -------------------------------------------------------------------------------


def scratch_side(rule: Any, hyperparams: Optional[Mapping[str, Any]], states: Any) -> Side:
    """Return the side of an update rule, which may be the name of one of the chapter's."""
    known = find_rule(rule) if isinstance(rule, str) else rule_of(rule)
    rule = known.step if known else rule
    validation.check_rule(rule)
    names = known.hyperparams if known else {}
    hyperparams = names if hyperparams is None else hyperparams
    if known:
        _check_names(known.name, hyperparams, names)
        validation.check_hyperparams(known.name, hyperparams, tuple(names))
    make_states = find_states(rule, states)
    variant = known.like_gluon if known else None

    def train(trials: Trials, hyperparams: dict[str, Any]) -> Paths:
        is_changed = hyperparams.keys() > names.keys()
        step = variant if variant and is_changed else rule
        return follow_scratch(trials, step, make_states, hyperparams)

    return Side(_name(rule), "scratch", dict(hyperparams), train, {}, known)


def find_states(rule: Rule, states: Any = None) -> Callable[[Any], Any]:
    """Return the function that makes a rule's states from the features.

    Without `states` they are those of the chapter's rule; else those that ``init_NAME_states``
    makes, if the module of the rule NAME has such a function; else a zero array for each parameter.
    """
    if callable(states):
        return states  # type: ignore[no-any-return]
    if states is not None:
        return lambda features: map_arrays(lambda state: state.copy(), states)
    known = rule_of(rule)
    if known:
        return known.states
    namespace = getattr(inspect.unwrap(rule), "__globals__", {})
    beside = namespace.get(f"init_{_name(rule)}_states")
    if callable(beside):
        return beside  # type: ignore[no-any-return]
    return lambda features: (nd.zeros((features.shape[1], 1)), nd.zeros(1))


# --- Gluon --------------------------------------------------------------------------------------


def _gluon_side(name: str, hyperparams: Mapping[str, Any]) -> Side:
    name = name.lower()
    hyperparams = check_optimizer(name, hyperparams)

    def train(trials: Trials, hyperparams: dict[str, Any]) -> Paths:
        count_rows = hyperparams.pop("count_rows", False)
        groups = trials.groups(elementwise=name in ELEMENTWISE)
        return np.concatenate(
            [follow_gluon(each, name, hyperparams, count_rows) for each in groups]
        )

    known = default_hyperparams(mx.optimizer.Optimizer.opt_registry[name])
    return Side(f"Gluon's {name}", "Gluon", hyperparams, train, known)


# --- Other libraries ----------------------------------------------------------------------------


def _side(against: Any, hyperparams: Optional[Mapping[str, Any]], states: Any) -> Side:
    """Return a side from a ``torch.optim`` class, from optax, or from an update rule."""
    torch = sys.modules.get("torch")
    if torch and isinstance(against, type) and issubclass(against, torch.optim.Optimizer):
        return _library_side("PyTorch", against, hyperparams or {})
    constructor = getattr(against, "func", against)  # of a functools.partial
    is_optax = getattr(constructor, "__module__", "").partition(".")[0] == "optax"
    if is_optax or (hasattr(against, "init") and hasattr(against, "update")):
        return _library_side("optax", against, hyperparams or {})
    if callable(against) and not isinstance(against, type):
        return scratch_side(against, hyperparams, states)
    raise ArgumentError(
        f"against is {against!r}; it must be the name of a Gluon optimizer, a function (params, "
        "states, hyperparams), a class of torch.optim, or an optimizer of optax"
    )


def peer_side(peer: str, rule: str, hyperparams: Mapping[str, Any]) -> tuple[Side, Any]:
    """Return another library's optimizer for one of the chapter's rules, and what aligns it."""
    optimizer, settings, aligned = counterpart(peer, rule, hyperparams)
    return _library_side(peer, optimizer, settings, elementwise=True), aligned


def _translated(
    rule: UpdateRule, hyperparams: Mapping[str, Any], against: Any
) -> Optional[dict[str, Any]]:
    """Return the hyperparameters under a library's names if `against` is the rule's counterpart."""
    for peer, library in PEERS.items():
        if library.modules[0] in sys.modules:
            optimizer, settings, _ = counterpart(peer, rule.name, hyperparams)
            if optimizer is against:
                return settings
    return None


def _library_side(
    library: str, optimizer: Any, hyperparams: Mapping[str, Any], elementwise: bool = False
) -> Side:
    name = f"{library}'s {_name(optimizer)}"
    parameters = inspect.signature(optimizer).parameters.values() if callable(optimizer) else ()
    known = {each.name: each.default for each in parameters if each.name != "params"}
    _check_names(name, hyperparams, known)

    def train(trials: Trials, hyperparams: dict[str, Any]) -> Paths:
        try:
            follow = PEERS[library].follow(optimizer, hyperparams)
            return np.concatenate([follow(group) for group in trials.groups(elementwise)])
        except (TypeError, ValueError, RuntimeError) as error:
            raise ArgumentError(f"{name} cannot train here: {error}") from error

    return Side(name, library, dict(hyperparams), train, known)


def _check_names(optimizer: str, given: Iterable[str], known: Mapping[str, Any]) -> None:
    for name in given:
        if name not in known:
            raise ArgumentError(
                f"{optimizer} has no hyperparameter {name!r}{suggestion(name, known)}"
            )
