"""Other libraries' optimizers on the same trials: PyTorch's and optax's (extra ``peers``).

Both average over the rows that a minibatch has, as the chapter's training from scratch does.
"""

import importlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, Callable, NamedTuple, Union

import numpy as np
import numpy.typing as npt

from .._mxnet.install_hints import install_extra
from ..errors import ArgumentError, DependencyError
from .trajectory import Paths, Trials

Floats = npt.NDArray[np.float32]
# Trains with an optimizer and keeps every step. Several trials are stacked along the first axis of
# each parameter, weights (trials, k, 1) and biases (trials, 1, 1).
Follow = Callable[[Trials], Paths]


class Optimizer(NamedTuple):
    """A library's optimizer for one of the chapter's rules."""

    name: str
    names: Mapping[str, str]  # its name for each of the chapter's hyperparameters
    aligned: Mapping[str, float]  # what else brings it as close to the rule as can be
    constants: Mapping[str, float] = {}  # without which it is another rule


_PYTORCH = {
    "sgd": Optimizer("SGD", {"lr": "lr"}, {}),
    "sgd_momentum": Optimizer("SGD", {"lr": "lr", "mom": "momentum"}, {}),
    "adagrad": Optimizer("Adagrad", {"lr": "lr"}, {"eps": 1e-6}),
    "rmsprop": Optimizer("RMSprop", {"lr": "lr", "gamma": "alpha"}, {"eps": 1e-6}),
    "adadelta": Optimizer("Adadelta", {"rho": "rho"}, {"eps": 1e-5}),
    "adam": Optimizer("Adam", {"lr": "lr"}, {"eps": 1e-6}),
}

_OPTAX_LR = {"lr": "learning_rate"}
_OPTAX = {
    "sgd": Optimizer("sgd", _OPTAX_LR, {}),
    "sgd_momentum": Optimizer("sgd", {**_OPTAX_LR, "mom": "momentum"}, {}),
    "adagrad": Optimizer("adagrad", _OPTAX_LR, {"eps": 1e-6, "initial_accumulator_value": 0.0}),
    "rmsprop": Optimizer("rmsprop", {**_OPTAX_LR, "gamma": "decay"}, {"eps": 1e-6}),
    "adadelta": Optimizer("adadelta", {"rho": "rho"}, {"eps": 1e-5}, {"learning_rate": 1.0}),
    "adam": Optimizer("adam", _OPTAX_LR, {"eps": 1e-6}),
}


def installed() -> list[str]:
    """Return the names of the libraries that can be imported."""
    return [name for name, library in PEERS.items() if all(map(_can_be_imported, library.modules))]


@lru_cache
def _can_be_imported(module: str) -> bool:
    """Return True if a library is installed and works with the others (jax wants a newer NumPy)."""
    try:
        importlib.import_module(module)
    except Exception:
        return False
    return True


def peer_names(peers: Union[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the libraries' names as they spell them, from one name or several, in any case."""
    spelling = {name.lower(): name for name in PEERS}
    names = []
    for peer in [peers] if isinstance(peers, str) else peers:
        if str(peer).lower() not in spelling:
            raise ArgumentError(f"there is no peer {peer!r}. There are: {', '.join(PEERS)}")
        names.append(spelling[str(peer).lower()])
    missing = [name for name in names if name not in installed()]
    if missing:
        raise DependencyError(
            f"{' and '.join(missing)} cannot be imported: {install_extra('peers')}"
        )
    return tuple(names)


def counterpart(
    peer: str, rule: str, hyperparams: Mapping[str, Any]
) -> tuple[Any, dict[str, Any], Mapping[str, float]]:
    """Return a library's optimizer for one of the chapter's rules, with its hyperparameters.

    What the rule does not take is the library's default. The last dict returned has what else can
    be set to be as close to the rule as possible.
    """
    library = PEERS[peer]
    optimizer = library.optimizers[rule]
    settings = {theirs: hyperparams[ours] for ours, theirs in optimizer.names.items()}
    settings.update(optimizer.constants)
    module = importlib.import_module(library.modules[-1])
    return getattr(module, optimizer.name), settings, optimizer.aligned


def _follow_pytorch(optimizer_class: Any, settings: Mapping[str, Any]) -> Follow:
    """Return the function that trains with a ``torch.optim`` class and keeps every step."""
    import torch

    def follow(trials: Trials) -> Paths:
        w, b = map(torch.tensor, _starts(trials))
        optimizer = optimizer_class([w, b], **settings)
        path = [_flat(w, b)]

        def mean_loss(X: Any, y: Any) -> Any:
            """Return the loss, after writing its gradients."""
            residual = X @ w + b - y
            w.grad = X.mT @ residual / X.shape[1]
            b.grad = residual.mean(dim=1, keepdim=True)
            return (residual**2).mean() / 2

        for X, y in _minibatches(trials):
            optimizer.step(partial(mean_loss, torch.from_numpy(X), torch.from_numpy(y)))
            path.append(_flat(w, b))
        return np.stack(path, axis=1)

    return follow


def _follow_optax(transformation: Any, settings: Mapping[str, Any]) -> Follow:
    """Return the function that trains with an optax optimizer, or its constructor."""
    import jax
    import optax

    optimizer = transformation(**settings) if callable(transformation) else transformation

    @jax.jit
    def step(gradients: Any, state: Any, params: Any) -> Any:
        updates, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, updates), state

    @np.errstate(over="ignore", invalid="ignore")  # of a diverged run
    def follow(trials: Trials) -> Paths:
        params = _starts(trials)
        state = optimizer.init(params)
        path = [_flat(*params)]
        for X, y in _minibatches(trials):
            w, b = map(np.asarray, params)
            residual = X @ w + b - y
            grad_w = X.swapaxes(1, 2) @ residual / np.float32(X.shape[1])
            grad_b = residual.mean(axis=1, keepdims=True)
            params, state = step((grad_w, grad_b), state, params)
            path.append(_flat(*params))
        return np.stack(path, axis=1)

    return follow


def _starts(trials: Trials) -> tuple[Floats, Floats]:
    """Return weights (trials, k, 1) and biases (trials, 1, 1)."""
    return trials.starts[:, :-1, np.newaxis], trials.starts[:, -1:, np.newaxis]


def _minibatches(trials: Trials) -> Iterator[tuple[Floats, Floats]]:
    """Yield X (trials, rows, k) and y (trials, rows, 1)."""
    features, labels = trials.features.asnumpy(), trials.labels.asnumpy().reshape(-1, 1)
    for order in trials.orders:
        for first in range(0, len(features), trials.batch_size):
            examples = order[:, first : first + trials.batch_size]
            yield features[examples], labels[examples]


def _flat(w: Any, b: Any) -> Floats:
    """Copy weights and biases into one array (trials, k + 1)."""
    flat: Floats = np.concatenate([np.asarray(w), np.asarray(b)], axis=1)[:, :, 0]
    return flat


class Library(NamedTuple):
    """How to train with a library, its optimizers for the chapter's rules, and what it imports."""

    follow: Callable[[Any, Mapping[str, Any]], Follow]
    optimizers: Mapping[str, Optimizer]
    modules: tuple[str, ...]  # the last one has the optimizers


PEERS = {
    "PyTorch": Library(_follow_pytorch, _PYTORCH, ("torch", "torch.optim")),
    "optax": Library(_follow_optax, _OPTAX, ("jax", "optax")),
}
