"""`trioshadow replay` as somebody runs it, between real services on loopback."""

from __future__ import annotations

import base64
import contextlib
import errno
import functools
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest
import trio

from trioshadow import Capture, ShadowConfig
from trioshadow.archive import JsonlSink, merge_archives
from trioshadow.asgi import ShadowMiddleware

from tests.support import servers
from tests.support.commands import Ended, environment, heed_signals, run_async
from tests.support.http_servers import connect, server, service
from tests.support.portable import TOO_LONG

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

#: So mild that a few requests decide, by differences alone.
MILD = ("--objective-rate", "0.5", "--max-p99-ratio", "none")
NOWHERE = ("http://127.0.0.1:1", "http://127.0.0.1:2")


# ── the process ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the command is called, and its archive is by default."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, *lines, name="r.jsonl"):
    """The path as somebody types it who is there."""
    path = Path(name)
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    (folder / path).write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def get(*urls, **more):
    return [{"method": "GET", "url": url, **more} for url in urls]


def arguments(path, primary, shadow, *options):
    """The shadow has time unless a test says otherwise: how long it takes says something of the machine."""
    patient = () if "--timeout" in options else ("--timeout", "100")
    return "replay", path, "--primary", primary, "--shadow", shadow, *patient, *options


def command(*called, program=("-m", "trioshadow")):
    return [sys.executable, *program, *map(str, arguments(*called))]


def with_short_slices(more="", seconds=0.2):
    """The program with slices of so many seconds."""
    lines = ["import sys, os", "import trioshadow.cli.replay.conduct as conduct", f"conduct.SLICE = {seconds}", more]
    return "-c", "\n".join([*lines, "from trioshadow.cli import main", "sys.exit(main())"])


async def replay(path, primary, shadow, *options, status=None, **more):
    """What it says on stdout; the exit status must be this."""
    done = await ended(path, primary, shadow, *options, **more)
    assert done.returncode == (0 if status is None else status), done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    return done.stdout


async def ended(path, primary, shadow, *options):
    """Run in this process."""
    return await run_async(*arguments(path, primary, shadow, *options), COLUMNS="80")


