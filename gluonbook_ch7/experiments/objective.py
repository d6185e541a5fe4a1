"""The training objective as a function of the parameters, for many parameters at once."""

from typing import Any

import numpy as np
import numpy.typing as npt


def full_batch_losses(
    params: npt.NDArray[np.float32], features: Any, labels: Any
) -> npt.NDArray[np.float64]:
    """Return the mean of `squared_loss` over all examples for each set of parameters.

    The loss of a linear model is a quadratic form in the second moments of the data: with
    z = (x, 1, y), v = (w, b, −1) and M the mean of z zᵀ over the examples, it is vᵀ M v / 2. It is
    computed in float64 and agrees with the mean in float32 to about 1e-7. The parameters are
    (..., k + 1): the weights and, last in each row, the bias.
    """
    z = _with_ones(features, labels)
    v = np.concatenate([params.astype(np.float64), -np.ones((*params.shape[:-1], 1))], axis=-1)
    with np.errstate(over="ignore", invalid="ignore"):  # the parameters of a diverged run
        losses: npt.NDArray[np.float64] = ((v @ (z.T @ z / len(z))) * v).sum(axis=-1) / 2
    # Where the model fits exactly, rounding can make the loss negative.
    return np.maximum(losses, 0.0)


def smallest_loss(features: Any, labels: Any) -> float:
    """Return the smallest loss that any linear model can reach, by least squares in float64."""
    z = _with_ones(features, labels)
    solution = np.linalg.lstsq(z[:, :-1], z[:, -1], rcond=None)[0]
    return float(full_batch_losses(solution, z[:, :-2], z[:, -1]))


def _with_ones(features: Any, labels: Any) -> npt.NDArray[np.float64]:
    """Return features, a one and the label of each example: (n, k + 2), float64."""
    X, y = (x.asnumpy() if hasattr(x, "asnumpy") else np.asarray(x) for x in (features, labels))
    return np.column_stack([X, np.ones(len(X)), y]).astype(np.float64)
