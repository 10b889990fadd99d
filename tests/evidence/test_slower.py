"""Is the candidate slower? Call by call, at limits near the quantile, and over blocks of time. Pure."""

from __future__ import annotations

import json
import math
import random

import pytest

from trioshadow.evidence import Decision, Epoch, Evidence, FieldState, Objective, scorecard
from trioshadow.evidence._histogram import place_of
from trioshadow.evidence._slower import Slower

from tests.support.observed import observe

P99 = {"factor": 1.5, "fast_enough": 0.005, "quantile": 0.99}


def slower_of(times, **settings):
    slower = Slower(**{**P99, **settings})
    for number, (primary, shadow) in enumerate(times):
        slower.add(place_of(primary), place_of(shadow), number // 500)
    return slower


def lognormal(chance, factor=1.0, median=0.05, sigma=0.5):
    return factor * median * math.exp(chance.gauss(0, sigma))


def draws(seed, factor, calls, shared=0.0):
    chance = random.Random(seed)
    for _ in range(calls):
        both = math.exp(shared * chance.gauss(0, 1))
        yield both * lognormal(chance), both * lognormal(chance, factor)


def test_nothing_is_known_of_nothing():
    assert Slower(**P99).wealth() == 0
    assert slower_of([(0.1, 0.1)] * 50).wealth() == 0


def test_twice_as_slow_at_the_p99_is_found():
    assert slower_of(draws(1, 2.0, 3_000)).wealth() > 5
    assert slower_of(draws(1, 2.0, 6_000, shared=0.7)).wealth() > 5


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_what_is_no_slower_than_allowed_is_not_found(factor):
    for seed in range(8):
        assert slower_of(draws(seed, factor, 6_000)).wealth() < 3


def test_latencies_that_are_all_alike_are_compared_too():
    assert slower_of([(0.01, 0.1)] * 1_000).wealth() > 5  # so many calls it takes to know what a p99 is
    assert slower_of([(0.01, 0.014)] * 1_000).wealth() == 0
    assert slower_of([(0.01, 0.01)] * 1_000).wealth() == 0


def test_calls_that_take_no_time_at_all_are_alike():
    """As all do on a virtual clock."""
    assert slower_of([(0.0, 0.0)] * 5_000).wealth() == 0
    assert slower_of([(0.0, 0.0)] * 5_000, fast_enough=0).wealth() == 0
    assert slower_of([(0.0, 0.01)] * 1_000).wealth() > 5


def test_a_shadow_that_is_fast_enough_is_not_slower():
    assert slower_of([(1e-5, 0.005)] * 1_000).wealth() == 0
    assert slower_of([(1e-5, 0.0051)] * 1_000).wealth() > 5
    assert slower_of([(1e-5, 0.0051)] * 1_000, fast_enough=0.01).wealth() == 0


def test_times_beyond_all_bins_are_counted():
    slower = slower_of([(0.0, 1e9), (1e9, 0.0), (5e-7, 5e-7)])
    assert slower.total == 3
    assert slower.wealth() == 0


def test_a_median_has_a_limit_of_its_own():
    """Thirty times slower for 97 % of the calls, and the same p99."""

    def times(chance):
        return (lognormal(chance, 0.1), lognormal(chance, 3)) if chance.random() < 0.97 else (0.4, 0.4)

    chance = random.Random(4)
    drawn = [times(chance) for _ in range(2_000)]
    assert slower_of(drawn).wealth() < 3
    assert slower_of(drawn, quantile=0.5).wealth() > 20


def test_a_block_is_one_toss_for_each_side():
    chance = random.Random(5)
    slower = Slower(**{**P99, "factor": 1.01})
    for call in range(10_000):
        stalls = call // 500 == 7, call // 500 in (12, 15)
        times = [place_of(lognormal(chance) + stall) for stall in stalls]
        slower.add(*times, call // 500)
    worse, better = slower.blocks.counts(20)
    assert 0 < worse < 19
    assert 0 < better < 19
    assert slower.blocks.wealth(20) < 3


def test_processes_are_added_up():
    drawn = list(draws(6, 2.0, 2_000))
    whole, one, other = slower_of(drawn), slower_of(drawn[:700]), slower_of(drawn[700:])
    one.update(other)
    assert one.wealth() == whole.wealth()
    assert one.total == whole.total


def test_what_was_written_is_read():
    slower = slower_of(draws(7, 2.0, 1_500))
    read = Slower(**P99)
    read.take(json.loads(json.dumps(slower.to_dict())))
    assert read.to_dict() == slower.to_dict()
    assert read.wealth() == slower.wealth()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("primary", {"1025": 1}),
        ("primary", {"1": "2"}),
        ("only_shadow", {"1": 2**62}),
        ("blocks", [[1]]),
        ("primary", 7),
    ],
)
def test_what_can_not_have_been_written_is_refused(name, value):
    data = slower_of([(0.1, 0.2)]).to_dict()
    with pytest.raises((ValueError, TypeError, AttributeError)):
        Slower(**P99).take({**data, name: value})


