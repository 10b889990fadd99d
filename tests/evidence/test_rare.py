"""Rare operations, few keys, critical operations, and what was lost. Pure."""

from __future__ import annotations

import pytest

from trioshadow import Verdict
from trioshadow.evidence import (
    Acknowledged,
    Decision,
    Epoch,
    Evidence,
    FieldState,
    Objective,
    Observation,
    scorecard,
)

from tests.support.observed import fill, key_hash, new_evidence, observe

UNTIMED = Objective(max_p99_ratio=None)


def rare(number=30, calls=300, bad=0, seconds=0.001):
    evidence = new_evidence()
    fill(evidence, operation="often", matched=20_000)
    for one in range(number):
        fill(
            evidence,
            operation=f"rare {one}",
            matched=calls - bad * (one == 0),
            differed=bad * (one == 0),
            seconds=seconds,
        )
    return evidence


def test_rare_operations_are_judged_together():
    judged = scorecard(rare(), UNTIMED)
    assert (judged.coverage, judged.decision) == (1, Decision.PROMOTE)
    assert judged.operation("rare 3").pooled
    assert judged.operation("rare 3").covered
    assert judged.operation("rare 3").state is FieldState.TOO_FEW
    assert not judged.operation("often").pooled
    assert "30 rare operations were judged together, as one, and are clean" in judged.notes
    assert judged.not_covered == ()


def test_too_few_calls_of_all_of_them_are_too_few():
    judged = scorecard(rare(calls=100), UNTIMED)
    assert not judged.operation("rare 3").covered
    assert judged.decision is Decision.HOLD


def test_what_differs_in_one_of_them_speaks_against_all():
    judged = scorecard(rare(bad=30), UNTIMED)
    assert not any(operation.pooled for operation in judged.operations)
    assert judged.decision is not Decision.PROMOTE


def test_one_that_differs_by_more_than_is_allowed_is_not_covered_by_the_others():
    judged = scorecard(rare(number=100, bad=5), UNTIMED)
    assert judged.operation("rare 3").covered
    assert not judged.operation("rare 0").covered
    assert "rare 0: f differs" in judged.reasons[0]


@pytest.mark.parametrize("secondary", [None, []])
@pytest.mark.parametrize("calls", [1, 2, 15, 200])
def test_one_that_is_always_wrong_is_not_covered_by_the_others_however_few_its_calls_are(calls, secondary):
    evidence = Evidence(Epoch(), objective=UNTIMED)
    for number in range(80):
        observe(evidence, 200, operation=f"rare {number}", secondary=secondary, key=200 * number, at=1.0)
    observe(evidence, calls, operation="wrong", shadow=["f"], secondary=secondary, key=10**6, keys=1, at=1.0)
    judged = scorecard(evidence, UNTIMED)
    assert judged.operation("rare 3").pooled is (calls < 3)
    assert not judged.operation("wrong").covered
    assert judged.decision is not Decision.PROMOTE


def test_a_poll_that_is_wrong_too_often_is_not_covered_by_the_others():
    evidence = Evidence(Epoch(), objective=UNTIMED)
    for number in range(80):
        observe(evidence, 200, operation=f"rare {number}", key=200 * number, at=1.0)
    observe(evidence, 3_000, operation="poll", keys=3, key=10**6, at=1.0)
    observe(evidence, 15, operation="poll", shadow=["f"], keys=3, key=10**6, at=2.0)
    assert not scorecard(evidence, UNTIMED).operation("poll").pooled


def test_rare_operations_that_are_wrong_each_in_a_field_of_its_own_are_not_clean_together():
    evidence = Evidence(Epoch(), objective=UNTIMED)
    for number in range(100):
        observe(evidence, 200, operation=f"rare {number}", key=200 * number, at=1.0)
        if number % 3 == 0:
            observe(evidence, operation=f"rare {number}", shadow=[f"$.f{number}"], key=10**6 + number, at=2.0)
    judged = scorecard(evidence, UNTIMED)
    assert not any(operation.pooled for operation in judged.operations)


