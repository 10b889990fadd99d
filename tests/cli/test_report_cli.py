"""`python -m trioshadow report` as somebody runs it."""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
from pathlib import Path

import attrs
import pytest

from trioshadow import DivergenceRecord, FailureKind, ResponseRecord, ShadowFailure, Verdict
from trioshadow.cli import main

from tests.support.archives import record, shadowed, written
from tests.support.commands import ESCAPE, run, run_on_terminal, run_process


@pytest.fixture(scope="module")
def rejected(tmp_path_factory):
    """An archive of a candidate that is to be rejected; its second half is a copy of another process."""
    path = tmp_path_factory.mktemp("rejected") / "shadow.jsonl"
    for _ in range(2):
        shadowed(path, 300, lambda n: {"a": n}, lambda n: {"a": n + n % 2}, lambda n: {"a": n}, candidate="shop 2.1")
    return path


def test_it_tells_the_decision_the_reasons_and_what_differs(rejected):
    done = run("report", rejected)
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        *("2 segments, 300 records", "shop 2.1: REJECT", "$.a differs for 50.00% of the keys (150)"),
        *(
            "GET /users/{id}",
            "Differences: 300 records of 1 kind",
            "300\u00d7 GET /users/{id}: diverged: $.a",
            "- 1",
            "+ 2",
        ),
    ):
        assert words in done.stdout
    assert ESCAPE not in done.stdout
    assert max(map(len, done.stdout.splitlines()[1:])) <= 80


def test_several_files_are_added_up(rejected, tmp_path):
    other = tmp_path / "other.jsonl"
    shadowed(other, 100, lambda n: {"a": n}, lambda n: {"a": n + n % 2}, lambda n: {"a": n}, candidate="shop 2.1")
    one, both = (json.loads(run("report", *files, "--json").stdout) for files in ([rejected], [rejected, other]))
    assert (one["calls"], both["calls"]) == (600, 700)
    assert (one["records"], both["records"]) == (300, 350)


@pytest.mark.parametrize(
    ("shadow", "calls", "decision", "status"),
    [(1, 6_000, "promote", 0), (2, 200, "reject", 1), (1, 20, "hold", 3)],
)
def test_the_exit_status_is_the_decisions_where_that_is_asked_for(tmp_path, shadow, calls, decision, status):
    path = tmp_path / "a.jsonl"
    shadowed(path, calls, lambda n: 1, lambda n: shadow, lambda n: 1)
    # How fast this machine is is not the matter here.
    done = run("report", path, "--exit-code", "--json", "--max-p99-ratio", "none")
    assert json.loads(done.stdout)["decision"] == decision
    assert done.returncode == status
    assert run("report", path).returncode == 0


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_that_has_seen_enough_does_not_change_the_exit_status(rejected, form):
    reader, theirs = os.pipe()
    os.close(reader)
    try:
        done = run_process("report", rejected, "--exit-code", *form, stdout=theirs)
    finally:
        os.close(theirs)
    assert (done.returncode, done.stderr) == (1, "")


def test_json_is_strict_and_has_everything(rejected):
    done = run("report", rejected, "--json")

    def refused(constant):
        raise AssertionError(constant)

    told = json.loads(done.stdout, parse_constant=refused)
    assert told["version"] == 1
    assert told["decision"] == "reject"
    assert told["epoch"]["candidate"] == "shop 2.1"
    assert told["objective"]["max_rate"] == 0.001
    assert told["totals"]["diverged"] == told["totals"]["matched"] == 300
    (operation,) = told["operations"]
    assert operation["fields"][0]["field"] == "$.a"
    assert operation["fields"][0]["state"] == "regressed"
    (difference,) = told["differences"]
    assert (difference["verdict"], difference["calls"], difference["fields"]) == ("diverged", 300, ["$.a"])
    assert difference["instances"][0]["places"][0]["where"] == "$.a"
    assert told["problems"] == []


