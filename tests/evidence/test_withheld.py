"""What was withheld from a side: it is counted apart, says nothing of either side, and forbids a PROMOTE. Pure."""

from __future__ import annotations

import json

import pytest

from trioshadow.evidence import Acknowledged, Decision, Evidence, FieldState, Objective, scorecard
from trioshadow.evidence._withheld_tally import SORTS, WithheldTally

from tests.support.observed import REMEDY, fill, new_evidence, observe

UNTIMED = Objective(max_p99_ratio=None)


def card(evidence, objective=UNTIMED):
    return scorecard(evidence, objective)


def refused(calls, **more):
    evidence = new_evidence()
    observe(evidence, calls, operation="GET /me", shadow=["status", "body"], withheld=("cookie",), **more)
    return evidence


def test_a_call_whose_credentials_were_withheld_is_no_difference_no_key_and_no_toss():
    evidence = refused(40, secondary=[])
    row = evidence.operations["GET /me"]
    assert (row.fields, row.anything.weight, row.keys.estimate, row.asked, row.pairs) == ({}, 0, 0, 0, 0)
    assert (row.primary_seconds.total, row.shadow_seconds.total, row.secondary_seconds.total) == (0, 0, 0)
    assert (row.calls, row.compared, row.withheld.calls, row.secondary_withheld.calls) == (40, 0, 40, 0)
    score = card(evidence).operation("GET /me")
    assert (score.compared, score.settled, score.withheld, score.fields) == (0, 40, 40, ())


def test_the_first_line_of_a_scorecard_says_what_was_missing_and_how_to_send_it():
    found = card(refused(40))
    assert found.decision is Decision.HOLD
    assert found.reasons[0] == (
        "GET /me: 40 of 40 calls reached the new one without cookie, and were refused (401, 403 or a login): nothing "
        "was compared in them. To send what is missing: --forward-credential cookie"
    )
    assert found.missing[0] == "GET /me: cookie for the new one: --forward-credential cookie"
    (one,) = found.withheld
    assert (one.operation, one.side, one.headers, one.remedy) == ("GET /me", "shadow", ("cookie",), REMEDY)
    assert (one.calls, one.of, one.forbids) == (40, 40, True)
    text = found.explain()
    assert text.splitlines()[1].startswith("  - GET /me: 40 of 40 calls")
    assert "never compared (40 withheld)" in text
    assert "GET /me       withheld" in text


def test_it_stands_before_what_else_holds_the_decision():
    evidence = refused(40)
    fill(evidence, operation="GET /", differed=3, matched=5_000)
    found = card(evidence)
    assert ["without cookie" in reason for reason in found.reasons[:2]] == [True, False]
    assert ["cookie for the new one" in text for text in found.missing[:2]] == [True, False]


def test_no_acknowledgement_promotes_what_was_never_seen():
    objective = Objective(
        max_p99_ratio=None, min_coverage=0, acknowledged=[Acknowledged(name) for name in ("status", "body", "error")]
    )
    evidence = refused(1_000)
    fill(evidence, operation="GET /", matched=100_000)
    assert card(evidence, objective).decision is Decision.HOLD
    without = new_evidence()
    fill(without, operation="GET /", matched=100_000)
    assert card(without, objective).decision is Decision.PROMOTE


@pytest.mark.parametrize(("calls", "decision"), [(10, Decision.PROMOTE), (11, Decision.HOLD)])
def test_a_trace_of_withheld_calls_forbids_nothing_and_is_noted(calls, decision):
    """In 10,000 calls at most ten may differ, and as many may be missing."""
    evidence = refused(calls)
    fill(evidence, operation="GET /me", matched=10_000 - calls)
    found = card(evidence)
    assert found.decision is decision
    (one,) = found.withheld
    assert (one.calls, one.of, one.forbids) == (calls, 10_000, decision is Decision.HOLD)
    assert any("reached the new one without cookie" in note for note in found.notes) is (decision is Decision.PROMOTE)
    assert found.operation("GET /me").state is FieldState.CLEAN


def test_how_many_may_be_withheld_is_said_by_the_operations_own_objective():
    own = Objective(max_rate=0.01, max_p99_ratio=None)
    for objective, decision in (
        (Objective(max_p99_ratio=None), Decision.HOLD),
        (Objective(max_p99_ratio=None, operations={"GET /me": own}), Decision.PROMOTE),
    ):
        evidence = refused(50)
        fill(evidence, operation="GET /me", matched=9_950)
        assert card(evidence, objective).decision is decision


def test_a_secondary_without_credentials_gives_no_pair_and_forbids_a_promotion():
    evidence = new_evidence()
    observe(
        evidence, 6_000, operation="op", shadow=["f"], secondary=["f", "status"], secondary_withheld=("authorization",)
    )
    observe(evidence, 6_000, operation="op", key=6_000)
    row = evidence.operations["op"]
    assert (row.compared, row.asked, row.pairs, row.secondary_withheld.calls) == (12_000, 0, 0, 6_000)
    assert row.fields["f"].differed == 6_000
    assert "status" not in row.fields
    found = card(evidence, Objective(max_p99_ratio=None, acknowledged=["f"]))
    assert found.decision is Decision.HOLD
    assert found.reasons[0].startswith("op: 6,000 of 6,000 calls reached the secondary without authorization, and")
    assert found.missing[0] == "op: authorization for the secondary: --forward-credential cookie"
    assert found.operation("op").secondary_withheld == 6_000


