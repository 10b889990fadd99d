"""Latencies of two sides that were not timed alike are shown and not judged. Pure."""

from __future__ import annotations

import json

import pytest

from trioshadow.evidence import Decision, Evidence, FieldState, Objective, scorecard

from tests.support.observed import key_hash, new_evidence, observe, side

LAX = Objective(max_rate=0.05)


def evidence_of(timed, *, contended=0, unlike=0, seconds=(0.01, 0.5), cpu=(None, None), queued=None, operation="op"):
    """Calls of which so many are contended, and so many unlike, and whose shadow is far too slow."""
    evidence = new_evidence()
    row = evidence.operation(operation)
    shadow = side(seconds=seconds[1])
    shadow = type(shadow)(
        verdict=shadow.verdict, fields={}, seconds=seconds[1], cpu_seconds=cpu[1], queued_seconds=queued
    )
    for number in range(timed):
        row.counts[shadow.verdict.slot] += 1
        evidence.observe(
            row,
            shadow,
            None,
            key=b"",
            key_hash=key_hash(number),
            at=0.0,
            primary_seconds=seconds[0],
            primary_cpu_seconds=cpu[0],
            contended=number < contended,
            unlike=number < unlike,
        )
    return evidence


@pytest.mark.parametrize("cause", ["contended", "unlike"])
@pytest.mark.parametrize(
    ("timed", "badly", "judged"), [(100, 5, True), (100, 6, False), (2_000, 10, True), (2_000, 11, False)]
)
def test_latency_is_judged_unless_half_of_the_p99_may_be_badly_timed(cause, timed, badly, judged):
    latency = scorecard(evidence_of(timed, **{cause: badly}), LAX).operation("op").latency
    assert latency.judged is judged
    assert (latency.state is FieldState.CLEAN) is not judged


def test_what_is_not_judged_neither_rejects_nor_holds_and_is_noted():
    card = scorecard(evidence_of(1_000, contended=1_000), LAX)
    assert card.decision is Decision.PROMOTE
    assert card.operation("op").covered
    assert card.operation("op").latency.ratio == pytest.approx(50, rel=0.1)
    assert card.notes[1] == (
        "op: its latency is not judged: in threads, waiting for the interpreter drowns the rest; a ProcessBackend does "
        "not wait for it"
    )
    assert "    latency not judged" in card.explain()
    assert scorecard(evidence_of(3_000), LAX).decision is Decision.REJECT


def test_nothing_is_said_of_it_where_latency_was_not_asked_for():
    card = scorecard(evidence_of(1_000, contended=1_000), Objective(max_rate=0.05, max_p99_ratio=None))
    assert not [note for note in card.notes if "judged" in note]


def test_an_operation_that_is_not_judged_lends_no_other_one_its_wealth():
    """It would be a discovery, and with one the next needs half as much."""
    evidence = evidence_of(5_000, contended=5_000)
    observe(evidence, 4_000, operation="other", seconds=(0.01, 0.01))
    seen = set()
    for _ in range(130):
        observe(evidence, operation="other", seconds=(0.01, 0.5))
        states = []
        for contended in (5_000, 0):
            evidence.operations["op"].contended = contended
            states.append(scorecard(evidence, LAX).operation("other").latency.state)
        seen.add(tuple(states))
    assert seen == {
        (FieldState.CLEAN, FieldState.CLEAN),
        (FieldState.TOO_FEW, FieldState.TOO_FEW),
        (FieldState.TOO_FEW, FieldState.REGRESSED),
        (FieldState.REGRESSED, FieldState.REGRESSED),
    }


def test_promote_says_nothing_of_speed_where_none_was_judged():
    assert "slower" not in scorecard(evidence_of(1_000, contended=1_000), LAX).reasons[0]


def test_promote_says_that_none_is_slower_where_some_were_judged():
    card = scorecard(evidence_of(1_000, seconds=(0.01, 0.01)), LAX)
    assert card.decision is Decision.PROMOTE
    assert "none is slower than allowed" in card.reasons[0]


def test_cpu_and_queue_are_shown_where_they_are_known():
    latency = scorecard(evidence_of(100, cpu=(0.002, 0.003), queued=0.25), LAX).operation("op").latency
    assert latency.cpu_p50 == latency.cpu_p99 == (pytest.approx(0.002, rel=0.05), pytest.approx(0.003, rel=0.05))
    assert latency.queued_p99 == pytest.approx(0.25, rel=0.05)
    told = scorecard(evidence_of(100, cpu=(None, 0.003)), LAX).explain()
    assert "    own CPU p99 - old, 3 ms new" in told
    assert "queued" not in told
    assert "    queued p99 251 ms" in scorecard(evidence_of(100, queued=0.25), LAX).explain()


@pytest.mark.parametrize("width", [40, 61, 80])
def test_no_line_is_wider_than_asked(width):
    card = scorecard(evidence_of(100, contended=100, cpu=(0.002, 0.003), queued=0.25), LAX)
    assert max(map(len, card.explain(width=width).splitlines())) <= width


def test_who_has_hardly_waited_is_not_told_to_have_queued():
    assert "queued" not in scorecard(evidence_of(100, queued=0.00005), LAX).explain()


def test_of_the_old_one_alone_the_note_has_its_own_cpu():
    (note,) = [note for note in scorecard(evidence_of(9, contended=9, cpu=(0.02, None)), LAX).notes if "judged" in note]
    assert "(own CPU p99: the old one's 20.3 ms)" in note


def test_snapshots_and_sums_have_them():
    evidence = evidence_of(7, contended=3, unlike=2, cpu=(0.002, 0.003), queued=0.25)
    read = Evidence.from_dict(json.loads(json.dumps(evidence.to_dict(until=0.0))))
    row = Evidence.merge([evidence, read]).operations["op"]
    assert (row.contended, row.unlike) == (6, 4)
    for histogram in (row.primary_cpu_seconds, row.shadow_cpu_seconds, row.queued_seconds):
        assert histogram.total == 14
