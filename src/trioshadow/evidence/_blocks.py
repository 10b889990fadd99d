"""Blocks of time in which one side was worse: the tosses of a coin that a burst can't weight.

What lasts for twenty seconds, a replica that lags or a pause of a collector, makes thousands of calls differ, and is
one thing that happened. If shadow and secondary are alike, then of the blocks in which one of them differed more often
it is either as often as the other, whatever happens within a block and however much. So blocks count as tosses, and
calls only say who won one.

A block is a minute (`Objective.block_seconds`), or 25 calls in the order in which they came. Processes see the
same minutes, and what goes on in one goes on in others: so their blocks are not added up, but the wealths of each are
averaged, which is one however much they depend on each other. A process that begins when another has ended sees other
minutes: it goes on with that one's wealth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ._bounds import coin_wealth, mean_of
from ._plain import count_in, moment_in

#: Calls of a minute by which a rate is known at all.
CALLS_OF_BLOCK = 100


class Span(NamedTuple):
    """When a part was counted, by the wall clock, in seconds since the epoch."""

    began: float
    ended: float


#: Of which it is not known: beside all others.
ALWAYS = Span(0.0, math.inf)


class Part(NamedTuple):
    """Blocks of one series."""

    worse: int
    """In which the shadow was worse, ..."""
    better: int
    """... and in which the other side was."""
    span: Span = ALWAYS


def _in_turn(parts: Sequence[Part]) -> list[tuple[int, int]]:
    """Those that came one after the other added up, whatever is in them: of the rest each by itself."""
    chains: list[Part] = []
    for part in sorted(parts, key=lambda part: part.span):
        for index, chain in enumerate(chains):
            if chain.span.ended < part.span.began:
                worse, better = chain.worse + part.worse, chain.better + part.better
                chains[index] = Part(worse, better, Span(chain.span.began, part.span.ended))
                break
        else:
            chains.append(part)
    return [(chain.worse, chain.better) for chain in chains]


class Blocks:
    """Of one field, or of one operation's latencies."""

    __slots__ = ("_better", "_block", "_net", "_others", "_worse", "begun")

    def __init__(self) -> None:
        self._worse = self._better = 0
        self._block = -1
        self._net = 0
        self.begun: int | None = None
        """Without a secondary: since which block the shadow is the worse side in a block or is not, so that each block
        counts; that one does not."""
        self._others: list[Part] = []
        """What was counted elsewhere: one for each series."""

    def add(self, block: int, x: int) -> None:
        """In this block, the shadow was worse once more (1), or the other side was (-1)."""
        if block != self._block:
            self._worse, self._better = self._counted()
            self._block, self._net = block, 0
        self._net += x

    def counts(self, block: int) -> tuple[int, int]:
        """Blocks before this one, of all series, in which the shadow was worse, and in which the other side was."""
        parts = self._parts(block)
        return sum(part.worse for part in parts), sum(part.better for part in parts)

    @property
    def series(self) -> int:
        """Of how many series there are any, of those that came one after the other as one."""
        return len(_in_turn(self._parts(self._block)))

    def wealth(self, block: int) -> float:
        """The log-wealth against "the shadow is worse in no more blocks than the other side", before this one."""
        return mean_of([coin_wealth(worse, better) for worse, better in _in_turn(self._parts(block))])

    def _parts(self, block: int, span: Span = ALWAYS) -> list[Part]:
        worse, better = self._own(block)
        return [Part(worse, better, span), *self._others] if worse or better or not self._others else self._others

    def _own(self, block: int) -> tuple[int, int]:
        worse, better = self._counted() if block != self._block else (self._worse, self._better)
        if self.begun is not None:
            better = max(0, block - self.begun - 1 - worse)
        return worse, better

    def _counted(self) -> tuple[int, int]:
        return self._worse + (self._net > 0), self._better + (self._net < 0)

    def update(
        self, other: Blocks, block: int, other_block: int, span: Span = ALWAYS, other_span: Span = ALWAYS
    ) -> None:
        """Add what another series has counted. Both up to a block of their own, which is not over yet; and when."""
        parts = [*self._parts(block, span), *other._parts(other_block, other_span)]
        self._others = sorted(part for part in parts if part.worse or part.better)
        self._worse = self._better = self._net = 0
        self._block, self.begun = -1, None

    def to_list(self, block: int, span: Span = ALWAYS) -> list[list[float | None]]:
        """Plain data, up to this block, which is not over yet. None for what never ends."""
        return [
            [part.worse, part.better, part.span.began, part.span.ended if part.span.ended < math.inf else None]
            for part in self._parts(block, span)
            if part.worse or part.better
        ]

    @classmethod
    def from_list(cls, data: Any) -> Blocks:
        """What `to_list()` gave. ValueError, TypeError or KeyError if it can't have."""
        blocks = cls()
        for worse, better, began, ended in data:
            told: Mapping[str, Any] = {"worse": worse, "better": better, "began": began, "ended": ended}
            span = Span(moment_in(told, "began"), math.inf if ended is None else moment_in(told, "ended"))
            blocks._others.append(Part(count_in(told, "worse"), count_in(told, "better"), span))
        return blocks
