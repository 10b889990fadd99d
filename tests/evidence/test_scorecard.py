"""Scorecards: each state at its boundary, and what is made of it. Pure."""

from __future__ import annotations

import math
import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import Verdict
from trioshadow.evidence import Acknowledged, Decision, Epoch, Evidence, FieldState, Objective, Observation, scorecard
from trioshadow.evidence._betting import Allowed, Pairs, clean_wealth, regressed_wealth
from trioshadow.evidence._blocks import Part
from trioshadow.evidence._bounds import is_below, rate_wealth, weight_of
from trioshadow.evidence._evidence import FIELDS, OTHERS
from trioshadow.evidence._histogram import Histogram
from trioshadow.evidence._latency import _Speed
from trioshadow.evidence._tosses import LEVEL_WEIGHTS

from tests.support.observed import fill, new_evidence, observe
from tests.support.profiles import tried

CLEAN, REGRESSED, DIFFERS, UNVERIFIABLE, TOO_FEW = FieldState
#: Latency has tests of its own.
UNTIMED = Objective(max_p99_ratio=None)


def card(evidence, objective=UNTIMED):
    return scorecard(evidence, objective)


def score(evidence, field="f", operation="op", objective=UNTIMED):
    (found,) = [one for one in card(evidence, objective).operation(operation).fields if one.field == field]
    return found


def filled(**counts):
    evidence = new_evidence()
    fill(evidence, **counts)
    return evidence


def state_of(objective=UNTIMED, **counts):
    return score(filled(**counts), objective=objective).state


# ── clean ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_operation_without_a_difference_is_clean_from_4_093_keys_on():
    """Where the bet on 0 of n has won twenty times what was staked."""
    few, enough = card(filled(matched=4_092)), card(filled(matched=4_093))
    assert (few.operation("op").state, few.decision) == (TOO_FEW, Decision.HOLD)
    assert (enough.operation("op").state, enough.decision) == (CLEAN, Decision.PROMOTE)
    assert (few.operation("op").covered, enough.operation("op").covered) == (False, True)
    assert enough.missing == ()
    assert 0 < few.operation("op").keys_needed <= 0.03 * 4_092
    assert enough.operation("op").keys_needed == 0


def most_that_is_clean(calls, pairs):
    """So many differences, of so many calls, as the bets say."""
    most = 0
    margin = 0.0 if pairs(1, 0).alone else 0.25
    while clean_wealth(pairs(most + 1, calls - most - 1), Allowed(0.001, margin)) + LEVEL_WEIGHTS[0] >= math.log(20):
        most += 1
    return most


def test_a_field_is_clean_while_the_bet_says_so():
    calls = 20_000
    most = most_that_is_clean(calls, lambda differ, same: Pairs(0, 0, 0, 0, differ, same))
    assert most == 5
    assert state_of(matched=calls - most, differed=most) is CLEAN
    assert state_of(matched=calls - most - 1, differed=most + 1) is DIFFERS
    assert score(filled(matched=calls - most, differed=most)).rate_beyond_noise <= 0.001
    assert score(filled(matched=calls - most - 1, differed=most + 1)).rate_beyond_noise > 0.001


def test_the_rate_beyond_noise_is_what_would_be_clean_were_it_allowed():
    for counts in (
        {"only_shadow": 30, "neither": 9_970},
        {"only_shadow": 500, "only_secondary": 480, "neither": 9_020},
    ):
        found = score(filled(**counts))
        assert found.state is not CLEAN
        factor = found.rate_beyond_noise / found.allowed
        more, less = (
            Objective(max_p99_ratio=None, max_rate=0.001 * factor * by, noise_margin=0.25 * factor * by)
            for by in (1.001, 0.91)
        )
        assert state_of(more, **counts) is CLEAN
        assert state_of(less, **counts) is not CLEAN


def test_noise_is_taken_off_by_pairs():
    found = score(filled(only_shadow=480, only_secondary=500, both=25, neither=8_995))
    assert found.rate == pytest.approx(0.0505)
    assert found.rate_beyond_noise < found.rate / 4
    assert found.noise == pytest.approx(0.0525)
    assert found.allowed == pytest.approx(0.0525 / 4)
    assert found.state is CLEAN
    assert found.neither == 8_995


def test_a_shadow_that_differs_far_less_than_the_secondary_is_clean_at_once():
    assert score(filled(only_secondary=200, neither=9_800)).state is CLEAN
    assert score(filled(only_secondary=200, neither=9_800)).rate_beyond_noise < 0.0001


def test_a_large_difference_that_is_within_what_is_allowed_is_clean():
    """Thirty calls in a row look bad, and are three in twenty thousand, where twenty are allowed."""
    evidence = filled(only_shadow=30, neither=199_970)
    assert score(evidence).log10_e_value < 0
    assert score(evidence).state is CLEAN
    assert card(evidence).decision is Decision.PROMOTE


# ── regressed ───────────────────────────────────────────────────────────────────────────────────────────────────────


def needed_against(allowed, weight, pairs, most=1_000):
    """So many of the first kind that a field of this weight regresses; the first toss is not bet on."""
    needed = math.log(20) - weight
    return next(b for b in range(1, most) if regressed_wealth(pairs(b - 1), allowed) + LEVEL_WEIGHTS[0] >= needed)


def test_a_field_regresses_against_what_is_allowed():
    """The first to appear has half of the error level: 1/0.0247."""
    needed = needed_against(Allowed(0.001, 0.25), weight_of(0), lambda b: Pairs(b, 0, 0, 500))
    assert needed == 12
    assert state_of(only_shadow=11, neither=500) is DIFFERS
    assert state_of(only_shadow=12, neither=500) is REGRESSED


def test_it_is_a_reason_to_reject_when_it_was_so_in_enough_blocks_of_time():
    """A burst of calls is one thing that happened. Six tosses of the coin by blocks are 1/0.0247."""
    for blocks, decision in ((0, Decision.HOLD), (7, Decision.HOLD), (8, Decision.REJECT)):
        judged = card(filled(only_shadow=500, neither=500, blocks=blocks))
        assert judged.operation("op").state is REGRESSED
        assert judged.decision is decision
        assert judged.operation("op").fields[0].blocks == (blocks, 0)
        assert judged.operation("op").fields[0].blocks_needed == max(0, 8 - blocks)
    held = card(filled(only_shadow=500, neither=500, blocks=5))
    assert held.reasons[0] == (
        "op: regressed: f differs for 50.00% of the keys (about 500); the old one never differs from itself, in 1,000 "
        "pairs; to reject, about 3 more minutes in which it is worse are needed"
    )
    assert "op: fix f, or acknowledge it" in held.missing


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "about 75 more calls like these"),
        (10.0, "about 30 more seconds in which it is worse"),
        (60, "about 3 more minutes in which it is worse"),
    ],
)
def test_what_it_takes_to_reject_is_said_in_what_a_block_is(seconds, told):
    evidence = Evidence(Epoch(), objective=Objective(block_seconds=seconds))
    fill(evidence, only_shadow=500, neither=500, blocks=5)
    assert f"to reject, {told} are needed" in card(evidence).reasons[0]


