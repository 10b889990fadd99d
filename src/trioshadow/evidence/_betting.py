"""Bets on pairs: does the shadow differ from the primary more often than the secondary does, by more than is allowed?
Pure numbers.

Of a pair, X is 1 if only the shadow differs, -1 if only the secondary does, and else 0; N is 1 if the secondary
differs, and else 0. The *excess* d is the mean of X, the *noise* n that of N, and *allowed* is

    a = max(r, m * min(n, 1 - n))        r: `max_rate`, m: `noise_margin`

since there is no more room than 1 - n: with n of 0.85 a candidate that always differs adds 0.15.

CLEAN is a bet against "the excess is at least what is allowed": d >= r, and d >= m*n or d >= m*(1-n). A wealth of the
form of a product of 1 - s*(X - r) over all pairs shrinks in the mean while d >= r, one of 1 - s*(X - m*N) while
d >= m*n, and one of 1 - s*(X - m*(1-N)) while d >= m*(1-n). Of hypotheses that are all true (d >= r, and one of the
other two) any average of wealths is one; of hypotheses of which only one need be true the least is. So

    CLEAN        share * W[r] + (1 - share) * min(W[m*n], W[m*(1-n)])
    REGRESSED    min(V[r], (V[m*n] + V[m*(1-n)]) / 2)

with V the products of 1 + s*(X - ...), against "the excess is at most what is allowed". Each W and V is the mean over a
few stakes s. Nothing is assumed of the pairs but that the hypothesis holds at each, given the past: not that they are
alike, nor that they are independent. All of it is a function of four counts.

Of calls without a secondary it is known whether the shadow differs, which is X or more: they count in W[r].
"""

from __future__ import annotations

import functools
import itertools
import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import attrs

from ._bounds import log_sum, mean_of

#: Of what is staked on CLEAN, so much is bet against "r or more".
_SHARE = 0.4
_LOG_SHARES = math.log(_SHARE), math.log1p(-_SHARE)
#: Stakes, the last for a field without noise: each pair without a difference pays.
_RATE_STAKES = (0.1, 0.3, 0.98)
_NOISE_STAKES = (0.08, 0.2, 0.6)
_REGRESSED_STAKES = (0.04, 0.12, 0.3, 0.6, 0.95)

#: Fractions and multiples of what is allowed, at which a bound is looked for, 8 % apart.
_STEPS = 100
_RATIO = 1.08
#: By stake: of a pair in which only the shadow differs, in which only the secondary does, and of one that is kept.
_Logs: TypeAlias = tuple[tuple[float, float, float], ...]

_exp, _log = math.exp, math.log

SCALES = tuple(_RATIO**step for step in range(-_STEPS, _STEPS + 1))


