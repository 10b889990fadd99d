"""How evidence came to be: which snapshots are noted, which are read again, and what is said of each moment. Real files
and a clock that is moved by hand, no Trio.
"""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
import sys
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trioshadow import ShadowConfig
from trioshadow.archive import ProblemKind, read_archive, summarize
from trioshadow.archive import _bounded_lines as bounded_lines
from trioshadow.archive._lines import snapshot_line
from trioshadow.archive._reading import again as reading_again
from trioshadow.archive._reading import course as courses
from trioshadow.archive._reading import summary as summing
from trioshadow.archive._reading.archive import Segment
from trioshadow.archive._reading.notes import Note, SeriesNotes
from trioshadow.evidence import ANYTHING, Counts, Objective, standings

from tests.support.archives import Clock, record, written
from tests.support.counting import START, Process

OBJECTIVE = Objective(max_rate=0.01)
HOUR, MINUTE = 3600, 60
PRICE = "GET /", "$.price"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.jsonl"


def summary_of(*paths, **more):
    return summarize(*paths, objective=OBJECTIVE, course=True, **more)


def course_of(*paths, **more):
    return summary_of(*paths, **more).course


def track_of(course, names=PRICE):
    (track,) = [track for track in course.tracks if (track.operation, track.field) == names]
    return track


def compared(course, names=("GET /", ANYTHING)):
    return [(at - START, standing.compared) for at, standing in track_of(course, names).points]


def is_sound(course):
    """What holds of each."""
    assert [*course.moments] == sorted(set(course.moments))
    for track in course.tracks:
        moments = [at for at, _ in track.points]
        assert moments == [*course.moments[-len(moments) :]]
        for (_, earlier), (_, later) in itertools.pairwise(track.points):
            for name in ("compared", "differed", "pairs", "secondary_differed"):
                assert getattr(earlier, name) <= getattr(later, name)
    return True


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_moment_has_what_was_known_by_then(path):
    process = Process(path, "s1")
    for minute in range(1, 6):
        process.go(1, calls=100 * minute, wrong=minute == 3)
    course = course_of(path)
    assert course.moments == tuple(START + MINUTE * minute for minute in range(1, 6))
    assert compared(course) == [(60, 100), (120, 300), (180, 600), (240, 1_000), (300, 1_500)]
    assert [standing.differed for _, standing in track_of(course).points] == [0, 0, 1, 1, 1]
    bounds = [standing.rate_beyond_noise for _, standing in track_of(course).points]
    assert bounds[0] > bounds[1] > bounds[-1]
    assert course.incomplete == 0
    assert is_sound(course)


def test_the_last_point_is_what_the_scorecard_says(path, tmp_path):
    for number in range(3):
        process = Process(tmp_path / f"{number}.jsonl", f"s{number}")
        process.go(70, calls=9, wrong=number % 2, field=f"$.f{number}")
        process.begin(f"s{number}-2")  # a restart, perhaps
        process.go(40, calls=5, wrong=1)
    summary = summary_of(*tmp_path.glob("*.jsonl"))
    assert is_sound(summary.course)
    (operation,) = summary.scorecard.operations
    assert len(operation.fields) == 2
    for field in operation.fields:
        at, last = track_of(summary.course, ("GET /", field.field)).points[-1]
        assert at == summary.course.moments[-1] == summary.last_at
        for name in ("rate_beyond_noise", "allowed", "log10_e_value", "pairs"):
            assert getattr(last, name) == getattr(field, name)
        assert (last.differed, last.compared) == (field.calls, operation.compared)
    whole = standings(summary.evidence, OBJECTIVE)
    assert {(one.operation, one.field): one.points[-1][1] for one in summary.course.tracks} == whole


def test_series_are_added_up_at_each_moment_whatever_file_they_are_in(path, tmp_path):
    first, second = Process(path, "s1"), Process(tmp_path / "b.jsonl", "s2")
    first.go(4, calls=1)
    second.clock.now += 30
    second.go(4, calls=10)
    expected = [(60, 1), (90, 11), (120, 12), (150, 22), (180, 23), (210, 33), (240, 34), (270, 44)]
    for files in ([path, tmp_path / "b.jsonl"], [tmp_path / "b.jsonl", path]):
        assert compared(course_of(*files)) == expected


