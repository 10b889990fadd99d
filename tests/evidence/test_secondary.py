"""Where only some calls have a secondary, and where it gives nothing to compare. Pure."""

from __future__ import annotations

import json
import random

import pytest

from trioshadow.evidence import Decision, Epoch, Evidence, FieldState, Objective, scorecard
from trioshadow.evidence._tosses import KEYS_OF_TOSSES

from tests.support.observed import observe

UNTIMED = Objective(max_p99_ratio=None)


def sampled(seed, *, noise, excess=0.0, noise_rate=0.1, calls=60_000, every=3_000):
    """The decisions, of a candidate that differs as often as the secondary, or by so much more."""
    chance = random.Random(seed)
    evidence = Evidence(Epoch(), objective=UNTIMED)
    seen = []
    for call in range(calls):
        shadow = ["f"] if chance.random() < noise + excess else []
        secondary = (["f"] if chance.random() < noise else []) if chance.random() < noise_rate else None
        observe(evidence, operation="op", shadow=shadow, secondary=secondary, key=call, at=call / 20)
        if call % every == every - 1:
            seen.append(scorecard(evidence, UNTIMED))
    return evidence, seen


@pytest.mark.parametrize(("noise", "calls"), [(0.08, 100_000), (0.3, 30_000)])
def test_noise_is_not_the_candidates_though_few_calls_have_a_secondary(noise, calls):
    evidence, seen = sampled(1, noise=noise, calls=calls)
    assert not [card for card in seen if "broken" in card.reasons[0] or card.decision is Decision.REJECT]
    assert seen[-1].decision is Decision.PROMOTE
    field = evidence.operations["op"].fields["f"]
    assert field.alone > KEYS_OF_TOSSES
    assert field.tosses._level == 0  # calls that can't say what is noise took none of the room


def test_what_is_worse_than_noise_is_rejected_though_few_calls_have_a_secondary():
    _, seen = sampled(2, noise=0.05, excess=0.15, calls=40_000)
    assert seen[-1].decision is Decision.REJECT


def test_what_differed_before_there_was_a_secondary_is_no_toss_once_there_is():
    evidence = Evidence(Epoch(), objective=UNTIMED)
    for key in range(50):
        observe(evidence, operation="op", shadow=["f"], key=key, at=60.0 * key)
    row = evidence.operations["op"]
    field = row.fields["f"]
    assert field.tosses.worse == 50
    assert field.blocks.begun is not None
    assert field.drift.is_on(row.block)
    observe(evidence, operation="op", shadow=["f"], secondary=[], key=100, at=3_000.0)
    observe(evidence, operation="op", shadow=["f"], key=None, at=3_000.0)
    assert (field.tosses.worse, field.alone, field.shadow_only) == (1, 51, 1)
    assert field.blocks.begun is None
    assert row.anything.tosses.worse == 1
    assert not field.drift.is_on(row.block)  # nor was it broken: that may have been noise


def test_keys_and_levels_are_forgotten_alike():
    evidence = Evidence(Epoch(), objective=UNTIMED)
    observe(evidence, 3 * KEYS_OF_TOSSES, operation="op", shadow=["f"], key=0)
    observe(evidence, 3, operation="op", shadow=["f"], key=None)
    tosses = evidence.operations["op"].fields["f"].tosses
    assert tosses._closed[0].tosses[3] > 0
    observe(evidence, operation="op", shadow=[], secondary=["f"], key=10**6)
    assert tosses._closed[0].tosses == (0, 0, 0, 0)
    assert tosses.worse == 0


def heavy(seed, *, share=0.04, noise=0.0, noise_rate=1.0, calls=12_000):
    """The secondary times out on what is heavy, and the candidate answers just that wrong."""
    chance = random.Random(seed)
    evidence = Evidence(Epoch(), objective=UNTIMED)
    for call in range(calls):
        is_heavy = chance.random() < share
        shadow = ["f"] if is_heavy or chance.random() < noise else []
        secondary = ["failed"] if is_heavy else ["f"] if chance.random() < noise else []
        asked = chance.random() < noise_rate
        observe(evidence, operation="op", shadow=shadow, secondary=secondary if asked else None, key=call, at=call / 20)
    return evidence


@pytest.mark.parametrize("settings", [{}, {"noise": 0.02}, {"noise": 0.02, "noise_rate": 0.5}])
def test_what_the_secondary_can_not_answer_is_not_clean_unseen(settings):
    judged = scorecard(heavy(3, **settings), UNTIMED)
    assert judged.decision is Decision.HOLD
    (field,) = [field for field in judged.operation("op").fields if field.field == "f"]
    assert field.state is not FieldState.CLEAN
    told = f"op: f: in {field.unpaired} calls of those in which it differs the secondary gave nothing to compare"
    assert any(note.startswith(told) for note in judged.notes)


