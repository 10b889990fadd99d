"""ReverseProxy between real servers and clients on loopback, with raw bytes where bytes count; and in memory, on a
virtual clock, where time counts.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import ssl

import httpx
import httpx2
import pytest
import trio
import trio.testing
import trustme

from trioshadow.asgi import IncompleteResponse, ReverseProxy

from tests.support.http_servers import connect, raw_server, server
from tests.support.portable import TOO_LONG

HEAD_END = b"\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextlib.asynccontextmanager
async def proxy(base_url, client=None, server_settings=(), around=lambda app: app, **settings):
    """The proxy before a primary. Its URL."""
    async with (
        client or httpx.AsyncClient() as entered,
        server(around(ReverseProxy(entered, base_url, **settings)), **dict(server_settings)) as url,
    ):
        yield url


def request(target="/", *headers, method="GET", close=True):
    lines = [f"{method} {target} HTTP/1.1", "Host: proxy", *headers, *(["Connection: close"] if close else [])]
    return "\r\n".join(lines).encode("latin-1") + HEAD_END


async def ask(url, *sent):
    """Send these bytes on a connection of their own, and read until the server closes it."""
    async with connect(url) as wire:
        for part in sent:
            await wire.send(part)
        return await wire.rest()


def split(response):
    head, _, body = response.partition(HEAD_END)
    status_line, *headers = head.split(b"\r\n")
    return int(status_line.split()[1]), headers, body


def recording(answer=OK):
    """A raw primary that keeps the head of each request, gives the same answer to all, and closes the connection."""
    heads = []

    async def primary(wire):
        heads.append((await wire.until(HEAD_END)).split(b"\r\n")[:-2])
        await wire.send(answer)

    return heads, primary


async def through(primary, *sent, **settings):
    """The bytes of the response that one raw primary gives through the proxy."""
    async with raw_server(primary) as base, proxy(base, **settings) as url:
        return await ask(url, *sent)


# ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        ("/a%2Fb%2f%20;x=%zz/..//./%C3%A9?q=%41+%20&&=[]|\"{}'", None),
        ("/x?", "/x"),  # which ASGI can't tell
        ("http://elsewhere:1/x?y", "/x?y"),
        ("http://elsewhere", "/"),
    ],
)
async def test_path_and_query_reach_the_primary_byte_for_byte(target, seen):
    heads, primary = recording()
    assert (await through(primary, request(target))).endswith(b"ok")
    assert heads[0][0] == f"GET {seen or target} HTTP/1.1".encode()


async def test_a_prefix_of_the_base_url_stands_before_the_path():
    heads, primary = recording()
    async with raw_server(primary) as base, proxy(base + "/api/v1/") as url:
        await ask(url, request("/x%2fy?z"))
        await ask(url, request("*", method="OPTIONS"))
    assert [head[0] for head in heads] == [b"GET /api/v1/x%2fy?z HTTP/1.1", b"OPTIONS * HTTP/1.1"]


@pytest.mark.parametrize(("target", "method", "status"), [("x", "GET", 400), ("example.com:443", "CONNECT", 501)])
async def test_what_has_no_path_is_refused(target, method, status):
    heads, primary = recording()
    assert problem(await through(primary, request(target, method=method))) == status
    assert not heads


async def test_headers_reach_the_primary_in_order_and_nothing_is_added():
    heads, primary = recording()
    for_this_hop = ("Keep-Alive: 5", "TE: trailers", "Upgrade: foo", "X-Private: 1", "Connection: X-Private")
    sent = request("/", "B: 1", "a: 2", "b: 3", *for_this_hop, "Cookie: x=1", "Cookie: y=2", "Expect: 100-continue")
    async with raw_server(primary) as base, proxy(base) as url:
        await ask(url, sent)
    host = b"host: " + base.removeprefix("http://").encode()
    assert heads[0][1:] == [host, b"b: 1", b"a: 2", b"b: 3", b"cookie: x=1", b"cookie: y=2"]


async def test_the_clients_host_is_kept_if_asked_for():
    heads, primary = recording()
    async with raw_server(primary) as base, proxy(base, preserve_host=True) as url:
        await ask(url, request())
        await ask(url, b"GET / HTTP/1.0\r\n\r\n")  # it has none
    assert [head[1:] for head in heads] == [[b"host: proxy"], [b"host: " + base.removeprefix("http://").encode()]]


@pytest.mark.parametrize(
    ("framing", "body", "seen"),
    [
        (["Content-Length: 5"], b"abcde", [b"content-length: 5"]),
        (["Content-Length: 0"], b"", [b"content-length: 0"]),
        (["Transfer-Encoding: chunked"], b"5\r\nabcde\r\n0\r\n\r\n", [b"transfer-encoding: chunked"]),
        # Of two framings the chunks count; a primary that went by the other could be made to see another request.
        (["Content-Length: 3", "Transfer-Encoding: chunked"], b"1\r\nx\r\n0\r\n\r\n", [b"transfer-encoding: chunked"]),
    ],
)
async def test_a_body_keeps_its_framing_and_never_has_two(framing, body, seen):
    heads = []

    async def primary(wire):
        heads.append((await wire.until(HEAD_END)).split(b"\r\n")[2:-2])
        if body:
            assert await wire.until(body) == body
        await wire.send(OK)

    assert split(await through(primary, request("/", *framing, method="POST") + body))[0] == 200
    assert heads == [seen]


async def test_both_bodies_stream():
    """Each chunk arrives before the next one is sent."""
    arrived = [trio.Event() for _ in range(6)]

    async def primary(wire):
        await wire.until(HEAD_END)
        for n in range(3):
            await wire.until(b"1\r\n%d\r\n" % n)
            arrived[n].set()
        await wire.until(b"0\r\n\r\n")
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for n in range(3, 6):
            await wire.send(b"1\r\n%d\r\n" % n)
            await arrived[n].wait()
        await wire.send(b"0\r\n\r\n")

    async with raw_server(primary) as base, proxy(base) as url, connect(url) as wire:
        await wire.send(request("/", "Transfer-Encoding: chunked", method="PUT", close=False))
        for n in range(3):
            await wire.send(b"1\r\n%d\r\n" % n)
            await arrived[n].wait()
        await wire.send(b"0\r\n\r\n")
        await wire.until(HEAD_END)
        for n in range(3, 6):
            assert await wire.until(b"\r\n%d\r\n" % n) == b"1\r\n%d\r\n" % n
            arrived[n].set()
        assert await wire.until(b"0\r\n\r\n") == b"0\r\n\r\n"


async def test_a_primary_that_reads_no_more_stops_the_client():
    reading = trio.Event()
    received = []

    async def primary(wire):
        await wire.until(HEAD_END)
        await reading.wait()
        size = 0
        while size < total:
            size += len(await wire.stream.receive_some())
        received.append(size)
        await wire.send(OK)

    total = 64 * 1024 * 1024
    sent = 0
    async with raw_server(primary) as base, proxy(base) as url, connect(url) as wire, trio.open_nursery() as nursery:
        await wire.send(request("/", f"Content-Length: {total}", method="PUT"))

        async def upload():
            nonlocal sent
            chunk = bytes(1024 * 1024)
            while sent < total:
                await wire.send(chunk)
                sent += len(chunk)

        nursery.start_soon(upload)
        assert await standstill(lambda: sent) < total / 2
        reading.set()
        assert split(await wire.rest())[0] == 200
    assert received == [total]


async def test_a_client_that_reads_no_more_stops_the_primary():
    sent = 0
    total = 64 * 1024 * 1024

    async def primary(wire):
        nonlocal sent
        await wire.until(HEAD_END)
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        chunk = bytes(1024 * 1024)
        while sent < total:
            await wire.send(chunk)
            sent += len(chunk)

    async with raw_server(primary) as base, proxy(base) as url, connect(url) as wire:
        await wire.send(request())
        await wire.until(HEAD_END)
        assert await standstill(lambda: sent) < total / 2
        assert len(await wire.rest()) == total


async def standstill(count):
    """What it counts, once that no longer grows."""
    before = -1
    while before != count():
        before = count()
        await trio.testing.wait_all_tasks_blocked(0.1)
    return before


# ── responses ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_response_headers_keep_order_case_and_repeats_and_nothing_is_added():
    headers = [
        *(
            b"X-One: 1",
            b"x-two:  2",
            b"Set-Cookie: a=1; Path=/",
            b"X-ONE: 3",
            b"Set-Cookie: b=2",
            b"ETag: \xe9",
            b"Empty: ",
        ),
        b"Content-Length: 2",
    ]
    for_this_hop = [b"Keep-Alive: 5", b"X-Private: 1", b"connection: keep-alive, x-private", b"Upgrade: h2c"]
    _, primary = recording(b"\r\n".join([b"HTTP/1.1 418 Teapot", *headers, *for_this_hop, b"", b"ok"]))
    status, received, body = split(await through(primary, request()))
    assert (status, body) == (418, b"ok")
    assert received == [header.replace(b":  ", b": ") for header in headers] + [b"Connection: close"]


async def test_content_codings_are_nobodys_business():
    body = gzip.compress(b"x" * 1000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert split(await through(recording(head + body)[1], request()))[1:] == (
        [*head.split(b"\r\n")[1:-2], b"Connection: close"],
        body,
    )


@pytest.mark.parametrize(
    ("method", "status", "headers"),
    [
        ("HEAD", 200, [b"Content-Length: 12345"]),
        ("GET", 204, [b"X-A: 1"]),
        ("GET", 304, [b"ETag: 1", b"Content-Length: 12345"]),
    ],
)
async def test_responses_without_a_body(method, status, headers):
    answer = b"\r\n".join([b"HTTP/1.1 %d X" % status, *headers, b"", b""])
    status_and_rest = split(await through(recording(answer)[1], request(method=method)))
    assert status_and_rest == (status, [*headers, b"Connection: close"], b"")


async def test_a_response_of_unknown_length_is_chunked_or_ends_with_the_connection():
    answer = b"HTTP/1.1 200 OK\r\n\r\nuntil the end"
    chunked = split(await through(recording(answer)[1], request()))
    assert chunked[2] == b"d\r\nuntil the end\r\n0\r\n\r\n"
    old = b"GET / HTTP/1.0\r\n\r\n"
    assert split(await through(recording(answer)[1], old))[1:] == ([b"Connection: close"], b"until the end")


async def test_informational_responses_are_left_out():
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    assert (await through(recording(hints + OK)[1], request())).startswith(b"HTTP/1.1 200")


async def test_redirects_and_cookies_pass_and_the_jar_is_neither_read_nor_filled():
    heads, primary = recording(
        b"HTTP/1.1 302 X\r\nLocation: http://[no/url\r\nSet-Cookie: s=1\r\nContent-Length: 0\r\n\r\n"
    )
    client = httpx.AsyncClient(cookies={"of": "the-client"}, headers={"x-of": "the-client"}, auth=("a", "b"))
    status, headers, _ = split(await through(primary, request(), client=client, preserve_host=True))
    assert (status, headers[:2]) == (302, [b"Location: http://[no/url", b"Set-Cookie: s=1"])
    assert dict(client.cookies) == {"of": "the-client"}
    assert heads[0][1:] == [b"host: proxy"]


# ── those who go away, and those who are not there ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("when", ["uploading", "waiting", "downloading"])
async def test_a_client_that_goes_away_takes_its_request_along(when):
    started, gone = trio.Event(), trio.Event()

    async def primary(wire):
        await wire.until(HEAD_END)
        if when == "downloading":
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        started.set()
        await wire.closed()
        gone.set()

    abandoned = Abandoned()
    async with raw_server(primary) as base, proxy(base, around=abandoned.around) as url:
        async with connect(url) as wire:
            await wire.send(request("/", "Content-Length: 5") + b"ab" if when == "uploading" else request())
            await started.wait()
            if when == "downloading":
                await wire.until(b"ab")
        await gone.wait()
        await abandoned.ended.wait()
    assert abandoned.times == 1


class Abandoned:
    """What a ShadowMiddleware puts into the scope."""

    def __init__(self):
        self.times = 0
        self.whole_answer = False
        self.ended = trio.Event()

    def abandon(self):
        # Afterwards it would be too late: it has been taken for the primary's.
        assert not self.whole_answer
        self.times += 1

    def around(self, app):
        async def middleware(scope, receive, send):
            if scope["type"] != "http":
                return await app(scope, receive, send)

            async def watched_send(message):
                self.whole_answer |= message["type"] == "http.response.body" and not message.get("more_body", False)
                await send(message)

            try:
                await app({**scope, "trioshadow": self}, receive, watched_send)
            finally:
                self.ended.set()

        return middleware


def problem(response):
    status, headers, body = split(response)
    assert b"content-type: application/problem+json" in headers
    told = json.loads(body)
    assert (told["status"], told["type"]) == (status, "about:blank")
    assert set(told) == {"type", "title", "status", "detail"}
    assert "127.0.0.1" not in told["detail"]
    return status


async def no_answer(wire):
    await wire.until(HEAD_END)


async def garbage(wire):
    await wire.until(HEAD_END)
    await wire.send(b"\x16\x03\x01 this is no HTTP\r\n\r\n")


async def switching(wire):
    await wire.until(HEAD_END)
    await wire.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")


@pytest.mark.parametrize("primary", [no_answer, garbage, switching], ids=lambda primary: primary.__name__)
async def test_a_primary_without_an_answer_is_a_502(primary):
    abandoned = Abandoned()
    async with raw_server(primary) as base, proxy(base, around=abandoned.around) as url:
        assert problem(await ask(url, request())) == 502
    assert abandoned.times == 1


async def test_a_primary_that_is_down_is_a_502_and_the_log_names_no_host(caplog):
    async with raw_server(no_answer) as base:
        pass
    async with proxy(base) as url:
        assert problem(await ask(url, request("/secret"))) == 502
        assert problem(await ask(url, request("/", "Content-Length: 5", method="POST"), b"ab", b"cde")) == 502
    (record,) = [record for record in caplog.records if record.name == "trioshadow"]
    assert record.levelno == logging.WARNING
    assert "ConnectError" in record.message
    assert "127.0.0.1" not in record.message
    assert "secret" not in record.message


async def test_a_primary_that_is_too_slow_is_a_504():
    async def primary(wire):
        await wire.closed()

    abandoned = Abandoned()
    async with raw_server(primary) as base, proxy(base, around=abandoned.around, timeout=0.1) as url:
        assert problem(await ask(url, request())) == 504
    assert abandoned.times == 1


@pytest.mark.parametrize("head", [b"Content-Length: 5\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"])
async def test_a_response_that_breaks_off_reaches_the_client_broken(head):
    abandoned = Abandoned()
    async with (
        raw_server(recording(b"HTTP/1.1 200 OK\r\n" + head)[1]) as base,
        proxy(base, around=abandoned.around) as url,
    ):
        received = b""
        async with httpx.AsyncClient() as user, user.stream("GET", url) as response:
            with pytest.raises(httpx.RemoteProtocolError):
                async for part in response.aiter_raw():
                    received += part
    assert (response.status_code, received, abandoned.times) == (200, b"ab", 1)


async def test_an_answer_before_the_whole_request_reaches_the_client():
    async def primary(wire):
        await wire.until(HEAD_END)
        await wire.until(b"first")
        await wire.send(b"HTTP/1.1 413 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        await wire.stream.send_eof()
        refused.set()
        await wire.closed()

    refused = trio.Event()
    async with raw_server(primary) as base, proxy(base) as url, connect(url) as wire:
        await wire.send(request("/", "Content-Length: 1000", method="PUT") + b"first")
        await refused.wait()
        # Here httpcore waits for the rest of the body, since it does not look at the response before it has sent that.
        await wire.send(bytes(995))
        assert (await wire.until(b"no")).startswith(b"HTTP/1.1 413")


async def test_an_upload_that_nobody_takes_ends_with_its_answer():
    """Then the queue of hypercorn is full, which holds ten chunks of up to 64 KiB, and hypercorn waits for us."""

    async def primary(wire):
        await trio.sleep_forever()

    async with (
        raw_server(primary) as base,
        proxy(base, timeout=0.2) as url,
        connect(url) as wire,
        trio.open_nursery() as nursery,
    ):
        await wire.send(request("/", "Content-Length: 100000000", method="PUT", close=False))

        async def upload():
            with contextlib.suppress(trio.BrokenResourceError):
                await wire.send(bytes(100_000_000))

        nursery.start_soon(upload)
        assert problem(await wire.until(b"}")) == 504
        await wire.closed()


async def test_a_client_that_goes_during_an_early_answer_is_noticed(autojump_clock):
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):
            while True:
                await trio.sleep(1)
                yield b"x"

    class Early(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            return httpx.Response(200, stream=Endless())

    client = Client(method="PUT", headers=[(b"host", b"proxy"), (b"content-length", b"100")])
    with trio.fail_after(TOO_LONG):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.visit, ReverseProxy(httpx.AsyncClient(transport=Early()), "http://primary"))
            await trio.sleep(3.5)
            client.says.send_nowait({"type": "http.request", "body": b"unwanted", "more_body": True})
            client.says.send_nowait({"type": "http.disconnect"})
    assert [message.get("body") for message in client.messages] == [None, b"x", b"x", b"x"]


@pytest.mark.parametrize("first", [b"content-length", b"transfer-encoding"])
async def test_of_a_length_and_chunks_the_primary_is_told_of_the_chunks_alone(first):
    """RFC 9112 section 6.3. Servers may pass both on."""
    got = []

    def handle(asked):
        got.append(
            [value for value in asked.headers.raw if value[0].lower() in (b"content-length", b"transfer-encoding")]
        )
        return httpx.Response(200)

    framing = [(b"content-length", b"3"), (b"transfer-encoding", b"chunked")]
    headers = [(b"host", b"proxy"), *sorted(framing, reverse=first == b"transfer-encoding")]
    client = Client(method="PUT", headers=headers)
    client.says.send_nowait({"type": "http.request", "body": b"abcde", "more_body": False})
    await client.visit(ReverseProxy(httpx.AsyncClient(transport=httpx.MockTransport(handle)), "http://primary"))
    assert got == [[(b"transfer-encoding", b"chunked")]]


async def test_an_answer_of_its_own_is_no_answer_of_the_primary_but_others_are():
    abandoned = Abandoned()
    async with raw_server(recording()[1]) as base, proxy(base, around=abandoned.around) as url:
        assert split(await ask(url, request()))[0] == 200
    assert abandoned.times == 0


async def test_a_connection_to_the_primary_is_used_again():
    connections = 0

    async def primary(wire):
        nonlocal connections
        connections += 1
        with contextlib.suppress(AssertionError):  # closed
            while await wire.until(HEAD_END):
                await wire.send(OK)

    async with raw_server(primary) as base, proxy(base) as url, connect(url) as wire:
        for _ in range(5):
            await wire.send(request(close=False))
            assert (await wire.until(b"ok")).startswith(b"HTTP/1.1 200")
    assert connections == 1


async def test_a_hundred_clients_at_once_get_each_their_own():
    async def app(scope, receive, send):
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        answer = scope["raw_path"] + b" " + body
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]}
        )
        await send({"type": "http.response.body", "body": answer})

    answers = {}
    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=None))
    async with server(app) as base, proxy(base, client=client) as url, trio.open_nursery() as nursery:

        async def visit(n):
            sent = request(f"/{n}", "Content-Length: 3", method="POST") + b"%03d" % n
            answers[n] = split(await ask(url, sent))[2]

        for n in range(100):
            nursery.start_soon(visit, n)
        with trio.fail_after(TOO_LONG):
            while len(answers) < 100:
                await trio.testing.wait_all_tasks_blocked(0.05)
    assert answers == {n: b"/%d %03d" % (n, n) for n in range(100)}


# ── HTTP/2, and httpx2 ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority, tmp_path_factory):
    """Settings of a server, and a context that trusts it."""
    certificate = authority.issue_cert("127.0.0.1")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(path)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return {"certfile": str(path), "keyfile": str(path)}, context


async def echo(scope, receive, send):
    """Answers with what it was asked."""
    if scope["type"] != "http":
        raise NotImplementedError
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    seen = {
        "version": scope["http_version"],
        "method": scope["method"],
        "target": (scope["raw_path"] + b"?" + scope["query_string"]).decode(),
        "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
        "size": len(body),
    }
    await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Case", b"1")]})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
async def test_http_2_on_both_sides_with_both_libraries(tls, library):
    settings, context = tls
    client = library.AsyncClient(http2=True, verify=context)
    async with server(echo, **settings) as base, proxy(base, client=client, server_settings=settings) as url:

        async def parts():
            for _ in range(10):
                yield bytes(100_000)

        async with httpx.AsyncClient(http2=True, verify=context) as user:
            response = await user.put(
                url + "/a%2fb?%41", content=parts(), headers=[("cookie", "a=1"), ("cookie", "b=2")]
            )
            plain = (await user.get(url)).json()
        assert (response.http_version, response.status_code, response.headers["x-case"]) == ("HTTP/2", 200, "1")
        seen = response.json()
    assert (seen["version"], seen["method"], seen["target"], seen["size"]) == ("2", "PUT", "/a%2fb?%41", 1_000_000)
    assert ["cookie", "a=1; b=2"] in seen["headers"]
    assert ["host", base.removeprefix("https://")] in seen["headers"]
    assert (plain["version"], plain["size"]) == ("2", 0)


async def test_http_2_bodies_are_framed_for_http_1(tls):
    """HTTP/2 knows the end of a body without a header."""
    settings, context = tls
    heads = []

    async def primary(wire):
        heads.append((await wire.until(HEAD_END)).split(b"\r\n")[:-2])
        if b"transfer-encoding: chunked" in heads[-1]:
            await wire.until(b"0\r\n\r\n")
        await wire.send(OK)

    async with raw_server(primary) as base, proxy(base, server_settings=settings) as url:

        async def parts():
            yield b"a"
            yield b"b"

        async with httpx.AsyncClient(http2=True, verify=context) as user:
            assert (await user.post(url, content=parts())).text == "ok"
            assert (await user.get(url)).text == "ok"
            assert (await user.delete(url)).text == "ok"
    framings = [[line for line in head if line.startswith((b"transfer-", b"content-"))] for head in heads]
    assert framings == [[b"transfer-encoding: chunked"], [], []]


# ── in memory ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Client:
    """One exchange with an ASGI application: what is put in with `says` is what it receives."""

    def __init__(self, **scope):
        self.scope = {"type": "http", "method": "GET", "http_version": "1.1", "scheme": "http", "path": "/"}
        self.scope |= {"raw_path": b"/", "query_string": b"", "headers": [(b"host", b"proxy")], **scope}
        self.says, self.receive_channel = trio.open_memory_channel(100)
        self.messages = []

    async def receive(self):
        return await self.receive_channel.receive()

    async def send(self, message):
        self.messages.append(message)

    async def visit(self, app):
        await app(self.scope, self.receive, self.send)

    @property
    def status(self):
        return self.messages[0]["status"]


class Transport(httpx.AsyncBaseTransport):
    """A primary in memory: takes this long for each chunk and for the answer."""

    def __init__(self, seconds_a_chunk=0.0, seconds=0.0):
        self.seconds_a_chunk = seconds_a_chunk
        self.seconds = seconds
        self.body = b""
        self.connected = True

    async def handle_async_request(self, request):
        async for chunk in request.stream:
            self.body += chunk
            await trio.sleep(self.seconds_a_chunk)
        await trio.sleep(self.seconds)
        return httpx.Response(200, content=b"ok")


@pytest.mark.parametrize(
    ("seconds_a_chunk", "seconds", "status", "took"),
    [
        (0.9, 0.9, 200, 100 + 3 * 0.9 + 0.9),
        (1.1, 0.0, 504, 1.0),
        (0.0, 1.1, 504, 100 + 1.0),
    ],
)
async def test_the_time_that_counts_is_the_primarys(seconds_a_chunk, seconds, status, took, autojump_clock):
    """A client may take a hundred seconds for its upload."""
    transport = Transport(seconds_a_chunk, seconds)
    client = Client(method="PUT", headers=[(b"host", b"proxy"), (b"content-length", b"3")])
    async with trio.open_nursery() as nursery:
        client.says.send_nowait({"type": "http.request", "body": b"a", "more_body": True})
        app = ReverseProxy(httpx.AsyncClient(transport=transport), "http://primary", timeout=1)
        started = trio.current_time()

        async def visit():
            await client.visit(app)
            assert trio.current_time() - started == pytest.approx(took)

        nursery.start_soon(visit)
        await trio.sleep(100 + (seconds_a_chunk if status == 200 else 0))
        client.says.send_nowait({"type": "http.request", "body": b"b", "more_body": True})
        client.says.send_nowait({"type": "http.request", "body": b"c", "more_body": False})
    assert client.status == status


@pytest.mark.parametrize("framing", [[], [(b"content-length", b"4")]])
async def test_a_body_in_one_message_is_a_body_too(framing):
    transport = Transport()
    client = Client(method="PUT", headers=[(b"host", b"proxy"), *framing])
    client.says.send_nowait({"type": "http.request", "body": b"body"})
    await client.visit(ReverseProxy(httpx.AsyncClient(transport=transport), "http://primary"))
    assert (client.status, transport.body) == (200, b"body")


async def test_a_client_that_goes_before_its_body_is_not_served(autojump_clock):
    for headers in ([(b"content-length", b"4")], []):
        transport = Transport()
        client = Client(method="PUT", headers=headers, http_version="2")
        client.says.send_nowait({"type": "http.request", "body": b"", "more_body": True})
        client.says.send_nowait({"type": "http.disconnect"})
        await client.visit(ReverseProxy(httpx.AsyncClient(transport=transport), "http://primary"))
        assert (client.messages, transport.body) == ([], b"")


async def test_a_path_without_its_bytes_is_quoted():
    seen = []

    def primary(request):
        seen.append(request.extensions["target"])
        return httpx.Response(200)

    client = Client(path="/a b/é", raw_path=None)
    client.says.send_nowait({"type": "http.request"})
    await client.visit(ReverseProxy(httpx.AsyncClient(transport=httpx.MockTransport(primary)), "http://primary"))
    assert seen == [b"/a%20b/%C3%A9"]


async def test_a_broken_response_is_an_exception_of_its_own_and_in_no_group():
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b"ab"
            raise httpx.ReadError("connection to 10.0.0.1 lost")

    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=Broken()))
    client = Client()
    client.says.send_nowait({"type": "http.request"})
    with pytest.raises(IncompleteResponse, match="broke off") as caught:
        await client.visit(ReverseProxy(httpx.AsyncClient(transport=transport), "http://primary"))
    assert "10.0.0.1" not in str(caught.value)
    assert [message.get("body") for message in client.messages] == [None, b"ab"]


async def test_a_101_that_nobody_asked_for_is_a_502():
    transport = httpx.MockTransport(lambda request: httpx.Response(101))
    client = Client()
    client.says.send_nowait({"type": "http.request"})
    await client.visit(ReverseProxy(httpx.AsyncClient(transport=transport), "http://primary"))
    assert client.status == 502


async def test_cookies_of_http_2_are_one_for_http_1():
    """RFC 9113 §8.2.3."""
    seen = []

    def primary(request):
        seen.append(request.headers.raw)
        return httpx.Response(200)

    cookies = [(b"cookie", b"a=1"), (b"x", b"1"), (b"cookie", b"b=2"), (b"cookie", b"c=3")]
    for version in ("1.1", "2"):
        client = Client(http_version=version, headers=[(b"host", b"proxy"), *cookies])
        client.says.send_nowait({"type": "http.request"})
        await client.visit(ReverseProxy(httpx.AsyncClient(transport=httpx.MockTransport(primary)), "http://primary"))
    assert seen == [
        [(b"host", b"primary"), *cookies],
        [(b"host", b"primary"), (b"cookie", b"a=1; b=2; c=3"), (b"x", b"1")],
    ]


async def test_a_closed_client_is_a_502_and_opens_nothing():
    transport = Transport()
    async with httpx.AsyncClient(transport=transport) as closed:
        pass
    client = Client()
    client.says.send_nowait({"type": "http.request"})
    await client.visit(ReverseProxy(closed, "http://primary"))
    assert client.status == 502


# ── other scopes, and arguments ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_websocket_is_refused_with_a_clear_answer():
    handshake = (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: " + "A" * 22 + "==",
    )
    heads, primary = recording()
    response = await through(primary, request("/", *handshake, close=False))
    assert problem(response) == 501
    assert b"WebSocket" in response
    assert not heads


async def test_a_server_without_the_extension_closes_the_websocket():
    client = Client(type="websocket", extensions={})
    client.says.send_nowait({"type": "websocket.connect"})
    await client.visit(ReverseProxy(httpx.AsyncClient(), "http://primary"))
    assert client.messages == [{"type": "websocket.close"}]


async def test_lifespan_is_answered_and_the_client_stays_open():
    used = httpx.AsyncClient()
    client = Client(type="lifespan")
    for name in ("startup", "shutdown"):
        client.says.send_nowait({"type": f"lifespan.{name}"})
    await client.visit(ReverseProxy(used, "http://primary"))
    assert client.messages == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]
    assert not used.is_closed


async def test_other_scopes_are_no_business_of_a_proxy():
    with pytest.raises(ValueError, match="not 'smtp'"):
        await Client(type="smtp").visit(ReverseProxy(httpx.AsyncClient(), "http://primary"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "primary:80",
        "/path",
        "ftp://primary",
        "http://",
        "http://primary:99999",
        "http://u:secret@primary",
        "http://primary?q",
        "http://primary#f",
    ],
)
def test_a_base_url_that_can_not_be_meant_is_refused(url):
    with pytest.raises(ValueError, match="base_url must") as caught:
        ReverseProxy(httpx.AsyncClient(), url)
    assert "secret" not in str(caught.value)


def test_other_arguments_are_checked():
    for timeout in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="timeout must be seconds"):
            ReverseProxy(httpx.AsyncClient(), "http://primary", timeout=timeout)
    for timeout in (None, "1", True):
        with pytest.raises(TypeError, match="timeout must be a number"):
            ReverseProxy(httpx.AsyncClient(), "http://primary", timeout=timeout)
