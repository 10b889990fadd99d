"""One call on its way to another Trio loop and back.

Two threads have a part in it, and each field is written by one of them only:

- *here*, the callers' loop: `left`, `lost` and `task`;
- *there*, the candidate's: what it came to (`answer`, `error`, `cut`), which is read here when it has come back.

What passes between the two is a callback in the other's entry queue (`TrioToken.run_sync_soon`), which is first in,
first out, and never blocks: no lock, and no thread that waits for the other. A crossing comes back exactly once, also
when nobody waits for it any more, unless its loop ends or hangs.
"""

from __future__ import annotations

import contextvars
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from trio.lowlevel import TrioToken

from trioshadow._model.errors import consists_of, first_other
from trioshadow._service.timing import Timing, is_drowned, told_so_far

from ._errors import crossing_error


def post(token: TrioToken, function: Callable[..., object], *args: object) -> bool:
    """Have this called in that run soon; False if the run is over. From any thread; never blocks."""
    try:
        token.run_sync_soon(function, *args)
    except (trio.RunFinishedError, OSError):  # OSError: a run that crashed is closed, and does not know it
        return False
    return True


class Crossing:
    """One call."""

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
        self._scope = trio.CancelScope()
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

    def cancel(self) -> None:
        """The caller has left."""
        self._scope.cancel()

    async def run(self, backend: Callable[[Any], Awaitable[Any]]) -> None:
        """Make the call: a task there, in a copy of the caller's context. Raises nothing."""
        scope = self._scope
        scope.deadline = trio.current_time() + (self._until - time.perf_counter())
        try:
            with scope:  # if the deadline has passed, entering it cancels
                # A child, not inline: a candidate that leaves a nursery open corrupts the task it ran in.
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._call, backend)
        except BaseException as exc:  # not the call's own: the disorder in which it left its task, or the loop's end
            disorder = first_other(exc, trio.Cancelled)
            self.answer, self.error = None, exc if disorder is None else disorder
            del disorder
        error, self.error = self.error, None
        if self.left:
            self.answer = None
        elif error is not None and consists_of(error, trio.Cancelled) and _loop_ends():
            return  # not the call's doing: all that is not back by then is lost when the loop has ended
        elif error is not None and consists_of(error, trio.Cancelled) and scope.cancel_called:
            self.cut = True
        elif error is not None:
            self.error = crossing_error(error)
        del error
        post(self._home, self._done, self)

    async def _call(self, backend: Callable[[Any], Awaitable[Any]]) -> None:
        request, self._request = self._request, None
        before = told_so_far()
        self._began = began = time.perf_counter()
        try:
            await trio.lowlevel.checkpoint_if_cancelled()  # a loop that was blocked comes to calls that are long over
            self.answer = await backend(request)
        except BaseException as exc:
            self.error = exc
        self._seconds = time.perf_counter() - began
        self._inner = told_so_far().since(before)


def _loop_ends() -> bool:
    # Asked outside of the call's own scope.
    return trio.current_effective_deadline() == -math.inf
