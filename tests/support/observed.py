"""Makes evidence for tests: calls of which it is known what differed."""

from __future__ import annotations

import math
from collections.abc import Iterable

from trioshadow import Verdict
from trioshadow.evidence import Epoch, Evidence, Observation
from trioshadow.evidence._blocks import Part
from trioshadow.evidence._field import FieldTally
from trioshadow.evidence._histogram import Histogram

#: An odd number: multiplying by it takes 64-bit numbers to each other, one to one, and far from where they were.
_ODD = 0x9E3779B97F4A7C15


def key_hash(number: int) -> int:
    """A hash for the key of this number, as well spread as those of real keys, and no two alike."""
    value = (number + 1) * _ODD % 2**64
    value ^= value >> 32
    value = value * _ODD % 2**64
    return value ^ (value >> 29)


REMEDY = "--forward-credential cookie"


def side(fields: Iterable[str] = (), seconds: float | None = 0.001, withheld: tuple[str, ...] = ()) -> Observation:
    """What a side came to that differs in these fields; or that failed, if that is one of them. `withheld`: what its
    copy of the request lacked, so that it refused.
    """
    named = {name: (f"old {name}", f"new {name}") for name in fields}
    verdict = Verdict.FAILED if "failed" in named else Verdict.DIVERGED if named else Verdict.MATCHED
    remedy = REMEDY if withheld else ""
    return Observation(verdict=verdict, fields=named, seconds=seconds, withheld=withheld, remedy=remedy)


def observe(
    evidence: Evidence,
    calls: int = 1,
    *,
    operation: str = "",
    shadow: Iterable[str] = (),
    secondary: Iterable[str] | None = None,
    key: int | None = 0,
    keys: int | None = None,
    seconds: tuple[float | None, float | None] = (0.001, 0.001),
    at: float = 0.0,
    withheld: tuple[str, ...] = (),
    secondary_withheld: tuple[str, ...] = (),
) -> None:
    """Count calls that are alike. Their keys are those from the number `key` on, `keys` of them in turn, or each its
    own; None: calls without a key. `seconds`: the primary's and the shadow's.
    """
    shadow, secondary = tuple(shadow), None if secondary is None else tuple(secondary)
    for number in range(calls):
        row = evidence.operation(operation)
        seen = side(shadow, seconds[1], withheld)
        row.counts[seen.verdict.slot] += 1
        of_key = None if key is None else key + number % (keys or calls)
        evidence.observe(
            row,
            seen,
            None if secondary is None else side(secondary, withheld=secondary_withheld),
            key=b"" if of_key is None else b"key %d" % of_key,
            key_hash=None if of_key is None else key_hash(of_key),
            at=at,
            primary_seconds=seconds[0],
        )


def new_evidence() -> Evidence:
    """Evidence of nothing yet."""
    return Evidence(Epoch("v2", "rules"), series="one")


def fill(
    evidence: Evidence,
    *,
    operation: str = "op",
    field: str = "f",
    matched: int = 0,
    differed: int = 0,
    only_shadow: int = 0,
    only_secondary: int = 0,
    both: int = 0,
    neither: int = 0,
    blocks: int = 0,
    seconds: float | None = 0.001,
) -> None:
    """Count calls without a key, as many as one likes: each is a key of its own, and exactly so. The first two have no
    secondary; all differ, if they do, in the one field. `blocks`: so many blocks of time in which the shadow was worse.
    """
    row = evidence.operation(operation)
    shadow, pairs = differed + only_shadow + both, only_shadow + only_secondary + both + neither
    row.counts[Verdict.DIVERGED.slot] += shadow
    calls = matched + differed + pairs
    row.counts[Verdict.MATCHED.slot] += calls - shadow
    row.keys.keyless += calls
    row.asked += pairs
    row.pairs += pairs
    row.pair_keys.keyless += pairs
    if seconds is not None:
        bins = int(8 * math.log2(seconds * 1e6))
        for histogram in (row.primary_seconds, row.shadow_seconds):
            histogram.update(Histogram.from_dict({str(bins): calls}) if calls else Histogram())
    if not shadow + only_secondary:
        return
    known = row.fields.get(field)
    tallies = [row.anything, FieldTally() if known is None else known]
    if known is None:
        row.fields[field] = tallies[1]
        tallies[1].order = sum(len(row.fields) for _, row in evidence.rows()) - 1
    first = next(name for name, count in enumerate((only_shadow, only_secondary, both, differed)) if count)
    for tally in tallies:
        tally.differed += shadow
        tally.alone += differed
        tally.keys.keyless += shadow
        tally.shadow_only += only_shadow
        tally.secondary_only += only_secondary
        tally.both += both
        tally.first = first if tally.first is None else tally.first
        for says, count in enumerate((only_shadow, only_secondary, both, differed)):
            tally.tosses._keyless[says] += count
        if blocks:
            tally.blocks._others.append(Part(blocks, 0))
