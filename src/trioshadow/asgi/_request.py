"""From an ASGI scope to the HttpRequest that is mirrored, and back to a scope for an app in this process. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

import attrs

from trioshadow._model.sampling import SamplingKey
from trioshadow.http import HttpRequest, on_the_wire

from ._types import Scope


@attrs.frozen(repr=False)
class AsgiRequest(HttpRequest):
    """An HttpRequest that came through a server, with what else an app can see of it.

    Its `url` is the target as it was received, and its origin is that of the service which a proxy of ours asks, if
    that serves it: a Host header is what the client says, and must decide neither where a copy goes nor whether
    credentials go with it.
    """

    scheme: str = attrs.field(default="http", kw_only=True)
    http_version: str = attrs.field(default="1.1", kw_only=True)
    root_path: str = attrs.field(default="", kw_only=True)
    client: tuple[Any, ...] | None = attrs.field(default=None, kw_only=True)
    server: tuple[Any, ...] | None = attrs.field(default=None, kw_only=True)
    served_by: str | None = attrs.field(default=None, kw_only=True)
    """The origin of the service that a `ReverseProxy` asks; None where an app of this process serves it."""

    @property
    def target(self) -> str:
        """As it was received, also where it looks like a URL (RFC 9112 §3.2.2)."""
        return self.url

    @property
    def origin(self) -> str | None:
        """That of the service which answers, if it is known."""
        return self.served_by


class AsgiHead:
    """What a request without a body is sampled and named by. Most are left out by the sampler, and need no more: an
    AsgiRequest takes six times as long to make.
    """

    __slots__ = ("method", "root_path", "target")

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.target = target_of(scope)
        self.root_path: str = scope.get("root_path", "")

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def __trioshadow_key__(self) -> SamplingKey:
        """That of an HttpRequest without a body."""
        return self.method, self.target


def target_of(scope: Scope) -> str:
    """As it was received."""
    path = scope.get("raw_path")
    if path is None:  # it is optional
        path = quote(scope["path"], safe="/:@!$&'()*+,;=~").encode("ascii")
    query = scope.get("query_string", b"")
    target = (path + b"?" + query if query else path) or b"/"  # it is empty where a CONNECT has an authority
    return (target if target.isascii() else on_the_wire(target)).decode("ascii")


def request_of(scope: Scope, served_by: str | None = None) -> AsgiRequest:
    """The request of an `http` scope, as yet without its body; `served_by`: the origin of the service that is asked."""
    server, client = scope.get("server"), scope.get("client")
    return AsgiRequest(
        scope["method"],
        target_of(scope),
        scope["headers"],
        scheme=scope.get("scheme", "http"),
        http_version=scope.get("http_version", "1.1"),
        root_path=scope.get("root_path", ""),
        client=None if client is None else tuple(client),
        server=None if server is None else tuple(server),
        served_by=served_by,
    )


def scope_of(request: HttpRequest, headers: list[tuple[bytes, bytes]], state: dict[str, Any]) -> dict[str, Any]:
    """An `http` scope for an app in this process."""
    if isinstance(request, AsgiRequest):
        seen = request
    else:
        scheme = (request.origin or "http://").partition(":")[0]
        seen = AsgiRequest(request.method, on_the_wire(request.target).decode("ascii"), scheme=scheme)
    path, _, query = seen.target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": seen.http_version,
        "method": request.method,
        "scheme": seen.scheme,
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": seen.root_path,
        "headers": headers,
        "client": seen.client,
        "server": seen.server,
        "state": dict(state),
        "extensions": {},
    }


def body_length(scope: Scope) -> int | None:
    """Bytes of the request's body, as far as its head tells: 0 if it has none, None if that is not known."""
    length: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = value
    if length is not None:
        return int(length) if length.isdigit() and len(length) < 20 else None
    # In HTTP/1 that is all that could announce one (RFC 9112 §6.3). In HTTP/2 a body need not be announced, but those
    # of safe methods are.
    if scope.get("http_version", "1.1")[:1] == "1" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return 0
    return None
