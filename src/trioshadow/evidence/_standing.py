"""Standings: what evidence says of each operation and field at one moment, as a few numbers, without a decision.

A report asks for them at many moments. It takes no part in what looks at a scorecard have kept (`_kept.py`), and adds
nothing to it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Self

import attrs

from ._evidence import Evidence
from ._field import FieldTally
from ._judge import Judge
from ._objective import Objective
from ._operation import ANYTHING
from ._scores import ratio

#: Fewer calls that differ are no reason to look.
_LEAST_DIFFERED = 5
#: Of "much worse": so many times the rate beyond noise of the whole, and so many standard errors above it.
_TIMES, _ERRORS = 2.0, 4.0


@attrs.frozen(kw_only=True)
class Counts:
    """Counts of one field of one operation; of `anything`, of all of its fields as one."""

    compared: int
    """Calls of the operation that say something of the shadow."""
    differed: int
    """Those in which the shadow differed from the primary in this field."""
    pairs: int
    """Calls with a secondary in which it could be seen whether the field differs."""
    secondary_differed: int
    """Those in which the secondary differed from the primary."""

    def since(self, earlier: Counts) -> Counts:
        """What came after the earlier ones; nothing where a table was full and these have fewer."""
        return Counts(**{name: max(0, getattr(self, name) - getattr(earlier, name)) for name in _COUNTS})

    @property
    def rate(self) -> float:
        """The fraction of the compared calls that differ."""
        return ratio(self.differed, self.compared)

    @property
    def noise(self) -> float | None:
        """The fraction of the pairs in which the secondary differed; None without pairs."""
        return ratio(self.secondary_differed, self.pairs) if self.pairs else None


_COUNTS = tuple(field.name for field in attrs.fields(Counts))


@attrs.frozen(kw_only=True)
class Standing(Counts):
    """The same, and what they say: the three below are those of a `FieldScore`, by the evidence of the moment alone."""

    rate_beyond_noise: float
    allowed: float
    log10_e_value: float

    @classmethod
    def of(cls, compared: int, judge: Judge, name: str, tally: FieldTally) -> Self:
        """That of one field."""
        score = judge.field(name, tally, judge.regressed_wealth(name, tally), regressed=False)
        return cls(
            compared=compared,
            differed=score.calls,
            pairs=score.pairs,
            secondary_differed=score.secondary_only + score.both,
            rate_beyond_noise=score.rate_beyond_noise,
            allowed=score.allowed,
            log10_e_value=score.log10_e_value,
        )


def standings(
    evidence: Evidence, objective: Objective, only: Mapping[str, Collection[str]] | None = None
) -> dict[tuple[str, str], Standing]:
    """By operation and field. Of each operation that was called, `anything` comes first.

    `only`: of these operations these fields, also those that nothing has differed in yet; None: all that there are.
    """
    with evidence.nothing_folded():
        rows = {name: row for name, row in evidence.rows() if row.calls and (only is None or name in only)}
        paired = any(row.asked for _, row in evidence.rows())
        found: dict[tuple[str, str], Standing] = {}
        for operation, row in rows.items():
            judge = Judge(operation, row, objective, {}, paired=paired)
            tallies = {ANYTHING: row.anything, **dict(judge.fields())}
            for field in tallies if only is None else only[operation]:
                tally = tallies.get(field) or FieldTally()
                found[operation, field] = Standing.of(row.compared, judge, field, tally)
        return found


def is_much_worse(latest: Counts, whole: Standing) -> bool:
    """Does a field differ far more often of late than in the whole? A rule for the eye, and no test: it has no error
    level.

    So it is if at least 5 calls differ, and their rate less the noise is at least twice that of the whole, and above
    it by more than is allowed and by four standard errors. Where no pair came of late, the noise is taken to be what
    it was.

    >>> whole = Standing(compared=100_000, differed=100, pairs=0, secondary_differed=0,
    ...     rate_beyond_noise=0.002, allowed=0.001, log10_e_value=0.0)
    >>> [is_much_worse(Counts(compared=3_600, differed=n, pairs=0, secondary_differed=0), whole) for n in (23, 24)]
    [False, True]
    """
    if latest.differed < _LEAST_DIFFERED:
        return False
    usual = whole.noise or 0.0
    noise = latest.noise
    excess = latest.rate - (usual if noise is None else noise)
    before = max(0.0, whole.rate - usual)
    variance = _variance(latest.differed, latest.compared)
    if noise is not None:
        variance += _variance(latest.secondary_differed, latest.pairs)
    above = excess - before
    return excess >= _TIMES * before and above > max(whole.allowed, _ERRORS * math.sqrt(variance))


def _variance(differed: int, of: int) -> float:
    """Of a rate, about; two calls more, one of which differs, so that none is without."""
    rate = (differed + 1) / (of + 2)
    return rate * (1 - rate) / (of + 2)
