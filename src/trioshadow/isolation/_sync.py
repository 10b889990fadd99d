"""SyncBackend: a blocking function as a Backend, in worker threads that nobody else waits for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import trio

from trioshadow._model.checks import is_count, is_function
from trioshadow._service.timing import Timing, is_drowned, tell, waits_of_thread

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

    Where it is one side of a shadower, latencies are those of the function, timed in the thread: without the wait for a
    place, which is told apart (`LatencyScore.queued_p99`), and the way there and back.

    Raises TypeError if `function` is not callable or `max_workers` no int, ValueError if that is not in [1, inf).
    """

    def __init__(self, function: Callable[[RequestT], ResponseT], *, max_workers: int = 8) -> None:
        is_function.check("function", function)
        is_count.check("max_workers", max_workers)
        self._function = function
        self._name = getattr(function, "__qualname__", type(function).__qualname__)
        self._limiter = trio.CapacityLimiter(max_workers)

    @property
    def busy_threads(self) -> int:
        """How many threads are running the function now, those left behind included."""
        return self._limiter.borrowed_tokens

    async def call(self, request: RequestT, /) -> ResponseT:
        """`function(request)` in a thread. A checkpoint; cancelling it leaves the thread to itself."""
        call = _Call(self._function, self._name, self._limiter)
        limiter: Any = call  # "or anything providing compatible methods", as Trio says
        try:
            answer: ResponseT = await trio.to_thread.run_sync(call, request, limiter=limiter, abandon_on_cancel=True)
        finally:
            tell(call.timing())
        return answer


class _Call:
    """One call: the function that the thread runs, which times itself, and the limiter that it is given."""

    _placed: float | None
    """When it had its place, on Trio's clock; None while it waits for one."""
    _handed_over = 0.0
    """The same moment, on the thread's."""
    _began = _cpu = 0.0
    _waits = 0.0
    _seconds: float | None = None
    """Of the function, once it has ended."""

    def __init__(self, function: Callable[[Any], Any], name: str, limiter: trio.CapacityLimiter) -> None:
        self.__name__ = self.__qualname__ = name  # for the name of the thread, and where Trio complains
        self._function = function
        self._limiter = limiter
        self._asked = self._placed = trio.current_time()

    # ── in the thread ────────────────────────────────────────────────────────────────────────────────────────────────

    def __call__(self, request: Any) -> Any:
        """The function's answer."""
        waits = waits_of_thread()
        self._began = time.perf_counter()
        cpu = time.thread_time()
        try:
            return self._function(request)
        finally:
            self._cpu = time.thread_time() - cpu
            seconds = time.perf_counter() - self._began
            self._waits = waits_of_thread() - waits
            self._seconds = seconds

    # ── on the loop ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        """A place."""
        try:
            # Where there is one it has waited for nothing, and a turn of the loop would look like a queue.
            self._limiter.acquire_on_behalf_of_nowait(borrower)
        except trio.WouldBlock:
            self._placed = None
            await self._limiter.acquire_on_behalf_of(borrower)
            self._placed = trio.current_time()
        self._handed_over = time.perf_counter()

    def release_on_behalf_of(self, borrower: object) -> None:
        """The place, when the thread is through with it."""
        self._limiter.release_on_behalf_of(borrower)

    def timing(self) -> Timing:
        """What its time consists of, now that it is over."""
        now, seconds = trio.current_time(), self._seconds
        queued = (now if self._placed is None else self._placed) - self._asked
        if seconds is None:  # left while it waited, or in the thread
            return Timing(elsewhere=queued, queued=queued, threaded=1)
        return Timing(
            elsewhere=now - self._asked - seconds,
            queued=queued,
            cpu=self._cpu,
            alone=1,
            threaded=1,
            drowned=is_drowned(self._cpu, seconds - self._cpu, self._began - self._handed_over, self._waits),
        )
