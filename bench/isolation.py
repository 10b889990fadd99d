"""Does the caller wait? Its p50 and p99 on the wall clock while the shadow misbehaves, against the primary alone.

A hundred callers call a primary that takes 5 ms (`trio.sleep`), each again after a random pause (exponential, so that
calls bunch as real ones do), 1,000 calls a second together; every call is sampled unless the row says otherwise. 'The
primary alone' is the same harness, the same callers and the same pauses, calling the primary without a shadower. Time
is from the caller's call to its answer. A round is one run of each variant, and the ratios are taken within rounds.

Hung and slow shadows fill `max_in_flight`, and further calls are shed: that is the design, and makes those calls
cheaper, so the share that was shed is printed, and there is a variant with room for all of them.

What these rows do not tell: what happens when the loop has no time left. A sampled call costs CPU (see the rows on
calls), and where the primary alone keeps the loop busy, that comes on top: the last rows show callers that never pause,
and a candidate that burns 20 ms of CPU on the caller's loop. No promise covers those; threads and sampling are the
remedies.
"""

from __future__ import annotations

import contextlib
import functools
import random
import statistics
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import trio

from trioshadow import ShadowConfig, Shadower
from trioshadow.isolation import SyncBackend

from lib.table import Row, Section, ms
from lib.timing import Effort, Rounds

Call = Callable[[bytes], Awaitable[object]]
Shadow = Callable[[bytes], Awaitable[bytes]]

_CALLERS = 100
_PRIMARY_SECONDS = 0.005
#: Mean pause of a caller between two calls: 100 callers make 1,000 calls a second.
PAUSE = 0.095
_DEFAULTS = ShadowConfig(drain_timeout=0)
_ROOM_FOR_ALL = ShadowConfig(drain_timeout=0, max_in_flight=100_000, shadow_timeout=0.5)


@dataclass(frozen=True)
class Latencies:
    """One variant in one round."""

    p50: float
    p99: float
    shed: float
    """The share of the calls that was shed."""


async def primary(request: bytes) -> bytes:
    """Take 5 ms."""
    await trio.sleep(_PRIMARY_SECONDS)
    return request


async def _slow(request: bytes) -> bytes:
    await trio.sleep(1)
    return request


async def _hung(request: bytes) -> bytes:
    await trio.Event().wait()
    return request


async def _failing(request: bytes) -> bytes:  # noqa: ARG001 - a backend takes one
    await trio.lowlevel.checkpoint()
    raise ValueError("the candidate is not ready")


async def _diverging(request: bytes) -> bytes:
    # As late as the primary, so that comparing falls on the callers' busiest moment.
    await trio.sleep(_PRIMARY_SECONDS)
    return _OTHERS[len(request)]


async def _burning(request: bytes) -> bytes:
    await trio.lowlevel.checkpoint()
    end = time.thread_time() + 0.02
    while time.thread_time() < end:
        pass
    return request


_BODIES = {"4 KB": bytes(4_096), "100 KB": bytes(102_400)}
_OTHERS = {len(body): body[:-1] + b"y" for body in _BODIES.values()}


@contextlib.asynccontextmanager
async def alone() -> AsyncIterator[tuple[Call, Callable[[], float]]]:
    """Call the primary without a shadower."""
    yield primary, lambda: 0.0


@contextlib.asynccontextmanager
async def _shadowed(shadow: Shadow, config: ShadowConfig) -> AsyncIterator[tuple[Call, Callable[[], float]]]:
    async with Shadower(primary, shadow, config) as shadower:

        def shed() -> float:
            statistics_now = shadower.statistics()
            return statistics_now.shed / max(1, statistics_now.calls)

        yield shadower.call, shed


@contextlib.asynccontextmanager
async def _threads_stuck() -> AsyncIterator[tuple[Call, Callable[[], float]]]:
    released = threading.Event()

    def stuck(request: bytes) -> bytes:
        released.wait()
        return request

    try:
        async with _shadowed(SyncBackend(stuck).call, _ROOM_FOR_ALL) as served:
            yield served
    finally:
        released.set()


Variant = Callable[[], AbstractAsyncContextManager[tuple[Call, Callable[[], float]]]]


