"""One call on its way to another loop, of Trio or asyncio, and back.

Two threads have a part in it, and each field is written by one of them only:

- *here*, the callers' loop: `left`, `lost` and `task`;
- *there*, the candidate's: what it came to (`answer`, `error`, `cut`), which is read here when it has come back.

What passes between the two is a callback in the other's entry queue (`TrioToken.run_sync_soon`, asyncio's
`call_soon_threadsafe`), which is first in, first out, and never blocks: no thread waits for the other. A crossing comes
back exactly once, also when nobody waits for it any more, unless its loop ends or hangs.
"""

from __future__ import annotations

import contextlib
import contextvars
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import Any, ClassVar

import trio
from trio.lowlevel import TrioToken

from trioshadow._service.timing import Timing, is_drowned, told_so_far

from ._errors import crossing_error


def post(token: TrioToken, function: Callable[..., object], *args: object) -> bool:
    """Have this called in that run soon; False if the run is over. From any thread; never blocks."""
    try:
        token.run_sync_soon(function, *args)
    except (trio.RunFinishedError, OSError):  # OSError: a run that crashed is closed, and does not know it
        return False
    return True


class Crossing(ABC):
    """One call."""

    stop_signs: ClassVar[tuple[type[BaseException], ...]] = ()
    """What besides Trio's means something to the loop in which it is raised, and nothing here."""

    answer: Any = None
    error: BaseException | None = None
    cut = False
    """Did the deadline end it there? Then it passes here too, in this moment."""
    left = False
    """Nobody waits for it any more."""
    lost: BaseException | None = None
    """Why it never came back."""
    _began: float | None = None
    """When its turn came there."""
    _seconds: float | None = None
    """How long it took there, ..."""
    _inner: Timing | None = None
    """... and what was told of that by backends that it asked."""

    def __init__(self, request: Any, home: TrioToken, done: Callable[[Crossing], object]) -> None:
        self.task: trio.lowlevel.Task | None = trio.lowlevel.current_task()
        self.deadline = trio.current_effective_deadline()
        self._asked = trio.current_time()
        # The clocks of two runs start anywhere; this one is the same in all threads.
        self._handed_over = time.perf_counter()
        self._until = self._handed_over + (self.deadline - self._asked)
        self._request = request
        self._home = home
        self._done = done
        self.context = contextvars.copy_context()

    # ── here ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def leave(self) -> None:
        """The caller was cancelled: whatever comes of it is of no use to anybody."""
        self.task = None
        self.left = True

    def wake(self) -> None:
        """It is known what it came to; if somebody waits for that, tell."""
        task, self.task = self.task, None
        if task is not None:
            trio.lowlevel.reschedule(task)
        else:
            self.answer = self.error = None  # whose traceback refers to this object

    def take(self) -> Any:
        """What it came to: returns, or raises."""
        answer, error = self.answer, self.lost or self.error
        self.answer = self.error = self.lost = None
        if error is None:
            return answer
        try:
            raise error
        finally:
            del error  # this frame is in its traceback: a cycle

    def timing(self) -> Timing:
        """What its time consists of, now that it is over."""
        began, seconds, inner = self._began, self._seconds, self._inner
        late = (time.perf_counter() if began is None else began) - self._handed_over
        if seconds is None or inner is None:  # left while it waited, or there
            return Timing(elsewhere=late, queued=late, threaded=1)
        way = trio.current_time() - self._asked - seconds
        drowned = is_drowned(0.0, seconds - inner.elsewhere, late)
        return inner.plus(Timing(elsewhere=way, queued=late, threaded=1, drowned=drowned))

    # ── there ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def cancel(self) -> None:
        """The caller has left."""

    @contextlib.contextmanager
    def _timed(self) -> Generator[None, None, None]:
        """Its turn has come."""
        before = told_so_far()
        self._began = began = time.perf_counter()
        try:
            yield
        finally:
            self._seconds = time.perf_counter() - began
            self._inner = told_so_far().since(before)

    def _left(self) -> float:
        """Seconds until the deadline, there."""
        return self._until - time.perf_counter()

    def _taken(self) -> Any:
        request, self._request = self._request, None
        return request

    def _return(self) -> None:
        """It is over: `answer`, `error` and `cut` are what it came to."""
        error, self.error = self.error, None
        if self.left:
            self.answer = None
        elif error is not None and not self.cut:
            self.error = crossing_error(error, self.stop_signs)
        del error
        post(self._home, self._done, self)