def test_blocks_in_which_the_old_one_was_worse_speak_against_it():
    evidence = filled(only_shadow=500, only_secondary=100, neither=500)
    evidence.operations["op"].fields["f"].blocks._others.append(Part(9, 4))
    judged = card(evidence)
    assert (judged.operation("op").state, judged.decision) == (REGRESSED, Decision.HOLD)
    assert judged.operation("op").fields[0].blocks_needed > 5
    evidence.operations["op"].fields["f"].blocks._others[:] = [Part(10, 10**9)]
    assert "many more calls" in card(evidence).reasons[0]


def test_against_noise_it_takes_the_majority_that_the_wealth_says():
    """Of 60 disagreements, and against a quarter more noise than there is."""
    needed = needed_against(Allowed(0.001, 0.25), weight_of(0), lambda b: Pairs(b, 59 - b, 0, 500), 60)
    assert needed > 40
    assert state_of(only_shadow=needed - 1, only_secondary=61 - needed, neither=500) is not REGRESSED
    assert state_of(only_shadow=needed, only_secondary=60 - needed, neither=500) is REGRESSED


def test_a_shadow_that_differs_less_than_the_secondary_is_no_regression():
    found = score(filled(only_shadow=1, only_secondary=200, neither=500))
    assert found.state is CLEAN
    assert found.log10_e_value <= 0


def test_fields_in_which_the_shadow_is_better_do_not_help_to_accuse_another():
    """They are as certain as regressions: counted among them, they would lower what the next one needs to a tenth."""
    evidence = filled(only_shadow=10, neither=500)
    for number in range(20):
        fill(evidence, operation=f"op {number}", only_shadow=1, only_secondary=300, neither=500)
    assert score(evidence).state is DIFFERS


def test_without_a_secondary_a_field_regresses_against_the_rate_that_is_allowed():
    keys = 500
    least = math.log(20) - weight_of(0) - LEVEL_WEIGHTS[0]
    needed = next(x for x in range(1, keys) if rate_wealth(x - 1, keys - 1, 0.001) >= least)
    assert needed == 7
    assert state_of(matched=keys - 6, differed=6) is DIFFERS
    assert state_of(matched=keys - 7, differed=7) is REGRESSED
    assert score(filled(matched=keys - 7, differed=7)).noise is None


def test_a_regression_needs_as_many_keys_as_are_asked_for():
    evidence = filled(only_shadow=20, neither=500)
    assert score(evidence, objective=Objective(min_keys=20)).state is REGRESSED
    assert score(evidence, objective=Objective(min_keys=21)).state is DIFFERS


def test_a_regression_stays_one_when_its_keys_are_too_many_to_be_counted_exactly():
    """Of 2,048 the room is full, and half of them are forgotten."""
    evidence = new_evidence()
    observe(evidence, 500, operation="op", secondary=[], key=10_000)
    for number in range(2_054):
        observe(evidence, operation="op", shadow=["f"], secondary=[], key=number)
        if number > 2_040 or number in (18, 19):
            expected = REGRESSED if number + 1 >= 20 else DIFFERS
            assert score(evidence, objective=Objective(min_keys=20)).state is expected


def test_one_user_who_polls_is_no_evidence():
    """A thousand calls of one key that differ are one observation."""
    evidence = new_evidence()
    observe(evidence, 300, operation="op", secondary=[], key=10)
    observe(evidence, 1_000, operation="op", shadow=["f"], secondary=[], keys=1)
    assert score(evidence).state is DIFFERS
    assert score(evidence).log10_e_value < 0
    alone = new_evidence()
    observe(alone, 300, operation="op", key=10)
    observe(alone, 1_000, operation="op", shadow=["f"], keys=1)
    assert score(alone).state is DIFFERS


def test_noise_that_goes_with_the_key_is_counted_by_keys():
    """Of 200 keys that all poll 50 times, each side always differs for some: 14 against 6 is no regression."""
    evidence = new_evidence()
    for name, keys, start in (("shadow", 14, 0), ("secondary", 6, 100), ("none", 180, 200)):
        for _ in range(50):
            observe(
                evidence,
                keys,
                operation="op",
                shadow=["f"] if name == "shadow" else [],
                secondary=["f"] if name == "secondary" else [],
                key=start,
            )
    found = score(evidence)
    assert (found.shadow_only, found.secondary_only) == (700, 300)
    by_keys = regressed_wealth(Pairs(13, 6, 0, 180), Allowed(0.001, 0.25)) + LEVEL_WEIGHTS[0]
    assert found.log10_e_value == pytest.approx(by_keys / math.log(10), abs=0.01)
    assert found.state is TOO_FEW


def test_what_a_few_keys_show_is_not_hidden_behind_one_that_polls():
    """One key makes 99 of 100 calls and never differs; one in a hundred of the others does, without any noise."""
    evidence = new_evidence()
    observe(evidence, 100_000, operation="op", secondary=[], keys=1)
    observe(evidence, 990, operation="op", secondary=[], key=1)
    observe(evidence, 10, operation="op", shadow=["f"], secondary=[], key=991)
    found = score(evidence, objective=Objective(max_p99_ratio=None, max_rate=0.005))
    assert found.rate == pytest.approx(0.01, rel=0.05)
    assert found.rate_beyond_noise > found.rate
    assert found.state is DIFFERS


def test_a_field_that_appears_late_needs_more_and_takes_nothing_from_those_before():
    def states(first, last):
        evidence = filled(field="first", only_shadow=first, neither=500)
        for number in range(100):
            fill(evidence, field=f"g {number}", only_shadow=1, only_secondary=1)
        fill(evidence, field="last", only_shadow=last)
        return score(evidence, "first").state, score(evidence, "last").state

    assert states(12, 12) == (REGRESSED, DIFFERS)
    assert states(12, 24) == (REGRESSED, DIFFERS)
    assert states(12, 26) == (REGRESSED, REGRESSED)


