"""A plan: what it says comes true, in simulations and in evidence. Pure."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from trioshadow import Verdict
from trioshadow.evidence import Epoch, Evidence, FieldState, Objective, Observation, scorecard
from trioshadow.evidence._betting import Allowed, Pairs, clean_wealth, regressed_wealth
from trioshadow.evidence._bounds import coin_wealth, weight_of
from trioshadow.evidence._plan import _log_below

NEEDED = -math.log(0.05) - math.log(0.9)


def planned(objective=None, **more):
    (one,) = (objective or Objective()).plan(50, **more).operations
    return one


def crossings(noise, shadow, enough, runs=60, step=50, most=60_000):
    """When the wealth of a simulated run is enough, of each: pairs."""
    for seed in range(runs):
        dice = random.Random(seed)
        counts = [0, 0, 0, 0]
        for calls in range(step, most, step):
            for _ in range(step):
                counts[2 * (dice.random() < noise) + (dice.random() < shadow)] += 1
            neither, b, c, both = counts
            if enough(Pairs(b, c, both, neither)):
                yield calls
                break


def test_clean_comes_when_it_says_in_half_of_the_runs_and_in_nine_of_ten():
    allowed = Allowed(0.001, 0.25)
    found = sorted(crossings(0.05, 0.05, lambda pairs: clean_wealth(pairs, allowed) >= NEEDED))
    one = planned(noise=0.05, noise_rate=1)
    assert one.clean.calls == pytest.approx(statistics.median(found), rel=0.2)
    assert one.clean_mostly.calls == pytest.approx(found[int(0.9 * len(found))], rel=0.3)
    assert one.allowed == 0.0125


def test_regressed_comes_when_it_says():
    allowed, needed = Allowed(0.001, 0.25), NEEDED - weight_of(0)
    for noise, excess in ((0.0, 0.02), (0.01, 0.05)):
        shadow = 1 - (1 - noise) * (1 - excess)
        found = list(crossings(noise, shadow, lambda pairs: regressed_wealth(pairs, allowed) >= needed, step=10))
        said = planned(noise=noise, noise_rate=1, excess=excess).regressed.calls
        assert said == pytest.approx(statistics.median(found), rel=0.2)


@pytest.mark.parametrize("noise_rate", [0.0, 0.1])
def test_rejected_waits_for_blocks_of_time(noise_rate):
    """Minutes of 3,000 calls, 5 % of them wrong: each of them is worse, and it takes eight."""
    one = planned(noise_rate=noise_rate, excess=0.05)
    assert coin_wealth(7, 0) < -math.log(0.05) - weight_of(0) < coin_wealth(8, 0)
    assert 7 * 60 < one.rejected.seconds <= 8 * 60
    assert one.rejected.calls > one.regressed.calls


def test_blocks_by_order_need_no_time():
    by_calls = Objective(block_seconds=None, block_calls=100)
    assert 700 < planned(by_calls, noise_rate=1, excess=1).rejected.calls <= 800
    for flow in (0.01, 50):
        (one,) = by_calls.plan(flow, noise_rate=1, excess=1).operations
        assert one.rejected.calls == planned(by_calls, noise_rate=1, excess=1).rejected.calls


def test_minutes_of_few_calls_are_put_together_where_there_is_no_secondary():
    (one,) = Objective().plan(0.5, noise_rate=0, excess=1).operations
    assert 7 * 240 < one.rejected.seconds <= 8 * 240


def test_without_noise_evidence_is_clean_when_it_says():
    calls = planned(Objective(max_p99_ratio=None)).clean.calls
    for part, state in ((0.9, FieldState.TOO_FEW), (1.15, FieldState.CLEAN)):
        evidence = Evidence(Epoch(), objective=Objective(max_p99_ratio=None))
        row = evidence.operation("GET /")
        for number in range(int(calls * part)):
            row.counts[Verdict.MATCHED.slot] += 1
            same = Observation(verdict=Verdict.MATCHED, fields={}, seconds=0.1)
            evidence.observe(
                row, same, None, key=b"", key_hash=random.Random(number).getrandbits(64), at=0.0, primary_seconds=0.1
            )
        assert scorecard(evidence, evidence.objective).operation("GET /").state is state


def test_what_a_noise_rate_costs_is_computed():
    assert planned(noise=0.01, noise_rate=0.1).noise_rate_costs == pytest.approx(10, rel=0.05)
    assert planned(noise=0.0, noise_rate=0.1).noise_rate_costs == 1
    assert planned(noise=0.3, noise_rate=0.1).noise_rate_costs < 5


def test_sampling_and_shares_stretch_it():
    whole = planned()
    plan = Objective().plan(50, sample_rate=0.1, operations={"b": 0.2, "a": 0.8})
    assert [one.operation for one in plan.operations] == ["a", "b"]
    assert plan.operations[0].clean.calls == whole.clean.calls * 10
    assert plan.operations[1].clean.seconds == pytest.approx(whole.clean.seconds * 50)


def test_what_can_not_be_met_is_said():
    strict = Objective(operations={"POST /pay": Objective(max_rate=0.0001)})
    plan = strict.plan(50, operations={"GET /": 0.9})
    assert plan.problems == (
        "POST /pay is critical, and no share of the calls is its",
        "coverage can't be more than 90.0%, and 95.0% is asked for",
    )
    assert strict.plan(50, operations={"GET /": 0.9, "POST /pay": 0.1}).problems == ()
    pay = strict.plan(50, operations={"GET /": 0.9, "POST /pay": 0.1}).operations[1]
    assert pay.clean.calls > 9 * planned().clean.calls
    plan = Objective().plan(50, noise=0.1, noise_rate=0)
    assert plan.operations[0].clean.calls == math.inf
    assert plan.problems[1] == "(unnamed) is never found clean: without a secondary its noise counts as differences"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"calls_per_second": 0}, "calls_per_second must be calls a second in"),
        ({"sample_rate": 0}, "sample_rate must be a fraction in"),
        ({"noise_rate": 2}, "noise_rate must be a fraction in"),
        ({"noise": -1}, "noise must be"),
        ({"excess": 0}, "excess must be"),
        ({"operations": {"a": 0}}, r"operations\['a'\] must be"),
        ({"operations": {"a": 0.6, "b": 0.6}}, "which add up to 1 at most, not 1.2"),
    ],
)
def test_what_can_not_be_meant_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        Objective().plan(**{"calls_per_second": 1, **given})


def test_blocks_by_order_without_a_secondary_are_of_any_size():
    by_calls = planned(Objective(block_seconds=None, block_calls=100), noise_rate=0, excess=1)
    assert 700 < by_calls.rejected.calls <= 800


def test_a_minute_of_many_calls_is_worse_if_more_than_allowed_differs():
    (one,) = Objective(max_rate=0.3).plan(50, noise_rate=0, excess=0.5).operations
    assert 7 * 60 < one.rejected.seconds <= 8 * 60


def test_probabilities_too_small_for_a_float_have_logarithms():
    assert _log_below(-29.999) == pytest.approx(_log_below(-30.001), rel=1e-3)
    assert _log_below(-100) == pytest.approx(-5_005.5, abs=0.1)
