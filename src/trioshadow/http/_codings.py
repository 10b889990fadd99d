"""Content codings (RFC 9110 §8.4) inflated under a limit: a bomb of 48 KB must not become 50 MB.

gzip and deflate are the standard library's, and so is zstd from Python 3.14 on. Brotli, and zstd before, are there with
the extra `codings`. Pure.
"""

from __future__ import annotations

import functools
import importlib
import sys
import zlib
from collections.abc import Callable
from typing import Any

from trioshadow._model.errors import BodyTooLarge

#: What an answer without an encoding is called in Accept-Encoding.
IDENTITY = "identity"

_ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"

#: Of one body so many codings, ...
_CODINGS = 3
#: ... and of one coding so many parts that follow each other: each costs a copy of all that comes after it.
_MEMBERS = 100


def inflate(body: bytes, content_encoding: str, limit: int) -> bytes:
    """The body before these codings, listed in the order in which they were applied, were applied.

    Raises BodyTooLarge as soon as there are more than `limit` bytes, and ValueError if the body is not what the header
    says, or in a coding that can't be inflated here.
    """
    codings = [name.strip().lower() for name in content_encoding.split(",", _CODINGS)]
    if len(codings) > _CODINGS:
        raise ValueError(f"more than {_CODINGS} content codings")
    for coding in reversed(codings):
        if coding in ("", IDENTITY):
            continue
        if not body:
            return body  # an answer to HEAD, or of a server that names a coding and sends nothing
        decoder = _DECODERS.get(coding)
        if decoder is None:
            raise ValueError(f"the content coding {coding[:40]!r} can't be inflated")
        try:
            body = decoder(body, limit)
        except BodyTooLarge:
            raise
        except Exception as exc:  # each library has errors of its own
            raise ValueError(f"the body can't be inflated: {exc}") from exc
    return body


@functools.cache  # a module that is not there is looked for each time, which takes 80 µs
def inflatable() -> frozenset[str]:
    """The codings that can be inflated here."""
    return frozenset(name for name, module in _MODULES.items() if module is None or _module(module) is not None)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body inflates to more than {limit:,} bytes")


def _gzip(body: bytes, limit: int) -> bytes:
    inflated = bytearray()
    for _ in range(_MEMBERS):  # there may be several, one after the other, and padding after them
        part, body = _zlib(body, limit - len(inflated), 31)
        inflated += part
        body = body.lstrip(b"\0")
        if not body:
            return bytes(inflated)
    raise ValueError(f"it has more than {_MEMBERS} members")


def _deflate(body: bytes, limit: int) -> bytes:
    try:
        return _zlib(body, limit, 15)[0]
    except zlib.error:
        return _zlib(body, limit, -15)[0]  # without its wrapper, as some servers send it


def _zlib(body: bytes, limit: int, wbits: int) -> tuple[bytes, bytes]:
    """What one stream inflates to, and what comes after it."""
    stream = zlib.decompressobj(wbits)
    inflated = stream.decompress(body, limit + 1)
    if len(inflated) > limit:
        raise _too_large(limit)
    if not stream.eof:
        raise ValueError("it breaks off")
    return inflated, stream.unused_data


def _brotli(body: bytes, limit: int) -> bytes:
    decompressor = _required("brotli").Decompressor()
    inflated = bytearray()
    while body or not decompressor.can_accept_more_data():
        inflated += decompressor.process(body, output_buffer_limit=limit + 1 - len(inflated))
        if len(inflated) > limit:
            raise _too_large(limit)
        body = b""
    if not decompressor.is_finished():
        raise ValueError("it breaks off")
    return bytes(inflated)


def _zstd(body: bytes, limit: int) -> bytes:
    zstd = _required(_ZSTD)
    # A window of 8 MB is what RFC 9659 allows; it is allocated before the first byte is there.
    options = {zstd.DecompressionParameter.window_log_max: 23}
    inflated = bytearray()
    for _ in range(_MEMBERS):  # a frame each
        frame = zstd.ZstdDecompressor(options=options)
        inflated += frame.decompress(body, limit + 1 - len(inflated))
        if len(inflated) > limit:
            raise _too_large(limit)
        if not frame.eof:
            raise ValueError("it breaks off")
        body = frame.unused_data
        if not body:
            return bytes(inflated)
    raise ValueError(f"it has more than {_MEMBERS} frames")


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
_MODULES = {"gzip": None, "x-gzip": None, "deflate": None, "br": "brotli", "zstd": _ZSTD}


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _required(name: str) -> Any:
    module = _module(name)
    if module is None:
        raise ValueError(f"a body in this coding can't be inflated without {name}: pip install 'trioshadow[codings]'")
    return module
