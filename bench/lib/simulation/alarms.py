"""For `evidence.py`: false alarms, and how soon a candidate that is worse is found, with a secondary.

Drawn as random walks of the counts b and c, and judged by the library's own `exchangeability_wealth` and `discoveries`.
A scorecard calls a field CLEAN, if it can, before it is called regressed; here that is left out, so a scorecard has
fewer false alarms.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Iterator

import numpy as np

from trioshadow.evidence import Objective
from trioshadow.evidence._bounds import FAMILY, discoveries, exchangeability_wealth

from lib.simulation.shares import calls_until, hold_share, runs_of, share
from lib.simulation.sign_test import calls_needed, critical
from lib.simulation.walks import Bools, Ints, Walk, walk
from lib.table import Row
from lib.timing import Effort

_FIELDS, _CALLS = 50, 20_000
_NOISES = (0.001, 0.01, 0.05, 0.3)
_ALPHA, _MIN_KEYS = Objective().error_level, Objective().min_keys

#: Of the one field that is wrong: the candidate's rate, the secondary's, the noise of the 49 others, and a number of
#: calls that always is enough.
_WRONG = {
    "wrong in 1 % of the calls, no noise": (0.01, 0.0, 0.0, 20_000),
    "differs in 6 % of the calls, the secondary in 1 %": (0.06, 0.01, 0.01, 10_000),
    "always wrong, under 90 % noise": (1.0, 0.9, 0.9, 2_000),
}

_wealth = functools.lru_cache(1 << 20)(exchangeability_wealth)


def _first_regressed(seen: Walk, target: int | None = None) -> int | None:
    """Return the call at which the first field (or this one) is REGRESSED, looked at after every event.

    To be rejected, even with all others, a wealth must reach FAMILY/(level*fields): fields that never do are left out.
    """
    suspect = seen.b >= _least_b(math.log(FAMILY / (0.75 * _ALPHA * _FIELDS)))[seen.b + seen.c]
    best: dict[int, float] = {}
    suspects = (column[suspect].tolist() for column in (seen.field, seen.b, seen.c))
    for field, b, c in zip(*suspects, strict=True):
        best[field] = max(best.get(field, 0.0), _wealth(b, c))
    if not any(discoveries(list(best.values()), _ALPHA)):
        return None  # not even if all had been as wealthy as ever at one time
    kept = np.isin(seen.field, list(best))
    columns = (seen.call, seen.field, seen.b, seen.c, suspect)
    now = {}
    for call, field, b, c, is_suspect in zip(*(column[kept].tolist() for column in columns), strict=True):
        now[field] = (_wealth(b, c) if b > c else 0.0, b)
        if is_suspect:
            rejected = discoveries([wealth for wealth, _ in now.values()], _ALPHA)
            for number, (_, only_shadow), is_rejected in zip(now, now.values(), rejected, strict=True):
                if is_rejected and only_shadow >= _MIN_KEYS and target in (None, number):
                    return int(call)
    return None


@functools.cache
def _least_b(threshold: float) -> Ints:
    """By b+c, the least b > c of which the wealth reaches a threshold."""
    least: list[int] = []
    b = 0
    for tosses in range(_CALLS + 1):
        b = max(b, tosses // 2 + 1)
        while b <= tosses and exchangeability_wealth(b, tosses - b) < threshold:
            b += 1
        least.append(b)
    return np.array(least)


def _diffy(b: Ints, c: Ints, both: Ints, calls: Ints) -> Bools:
    """Diffy's rule: raw > noise, relative > 20 %, absolute > 0.03 %."""
    excess = b - c
    return (excess > 0) & (excess > 0.2 * (b + c + 2 * both)) & (excess > 0.0003 * calls)


def _diffy_after(seen: Walk, calls: int) -> bool:
    return bool(_diffy(*seen.after(calls), np.array(calls)).any())


def false_alarms(effort: Effort) -> Iterator[Row]:
    """How often an identical candidate is ever REGRESSED, and what others would say of it."""
    runs = runs_of(effort, 1_000)
    sign_test = critical(_ALPHA / _FIELDS, _CALLS)
    for noise in _NOISES:
        chance = np.random.default_rng(20_261)
        rates = np.full(_FIELDS, noise)
        ours = peeked = diffy = 0
        once = dict.fromkeys((1_000, _CALLS), 0)
        for _ in range(runs):
            seen = walk(chance, _CALLS, rates, rates)
            ours += _first_regressed(seen) is not None
            peeked += bool((seen.b >= sign_test[seen.b + seen.c]).any())
            diffy += bool(_diffy(seen.b, seen.c, seen.both, seen.call).any())
            for calls in once:
                once[calls] += _diffy_after(seen, calls)
        what = f"noise {noise:.1%}: a field ever REGRESSED ({runs:,} runs)"
        yield hold_share(Row(what, share(ours, runs), f"Diffy's rule, {share(diffy, runs)}"), ours, runs)
        for calls, flagged in once.items():
            yield Row(f"  by Diffy's rule, looked at once, after {calls:,} calls", share(flagged, runs))
        yield Row("  by the fixed-size test, looked at after every call", share(peeked, runs))


def power(effort: Effort) -> Iterator[Row]:
    """How soon a field that is wrong is REGRESSED, among 49 that are not."""
    runs = runs_of(effort, 1_000)
    for what, (shadow, secondary, noise, calls) in _WRONG.items():
        chance = np.random.default_rng(20_262)
        shadows, secondaries = np.full(_FIELDS, noise), np.full(_FIELDS, noise)
        shadows[0], secondaries[0] = shadow, secondary
        found = [_first_regressed(walk(chance, calls, shadows, secondaries), 0) for _ in range(runs)]
        needed = [one for one in found if one is not None]
        if len(needed) < runs:
            raise AssertionError("a candidate that is worse was not found")
        rates = shadow * (1 - secondary), secondary * (1 - shadow)
        fixed = {power: calls_needed(*rates, _ALPHA / _FIELDS, power) for power in (0.5, 0.9)}
        median, most = statistics.median(needed), float(np.quantile(needed, 0.9))
        yield Row(
            f"{what}: REGRESSED after ({runs:,} runs)",
            calls_until(needed),
            f"fixed size, {fixed[0.5]:,} calls",
            median / fixed[0.5],
        )
        yield Row("  nine runs in ten", f"{most:,.0f} calls", f"fixed size, {fixed[0.9]:,} calls", most / fixed[0.9])
