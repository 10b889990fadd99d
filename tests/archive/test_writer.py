"""Lines into files: rotation, restarts, full and vanished disks, two processes. Real files, no Trio."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from trioshadow.archive import ProblemKind, Segment, Snapshot
from trioshadow.archive._lines import line, record_line
from trioshadow.archive._writing import active_file as active_files
from trioshadow.archive._writing.active_file import ActiveFile
from trioshadow.archive._writing.keeping import compress

from tests.support.archives import Clock, Said, keys, problems, record, told, writer

LINE = record_line(record())
CLOSED = re.compile(r"a\.jsonl\.\d{8}T\d{6}-[0-9a-f]{8}-\d{6}")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.jsonl"


def lines(*names: str, epoch=""):
    return [record_line(record(name.encode(), epoch=epoch)) for name in names]


def write_all(target, *names, epoch=""):
    for written in lines(*names, epoch=epoch):
        target.write(written, epoch)


def segments(path):
    return sorted(other.name for other in path.parent.iterdir() if other != path)


# ── segments ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_active_file_has_the_given_name_and_its_owners_mode(path):
    os.umask(before := os.umask(0))
    try:
        os.umask(0)
        write_all(writer(path), "a")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    segment, one = told(path)
    assert isinstance(segment, Segment)
    assert (segment.number, segment.deleted, one.key) == (1, 0, b"a")


def test_a_segment_is_closed_before_it_becomes_too_large(path):
    target = writer(path, max_segment_bytes=2 * len(LINE) + 400, compress=False)
    write_all(target, *"abcdefg")
    assert keys(path) == [*map(str.encode, "abcdefg")]
    assert all(CLOSED.fullmatch(name) for name in segments(path))
    assert len(segments(path)) == 3
    for name in segments(path):
        assert (path.parent / name).stat().st_size <= 2 * len(LINE) + 400 + 100  # its own close line is not counted
    assert [entry.number for entry in told(path) if isinstance(entry, Segment)] == [1, 2, 3, 4]


def test_a_segment_is_closed_when_it_is_old_or_the_clock_was_set_back(path):
    clock = Clock()
    target = writer(path, clock=clock, max_segment_age=60.0, compress=False)
    write_all(target, "a")
    clock.now += 59
    write_all(target, "b")
    assert segments(path) == []
    clock.now += 1
    write_all(target, "c")
    assert len(segments(path)) == 1
    clock.now -= 1
    write_all(target, "d")
    assert len(segments(path)) == 2
    assert keys(path) == [b"a", b"b", b"c", b"d"]


def test_a_new_epoch_begins_a_segment_and_a_late_record_does_not(path):
    target = writer(path)
    write_all(target, "a", epoch="1/x")
    write_all(target, "b", epoch="2/x")
    write_all(target, "late", epoch="1/x")
    assert [entry.epoch for entry in told(path)] == ["1/x", "1/x", "2/x", "2/x", "1/x"]


def test_a_line_that_is_larger_than_a_segment_is_refused(path):
    target = writer(path, max_segment_bytes=1024)
    with pytest.raises(ValueError, match="max_segment_bytes"):
        target.write(b"x" * 1025, "")
    assert not path.exists()


def test_closed_segments_are_compressed_with_the_line_that_follows(path):
    target = writer(path, max_segment_bytes=2 * len(LINE) + 400)
    write_all(target, *"abcdefghijk")
    assert {name[-3:] for name in segments(path)[:-1]} == {".gz"}
    assert keys(path) == [*map(str.encode, "abcdefghijk")]
    for name in segments(path):
        assert stat.S_IMODE((path.parent / name).stat().st_mode) == 0o600


def test_the_oldest_segments_are_deleted_when_all_are_too_large(path):
    said = Said()
    target = writer(path, said, max_segment_bytes=2048, max_total_bytes=8192, compress=False)
    for number in range(100):
        write_all(target, f"{number}")
        assert sum(file.stat().st_size for file in path.parent.iterdir()) <= 8192
    kept = [int(key) for key in keys(path)]
    assert kept == list(range(kept[0], 100))
    assert kept[0] > 50
    deleted = [entry.deleted for entry in told(path) if isinstance(entry, Segment)][-1]
    assert 0 < deleted <= target.deleted_segments
    assert set(said) == {f"max_total_bytes: the oldest segments of {path} are deleted"}


def test_a_segment_that_another_process_deleted_first_is_no_error(path, monkeypatch):
    target = writer(path, max_segment_bytes=2048, max_total_bytes=4096, compress=False)
    unlink = Path.unlink

    def gone(self, **arguments):
        unlink(self, **arguments)
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "unlink", gone)
    write_all(target, *map(str, range(20)))
    assert target.deleted_segments == 0


def test_what_is_deleted_while_it_is_compressed_stays_deleted(path, monkeypatch):
    segment = path.with_name("a.jsonl.20260101T000000-00000000-000001")
    segment.write_bytes(LINE)
    copy = shutil.copyfileobj

    def copy_while_it_is_deleted(*arguments):
        copy(*arguments)
        segment.unlink()

    monkeypatch.setattr(shutil, "copyfileobj", copy_while_it_is_deleted)
    compress(segment)
    assert segments(path) == []


def test_closing_says_how_much_there_was_and_a_later_write_opens_again(path):
    target = writer(path)
    write_all(target, "a", "b")
    target.close()
    target.close()
    assert path.read_bytes().splitlines()[-1].endswith(b'"records":2,"snapshots":0}')
    write_all(target, "c")
    assert keys(path) == [b"a", b"b", b"c"]
    assert len(segments(path)) == 1


def test_names_that_are_taken_are_not_overwritten(path):
    for _ in range(3):
        path.write_bytes(b"not ours\n")
        os.utime(path, (1e9, 1e9))
        target = writer(path, compress=False)
        target._run = "00000000"
        write_all(target, "a")
        target.close()
        path.unlink()
    assert [name[-6:] for name in segments(path)] == ["000000", "000001", "000002"]


# ── killed ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_cut_off_at_any_byte_every_whole_line_is_read_and_the_torn_one_reported(path, tmp_path):
    target = writer(path)
    write_all(target, "a", "b")
    target.write(line("snapshot", at=1.0, evidence={}), "", snapshot=True)
    target.close()
    whole = path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == 10]
    cut = tmp_path / "cut" / "a.jsonl"
    cut.parent.mkdir()
    sorts = [Segment, type(record()), type(record()), Snapshot]
    for size in range(len(whole)):
        cut.write_bytes(whole[:size])
        complete = sum(size >= end - 1 for end in ends)  # without its line end a line is still whole
        entries = told(cut) if size in ends or size + 1 in ends else None
        if entries is None:
            ((kind, at),) = problems(cut)
            assert (kind, at) == ((ProblemKind.TORN, complete + 1) if size else (ProblemKind.EMPTY, None)), size
        assert [type(entry) for entry in _readable(cut)] == sorts[: min(complete, 4)], size


def _readable(path):
    from trioshadow.archive import Problem, read_archive

    return [entry for entry in read_archive(path) if not isinstance(entry, Problem)]


def test_what_a_killed_process_left_is_closed_as_it_is(path):
    write_all(writer(path), "a")
    left = path.read_bytes() + b'{"t":"rec'
    path.write_bytes(left)
    write_all(writer(path, compress=False), "b")
    (segment,) = segments(path)
    assert (path.parent / segment).read_bytes() == left
    assert keys(path) == [b"a", b"b"]
    assert problems(path) == [(ProblemKind.TORN, 3)]


@pytest.mark.parametrize("left", [b"", b"{", b"\xff\n", b'{"run":"x","segment":1}\n', b'{"run":"0123abcd"}\n', b"[]\n"])
def test_whatever_else_is_there_is_put_aside(path, left):
    path.write_bytes(left)
    write_all(writer(path), "a")
    assert keys(path) == [b"a"]
    assert len(segments(path)) == (1 if left else 0)


@pytest.mark.parametrize("when", ["compressing", "renamed", "both"])
def test_killed_while_a_segment_is_compressed_nothing_is_lost_or_there_twice(path, when):
    write_all(writer(path, max_segment_bytes=2 * len(LINE) + 400, compress=False), *"abcdefg")
    first = path.parent / segments(path)[0]
    packed = gzip.compress(first.read_bytes())
    if when == "compressing":
        first.with_name(first.name + ".gz.tmp").write_bytes(packed[:20])
    else:
        first.with_name(first.name + ".gz").write_bytes(packed)
        first.with_name("a.jsonl.20260101T000000-00000000-000001.gz.tmp").write_bytes(packed[:20])
        if when == "renamed":
            first.unlink()
    everything = [*map(str.encode, "abcdefg")]
    assert keys(path) == everything
    target = writer(path)
    write_all(target, *"hijklmnop")
    assert not [name for name in segments(path) if name.endswith(".tmp")]
    assert [name[-3:] for name in segments(path)] == [".gz"] * 4
    assert keys(path) == [*everything, *map(str.encode, "hijklmnop")]


def test_what_is_being_compressed_by_another_process_is_left_to_it(path):
    segment = path.with_name("a.jsonl.20260101T000000-00000000-000001")
    unfinished = segment.with_name(segment.name + ".gz.tmp")
    segment.write_bytes(line("open", library="1", run="00000000", segment=1, epoch="", at=1.0))
    unfinished.write_bytes(b"half")
    with segment.open("rb") as other:
        assert active_files.lock(other.fileno())
        write_all(writer(path), *"abc")
        assert unfinished.read_bytes() == b"half"
        assert segment.exists()
    write_all(writer(path), *"abc")
    assert not unfinished.exists()
    assert not segment.exists()


# ── two processes ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_finds_the_file_locked_writes_to_its_own_and_says_so(path):
    said = Said()
    first, second = writer(path), writer(path, said)
    for number in range(3):
        write_all(first, f"first {number}")
        write_all(second, f"second {number}")
    assert sorted(keys(path)) == sorted(
        f"{who} {number}".encode() for who in ("first", "second") for number in range(3)
    )
    (own,) = segments(path)
    assert re.fullmatch(r"a\.jsonl\.[0-9a-f]{8}", own)
    assert said == [f"another process writes to {path}: this one to {own}"]
    first.close()
    second.close()
    write_all(writer(path), "third")
    assert len(segments(path)) == 2, "both have become segments"
    assert len(keys(path)) == 7


def test_each_of_two_rotates_without_harm_to_the_other(path):
    targets = [writer(path, max_segment_bytes=2048, compress=bool(number % 2)) for number in range(3)]
    expected = [f"{number} {who}".encode() for number in range(40) for who in range(3)]
    for key in expected:
        write_all(targets[int(key[-1:])], key.decode())
    assert sorted(keys(path)) == sorted(expected)


def test_of_a_process_that_wrote_nothing_nothing_stays(path):
    own = path.with_name("a.jsonl.0123abcd")
    own.touch()
    write_all(writer(path), "a")
    assert not own.exists()


def test_an_own_file_that_is_locked_too_is_an_error(path, monkeypatch):
    target = writer(path)
    monkeypatch.setattr(ActiveFile, "open", lambda path: None)
    with pytest.raises(OSError, match="is locked by another process"):
        write_all(target, "a")


def test_a_file_that_was_closed_while_it_was_opened_is_not_taken(path, monkeypatch):
    """Its owner renames it, and lets go of it, between our opening it and our lock."""
    path.write_bytes(LINE)
    lock = active_files.lock

    def too_late(fd):
        if path.exists() and path.read_bytes():
            path.rename(path.with_name("closed"))
        return lock(fd)

    monkeypatch.setattr(active_files, "lock", too_late)
    file = ActiveFile.open(path)
    assert file.size == 0
    assert path.with_name("closed").read_bytes() == LINE


def test_a_file_system_without_locks_is_written_to(path, monkeypatch):
    def refuse(fd, how):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(active_files.fcntl, "flock", refuse)
    write_all(writer(path), "a")
    assert keys(path) == [b"a"]


def test_without_fcntl_there_is_no_lock(path, monkeypatch):
    monkeypatch.setattr(active_files.sys, "platform", "win32")
    assert active_files.lock(-1)


# ── disks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_written_of_a_line_when_the_disk_is_full_is_cut_off_again(path, monkeypatch):
    target = writer(path)
    write_all(target, "a")
    write = os.write

    def full(fd, data):
        write(fd, bytes(data[:10]))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            write_all(target, "b")
    write_all(target, "c")
    assert keys(path) == [b"a", b"c"]
    assert problems(path) == []


def test_what_cannot_be_cut_off_does_not_stick_to_the_next_line(path, monkeypatch):
    target = writer(path)
    write_all(target, "a")
    write = os.write

    def full(fd, data):
        write(fd, bytes(data[:10]))
        raise OSError(errno.EIO, "Input/output error")

    def refuse(fd, size):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        patch.setattr(os, "ftruncate", refuse)
        for _ in range(2):
            with pytest.raises(OSError, match="Input/output"):
                write_all(target, "b")
    write_all(target, "c", "d")
    assert keys(path) == [b"a", b"c", b"d"]
    assert problems(path) == [(ProblemKind.FOREIGN, 3), (ProblemKind.FOREIGN, 4)]


def test_after_that_too_only_the_half_line_is_cut_off(path, monkeypatch):
    """What can't be cut off has made the file longer than its lines are."""
    target = writer(path)
    write_all(target, "a")
    write = os.write

    def full(fd, data):
        write(fd, bytes(data[:300]))
        raise OSError(errno.ENOSPC, "No space left on device")

    def refuse(fd, size):
        raise OSError(errno.EIO, "Input/output error")

    for broken in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            if broken:
                patch.setattr(os, "ftruncate", refuse)
            with pytest.raises(OSError, match="No space"):
                write_all(target, "lost")
        write_all(target, f"{broken}")
    assert keys(path) == [b"a", b"True", b"False"]
    assert len(problems(path)) == 1


