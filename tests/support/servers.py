"""Real servers and raw clients on loopback: what the tests of the HTTP edges talk to, and how they count bytes.

Not here: applications (apps.py), servers that mean harm (hostile.py).
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import logging
import re
import ssl
import struct

import h2.config
import h2.connection
import h2.events
import trio
import trustme
from hypercorn.config import Config
from hypercorn.trio import serve

from tests.support.portable import TOO_LONG

HEAD_END = b"\r\n\r\n"

# ── certificates ──────────────────────────────────────────────────────────────────────────────────────────────────────


@functools.cache
def authority():
    """The certificate authority that clients in the tests trust."""
    return trustme.CA()


@functools.cache
def certificate(*names, expired=False):
    """A server's certificate by the trusted authority, for 127.0.0.1 unless other names are given."""
    now = datetime.datetime.now(datetime.UTC)
    since, until = (now - datetime.timedelta(days=2), now - datetime.timedelta(days=1)) if expired else (None, None)
    return authority().issue_cert(*(names or ["127.0.0.1"]), not_before=since, not_after=until)


@functools.cache
def trusting():
    """What clients pass as `verify=`: trusts our authority alone. One for all, since making one takes milliseconds."""
    context = ssl.create_default_context(cafile=None, cadata=authority().cert_pem.bytes().decode())
    assert context.verify_mode is ssl.CERT_REQUIRED
    return context


# ── servers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Config(Config):
    """Takes a trustme certificate as it is, where hypercorn wants files."""

    tls = None

    @property
    def ssl_enabled(self):
        return self.tls is not None

    def create_ssl_context(self):
        if self.tls is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.configure_cert(context)
        context.set_alpn_protocols(self.alpn_protocols)
        return context


class _Keep(logging.Handler):
    def __init__(self, kept):
        super().__init__(logging.WARNING)
        self.kept = kept

    def emit(self, record):
        text = record.getMessage()
        self.kept.append(f"{text}: {record.exc_info[1]!r}" if record.exc_info else text)


@contextlib.asynccontextmanager
async def serving(app, *, tls=None, http2=True, logged=None, **settings):
    """Hypercorn around an ASGI application, on a port of its own: its URL, without a slash at the end.

    `tls` is a certificate(). Without `http2`, TLS clients are offered HTTP/1.1 only. What hypercorn logs as a warning
    or worse (an exception of the application, say) fails the test at the end; a list given as `logged` gets it instead.
    Other settings go to hypercorn's Config. Leaving shuts down as SIGTERM would, lifespan included; leaving by an
    exception cancels, and the exception comes out as it was.
    """
    config = _Config()
    config.bind = ["127.0.0.1:0"]
    config.tls = tls
    config.alpn_protocols = ["h2", "http/1.1"] if http2 else ["http/1.1"]
    config.keep_alive_timeout = TOO_LONG
    config.errorlog = logging.Logger("hypercorn")  # noqa: LOG001 # a server must not hear the others' errors
    kept = [] if logged is None else logged
    config.errorlog.addHandler(_Keep(kept))
    for name, value in settings.items():
        assert hasattr(config, name), f"hypercorn has no setting {name}"
        setattr(config, name, value)

    stop, failed = trio.Event(), None
    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(functools.partial(serve, app, config, shutdown_trigger=stop.wait))
        try:
            yield url
        except Exception as exc:
            failed = exc
            nursery.cancel_scope.cancel()
        stop.set()
    if failed is not None:
        raise failed
    assert logged is not None or not kept, f"hypercorn logged {kept}"


