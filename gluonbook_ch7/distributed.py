"""One run on several workers, connected by one of MXNet's key-value stores.

Every worker shuffles alike and cuts the same minibatches. Of each minibatch it takes every
``num_workers``-th example, starting with its rank. A gradient is a sum over examples, so the
store's sum of the workers' gradients is that of the whole minibatch, to float32 rounding.
"""

import functools
import hashlib
import os
import pickle
import weakref
from typing import Any, Optional, Union

import numpy as np

from ._mxnet import mx, nd
from .errors import ArgumentError

KVStore = Union[str, mx.kv.KVStoreBase, None]

ON_ONE_MACHINE = ("local", "device")
ON_SEVERAL = ("dist_sync", "dist_device_sync", "dist_async")
# Gluon's Trainer uses the keys 0, 1, …
_DIGEST_KEY = 1_000_000

_create_once = functools.lru_cache(maxsize=None)(mx.kv.create)
_used: weakref.WeakSet[Any] = weakref.WeakSet()


def join(kvstore: KVStore, seed: Optional[int], *call: Any) -> KVStore:
    """Return the store for ``gluon.Trainer``, if all workers make the same call with it."""
    if kvstore is None or kvstore in ON_ONE_MACHINE:
        return kvstore
    store: Any = _open(kvstore)
    workers = store.num_workers
    if workers == 1:
        return store
    # The server of an asynchronous store does not sum, so the calls cannot be compared.
    if "async" not in store.type and not _are_alike(store, (seed, *call)):
        raise ArgumentError(
            f"the {workers} workers of this run were given different arguments; each must be given "
            f"the same optimizer, data, sizes and seed (this one's seed is {seed})"
        )
    if seed is None:
        raise ArgumentError(
            f"{workers} workers share this run, so it needs a seed, the same for each: without one "
            "they would cut different minibatches"
        )
    return store


def take_share(
    store: Any, X: nd.NDArray, y: nd.NDArray
) -> tuple[nd.NDArray, nd.NDArray, Optional[nd.NDArray]]:
    """Return this worker's examples of a minibatch, and the head gradient for backpropagation.

    The head gradient is None, which means ones. A worker without an example must push a gradient
    too, or the others would wait for ever: it gets one example and a head gradient of zero.
    """
    workers = getattr(store, "num_workers", 1)
    if workers == 1:
        return X, y, None
    if store.rank >= len(X):
        return X[:1], y[:1], nd.zeros(1)
    return X[store.rank :: workers], y[store.rank :: workers], None


def _open(kvstore: Union[str, mx.kv.KVStoreBase]) -> mx.kv.KVStoreBase:
    """Return a store that has not been used; a distributed one is made if only its name is given.

    Raise `ArgumentError` where MXNet would fail silently or wait for ever.
    """
    known = ", ".join(ON_ONE_MACHINE + ON_SEVERAL)
    if isinstance(kvstore, str):
        if kvstore not in ON_SEVERAL:
            raise ArgumentError(f"there is no kvstore {kvstore!r}. There are: {known}")
        if not os.environ.get("DMLC_PS_ROOT_URI"):
            raise ArgumentError(
                f"the kvstore {kvstore!r} needs a parameter server, but DMLC_PS_ROOT_URI, its "
                "address, is not set; scripts/parameter_server.py starts one"
            )
        kvstore = _create_once(kvstore)
    if not isinstance(kvstore, mx.kv.KVStoreBase):
        raise ArgumentError(
            f"kvstore is a {type(kvstore).__name__}; it must be a store that mxnet.kv.create made, "
            f"or one of the names {known}"
        )
    if kvstore in _used:
        raise ArgumentError(
            "this kvstore has served a run and still holds its weights; a store serves one run: "
            "make a new one, and for a distributed one restart its processes"
        )
    _used.add(kvstore)
    return kvstore


def _are_alike(store: mx.kv.KVStoreBase, arguments: tuple[Any, ...]) -> bool:
    """Return True, on every worker, if all workers were given these arguments.

    Each pushes the 256 bits of a digest. Where all agree, the sum of a bit over the workers is zero
    or their number.
    """
    digest = hashlib.sha256(pickle.dumps(arguments)).digest()
    bits = nd.array(np.unpackbits(np.frombuffer(digest, np.uint8)))
    sums = nd.zeros(bits.shape)
    store.broadcast(_DIGEST_KEY, bits, out=sums)
    store.pushpull(_DIGEST_KEY, bits, out=sums)
    return bool(np.isin(sums.asnumpy(), (0, store.num_workers)).all())