def test_rare_operations_whose_secondary_fails_where_they_are_wrong_are_not_clean_together():
    evidence = Evidence(Epoch(), objective=UNTIMED)
    for number in range(80):
        observe(evidence, 200, operation=f"rare {number}", secondary=[], key=200 * number, at=1.0)
        observe(evidence, operation=f"rare {number}", shadow=["f"], secondary=["failed"], key=10**6 + number, at=2.0)
    judged = scorecard(evidence, UNTIMED)
    assert not any(operation.pooled for operation in judged.operations)


def test_what_is_acknowledged_does_not_count_among_all_fields_of_the_rare():
    evidence = rare(number=60, bad=1)
    known = Objective(max_p99_ratio=None, acknowledged=["f"])
    assert scorecard(evidence, known).operation("rare 3").pooled


def test_one_that_differs_now_and_then_is():
    judged = scorecard(rare(number=60, bad=1), UNTIMED)
    assert judged.operation("rare 0").pooled
    assert judged.decision is Decision.PROMOTE
    assert judged.operation("rare 0").fields[0].state is FieldState.DIFFERS  # by itself nobody could say more


def test_a_rare_operation_that_is_slow_is_not_covered_by_the_others():
    evidence = Evidence(Epoch())
    for number in range(8):
        times = (0.01, 0.2) if number == 0 else (0.01, 0.01)
        for call in range(1_000):
            observe(evidence, operation=f"op {number}", key=1_000 * number + call, seconds=times, at=float(call))
    judged = scorecard(evidence, Objective())
    assert judged.operation("op 0").latency.state is FieldState.REGRESSED
    assert not judged.operation("op 0").covered
    assert not judged.operation("op 1").covered  # together their p99 is too long
    without = scorecard(evidence, UNTIMED)
    assert without.operation("op 1").pooled


# ── few keys ────────────────────────────────────────────────────────────────────────────────────────────────────────


def polled(keys, minutes, calls=10_000, shadow=(), wrong=0):
    evidence = new_evidence()
    for number in range(calls):
        differs = shadow if number % keys < wrong else ()
        observe(
            evidence,
            operation="GET /config",
            shadow=differs,
            secondary=[],
            key=number % keys,
            at=60.0 * number * minutes / calls,
        )
    return scorecard(evidence, UNTIMED)


def test_one_url_that_is_polled_becomes_clean():
    judged = polled(1, 30)
    assert judged.decision is Decision.PROMOTE
    assert judged.operation("GET /config").few_keys
    assert "GET /config: 1 key in 10,000 calls: judged by its calls, over blocks of time" in judged.notes


def test_but_not_within_a_few_minutes():
    judged = polled(1, 5)
    assert judged.decision is Decision.HOLD
    assert judged.missing == ("GET /config: calls over about 6 more blocks of time",)


def test_and_not_after_a_few_calls():
    (told,) = polled(2, 30, calls=2_000).missing
    assert told.startswith("GET /config: about 2,")
    assert told.endswith(" more calls")


def test_one_key_of_few_that_is_wrong_is_seen():
    judged = polled(20, 30, shadow=["f"], wrong=1)
    assert judged.decision is not Decision.PROMOTE
    assert judged.operation("GET /config").fields[0].state in (FieldState.DIFFERS, FieldState.REGRESSED)


def test_what_few_keys_showed_is_not_kept_for_many():
    """One poll at first, then customers, of whom one in twenty gets a wrong answer."""
    evidence = new_evidence()
    for number in range(8_000):
        observe(evidence, operation="op", secondary=[], shadow=["f"] if number in (5, 9) else (), key=0, at=number / 2)
    assert scorecard(evidence, UNTIMED).operation("op").few_keys
    for number in range(3_000):
        differs = ["f"] if number % 20 == 0 else ()
        observe(evidence, operation="op", secondary=[], shadow=differs, key=1 + number, at=4_000 + number / 2)
        if number % 100 == 99:
            assert scorecard(evidence, UNTIMED).decision is not Decision.PROMOTE


