"""HttpRequest: what is sent to both sides, frozen; and what of it can be the sampling key.

It knows no connection: which of its headers go to a backend is the backend's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from trioshadow._model.checks import is_name, is_text
from trioshadow._model.record import Headers, HeadersLike, header_pairs
from trioshadow._model.sampling import SamplingKey
from trioshadow.compare import SENSITIVE

from ._fields import MARK
from ._urls import is_absolute, origin_of, shown_url, target_of

if TYPE_CHECKING:
    import httpx

#: Methods that ask for nothing but an answer (RFC 9110 §9.2.1), TRACE aside, which servers refuse.
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


def _pairs(headers: HeadersLike) -> Headers:
    return tuple(header_pairs(headers))


def _is_token(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{attribute.name} must be a str, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{attribute.name} must not be empty")


def _is_url(_: object, attribute: attrs.Attribute[Any], value: str) -> None:
    if not (value.startswith("/") or value == "*" or is_absolute(value)):
        raise ValueError(
            f"{attribute.name} must be absolute, or a target as in /users/7?full=1, not {shown_url(value)!r}"
        )


def _bytes(body: object) -> bytes:
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise TypeError(f"body must be bytes, not {type(body).__name__}")


@attrs.frozen(repr=False)
class HttpRequest:
    """One request, whole.

    >>> HttpRequest("GET", "https://api.test/users/7?full=1").target
    '/users/7?full=1'

    Its sampling key is its method and target (query included), and a hash of its body if it has one; `key_header()` and
    `key_cookie()` make others. Only safe methods (GET, HEAD, OPTIONS) are mirrored unless
    `ShadowConfig(may_mirror=allow_methods("POST"))` says more, and never a request that is a shadow's copy itself
    (`x-shadow`).
    """

    method: str = attrs.field(validator=_is_token)
    """As sent: methods are case-sensitive (RFC 9110 §9.1)."""
    url: str = attrs.field(validator=[_is_token, _is_url])
    """Absolute (`https://api.test/users/7`), or a target (`/users/7`) for backends that have a `base_url`."""
    headers: Headers = attrs.field(default=(), converter=_pairs)
    """Mapping or pairs in (str, or bytes read as Latin-1); out comes a tuple of pairs, in their order and case."""
    body: bytes = attrs.field(default=b"", converter=_bytes)
    """All of it, as on the wire."""
    route: str | None = attrs.field(default=None, kw_only=True, validator=is_text.or_none)
    """Where it goes in place of `url`'s own origin: what a backend without a `base_url` looks at."""

    @property
    def target(self) -> str:
        """Path and query as they are in `url`, percent-escapes and all; `/` if there are none."""
        return target_of(self.url)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def origin(self) -> str | None:
        """Scheme, host and port (RFC 6454), such as `https://api.test`; None if `url` is a target."""
        return origin_of(self.url)

    @property
    def marked(self) -> bool:
        """Is it a shadow's copy: does it carry `x-shadow`?"""
        return self.header(MARK) is not None

    def header(self, name: str) -> str | None:
        """The value of a header, the first if it is repeated; None if there is none. Names are case-insensitive."""
        name = name.lower()
        for own_name, value in self.headers:
            if own_name.lower() == name:
                return value
        return None

    def cookie(self, name: str) -> str | None:
        """The value of a cookie, the first of that name (RFC 6265 §5.4); None if there is none."""
        for own_name, value in self.headers:
            if own_name.lower() == "cookie":
                for pair in value.split(";"):
                    key, _, content = pair.strip().partition("=")
                    if key == name:
                        return content
        return None

    @classmethod
    def from_httpx(cls, request: httpx.Request) -> HttpRequest:
        """The same request. `request` may be httpx2's; if it streams its body, `await request.aread()` first."""
        return cls(request.method, str(request.url), request.headers.raw, request.content)

    def to_httpx(self, request_class: Callable[..., Any] | None = None) -> Any:
        """An `httpx.Request`, or one of the class that you give (`httpx2.Request`). ValueError if `url` is a target."""
        if self.origin is None:
            raise ValueError("a request whose url is a target has no place to go to: an httpx.Request needs one")
        if request_class is None:
            import httpx  # noqa: PLC0415 - a quarter of a second that those who only use another client need not wait

            request_class = httpx.Request
        return request_class(self.method, self.url, headers=list(self.headers), content=self.body)

    def __trioshadow_key__(self) -> SamplingKey:
        """Method and target, and a hash of the body if there is one: keys are kept in records, and bodies have
        passwords in them.
        """
        if not self.body:
            return self.method, self.target
        return self.method, self.target, _digest(self.body)

    def __trioshadow_may_mirror__(self) -> bool:
        """Safe methods, and no copies of copies."""
        return self.method in SAFE_METHODS and not self.marked

    def __trioshadow_held_bytes__(self) -> int:
        """What of it counts for `ShadowConfig.max_in_flight_bytes`."""
        return len(self.body)

    def __trioshadow_captured__(self) -> dict[str, Any]:
        """What a record keeps of it beside its body, where `ShadowConfig.capture` asks for that."""
        return {"method": self.method, "url": self.url, "headers": self.headers}

    def __repr__(self) -> str:
        # Queries, headers and bodies hold secrets, and reprs go into logs.
        path, mark, _ = self.target.partition("?")
        query = f"{mark}..." if mark else ""
        return f"<HttpRequest {self.method} {path}{query}, {len(self.headers)} headers, {len(self.body)} bytes>"


def allow_methods(*methods: str) -> Callable[[HttpRequest], bool]:
    """For `ShadowConfig(may_mirror=...)`: these methods are mirrored too, beside the safe ones.

    Only those whose effects may happen twice, or where the shadow has a database of its own. TypeError if none is
    named, or one is no str; ValueError for one in lower case, which no client sends.
    """
    if not methods or not all(isinstance(method, str) for method in methods):
        raise TypeError('allow_methods takes names of methods, as in allow_methods("POST", "PUT")')
    for method in methods:
        if not method or method != method.upper():
            raise ValueError(f"methods are case-sensitive: allow_methods takes {method.upper()!r}, not {method!r}")
    allowed = SAFE_METHODS.union(methods)

    def may_mirror(request: HttpRequest) -> bool:
        return request.method in allowed and not request.marked

    return may_mirror


def key_header(name: str) -> Callable[[HttpRequest], SamplingKey]:
    """For `ShadowConfig(key=...)`: a header's value is the sampling key, so that a user is mirrored always or never.

    Requests without it are `unkeyed`. Of headers that let somebody in (Authorization and the like) the key is a hash,
    since keys are kept in records: the first 32 hexadecimal digits of the value's SHA-256.
    """
    is_name.check("name", name)
    secret = name.lower() in SENSITIVE

    def key(request: HttpRequest) -> SamplingKey:
        value = request.header(name)
        if value is None:
            raise KeyError(name)
        return _digest(value.encode("latin-1", "replace")) if secret else value

    return key


def key_cookie(name: str) -> Callable[[HttpRequest], SamplingKey]:
    """For `ShadowConfig(key=...)`: a hash of a cookie's value is the sampling key, as in `key_header()`."""
    is_name.check("name", name)

    def key(request: HttpRequest) -> SamplingKey:
        value = request.cookie(name)
        if value is None:
            raise KeyError(name)
        return _digest(value.encode("latin-1", "replace"))

    return key


def _digest(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()[:32]