def test_an_acknowledged_regression_does_not_help_to_accuse_another():
    """With ten that are certain, and known, one that is not would have needed an eleventh of the evidence."""
    evidence = filled(only_shadow=8, neither=500)
    for number in range(10):
        fill(evidence, field=f"g {number}", only_shadow=100)
    known = Objective(max_p99_ratio=None, acknowledged=[f"g {number}" for number in range(10)])
    assert score(evidence).state is REGRESSED  # of eleven that are found one false one is one in eleven
    assert score(evidence, objective=known).state is DIFFERS
    acknowledged = score(evidence, "g 0", objective=known)
    assert (acknowledged.state, acknowledged.acknowledged) == (REGRESSED, True)


def test_many_fields_in_one_do_not_help_to_accuse_another():
    """A call may be counted there several times, so what it has tossed is no coin."""
    evidence = filled(only_shadow=10, neither=500)
    other = evidence.operations["op"].other_fields
    other.differed = other.shadow_only = 400
    other.tosses._keyless[0] = 400
    assert score(evidence).state is DIFFERS


def test_where_others_have_pairs_an_operation_without_is_not_held_against_a_rate():
    """Its noise is not known yet: that it differs is said, and no more."""
    evidence = filled(matched=100, differed=100)
    assert score(evidence).state is REGRESSED
    fill(evidence, operation="other", neither=1)
    assert score(evidence).state is DIFFERS
    assert card(evidence).decision is Decision.HOLD


# ── unverifiable, differs, too few ──────────────────────────────────────────────────────────────────────────────────


def test_a_field_that_differs_in_nearly_every_pair_is_unverifiable():
    assert state_of(both=19, neither=1) is UNVERIFIABLE
    assert state_of(both=18, neither=2) is not UNVERIFIABLE
    assert state_of(both=19) is not UNVERIFIABLE  # fewer than 20 pairs
    assert state_of(both=10_000, neither=10) is UNVERIFIABLE  # and not clean, though no pair disagrees
    assert state_of(both=9_000, neither=1_000) is CLEAN


def test_what_is_certain_is_said_of_an_unverifiable_field_too():
    assert state_of(both=950, only_shadow=16, neither=0) is REGRESSED


def test_a_single_difference_without_any_noise_differs():
    assert state_of(matched=10, differed=1) is DIFFERS
    assert state_of(only_shadow=1, neither=10) is DIFFERS
    assert state_of(both=1, neither=10) is TOO_FEW


def test_with_noise_a_field_differs_once_its_own_wealth_is_one_over_the_error_level():
    allowed = Allowed(0.001, 0.25)
    needed = next(
        b for b in range(1, 40) if regressed_wealth(Pairs(b - 1, 1, 0, 60), allowed) + LEVEL_WEIGHTS[0] >= math.log(20)
    )
    assert state_of(only_shadow=needed - 1, only_secondary=1, neither=60) is TOO_FEW
    assert state_of(only_shadow=needed, only_secondary=1, neither=60) is DIFFERS


def test_a_field_that_only_the_secondary_differs_in_is_too_few_or_clean():
    assert state_of(only_secondary=1, neither=60) is TOO_FEW


def test_more_noise_than_pairs_is_all_of_them():
    """Many fields are counted as one there, each call several times."""
    evidence = filled(neither=10)
    other = evidence.operations["op"].other_fields
    other.differed = other.both = 40
    found = score(evidence, "(other fields)")
    assert (found.noise, found.rate, found.neither, found.state) == (1, 0, 0, DIFFERS)


def test_other_fields_never_are_clean_nor_regressed():
    evidence = new_evidence()
    for number in range(2 * FIELDS + 1):
        observe(evidence, operation="op", shadow=[f"f {number}"], secondary=[], key=number)
    observe(evidence, 3_000, operation="op", secondary=[], key=5_000)
    found = score(evidence, "(other fields)", objective=Objective(max_rate=0.9))
    assert (found.state, found.calls) == (DIFFERS, FIELDS)
    assert found.examples
    assert card(evidence).operation("op").keys_needed is None


# ── acknowledged ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_acknowledged_field_decides_nothing_and_is_shown():
    evidence = filled(only_shadow=100, neither=9_900, blocks=10)
    assert card(evidence).decision is Decision.REJECT
    objective = Objective(max_p99_ratio=None, acknowledged=[Acknowledged("f", operation="op")])
    judged = card(evidence, objective)
    assert judged.decision is Decision.PROMOTE
    assert judged.operation("op").state is CLEAN
    assert judged.operation("op").keys_needed == 0
    assert [(one.field, one.acknowledged) for one in judged.operation("op").fields] == [("f", True)]
    assert "acknowledged" in judged.explain()


def test_a_field_is_acknowledged_of_one_operation_or_of_all():
    assert Acknowledged("f").covers("any", "f")
    assert Acknowledged("f", operation="op").covers("op", "f")
    assert not Acknowledged("f", operation="op").covers("other", "f")
    assert not Acknowledged("f").covers("any", "g")
    assert Objective(acknowledged=["f"]).acknowledged == (Acknowledged("f"),)


def test_what_is_acknowledged_must_still_be_covered():
    """Few calls stay few."""
    objective = Objective(max_p99_ratio=None, acknowledged=["f"])
    assert card(filled(differed=3, matched=5), objective).operation("op").state is TOO_FEW


# ── all fields as one ───────────────────────────────────────────────────────────────────────────────────────────────


def rare_fields(calls=40_000, each=10, fields=20):
    """Each within its rate, and together ten times as often."""
    evidence = filled(matched=calls - each * fields)
    for number in range(fields):
        fill(evidence, field=f"f {number}", differed=each)
    return evidence


def test_fields_that_each_differ_rarely_and_together_often_are_not_clean():
    judged = card(rare_fields()).operation("op")
    assert [one.field for one in judged.fields][:1] == ["anything"]
    assert {one.state for one in judged.fields[1:]} == {CLEAN}
    assert (judged.state, judged.covered, judged.keys_needed) == (DIFFERS, False, None)
    assert card(rare_fields()).decision is Decision.HOLD


def test_fields_that_are_clean_together_are_not_told_as_one():
    judged = card(rare_fields(each=1, fields=3)).operation("op")
    assert judged.state is CLEAN
    assert "anything" not in [one.field for one in judged.fields]


def test_anything_can_be_acknowledged():
    judged = card(rare_fields(), Objective(max_p99_ratio=None, acknowledged=["anything"]))
    assert judged.operation("op").state is CLEAN
    assert judged.decision is Decision.PROMOTE
    assert judged.operation("op").fields[0].acknowledged


