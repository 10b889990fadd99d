"""Reading what is replayed: pure, but for the files. What can't be used is named with its line and what to do."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import tracemalloc

import pytest

from trioshadow import Captured
from trioshadow.archive import Redaction
from trioshadow.archive._lines import line, record_line, snapshot_line
from trioshadow.cli.common.errors import CliError
from trioshadow.cli.replay.input import Requests, Skipped, SkippedCounts
from trioshadow.cli.replay.lines import Sendable
from trioshadow.http import SAFE_METHODS, HttpRequest

from tests.support import archives


def read(path, *methods, needed=()):
    requests = Requests(path, Sendable(SAFE_METHODS.union(methods)), frozenset(needed))
    entries = list(requests)
    assert [str(entry) for entry in requests] == [str(entry) for entry in entries]  # each `for` reads it again
    return entries


def skipped(path, *methods, **more):
    return [entry for entry in read(path, *methods, **more) if isinstance(entry, Skipped)]


@pytest.fixture
def plain(tmp_path):
    def write(*lines, end="\n"):
        path = tmp_path / "requests.jsonl"
        texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
        path.write_text("\n".join(texts) + end, encoding="utf-8")
        return path

    return write


# ── plain JSONL ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("told", "request_"),
    [
        ({"method": "GET", "url": "/users/7?x=1"}, HttpRequest("GET", "/users/7?x=1")),
        ({"method": "HEAD", "url": "https://api.test/a%2Fb"}, HttpRequest("HEAD", "https://api.test/a%2Fb")),
        ({"method": "OPTIONS", "url": "*"}, HttpRequest("OPTIONS", "*")),
        ({"method": "GET", "url": "/ä", "more": 1}, HttpRequest("GET", "/ä")),
        (
            {"method": "GET", "url": "/", "headers": {"Accept": "*/*", "X-E": "é"}},
            HttpRequest("GET", "/", [("Accept", "*/*"), ("X-E", "é")]),
        ),
        (
            {"method": "GET", "url": "/", "headers": [["a", "1"], ["A", "2"], [":authority", "x"]]},
            HttpRequest("GET", "/", [("a", "1"), ("A", "2")]),
        ),
        ({"method": "GET", "url": "/", "headers": None, "body": None}, HttpRequest("GET", "/")),
        ({"method": "GET", "url": "/", "body": "zwölf €"}, HttpRequest("GET", "/", (), "zwölf €".encode())),
        (
            {"method": "GET", "url": "/", "body": {"base64": base64.b64encode(bytes(range(256))).decode()}},
            HttpRequest("GET", "/", (), bytes(range(256))),
        ),
    ],
)
def test_a_line_is_a_request(plain, told, request_):
    assert read(plain(told)) == [request_]


GET = {"method": "GET", "url": "/"}


@pytest.mark.parametrize(
    ("told", "cause", "words"),
    [
        ("{oops", "no JSON", "this is no JSON (one object a line"),
        ("[" * 100_000, "no JSON", "this is no JSON"),
        ('"GET /"', "no request", "this is no object"),
        ({"url": "/"}, "no request", 'it has no "method" (a text, such as "GET")'),
        ({**GET, "method": "G ET"}, "no request", 'it has no "method"'),
        ({**GET, "method": "get"}, "no request", "methods are case-sensitive: write 'GET'"),
        ({"method": "GET"}, "no request", 'it has no "url"'),
        ({**GET, "url": 7}, "no request", 'it has no "url"'),
        ({**GET, "url": "users/7"}, "no request", 'its "url" is none'),
        ({**GET, "url": "http://host:port/"}, "no request", 'its "url" is none'),
        ({**GET, "url": "/\ud800"}, "no request", 'its "url" is none'),
        ({**GET, "headers": "a: b"}, "no request", 'its "headers" are none'),
        ({**GET, "headers": {"a": 1}}, "no request", "a header that can't be sent (names and values are texts"),
        ({**GET, "headers": [["a"]]}, "no request", "a header that can't be sent"),
        ({**GET, "headers": {"a": "1\r\nb: 2"}}, "no request", "a header that can't be sent"),
        ({**GET, "headers": {"a": "€"}}, "no request", "in Latin-1"),
        ({**GET, "headers": {"a b": "1"}}, "no request", "a header whose name is none"),
        ({**GET, "body": 7}, "no request", 'its "body" is none'),
        ({**GET, "body": "\ud800"}, "no request", 'its "body" is none'),
        ({**GET, "body": {"base64": "?"}}, "no request", 'its "body" is none'),
        ({**GET, "method": "POST"}, "unsafe method", "POST may have effects (--allow-method POST"),
        ({**GET, "headers": {"X-Shadow": "1"}}, "a shadow's copy", "x-shadow"),
    ],
)
def test_what_is_no_request_is_named_with_its_line_and_what_to_do(plain, told, cause, words):
    path = plain(GET, told, "", GET)
    first, bad, last = read(path)
    assert first == last == HttpRequest("GET", "/")
    assert (bad.cause, bad.place) == (cause, f"{path}:2")
    assert words in str(bad)


def test_named_methods_are_read(plain):
    assert [each.method for each in read(plain({**GET, "method": "POST"}), "POST")] == ["POST"]


@pytest.mark.parametrize(("end", "cause"), [("", "torn"), ("\n", "no JSON")])
def test_a_last_line_without_an_end_is_torn_only_if_it_can_not_be_read(plain, end, cause):
    assert [each.cause for each in skipped(plain(GET, '{"method": "GE', end=end))] == [cause]
    assert read(plain(GET, GET, end=end)) == [HttpRequest("GET", "/")] * 2


def test_one_line_alone_without_an_end_is_read(plain):
    assert read(plain(GET, end="")) == [HttpRequest("GET", "/")]


def test_a_line_too_long_is_skipped_whole_and_the_numbers_are_right(plain, monkeypatch):
    monkeypatch.setattr("trioshadow.archive._bounded_lines.LONGEST", 100)
    path = plain(GET, {**GET, "body": "x" * 1_000}, "{oops", GET)
    assert [(each.cause, each.place) for each in skipped(path)] == [("too long", f"{path}:2"), ("no JSON", f"{path}:3")]
    path = plain({**GET, "body": "x" * 1_000}, GET)
    assert [(each.cause, each.place) for each in skipped(path)] == [("too long", f"{path}:1")]


@pytest.mark.slow
def test_a_hundred_thousand_lines_are_read_in_flat_memory(plain):
    path = plain(*[{**GET, "body": "x" * 500}] * 100_000)
    assert path.stat().st_size > 50e6
    tracemalloc.start()
    try:
        count = sum(1 for _ in Requests(path, Sendable(SAFE_METHODS), frozenset()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert peak < 2e6


@pytest.mark.parametrize(
    ("make", "words"),
    [(lambda path: None, "there is no such file (check the path)"), (lambda path: path.mkdir(), "it is a directory")],
)
def test_a_file_that_can_not_be_read_is_an_error(tmp_path, make, words):
    path = tmp_path / "requests.jsonl"
    make(path)
    with pytest.raises(CliError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


def test_an_empty_file_is_said(tmp_path):
    (tmp_path / "empty").touch()
    assert [each.cause for each in read(tmp_path / "empty")] == ["empty"]


def test_of_each_cause_the_first_are_kept_and_all_counted():
    counts = SkippedCounts()
    for n in range(10):
        counts.add(Skipped("torn", str(n), "", ""))
    assert counts.counts == {"torn": 10}
    assert [each.place for each in counts.first["torn"]] == ["0", "1", "2"]


# ── archives ──────────────────────────────────────────────────────────────────────────────────────────────────────────

REQUEST = {"method": "GET", "url": "/users/7", "headers": [["a", "1"], ["a", "2"]], "body": b"\xff"}


def captured(**more):
    return Captured({**REQUEST, **more}, None, None)


@pytest.fixture
def archive(tmp_path):
    def write(*records, redaction=None):
        path = tmp_path / "shadow.jsonl"
        with contextlib.closing(archives.writer(path)) as written:
            for each in records:
                if isinstance(each, bytes):
                    with path.open("ab") as file:
                        file.write(each)
                    continue
                record = archives.record(captured=each)
                written.write(record_line(redaction.apply(record) if redaction else record), "")
        return path

    return write


def test_an_archive_gives_what_its_records_have_captured(archive):
    assert read(archive(captured(), captured(url="https://api.test/x", body=b""))) == [
        HttpRequest("GET", "/users/7", [("a", "1"), ("a", "2")], b"\xff"),
        HttpRequest("GET", "https://api.test/x", [("a", "1"), ("a", "2")]),
    ]


@pytest.mark.parametrize(
    ("kept", "cause", "words"),
    [
        (None, "not captured", "ShadowConfig(capture=Capture())"),
        (Captured(None, None, None), "not captured", "the record has no request"),
        (Captured("hello", None, None), "no HTTP", "no request of HTTP"),
        (captured(cut=5_000), "cut", "its body of 5,000 bytes was cut (capture more: Capture(max_bytes=1_000_000))"),
        (captured(method="POST"), "unsafe method", "--allow-method POST"),
        (captured(url="users"), "no request", 'its "url" is none'),
        (b'{"t":"record","v":2,"future":1}\n', "newer", "its format is newer than version 1 (upgrade trioshadow)"),
        (b"what?\n", "foreign", "this is no line of an archive"),
    ],
)
def test_records_without_a_whole_request_are_named_with_their_line(archive, kept, cause, words):
    path = archive(captured(), kept, captured(), snapshot_line(archives.SNAPSHOT, 1.0), kept)
    first, second = skipped(path)
    assert (first.cause, first.place, second.place) == (cause, f"{path}:3", f"{path}:6")
    assert words in str(first)
    assert len(read(path)) == 4


def test_lines_are_counted_on_from_what_is_no_record(archive):
    path = archive(
        captured(), b"what?\n", captured(method="POST"), b"\n\n", snapshot_line(archives.SNAPSHOT, 1.0), None
    )
    assert [each.place for each in skipped(path)] == [f"{path}:{number}" for number in (3, 4, 8)]


def test_a_torn_archive_gives_the_rest(archive):
    path = archive(captured(), captured())
    path.write_bytes(path.read_bytes() + b'{"t":"rec')
    *rest, torn = read(path)
    assert rest == [HttpRequest("GET", "/users/7", [("a", "1"), ("a", "2")], b"\xff")] * 2
    assert (torn.cause, torn.place) == ("torn", f"{path}:5")


@pytest.mark.parametrize(
    ("part", "redaction", "needed", "masked"),
    [
        ({"url": "/?page=1&token=t"}, Redaction(), (), True),
        ({"url": "/?page=***"}, Redaction(), (), True),
        ({"url": "/?page=1"}, Redaction(), (), False),
        ({"url": "/a***b?page=x***y&z=1"}, Redaction(), (), False),
        ({"headers": [["Cookie", "sid=1"]]}, Redaction(), (), False),
        ({"headers": [["Cookie", "sid=1"]]}, Redaction(), ("cookie",), True),
        ({"headers": [["X-User", "ada"]]}, Redaction(headers=["x-user"]), (), True),
        ({"body": b'{"iban": "DE1"}'}, Redaction(paths=["$.iban"]), (), True),
        ({"body": b'{"name": "ada"}'}, Redaction(paths=["$.iban"]), (), False),
        ({"body": b"iban=DE1"}, Redaction(paths=["$.iban"]), (), True),
        ({"body": b""}, Redaction(paths=["$.iban"]), (), False),
    ],
)
def test_what_was_masked_is_not_sent_as_if_it_were_the_value(archive, part, redaction, needed, masked):
    path = archive(captured(**part), redaction=redaction)
    assert [each.cause for each in skipped(path, needed=needed)] == ["masked"] * masked


def test_compressed_segments_are_read_and_lines_counted_in_each(tmp_path):
    path = tmp_path / "shadow.jsonl"
    for n in range(2):
        writer = archives.writer(path)
        for each in (captured(url=f"/{n}"), captured(method="POST")):
            writer.write(record_line(archives.record(captured=each)), "")
        writer.close()
    (segment,) = [each for each in tmp_path.iterdir() if each != path]
    if segment.suffix != ".gz":
        packed = segment.with_name(segment.name + ".gz")
        packed.write_bytes(gzip.compress(segment.read_bytes()))
        segment.unlink()
        segment = packed
    entries = read(path)
    assert [each.url for each in entries if isinstance(each, HttpRequest)] == ["/0", "/1"]
    assert [each.place for each in skipped(path)] == [f"{segment}:3", f"{path}:3"]
    assert [each.url for each in read(segment) if isinstance(each, HttpRequest)] == ["/0"]


def test_an_archive_of_a_newer_version_is_named_by_its_first_line(tmp_path):
    path = tmp_path / "shadow.jsonl"
    opening = line("open", library="9", run="0" * 8, segment=1, epoch="", at=1.0).replace(b'"v":1', b'"v":2')
    path.write_bytes(opening + b'{"t":"record","v":2}\n')
    assert [(each.cause, each.place) for each in read(path)] == [("newer", f"{path}:1")]