def first_scale(
    wealth: Callable[[float], float], needed: float, about: float, *, begin: int = 0, most: float = math.inf
) -> int:
    """The index of the first of SCALES, from `begin` on, at which the wealth is what is needed, as it is at all after
    it; their number if it is at none, and if it is at none below `most`. `about`: where that may be.

    A wealth is hardly bent between two scales, so it is asked for where a straight line through two of them crosses
    what is needed, and then beside that: some five times in all, where halving takes nine. Each third time it halves,
    for one that is bent all the same.
    """
    low, high = begin - 1, _index_of(most)
    end = high
    if begin >= end:
        return len(SCALES)
    lacks: dict[int, float] = {}

    def is_enough(index: int) -> bool:
        nonlocal low, high
        lack = lacks[index] = needed - wealth(SCALES[index])
        if lack > 0:
            low = index
        else:
            high = index
        return lack <= 0

    before = index = min(max(begin, _index_of(about)), end - 1)
    step, further = (-2, min) if is_enough(index) else (2, max)
    while low + 1 < high and (low not in lacks or high not in lacks):
        there = further(index + step, _crossing(before, index, lacks))
        before, index = index, min(max(begin, there), end - 1)
        is_enough(index)
        step *= 3
    turns = itertools.cycle(range(3))
    while low + 1 < high:
        beside = index + 1 if index == low else index - 1
        index = (_crossing(low, high, lacks), beside, (low + high) // 2)[next(turns)]
        index = min(max(low + 1, index), high - 1)
        is_enough(index)
    return high if high < end else len(SCALES)


def _crossing(one: int, other: int, lacks: Mapping[int, float]) -> int:
    """Where a straight line through these two comes to zero."""
    slope = lacks[other] - lacks[one]
    return _index_of(SCALES[one] - lacks[one] * (SCALES[other] - SCALES[one]) / slope) if slope else other


def _index_of(scale: float) -> int:
    """Of the first that is no less."""
    return bisect_left(SCALES, scale)


class Pairs(NamedTuple):
    """Counts of pairs, or of keys that each stand for one; and of calls that have no secondary.

    A tuple: a scorecard makes some ten thousand, and of `attrs.frozen` each takes three times as long.
    """

    shadow_only: float
    secondary_only: float
    both: float
    neither: float
    alone: float = 0
    """Without a secondary: the shadow differs."""
    alone_same: float = 0
    """Without a secondary: it does not."""

    def times(self, factor: float) -> Pairs:
        """So many times the counts."""
        return Pairs._make(count * factor for count in self)


@attrs.frozen
class Allowed:
    """What a field may differ in more than by itself: `rate`, or `margin` of its noise."""

    rate: float
    margin: float
    """0: none."""

    def at(self, noise: float) -> float:
        """With so much noise, in [0, 1]."""
        return max(self.rate, self.margin * min(noise, 1 - noise))


@functools.lru_cache(4096)
def _clean_logs(rate: float, margin: float) -> tuple[_Logs, _Logs, _Logs]:
    against_rate = [
        (math.log1p(-stake * (1 - rate)), math.log1p(stake * (1 + rate)), math.log1p(stake * rate))
        for stake in _RATE_STAKES
    ]
    against_noise = [
        (math.log1p(-stake), math.log1p(stake * (1 + margin)), math.log1p(stake * margin)) for stake in _NOISE_STAKES
    ]
    against_rest = [
        (math.log1p(-stake * (1 - margin)), math.log1p(stake), math.log1p(stake * margin)) for stake in _NOISE_STAKES
    ]
    return tuple(against_rate), tuple(against_noise), tuple(against_rest)


def clean_wealth(pairs: Pairs, allowed: Allowed, scale: float = 1.0) -> float:
    """The log-wealth against "the excess is at least `scale` times what is allowed"; see above."""
    against_rate, against_noise, against_rest = _clean_logs(min(0.999, allowed.rate * scale), allowed.margin * scale)
    b, c, both, neither = pairs.shadow_only, pairs.secondary_only, pairs.both, pairs.neither
    rate = _mean(against_rate, b + pairs.alone, c, both + neither + pairs.alone_same)
    if not allowed.margin:
        return rate
    rate += _LOG_SHARES[0]
    if not c + both:
        return rate  # without noise there is nothing to win on the rest
    noise, rest = _mean(against_noise, b, c, both), _mean(against_rest, b, c, neither)
    return log_sum(rate, min(noise, rest) + _LOG_SHARES[1])


def factor_to_clean(pairs: Pairs, allowed: Allowed, needed: float) -> float:
    """So many times these counts would bring the wealth to `needed`, about and rather too many; inf if no number would.

    As the stake that gets there first would alone.
    """
    against_rate, against_noise, against_rest = _clean_logs(allowed.rate, allowed.margin)
    b, c, both, neither = pairs.shadow_only, pairs.secondary_only, pairs.both, pairs.neither
    needed += math.log(len(_RATE_STAKES))
    kept = both + neither + pairs.alone_same
    share = _LOG_SHARES[0] if allowed.margin else 0.0
    factor = _first(against_rate, b + pairs.alone, c, kept, needed - share)
    if not allowed.margin or not c + both:
        return factor
    needed -= _LOG_SHARES[1]
    noise, rest = _first(against_noise, b, c, both, needed), _first(against_rest, b, c, neither, needed)
    return min(factor, max(noise, rest))


def _first(logs: _Logs, b: float, c: float, kept: float, needed: float) -> float:
    wealth = max(b * of_b + c * of_c + kept * of_kept for of_b, of_c, of_kept in logs)
    return needed / wealth if wealth > 0 else math.inf


def _mean(logs: _Logs, b: float, c: float, kept: float) -> float:
    """Of the wealths by three stakes. Unrolled: a scorecard asks for some ten thousand of these, and by
    `mean_of()` they take three times as long.
    """
    (b1, c1, k1), (b2, c2, k2), (b3, c3, k3) = logs
    one, two, three = b * b1 + c * c1 + kept * k1, b * b2 + c * c2 + kept * k2, b * b3 + c * c3 + kept * k3
    top = max(one, two, three)
    return top + _log((_exp(one - top) + _exp(two - top) + _exp(three - top)) / 3)


def bound_of(wealths: Sequence[Callable[[float], float]], needed: float, pairs: Pairs, allowed: float) -> float:
    """The least excess, at most 1, at which each of the wealths is what is needed, in steps of 8 %.

    `wealths`: against "so many times what is allowed, or more". `pairs`: what happened, to know where to look first.
    """
    worse, better = pairs.shadow_only + pairs.alone, pairs.secondary_only
    # Each in which it was worse takes most of what a high stake has won, so that a low one must do.
    about = max(0.0, worse - better) + 3 * math.sqrt(worse + better) + (40 if worse else 6)
    about /= max(1.0, sum(pairs) * allowed)
    find = functools.partial(first_scale, needed=needed, most=1 / allowed)
    found = find(wealths[0], about=about)
    for wealth in wealths[1:]:
        if found < len(SCALES) and wealth(SCALES[found]) < needed:
            found = find(wealth, about=SCALES[found], begin=found + 1)
    return min(1.0, SCALES[found] * allowed) if found < len(SCALES) else 1.0


@functools.lru_cache(64)
def _regressed_logs(rate: float, margin: float) -> tuple[_Logs, _Logs, _Logs]:
    against_rate, against_noise, against_rest = [], [], []
    for full in _REGRESSED_STAKES:
        stake = full / (1 + rate)
        against_rate.append(
            (math.log1p(stake * (1 - rate)), math.log1p(-stake * (1 + rate)), math.log1p(-stake * rate))
        )
        stake = full / (1 + margin)
        against_noise.append((math.log1p(stake), math.log1p(-stake * (1 + margin)), math.log1p(-stake * margin)))
        against_rest.append((math.log1p(stake * (1 - margin)), math.log1p(-stake), math.log1p(-stake * margin)))
    return tuple(against_rate), tuple(against_noise), tuple(against_rest)


def regressed_wealth(pairs: Pairs, allowed: Allowed) -> float:
    """The log-wealth against "the excess is at most what is allowed"; see above. Calls without a secondary say nothing:
    what they differ in may be noise.
    """
    against_rate, against_noise, against_rest = _regressed_logs(allowed.rate, allowed.margin)
    b, c, both, neither = pairs.shadow_only, pairs.secondary_only, pairs.both, pairs.neither
    rate = mean_of([b * won + c * lost + (both + neither) * kept for won, lost, kept in against_rate])
    if not allowed.margin:
        return rate
    noise = mean_of([b * won + c * lost + both * kept for won, lost, kept in against_noise])
    rest = mean_of([b * won + c * lost + neither * kept for won, lost, kept in against_rest])
    return min(rate, log_sum(noise, rest) - math.log(2))
