"""Adding up snapshots: the last of each series, by epoch. Real files, no Trio; the evidence is a stand-in's."""

from __future__ import annotations

import shutil

import pytest

from trioshadow.archive import ProblemKind, merge_archives
from trioshadow.archive import _merge as merging
from trioshadow.archive._lines import line, record_line, snapshot_line

from .archives import SNAPSHOT, record, writer


class Evidence:
    """The three methods that the archive knows, over one count."""

    def __init__(self, data):
        self.data = data

    def to_dict(self):
        return self.data

    @classmethod
    def from_dict(cls, data):
        if "calls" not in data:
            raise ValueError("no calls")
        return cls(data)

    @classmethod
    def merge(cls, parts):
        return cls({"calls": sum(part.data["calls"] for part in parts)})


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.setattr(merging, "Evidence", Evidence)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.jsonl"


class Process:
    """One that writes snapshots of its own series."""

    def __init__(self, path, series, candidate="2.0"):
        self.writer = writer(path, max_segment_bytes=1024)
        self.data = {**SNAPSHOT, "series": series, "epoch": {"candidate": candidate, "rules": "abc"}, "calls": 0}
        self.epoch = f"{candidate}/abc"

    def count(self, calls):
        self.data = {**self.data, "calls": calls, "until": self.data["until"] + 1}
        self.writer.write(snapshot_line(self.data, 1.0), self.epoch, snapshot=True)

    def record(self):
        self.writer.write(record_line(record(epoch=self.epoch)), self.epoch)


def calls(merged):
    return {epoch: evidence.to_dict()["calls"] for epoch, evidence in merged.epochs.items()}


def test_of_each_series_the_last_snapshot_counts_and_the_series_are_added(path, tmp_path):
    first, second, elsewhere = Process(path, "s1"), Process(path, "s2"), Process(tmp_path / "b.jsonl", "s3")
    for number in range(1, 11):
        first.count(number)
        second.count(10 * number)
        elsewhere.count(100 * number)
    merged = merge_archives(path, tmp_path / "b.jsonl")
    assert calls(merged) == {"2.0/abc": 1110}
    assert merged.evidence().to_dict() == {"calls": 1110}
    assert merged.problems == ()


def test_the_order_of_the_files_does_not_matter(path):
    process = Process(path, "s1")
    for number in range(30):
        process.count(number)
    files = sorted(path.parent.iterdir())
    assert calls(merge_archives(*files)) == calls(merge_archives(*reversed(files))) == {"2.0/abc": 29}


def test_a_snapshot_that_was_counted_earlier_does_not_replace_a_later_one(path):
    process = Process(path, "s1")
    process.count(1)
    process.count(2)
    process.data["until"] -= 5
    process.count(1)
    assert calls(merge_archives(path)) == {"2.0/abc": 2}


def test_what_is_there_twice_counts_once(path, tmp_path):
    process = Process(path, "s1")
    for number in range(30):
        process.count(number)
    shutil.copytree(path.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("copy"))
    merged = merge_archives(path, path, tmp_path / "copy" / "a.jsonl")
    assert calls(merged) == {"2.0/abc": 29}
    assert {problem.kind for problem in merged.problems} == {ProblemKind.DUPLICATE}


def test_epochs_are_never_added_up(path):
    Process(path, "s1").count(1)
    Process(path, "s2", candidate="2.1").count(2)
    merged = merge_archives(path)
    assert calls(merged) == {"2.0/abc": 1, "2.1/abc": 2}
    assert merged.evidence("2.1/abc").to_dict() == {"calls": 2}
    with pytest.raises(ValueError, match=r"not None: '2\.0/abc', '2\.1/abc'"):
        merged.evidence()
    with pytest.raises(ValueError, match=r"not '3': '2\.0/abc', '2\.1/abc'"):
        merged.evidence("3")


def test_an_archive_without_snapshots_has_no_evidence(path):
    Process(path, "s1").record()
    merged = merge_archives(path)
    assert merged.records_since == 1
    with pytest.raises(ValueError, match="not None: none"):
        merged.evidence()


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
    assert calls(merged) == {"2.0/abc": 1}
    assert [problem.kind for problem in merged.problems] == [ProblemKind.TORN]


@pytest.mark.parametrize("bad", [{"calls": 1}, {**SNAPSHOT, "until": None}, {**SNAPSHOT, "epoch": 7}, {}])
def test_what_is_no_evidence_is_told(path, bad):
    process = Process(path, "s1")
    process.count(1)
    process.writer.write(line("snapshot", at=1.0, evidence=bad), process.epoch, snapshot=True)
    merged = merge_archives(path)
    assert calls(merged) == {"2.0/abc": 1}
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
