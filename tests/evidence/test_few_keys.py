"""Few keys, each of which has come often: judged by their calls. Pure."""

from __future__ import annotations

import random

import pytest

from trioshadow.evidence import Decision, Epoch, Evidence, FieldState, Objective, scorecard
from trioshadow.evidence._few_keys import FEW_KEYS, OFTEN, FewKeys

from tests.support.observed import observe

UNTIMED = Objective(max_p99_ratio=None)


def few_of(calls):
    few = FewKeys()
    for key_hash, number in calls.items():
        for _ in range(number):
            few.add(key_hash)
    return few


def test_they_are_all_if_each_has_come_often():
    assert not FewKeys().are_all(0.001)
    assert few_of({1: OFTEN, 2: OFTEN}).are_all(0.001)
    assert not few_of({1: 100 * OFTEN, 2: OFTEN - 1}).are_all(0.001)
    assert few_of(dict.fromkeys(range(FEW_KEYS), OFTEN)).are_all(0.001)
    assert not few_of(dict.fromkeys(range(FEW_KEYS + 1), OFTEN)).are_all(0.001)


def test_a_key_that_comes_for_the_first_time_does_not_put_all_in_doubt():
    assert few_of({1: 1_000, 2: 1}).are_all(0.001)
    assert not few_of({1: 1_000, 2: 2}).are_all(0.001)
    assert few_of({1: 1_000, 2: 2}).are_all(0.01)


def test_calls_without_a_key_are_of_nobody_knows_how_many():
    few = few_of({1: OFTEN, 2: OFTEN})
    few.add(None)
    assert not few.are_all(0.001)
    few.add(1)
    assert few.to_list() is None


def test_it_is_known_how_many_came_too_seldom():
    assert FewKeys().seldom == 0
    assert few_of({1: OFTEN}).seldom == 0
    assert few_of({1: OFTEN, 2: 1, 3: 2}).seldom == 2
    assert few_of(dict.fromkeys(range(20), 3)).seldom == 0  # most calls are of these: they are no stragglers


def test_processes_are_added_up():
    one, other = few_of({1: 30, 2: OFTEN}), few_of({1: 20})
    one.update(other)
    assert one.are_all(0.001)
    one.update(few_of(dict.fromkeys(range(FEW_KEYS), OFTEN)))
    assert one.are_all(0.001)
    one.update(few_of({10**6: 1}))
    assert one.to_list() is None
    other.update(one)
    assert other.to_list() is None


def test_what_was_written_is_read():
    for few in (few_of({7: 3, 5: 2**10}), few_of(dict.fromkeys(range(FEW_KEYS + 1), 1))):
        assert FewKeys.from_list(few.to_list()).to_list() == few.to_list()


def test_too_many_are_not_few():
    assert FewKeys.from_list([[number, 100] for number in range(FEW_KEYS + 1)]).to_list() is None


@pytest.mark.parametrize("data", [[[-1, 1]], [[2**64, 1]], [[1.0, 1]], [[1, -1]], [[1, None]], [[1]], [1], 1])
def test_what_can_not_have_been_written_is_refused(data):
    with pytest.raises((ValueError, TypeError)):
        FewKeys.from_list(data)


def test_customers_beside_a_poller_are_not_few_keys_that_came_often_on_average():
    """A poller makes nearly all calls; ninety users come once each, and a fifth of them get a wrong answer."""
    for seed in range(3):
        chance = random.Random(seed)
        evidence = Evidence(Epoch(), objective=UNTIMED)
        when = sorted(chance.sample(range(20_000), 90))
        for call in range(20_000):
            user = when.index(call) + 1 if call in when else 0
            noise = [["f"] if chance.random() < 0.015 else [] for _ in range(2)]
            shadow = ["f"] if user % 5 == 1 else noise[0]
            observe(evidence, operation="op", shadow=shadow, secondary=noise[1], key=user, at=float(call))
            if call % 2_000 == 1_999:
                assert scorecard(evidence, UNTIMED).decision is not Decision.PROMOTE
        judged = scorecard(evidence, UNTIMED)
        assert judged.operation("op").seldom_keys == 90
        assert (
            "op: more calls of 90 keys that came fewer than 50 times, or calls of thousands of others" in judged.missing
        )


def test_a_poll_is_judged_by_its_calls():
    evidence = Evidence(Epoch(), objective=UNTIMED)
    observe(evidence, 20_000, operation="op", shadow=[], secondary=[], key=0, keys=3, at=1.0)
    row = evidence.operations["op"]
    row.block = 10
    judged = scorecard(evidence, UNTIMED).operation("op")
    assert (judged.few_keys, judged.seldom_keys, judged.state) == (True, 0, FieldState.CLEAN)
