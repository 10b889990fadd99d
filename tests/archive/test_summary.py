"""What a report is made of: archives read once, differences put together, the epoch that it is about. Files in a
temporary folder, no server.
"""

from __future__ import annotations

import random

import attrs
import pytest

from trioshadow import Capture, Divergence, DivergenceRecord, FailureKind, ShadowFailure, Verdict
from trioshadow.archive import ProblemKind, UnknownEpochError, summarize
from trioshadow.archive._lines import record_line, snapshot_line
from trioshadow.archive._reading import differences as _differences
from trioshadow.evidence import Acknowledged, Decision, Epoch, Evidence, Objective

from tests.support.archives import SNAPSHOT, answers, captured, record, shadowed, writer, written

OBJECTIVE = Objective()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shadow.jsonl"


def summary(*paths, objective=OBJECTIVE, **more):
    return summarize(*paths, objective=objective, **more)


def told(differences):
    return [(one.calls, one.fields, one.explained) for one in differences]


def body(document: str):
    return document.encode()


def of(number, *, price="1", node="1"):
    old = answers(body('{"price": 1, "node": 1}'), b"")[0]
    new = answers(b"", body(f'{{"price": {price}, "node": {node}}}'))[1]
    return record(b"key-%d" % number, old=old, new=new, epoch="e1")


# ── differences ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_operation_with_the_same_fields_is_one_difference(path):
    written(path, *(of(number, price=str(number + 2)) for number in range(5)), of(5, node="2"), of(6, price=9, node=9))
    differences = summary(path).differences
    assert told(differences) == [(5, ("$.price",), False), (1, ("$.node",), False), (1, ("$.price", "$.node"), False)]
    (price, _, _) = differences
    assert [place.shadow for one in price.instances for place in one.places] == ["2", "3", "4"]
    assert price.instances[0].key == "key-0"


def test_examples_are_not_alike(path):
    written(path, *(of(number, price="2") for number in range(4)), of(4, price="3"))
    (price,) = summary(path).differences
    assert price.calls == 5
    assert [one.places[0].shadow for one in price.instances] == ["2", "3"]


def test_noise_does_not_tell_one_difference_from_another(path):
    dice = random.Random(1)

    def answer(number):
        return {"price": 1, "node": dice.randrange(3)}

    def new(number):
        return {**answer(number), "price": 2 if number % 5 == 0 else 1}

    shadowed(path, 600, answer, new, answer)
    found = summary(path)
    assert found.scorecard.decision is Decision.REJECT
    first, noise = found.differences
    assert (first.fields, first.explained, first.calls) == (("$.price",), False, 120)
    assert (noise.fields, noise.explained) == (("$.node",), True)
    assert first.calls + noise.calls == found.records


def test_the_purest_examples_are_shown_though_others_came_earlier():
    differences = _differences.Differences()
    for number, node in enumerate((3, 4, 5, 1)):
        differences.take(of(number, price=number + 2, node=node))
    (one,) = differences.of("e1", lambda operation, field: field == "$.node")
    assert (one.fields, one.calls) == (("$.price",), 4)
    assert [instance.key for instance in one.instances] == ["key-3", "key-0", "key-1"]


def test_what_can_not_be_judged_is_not_explained(path):
    numbers = iter(range(10_000))
    shadowed(
        path, 100, lambda n: {"at": next(numbers)}, lambda n: {"at": next(numbers)}, lambda n: {"at": next(numbers)}
    )
    found = summary(path)
    assert found.scorecard.decision is Decision.HOLD
    assert told(found.differences) == [(100, ("$.at",), False)]


def test_what_is_acknowledged_is_explained(path):
    shadowed(path, 300, lambda number: 1, lambda number: 1 if number % 3 else 2)
    assert [one.explained for one in summary(path).differences] == [False]
    objective = Objective(acknowledged=[Acknowledged("$", reason="agreed")])
    assert [one.explained for one in summary(path, objective=objective).differences] == [True]


def test_places_are_told_as_explain_tells_them(path):
    old, new = answers(b'{"a": [1, 2], "b": "x"}', b'{"a": [1], "b": "y", "c": null}')
    new = attrs.evolve(new, status=500).with_header("x-new", "yes")
    written(path, record(old=old, new=new))
    (one,) = summary(path).differences
    assert [attrs.astuple(place) for place in one.instances[0].places] == [
        ("status", "", "200", "500"),
        ("headers", "header x-new (added)", None, "yes"),
        ("body (json): 3 changes", "$.a[1] (removed)", "2", None),
        ("body (json): 3 changes", "$.b", '"x"', '"y"'),
        ("body (json): 3 changes", "$.c (added)", None, "null"),
    ]


