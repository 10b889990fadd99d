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
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import attrs

from ._blocks import Blocks
from ._bounds import coin_wealth, log_sum, rate_wealth, side_wealths
from ._histogram import PLACES, PLACES_PER_OCTAVE, place_of
from ._objective import Objective

#: The first bin, 0, has what is 1 µs or less.
_BINS = PLACES
_NAMES = frozenset(map(str, range(_BINS + 1)))

#: Latencies that a quantile's place is looked for in, at first: fewer say nothing of a p99.
_FEW = 100


@attrs.frozen
class Quantile:
    """One that an objective may ask for."""

    name: str
    part: float
    """Of the latencies, so many are no longer than it."""
    limit: str
    """The parameter of the objective."""

    def factor(self, objective: Objective) -> float | None:
        """What the shadow's may be over the primary's; None: it is not asked for."""
        factor: float | None = getattr(objective, self.limit)
        return factor


QUANTILES = (Quantile("p50", 0.5, "max_p50_ratio"), Quantile("p99", 0.99, "max_p99_ratio"))


class Slower:
    """Counts of one operation, for one quantile, in (0, 1), and one factor that it may be worse by, in [1, inf). What
    is `fast_enough`, in seconds, is not slow.
    """

    __slots__ = (
        *("_block", "_edge", "_only_primary", "_only_shadow", "_primary", "_slow", "_wider"),
        *("blocks", "quantile", "total"),
    )

    def __init__(self, quantile: float, factor: float, fast_enough: float) -> None:
        self.quantile = quantile
        self._wider = PLACES_PER_OCTAVE * math.log2(factor)
        self._slow = max(place_of(fast_enough), self._wider)
        # By bin: how many of the primary's latencies are in it; and where calls begin and end to be slow on one side
        # only, of which the sums up to a bin are how many there are at its upper edge.
        # Dicts: most operations have few calls, or latencies that are much alike.
        self._primary: dict[int, int] = {}
        self._only_shadow: dict[int, int] = {}
        self._only_primary: dict[int, int] = {}
        self.total = 0
        self.blocks = Blocks()
        self._block = self._edge = -1

    def add(self, primary: float, shadow: float, block: int) -> None:
        """A call that was timed on both sides, each by its `place_of()`."""
        of_primary = int(primary) + 1
        # One bin less: the shadow is held against the upper edge of the bin whose lower edge the primary is.
        of_shadow = int(shadow - self._wider) if shadow > self._slow else 0
        if block != self._block:
            self._block = block
            self._edge = self._place() if self.total >= _FEW else -1
        self.total += 1
        # Written out: a function that counts one, called three times, takes a third of all this.
        counts = self._primary
        counts[of_primary] = counts.get(of_primary, 0) + 1
        if of_shadow > of_primary:
            counts = self._only_shadow
            counts[of_primary] = counts.get(of_primary, 0) + 1
            counts[of_shadow] = counts.get(of_shadow, 0) - 1
            if of_primary <= self._edge < of_shadow:
                self.blocks.add(block, 1)
        elif of_shadow < of_primary:
            counts = self._only_primary
            counts[of_shadow] = counts.get(of_shadow, 0) + 1
            counts[of_primary] = counts.get(of_primary, 0) - 1
            if of_shadow <= self._edge < of_primary:
                self.blocks.add(block, -1)

    def _place(self) -> int:
        """The bin that the primary's quantile is in."""
        left = self.total * (1 - self.quantile)
        for index in sorted(self._primary, reverse=True):
            left -= self._primary[index]
            if left < 0:
                return index
        return 0

    def wealth(self) -> float:
        """The log-wealth against "the shadow's quantile is at most `factor` times the primary's", or 0 if that is
        less.
        """
        rate, total, place = 1 - self.quantile, self.total, self._place()
        sums: Sequence[Sequence[int] | _UpTo] = [_UpTo(counts) for counts in self._counts()]

        def at(index: int) -> tuple[float, float]:
            """Against "the primary's is in this bin and the shadow's is no worse"; and what of it the first part is."""
            below, only_shadow, only_primary = sums
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

        least = at(place)[0]
        if least <= 0:  # as of most operations: to add up all bins for each would take half of a scorecard's time
            return 0.0
        sums = [_sums(counts) for counts in self._counts()]
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
                ours[index] = ours.get(index, 0) + count
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

    def take(self, data: Mapping[str, Any]) -> None:
        """Begin with what `to_dict()` gave, of the same quantile and limits. ValueError, TypeError or KeyError if it
        can't have.
        """
        names = ("primary", "only_shadow", "only_primary")
        for name, counts in zip(names, self._counts(), strict=True):
            for index, count in data[name].items():
                if index not in _NAMES or type(count) is not int or abs(count) >= 2**62:
                    raise ValueError(
                        f"a bin has a number below {_BINS + 1} and a count, not {index!r:.20}: {count!r:.20}"
                    )
                counts[int(index)] = count
        self.total = sum(self._primary.values())
        self.blocks = Blocks.from_list(data["blocks"])


def slowers(objective: Objective) -> dict[str, Slower]:
    """One for each quantile that is asked for, by its name."""
    return {
        quantile.name: Slower(quantile.part, factor, objective.fast_enough)
        for quantile in QUANTILES
        if (factor := quantile.factor(objective)) is not None
    }


class _UpTo:
    """By bin, of all up to it: for one or two of them."""

    def __init__(self, counts: dict[int, int]) -> None:
        self._counts = counts

    def __getitem__(self, index: int) -> int:
        return sum([count for bin_, count in self._counts.items() if bin_ <= index])


def _sums(counts: dict[int, int]) -> list[int]:
    """By bin, of all up to it."""
    return list(accumulate([counts.get(index, 0) for index in range(_BINS + 1)]))