def test_keys_that_hardly_came_are_not_few():
    judged = polled(80, 30, calls=2_000)
    assert not judged.operation("GET /config").few_keys
    assert judged.decision is Decision.HOLD


# ── critical operations ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_critical_operation_must_be_covered():
    objective = Objective(max_p99_ratio=None, operations={"POST /pay": Objective(max_p99_ratio=None, max_rate=0.01)})
    evidence = new_evidence()
    fill(evidence, operation="often", matched=50_000)
    never = scorecard(evidence, objective)
    assert never.decision is Decision.HOLD
    assert "POST /pay: critical, and not covered yet" in never.reasons
    fill(evidence, operation="POST /pay", matched=100)
    assert scorecard(evidence, objective).decision is Decision.HOLD
    fill(evidence, operation="POST /pay", matched=350)
    assert scorecard(evidence, objective).decision is Decision.PROMOTE
    assert scorecard(evidence, objective).operation("POST /pay").covered


def test_a_critical_operation_is_not_judged_with_rare_ones():
    objective = Objective(max_p99_ratio=None, operations={"rare 3": Objective(max_p99_ratio=None)})
    judged = scorecard(rare(), objective)
    assert not judged.operation("rare 3").pooled
    assert judged.decision is Decision.HOLD


# ── what was lost because of the candidate ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cause", "told"),
    [("breaker", "while the breaker was open"), ("in_flight", "since legs in flight left no room")],
)
def test_what_was_lost_because_of_the_candidate_leaves_the_operation_uncovered(cause, told):
    evidence = new_evidence()
    fill(evidence, matched=10_000)
    row = evidence.operations["op"]
    row.lost[cause] = 10
    row.counts[Verdict.PAUSED.slot] = 10
    assert scorecard(evidence, UNTIMED).decision is Decision.PROMOTE
    row.lost[cause] = row.counts[Verdict.PAUSED.slot] = 11
    judged = scorecard(evidence, UNTIMED)
    assert judged.decision is Decision.HOLD
    assert judged.coverage == 0
    assert judged.operation("op").lost == {cause: 11}
    expected = f"op: 11 sampled calls (0.1%) not compared: 11 {told}"
    assert judged.reasons[0] == expected
    assert expected in judged.not_covered


def test_what_one_rare_operation_lost_does_not_hold_all_the_others():
    evidence = new_evidence()
    fill(evidence, matched=100_000)
    fill(evidence, operation="rare", matched=50)
    evidence.operations["rare"].lost["breaker"] = evidence.operations["rare"].counts[Verdict.PAUSED.slot] = 1
    judged = scorecard(evidence, UNTIMED)
    assert judged.decision is Decision.PROMOTE
    assert not judged.operation("rare").covered
    told = "rare: 1 sampled call (2.0%) not compared: 1 while the breaker was open"
    assert told in judged.not_covered
    critical = Objective(max_p99_ratio=None, operations={"rare": Objective(max_p99_ratio=None)})
    assert scorecard(evidence, critical).decision is Decision.HOLD


def overdue(calls, *, of=1_000, primary=3.0, verdict=Verdict.TIMED_OUT, evidence=None):
    """So many calls in which the shadow's deadline of 2 s passed, of so many in all."""
    evidence = new_evidence() if evidence is None else evidence
    row = evidence.operation("op")
    fields = {"timed out": (None, "Timeout: 2 s")} if verdict is Verdict.TIMED_OUT else {}
    for number in range(of):
        late = number < calls
        side = Observation(
            verdict=verdict if late else Verdict.MATCHED, fields=fields if late else {}, seconds=2.0 if late else 0.01
        )
        row.counts[side.verdict.slot] += 1
        seconds = primary if late else 0.01
        evidence.observe(row, side, None, key=b"", key_hash=key_hash(number), at=float(number), primary_seconds=seconds)
    return evidence


