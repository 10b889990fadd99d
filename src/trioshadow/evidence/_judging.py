"""From evidence to a scorecard: each state by its formula. Pure; the mathematics is in `_bounds.py`.

For a field, x of K keys differ; of m A/A' pairs, b have a difference of the shadow only, c of the secondary only. At
the error level alpha, and for the objective's `max_rate` r:

- *rate beyond noise*: without pairs the upper bound U(x, K) at alpha. With pairs U(x, K) at alpha/2; and once noise was
  seen the lesser of that and of U(b+c, m) * (2*U(b, b+c) - 1), each at alpha/4: how often the two disagree, times how
  far from a fair coin. There b, c and m are scaled down to the number of keys, as if all calls of a key said the same.
  Without noise that would hide what a key with few calls shows behind one with many.
- *noise*: the fraction of the pairs in which the secondary differs.
- *allowed*: r, or `noise_margin` times the noise n, or times 1 - n from one half on, where that is more and 10 pairs or
  more have shown it. There is no more room than 1 - n: with n of 0.85 a candidate that always differs adds 0.15.
- *wealth*: of the pairs, where b > c, again scaled down to the number of keys; while c is 0, of the keys by which only
  the shadow differs. 1 at most where b <= c. Without pairs that against "at most r of the keys differ".

The first of these that is so:

  1. CLEAN: the rate beyond noise is at most what is allowed, and the field is not unverifiable.
  2. REGRESSED: e-BH over all fields that are not acknowledged rejects, and `min_keys` keys differ.
  3. UNVERIFIABLE: the noise is at least `unverifiable_noise`, of 20 pairs or more.
  4. DIFFERS: there is a difference and no noise; or the wealth is at least 1/alpha, as if there were no other field.
  5. TOO_FEW: otherwise.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping

from trioshadow._verdict import IN_FLIGHT, Verdict

from ._bounds import discoveries, exchangeability_wealth, rate_wealth, upper_bound
from ._evidence import OPERATIONS, OTHERS, Evidence
from ._field import FieldTally
from ._histogram import Histogram
from ._objective import Objective
from ._operation import ANYTHING, MIRRORED, NOT_MIRRORED, Operation
from ._places import FAILURES
from ._scorecard import Decision, FieldScore, FieldState, LatencyScore, OperationScore, Scorecard

OTHER_FIELDS = "(other fields)"

#: Fewer pairs do not make a field unverifiable.
_PAIRS = 20

#: Noise that fewer pairs have shown is hardly known, and would allow several times what it should.
_NOISY = 10

#: Of the error level for latency one part goes to the shadows' tests, ...
_OF_SHADOWS = 0.75
#: ... and the rest to the primaries' p99, which are themselves only known within bounds: so much to each operation that
#: there may be.
_OF_PRIMARY = (1 - _OF_SHADOWS) / (2 * OPERATIONS + 2)

#: Calls that are not left out at random: what the others show is not true of them.
_SYSTEMATIC = (Verdict.HELD_BACK, Verdict.UNKEYED)

_CLEAN, _REGRESSED, _DIFFERS, _UNVERIFIABLE, _TOO_FEW = FieldState
_SEVERITY = {_CLEAN: 0, _TOO_FEW: 1, _DIFFERS: 2, _UNVERIFIABLE: 2, _REGRESSED: 3}


def scorecard(evidence: Evidence, objective: Objective) -> Scorecard:
    """What the evidence says of the candidate, measured by the objective."""
    rows = {name: row for name, row in evidence.rows() if row.calls}
    paired = any(row.asked for row in rows.values())
    tallies = [(name, row, field, tally) for name, row in rows.items() for field, tally in _fields_of(row)]
    wealths = [_wealth(row, tally, objective, paired=paired) for _, row, _, tally in tallies]
    rejected = _rejected([(name, field) for name, _, field, _ in tallies], wealths, objective)
    fields: dict[str, list[FieldScore]] = {name: [] for name in rows}
    for (name, row, field, tally), wealth, regressed in zip(tallies, wealths, rejected, strict=True):
        judged = _Judge(name, row, objective, paired=paired)
        fields[name].append(judged.field(field, tally, wealth, regressed=regressed))
    latencies = _latencies(rows, objective)
    operations = [
        _Judge(name, row, objective, paired=paired).operation(fields[name], latencies[name])
        for name, row in rows.items()
    ]
    operations.sort(key=lambda operation: (-operation.calls, operation.operation))
    return _Conclusion(evidence, objective, operations).scorecard()


def _fields_of(row: Operation) -> Iterator[tuple[str, FieldTally]]:
    yield from row.fields.items()
    if row.other_fields.weight:
        yield OTHER_FIELDS, row.other_fields


def _wealth(row: Operation, tally: FieldTally, objective: Objective, *, paired: bool) -> float:
    if not paired:
        return rate_wealth(tally.keys.at_least, max(row.keys.at_most, tally.keys.at_least), objective.max_rate)
    b, c = tally.shadow_only, tally.secondary_only
    if not c:
        # Every toss of a key was the same, so its first may stand for it: that is right whatever its calls share.
        return exchangeability_wealth(min(b, tally.shadow_keys.at_least), 0)
    scale = min(1.0, row.pair_keys.at_most / max(1, row.asked))
    wealth = exchangeability_wealth(b * scale, c * scale)
    return wealth if b > c else min(0.0, wealth)  # to be better than the primary is no fault


def _rejected(names: list[tuple[str, str]], wealths: list[float], objective: Objective) -> list[bool]:
    """What e-BH rejects, by operation and field.

    An acknowledged difference is there for sure. Among the others it would halve what it takes to reject the next, a
    harmless one perhaps, and so it is tested among its like. Many fields in one have no coin, and are not tested.
    """
    rejected = [False] * len(names)
    for acknowledged in (False, True):
        family = [
            index
            for index, (name, field) in enumerate(names)
            if field != OTHER_FIELDS and _is_acknowledged(objective, name, field) is acknowledged
        ]
        found = discoveries([wealths[index] for index in family], objective.error_level)
        for index, regressed in zip(family, found, strict=True):
            rejected[index] = regressed
    return rejected


def _is_acknowledged(objective: Objective, operation: str, field: str) -> bool:
    return any(one.covers(operation, field) for one in objective.acknowledged)


class _Judge:
    """Of one operation."""

    def __init__(self, name: str, row: Operation, objective: Objective, *, paired: bool) -> None:
        self._name = name
        self._row = row
        self._objective = objective
        self._paired = paired
        self._keys = min(row.keys.estimate, row.compared)

    def field(self, name: str, tally: FieldTally, wealth: float, *, regressed: bool) -> FieldScore:
        """The score of one of its fields."""
        row = self._row
        pairs = row.pairs_of(name)
        of_secondary = tally.both + tally.secondary_only
        noise = _ratio(of_secondary, pairs) if pairs else None
        allowed = self._allowed(name, noise if of_secondary >= _NOISY else None)
        bound = self._beyond_noise(tally, pairs)
        # Two estimates need not agree where all differ.
        keys = self._keys if tally.differed == row.compared else min(tally.keys.estimate, tally.differed, self._keys)
        return FieldScore(
            field=name,
            state=self._state(name, tally, wealth, bound <= allowed, regressed=regressed, noise=noise),
            acknowledged=_is_acknowledged(self._objective, self._name, name),
            calls=tally.differed,
            keys=keys,
            rate=_ratio(keys, self._keys),
            rate_beyond_noise=bound,
            allowed=allowed,
            noise=noise,
            pairs=pairs,
            shadow_only=tally.shadow_only,
            secondary_only=tally.secondary_only,
            both=tally.both,
            neither=max(0, pairs - tally.shadow_only - of_secondary),
            log10_e_value=wealth / math.log(10),
            examples=tally.examples,
        )

    def _state(
        self, name: str, tally: FieldTally, wealth: float, clean: bool, *, regressed: bool, noise: float | None
    ) -> FieldState:
        if name == OTHER_FIELDS:
            return _DIFFERS  # many fields in one: their rates and their noise are not known apart
        pairs = self._row.pairs_of(name)
        unverifiable = noise is not None and noise >= self._objective.unverifiable_noise and pairs >= _PAIRS
        if clean and not unverifiable:
            return _CLEAN
        keys = tally.shadow_keys if self._paired else tally.keys
        if regressed and keys.at_least >= self._objective.min_keys:
            return _REGRESSED
        if unverifiable:
            return _UNVERIFIABLE
        if (tally.differed and not noise) or wealth >= -math.log(self._objective.error_level):
            return _DIFFERS
        return _TOO_FEW

    def _beyond_noise(self, tally: FieldTally, pairs: int, factor: float = 1.0) -> float:
        """The upper bound of the rate beyond noise, if all counts were `factor` times what they are."""
        row, objective = self._row, self._objective
        alpha = self._alpha
        bound = upper_bound(tally.keys.at_most * factor, row.keys.at_least * factor, alpha, objective.max_rate)
        if not tally.both + tally.secondary_only:
            return bound
        scale = factor * min(1.0, row.pair_keys.at_least / max(1, row.asked))
        b, c = tally.shadow_only * scale, tally.secondary_only * scale
        disagree = upper_bound(b + c, pairs * scale, alpha / 2, 0.5)
        coin = upper_bound(b, b + c, alpha / 2, 0.5)
        return min(bound, disagree * max(0.0, 2 * coin - 1))

    @property
    def _alpha(self) -> float:
        return self._objective.error_level / (2 if self._row.asked else 1)

    def operation(self, fields: list[FieldScore], latency: LatencyScore) -> OperationScore:
        """Its own score."""
        row, objective = self._row, self._objective
        counted = [field for field in fields if not field.acknowledged]
        worst = max((field.state for field in counted), key=_SEVERITY.__getitem__, default=_CLEAN)
        if worst is _CLEAN and self._beyond_noise(FieldTally(), 0) > objective.max_rate:
            worst = _TOO_FEW
        if worst is _CLEAN and row.anything.differed and len(counted) == len(fields):
            # Many fields, each of which differs rarely, may add up to an answer that differs often.
            wealth = _wealth(row, row.anything, objective, paired=self._paired)
            together = self.field(ANYTHING, row.anything, wealth, regressed=False)
            if together.state not in (_CLEAN, _UNVERIFIABLE):
                fields = [*fields, together]
                if not together.acknowledged:
                    worst = together.state
                    counted = [*counted, together]
        fields = sorted(fields, key=lambda field: (-_SEVERITY[field.state], -field.calls, field.field))
        by_verdict = {verdict.value: row.counts[verdict.slot] for verdict in NOT_MIRRORED}
        return OperationScore(
            operation=self._name,
            state=worst,
            calls=row.calls,
            mirrored=row.counts[IN_FLIGHT] + sum(row.counts[verdict.slot] for verdict in MIRRORED),
            not_mirrored={verdict: count for verdict, count in by_verdict.items() if count},
            settled=row.compared + row.counts[Verdict.ABANDONED.slot],
            compared=row.compared,
            keys=self._keys,
            keyless=row.keys.keyless,
            pairs=row.pairs,
            covered=worst is _CLEAN and latency.state is _CLEAN,
            keys_needed=self._needed(counted, worst),
            latency=latency,
            fields=tuple(fields),
        )

    def _needed(self, fields: list[FieldScore], state: FieldState) -> float | None:
        """How many more keys until all fields are clean, if what comes is like what came.

        Where there is noise, the new one is taken to be as noisy as the old: what speaks against that so far is a few
        tosses of a coin.
        """
        row = self._row
        keys = row.keys.at_least
        if state is _CLEAN:
            return 0.0
        if not keys or state not in (_TOO_FEW, _DIFFERS) or OTHER_FIELDS in [field.field for field in fields]:
            return None
        tallies = {**row.fields, ANYTHING: row.anything}
        factors = [_factor(functools.partial(self._enough, FieldTally(), 0, self._objective.max_rate))]
        for field in fields:
            tally, allowed = tallies[field.field], self._allowed(field.field, field.noise)
            factor = _factor(functools.partial(self._enough, _evened(tally), field.pairs, allowed))
            if factor == 1.0 and field.state is not _CLEAN:  # what speaks against it so far is all that is left
                factor = _factor(functools.partial(self._enough, tally, field.pairs, field.allowed))
            factors.append(factor)
        found = [factor for factor in factors if factor is not None]
        return (max(found) - 1) * keys if len(found) == len(factors) else None

    def _allowed(self, field: str, noise: float | None) -> float:
        # A secondary that is down must not be what allows a candidate to be.
        noise = 0.0 if noise is None or field in FAILURES else min(noise, 1 - noise)
        return max(self._objective.max_rate, self._objective.noise_margin * noise)

    def _enough(self, tally: FieldTally, pairs: int, allowed: float, factor: float) -> bool:
        return self._beyond_noise(tally, pairs, factor) <= allowed


def _evened(tally: FieldTally) -> FieldTally:
    """The same with as many differences of the one as of the other, where there is noise."""
    if not tally.secondary_only:
        return tally
    even = FieldTally()
    even.keys, even.both = tally.keys, tally.both
    even.shadow_only = even.secondary_only = (tally.shadow_only + tally.secondary_only) // 2
    return even


#: Nobody waits for so many times what there is.
_MOST = 1e7


def _factor(enough: Callable[[float], bool]) -> float | None:
    """How many times the counts it takes, to within 2 %; None if no number of calls would do."""
    if enough(1.0):
        return 1.0
    low = high = 1.0
    while not enough(high):
        low, high = high, high * 2
        if high > _MOST:
            return None
    while high > low * 1.02:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _ratio(part: float, whole: float) -> float:
    return min(1.0, part / whole) if whole else 0.0


# ── latency ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _latencies(rows: Mapping[str, Operation], objective: Objective) -> dict[str, LatencyScore]:
    """Whether each operation's p99 holds.

    A p99 is at most q if at most 1 % of the calls take longer than q, which is a rate and tested as such. The shadow's
    is held against `max_p99_ratio` times the primary's, of which only bounds are known: for REGRESSED the upper one is
    taken, and for CLEAN the lower.
    """
    alpha = objective.error_level
    wealths: dict[str, float] = {}
    for name, row in rows.items():
        limit = _limit(_upper_quantile(row.primary_seconds, alpha * _OF_PRIMARY), objective)
        slower, _ = row.shadow_seconds.above(limit)
        wealths[name] = rate_wealth(slower, row.shadow_seconds.total, 0.01)
    regressed = dict(zip(wealths, discoveries(list(wealths.values()), alpha * _OF_SHADOWS), strict=True))
    scores: dict[str, LatencyScore] = {}
    for name, row in rows.items():
        primary, shadow = row.primary_seconds, row.shadow_seconds
        p50, p95, p99 = ((primary.quantile(part), shadow.quantile(part)) for part in (0.5, 0.95, 0.99))
        ratio = p99[1] / p99[0] if p99[0] and p99[1] else None
        needed: float | None = None
        state = _TOO_FEW
        if objective.max_p99_ratio is None:
            state = _CLEAN
        elif regressed[name]:
            state = _REGRESSED
        elif primary.total and shadow.total:
            factor = _factor(functools.partial(_is_fast_enough, primary, shadow, objective))
            if factor == 1.0:
                state = _CLEAN
            elif factor is not None:
                needed = (factor - 1) * shadow.total
        calls = shadow.total
        scores[name] = LatencyScore(
            state=state, p50=p50, p95=p95, p99=p99, ratio=ratio, calls=calls, calls_needed=needed
        )
    return scores


def _is_fast_enough(primary: Histogram, shadow: Histogram, objective: Objective, factor: float) -> bool:
    """Would the shadow's p99 be found to hold with so many times the calls, if they are like those so far?"""
    alpha = objective.error_level / 2
    _, slower = shadow.above(_limit(_lower_quantile(primary, alpha, factor), objective))
    return upper_bound(slower * factor, shadow.total * factor, alpha, 0.01) <= 0.01