def test_that_the_secondary_fails_now_and_then_condemns_nobody():
    evidence = Evidence(Epoch(), objective=UNTIMED)
    chance = random.Random(4)
    for call in range(20_000):
        shadow = ["f"] if chance.random() < 0.2 else []
        secondary = ["failed"] if chance.random() < 0.01 else ["f"] if chance.random() < 0.2 else []
        observe(evidence, operation="op", shadow=shadow, secondary=secondary, key=call, at=call / 20)
    judged = scorecard(evidence, UNTIMED)
    (field,) = [field for field in judged.operation("op").fields if field.field == "f"]
    assert (field.state, field.unpaired > 0) == (FieldState.CLEAN, True)
    assert not [note for note in judged.notes if "nothing to compare" in note]


def test_it_is_added_up_and_survives_a_snapshot():
    one, other = heavy(5, calls=500), heavy(6, calls=500)
    merged = Evidence.merge([one, Evidence.from_dict(json.loads(json.dumps(other.to_dict(0.0))))])
    parts = [evidence.operations["op"] for evidence in (one, other, merged)]
    for tally in ("anything", "f"):
        counts = [(row.anything if tally == "anything" else row.fields[tally]).unpaired for row in parts]
        assert counts[0] + counts[1] == counts[2] > 0


@pytest.mark.parametrize(("noise", "noise_rate"), [(0.2, 1.0), (0.2, 0.1), (0.02, 1.0)])
def test_a_secondary_that_stops_does_not_vouch_for_what_comes_after(noise, noise_rate):
    """The field is clean by its pairs. Then nobody asks the secondary any more, and each answer is wrong."""
    evidence, seen = sampled(8, noise=noise, noise_rate=noise_rate, calls=60_000, every=20_000)
    assert seen[-1].decision is Decision.PROMOTE
    for call in range(60_000, 90_000):
        observe(evidence, operation="op", shadow=["f"], key=call, at=call / 20)
        if call % 500 == 499 and (judged := scorecard(evidence, UNTIMED)).decision is not Decision.PROMOTE:
            break
    assert judged.decision is Decision.HOLD
    assert any("which are no fair sample then" in note for note in judged.notes)


def test_calls_that_the_secondary_is_never_asked_in_are_no_others():
    """A twentieth of the calls has no secondary, and the candidate is always wrong there."""
    chance = random.Random(9)
    evidence = Evidence(Epoch(), objective=UNTIMED)
    for call in range(30_000):
        shadow, secondary = (["f"] if chance.random() < 0.1 else [] for _ in range(2))
        if chance.random() < 0.05:
            shadow, secondary = ["f"], None
        observe(evidence, operation="op", shadow=shadow, secondary=secondary, key=call, at=call / 20)
        if call % 1_000 == 999:
            assert scorecard(evidence, UNTIMED).decision is not Decision.PROMOTE
    (field,) = scorecard(evidence, UNTIMED).operation("op").fields
    assert field.unlike_alone


def test_a_secondary_that_comes_late_does_not_open_the_gate_of_time():
    """Four hours without it, noise of one in a thousand calls, and one lag of 20 seconds: an identical candidate."""
    for seed in range(3):
        chance = random.Random(seed)
        evidence = Evidence(Epoch(), objective=UNTIMED)
        for call in range(80_000):
            second = call / 5
            late = second > 14_400
            lags = 15_000 <= second < 15_020
            shadow, secondary = (["f"] if chance.random() < 0.0003 else [] for _ in range(2))
            shadow = ["f"] if lags else shadow
            observe(evidence, operation="op", shadow=shadow, secondary=secondary if late else None, key=call, at=second)
            if call % 100 == 99 and 15_000 <= second < 15_100:
                assert scorecard(evidence, UNTIMED).decision is not Decision.REJECT


def test_keys_that_were_asked_twice_are_told_where_they_speak_against_it():
    """The old one is odd in 1 % of its answers, and the new one always wrong for 1.5 % of the customers."""
    chance = random.Random(7)
    evidence = Evidence(Epoch(), objective=UNTIMED)
    wrong = {key for key in range(9_000) if chance.random() < 0.015}
    for call in range(45_000):
        key = chance.randrange(9_000)
        old, other = chance.random() < 0.01, chance.random() < 0.01
        shadow, secondary = old or key in wrong, old != other
        observe(
            evidence,
            operation="op",
            shadow=["f"] if shadow else [],
            secondary=["f"] if secondary else [],
            key=key,
            at=call / 20,
        )
    judged = scorecard(evidence, UNTIMED)
    (field,) = judged.operation("op").fields
    assert judged.decision is Decision.HOLD
    assert field.again is not None
    assert field.again[0] > 20 > field.again[1]
    assert field.state is FieldState.TOO_FEW
    assert any("asked twice, in" in note for note in judged.notes)
