"""The mathematics of a scorecard, as numbers. Pure."""

from __future__ import annotations

import functools
import itertools
import math
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trioshadow.evidence._bounds import (
    coin_wealth,
    discoveries,
    factor_needed,
    is_below,
    log_beta,
    log_sum,
    mean_of,
    rate_wealth,
    side_wealths,
    weight_of,
)

counts = st.integers(0, 10**9)
limits = st.floats(1e-6, 0.5)
logs = st.floats(-1e3, 1e3)


def test_the_beta_function_is_that_of_the_books():
    assert math.exp(log_beta(2, 3)) == pytest.approx(1 / 12)
    assert math.exp(log_beta(0.5, 0.5)) == pytest.approx(math.pi)


def test_sums_and_means_of_logarithms():
    assert log_sum(math.log(2), math.log(3)) == pytest.approx(math.log(5))
    assert log_sum(math.log(3), math.log(2)) == pytest.approx(math.log(5))
    assert mean_of([math.log(2), math.log(4)]) == pytest.approx(math.log(3))
    assert mean_of([-math.inf, math.log(4)]) == pytest.approx(math.log(2))
    assert mean_of([-math.inf, -math.inf]) == -math.inf
    assert mean_of([5_000.0, 5_000.0]) == 5_000


# ── a coin ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_wealth_of_a_coin_is_that_of_a_gambler_with_six_stakes():
    """3 heads and 1 tail: the mean of (1+s)**3 * (1-s), and nothing is left of a stake of all."""
    stakes = (0.06, 0.12, 0.25, 0.5, 0.8, 1.0)
    expected = sum((1 + stake) ** 3 * (1 - stake) for stake in stakes) / 6
    assert math.exp(coin_wealth(3, 1)) == pytest.approx(expected)
    assert math.exp(coin_wealth(10, 0)) == pytest.approx(sum((1 + stake) ** 10 for stake in stakes) / 6)
    assert coin_wealth(0, 0) == pytest.approx(0)


@pytest.mark.parametrize("chance", [0.5, 0.4, 0.1])
def test_the_wealth_of_a_coin_that_is_fair_or_better_is_one_at_most_on_average(chance):
    for tosses in (1, 2, 7, 12):
        mean = sum(
            math.exp(coin_wealth(sum(sides), tosses - sum(sides)))
            * chance ** sum(sides)
            * (1 - chance) ** (tosses - sum(sides))
            for sides in itertools.product((0, 1), repeat=tosses)
        )
        assert mean <= 1 + 1e-9
        assert mean == pytest.approx(1) or chance < 0.5


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_heads_win_and_tails_lose(heads, tails):
    assert coin_wealth(heads + 1, tails) >= coin_wealth(heads, tails)
    assert coin_wealth(heads, tails + 1) <= coin_wealth(heads, tails)


# ── a rate ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_rate_within_its_limit_is_no_evidence():
    assert rate_wealth(0, 0, 0.001) == 0
    assert rate_wealth(1, 1_000, 0.001) == 0
    assert rate_wealth(0, 10**9, 0.001) == 0


def test_the_wealth_against_a_rate_is_worked_by_hand():
    """One of one, at a limit of 1/10: B(3/2, 1/2) / B(1/2, 1/2) = 1/2, over 1/10."""
    assert math.exp(rate_wealth(1, 1, 0.1)) == pytest.approx(5)


@example(0, 3354, 1.4591420292854309e-06)  # the first one is worth nothing, or a little less
@given(st.integers(0, 10**6), st.integers(0, 10**6), limits)
def test_beyond_its_limit_the_wealth_against_a_rate_rises_with_what_differs(differ, same, limit):
    before, after = rate_wealth(differ, differ + same, limit), rate_wealth(differ + 1, differ + same + 1, limit)
    if differ > limit * (differ + same):
        assert after >= before - 1e-6
    else:
        assert before == 0


def test_a_rate_is_held_against_a_limit_from_both_sides():
    assert side_wealths(0, 0, 0.01) == (0, 0)
    low, high = side_wealths(1, 1_000, 0.01), side_wealths(30, 1_000, 0.01)
    assert low[0] > 3
    assert low[1] == 0
    assert high[0] == 0
    assert high[1] > 6


def test_a_rate_is_below_a_limit_when_the_bet_says_so():
    assert not is_below(0, 0, 0.05, 0.001)
    assert not is_below(1, 1_000, 0.05, 0.001)
    assert is_below(3, 20_000, 0.05, 0.001)
    assert not is_below(3, 20_000, 1e-6, 0.001)