def _limit(quantile: float, objective: Objective) -> float:
    if objective.max_p99_ratio is None:
        return math.inf
    return max(quantile * objective.max_p99_ratio, objective.fast_enough)


def _upper_quantile(histogram: Histogram, alpha: float) -> float:
    """What the p99 is at most, at all moments together but for a probability alpha."""
    edges = histogram.edges()

    def low_enough(edge: tuple[float, int]) -> bool:
        return upper_bound(edge[1], histogram.total, alpha, 0.01) <= 0.01

    first = bisect_left(edges, x=True, key=low_enough)
    return edges[first][0] if first < len(edges) else math.inf


def _lower_quantile(histogram: Histogram, alpha: float, factor: float) -> float:
    """What the p99 is at least, again but for a probability alpha, with so many times the calls."""
    edges = histogram.lower_edges()

    def too_high(edge: tuple[float, int]) -> bool:
        return upper_bound(edge[1] * factor, histogram.total * factor, alpha, 0.99) > 0.99

    first = bisect_left(edges, x=True, key=too_high)
    return edges[first - 1][0] if first else 0.0


# ── the verdict ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Conclusion:
    """From the operations' scores to the verdict."""

    def __init__(self, evidence: Evidence, objective: Objective, operations: list[OperationScore]) -> None:
        self._evidence = evidence
        self._objective = objective
        self._operations = operations
        self._calls = sum(operation.calls for operation in operations)
        self._pairs = sum(operation.pairs for operation in operations)

    def scorecard(self) -> Scorecard:
        rejects, holds, missing = self._findings()
        coverage = _ratio(sum(map(self._covered, self._operations)), self._calls)
        if not any(operation.compared for operation in self._operations):
            holds.append("nothing has been compared yet")
        elif coverage < self._objective.min_coverage and not rejects:
            holds.append(
                f"{coverage:.1%} of the calls are of operations found clean, and "
                f"{self._objective.min_coverage:.1%} are asked for"
            )
        verdict = Decision.REJECT if rejects else Decision.HOLD if holds else Decision.PROMOTE
        return Scorecard(
            verdict=verdict,
            reasons=tuple(rejects or holds or self._praise(coverage)),
            missing=tuple(missing) if verdict is not Decision.PROMOTE else (),
            not_covered=tuple(self._not_covered()),
            notes=tuple(self._notes()),
            coverage=coverage,
            operations=tuple(self._operations),
            calls=self._calls,
            mirrored=sum(operation.mirrored for operation in self._operations),
            pairs=self._pairs,
            epoch=self._evidence.epoch,
            objective=self._objective,
        )

    def _findings(self) -> tuple[list[str], list[str], list[str]]:
        rejects: list[str] = []
        holds: list[str] = []
        missing: list[str] = []
        for operation in self._operations:
            for field in operation.fields:
                if field.acknowledged:
                    continue
                if field.state is _REGRESSED:
                    rejects.append(f"{operation.name}: {_finding(field)}")
                    missing.append(f"{operation.name}: {_remedy(field)}")
                elif field.state is _DIFFERS:
                    holds.append(f"{operation.name}: {_finding(field)}: it must be looked at")
                    missing.append(f"{operation.name}: {_remedy(field)}")
                elif field.state is _UNVERIFIABLE and field.field in FAILURES:
                    holds.append(
                        f"{operation.name}: the secondary gives nothing to compare in {field.noise:.0%} of its calls "
                        f"({field.field}), so the new one can't be judged there"
                    )
                    missing.append(f"{operation.name}: a secondary that answers")
                elif field.state is _UNVERIFIABLE:
                    holds.append(
                        f"{operation.name}: {field.field}: the old one differs from itself in {field.noise:.0%} of the "
                        "pairs, so the new one can't be judged there"
                    )
                    missing.append(f"{operation.name}: a rule for {field.field} (or acknowledge it)")
            if operation.latency.state is _REGRESSED:
                rejects.append(f"{operation.name}: {_slower(operation.latency)}")
                missing.append(f"{operation.name}: make it faster, or allow more (max_p99_ratio)")
            if operation.compared and operation.state is _TOO_FEW:
                missing.append(f"{operation.name}: {_more(operation)}")
            if operation.state is _CLEAN and operation.latency.state is _TOO_FEW:
                needed = operation.latency.calls_needed
                told = "more calls" if needed is None else f"about {_round(needed):,} more calls"
                missing.append(f"{operation.name}: {told}, to know its p99 ({operation.latency.calls:,} so far)")
        return rejects, holds, missing

    def _covered(self, operation: OperationScore) -> int:
        if not operation.covered:
            return 0
        systematic = sum(operation.not_mirrored.get(verdict.value, 0) for verdict in _SYSTEMATIC)
        # Whom it took too long, or what was too large, is not left out at random either.
        return math.floor((operation.calls - systematic) * _ratio(operation.compared, operation.settled))

    def _praise(self, coverage: float) -> list[str]:
        covered = [operation for operation in self._operations if operation.covered]
        noisy = [
            f"{operation.name}: {field.field} is noisy ({field.noise:.1%}), and differs in at most "
            f"{field.rate_beyond_noise:.1%} more ({field.allowed:.1%} allowed)"
            for operation in covered
            for field in operation.fields
            if field.allowed > self._objective.max_rate and not field.acknowledged
        ]
        but = f", but for noisy ones ({len(noisy)})" if noisy else ""
        fast = "" if self._objective.max_p99_ratio is None else ", and none is slower than allowed"
        told = (
            f"{_count(len(covered), 'operation')}, {coverage:.1%} of the calls: no field differs beyond noise in more "
            f"than {self._objective.max_rate:.2%} of the keys{but}{fast}"
        )
        return [told, *noisy]

    def _not_covered(self) -> Iterator[str]:
        for operation in self._operations:
            share = _ratio(operation.calls, self._calls)
            told = f"{operation.name}: {_count(operation.calls, 'call')} ({share:.1%})"
            systematic = {
                verdict.value: operation.not_mirrored[verdict.value]
                for verdict in _SYSTEMATIC
                if operation.not_mirrored.get(verdict.value)
            }
            if not operation.compared:
                why = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in _most(operation))
                yield f"{told}, never compared" + (f" ({why})" if why else "")
            elif operation.state is _TOO_FEW:
                yield f"{told}, too few: {_count(operation.keys, 'key')} compared"
            elif operation.latency.state is _TOO_FEW:
                yield f"{told}, too few to know its p99: {operation.latency.calls:,} timed"
            if operation.compared and systematic:
                why = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in systematic.items())
                yield f"{operation.name}: {why}, which the others do not stand for"

    def _notes(self) -> Iterator[str]:
        if not any(row.asked for _, row in self._evidence.rows()):
            yield "no secondary: every difference counts, also what the old one does by itself"
        compared = sum(operation.compared for operation in self._operations)
        keyless = sum(operation.keyless for operation in self._operations)
        keys = sum(operation.keys for operation in self._operations)
        if keyless:
            yield f"{_count(keyless, 'call')} without a sampling key: each counts as a key of its own"
        if compared and keys < compared / 10:
            yield f"{compared:,} compared calls are of {_count(keys, 'key')} only"
        rows = [row for _, row in self._evidence.rows()]
        sampled = sum(row.calls - row.counts[Verdict.NOT_SAMPLED.slot] for row in rows)
        for verdict, what, why in (
            (Verdict.SHED, "shed", "the busiest moments may be missing"),
            (Verdict.ABANDONED, "abandoned", "what the new one would have answered is not known"),
        ):
            lost = sum(row.counts[verdict.slot] for row in rows)
            if lost > sampled / 100:
                told = f"{_count(lost, 'sampled call')} {what} ({lost / sampled:.1%})"
                yield f"{told}: {why}"
        failed = sum(
            row.secondary_counts[verdict.slot] for row in rows for verdict in (Verdict.FAILED, Verdict.TIMED_OUT)
        )
        if failed:
            yield f"the secondary failed in {_count(failed, 'call')}"
        if any(field.acknowledged and field.calls for operation in self._operations for field in operation.fields):
            yield "some differences are acknowledged: how often the others differ together was not judged there"
        seen = [(operation.operation, field.field) for operation in self._operations for field in operation.fields]
        for one in self._objective.acknowledged:
            if not any(one.covers(*names) for names in seen):
                where = "" if one.operation is None else f" of {one.operation or '(unnamed)'}"
                yield f"acknowledged, and never seen to differ: {one.field}{where}"
        if self._evidence.operations[OTHERS].calls:
            yield f"there were too many operations: what was light is in {OTHERS}"


