"""The contenders of the benchmark: the section's training, by this package and by others.

All train on the same data from the same start with the same minibatches, and compute the full-batch
loss at the same checkpoints. The book's loops are those of the tests.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np

# The book's loops belong to the tests and are not installed: they are found in the checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gluonbook_ch7 import fit_ensemble, fit_gluon, fit_scratch, init_rmsprop_states, rmsprop
from gluonbook_ch7._sampling import draw_orders
from gluonbook_ch7.data import Ch7Data
from gluonbook_ch7.experiments.sides import installed
from gluonbook_ch7.tracing import graph
from tests import book

__all__ = ["BATCH_SIZE", "ENSEMBLE", "EPOCHS", "Contender", "contenders"]

SEED, BATCH_SIZE, EPOCHS = 0, 10, 2
LR, GAMMA = 0.01, 0.9
SCRATCH, GLUON = {"lr": LR, "gamma": GAMMA}, {"learning_rate": LR, "gamma1": GAMMA}
ENSEMBLE = "ensemble"

Train = Callable[[], np.ndarray]
Data = tuple[Any, Any]  # features and labels, as NDArrays


@dataclass(frozen=True)
class Contender:
    """One way to train.

    Attributes
    ----------
    group : str
        Which contenders do the same work; the first of a group is the literal loop.
    name : str
    train : callable
        Trains once and returns the losses, (m,) or (runs, m).
    expected : ndarray
        The losses that it must give: the book's loop's, or NumPy's for some runs of an ensemble.
    tolerance : float
        The largest relative error allowed; 0 for the same bits.
    prepare : callable
        Called before each training; not timed.
    """

    group: str
    name: str
    train: Train
    expected: np.ndarray
    tolerance: float = 0.0
    prepare: Callable[[], Any] = lambda: None

    def error(self, losses: np.ndarray) -> float:
        """Return the largest relative error of the losses."""
        losses = losses[: len(self.expected)] if losses.ndim == 2 else losses
        if losses.shape != self.expected.shape:
            return np.inf
        return float(np.abs(losses / self.expected - 1).max())


@dataclass(frozen=True)
class Task:
    """What a contender trains on, as NumPy arrays."""

    X: np.ndarray
    y: np.ndarray
    start: tuple[np.ndarray, np.ndarray]
    epsilon: float
    short_average: bool  # over the rows of a short minibatch; Gluon's divides by BATCH_SIZE


def contenders(loaded: Ch7Data, runs: int) -> Iterator[Contender]:
    """Yield all that are installed, the literal loops first in their groups."""
    data = loaded.features, loaded.labels
    X, y = (array.asnumpy() for array in data)
    curve = fit_scratch(rmsprop, init_rmsprop_states(data[0]), SCRATCH, *data, seed=SEED)
    task = Task(X, y, curve.start, epsilon=1e-6, short_average=True)
    yield from _from_scratch(data, task)
    curve = fit_gluon("rmsprop", GLUON, *data, seed=SEED)
    yield from _gluon(data, Task(X, y, curve.start, epsilon=1e-8, short_average=False))
    yield from _ensembles(data, task, runs)


def _from_scratch(data: Data, task: Task) -> Iterator[Contender]:
    group, printed = "from scratch", book.rmsprop_as_printed

    def literal() -> np.ndarray:
        book.seed_both(SEED)
        states = init_rmsprop_states(data[0])
        return book.train_scratch(printed, states, SCRATCH, *data, BATCH_SIZE, EPOCHS)

    def ours(rule: Any, traced: bool) -> Train:
        def train() -> np.ndarray:
            states, sizes = init_rmsprop_states(data[0]), (BATCH_SIZE, EPOCHS)
            task = rule, states, SCRATCH, *data, *sizes
            return fit_scratch(*task, seed=SEED, traced=traced).losses

        return train

    expected = literal()
    yield Contender(group, "the book's loop, literally", literal, expected)
    yield Contender(group, "this package, literal", ours(rmsprop, False), expected)
    yield Contender(group, "this package, literal, rule as printed", ours(printed, False), expected)
    clear = graph.scratch_steps.cache_clear
    yield from _warm_and_anew(group, "this package, traced", ours(rmsprop, True), expected, clear)
    name, train = "this package, traced, rule as printed", ours(printed, True)
    yield Contender(group, name, train, expected, prepare=train)
    if "PyTorch" in installed():
        by_hand = _with_pytorch(task, by_hand=True)
        yield Contender(group, "PyTorch eager, rule by hand", by_hand, expected, 1e-4)
    if "optax" in installed():
        train, clear = _with_optax(task, [SEED], vmap=False)
        yield from _warm_and_anew(group, "optax, jit and scan", train, expected, clear, 1e-4)
    yield Contender(group, "NumPy, gradients by hand", lambda: _numpy(task, SEED), expected, 1e-4)


def _gluon(data: Data, task: Task) -> Iterator[Contender]:
    group, sizes = "Gluon", (BATCH_SIZE, EPOCHS)

    def literal() -> np.ndarray:
        book.seed_both(SEED)
        return book.train_gluon("rmsprop", dict(GLUON), *data, *sizes)

    def ours(traced: bool) -> Train:
        return lambda: fit_gluon("rmsprop", GLUON, *data, *sizes, seed=SEED, traced=traced).losses

    expected = literal()
    yield Contender(group, "the book's loop, literally", literal, expected)
    yield Contender(group, "this package, literal", ours(False), expected)
    yield Contender(group, "this package, traced", ours(True), expected)
    if "PyTorch" in installed():
        train = _with_pytorch(task, by_hand=False)
        yield Contender(group, "PyTorch eager, torch.optim", train, expected, 1e-4)
    yield Contender(group, "NumPy, gradients by hand", lambda: _numpy(task, SEED), expected, 1e-4)


def _ensembles(data: Data, task: Task, runs: int) -> Iterator[Contender]:
    """Yield the ways to train many runs; three runs of each are checked against single ones."""
    seeds = range(runs)
    settings = {"seeds": seeds, "start": task.start}
    gluon = Task(task.X, task.y, task.start, epsilon=1e-8, short_average=False)

    def ours(rule: Any, states: Any, hyperparams: dict[str, float]) -> Train:
        call = rule, states, hyperparams, *data, BATCH_SIZE, EPOCHS
        return lambda: fit_ensemble(*call, **settings).losses

    expected, gluons = (np.stack([_numpy(t, seed) for seed in seeds[:3]]) for t in (task, gluon))
    train = ours(rmsprop, init_rmsprop_states(data[0]), SCRATCH)
    yield Contender(ENSEMBLE, "this package, from scratch", train, expected, 1e-4)
    train = ours("rmsprop", None, GLUON)
    yield Contender(ENSEMBLE, "this package, Gluon", train, gluons, 1e-4)
    if "optax" in installed():
        train, clear = _with_optax(task, seeds, vmap=True)
        yield from _warm_and_anew(ENSEMBLE, "optax, jit and vmap", train, expected, clear, 1e-4)


def _warm_and_anew(
    group: str,
    name: str,
    train: Train,
    expected: np.ndarray,
    forget: Callable[[], Any],
    tolerance: float = 0.0,
) -> Iterator[Contender]:
    """Yield a contender that compiles, without its compile time and with it."""
    yield Contender(group, name, train, expected, tolerance, prepare=train)
    yield Contender(group, f"{name}, compiled anew", train, expected, tolerance, prepare=forget)


def _orders(seed: int, examples: int) -> Iterator[np.ndarray]:
    """Yield the order of the examples for each epoch, as the book's loop draws it."""
    generator = np.random.RandomState(seed)
    for _ in range(EPOCHS):
        order = np.arange(examples)
        generator.shuffle(order)
        yield order