def test_with_an_acknowledged_field_all_as_one_is_not_judged():
    """It would count what may be."""
    judged = card(rare_fields(), Objective(max_p99_ratio=None, acknowledged=["f 0"])).operation("op")
    assert judged.state is CLEAN


def noisy_together(only_shadow):
    """One field that is clean, with noise; and as one an excess that was made up."""
    evidence = filled(only_shadow=480, only_secondary=500, neither=99_020)
    anything = evidence.operations["op"].anything
    anything.shadow_only, anything.secondary_only = only_shadow, 100
    anything.tosses._keyless[:2] = only_shadow, 100
    return evidence


def test_anything_that_noise_explains_is_no_difference_but_too_few():
    """Its own wealth is asked."""
    judged = card(noisy_together(160)).operation("op")
    assert (judged.fields[0].field, judged.fields[0].state, judged.state) == ("anything", TOO_FEW, TOO_FEW)
    judged = card(noisy_together(260)).operation("op")
    assert (judged.fields[0].field, judged.fields[0].state, judged.state) == ("anything", DIFFERS, DIFFERS)


def test_what_all_as_one_still_needs_is_said():
    judged = card(noisy_together(160))
    assert judged.operation("op").keys_needed == pytest.approx(87_000, rel=0.05)
    assert judged.missing == ("op: about 88,000 more calls",)


def test_anything_is_not_told_where_it_is_unverifiable():
    """Two fields, each noisy in half of the pairs, of which each call has one."""
    evidence = new_evidence()
    for number in range(4_000):
        fields = ["f"] if number % 2 else ["g"]
        observe(evidence, operation="op", shadow=fields, secondary=fields, key=number)
    judged = card(evidence, Objective(max_p99_ratio=None, max_rate=0.05)).operation("op")
    assert {one.field: one.state for one in judged.fields} == {"f": CLEAN, "g": CLEAN}
    assert judged.state is CLEAN


# ── how many more ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_as_many_more_keys_as_are_said_are_enough():
    for matched, differed in ((500, 0), (5_000, 1), (30_000, 20)):
        evidence = filled(matched=matched, differed=differed)
        needed = card(evidence).operation("op").keys_needed
        assert needed is not None
        assert needed > 0
        factor = 1 + needed / (matched + differed)
        more = filled(matched=round(matched * factor) + 1, differed=math.floor(differed * factor))
        assert card(more).operation("op").state is CLEAN
        less = 1 + 0.9 * needed / (matched + differed)
        fewer = filled(matched=round(matched * less), differed=math.ceil(differed * less))
        assert card(fewer).operation("op").state is not CLEAN


def test_no_number_of_keys_makes_clean_what_differs_too_often():
    assert card(filled(matched=900, differed=100)).operation("op").keys_needed is None
    assert card(filled()).operations == ()


def test_an_operation_of_which_nothing_was_compared_needs_nobody_knows_how_many():
    evidence = new_evidence()
    evidence.operation("op").counts[Verdict.NOT_SAMPLED.slot] = 7
    judged = card(evidence).operation("op")
    assert (judged.keys_needed, judged.state, judged.compared) == (None, TOO_FEW, 0)


def test_what_it_takes_is_told_in_calls_or_in_keys():
    few = card(filled(matched=1_000))
    assert few.missing == ("op: about 3,200 more calls",)
    polling = new_evidence()
    observe(polling, 1_000, operation="op", keys=100)
    (told,) = card(polling).missing
    assert told.startswith("op: calls of about 4,")
    assert told.endswith(" other keys")


def test_a_field_that_looks_worse_and_is_not_proven_so_is_taken_to_be_as_noisy_as_the_old_one():
    """Else a handful of tosses would say that a million calls are needed."""
    for worse in (8, 10, 12):
        judged = card(filled(only_shadow=worse, only_secondary=8, neither=400)).operation("op")
        assert judged.state is TOO_FEW
        assert 15_000 < judged.keys_needed < 50_000


def test_what_differs_too_often_asks_for_calls_that_differ_less():
    judged = card(filled(matched=950, differed=50), Objective(max_p99_ratio=None, max_rate=0.04))
    assert judged.operation("op").state is DIFFERS
    assert judged.operation("op").keys_needed is None


# ── the decision ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_no_reason_to_promote():
    judged = card(new_evidence())
    assert (judged.decision, judged.coverage, judged.calls) == (Decision.HOLD, 0, 0)
    assert judged.reasons == ("nothing has been compared yet",)
    assert "HOLD" in judged.explain()


def test_the_calls_of_operations_found_clean_must_be_as_many_as_are_asked_for():
    evidence = filled(matched=9_500)
    fill(evidence, operation="rare", matched=500)
    judged = card(evidence)
    assert (judged.coverage, judged.decision) == (0.95, Decision.PROMOTE)
    assert judged.not_covered == ("rare: 500 calls (5.0%), too few: 500 keys compared",)
    assert judged.missing == ()
    fill(evidence, operation="rare", matched=1)
    judged = card(evidence)
    assert judged.decision is Decision.HOLD
    assert judged.reasons == ("95.0% of the calls are of operations found clean, and 95.0% are asked for",)
    assert judged.missing[0].startswith("rare: about ")


def test_an_operation_that_is_never_mirrored_is_not_covered():
    evidence = filled(matched=5_000)
    for verdict, count in ((Verdict.HELD_BACK, 400), (Verdict.SHED, 20), (Verdict.PAUSED, 10), (Verdict.CLOSED, 5)):
        evidence.operation("writes").counts[verdict.slot] = count
    judged = card(evidence)
    assert judged.operation("writes").not_mirrored == {"held_back": 400, "shed": 20, "paused": 10, "closed": 5}
    assert judged.operation("writes").mirrored == 0
    assert judged.not_covered == ("writes: 435 calls (8.0%), never compared (400 held back, 20 shed, 10 paused)",)
    assert judged.decision is Decision.HOLD
    evidence.operation("flying").counts[-1] = 1
    assert any(told == "flying: 1 call (0.0%), never compared" for told in card(evidence).not_covered)


def test_calls_that_are_left_out_by_a_rule_are_not_covered_by_those_that_are_not():
    """Unlike those that the sampler left out by chance."""
    evidence = filled(matched=5_000)
    row = evidence.operation("op")
    row.counts[Verdict.NOT_SAMPLED.slot] = 90_000
    assert card(evidence).coverage == 1
    row.counts[Verdict.HELD_BACK.slot] = 4_000
    row.counts[Verdict.UNKEYED.slot] = 1_000
    judged = card(evidence)
    assert judged.coverage == 0.95
    assert judged.not_covered == ("op: 4,000 held back, 1,000 unkeyed, which the others do not stand for",)


