"""Broken now: does a field differ more than is allowed *of late*, whatever it did before? An e-detector, in a few
floats.

A wealth that begins again with 1 whenever it is less (CUSUM; Shin, Ramdas, Rinaldo, "E-detectors", NEJSDS 2023) reaches
A in the mean once in A calls at most while nothing is wrong, however long that was. Alarms of all fields together come
at most once in `FALSE_ALARMS` calls: each has the share `_bounds.weight_of()` of that. (A mean over all time: what
differs in bursts, as while a side stalls, alarms each time. So it says "not now", and never "reject".)

What is bet is 1 + s*(X - a) a pair, with X and the allowed a of `_betting.py`, the noise taken as it was up to here;
without a secondary, X is 1 where the shadow differs, and the stakes are those of a rate of 1, 5, 30 and 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ._bounds import mean_of, weight_of
from ._plain import count_in, moment_in

FALSE_ALARMS = 1e6

#: Blocks after the last alarm in which the field still counts as broken.
COOL_DOWN = 10

#: A mean over four wealths may need more of one of them.
_OVER = math.log(4) + 1

_PAIRED = (0.2, 0.5, 0.8, 0.97)
_RATES = (0.01, 0.05, 0.3, 0.95)


def _stakes(allowed: float, *, paired: bool) -> list[float]:
    if paired:
        return [stake / (1 + allowed) for stake in _PAIRED]
    return [max(0.0, (rate - allowed) / (allowed * (1 - allowed))) for rate in _RATES]


class Moment(NamedTuple):
    """When something was seen."""

    call: int
    """It was the so-many-th call, or pair."""
    at: float
    """Wall clock, seconds since the epoch."""
    block: int


class Drift:
    """Of one field."""

    __slots__ = ("_elsewhere", "_last", "_wealths", "alarms", "block", "latest", "since")

    def __init__(self) -> None:
        self._wealths = [0.0] * 4
        self._last = 0
        self.since = 0.0
        """Wall clock: when the alarms of now began."""
        self.block = -1
        """Of the last alarm; -1: there was none."""
        self._elsewhere = False
        """Another process said that it is."""
        self.latest = 0.0
        """Wall clock: of that alarm."""
        self.alarms = 0
        """Blocks in a row with an alarm, up to that one."""

    def add(self, x: int, allowed: float, moment: Moment, *, order: int, paired: bool) -> None:
        """Of this call, or pair, X is `x`; of those since the last that was added it was 0."""
        stakes = _stakes(allowed, paired=paired)
        quiet = max(0, moment.call - self._last - 1)
        self._last = moment.call
        needed = math.log(FALSE_ALARMS) - weight_of(order)
        self._wealths = wealths = [
            # No more than it takes: what is over must not keep it going when all is well again.
            min(
                needed + _OVER,
                max(0.0, wealth + quiet * math.log1p(-stake * allowed)) + math.log1p(stake * (x - allowed)),
            )
            for wealth, stake in zip(self._wealths, stakes, strict=True)
        ]
        if x > 0 and mean_of(wealths) >= needed:
            self._alarm(moment.at, moment.block)

    def _alarm(self, at: float, block: int) -> None:
        if not self.is_on(block):
            self.since, self.alarms = at, 0
        self.latest = at
        if block != self.block:
            self.alarms = self.alarms + 1 if block == self.block + 1 else 1
            self.block = block

    def is_on(self, block: int, now: float = -math.inf, block_seconds: float | None = None) -> bool:
        """Does it count as broken in this block? What another process said, which has blocks of its own, holds until
        it is long ago at `now`, by the wall clock: when the latest call was compared.
        """
        if self._elsewhere and (block_seconds is None or now - self.latest <= COOL_DOWN * block_seconds):
            return True
        return self.block >= 0 and block - self.block <= COOL_DOWN

    def update(self, other: Drift, block: int, other_block: int) -> None:
        """It is broken if it is in either. Of each the block that it is in now; their blocks are not the same.

        Wealths are not added: who goes on counting has his own.
        """
        if other.is_on(other_block) and not (self.is_on(block) and self.since <= other.since):
            self.since, self.alarms = other.since, other.alarms
            self._elsewhere = True
        self.latest = max(self.latest, other.latest)

    def to_dict(self, block: int) -> dict[str, Any]:
        """Plain data: empty if it is not broken in this block."""
        return {"since": self.since, "latest": self.latest, "alarms": self.alarms} if self.is_on(block) else {}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Drift:
        """What `to_dict()` gave. ValueError, TypeError or KeyError if it can't have."""
        drift = cls()
        if data:
            drift.since, drift.latest = moment_in(data, "since"), moment_in(data, "latest")
            drift.alarms = count_in(data, "alarms")
            drift._elsewhere = True
        return drift
