"""Bets on pairs: by their definition, and never more than one on average while what they bet against is true. Pure."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow.evidence._betting import (
    SCALES,
    Allowed,
    Pairs,
    clean_wealth,
    factor_to_clean,
    first_scale,
    regressed_wealth,
)

from tests.support.profiles import tried

R, M = 0.1, 0.25
ALLOWED = Allowed(R, M)


def test_what_is_allowed_is_the_rate_or_a_part_of_the_noise_or_of_what_is_left_of_it():
    allowed = Allowed(0.001, 0.25)
    assert [allowed.at(noise) for noise in (0, 0.002, 0.2, 0.5, 0.85, 1)] == [
        0.001,
        0.001,
        0.05,
        0.125,
        pytest.approx(0.0375),
        0.001,
    ]
    assert Allowed(0.001, 0.0).at(0.5) == 0.001


def mean(products):
    return sum(products) / len(products)


def test_the_bet_on_clean_is_worked_by_hand():
    """Two pairs of the shadow only, one of the secondary only, one of both, three of neither, one call alone."""
    rate = mean([(1 - s * (1 - R)) ** 3 * (1 + s * (1 + R)) * (1 + s * R) ** 4 for s in (0.1, 0.3, 0.98)])
    noise = mean([(1 - s) ** 2 * (1 + s * (1 + M)) * (1 + s * M) for s in (0.08, 0.2, 0.6)])
    rest = mean([(1 - s * (1 - M)) ** 2 * (1 + s) * (1 + s * M) ** 3 for s in (0.08, 0.2, 0.6)])
    expected = 0.4 * rate + 0.6 * min(noise, rest)
    assert math.exp(clean_wealth(Pairs(2, 1, 1, 3, 1, 0), ALLOWED)) == pytest.approx(expected)
    assert math.exp(clean_wealth(Pairs(2, 1, 1, 3, 1, 0), Allowed(R, 0.0))) == pytest.approx(rate)


def test_the_bet_on_regressed_is_worked_by_hand():
    stakes = (0.04, 0.12, 0.3, 0.6, 0.95)
    of_rate, of_noise = [s / (1 + R) for s in stakes], [s / (1 + M) for s in stakes]
    rate = mean([(1 + s * (1 - R)) ** 2 * (1 - s * (1 + R)) * (1 - s * R) ** 4 for s in of_rate])
    noise = mean([(1 + s) ** 2 * (1 - s * (1 + M)) * (1 - s * M) for s in of_noise])
    rest = mean([(1 + s * (1 - M)) ** 2 * (1 - s) * (1 - s * M) ** 3 for s in of_noise])
    expected = min(rate, (noise + rest) / 2)
    assert math.exp(regressed_wealth(Pairs(2, 1, 1, 3, 5, 5), ALLOWED)) == pytest.approx(expected)
    assert math.exp(regressed_wealth(Pairs(2, 1, 1, 3), Allowed(R, 0.0))) == pytest.approx(rate)


def expectation(wealth, chances, pairs):
    """Of the wealth after so many pairs, of which each is of one of the four sorts."""
    total = 0.0
    for b, c, both in itertools.product(range(pairs + 1), repeat=3):
        neither = pairs - b - c - both
        if neither >= 0:
            ways = math.factorial(pairs)
            for count in (b, c, both, neither):
                ways //= math.factorial(count)
            chance = math.prod(p**count for p, count in zip(chances, (b, c, both, neither), strict=True))
            total += ways * chance * math.exp(wealth(Pairs(b, c, both, neither), ALLOWED))
    return total


#: Shadow only, secondary only, both, neither: with an excess of just what is allowed, or just above it.
LIMITS = [
    (0.1, 0.0, 0.0, 0.9),
    (0.15, 0.05, 0.1, 0.7),
    (0.2, 0.1, 0.1, 0.6),
    (0.11 + 0.1, 0.1, 0.34, 0.35),
    (0.1, 0.0, 0.9, 0.0),
    (0.5 * M + 0.1, 0.1, 0.4, 0.4 - 0.5 * M),
    (0.85, 0.15, 0.0, 0.0),
    (1.0, 0.0, 0.0, 0.0),
]


@pytest.mark.parametrize("chances", LIMITS)
@pytest.mark.parametrize("pairs", [1, 3, 10])
def test_while_more_than_allowed_differs_the_bet_on_clean_wins_nothing(chances, pairs):
    b, c, both, _ = chances
    assert b - c >= ALLOWED.at(c + both) - 1e-9
    assert expectation(clean_wealth, chances, pairs) <= 1 + 1e-9


@pytest.mark.parametrize(
    "chances",
    [
        (0.1, 0.0, 0.0, 0.9),
        (0.02, 0.0, 0.9, 0.08),
        (0.2, 0.1, 0.1, 0.6),
        (0.1 + 0.5 * M, 0.1, 0.4, 0.4 - 0.5 * M),
        (0.05, 0.15, 0.2, 0.6),
        (0.1, 0.1, 0.0, 0.8),
        (0.0, 0.0, 1.0, 0.0),
    ],
)
@pytest.mark.parametrize("pairs", [1, 3, 10])
def test_while_no_more_than_allowed_differs_the_bet_on_regressed_wins_nothing(chances, pairs):
    b, c, both, _ = chances
    assert b - c <= ALLOWED.at(c + both) + 1e-9
    assert expectation(regressed_wealth, chances, pairs) <= 1 + 1e-9


def test_a_candidate_that_is_always_wrong_is_clean_under_no_noise():
    """Of an excess of 1 - n there never is more, so that a share of the noise alone would let it pass."""
    for noise in (0.5, 0.8, 0.9, 0.97):
        pairs = Pairs(1 - noise, 0, noise, 0).times(100_000)
        assert clean_wealth(pairs, Allowed(0.001, 0.25)) < 0
        assert regressed_wealth(pairs, Allowed(0.001, 0.25)) > 100


many = st.integers(0, 10**6)


@tried(2)
@given(many, many, many, many)
def test_more_of_what_is_allowed_is_more_that_speaks_for_clean(b, c, both, neither):
    pairs = Pairs(b, c, both, neither)
    found = [clean_wealth(pairs, ALLOWED, scale) for scale in SCALES]
    assert all(one <= other + 1e-6 for one, other in itertools.pairwise(found))


@tried(2)
@given(many, many, many, many)
def test_what_only_the_shadow_differs_in_speaks_against_it(b, c, both, neither):
    fewer, more = Pairs(b, c, both, neither + 1), Pairs(b + 1, c, both, neither)
    assert clean_wealth(more, ALLOWED) <= clean_wealth(fewer, ALLOWED) + 1e-6
    assert regressed_wealth(more, ALLOWED) >= regressed_wealth(fewer, ALLOWED) - 1e-6


@pytest.mark.parametrize(
    "pairs",
    [
        Pairs(0, 0, 0, 500),
        Pairs(3, 3, 0, 994),
        Pairs(40, 40, 20, 900),
        Pairs(100, 100, 400, 100),
        Pairs(0, 0, 0, 0, 1, 2_000),
    ],
)
def test_so_many_times_the_counts_are_enough_and_hardly_too_many(pairs):
    allowed, needed = Allowed(0.001, 0.25), math.log(20)
    factor = factor_to_clean(pairs, allowed, needed)
    assert clean_wealth(pairs.times(factor), allowed) >= needed - 1e-9
    assert clean_wealth(pairs.times(factor * 0.7), allowed) < needed


def test_no_number_of_calls_makes_clean_what_differs_too_often():
    assert factor_to_clean(Pairs(50, 10, 10, 900), Allowed(0.001, 0.25), 3.0) == math.inf
    assert factor_to_clean(Pairs(0, 0, 0, 0), Allowed(0.001, 0.25), 3.0) == math.inf


def ever(wealth, chances, allowed, calls, chance):
    """Is it ever twenty times what was staked, looked at again and again?"""
    counts = [0, 0, 0, 0]
    for call in range(1, calls + 1):
        counts[chance.choices(range(4), chances)[0]] += 1
        if call % 20 == 0 and wealth(Pairs(*counts), allowed) >= math.log(20):
            return True
    return False


@pytest.mark.parametrize(
    ("wealth", "chances"),
    [
        (clean_wealth, (0.02, 0.0, 0.0, 0.98)),
        (clean_wealth, (0.15, 0.1, 0.1, 0.65)),
        (regressed_wealth, (0.02, 0.0, 0.0, 0.98)),
        (regressed_wealth, (0.15, 0.1, 0.1, 0.65)),
    ],
)
def test_at_the_limit_hardly_any_run_is_ever_decided(wealth, chances):
    chance = random.Random(7)
    runs = 150
    wrong = sum(ever(wealth, chances, Allowed(0.02, 0.25), 3_000, chance) for _ in range(runs))
    assert wrong <= 0.05 * runs + 3 * math.sqrt(0.05 * runs)


@given(st.integers(0, len(SCALES)), st.floats(1e-9, 1e9))
def test_the_first_scale_that_is_enough_is_found_wherever_it_is_looked_for_first(first, about):
    asked = []

    def bent(scale):
        asked.append(scale)
        return 3.0 if scale >= (SCALES[first] if first < len(SCALES) else math.inf) else -1000.0

    assert first_scale(bent, 3.0, about) == first
    assert len(asked) <= 26
    if 1 <= first < len(SCALES) - 1:
        assert first_scale(bent, 3.0, SCALES[first]) == first
    assert first_scale(bent, 3.0, about, begin=90) == max(90, first)
    most = SCALES[first - 1] if first else 0.0
    assert first_scale(bent, 3.0, about, most=most) == len(SCALES)


def test_the_first_scale_is_found_by_some_five_questions_where_a_line_is_hardly_bent():
    asked = []
    gains, crossings, guesses = (0.1, 1.0, 30.0, 1e4), SCALES[5:170:8], (0.1, 0.5, 1.0, 2.0, 6.0, 10.0)
    cases = list(itertools.product(gains, crossings, guesses))
    for gain, crossing, guess in cases:

        def wealth(scale, gain=gain, crossing=crossing):
            asked.append(scale)
            return 3 + gain * (math.log1p(scale / 3_000) - math.log1p(crossing / 3_000))

        found = first_scale(wealth, 3.0, crossing * guess)
        asked_for_it = len(asked)
        assert found == next(index for index, scale in enumerate(SCALES) if wealth(scale) >= 3)
        del asked[asked_for_it:]
    assert len(asked) <= 5.5 * len(cases)
