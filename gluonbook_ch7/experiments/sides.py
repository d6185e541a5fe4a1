"""The sides of a comparison: any rule, and any optimizer that it can be compared with."""

import functools
import importlib
import inspect
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Callable, NamedTuple, Optional, Union

import numpy as np

from .. import _validation as validation
from .._mxnet import nd
from .._mxnet.install_hints import install_extra
from .._optimizers import check_names, check_optimizer, default_hyperparams
from .._results import name_of
from .._trees import map_arrays
from ..errors import ArgumentError, DependencyError
from ..training import Rule
from .registry import SHORT_MINIBATCH, Difference, UpdateRule, find_rule, rule_of
from .trajectory import Paths, Trials, follow_gluon, follow_optax, follow_pytorch, follow_scratch

Hyperparams = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Side:
    """An optimizer with its hyperparameters."""

    name: str  # such as "rmsprop", "Gluon's nag" or "PyTorch's Adam"
    library: str  # "scratch", "Gluon", "PyTorch" or "optax"
    hyperparams: Hyperparams
    train: Callable[[Trials, Hyperparams], Paths]
    defaults: Hyperparams  # of its hyperparameters, where they can be known
    rule: Optional[UpdateRule] = None  # if it is one of the chapter's
    _trained: dict[Any, Paths] = field(default_factory=dict)

    def paths(self, trials: Trials, changes: Hyperparams) -> Paths:
        """Return the paths with some hyperparameters changed; each is trained only once."""
        hyperparams = {**self.hyperparams, **changes}
        key = trials.seeds, repr(sorted(hyperparams.items()))
        if key not in self._trained:
            numpy_generator = np.random.get_state()
            try:
                self._trained[key] = self.train(trials, hyperparams)
            finally:
                np.random.set_state(numpy_generator)
        return self._trained[key]

    def epsilon(self) -> Optional[str]:
        """Return the name of the hyperparameter ε, or None if it has none that can be set."""
        return next((name for name in ("epsilon", "eps") if name in self.defaults), None)

    def difference(self, name: str, value: float) -> Difference:
        """Return the known difference that setting a hyperparameter to a value removes."""
        is_epsilon = name == self.epsilon()
        symbol = "ε" if is_epsilon else name
        now = self.hyperparams.get(name, self.defaults[name])
        return Difference(
            name="epsilon" if is_epsilon else name.replace("_", " "),
            ours=f"as with {symbol} = {value:g}",
            theirs=f"{symbol} = {now}",
            their_changes={name: value},
        )


def other_side(
    ours: Side, against: Any, hyperparams: Optional[Hyperparams], states: Any
) -> tuple[Side, tuple[Difference, ...]]:
    """Return what a side is compared with, as `compare` takes it, and the known differences."""
    rule = ours.rule
    if against is None and rule is None:
        raise ArgumentError(
            f"{ours.name} has no counterpart, because it is not one of the chapter's rules; give "
            "against, such as against='nag'"
        )
    if rule and (against is None or str(against).lower() == rule.gluon):
        given = hyperparams or {}
        translated = rule.gluon_hyperparams(ours.hyperparams)
        theirs = _gluon_side(rule.gluon, {**translated, **given})
        return theirs, tuple(_with_given(each, given) for each in rule.differences)
    if isinstance(against, str):
        return _gluon_side(against, hyperparams or {}), (SHORT_MINIBATCH,)
    library = _library_of(against)
    if library and rule and hyperparams is None and against is counterpart(library, rule):
        return peer_side(library, ours)
    if library:
        return _library_side(library, against, hyperparams or {}), ()
    if callable(against) and not isinstance(against, type):
        return scratch_side(against, hyperparams, states), ()
    raise ArgumentError(
        f"against is {against!r}; it must be the name of a Gluon optimizer, a function (params, "
        "states, hyperparams), a class of torch.optim, or an optimizer of optax"
    )


def _with_given(difference: Difference, hyperparams: Hyperparams) -> Difference:
    """Return a known difference, described with the other side's hyperparameters as given."""
    given = [name for name in difference.their_changes if name in hyperparams]
    words = ", ".join(f"{name} = {hyperparams[name]:g}" for name in given)
    return replace(difference, theirs=words) if given else difference


# --- From scratch -------------------------------------------------------------------------------


def scratch_side(rule: Any, hyperparams: Optional[Hyperparams] = None, states: Any = None) -> Side:
    """Return the side of an update rule, which may be the name of one of the chapter's."""
    known = find_rule(rule) if isinstance(rule, str) else rule_of(rule)
    rule = known.step if known else rule
    validation.check_rule(rule)
    names = known.hyperparams if known else {}
    hyperparams = names if hyperparams is None else hyperparams
    if known:
        check_names(known.name, hyperparams, names)
        validation.check_hyperparams(known.name, hyperparams, tuple(names))
    make_states = find_states(rule, states)

    def train(trials: Trials, hyperparams: Hyperparams) -> Paths:
        step = rule
        if known and known.like_gluon and hyperparams.keys() > names.keys():
            step = known.like_gluon
        try:
            return follow_scratch(trials, step, make_states, hyperparams)
        except KeyError as error:
            if hyperparams:
                raise
            raise ArgumentError(
                f"{name_of(rule)} asks for the hyperparameter {error} and was given none; give its "
                f"hyperparams or against_hyperparams, such as {{{error}: 0.01}}"
            ) from error

    return Side(name_of(rule), "scratch", dict(hyperparams), train, {}, known)