def test_what_a_process_had_counted_when_it_ended_stays(path):
    process = Process(path, "s1")
    process.go(3, calls=1)
    process.begin("s2")
    process.go(3, calls=10)
    process.begin("s3")
    process.go(2, calls=100)
    assert [calls for _, calls in compared(course_of(path))] == [1, 2, 3, 13, 23, 33, 133, 233]


def test_an_operation_has_a_track_from_where_it_was_first_called(path):
    process = Process(path, "s1")
    process.go(3, calls=1)
    process.go(2, calls=50, operation="POST /")
    course = course_of(path)
    assert [(track.operation, track.field) for track in course.tracks] == [("POST /", ANYTHING), ("GET /", ANYTHING)]
    assert compared(course, ("POST /", ANYTHING)) == [(240, 50), (300, 100)]


def test_it_is_of_the_epoch_that_the_report_is_about(path):
    process = Process(path, "s1", candidate="1.0")
    process.go(5, calls=3)
    process.begin("s1", candidate="2.0")
    process.go(3, calls=7)
    assert [calls for _, calls in compared(course_of(path))] == [7, 14, 21]
    earlier = course_of(path, epoch=ShadowConfig(candidate="1.0").epoch_id)
    assert [calls for _, calls in compared(earlier)] == [3, 6, 9, 12, 15]


def test_without_a_snapshot_or_a_wish_there_is_none(path, tmp_path):
    written(path, record())
    assert summary_of(path).course is None
    Process(tmp_path / "b.jsonl", "s1").go(3)
    assert summarize(tmp_path / "b.jsonl", objective=OBJECTIVE).course is None


def test_one_snapshot_is_a_course_of_one_moment(path):
    Process(path, "s1").go(1, calls=3)
    assert compared(course_of(path)) == [(60, 3)]


def test_a_snapshot_of_no_call_has_no_track(path):
    Process(path, "s1").put()
    course = course_of(path)
    assert (course.moments, course.tracks) == ((START,), ())


# ── which moments ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_there_are_at_most_so_many_moments_evenly_apart(path):
    Process(path, "s1").go(400)
    course = course_of(path)
    end = course.moments[-1]
    hour_ago = end - HOUR
    assert hour_ago in course.moments
    moments = [at for at in course.moments if at != hour_ago]
    assert len(moments) == 48
    assert {round(later - earlier) for earlier, later in itertools.pairwise(moments)} == {509}
    # At each, what had been written by then: of notes two minutes or more apart at most.
    for at, calls in compared(course):
        assert at / MINUTE - 7 <= calls <= at / MINUTE
    assert is_sound(course)


def test_where_many_fields_are_judged_there_are_fewer_moments(path):
    process = Process(path, "s1")
    process.go(60)
    for number in range(120):
        process.count(1, 1, field=f"$.f{number}")
    process.go(60)
    assert len(course_of(path).moments) == 2400 // 122 + 1


def test_no_more_than_a_fourth_of_the_snapshots_is_read_again(path, monkeypatch):
    read = []
    decode = reading_again._evidence_in
    monkeypatch.setattr(reading_again, "_evidence_in", lambda raw: read.append(raw) or decode(raw))
    clock = Clock()
    processes = [Process(path, f"s{number}", clock=clock) for number in range(3)]
    for _ in range(80):
        clock.now += MINUTE
        for process in processes:
            process.count()
            process.put()
    course = course_of(path)
    assert 12 < len(course.moments) < 30
    assert 30 < len(read) <= 240 / 4 + 3, "and one of each an hour ago"
    assert len({*read}) == len(read), "each once"


def test_while_nothing_comes_the_numbers_stay(path, monkeypatch):
    judged = []
    judge = courses.standings
    monkeypatch.setattr(courses, "standings", lambda *args: judged.append(args) or judge(*args))
    process = Process(path, "s1")
    process.go(30)
    process.clock.now += 100 * HOUR
    process.go(30)
    course = course_of(path)
    assert [calls for _, calls in compared(course)].count(30) > 30
    assert len(judged) < 8, "and are not made again"
    assert is_sound(course)


# ── notes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def noted(times, counted=None):
    notes = SeriesNotes(0.0)
    segment = Segment("a", "0", 1, "", 0.0, "", 0)
    for line, at in enumerate(times):
        notes.take(at, line if counted is None else counted[line], segment, line)
    return notes


