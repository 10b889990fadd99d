"""The isolation panel: the same primary alone, and with a candidate that is slow, hung, failing or computing.

Latency counts from the moment at which a call was due: a caller that could not even begin, because the event loop was
busy, has waited too ("coordinated omission" is the name for forgetting that).
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import attrs
import trio

from trioshadow import ShadowConfig, Shadower, ShadowStatistics
from trioshadow.isolation import SyncBackend

from .compare import PATIENCE
from .renderers import Renderer
from .rounds import Measured, measure

ROUNDS = 10
CALLS = 50
"""Of each way in a round."""
PACE = 1000.0
"""Calls a second: enough to be busy, and too little for them to get in each other's way."""
IO_SECONDS = 0.005
"""Stands in for what a primary waits for: a database, a service."""
SLOW_SECONDS = 0.05
"""What the slow candidate takes, and the deadline of the hung one."""
CPU_SECONDS = 0.02
"""What the computing candidate needs for one call."""
CPU_RATE = 0.02
"""The fraction of calls that is mirrored to it: 20 a second, two fifths of a core. All of them would need 20 cores."""

HARMS = ("slow", "hung", "failing")
_TEXT = "A *paragraph* of [Markdown](https://commonmark.org), with `code` and **more** than one word in it.\n\n"


async def measure_isolation(
    old: Renderer, new: Renderer, rounds: int, progress: Callable[[int], None]
) -> tuple[Measured, dict[str, ShadowStatistics]]:
    """Measure the callers of `old` with bad candidates made of `new`; and what became of the calls with each.

    `progress` is told how many rounds are done.
    """

    async def primary(text: str) -> str:
        html: str = old.html_of(text)
        await trio.sleep(IO_SECONDS)
        return html

    async with trio.open_nursery() as nursery, contextlib.AsyncExitStack() as stack:
        nursery.start_soon(_stay_awake)
        ways = {"alone": lambda: burst(lambda _: primary(_TEXT))}
        shadowers = {}
        for what, (shadow, config) in _candidates(new).items():
            shadowers[what] = await stack.enter_async_context(Shadower(primary, shadow, config, name=what))
            ways[what] = functools.partial(_burst_mirrored, shadowers[what])
        measured = await measure(ways, rounds, progress)
        nursery.cancel_scope.cancel()
    return measured, {what: shadower.statistics() for what, shadower in shadowers.items()}


def _candidates(new: Renderer) -> dict[str, tuple[Callable[[str], Awaitable[str]], ShadowConfig]]:
    async def slow(text: str) -> str:
        await trio.sleep(SLOW_SECONDS)
        return new.html_of(text)

    async def hung(_: str) -> NoReturn:
        await trio.sleep_forever()

    async def failing(_: str) -> NoReturn:
        raise RuntimeError("this candidate always fails")

    def compute(text: str) -> str:
        end = time.perf_counter() + CPU_SECONDS
        while time.perf_counter() < end:
            new.html_of(text)
        return new.html_of(text)

    async def compute_on_the_loop(text: str) -> str:
        return compute(text)

    every = ShadowConfig(max_step=PATIENCE)
    some = attrs.evolve(every, sample_rate=CPU_RATE)
    return {
        "slow": (slow, every),
        "hung": (hung, attrs.evolve(every, shadow_timeout=SLOW_SECONDS)),
        "failing": (failing, every),
        "computing on the loop": (compute_on_the_loop, some),
        "computing in a thread": (SyncBackend(compute, max_workers=1).call, some),
    }


async def _burst_mirrored(shadower: Shadower[str, Any, Any]) -> list[float]:
    seconds = await burst(lambda number: shadower.call(_TEXT, key=number))
    await shadower.wait_idle()
    return seconds


async def burst(call: Callable[[int], Awaitable[object]]) -> list[float]:
    """Make `CALLS` calls at `PACE`, each in a task of its own; how long each took from when it was due, in seconds."""
    times: list[float] = []
    start = trio.current_time()

    async def caller(number: int) -> None:
        due = start + number / PACE
        await trio.sleep_until(due)
        await call(number)
        times.append(trio.current_time() - due)

    async with trio.open_nursery() as nursery:
        for number in range(CALLS):
            nursery.start_soon(caller, number)
    return times


async def _stay_awake() -> None:
    # A loop that sleeps wakes up to 1 ms late (epoll counts whole ones), a busy one does not. So the primary alone took
    # 6.6 ms and with a candidate 6.1: an advantage that is none, and that would hide what a shadow costs.
    while True:
        await trio.lowlevel.checkpoint()