def find_states(rule: Rule, states: Any = None) -> Callable[[Any], Any]:
    """Return the function that makes a rule's states from the features, as `compare` finds them."""
    if callable(states):
        return states  # type: ignore[no-any-return]
    if states is not None:
        return lambda features: map_arrays(lambda state: state.copy(), states)
    known = rule_of(rule)
    if known:
        return known.states
    function = inspect.unwrap(rule.func if isinstance(rule, functools.partial) else rule)
    namespace = getattr(function, "__globals__", {})
    beside = namespace.get(f"init_{name_of(function)}_states")
    if callable(beside):
        return beside  # type: ignore[no-any-return]
    return lambda features: (nd.zeros((features.shape[1], 1)), nd.zeros(1))


# --- With a library -----------------------------------------------------------------------------


def _gluon_side(name: str, hyperparams: Hyperparams) -> Side:
    name = name.lower()
    hyperparams = check_optimizer(name, hyperparams)

    def train(trials: Trials, hyperparams: Hyperparams) -> Paths:
        return follow_gluon(trials, name, hyperparams)

    return Side(f"Gluon's {name}", "Gluon", hyperparams, train, default_hyperparams(name))


def _library_side(library: str, optimizer: Any, hyperparams: Hyperparams) -> Side:
    name = f"{library}'s {name_of(optimizer)}"
    parameters = inspect.signature(optimizer).parameters.values() if callable(optimizer) else ()
    known = {each.name: each.default for each in parameters if each.name != "params"}
    check_names(name, hyperparams, known)

    def train(trials: Trials, hyperparams: Hyperparams) -> Paths:
        try:
            return PEERS[library].follow(trials, optimizer, hyperparams)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ArgumentError(f"{name} cannot train here: {error}") from error

    return Side(name, library, dict(hyperparams), train, known)


def _library_of(optimizer: Any) -> Optional[str]:
    """Return the library of a ``torch.optim`` class or an optax optimizer, or None."""
    torch = sys.modules.get("torch")
    if torch and isinstance(optimizer, type) and issubclass(optimizer, torch.optim.Optimizer):
        return "PyTorch"
    constructor = getattr(optimizer, "func", optimizer)  # of a functools.partial
    is_optax = getattr(constructor, "__module__", "").partition(".")[0] == "optax"
    has_its_methods = hasattr(optimizer, "init") and hasattr(optimizer, "update")
    if is_optax or (has_its_methods and not callable(optimizer)):
        return "optax"
    return None


# --- Other libraries' counterparts of the chapter's rules ---------------------------------------


class Library(NamedTuple):
    """A library that has an optimizer for each of the chapter's rules."""

    module: str
    follow: Callable[[Trials, Any, Hyperparams], Paths]
    names: Mapping[str, str]  # of the chapter's hyperparameters
    spelling: Mapping[str, str] = {}  # of Gluon's names, where it differs


PEERS = {
    "PyTorch": Library(
        "torch.optim",
        follow_pytorch,
        names={"lr": "lr", "mom": "momentum", "gamma": "alpha", "rho": "rho"},
        spelling={
            "sgd": "SGD",
            "adagrad": "Adagrad",
            "rmsprop": "RMSprop",
            "adadelta": "Adadelta",
            "adam": "Adam",
        },
    ),
    "optax": Library(
        "optax",
        follow_optax,
        names={"lr": "learning_rate", "mom": "momentum", "gamma": "decay", "rho": "rho"},
    ),
}
# What brings their optimizers as close to a rule as their hyperparameters can.
ALIGNED = {
    "adagrad": {"eps": 1e-6, "initial_accumulator_value": 0.0},
    "rmsprop": {"eps": 1e-6},
    "adadelta": {"eps": 1e-5},
    "adam": {"eps": 1e-6},
}


def counterpart(library: str, rule: UpdateRule) -> Any:
    """Return a library's optimizer for one of the chapter's rules."""
    name = PEERS[library].spelling.get(rule.gluon, rule.gluon)
    return getattr(importlib.import_module(PEERS[library].module), name)


def peer_side(library: str, ours: Side) -> tuple[Side, tuple[Difference, ...]]:
    """Return the counterpart of one of the chapter's rules, and the known differences."""
    if ours.rule is None:
        raise ArgumentError("peers are counterparts of the chapter's rules; give against instead")
    names = PEERS[library].names
    # The chapter's AdaDelta has no learning rate; the libraries multiply its step by theirs.
    settings = {names["lr"]: 1.0}
    settings.update({names[name]: ours.hyperparams[name] for name in ours.rule.gluon_names})
    side = _library_side(library, counterpart(library, ours.rule), settings)
    aligned = ALIGNED.get(ours.rule.name, {})
    return side, tuple(
        side.difference(name, value)
        for name, value in aligned.items()
        if value != side.defaults[name]
    )


def installed() -> list[str]:
    """Return the names of the libraries that can be imported."""
    return [name for name, library in PEERS.items() if _can_be_imported(library.module)]


@functools.lru_cache
def _can_be_imported(module: str) -> bool:
    try:
        importlib.import_module(module)
    except Exception:  # jax beside an old NumPy raises AttributeError
        return False
    return True


def peer_names(peers: Union[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the libraries' names as they spell them, from one name or several, in any case."""
    spelling = {name.lower(): name for name in PEERS}
    names = []
    for peer in [peers] if isinstance(peers, str) else peers:
        name = spelling.get(str(peer).lower())
        if name is None:
            raise ArgumentError(f"there is no peer {peer!r}. There are: {', '.join(PEERS)}")
        if name not in installed():
            raise DependencyError(f"{name} cannot be imported: {install_extra('peers')}")
        names.append(name)
    return tuple(names)
