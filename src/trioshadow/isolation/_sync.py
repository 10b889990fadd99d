"""SyncBackend: a blocking function as a Backend, in worker threads that nobody else waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import trio

from trioshadow._model.checks import is_count, is_function

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class SyncBackend(Generic[RequestT, ResponseT]):
    """Calls a blocking function in worker threads, at most `max_workers` at once.

    The limiter is its own, never Trio's default one: that has 40 places for the whole program, and a shadow that sleeps
    in them starves every other use of threads (measured: a primary of 5 ms at p50 2,354 ms).

    When the leg's deadline passes, the thread is left to itself: Python can't stop a thread. It keeps its place until
    the function returns, so a candidate that hangs takes `max_workers` threads at the most, and further calls time out
    waiting for a place. The context variables of the caller are visible in the thread, and `in_shadow()` works there.

    A thread shares the interpreter lock: one that computes in Python still slows the event loop down (`ProcessBackend`
    does not).

    Raises TypeError if `function` is not callable or `max_workers` no int, ValueError if that is not in [1, inf).
    """

    def __init__(self, function: Callable[[RequestT], ResponseT], *, max_workers: int = 8) -> None:
        is_function.check("function", function)
        is_count.check("max_workers", max_workers)
        self._function = function
        self._limiter = trio.CapacityLimiter(max_workers)

    @property
    def busy_threads(self) -> int:
        """How many threads are running the function now, those left behind included."""
        return self._limiter.borrowed_tokens

    async def call(self, request: RequestT, /) -> ResponseT:
        """`function(request)` in a thread. A checkpoint; cancelling it leaves the thread to itself."""
        return await trio.to_thread.run_sync(self._function, request, limiter=self._limiter, abandon_on_cancel=True)
