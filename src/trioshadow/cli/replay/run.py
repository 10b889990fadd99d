"""The running of a replay: requests to both sides, so many at once and so many a second, in slices. It reads no file.

- Nothing is shed: a worker takes the next request when primary, shadow and secondary are done with the last.
- Requests start in the order of the file. Those that were taken are the first ones, without a gap, and at the end of a
  slice nothing is in flight: so a number says what is done.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import attrs
import trio

from trioshadow import DivergenceLog, ShadowConfig, Shadower, ShadowStatistics, Sink
from trioshadow.evidence import Objective
from trioshadow.http import HttpRequest, served_by_edge

from .archive import SliceSink

Call = Callable[[HttpRequest], Awaitable[Any]]

#: Records that may wait for the disk before the workers do.
_WAITING = 500
#: A primary that has given no answer to so many requests, and to none at all, can't be reached.
HOPELESS = 20


class Pace:
    """Spaces starts: at most so many a second, None for as many as can be. What was missed is not made up for."""

    def __init__(self, rate: float | None) -> None:
        self._interval = 0.0 if rate is None else 1 / rate
        self._next = -float("inf")

    async def wait(self) -> None:
        """Wait for the time of the next start. A checkpoint."""
        if self._interval:
            # From when it should have been, so that a loop that is late each time does not make it slower.
            at = max(self._next, trio.current_time())
            self._next = at + self._interval
            await trio.sleep_until(at)
        else:
            await trio.lowlevel.checkpoint()


@attrs.define(eq=False)
class _Secondary:
    """Of one call: has it begun, and has it ended?"""

    ended: trio.Event = attrs.Factory(trio.Event)
    begun: bool = False


_secondary_of_call: contextvars.ContextVar[_Secondary] = contextvars.ContextVar("secondary of the call")


def _observed(secondary: Call) -> Call:
    # Its leg outlives the shadow's, and says to nobody when it ends. It runs in a copy of the worker's context.
    async def call(request: HttpRequest) -> Any:
        seen = _secondary_of_call.get()
        seen.begun = True
        try:
            return await secondary(request)
        finally:
            seen.ended.set()

    return call


@attrs.frozen(kw_only=True)
class Sides:
    """Who is asked."""

    primary: Call
    shadow: Call
    secondary: Call | None = None
    primary_timeout: float = 60.0
    """Seconds."""


class Replay:
    """Sends requests, in one slice after the other, until `take` gives None or it is told to stop.

    `begin` is told of each when it starts, in their order, and says which operation that is.
    """

    def __init__(
        self,
        take: Callable[[], Awaitable[HttpRequest | None]],
        sides: Sides,
        config: ShadowConfig,
        sink: SliceSink,
        *,
        concurrency: int,
        objective: Objective | None = None,
        rate: float | None = None,
        begin: Callable[[HttpRequest], str] = lambda request: request.path,
        answered: int = 0,
        progress: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._take = take
        self._sides = sides
        self._secondary = None if sides.secondary is None else _observed(sides.secondary)
        self._config = config
        self._sink = sink
        self._concurrency = concurrency
        self._objective = Objective() if objective is None else objective
        self._shadower: Shadower[Any, Any, Any] | None = None
        self._pace = Pace(rate)
        self._begin = begin
        self._progress = progress
        self._turn = trio.Lock()  # a fair one
        self._waiting: trio.CancelScope | None = None
        self._next_one: HttpRequest | None = None
        self._until = 0.0
        self._recorded = 0
        self.answered = answered
        """Requests to which the primary gave an answer, in the runs before too."""
        self.no_answer: Counter[str] = Counter()
        """Those to which it gave none, by cause."""
        self.done = 0
        self.ended = False
        """Is there no more to take?"""
        self.stopping = False

    def stop(self) -> None:
        """Take no more requests; those in flight go on."""
        self.stopping = True
        if self._waiting is not None:
            self._waiting.cancel()

    @contextlib.asynccontextmanager
    async def as_one(self) -> AsyncGenerator[None]:
        """Slices in here are one series: what is counted by blocks of calls goes on from slice to slice."""
        async with self._shadowing() as self._shadower:
            yield

    def _shadowing(self) -> Shadower[Any, Any, Any]:
        return Shadower(
            served_by_edge,
            self._sides.shadow,
            self._config,
            log=DivergenceLog(0),
            sinks=[Sink(self._sink, name="archive", lossless=True)],
            secondary=self._secondary,
            objective=self._objective,
        )

    async def slice(self, seconds: float) -> ShadowStatistics:
        """Take requests for so many seconds, and wait until all of these are done and written. What was counted, of
        all slices that are one series.
        """
        self._until = trio.current_time() + seconds
        if self._shadower is None:
            async with self._shadowing() as shadower:
                await self._work_all(shadower)
        else:
            shadower = self._shadower
            await self._work_all(shadower)
            with trio.move_on_after(self._config.drain_timeout), contextlib.suppress(OSError):  # the sink remembers it
                await shadower.wait_idle()
                await self._sink.snapshot([shadower.snapshot()])
        return shadower.statistics()

    async def _work_all(self, shadower: Shadower[Any, Any, Any]) -> None:
        async with trio.open_nursery() as workers:
            for _ in range(self._concurrency):
                workers.start_soon(self._work, shadower)
        self._sink.discards = self.unreachable

    @property
    def unreachable(self) -> bool:
        """Has the primary been asked, and has it never answered?"""
        failed = self.no_answer.total()
        return not self.answered and failed > 0 and (self.ended or failed >= max(HOPELESS, self._concurrency))

    async def _work(self, shadower: Shadower[Any, Any, Any]) -> None:
        while (request := await self._next(shadower)) is not None:
            await self._send(shadower, request)
            self.done += 1
            self._progress(self.done)
            if self.unreachable:
                self.stop()

    async def _next(self, shadower: Shadower[Any, Any, Any]) -> HttpRequest | None:
        async with self._turn:
            if self._recorded - self._sink.taken >= _WAITING:
                await shadower.wait_idle()
            if self._is_over():
                return None
            # First this, then the wait: at the end nobody should wait for the time of a start that there will not be.
            if self._next_one is None:
                self._next_one = await self._take()
                self.ended = self._next_one is None
            with trio.CancelScope() as waiting:
                self._waiting = waiting
                if self.stopping:
                    waiting.cancel()
                if not self.ended:
                    await self._pace.wait()
            self._waiting = None
            if waiting.cancel_called:
                return None
            request, self._next_one = self._next_one, None
            return request

    def _is_over(self) -> bool:
        return self.stopping or self.ended or trio.current_time() >= self._until or self._sink.error is not None

    async def _send(self, shadower: Shadower[Any, Any, Any], request: HttpRequest) -> None:
        secondary = _Secondary()
        _secondary_of_call.set(secondary)
        outcome, cause = None, "timed out"
        with shadower.start(request, operation=self._begin(request)) as leg:
            with trio.move_on_after(self._sides.primary_timeout):
                try:
                    outcome = leg.primary_done(await self._sides.primary(request))
                except Exception as exc:  # no connection, half an answer, one that is too large
                    cause = type(exc).__name__
        if outcome is None:  # there is nothing to compare with: the leg was abandoned
            self.no_answer[cause] += 1
            return
        self.answered += 1
        await outcome.wait_settled()
        self._recorded += outcome.divergence is not None or outcome.shadow_failed is not None
        if secondary.begun:
            await secondary.ended.wait()
