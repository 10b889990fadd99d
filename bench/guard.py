"""What the guard costs: the stall meter and a breaker, on calls that are sampled and on those that are not.

As in `calls.py`: loops of calls with a body of 4 KB, whose backends do one checkpoint; for a step, shadows that do a
thousand. Without the guard means `max_step=inf` and no breaker; that bytes in flight are counted, and large
bodies looked for, can't be switched off, so it is on both sides.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable

import trio

from trioshadow import ShadowConfig, Shadower
from trioshadow.guard import Breaker

from lib.bare import BODY, backend
from lib.table import Row, Section, us
from lib.timing import Effort, Rounds

_STEPS = 1_000
_KEY = next(
    key for key in (b"%d" % number for number in range(100)) if not ShadowConfig(sample_rate=0.1).should_shadow(key)
)


async def _steps(request: bytes) -> bytes:
    for _ in range(_STEPS):
        await trio.lowlevel.checkpoint()
    return request


async def _calls(
    count: int,
    *,
    shadow: Callable[[bytes], Awaitable[bytes]] = backend,
    rate: float = 1.0,
    meter: bool = False,
    breaker: bool = False,
) -> float:
    config = ShadowConfig(sample_rate=rate, max_step=0.1 if meter else math.inf, shadow_timeout=60.0)
    async with Shadower(backend, shadow, config, breaker=Breaker() if breaker else None) as shadower:
        await shadower.call(BODY, key=_KEY)
        await shadower.wait_idle()
        start = time.perf_counter()
        for _ in range(count):
            await shadower.call(BODY, key=_KEY)
        await shadower.wait_idle()
        seconds = time.perf_counter() - start
        statistics = shadower.statistics()
        if statistics.matched + statistics.not_sampled != count + 1:
            raise AssertionError("the loop did not measure what it says")
    return seconds / count


def sections(effort: Effort) -> list[Section]:
    """Measure."""
    count = effort.calls

    def run(calls: int, **options: object) -> Callable[[], float]:
        return lambda: trio.run(lambda: _calls(calls, **options))  # type: ignore[arg-type]

    rounds = Rounds(
        {
            "unsampled": run(count, rate=0.1),
            "unsampled, guarded": run(count, rate=0.1, meter=True, breaker=True),
            "sampled": run(count),
            "metered": run(count, meter=True),
            "guarded": run(count, meter=True, breaker=True),
            "steps": run(2, shadow=_steps),
            "steps, metered": run(2, shadow=_steps, meter=True),
        },
        effort.rounds,
    )

    def of(name: str) -> str:
        return us(rounds.median(lambda one: one[name]))

    def ratio(name: str, against: str) -> float:
        return rounds.median(lambda one: one[name] / one[against])

    def per_step(name: str) -> float:
        return rounds.median(lambda one: one[name] / _STEPS)

    return [
        Section(
            "What the guard costs",
            [
                Row(
                    "call() not sampled, with stall meter and breaker",
                    of("unsampled, guarded"),
                    f"without, {of('unsampled')}",
                    ratio("unsampled, guarded", "unsampled"),
                ).hold_at_most(1.02),
                Row(
                    "call() sampled, matching, with the stall meter",
                    of("metered"),
                    f"without, {of('sampled')}",
                    ratio("metered", "sampled"),
                ).hold_at_most(1.1),
                Row(
                    "call() sampled, matching, with stall meter and breaker",
                    of("guarded"),
                    f"without, {of('sampled')}",
                    ratio("guarded", "sampled"),
                ).hold_at_most(1.1),
                Row(
                    "a step of a shadow, with the stall meter",
                    us(per_step("steps, metered")),
                    f"without, {us(per_step('steps'))}",
                    ratio("steps, metered", "steps"),
                ),
            ],
            ["A step is a checkpoint and what Trio's loop does for it."],
        )
    ]