async def ended_process(path, primary, shadow, *options, program=("-m", "trioshadow"), **more):
    """Run in a process of its own."""
    done = await trio.run_process(
        command(path, primary, shadow, *options, program=program),
        capture_stdout=True,
        capture_stderr=True,
        check=False,
        env=environment(COLUMNS="80"),
        **more,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


async def error(path, primary=NOWHERE[0], shadow=NOWHERE[1], *options):
    """The one line on stderr, with exit status 2."""
    return error_of(await ended(path, primary, shadow, *options))


def error_of(done):
    lines = [line for line in done.stderr.splitlines() if not line.endswith(" ...")]
    assert (done.returncode, len(lines)) == (2, 1), done
    assert lines[0].startswith("trioshadow: ")
    return lines[0]


def counted(report):
    """The rows of numbers of a report."""
    return {
        name: int(count.replace(",", ""))
        for name, count in re.findall(r"^  ([a-z][a-zA-Z ']+?) +([\d,]+)$", report, re.MULTILINE)
    }


def evidence(path):
    totals = merge_archives(path).evidence().totals()
    return sum(totals)


# ── decisions ─────────────────────────────────────────────────────────────────────────────────────────────────────────

USERS = [f"/users/{n}" for n in range(30)]
#: So many that it can be rejected: of blocks of ten calls it takes nine.
MANY = [f"/users/{n}" for n in range(150)]


@pytest.mark.parametrize(
    ("shadow", "options", "status", "words"),
    [
        (service(1), MILD, 0, "the shadow: PROMOTE"),
        (service(2), MILD, 1, "the shadow: REJECT"),
        (service(1), (), 3, "the shadow: HOLD"),
        (service(2), (*MILD, "--acknowledge", "$.price", "--candidate", "shop 2"), 0, "shop 2: PROMOTE"),
        (service(2), (*MILD, "--acknowledge", "GET /users/{id}: $.price"), 0, "PROMOTE"),
        (service(2), (*MILD, "--acknowledge", "GET /carts: $.price"), 1, "REJECT"),
        (service(2), (*MILD, "--ignore-path", "$.price"), 0, "PROMOTE"),
    ],
)
async def test_the_exit_status_is_the_decision(folder, shadow, options, status, words):
    path = write(folder, *get(*MANY))
    async with server(service(1)) as old, server(shadow) as new:
        report = await replay(path, old, new, *options, status=status)
    assert report.startswith("150 of 150 requests sent, of r.jsonl:\n")
    assert words in report
    assert report.endswith("Archive: r.jsonl.replay.jsonl\n")
    found = counted(report)
    assert found["matched"] + found["diverged"] == 150
    assert not words.endswith("REJECT") or found["diverged"] == 150
    assert evidence("r.jsonl.replay.jsonl") == 150


async def test_the_report_on_the_page_is_that_of_the_lines_above_it(folder):
    page = (Path(__file__).parents[2] / "docs" / "replay.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (shown,) = re.findall(r"^```text\n(\d of .*?)^```$", page, re.MULTILINE | re.DOTALL)

    def names(write):
        async def app(scope, receive, send):
            if scope["type"] != "http":
                raise NotImplementedError
            name = write("ada lovelace") if scope["path"] == "/users/7" else "café"
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": json.dumps({"name": name}).encode()})

        return app

    (folder / "requests.jsonl").write_text(lines, encoding="utf-8")
    async with server(names(str.title)) as old, server(names(str.capitalize)) as new:
        report = await replay("requests.jsonl", old, new, status=3)
    assert timeless(report) == timeless(shown)


def timeless(report):
    report = "\n".join(line.rstrip() for line in report.splitlines())
    return re.sub(r" +[\d.]+ (?:ms|s|µs)", "  some ms", report)


async def test_a_primary_that_is_down_is_one_line_and_the_next_try_begins_anew(folder):
    path = write(folder, *get(*USERS))
    async with server(service()) as url, servers.refusing() as down:
        line = await error(path, down, url)
        assert re.search(r"the primary answered none of \d+ requests \(ConnectError \d+\): is --primary " + down, line)
        report = await replay(path, url, url, "--candidate", "another", *MILD)
    assert counted(report)["matched"] == 30


async def test_a_shadow_that_is_down_is_rejected_and_no_crash(folder):
    async with server(service()) as url, servers.refusing() as down:
        report = await replay(write(folder, *get(*MANY)), url, down, *MILD, status=1)
    assert counted(report)["failed"] == 150
    assert "ConnectError" in report


async def test_requests_without_an_answer_of_the_primary_are_counted_by_cause(folder):
    async def primary(wire):
        for _ in range(3):
            target = (await wire.request()).split(b" ")[1]
            if target == b"/slow":
                await trio.sleep_forever()
            if target == b"/torn":
                return
            body = b"x" * (200 if target == b"/large" else 2)
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    path = write(folder, *get("/ok", "/slow", "/torn", "/large"))
    options = ("--primary-timeout", "0.5", "--max-body", "100", "--concurrency", "1")
    async with servers.raw_server(primary) as url:
        report = await replay(path, url, url, *options, status=3)
    assert (counted(report)["matched"], counted(report)["abandoned"]) == (1, 3)
    (told,) = re.findall(r"^Abandoned: the primary gave no answer to 3 \((.*\n?.*)\)$", report, re.MULTILINE)
    causes = sorted(" ".join(told.split()).split(", "))
    assert causes == ["BodyTooLarge 1", "RemoteProtocolError 1", "timed out 1"]


# ── what is sent ──────────────────────────────────────────────────────────────────────────────────────────────────────

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextlib.asynccontextmanager
async def recording():
    """A service that answers ok: its URL, and the bytes of the requests that it got."""
    got = []

    async def handler(wire):
        while True:
            data = await wire.request()
            got.append(data)
            head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
            await wire.send(head if data.startswith(b"HEAD ") else OK)

    async with servers.raw_server(handler) as url:
        yield url, got


def without_host_and_mark(data, url):
    assert data.count(b"\r\nHost: " + url.removeprefix("http://").encode() + b"\r\n") == 1
    return re.sub(rb"\r\nx-shadow: 1(?=\r\n)", b"", re.sub(rb"\r\nHost: [^\r]*", b"", data))


async def test_all_sides_get_the_same_bytes_but_for_the_mark(folder):
    binary = bytes(range(256)) * 40
    headers = [["X-A", "1"], ["x-a", "2"], ["Accept", "text/ä"], ["Cookie", "a=b"], ["X-Api-Key", "k"], ["Host", "h"]]
    headers += [["Connection", "close, X-Lap"], ["X-Lap", "1"], ["Content-Length", "7"], ["Accept-Encoding", "gzip"]]
    lines = [
        {"method": "GET", "url": "https://shop.test/a%2Fb?q=%20ä&x=1#f", "headers": headers},
        {"method": "HEAD", "url": "/"},
        {"method": "OPTIONS", "url": "*"},
        {"method": "POST", "url": "/", "body": {"base64": base64.b64encode(binary).decode()}},
        {"method": "PUT", "url": "/€", "body": "zwölf €", "headers": {"Content-Type": "text/plain"}},
        {"method": "GET", "url": "/", "body": "a body"},
    ]
    options = (
        "--allow-method",
        "POST",
        "--allow-method",
        "put",
        "--concurrency",
        "1",
        "--forward-credential",
        "X-Api-Key",
    )
    async with recording() as (old, primary), recording() as (new, shadow), recording() as (twin, secondary):
        report = await replay(write(folder, *lines), old, new, "--secondary", twin, *options, status=3)
    assert counted(report)["matched"] == 6
    assert [data.count(b"x-shadow: 1\r\n") for data in (*primary, *shadow, *secondary)] == [0] * 6 + [1] * 12
    same = [without_host_and_mark(data, old) for data in primary]
    assert same == [without_host_and_mark(data, new) for data in shadow]
    assert same == [without_host_and_mark(data, twin) for data in secondary]
    assert same[0].startswith(b"GET /a%2Fb?q=%20%C3%A4&x=1 HTTP/1.1\r\n")
    assert b"\r\nX-A: 1\r\nx-a: 2\r\nAccept: text/\xe4\r\nX-Api-Key: k\r\n" in same[0]
    assert not re.search(rb"(?i)cookie|lap|content-length|close", same[0])
    assert [data.split(b"\r\n")[0] for data in same[1:3]] == [b"HEAD / HTTP/1.1", b"OPTIONS * HTTP/1.1"]
    assert same[3].endswith(b"\r\n\r\n" + binary)
    assert same[4].startswith(b"PUT /%E2%82%AC HTTP/1.1\r\n")
    assert same[4].endswith(b"\r\n\r\n" + "zwölf €".encode())
    assert same[5].endswith(b"\r\n\r\na body")
    words = " ".join(report.split())
    assert "1 request sent without what lets somebody in (cookie): --forward-credential NAME sends one" in words


async def test_services_can_be_below_a_path_and_see_the_captured_host(folder):
    path = write(folder, *get("https://shop.test/x", headers={"Host": "shop.test"}))
    async with recording() as (old, primary), recording() as (new, shadow):
        await replay(path, old + "/v1", new + "/v2/", "--preserve-host", status=3)
    assert primary[0].startswith(b"GET /v1/x HTTP/1.1\r\nHost: shop.test\r\n")
    assert shadow[0].startswith(b"GET /v2/x HTTP/1.1\r\nHost: shop.test\r\n")


async def test_what_can_not_be_used_is_named_and_the_rest_is_sent(folder):
    lines = [*get("/"), "{oops", *[{"method": "POST", "url": "/"}] * 5, {"method": "DELETE", "url": "/"}, *get("/")]
    path = write(folder, *lines)
    path.write_text(path.read_text() + '{"method": "GE')
    async with recording() as (old, got), recording() as (new, _):
        report = await replay(path, old, new, status=3)
    assert [data.split(b" ")[0] for data in got] == [b"GET", b"GET"]
    assert "8 lines skipped:\n  unsafe method        6\n    r.jsonl:3: POST may have effects (" in report
    words = " ".join(report.split())
    for said in ("r.jsonl:2: this is no JSON (one object", "and 3 more", "r.jsonl:10: the last line has no end"):
        assert said in words


async def test_the_key_is_a_header_also_of_those_that_are_not_sent(folder):
    lines = [request for n in range(30) for request in get("/", headers={"Authorization": f"user {n % 3}"})]
    async with recording() as (url, got):
        report = await replay(write(folder, *lines), url, url, "--key-header", "authorization", *MILD, status=3)
    assert not [data for data in got if b"uthorization" in data]
    assert re.search(r"^GET / +too few +30 +30 +3 ", report, re.MULTILINE)


async def test_a_secondary_shows_what_is_noise_and_holds_nobody_up_for_longer_than_its_time(folder, mock_clock):
    """Real sockets, and a clock that stands still until it is told."""
    numbers = iter(range(1_000))

    async def noisy(scope, receive, send):
        await service(next(numbers))(scope, receive, send)

    async def hangs(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        mock_clock.jump(0.1)
        await trio.sleep_forever()

    async with server(noisy) as old, server(service(-1)) as new, server(hangs) as twin:
        report = await replay(write(folder, *get(*USERS)), old, new, "--secondary", old, *MILD, status=3)
        assert "30 of these to the secondary too:\n  diverged            30\n" in report
        options = ("--secondary", twin, "--timeout", "0.1", "--concurrency", "1", "--archive", "slow.jsonl")
        report = await replay(write(folder, *get(*USERS)), old, new, *options, status=3)
        assert "30 of these to the secondary too:\n  timed out           30\n" in report


# ── our own archive ───────────────────────────────────────────────────────────────────────────────────────────────────


def knows_tokens(refusal=401):
    """Who has a cookie is known; whoever else is answered with this status."""

    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        known = b"cookie" in dict(scope["headers"])
        await send({"type": "http.response.start", "status": 200 if known else refusal, "headers": []})
        await send({"type": "http.response.body", "body": b"me" if known else b"who?"})

    return app


@pytest.mark.parametrize("refusals", [(401, 401), (403, 401), (200, 403)])
async def test_refusals_of_requests_whose_credentials_went_to_nobody_teach_nothing(folder, refusals):
    """Not where both sides refuse alike, and match; nor where the old service lets anybody in."""
    path = write(folder, *get(*USERS, headers={"Cookie": "sid=s3cret"}))
    async with server(knows_tokens(refusals[0])) as old, server(knows_tokens(refusals[1])) as new:
        report = " ".join((await replay(path, old, new, "--secondary", old, *MILD, status=3)).split())
        matched = await replay(path, old, new, "--forward-credential", "cookie", "-a", "b.jsonl", *MILD)
    assert "HOLD - GET /users/{id}: 30 of 30 calls reached the new one without cookie" in report
    assert "To send what is missing: --forward-credential cookie" in report
    assert ("reached the secondary without cookie" in report) is (refusals[0] != 200)
    assert "PROMOTE" in matched


async def test_a_service_that_lets_anybody_in_where_the_old_one_does_not_is_to_blame(folder):
    path = write(folder, *get(*(f"/users/{number}" for number in range(200)), headers={"Cookie": "sid=s3cret"}))
    async with server(knows_tokens()) as old, server(knows_tokens(200)) as new:
        report = await replay(path, old, new, *MILD, status=1)
    assert "REJECT" in report
    assert "without cookie" not in report


async def test_credentials_that_an_archive_has_masked_are_said_to_be(folder):
    config = ShadowConfig(capture=Capture())
    middleware = ShadowMiddleware(service(1), shadow=service(2), config=config, sinks=[JsonlSink(folder / "a.jsonl")])
    async with server(middleware) as url, httpx.AsyncClient() as client:
        await client.get(url + "/users/1", headers={"Cookie": "sid=s3cret"})
    async with server(knows_tokens()) as old, server(knows_tokens()) as new:
        report = " ".join((await replay("a.jsonl", old, new, *MILD, status=3)).split())
    assert "1 request sent without what lets somebody in (cookie): the file has masked cookie" in report
    assert (
        "To send what is missing: a file of requests that has cookie, which archives mask, with --forward-credential "
        "cookie"
    ) in report


async def test_what_a_replay_drops_by_its_lists_is_named_by_them(folder):
    path = write(folder, *get(*USERS, headers={"Cookie": "sid=s3cret"}))
    options = ("--forward-credential", "cookie", "--drop-header", "cook*", *MILD)
    async with server(knows_tokens()) as old, server(knows_tokens()) as new:
        report = " ".join((await replay(path, old, new, *options, status=3)).split())
    assert "To send what is missing: no --drop-header for cookie" in report


async def test_what_a_middleware_has_captured_is_replayed_byte_for_byte(folder):
    """Of calls that diverged; the new service is mended meanwhile."""
    body = bytes(range(256)) * 10

    class Broken:
        async def call(self, request):
            raise OSError

    sink = JsonlSink(folder / "shadow.jsonl", max_segment_bytes=1024 * 8, max_total_bytes=1 << 20)
    middleware = ShadowMiddleware(
        service(),
        shadow=Broken(),
        config=ShadowConfig(capture=Capture(max_bytes=3_000), may_mirror=lambda request: True),
        sinks=[sink],
    )
    async with server(middleware) as url, connect(url) as wire:
        for _ in range(4):
            await wire.send(
                b"PUT /a%%2Fb?x=1 HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2560\r\n\r\n" + body
            )
            await wire.until(b"}")
        await wire.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3001\r\n\r\n" + bytes(3001))
        await wire.until(b"}")
        await middleware.shadower.wait_idle()
    assert len(list(folder.glob("shadow.jsonl.*.gz"))) >= 1
    async with recording() as (old, got), recording() as (new, shadow_log):
        report = await replay("shadow.jsonl", old, new, "--allow-method", "PUT", status=3)
    assert len(got) == len(shadow_log) == 4
    for data in (*got, *shadow_log):
        assert data.startswith(b"PUT /a%%2Fb?x=1 HTTP/1.1\r\n")
        assert data.endswith(b"\r\n\r\n" + body)
        assert re.search(rb"(?i)\r\nx-a: 1\r\nx-a: 2\r\n", data)
    words = " ".join(report.split())
    assert "its body of 3,001 bytes was cut (capture more: Capture(max_bytes=1_000_000))" in words
    assert counted(report)["cut"] == 1


# ── its end, and going on ─────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.asynccontextmanager
async def process(path, primary, shadow, *options, program=("-m", "trioshadow")):
    running = await trio.lowlevel.open_process(
        command(path, primary, shadow, *options, program=program),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(COLUMNS="80"),
        preexec_fn=heed_signals,
    )
    try:
        yield running
    finally:
        with trio.CancelScope(shield=True):
            running.kill()
            await running.wait()
            await running.stdout.aclose()
            await running.stderr.aclose()


async def output(stream):
    return b"".join([part async for part in stream]).decode()


class Gate:
    """A service that counts who came, and answers the first so many; the others when it is opened."""

    def __init__(self, first):
        self.seen = Counter()
        self.reached = trio.Event()
        self.open = trio.Event()
        self._first = first

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            self.seen[scope["path"]] += 1
            if self.seen.total() > self._first:
                self.reached.set()
                await self.open.wait()
        await service()(scope, receive, send)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_after_ctrl_c_it_goes_on_and_each_request_was_sent_exactly_once(folder, number):
    gate, urls = Gate(first=100), [f"/users/{n}" for n in range(250)]
    path = write(folder, *get(*urls))
    async with server(gate) as old, server(service()) as new:
        async with process(path, old, new, *MILD) as running:
            with trio.fail_after(TOO_LONG):
                await gate.reached.wait()
                running.send_signal(number)
                await trio.sleep(0.3)  # until it has heard of it; what is in flight is still held
                gate.open.set()
                report = await output(running.stdout)
                assert await running.wait() == 128 + number
        done = gate.seen.total()
        assert 100 < done <= 110
        assert report.startswith(f"{done} of 250 requests sent, of r.jsonl:\n")
        assert "the shadow: " in report
        (line,) = re.findall(r"^Stopped before its end\. To go on:\n  (.*)\n", report, re.MULTILINE)
        assert line.startswith("python -m trioshadow replay ")
        assert line.endswith(" --max-p99-ratio none --resume")
        assert json.loads((folder / "r.jsonl.replay.jsonl.progress").read_text())["requests"] == done

        assert "is there already: go on with it (--resume)" in await error(path, old, new, *MILD)
        report = await replay(path, old, new, *MILD, "--resume")
        assert report.startswith(f"250 of 250 requests sent ({done} of them before), of r.jsonl:\n")
        assert counted(report)["matched"] == 250
        again = await replay(path, old, new, *MILD, "--resume")
        assert "250 of 250 requests sent (250 of them before)" in again
    assert gate.seen == Counter(urls)
    assert evidence("r.jsonl.replay.jsonl") == 250


async def test_ctrl_c_while_it_reads_leaves_everything_as_it_was(folder):
    path = write(folder, *get("/") * 300_000)
    async with recording() as (url, got):
        async with process(path, url, url) as running:
            with trio.fail_after(TOO_LONG):
                assert await running.stderr.receive_some() == b"reading r.jsonl ...\n"
                running.send_signal(signal.SIGINT)
                assert await output(running.stdout) == ""
                assert await running.wait() == 130
        assert got == []
    assert list(folder.iterdir()) == [folder / "r.jsonl"]


async def test_a_second_ctrl_c_ends_it_at_once(folder):
    gate = Gate(first=0)
    async with server(gate) as old, server(service()) as new, process(write(folder, *get("/")), old, new) as running:
        with trio.fail_after(TOO_LONG):
            await gate.reached.wait()
            running.send_signal(signal.SIGINT)
            await trio.sleep(0.3)
            running.send_signal(signal.SIGINT)
            assert await running.wait() == 130
            assert await output(running.stdout) == ""
        gate.open.set()


@pytest.mark.slow
async def test_after_kill_9_at_most_the_last_slice_is_sent_again(folder):
    gate, urls = Gate(first=400), [f"/users/{n}" for n in range(600)]
    path = write(folder, *get(*urls))
    progress = folder / "r.jsonl.replay.jsonl.progress"
    async with server(gate) as old, server(service(2)) as new:
        async with process(path, old, new, *MILD, "--rate", "300", program=with_short_slices()) as running:
            with trio.fail_after(TOO_LONG):
                await gate.reached.wait()
            running.send_signal(signal.SIGKILL)
            await running.wait()
        done = json.loads(progress.read_text())["requests"]
        assert 0 < done <= 400
        gate.open.set()
        report = await replay(path, old, new, *MILD, "--resume", status=1)
    assert f"600 of 600 requests sent ({done} of them before)" in report
    assert counted(report)["diverged"] == 600
    assert evidence("r.jsonl.replay.jsonl") == 600
    assert set(gate.seen.values()) <= {1, 2}
    # All that was noted is not among them; nor what was not asked for yet: ten were in flight.
    assert {url for url, count in gate.seen.items() if count > 1} <= set(urls[done:410])


async def test_two_replays_do_not_count_into_one_archive(folder):
    gate = Gate(first=1)
    path = write(folder, *get(*USERS))
    async with server(gate) as old, server(service()) as new, process(path, old, new, *MILD) as running:
        with trio.fail_after(TOO_LONG):
            await gate.reached.wait()
        for options in ((), ("--resume",)):
            second = await ended(path, old, new, *MILD, *options)
            assert second.returncode == 2
            assert second.stderr.endswith("another process writes to it: take another, or wait\n")
        gate.open.set()
        with trio.fail_after(TOO_LONG):
            assert await running.wait() == 0
    assert evidence("r.jsonl.replay.jsonl") == len(USERS)
    assert (folder / "r.jsonl.replay.jsonl.progress").stat().st_mode & 0o777 == 0o600


async def test_a_slice_that_was_counted_and_not_noted_is_not_counted_twice(folder):
    """Killed between the two files."""
    path = write(folder, *get(*USERS))
    killed = "conduct.Progress.write = lambda self, path: self.requests and os._exit(9) or write(self, path)"
    async with recording() as (url, got):
        program = with_short_slices(f"write = conduct.Progress.write; {killed}", TOO_LONG)
        done = await ended_process(path, url, url, *MILD, program=program)
        assert done.returncode == 9
        assert json.loads((folder / "r.jsonl.replay.jsonl.progress").read_text())["requests"] == 0
        assert evidence("r.jsonl.replay.jsonl") == 30
        assert "is there already" in await error(path, url, url, *MILD)
        report = await replay(path, url, url, *MILD, "--resume")
    assert "30 of 30 requests sent (30 of them before)" in report
    assert len(got) == 60  # both sides


async def test_it_does_not_go_on_with_other_requests_rules_or_candidates(folder):
    path = write(folder, *get(*USERS))
    async with recording() as (url, _):
        await replay(path, url, url, *MILD)
        for options, said in [
            (("--candidate", "other"), "--candidate was not said before: now it is other"),
            (("--ignore-header", "X-A"), "--ignore-header was not said before: now it is X-A"),
            (("--timeout", "1"), "--timeout was 100 before: now it is 1"),
            (("--rule", "unordered  $.a"), "--rule was not said before: now it is unordered $.a"),
            (("--decode", "+x=json:loads"), "--decode was not said before: now it is +x=json:loads"),
            (("--strict", "--timeout", "1"), "before: now it is 1; --strict was not said before: now it is true"),
            (("--exact-decimals",), "--exact-decimals was not said before: now it is true"),
        ]:
            refused = await error(path, url, url, "--resume", *options)
            assert f"{said})" in refused, refused
            assert "is of other rules or of another candidate (--" in refused
        for lines in (get("/other", *USERS[1:]), get(*USERS[:29])):
            assert "does not begin with the requests that were replayed" in await error(
                write(folder, *lines), url, url, "--resume"
            )
        write(folder, *get(*USERS, "/more"))
        assert "31 of 31 requests sent (30 of them before)" in await replay(path, url, url, *MILD, "--resume")

        archive = folder / "r.jsonl.replay.jsonl"
        kept = archive.read_bytes()
        archive.unlink()
        assert "has the counts of 30 of the 31 requests" in await error(path, url, url, "--resume")
        archive.write_bytes(kept)
        progress = folder / "r.jsonl.replay.jsonl.progress"
        whole = progress.read_text()
        for wrong in (
            "",
            "{}",
            "[]",
            "[" * 5_000,
            '{"version": 1}',
            '{"version": 1, "requests": "7", "digest": "", "epoch": ""}',
        ):
            progress.write_text(wrong)
            assert "this is no progress of a replay" in await error(path, url, url, "--resume")
        progress.write_text('{"version": 2}')
        assert "another version of trioshadow wrote it" in await error(path, url, url, "--resume")
        told = json.loads(whole) | {"epoch": "0", "rules": {}}
        progress.write_text(json.dumps(told))
        assert "of another candidate (they are not known any more): say" in await error(path, url, url, "--resume")
        progress.unlink()
        assert "is no archive of a replay" in await error(path, url, url, "--resume")


async def test_what_it_is_told_otherwise_the_second_time_is_said_and_other_keys_are_refused(folder):
    path = write(folder, *get(*USERS))
    async with recording() as (url, _), recording() as (other, _):
        await replay(path, url, url, *MILD, "--drop-header", "X-B", "--drop-header", "x-a")
        write(folder, *get(*USERS, "/more"))
        refused = await error(path, url, url, "--resume", "--key-header", "X-User")
        assert "is of other rules or of another candidate (--key-header was not said before" in refused
        same = ("--resume", "--drop-header", "x-a", "--drop-header", "x-b")
        report = await replay(path, url, other, *MILD, *same, "--secondary", url)
        assert f"\n  --shadow was {url} before: now it is {other}\n" in report
        assert f"\n  --secondary was not said before: now it is {url}\n" in report
        assert "--drop-header was" not in report
        write(folder, *get(*USERS, "/more", "/most"))
        report = await replay(path, url, other, *MILD, "--resume", status=3)  # against the last time
        assert f"\n  --secondary was {url} before: now it is not said\n" in report
        assert "\n  --drop-header was x-a, x-b before: now it is not said\n" in report
        assert "--shadow was" not in report


async def test_headers_that_are_dropped_go_to_no_side(folder):
    line = {"method": "GET", "url": "/", "headers": {"Accept": "a/b", "X-B3-TraceId": "1", "X-User": "u"}}
    for options, kept in (
        (("--drop-header", "x-b3-*"), [b"Accept", b"X-User"]),
        (("--allow-header", "x-*"), [b"X-B3-TraceId", b"X-User"]),
    ):
        async with recording() as (old, primary), recording() as (new, shadow):
            path = write(folder, line)
            await replay(path, old, new, *options, "--archive", f"r{options[0]}.jsonl", status=3)
        for data in (*primary, *shadow):
            assert re.findall(rb"\r\n(Accept|X-B3-TraceId|X-User): ", data) == kept


# ── disks ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def limited_files(size):
    """Of a process that can write no larger files: as a full disk, but for this process alone."""
    heed_signals()
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


async def test_a_disk_that_is_full_from_the_start_is_found_out_before_the_first_request(folder):
    path = write(folder, *get(*USERS))
    async with recording() as (url, got):
        line = error_of(await ended_process(path, url, url, preexec_fn=functools.partial(limited_files, 600)))
        assert "--archive r.jsonl.replay.jsonl: it can't be written: " + os.strerror(errno.EFBIG) in line
        assert got == []
        assert "must be a regular file" in await error(path, url, url, "--archive", "/dev/full")
        assert "must be a file in a directory that is there" in await error(path, url, url, "--archive", "no/such")
        assert "is the file that is to be replayed" in await error(path, url, url, "--archive", path)


@pytest.mark.slow
async def test_a_disk_that_gets_full_ends_it_and_when_there_is_room_it_goes_on(folder):
    path = write(folder, *get(*[f"/users/{n}" for n in range(400)]))
    async with server(service()) as old, server(service(2)) as new:
        limit = functools.partial(limited_files, 60_000)
        options = (*MILD, "--rate", "300")
        done = await ended_process(path, old, new, *options, preexec_fn=limit, program=with_short_slices())
        assert done.returncode == 2
        assert "--archive r.jsonl.replay.jsonl: " + os.strerror(errno.EFBIG) in done.stderr
        assert "with --resume it goes on there" in done.stderr
        assert " of 400 requests sent" in done.stdout
        report = await replay(path, old, new, *MILD, "--resume", status=1)
    assert counted(report)["diverged"] == 400
    assert evidence("r.jsonl.replay.jsonl") == 400


# ── wrong use ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rate", "0"), "--rate must be requests a second"),
        (("--rate", "x"), "--rate"),
        (("--concurrency", "0"), "--concurrency must be a number of requests from 1 to 1000"),
        (("--noise-rate", "1"), "--noise-rate is of no use without a secondary"),
        (("--max-p99-ratio", "fast"), "--max-p99-ratio must be a ratio in [1, inf)"),
        (("--acknowledge", "price"), "--acknowledge must be a field as the report names it"),
        (("--ca-file", "/dev/null"), "--ca-file: no certificates in /dev/null"),
    ],
)
async def test_wrong_use_is_one_line_and_status_2(folder, options, words):
    assert words in await error(write(folder, *get("/")), *NOWHERE, *options)


async def test_a_file_that_gives_nothing_is_one_line_and_status_2(folder):
    assert "no.jsonl: there is no such file (check the path)" in await error("no.jsonl")
    assert "it is a directory" in await error(folder)
    (folder / "empty").touch()
    assert "empty has no request that can be replayed: empty: it is empty" in await error("empty")
    (folder / "blank").write_text("\n\n")
    assert "blank has no request: it is empty" in await error("blank")
    write(folder, {"method": "POST", "url": "/"}, "x", "y")
    line = await error("r.jsonl")
    assert "r.jsonl has no request that can be replayed: r.jsonl:1: POST may have effects (--allow-method POST" in line
    assert line.endswith(", and 2 more of its lines can't be used")
    assert not list(folder.glob("*.replay.*"))


async def test_a_library_that_is_missing_is_named_with_its_extra(folder):
    program = with_short_slices("sys.modules['msgspec'] = None")
    line = error_of(await ended_process(write(folder, *get("/")), *NOWHERE, program=program))
    assert line == "trioshadow: this needs msgspec: pip install 'trioshadow[cli]'"


async def test_primary_and_shadow_must_be_named(folder):
    done = await run_async("replay", "r.jsonl")
    assert (done.returncode, done.stderr) == (
        2,
        "trioshadow: --primary is missing: the URL of the primary, such as http://127.0.0.1:8000\n",
    )


async def test_where_there_is_no_terminal_no_escape_is_sent_and_progress_is_a_line_each(folder):
    async with recording() as (url, _):
        done = await ended(write(folder, *get("/")), url, url)
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr == "reading r.jsonl ...\nreplaying r.jsonl ...\n"


async def test_on_a_terminal_there_is_a_bar_and_with_no_color_none(folder):
    async with recording() as (url, _):
        for name, changes in (("a", {}), ("b", {"NO_COLOR": "1"})):
            ours, theirs = pty.openpty()
            called = command(write(folder, *get("/")), url, url, "--archive", name)
            streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
            await trio.run_process(called, **streams, check=False, env=environment(COLUMNS="80", **changes))
            said = os.read(ours, 65536)
            os.close(ours)
            os.close(theirs)
            assert (b"\x1b" in said, b"1/1" in said) == (not changes, not changes)