@pytest.mark.parametrize("snapshots", [1, 2, 128, 129, 10_080, 100_000])
def test_of_a_series_so_many_are_kept_evenly_apart_and_those_of_the_last_hour(snapshots):
    times = [60.0 * minute for minute in range(snapshots)]
    notes = noted(times)
    line = notes.line()
    assert notes.seen == snapshots
    assert len(line) <= 128 + 62
    assert line[-1].at == times[-1]
    if snapshots <= 128:
        assert [note.at for note in line] == times
    assert {note.at for note in line} >= {at for at in times if at >= times[-1] - HOUR}
    far = max((later.at - earlier.at for earlier, later in itertools.pairwise(line)), default=0)
    assert far <= max(60, times[-1] / 40)


def test_snapshots_of_every_second_are_kept_each_half_minute():
    notes = noted([float(second) for second in range(10_000)])
    assert len(notes.line()) <= 128 + 128
    recent = [note.at for note in notes.line() if note.at >= 9_999 - HOUR]
    assert len(recent) > 100


@given(st.lists(st.sampled_from([-1e300, -HOUR, -1, 0, 1, 30, 61, HOUR, 1e300]), max_size=600), st.booleans())
@settings(deadline=None, max_examples=50)
def test_whatever_the_clock_does_notes_are_bounded_and_in_the_order_of_what_was_counted(steps, reverse):
    times = [*itertools.accumulate(steps)]
    counted = [len(times) - line for line in range(len(times))] if reverse else None
    notes = noted(times, counted)
    line = notes.line()
    assert len(line) <= 256
    assert [note.counted for note in line] == sorted(note.counted for note in line)
    assert [note.at for note in line] == sorted(note.at for note in line)
    if times:
        assert line[-1].counted == max(counted or range(len(times)))
        assert line[-1].order == notes.last.order