def test_a_remark_is_a_place_without_sides(path):
    old = {f"m{number}": 1 for number in range(9)}
    written(path, record(old=old, new=dict.fromkeys(old, 2), max_changes=2))
    places = summary(path).differences[0].instances[0].places
    assert [(place.where, place.primary) for place in places] == [
        ("$.m0", "1"),
        ("$.m1", "1"),
        ("and 7 more changes", None),
    ]


def test_of_very_many_places_the_first_are_kept_and_the_others_counted(path):
    old = {f"m{number}": 1 for number in range(90)}
    written(path, record(old=old, new=dict.fromkeys(old, 2)))
    (one,) = summary(path).differences
    assert len(one.fields) == 20
    (instance,) = one.instances
    assert len(instance.places) == 30
    assert instance.more == 60


def test_failures_are_told_with_the_shadows_side_alone(path):
    failure = ShadowFailure(FailureKind.TIMED_OUT, "TooSlowError", "no answer within 2 s")
    written(path, DivergenceRecord(b"", "op", Verdict.TIMED_OUT, None, failure, 5.0, 0.1, None, "", None))
    (one,) = summary(path).differences
    assert (one.verdict, one.fields) == (Verdict.TIMED_OUT, ("timed out",))
    (place,) = one.instances[0].places
    assert attrs.astuple(place) == ("timed out", "", None, "TooSlowError: no answer within 2 s")


def test_what_was_captured_is_shown_as_lines(path):
    shadowed(path, 1, lambda number: b"caf\xc3\xa9\nau lait", lambda number: b"\xff\x00", capture=Capture())
    (instance,) = summary(path).differences[0].instances
    assert instance.request.splitlines()[:2] == ["GET https://shop.test/users/0", "authorization: ***"]
    assert instance.answers == ("caf\u00e9\nau lait", r"b'\xff\x00'")


def test_a_captured_body_that_was_cut_says_so_and_steers_no_terminal(path):
    cut = {"method": "PUT", "url": "/\x1b[2J", "headers": [["a", "b\x07"], 7], "body": "x\x1b[31m\ny", "cut": 12_345}
    other = {"status": 200, "headers": "none", "body": [1]}
    written(path, record(captured=captured(b"", request=cut, primary=other, shadow=None)))
    (instance,) = summary(path).differences[0].instances
    assert instance.request == "PUT /\\u001b[2J\na: b\\u0007\n\nx\\u001b[31m\ny\n… (12,345 bytes in all)"
    assert instance.answers == ("200\n\n[1]", "")


def test_differences_are_bounded_and_all_calls_counted(path, monkeypatch):
    monkeypatch.setattr(_differences, "_KEPT", 3)
    records = [record(b"k", old={f"m{number}": 1}, new={f"m{number}": 2}, epoch="e1") for number in range(10)]
    written(path, *records, *records)
    found = summary(path)
    assert [one.calls for one in found.differences] == [2, 2, 2]
    assert found.unlisted == 14
    assert found.records == 20
    assert any("14 records differ in yet other ways" in note for note in found.notes())


def test_examples_are_bounded_too(path, monkeypatch):
    monkeypatch.setattr(_differences, "_CHARACTERS", 1)
    written(path, of(1, price="2"), of(2, price="3"), of(3, node="2"))
    assert [(one.calls, len(one.instances)) for one in summary(path).differences] == [(2, 1), (1, 0)]


# ── the epoch ────────────────────────────────────────────────────────────────────────────────────────────────────────


def candidate(path, name, calls, shadow):
    shadowed(path, calls, lambda number: 1, shadow, candidate=name)


def test_without_a_name_it_is_about_the_latest_epoch_and_the_others_are_told(path):
    candidate(path, "1.0", 100, lambda number: 2)
    candidate(path, "2.0", 50, lambda number: 1)
    found = summary(path)
    assert found.scorecard.epoch.candidate == "2.0"
    assert (found.scorecard.calls, found.differences) == (50, ())
    (other,) = found.others
    assert other.told.startswith("1.0, rules")
    assert (other.records, other.scorecard.decision) == (100, Decision.REJECT)
    assert any("1 other epoch too" in note for note in found.notes())

    before = summary(path, epoch=other.name)
    assert before.scorecard.epoch.candidate == "1.0"
    assert before.differences[0].calls == 100
    assert [one.told.partition(",")[0] for one in before.others] == ["2.0"]


