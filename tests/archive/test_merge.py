"""Adding up snapshots: the last of each series, by epoch. Real files, no Trio."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from trioshadow import ShadowConfig, Verdict
from trioshadow.archive import ProblemKind, merge_archives, read_archive
from trioshadow.archive._lines import record_line, snapshot_line
from trioshadow.archive._reading import merge as merging
from trioshadow.evidence import FORMAT, Epoch, Evidence

from tests.support.archives import SNAPSHOT, record, writer


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.jsonl"


class Process:
    """One that writes snapshots of its own series."""

    def __init__(self, path, series, candidate="2.0"):
        self.writer = writer(path, max_segment_bytes=4096)
        self.evidence = Evidence(Epoch(candidate, RULES), series=series)
        self.until = 0.0

    def count(self, calls):
        self.evidence.unnamed.counts[Verdict.MATCHED.slot] = calls
        self.until += 1
        self.put(self.evidence.to_dict(self.until))

    def put(self, snapshot):
        self.writer.write(snapshot_line(snapshot, 1.0), ID_20, snapshot=True)

    def record(self):
        self.writer.write(record_line(record(epoch=ID_20)), ID_20)


#: Two epochs, as records have them.
ID_20, ID_21 = (ShadowConfig(candidate=candidate).epoch_id for candidate in ("2.0", "2.1"))
RULES = ShadowConfig().fingerprint


def calls(merged):
    return {epoch: sum(evidence.totals()) for epoch, evidence in merged.epochs.items()}


def test_of_each_series_the_last_snapshot_counts_and_the_series_are_added(path, tmp_path):
    first, second, elsewhere = Process(path, "s1"), Process(path, "s2"), Process(tmp_path / "b.jsonl", "s3")
    for number in range(1, 11):
        first.count(number)
        second.count(10 * number)
        elsewhere.count(100 * number)
    merged = merge_archives(path, tmp_path / "b.jsonl")
    assert calls(merged) == {ID_20: 1110}
    assert merged.evidence() is merged.epochs[ID_20]
    assert merged.problems == ()


def test_the_order_of_the_files_does_not_matter(path):
    process = Process(path, "s1")
    for number in range(30):
        process.count(number)
    files = sorted(path.parent.iterdir())
    assert calls(merge_archives(*files)) == calls(merge_archives(*reversed(files))) == {ID_20: 29}


def test_a_snapshot_with_fewer_calls_does_not_replace_one_with_more_whatever_the_clock_says(path):
    process = Process(path, "s1")
    process.count(1)
    process.count(3)
    process.until -= 5  # the clock was set back
    process.count(4)
    process.count(2)  # of a file that came out of order
    assert calls(merge_archives(path)) == {ID_20: 4}


def test_of_one_call_its_verdict_is_later_than_that_it_is_in_flight(path):
    process = Process(path, "s1")
    counts = process.evidence.unnamed.counts
    for before, after in (([0], [1]), ([1], [0])):
        counts[Verdict.MATCHED.slot], counts[-1] = before[0], after[0]
        process.put(process.evidence.to_dict(1.0))
    assert merge_archives(path).evidence().totals()[Verdict.MATCHED.slot] == 1


def test_segments_that_were_deleted_are_told(path):
    process = Process(path, "s1")
    process.writer = writer(path, max_segment_bytes=4096, max_total_bytes=8192, compress=False)
    for number in range(40):
        process.count(number)
    merged = merge_archives(path)
    assert merged.deleted_segments > 3
    assert calls(merged) == {ID_20: 39}


def test_what_is_there_twice_counts_once(path, tmp_path):
    process = Process(path, "s1")
    for number in range(30):
        process.count(number)
    shutil.copytree(path.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("copy"))
    merged = merge_archives(path, path, tmp_path / "copy" / "a.jsonl")
    assert calls(merged) == {ID_20: 29}
    assert {problem.kind for problem in merged.problems} == {ProblemKind.DUPLICATE}


def test_epochs_are_never_added_up(path):
    Process(path, "s1").count(1)
    Process(path, "s2", candidate="2.1").count(2)
    merged = merge_archives(path)
    assert calls(merged) == {ID_20: 1, ID_21: 2}
    assert merged.evidence(ID_21) is merged.epochs[ID_21]
    with pytest.raises(ValueError, match=rf"not None: '{ID_20}' \(2\.0, rules {RULES}\), '{ID_21}' \(2\.1, "):
        merged.evidence()
    with pytest.raises(ValueError, match=f"not '3': '{ID_20}'"):
        merged.evidence("3")


def test_an_archive_without_snapshots_has_no_evidence(path):
    Process(path, "s1").record()
    merged = merge_archives(path)
    assert merged.records_since == 1
    with pytest.raises(ValueError, match=r"there is no snapshot in the archive, so nothing was counted$"):
        merged.evidence()
    with pytest.raises(ValueError, match="nothing was counted: nowhere: there is no such file"):
        merge_archives("nowhere").evidence()


def test_records_since_the_last_snapshot_of_their_process_are_told(path):
    first, second = Process(path, "s1"), Process(path, "s2")
    for process, after in ((first, 3), (second, 2)):
        process.record()
        process.count(1)
        for _ in range(after):
            process.record()
    assert merge_archives(path).records_since == 5


def test_a_torn_snapshot_does_not_count(path):
    process = Process(path, "s1")
    process.count(1)
    process.count(2)
    path.write_bytes(path.read_bytes()[:-5])
    merged = merge_archives(path)
    assert calls(merged) == {ID_20: 1}
    assert [problem.kind for problem in merged.problems] == [ProblemKind.TORN]


@pytest.mark.parametrize("bad", [{"calls": 1}, {**SNAPSHOT, "series": None}, {**SNAPSHOT, "epoch": 7}, {}])
def test_what_is_no_evidence_is_told(path, bad):
    process = Process(path, "s1")
    process.count(1)
    process.put(bad)
    merged = merge_archives(path)
    assert calls(merged) == {ID_20: 1}
    assert [problem.kind for problem in merged.problems] == [ProblemKind.FOREIGN]


def test_problems_are_bounded_and_counted(path, monkeypatch):
    monkeypatch.setattr(merging, "_KEPT", 3)
    process = Process(path, "s1")
    process.count(1)
    with path.open("ab") as file:
        file.write(b"x\n" * 10)
    merged = merge_archives(path)
    assert len(merged.problems) == 3
    assert merged.problem_count == 10


@pytest.mark.parametrize(
    ("told", "kind", "words"),
    [
        (None, ProblemKind.OUTDATED, "evidence of format 1, counted by an older version (its records can be replayed;"),
        (1, ProblemKind.OUTDATED, "evidence of format 1, counted by an older version"),
        (FORMAT + 1, ProblemKind.NEWER, f"evidence of format {FORMAT + 1}, counted by a newer version (upgrade"),
        ("2", ProblemKind.FOREIGN, "this is no snapshot of evidence"),
    ],
)
def test_evidence_of_another_format_is_refused_by_name_and_the_records_beside_it_are_read(path, told, kind, words):
    process = Process(path, "s1")
    snapshot = {name: value for name, value in process.evidence.to_dict(1.0).items() if name != "format"}
    process.put(snapshot if told is None else {**snapshot, "format": told})
    process.writer.write(record_line(record(epoch=ID_20)), ID_20)
    process.writer.close()
    merged = merge_archives(path)
    (problem,) = merged.problems
    assert (problem.kind, merged.epochs, merged.records_since) == (kind, {}, 1)
    assert words in str(problem)
    with pytest.raises(ValueError, match=re.escape(problem.what)):
        merged.evidence()
    assert [one.operation for one in read_archive(path).records()] == ["GET /users/{id}"]
    with pytest.raises(ValueError, match="this is no snapshot of evidence: "):
        Evidence.from_dict({**snapshot, "format": told or 1})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_processes_that_were_forked_before_it_is_entered_are_added_up(tmp_path):
    program = f"""
import os, trio
from trioshadow import Shadower
from trioshadow.archive import JsonlSink

async def echo(request):
    return request

shadower = Shadower(echo, echo, sinks=[JsonlSink({str(tmp_path / "a.jsonl")!r})])  # at import, as is allowed

async def main():
    async with shadower:
        for number in range(10):
            await shadower.call(b"%d" % number)

children = [os.fork() for _ in range(1)]
trio.run(main)
if children[0]:
    assert os.waitpid(children[0], 0)[1] == 0
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert sum(merge_archives(tmp_path / "a.jsonl").evidence().totals()) == 20
