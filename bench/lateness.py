"""How late the event loop is while two large JSON bodies are compared: in place, in a thread, in a process.

A task sleeps for a millisecond again and again; how much later than that it wakes at the worst is the lateness. Each
row has the median of all rounds. The bodies have 5 MB each and differ in 10 places.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator

import trio

from trioshadow import Comparer, Divergence, ResponseRecord, ShadowConfig
from trioshadow.isolation import ProcessComparer, ThreadComparer

from lib.documents import ITEMS, MANY_ITEMS, changed, document, written
from lib.table import Row, Section, ms
from lib.timing import Effort, Rounds

_TICK = 0.001


class _InPlace:
    async def compare(self, primary: object, shadow: object, config: ShadowConfig, /) -> Divergence | None:
        await trio.lowlevel.checkpoint()
        return Divergence.compare(primary, shadow, config)


@contextlib.asynccontextmanager
async def _comparer(where: str) -> AsyncIterator[Comparer]:
    if where == "process":
        async with ProcessComparer() as comparer:
            yield comparer
    else:
        yield ThreadComparer() if where == "thread" else _InPlace()


async def _worst(where: str, primary: ResponseRecord, shadow: ResponseRecord) -> float:
    worst = 0.0

    async def ticks() -> None:
        nonlocal worst
        while True:
            before = trio.current_time()
            await trio.sleep(_TICK)
            worst = max(worst, trio.current_time() - before - _TICK)

    config = ShadowConfig()
    async with _comparer(where) as comparer:
        if await comparer.compare(primary, shadow, config) is None:
            raise AssertionError("the bodies differ")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ticks)
            await trio.sleep(0.01)
            worst = 0.0
            await comparer.compare(primary, shadow, config)
            await trio.sleep(2 * _TICK)  # a ticker that was held up has to wake before it can say so
            nursery.cancel_scope.cancel()
    return worst


def sections(effort: Effort) -> list[Section]:
    """Measure."""
    items = MANY_ITEMS if effort.rounds > 1 else ITEMS
    headers = {"content-type": "application/json"}
    primary, shadow = (ResponseRecord(written(made(items)), headers=headers) for made in (document, changed))
    size = len(primary.body)
    measured = {where: functools.partial(trio.run, _worst, where, primary, shadow) for where in _PLACES}
    rounds = Rounds(measured, min(11, effort.rounds))
    rows = []
    for where, told in _PLACES.items():
        late = rounds.median(lambda one, where=where: one[where])  # type: ignore[misc]
        row = Row(f"compared {told}", ms(late))
        if where == "process":
            row = Row(f"compared {told}", ms(late), "10 ms", late / 0.01).hold_at_most(1)
        rows.append(row)
    return [Section(f"Lateness of the loop while two JSON bodies of {size / 1e6:.1f} MB are compared", rows)]


_PLACES = {
    "place": "in place",
    "thread": "in a worker thread (the default)",
    "process": "in a worker process (ProcessComparer)",
}