@pytest.mark.parametrize("primary", [2.0, 3.0])
def test_a_deadline_that_the_primary_would_not_have_kept_is_nobodys_timeout(primary):
    judged = scorecard(overdue(300, of=10_000, primary=primary), UNTIMED)
    assert judged.decision is Decision.HOLD
    row = judged.operation("op")
    assert (row.overdue, row.compared, row.calls, row.fields) == (300, 9_700, 10_000, ())
    told = "op: 300 sampled calls (3.0%) not compared: the old one took longer itself than the new one may"
    assert judged.reasons[0] == told
    assert "op: a longer deadline for the new one (shadow_timeout)" in judged.missing


def test_a_deadline_that_the_primary_kept_is_the_shadows():
    for evidence in (overdue(300, of=10_000, primary=1.9), overdue(300, of=10_000, primary=None)):
        (field,) = scorecard(evidence, UNTIMED).operation("op").fields
        assert (field.field, field.calls, field.state) == ("timed out", 300, FieldState.REGRESSED)


def test_few_such_calls_do_no_harm_and_are_added_up():
    one, other = overdue(3, of=10_000), overdue(4, of=10_000)
    assert scorecard(one, UNTIMED).decision is Decision.PROMOTE
    merged = Evidence.merge([one, Evidence.from_dict(other.to_dict(0.0))])
    assert merged.operations["op"].overdue == 7
    assert scorecard(merged, UNTIMED).operation("op").compared == 19_993


def test_an_operation_that_never_keeps_the_deadline_is_not_compared():
    judged = scorecard(overdue(50, of=50), UNTIMED)
    assert judged.operation("op").compared == 0
    assert judged.decision is Decision.HOLD


def test_what_the_legs_left_no_room_for_asks_for_room_too():
    evidence = new_evidence()
    fill(evidence, matched=1_000)
    evidence.operations["op"].lost["in_flight"] = 100
    assert (
        "op: a candidate that can take these calls, or a larger max_in_flight" in scorecard(evidence, UNTIMED).missing
    )


def test_what_was_paused_by_choice_is_not_the_candidates():
    evidence = new_evidence()
    fill(evidence, matched=10_000)
    evidence.operations["op"].counts[Verdict.PAUSED.slot] = 5_000
    judged = scorecard(evidence, UNTIMED)
    assert judged.decision is Decision.PROMOTE
    assert "5,000 sampled calls paused (33.3%): taken to be like the others" in judged.notes


# ── what is acknowledged ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("field", ["status", "error", "failed", "timed out", "$"])
def test_a_whole_answer_that_mostly_differs_can_not_be_acknowledged_away(field):
    objective = Objective(max_p99_ratio=None, acknowledged=[Acknowledged(field)])
    for differed, decision in ((2_400, Decision.PROMOTE), (2_600, Decision.HOLD)):
        evidence = new_evidence()
        fill(evidence, field=field, matched=5_000 - differed, differed=differed)
        judged = scorecard(evidence, objective)
        assert judged.decision is decision
    assert "it is acknowledged, and then nothing else of these answers is compared" in judged.reasons[0]
    assert "acknowledge" not in judged.missing[0]