def test_an_epoch_that_is_not_there_is_an_error_that_names_those_that_are(path):
    candidate(path, "1.0", 1, lambda number: 1)
    with pytest.raises(UnknownEpochError, match=r"no epoch 'abc' in the files: there are [0-9a-f]{16}"):
        summary(path, epoch="abc")


def test_records_without_a_snapshot_are_told_and_not_judged(path):
    written(path, of(1, price=2))
    found = summary(path)
    assert not found.counted
    assert found.scorecard.decision is Decision.HOLD
    assert found.epoch == "e1"
    assert (found.first_at, found.last_at) == (1_790_000_000.5, 1_790_000_000.5)
    assert [note.partition(":")[0] for note in found.notes()] == ["there are records and no snapshot"]


def test_records_after_the_last_snapshot_are_told(path):
    put = writer(path)
    snapshot = Evidence(Epoch("2.0", "abc"), series="s", since=5.0).to_dict(9.0)
    put.write(snapshot_line(snapshot, 9.0), "e")
    for number in range(2):
        put.write(record_line(of(number, price=2)), "e1")
    put.close()
    found = summary(path)
    assert found.records_since == 2
    by_epoch = {one.told: one.records for one in found.others}
    assert by_epoch == {"2.0, rules abc": 0}
    assert "there are records and no snapshot" in found.notes()[0]
    counted = summary(path, epoch=found.others[0].name)
    assert counted.first_at == 5.0
    assert "2 records came after the last snapshot" in counted.notes()[0]
    assert [one.told for one in counted.others] == ["(no snapshot)"]


# ── what is not as it should be ──────────────────────────────────────────────────────────────────────────────────────


def test_an_archive_without_anything_holds(path):
    put = writer(path)
    put._segment = put._open("")
    put.close()
    found = summary(path)
    assert (found.segments, found.records, found.differences, found.last_at) == (1, 0, (), None)
    assert found.scorecard.decision is Decision.HOLD
    assert found.notes() == []


def test_problems_are_told_and_the_rest_is_read(path, tmp_path):
    written(path, of(1, price=2))
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_text('{"hello": 1}\n' * 3)
    with path.open("ab") as file:
        file.write(b'{"t":"record","v":1,"verdi')
    found = summary(path, foreign, tmp_path / "none.jsonl")
    assert [one.calls for one in found.differences] == [1]
    assert {(problem.kind, problem.line) for problem in found.problems} == {
        (ProblemKind.TORN, 4),
        (ProblemKind.FOREIGN, 1),
        (ProblemKind.MISSING, None),
    }
    assert found.problem_count == 3
    assert "3 problems with the files: see below" in found.notes()


@pytest.mark.parametrize(
    "first", ['{"t":"open","v":2,"new":1}', '{"t":"open","v":2,"library":"9","run":"0","segment":1,"epoch":"","at":1}']
)
def test_a_file_of_a_newer_format_is_one_problem_however_long_it_is(path, first):
    path.write_text(first + '\n{"t":"record","v":2,"verdict":"diverged"}' * 50 + "\n")
    found = summary(path)
    assert [(problem.kind, problem.line) for problem in found.problems] == [(ProblemKind.NEWER, 1)]
    assert found.segments == 0


def test_a_snapshot_that_is_none_is_a_problem(path):
    put = writer(path)
    put.write(snapshot_line(SNAPSHOT, 9.0).replace(b'"epoch"', b'"epok"'), "e")
    put.write(snapshot_line(SNAPSHOT, 9.0), "e")
    put.close()
    found = summary(path)
    assert [problem.kind for problem in found.problems] == [ProblemKind.FOREIGN]
    assert found.counted


def test_deleted_segments_are_told(path):
    put = writer(path, max_segment_bytes=2_000, max_total_bytes=4_000, compress=False)
    for number in range(60):
        put.write(record_line(of(number, price=number + 2)), "e1")
    put.close()
    found = summary(path)
    assert found.deleted_segments > 5
    assert any("for max_total_bytes" in note for note in found.notes())


def test_equal_divergences_of_two_verdicts_are_two_differences(path):
    failure = ShadowFailure(FailureKind.RAISED, "ValueError", "no")
    written(
        path,
        *(
            DivergenceRecord(b"", "op", verdict, None, failure, 1.0, None, None, "", None)
            for verdict in (Verdict.FAILED, Verdict.TIMED_OUT)
        ),
        DivergenceRecord(b"", "op", Verdict.DIVERGED, Divergence(status=(200, 201)), None, 1.0, None, None, "", None),
    )
    assert [one.verdict for one in summary(path).differences] == [Verdict.FAILED, Verdict.TIMED_OUT, Verdict.DIVERGED]