def test_a_write_that_takes_a_part_goes_on_with_the_rest(path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data[:7])))
    write_all(writer(path), "a", "b")
    assert keys(path) == [b"a", b"b"]


def test_dev_full_is_a_full_disk(path, monkeypatch):
    target = writer(path)
    write_all(target, "a")
    write, full = os.write, os.open("/dev/full", os.O_WRONLY)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(full, data))
        with pytest.raises(OSError, match="No space left"):
            write_all(target, "b")
    os.close(full)
    write_all(target, "c")
    assert keys(path) == [b"a", b"c"]


def test_a_device_is_refused_and_left_alone():
    with pytest.raises(OSError, match="is no regular file"):
        writer(Path("/dev/full")).write(LINE, "")


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small tmpfs can't be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_real_full_disk_loses_what_does_not_fit_and_nothing_else(small_disk):
    path = small_disk / "a.jsonl"
    target = writer(path)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 40_000)
    expected = []
    for number in range(400):
        if number == 300:
            ballast.unlink()  # somebody makes room
        with contextlib.suppress(OSError):
            write_all(target, f"{number}")
            expected.append(f"{number}".encode())
    assert keys(path) == expected
    assert problems(path) == []
    assert 50 < len(expected) < 300
    assert b"300" in expected


def test_a_disk_that_is_full_from_the_start_is_tried_again(small_disk):
    path = small_disk / "a.jsonl"
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError):
        ballast.write_bytes(b"x" * 100_000)
    target = writer(path)
    for _ in range(3):
        with pytest.raises(OSError, match="No space left"):
            write_all(target, "a")
    ballast.unlink()
    write_all(target, "b")
    assert keys(path) == [b"b"]
    assert problems(path) == []