def test_what_was_rare_when_it_was_acknowledged_and_is_always_so_now_is_not_promoted():
    """Exports fail in 1 %, which is known. Then the candidate is dead."""
    objective = Objective(max_p99_ratio=None, acknowledged=["failed"])
    evidence = Evidence(Epoch(), objective=objective)
    for call in range(20_000):
        observe(evidence, operation="op", shadow=["failed"] if call % 100 == 0 else [], key=call, at=float(call))
    assert scorecard(evidence, objective).decision is Decision.PROMOTE
    for call in range(20_000, 20_050):
        observe(evidence, operation="op", shadow=["failed"], key=call, at=float(call))
        judged = scorecard(evidence, objective)
        assert judged.decision is (Decision.PROMOTE if call < 20_049 else Decision.HOLD)
    assert judged.reasons[0].startswith("op: failed differs in each of the last 50 calls; it is acknowledged, but ")
    assert "acknowledge" not in judged.missing[0]
    for again in (Evidence.from_dict(evidence.to_dict(0.0)), Evidence.merge([evidence])):
        assert scorecard(again, objective).reasons == judged.reasons
        assert Evidence.from_dict(again.to_dict(0.0)).to_dict(0.0) == again.to_dict(0.0)
    after = Evidence(evidence.epoch, objective=objective)
    observe(after, 10, operation="op", key=10**7, at=30_000.0)
    for parts in ([evidence, after], [after, evidence]):  # the one that came last is alive
        assert scorecard(Evidence.merge(parts), objective).decision is Decision.PROMOTE
    observe(evidence, operation="op", key=10**6, at=20_050.0)
    assert scorecard(evidence, objective).decision is Decision.PROMOTE


def test_a_whole_answer_that_differs_in_most_calls_of_few_keys_can_not_be_acknowledged_away():
    objective = Objective(max_p99_ratio=None, acknowledged=["$"])
    evidence = Evidence(Epoch(), objective=objective)
    observe(evidence, 6_000, operation="op", shadow=["$"], keys=20)
    observe(evidence, 5_000, operation="op", key=100)
    judged = scorecard(evidence, objective)
    assert judged.operation("op").fields[0].rate < 0.01
    assert judged.decision is Decision.HOLD
    assert "it is acknowledged, and then nothing else of these answers is compared" in judged.reasons[0]


def test_what_is_acknowledged_is_left_out_of_what_promote_says():
    objective = Objective(max_p99_ratio=None, acknowledged=["f"])
    evidence = new_evidence()
    fill(evidence, matched=9_000, differed=1_000)
    told = scorecard(evidence, objective).reasons[0]
    assert told.endswith("in more than 0.10% of the keys, but for acknowledged ones (1)")


def test_what_was_lost_stands_first():
    evidence = new_evidence()
    fill(evidence, matched=10_000, differed=1)
    evidence.operations["op"].lost["breaker"] = evidence.operations["op"].counts[Verdict.PAUSED.slot] = 1_000
    fill(evidence, operation="other", matched=500, differed=50)
    judged = scorecard(evidence, UNTIMED)
    assert judged.reasons[0] == "op: 1,000 sampled calls (9.1%) not compared: 1,000 while the breaker was open"
    assert "other: regressed: f" in " ".join(judged.reasons[1:])


@pytest.mark.parametrize("field", ["anything", "(other fields)", "more changes"])
def test_all_fields_as_one_that_mostly_differ_can_not_be_acknowledged_away(field):
    objective = Objective(max_p99_ratio=None, acknowledged=[Acknowledged(field)])
    evidence = new_evidence()
    fill(evidence, field=field, matched=2_000, differed=3_000)
    assert scorecard(evidence, objective).decision is Decision.HOLD


def test_what_is_acknowledged_and_nearly_always_so_is_said_first():
    objective = Objective(max_p99_ratio=None, acknowledged=["$.version"])
    evidence = new_evidence()
    fill(evidence, field="$.version", matched=100, differed=9_900)
    judged = scorecard(evidence, objective)
    assert judged.decision is Decision.PROMOTE
    assert judged.reasons[1] == "op: $.version differs for 99.00% of the keys (about 9,900); acknowledged"


def test_promote_tells_the_failures_that_it_allows():
    evidence = new_evidence()
    fill(evidence, field="failed", matched=99_970, differed=30)
    judged = scorecard(evidence, UNTIMED)
    assert judged.decision is Decision.PROMOTE
    assert "op: the new one failed in 30 calls of 100,000, which is allowed" in judged.reasons
