"""The epochs: in which order they take the examples, and after which minibatches the book looks."""

import numpy as np

from ._mxnet import nd

__all__ = ["is_checkpoint", "shuffled"]


def is_checkpoint(batch_i: int, batch_size: int) -> bool:
    """Tell whether the book evaluates the loss after minibatch `batch_i` of an epoch."""
    return (batch_i + 1) * batch_size % 100 == 0


def shuffled(features: nd.NDArray, labels: nd.NDArray) -> tuple[nd.NDArray, nd.NDArray]:
    """Return the examples in a new order, drawn as Gluon's ``RandomSampler`` draws it."""
    order = np.arange(len(features))
    np.random.shuffle(order)
    order = nd.array(order, dtype="int32")
    return features.take(order), labels.take(order)