@contextlib.asynccontextmanager
async def raw_server(handler):
    """A server that talks in bytes: `handler(wire)` for each connection, which is closed behind it. Its URL.

    A client that goes away ends the handler quietly; any other exception of a handler fails the test.
    """

    async def handle(stream):
        with contextlib.suppress(trio.BrokenResourceError, Closed):
            await handler(Wire(stream))

    failed = None
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(functools.partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        try:
            yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        except Exception as exc:
            failed = exc
        nursery.cancel_scope.cancel()
    if failed is not None:
        raise failed


@contextlib.asynccontextmanager
async def refusing():
    """The URL of a port where nobody listens, and nobody else will meanwhile: it stays bound."""
    with trio.socket.socket() as sock:
        await sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


# ── clients ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Closed(Exception):
    """The other side closed the connection in the middle of something."""


class Wire:
    """A connection that is read in steps: what came too early is kept for the next. Nothing is interpreted away."""

    def __init__(self, stream):
        self.stream = stream
        self._kept = bytearray()

    async def send(self, data):
        await self.stream.send_all(data)

    async def _more(self):
        part = await self.stream.receive_some(65536)
        if not part:
            raise Closed(f"after {bytes(self._kept[:200])!r}")
        self._kept += part

    async def until(self, end):
        """The bytes up to and with `end`."""
        while end not in self._kept:
            await self._more()
        return await self.exactly(self._kept.index(end) + len(end))

    async def exactly(self, count):
        while len(self._kept) < count:
            await self._more()
        found = bytes(self._kept[:count])
        del self._kept[:count]
        return found

    async def some(self):
        """What is there, at least one byte; b"" at the end."""
        if not self._kept:
            with contextlib.suppress(Closed):
                await self._more()
        return await self.exactly(len(self._kept))

    async def rest(self):
        """All that comes until the other side closes."""
        with contextlib.suppress(Closed):
            while True:
                await self._more()
        return await self.exactly(len(self._kept))

    async def request(self):
        """The exact bytes of the next request, body included."""
        head = await self.until(HEAD_END)
        return head + await self._body(head)

    async def response(self, method="GET"):
        """The exact bytes of the next response, those of interim ones (1xx) before it included."""
        received = head = await self.until(HEAD_END)
        while (status := int(head.split(None, 2)[1])) < 200 and status != 101:
            head = await self.until(HEAD_END)
            received += head
        if method == "HEAD" or status in (101, 204, 304):
            return received
        return received + await self._body(head, to_the_end=True)

    async def _body(self, head, *, to_the_end=False):
        head = head.lower()
        if b"\r\ntransfer-encoding: chunked\r\n" in head:
            chunks, size = b"", None
            while size != 0:
                line = await self.until(b"\r\n")
                size = int(line.partition(b";")[0], 16)
                chunks += line + (await self.exactly(size + 2) if size else b"")
            while (line := await self.until(b"\r\n")) != b"\r\n":  # trailers
                chunks += line
            return chunks + line
        if length := re.search(rb"\r\ncontent-length: *(\d+)\r\n", head):
            return await self.exactly(int(length[1]))
        return await self.rest() if to_the_end else b""

    async def reset(self):
        """Break the connection off: the other side gets a reset where a closed one would be an end."""
        self.stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.stream.aclose()


@contextlib.asynccontextmanager
async def connected(url):
    """A raw connection to the server of this URL; over TLS if it says https."""
    scheme, _, address = url.partition("://")
    host, _, port = address.partition("/")[0].rpartition(":")
    stream = await trio.open_tcp_stream(host, int(port))
    if scheme == "https":
        stream = trio.SSLStream(stream, trusting(), server_hostname=host, https_compatible=True)
    async with stream:
        yield Wire(stream)


def request(target="/", *headers, method="GET", body=b""):
    """The bytes of a request; Content-Length is added where there is a body and no other framing."""
    lines = [f"{method} {target} HTTP/1.1", "Host: test", *headers]
    if body and not any(line.lower().startswith(("content-length:", "transfer-encoding:")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + HEAD_END + body


async def ask(url, *requests):
    """Send these requests on one connection, each after the response to the last. The exact bytes of the responses."""
    async with connected(url) as wire:
        responses = []
        for data in requests:
            await wire.send(data)
            responses.append(await wire.response(data.partition(b" ")[0].decode()))
        return b"".join(responses)


def undated(response):
    """The same bytes, but for the time of day in the Date header."""
    return re.sub(rb"(?i)(\r\ndate: )[A-Za-z]{3}, [^\r]* GMT\r\n", rb"\1*\r\n", response)


async def ask_http2(url, target="/", *headers, method="GET", body=b""):
    """One request over HTTP/2 (without TLS by prior knowledge): what came back, as events in their order.

    `("interim", headers)`, `("response", headers)`, `("data", bytes)`: joined, since frames say what was in the
    sender's buffer, `("trailers", headers)`, `("end",)` or `("reset", code)`. Headers are pairs of bytes, without the
    time of day.
    """
    async with connected(url) as wire:
        if url.startswith("https"):
            await wire.stream.do_handshake()
        settings = h2.config.H2Configuration(client_side=True, header_encoding=None)
        connection = h2.connection.H2Connection(settings)
        connection.initiate_connection()
        stream_id = connection.get_next_available_stream_id()
        pseudo = [(":method", method), (":path", target), (":scheme", url.partition(":")[0]), (":authority", "test")]
        connection.send_headers(stream_id, [*pseudo, *headers], end_stream=not body)
        if body:
            assert len(body) <= connection.local_flow_control_window(stream_id), "this helper does not wait for room"
            for start in range(0, len(body), connection.max_outbound_frame_size):
                connection.send_data(stream_id, body[start : start + connection.max_outbound_frame_size])
            connection.end_stream(stream_id)
        answered = []
        while True:
            await wire.send(connection.data_to_send())
            if not (data := await wire.some()):
                raise Closed(f"after {answered}")
            for event in connection.receive_data(data):
                match event:
                    case h2.events.InformationalResponseReceived():
                        answered.append(("interim", _undated_pairs(event.headers)))
                    case h2.events.ResponseReceived():
                        answered.append(("response", _undated_pairs(event.headers)))
                    case h2.events.DataReceived():
                        connection.acknowledge_received_data(event.flow_controlled_length, stream_id)
                        if answered[-1][0] != "data":
                            answered.append(("data", b""))
                        answered[-1] = ("data", answered[-1][1] + event.data)
                    case h2.events.TrailersReceived():
                        answered.append(("trailers", _undated_pairs(event.headers)))
                    case h2.events.StreamEnded():
                        return [*answered, ("end",)]
                    case h2.events.StreamReset():
                        return [*answered, ("reset", int(event.error_code))]
                    case _:
                        pass


def _undated_pairs(headers):
    return [(bytes(name), b"*" if name == b"date" else bytes(value)) for name, value in headers]