def test_a_clock_that_is_set_back_was_wrong_before(path):
    process = Process(path, "s1")
    process.go(5)
    process.clock.now += 10 * HOUR
    process.go(5)
    process.clock.now -= 10 * HOUR
    process.go(5)
    course = course_of(path)
    assert course.moments[-1] == START + 15 * MINUTE
    assert [(at / MINUTE, calls) for at, calls in compared(course)] == [
        *((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (11, 11), (12, 12), (13, 13), (14, 14), (15, 15)),
    ]
    assert is_sound(course)


def test_a_time_that_no_clock_shows_breaks_nothing(path):
    process = Process(path, "s1")
    process.go(20)
    for at in (1e300, -1e300):
        process.count()
        process.writer.write(snapshot_line(process.evidence.to_dict(at), at), process.epoch, snapshot=True)
    process.go(98)
    for at in (1e308,):
        process.count()
        process.writer.write(snapshot_line(process.evidence.to_dict(at), at), process.epoch, snapshot=True)
    course = course_of(path)
    assert is_sound(course)
    assert compared(course)[-1][1] == 121
    assert course.moments[-1] < 1e15


# ── reading again ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def meanwhile(monkeypatch):
    """Do something between the two readings."""

    def does(something):
        course = summing.course_of

        def hooked(*args):
            something()
            return course(*args)

        monkeypatch.setattr(summing, "course_of", hooked)

    return does


LINUX = sys.platform == "linux"


def open_files():
    return len([*Path("/proc/self/fd").iterdir()]) if LINUX else 0


def test_compressed_segments_are_read_again_too_and_every_file_is_closed(path):
    process = Process(path, "s1", max_segment_bytes=20_000)
    process.go(100, calls=2)
    assert len([*path.parent.glob("*.gz")]) > 5
    before = open_files()
    course = course_of(path)
    assert course.incomplete == 0
    assert all(calls == 2 * round(at / MINUTE - 0.5) for at, calls in compared(course)[:-1] if at % 60)
    assert open_files() == before


def test_a_line_that_is_too_long_is_one_line_when_snapshots_are_read_again(path, monkeypatch):
    monkeypatch.setattr(bounded_lines, "LONGEST", 100_000)
    process = Process(path, "s1")
    process.go(2)
    with path.open("ab") as file:
        file.write(b"x" * 300_000 + b"\n")
    process.go(3)
    summary = summary_of(path)
    assert [problem.kind for problem in summary.problems] == [ProblemKind.TOO_LONG]
    assert summary.course.incomplete == 0
    assert compared(summary.course) == [(60 * minute, minute) for minute in range(1, 6)]


def test_nothing_is_decoded_but_what_is_chosen(path, monkeypatch):
    process = Process(path, "s1", max_segment_bytes=20_000)
    process.go(200, calls=2)
    decode, lines = reading_again._evidence_in, []

    def counting(raw):
        lines.append(json.loads(raw)["at"])
        return decode(raw)

    monkeypatch.setattr(reading_again, "_evidence_in", counting)
    course = course_of(path)
    assert 40 < len(lines) < len(course.moments), "the last is in memory still"
    assert lines == sorted(lines)


def test_an_active_file_that_became_a_segment_meanwhile_is_found(path, meanwhile):
    process = Process(path, "s1")
    process.go(20)

    def restart():
        process.writer.close()
        other = Process(path, "s2", compress=False)
        other.go(2, calls=100)

    expected = compared(course_of(path))
    meanwhile(restart)
    course = course_of(path)
    assert course.incomplete == 0
    assert compared(course) == expected, "and not the new one of its name"


@pytest.mark.parametrize("way", ["compressed", "unpacked"])
def test_a_segment_that_was_compressed_or_unpacked_meanwhile_is_found(path, meanwhile, way):
    process = Process(path, "s1", max_segment_bytes=20_000, compress=way == "unpacked")
    process.go(50)

    def change():
        for segment in [*path.parent.glob("a.jsonl.2*")]:
            if way == "compressed":
                segment.with_name(f"{segment.name}.gz").write_bytes(gzip.compress(segment.read_bytes()))
            else:
                segment.with_name(segment.name[:-3]).write_bytes(gzip.decompress(segment.read_bytes()))
            segment.unlink()

    expected = compared(course_of(path))
    meanwhile(change)
    course = course_of(path)
    assert (course.incomplete, compared(course)) == (0, expected)


def test_of_a_file_that_is_gone_what_was_read_before_stands_and_it_is_said(path, tmp_path, meanwhile):
    first = Process(path, "s1", max_segment_bytes=20_000)
    second = Process(tmp_path / "b.jsonl", "s2")
    for _ in range(40):
        first.go(1, calls=1)
        second.go(1, calls=10)
    gone = sorted(path.parent.glob("a.jsonl.2*"))[2]
    expected = compared(course_of(path, tmp_path / "b.jsonl"))
    meanwhile(gone.unlink)
    course = course_of(path, tmp_path / "b.jsonl")
    found = compared(course)
    lacking = [(here, there) for here, there in zip(found, expected, strict=True) if here != there]
    assert 1 <= course.incomplete == len(lacking) < len(found) / 2
    assert all(here[1] < there[1] for here, there in lacking)
    assert found[-1] == expected[-1]
    assert is_sound(course)


def test_what_is_missing_of_a_process_that_has_ended_is_missing_no_longer(path, tmp_path, meanwhile):
    ended, running = Process(path, "s1"), Process(tmp_path / "b.jsonl", "s2")
    ended.go(20)
    running.go(60)
    meanwhile(path.unlink)
    course = course_of(path, tmp_path / "b.jsonl")
    assert 0 < course.incomplete < len(course.moments) / 2
    assert [calls for at, calls in compared(course) if at >= 21 * MINUTE] == [
        20 + at // MINUTE for at, _ in compared(course) if at >= 21 * MINUTE
    ]


def test_a_file_is_closed_after_the_last_line_that_is_asked_for_and_all_are_in_the_end(path, tmp_path):
    notes = []
    for name in ("a", "b"):
        archive = tmp_path / f"{name}.jsonl"
        Process(archive, name).go(3)
        segment = next(entry for entry in read_archive(archive) if isinstance(entry, Segment))
        notes += [Note(0.0, 0, 0, segment, line) for line in (2, 3)]
    before = open_files()
    with reading_again.Again(notes) as again:
        assert again.evidence(notes[0]).totals()[0] == 1
        assert again.evidence(notes[2]).totals()[0] == 1
        assert open_files() == before + 2 * LINUX
        assert again.evidence(notes[1]).totals()[0] == 2
        assert open_files() == before + LINUX
    assert open_files() == before


def test_lines_may_be_asked_for_in_any_order(path):
    Process(path, "a").go(5)
    segment = next(entry for entry in read_archive(path) if isinstance(entry, Segment))
    notes = [Note(0.0, 0, 0, segment, line) for line in (2, 3, 4, 9)]
    with reading_again.Again(notes) as again:
        assert [sum(again.evidence(notes[index]).totals()) for index in (2, 0, 1)] == [3, 1, 2]
        assert again.evidence(notes[3]) is None


@pytest.mark.parametrize("way", ["gone", "a folder", "cut", "another", "damaged", "flipped", "torn", "no gzip"])
def test_nothing_that_happens_to_a_file_between_the_readings_is_an_error(path, meanwhile, way):
    process = Process(path, "s1", max_segment_bytes=1 << 30)
    process.go(30, calls=400, wrong=200)
    process.writer.close()
    assert path.stat().st_size > 1 << 19, "more than is read at once"
    segment = path.with_name("a.jsonl.20260101T000000-00000000-000001.gz")
    segment.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()

    def change():
        lines = gzip.decompress(segment.read_bytes()).splitlines(keepends=True)
        segment.unlink()
        if way == "a folder":
            segment.mkdir()
        elif way == "cut":
            segment.write_bytes(gzip.compress(b"".join(lines[:10])))
        elif way == "another":
            segment.write_bytes(gzip.compress(b"".join([b'{"t":"close","v":1,"at":1.0}\n', *lines[1:]])))
        elif way == "damaged":
            packed = gzip.compress(b"".join(lines))
            segment.write_bytes(packed[: len(packed) * 3 // 4])
        elif way == "flipped":
            packed = bytearray(gzip.compress(b"".join(lines)))
            packed[len(packed) * 3 // 4 :] = bytes(byte ^ 255 for byte in packed[len(packed) * 3 // 4 :])
            segment.write_bytes(packed)
        elif way == "torn":
            segment.write_bytes(gzip.compress(b"".join([lines[0], *(line[:-9] + b"\n" for line in lines[1:])])))
        elif way == "no gzip":
            segment.write_bytes(b"hello")

    meanwhile(change)
    before = open_files()
    course = course_of(segment)
    assert len(course.moments) == 12
    assert 0 < course.incomplete <= 11
    assert compared(course)[-1][1] == 12_000
    assert is_sound(course)
    assert open_files() == before


def test_a_folder_that_is_gone_is_no_error(path, tmp_path, meanwhile):
    folder = tmp_path / "gone"
    folder.mkdir()
    Process(folder / "a.jsonl", "s1").go(30)
    meanwhile(lambda: shutil.rmtree(folder))
    course = course_of(folder / "a.jsonl")
    assert (course.incomplete, compared(course)) == (11, [(1800, 30)])


def test_what_can_not_be_read_at_first_is_not_asked_for_again(path):
    process = Process(path, "s1")
    process.go(5)
    outdated = {**process.evidence.to_dict(1.0), "format": 1}
    process.writer.write(snapshot_line(outdated, START), process.epoch, snapshot=True)
    process.go(5)
    path.write_bytes(path.read_bytes()[:-9])
    summary = summary_of(path)
    assert {problem.kind for problem in summary.problems} == {ProblemKind.OUTDATED, ProblemKind.TORN}
    assert [calls for _, calls in compared(summary.course)] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert summary.course.incomplete == 0


# ── the last hour ────────────────────────────────────────────────────────────────────────────────────────────────────


def counts(compared, differed):
    return Counts(compared=compared, differed=differed, pairs=0, secondary_differed=0)


def test_the_last_hour_is_what_came_since_the_snapshot_an_hour_ago(path):
    process = Process(path, "s1")
    process.go(200, calls=10)
    process.go(60, calls=10, wrong=2)
    course = course_of(path)
    assert course.hour_since == course.moments[-1] - HOUR
    track = track_of(course)
    assert track.last_hour == counts(600, 120)
    assert track.much_worse
    assert track_of(course, ("GET /", ANYTHING)).last_hour == counts(600, 120)


def test_what_is_as_it_always_was_is_not_worse(path):
    Process(path, "s1").go(200, calls=20, wrong=1)
    track = track_of(course_of(path))
    assert track.last_hour == counts(1200, 60)
    assert not track.much_worse


def test_what_appears_in_the_last_hour_was_not_there_before(path):
    process = Process(path, "s1")
    process.go(100)
    process.go(10, operation="POST /", calls=7)
    course = course_of(path)
    assert track_of(course, ("POST /", ANYTHING)).last_hour == counts(70, 0)
    assert track_of(course, ("GET /", ANYTHING)).last_hour == counts(50, 0)


def test_of_each_series_it_is_what_came_since_its_own_snapshot(path, tmp_path):
    ended, running, begun = (Process(tmp_path / f"{n}.jsonl", f"s{n}") for n in range(3))
    ended.go(30, calls=1000)
    running.go(119, calls=10)
    running.clock.now += 30  # an hour ago it had written half a minute before
    running.go(1, calls=10)
    begun.clock.now += 100 * MINUTE
    begun.evidence.since = begun.clock.now
    begun.go(5, calls=100)
    course = course_of(*tmp_path.glob("*.jsonl"))
    assert track_of(course, ("GET /", ANYTHING)).last_hour == counts(10 * 60 + 500, 0)
    assert course.hour_since == START + 60 * MINUTE, "what is compared with"


def test_of_an_epoch_younger_than_an_hour_there_is_none(path):
    process = Process(path, "s1")
    process.go(60)
    course = course_of(path)
    assert course.hour_since is None
    assert {track.last_hour for track in course.tracks} == {None}
    process.go(1)
    assert course_of(path).hour_since == START + MINUTE


@pytest.mark.parametrize(("every", "known"), [(60, True), (61, True), (121, False)])
def test_where_snapshots_are_too_far_apart_it_is_not_known(path, every, known):
    process = Process(path, "s1")
    for _ in range(3):
        process.count(10)
        process.clock.now += every * MINUTE
        process.put()
    course = course_of(path)
    if known:
        assert course.hour_since == process.clock.now - every * MINUTE
        assert track_of(course, ("GET /", ANYTHING)).last_hour == counts(10, 0)
    else:
        assert course.hour_since is None


def test_of_a_process_whose_earlier_snapshots_are_not_there_it_is_not_known(path, tmp_path):
    Process(path, "s1").go(300)
    late = Process(tmp_path / "b.jsonl", "s2")
    late.clock.now += 290 * MINUTE
    late.go(10, calls=100)
    course = course_of(path, tmp_path / "b.jsonl")
    assert course.hour_since is None
    assert track_of(course, ("GET /", ANYTHING)).last_hour is None


def test_where_the_snapshot_of_an_hour_ago_is_gone_it_is_not_known(path, meanwhile):
    process = Process(path, "s1", max_segment_bytes=60_000, compress=False)
    process.go(200)
    assert course_of(path).hour_since is not None
    ago = process.clock.now - HOUR
    (gone,) = [file for file in path.parent.iterdir() if f'"at":{ago},"evidence"' in file.read_text()]
    meanwhile(gone.unlink)
    course = course_of(path)
    assert course.incomplete > 0
    assert course.hour_since is None


# ── all of it ────────────────────────────────────────────────────────────────────────────────────────────────────────


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["go", "go", "go", "restart", "gap", "back", "late", "seconds"]),
        st.integers(0, 20),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=25,
)


@pytest.mark.slow
@given(STEPS)
@settings(deadline=None, max_examples=25)
def test_moments_ascend_calls_never_fall_and_the_end_is_the_whole(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("any")
    processes = [Process(folder / f"{n}.jsonl", f"s{n}", max_segment_bytes=30_000) for n in range(3)]
    for number, (index, what, minutes, wrong) in enumerate(steps):
        process = processes[index]
        if what == "restart":
            process.begin(f"s{index}-{number}")
        elif what == "gap":
            process.clock.now += 5 * HOUR
        elif what == "back":
            process.clock.now -= minutes * MINUTE
        elif what == "late":
            process.count(minutes)
        elif what == "seconds":
            process.clock.now += minutes
            process.put()
        process.go(minutes if what == "go" and number else 1, calls=3, wrong=wrong, field=f"$.f{wrong}")
    summary = summary_of(*folder.glob("*.jsonl"))
    course = summary.course
    assert is_sound(course)
    assert course.incomplete == 0
    assert len(course.moments) <= 49
    whole = standings(summary.evidence, OBJECTIVE)
    assert {(one.operation, one.field): one.points[-1][1] for one in course.tracks} == whole
    for track in course.tracks:
        if track.last_hour is not None:
            assert attrs.astuple(track.last_hour) <= attrs.astuple(track.points[-1][1])[:4]
    shutil.rmtree(folder)
