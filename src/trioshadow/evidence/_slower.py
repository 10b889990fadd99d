"""Slower? Each call's two latencies are compared with one another, at many limits at once.

The shadow's quantile q is at most `factor` times the primary's, T, if no more of its calls than 1 - q take longer than
factor*T. Of calls that take long on one side only, as many are to be expected on either (McNemar 1947): what makes both
slow, a large answer or a busy machine, cancels. That is tested, and the rate of the shadow's alone too. Which limit T
is the primary's quantile is not known, so the test is made at each bin of 1/32 octave: there *or* T is not in that bin,
which the primary's own latencies say. Rejected is what is rejected at every bin; within one, the shadow is held against
its upper edge and the primary against its lower, which gives away 2.2 %.

Calls in one stall are one observation. So it is counted too in how many *blocks* of time more of the calls were slow on
the shadow's side only, at the primary's quantile as it was when the block began, and in how many on the primary's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from ._blocks import Blocks
from ._bounds import coin_wealth, log_sum, rate_wealth, side_wealths

_PER_OCTAVE = 32
_LEAST = 1e-6
_BINS = 32 * _PER_OCTAVE
_NAMES = frozenset(map(str, range(_BINS + 1)))
_log2 = math.log2

#: Latencies that a quantile's place is looked for in, at first: fewer say nothing of a p99.
_FEW = 100


def _bin_of(seconds: float) -> int:
    return min(_BINS, int(_PER_OCTAVE * _log2(seconds / _LEAST)) + 1) if seconds > _LEAST else 0


class Slower:
    """Counts of one operation, for one quantile and one factor that it may be worse by."""

    __slots__ = ("_block", "_edge", "_only_primary", "_only_shadow", "_primary", "blocks", "total")

    def __init__(self) -> None:
        # By bin: how many of the primary's latencies are in it; and where calls begin and end to be slow on one side
        # only, of which the sums up to a bin are how many there are at its upper edge.
        # Dicts: most operations have few calls, or latencies that are much alike.
        self._primary: dict[int, int] = {}
        self._only_shadow: dict[int, int] = {}
        self._only_primary: dict[int, int] = {}
        self.total = 0
        self.blocks = Blocks()
        self._block = self._edge = -1

    def add(
        self, primary: float, shadow: float, *, factor: float, fast_enough: float, quantile: float, block: int
    ) -> None:
        """A call that was timed on both sides, in seconds."""
        of_primary = _bin_of(primary)
        # One bin less: the shadow is held against the upper edge of the bin whose lower edge the primary is.
        of_shadow = _bin_of(shadow / factor) - 1 if shadow > fast_enough else 0
        if block != self._block:
            self._block = block
            self._edge = self._place(quantile) if self.total >= _FEW else -1
        _count(self._primary, of_primary, 1)
        self.total += 1
        edge = self._edge
        if of_shadow > of_primary:
            _count(self._only_shadow, of_primary, 1)
            _count(self._only_shadow, of_shadow, -1)
            if of_primary <= edge < of_shadow:
                self.blocks.add(block, 1)
        elif of_shadow < of_primary:
            of_shadow = max(0, of_shadow)
            _count(self._only_primary, of_shadow, 1)
            _count(self._only_primary, of_primary, -1)
            if of_shadow <= edge < of_primary:
                self.blocks.add(block, -1)

    def _place(self, quantile: float) -> int:
        """The bin that the primary's quantile is in."""
        left = self.total * (1 - quantile)
        index = _BINS
        while index and left >= (count := self._primary.get(index, 0)):
            left -= count
            index -= 1
        return index

    def wealth(self, quantile: float) -> float:
        """The log-wealth against "the shadow's quantile is at most `factor` times the primary's", or 0 if that is
        less.
        """
        below, only_shadow, only_primary = map(_sums, self._counts())
        rate, total = 1 - quantile, self.total

        def at(index: int) -> tuple[float, float]:
            """Against "the primary's is in this bin and the shadow's is no worse"; and what of it the first part is."""
            lower = total - below[index - 1] if index else total
            too_low = side_wealths(lower, total, rate)[0]
            too_high = side_wealths(total - below[index], total, rate)[1]
            elsewhere = log_sum(too_low, too_high) - math.log(2 * 3)
            edge = max(0, index - 1)
            worse, better = only_shadow[edge], only_primary[edge]
            # By pairs; and, where all of the primary's are alike, so that these are in the bin, by the shadow's alone.
            slow = rate_wealth(total - below[edge] + worse - better, total, rate)
            found = log_sum(coin_wealth(worse, better), slow) - math.log(3)
            return log_sum(found, elsewhere), elsewhere

        least = math.inf
        place = self._place(quantile)
        # The further from there, the more do the primary's own latencies say that it is elsewhere.
        for steps in (range(place, -1, -1), range(place + 1, _BINS + 1)):
            for index in steps:
                wealth, elsewhere = at(index)
                least = min(least, wealth)
                if least <= 0:
                    return 0.0
                if elsewhere >= least:
                    break
        return least

    def update(self, other: Slower) -> None:
        """Add the counts of another."""
        for ours, theirs in zip(self._counts(), other._counts(), strict=True):
            for index, count in theirs.items():
                _count(ours, index, count)
        self.total += other.total
        self.blocks.update(other.blocks, self._block, other._block)

    def _counts(self) -> tuple[dict[int, int], dict[int, int], dict[int, int]]:
        return self._primary, self._only_shadow, self._only_primary

    def to_dict(self) -> dict[str, Any]:
        """Plain data: what is not zero, by number of the bin."""
        names = ("primary", "only_shadow", "only_primary")
        found: dict[str, Any] = {
            name: {str(index): count for index, count in sorted(counts.items()) if count}
            for name, counts in zip(names, self._counts(), strict=True)
        }
        return {**found, "blocks": self.blocks.to_list(self._block)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Slower:
        """What `to_dict()` gave. ValueError, TypeError or KeyError if it can't have."""
        slower = cls()
        names = ("primary", "only_shadow", "only_primary")
        for name, counts in zip(names, slower._counts(), strict=True):
            for index, count in data[name].items():
                if index not in _NAMES or type(count) is not int or abs(count) >= 2**62:
                    raise ValueError(
                        f"a bin has a number below {_BINS + 1} and a count, not {index!r:.20}: {count!r:.20}"
                    )
                counts[int(index)] = count
        slower.total = sum(slower._primary.values())
        slower.blocks = Blocks.from_list(data["blocks"])
        return slower


def _count(counts: dict[int, int], index: int, count: int) -> None:
    counts[index] = counts.get(index, 0) + count


def _sums(counts: dict[int, int]) -> list[int]:
    """By bin, of all up to it."""
    return list(accumulate([counts.get(index, 0) for index in range(_BINS + 1)]))
