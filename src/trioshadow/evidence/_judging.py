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
from collections.abc import Iterator

from trioshadow._model.verdict import IN_FLIGHT, Verdict

from ._bounds import discoveries, exchangeability_wealth, factor_needed, rate_wealth, upper_bound
from ._conclusion import Conclusion
from ._evidence import Evidence
from ._field import FieldTally
from ._latency import latencies
from ._objective import Objective
from ._operation import ANYTHING, MIRRORED, NOT_MIRRORED, Operation
from ._places import FAILURES
from ._scorecard import Scorecard
from ._scores import FieldScore, FieldState, LatencyScore, OperationScore, ratio

OTHER_FIELDS = "(other fields)"

#: Fewer pairs do not make a field unverifiable.
_PAIRS = 20

#: Noise that fewer pairs have shown is hardly known, and would allow several times what it should.
_NOISY = 10

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
    slowness = latencies(rows, objective)
    operations = [
        _Judge(name, row, objective, paired=paired).operation(fields[name], slowness[name])
        for name, row in rows.items()
    ]
    operations.sort(key=lambda operation: (-operation.calls, operation.operation))
    return Conclusion(evidence, objective, operations).scorecard()


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
        noise = ratio(of_secondary, pairs) if pairs else None
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
            rate=ratio(keys, self._keys),
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
        factors = [factor_needed(functools.partial(self._would_be_clean, FieldTally(), 0, self._objective.max_rate))]
        for field in fields:
            tally, allowed = tallies[field.field], self._allowed(field.field, field.noise)
            factor = factor_needed(functools.partial(self._would_be_clean, _evened(tally), field.pairs, allowed))
            if factor == 1.0 and field.state is not _CLEAN:  # what speaks against it so far is all that is left
                factor = factor_needed(functools.partial(self._would_be_clean, tally, field.pairs, field.allowed))
            factors.append(factor)
        found = [factor for factor in factors if factor is not None]
        return (max(found) - 1) * keys if len(found) == len(factors) else None

    def _allowed(self, field: str, noise: float | None) -> float:
        # A secondary that is down must not be what allows a candidate to be.
        noise = 0.0 if noise is None or field in FAILURES else min(noise, 1 - noise)
        return max(self._objective.max_rate, self._objective.noise_margin * noise)

    def _would_be_clean(self, tally: FieldTally, pairs: int, allowed: float, factor: float) -> bool:
        return self._beyond_noise(tally, pairs, factor) <= allowed


def _evened(tally: FieldTally) -> FieldTally:
    """The same with as many differences of the one as of the other, where there is noise."""
    if not tally.secondary_only:
        return tally
    even = FieldTally()
    even.keys, even.both = tally.keys, tally.both
    even.shadow_only = even.secondary_only = (tally.shadow_only + tally.secondary_only) // 2
    return even
