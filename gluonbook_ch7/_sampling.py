"""Every random draw of a training, and the checkpoints at which the book evaluates the loss.

The book's loop draws its starting weights from ``mx.random`` and the order of the examples from
``np.random``. `draw_start` and `shuffled` draw from the same global generators. `draw_starts` and
`draw_orders` compute what they would draw after seeding, without touching them.
"""

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from ._mxnet import mx, nd
from ._validation import check_seeds, check_start


def steps_per_epoch(num_examples: int, batch_size: int) -> int:
    """Return the number of minibatches in an epoch, a short last one included."""
    return -(-num_examples // batch_size)


def is_checkpoint(batch_i: int, batch_size: int) -> bool:
    """Return True if the book evaluates the loss after minibatch `batch_i` of an epoch."""
    return (batch_i + 1) * batch_size % 100 == 0


def last_checkpoint(num_examples: int, batch_size: int, num_epochs: int) -> int:
    """Return the step after which the book evaluates its last loss; without any, the last step."""
    steps = steps_per_epoch(num_examples, batch_size)
    checkpoints = [i + 1 for i in range(steps) if is_checkpoint(i, batch_size)]
    return steps * (num_epochs - 1) + (checkpoints[-1] if checkpoints else steps)


def seed_generators(seed: Optional[int]) -> None:
    """Seed MXNet's and NumPy's global generators; None leaves them as they are."""
    if seed is not None:
        (seed,) = check_seeds([seed])  # MXNet does not take every NumPy integer
        mx.random.seed(seed)
        np.random.seed(seed)


def draw_start(num_features: int, start: Any = None) -> tuple[nd.NDArray, nd.NDArray]:
    """Draw the weights (k, 1) from N(0, 0.01²) with ``mx.random``; the bias (1,) is zero.

    If a start (weights, bias) is given, return that and draw nothing.
    """
    if start is not None:
        weights, bias = check_start(start, num_features)
        return nd.array(weights[0]), nd.array(bias[0, 0])
    return nd.random.normal(scale=0.01, shape=(num_features, 1)), nd.zeros(1)


def shuffled(features: nd.NDArray, labels: nd.NDArray) -> tuple[nd.NDArray, nd.NDArray]:
    """Return the examples in a new order, drawn as Gluon's ``RandomSampler`` draws it."""
    order = np.arange(len(features))
    np.random.shuffle(order)
    order = nd.array(order, dtype="int32")
    return features.take(order), labels.take(order)


def split_minibatches(
    X: nd.NDArray, y: nd.NDArray, batch_size: int, axis: int = 0
) -> list[tuple[nd.NDArray, nd.NDArray]]:
    """Split one epoch's examples, along `axis`, into minibatches."""
    cuts = tuple(range(batch_size, X.shape[axis], batch_size))
    if not cuts:
        return [(X, y)]
    return list(zip(nd.split_v2(X, cuts, axis=axis), nd.split_v2(y, cuts, axis=axis)))


def draw_starts(
    seeds: Sequence[int], num_features: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Draw the starting point of each run, as `draw_start` does after ``mx.random.seed(seed)``.

    The weights are (runs, k, 1), equal to MXNet's to one unit in the last place; the biases,
    (runs, 1, 1), are zero. MXNet itself would take a millisecond to seed its 1,024 Mersenne
    twisters, three times what a run of an ensemble costs. Up to 64 numbers are drawn from the
    first, which is seeded with 127 seed (``kRandMagic`` in MXNet's ``src/resource.cc``).
    """
    distinct, which = np.unique(seeds, return_inverse=True)
    # More than 64 numbers are shared out among several twisters, with seeds in a row.
    twisters = -(-num_features // 64)
    each = -(-num_features // twisters)
    counts = [min(each, num_features - first) for first in range(0, num_features, each)]
    numbers = [_normals(127 * distinct + i, count) for i, count in enumerate(counts)]
    drawn = np.float32(0.01) * np.concatenate(numbers, axis=1)
    weights = drawn[which].reshape(len(seeds), num_features, 1)
    return weights, np.zeros((len(seeds), 1, 1), np.float32)


def fresh_starts(draws: int, num_features: int, system: str = "Linux") -> npt.NDArray[np.float32]:
    """Return the weights of the first draws of a fresh process: (draws, k, 1), float32.

    MXNet's generator starts every process as if seeded with 0. Of the two numbers that a
    pair (x, y) gives, it uses the one that the C++ library returns first: on Linux that of y, on
    macOS that of x.
    """
    numbers = _normals(np.zeros(1, np.int64), draws * num_features, system)
    return np.float32(0.01) * numbers.reshape(draws, num_features, 1)


def _normals(
    seeds: npt.NDArray[np.int64], count: int, system: str = "Linux"
) -> npt.NDArray[np.float32]:
    """Draw `count` normal numbers from the twister with each seed, (seeds, count).

    Marsaglia's polar method in float32, as in the C++ library: for x, y uniform in [-1, 1) with
    0 < r² = x² + y² ≤ 1, the next normal number is y √(-2 ln r² / r²).
    """
    # About π/4 of the pairs are kept: fewer than `count` with a probability of 1e-15.
    draws = 2 * count + 24
    pairs = np.empty((len(seeds), draws, 2), np.uint32)
    twister = np.random.RandomState()
    for i, seed in enumerate(seeds):
        twister.seed(int(seed) % 2**32)
        pairs[i] = twister.randint(0, 2**32, size=(draws, 2), dtype=np.uint32)
    x, y = np.moveaxis(2 * (pairs.astype(np.float32) * np.float32(2**-32)) - 1, -1, 0)
    square = x * x + y * y
    kept = (square > 0) & (square <= 1)
    first = np.argsort(~kept, axis=1, kind="stable")[:, :count]
    used = np.take_along_axis(x if system == "macOS" else y, first, axis=1)
    square = np.take_along_axis(square, first, axis=1)
    # In float64, because NumPy's float32 logarithm rounds differently from the C library's.
    logarithm = np.log(square.astype(np.float64)).astype(np.float32)
    normals: npt.NDArray[np.float32] = used * np.sqrt(-2 * logarithm / square)
    return normals


def draw_orders(seeds: Sequence[int], num_examples: int, num_epochs: int) -> npt.NDArray[np.int32]:
    """Draw each run's order of the examples for every epoch, (epochs, runs, n).

    Gluon's ``RandomSampler`` draws the same after ``np.random.seed(seed)``.
    """
    orders = np.empty((num_epochs, len(seeds), num_examples), np.int32)
    generator = np.random.RandomState()
    for run, seed in enumerate(seeds):
        generator.seed(seed)
        for epoch in range(num_epochs):
            order = np.arange(num_examples)
            generator.shuffle(order)
            orders[epoch, run] = order
    return orders