def test_failures_count_as_differences_and_as_compared():
    """Nothing drops out of the numbers: a candidate that fails is not a candidate that was not asked."""
    evidence = new_evidence()
    for number in range(20):
        observe(evidence, operation="op", shadow=["failed"], secondary=[], key=number)
    observe(evidence, 500, operation="op", secondary=[], key=100)
    judged = card(evidence)
    assert judged.operation("op").compared == 520
    assert judged.decision is Decision.HOLD
    assert judged.reasons[0].startswith(
        "op: regressed: the new one failed for 3.85% of the keys (20); the old one never fails"
    )


def test_each_finding_has_its_reason_and_its_way_out():
    evidence = filled(only_shadow=14, neither=500, blocks=10)
    fill(evidence, operation="new", field="g", only_shadow=1, neither=500)
    fill(evidence, operation="odd", field="h", both=40)
    judged = card(evidence)
    assert judged.decision is Decision.REJECT
    told = "the old one never differs from itself, in 514 pairs"
    assert judged.reasons == (f"op: f differs for 2.72% of the keys (14); {told}",)
    assert judged.missing == (
        "op: fix f, or acknowledge it",
        "new: fix g, or acknowledge it",
        "odd: a rule for h (or acknowledge it)",
    )
    held = card(evidence, Objective(max_p99_ratio=None, acknowledged=["f"]))
    assert held.decision is Decision.HOLD
    told = "the old one never differs from itself, in 501 pairs"
    more = "if it stays so, it counts as regressed after about 14,000 more calls"
    assert held.reasons == (
        f"new: g differs for 0.20% of the keys (1); {told}: it must be looked at; {more}",
        "odd: h: the old one differs from itself in 100% of the pairs, so the new one can't be judged there",
        "0.0% of the calls are of operations found clean, and 95.0% are asked for",
    )
    assert str(judged).startswith("REJECT: op: f differs for 2.72%")


def test_praise_says_what_was_found():
    one = card(filled(matched=5_000))
    assert one.reasons == (
        "1 operation, 100.0% of the calls: no field differs beyond noise in more than 0.10% of the keys",
    )
    two = filled(matched=5_000)
    fill(two, operation="b", matched=5_000)
    told = "no field differs beyond noise in more than 0.10% of the keys, and none is slower than allowed"
    assert scorecard(two, Objective()).reasons == (f"2 operations, 100.0% of the calls: {told}",)


def test_a_scorecard_without_reasons_is_told_too():
    judged = attrs.evolve(card(filled(matched=5_000)), reasons=())
    assert str(judged) == "PROMOTE: nothing differs beyond what is allowed"


def test_an_operation_is_found_by_its_name():
    judged = card(filled(matched=10, operation=""))
    assert judged.operation("").name == "(unnamed)"
    with pytest.raises(KeyError):
        judged.operation("other")


def test_notes_say_what_else_should_be_known():
    evidence = filled(matched=1_000)
    notes = card(evidence).notes
    assert notes == (
        "no secondary: every difference counts, also what the old one does by itself",
        "1,000 calls without a sampling key: each counts as a key of its own",
    )
    row = evidence.operation("op")
    row.counts[Verdict.NOT_SAMPLED.slot] = 10**6
    row.counts[Verdict.SHED.slot] = 10
    assert card(evidence).notes == notes
    row.counts[Verdict.SHED.slot] = 12
    row.counts[Verdict.ABANDONED.slot] = 30
    row.secondary_counts[Verdict.FAILED.slot] = 2
    row.secondary_counts[Verdict.TIMED_OUT.slot] = 3
    evidence.operations[OTHERS].counts[Verdict.MATCHED.slot] = 1
    fill(evidence, neither=1)
    assert card(evidence).notes == (
        "1,001 calls without a sampling key: each counts as a key of its own",
        "the secondary failed in 5 calls",
        "12 sampled calls shed (1.1%): the busiest moments may be missing",
        "30 sampled calls abandoned (2.9%): what the new one would have answered is not known",
        f"there were too many operations: what was light is in {OTHERS}",
    )


def test_few_keys_with_many_calls_are_noted():
    evidence = new_evidence()
    observe(evidence, 1_000, operation="op", keys=99)
    assert "1,000 compared calls are of 99 keys only" in card(evidence).notes
    evidence = new_evidence()
    observe(evidence, 1_000, operation="op", keys=100)
    assert not [note for note in card(evidence).notes if "keys only" in note]


# ── latency ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def timed(primary, shadow, calls=5_000, objective=None):
    """Calls that all took as long, but for 2 % that took the second time of each."""
    evidence = Evidence(Epoch(), objective=objective or Objective())
    for number in range(calls):
        odd = -(number % 50 == 0)
        observe(evidence, operation="op", key=None, seconds=(primary[odd], shadow[odd]))
    return scorecard(evidence, evidence.objective)


def test_a_p99_that_is_not_known_is_a_dash():
    evidence = new_evidence()
    observe(evidence, 10, operation="op", seconds=(None, None))
    assert scorecard(evidence, Objective()).explain().splitlines()[-1].split()[-2:] == ["-", "-"]


def test_a_shadow_that_is_as_fast_is_clean():
    latency = timed([0.02, 0.05], [0.02, 0.05]).operation("op").latency
    assert (latency.state, latency.ratio, latency.calls) == (CLEAN, 1.0, 5_000)
    assert latency.p50 == (pytest.approx(0.02, rel=0.05),) * 2
    assert latency.p95 == latency.p50
    assert latency.p99 == (pytest.approx(0.05, rel=0.05),) * 2


def test_a_shadow_whose_p99_is_longer_than_allowed_is_regressed():
    judged = timed([0.02, 0.05], [0.02, 0.10])
    assert judged.operation("op").latency.state is REGRESSED
    assert judged.decision is Decision.REJECT
    assert judged.reasons == ("op: p99 96.8 ms, the old one's is 48.4 ms",)
    assert judged.missing == ("op: make it faster, or allow more (max_p99_ratio)",)
    assert "slower" in judged.explain()
    wider = timed([0.02, 0.05], [0.02, 0.10], objective=Objective(max_p99_ratio=2.2))
    assert wider.decision is Decision.PROMOTE
    assert timed([0.02, 0.05], [0.02, 0.10], objective=UNTIMED).decision is Decision.PROMOTE


