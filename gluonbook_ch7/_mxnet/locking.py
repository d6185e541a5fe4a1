"""The turns: trainings in several threads of one process come one after the other.

They draw from MXNet's and NumPy's global generators, so two at once would mix their draws. And who
forks takes a turn too: a fork never returns from MXNet while another thread is at work in it.
"""

import functools
import os
import threading
from contextlib import suppress
from typing import Any, Callable, TypeVar, cast

from ..errors import ForkError

__all__ = ["in_turn"]

Function = TypeVar("Function", bound=Callable[..., Any])

_turn = threading.RLock()  # re-entrant, for a rule that trains
_cut_off = False


def in_turn(function: Function) -> Function:
    """Let the calls of a function wait until no other thread is training or forking.

    Raises
    ------
    ForkError
        If this process was forked in the middle of another thread's training.
    """

    @functools.wraps(function)
    def wait_and_call(*args: Any, **kwargs: Any) -> Any:
        if _cut_off:
            raise ForkError(
                "this process was forked while another thread was training, so MXNet cannot be "
                'used in it; start it with multiprocessing.get_context("spawn")'
            )
        with _turn:
            return function(*args, **kwargs)

    return cast(Function, wait_and_call)


def _begin_child() -> None:
    """Give back the turn that the fork took.

    It has none if its wait was interrupted: Python forks nevertheless, and the turn stays with a
    thread that the child does not have.
    """
    global _cut_off
    try:
        _turn.release()
    except RuntimeError:
        _cut_off = True


def _go_on_in_parent() -> None:
    with suppress(RuntimeError):  # as above; here the other thread gives its turn back
        _turn.release()


os.register_at_fork(
    before=_turn.acquire, after_in_child=_begin_child, after_in_parent=_go_on_in_parent
)
