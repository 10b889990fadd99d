"""Blocks of time in which one side was worse: the tosses of a coin that a burst can't weight.

What lasts for twenty seconds, a replica that lags or a pause of a collector, makes thousands of calls differ, and is
one thing that happened. If shadow and secondary are alike, then of the blocks in which one of them differed more often
it is either as often as the other, whatever happens within a block and however much. So blocks count as tosses, and
calls only say who won one.

A block is a minute (`Objective.block_seconds`), or 25 calls in the order in which they came. Processes see the
same minutes, and what goes on in one goes on in others: so their blocks are not added up, but the wealths of each are
averaged, which is one however much they depend on each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._bounds import coin_wealth, mean_of
from ._plain import count_in

#: Calls of a minute by which a rate is known at all.
CALLS_OF_BLOCK = 100


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
        self._others: list[tuple[int, int]] = []
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
        return sum(worse for worse, _ in parts), sum(better for _, better in parts)

    @property
    def series(self) -> int:
        """Of how many series there are any."""
        return len(self._parts(self._block))

    def wealth(self, block: int) -> float:
        """The log-wealth against "the shadow is worse in no more blocks than the other side", before this one."""
        return mean_of([coin_wealth(worse, better) for worse, better in self._parts(block)])

    def _parts(self, block: int) -> list[tuple[int, int]]:
        own = self._own(block)
        return [own, *self._others] if any(own) or not self._others else self._others

    def _own(self, block: int) -> tuple[int, int]:
        worse, better = self._counted() if block != self._block else (self._worse, self._better)
        if self.begun is not None:
            better = max(0, block - self.begun - 1 - worse)
        return worse, better

    def _counted(self) -> tuple[int, int]:
        return self._worse + (self._net > 0), self._better + (self._net < 0)

    def update(self, other: Blocks, block: int, other_block: int) -> None:
        """Add what another series has counted. Both up to a block of their own, which is not over yet."""
        parts = [self._own(block), other._own(other_block), *other._others]
        self._others = sorted(self._others + [part for part in parts if any(part)])
        self._worse = self._better = self._net = 0
        self._block, self.begun = -1, None

    def to_list(self, block: int) -> list[list[int]]:
        """Plain data, up to this block, which is not over yet."""
        return [list(part) for part in (self._own(block), *self._others) if any(part)]

    @classmethod
    def from_list(cls, data: Any) -> Blocks:
        """What `to_list()` gave. ValueError, TypeError or KeyError if it can't have."""
        blocks = cls()
        for worse, better in data:
            counts: Mapping[str, Any] = {"worse": worse, "better": better}
            blocks._others.append((count_in(counts, "worse"), count_in(counts, "better")))
        return blocks
