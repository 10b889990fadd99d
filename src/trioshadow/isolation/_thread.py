"""ThreadBackend: a Backend in a loop of its own, in a second thread, that the callers' loop never waits for.

Rules:

- Each wait here has an end: for the start, for the stop, and for an answer the caller's own deadline. What does not
  come in time is left behind, and said.
- Nothing of the candidate's runs here. Requests, answers and exceptions cross as the objects they are.
- A call holds its place until the candidate is done with it, not until its caller leaves: so a candidate that hangs or
  refuses to be cancelled collects `max_in_flight` calls at the most.

What a thread can't do: it shares the interpreter lock, the memory, and the process with the callers
(`docs/isolation.md` has the measure of it).
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Generic, Literal, NoReturn, Self, TypeVar

import trio
from trio.lowlevel import Abort, enable_ki_protection

from trioshadow._accounts.notices import Notices
from trioshadow._model.backend import Backend
from trioshadow._model.checks import is_count, is_delay, is_function, is_text, out_of_range
from trioshadow._model.errors import type_name
from trioshadow._service.timing import tell

from ._crossing import Crossing
from ._errors import BackendFull, BackendNotRunning, crossing_error
from ._other_loop import OtherLoop
from ._trio_loop import TrioLoop

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class ThreadBackend(Generic[RequestT, ResponseT]):
    """Calls a backend that lives in a loop of its own, in a second thread. An async context manager, entered once:

        async with ThreadBackend(open_candidate) as shadow, Shadower(primary, shadow) as shadower:
            ...

    `factory` is called there, and what it returns is entered there: an async context manager that gives a Backend or an
    async function. So what belongs to a loop (clients, nurseries, limiters) is made on the loop that uses it.

    A candidate that blocks its loop delays its other calls and nobody else's. Latencies are those in that loop, from a
    call's first turn to its end; the wait for that turn is told apart. It still shares the interpreter lock: one
    that computes in Python slows the callers down, and one that holds the lock in C stops them (`ProcessBackend`).

    `loop`: "trio", or "asyncio" for a candidate that is written for that. Then `factory` and backend are asyncio's; a
    call whose caller leaves is cancelled as asyncio cancels, with a CancelledError; and what the candidate gives to
    `asyncio.to_thread()` runs in daemon threads.

    `start_timeout`: seconds for the thread to come up; then BackendNotRunning. What the factory raises is raised here.
    `stop_timeout`: seconds that leaving waits for calls and factory to clean up after they were cancelled; then the
    thread is left to itself, and the log says so. It does not keep the interpreter from ending.

    Raises TypeError and ValueError for arguments of a wrong type and out of range.
    """

    def __init__(
        self,
        factory: Callable[
            [], AbstractAsyncContextManager[Backend[RequestT, ResponseT] | Callable[[RequestT], Awaitable[ResponseT]]]
        ],
        *,
        loop: Literal["trio", "asyncio"] = "trio",
        name: str = "",
        max_in_flight: int = 256,
        start_timeout: float = 30.0,
        stop_timeout: float = 5.0,
    ) -> None:
        is_function.check("factory", factory)
        self._kind = _kind_of_loop(loop)
        is_text.check("name", name)
        is_count.check("max_in_flight", max_in_flight)
        is_delay.check("start_timeout", start_timeout)
        is_delay.check("stop_timeout", stop_timeout)
        self._factory = factory
        self._name = f"thread backend {name!r}" if name else "thread backend"
        self._max_in_flight = max_in_flight
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._notices = Notices("")
        self._crossings: set[Crossing] = set()
        self._loop: OtherLoop | None = None
        self._open = False
        self._stopping = False
        self._why_not = "was never entered"
        self._crash: BaseException | None = None

    @property
    def busy_calls(self) -> int:
        """How many calls the candidate is at now, those included that nobody waits for any more."""
        return len(self._crossings)

    @enable_ki_protection  # a thread that was started and is not known would not be stopped
    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RuntimeError(f"a {self._name} is entered once: make another")
        self._token, self._pid = trio.lowlevel.current_trio_token(), os.getpid()
        self._known = trio.Event()  # it is known whether the loop came up
        self._gone = trio.Event()
        self._loop = self._kind(
            self._factory, f"trioshadow {self._name}", home=self._token, up=self._came_up, ended=self._ended
        )
        self._why_not = "is not up yet"
        self._loop.start()
        try:
            with trio.move_on_after(self._start_timeout):
                await self._known.wait()
        finally:
            if not self._open:
                if not self._known.is_set():
                    self._why_not = f"did not come up within {self._start_timeout:g} s"
                await self._stop()
        if not self._open:
            self._raise_why_it_did_not_start()
        return self

    @enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._open:  # else it has ended before, and that was said then
            self._why_not = "was left"
            await self._stop()

    @enable_ki_protection  # a task that does not wait must not be woken
    async def call(self, request: RequestT, /) -> ResponseT:
        """What the candidate makes of `request`, in its own loop and in a copy of the caller's context.

        A checkpoint. When the caller's deadline passes, or it is cancelled for another reason, it leaves at once and
        the candidate is cancelled in its loop. Raises what the candidate raises, the same object (a KeyboardInterrupt
        or Cancelled of its own as CandidateError); BackendFull if there is no place; BackendNotRunning if there is no
        loop, at once or as soon as it ends; TooSlowError if the deadline that the call began with has passed and the
        caller was given another meanwhile.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        loop, crossing = self._send(request)

        def leave(_: trio.lowlevel.RaiseCancelT) -> Abort:
            crossing.leave()
            loop.post(crossing.cancel)
            return Abort.SUCCEEDED

        try:
            await trio.lowlevel.wait_task_rescheduled(leave)
        finally:
            tell(crossing.timing())
        if crossing.cut and crossing.lost is None:
            # Cancelled comes first, unless the caller has put off its deadline while the call was there.
            await trio.sleep_until(crossing.deadline)
            raise trio.TooSlowError
        answer: ResponseT = crossing.take()
        return answer

    def _send(self, request: RequestT) -> tuple[OtherLoop, Crossing]:
        loop = self._loop
        if loop is None or not self._open:
            raise self._not_running()
        if self._token is not trio.lowlevel.current_trio_token() or self._pid != os.getpid():
            raise BackendNotRunning(f"the {self._name} was entered in another trio.run or process")
        if len(self._crossings) >= self._max_in_flight:
            raise BackendFull(f"the {self._name} has {self._max_in_flight} calls that the candidate is not done with")
        crossing = loop.crossing(request, home=self._token, done=self._done)
        if not loop.send(crossing):
            raise BackendNotRunning(f"the {self._name} has just ended")
        self._crossings.add(crossing)
        return loop, crossing

    async def _stop(self) -> None:
        assert self._loop is not None
        self._open, self._stopping = False, True
        self._loop.stop()
        with trio.move_on_after(self._stop_timeout, shield=True):
            await self._gone.wait()
        if not self._gone.is_set():
            self._notices.say(
                "left behind",
                f"the {self._name} did not end within {self._stop_timeout:g} s: its thread is left to itself "
                f"(calls in it: {len(self._crossings)})",
            )
        self._lose_all()

    # ── told by the other loop: callbacks in this one, which must not raise ──────────────────────────────────────────

    def _came_up(self) -> None:
        if not self._stopping:
            self._open = True
            self._known.set()

    def _done(self, crossing: Crossing) -> None:
        self._crossings.discard(crossing)
        crossing.wake()

    def _ended(self, crash: BaseException | None) -> None:
        what = "has ended" if crash is None else f"has ended with {type_name(type(crash))}"
        if self._stopping:
            if crash is not None:
                self._notices.say("ended", f"the {self._name} {what} while it was left")
        else:
            self._why_not = what
            if self._known.is_set():
                self._notices.say("ended", f"the {self._name} {what}: from now on each call to it fails")
            else:
                self._crash = crash
        self._open = False
        self._gone.set()
        self._known.set()
        self._lose_all()

    def _lose_all(self) -> None:
        for crossing in self._crossings:
            crossing.lost = self._not_running()
            crossing.wake()
        self._crossings.clear()

    def _not_running(self) -> BackendNotRunning:
        return BackendNotRunning(f"the {self._name} {self._why_not}")

    def _raise_why_it_did_not_start(self) -> NoReturn:
        crash, self._crash = self._crash, None
        if crash is None:
            raise self._not_running()
        try:
            raise crossing_error(crash)
        finally:
            del crash  # this frame is in its traceback: a cycle


def _kind_of_loop(loop: str) -> type[OtherLoop]:
    is_text.check("loop", loop)
    if loop == "trio":
        return TrioLoop
    if loop == "asyncio":
        from ._asyncio_loop import AsyncioLoop  # noqa: PLC0415 - asyncio takes 30 ms to import

        return AsyncioLoop
    raise out_of_range("loop", loop, "'trio' or 'asyncio'")
