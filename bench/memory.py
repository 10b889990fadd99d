"""What is held: bytes per leg in flight and per idle host, and what settled calls leave for the garbage collector.

Bytes by `tracemalloc`, over so many legs that what is shared vanishes; bodies are shared and not counted. By hand: the
structure of `_bare.leg` in the same state. Garbage: with the collector off, a thousand calls settle, then
`gc.collect()` says how many unreachable objects it found. A library that leaves none beyond Trio's own keeps no answer
and no exception alive until the next collection, and causes none.

What these rows do not tell: what the candidate itself holds while it runs, and what allocators keep.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Awaitable, Callable

import trio
import trio.testing

from trioshadow import ShadowConfig, Shadower, Verdict

from lib.bare import BODY, backend, diverging, failing, guarded_leg, hung, leg, until_childless
from lib.table import Row, Section, kib
from lib.timing import Effort

_TIMEOUT = 0.05
_AT_ONCE = 50

AsyncBackend = Callable[[bytes], Awaitable[bytes]]


def _held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def _leg_bytes(count: int) -> float:
    config = ShadowConfig(max_in_flight=2 * count, shadow_timeout=3_600, drain_timeout=0)
    async with Shadower(backend, hung, config) as shadower:
        before = _held()
        legs = [shadower.start(BODY) for _ in range(count)]
        await trio.testing.wait_all_tasks_blocked()
        after = _held()
        if shadower.statistics().in_flight != count:
            raise AssertionError("not all of the legs are in flight")
        for one in legs:
            one.abandon()
    return (after - before) / count


async def _leg_bytes_by_hand(count: int) -> float:
    async with trio.open_nursery() as service:
        before = _held()
        for _ in range(count):
            service.start_soon(leg, hung, BODY, 3_600)
        await trio.testing.wait_all_tasks_blocked()
        after = _held()
        service.cancel_scope.cancel()
    return (after - before) / count


async def _idle_host_bytes() -> tuple[float, int]:
    """Bytes of one, and how many stay after a burst."""
    async with Shadower(backend, backend) as shadower:

        async def burst(count: int) -> None:
            for one in [shadower.start(BODY) for _ in range(count)]:
                one.primary_done(BODY)
            await shadower.wait_idle()
            await trio.testing.wait_all_tasks_blocked()

        def hosts() -> int:
            return sum(
                nursery is not None and len(task.child_nurseries) > 0
                for nursery in trio.lowlevel.current_task().child_nurseries
                for task in nursery.child_tasks
            )

        await burst(1)
        before, hosts_before = _held(), hosts()
        await burst(256)
        kept = hosts() - hosts_before
        size = _held() - before
    return size / max(1, kept), kept + 1


async def _garbage(shadow: AsyncBackend, verdict: Verdict, count: int) -> float:
    """Objects per call."""
    config = ShadowConfig(shadow_timeout=_TIMEOUT, drain_timeout=0)
    async with Shadower(backend, shadow, config) as shadower:

        async def some(calls: int) -> None:
            for _ in range(calls):
                await shadower.call(BODY)
            await shadower.wait_idle()
            await trio.testing.wait_all_tasks_blocked()

        await some(_AT_ONCE)
        found = await _found(some, count)
        if getattr(shadower.statistics(), verdict.value) != _AT_ONCE + count:
            raise AssertionError(f"not all calls are {verdict.value}")
    return found / count


async def _garbage_by_hand(shadow: AsyncBackend, count: int) -> float:
    async with trio.open_nursery() as service:

        async def some(calls: int) -> None:
            for _ in range(calls):
                service.start_soon(guarded_leg, shadow, BODY, _TIMEOUT)
                await backend(BODY)
            await until_childless(service)

        await some(_AT_ONCE)
        found = await _found(some, count)
    return found / count


async def _found(some: Callable[[int], Awaitable[None]], count: int) -> int:
    gc.collect()
    gc.disable()
    try:
        for _ in range(count // _AT_ONCE):
            await some(_AT_ONCE)
        return gc.collect()
    finally:
        gc.enable()


def sections(effort: Effort) -> list[Section]:
    """Measure."""
    count = effort.calls // _AT_ONCE * _AT_ONCE
    tracemalloc.start()
    try:
        leg_size = trio.run(_leg_bytes, count)
        leg_size_by_hand = trio.run(_leg_bytes_by_hand, count)
        host_size, hosts = trio.run(_idle_host_bytes)
    finally:
        tracemalloc.stop()
    rows = [
        Row(
            "a leg in flight, shadow hung",
            kib(leg_size),
            f"by hand, {kib(leg_size_by_hand)}",
            leg_size / leg_size_by_hand,
        ),
        Row(f"an idle host (of {hosts} that stay after a burst of 256)", kib(host_size)),
    ]
    for name, shadow, verdict in (
        ("matched", backend, Verdict.MATCHED),
        ("diverged", diverging, Verdict.DIVERGED),
        ("failing", failing, Verdict.FAILED),
        ("timed-out", hung, Verdict.TIMED_OUT),
    ):
        garbage = trio.run(_garbage, shadow, verdict, count)
        by_hand = trio.run(_garbage_by_hand, shadow, count)
        rows.append(
            Row(
                f"garbage left by a {name} call",
                f"{garbage:.2f} objects",
                f"by hand, {by_hand:.2f}",
                None,
                "none beyond Trio's",
                garbage <= by_hand,
            )
        )
    return [Section("What is held", rows)]
