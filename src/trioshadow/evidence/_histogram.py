"""Latencies as counts in bins whose widths grow with the value, so that histograms of many processes can be added up.

Eight bins an octave: a bin's upper edge is 9 % above its lower one, so a quantile that is read as the middle of its bin
is off by at most 4.4 %. From 1 µs to 4,000 s; what lies outside is counted in the first or the last bin.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any, Self

from ._plain import count_in

_PER_OCTAVE = 8
_LEAST = 1e-6
_OCTAVES = 32
_BINS = _OCTAVES * _PER_OCTAVE
_NAMES = frozenset(map(str, range(_BINS)))
_log2 = math.log2

#: Places are four times as fine as bins.
_FINER = 2
PLACES_PER_OCTAVE = _PER_OCTAVE << _FINER
PLACES = _BINS << _FINER
_LAST = PLACES - 0.5
_MOST = _LEAST * 2.0**_OCTAVES * 0.99


def place_of(seconds: float) -> float:
    """Where a latency lies on a scale of 32 an octave, from 1 µs on, in [0, 1024); -1 if it is 1 µs or less.

    Whoever counts it in more than one way asks for it once: the logarithm is what counting costs most.
    """
    if _LEAST < seconds < _MOST:
        return PLACES_PER_OCTAVE * _log2(seconds * 1e6)
    return _LAST if seconds > _LEAST else -1.0


#: Where a bin ends and the next begins, in seconds. The first also has what is less, and the last what is more; and
#: before the first, at index -1, is 0.
_UPPER = (*(_LEAST * 2 ** ((index + 1) / _PER_OCTAVE) for index in range(_BINS - 1)), math.inf, 0.0)
_ENDS = _UPPER[:_BINS]


def _middle(index: int) -> float:
    return _LEAST * 2 ** ((index + 0.5) / _PER_OCTAVE)


class Histogram:
    """Counts by latency: eight bins an octave, from 1 µs to 4,000 s."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        # By index: a dict's get and set cost twice as much, twice a mirrored call. Empty until there is one: of most of
        # an operation's histograms there is none.
        self._counts: list[int] = []

    def add(self, seconds: float) -> None:
        """Count one."""
        self.add_at(place_of(seconds))

    def add_at(self, place: float) -> None:
        """Count one, of which `place_of()` is known."""
        if not self._counts:
            self._counts = [0] * _BINS
        self._counts[int(place) >> _FINER if place > 0 else 0] += 1

    @property
    def total(self) -> int:
        """How many were counted."""
        return sum(self._counts)

    @property
    def seconds(self) -> float:
        """All of them added up, give or take 4.4 %: each as the middle of its bin."""
        return sum(count * _middle(index) for index, count in self.bins())

    def bins(self) -> list[tuple[int, int]]:
        """Number and count of each bin that has any. Bin i begins at 1 µs * 2**(i/8)."""
        return [(index, count) for index, count in enumerate(self._counts) if count]

    def quantile(self, fraction: float) -> float | None:
        """The latency in seconds that this fraction, in (0, 1], does not pass, give or take 4.4 %; None without any."""
        return self.quantiles(fraction)[0]

    def quantiles(self, *fractions: float) -> list[float | None]:
        """The same of several."""
        reached = list(accumulate(self._counts))
        if not reached or not (total := reached[-1]):
            return [None] * len(fractions)
        return [_middle(bisect_left(reached, max(1, fraction * total - 1e-9), hi=_BINS - 1)) for fraction in fractions]

    def edges(self) -> list[tuple[float, int]]:
        """Upper edges of the bins that have any, rising, each with how many latencies lie above it for certain."""
        above = self.total
        edges: list[tuple[float, int]] = []
        for index, count in self.bins():
            above -= count
            edges.append((_UPPER[index], above))
        return edges

    def lower_edges(self) -> list[tuple[float, int]]:
        """Lower edges of the bins that have any, rising, each with how many latencies lie below it for certain."""
        below = 0
        edges: list[tuple[float, int]] = []
        for index, count in self.bins():
            edges.append((_UPPER[index - 1], below))
            below += count
        return edges

    def above(self, seconds: float) -> tuple[int, int]:
        """How many lie above this, at least and at most: the bin that it falls into is not known in detail."""
        if not self._counts:
            return 0, 0
        first = bisect_right(_ENDS, seconds)
        at_most = sum(self._counts[first:])
        # Those of a bin that begins where it says lie above, too.
        return at_most - (self._counts[first] if _UPPER[first - 1] < seconds else 0), at_most

    def update(self, other: Histogram) -> None:
        """Add the counts of another."""
        # Most that are added are empty: of operations that are folded, on the time of a caller who brought a new name.
        # With a new one in each call that took 96 µs a call, and takes 46.
        if other._counts:
            self._counts = self._counts or [0] * _BINS
            for index, count in other.bins():
                self._counts[index] += count

    @classmethod
    def merge(cls, histograms: Iterable[Histogram]) -> Self:
        """The counts of all of them, as a new one."""
        merged = cls()
        # One call a bin, and not `update()` for each histogram: those of 514 operations in 1.1 ms instead of 5.
        columns = zip(*(histogram._counts for histogram in histograms if histogram._counts), strict=True)  # noqa: SLF001 - of this class
        merged._counts = [sum(column) for column in columns]
        return merged

    def to_dict(self) -> dict[str, object]:
        """Plain data: count by number of the bin, empty ones left out. Bin i begins at 1 µs * 2**(i/8)."""
        return {str(index): count for index, count in self.bins()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Histogram:
        """What `to_dict()` gave. ValueError or TypeError if it can't have."""
        histogram = cls()
        for index in data:
            histogram._counts = histogram._counts or [0] * _BINS
            if index not in _NAMES:
                raise ValueError(f"a bin of a histogram has a number below {_BINS}, not {index!r:.20}")
            histogram._counts[int(index)] = number = count_in(data, index)
            if not number:
                raise ValueError("a histogram has counts, from 1 on")
        return histogram