@given(st.integers(0, 1_000), st.integers(1, 10**12), st.floats(1e-9, 0.9), limits)
def test_to_be_below_takes_more_the_rarer_it_may_be_wrong(differ, same, alpha, limit):
    assert is_below(differ, differ + same, alpha / 2, limit) <= is_below(differ, differ + same, alpha, limit)


def ever_below(chance, rate, calls):
    """A rate of just what is not allowed: is it ever taken for less? Looked at after each call that differs."""
    call = 0
    for differ in itertools.count():
        call += max(1, math.ceil(math.log(1 - chance.random()) / math.log1p(-rate)))
        if call > calls:
            return False
        if is_below(differ, call - 1, 0.05, rate):
            return True
    raise AssertionError


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.3])
def test_a_rate_that_is_looked_at_after_every_call_is_hardly_ever_taken_for_less(rate):
    chance = random.Random(3)
    runs = 400
    assert sum(ever_below(chance, rate, 30 / rate) for _ in range(runs)) <= 0.05 * runs + 3 * math.sqrt(0.05 * runs)


# ── discoveries ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_shares_of_the_error_level_add_up_to_less_than_one():
    """And no more than a twentieth is left for those beyond 1,000,000: 1/(log(n)*2.11)."""
    total = sum(math.exp(weight_of(order)) for order in range(200_000))
    assert 0.94 < total < 1 - 1 / (math.log(200_002) * 2.11) + 0.001
    assert all(weight_of(order) > weight_of(order + 1) for order in range(1_000))


def test_one_field_alone_must_reach_the_inverse_of_its_share():
    needed = math.log(20) - weight_of(3)
    assert discoveries([0, needed - 1e-9], [0, 3], 0.05) == [False, False]
    assert discoveries([0, needed + 1e-9], [0, 3], 0.05) == [False, True]


def test_two_fields_together_need_half_each():
    needed = math.log(20) - weight_of(0)
    other = math.log(20) - weight_of(1)
    half = math.log(2)
    assert discoveries([needed - half + 1e-9, other - half + 1e-9], [0, 1], 0.05) == [True, True]
    assert discoveries([needed - half - 1e-9, other - half + 1e-9], [0, 1], 0.05) == [False, False]


def test_no_field_at_all_is_no_discovery():
    assert discoveries([], [], 0.05) == []


def test_a_new_field_takes_nothing_from_those_before_it():
    needed = math.log(20) - weight_of(0) + 1e-9
    for others in (0, 64, 5_000):
        assert discoveries([needed, *[0.0] * others], list(range(others + 1)), 0.05)[0]


def test_wealths_beyond_what_a_float_holds_are_compared_as_logarithms():
    assert discoveries([5_000.0, 4_000.0, 1.0], [0, 1, 2], 0.05) == [True, True, False]


families = st.lists(st.tuples(logs, st.integers(0, 100)), max_size=30, unique_by=lambda one: one[1])


@given(families)
def test_among_true_hypotheses_a_rejection_needs_a_weighted_sum_of_one_over_the_level(family):
    """So that of true ones hardly any is ever rejected, by Ville's inequality."""
    wealths, orders = [wealth for wealth, _ in family], [order for _, order in family]
    if any(discoveries(wealths, orders, 0.05)):
        weighted = (wealth + weight_of(order) for wealth, order in family)
        assert functools.reduce(log_sum, weighted) >= math.log(20) - 1e-9


def test_of_fifty_fair_coins_hardly_ever_is_one_called_unfair():
    """Each begins to bet after its first toss, by which its place is known."""
    chance = random.Random(5)
    runs, wrong = 60, 0
    for _ in range(runs):
        tosses = [[0, 0] for _ in range(50)]
        for _ in range(120):
            for coin in tosses:
                coin[chance.random() < 0.5] += 1
            wealths = [coin_wealth(heads, tails) for heads, tails in tosses]
            if any(discoveries(wealths, list(range(50)), 0.05)):
                wrong += 1
                break
    assert wrong <= 0.05 * runs + 3 * math.sqrt(0.05 * runs)


# ── how many more ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_factor_is_found_to_within_five_percent():
    for needed in (1.0, 1.5, 77.0, 8e6):
        found = factor_needed(lambda factor, needed=needed: factor >= needed)
        assert found is not None
        assert needed <= found <= needed * 1.05
    assert factor_needed(lambda factor: factor > 1e9) is None
