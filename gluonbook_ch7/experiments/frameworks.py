"""The peers: PyTorch's and optax's own optimizers on the same trial (extra ``peers``).

Both average over the rows that a minibatch really has, as the chapter's training from scratch does.
"""

import importlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Callable, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, DependencyError
from .trajectory import Trial

__all__ = ["HOW_TO_INSTALL", "PEERS", "follow_peer", "installed"]

HOW_TO_INSTALL = "pip install 'gluonbook_ch7[peers]'"


class Optimizer(NamedTuple):
    """What a library calls one of the chapter's rules.

    Attributes
    ----------
    name : str
    names : dict
        What it calls each of the chapter's hyperparameters.
    aligned : dict
        What to set its other hyperparameters to so that it is as near to the rule as they can
        bring it.
    constants : dict
        What it has to be given to be the rule at all.
    """

    name: str
    names: Mapping[str, str]
    aligned: Mapping[str, float]
    constants: Mapping[str, float] = {}


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
    """Return the names of the peers that can be imported."""
    return [peer for peer, library in PEERS.items() if all(map(_can_be_imported, library.modules))]


@lru_cache
def _can_be_imported(module: str) -> bool:
    """Tell whether a library is there and fits the rest; a jax for another NumPy does not."""
    try:
        importlib.import_module(module)
    except Exception:
        return False
    return True


def follow_peer(
    peer: str, trial: Trial, rule: str, hyperparams: Mapping[str, Any], aligned: bool = False
) -> npt.NDArray[np.float32]:
    """Train with another library's optimizer; return every step's weights.

    Parameters
    ----------
    peer : {"PyTorch", "optax"}
    trial : Trial
    rule : str
        The chapter's rule whose counterpart is meant.
    hyperparams : dict
        Under the chapter's names.
    aligned : bool
        Set what can be set to be as near to the rule as can be; otherwise all that the rule does
        not take is the library's default.

    Returns
    -------
    ndarray, shape (steps + 1, k + 1), float32
        As `follow_scratch`.

    Raises
    ------
    ArgumentError
        If there is no such peer.
    DependencyError
        If it is not installed.
    """
    if peer not in PEERS:
        raise ArgumentError(f"there is no peer {peer!r}. There are: {', '.join(PEERS)}")
    if peer not in installed():
        raise DependencyError(f"{peer} is not installed: {HOW_TO_INSTALL}")
    library = PEERS[peer]
    optimizer = library.optimizers[rule]
    settings = {theirs: hyperparams[ours] for ours, theirs in optimizer.names.items()}
    settings.update(optimizer.constants, **(optimizer.aligned if aligned else {}))
    return library.follow(trial, optimizer.name, settings)


def _follow_pytorch(trial: Trial, name: str, settings: dict[str, Any]) -> npt.NDArray[np.float32]:
    import torch

    w, b = (torch.tensor(parameter, requires_grad=True) for parameter in trial.start)
    optimizer = getattr(torch.optim, name)([w, b], **settings)
    path = [torch.cat([w.detach().flatten(), b.detach()])]
    for X, y in trial.minibatches:
        X, y = torch.from_numpy(X.asnumpy()), torch.from_numpy(y.asnumpy())
        optimizer.zero_grad()
        (((X @ w + b)[:, 0] - y) ** 2 / 2).mean().backward()
        optimizer.step()
        path.append(torch.cat([w.detach().flatten(), b.detach()]))
    return np.asarray(torch.stack(path))


def _follow_optax(trial: Trial, name: str, settings: dict[str, Any]) -> npt.NDArray[np.float32]:
    import jax
    import jax.numpy as jnp
    import optax

    optimizer = getattr(optax, name)(**settings)

    def mean_loss(params: Any, X: Any, y: Any) -> Any:
        w, b = params
        return (((X @ w + b)[:, 0] - y) ** 2 / 2).mean()

    def step(params: Any, state: Any, X: Any, y: Any) -> Any:
        updates, state = optimizer.update(jax.grad(mean_loss)(params, X, y), state, params)
        return optax.apply_updates(params, updates), state

    compiled_step = jax.jit(step)
    params = tuple(map(jnp.asarray, trial.start))
    state, path = optimizer.init(params), [params]
    for X, y in trial.minibatches:
        params, state = compiled_step(params, state, X.asnumpy(), y.asnumpy())
        path.append(params)
    return np.stack([np.append(np.asarray(w), np.asarray(b)) for w, b in path])


class Library(NamedTuple):
    """A library: how to train with it, its optimizers by the chapter's names, what it imports."""

    follow: Callable[[Trial, str, dict[str, Any]], npt.NDArray[np.float32]]
    optimizers: Mapping[str, Optimizer]
    modules: tuple[str, ...]


PEERS = {
    "PyTorch": Library(_follow_pytorch, _PYTORCH, ("torch",)),
    "optax": Library(_follow_optax, _OPTAX, ("jax", "optax")),
}