def test_a_shadow_that_is_fast_enough_is_clean_however_fast_the_primary_is():
    assert timed([1e-5], [0.004]).operation("op").latency.state is CLEAN
    assert timed([1e-5], [0.006]).operation("op").latency.state is REGRESSED
    assert timed([1e-5], [0.006], objective=Objective(fast_enough=0.01)).operation("op").latency.state is CLEAN


def test_a_few_calls_do_not_show_a_p99():
    """None slower than allowed: what it takes is the bound of 0 of n, around 1 %."""
    needed = next(calls for calls in range(1, 2_000) if is_below(0, calls, 0.025, 0.01))
    assert needed == 486
    assert timed([0.05], [0.05], needed - 1).operation("op").latency.state is TOO_FEW
    assert timed([0.05], [0.05], needed).operation("op").latency.state is CLEAN


def test_a_p99_that_is_hardly_known_does_not_make_clean():
    """The primary was slow in 11 of 1,000 calls, so that its p99 is a second as it was measured, and may be 20 ms."""
    evidence = new_evidence()
    observe(evidence, 989, operation="op", key=None, seconds=(0.02, 0.5))
    observe(evidence, 11, operation="op", key=None, seconds=(1.0, 0.5))
    latency = scorecard(evidence, Objective()).operation("op").latency
    assert latency.ratio == pytest.approx(0.5, rel=0.1)
    assert latency.state is TOO_FEW


def test_a_p99_that_is_hardly_known_does_not_make_regressed():
    """The primary was slower in 5 of 1,000 calls, so that its p99 may be 35 ms, and 50 ms are allowed."""
    evidence = new_evidence()
    observe(evidence, 950, operation="op", key=None, seconds=(0.02, 0.02))
    observe(evidence, 45, operation="op", key=None, seconds=(0.02, 0.045))
    observe(evidence, 5, operation="op", key=None, seconds=(0.035, 0.045))
    latency = scorecard(evidence, Objective()).operation("op").latency
    assert latency.ratio is not None
    assert latency.ratio > 2
    assert latency.state is TOO_FEW
    observe(evidence, 20_000, operation="op", key=None, seconds=(0.02, 0.045))
    assert scorecard(evidence, Objective()).operation("op").latency.state is REGRESSED


def test_a_clean_operation_of_which_the_p99_is_not_known_is_held():
    evidence = new_evidence()
    observe(evidence, 5_000, operation="op", key=None, seconds=(0.01, None))
    judged = scorecard(evidence, Objective())
    assert (judged.decision, judged.operation("op").covered) == (Decision.HOLD, False)
    assert judged.missing == ("op: more calls, to know its p99 (0 so far)",)
    assert judged.not_covered == ("op: 5,000 calls (100.0%), too few to know its p99: 0 timed",)
    assert judged.operation("op").latency.p99 == (pytest.approx(0.01, rel=0.05), None)
    assert judged.operation("op").latency.ratio is None


def test_without_a_time_of_the_primary_nothing_is_known_of_the_shadow():
    evidence = new_evidence()
    observe(evidence, 5_000, operation="op", key=None, seconds=(None, 3_000.0))
    assert scorecard(evidence, Objective()).operation("op").latency.state is TOO_FEW


def test_a_regression_is_told_before_being_slower():
    evidence = new_evidence()
    observe(evidence, 5_000, operation="op", key=None, shadow=["f"], secondary=[], seconds=(0.01, 0.1))
    judged = scorecard(evidence, Objective())
    assert [reason.split(":")[1][:4] for reason in judged.reasons] == [" f d", " p99"]
    assert "regressed" in judged.explain()


# ── in words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def everything():
    """A scorecard with something of each kind."""
    evidence = filled(only_shadow=14, neither=500)
    fill(evidence, field="$.a.rather.long[*].path.of.which.a.terminal.shows.a.part", both=490, neither=30)
    fill(evidence, field="known", only_shadow=40)
    fill(evidence, operation="GET /a/long/path/of/an/operation/that/nobody/would/name/so", matched=10**12)
    fill(evidence, operation="slow", matched=5_000)
    evidence.operations["slow"].shadow_seconds.update(evidence.operations["op"].shadow_seconds)
    for number in range(20):
        observe(evidence, operation=f"operation {number}", shadow=[f"f {one}" for one in range(15)], key=number)
        evidence.operations[f"operation {number}"].counts[Verdict.HELD_BACK.slot] = 5
    observe(evidence, operation="micro", seconds=(2e-5, 3.5))
    return card(evidence, Objective(acknowledged=["known"]))


@pytest.mark.parametrize("width", range(40, 121))
def test_no_line_is_wider_than_asked(width):
    for judged in (everything(), card(new_evidence()), card(filled(matched=4_104))):
        for line in judged.explain(width=width).splitlines():
            assert len(line) <= width, line


def test_a_terminal_too_narrow_for_a_table_is_refused():
    with pytest.raises(ValueError, match=r"width must be a count of characters in \[40, inf\), not 39"):
        card(new_evidence()).explain(width=39)


def test_what_does_not_fit_is_counted():
    told = everything().explain(width=100)
    assert "\n  and 293 more\n" in told
    assert "\nand 12 more operations" in told
    assert "\n    and 3 more fields\n" in told


def test_a_wide_table_has_all_columns_and_a_narrow_one_those_that_fit():
    judged = card(filled(matched=5_000))
    wide, narrow = (judged.explain(width=width) for width in (80, 40))
    head, row = wide.splitlines()[-2:]
    assert head.split() == ["operation", "calls", "compared", "keys", "pairs", "p99", "old", "p99", "new"]
    assert row.split() == ["op", "clean", "5,000", "5,000", "5,000", "0", "981", "µs", "981", "µs"]
    head, row = narrow.splitlines()[-2:]
    assert head.split() == ["operation", "calls"]
    assert row.split() == ["op", "clean", "5,000"]


def test_a_page_tells_each_thing_once():
    judged = card(filled(only_shadow=14, neither=500, blocks=10))
    assert judged.explain(width=100) == PAGE


PAGE = """\
REJECT
  - op: f differs for 2.72% of the keys (14); the old one never differs from itself, in 514 pairs

To promote it takes:
  - op: fix f, or acknowledge it

Note:
  - 514 calls without a sampling key: each counts as a key of its own

operation                                        calls   compared   keys   pairs   p99 old   p99 new
op                                regressed        514        514    514     514    981 µs    981 µs
    f: regressed
      14 calls, 2.72% of the keys; noise 0.00%; beyond noise at most 6.89%"""


