"""`trioshadow proxy` as somebody runs it, between real services and clients, curl among them."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import trio
import trio.testing
import trustme

from tests.support import commands
from tests.support.http_servers import connect, raw_server, server, service, services
from tests.support.portable import TOO_LONG
from tests.support.proxies import proxy, proxy_process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")

HEAD_END = b"\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


# ── the process ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def curl(*arguments, **options):
    done = await trio.run_process(["curl", "-sS", "-m", "20", *arguments], capture_stdout=True, **options)
    return done.stdout.decode()


async def statistics(url):
    """As soon as nothing is in flight."""
    async with httpx.AsyncClient() as client:
        with trio.fail_after(TOO_LONG):
            while True:
                told = (await client.get(url + "/statistics")).json()
                waiting = told["in_flight"] + told["records_waiting"] + told["secondary"]["in_flight"]
                if told["calls"] and not waiting:
                    return told


# ── what it does ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_answers_with_the_primary_and_reports_where_the_shadow_differs():
    async with services(service(1), service(2)) as (old, new), proxy(old, new, "--admin", "0") as running:
        assert running.first_line == f"Listening on {running.url}, primary {old}, shadow {new}, admin {running.admin}\n"
        async with httpx.AsyncClient() as client:
            for n in range(3):
                assert (await client.get(f"{running.url}/users/{n}")).json()["price"] == 1
            assert (await client.post(running.url)).json()["price"] == 1
            assert (await client.get(running.admin + "/healthz")).json() == {"status": "ok"}
        told = await statistics(running.admin)
        assert (told["calls"], told["diverged"], told["held_back"]) == (4, 3, 1)
        assert told["diverging"] == [
            {"operation": "GET /users/{id}", "where": "$.price", "state": "differs", "calls": 3, "noise": None}
        ]
        assert told["scorecard"]["decision"] == "hold"
        report = await running.end()
    lines = [line.rstrip() for line in report.splitlines()]
    assert lines[:2] == ["", "4 requests served, 3 of them mirrored:"]
    assert "  held back            1  (not allowed 1)" in lines
    assert lines[lines.index("the shadow: HOLD") + 1].startswith("  - GET /users/{id}: $.price differs for 100.00% of")
    assert lines[lines.index("    $.price: differs") + 1 :][1:3] == ["      - 1", "      + 2"]
    # What was never mirrored is said.
    assert "  - POST /: 1 call (25.0%), never compared (1 held back)" in lines
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("rate", ["0", "1"])
async def test_a_secondary_shows_what_is_noise_and_the_report_and_the_admin_address_say_the_same(rate):
    log = []
    numbers = itertools.count()

    async def old(scope, receive, send):  # each answer has a price of its own
        await service(next(numbers), log)(scope, receive, send)

    options = ("--noise-rate", rate, "--candidate", "shop 2.0", "--objective-rate", "0.01", "--admin", "0")
    async with (
        services(old, service(-1)) as (primary, new),
        server(old) as twin,
        proxy(primary, new, "--secondary", twin, *options) as running,
        httpx.AsyncClient() as client,
    ):
        assert f", shadow {new}, secondary {twin}, admin " in running.first_line
        for n in range(25):
            await client.get(f"{running.url}/users/{n}", headers={"authorization": "Bearer s"})
        told = await statistics(running.admin)
        running.stop()
        _, report, _ = await running.ended()
    pairs = 25 * int(rate)
    assert (told["diverged"], told["secondary"]["calls"], told["secondary"]["diverged"]) == (25, pairs, pairs)
    (differing,) = told["diverging"]
    assert (differing["where"], differing["noise"]) == ("$.price", 1.0 if pairs else None)
    if pairs:
        assert differing["state"] == "unverifiable"
        assert "25 of these to the secondary too:\n  diverged            25\n" in report
    said = told["scorecard"]
    assert said["candidate"] == "shop 2.0"
    assert f"shop 2.0: {said['decision'].upper()}\n" in report
    words = " ".join(report.split())
    for reason in (*said["reasons"], *said["missing"], *said["not_covered"], *said["notes"]):
        assert reason in words
    copies = [headers for _, _, headers in log if "x-shadow" in headers]
    assert len(copies) == pairs
    assert not [headers for headers in copies if "authorization" in headers]


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (("--objective-rate", "0.5"), r"(about [0-9]+ )?more calls, to know its p99 \(15 so far\)"),
        ((), r"about \d,\d00 more calls"),
    ],
)
async def test_the_objective_decides_what_is_missing(options, missing):
    async with services(service()) as urls, proxy(*urls, *options, "--admin", "0") as running:
        async with httpx.AsyncClient() as client:
            for n in range(15):
                await client.get(f"{running.url}/users/{n}")
        told = await statistics(running.admin)
        (said,) = told["scorecard"]["missing"]
        assert re.fullmatch(rf"GET /users/\{{id\}}: {missing}", said)
        assert f"  - {said}\n" in await running.end()


async def test_a_primary_may_be_its_own_secondary_and_one_that_is_down_is_said():
    async with raw_server(None) as down:
        pass
    async with server(service()) as old:
        for secondary, became in ((old, "matched"), (down, "failed")):
            options = ("--secondary", secondary, "--noise-rate", "1", "--admin", "0")
            async with proxy(old, old, *options) as running:
                assert "price" in await fetch(running.url)
                told = await statistics(running.admin)
                report = await running.end()
            assert (told["matched"], told["failed"], told["secondary"][became]) == (1, 0, 1)
            assert ("the secondary failed in 1 call" in report) == (became == "failed")


async def test_ignored_paths_and_headers_match_and_methods_can_be_allowed():
    options = ("--ignore-path", "$.price", "--allow-method", "POST", "--allow-method", "PUT", "--admin", "0")
    async with services(service(1), service(2)) as (old, new), proxy(old, new, *options) as running:
        async with httpx.AsyncClient() as client:
            for method in ("GET", "POST", "PUT", "DELETE"):
                await client.request(method, running.url, content=b"x" if method != "GET" else None)
        told = await statistics(running.admin)
        assert (told["matched"], told["held_back"]) == (3, 1)
        assert "$.price" not in await running.end()


def knows_tokens(log, body=b"me"):
    """A service that answers 401, or sends to a login with a cookie in hand, to whoever has no Authorization."""

    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        headers = dict(scope["headers"])
        log.append(b"authorization" in headers)
        start = {"status": 401, "headers": []}
        if b"authorization" in headers:
            start["status"] = 200
        elif scope["path"] == "/page":
            start = {"status": 302, "headers": [(b"location", b"/login")]}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": body if start["status"] == 200 else b"who?"})

    return app


async def ask_for(running, *paths, headers):
    async with httpx.AsyncClient() as client:
        for path in paths:
            assert (await client.get(running.url + path, headers=headers)).status_code == 200
    return await statistics(running.admin)


async def test_credentials_that_were_withheld_are_said_with_the_option_and_blamed_on_nobody(tmp_path):
    """The secondary is the old service itself: it gets what that gets. No acknowledgement makes it a PROMOTE."""
    old_log, new_log, archive = [], [], tmp_path / "a.jsonl"
    options = ("--noise-rate", "1", "--acknowledge", "status", "--acknowledge", "body", "--objective-rate", "0.5")
    options += ("--max-p99-ratio", "none", "--admin", "0", "--archive", str(archive))
    paths = [f"/me?n={n}" for n in range(20)] + [f"/page?n={n}" for n in range(20)]
    async with (
        services(knows_tokens(old_log), knows_tokens(new_log)) as (old, new),
        proxy(old, new, "--secondary", old, *options) as running,
    ):
        told = await ask_for(running, *paths, headers={"Authorization": "Bearer s3cret", "Cookie": "a=1"})
        assert (told["diverged"], told["secondary"]["matched"]) == (40, 40)
        assert told["diverging"] == []
        assert told["scorecard"]["decision"] == "hold"
        assert [(one["operation"], one["side"], one["calls"]) for one in told["scorecard"]["withheld"]] == [
            *(("GET /me", "shadow", 20), ("GET /page", "shadow", 20)),
        ]
        running.stop()
        status, report, errors = await running.ended()
    assert status == 0
    assert old_log == [True] * 80
    assert new_log == [False] * 40
    words = " ".join(report.split())
    remedy = "--forward-credential authorization --forward-credential cookie"
    assert "the shadow: HOLD - GET /me, GET /page: 40 of 40 calls reached the new one without authorization" in words
    assert f"To send what is missing: {remedy}" in words
    assert "differs from itself" not in report
    # On stderr too the advice is the command's, and the primary's own origin is no other.
    assert f"not sent to {new}, another origin" in errors
    assert "HttpBackend" not in errors
    assert old not in errors

    # What a report says later, of the archive alone.
    page = tmp_path / "a.html"
    done = commands.run("report", archive, "--html", page, "--max-p99-ratio", "none")
    for text in (done.stdout, page.read_text()):
        assert remedy in " ".join(text.split())
    assert "40 records of differences that are noise so far, rare enough, acknowledged, or for want" in done.stdout
    assert "s3cret" not in archive.read_text() + page.read_text() + done.stdout
    told = json.loads(commands.run("report", archive, "--json").stdout)
    assert (told["decision"], remedy in told["reasons"][0]) == ("hold", True)
    assert [one["headers"] for one in told["withheld"]] == [["authorization", "cookie"]] * 2
    assert {tuple(one["withheld"]) for one in told["differences"]} == {("authorization", "cookie")}
    assert all(one["explained"] for one in told["differences"])


async def test_with_the_credentials_named_the_shadow_is_compared():
    new_log = []
    options = ("--forward-credential", "AUTHORIZATION", "--admin", "0", "--objective-rate", "0.5")
    async with (
        services(knows_tokens([]), knows_tokens(new_log)) as (old, new),
        proxy(old, new, *options, "--max-p99-ratio", "none") as running,
    ):
        told = await ask_for(running, *(f"/me?n={n}" for n in range(15)), headers={"Authorization": "Bearer s3cret"})
        assert (told["matched"], told["scorecard"]["decision"], told["scorecard"]["withheld"]) == (15, "promote", [])
        await running.end()
    assert new_log == [True] * 15


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (("--allow-header", "accept"), "--forward-credential authorization --allow-header authorization"),
        (
            ("--forward-credential", "authorization", "--drop-header", "auth*"),
            "no --drop-header for authorization",
        ),
    ],
)
async def test_the_option_that_keeps_a_credential_back_is_the_one_that_is_named(options, remedy):
    async with (
        services(knows_tokens([]), knows_tokens([])) as (old, new),
        proxy(old, new, *options, "--admin", "0") as running,
    ):
        told = await ask_for(running, "/me", headers={"Authorization": "Bearer s3cret"})
        assert [one["remedy"] for one in told["scorecard"]["withheld"]] == [remedy]
        running.stop()
        await running.ended()


async def test_credentials_go_to_the_shadow_only_if_named_and_both_hear_who_asked():
    old_log, new_log = [], []
    credentials = {"authorization": "Bearer s", "x-api-key": "k"}
    others = {"cookie": "a=1", "accept": "a/b"}
    options = ("--forward-credential", "Cookie", "--admin", "0")
    async with (
        services(service(log=old_log), service(log=new_log)) as (old, new),
        proxy(old, new, *options) as running,
        httpx.AsyncClient() as client,
    ):
        await client.get(running.url + "/a%2Fb", headers={**credentials, **others, "x-forwarded-for": "6.6.6.6"})
        await statistics(running.admin)
    (_, path, seen), (_, shadow_path, shadow_seen) = old_log[0], new_log[0]
    assert path == shadow_path == "/a%2Fb"
    host = running.url.removeprefix("http://")
    others |= {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http", "x-forwarded-host": host}
    others["forwarded"] = f'for=127.0.0.1;proto=http;host="{host}"'
    assert {**credentials, **others}.items() <= seen.items()
    assert {**others, "x-shadow": "1"}.items() <= shadow_seen.items()
    assert not credentials.keys() & shadow_seen.keys()
    assert (seen["host"], shadow_seen["host"]) == (old.removeprefix("http://"), new.removeprefix("http://"))


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (("--drop-header", "x-b3-*", "--drop-header", "X-Tenant"), {"accept", "x-user"}),
        (("--allow-header", "Accept", "--allow-header", "x-b3-*"), {"accept", "x-b3-traceid"}),
        (("--allow-header", "x-*", "--drop-header", "x-b3-*"), {"x-user", "x-tenant"}),
    ],
)
async def test_the_shadow_gets_the_headers_that_may_go_along_and_the_primary_all(options, kept):
    old_log, new_log = [], []
    headers = {"accept": "a/b", "x-b3-traceid": "1", "x-tenant": "t", "x-user": "u"}
    async with (
        services(service(log=old_log), service(log=new_log)) as (old, new),
        proxy(old, new, "--admin", "0", *options) as running,
        httpx.AsyncClient() as client,
    ):
        await client.get(running.url, headers=headers)
        await statistics(running.admin)
    assert headers.items() <= old_log[0][2].items()
    assert headers.keys() & new_log[0][2].keys() == kept


async def test_with_a_breaker_a_shadow_that_fails_is_left_alone():
    for options, state, called in ((), None, 8), (("--breaker",), "open", 5):
        old_log = []
        async with (
            services(service(log=old_log)) as (old, _),
            proxy(old, "http://127.0.0.1:1", "--admin", "0", *options) as running,
            httpx.AsyncClient() as client,
        ):
            for _ in range(8):
                await client.get(running.url)
                told = await statistics(running.admin)
        assert len(old_log) == 8
        assert (told["breaker"], told["failed"], told["paused"]) == (state, called, 8 - called)


async def test_what_is_not_sampled_goes_to_the_primary_alone():
    new_log = []
    async with services(service(), service(log=new_log)) as (old, new), proxy(old, new, "--sample", "0") as running:
        assert "price" in await fetch(running.url)
        assert "1 not mirrored:" in await running.end()
    assert new_log == []


async def fetch(url):
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).text


async def test_a_key_decides_which_requests_are_mirrored():
    options = ("--sample", "0.5", "--key-header", "X-User", "--admin", "0")
    async with services(service()) as urls, proxy(*urls, *options) as running, httpx.AsyncClient() as client:
        for n in range(40):
            await client.get(running.url, headers={"x-user": str(n // 2)})
        await client.get(running.url)
        told = await statistics(running.admin)
    assert told["unkeyed"] == 1
    assert told["mirrored"] + told["not_sampled"] == 40
    assert 0 < told["mirrored"] < 40
    assert told["mirrored"] % 2 == 0


async def test_both_services_can_see_the_clients_host():
    old_log, new_log = [], []
    async with (
        services(service(log=old_log), service(log=new_log)) as urls,
        proxy(*urls, "--preserve-host", "--admin", "0") as running,
        httpx.AsyncClient() as client,
    ):
        await client.get(running.url, headers={"host": "shop.example"})
        await statistics(running.admin)
    assert [headers["host"] for _, _, headers in old_log + new_log] == ["shop.example"] * 2


async def test_a_trusted_proxys_word_is_continued():
    log = []
    async with (
        server(service(log=log)) as url,
        proxy(url, url, "--trust-forwarded", "--sample", "0") as running,
        httpx.AsyncClient() as client,
    ):
        await client.get(running.url, headers={"x-forwarded-for": "192.0.2.1", "x-forwarded-host": "shop.example"})
    assert log[0][2]["x-forwarded-for"] == "192.0.2.1, 127.0.0.1"
    assert log[0][2]["x-forwarded-host"] == "shop.example"


async def test_larger_bodies_than_said_are_served_and_not_compared():
    options = ("--max-body", "10", "--allow-method", "PUT", "--admin", "0")
    async with services(service()) as urls, proxy(*urls, *options) as running, httpx.AsyncClient() as client:
        assert (await client.put(running.url, content=bytes(11))).json()["size"] == 11
        assert (await client.put(running.url, content=bytes(10))).json()["size"] == 10
        told = await statistics(running.admin)
    assert (told["held_back_by_cause"]["incomplete"], told["abandoned"]) == (1, 1)  # its answer is larger too


async def test_a_primary_that_takes_too_long_is_a_504_and_a_shadow_is_timed_out(mock_clock):
    """Real sockets, and a clock that stands still until it is told."""

    async def time_flies(wire):
        while True:  # the proxy may begin to count only now
            mock_clock.jump(3)
            await trio.lowlevel.checkpoint()

    async def slow(wire):
        await wire.until(HEAD_END)
        mock_clock.jump(3)  # the leg has begun before it asked: more would make it a loop that is late
        await wire.closed()

    options = ("--primary-timeout", "3", "--sample", "0")
    client = httpx.AsyncClient(timeout=None)
    async with raw_server(time_flies) as url, proxy(url, url, *options) as running, client:
        assert (await client.get(running.url)).status_code == 504
    options = ("--timeout", "3", "--admin", "0")
    async with raw_server(slow) as new, server(service()) as old, proxy(old, new, *options) as running:
        assert "price" in await fetch(running.url)
        assert (await statistics(running.admin))["timed_out"] == 1


async def test_a_primary_that_is_down_is_a_502_and_never_the_shadows_answer():
    async with raw_server(None) as down:
        pass
    async with server(service()) as new, proxy(down, new, "--admin", "0") as running, httpx.AsyncClient() as client:
        response = await client.get(running.url)
        assert (response.status_code, response.headers["content-type"]) == (502, "application/problem+json")
        assert (await statistics(running.admin))["abandoned"] == 1
        running.stop()
        status, _, errors = await running.ended()
    assert status == 0
    assert re.fullmatch(r"\S+ \S+ the primary gave no response \(ConnectError\): answered 502\n", errors)


async def test_a_shadow_that_is_down_is_counted_and_nobody_else_notices():
    async with raw_server(None) as down:
        pass
    async with server(service()) as old, proxy(old, down, "--admin", "0") as running:
        assert "price" in await fetch(running.url)
        (differing,) = (await statistics(running.admin))["diverging"]
        assert (differing["where"], differing["calls"]) == ("failed", 1)
        assert "      + ConnectError: " in await running.end()


async def test_a_response_that_breaks_off_leaves_one_line_in_the_log():
    async def primary(wire):
        await wire.until(HEAD_END)
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")

    async with raw_server(primary) as url, proxy(url) as running, httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(running.url)
        running.stop()
        status, _, errors = await running.ended()
    assert status == 0
    assert [line.split(maxsplit=2)[2] for line in errors.splitlines()] == [
        "the primary broke off a response (RemoteProtocolError)"
    ]


async def test_a_websocket_is_refused_in_words():
    handshake = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + "A" * 22
    )
    async with server(service()) as url, proxy(url) as running, connect(running.url) as wire:
        await wire.send(f"GET / HTTP/1.1\r\nHost: x\r\n{handshake}==\r\n\r\n".encode())
        answer = await wire.rest()
    assert answer.startswith(b"HTTP/1.1 501")
    assert b"application/problem+json" in answer
    assert b"does not pass WebSockets on" in answer


async def test_what_is_no_http_gets_a_400():
    async with server(service()) as url, proxy(url) as running:
        async with connect(running.url) as wire:
            await wire.send(b"GET / HTTP/1.1\r\nno header\r\n\r\n")
            assert (await wire.rest()).startswith(b"HTTP/1.1 400")
        assert "price" in await fetch(running.url)
        assert "1 requests served" in await running.end()


async def test_it_listens_on_ipv6_too():
    if not socket.has_ipv6:
        pytest.skip("there is no IPv6")
    async with server(service()) as url, proxy(url, url, "--listen", "[::1]:0") as running:
        assert re.fullmatch(r"http://\[::1\]:\d+", running.url)
        assert "price" in await fetch(running.url)


# ── curl ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@needs_curl
async def test_curl_uploads_in_chunks_and_after_100_continue(tmp_path):
    file = tmp_path / "upload"
    file.write_bytes(bytes(3_000_000))
    async with services(service()) as urls, proxy(*urls, "--allow-method", "PUT") as running:
        chunked = await curl("-v", "-T", "-", running.url + "/a", stdin=file.read_bytes(), stderr=subprocess.STDOUT)
        assert "> Transfer-Encoding: chunked" in chunked
        assert '"size": 3000000' in chunked
        expecting = await curl(
            "-v", "-T", str(file), "-H", "Expect: 100-continue", running.url + "/a", stderr=subprocess.STDOUT
        )
        assert "HTTP/1.1 100" in expecting
        assert '"size": 3000000' in expecting
        assert "content-length: " in await curl("-I", running.url)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Files: the authority's certificate, the server's with its key, the two apart."""
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    return folder


