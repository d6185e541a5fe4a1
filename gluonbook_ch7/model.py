"""Linear regression and its loss, as in the book's chapter 3."""

from ._mxnet import nd

__all__ = ["linreg", "squared_loss"]


def linreg(X: nd.NDArray, w: nd.NDArray, b: nd.NDArray) -> nd.NDArray:
    """Predict with linear regression, ``X w + b``.

    Parameters
    ----------
    X : NDArray, shape (n, k), float32
    w : NDArray, shape (k, 1), float32
    b : NDArray, shape (1,), float32

    Returns
    -------
    NDArray, shape (n, 1), float32
    """
    return nd.dot(X, w) + b


def squared_loss(y_hat: nd.NDArray, y: nd.NDArray) -> nd.NDArray:
    """Return half the squared error of each prediction, ``(y_hat - y)² / 2``.

    Parameters
    ----------
    y_hat : NDArray, shape (n, 1), float32
        The predictions.
    y : NDArray, shape (n,) or (n, 1), float32
        The labels.

    Returns
    -------
    NDArray, shape (n, 1), float32
        One loss per example, in squared units of the labels.
    """
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2
