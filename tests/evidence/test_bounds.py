"""The mathematics of a scorecard, as numbers. Pure."""

from __future__ import annotations

import functools
import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow.evidence._bounds import (
    FAMILY,
    discoveries,
    exchangeability_wealth,
    log_beta,
    rate_wealth,
    upper_bound,
)

counts = st.integers(0, 10**9)
limits = st.floats(1e-6, 0.5)


def test_the_beta_function_is_that_of_the_books():
    assert math.exp(log_beta(2, 3)) == pytest.approx(1 / 12)
    assert math.exp(log_beta(0.5, 0.5)) == pytest.approx(math.pi)


def choices(a, b, c):
    """The wealth by its definition, tossing by tossing: the bet on the next toss is the share so far."""
    wealth, tosses = 0.0, [0] * c + [1] * b
    seen = [a, a]
    for toss in tosses:
        wealth += math.log(2 * seen[toss] / sum(seen))
        seen[toss] += 1
    return wealth


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (0, 1), (13, 0), (5, 9), (40, 40), (300, 200)])
def test_the_wealth_is_that_of_a_gambler_who_bets_toss_by_toss(b, c):
    assert exchangeability_wealth(b, c) == pytest.approx(choices(0.5, b, c), abs=1e-9)
    assert exchangeability_wealth(b, c, 1.0) == pytest.approx(choices(1.0, b, c), abs=1e-9)


def test_the_wealth_of_a_fair_coin_is_one_on_average():
    """At each number of tosses, over all that there can be."""
    for tosses in (1, 2, 7, 12):
        mean = sum(
            math.exp(exchangeability_wealth(sum(sides), tosses - sum(sides))) / 2**tosses
            for sides in itertools.product((0, 1), repeat=tosses)
        )
        assert mean == pytest.approx(1)


@given(counts, counts)
def test_the_wealth_does_not_know_the_sides_apart(b, c):
    assert exchangeability_wealth(b, c) == pytest.approx(exchangeability_wealth(c, b))


@given(counts, st.integers(0, 1000))
def test_more_of_the_one_side_is_more_wealth(c, more):
    """Once it has the majority, however large the numbers: rounding does not turn it round."""
    b = c + more
    assert exchangeability_wealth(b + 1, c) >= exchangeability_wealth(b, c) - 1e-4


