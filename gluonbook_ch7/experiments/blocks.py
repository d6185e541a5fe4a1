"""Blocks of work, run here, in other processes or on a Dask cluster, and kept as they finish.

A block is a picklable object whose ``run()`` returns an array. The result depends on nothing but
the block, so it does not matter where, when or in which order blocks are run.
"""

import hashlib
import io
import multiprocessing
import pickle
import signal
import warnings
from collections.abc import Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt

from .._files import write_whole
from .._mxnet.install_hints import install_extra
from ..errors import DependencyError, WorkerError, WorkerWarning

SECONDS_TO_CONNECT = 5
SECONDS_TO_END = 2  # for a pool of which a process died
# What an executor raises if a worker died; Dask, which may not be installed, has KilledWorker too.
DEATHS = (futures.BrokenExecutor, futures.CancelledError)


class Store:
    """A folder with the result of each finished block, named by the hash of the block.

    The hash covers `code` as well: the source that a block runs and does not contain.
    """

    def __init__(self, folder: Path, code: bytes = b"") -> None:
        self.folder = folder
        self.code = code

    def find(self, block: Any) -> Optional[npt.NDArray[Any]]:
        """Return the result of a block, or None."""
        try:
            return np.load(self._path(block))  # type: ignore[no-any-return]
        except (OSError, ValueError, EOFError):
            return None

    def keep(self, block: Any, result: npt.NDArray[Any]) -> None:
        """Keep the result of a block."""
        content = io.BytesIO()
        np.save(content, result)
        write_whole(self._path(block), content.getvalue())

    def count(self) -> int:
        """Return the number of blocks that are kept."""
        return len(list(self.folder.glob("*.npy")))

    def clear(self) -> None:
        """Remove all blocks and, if that empties it, the folder."""
        for path in self.folder.glob("*.npy"):
            path.unlink()
        with suppress(OSError):  # it may hold other files, or never have been made
            self.folder.rmdir()

    def _path(self, block: Any) -> Path:
        digest = hashlib.sha256(self.code + pickle.dumps(block, protocol=4)).hexdigest()
        return self.folder / f"{digest[:32]}.npy"


def run_blocks(
    blocks: Sequence[Any],
    executor: Optional[futures.Executor] = None,
    store: Optional[Store] = None,
    on_block: Optional[Callable[[int, int], None]] = None,
) -> list[npt.NDArray[Any]]:
    """Run blocks and return their results in order.

    Without an executor they run here, one after the other. What the store has is not computed
    again. ``on_block(finished, total)`` is called at the beginning and after each block. After a
    `WorkerError` the finished blocks are in the store.
    """
    results: list[Any] = [store.find(block) if store else None for block in blocks]
    missing = [i for i, result in enumerate(results) if result is None]
    finished = len(blocks) - len(missing)
    if on_block:
        on_block(finished, len(blocks))

    def finish(i: int, result: npt.NDArray[Any]) -> None:
        nonlocal finished
        results[i] = result
        finished += 1
        if store:
            store.keep(blocks[i], result)
        if on_block:
            on_block(finished, len(blocks))

    if not executor:
        for i in missing:
            finish(i, blocks[i].run())
        return results
    submitted = {executor.submit(blocks[i].run): i for i in missing}
    died = None
    try:
        for future in futures.as_completed(submitted):
            error = future.exception()
            if isinstance(error, DEATHS) or type(error).__name__ == "KilledWorker":
                died = error
            else:
                finish(submitted[future], future.result())
    finally:
        for future in submitted:
            future.cancel()
    if died:
        raise WorkerError(f"a worker process died ({type(died).__name__}: {died}).") from died
    return results


@contextmanager
def local_processes(count: int) -> Iterator[futures.Executor]:
    """Provide an executor of `count` processes, all of which have ended when the context ends.

    The processes are spawned, because a fork hangs while another thread uses MXNet. They ignore
    Ctrl-C, which is handled by the process that waits for them.
    """
    others = set(multiprocessing.active_children())
    pool = futures.ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        yield pool
    except BaseException:
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        thread: Any = pool._executor_manager_thread
        if thread and pool._broken:  # a process died, and the pool's thread closes everything
            thread.join(SECONDS_TO_END)
        # Without this, older releases of CPython, such as 3.11.2, wait for ever if a block is being
        # sent to a process that ends. Without a reader, sending fails, which the pool ignores.
        pool._call_queue._reader.close()  # type: ignore[attr-defined]
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def dask_cluster(address: str) -> Iterator[futures.Executor]:
    """Provide an executor of the Dask cluster whose scheduler has this address.

    Its workers need this package. If a worker dies, Dask gives its blocks to the others, and a
    `WorkerWarning` says so at the end.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise DependencyError(
            f"a Dask cluster needs dask.distributed ({error}). Install it: "
            f"{install_extra('cluster')}"
        ) from error
    try:
        client = Client(address, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise WorkerError(
            f"no Dask scheduler answers at {address} within {SECONDS_TO_CONNECT} s; start one with "
            "'dask scheduler', or correct the address"
        ) from error
    with client:
        workers = set(client.ncores())
        yield client.get_executor(pure=False)
        lost = workers - set(client.ncores())
    if lost:
        warnings.warn(
            f"{len(lost)} of the cluster's {len(workers)} workers left; "
            "their unfinished blocks were computed again by others",
            WorkerWarning,
            stacklevel=3,
        )
