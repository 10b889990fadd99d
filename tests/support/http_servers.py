"""Servers and connections on loopback for the tests of the HTTP edges: raw bytes, or hypercorn around an app."""

from __future__ import annotations

import contextlib
import functools
import json

import trio
import trio.testing
from hypercorn.config import Config
from hypercorn.trio import serve

from tests.support.portable import TOO_LONG


class Wire:
    """A connection that is read in steps: what was received too early is kept for the next one."""

    def __init__(self, stream):
        self.stream = stream
        self.kept = b""

    async def send(self, data):
        await self.stream.send_all(data)

    async def until(self, end):
        """Bytes up to and with `end`."""
        with trio.fail_after(TOO_LONG):
            while end not in self.kept:
                part = await self.stream.receive_some()
                assert part, f"closed after {self.kept!r}"
                self.kept += part
        found, end, self.kept = self.kept.partition(end)
        return found + end

    async def rest(self):
        """All that comes until the other side closes."""
        received, self.kept = bytearray(self.kept), b""
        with trio.fail_after(TOO_LONG):
            async for part in self.stream:
                received += part
        return bytes(received)

    async def closed(self):
        """Wait until the other side has closed, or broken, the connection; what comes before that is thrown away."""
        with contextlib.suppress(trio.BrokenResourceError), trio.fail_after(TOO_LONG):
            while await self.stream.receive_some():
                pass


@contextlib.asynccontextmanager
async def raw_server(handler):
    """A server that talks in bytes: `handler(wire)` for each connection, which is closed behind it. Its URL."""

    async def handle(stream):
        await handler(Wire(stream))

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(functools.partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def server(app, **settings):
    """An instance of hypercorn around an ASGI application, with these settings of its Config. Its URL."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    config.keep_alive_timeout = TOO_LONG
    config.include_date_header = config.include_server_header = False
    for name, value in settings.items():
        assert hasattr(config, name)
        setattr(config, name, value)
    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(functools.partial(serve, app, config))
        yield url
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def connect(url):
    """A connection to the server of this URL."""
    host, _, port = url.rpartition("/")[2].rpartition(":")
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        yield Wire(stream)


@contextlib.asynccontextmanager
async def services(primary, shadow=None):
    """Two services by their applications. Their URLs."""
    async with server(primary) as primary_url, server(shadow or primary) as shadow_url:
        yield primary_url, shadow_url


def service(price=1, log=None):
    """Answers in JSON with what it was asked."""

    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        size = 0
        while True:
            message = await receive()
            size += len(message["body"])
            if not message["more_body"]:
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if log is not None:
            log.append((scope["method"], scope["raw_path"].decode(), headers))
        told = {"method": scope["method"], "path": scope["path"], "size": size, "price": price}
        if scope["path"] == "/headers":
            told["headers"] = headers
        body = json.dumps(told).encode()
        answer = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": answer})
        await send({"type": "http.response.body", "body": body})

    return app