async def measure(variant: Variant, body: bytes, seconds: float, pause: float = PAUSE) -> Latencies:
    """Have a hundred callers call it for so long."""
    latencies: list[float] = []

    async def caller(call: Call, number: int) -> None:
        pauses = random.Random(number)
        end = time.perf_counter() + seconds
        while True:
            wait = pauses.expovariate(1 / pause) if pause else 0.0
            if time.perf_counter() + wait > end:
                return
            if pause:
                await trio.sleep(wait)
            start = time.perf_counter()
            await call(body)
            latencies.append(time.perf_counter() - start)

    async with variant() as (call, shed):
        async with trio.open_nursery() as nursery:
            for number in range(_CALLERS):
                nursery.start_soon(caller, call, number)
        share = shed()
    percentiles = statistics.quantiles(latencies, n=100)
    return Latencies(percentiles[49], percentiles[98], share)


def _rounds(variants: dict[str, Variant], body: bytes, effort: Effort, pause: float = PAUSE) -> Rounds[Latencies]:
    runs = {
        name: functools.partial(trio.run, measure, variant, body, effort.caller_seconds, pause)
        for name, variant in variants.items()
    }
    return Rounds(runs, effort.caller_rounds)


def _rows(rounds: Rounds[Latencies], name: str, label: str, limit: float | None) -> list[Row]:
    shed = rounds.median(lambda one: one[name].shed)
    if shed:
        label += f" ({shed:.0%} shed)"
    rows = [
        _row(rounds, name, f"p50, {label}", lambda latencies: latencies.p50),
        _row(rounds, name, f"p99, {label}", lambda latencies: latencies.p99),
    ]
    return rows if limit is None else [row.hold_at_most(limit) for row in rows]


def _row(rounds: Rounds[Latencies], name: str, what: str, percentile: Callable[[Latencies], float]) -> Row:
    against = rounds.median(lambda one: percentile(one["alone"]))
    return Row(
        what,
        ms(rounds.median(lambda one: percentile(one[name]))),
        f"alone, {ms(against)}",
        rounds.median(lambda one: percentile(one[name]) / percentile(one["alone"])),
    )


def sections(effort: Effort) -> list[Section]:
    """Measure."""
    troubles: dict[str, Variant] = {
        "slow (1 s)": functools.partial(_shadowed, _slow, _DEFAULTS),
        "hung": functools.partial(_shadowed, _hung, _DEFAULTS),
        "hung, room for all, timeout 0.5 s": functools.partial(_shadowed, _hung, _ROOM_FOR_ALL),
        "failing": functools.partial(_shadowed, _failing, _DEFAULTS),
        "diverging": functools.partial(_shadowed, _diverging, _DEFAULTS),
    }
    threads: dict[str, Variant] = {"blocking in SyncBackend, all its threads stuck": _threads_stuck}
    burning: dict[str, Variant] = {
        "burning 20 ms of CPU, 2 % sampled": functools.partial(
            _shadowed, _burning, ShadowConfig(drain_timeout=0, sample_rate=0.02, key=_RandomKey())
        )
    }
    nothing: dict[str, Variant] = {"alone": alone}
    small = _rounds(nothing | troubles | threads | burning, _BODIES["4 KB"], effort)
    large = _rounds(nothing | troubles, _BODIES["100 KB"], effort)
    crowd = {"hung": troubles["hung"], "diverging": troubles["diverging"]}
    busy = _rounds(nothing | crowd, _BODIES["4 KB"], effort, pause=0)
    return [
        Section(
            "What the caller waits, bodies of 4 KB",
            [row for name in troubles | threads for row in _rows(small, name, name, 1.05)],
            [
                "100 callers, 1,000 calls a second together, primary 5 ms, every call sampled. Wall clock.",
                "Below 1: an idle loop sleeps in whole milliseconds (epoll), one that is woken by shadows does not.",
            ],
        ),
        Section(
            "What the caller waits, bodies of 100 KB",
            [row for name in troubles for row in _rows(large, name, name, None)],
        ),
        Section(
            "What no promise covers: CPU",
            [
                *(row for name in burning for row in _rows(small, name, name, None)),
                *(row for name in crowd for row in _rows(busy, name, f"{name}, callers that never pause", None)),
            ],
            ["Callers that never pause make as many calls as the loop can serve: what shadowing adds, they wait for."],
        ),
    ]


class _RandomKey:
    """Another key for each request: the requests here are all the same, and so would the decision be."""

    def __init__(self) -> None:
        self._random = random.Random(0)

    def __call__(self, request: bytes) -> bytes:  # noqa: ARG002 - that is its point
        return self._random.randbytes(8)
