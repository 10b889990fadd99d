"""From what a line says to the request that is sent, or to why there is none. Pure.

A line is an object of `method`, `url`, and if need be `headers` (an object, or a list of pairs) and `body` (a text, or
`{"base64": ...}`). What an archive has captured is the same, with bytes for the body.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import attrs

from trioshadow.archive import MASK, MASKED_PARAMETER
from trioshadow.cli.common.checks import token
from trioshadow.compare import SENSITIVE
from trioshadow.http import HttpRequest, on_the_wire

#: What a header's value must not have (RFC 9110 §5.5), and what HTTP has no byte for.
_NO_VALUE = re.compile(r"[\0\r\n]|[^\0-\xff]")
_MASKED_MEMBER = f'"{MASK}"'.encode()


class UnusableError(ValueError):
    """No request can be made of it. `cause` is for counting, `what` and `advice` are for people."""

    def __init__(self, cause: str, what: str, advice: str) -> None:
        super().__init__(what)
        self.cause = cause
        self.what = what
        self.advice = advice


def _malformed(what: str, advice: str) -> UnusableError:
    return UnusableError("no request", what, advice)


def request_of(told: object) -> HttpRequest:
    """The request that an object of a line describes. Raises UnusableError."""
    if not isinstance(told, dict):
        raise _malformed("this is no object", 'each line is one, as in {"method": "GET", "url": "/users/7"}')
    method, url = _method(told.get("method")), told.get("url")
    if not isinstance(url, str) or not url:
        raise _malformed('it has no "url"', 'a text, such as "/users/7?full=1" or "https://api.example/users/7"')
    headers, body = _headers(told.get("headers")), _body(told.get("body"))
    try:
        request = HttpRequest(method, url, headers, body)
        _ = request.origin, on_the_wire(request.target)  # what can't be sent shows here
    except ValueError:
        raise _malformed('its "url" is none', 'such as "/users/7?full=1" or "https://api.example/users/7"') from None
    return request


def _method(method: object) -> str:
    try:
        name = token(method)
    except ValueError:
        raise _malformed('it has no "method"', 'a text, such as "GET"') from None
    if name != name.upper():
        raise _malformed(f'its "method" is {name!r}', f"methods are case-sensitive: write {name.upper()!r}")
    return name


def _headers(headers: object) -> list[tuple[str, str]]:
    if headers is None:
        return []
    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    if not isinstance(pairs, list):
        raise _malformed('its "headers" are none', 'an object of texts, or a list of pairs as in [["Accept", "*/*"]]')
    found: list[tuple[str, str]] = []
    for pair in pairs:
        match pair:
            # Of HTTP/2, where they say what method and url say.
            case [str(name), str()] if name.startswith(":"):
                continue
            case [str(name), str(value)] if not _NO_VALUE.search(value):
                found.append((_header_name(name), value))
            case _:
                raise _malformed("it has a header that can't be sent", "names and values are texts, in Latin-1")
    return found


def _header_name(name: str) -> str:
    try:
        return token(name)
    except ValueError:
        raise _malformed("it has a header whose name is none", "letters, digits and dashes, as HTTP has them") from None


def _body(body: object) -> bytes:
    try:
        match body:
            case None:
                return b""
            case bytes():
                return body
            case str():
                return body.encode()
            case {"base64": str(coded)}:
                return base64.b64decode(coded, validate=True)
            case _:
                pass
    except ValueError:  # a lone surrogate, or no base64
        pass
    raise _malformed('its "body" is none', 'a text, sent as UTF-8, or {"base64": "..."}')


def captured_request(captured: Any, needed: frozenset[str]) -> HttpRequest:
    """The request that a record of an archive has kept, if it has kept all of it. Raises UnusableError.

    `needed`: headers that must not be masked although they let somebody in, in lower case.
    """
    told = None if captured is None else captured.request
    if told is None:
        raise UnusableError(
            "not captured",
            "the record has no request",
            "records keep them where ShadowConfig(capture=Capture()) asks for it",
        )
    if not isinstance(told, Mapping) or not told.keys() >= {"method", "url", "headers", "body"}:
        raise UnusableError("no HTTP", "what was captured is no request of HTTP", "replay it with code of your own")
    if "cut" in told:
        raise UnusableError(
            "cut", f"its body of {told['cut']:,} bytes was cut", "capture more: Capture(max_bytes=1_000_000)"
        )
    request = request_of(dict(told))
    if _is_masked(request, needed):
        raise UnusableError(
            "masked", "a part of it was masked", "name less in Redaction; secrets of URLs are always masked"
        )
    return request


def _is_masked(request: HttpRequest, needed: frozenset[str]) -> bool:
    """As far as it can be told. Headers that let somebody in always are, and are missed only if they are needed."""
    unimportant = SENSITIVE - needed
    return (
        MASKED_PARAMETER.search(request.url) is not None
        or any(value == MASK and name.lower() not in unimportant for name, value in request.headers)
        or request.body == MASK.encode()
        or _MASKED_MEMBER in request.body
    )


@attrs.frozen
class Sendable:
    """Which requests are sent."""

    methods: frozenset[str]

    def check(self, request: HttpRequest) -> HttpRequest:
        """The request itself. Raises UnusableError."""
        method = request.method
        if method not in self.methods:
            raise UnusableError(
                "unsafe method", f"{method} may have effects", f"--allow-method {method} if they may happen twice"
            )
        if request.marked:
            raise UnusableError("a shadow's copy", "it has the header x-shadow", "capture what clients send")
        return request
