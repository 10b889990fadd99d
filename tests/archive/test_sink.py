"""JsonlSink behind a Shadower. Worker threads and a real clock, and nobody sleeps: a hung disk is an event that a test
sets.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import trio

from trioshadow import ShadowConfig, Shadower, Sink
from trioshadow.archive import (
    JsonlSink,
    Problem,
    ProblemKind,
    Redaction,
    Segment,
    Snapshot,
    merge_archives,
    read_archive,
)
from trioshadow.archive._lines import epoch_of
from trioshadow.archive._writing.active_file import ActiveFile

from tests.support.archives import SNAPSHOT, keys, problems, record, told
from tests.support.portable import TOO_LONG


async def one(request):
    return 1


async def two(request):
    return 2


async def failing(request):
    raise ValueError("not ready")


def shadower(sink, shadow=two, **config):
    return Shadower(one, shadow, ShadowConfig(**config), sinks=[sink])


async def test_what_diverges_and_what_fails_is_in_the_archive(tmp_path):
    path = tmp_path / "a.jsonl"
    async with shadower(JsonlSink(path)) as mirror:
        for number in range(20):
            await mirror.call(b"%d" % number)
            await mirror.wait_idle()
    async with shadower(JsonlSink(str(path)), failing) as mirror:
        await mirror.call(b"failed")
    assert keys(path) == [*(b"%d" % number for number in range(20)), b"failed"]
    assert problems(path) == []


async def test_snapshots_and_records_lie_in_segments_by_epoch(tmp_path):
    sink = JsonlSink(tmp_path / "a.jsonl")
    assert sink.snapshot_every == 60.0
    epochs = [epoch_of(SNAPSHOT), epoch_of({"epoch": {"candidate": "2.1", "rules": "abc"}})]
    await sink.write(record(b"a", epoch=epochs[0]))
    later = {**SNAPSHOT, "series": "s2", "epoch": {"candidate": "2.1", "rules": "abc"}}
    await sink.snapshot([SNAPSHOT, later])
    await sink.aclose()
    entries = told(tmp_path / "a.jsonl")
    assert [entry.epoch for entry in entries if not isinstance(entry, Snapshot)] == [epochs[0], *epochs]
    assert [entry.evidence for entry in entries if isinstance(entry, Snapshot)] == [SNAPSHOT, later]
    assert list(merge_archives(tmp_path / "a.jsonl").epochs) == epochs


async def test_nothing_reaches_the_disk_unredacted(tmp_path):
    redaction = Redaction(keys="hash", function=lambda told: told if told.epoch else None)
    sink = JsonlSink(tmp_path / "a.jsonl", redaction=redaction)
    await sink.write(record(b"user-7", epoch="1/1"))
    await sink.write(record(b"dropped"))
    example = {"key": "user-7", "at": 1.0, "primary": "1", "shadow": "2"}
    await sink.snapshot([{**SNAPSHOT, "operations": {"": {"fields": {"status": {"examples": [example]}}}}}])
    await sink.aclose()
    raw = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"user-7" not in raw
    assert len(keys(tmp_path / "a.jsonl")) == 1


async def test_a_record_for_which_the_function_raises_is_dropped_and_counted(tmp_path):
    def function(told):
        if told.key == b"bad":
            raise KeyError(told.key)
        return told

    sink = JsonlSink(tmp_path / "a.jsonl", redaction=Redaction(function=function))
    async with shadower(sink) as mirror:
        for key in (b"a", b"bad", b"b"):
            await mirror.call(key)
            await mirror.wait_idle()
        assert mirror.statistics().records_dropped["JsonlSink"] == 1
    assert keys(sink.path) == [b"a", b"b"]


async def test_a_directory_that_is_away_costs_records_that_are_counted_and_nothing_else(tmp_path):
    directory = tmp_path / "disk"
    directory.mkdir()
    sink = JsonlSink(directory / "a.jsonl")
    directory.rmdir()
    async with shadower(sink) as mirror:
        assert (await mirror.call(b"a")).primary == 1
        await mirror.wait_idle()
        directory.mkdir()
        await mirror.call(b"b")
        await mirror.wait_idle()
        assert mirror.statistics().records_dropped["JsonlSink"] == 1
    assert keys(sink.path) == [b"b"]


def test_a_directory_that_was_never_there_is_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="path must be in a directory that is there, not '.*nowhere/a.jsonl'"):
        JsonlSink(tmp_path / "nowhere" / "a.jsonl")


class HungDisk:
    """What is appended to files in this directory waits here. `hung` tells that one waits."""

    def __init__(self, directory, monkeypatch):
        self.hung, self.free = threading.Event(), threading.Event()
        self.writing = self.most = 0
        append = ActiveFile.append

        def hang(file, line):
            if file.path.parent == directory:  # not what the test before left behind
                self.writing += 1
                self.most = max(self.most, self.writing)
                self.hung.set()
                self.free.wait(30)
                self.writing -= 1
            append(file, line)

        monkeypatch.setattr(ActiveFile, "append", hang)


@pytest.fixture
def disk(tmp_path, monkeypatch):
    disk = HungDisk(tmp_path, monkeypatch)
    yield disk
    disk.free.set()


async def test_a_hung_disk_blocks_neither_callers_nor_the_exit(tmp_path, disk):
    with trio.fail_after(TOO_LONG):
        async with shadower(Sink(JsonlSink(tmp_path / "a.jsonl"), max_buffer_size=3), drain_timeout=0.05) as mirror:
            for _ in range(10):
                assert (await mirror.call(b"x")).primary == 1
            await trio.to_thread.run_sync(disk.hung.wait)
            assert (await mirror.call(b"x")).primary == 1
    statistics = mirror.statistics()
    assert statistics.records_dropped["JsonlSink"] == statistics.diverged == 11
    assert not disk.free.is_set()


async def test_while_a_write_that_was_given_up_still_hangs_nobody_touches_its_file(tmp_path, disk):
    sink = JsonlSink(tmp_path / "a.jsonl")
    with trio.fail_after(TOO_LONG):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sink.write, record(b"given up"))
            await trio.to_thread.run_sync(disk.hung.wait)
            nursery.cancel_scope.cancel()
        with trio.move_on_after(0.05) as waited:
            await sink.write(record(b"too early"))
        assert waited.cancelled_caught
        disk.free.set()
        await sink.write(record(b"later"))
        await sink.aclose()
    assert disk.most == 1
    assert keys(sink.path) == [b"given up", b"later"]


async def test_a_sink_that_is_cut_off_lets_go_of_its_file(tmp_path):
    sink = JsonlSink(tmp_path / "a.jsonl")
    await sink.write(record(b"a"))
    with trio.CancelScope() as scope:
        scope.cancel()
        await sink.aclose()
    del sink
    again = JsonlSink(tmp_path / "a.jsonl", compress=False)
    await again.write(record(b"b"))
    await again.aclose()
    assert keys(again.path) == [b"a", b"b"]
    assert not [file for file in tmp_path.iterdir() if re.fullmatch(r"a\.jsonl\.[0-9a-f]{8}", file.name)]


async def test_two_sinks_of_one_path_say_so_once(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("trioshadow._accounts.notices.QUIET_SECONDS", 0)
    sinks = [JsonlSink(tmp_path / "a.jsonl", max_segment_bytes=1024, max_total_bytes=1 << 20) for _ in range(2)]
    for number in range(10):
        for sink in sinks:
            await sink.write(record(b"%d" % number))
    assert len([one for one in caplog.records if "another process" in one.getMessage()]) == 1
    assert sorted(keys(sinks[0].path)) == sorted([b"%d" % number for number in range(10)] * 2)


async def test_of_a_link_the_file_is_closed_and_the_link_stays(tmp_path):
    link = tmp_path / "link.jsonl"
    (tmp_path / "disk").mkdir()
    link.symlink_to(tmp_path / "disk" / "a.jsonl")
    sink = JsonlSink(link, max_segment_bytes=1024, max_total_bytes=1 << 20)
    for number in range(10):
        await sink.write(record(b"%d" % number))
    assert link.is_symlink()
    assert {file.name[:7] for file in (tmp_path / "disk").iterdir()} == {"a.jsonl"}
    assert keys(link) == [b"%d" % number for number in range(10)]


async def test_what_was_deleted_is_counted(tmp_path):
    sink = JsonlSink(tmp_path / "a.jsonl", max_segment_bytes=1024, max_total_bytes=2048, compress=False)
    for number in range(20):
        await sink.write(record(b"%d" % number))
    assert sink.deleted_segments > 1


async def test_what_another_program_has_removed_is_counted_and_said_each_minute(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("trioshadow._accounts.notices.QUIET_SECONDS", 0)
    sink = JsonlSink(tmp_path / "a.jsonl")
    for number in range(2):
        for _ in range(3):
            await sink.write(record(b"%d" % number))
        sink.path.open("w").close()
    await sink.write(record(b"2"))
    await sink.aclose()
    assert sink.removed_records == 6
    assert [one.getMessage() for one in caplog.records] == [
        f"another program moved, removed or changed {sink.path}: 3 records gone"
    ] * 2
    assert keys(sink.path) == [b"2"]


WRITER = """
import sys, trio
from trioshadow.archive import JsonlSink
from tests.support.archives import record

