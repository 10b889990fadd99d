"""Reading: what is whole is read, what is not is told. Real files, no Trio."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
import tracemalloc

import pytest

from trioshadow import Captured
from trioshadow.archive import Problem, ProblemKind, Segment, read_archive
from trioshadow.archive import _bounded_lines as bounded_lines
from trioshadow.archive._lines import line, record_line
from trioshadow.archive._reading import archive as reading

from tests.support.archives import keys, problems, record, told, writer

OPEN = {"library": "1.0", "run": "0123abcd", "segment": 1, "epoch": "", "at": 1.0}
LINE = record_line(record())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.jsonl"


def put(path, *written, **opening):
    path.write_bytes(b"".join([line("open", **{**OPEN, **opening}), *written]))
    return path


def fill(path, *names, **limits):
    target = writer(path, max_segment_bytes=1024, **limits)
    for name in names:
        target.write(record_line(record(name.encode())), "")
    target.close()


def test_the_active_path_means_all_its_segments_by_age(path):
    fill(path, *"abcdefgh")
    assert keys(path) == [*map(str.encode, "abcdefgh")]
    assert [entry.number for entry in told(path) if isinstance(entry, Segment)] == [1, 2, 3, 4]


def test_a_segment_means_itself_compressed_or_not(path):
    fill(path, *"abcdefgh")
    first = min(path.parent.glob("*.gz"))
    assert keys(first) == [b"a", b"b"]
    plain = first.with_name(first.name.removesuffix(".gz"))
    plain.write_bytes(gzip.decompress(first.read_bytes()))
    assert keys(plain) == [b"a", b"b"]


def test_segments_are_read_by_age_however_they_are_named(path):
    fill(path, *"abcdefgh")
    files = sorted(path.parent.glob("a.jsonl.*"), reverse=True)
    assert [record.key for record in read_archive(*files, path).records()] == [*map(str.encode, "abcdefgh")]


def test_nothing_is_read_twice(path, tmp_path):
    fill(path, *"abcdefgh")
    everything = [*map(str.encode, "abcdefgh")]
    files = sorted(path.parent.glob("a.jsonl.*"))
    assert [record.key for record in read_archive(path, path, *files).records()] == everything
    elsewhere = tmp_path / "copy"
    shutil.copytree(path.parent, elsewhere, ignore=shutil.ignore_patterns("copy"))
    both = read_archive(path, elsewhere / "a.jsonl")
    assert [record.key for record in both.records()] == everything
    assert {problem.kind for problem in both.problems()} == {ProblemKind.DUPLICATE}
    assert len(list(both.problems())) == 4


def test_two_runs_that_drew_the_same_number_are_two(path):
    put(path, LINE)
    other = put(path.with_name("b.jsonl"), LINE, at=2.0)
    assert [entry.at for entry in told(path, other) if isinstance(entry, Segment)] == [1.0, 2.0]


def test_what_is_rotated_while_it_is_read_is_neither_lost_nor_read_twice(path):
    target = writer(path, max_segment_bytes=1024)
    for name in "abc":
        target.write(record_line(record(name.encode())), "")
    seen = []
    for entry in read_archive(path):
        if not isinstance(entry, Segment | Problem):
            seen.append(entry.key)
            for name in "xyz":  # compresses what was listed, and rotates what was opened
                target.write(record_line(record(name.encode())), "")
    assert seen[:3] == [b"a", b"b", b"c"]
    assert set(seen[3:]) <= {b"x"}


def test_a_segment_that_is_deleted_meanwhile_is_told(path):
    fill(path, *"abcdef", compress=False)
    entries = iter(read_archive(path))
    next(entries)
    for segment in path.parent.glob("a.jsonl.*-000002"):
        segment.unlink()
    assert [entry.kind for entry in entries if isinstance(entry, Problem)] == [ProblemKind.MISSING]


def test_archives_can_be_read_again(path):
    fill(path, "a")
    archive = read_archive(path)
    assert len(list(archive)) == len(list(archive)) == 2
    assert list(archive.snapshots()) == []


def test_a_path_that_is_not_there_is_told(tmp_path):
    assert problems(tmp_path / "a.jsonl") == [(ProblemKind.MISSING, None)]
    assert problems(tmp_path / "no" / "a.jsonl") == [(ProblemKind.MISSING, None)]
    assert problems(tmp_path / "a.jsonl.20260101T000000-00000000-000001") == [(ProblemKind.MISSING, None)]


def test_a_file_that_may_not_be_read_is_told(tmp_path, path):
    fill(path, "a")
    (tmp_path / "a.jsonl.0123abcd").mkdir()
    (tmp_path / "a.jsonl.20260101T000000-00000000-000001").mkdir()
    assert problems(path) == [(ProblemKind.UNREADABLE, None)] * 2
    assert keys(path) == [b"a"]


def test_files_of_others_are_told_once_and_not_read(path):
    path.write_bytes(b"hello\n" * 1000)
    assert problems(path) == [(ProblemKind.FOREIGN, 1)]
    path.write_bytes(LINE * 1000)
    assert problems(path) == [(ProblemKind.FOREIGN, 1)]
    path.write_bytes(bytes(range(256)) * 100)
    assert problems(path) == [(ProblemKind.FOREIGN, 1)]


@pytest.mark.parametrize(
    "bad",
    [
        b"hello\n",
        b"\xff\xfe\n",
        b"{}\n",
        b'{"t":"record","v":1}\n',
        b'{"t":"other","v":1}\n',
        LINE.replace(b'"changed"', b'"exploded"'),
        LINE.replace(b'"diverged"', b'"matched?"'),
        LINE.replace(b'"key":"', b'"key":"='),
        LINE.replace(b'"primary":1', b'"primary":{"type":"str","base64":"7aCA/w=="}'),
        LINE.replace(b'"primary":1', b'"primary":{"type":"int","base64":"x"}'),
        record_line(record())[:-2] + b',"captured":{"request":{"$float":"x"}}}\n',
        record_line(record())[:-2] + b',"captured":{"request":{"$bytes":7}}}\n',
        b"[" * 100_000 + b"\n",
    ],
    ids=lambda bad: bad[:30],
)
def test_a_line_that_is_none_of_ours_is_told_and_the_rest_is_read(path, bad):
    put(path, LINE, bad, LINE)
    assert problems(path) == [(ProblemKind.FOREIGN, 3)]
    assert len(keys(path)) == 2


def test_blank_lines_are_nothing(path):
    put(path, b"\n", LINE, b"\n")
    assert len(told(path)) == 2


def test_newer_lines_are_told_and_what_they_add_is_skipped(path):
    more = LINE.replace(b'"at":', b'"more":{"a":1},"at":')
    put(path, more, LINE.replace(b'"v":1', b'"v":2'), b'{"t":"other","v":2}\n', LINE)
    assert problems(path) == [(ProblemKind.NEWER, 3), (ProblemKind.NEWER, 4)]
    assert len(keys(path)) == 2
    path.write_bytes(path.read_bytes().replace(b'"v":1', b'"v":2', 1))
    assert problems(path)[0] == (ProblemKind.NEWER, 1)


@pytest.mark.parametrize("damage", ["cut", "flipped", "no gzip", "empty"])
def test_damaged_gzip_is_told_and_what_is_before_is_read(path, damage):
    packed = gzip.compress(put(path, *[record_line(record(b"%d" % n)) for n in range(5000)]).read_bytes())
    path.unlink()
    segment = path.with_name("a.jsonl.20260101T000000-00000000-000001.gz")
    half = len(packed) // 2
    segment.write_bytes(
        {
            "cut": packed[:half],
            "flipped": packed[:half] + bytes([packed[half] ^ 255]) + packed[half + 1 :],
            "no gzip": b"hello",
            "empty": b"",
        }[damage]
    )
    *_, (kind, number) = problems(path)  # what a flipped bit makes of the lines behind it may be anything
    assert kind == (ProblemKind.EMPTY if damage == "empty" else ProblemKind.CORRUPT)
    if damage in ("cut", "flipped"):
        assert number > 2000
        assert keys(path)[:2000] == [b"%d" % number for number in range(2000)]


def test_a_read_error_is_told(path, monkeypatch):
    class Broken:
        def readline(self, size):
            raise OSError("Input/output error")

    reader = reading._Reader()
    (problem,) = reader.file(path, Broken())
    assert (problem.kind, problem.line) == (ProblemKind.UNREADABLE, 1)


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_that_is_too_long_is_skipped_with_its_place_and_length(path, monkeypatch, end):
    """Also the last one, with an end or without. A line of just that length is read."""
    monkeypatch.setattr(bounded_lines, "LONGEST", len(LINE))
    put(path, LINE, b"x" * 5000 + b"\n", LINE, b"y" * (len(LINE) + 1) + end)
    first, last = read_archive(path).problems()
    assert [(one.kind, one.line) for one in (first, last)] == [(ProblemKind.TOO_LONG, 3), (ProblemKind.TOO_LONG, 5)]
    assert first.what == "the line has 5,001 bytes, and what has more than 0 MiB is not read"
    assert len(keys(path)) == 2
    path.write_bytes(b"z" * 5000)
    assert problems(path) == [(ProblemKind.TOO_LONG, 1)]


@pytest.mark.parametrize("packed", [True, False])
def test_a_line_that_is_too_long_takes_no_memory_however_long_it_is(path, monkeypatch, packed):
    """Two lines of 16 MiB, of which gzip makes 32 KB, or a hole nothing; and a line of 3 MiB, which is read."""
    monkeypatch.setattr(bounded_lines, "LONGEST", 4 << 20)
    huge = b"x" * (16 << 20) + b"\n"
    put(path, huge, record_line(record(captured=Captured("y" * (3 << 20)))), huge, LINE)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes(), 1))
    tracemalloc.start()
    assert [one.line for one in read_archive(path).problems()] == [2, 4]
    assert len(keys(path)) == 2
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 24 << 20


def test_what_another_program_compressed_is_read(path):
    """As logrotate does, by a name that says nothing to us."""
    fill(path, "a")
    packed = path.with_name("a.jsonl.1.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert keys(packed) == [b"a"]


def test_of_a_link_both_places_are_read(path, tmp_path):
    """A sink resolves a link. What is put in its file's place later leads elsewhere: its segments are not there."""
    fill(path, *"abc", compress=False)
    (tmp_path / "disk").mkdir()
    moved = path.rename(tmp_path / "disk" / "a.jsonl")
    path.symlink_to(moved)
    assert keys(path) == [b"a", b"b", b"c"]