def test_the_page_is_written_and_where_it_is_is_said(rejected, tmp_path):
    target = tmp_path / "report.html"
    done = run("report", rejected, "--html", target)
    assert f"The page is in {target}" in done.stdout
    assert "<title>REJECT: shop 2.1</title>" in target.read_text(encoding="utf-8")
    done = run("report", rejected, "--html", target, "--json")
    json.loads(done.stdout)
    assert f"The page is in {target}" in done.stderr


def test_on_a_terminal_it_has_colours_and_without_one_and_with_no_color_none(rejected):
    assert f"{ESCAPE}[1;31mREJECT" in run_on_terminal("report", rejected)
    assert ESCAPE not in run_on_terminal("report", rejected, NO_COLOR="1")


# ── what is not as it should be ──────────────────────────────────────────────────────────────────────────────────────


def wrong(*arguments):
    done = run("report", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("trioshadow: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_what_is_wrong_ends_it_with_one_line_that_says_what_to_do(rejected, tmp_path):
    empty, newer, foreign = (tmp_path / name for name in ("empty.jsonl", "newer.jsonl", "foreign.json"))
    empty.touch()
    newer.write_text('{"t":"open","v":2,"more":1}\n')
    foreign.write_text('{"a": 1}\n')
    assert "report needs a file" in wrong()
    assert f"{tmp_path / 'none'}: there is no such file (check the path)" in wrong(tmp_path / "none")
    assert "empty.jsonl: it is empty (it may be removed)" in wrong(empty)
    assert "newer.jsonl:1: its format is newer than version 1 (upgrade trioshadow)" in wrong(newer)
    assert "foreign.json:1: this is no line of an archive (pass only files that" in wrong(foreign)
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    assert "loop.jsonl: there is no such file (check the path)" in wrong(tmp_path / "loop.jsonl")
    assert "loop.jsonl: there is no such file" in wrong(tmp_path / "loop.jsonl", "--html", tmp_path / "page.html")
    assert "--html can't be written" in wrong(rejected, "--html", tmp_path / "loop.jsonl" / "page.html")
    assert f"{tmp_path}: it is a directory: name the path that the sink had" in wrong(tmp_path)
    assert "there is no epoch 'abc' in the files: there are " in wrong(rejected, "--epoch", "abc")
    assert "--html can't be written" in wrong(rejected, "--html", tmp_path)
    assert "--html can't be written" in wrong(rejected, "--html", tmp_path / "none" / "page.html")
    assert "--html can't be written" in wrong(rejected, "--html", "/dev/full")
    assert "--html would write over an archive" in wrong(rejected, "--html", rejected)
    assert rejected.read_bytes().startswith(b'{"t":"open"')


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [("report", "FILE"), ("report", "FILE", "--json"), ("report", "--help")])
def test_where_nothing_can_be_written_it_says_so_and_that_is_no_decision(rejected, arguments):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = run_process(*(rejected if each == "FILE" else each for each in arguments), stdout=full)
    assert done.stderr == f"trioshadow: what it says can't be written: {os.strerror(errno.ENOSPC)}\n"
    assert done.returncode == 2


def test_a_mistake_of_ours_is_a_traceback_and_no_decision(monkeypatch, capsys):
    def broken(*_):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("trioshadow.cli._app", broken)
    assert main(["report"]) == 70  # where Python has 1, which is REJECT
    assert capsys.readouterr().err.endswith("ZeroDivisionError: ours\n")


def test_files_that_can_be_read_in_part_are_reported_with_what_cant(rejected, tmp_path):
    torn = tmp_path / "torn.jsonl"
    written(torn, record(epoch="e1"))
    with torn.open("ab") as file:
        file.write(b'no json\n{"t":"record","v":3}\n{"t":"rec')
    done = run("report", rejected, torn)
    assert done.returncode == 0
    assert "shop 2.1: REJECT" in done.stdout
    for words in (
        "Note: 3 problems with the files: see below",
        f"{torn}:4: this is no line of an archive (pass only files that a JsonlSink wrote)",
        f"{torn}:5: its format is newer than version 1 (upgrade trioshadow)",
        f"{torn}:6: the last line has no end (nothing to be done: what is lost is this line)",
    ):
        assert words in " ".join(done.stdout.split()) or words in done.stdout


def test_a_copy_that_was_cut_off_is_told(tmp_path):
    path = tmp_path / "a.jsonl"
    written(path, *(record(b"%d" % n, old=hash(str(n)), new=n) for n in range(2_000)))
    segment = tmp_path / "a.jsonl.20260101T000000-0123abcd-000001.gz"
    segment.write_bytes(gzip.compress(path.read_bytes())[:-5_000])
    path.unlink()
    done = run("report", path)
    assert "from here on it can't be read: EOFError (copy it again)" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("gr\u00fc\u00df Gott \U0001f600", "gr\u00fc\u00df Gott \u202e\x1b[2J", ["\U0001f600", r"\u202e\u001b[2J"]),
        (b"\x00\xff\x01" * 9, b"\x00\xff\x02" * 9, [r"b'\x00\xff\x01", r"b'\x00\xff\x02"]),
        (b"", b"x", ["- b''", "+ b'x'"]),
        ("\ud800", "\udfff", [r"- \ud800", r"+ \udfff"]),
        ({"a": 1}, [1], ["- {", "+ ["]),
    ],
)
def test_bodies_of_any_kind_are_told(tmp_path, old, new, words):
    path = tmp_path / "a.jsonl"
    written(path, record("\u00fc\ud800".encode("utf-8", "surrogatepass"), old=old, new=new))
    page = tmp_path / "page.html"
    done = run("report", path, "--html", page)
    assert done.returncode == 0
    for word in words:
        assert word in done.stdout
    assert ESCAPE not in done.stdout
    assert ESCAPE not in page.read_text(encoding="utf-8")
    json.loads(run("report", path, "--json").stdout)


