"""The fused runs: the same training as the loop of `training`, as a few graphs.

`fuse_scratch` reads what the update rule does and runs ten steps at a time as one operator.
`fuse_gluon` runs the gradients as one operator and leaves the step to Gluon's own optimizer. The
losses, and the states, hyperparameters and generators after the last step, are the loop's bit for
bit.
"""

import math
import random
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt

from .._mxnet import mx, nd
from .._sampling import is_checkpoint, shuffled
from ..errors import FusionWarning, TraceError
from .graph import gluon_gradients, gluon_mean_loss, scratch_mean_loss, scratch_steps
from .purity import Outside
from .reader import Reader
from .tape import Step

__all__ = ["fuse_gluon", "fuse_scratch"]

Run = tuple[npt.NDArray[np.float32], float]


def fuse_scratch(
    rule: Callable[..., Any],
    params: Sequence[nd.NDArray],
    states: Any,
    hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int,
    num_epochs: int,
) -> Optional[Run]:
    """Train from scratch; return the losses and the seconds of the last epoch.

    Returns None, after a `FusionWarning`, if the rule cannot be read. Then parameters, states,
    hyperparameters, generators and the names that the rule sees are as they were.
    """
    try:
        with _undone_on_error(rule, hyperparams):
            reader = Reader(rule, params, states, hyperparams)
            task = features, labels.reshape((-1, 1)), batch_size, num_epochs
            losses, seconds, arrays = _run_scratch(reader, *task)
    except TraceError as error:
        warnings.warn(
            f"the update rule cannot be fused: {error}. It is trained the plain way, which gives "
            "the same losses more slowly",
            FusionWarning,
            stacklevel=4,
        )
        return None
    for real, final in zip(reader.arrays, arrays):
        final.copyto(real)
    return losses, seconds


def _run_scratch(
    reader: Reader, features: nd.NDArray, labels: nd.NDArray, batch_size: int, num_epochs: int
) -> tuple[npt.NDArray[np.float32], float, list[nd.NDArray]]:
    """Read and run epoch after epoch; return losses, seconds and what the arrays end as."""
    arrays, num_steps = reader.arrays, -(-len(features) // batch_size)

    def full_batch_loss() -> nd.NDArray:
        return scratch_mean_loss()(X=features, y=labels, w=arrays[0], b=arrays[1])[0]

    losses = [full_batch_loss()]
    for _ in range(num_epochs):
        start = time.perf_counter()
        X, y = shuffled(features, labels)
        program = _Program(reader.read(num_steps))
        for first, steps, rows in _blocks(len(features), batch_size):
            examples = slice(first * batch_size, first * batch_size + steps * rows)
            arrays = program.run(first, steps, rows, X[examples], y[examples], arrays)
            if is_checkpoint(first + steps - 1, batch_size):
                losses.append(full_batch_loss())
        nd.waitall()
        seconds = time.perf_counter() - start
    return nd.concat(*losses, dim=0).asnumpy(), seconds, arrays


def _blocks(num_examples: int, batch_size: int) -> Iterator[tuple[int, int, int]]:
    """Cut an epoch into blocks (first step, steps, rows of a minibatch) of at most ten steps.

    A block ends where a checkpoint is, or earlier, never later.
    """
    full, short = divmod(num_examples, batch_size)
    size = math.gcd(100 // math.gcd(batch_size, 100), 10)
    whole = full - full % size
    yield from ((first, size, batch_size) for first in range(0, whole, size))
    yield from ((first, 1, batch_size) for first in range(whole, full))
    if short:
        yield full, 1, short


class _Program:
    """What a rule does in the steps of an epoch: the same operators, some on changing numbers."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._step = steps[0]
        if any((step.operators, step.ends) != steps[0][:2] for step in steps):
            raise TraceError("it does not do the same in every step")
        numbers = np.array([step.numbers for step in steps])
        same = (numbers == numbers[0]).all(axis=0)
        self._constants = tuple(
            repr(value) if fixed else None for value, fixed in zip(numbers[0].tolist(), same)
        )
        self._changing = numbers[:, ~same]

    def run(
        self,
        first: int,
        steps: int,
        rows: int,
        X: nd.NDArray,
        y: nd.NDArray,
        arrays: Sequence[nd.NDArray],
    ) -> list[nd.NDArray]:
        """Take some steps, from step `first` of the epoch on; return the arrays after them."""
        operator = scratch_steps(
            steps, rows, self._step.operators, self._step.ends, self._constants
        )
        inputs = {f"array{k}": array for k, array in enumerate(arrays)}
        if self._changing.size:
            inputs["numbers"] = nd.array(self._changing[first : first + steps].ravel())
        return operator(X=X, y=y, **inputs)


@contextmanager
def _undone_on_error(rule: Callable[..., Any], hyperparams: Any) -> Iterator[None]:
    """Put back what a rule may have changed if it fails; whatever the error, raise `TraceError`."""
    outside, generators = Outside(rule), (np.random.get_state(), random.getstate())
    before = dict(hyperparams) if isinstance(hyperparams, dict) else None
    try:
        yield
        Outside(rule)  # what it remembers now must be plain, too: no stand-ins
    except Exception as error:
        outside.restore()
        np.random.set_state(generators[0])
        random.setstate(generators[1])
        if before is not None:
            hyperparams.clear()
            hyperparams.update(before)
        if isinstance(error, TraceError):
            raise
        raise TraceError(f"reading it raised {type(error).__name__}: {error}") from error


def fuse_gluon(
    name: str,
    hyperparams: dict[str, Any],
    weight: Any,
    bias: Any,
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int,
    num_epochs: int,
) -> Run:
    """Train with a Gluon optimizer; return the losses and the seconds of the last epoch.

    `weight` and `bias` are the parameters of ``Dense(1)``. What ``Trainer.step`` does on one
    machine is what is done here: tell the optimizer to divide by the batch size, call its updater
    with the gradients. All of Gluon's optimizers work, as none of it is replaced.
    """
    # The bias first, as Trainer sorts parameters by name.
    optimizer = mx.optimizer.create(name, param_dict={0: bias, 1: weight}, **hyperparams)
    optimizer.rescale_grad /= batch_size
    updater = mx.optimizer.get_updater(optimizer)
    weight, bias, labels = weight.data(), bias.data(), labels.reshape((-1, 1))

    def full_batch_loss() -> nd.NDArray:
        return gluon_mean_loss()(X=features, y=labels, w=weight, b=bias)[0]

    losses = [full_batch_loss()]
    for _ in range(num_epochs):
        start = time.perf_counter()
        X, y = shuffled(features, labels)
        for batch_i, first in enumerate(range(0, len(features), batch_size)):
            rows = slice(first, first + batch_size)
            gradients = gluon_gradients()(X=X[rows], y=y[rows], w=weight, b=bias)
            updater([0, 1], gradients[::-1], [bias, weight])
            if is_checkpoint(batch_i, batch_size):
                losses.append(full_batch_loss())
        nd.waitall()
        seconds = time.perf_counter() - start
    return nd.concat(*losses, dim=0).asnumpy(), seconds