@needs_curl
async def test_curl_speaks_http_2_over_tls_and_the_services_too(certificates):
    tls = {"certfile": str(certificates / "both.pem"), "keyfile": str(certificates / "both.pem")}
    options = ("--tls-cert", certificates / "cert.pem", "--tls-key", certificates / "key.pem")
    options += ("--ca-file", certificates / "ca.pem", "--admin", "0")
    async with server(service(), **tls) as url, proxy(url, url, *options) as running:
        assert running.url.startswith("https://")
        with_trust = ("--cacert", str(certificates / "ca.pem"), "-w", " %{http_version}")
        body = bytes(300_000)
        assert (await curl(*with_trust, "--http2", running.url)).endswith(" 2")
        sent = await curl(*with_trust, "--http2", "-T", "-", running.url + "/", stdin=body)
        assert ('"size": 300000' in sent, sent[-2:]) == (True, " 2")
        assert (await curl(*with_trust, "--http1.1", running.url)).endswith(" 1.1")
        told = await statistics(running.admin)
        assert (told["matched"], told["held_back"]) == (2, 1)


async def test_a_service_with_a_certificate_that_nobody_trusts_is_a_502(certificates):
    tls = {"certfile": str(certificates / "both.pem"), "keyfile": str(certificates / "both.pem")}
    async with server(service(), **tls) as url, proxy(url) as running, httpx.AsyncClient() as client:
        assert (await client.get(running.url)).status_code == 502