def test_names_of_epochs_cant_steer_the_terminal(tmp_path):
    path = tmp_path / "a.jsonl"
    written(path, record(epoch="e1"), attrs.evolve(record(epoch=f"{ESCAPE}[2J"), at=1.0))
    done = run("report", path)
    assert r"  \u001b[2J  HOLD, 0 calls: (no snapshot)" in done.stdout
    assert ESCAPE not in done.stdout
    assert r"there are e1, \u001b[2J" in wrong(path, "--epoch", "none")


def test_very_long_names_and_very_many_kinds_keep_to_the_width(tmp_path):
    path = tmp_path / "a.jsonl"
    document = {"\u4f60" * 200: "\u4f60" * 400}
    records = [
        record(old={**document, f"m{n}": 1}, new={next(iter(document)): "x" * 400, f"m{n}": 2}) for n in range(50)
    ]
    records.append(record(old=ResponseRecord(b"", status=200), new=ResponseRecord(b"x" * 99, status=500)))
    failure = ShadowFailure(FailureKind.RAISED, "E" * 300, "m" * 500)
    records.append(DivergenceRecord(b"", "GET /" + "x" * 300, Verdict.FAILED, None, failure, 1.0, 1.0, 2.0, "", None))
    written(path, *records)
    done = run("report", path)
    assert "and 44 more kinds (--html shows all)" in done.stdout
    wide = re.compile(r"[\u4e00-\u9fff]")
    lines = [wide.sub("xx", line) for line in done.stdout.splitlines() if str(tmp_path) not in line]
    assert max(map(len, lines)) <= 80


def test_times_that_no_clock_shows_do_not_end_it(tmp_path):
    path = tmp_path / "a.jsonl"
    written(path, record(), record())
    first, last = '"at":1790000000.5', '"at":1e308'
    path.write_text(path.read_text().replace(first, last, 1).replace('"primary_seconds":0.01', '"primary_seconds":-1'))
    told = json.loads(run("report", path, "--json", "--html", tmp_path / "page.html").stdout)
    assert told["last_at"] == 1e308
    assert "to 1e+308 s since 1970" in run("report", path).stdout
