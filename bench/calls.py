"""What a call costs: CPU time of `call()` in one task and in a hundred, sampled and not.

Loops of calls with a body of 4 KB, whose backends do one checkpoint and answer the request. Everything that a loop
causes is in its time: the shadows, the comparisons and the records too, since it ends with `wait_idle()`. Tight loops
on a loop that does nothing else: caches are warm, a real program pays somewhat more, and whoever waits for a database
will not find either.

What these rows do not tell: how much *later* a caller gets its answer (see the isolation rows).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import trio

from trioshadow import ShadowConfig, Shadower

from lib.bare import BODY, backend, diverging, leg, until_childless
from lib.table import Row, Section, us
from lib.timing import Effort, Rounds

_CALLERS = 100
_BURST = 64
_SOME = ShadowConfig(sample_rate=0.1)
#: With a seed that leaves the body itself out, as a key.
_SOME_OTHERS = next(
    config
    for config in (ShadowConfig(sample_rate=0.1, seed=seed) for seed in range(100))
    if not config.should_shadow(BODY)
)
#: A hundred callers that do nothing but call would fill the default room, and be shed.
_ROOMY = ShadowConfig(max_in_flight=100_000)
_NONE = ShadowConfig(sample_rate=0.0)
_KEY = next(key for key in (b"%d" % number for number in range(100)) if not _SOME.should_shadow(key))


# The loops are written out: a lambda or a partial around what is timed costs as much as a tenth of it.


async def _checkpoints(calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        await trio.lowlevel.checkpoint()
    return (time.perf_counter() - start) / calls


async def _primary(calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        await backend(BODY)
    return (time.perf_counter() - start) / calls


async def _not_sampled(calls: int, config: ShadowConfig, key: bytes | None) -> float:
    async with Shadower(backend, backend, config) as shadower:
        call = shadower.call
        start = time.perf_counter()
        for _ in range(calls):
            await call(BODY, key=key)
        seconds = time.perf_counter() - start
        _require(shadower.statistics().not_sampled == calls)
    return seconds / calls


async def _sampled(calls: int, shadow: Callable[[bytes], Awaitable[bytes]], callers: int = 1) -> float:
    async with Shadower(backend, shadow, _ROOMY) as shadower:

        async def caller(count: int) -> None:
            for _ in range(count):
                await shadower.call(BODY)

        # Once before the clock starts: idle hosts are part of a shadower that runs.
        await _at_once(callers, caller, 1)
        await shadower.wait_idle()
        start = time.perf_counter()
        await _at_once(callers, caller, max(1, calls // callers))
        await shadower.wait_idle()
        seconds = time.perf_counter() - start
        mirrored = shadower.statistics()
        _require(mirrored.matched + mirrored.diverged == mirrored.calls)
    return seconds / (mirrored.calls - callers)


async def _floor(calls: int, callers: int = 1) -> float:
    async with trio.open_nursery() as shadows:

        async def caller(count: int) -> None:
            for _ in range(count):
                shadows.start_soon(backend, BODY)
                await backend(BODY)

        each = max(1, calls // callers)
        start = time.perf_counter()
        await _at_once(callers, caller, each)
        await until_childless(shadows)
        seconds = time.perf_counter() - start
    return seconds / (each * callers)


async def _by_hand(calls: int) -> float:
    async with trio.open_nursery() as service:
        start = time.perf_counter()
        for _ in range(calls):
            service.start_soon(leg, backend, BODY)
            await backend(BODY)
        await until_childless(service)
        seconds = time.perf_counter() - start
    return seconds / calls


async def _at_once(callers: int, caller: Callable[[int], Awaitable[None]], count: int) -> None:
    if callers == 1:
        await caller(count)
        return
    async with trio.open_nursery() as nursery:
        for _ in range(callers):
            nursery.start_soon(caller, count)


async def _bursts(count: int) -> tuple[float, float]:
    """Of two bursts of legs, the first finds no idle host, the second one for each leg."""
    async with Shadower(backend, backend, _ROOMY) as shadower:
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            legs = [shadower.start(BODY) for _ in range(count)]
            for one in legs:
                one.primary_done(BODY)
            await shadower.wait_idle()
            seconds.append((time.perf_counter() - start) / count)
    return seconds[0], seconds[1]


def _require(condition: bool) -> None:
    if not condition:
        raise AssertionError("the loop did not measure what it says")


def sections(effort: Effort) -> list[Section]:
    """Measure."""
    count = effort.calls
    crowd_count = 3 * count  # its first calls find no idle hosts, and are not to be most of it

    def run(function: Callable[..., Awaitable[float]], *args: object) -> Callable[[], float]:
        return lambda: trio.run(function, count, *args)

    rounds = Rounds(
        {
            "checkpoint": run(_checkpoints),
            "primary": run(_primary),
            "off": run(_not_sampled, _NONE, None),
            "hashed": run(_not_sampled, _SOME_OTHERS, None),
            "left out": run(_not_sampled, _SOME, _KEY),
            "floor": run(_floor),
            "by hand": run(_by_hand),
            "sampled": run(_sampled, backend),
            "diverging": run(_sampled, diverging),
            "crowd floor": lambda: trio.run(_floor, crowd_count, _CALLERS),
            "crowd sampled": lambda: trio.run(_sampled, crowd_count, backend, _CALLERS),
        },
        effort.rounds,
    )
    bursts = Rounds({"bursts": lambda: trio.run(_bursts, min(_BURST, count))}, effort.rounds)

    def of(name: str) -> str:
        return us(rounds.median(lambda one: one[name]))

    def ratio(name: str, against: str) -> float:
        return rounds.median(lambda one: one[name] / one[against])

    def not_sampled(name: str, what: str) -> Row:
        row = Row(
            f"call() not sampled ({what}), beyond the bare primary",
            us(rounds.median(lambda one: one[name] - one["primary"])),
            f"one checkpoint, {of('checkpoint')}",
            rounds.median(lambda one: (one[name] - one["primary"]) / one["checkpoint"]),
        )
        return row if name == "hashed" else row.hold_at_most(0.35, ", try for 0.2")

    floor = f"start_soon + primary, {of('floor')}"
    crowd_floor = f"start_soon + primary, {of('crowd floor')}"
    return [
        Section(
            "What a call costs",
            [
                not_sampled("left out", "rate 0.1, a key that is left out"),
                not_sampled("off", "rate 0, no key given"),
                not_sampled("hashed", "rate 0.1, the body is the key: hashing 4 KB"),
                Row(
                    "call() sampled, matching, all in all", of("sampled"), floor, ratio("sampled", "floor")
                ).hold_at_most(3.5, ", try for 3.0"),
                Row(
                    "  beside it, bare Trio by hand: task, nursery, deadline, child",
                    of("by hand"),
                    floor,
                    ratio("by hand", "floor"),
                ),
                Row(
                    "  sampled call, against that",
                    of("sampled"),
                    f"by hand, {of('by hand')}",
                    ratio("sampled", "by hand"),
                ),
                Row(
                    "call() sampled, diverging: with record, channel and log",
                    of("diverging"),
                    f"matching, {of('sampled')}",
                    ratio("diverging", "sampled"),
                ),
                Row(
                    f"call() sampled, matching, {_CALLERS} callers at once",
                    of("crowd sampled"),
                    crowd_floor,
                    ratio("crowd sampled", "crowd floor"),
                ),
                Row(
                    f"a leg without an idle host (burst of {_BURST} on a new shadower)",
                    us(bursts.median(lambda one: one["bursts"][0])),
                    f"with one, {us(bursts.median(lambda one: one['bursts'][1]))}",
                    bursts.median(lambda one: one["bursts"][0] / one["bursts"][1]),
                ),
            ],
            [
                "CPU time per call and all that it causes; both backends do one checkpoint; bodies of 4 KB.",
                "Bare Trio by hand compares nothing, counts nothing, contains no errors: what the structure costs.",
            ],
        )
    ]