def _numpy(task: Task, seed: int) -> np.ndarray:
    """Train with NumPy, in as few operations as possible."""
    X, y = task.X, task.y[:, None]
    w, b = (parameter.copy() for parameter in task.start)
    states = np.zeros_like(w), np.zeros_like(b)

    def mean_loss() -> float:
        return ((X @ w + b - y) ** 2 / 2).mean()

    losses = [mean_loss()]
    for order in _orders(seed, len(X)):
        for step, first in enumerate(range(0, len(X), BATCH_SIZE), start=1):
            batch = order[first : first + BATCH_SIZE]
            rows = X[batch]
            residual = (rows @ w + b - y[batch]) / (
                len(batch) if task.short_average else BATCH_SIZE
            )
            gradients = rows.T @ residual, residual.sum(axis=0)
            for p, s, g in zip((w, b), states, gradients):
                s *= GAMMA
                s += (1 - GAMMA) * g * g
                p -= LR * g / np.sqrt(s + task.epsilon)
            if step * BATCH_SIZE % 100 == 0:
                losses.append(mean_loss())
    return np.array(losses)


def _with_pytorch(task: Task, by_hand: bool) -> Train:
    """Train with PyTorch as its tutorials do: a DataLoader, autograd, an optimizer or a rule."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    X, y = torch.from_numpy(task.X), torch.from_numpy(task.y)
    dataset = TensorDataset(X, y)

    def mean_loss(w: Any, b: Any, X: Any, y: Any) -> Any:
        return ((torch.addmm(b, X, w)[:, 0] - y) ** 2 / 2).mean()

    @torch.no_grad()
    def rule(params: Any, states: Any) -> None:
        for p, s in zip(params, states):
            s.mul_(GAMMA).add_((1 - GAMMA) * p.grad.square())
            p -= LR * p.grad / (s + task.epsilon).sqrt()
            p.grad = None

    def train() -> np.ndarray:
        w, b = (torch.tensor(start, requires_grad=True) for start in task.start)
        states = torch.zeros_like(w), torch.zeros_like(b)
        optimizer = torch.optim.RMSprop([w, b], lr=LR, alpha=GAMMA, eps=task.epsilon)
        losses = [mean_loss(w, b, X, y).item()]
        for order in _orders(SEED, len(X)):
            loader = DataLoader(dataset, BATCH_SIZE, sampler=order.tolist())
            for step, (X_batch, y_batch) in enumerate(loader, start=1):
                loss = mean_loss(w, b, X_batch, y_batch)
                if by_hand:
                    loss.backward()
                    rule([w, b], states)
                else:
                    optimizer.zero_grad()
                    (loss * (len(y_batch) / BATCH_SIZE)).backward()
                    optimizer.step()
                if step * BATCH_SIZE % 100 == 0:
                    with torch.no_grad():
                        losses.append(mean_loss(w, b, X, y).item())
        return np.array(losses)

    return train


def _with_optax(task: Task, seeds: Any, vmap: bool) -> tuple[Train, Callable[[], Any]]:
    """Train with optax, compiled into one function for a run or, with `vmap`, for all runs.

    Also returns the function that makes JAX forget what it compiled.
    """
    import jax
    import jax.numpy as jnp
    import optax

    X, y, w, b = map(jnp.asarray, (task.X, task.y, *task.start))
    optimizer = optax.rmsprop(LR, decay=GAMMA, eps=task.epsilon)
    whole = len(task.X) // 100 * 100  # the examples before an epoch's last checkpoint

    def mean_loss(params: Any, X: Any, y: Any) -> Any:
        return (((X @ params[0] + params[1])[:, 0] - y) ** 2 / 2).mean()

    def step(carry: Any, batch: Any) -> Any:
        params, state = carry
        gradients = jax.grad(mean_loss)(params, X[batch], y[batch])
        updates, state = optimizer.update(gradients, state, params)
        return (optax.apply_updates(params, updates), state), None

    def to_checkpoint(carry: Any, batches: Any) -> Any:
        carry, _ = jax.lax.scan(step, carry, batches)
        return carry, mean_loss(carry[0], X, y)

    def epoch(carry: Any, order: Any) -> Any:
        batches = order[:whole].reshape(-1, 100 // BATCH_SIZE, BATCH_SIZE)
        carry, losses = jax.lax.scan(to_checkpoint, carry, batches)
        for first in range(whole, len(task.X), BATCH_SIZE):
            carry, _ = step(carry, order[first : first + BATCH_SIZE])
        return carry, losses

    def run(orders: Any) -> Any:
        params = w, b
        _, losses = jax.lax.scan(epoch, (params, optimizer.init(params)), orders)
        return jnp.append(mean_loss(params, X, y), losses)

    many = jax.jit(jax.vmap(run) if vmap else lambda orders: run(orders[0]))

    def train() -> np.ndarray:
        orders = draw_orders(tuple(seeds), len(task.X), EPOCHS)
        return np.asarray(many(jnp.asarray(orders.transpose(1, 0, 2))))

    return train, jax.clear_caches
