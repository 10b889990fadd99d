"""What the proxy adds to hypercorn, on loopback: each of these fails with hypercorn 0.18 as it is."""

from __future__ import annotations

import contextlib
import functools
import logging

import h2.config
import h2.connection
import h2.events
import hypercorn.protocol
import hypercorn.trio.run
import pytest
import trio

from trioshadow.asgi import IncompleteResponse
from trioshadow.cli.common import hypercorn as _hypercorn
from trioshadow.cli.common.hypercorn import ServerConfig

from tests.support.http_servers import Wire, connect
from tests.support.portable import TOO_LONG


@pytest.fixture(autouse=True)
def _other_tests_get_hypercorn_as_it_is(monkeypatch):
    for module, name in ((hypercorn.trio.run, "TCPServer"), (hypercorn.protocol, "H2Protocol")):
        monkeypatch.setattr(module, name, getattr(module, name))


@contextlib.asynccontextmanager
async def serving(app, **settings):
    """The URL, the event that ends it, and the event that it has ended."""
    config = ServerConfig()
    config.bind = ["127.0.0.1:0"]
    for name, value in settings.items():
        assert hasattr(config, name)
        setattr(config, name, value)
    stop, ended = trio.Event(), trio.Event()

    async def run(task_status):
        await _hypercorn.serve(app, config, stop, task_status=task_status)
        ended.set()

    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(run)
        yield url, stop, ended, config
        nursery.cancel_scope.cancel()


class Http2:
    """A client of HTTP/2 without TLS (RFC 9113 §3.3), which does not look at what it sends."""

    def __init__(self, wire: Wire):
        settings = h2.config.H2Configuration(header_encoding=None, validate_outbound_headers=False)
        self.connection = h2.connection.H2Connection(settings)
        self.connection.initiate_connection()
        self.wire = wire

    async def ask(self, path):
        stream = self.connection.get_next_available_stream_id()
        headers = [(b":method", b"GET"), (b":path", path), (b":scheme", b"http"), (b":authority", b"x")]
        self.connection.send_headers(stream, headers, end_stream=True)
        await self.wire.send(self.connection.data_to_send())

    async def until(self, kind):
        """The first event of this kind, None if the connection is closed before."""
        with trio.fail_after(TOO_LONG):
            while data := await self.wire.stream.receive_some():
                for event in self.connection.receive_data(data):
                    if isinstance(event, kind):
                        return event
                await self.wire.send(self.connection.data_to_send())
        return None


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    headers = [(b"content-length", b"2")] if scope["path"] != "/endless" else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/broken":
        await send({"type": "http.response.body", "body": b"o", "more_body": True})
        raise IncompleteResponse("broken")
    while scope["path"] == "/endless":
        await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
    await send({"type": "http.response.body", "body": b"ok"})


async def test_an_exception_in_one_connection_ends_that_one_only(caplog):
    async with serving(app) as (url, _, ended, _):
        async with connect(url) as wire:
            client = Http2(wire)
            await client.ask("/é".encode())
            assert await client.until(h2.events.ResponseReceived) is None
        async with connect(url) as wire:
            client = Http2(wire)
            await client.ask(b"/")
            assert (await client.until(h2.events.DataReceived)).data == b"ok"
        assert not ended.is_set()
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "ASGI Framework Lifespan error, continuing without Lifespan support",
        "a connection was dropped (UnicodeDecodeError)",
    ]


async def test_a_response_that_breaks_off_resets_its_stream_and_leaves_the_others(caplog):
    async with serving(app) as (url, *_), connect(url) as wire:
        client = Http2(wire)
        await client.ask(b"/broken")
        reset = await client.until(h2.events.StreamReset)
        assert (reset.stream_id, reset.error_code) == (1, h2.errors.ErrorCodes.INTERNAL_ERROR)
        await client.ask(b"/")
        assert (await client.until(h2.events.StreamEnded)).stream_id == 3
    assert "Traceback" not in caplog.text


async def test_the_drain_ends_though_a_client_reads_no_more():
    async with serving(app, graceful_timeout=0.1) as (url, stop, ended, config), connect(url) as wire:
        await wire.send(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        await wire.until(b"\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked(0.1)  # until nothing more can be sent
        stop.set()
        await trio.sleep(config.graceful_timeout)
        await config.close_connections()
        with trio.fail_after(TOO_LONG):
            await ended.wait()


async def test_nothing_is_added_to_a_response():
    async with serving(app) as (url, *_), connect(url) as wire:
        await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await wire.until(b"ok") == b"HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nok"


def test_the_log_still_has_the_tracebacks_of_other_errors():
    keep = functools.partial(_hypercorn._NoTraceback().filter)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "Error", (), None)
    assert keep(record)
    for exc, kept in ((ValueError(), True), (IncompleteResponse(), False)):
        record.exc_info = (type(exc), exc, None)
        assert keep(record) is kept
