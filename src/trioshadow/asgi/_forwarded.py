"""ForwardedHeaders: tells the application who asked, from where, for what host and by which scheme.

Outside of a ShadowMiddleware, so that primary and shadow are told the same. RFC 7239 for `Forwarded`; for the three
`X-Forwarded-…` that came before it, what everybody does.
"""

from __future__ import annotations

import functools
import ipaddress
import re

from trioshadow._model.checks import is_bool, wrong_type
from trioshadow.http import RawHeaders

from ._types import App, Receive, Scope, Send

_FOR, _PROTO, _HOST, _FORWARDED = b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded"
_OURS = frozenset({_FOR, _PROTO, _HOST, _FORWARDED})

#: A request through a WebSocket is made by HTTP.
_SCHEMES = {"ws": b"http", "wss": b"https"}

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TO_ESCAPE = re.compile(rb'(["\\])')


class ForwardedHeaders:
    """An ASGI middleware that sets `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded` on the scope.

    `trust`: False where clients come directly: what they claim in these headers is dropped, since anyone can write
    anything there. True behind a proxy of your own that does so: our element is added to `X-Forwarded-For` and
    `Forwarded`, and a scheme or host that is there stays, being the one that the client used.
    """

    def __init__(self, app: App, *, trust: bool = False) -> None:
        if not callable(app):
            raise wrong_type("app", app, "an ASGI app")
        is_bool.check("trust", trust)
        self._app = app
        self._trust = trust

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope; those of `lifespan` pass through."""
        if scope["type"] in {"http", "websocket"}:
            scope = {**scope, "headers": forwarded(scope, trust=self._trust)}
        await self._app(scope, receive, send)


def forwarded(scope: Scope, *, trust: bool) -> RawHeaders:
    """The scope's headers, with ours at the end in place of all that had their names. Pure."""
    claimed: dict[bytes, list[bytes]] = {_FOR: [], _PROTO: [], _HOST: [], _FORWARDED: []}
    headers: RawHeaders = []
    host = b""
    for name, value in scope["headers"]:
        lower = name.lower()
        if lower in _OURS:
            if trust:
                claimed[lower].append(value)
            continue
        if lower == b"host":
            host = value
        headers.append((name, value))

    client = scope.get("client")
    address, node = _client(client[0] if client else "")
    scheme: str = scope.get("scheme", "http")
    proto = _SCHEMES.get(scheme) or scheme.encode("ascii")
    element = b"for=" + node + b";proto=" + proto
    if host:
        element += b";host=" + quoted(host)
    headers += [
        (_FOR, b", ".join([*claimed[_FOR], address])),
        (_PROTO, b", ".join(claimed[_PROTO]) or proto),
    ]
    if host_name := b", ".join(claimed[_HOST]) or host:
        headers.append((_HOST, host_name))
    headers.append((_FORWARDED, b", ".join([*claimed[_FORWARDED], element])))
    return headers


def quoted(value: bytes) -> bytes:
    r"""A parameter's value in `Forwarded`: as it is if it is a token, else a quoted-string.

    >>> quoted(b"example.com"), quoted(b"example.com:8080"), quoted(b'a"b')
    (b'example.com', b'"example.com:8080"', b'"a\\"b"')
    """
    return value if _TOKEN.fullmatch(value) else b'"' + _TO_ESCAPE.sub(rb"\\\1", value) + b'"'


@functools.lru_cache(maxsize=1024)  # a connection sends many requests: 4 µs each
def _client(host: str) -> tuple[bytes, bytes]:
    """For `X-Forwarded-For` and for `Forwarded`: IPv6 has brackets, and so quotes, in the latter only."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])  # the zone says something on this machine only
    except ValueError:
        return b"unknown", b"unknown"  # a Unix socket, or a test's own client (RFC 7239 §6.2)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(address).encode(), quoted(f"[{address}]".encode())
        address = address.ipv4_mapped  # how a socket for both families names a client of the older one
    return str(address).encode(), str(address).encode()
