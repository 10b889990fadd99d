"""Threads for what a candidate for asyncio gives to `asyncio.to_thread()` and `run_in_executor(None, ...)`, that keep
nobody waiting: neither its loop when that ends, nor the interpreter.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import trio

#: As in the standard library: what is asked of such threads waits for something, more often than it computes.
_MOST = min(32, (os.cpu_count() or 1) + 4)


class DaemonThreads(ThreadPoolExecutor):
    """An executor with the threads that Trio keeps, which are daemons. (A loop takes no other kind of executor than
    this; of the one that it is nothing is used.)
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._work: deque[Callable[[], None]] = deque()
        self._busy = 0

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have this called in a thread, as soon as there is one: there are at most 32."""
        future: Future[Any] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(function(*args, **kwargs))
            except BaseException as exc:
                future.set_exception(exc)

        with self._lock:
            self._work.append(work)
            if self._busy == _MOST:
                return future
            self._busy += 1
        trio.lowlevel.start_thread_soon(self._serve, _ignore, "trioshadow asyncio executor")
        return future

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._work:
                    self._busy -= 1
                    return
                work = self._work.popleft()
            work()
            del work

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing: no thread is waited for."""


def _ignore(_: object) -> None:
    pass