# ── signals ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_request_in_flight_is_served_to_its_end(number):
    release = trio.Event()
    arrived = trio.Event()

    async def primary(wire):
        await wire.until(HEAD_END)
        arrived.set()
        await release.wait()
        await wire.send(OK)

    answers = []
    async with raw_server(primary) as url, proxy_process(url, url, "--admin", "0") as running:
        async with trio.open_nursery() as nursery, httpx.AsyncClient() as client:

            async def visit():
                answers.append(await fetch(running.url))

            nursery.start_soon(visit)
            await arrived.wait()
            running.stop(number)
            with trio.fail_after(TOO_LONG):
                while (await client.get(running.admin + "/healthz")).status_code != 503:
                    await trio.sleep(0.02)
                while True:
                    with contextlib.suppress(OSError):
                        async with connect(running.url):
                            await trio.sleep(0.02)
                            continue
                    break
            release.set()
        status, report, errors = await running.ended()
    assert (answers, status, errors) == (["ok"], 0, "")
    assert "1 requests served, 1 of them mirrored:" in report


@pytest.mark.parametrize("stuck", ["primary", "client"])
async def test_the_drain_is_bounded(stuck):
    arrived = trio.Event()

    async def primary(wire):
        await wire.until(HEAD_END)
        arrived.set()
        if stuck == "primary":
            await wire.closed()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        with contextlib.suppress(trio.BrokenResourceError):
            await wire.send(bytes(1_000_000_000))

    options = ("--sample", "0", "--drain", "0.2")
    async with raw_server(primary) as url, proxy_process(url, url, *options) as running, connect(running.url) as wire:
        await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await arrived.wait()
        if stuck == "client":
            await trio.testing.wait_all_tasks_blocked(0.2)  # until the primary can send no more
        running.stop()
        status, report, errors = await running.ended()
    assert (status, errors) == (0, "")
    assert "1 requests served" in report


