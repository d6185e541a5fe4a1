"""States as trees: arrays in nested tuples, lists and dicts."""

from collections.abc import Iterator
from typing import Any, Callable

import numpy as np


def map_arrays(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return a copy of a tree with the function applied to every NDArray or ndarray."""
    if isinstance(tree, (tuple, list)):
        items = [map_arrays(function, item) for item in tree]
        is_named = hasattr(tree, "_fields")  # a namedtuple takes each item as an argument
        return type(tree)(*items) if is_named else type(tree)(items)
    if isinstance(tree, dict):
        return {key: map_arrays(function, item) for key, item in tree.items()}
    is_array = isinstance(tree, np.ndarray) or hasattr(tree, "asnumpy")
    return function(tree) if is_array else tree


def leaves(tree: Any) -> Iterator[Any]:
    """Yield what a tree holds, in order."""
    if isinstance(tree, (tuple, list, dict)):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(item)
    else:
        yield tree
