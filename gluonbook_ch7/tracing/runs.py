"""Training with traced rules: the same losses, states and generators as the book's loops."""

import math
import time
import warnings
from collections.abc import Iterator
from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt

from .._mxnet import mx, nd
from .._sampling import is_checkpoint, shuffled, split_minibatches, steps_per_epoch
from ..errors import TraceError, TracingWarning
from ..loss_curve import Recorder
from .graph import gluon_gradients, gluon_mean_loss, mean_loss, scratch_steps
from .tracer import trace

# Gluon's optimizers that treat every number on its own: the counterparts of the chapter's rules.
ELEMENTWISE = ("sgd", "adagrad", "rmsprop", "adadelta", "adam")

Run = tuple[npt.NDArray[np.float32], float]


def train_scratch(
    rule: Callable[..., Any],
    recorder: Recorder,
    states: Any,
    hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int,
    num_epochs: int,
    *,
    warn: bool,
) -> Optional[Run]:
    """Train from scratch, ten steps at a time; return the losses and the last epoch's seconds.

    Return None, before anything is drawn or changed, if the rule cannot be traced.
    """
    num_steps = num_epochs * steps_per_epoch(len(features), batch_size)
    try:
        program = trace(rule, [recorder.w, recorder.b], states, hyperparams, num_steps)
    except TraceError as error:
        if warn:
            warn_not_traced(str(error), stacklevel=5)
        return None
    labels = labels.reshape((-1, 1))
    arrays = program.arrays
    losses = [mean_loss()(X=features, y=labels, w=arrays[0], b=arrays[1])[0]]
    step = 0
    for _ in range(num_epochs):
        start = time.perf_counter()
        X, y = shuffled(features, labels)
        for first, steps, rows in blocks(len(features), batch_size):
            examples = slice(first * batch_size, first * batch_size + steps * rows)
            run = scratch_steps(program.key, steps, rows, recorder.keep_path)
            inputs = {f"array{k}": array for k, array in enumerate(arrays)}
            if program.changing.size:
                inputs["numbers"] = nd.array(program.changing[step : step + steps].ravel())
            arrays = run(X=X[examples], y=y[examples], **inputs)
            if recorder.keep_path:
                recorder.path.append(arrays.pop())
            step += steps
            if is_checkpoint(first + steps - 1, batch_size):
                losses.append(mean_loss()(X=features, y=labels, w=arrays[0], b=arrays[1])[0])
        nd.waitall()
        seconds = time.perf_counter() - start
    # Copied first: the value of an array that a step only moves is still in another one's memory.
    for array, final in zip(program.arrays, [final.copy() for final in arrays]):
        final.copyto(array)
    hyperparams.clear()
    hyperparams.update(program.hyperparams)
    return nd.concat(*losses, dim=0).asnumpy(), seconds


def blocks(num_examples: int, batch_size: int) -> Iterator[tuple[int, int, int]]:
    """Cut an epoch into blocks (first step, steps, rows of a minibatch) of at most ten steps.

    A checkpoint is never inside a block, only at its end.
    """
    full, short = divmod(num_examples, batch_size)
    size = math.gcd(100 // math.gcd(batch_size, 100), 10)
    whole = full - full % size
    yield from ((first, size, batch_size) for first in range(0, whole, size))
    yield from ((first, 1, batch_size) for first in range(whole, full))
    if short:
        yield full, 1, short


def train_gluon(
    name: str,
    hyperparams: dict[str, Any],
    recorder: Recorder,
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int,
    num_epochs: int,
) -> Run:
    """Train ``Dense(1)`` with a Gluon optimizer; return the losses and the last epoch's seconds.

    The gradients are one operator. The optimizer is Gluon's own, called as ``Trainer.step`` calls
    it on one machine: with the gradients divided by the batch size.
    """
    params = nd.concat(recorder.w.reshape((-1,)), recorder.b, dim=0)
    gradients = params.zeros_like()
    # Slices are views, so these are the weights and the biases of the two arrays.
    w, grad_w = (array[:-1].reshape((1, -1)) for array in (params, gradients))
    b, grad_b = params[-1:], gradients[-1:]
    recorder.w, recorder.b = w, b
    # The bias first, because Trainer sorts parameters by name.
    parts = [0, 1], [grad_b, grad_w], [b, w]
    if name.lower() in ELEMENTWISE:  # one update instead of two
        parts = [0], [gradients], [params]
    optimizer = mx.optimizer.create(name, **hyperparams)
    optimizer.rescale_grad /= batch_size
    update = recorder.after(mx.optimizer.get_updater(optimizer))
    labels = labels.reshape((-1, 1))
    compute_gradients, full_batch_loss = gluon_gradients(), gluon_mean_loss()
    losses = [full_batch_loss(X=features, y=labels, w=w, b=b)[0]]
    for _ in range(num_epochs):
        start = time.perf_counter()
        minibatches = split_minibatches(*shuffled(features, labels), batch_size)
        for batch_i, (X, y) in enumerate(minibatches):
            compute_gradients(X=X, y=y, w=w, b=b, out=[grad_w, grad_b])
            update(*parts)
            if is_checkpoint(batch_i, batch_size):
                losses.append(full_batch_loss(X=features, y=labels, w=w, b=b)[0])
        nd.waitall()
        seconds = time.perf_counter() - start
    return nd.concat(*losses, dim=0).asnumpy(), seconds


def warn_not_traced(reason: str, stacklevel: int = 4) -> None:
    """Warn that ``traced=True`` has no effect, at the line that asked for it."""
    warnings.warn(
        f"this training cannot be traced: {reason}. It runs in the book's loop, which gives the "
        "same losses more slowly",
        TracingWarning,
        stacklevel=stacklevel,
    )