def _count(number: float, what: str) -> str:
    return f"{number:,.0f} {what}{'s' * (number != 1)}"


def _most(operation: OperationScore) -> list[tuple[str, int]]:
    return sorted(operation.not_mirrored.items(), key=lambda pair: -pair[1])[:3]


#: What a way to fail is called, of the new one.
_FAILED = {
    "failed": "the new one failed",
    "timed out": "the new one timed out",
    "too large": "the new one's answers were too large",
    "not compared": "answers could not be compared",
}


def _finding(field: FieldScore) -> str:
    what = _FAILED.get(field.field) or f"{field.field} differs"
    told = f"{what} for {field.rate:.2%} of the keys ({field.keys:,.0f})"
    if field.noise is None:
        return told
    of = _count(field.pairs, "pair")
    if not field.both + field.secondary_only:
        return f"{told}; the old one never {'fails' if field.field in FAILURES else 'differs from itself'}, in {of}"
    return (
        f"{told}; of {of} only the new one differs in {field.shadow_only:,}, only the old one from itself in "
        f"{field.secondary_only:,}"
    )


def _remedy(field: FieldScore) -> str:
    return f"find out why {_FAILED[field.field]}" if field.field in _FAILED else f"fix {field.field}, or acknowledge it"


def _slower(latency: LatencyScore) -> str:
    primary, shadow = latency.p99
    assert primary is not None
    assert shadow is not None
    return f"p99 {shadow * 1e3:.3g} ms, the old one's is {primary * 1e3:.3g} ms"


def _more(operation: OperationScore) -> str:
    needed = operation.keys_needed
    if needed is None:
        return "more calls, that differ less than those so far"
    if operation.keys < operation.compared / 2:
        return f"calls of about {_round(needed):,} other keys"
    return f"about {_round(needed * operation.compared / operation.keys):,} more calls"


def _round(number: float) -> int:
    """To two digits."""
    digits = max(0, math.floor(math.log10(max(1.0, number))) - 1)
    return int(math.ceil(number / 10**digits) * 10**digits)