def test_examples_are_shown():
    evidence = new_evidence()
    observe(evidence, 20, operation="op", shadow=["f"], secondary=[], key=None)
    told = card(evidence).explain()
    assert "      - old f\n      + new f" in told
    field = evidence.operations["op"].fields["f"]
    field.examples = (attrs.evolve(field.examples[0], primary=None),)
    assert "\n      + new f" in card(evidence).explain()
    assert "      - " not in card(evidence).explain()
    evidence.operations["op"].fields["$.f"] = evidence.operations["op"].fields.pop("f")
    assert "      - (absent)\n      + new f" in card(evidence).explain()
    late = attrs.evolve(field.examples[0], primary="x" * 250 + "old", shadow="x" * 250 + "new")
    field.examples = (late,)
    assert "xold\n      + xxx" in card(evidence).explain(width=40)
    field.examples = ()
    assert "new f" not in card(evidence).explain()


HOSTILE = "a\x1b[31mb\x00\x07\n\r\t\u202ec\u2028\ud800"


def test_what_comes_from_traffic_does_not_steer_the_terminal():
    evidence = new_evidence()
    observe(evidence, 20, operation=HOSTILE, shadow=[HOSTILE], secondary=[], key=None)
    observe(evidence, 5, operation=HOSTILE + "2")
    judged = card(evidence)
    for told in (str(judged), *judged.explain(width=60).split("\n"), *judged.explain(width=119).split("\n")):
        assert told.isprintable(), told
        told.encode()
    assert "\\u001b" in judged.explain()


@given(st.text(max_size=300), st.text(min_size=1, max_size=300), st.integers(40, 120))
def test_any_name_is_told_within_the_width(operation, field, width):
    evidence = new_evidence()
    observe(evidence, 15, operation=operation, shadow=[field], secondary=[], key=None)
    judged = card(evidence)
    for told in judged.explain(width=width).split("\n"):
        assert told.isprintable()
        assert len(told) <= width
    assert judged.operation(operation).fields[0].field == field


# ── whatever was counted ────────────────────────────────────────────────────────────────────────────────────────────

numbers = st.integers(0, 30) | st.integers(0, 10**12)


@tried(2)
@given(
    st.fixed_dictionaries(
        dict.fromkeys(
            ("matched", "differed", "only_shadow", "only_secondary", "both", "neither"),
            numbers,
        )
    ),
    st.builds(
        Objective,
        max_rate=st.sampled_from([1e-9, 0.001, 0.1, 0.999]),
        error_level=st.sampled_from([1e-12, 0.05, 0.99]),
        noise_margin=st.sampled_from([0, 0.25, 100.0]),
        min_keys=st.sampled_from([1, 5, 10**9]),
        max_p99_ratio=st.sampled_from([None, 1, 1.5]),
        fast_enough=st.sampled_from([0, 0.005]),
    ),
)
def test_any_counts_make_a_scorecard(counts, objective):
    """Numbers of thousands of millions too: no error, and fractions are fractions."""
    judged = scorecard(filled(**counts), objective)
    judged.explain()
    assert 0 <= judged.coverage <= 1
    for operation in judged.operations:
        assert operation.covered <= (operation.state is CLEAN)
        for field in operation.fields:
            assert 0 <= field.rate_beyond_noise <= 1
            assert 0 <= field.rate <= 1
            assert field.noise is None or 0 <= field.noise <= 1
            assert not math.isnan(field.log10_e_value)
            assert field.state is not CLEAN or field.rate_beyond_noise <= field.allowed
    assert (judged.decision is Decision.PROMOTE) <= (judged.coverage >= objective.min_coverage)


# ── how rarely it is wrong ──────────────────────────────────────────────────────────────────────────────────────────


def ever_regressed(chance, noise=0.2, fields=10, looks=20, calls=10):
    """An identical candidate, judged again and again while calls come in."""
    evidence = new_evidence()
    key = 0
    for _ in range(looks):
        for _ in range(calls):
            shadow, secondary = ([f"f {field}" for field in range(fields) if chance.random() < noise] for _ in range(2))
            observe(evidence, operation="op", shadow=shadow, secondary=secondary, key=key)
            key += 1
        if card(evidence).decision is Decision.REJECT:
            return True
    return False


def test_an_identical_candidate_is_hardly_ever_regressed():
    """Through the whole library, looked at often; `bench/evidence.py` does it a thousand times, without."""
    chance = random.Random(11)
    assert not any(ever_regressed(chance) for _ in range(10))


# ── a secondary that fails ──────────────────────────────────────────────────────────────────────────────────────────


def failing_secondary(fields):
    evidence = new_evidence()
    for number in range(300):
        observe(evidence, operation="op", shadow=fields, secondary=["failed"], key=number)
    return evidence


def test_a_secondary_that_fails_says_nothing_of_what_it_would_have_answered():
    """A field that is pure noise must not look as if only the new one differed."""
    judged = card(failing_secondary(["$.id"])).operation("op")
    by_name = {one.field: one for one in judged.fields}
    assert (by_name["$.id"].shadow_only, by_name["$.id"].pairs, by_name["$.id"].noise) == (0, 0, None)
    assert by_name["$.id"].state is DIFFERS
    assert (judged.pairs, by_name["failed"].pairs, by_name["failed"].secondary_only) == (0, 300, 300)


def test_a_secondary_that_always_fails_is_told():
    judged = card(failing_secondary([]))
    assert judged.decision is Decision.HOLD
    assert judged.reasons[0] == (
        "op: the secondary gives nothing to compare in 100% of its calls (failed), so the new one can't be judged there"
    )
    assert "op: a secondary that answers" in judged.missing


def test_a_shadow_that_fails_says_nothing_of_what_it_would_have_answered():
    evidence = new_evidence()
    observe(evidence, 300, operation="op", shadow=["failed"], secondary=["$.id"], key=0)
    by_name = {one.field: one for one in card(evidence).operation("op").fields}
    assert by_name.keys() == {"failed"}
    assert (by_name["failed"].shadow_only, by_name["failed"].state) == (300, REGRESSED)


def test_a_shadow_that_fails_as_often_as_the_secondary_is_no_regression():
    evidence = new_evidence()
    for number in range(4_000):
        sides = (["failed"], []) if number % 20 == 0 else ([], ["failed"]) if number % 20 == 1 else ([], [])
        observe(evidence, operation="op", shadow=sides[0], secondary=sides[1], key=number)
    (failed,) = card(evidence).operation("op").fields
    assert failed.state is UNVERIFIABLE  # in one of twenty, the secondary says nothing of that
    assert (failed.shadow_only, failed.secondary_only, failed.pairs) == (200, 200, 4_000)