async def main(path):
    sink = JsonlSink(path, max_segment_bytes=4096, max_total_bytes=1 << 30)
    number = 0
    while True:
        await sink.write(record(b"%d" % number))
        print(number, flush=True)
        number += 1

trio.run(main, sys.argv[1])
"""


@pytest.mark.slow
def test_killed_at_any_moment_all_that_was_written_is_there(tmp_path):
    """SIGKILL, twenty times, on one archive that is written, rotated and compressed all the time."""
    path = tmp_path / "a.jsonl"
    written = []
    for round_number in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        for line in process.stdout:
            if int(line) >= 20 + 7 * round_number:
                break
        process.send_signal(signal.SIGKILL)
        acknowledged = [int(line), *map(int, process.stdout.read().split(b"\n")[:-1])][-1]
        process.stdout.close()
        process.wait()
        written.append(acknowledged + 1)
    runs: dict[str, int] = {}
    for entry in read_archive(path):
        if isinstance(entry, Segment):
            run = entry.run
        elif isinstance(entry, Problem):
            assert entry.kind in (ProblemKind.TORN, ProblemKind.EMPTY)
        else:
            assert int(entry.key) == runs.get(run, 0), "each once, in order"
            runs[run] = int(entry.key) + 1
    # The one after the last that was acknowledged may be there too.
    assert all(count <= read <= count + 1 for count, read in zip(sorted(written), sorted(runs.values()), strict=True))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"path": 7}, TypeError, "path must be a str or a path, not int"),
        ({"path": "/"}, ValueError, "path must name a file, not '/'"),
        ({"redaction": "all"}, TypeError, "redaction"),
        ({"max_segment_bytes": 1023}, ValueError, r"max_segment_bytes must be bytes in \[1024, inf\), not 1023"),
        ({"max_segment_bytes": 1e9}, TypeError, "max_segment_bytes must be an int, not float"),
        ({"max_segment_age": 0}, ValueError, r"max_segment_age must be seconds in \(0, inf\], not 0"),
        ({"snapshot_every": True}, TypeError, "snapshot_every must be a number, not bool"),
        ({"max_total_bytes": 100 << 20}, ValueError, "max_total_bytes must be at least twice max_segment_bytes"),
        ({"compress": 1}, TypeError, "compress"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        JsonlSink(**{"path": "a.jsonl", **arguments})


async def test_it_says_which_file_it_writes_to(tmp_path):
    path = tmp_path / "a.jsonl"
    first, second = JsonlSink(path), JsonlSink(path)
    assert first.active is None
    await first.write(record())
    await second.write(record())
    assert first.active == path
    assert second.active.parent == tmp_path
    assert second.active.name.startswith("a.jsonl.")
    for sink in (first, second):
        await sink.aclose()
        assert sink.active is None


async def test_a_sink_gets_what_a_closed_one_left(tmp_path):
    sink = JsonlSink(tmp_path / "a.jsonl")
    for _ in range(2):  # one after the other
        async with shadower(sink) as mirror:
            await mirror.call(b"x")
    assert sum(merge_archives(tmp_path / "a.jsonl").evidence().totals()) == 2
