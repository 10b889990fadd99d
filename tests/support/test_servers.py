"""The helpers of the HTTP tests where they could silently be wrong. Real servers on loopback."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import ssl
import time
import zlib

import httpx
import pytest
import trio
import trio.testing

from tests.support import apps, hostile
from tests.support.hostile import zstd
from tests.support.portable import TOO_LONG
from tests.support.servers import (
    Closed,
    ask,
    ask_http2,
    certificate,
    connected,
    raw_server,
    refusing,
    request,
    serving,
    trusting,
    undated,
)

MIB = 1 << 20


def inflated(wrapped, chunks):
    size = 0
    for chunk in chunks:
        while chunk:
            size += len(wrapped.decompress(chunk, MIB))
            chunk = wrapped.unconsumed_tail
    assert wrapped.eof
    return size


def test_the_gzip_bomb_is_small_and_inflates_to_a_gigabyte():
    """Its checksum included, which zlib looks at."""
    bomb = hostile.gzip_bomb()
    assert len(bomb) < MIB
    assert inflated(zlib.decompressobj(31), [bomb]) == hostile.BOMB_SIZE == 1000 * MIB


def test_the_other_bombs_are_smaller_still():
    assert len(hostile.nested_bomb()) < 10_000
    assert gzip.decompress(hostile.nested_bomb()) == hostile.gzip_bomb()
    import brotli

    decoder, size, bomb = brotli.Decompressor(), 0, hostile.brotli_bomb()
    assert len(bomb) < 10_000
    while not decoder.is_finished():
        size += len(decoder.process(bomb, output_buffer_limit=MIB))
        bomb = b""
    assert size == hostile.BOMB_SIZE
    assert len(hostile.zstandard_bomb()) < 200_000
    with zstd.open(io.BytesIO(hostile.zstandard_bomb())) as reader:
        assert sum(map(len, iter(lambda: reader.read(MIB), b""))) == hostile.BOMB_SIZE


async def test_a_drip_goes_on_and_no_single_read_takes_long():
    async with hostile.HOSTILE["drips a body"]() as url, connected(url) as wire:
        await wire.send(request())
        assert await wire.until(b"\r\n\r\n") == hostile.CHUNKED
        began = time.monotonic()
        for _ in range(20):
            with trio.fail_after(TOO_LONG):
                assert await wire.exactly(6) == b"1\r\n \r\n"
        assert time.monotonic() - began >= 19 * 0.005


@pytest.mark.parametrize("name", ["never ends, in chunks", "pours interim responses"])
async def test_what_pours_waits_for_who_reads(name):
    async with hostile.HOSTILE[name]() as url, connected(url) as wire:
        await wire.send(request())
        assert len(await wire.exactly(3 * MIB)) == 3 * MIB


async def test_a_reset_is_a_reset():
    async with hostile.HOSTILE["resets mid-body"]() as url, connected(url) as wire:
        await wire.send(request())
        with pytest.raises(trio.BrokenResourceError):
            await wire.until(b"never sent")


async def test_a_close_is_a_close():
    async with hostile.HOSTILE["closes mid-body"]() as url, connected(url) as wire:
        await wire.send(request())
        assert (await wire.rest()).endswith(b'{"half": ')


async def test_a_refused_port_refuses():
    async with refusing() as url:
        with pytest.raises(OSError):
            async with connected(url):
                pass


async def test_a_hundred_thousand_headers_arrive():
    async with hostile.HOSTILE["100,000 headers"]() as url, connected(url) as wire:
        await wire.send(request())
        assert (await wire.rest()).count(b"\r\nX-") == 100_000


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("expired certificate", "certificate has expired"),
        ("another's certificate", "IP address mismatch"),
        ("unknown authority", "unable to get local issuer"),
        ("plain text for TLS", "(?i)wrong.version.number|record layer"),
    ],
)
async def test_tls_fails_for_the_reason_that_the_name_says(name, reason):
    async with hostile.HOSTILE[name]() as url, httpx.AsyncClient(verify=trusting()) as client:
        with pytest.raises(httpx.ConnectError) as caught:
            await client.get(url)
    assert re.search(reason, " ".join(map(str, chain(caught.value))))


def chain(exc):
    """It and what it came from: httpx says nothing of the reason, which is at the other end."""
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


@pytest.mark.parametrize("name", [name for name in hostile.HOSTILE if "certificate" not in name and name != "refuses"])
async def test_a_hostile_server_says_what_it_says_and_lets_its_client_go(name):
    """To the second client too, and neither leaves an exception behind."""
    silent = {"closes at once", "resets at once", "never answers", "never reads", "unknown authority"}
    for _ in range(2):
        async with hostile.HOSTILE[name]() as url, connected(url.replace("https", "http")) as wire:
            with contextlib.suppress(trio.BrokenResourceError):  # a reset may come before what was sent before it
                await wire.send(request())
                with trio.move_on_after(0.02 if name in silent else TOO_LONG):
                    assert (await wire.some() == b"") == (name in silent)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("http2", [False, True])
async def test_the_protocol_is_the_one_asked_for(tls, http2):
    client = httpx.AsyncClient(verify=trusting(), http2=True)
    async with serving(apps.echo, tls=certificate() if tls else None, http2=http2) as url, client:
        response = await client.get(url + "/x?y=1")
    assert response.http_version == ("HTTP/2" if tls and http2 else "HTTP/1.1")
    assert (response.json()["path"], response.json()["query"]) == ("/x", "y=1")


async def test_a_server_ends_with_its_lifespan_and_leaves_no_task():
    seen = []

    async def app(scope, receive, send):
        assert scope["type"] == "lifespan"
        for _ in range(2):
            message = await receive()
            seen.append(message["type"])
            await send({"type": message["type"] + ".complete"})

    before = trio.lowlevel.current_statistics().tasks_living
    async with serving(app):
        assert seen == ["lifespan.startup"]
    assert seen == ["lifespan.startup", "lifespan.shutdown"]
    assert trio.lowlevel.current_statistics().tasks_living == before


async def test_a_server_waits_for_a_request_in_flight_and_closes_idle_connections():
    gate, entered = trio.Event(), trio.Event()

    async def wait(number):
        entered.set()
        await gate.wait()

    got = []

    async def client(url):
        got.append(await ask(url, request()))

    app = apps.chunks(b"late", gate=wait)
    async with trio.open_nursery() as nursery, serving(app) as url, connected(url):  # the second one stays idle
        nursery.start_soon(client, url)
        await entered.wait()
        nursery.start_soon(lambda: _later(gate.set))
    assert b"late" in got[0]


async def _later(function):
    for _ in range(10):
        await trio.lowlevel.checkpoint()
    function()


async def test_what_goes_wrong_in_an_application_fails_the_test_unless_it_asks():
    with pytest.raises(AssertionError, match="LookupError"):
        async with serving(apps.raises_before) as url:
            assert b" 500 " in await ask(url, request())
    logged = []
    async with serving(apps.raises_before, logged=logged) as url:
        assert b" 500 " in await ask(url, request())
    assert len(logged) == 1
    assert "before the response started" in logged[0]


async def test_an_exception_leaves_a_server_as_it_was():
    error = ValueError("of the test")
    for server in (serving(apps.echo), raw_server(hostile.never_answers)):
        with pytest.raises(ValueError, match="of the test") as caught:
            async with server:
                raise error
        assert caught.value is error


async def test_an_unknown_setting_is_refused():
    with pytest.raises(AssertionError, match="no setting"):
        async with serving(apps.echo, keepalive_timeout=1):
            pass


async def test_the_raw_client_keeps_every_byte_of_a_response_and_no_more():
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\na\r\n\r\n0\r\nX-Trailer: 1\r\n\r\n"
    plain = b"HTTP/1.1 200 OK\r\nb: 2\r\nCONTENT-LENGTH:  2\r\nA: 1\r\n\r\nok"
    empty = b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    to_the_end = b"HTTP/1.1 200 OK\r\n\r\nuntil it closes"

    async def server(wire):
        await wire.send(interim + chunked + plain + empty + head + to_the_end)

    async with raw_server(server) as url, connected(url) as wire:
        assert await wire.response() == interim + chunked
        assert await wire.response() == plain
        assert await wire.response() == empty
        assert await wire.response("HEAD") == head
        assert await wire.response() == to_the_end
        with pytest.raises(Closed):
            await wire.response()


async def test_of_a_response_only_the_time_is_hidden():
    response = b"HTTP/1.1 200 OK\r\na: date: 1\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: x\r\n\r\ndate: Sun, 06"
    assert undated(response) == response.replace(b"Sun, 06 Nov 1994 08:49:37 GMT", b"*")


async def test_chunks_have_the_boundaries_that_the_application_gave_them():
    async with serving(apps.chunks(b"a", b"bc", b"", b"def")) as url:
        response = await ask(url, request())
    assert response.endswith(b"\r\n\r\n1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n")


async def test_early_hints_and_trailers_are_there_over_http2():
    async with serving(apps.hints_and_trailers) as url:
        events = await ask_http2(url, "/", ("te", "trailers"))
        assert [event[0] for event in events] == ["interim", "interim", "response", "data", "trailers", "end"]
        assert events[3] == ("data", b"one two")
        assert events[4] == ("trailers", [(b"x-checksum", b"123"), (b"x-more", b"a"), (b"x-more", b"b")])
        assert (b"link", b"</b.js>; rel=preload") in events[1][1]


async def test_a_body_over_http2_goes_up_and_comes_down():
    async with serving(apps.digest, tls=certificate()) as url:
        events = await ask_http2(url, "/", method="POST", body=bytes(60_000))
    assert json.loads(dict(event for event in events if len(event) == 2)["data"])["size"] == 60_000


async def test_a_big_body_waits_for_who_reads():
    """A gigabyte would be in the buffers if it did not."""
    sent = []
    async with serving(apps.big(1 << 30, sent=sent), graceful_timeout=0.1) as url, connected(url) as wire:
        await wire.send(request())
        await wire.until(b"\r\n\r\n")
        await wire.exactly(MIB)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert sum(sent) < 64 * MIB


@pytest.mark.parametrize("name", apps.SERVICES)
async def test_the_services_are_the_same(name):
    logged = []
    async with serving(apps.SERVICES[name](), logged=logged) as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/users/7")).json() == {"id": 7, "name": "user-7", "tags": ["a", "b", 0]}
        assert (await client.get("/users/1000")).status_code == 404
        assert (await client.head("/users/7")).content == b""
        plain = await client.get("/items", headers={"Accept-Encoding": "identity"})
        packed = await client.get("/items", headers={"Accept-Encoding": "gzip"})
        assert (packed.headers["content-encoding"], plain.headers.get("content-encoding")) == ("gzip", None)
        assert plain.json() == packed.json() == apps.ITEMS
        posted = await client.post("/items", json={"a": 1})
        assert (posted.status_code, posted.headers["location"], posted.json()) == (201, "/items/50", {"a": 1})
        assert (await client.get("/redirect")).status_code == 307
        cookie = await client.get("/cookie", headers={"Cookie": "x=1"})
        assert (cookie.headers["set-cookie"], cookie.json()) == (apps.COOKIE, {"cookie": "x=1"})
        assert (await client.get("/slow")).json() == {"slow": True}
        assert (await client.get("/stream")).json() == {"parts": [1, 2, 3]}
        assert not logged
        assert (await client.get("/error")).status_code == 500
        assert (await client.get("/nowhere")).status_code == 404


async def test_a_client_that_trusts_nobody_is_no_client_of_ours():
    """Or else the tests of bad certificates would pass with any."""
    client = httpx.AsyncClient(verify=ssl.create_default_context())
    async with serving(apps.echo, tls=certificate(), logged=[]) as url, client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)
