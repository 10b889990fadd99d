"""Keys that are asked again, and a candidate that flaps less than the old one. Pure."""

from __future__ import annotations

import random

from trioshadow.evidence import Decision, Epoch, Evidence, FieldState, Objective, scorecard
from trioshadow.evidence._again import KEYS_OF_AGAIN, Again

from tests.support.observed import key_hash, observe

UNTIMED = Objective(max_p99_ratio=None)


def test_a_second_pair_is_told_what_the_first_was_and_a_third_is_not():
    again = Again()
    assert again.add(5, {"f": 1}) is None
    assert again.twice == 0
    assert again.add(5, {"g": 1}) == {"f": 1}
    assert again.twice == 1
    assert again.add(5, {"f": 1}) is None
    assert again.twice == 1


def test_a_first_pair_in_which_nothing_differs_is_one():
    again = Again()
    assert again.add(5, {}) is None
    assert again.add(5, {"f": 1}) == {}
    assert again.twice == 1


def test_a_call_without_a_key_is_not_asked_again():
    again = Again()
    assert again.add(None, {"f": 1}) is None
    assert again.add(None, {"f": 1}) is None
    assert again.twice == 0


def test_of_many_keys_a_sample_is_kept():
    again = Again()
    for number in range(20 * KEYS_OF_AGAIN):
        again.add(key_hash(number), {"f": 0} if number % 3 == 0 else {})
        assert len(again._equal) + len(again._differed) <= KEYS_OF_AGAIN
    kept = {*again._equal, *again._differed}
    assert kept == {key_hash(number) for number in range(20 * KEYS_OF_AGAIN) if key_hash(number) < again._end}
    for number in range(20 * KEYS_OF_AGAIN):
        again.add(key_hash(number), {})
    assert again.twice == len(kept)


def fields_of(pairs):
    evidence = Evidence(Epoch())
    for key, shadow, secondary in pairs:
        observe(evidence, operation="op", shadow=shadow, secondary=secondary, key=key)
    row = evidence.operations["op"]
    return {name: (one.twice_shadow, one.twice_secondary, one.twice_noisy) for name, one in row.fields.items()}


def test_it_counts_who_alone_differed_both_times():
    assert fields_of([(1, ["f"], []), (1, ["f"], [])]) == {"f": (1, 0, 0)}
    assert fields_of([(1, [], ["f"]), (1, [], ["f"])]) == {"f": (0, 1, 1)}
    assert fields_of([(1, ["f"], ["f"]), (1, ["f"], ["f"])]) == {"f": (0, 0, 1)}
    assert fields_of([(1, ["f"], []), (1, [], ["f"])]) == {"f": (0, 0, 0)}
    assert fields_of([(1, ["f"], []), (1, ["g"], [])]) == {"f": (0, 0, 0), "g": (0, 0, 0)}
    assert fields_of([(1, ["f"], []), (2, ["f"], [])]) == {"f": (0, 0, 0)}


def customers(seed, flaps, always_wrong, calls, customers=800):
    """The old one is odd in a tenth of its answers; the new one as often, or never and wrong for some customers."""
    chance = random.Random(seed)
    evidence = Evidence(Epoch())
    wrong = {key for key in range(customers) if chance.random() < always_wrong}
    ever = None
    for call in range(calls):
        key = chance.randrange(customers)
        primary, secondary = ("odd" if chance.random() < 0.1 else "even" for _ in range(2))
        shadow = "wrong" if key in wrong else "odd" if chance.random() < flaps else "even"
        observe(
            evidence,
            operation="op",
            shadow=["f"] if shadow != primary else [],
            secondary=["f"] if secondary != primary else [],
            key=key,
            at=float(call),
        )
        if call % 250 == 249:
            judged = scorecard(evidence, UNTIMED)
            ever = ever or (judged.decision is Decision.PROMOTE)
    return ever, judged.operation("op").fields[0]


def test_a_candidate_that_never_flaps_and_is_always_wrong_for_some_is_not_promoted():
    for seed in range(4):
        ever, field = customers(seed, 0.0, 0.08, 5_000)
        assert field.shadow_only < 1.4 * field.secondary_only  # by its calls it is about as good as the old one
        assert not ever
        assert field.state is not FieldState.CLEAN


def test_one_that_flaps_as_the_old_one_does_is_clean():
    for seed in range(3):
        _, field = customers(seed, 0.1, 0.0, 5_000)
        assert field.state is FieldState.CLEAN


def test_what_was_clean_before_keys_came_again_is_not_when_they_have():
    """The first thousand calls are of as many customers: by these a candidate that flaps less is clean."""
    evidence = Evidence(Epoch())
    chance = random.Random(3)
    for call in range(4_000):
        key = call % 1_500
        primary, secondary = (chance.random() < 0.15 for _ in range(2))
        observe(
            evidence,
            operation="op",
            shadow=["f"] if primary or key % 12 == 0 else [],
            secondary=["f"] if primary != secondary else [],
            key=key,
            at=float(call),
        )
        if call == 1_400:
            assert scorecard(evidence, UNTIMED).operation("op").fields[0].state is FieldState.CLEAN
    assert scorecard(evidence, UNTIMED).operation("op").fields[0].state is not FieldState.CLEAN


def test_few_keys_that_came_again_are_heard_if_they_speak_against_it():
    """8 % of the customers always get a wrong answer, and one in sixteen customers comes again."""
    chance = random.Random(11)
    evidence = Evidence(Epoch())
    keys = [*range(8_000), *range(500)]
    wrong = {key for key in range(8_000) if chance.random() < 0.08}
    for call, key in enumerate(keys):
        primary, secondary = (chance.random() < 0.04 for _ in range(2))
        observe(
            evidence,
            operation="op",
            shadow=["f"] if primary or key in wrong else [],
            secondary=["f"] if primary != secondary else [],
            key=key,
            at=float(call),
        )
    row = evidence.operations["op"]
    assert row.again.twice < 0.1 * row.again.kept
    judged = scorecard(evidence, UNTIMED)
    (field,) = judged.operation("op").fields
    assert field.again is not None
    assert judged.decision is not Decision.PROMOTE
    merged = Evidence.merge([Evidence.from_dict(evidence.to_dict(0.0)), Evidence(Epoch())])
    assert merged.operations["op"].again.to_list() == row.again.to_list()


def test_where_no_key_comes_again_it_is_not_asked():
    chance = random.Random(1)
    evidence = Evidence(Epoch())
    for key in range(5_000):
        shadow, secondary = (["f"] if chance.random() < 0.2 else [] for _ in range(2))
        observe(evidence, operation="op", shadow=shadow, secondary=secondary, key=key)
    judged = scorecard(evidence, UNTIMED)
    assert judged.operation("op").fields[0].state is FieldState.CLEAN
    assert any("too few keys came again" in note for note in judged.notes)
