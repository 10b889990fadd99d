"""The callers of `soak.py`, and how long they waited. They live for the whole run: what they call changes.

Each draws from a source of its own, so that a seed gives each the same requests again; who comes first is the
scheduler's.
"""

from __future__ import annotations

import array
import random
import time
from collections.abc import Awaitable, Callable

import trio

from lib.soak.candidates import OPERATIONS, Refused, Request, draw, given
from lib.soak.watch import require

#: Latencies that are kept of one phase.
_KEPT = 100_000


class Waited:
    """Latencies of callers, in seconds: a sample of fixed size, in which each has the same chance to be."""

    def __init__(self) -> None:
        self._kept = array.array("d")  # a list of floats would be the growth that is looked for
        self.count = 0
        self._source = random.Random(0)

    def add(self, seconds: float) -> None:
        """One more."""
        self.count += 1
        if len(self._kept) < _KEPT:
            self._kept.append(seconds)
        elif (place := self._source.randrange(self.count)) < _KEPT:
            self._kept[place] = seconds

    def quantile(self, fraction: float) -> float:
        """That of the sample."""
        kept = sorted(self._kept)
        return kept[min(len(kept) - 1, int(len(kept) * fraction))]


class Callers:
    """`count` tasks, of which each calls, waits `pause` seconds on average, and calls again."""

    def __init__(self, count: int, pause: float, seed: int) -> None:
        self._count = count
        self._pause = pause
        self._seed = seed
        self.cancelled = 0
        #: What they call, with a request, a key and an operation; gives the answer.
        self.call: Callable[[Request, str | None, str], Awaitable[object]] = _not_yet
        #: Of the present phase.
        self.waited = Waited()

    async def run(self) -> None:
        """All of them, until cancelled."""
        async with trio.open_nursery() as nursery:
            for number in range(self._count):
                nursery.start_soon(self._caller, random.Random(f"{self._seed} {number}"), name=f"caller {number}")

    async def _caller(self, source: random.Random) -> None:
        await trio.sleep(source.random() * self._pause)
        while True:
            request = draw(source, source.randrange(1_000_000))
            key = None if source.random() < 0.5 else f"user {source.randrange(5000)}"
            operation = source.choice(OPERATIONS)
            patience = source.random() * 0.01 if source.random() < 0.05 else 60
            waited, begun = self.waited, time.perf_counter()
            with trio.move_on_after(patience) as scope:
                try:
                    answer = await self.call(request, key, operation)
                except Refused as refused:
                    require(refused is given.get(None), "the caller got another exception than the primary's")
                else:
                    require(answer is given.get(None), "the caller got another answer than the primary's")
            if scope.cancelled_caught:
                self.cancelled += 1
            else:
                waited.add(time.perf_counter() - begun)
            await trio.sleep(source.expovariate(1 / self._pause))


async def _not_yet(_: Request, __: str | None, ___: str) -> object:
    raise AssertionError("nobody said what to call")
