"""What evidence says at one moment, as a few numbers: those of a scorecard, without a decision. Pure."""

from __future__ import annotations

import random

import pytest

from trioshadow import Verdict
from trioshadow.evidence import (
    ANYTHING,
    Counts,
    Epoch,
    Evidence,
    Objective,
    Observation,
    Standing,
    is_much_worse,
    scorecard,
    standings,
)

OBJECTIVE = Objective(max_rate=0.01)


def observed(calls, *, secondary=0.5, seed=1):
    """Evidence of two operations with noise, and with a field in which the candidate is wrong."""
    dice = random.Random(seed)
    evidence = Evidence(Epoch("2.0"))

    def side(wrong):
        rates = {"$.node": 0.1, "$.price": wrong, "failed": 0.002}
        return Observation(
            verdict=Verdict.DIVERGED,
            fields={name: ("1", "2") for name, rate in rates.items() if dice.random() < rate},
            seconds=0.01,
        )

    for number in range(calls):
        row = evidence.operation(f"GET /{number % 2}")
        row.counts[Verdict.MATCHED.slot] += 1
        evidence.observe(
            row,
            side(0.02 * (number % 2)),
            side(0.0) if dice.random() < secondary else None,
            key=b"%d" % number,
            key_hash=dice.getrandbits(64),
            at=float(number),
            primary_seconds=0.01,
        )
    return evidence


@pytest.mark.parametrize("secondary", [0.0, 0.5, 1.0])
def test_it_is_what_the_scorecard_says(secondary):
    evidence = observed(3_000, secondary=secondary)
    card = scorecard(evidence, OBJECTIVE)
    found = standings(evidence, OBJECTIVE)
    fields = {(one.operation, field.field): (one, field) for one in card.operations for field in one.fields}
    assert len(fields) >= 5
    assert fields.keys() <= found.keys()
    for names, (operation, field) in fields.items():
        assert found[names] == Standing(
            compared=operation.compared,
            differed=field.calls,
            pairs=field.pairs,
            secondary_differed=field.secondary_only + field.both,
            rate_beyond_noise=field.rate_beyond_noise,
            allowed=field.allowed,
            log10_e_value=field.log10_e_value,
        )
        assert found[names].noise == field.noise


def test_it_leaves_nothing_behind_in_the_evidence():
    evidence = observed(500)
    standings(evidence, OBJECTIVE)
    assert evidence.kept == {}


def test_each_operation_that_was_called_comes_as_a_whole_and_then_by_fields():
    evidence = observed(2_000)
    evidence.operation("GET /never")
    found = [*standings(evidence, OBJECTIVE)]
    assert [field for operation, field in found if operation == "GET /0"] == [
        ANYTHING,
        *evidence.operations["GET /0"].fields,
    ]
    assert {operation for operation, _ in found} == {"GET /0", "GET /1"}


def test_a_field_that_nothing_has_differed_in_yet_is_as_good_as_nothing_at_all():
    evidence = observed(2_000)
    found = standings(evidence, OBJECTIVE, {"GET /0": ["$.later", ANYTHING], "GET /never": [ANYTHING]})
    assert [*found] == [("GET /0", "$.later"), ("GET /0", ANYTHING)]
    later = found["GET /0", "$.later"]
    assert (later.compared, later.differed, later.secondary_differed) == (1_000, 0, 0)
    assert later.pairs == evidence.operations["GET /0"].pairs
    assert 0 < later.rate_beyond_noise < 0.02
    assert later.rate == 0


def test_whether_there_is_a_secondary_is_known_of_all_operations_though_one_is_asked_for():
    evidence = observed(2_000, secondary=0.0)
    alone = standings(evidence, OBJECTIVE, {"GET /0": ["$.node"]})
    evidence.operations["GET /1"].asked = 1
    assert standings(evidence, OBJECTIVE, {"GET /0": ["$.node"]}) != alone


def test_what_came_since_is_the_difference_and_never_less_than_nothing():
    now, earlier = counts(100, 7, 50, 3), counts(40, 9, 20, 1)
    assert now.since(earlier) == counts(60, 0, 30, 2)
    assert (counts(0, 0, 0, 0).rate, counts(0, 0, 0, 0).noise) == (0, None)
    assert (now.rate, now.noise) == (0.07, 0.06)


# ── much worse ───────────────────────────────────────────────────────────────────────────────────────────────────────


def counts(compared, differed, pairs=0, secondary=0):
    return Counts(compared=compared, differed=differed, pairs=pairs, secondary_differed=secondary)


def whole(compared, differed, pairs=0, secondary=0, allowed=0.001):
    more = {"rate_beyond_noise": 1.0, "allowed": allowed, "log10_e_value": 0.0}
    return Standing(compared=compared, differed=differed, pairs=pairs, secondary_differed=secondary, **more)


def test_less_than_five_calls_are_no_reason_to_look():
    assert not is_much_worse(counts(4, 4), whole(100_000, 4))
    assert is_much_worse(counts(5, 5), whole(100_000, 5))


def test_it_takes_twice_the_rate_of_the_whole():
    usual = whole(1_000_000, 100_000)
    assert not is_much_worse(counts(100_000, 19_999), usual)
    assert is_much_worse(counts(100_000, 20_000), usual)


def test_it_takes_more_than_is_allowed():
    latest = counts(1_000_000, 2_000)
    assert not is_much_worse(latest, whole(10_000_000, 2_000, allowed=0.0019))
    assert is_much_worse(latest, whole(10_000_000, 2_000, allowed=0.0017))


def test_it_takes_more_than_chance_explains():
    assert not is_much_worse(counts(200, 5), whole(10_000, 100))
    assert is_much_worse(counts(2_000, 50), whole(10_000, 100))


def test_noise_that_has_grown_alike_is_no_fault_of_the_candidates():
    usual = whole(100_000, 5_000, 50_000, 2_500)
    assert not is_much_worse(counts(2_000, 1_000, 1_000, 500), usual)
    assert is_much_worse(counts(2_000, 1_000, 1_000, 50), usual)


def test_few_pairs_of_late_leave_the_noise_uncertain():
    usual = whole(100_000, 5_000, 50_000, 2_500)
    assert not is_much_worse(counts(2_000, 300, 2, 0), usual)
    assert is_much_worse(counts(2_000, 300, 0, 0), usual)


def test_without_a_pair_of_late_the_noise_is_taken_to_be_what_it_was():
    usual = whole(100_000, 10_000, 50_000, 4_500)
    assert not is_much_worse(counts(2_000, 200, 0, 0), usual)
    assert is_much_worse(counts(2_000, 200, 2_000, 20), usual)