# ── on a scorecard ──────────────────────────────────────────────────────────────────────────────────────────────────


def card_of(times, objective, seconds=1.0):
    evidence = Evidence(Epoch(), objective=objective)
    for number, one in enumerate(times):
        observe(evidence, operation="op", key=number, seconds=one, at=number * seconds)
    return scorecard(evidence, objective)


def test_it_is_a_reason_to_reject_when_it_was_so_in_enough_blocks_of_time():
    few = card_of([(0.01, 0.1)] * 800, Objective(), 0.1)
    assert few.operation("op").latency.state is FieldState.REGRESSED
    assert few.operation("op").latency.slow == ("p99",)
    assert few.decision is Decision.HOLD
    assert few.reasons[0].startswith("op: p99 96.8 ms, the old one's is 10.2 ms; to reject, about ")
    many = card_of([(0.01, 0.1)] * 1_500, Objective())
    assert many.decision is Decision.REJECT
    assert many.reasons == ("op: p99 96.8 ms, the old one's is 10.2 ms",)
    assert many.missing[0] == "op: make it faster, or allow more (max_p99_ratio)"


def test_a_stall_of_either_side_is_no_reason_to_reject():
    def times(second):
        return 0.05 + (600 <= second < 620), 0.05 + (3_000 <= second < 3_020 or 5_000 <= second < 5_020)

    evidence = Evidence(Epoch())
    chance = random.Random(8)
    for number in range(40_000):
        second = number / 5
        primary, shadow = times(second)
        noise = math.exp(chance.gauss(0, 0.3)), math.exp(chance.gauss(0, 0.3))
        observe(evidence, operation="op", key=number, seconds=(primary * noise[0], shadow * noise[1]), at=second)
        if number % 4_000 == 0:
            assert scorecard(evidence, Objective()).decision is not Decision.REJECT


def test_the_median_decides_only_where_that_is_asked_for():
    chance = random.Random(9)
    drawn = [
        (lognormal(chance, 0.1), lognormal(chance, 3)) if chance.random() < 0.97 else (0.8, 0.8) for _ in range(2_000)
    ]
    assert card_of(drawn, Objective()).operation("op").latency.state is not FieldState.REGRESSED
    asked = card_of(drawn, Objective(max_p50_ratio=2.0))
    assert asked.operation("op").latency.slow == ("p50",)
    assert asked.decision is Decision.REJECT
    assert asked.missing[0] == "op: make it faster, or allow more (max_p50_ratio)"
    alone = card_of([(0.01, 0.1)] * 1_500, Objective(max_p50_ratio=2.0, max_p99_ratio=None))
    assert alone.operation("op").latency.slow == ("p50",)
    both = card_of([(0.01, 0.1)] * 1_500, Objective(max_p50_ratio=2.0))
    assert both.missing[0] == "op: make it faster, or allow more (max_p50_ratio and max_p99_ratio)"
    assert both.reasons[0] == "op: p50 96.8 ms, the old one's is 10.2 ms; p99 96.8 ms, the old one's is 10.2 ms"


def test_for_other_limits_than_were_counted_it_is_not_asked_and_that_is_said():
    evidence = Evidence(Epoch())
    for number in range(1_500):
        observe(evidence, operation="op", key=number, seconds=(0.01, 0.1), at=float(number))
    other = scorecard(evidence, Objective(max_p99_ratio=3))
    assert other.operation("op").latency.state is FieldState.TOO_FEW
    assert not other.operation("op").latency.tested
    assert any("not compared call by call" in note for note in other.notes)
    assert scorecard(evidence, Objective(max_p99_ratio=None)).operation("op").latency.tested
