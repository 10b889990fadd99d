"""Which header fields are about the connection and not about the message, and which mark a shadow's copy. Pure."""

from __future__ import annotations

from collections.abc import Iterable

#: The header that marks a shadow's copy.
MARK = "x-shadow"

#: About one connection (RFC 9110 §7.6.1), in lower case. `Trailer` too: trailers are not passed on.
HOP_BY_HOP = frozenset(
    (
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
        *(b"http2-settings", b"proxy-authenticate"),
    )
)

RawHeaders = list[tuple[bytes, bytes]]


def without_hop_by_hop(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """The headers that are about the message, in their order and case; also without those that Connection names.

    >>> without_hop_by_hop([(b"Connection", b"close, X-Lap"), (b"x-lap", b"1"), (b"ETag", b"w")])
    [(b'ETag', b'w')]
    """
    pairs = list(headers)
    names = [name.lower() for name, _ in pairs]
    dropped: frozenset[bytes] = HOP_BY_HOP
    if b"connection" in names:
        for name, (_, value) in zip(names, pairs, strict=True):
            if name == b"connection":
                # What it names are options too (`close`): no header is called that.
                dropped |= {option.strip().lower() for option in value.split(b",")}
    if dropped.isdisjoint(names):
        return pairs
    return [pair for name, pair in zip(names, pairs, strict=True) if name not in dropped]


def with_one_cookie(headers: RawHeaders) -> RawHeaders:
    """The headers with all Cookie fields in the first: HTTP/2 may split it, and HTTP/1.1 must not (RFC 9113 §8.2.3).

    >>> with_one_cookie([(b"cookie", b"a=1"), (b"etag", b"w"), (b"cookie", b"b=2")])
    [(b'cookie', b'a=1; b=2'), (b'etag', b'w')]
    """
    cookies = [value for name, value in headers if name.lower() == b"cookie"]
    if len(cookies) < 2:
        return headers
    joined: RawHeaders = []
    for name, value in headers:
        if name.lower() != b"cookie":
            joined.append((name, value))
        elif cookies:
            joined.append((name, b"; ".join(cookies)))
            cookies = []
    return joined


def without_coding(headers: RawHeaders) -> RawHeaders:
    """The headers of a body that was inflated: without the one that says how it was sent."""
    return [pair for pair in headers if pair[0].lower() != b"content-encoding"]