def test_both_sides_of_a_call_can_lack_credentials():
    evidence = refused(3, secondary=["status"], secondary_withheld=("authorization", "cookie"))
    sides = [(one.side, one.headers, one.calls) for one in card(evidence).withheld]
    assert sides == [("shadow", ("cookie",), 3), ("secondary", ("authorization", "cookie"), 3)]
    assert "without authorization and cookie, and were refused" in card(evidence).reasons[1]


def test_what_rejects_a_candidate_stands_first_and_what_was_withheld_beside_it():
    evidence = refused(1_000)
    for operation in ("a", "b"):
        fill(evidence, operation=operation, only_shadow=500, neither=500, blocks=20)
    found = card(evidence)
    assert found.decision is Decision.REJECT
    assert ["f differs" in reason for reason in found.reasons] == [True, False, True]
    assert found.reasons[1].startswith("GET /me: 1,000 of 1,000 calls reached the new one without cookie")


def test_withheld_calls_are_not_covered():
    evidence = new_evidence()
    fill(evidence, operation="op", matched=9_000)
    observe(evidence, 1_000, operation="op", shadow=["status"], withheld=("cookie",))
    assert card(evidence).coverage == pytest.approx(0.9)


def test_operations_with_the_same_fault_are_one_sentence():
    evidence = new_evidence()
    for number in range(5):
        observe(evidence, 2 + number, operation=f"op {number}", shadow=["status"], withheld=("cookie",))
    found = card(evidence)
    assert sum("without cookie" in reason for reason in found.reasons) == 1
    assert found.reasons[0].startswith("op 4, op 3, op 2 and 2 more operations: 20 of 20 calls reached")
    assert len(found.withheld) == 5
    observe(evidence, 1, shadow=["status"], withheld=("cookie",))
    assert "3 more operations: 21 of 21" in card(evidence).reasons[0]
    unnamed = new_evidence()
    observe(unnamed, 1, shadow=["status"], withheld=("cookie",))
    assert card(unnamed).reasons[0].startswith("(unnamed): 1 of 1 call reached")


def test_without_a_remedy_only_the_fact_is_said():
    """Of those that there was no room for."""
    evidence = new_evidence()
    row = evidence.operation("op")
    for number in range(SORTS + 3):
        observe(evidence, 1, operation="op", shadow=["status"], withheld=(f"x-{number}-token",))
    assert (row.withheld.calls, len(row.withheld.sorts())) == (SORTS + 3, SORTS + 1)
    assert row.withheld.sorts()[0] == ((), "", 3)
    found = card(evidence)
    assert found.reasons[0] == (
        "op: 3 of 19 calls reached the new one without other credentials, and were refused (401, 403 or a login): "
        "nothing was compared in them"
    )
    assert found.missing[0] == "op: other credentials for the new one"
    assert all(one.forbids for one in found.withheld)


@pytest.mark.parametrize("matched", [0, 10**7])
def test_there_are_so_many_sentences_and_no_more(matched):
    evidence = new_evidence()
    for number in range(10):
        observe(evidence, 1, operation=f"op {number}", shadow=["status"], withheld=(f"x-{number}-token",))
        if matched:
            fill(evidence, operation=f"op {number}", matched=matched)
    found = card(evidence)
    told = [text for text in (found.notes if matched else found.reasons) if "credentials" in text or "token" in text]
    assert len(told) == 7
    assert told[-1] == "4 more calls lacked yet other credentials"
    assert len(found.withheld) == 10


def test_counts_are_merged_and_survive_a_snapshot():
    parts = [refused(7, secondary=[]), refused(5, secondary=["status"], secondary_withheld=("x-api-key",))]
    merged = Evidence.merge(parts)
    assert (merged.operations["GET /me"].withheld.calls, merged.operations["GET /me"].compared) == (12, 0)
    read = Evidence.from_dict(json.loads(json.dumps(merged.to_dict(1.0))))
    assert card(read).withheld == card(merged).withheld
    assert [one.calls for one in card(read).withheld] == [12, 5]


def test_a_note_says_that_there_is_no_pair_where_the_secondary_was_asked():
    evidence = refused(3, secondary=[])
    assert card(evidence).notes[0].startswith("no secondary: every difference counts")
    evidence.operations["GET /me"].secondary_counts[0] += 3
    assert card(evidence).notes[0].startswith("no pair with the secondary: every difference counts")


@pytest.mark.parametrize(
    "data",
    [
        *({}, None, "text", [1], [{}], [{"headers": "cookie", "remedy": "", "calls": 1}]),
        [{"headers": [1], "remedy": "", "calls": 1}],
        [{"headers": [], "remedy": None, "calls": 1}],
        [{"headers": [], "remedy": "", "calls": -1}],
    ],
    ids=str,
)
def test_what_is_no_tally_is_refused(data):
    with pytest.raises((TypeError, ValueError, KeyError)):
        WithheldTally.from_list(data)


def test_what_is_read_of_a_tally_is_bounded():
    tally = WithheldTally.from_list([{"headers": ["x" * 999] * 99, "remedy": "r" * 9_999, "calls": 1}])
    ((headers, remedy, calls),) = tally.sorts()
    assert (len(headers), len(headers[0]), len(remedy), calls) == (8, 64, 400, 1)


def test_more_withheld_calls_than_verdicts_are_refused():
    data = refused(2).to_dict(1.0)
    data["operations"]["GET /me"]["withheld"][0]["calls"] = 3
    with pytest.raises(ValueError, match="more calls were withheld, or overdue, than have a verdict"):
        Evidence.from_dict(data)