def test_noise_that_is_allowed_for_is_told_in_the_reason():
    judged = card(filled(only_shadow=900, only_secondary=900, both=100, neither=8_100))
    assert judged.decision is Decision.PROMOTE
    first, second = judged.reasons
    assert first.endswith("no field differs beyond noise in more than 0.10% of the keys, but for noisy ones (1)")
    assert first in str(judged)
    assert second == "op: f is noisy (10.0%), and differs in at most 1.5% more (2.5% allowed)"


def test_what_is_acknowledged_and_was_never_seen_is_told():
    named = [Acknowledged("g"), Acknowledged("f", operation="other"), Acknowledged("f", operation="op")]
    notes = card(filled(only_shadow=3, neither=500), Objective(acknowledged=named)).notes
    assert "acknowledged, and never seen to differ: g" in notes
    assert "acknowledged, and never seen to differ: f of other" in notes
    assert not any(note.endswith("f of op") for note in notes)


def test_a_path_of_a_single_place_acknowledges_its_field():
    assert Acknowledged("$['items'][3]['unit price']") == Acknowledged("$.items[*]['unit price']")


def test_no_more_keys_differ_than_calls_do_or_keys_there_are():
    """Of both there is only an estimate, beyond some number."""
    evidence = new_evidence()
    for number in range(900):
        observe(evidence, operation="op", shadow=["f"], secondary=["f"], key=number)
    for calls in (900, 3_000):
        (field,) = card(evidence).operation("op").fields
        assert field.keys <= field.calls == calls
        assert field.rate == 1
        for number in range(900, 3_000):
            observe(evidence, operation="op", shadow=["f"], secondary=["f"], key=number)


def test_how_many_more_calls_a_p99_takes_is_told():
    evidence = new_evidence()
    for number in range(300):
        observe(evidence, operation="op", key=number, seconds=(0.1, 0.1))
    score = card(evidence, Objective(max_rate=0.05)).operation("op")
    assert (score.state, score.latency.state) == (CLEAN, TOO_FEW)
    for number in range(300, 300 + round(score.latency.calls_needed) + 10):
        observe(evidence, operation="op", key=number, seconds=(0.1, 0.1))
    judged = card(evidence, Objective(max_rate=0.05))
    assert judged.operation("op").latency.state is CLEAN
    assert judged.operation("op").latency.calls_needed is None


def test_calls_that_were_abandoned_are_not_covered():
    """Whom they took too long, or whose answers were too large, are not like the others."""
    evidence = filled(matched=5_000)
    assert card(evidence).coverage == 1
    evidence.operation("op").counts[Verdict.ABANDONED.slot] = 5_000
    judged = card(evidence)
    assert (judged.coverage, judged.decision) == (0.5, Decision.HOLD)
    assert "5,000 sampled calls abandoned (50.0%): what the new one would have answered is not known" in judged.notes


def test_a_secondary_that_fails_often_allows_no_failures():
    evidence = filled(field="failed", only_shadow=2_500, only_secondary=2_500, both=500, neither=4_500)
    (failed,) = card(evidence).operation("op").fields
    assert (failed.allowed, failed.state) == (0.001, UNVERIFIABLE)


def test_that_acknowledged_fields_hide_how_often_the_others_differ_together_is_told():
    noted = card(filled(differed=3, matched=500), Objective(acknowledged=["f"])).notes
    assert "some differences are acknowledged: how often the others differ together was not judged there" in noted


def test_counts_of_which_only_rounding_makes_all_can_be_judged():
    evidence = Evidence(Epoch())
    row = evidence.operation("")
    row.counts[0] = row.asked = row.pairs = 2**63 - 1
    row.anything.shadow_only = 2**62
    row.anything.secondary_only = 1
    row.fields["a"] = row.anything
    assert scorecard(evidence, Objective()).explain()


@pytest.mark.parametrize("noisy", [80, 85, 90, 94])
def test_a_candidate_that_is_always_wrong_in_a_noisy_field_is_not_promoted(noisy):
    evidence = Evidence(Epoch())
    row = evidence.operation("")
    wrong, right = (
        Observation(verdict=verdict, fields=fields, seconds=None)
        for verdict, fields in ((Verdict.DIVERGED, {"$.rank": ("1", "2")}), (Verdict.MATCHED, {}))
    )
    for number in range(6_000):
        row.counts[Verdict.DIVERGED.slot] += 1
        secondary = wrong if number % 100 < noisy else right
        evidence.observe(row, wrong, secondary, key=b"", key_hash=None, at=0.0, primary_seconds=None)
    assert scorecard(evidence, Objective(max_p99_ratio=None)).decision is Decision.REJECT


# ── an operation with an objective of its own ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("secondary", [None, []])
def test_what_an_operation_allows_more_of_is_no_noise(secondary):
    own = Objective(max_rate=0.01, max_p99_ratio=None)
    objective = Objective(max_p99_ratio=None, operations={"search": own})
    evidence = Evidence(Epoch(), objective=objective)
    observe(evidence, 1, operation="search", shadow=["f"], secondary=secondary, key=10**6)
    observe(evidence, 3_000, operation="search", secondary=secondary)
    observe(evidence, 6_000, operation="other", secondary=secondary)
    judged = scorecard(evidence, objective)
    assert judged.reasons == (
        "2 operations, 100.0% of the calls: no field differs beyond noise in more than 0.10% or 1.00% of the keys",
    )


def test_where_a_quantile_is_at_least_is_found_whatever_was_asked_before():
    chance = random.Random(3)
    histogram = Histogram()
    for _ in range(3_000):
        histogram.add(0.05 * math.exp(chance.gauss(0, 1)))
    asked = _Speed(histogram, histogram, Objective())
    for factor in (1.0, 100.0, 0.2, 3.0, 0.01, 1.0):
        assert asked._lower(0.99, factor) == _Speed(histogram, histogram, Objective())._lower(0.99, factor)


@pytest.mark.parametrize(
    ("shadow", "objective", "holds"),
    [
        (0.14, Objective(), True),
        (0.16, Objective(), False),
        (0.16, Objective(fast_enough=0.2), True),
        (0.14, Objective(max_p50_ratio=1.1), False),
    ],
)
def test_a_speed_holds_by_the_quantiles_themselves(shadow, objective, holds):
    sides = Histogram(), Histogram()
    for histogram, seconds in zip(sides, (0.1, shadow), strict=True):
        for _ in range(100):
            histogram.add(seconds)
    assert _Speed(*sides, objective).holds() is holds