def test_problems_say_what_to_do(path):
    path.write_bytes(b"hello\n")
    (problem,) = read_archive(path).problems()
    assert str(problem) == f"{path}:1: this is no line of an archive (pass only files that a JsonlSink wrote)"
    (missing,) = read_archive(path.with_name("b")).problems()
    assert str(missing) == f"{path.with_name('b')}: there is no such file (check the path)"
    assert all(reading.Problem(kind, "a", 1, "x").advice for kind in ProblemKind)


def test_memory_is_flat(path):
    """Ten times the records, and no more memory."""

    def peak(count):
        put(path, *[LINE] * count)
        tracemalloc.start()
        assert sum(1 for _ in read_archive(path).records()) == count
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(100)
    assert peak(20_000) < 1.2 * peak(2_000) + 10_000


def test_without_msgspec_the_extra_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "msgspec", None)
    monkeypatch.delitem(sys.modules, "trioshadow.archive._schema")
    monkeypatch.delattr("trioshadow.archive._schema")
    with pytest.raises(ImportError, match=r"pip install 'trioshadow\[archive\]'"):
        read_archive(path)


def test_a_broken_msgspec_is_not_explained_away(path, monkeypatch):
    class Finder:
        def find_spec(self, name, *rest):
            if name == "trioshadow.archive._schema":
                raise ModuleNotFoundError("no _hidden", name="_hidden")

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "trioshadow.archive._schema")
    monkeypatch.delattr("trioshadow.archive._schema")
    with pytest.raises(ModuleNotFoundError, match="_hidden"):
        read_archive(path)


def test_no_path_is_an_error():
    with pytest.raises(TypeError, match="at least one path"):
        read_archive()


def test_what_is_written_needs_no_msgspec_and_any_json_reader_reads_it(path):
    fill(path, "a")
    opened, one, closed = map(json.loads, path.read_text().splitlines())
    assert (opened["t"], one["t"], closed["t"]) == ("open", "record", "close")
    assert one["divergence"]["body"]["changes"] == [{"path": "$", "kind": "changed", "primary": 1, "shadow": 2}]


def test_a_pipe_is_not_waited_for_and_a_directory_is_told_what_to_do(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (problem,) = read_archive(pipe)
    assert (problem.kind, problem.what) == (ProblemKind.UNREADABLE, "it can't be opened: pipe is no regular file")
    (problem,) = read_archive(tmp_path)
    assert problem.what == "it is a directory: name the path that the sink had, such as the file shadow.jsonl in it"


def test_a_link_that_leads_back_to_itself_is_a_problem(tmp_path):
    path = tmp_path / "a.jsonl"
    path.symlink_to(path)
    assert problems(path) in ([(ProblemKind.UNREADABLE, None)], [(ProblemKind.MISSING, None)])
