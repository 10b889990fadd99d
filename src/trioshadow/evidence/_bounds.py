"""The mathematics of a scorecard: evidence and bounds that hold however often one looks. Pure numbers, no names.

Everything here is a function of counts alone, so that counts of many processes can be added up first, and each is
*anytime-valid*: its error level holds for all moments together, and not only for one that was fixed beforehand. The
tool for that is an e-process, the wealth of a gambler who bets against a hypothesis and starts with 1: while the
hypothesis is true it ever reaches 1/alpha with a probability of at most alpha (Ville's inequality, 1939). Bets are
mixtures of likelihood ratios (Robbins 1970; Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform, nonparametric,
nonasymptotic confidence sequences", Annals of Statistics 49, 2021).

Wealths are natural logarithms throughout: they reach 10**1000.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

#: Parameter of the Beta prior of a bet against "as noisy as the primary": 1/2 is Jeffreys', which loses least against
#: the best bet in hindsight (Krichevsky, Trofimov 1981).
_JEFFREYS = 0.5

#: Fields that are tested together at first; the number doubles as more appear.
FAMILY = 64


def log_beta(a: float, b: float) -> float:
    """The logarithm of the Beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def exchangeability_wealth(shadow_only: float, secondary_only: float, a: float = _JEFFREYS) -> float:
    """The log-wealth against "the shadow differs from the primary as often as the secondary does".

    While that is true, the pairs in which only one of the two differs are tosses of a fair coin. With b and c of each
    sort: log of 2**(b+c) * B(b+a, c+a) / B(a, a).

    >>> round(math.exp(exchangeability_wealth(13, 0)), 1)
    1269.6
    """
    b, c = shadow_only, secondary_only
    return (b + c) * math.log(2) + log_beta(b + a, c + a) - log_beta(a, a)


def rate_wealth(differ: float, of: float, limit: float) -> float:
    """The log-wealth against "the rate is at most `limit`", for a limit in (0, 1): at most 0 while differ/of <= limit.

    With x of n and Jeffreys' prior: B(x+1/2, n-x+1/2) / B(1/2, 1/2) / (p**x * (1-p)**(n-x)), the least over all p up to
    the limit, which is at the limit itself if x/n is above it.
    """
    if differ <= limit * of:
        return 0.0
    return _mixture(differ, of, _JEFFREYS, _JEFFREYS) - _likelihood(differ, of, limit)


def upper_bound(differ: float, of: float, alpha: float, scale: float) -> float:
    """A rate that the true one is at most, at all moments together but for a probability `alpha`; 1 if `of` is 0.

    `scale`: the rate, in (0, 1), around which the bound shall be sharp, to be chosen without looking at the counts. The
    prior is Beta(1/2, 1/(2*scale)), whose mean is near `scale`.

    >>> round(upper_bound(0, 5_000, 0.05, 0.001), 6)
    0.000839
    """
    if of <= 0:
        return 1.0
    rate = differ / of
    if rate >= 1:  # also where only rounding makes it so
        return 1.0
    # The bound p is where the mixture outweighs the likelihood by 1/alpha. In units of one call that is a divergence
    # (Kullback's) of the rate from p, and convex in p: Newton's steps from the right never pass the root.
    # At 10**15 calls the two are so large that rounding may turn their order round.
    lead = max(0.0, _likelihood(differ, of, rate) - _mixture(differ, of, 0.5, 0.5 / scale))
    target = (lead - math.log(alpha)) / of
    far = (
        rate + target + math.sqrt(target * target + 2 * rate * target)
    )  # for the divergence is at least (p-rate)**2/2p
    entropy = rate * math.log(rate) if rate else 0.0
    bound = min(far, 1 - (1 - rate) * math.exp((entropy - target) / (1 - rate)))
    while rate < bound < 1:
        step = (_divergence(rate, bound) - target) * bound * (1 - bound) / (bound - rate)
        if step <= 1e-12 * bound:
            break
        bound -= step
    return min(1.0, max(rate, bound))


def _divergence(rate: float, p: float) -> float:
    first = rate * math.log(rate / p) if rate else 0.0
    return first + (1 - rate) * (math.log1p(-rate) - math.log1p(-p))


def _mixture(x: float, n: float, a: float, b: float) -> float:
    return log_beta(x + a, n - x + b) - log_beta(a, b)


def _likelihood(x: float, n: float, p: float) -> float:
    """Of p in (0, 1), or the rate itself."""
    return (x * math.log(p) if x else 0.0) + (n - x) * math.log1p(-p)


def discoveries(wealths: Sequence[float], alpha: float) -> list[bool]:
    """Which hypotheses are rejected, of a family that grows while one looks: e-BH (Wang, Ramdas, JRSS B 84, 2022).

    e-BH rejects the k largest of F wealths if all of these are at least F/(alpha*k). It controls the false discovery
    rate under any dependence, but for a family of fixed size, and fields appear one by one. So F is 64 with the level
    3/4*alpha, and once more have appeared 128 with 3/16*alpha, then 256 with 3/64*alpha and so on: the levels add up to
    alpha. If all hypotheses are true, then the mean of the F wealths (those of fields not seen yet are 1) is an
    e-process itself, and a rejection needs a mean of 1/level; so with a probability of at least 1-alpha there is none,
    at any moment.

    >>> discoveries([math.log(1_700), math.log(1_710)], 0.05), discoveries([math.log(1_700)], 0.05)
    ([True, True], [False])
    """
    family, level = FAMILY, 0.75 * alpha
    while family < len(wealths):
        family, level = 2 * family, level / 4
    ordered = sorted(wealths, reverse=True)
    rejected = 0
    for k, wealth in enumerate(ordered, 1):
        if wealth >= math.log(family / (level * k)):
            rejected = k
    threshold = ordered[rejected - 1] if rejected else math.inf
    return [wealth >= threshold for wealth in wealths]


#: Nobody waits for so many times what there is.
_MOST = 1e7


def factor_needed(enough: Callable[[float], bool]) -> float | None:
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
