"""What a call from another thread costs: not sampled, and of a mirrored sync function; and how much later it answers.

The first two are loops of calls in one worker thread, while the event loop has nothing else to do. A sampled call's own
cost is the CPU time of its thread: what the loop does with the leg takes the interpreter lock in turns with it, as any
other thread would, and is in the rows on calls. The last rows have eight threads whose primary waits for 5 ms, as a
query does.
"""

from __future__ import annotations

import functools
import random
import statistics
import threading
import time
from collections.abc import Callable

import trio

from trioshadow import ShadowConfig, Shadower, mirrored

from lib.bare import BODY, backend
from lib.table import Row, Section, ms, us
from lib.timing import Effort, Rounds

_SOME = ShadowConfig(sample_rate=0.1)
_KEY = next(key for key in (b"%d" % number for number in range(100)) if not _SOME.should_shadow(key))
_ROOMY = ShadowConfig(max_in_flight=100_000)
#: Calls between two waits until their legs are settled.
_BURST = 50
_THREADS = 8
_PRIMARY, _PAUSE = 0.005, 0.02

Sync = Callable[[bytes], bytes]


def _not_sampled(shadower: Shadower[bytes, bytes, bytes], calls: int) -> float:
    begin = shadower.start
    start = time.perf_counter()
    for _ in range(calls):
        begin(BODY, key=_KEY).primary_done(BODY)
    return (time.perf_counter() - start) / calls


async def _starts(calls: int, *, elsewhere: bool) -> float:
    async with Shadower(backend, backend, _SOME) as shadower:
        work = functools.partial(_not_sampled, shadower, calls)
        return await trio.to_thread.run_sync(work) if elsewhere else work()


async def _hop(calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        await trio.to_thread.run_sync(int)
    return (time.perf_counter() - start) / calls


def _same(request: bytes) -> bytes:
    return request


def _cpu_of(function: Sync, calls: int) -> float:
    start = time.thread_time()
    for _ in range(calls):
        function(BODY)
    return time.thread_time() - start


async def _own_cost(calls: int) -> float:
    """Of one call, beyond the primary."""
    function = mirrored(backend, _ROOMY)(_same)
    beyond = 0.0
    async with function.mirroring() as shadower:
        await trio.to_thread.run_sync(_cpu_of, function, _BURST)
        await shadower.wait_idle()
        rounds = max(1, calls // _BURST)
        for _ in range(rounds):
            beyond += await trio.to_thread.run_sync(_cpu_of, function, _BURST)
            await shadower.wait_idle()
            beyond -= await trio.to_thread.run_sync(_cpu_of, _same, _BURST)
        if shadower.statistics().matched != (rounds + 1) * _BURST:
            raise AssertionError("not all calls are mirrored and the same")
    return beyond / (rounds * _BURST)


def _query(request: bytes) -> bytes:
    time.sleep(_PRIMARY)
    return request


async def _hung(_: bytes) -> bytes:
    await trio.sleep_forever()
    raise AssertionError


async def _waited(seconds: float, *, shadowed: bool) -> tuple[float, float]:
    """p50 and p99 of callers in threads."""
    function = mirrored(_hung, ShadowConfig(drain_timeout=0))(_query)
    if not shadowed:
        return await _latencies(_query, seconds)
    async with function.mirroring():
        return await _latencies(function, seconds)


async def _latencies(function: Sync, seconds: float) -> tuple[float, float]:
    found: list[float] = []
    lock = threading.Lock()

    def caller(number: int) -> None:
        pauses, own = random.Random(number), []
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            function(BODY)
            own.append(time.perf_counter() - start)
            time.sleep(pauses.expovariate(1 / _PAUSE))
        with lock:
            found.extend(own)

    async with trio.open_nursery() as nursery:
        for number in range(_THREADS):
            nursery.start_soon(trio.to_thread.run_sync, caller, number)
    percentiles = statistics.quantiles(found, n=100)
    return percentiles[49], percentiles[98]


def sections(effort: Effort) -> list[Section]:
    """Measure."""
    costs = Rounds(
        {
            "here": lambda: trio.run(functools.partial(_starts, effort.calls, elsewhere=False)),
            "elsewhere": lambda: trio.run(functools.partial(_starts, effort.calls, elsewhere=True)),
            "hop": lambda: trio.run(_hop, effort.calls),
            "mirrored": lambda: trio.run(_own_cost, effort.calls),
        },
        effort.rounds,
    )
    waits = Rounds(
        {
            name: functools.partial(
                trio.run, functools.partial(_waited, effort.caller_seconds, shadowed=name == "hung")
            )
            for name in ("alone", "hung")
        },
        effort.caller_rounds,
    )

    def of(name: str) -> str:
        return us(costs.median(lambda one: one[name]))

    def later(what: str, which: int) -> Row:
        return Row(
            f"{what}, shadow hung, callers in {_THREADS} threads",
            ms(waits.median(lambda one: one["hung"][which])),
            f"alone, {ms(waits.median(lambda one: one['alone'][which]))}",
            waits.median(lambda one: one["hung"][which] / one["alone"][which]),
        ).hold_at_most(1.05)

    return [
        Section(
            "What a call from another thread costs",
            [
                Row(
                    "start() and primary_done(), not sampled, in a worker thread",
                    of("elsewhere"),
                    f"on the loop, {of('here')}",
                    costs.median(lambda one: one["elsewhere"] / one["here"]),
                ).hold_at_most(2),
                Row(
                    "a mirrored sync function in a worker thread, beyond the primary",
                    of("mirrored"),
                    f"trio.to_thread.run_sync(int), {of('hop')}",
                    costs.median(lambda one: one["mirrored"] / one["hop"]),
                ),
                later("p50", 0),
                later("p99", 1),
            ],
            ["Of the mirrored function the CPU time of its own thread; 30 µs are to be held."],
        )
    ]
