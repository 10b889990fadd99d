"""The mathematics of a scorecard: evidence that holds however often one looks. Pure numbers, no names.

Everything here is a function of counts alone, so that counts of many processes can be added up first, and each is
*anytime-valid*: its error level holds for all moments together, and not only for one that was fixed beforehand. The
tool for that is an e-process, the wealth of a gambler who bets against a hypothesis and starts with 1: while the
hypothesis is true it ever reaches 1/alpha with a probability of at most alpha (Ville's inequality, 1939). Bets are
averages over several stakes (Waudby-Smith, Ramdas, "Estimating means of bounded random variables by betting", JRSS B
86, 2024) or mixtures of likelihood ratios (Robbins 1970).

Wealths are natural logarithms throughout: they reach 10**1000. `_betting.py` has the bets of paired answers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

#: Parameter of the Beta prior of a bet against a rate: 1/2 is Jeffreys', which loses least against the best bet in
#: hindsight (Krichevsky, Trofimov 1981).
_JEFFREYS = 0.5

#: What a coin is bet on with: from a small lean that many tosses show to one that each toss shows.
_STAKES = (0.06, 0.12, 0.25, 0.5, 0.8, 1.0)
_STAKE_LOGS = tuple((math.log1p(stake), math.log1p(-stake) if stake < 1 else -math.inf) for stake in _STAKES)

#: The sum over n = 2, 3, ... of 1/(n * log(n)**2) is 2.1097...
_WEIGHTS = 2.11


def mean_of(wealths: Sequence[float]) -> float:
    """The logarithm of the mean of wealths, of which the logarithms are given."""
    top = max(wealths)
    if top == -math.inf:
        return top
    return top + math.log(sum([math.exp(wealth - top) for wealth in wealths]) / len(wealths))


def log_sum(one: float, other: float) -> float:
    """The logarithm of the sum of two numbers, of which the logarithms are given."""
    if one < other:
        one, other = other, one
    return one + math.log1p(math.exp(other - one))


def coin_wealth(heads: float, tails: float) -> float:
    """The log-wealth against "heads come no more often than tails", for tosses in any order.

    The mean over six stakes s of (1+s)**heads * (1-s)**tails.

    >>> round(math.exp(coin_wealth(10, 0)), 1)
    242.2
    """
    return mean_of([heads * won + tails * lost if tails else heads * won for won, lost in _STAKE_LOGS])


def rate_wealth(differ: float, of: float, limit: float) -> float:
    """The log-wealth against "the rate is at most `limit`", for a limit in (0, 1): at most 0 while differ/of <= limit.

    With x of n and Jeffreys' prior: B(x+1/2, n-x+1/2) / B(1/2, 1/2) / (p**x * (1-p)**(n-x)), the least over all p up to
    the limit, which is at the limit itself if x/n is above it.
    """
    if differ <= limit * of:
        return 0.0
    return _mixture(differ, of, _JEFFREYS, _JEFFREYS) - _likelihood(differ, of, limit)


def side_wealths(above: float, of: float, rate: float) -> tuple[float, float]:
    """The log-wealths against "the rate is at least this", and against "at most this"; prior Beta(1/2, 1/(2*rate))."""
    wealth = _mixture(above, of, 0.5, 0.5 / rate) - _likelihood(above, of, rate) if of else 0.0
    return (wealth, 0.0) if above < rate * of else (0.0, wealth)


def is_below(differ: float, of: float, alpha: float, limit: float) -> bool:
    """Is the rate at most `limit`, in (0, 1), at all moments together but for a probability `alpha`?

    >>> is_below(0, 4_104, 0.05, 0.001), is_below(0, 4_103, 0.05, 0.001)
    (True, False)
    """
    if of <= 0 or differ >= limit * of:
        return False
    return _mixture(differ, of, 0.5, 0.5 / limit) - _likelihood(differ, of, limit) >= -math.log(alpha)


@functools.lru_cache(256)
def calls_to_be_below(alpha: float, limit: float) -> float:
    """So many calls `is_below()` takes at least: all of them the same. To within 5 %."""
    return factor_needed(lambda of: is_below(0, of, alpha, limit)) or math.inf


def _mixture(x: float, n: float, a: float, b: float) -> float:
    return log_beta(x + a, n - x + b) - _log_prior(a, b)


@functools.lru_cache(256)
def _log_prior(a: float, b: float) -> float:
    return log_beta(a, b)


def log_beta(a: float, b: float) -> float:
    """The logarithm of the Beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _likelihood(x: float, n: float, p: float) -> float:
    """Of p in (0, 1)."""
    return (x * math.log(p) if x else 0.0) + (n - x) * math.log1p(-p)


def weight_of(order: int) -> float:
    """The share of the error level that the hypothesis has which appeared as the `order`-th, from 0 on, as a logarithm.

    1/(n * log(n)**2) over the sum of all of these, with n from 2 on: the shares add up to less than one whatever comes,
    and that of a hypothesis never changes, so that a new one takes nothing from those before it.

    >>> [round(math.exp(weight_of(order)), 4) for order in (0, 1, 9, 99)]
    [0.4932, 0.1309, 0.0075, 0.0002]
    """
    n = order + 2
    return -math.log(n * math.log(n) ** 2 * _WEIGHTS)


def discoveries(wealths: Sequence[float], orders: Sequence[int], alpha: float) -> list[bool]:
    """Which hypotheses are rejected, of a family that grows while one looks: weighted e-BH (Wang, Ramdas, JRSS B 84,
    2022; Ignatiadis, Wang, Ramdas, 2024).

    It rejects the k largest of the weighted wealths if all of these are at least 1/(alpha*k), which controls the false
    discovery rate under any dependence. If all hypotheses are true, then the weighted sum of the wealths is an
    e-process itself, provided that each begins to bet when its weight is known: after the toss by which it appeared.
    A rejection needs a sum of 1/alpha; so with a probability of at least 1-alpha there is none, at any moment.

    >>> discoveries([4.0, 3.5], [0, 1], 0.05)
    [True, False]
    """
    weighted = [wealth + weight_of(order) for wealth, order in zip(wealths, orders, strict=True)]
    ordered = sorted(weighted, reverse=True)
    needed = -math.log(alpha)
    rejected = 0
    for k, wealth in enumerate(ordered, 1):
        if wealth >= needed - math.log(k):
            rejected = k
    threshold = ordered[rejected - 1] if rejected else math.inf
    return [wealth >= threshold for wealth in weighted]


#: Nobody waits for so many times what there is.
_MOST = 1e7


def factor_needed(enough: Callable[[float], bool], least: float = 1.0) -> float | None:
    """How many times the counts it takes, to within 5 %; None if no number of calls would do. `least`: it takes so many
    times at least, about.
    """
    if enough(1.0):
        return 1.0
    low, high = 1.0, max(2.0, least)
    while not enough(high):
        low, high = high, high * 2
        if high > _MOST:
            return None
    while high > low * 1.05:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
