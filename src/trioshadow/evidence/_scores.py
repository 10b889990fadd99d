"""The scores of an operation, of its fields and its latency, frozen. Data only; `_judging.py` and `_latency.py` make
them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

from trioshadow._model.record import hidden

from ._field import Example


class FieldState(enum.Enum):
    """What is known of a field, or of a whole operation."""

    CLEAN = "clean"
    """The upper bound of its rate beyond noise is at most what the objective allows."""
    REGRESSED = "regressed"
    """It differs beyond noise (without a secondary: more often than the objective allows), at the error level."""
    DIFFERS = "differs"
    """It was seen to differ, noise does not explain it, and it is neither of the above yet: to be looked at, and
    acknowledged or fixed."""
    UNVERIFIABLE = "unverifiable"
    """It differs in nearly every A/A' pair, so nothing can be said about the candidate."""
    TOO_FEW = "too_few"
    """Nothing speaks against it, and there is too little to speak for it."""


@attrs.frozen(kw_only=True)
class FieldScore:
    """One field of one operation."""

    field: str
    """`status`, `header etag`, `$.items[*].price`, `body`, `error`, `failed`, `timed out`, `too large`, `not compared`,
    `more changes`; `anything` for all of them as one, `(other fields)` for those that there was no room for."""
    state: FieldState
    acknowledged: bool
    """It decides nothing: `Objective.acknowledged` has it."""
    calls: int
    """Calls in which the shadow differed."""
    keys: float
    """Sampling keys of these, exact below 256."""
    rate: float
    """The fraction of the compared keys that differ."""
    rate_beyond_noise: float
    """The upper bound of the fraction that differs beyond noise, at the error level."""
    allowed: float
    """What the objective allows: `max_rate`, or `noise_margin` of the noise if that is more."""
    noise: float | None
    """The fraction of the A/A' pairs in which the secondary differed; None without pairs."""
    pairs: int
    """Calls with a secondary in which it could be seen; of these in so many ..."""
    shadow_only: int
    """... only the shadow differed, ..."""
    secondary_only: int
    """... only the secondary, ..."""
    both: int
    """... both, ..."""
    neither: int
    """... and neither."""
    log10_e_value: float
    """How much the counts speak against "as good as the primary", as a power of ten: 3 is a thousand to one."""
    examples: tuple[Example, ...] = attrs.field(repr=hidden)
    """The earliest, at most three."""


@attrs.frozen(kw_only=True)
class LatencyScore:
    """How long both sides of an operation take, in seconds; None where there is nothing yet.

    Backends of `trioshadow.isolation`, and functions that are mirrored and not async, are timed alone, where they run.
    """

    state: FieldState
    """CLEAN, REGRESSED or TOO_FEW."""
    judged: bool
    """False: the two sides could not be timed alike (a note of the scorecard says why), and latency decides nothing:
    it is CLEAN."""
    p50: tuple[float | None, float | None]
    """The primary's and the shadow's."""
    p95: tuple[float | None, float | None]
    p99: tuple[float | None, float | None]
    ratio: float | None
    """The shadow's p99 over the primary's."""
    cpu_p50: tuple[float | None, float | None]
    """Own CPU time, of a side that is timed alone; None for one that is async."""
    cpu_p99: tuple[float | None, float | None]
    queued_p99: float | None
    """What the shadow waited for a place in a limiter, for a worker, or for the loop in its thread: no part of the
    times above. None if it needs no place."""
    calls: int
    """Of the shadow, that were timed."""
    calls_needed: float | None
    """How many more of them a TOO_FEW one needs, if they are like those so far; None if no number helps, or none is
    needed."""


@attrs.frozen(kw_only=True)
class OperationScore:
    """One operation."""

    operation: str
    """Empty for the calls that nobody named, `(other)` for operations that there was no room for."""
    state: FieldState
    """The worst of its fields', those that are acknowledged left out; TOO_FEW if even no difference at all would not be
    enough."""
    calls: int
    mirrored: int
    not_mirrored: Mapping[str, int]
    """Calls that had no leg, by `Verdict`, those that are zero left out."""
    settled: int
    """Mirrored calls that have a verdict."""
    compared: int
    """Those that say something of the shadow: all but the abandoned."""
    keys: float
    """Sampling keys of these, exact below 1,024, then give or take 3 %."""
    keyless: int
    """Compared calls without a key: each counts as a key of its own."""
    pairs: int
    """Compared calls with a secondary, of which both sides gave something to compare."""
    covered: bool
    """Was it found clean, latency included?"""
    keys_needed: float | None
    """How many more keys it takes to be CLEAN, if what comes is like what came, and is as noisy on both sides. 0 if it
    is; None if no number of calls helps."""
    latency: LatencyScore
    fields: tuple[FieldScore, ...]
    """The fields that were seen to differ, worst and most first."""

    @property
    def name(self) -> str:
        """For people."""
        return self.operation or "(unnamed)"


def ratio(part: float, whole: float) -> float:
    """Which fraction of the whole a part is, in [0, 1]; 0 of nothing."""
    return min(1.0, part / whole) if whole else 0.0
