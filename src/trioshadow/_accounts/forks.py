"""What a forked child must have anew: a lock that another thread of the parent held, the door to a loop that is gone.

A child has one thread, the one that forked, and a copy of everything else as it was in that moment.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

#: A dict for its order, and since one step adds to it or takes away.
_renewed: dict[weakref.WeakMethod[Callable[[], Any]], None] = {}


def renew_in_child(method: Callable[[], Any]) -> None:
    """Call this bound method in each forked child of this process, while its object is alive. It must not raise."""
    _renewed[weakref.WeakMethod(method, _forget)] = None


def _forget(known: Any) -> None:
    _renewed.pop(known, None)


def _renew() -> None:
    for known in list(_renewed):
        method = known()
        if method is not None:  # pragma: no branch - it may go meanwhile
            method()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows does not fork
    os.register_at_fork(after_in_child=_renew)


class Lock:
    """A lock that the same thread may take again, as a signal handler or a finaliser does; a forked child has a new
    one. Whoever has taken it looks again at what it looked at before.
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._renew()
        renew_in_child(self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        """Take it."""
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        try:
            self._lock.release()
        except RuntimeError:
            """This thread has forked since it took it, and in the child it is a new one."""