def test_a_full_disk_keeps_segments_uncompressed(path, monkeypatch):
    target = writer(path, max_segment_bytes=2 * len(LINE) + 400)

    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    write_all(target, *"abcdefg")
    assert keys(path) == [*map(str.encode, "abcdefg")]
    assert not [name for name in segments(path) if "gz" in name]


def test_a_directory_that_is_removed_loses_records_until_it_is_back(tmp_path):
    path = tmp_path / "disk" / "a.jsonl"
    target = writer(path)
    with pytest.raises(FileNotFoundError):
        write_all(target, "a")
    path.parent.mkdir()
    write_all(target, "b")
    shutil.rmtree(path.parent)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            write_all(target, "c")
    path.parent.mkdir()
    write_all(target, "d", "e")
    assert keys(path) == [b"d", b"e"]


def test_a_file_that_was_moved_away_is_left_alone(path):
    target = writer(path)
    write_all(target, "a")
    moved = path.rename(path.with_name("moved"))
    before = moved.read_bytes()
    write_all(target, "b")
    assert moved.read_bytes() == before
    assert keys(path) == [b"b"]
    assert keys(moved) == [b"a"]


def test_where_a_segment_cannot_be_renamed_the_next_lies_beside_it(path, monkeypatch):
    """As in a file that may only be appended to (`chattr +a`)."""
    said = Said()
    target = writer(path, said)
    write_all(target, "a", epoch="1")

    def refuse(self, other):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        write_all(target, "b", epoch="2")
    assert said == [f"{path} can't be written any more (PermissionError): this one to {target.active.name}"]
    write_all(target, "c", epoch="3")
    assert target.active == path
    assert sorted(keys(path)) == [b"a", b"b", b"c"]
    assert problems(path) == []


def test_an_error_while_looking_at_the_file_is_raised(path, monkeypatch):
    target = writer(path)
    write_all(target, "a")

    def broken(self):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", broken)
        with pytest.raises(OSError, match="Input/output"):
            write_all(target, "b")
        with pytest.raises(OSError, match="Input/output"):
            ActiveFile.open(path.with_name("other"))
    write_all(target, "c")
    assert keys(path) == [b"a", b"c"]