def test_wealths_of_a_thousand_million_are_still_right():
    """Against the expansion z**2/2 - log(n*pi/2)/2 of a coin that was tossed n times and is z standard errors off."""
    n = 10**9
    for z in (0, 4, 8):
        excess = round(z * math.sqrt(n) / 2)
        expected = z**2 / 2 - math.log(n * math.pi / 2) / 2
        assert exchangeability_wealth(n // 2 + excess, n // 2 - excess) == pytest.approx(expected, abs=1e-3)


def test_a_rate_within_its_limit_is_no_evidence():
    assert rate_wealth(0, 0, 0.001) == 0
    assert rate_wealth(0, 10, 0.001) == 0
    assert rate_wealth(1, 1000, 0.001) == 0
    assert rate_wealth(10, 1000, 0.001) > 0


def test_the_wealth_against_a_rate_is_worked_by_hand():
    """All of two: B(5/2, 1/2) / B(1/2, 1/2) / p**2 = 3/8 / p**2."""
    assert math.exp(rate_wealth(2, 2, 0.01)) == pytest.approx(3_750)


@given(st.integers(0, 3000), st.integers(1, 3000), limits)
def test_the_wealth_against_a_rate_rises_with_what_differs(differ, same, limit):
    of = differ + same
    if differ > limit * of:
        assert rate_wealth(differ + 1, of + 1, limit) >= rate_wealth(differ, of, limit) - 1e-6


@given(counts, counts, st.floats(1e-6, 0.5), st.floats(1e-9, 0.9))
def test_a_bound_lies_between_the_rate_and_one(differ, same, alpha, scale):
    of = differ + same
    bound = upper_bound(differ, of, alpha, scale)
    assert (differ / of if of else 1) <= bound <= 1


def test_a_bound_of_nothing_is_one():
    assert upper_bound(0, 0, 0.05, 0.001) == 1
    assert upper_bound(0, -1, 0.05, 0.001) == 1


def test_a_rate_of_more_than_all_is_all():
    """Estimates of numbers of keys may say so."""
    assert upper_bound(12.5, 10, 0.05, 0.001) == upper_bound(10, 10, 0.05, 0.001) == 1


def test_a_bound_is_sane_where_rounding_is_larger_than_what_it_rests_on():
    """Thousands of millions of millions of calls, which is asked when it is looked for how many would be enough."""
    differ, of = 4850242402910208.0, 4898264365137920.0
    assert differ / of <= upper_bound(differ, of, 0.495, 0.1) <= differ / of + 1e-6


def test_the_bound_is_where_the_mixture_outweighs_the_likelihood_by_one_over_alpha():
    """By numbers, without the functions that compute it: no difference in 5,000 calls."""
    bound = upper_bound(0, 5_000, 0.05, 0.001)
    mixture = math.exp(log_beta(0.5, 5_500) - log_beta(0.5, 500))
    assert (1 - bound) ** 5_000 == pytest.approx(0.05 * mixture, rel=1e-6)


@given(st.integers(0, 50), st.integers(1, 5000), st.floats(1e-4, 0.2))
def test_a_bound_is_wider_the_rarer_it_may_be_wrong(differ, same, alpha):
    of = differ + same
    assert upper_bound(differ, of, alpha / 2, 0.001) >= upper_bound(differ, of, alpha, 0.001)


def test_bounds_are_sane_for_all_objectives_that_there_can_be():
    """The numbers within are as large as 1/scale, and their logarithms are rounded."""
    for scale in (1e-9, 1e-6, 1e-3, 0.5, 0.999):
        bounds = [upper_bound(differ, 10**9, 0.05, scale) for differ in range(20)]
        assert bounds == sorted(bounds)
        assert bounds[0] < 1e-7
        assert bounds[3] > 4e-9


@functools.cache
def first_below(differ, rate):
    """After how many calls, with so many that differ, the bound falls below the rate."""
    low, high = differ, 10**7
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if upper_bound(differ, middle, 0.05, 0.001) < rate else (middle, high)
    return high


@pytest.mark.parametrize("rate", [0.001, 0.02])
def test_a_bound_that_is_looked_at_after_every_call_ever_fails_in_one_run_of_twenty_at_most(rate):
    """A simulation. An ordinary bound for each number of calls, looked at so, fails in most runs."""
    chance = random.Random(7)
    runs, length, failed = 2_000, 5_000, 0
    for _ in range(runs):
        at = differ = 0
        while at < length:
            at += math.ceil(math.log(1 - chance.random()) / math.log1p(-rate))
            if min(at, length + 1) > first_below(differ, rate):
                failed += 1
                break
            differ += 1
    assert failed / runs <= 0.05
    assert failed > 0  # it is not simply wide


# ── many fields ─────────────────────────────────────────────────────────────────────────────────────────────────────


def logs(*values):
    return [math.log(value) for value in values]


#: What one field alone must reach at 5 %.
ALONE = FAMILY / (0.75 * 0.05)


def test_one_field_alone_must_reach_the_whole_family():
    assert pytest.approx(1_706.67, abs=0.01) == ALONE
    assert discoveries(logs(ALONE * 1.0001), 0.05) == [True]
    assert discoveries(logs(ALONE * 0.9999), 0.05) == [False]


def test_two_fields_together_need_half_each():
    assert discoveries(logs(ALONE / 1.999, 1, ALONE / 1.999), 0.05) == [True, False, True]
    assert discoveries(logs(ALONE / 2.001, 1, ALONE / 2.001), 0.05) == [False] * 3


def test_a_strong_one_takes_a_weaker_one_with_it():
    assert discoveries(logs(ALONE * 9, ALONE / 1.999), 0.05) == [True, True]
    assert discoveries(logs(ALONE * 9, ALONE / 2.001), 0.05) == [True, False]


def test_equal_wealths_are_judged_alike():
    for number in range(1, FAMILY + 1):
        for factor, expected in ((1.0001, True), (0.9999, False)):
            assert discoveries(logs(*[ALONE / number * factor] * number), 0.05) == [expected] * number


def test_no_field_at_all_is_no_discovery():
    assert discoveries([], 0.05) == []


def test_wealths_beyond_what_a_float_holds_are_compared_as_logarithms():
    assert discoveries([1e6, -1e6, 1e308], 0.05) == [True, False, True]


@pytest.mark.parametrize("step", range(4))
def test_each_doubling_of_the_family_costs_a_factor_of_eight(step):
    """Twice the fields at a quarter of the level."""
    full = FAMILY * 2**step
    reached = ALONE * 8**step
    silent = [0.0] * (full - 1)
    assert discoveries([math.log(reached * 1.0001), *silent], 0.05)[0]
    assert not discoveries([math.log(reached * 0.9999), *silent], 0.05)[0]
    assert not discoveries([math.log(reached * 1.0001), *silent, 0.0], 0.05)[0]


def test_the_levels_of_all_families_add_up_to_the_error_level():
    assert sum(0.75 / 4**step for step in range(60)) == pytest.approx(1)


@given(st.lists(st.floats(-50, 50), max_size=150), st.floats(0.001, 0.5))
def test_who_is_rejected_is_wealthier_than_who_is_not(wealths, alpha):
    rejected = discoveries(wealths, alpha)
    taken = [wealth for wealth, taken in zip(wealths, rejected, strict=True) if taken]
    left = [wealth for wealth, taken in zip(wealths, rejected, strict=True) if not taken]
    assert not taken or not left or min(taken) > max(left)


@given(st.lists(st.floats(-5, 20), min_size=1, max_size=100))
def test_among_true_hypotheses_a_rejection_needs_an_average_of_one_over_the_level(wealths):
    """Which is what Ville's inequality is about."""
    family = FAMILY if len(wealths) <= FAMILY else 2 * FAMILY
    level = 0.75 * 0.05 if family == FAMILY else 0.75 * 0.05 / 4
    if any(discoveries(wealths, 0.05)):
        unseen = family - len(wealths)
        assert (sum(map(math.exp, wealths)) + unseen) / family >= (1 - 1e-9) / level


def ever_discovered(chance, wealths, fields=50, tosses=100):
    """Fair coins of many fields, tossed in turn, and looked at after each toss."""
    heads = [0] * fields
    now = [0.0] * fields
    for toss in range(1, tosses + 1):
        bits = chance.getrandbits(fields)
        for field in range(fields):
            heads[field] += bits >> field & 1
            b = heads[field]
            now[field] = wealths[b][toss - b] if 2 * b > toss else 0.0
        # Less is not rejected in any company.
        if max(now) > 3 and any(discoveries(now, 0.05)):
            return True
    return False


def test_of_fifty_fair_coins_hardly_ever_is_one_called_unfair():
    """A simulation; 5 % is what is promised, and 1 % what it comes to in so many tosses.

    With families that begin at 8 in place of 64, or with what one coin alone would need, it fails.
    """
    wealths = [[exchangeability_wealth(b, c) for c in range(101)] for b in range(101)]
    chance = random.Random(5)
    runs = 300
    assert sum(ever_discovered(chance, wealths) for _ in range(runs)) / runs <= 0.02
