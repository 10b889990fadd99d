"""The scores of an operation, of its fields and its latency, frozen. Data only; `_judge.py` and `_latency.py` make
them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

from trioshadow._model.record import hidden

from ._field import Example

#: Blocks of time that an operation of few keys is looked at over.
BLOCKS_OF_FEW_KEYS = 10


class FieldState(enum.Enum):
    """What is known of a field, or of a whole operation."""

    CLEAN = "clean"
    """It is shown to differ by less than the objective allows, at the error level."""
    REGRESSED = "regressed"
    """It is shown to differ by more than the objective allows, at the error level."""
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
    """The fraction that differs beyond noise is at most this, at the error level: of calls, and of keys."""
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
    """How much calls and keys speak against "no more than is allowed", as a power of ten: 3 is a thousand to one."""
    blocks: tuple[int, int]
    """Blocks of time in which the shadow was worse, and in which the other side was (without a secondary: in which it
    was no worse than allowed)."""
    blocks_needed: int | None
    """How many more of the former it takes, if it is REGRESSED, to be a reason to reject. 0 if none; None if more than
    anybody waits for."""
    unpaired: int
    """Calls in which it differed and the secondary, though asked, gave nothing to compare. They count against CLEAN, as
    if the secondary had not differed, and not for REGRESSED."""
    calls_needed: float | None
    """If it merely DIFFERS: about so many more calls until it is CLEAN, if what comes is like what came. None: no
    number would do, or it is in another state."""
    again: tuple[int, int, int] | None
    """Of the sampling keys that were asked twice: in so many only the shadow differed both times, in so many only the
    secondary, and of how many. CLEAN must hold by these too. None: it has hardly any noise, or too few keys came again.
    """
    unlike_alone: bool
    """It differs far more often in the calls without a secondary than in the pairs, which then say nothing of these."""
    unasked: bool
    """It has noise, and too few keys came again to know whether it hides what is always wrong for some."""
    broken_since: float | None
    """Wall clock, in seconds since the epoch: since when it differs more than is allowed, whatever it did before. None:
    it does not now, or that is not known."""
    broken_blocks: int
    """Blocks of time in a row in which that was seen, up to the last in which it was; 0: it is not broken."""
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
    slow: tuple[str, ...]
    """Of `p50` and `p99`, which are worse than allowed, if it is REGRESSED."""
    calls: int
    """Of the shadow, that were timed."""
    calls_needed: float | None
    """How many more of them a TOO_FEW one needs, if they are like those so far; None if no number helps, or none is
    needed."""
    blocks: tuple[int, int]
    """As of a field."""
    blocks_needed: int | None
    """As of a field."""
    tested: bool
    """Was it compared call by call, for the limits that are asked for? Else it is never REGRESSED."""


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
    """Those that say something of the shadow: all but the abandoned, the ignored and the withheld."""
    ignored: int
    """Those that differed where `ShadowConfig.ignore_if` said that they do not count: neither good nor bad, and not
    covered."""
    withheld: int
    """Those in which the shadow refused since its copy of the request lacked credentials: see `Scorecard.withheld`."""
    secondary_withheld: int
    """Calls with a secondary that refused for the same reason: they tell nothing of the noise."""
    keys: float
    """Sampling keys of these, exact below 1,024, then give or take 3 %."""
    keyless: int
    """Compared calls without a key: each counts as a key of its own."""
    pairs: int
    """Compared calls with a secondary, of which both sides gave something to compare."""
    lost: Mapping[str, int]
    """Sampled calls that were not compared, by cause: `breaker` (it was open), `in_flight` (legs left no room, the
    candidate's or, where the primary is slow, waiting for it). Those that are zero are left out."""
    overdue: int
    """Calls in which the shadow's deadline passed, and the primary took longer than that itself: nothing is known."""
    lossy: bool
    """Are these, and the lost ones, more than the objective allows it to fail in? Then it is not covered."""
    blocks: int
    """Blocks of time that are over and in which calls of it were compared."""
    few_keys: bool
    """All its calls are of few keys, each of which has come often: they are judged by their calls, and over blocks of
    time."""
    seldom_keys: int
    """Of few keys, to which most calls belong, so many have come too seldom for that."""
    pooled: bool
    """It is too rare to be judged alone, and was together with others that are."""
    covered: bool
    """Was it found clean, latency included, alone or together with others, and were hardly any lost?"""
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
