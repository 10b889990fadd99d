"""One operation and its fields: each state by its formula. Pure; the mathematics is in `_betting.py` and `_bounds.py`.

A field is judged by its calls, or pairs, and by its keys, of which each has one say (`_tosses.py`); what is said of it
holds by both. At the error level alpha, the first of these that is so:

  1. REGRESSED: the lesser of the two wealths against "no more than is allowed" is enough for weighted e-BH over all
     fields that are not acknowledged, and `min_keys` keys differ.
  2. CLEAN: the least of the wealths against "what is allowed or more" is 1/alpha: that of the pairs, that of the keys,
     and, where there is noise and enough keys come again, that of keys which were asked twice (`_again.py`). The
     field is not unverifiable, and does not differ more often where there is no secondary than in the pairs.
  3. UNVERIFIABLE: the noise is at least `unverifiable_noise`, of 20 pairs or more; for failures and timeouts 5 %.
  4. DIFFERS: there is a difference and no noise; or the wealth against "no more than is allowed" is 1/alpha, as if
     there were no other field; or it differs more often where there is no secondary.
  5. TOO_FEW: otherwise.

The *rate beyond noise* is the least multiple of what is allowed at which the field would be CLEAN.

Without a secondary there is no noise, and each difference counts.

Where an operation has no more than a hundred keys, and each has come fifty times (`_few_keys.py`), keys can't say more:
it is judged by its calls, and only after ten blocks of time.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator

from trioshadow._model.verdict import IN_FLIGHT, Verdict

from ._again import KEYS_OF_AGAIN
from ._betting import Allowed, Pairs, bound_of, clean_wealth, factor_to_clean, regressed_wealth
from ._bounds import rate_wealth
from ._field import FieldTally
from ._gate import blocks_needed
from ._kept import Kept
from ._objective import Objective
from ._operation import ANYTHING, MIRRORED, NOT_MIRRORED, Operation
from ._places import FAILURES, OTHER_FIELDS
from ._scores import BLOCKS_OF_FEW_KEYS, FieldScore, FieldState, LatencyScore, OperationScore, ratio
from ._tosses import ALONE, SHADOW_ONLY, over_levels

#: Fewer pairs do not make a field unverifiable.
_PAIRS = 20

#: A secondary that fails so often says nothing of failures.
_FAILING = 0.05

#: From so much noise on a candidate that flaps less could hide what is worth it, ...
_FLAPPING = 0.005
#: ... and can be found out if so many of the keys come again. Where these would be too few it is not asked for, ...
_COMES_AGAIN = 0.1
#: ... unless those there are speak so much against it: five to one.
_SUSPECT = math.log(5)

#: Standard errors that a rate in the pairs may be above what was seen.
_ERRORS = 3.0

#: Nobody waits for so many times the calls that there are.
_NEVER = 1e7

_CLEAN, _REGRESSED, _DIFFERS, _UNVERIFIABLE, _TOO_FEW = FieldState
_SEVERITY = {_CLEAN: 0, _TOO_FEW: 1, _DIFFERS: 2, _UNVERIFIABLE: 2, _REGRESSED: 3}


class Judge:
    """Of one operation. `kept`: the most that was seen at earlier looks."""

    def __init__(
        self,
        name: str,
        row: Operation,
        objective: Objective,
        kept: dict[tuple[str, str], Kept],
        *,
        paired: bool,
    ) -> None:
        self._name = name
        self._row = row
        self._whole = objective
        self._objective = objective = objective.of(name)
        self._kept = kept
        self._paired = paired
        self._compared = row.compared
        self._keys = min(row.keys.estimate, self._compared)
        self._needed = -math.log(objective.error_level)
        margin = objective.noise_margin if paired else 0.0
        self._allowed = Allowed(objective.max_rate, margin), Allowed(objective.max_rate, 0.0)
        """Of fields, and of failures."""
        self._few_keys = row.few_keys.are_all(objective.max_rate)

    @property
    def anything(self) -> FieldTally:
        """All of them as one."""
        return self._row.anything

    def fields(self) -> Iterator[tuple[str, FieldTally]]:
        """All of its fields."""
        yield from tuple(self._row.fields.items())
        if self._row.other_fields.weight:
            yield OTHER_FIELDS, self._row.other_fields

    def pairs(self, name: str, tally: FieldTally) -> Pairs:
        """What its calls said of this field; of one that none differed in, with a tally of nothing."""
        row = self._row
        alone_same = max(0, self._compared - row.asked - tally.alone)
        if not self._paired:
            return Pairs(0, 0, 0, 0, tally.differed, max(0, self._compared - tally.differed))
        b, c, both = tally.shadow_only, tally.secondary_only, tally.both
        return Pairs(b, c, both, max(0, row.pairs_of(name) - b - c - both), tally.alone, alone_same)

    # ── regressed ────────────────────────────────────────────────────────────────────────────────────────────────────

    def regressed_wealth(self, name: str, tally: FieldTally) -> float:
        """The log-wealth against "no more than is allowed", by calls and by keys. The bet begins after the toss by
        which the field appeared: see `_bounds.discoveries()`.
        """
        allowed = self._allowed[name in FAILURES]
        first = tally.first in (SHADOW_ONLY, ALONE)

        def of_pairs(pairs: Pairs) -> float:
            return regressed_wealth(pairs._replace(shadow_only=max(0, pairs.shadow_only - first)), allowed)

        def of_calls(pairs: Pairs) -> float:
            worse = max(0, pairs.alone - first)
            return rate_wealth(worse, worse + pairs.alone_same, allowed.rate)

        of = of_pairs if self._paired else of_calls
        by_calls = of(self.pairs(name, tally))
        if by_calls <= 0:
            return by_calls
        return min(by_calls, over_levels(self.levels(tally, most=True), of))

    def most_regressed(self, name: str, tally: FieldTally) -> float:
        """The same, or what an earlier look saw, if that was more."""
        return self._kept_of(name).look("regressed", self.regressed_wealth(name, tally))

    def _kept_of(self, name: str) -> Kept:
        return self._kept.setdefault((self._name, name), Kept())

    def levels(self, tally: FieldTally, *, most: bool) -> list[tuple[float, Pairs]]:
        """What its keys said of it, by level: see `Tosses.levels()`."""
        keys = self._row.pair_keys if self._paired else self._row.keys
        return tally.tosses.levels(keys, paired=self._paired, most=most)

    # ── clean ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def pairs_against(self, name: str, tally: FieldTally) -> Pairs:
        """What its calls said of this field against CLEAN.

        Where the secondary fails, as it may on what is heavy for all, nobody knows what is noise. What the shadow
        differs in there counts as its own, against CLEAN and not for REGRESSED.
        """
        pairs = self.pairs(name, tally)
        return pairs._replace(shadow_only=pairs.shadow_only + tally.unpaired)

    def _said(self, name: str, tally: FieldTally) -> list[tuple[float, Pairs]]:
        """What its pairs said, and its keys by level: see `Tosses.levels()`."""
        pairs = self.pairs_against(name, tally)
        return [(0.0, pairs), *(() if self._few_keys else self.levels(tally, most=False))]

    def _clean_wealths(self, name: str, said: list[tuple[float, Pairs]]) -> list[Callable[[float], float]]:
        """The log-wealths against "so many times what is allowed, or more": of pairs, and of keys."""
        allowed, (_, pairs), levels = self._allowed[name in FAILURES], said[0], said[1:]
        wealths: list[Callable[[float], float]] = [functools.partial(clean_wealth, pairs, allowed)]
        if levels:
            wealths.append(lambda scale: over_levels(levels, lambda one: clean_wealth(one, allowed, scale)))
        return wealths

    def _differs_more_alone(self, pairs: Pairs, allowed: float) -> bool:
        """Does it differ in the calls without a secondary by more than in the pairs? These then are no fair sample: the
        secondary has stopped, or the calls that it is not asked in are others.
        """
        of = pairs.shadow_only + pairs.secondary_only + pairs.both + pairs.neither
        if not of or not pairs.alone:
            return False
        worse = pairs.shadow_only + pairs.both
        rate = (worse + _ERRORS * math.sqrt(worse + 1)) / of + allowed
        return rate < 1 and rate_wealth(pairs.alone, pairs.alone + pairs.alone_same, rate) >= self._needed

    def _calls_to_clean(self, name: str, said: list[tuple[float, Pairs]]) -> float | None:
        """How many more calls until it is CLEAN, if what comes is like what came; None if no number would do."""
        allowed = self._allowed[name in FAILURES]
        factor = max(factor_to_clean(pairs, allowed, self._needed - weight) for weight, pairs in said[:2])
        return max(1.0, (factor - 1) * self._compared) if factor < _NEVER else None

    def _asked_again(self, tally: FieldTally, noise: float) -> Pairs | None:
        """Keys that were asked twice, if enough were, and if so many can be that one like the old one is clean."""
        row, allowed, twice = self._row, self._allowed[False], self._row.again.twice
        if noise < _FLAPPING:
            return None
        b, c, noisy = tally.twice_shadow, tally.twice_secondary, max(tally.twice_noisy, tally.twice_secondary)
        said = Pairs(b, c, noisy - c, max(0, twice - b - noisy))
        most = min(row.pair_keys.estimate, KEYS_OF_AGAIN)
        often = twice >= _COMES_AGAIN * row.again.kept
        like_the_old_one = said._replace(shadow_only=c)
        enough = often and factor_to_clean(like_the_old_one, allowed, self._needed) * twice <= most
        return said if enough or (b > c and regressed_wealth(said, allowed) >= _SUSPECT) else None

    # ── a field ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def field(self, name: str, tally: FieldTally, wealth: float, *, regressed: bool) -> FieldScore:
        """The score of one of its fields."""
        row = self._row
        pairs, said = row.pairs_of(name), self._said(name, tally)
        of_answers = name not in FAILURES and name != ANYTHING
        of_secondary = tally.both + tally.secondary_only
        noise = ratio(of_secondary, pairs) if pairs else None
        allowed = self._allowed[name in FAILURES].at(noise or 0.0)
        wealths = self._clean_wealths(name, said)
        kept = self._kept_of(name)
        now = min(one(1.0) for one in wealths)
        # Of few keys there may be more tomorrow, and what calls say of these is not kept for them.
        clean = (now if self._few_keys else kept.look("clean", now)) >= self._needed
        again = self._asked_again(tally, noise or 0.0) if of_answers else None
        if again is not None:
            wealths.append(functools.partial(clean_wealth, again, self._allowed[False]))
            clean = kept.look("again", wealths[-1](1.0)) >= self._needed and clean
        bound = bound_of(wealths, self._needed, said[0][1], allowed)
        open_, level = row.open_blocks, self._objective.error_level
        broken = tally.drift.is_on(row.block, row.latest, self._objective.block_seconds)
        most = kept.look("blocks", tally.blocks.wealth(open_))
        # Two estimates need not agree where all differ.
        keys = self._keys if tally.differed == self._compared else min(tally.keys.estimate, tally.differed, self._keys)
        unlike = self._differs_more_alone(said[0][1], allowed)
        clean = clean and not unlike
        differs = unlike or wealth >= self._needed
        state = self._state(name, tally, clean=clean, regressed=regressed, differs=differs, noise=noise)
        return FieldScore(
            field=name,
            state=state,
            acknowledged=self._whole.acknowledges(self._name, name),
            calls=tally.differed,
            keys=keys,
            rate=ratio(keys, self._keys),
            rate_beyond_noise=1.0 if state is _UNVERIFIABLE else min(bound, allowed) if clean else bound,
            allowed=allowed,
            noise=noise,
            pairs=pairs,
            shadow_only=tally.shadow_only,
            secondary_only=tally.secondary_only,
            both=tally.both,
            neither=max(0, pairs - tally.shadow_only - of_secondary),
            log10_e_value=wealth / math.log(10),
            blocks=tally.blocks.counts(open_),
            blocks_needed=blocks_needed(tally.blocks, open_, tally.order, level, most) if regressed else 0,
            unpaired=tally.unpaired,
            calls_needed=self._calls_to_clean(name, said) if state is _DIFFERS else None,
            again=None if again is None else (round(again.shadow_only), round(again.secondary_only), row.again.twice),
            unlike_alone=unlike,
            unasked=(noise or 0.0) >= _FLAPPING and again is None and of_answers,
            broken_since=tally.drift.since if broken else None,
            broken_blocks=tally.drift.alarms if broken else 0,
            examples=tally.examples,
        )

    def _state(
        self, name: str, tally: FieldTally, *, clean: bool, regressed: bool, differs: bool, noise: float | None
    ) -> FieldState:
        if name == OTHER_FIELDS:
            return _DIFFERS  # many fields in one: their rates and their noise are not known apart
        if regressed and tally.tosses.worse >= self._objective.min_keys:
            return _REGRESSED
        most = _FAILING if name in FAILURES else self._objective.unverifiable_noise
        unverifiable = noise is not None and noise >= most and self._row.pairs_of(name) >= _PAIRS
        if self._few_keys:  # there is no e-value of keys to say that it is no more than is allowed
            clean = clean and not differs and self._row.block >= BLOCKS_OF_FEW_KEYS
        if clean and not unverifiable:
            return _CLEAN
        if unverifiable:
            return _UNVERIFIABLE
        return _DIFFERS if differs or (tally.differed and not noise) else _TOO_FEW

    # ── the operation ────────────────────────────────────────────────────────────────────────────────────────────────

    def operation(self, fields: list[FieldScore], latency: LatencyScore) -> OperationScore:
        """Its own score."""
        row, objective = self._row, self._objective
        counted = [field for field in fields if not field.acknowledged]
        worst = max((field.state for field in counted), key=_SEVERITY.__getitem__, default=_CLEAN)
        if worst is _CLEAN and not self._is_enough():
            worst = _TOO_FEW
        if worst is _CLEAN and row.anything.differed and len(counted) == len(fields):
            # Many fields, each of which differs rarely, may add up to an answer that differs often.
            wealth = self.regressed_wealth(ANYTHING, row.anything)
            together = self.field(ANYTHING, row.anything, wealth, regressed=False)
            if together.state not in (_CLEAN, _UNVERIFIABLE):
                fields = [*fields, together]
                if not together.acknowledged:
                    worst = together.state
                    counted = [*counted, together]
        fields = sorted(fields, key=lambda field: (-_SEVERITY[field.state], -field.calls, field.field))
        ignored = row.counts[Verdict.IGNORED.slot]
        by_verdict = {verdict.value: row.counts[verdict.slot] for verdict in NOT_MIRRORED}
        lost = sum(row.lost.values()) + row.overdue
        lossy = lost > objective.max_rate * (self._compared + lost)
        return OperationScore(
            operation=self._name,
            state=worst,
            calls=row.calls,
            mirrored=row.counts[IN_FLIGHT] + sum(row.counts[verdict.slot] for verdict in MIRRORED),
            not_mirrored={verdict: count for verdict, count in by_verdict.items() if count},
            lost={cause: count for cause, count in row.lost.items() if count},
            lossy=lossy,
            overdue=row.overdue,
            settled=self._compared + row.overdue + row.withheld.calls + ignored + row.counts[Verdict.ABANDONED.slot],
            ignored=ignored,
            withheld=row.withheld.calls,
            secondary_withheld=row.secondary_withheld.calls,
            compared=self._compared,
            keys=self._keys,
            keyless=row.keys.keyless,
            blocks=row.block,
            few_keys=self._few_keys,
            seldom_keys=0 if self._few_keys else row.few_keys.seldom,
            pairs=row.pairs,
            pooled=False,
            covered=worst is _CLEAN and latency.state is _CLEAN and not lossy,
            keys_needed=self._needed_keys(counted, worst),
            latency=latency,
            fields=tuple(fields),
        )

    def _is_enough(self) -> bool:
        """Would it be CLEAN if nothing had differed?"""
        row = self._row
        if self._few_keys and row.block < BLOCKS_OF_FEW_KEYS:
            return False
        units = self._compared if self._few_keys else min(self._compared, row.keys.at_least)
        return clean_wealth(Pairs(0, 0, 0, 0, 0, units), self._allowed[True]) >= self._needed

    def _needed_keys(self, fields: list[FieldScore], state: FieldState) -> float | None:
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
        units = self._compared if self._few_keys else min(self._compared, keys)
        factors = [factor_to_clean(Pairs(0, 0, 0, 0, 0, units), self._allowed[True], self._needed)]
        for field in fields:
            pairs = self.pairs(field.field, tallies[field.field])
            allowed = self._allowed[field.field in FAILURES]
            factor = factor_to_clean(_evened(pairs), allowed, self._needed)
            if factor <= 1.0 and field.state is not _CLEAN:  # what speaks against it so far is all that is left
                factor = factor_to_clean(pairs, allowed, self._needed)
            factors.append(factor)
        most = max(factors)
        return (most - 1) * keys if 1.0 < most < _NEVER else None


def _evened(pairs: Pairs) -> Pairs:
    """The same with as many differences of the one as of the other, where there is noise."""
    if not pairs.secondary_only:
        return pairs
    even = (pairs.shadow_only + pairs.secondary_only) / 2
    return pairs._replace(shadow_only=even, secondary_only=even)
