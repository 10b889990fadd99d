"""What the isolation panel shows: the same primary alone, and with a candidate that is slow, hung, failing, computing.

Fair: each row measures the primary alone before and after, with the same callers at the same pace, and waits in between
until no shadow is left. Latency counts from the moment at which a call was due: a caller that could not even begin,
because the event loop was busy, has waited too ("coordinated omission" is the name for forgetting that).

What is measured here is one machine for one second. The benchmarks of the project do it at length.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

import attrs
import trio

from trioshadow import ShadowConfig, Shadower, ShadowStatistics
from trioshadow.isolation import SyncBackend

from .renderers import Renderer
from .timing import Timing

HarmName: TypeAlias = Literal["slow", "hung", "failing"]
HARMS: tuple[HarmName, ...] = ("slow", "hung", "failing")

CALLERS = 50
CALLS = 600
"""Calls with the candidate in each row, and as many without."""
PACE = 1000.0
"""Calls a second, all callers together: enough to be busy, and too little for them to get in each other's way."""
IO_SECONDS = 0.005
"""Stands in for what a primary waits for: a database, a service."""
CPU_SECONDS = 0.020
"""What the computing candidate needs for one call."""
CPU_RATE = 0.02
"""The fraction of calls that is mirrored to it: 20 a second, two fifths of a core. All of them would need 20 cores."""

TEXT = "A *paragraph* of [Markdown](https://commonmark.org), with `code` and **more** than one word in it.\n\n"

Call: TypeAlias = Callable[[int], Awaitable[object]]


@attrs.frozen
class Row:
    """One row of the panel."""

    what: str
    alone: Timing
    beside: Timing
    """With the candidate."""
    statistics: ShadowStatistics
    """What became of the shadows."""


@attrs.frozen(kw_only=True)
class _Candidate:
    what: str
    call: Callable[[str], Awaitable[bytes]]
    config: ShadowConfig
    computes: bool = False
    wait_quiet: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint


class Isolation:
    """Measures rows, each when it is asked for. `primary` and `candidate` are the libraries that render."""

    def __init__(self, primary: Renderer, candidate: Renderer, *, calls: int = CALLS) -> None:
        self._primary_renderer = primary
        self._candidate = candidate
        self._calls = calls
        #: A text that takes the candidate about CPU_SECONDS on this machine.
        self._long_text = TEXT * max(1, round(100 * CPU_SECONDS / self._measure(TEXT * 100)))
        self.cpu_seconds = self._measure(self._long_text)
        """What it really takes."""

    async def harm(self, name: HarmName) -> Row:
        """The row of a candidate that is slow (1 s), hung (never returns), or failing (raises)."""
        # Every call gets its leg, so that none of the harm is shed: in production the default limit of 256 is kinder.
        room = 2 * self._calls
        if name == "slow":
            config = ShadowConfig(max_in_flight=room)
            return await self._measure_row(_Candidate(what="slow (1 s)", call=self._slow, config=config))
        if name == "hung":
            config = ShadowConfig(max_in_flight=room, shadow_timeout=0.5)
            return await self._measure_row(_Candidate(what="hung (for ever)", call=_hung, config=config))
        config = ShadowConfig(max_in_flight=room)
        return await self._measure_row(_Candidate(what="failing (raises)", call=_failing, config=config))

    async def computing_on_the_loop(self) -> Row:
        """The row of a candidate that computes on the caller's own event loop."""
        return await self._computing("on callers' loop", self._compute)

    async def computing_in_a_thread(self) -> Row:
        """The row of the same candidate in a worker thread.

        One is enough for two fifths of a core, and safe: marko's renderer keeps the document it is at.
        """
        backend = SyncBackend(self._compute_now, max_workers=1)

        async def wait_quiet() -> None:
            while backend.busy_threads:  # noqa: ASYNC110 - threads that were left behind tell nobody when they end
                await trio.sleep(0.01)

        return await self._computing("in a thread", backend.call, wait_quiet)

    async def _computing(
        self,
        what: str,
        call: Callable[[str], Awaitable[bytes]],
        wait_quiet: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint,
    ) -> Row:
        config = ShadowConfig(sample_rate=CPU_RATE)
        return await self._measure_row(
            _Candidate(what=what, call=call, config=config, computes=True, wait_quiet=wait_quiet)
        )

    # ── the two sides ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _primary(self, text: str) -> bytes:
        answer = self._primary_renderer.render(text)
        await trio.sleep(IO_SECONDS)
        return answer

    async def _slow(self, text: str) -> bytes:
        await trio.sleep(1)
        return self._candidate.render(text)

    async def _compute(self, text: str) -> bytes:
        return self._compute_now(text)

    def _compute_now(self, text: str) -> bytes:
        self._candidate.render(self._long_text)
        return self._candidate.render(text)

    def _measure(self, text: str) -> float:
        # The best of three: the others were disturbed.
        times = []
        for _ in range(3):
            start = time.perf_counter()
            self._candidate.render(text)
            times.append(time.perf_counter() - start)
        return min(times)

    # ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _measure_row(self, candidate: _Candidate) -> Row:
        async def alone(_: int) -> object:
            return await self._primary(TEXT)

        async def beside(number: int) -> object:
            return await shadower.call(TEXT, key=number)

        # A full garbage collection walks through every library that is imported here: 10 to 15 ms, so the p99 of one
        # row or another. What exists now is taken out of its way, as servers do after their start.
        gc.collect()
        gc.freeze()
        async with trio.open_nursery() as nursery:
            if not candidate.computes:
                nursery.start_soon(_stay_awake)
            times_alone = await _load(alone, self._calls // 2)
            async with Shadower(self._primary, candidate.call, candidate.config, name=candidate.what) as shadower:
                times_beside = await _load(beside, self._calls)
                await shadower.wait_idle()
                statistics = shadower.statistics()
            await candidate.wait_quiet()
            times_alone += await _load(alone, self._calls // 2)
            nursery.cancel_scope.cancel()
        return Row(candidate.what, Timing.of(times_alone), Timing.of(times_beside), statistics)


async def _hung(_: str) -> bytes:
    await trio.sleep_forever()


async def _failing(_: str) -> bytes:
    raise RuntimeError("this candidate always fails")


async def _stay_awake() -> None:
    # A loop that sleeps wakes up to 1 ms late (epoll counts whole ones), a busy one does not. So the primary alone took
    # 6.6 ms and with a candidate 6.1: an advantage that is none, and that would hide what a shadow costs. Not beside
    # threads that compute: they take the interpreter lock in each pass of the loop, and here passes never end.
    while True:
        await trio.lowlevel.checkpoint()


async def _load(call: Call, calls: int) -> list[float]:
    """Make so many calls at `PACE`, spread over the callers; how long each took from when it was due, in seconds."""
    times: list[float] = []
    start = trio.current_time()

    async def caller(first: int) -> None:
        for number in range(first, calls, CALLERS):
            due = start + number / PACE
            await trio.sleep_until(due)
            await call(number)
            times.append(trio.current_time() - due)

    async with trio.open_nursery() as nursery:
        for first in range(CALLERS):
            nursery.start_soon(caller, first)
    return times
