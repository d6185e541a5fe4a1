"""Executors for blocks of work: processes of this machine, or a Dask cluster."""

import multiprocessing
import signal
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from .._mxnet.install_hints import install_extra
from ..errors import DependencyError, WorkerError, WorkerWarning

__all__ = ["dask_cluster", "local_processes"]

SECONDS_TO_CONNECT = 5


@contextmanager
def local_processes(count: int) -> Iterator[Executor]:
    """Provide an executor of `count` processes, all of which have ended when the context ends.

    The processes are spawned, because a fork hangs while another thread uses MXNet. They ignore
    Ctrl-C, which is handled by the process that waits for them.
    """
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
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
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def dask_cluster(address: str) -> Iterator[Executor]:
    """Provide an executor of the Dask cluster whose scheduler has this address.

    Its workers need this package. If a worker dies, Dask gives its blocks to the others, and a
    `WorkerWarning` says so at the end.

    Raises
    ------
    DependencyError
        If ``dask.distributed`` is not installed.
    WorkerError
        If no scheduler answers at the address.
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
