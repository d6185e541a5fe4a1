"""A lock that lets only one thread of a process train at a time.

Trainings draw from MXNet's and NumPy's global generators, so two at once would mix their draws. A
fork takes the lock too, because a fork never returns from MXNet while another thread is using it.
"""

import functools
import os
import threading
from typing import Any, Callable, TypeVar, cast

from ..errors import ForkError

Function = TypeVar("Function", bound=Callable[..., Any])

_lock = threading.RLock()  # re-entrant, for a rule that trains
_cut_off = False


def in_turn(function: Function) -> Function:
    """Make the calls of a function wait until no other thread is training or forking.

    They raise `ForkError` if this process was forked in the middle of another thread's training.
    """

    @functools.wraps(function)
    def wait_and_call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if _cut_off:
            raise ForkError(
                "this process was forked while another thread was training, so MXNet cannot be "
                'used in it; start it with multiprocessing.get_context("spawn")'
            )
        with _lock:
            return function(*args, **kwargs)

    return cast(Function, wait_and_call)


def _after_fork(in_child: bool) -> None:
    """Release the lock, which the fork took unless Ctrl-C ended its waiting for a training.

    Then the lock belongs to the thread that trains, which the child does not have.
    """
    global _cut_off
    try:
        _lock.release()
    except RuntimeError:
        _cut_off = _cut_off or in_child


os.register_at_fork(
    before=_lock.acquire,
    after_in_child=lambda: _after_fork(in_child=True),
    after_in_parent=lambda: _after_fork(in_child=False),
)
