"""The fixed-size test that `evidence.py` compares with: the exact one-sided sign test, at a Bonferroni level.

Of the b+c calls in which only one of the two differs, so many or more in which it is the shadow have a probability of
at most `level` with a fair coin. It is valid for one look, at a number of calls that was fixed beforehand.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from lib.simulation.walks import Floats, Ints


@functools.cache
def critical(level: float, tosses: int) -> Ints:
    """Return, by b+c up to `tosses`, the least b that rejects; b+c+1 where none does."""
    least, tail = 0, 1.0  # P(heads >= least)
    rejecting = [1]
    for n in range(1, tosses + 1):
        tail += 0.5 * _probability(n - 1, least - 1)
        while tail > level:
            tail -= _probability(n, least)
            least += 1
        rejecting.append(least)
    return np.array(rejecting)


def _probability(n: int, heads: int) -> float:
    if not 0 <= heads <= n:
        return 0.0
    return math.exp(math.lgamma(n + 1) - math.lgamma(heads + 1) - math.lgamma(n - heads + 1) - n * math.log(2))


def calls_needed(only_shadow: float, only_secondary: float, level: float, power: float) -> int:
    """Return the least number of calls, fixed beforehand, with which the test finds these rates with this power."""
    low, high = 1, 16
    while _power(high, only_shadow, only_secondary, level) < power:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = _power(middle, only_shadow, only_secondary, level) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def _power(calls: int, only_shadow: float, only_secondary: float, level: float) -> float:
    one = only_shadow + only_secondary
    share = only_shadow / one
    total = 0.0
    rejecting = critical(level, 5_000)
    for tosses, weight in enumerate(_binomial(calls, one)):
        if weight > 1e-9:
            total += weight * float(_binomial(tosses, share)[int(rejecting[tosses]) :].sum())
    return total


def _binomial(n: int, p: float) -> Floats:
    """All probabilities from 0 to n."""
    if p >= 1:
        return np.array([0.0] * n + [1.0])
    k = np.arange(n + 1)
    logs = _log_factorials()
    found: Floats = np.exp(logs[n] - logs[k] - logs[n - k] + k * math.log(p) + (n - k) * math.log1p(-p))
    return found


@functools.cache
def _log_factorials() -> Floats:
    return np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, 50_000)))))
