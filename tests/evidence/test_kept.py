"""What looks have seen is kept: a decision does not come and go. Pure."""

from __future__ import annotations

import math
import random

import pytest

from trioshadow.evidence import Decision, Epoch, Evidence, FieldState, Objective, scorecard
from trioshadow.evidence._blocks import Part
from trioshadow.evidence._evidence import FIELDS

from tests.support.observed import fill, new_evidence, observe

UNTIMED = Objective(max_p99_ratio=None)


def changes(seed, shadow, secondary, calls):
    """The decisions, in the order in which they came, looked at again and again."""
    chance = random.Random(seed)
    evidence = Evidence(Epoch(), objective=UNTIMED)
    seen = []
    for call in range(calls):
        sides = (["f"] if chance.random() < rate else [] for rate in (shadow, secondary))
        observe(evidence, operation="op", shadow=next(sides), secondary=next(sides), key=call, at=call / 20)
        if call % 50 == 49:
            decision = scorecard(evidence, UNTIMED).decision
            if seen[-1:] != [decision]:
                seen.append(decision)
    return seen


def test_a_decision_does_not_come_and_go():
    for seed in range(3):
        assert changes(seed, 0.3, 0.3, 9_000) == [Decision.HOLD, Decision.PROMOTE]
        assert changes(seed, 0.05, 0.0, 14_000) == [Decision.HOLD, Decision.REJECT]


def test_what_was_clean_stays_so_when_a_little_speaks_against_it():
    evidence = new_evidence()
    fill(evidence, only_shadow=2, neither=20_000)
    assert scorecard(evidence, evidence.objective).operation("op").fields[0].state is FieldState.CLEAN
    fill(evidence, only_shadow=9)
    assert scorecard(evidence, evidence.objective).operation("op").fields[0].state is FieldState.CLEAN
    unlooked = new_evidence()
    fill(unlooked, only_shadow=11, neither=20_000)
    assert scorecard(unlooked, evidence.objective).operation("op").fields[0].state is not FieldState.CLEAN


def test_what_was_clean_is_so_no_longer_when_all_of_it_speaks_for_the_opposite():
    evidence = new_evidence()
    fill(evidence, only_shadow=2, neither=20_000)
    scorecard(evidence, evidence.objective)
    fill(evidence, only_shadow=40)
    assert scorecard(evidence, evidence.objective).operation("op").fields[0].state is not FieldState.CLEAN
    fill(evidence, only_shadow=10)
    assert scorecard(evidence, evidence.objective).operation("op").fields[0].state is not FieldState.CLEAN


def test_a_candidate_that_is_wrong_each_time_in_another_field_does_not_stay_clean():
    """Each field differs too rarely to be regressed; all as one was clean once."""
    evidence = Evidence(Epoch(), objective=UNTIMED)
    for call in range(20_000):
        shadow = ["$.prices.sku"] if call == 100 else []
        observe(evidence, operation="op", shadow=shadow, secondary=[], key=call, at=call / 20)
    assert scorecard(evidence, UNTIMED).decision is Decision.PROMOTE
    for call in range(20_000, 20_100):
        observe(evidence, operation="op", shadow=[f"$.prices.{call}"], secondary=[], key=call, at=call / 20)
    assert scorecard(evidence, UNTIMED).decision is not Decision.PROMOTE


def test_what_was_rejected_stays_so():
    evidence = new_evidence()
    fill(evidence, only_shadow=20, neither=500, blocks=10)
    assert scorecard(evidence, evidence.objective).decision is Decision.REJECT
    fill(evidence, neither=5_000)
    evidence.operations["op"].fields["f"].blocks._others[:] = [Part(10, 5)]
    assert scorecard(evidence, evidence.objective).decision is Decision.REJECT


def test_a_bad_hour_can_be_made_up_for():
    evidence = new_evidence()
    fill(evidence, only_shadow=20, neither=500, blocks=10)
    assert scorecard(evidence, evidence.objective).decision is Decision.REJECT
    fill(evidence, neither=100_000)
    assert scorecard(evidence, evidence.objective).operation("op").fields[0].state is FieldState.CLEAN


def test_a_latency_that_was_fast_enough_stays_so_while_it_is():
    """A p99 that is allowed to be 1.5 times as long, and is 1.17 times: what is known of it comes and goes."""
    chance = random.Random(5)
    evidence = Evidence(Epoch())
    seen = []
    for call in range(30_000):
        slow = [1.17 if side else 1.0 for side in (0, 1)]
        primary, shadow = (0.05 * factor * math.exp(chance.gauss(0, 0.5)) for factor in slow)
        observe(evidence, operation="op", key=call, seconds=(primary, shadow), at=float(call))
        if call % 250 == 249:
            state = scorecard(evidence, evidence.objective).operation("op").latency.state
            if seen[-1:] != [state]:
                seen.append(state)
    assert seen == [FieldState.TOO_FEW, FieldState.CLEAN]
    for call in range(3_000):
        observe(evidence, operation="op", key=10**6 + call, seconds=(0.05, 0.5), at=30_000.0 + call)
    assert scorecard(evidence, evidence.objective).operation("op").latency.state is not FieldState.CLEAN


def test_for_other_limits_nothing_is_kept():
    evidence = new_evidence()
    fill(evidence, only_shadow=20, neither=500)
    scorecard(evidence, Objective(max_rate=0.9))
    assert evidence.kept == {}
    scorecard(evidence, Objective(error_level=0.01, acknowledged=["f"]))
    assert ("op", "f") in evidence.kept


@pytest.mark.slow
def test_of_what_was_folded_nothing_is_kept():
    evidence = new_evidence()
    for number in range(4 * FIELDS):
        observe(evidence, operation="op", shadow=[f"f {number}"], key=number)
        if number % 500 == 0:
            scorecard(evidence, evidence.objective)
            assert len(evidence.kept) <= 2 * FIELDS + 10


def test_a_latency_that_was_slower_stays_so():
    evidence = new_evidence()
    for number in range(1_000):
        observe(evidence, operation="op", key=number, seconds=(0.01, 0.1), at=float(number))
    assert scorecard(evidence, evidence.objective).operation("op").latency.state is FieldState.REGRESSED
    observe(evidence, 2_000, operation="op", key=10**6, seconds=(0.01, 0.01), at=1_000.0)
    assert scorecard(evidence, evidence.objective).operation("op").latency.state is FieldState.REGRESSED