async def test_a_second_signal_ends_it_at_once():
    arrived = trio.Event()

    async def primary(wire):
        await wire.until(HEAD_END)
        arrived.set()
        await wire.closed()

    options = ("--drain", "1000", "--admin", "0")
    async with raw_server(primary) as url, proxy_process(url, url, *options) as running, connect(running.url) as wire:
        await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await arrived.wait()
        running.stop()
        async with httpx.AsyncClient() as client:
            while (await client.get(running.admin + "/healthz")).status_code != 503:
                await trio.sleep(0.02)
        running.stop(signal.SIGINT)
        assert await running.ended() == (130, "", "")


# ── much of it ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
async def test_a_gibibyte_passes_and_memory_stays_flat():
    total = 2**30
    chunk = bytes(2**20)

    async def primary(wire):
        await wire.until(HEAD_END)
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        with contextlib.suppress(trio.BrokenResourceError):  # the shadow's copy of the request: enough is enough
            for _ in range(total // len(chunk)):
                await wire.send(chunk)

    async with raw_server(primary) as url, proxy_process(url, url, "--admin", "0") as running:
        before = peak_memory(running.running.pid)
        async with connect(running.url) as wire:
            await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await wire.until(HEAD_END)
            received = len(wire.kept)
            with trio.fail_after(120):
                while received < total:
                    received += len(await wire.stream.receive_some())
        assert received == total
        assert peak_memory(running.running.pid) - before < 50 * 2**20
        assert (await statistics(running.admin))["mirrored"] == 1


def peak_memory(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


async def test_a_hundred_clients_at_once_get_each_their_own_answer():
    answers = {}
    async with services(service()) as urls, proxy(*urls, "--admin", "0") as running:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(limits=limits, timeout=TOO_LONG) as client, trio.open_nursery() as nursery:

            async def visit(n):
                answers[n] = (await client.get(f"{running.url}/users/{n}")).json()["path"]

            for n in range(100):
                nursery.start_soon(visit, n)
        told = await statistics(running.admin)
        assert answers == {n: f"/users/{n}" for n in range(100)}
        assert (told["calls"], told["matched"] + told["shed"] + told["timed_out"]) == (100, 100)
        assert (told["diverged"], told["failed"]) == (0, 0)


# ── wrong use ─────────────────────────────────────────────────────────────────────────────────────────────────────────

URLS = ("--primary", "http://127.0.0.1:1", "--shadow", "http://127.0.0.1:2")


async def wrong_use(*arguments):
    """The one line on stderr."""
    done = await commands.run_async("proxy", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("trioshadow: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--primary is missing"),
        (("--primary", "x", "--shadow", "http://a"), "--primary must be a URL"),
        ((*URLS, "--sample", "2"), "--sample must be a fraction from 0 to 1"),
        ((*URLS, "--sample", "x"), "--sample"),
        ((*URLS, "--secondary", "x"), "--secondary must be a URL"),
        ((*URLS, "--secondary", "http://a", "--noise-rate", "-1"), "--noise-rate must be a fraction from 0 to 1"),
        ((*URLS, "--noise-rate", "0.5"), "--noise-rate is of no use without a secondary"),
        ((*URLS, "--objective-rate", "1"), "--objective-rate must be a fraction in [1e-9, 1)"),
        ((*URLS, "--listen", "here"), "--listen must be HOST:PORT"),
        ((*URLS, "--listen", "nowhere.invalid:0"), "--listen nowhere.invalid:0: "),
        ((*URLS, "--admin", "0.0.0.0:0"), "--admin must be on loopback"),
        ((*URLS, "--config", "/no/such.toml"), "--config can't be read: /no/such.toml"),
        ((*URLS, "--tls-cert", "/no/such.pem"), "--tls-cert can't be read: /no/such.pem: " + os.strerror(errno.ENOENT)),
        ((*URLS, "--tls-cert", "/dev/null"), "--tls-cert, --tls-key: no certificate with its key"),
        ((*URLS, "--ca-file", "/dev/null"), "--ca-file: no certificates in /dev/null"),
        ((*URLS, "--nope"), "--nope"),
    ],
)
async def test_wrong_use_is_one_line_and_status_2(arguments, words):
    assert words in await wrong_use(*arguments)


async def test_keys_that_do_not_fit_are_found_out_before_it_listens(certificates):
    other = trustme.CA().issue_cert("127.0.0.1")
    other.private_key_pem.write_to_path(certificates / "other.pem")
    line = await wrong_use(*URLS, "--tls-cert", certificates / "cert.pem", "--tls-key", certificates / "other.pem")
    assert f"{certificates}/cert.pem and {certificates}/other.pem" in line


async def test_an_encrypted_key_is_found_out_and_nobody_is_asked(certificates):
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key((certificates / "key.pem").read_bytes(), None)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    encrypted = key.private_bytes(*form, serialization.BestAvailableEncryption(b"secret"))
    (certificates / "encrypted.pem").write_bytes(encrypted)
    assert "(unencrypted)" in await wrong_use(
        *URLS, "--tls-cert", certificates / "cert.pem", "--tls-key", certificates / "encrypted.pem"
    )


@pytest.mark.parametrize("option", ["--listen", "--admin"])
async def test_an_address_in_use_is_named(option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "{}:{}".format(*taken.getsockname())
        free = () if option == "--listen" else ("--listen", "127.0.0.1:0")
        assert (
            await wrong_use(*URLS, *free, option, address)
            == f"trioshadow: {option} {address}: {os.strerror(errno.EADDRINUSE)}\n"
        )


async def test_help_tells_a_newcomer_what_it_does():
    done = await commands.run_async("proxy", "--help", COLUMNS="80")
    text = done.stdout
    assert done.stderr == ""
    assert "--primary http://127.0.0.1:8000" in text
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(text.replace("│", " ").split())
    for said in (
        "How long the shadow may take",
        "[default: 127.0.0.1:8080]",
        "Largest body to compare",
        "Fraction",
    ):
        assert said in words, said
