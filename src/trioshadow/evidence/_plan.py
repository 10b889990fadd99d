"""A plan: how many calls, and hours, a verdict will take, before anything is counted. Pure; `_betting.py` has the bets.

A bet's log-wealth grows with the calls, about in proportion, and strays from that as a random walk does. When such a
walk first gets to where CLEAN is enough has a known distribution, the inverse Gaussian: its drift is that of the wealth
of the counts that are to be expected, its deviation what one standard deviation of the counts makes of it. Each call is
taken to be of another key, and noise to strike each side by itself. A simulation agrees within 20 % (tests).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Protocol

import attrs

from trioshadow._model.checks import is_fraction, number

from ._betting import Allowed, Pairs, clean_wealth, regressed_wealth
from ._blocks import CALLS_OF_BLOCK
from ._bounds import coin_wealth, rate_wealth, weight_of
from ._tosses import LEVEL_WEIGHTS

_is_flow = number("calls a second in (0, inf)", lambda flow: 0 < flow < math.inf)
_is_part = number("a fraction in (0, 1]", lambda part: 0 < part <= 1)

_HALF, _NINE_OF_TEN = 0.5, 0.9
#: From so many on, keys are estimated, and counted as so many at least: see `DistinctKeys.at_least`.
_EXACT, _AT_LEAST = 1_023, 1 - 3 / math.sqrt(1_022)
#: Nobody waits for more calls, or blocks.
_MOST = 1e13


class Asked(Protocol):
    """What a plan needs of an Objective."""

    @property
    def max_rate(self) -> float: ...  # pragma: no cover - a protocol has no body
    @property
    def noise_margin(self) -> float: ...  # pragma: no cover - a protocol has no body
    @property
    def error_level(self) -> float: ...  # pragma: no cover - a protocol has no body
    @property
    def block_seconds(self) -> float | None: ...  # pragma: no cover - a protocol has no body
    @property
    def block_calls(self) -> int: ...  # pragma: no cover - a protocol has no body


@attrs.frozen
class Wait:
    """How long something takes."""

    calls: float
    """Of the operation, sampled or not; inf: for ever."""
    seconds: float


@attrs.frozen(kw_only=True)
class PlannedOperation:
    """Of one operation."""

    operation: str
    share: float
    allowed: float
    """What a field with this noise may differ in beyond it."""
    clean: Wait
    """Until an identical candidate is found clean, in half of the runs."""
    clean_mostly: Wait
    """In nine of ten."""
    regressed: Wait
    """Until a field of the excess is regressed, in half of the runs."""
    rejected: Wait
    """Until that is a reason to reject."""
    noise_rate_costs: float
    """So many times the calls that a `noise_rate` of 1 takes to be clean."""


@attrs.frozen(kw_only=True)
class Plan:
    """What `Objective.plan()` gives."""

    operations: tuple[PlannedOperation, ...]
    excess: float
    problems: tuple[str, ...]
    """Why there can be no PROMOTE; empty if nothing is in its way."""


def plan(
    of: Callable[[str], Asked],
    calls_per_second: float,
    *,
    sample_rate: float,
    noise_rate: float,
    noise: float,
    excess: float,
    shares: Mapping[str, float],
    critical: Mapping[str, object],
    min_coverage: float,
) -> Plan:
    """See `Objective.plan()`."""
    _is_flow.check("calls_per_second", calls_per_second)
    _is_part.check("sample_rate", sample_rate)
    is_fraction.check("noise_rate", noise_rate)
    is_fraction.check("noise", noise)
    _is_part.check("excess", excess)
    for name, share in shares.items():
        _is_part.check(f"operations[{name!r}]", share)
    total = math.fsum(shares.values())
    if total > 1 + 1e-9:
        raise ValueError(f"operations must be fractions of all calls, which add up to 1 at most, not {total:g}")
    planned = []
    for name, share in sorted(shares.items(), key=lambda pair: -pair[1]):
        planner = _Planner(of(name), calls_per_second * share, sample_rate, noise, excess)
        planned.append(planner.operation(name, share, noise_rate))
    problems = [
        f"{name or '(unnamed)'} is critical, and no share of the calls is its"
        for name in critical
        if name not in shares
    ]
    covered = math.fsum(one.share for one in planned if one.clean.calls < math.inf)
    if covered < min_coverage - 1e-9:
        problems.append(f"coverage can't be more than {covered:.1%}, and {min_coverage:.1%} is asked for")
    problems += [
        f"{one.operation or '(unnamed)'} is never found clean: without a secondary its noise counts as differences"
        for one in planned
        if one.clean.calls == math.inf
    ]
    return Plan(operations=tuple(planned), excess=excess, problems=tuple(problems))


class _Planner:
    """Of one operation. `flow`: its calls a second, sampled or not."""

    def __init__(self, asked: Asked, flow: float, sample_rate: float, noise: float, excess: float) -> None:
        self._asked = asked
        self._flow = flow
        self._sampled = sample_rate
        self._noise = noise
        self._shadow = 1 - (1 - noise) * (1 - excess)
        """How often a candidate with the excess differs."""
        self._allowed = Allowed(asked.max_rate, asked.noise_margin)
        self._needed = -math.log(asked.error_level)

    def operation(self, name: str, share: float, noise_rate: float) -> PlannedOperation:
        clean = self._until(lambda calls: self._clean(calls, noise_rate, _HALF))
        in_pairs = self._until(lambda calls: self._clean(calls, 1.0, _HALF))
        regressed = self._until(lambda calls: self._regressed(calls, noise_rate))
        return PlannedOperation(
            operation=name,
            share=share,
            allowed=self._allowed.at(self._noise),
            clean=self._wait(clean),
            clean_mostly=self._wait(self._until(lambda calls: self._clean(calls, noise_rate, _NINE_OF_TEN))),
            regressed=self._wait(regressed),
            rejected=self._wait(max(regressed, self._until_rejected(noise_rate))),
            noise_rate_costs=clean / in_pairs,
        )

    def _wait(self, compared: float) -> Wait:
        calls = compared / self._sampled
        return Wait(calls, calls / self._flow)

    def _counts(self, calls: float, noise_rate: float, shadow: float, deviations: float) -> Pairs:
        """What is to be expected of so many compared calls in which the shadow differs so often; moved towards it."""
        noise = self._noise
        of, alone = calls * noise_rate, calls * (1 - noise_rate)
        b, c = of * shadow * (1 - noise), of * noise * (1 - shadow)
        moved = deviations * math.sqrt(b + c) / 2
        differ = min(alone, alone * shadow + deviations * math.sqrt(alone * shadow))
        both, neither = of * noise * shadow, of * (1 - noise) * (1 - shadow)
        return Pairs(b + moved, max(0.0, c - moved), both, neither, differ, alone - differ)

    def _clean(self, calls: float, noise_rate: float, part: float) -> bool:
        needed = self._needed - LEVEL_WEIGHTS[0]
        known = max(min(calls, _EXACT), calls * _AT_LEAST)
        failures = clean_wealth(Pairs(0, 0, 0, 0, 0, known), Allowed(self._asked.max_rate, 0.0))

        def wealth(calls: float, deviations: float) -> float:
            return clean_wealth(self._counts(calls, noise_rate, self._noise, deviations), self._allowed)

        if not self._noise:  # what never differs is no field
            return failures >= self._needed
        return failures >= self._needed and _chance(wealth, calls, needed) >= part

    def _regressed(self, calls: float, noise_rate: float) -> bool:
        needed = self._needed - weight_of(0) - LEVEL_WEIGHTS[0]
        counts = self._counts(calls, noise_rate, self._shadow, 0.0)
        # It jumps over where it is enough, at one of few differences: the median of a Poisson variable.
        if noise_rate:
            whole = counts._replace(shadow_only=math.floor(counts.shadow_only + 1 / 3))
            return regressed_wealth(whole, self._allowed) >= needed
        return rate_wealth(math.floor(counts.alone + 1 / 3), calls, self._asked.max_rate) >= needed

    def _until(self, enough: Callable[[float], bool]) -> float:
        """Compared calls, to 1 %."""
        high = 1.0
        while not enough(high):
            high *= 2
            if high > _MOST:
                return math.inf
        low = high / 2
        while high > low * 1.01:
            middle = (low + high) / 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high

    def _until_rejected(self, noise_rate: float) -> float:
        seconds, flow = self._asked.block_seconds, self._flow * self._sampled
        calls = float(self._asked.block_calls) if seconds is None else flow * seconds
        if noise_rate:
            pairs = calls * noise_rate
            worse = pairs * self._shadow * (1 - self._noise)
            better = pairs * self._noise * (1 - self._shadow)
            wins, losses = _wins(worse, better), _wins(better, worse)
        else:
            if seconds is not None:  # shorter ones are one with the next
                calls *= max(1, math.ceil(CALLS_OF_BLOCK / calls))
            wins = _more_than(calls * self._shadow, math.floor(calls * self._asked.max_rate + math.log(2)))
            losses = 1 - wins
        blocks = self._until(lambda number: coin_wealth(number * wins, number * losses) >= self._needed - weight_of(0))
        return blocks * calls


def _chance(wealth: Callable[[float, float], float], calls: float, needed: float) -> float:
    """The probability that a wealth has been enough once, up to so many calls. `wealth` is that of counts so many
    standard deviations worse than expected.
    """
    now = wealth(calls, 0.0)
    drift = wealth(2 * calls, 0.0) - now
    strays = abs(now - wealth(calls, 1.0))
    if drift <= 0 or strays < 1e-9:
        return float(now >= needed)
    barrier = needed + drift - now  # the bets begin below 1: they are shared out
    return _below((drift - barrier) / strays) + math.exp(
        min(0.0, 2 * drift * barrier / strays**2 + _log_below(-(drift + barrier) / strays))
    )


def _below(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _log_below(z: float) -> float:
    if z > -30:
        return math.log(_below(z))
    return -z * z / 2 - math.log(-z * math.sqrt(2 * math.pi))


def _more_than(mean: float, most: int) -> float:
    """The probability that a Poisson variable is more than this."""
    if mean > 500:
        return 0.5 * math.erfc((most + 0.5 - mean) / math.sqrt(2 * mean))
    return max(0.0, 1 - math.fsum(_poisson(mean, count) for count in range(most + 1)))


def _poisson(mean: float, count: int) -> float:
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1)) if mean else float(not count)


def _wins(one: float, other: float) -> float:
    """The probability that of two Poisson variables the one is more."""
    if one + other > 200:
        return 0.5 * math.erfc((other - one + 0.5) / math.sqrt(2 * (one + other)))
    return math.fsum(_poisson(other, count) * _more_than(one, count) for count in range(400))
