"""Servers that mean harm, or are broken, each in one way. As shadows, none of them may be noticed by a client.

`HOSTILE` names them all; `async with HOSTILE[name]() as url`.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import sys
import zlib

import trio

from trioshadow import FailureKind, Verdict

from tests.support.apps import fixed
from tests.support.servers import certificate, raw_server, refusing, serving

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OK = b"HTTP/1.1 200 OK\r\n"
JSON = OK + b"Content-Type: application/json\r\n"
CHUNKED = JSON + b"Transfer-Encoding: chunked\r\n\r\n"
FOUND = b"HTTP/1.1 302 Found\r\n"
MIB = 1 << 20

#: Inflated size of the bombs, in bytes. Chosen so that the gzip one is below 1 MiB on the wire.
BOMB_SIZE = 1000 * MIB
#: CRC-32 of that many zeros: what inflates the bomb checks it, and computing it would take a second.
BOMB_CRC = 0x64E9D068


@functools.cache
def gzip_bomb():
    """About 1 MB that inflate to BOMB_SIZE zeros. One piece is compressed, and repeated as often as it takes."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = bytes(MIB)
    first = deflate.compress(zeros) + deflate.flush(zlib.Z_FULL_FLUSH)  # so that the pieces don't refer to each other
    end = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS).flush()
    header = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    trailer = BOMB_CRC.to_bytes(4, "little") + BOMB_SIZE.to_bytes(4, "little")
    return header + first * (BOMB_SIZE // MIB) + end + trailer


@functools.cache
def nested_bomb():
    """The same, compressed once more: a few KB."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return deflate.compress(gzip_bomb()) + deflate.flush()


@functools.cache
def brotli_bomb():
    """A few hundred bytes, as brotli goes."""
    import brotli

    compressor = brotli.Compressor(quality=5)
    pieces = [compressor.process(bytes(MIB)) for _ in range(BOMB_SIZE // MIB)]
    return b"".join([*pieces, compressor.finish()])


@functools.cache
def zstandard_bomb():
    compressor = zstd.ZstdCompressor(level=1)
    pieces = [compressor.compress(bytes(MIB)) for _ in range(BOMB_SIZE // MIB)]
    return b"".join([*pieces, compressor.flush()])


# ── what a connection gets ────────────────────────────────────────────────────────────────────────────────────────────


def answering(data):
    """The same bytes for each request, as long as the client asks."""

    async def handler(wire):
        while True:
            await wire.request()
            await wire.send(data)

    return handler


def closing(data):
    """These bytes for the first request, and no more."""

    async def handler(wire):
        await wire.request()
        await wire.send(data)

    return handler


def encoded(coding, body):
    """A handler that answers with a body in this content coding."""

    async def handler(wire):
        await closing(JSON + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(body())) + body())(
            wire
        )

    return handler


async def resets_mid_body(wire):
    await wire.request()
    await wire.send(JSON + b'Content-Length: 1000\r\n\r\n{"half": ')
    await wire.reset()


async def resets_at_once(wire):
    await wire.until(b"\r\n")
    await wire.reset()


async def closes_at_once(wire):
    pass


async def never_answers(wire):
    await wire.rest()


async def never_reads(wire):
    await trio.sleep_forever()


def dripping(head, drop, *, every=0.005):
    """One `drop` every few milliseconds, for ever: no single read takes long."""

    async def handler(wire):
        await wire.request()
        await wire.send(head)
        while True:
            await wire.send(drop)
            await trio.sleep(every)

    return handler


def pouring(head, flood):
    """As much as the client takes, for ever."""

    async def handler(wire):
        await wire.request()
        await wire.send(head)
        while True:
            await wire.send(flood)

    return handler


async def plain_text(wire):
    """Whatever comes, a TLS greeting too."""
    await wire.some()
    await wire.send(OK + b"Content-Length: 2\r\n\r\nok")


async def many_headers(wire):
    lines = b"".join(b"X-%d: %d\r\n" % (number, number) for number in range(100_000))
    await closing(OK + lines + b"Content-Length: 2\r\n\r\nok")(wire)


async def long_header(wire):
    await closing(OK + b"X-Long: " + b"x" * (10 * MIB) + b"\r\nContent-Length: 2\r\n\r\nok")(wire)


async def redirects_to_itself(wire):
    """Each time with other words, so that who follows does not see a loop."""
    for number in itertools.count():
        await wire.request()
        await wire.send(FOUND + b"Location: /again?%d\r\nContent-Length: 0\r\n\r\n" % number)


# ── over HTTP/2 ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


_DATA, _HEADERS, _RESET, _SETTINGS, _PUSH, _PING, _AWAY, _WINDOW, _MORE_HEADERS = (0, 1, 3, 4, 5, 6, 7, 8, 9)
_END_STREAM, _END_HEADERS = 1, 4
#: `:status: 200`, by its number in the table that every HTTP/2 has.
_OK_HEADERS = _frame(_HEADERS, _END_HEADERS, 1, b"\x88")


def over_http2(*parts, flood=b"", every=None, hangs=True):
    """A server that takes the client's first frames, says these parts, and then the flood for ever, or nothing more."""

    async def handler(wire):
        await wire.until(b"SM\r\n\r\n")  # the end of a client's preface
        await wire.some()
        await wire.send(_frame(_SETTINGS, 0, 0) + b"".join(parts))
        while flood:
            await wire.send(flood)
            if every is not None:
                await trio.sleep(every)
        if hangs:
            await wire.rest()

    return handler


#: For clients that speak HTTP/2 from the first byte on, without TLS.
HTTP2 = {
    "resets the stream": (over_http2(_OK_HEADERS, _frame(_RESET, 0, 1, (2).to_bytes(4, "big")), hangs=False), "failed"),
    "goes away": (over_http2(_OK_HEADERS, _frame(_AWAY, 0, 0, bytes(8))), "failed"),
    "garbage": (over_http2(b"\xff" * 1000), "timed_out"),  # which says that it is a part of a large frame
    "a frame larger than allowed": (over_http2(_OK_HEADERS, _frame(_DATA, 0, 1, bytes(100_000))), "failed"),
    "headers that are none": (over_http2(_frame(_HEADERS, _END_HEADERS, 1, b"\xff\xff\xff\xff\xff")), "failed"),
    "headers for ever": (
        over_http2(_frame(_HEADERS, 0, 1, b"\x88"), flood=_frame(_MORE_HEADERS, 0, 1, b"\x00\x01x\x01y" * 1000)),
        "failed",
    ),
    "a push that nobody wants": (over_http2(_frame(_PUSH, _END_HEADERS, 1, b"\0\0\0\x02\x88")), "failed"),
    "pings for ever": (over_http2(flood=_frame(_PING, 0, 0, bytes(8)) * 100, every=0.001), "timed_out"),
    "settings for ever": (over_http2(flood=_frame(_SETTINGS, 0, 0) * 100, every=0.001), "timed_out"),
    "empty parts for ever": (over_http2(_OK_HEADERS, flood=_frame(_DATA, 0, 1) * 100, every=0.001), "timed_out"),
    "never answers": (over_http2(), "timed_out"),
    "closes in mid-body": (closing(_frame(_SETTINGS, 0, 0) + _OK_HEADERS), "failed"),
    "more than the window": (
        over_http2(_OK_HEADERS, *[_frame(_DATA, 0, 1, bytes(16_384))] * 5000),
        "failed",
    ),
    "no headers at all": (over_http2(_frame(_DATA, _END_STREAM, 1, b"ok")), "failed"),
}

# ── all of them ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _raw(handler):
    return functools.partial(raw_server, handler)


@contextlib.asynccontextmanager
async def _bad_certificate(leaf):
    logged = []  # what hypercorn thinks of a failed handshake is none of our business
    async with serving(fixed(), tls=leaf(), logged=logged) as url:
        yield url


@contextlib.asynccontextmanager
async def _unexpected_tls():
    """Says https, and speaks plain text."""
    async with raw_server(plain_text) as url:
        yield url.replace("http:", "https:")


@contextlib.asynccontextmanager
async def _unknown_authority():
    import trustme

    async with serving(fixed(), tls=trustme.CA().issue_cert("127.0.0.1"), logged=[]) as url:
        yield url


#: That give no answer, or none that is HTTP: FAILED.
BROKEN = {
    "refuses": refusing,
    "closes at once": _raw(closes_at_once),
    "resets at once": _raw(resets_at_once),
    "resets mid-body": _raw(resets_mid_body),
    "closes mid-body": _raw(closing(JSON + b'Content-Length: 1000\r\n\r\n{"half": ')),
    "closes mid-chunk": _raw(closing(CHUNKED + b"64\r\nhalf")),
    "closes mid-head": _raw(closing(OK + b"Content-Le")),
    "says a negative length": _raw(answering(OK + b"Content-Length: -1\r\n\r\nok")),
    "says two lengths": _raw(answering(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk")),
    "says a chunk size that is none": _raw(answering(CHUNKED + b"zz\r\nok\r\n0\r\n\r\n")),
    "says a chunk size of 64 digits": _raw(answering(CHUNKED + b"f" * 64 + b"\r\nok")),
    "is not HTTP": _raw(closing(b"SSH-2.0-OpenSSH_9.6\r\n\x00\xff\xfe" * 50)),
    "is binary noise": _raw(closing(bytes(range(256)) * 64)),
    "speaks HTTP/2 unasked": _raw(closing(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18))),
    "100,000 headers": _raw(many_headers),
    "10 MB header": _raw(long_header),
    "header with a null byte": _raw(answering(OK + b"X-Null: a\0b\r\nContent-Length: 2\r\n\r\nok")),
    "expired certificate": functools.partial(_bad_certificate, functools.partial(certificate, expired=True)),
    "another's certificate": functools.partial(_bad_certificate, functools.partial(certificate, "other.example")),
    "unknown authority": _unknown_authority,
    "plain text for TLS": _unexpected_tls,
}

#: That never come to an end: TIMED_OUT.
ENDLESS = {
    "never answers": _raw(never_answers),
    "never reads": _raw(never_reads),
    "drips a body": _raw(dripping(CHUNKED, b"1\r\n \r\n")),
    "drips a head": _raw(dripping(OK + b"X-Slow: ", b"x")),
    "drips interim responses": _raw(dripping(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")),
    "pours interim responses": _raw(pouring(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * 100)),
}

#: That send more than anybody wants to keep: TOO_LARGE.
HUGE = {
    "never ends, in chunks": _raw(pouring(CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n")),
    "never ends, in one body": _raw(pouring(JSON + b"Content-Length: 1000000000000000\r\n\r\n", b" " * 65536)),
    "never ends, to the close": _raw(pouring(JSON + b"Connection: close\r\n\r\n", b" " * 65536)),
    "gzip bomb": _raw(encoded(b"gzip", gzip_bomb)),
    "nested gzip bomb": _raw(encoded(b"gzip, gzip", nested_bomb)),
    "brotli bomb": _raw(encoded(b"br", brotli_bomb)),
    "zstandard bomb": _raw(encoded(b"zstd", zstandard_bomb)),
}

#: That answer, in a way that a client lets pass: DIVERGED from a primary that says something else.
ODD = {
    "broken gzip": _raw(encoded(b"gzip", lambda: b"\x1f\x8b\x08\x00 no gzip after this")),
    "half a gzip": _raw(encoded(b"gzip", lambda: gzip_bomb()[:500])),
    "unknown coding": _raw(encoded(b"x-rot13", lambda: b"{}")),
    "trailing garbage": _raw(closing(OK + b"Content-Length: 2\r\n\r\nok" + b"\0garbage\r\n\r\n" * 100)),
    "a length too short": _raw(closing(OK + b"Content-Length: 1\r\n\r\nok and more")),
    "redirects to itself": _raw(redirects_to_itself),
    "redirects to nonsense": _raw(answering(FOUND + b"Location: http://[::x\r\nContent-Length: 0\r\n\r\n")),
    "status 999": _raw(answering(b"HTTP/1.1 999 What\r\nContent-Length: 2\r\n\r\nok")),
    "no length, HTTP/1.0": _raw(closing(b"HTTP/1.0 200 OK\r\n\r\nok")),
    "a second answer unasked": _raw(answering((OK + b"Content-Length: 2\r\n\r\nok") * 2)),
    "broken JSON": _raw(answering(JSON + b"Content-Length: 9\r\n\r\n[[[[[[[[[")),
    "JSON 100,000 deep": _raw(answering(JSON + b"Content-Length: 200000\r\n\r\n" + b"[" * 100_000 + b"]" * 100_000)),
    "a cookie for everybody": _raw(
        answering(OK + b"Set-Cookie: sid=shadow; Domain=127.0.0.1\r\nContent-Length: 2\r\n\r\nok")
    ),
    "headers in Latin-1": _raw(answering(OK + b"X-Cafe: caf\xe9\r\nContent-Length: 2\r\n\r\nok")),
}

HOSTILE = BROKEN | ENDLESS | HUGE | ODD

#: How the leg of each ends.
ENDINGS = (
    dict.fromkeys(BROKEN, (Verdict.FAILED, FailureKind.RAISED))
    | dict.fromkeys(ENDLESS, (Verdict.TIMED_OUT, FailureKind.TIMED_OUT))
    | dict.fromkeys(HUGE, (Verdict.FAILED, FailureKind.TOO_LARGE))
    | dict.fromkeys(ODD, (Verdict.DIVERGED, None))
)
