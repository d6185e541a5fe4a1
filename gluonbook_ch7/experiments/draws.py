"""The draws of a run from its seed alone: its starting weights and its orders of the examples.

They are what the run would draw after ``mx.random.seed(seed)`` and ``np.random.seed(seed)``, drawn
without touching either global generator.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["draw_orders", "draw_starts"]


def draw_starts(
    seeds: tuple[int, ...], num_features: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Draw the starting point of each run, as ``mx.random`` does after ``mx.random.seed(seed)``.

    ``mx.random.seed`` seeds 1,024 Mersenne twisters and takes a millisecond for it, three times
    what a run of an ensemble costs. Only the first is used for so few numbers: the one seeded with
    127 seed (``kRandMagic`` in MXNet's ``src/resource.cc``). Its numbers become normal ones by
    Marsaglia's polar method, as the C++ library has it, in float32: for x, y uniform in [-1, 1)
    with 0 < r² = x² + y² ≤ 1, the next normal number is y √(-2 ln r² / r²).

    Parameters
    ----------
    seeds : tuple of int
    num_features : int

    Returns
    -------
    weights : ndarray, shape (runs, k, 1), float32
        From N(0, 0.01²); equal to MXNet's to one unit in the last place.
    bias : ndarray, shape (runs, 1, 1), float32
        Zeros.
    """
    twister, normals = np.random.RandomState(), []
    for seed in seeds:
        twister.seed(127 * seed % 2**32)
        normals.append(_normals(twister, num_features))
    weights = np.float32(0.01) * np.array(normals).reshape(len(seeds), num_features, 1)
    return weights, np.zeros((len(seeds), 1, 1), np.float32)


def _normals(twister: np.random.RandomState, count: int) -> npt.NDArray[np.float32]:
    """Draw `count` normal numbers, float32, by the polar method."""
    normals = np.empty(0, np.float32)
    while len(normals) < count:  # π/4 of the pairs are kept
        pairs = twister.randint(0, 2**32, size=(2 * count + 8, 2), dtype=np.uint32)
        x, y = (2 * (pairs.astype(np.float32) * np.float32(2**-32)) - 1).T
        square = x * x + y * y
        kept = (square > 0) & (square <= 1)
        y, square = y[kept], square[kept]
        # The logarithm as the C library rounds it, which NumPy's own for float32 does not.
        logarithm = np.log(square.astype(np.float64)).astype(np.float32)
        normals = np.append(normals, y * np.sqrt(-2 * logarithm / square))
    return normals[:count]


def draw_orders(
    seeds: tuple[int, ...], num_examples: int, num_epochs: int
) -> npt.NDArray[np.int32]:
    """Draw each run's order of the examples for every epoch.

    As Gluon's ``RandomSampler`` does after ``np.random.seed(seed)``: one ``shuffle`` of
    ``arange(n)`` an epoch.

    Returns
    -------
    ndarray, shape (epochs, runs, n), int32
    """
    orders = np.empty((num_epochs, len(seeds), num_examples), np.int32)
    orders[:] = np.arange(num_examples)
    generator = np.random.RandomState()
    for run, seed in enumerate(seeds):
        generator.seed(seed)
        for epoch in range(num_epochs):
            generator.shuffle(orders[epoch, run])
    return orders
