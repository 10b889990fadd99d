"""ResponseRecord: an answer as status, headers and body, frozen. It compares nothing and knows no protocol."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from .checks import is_bool

#: What `headers=` takes: a mapping, or pairs. Names and values are str, or bytes read as Latin-1 (RFC 9110 §5.5).
HeadersLike: TypeAlias = Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[str | bytes, str | bytes]]
Headers: TypeAlias = tuple[tuple[str, str], ...]


_NAME = operator.itemgetter(0)


_SIZED = frozenset((bytes, str, tuple, list, dict))


def hidden(value: object) -> str:
    """What a repr tells of a part that is traffic: its type and size. Reprs go into logs, and trackers of errors take
    those of local variables.
    """
    if value is None:
        return "None"
    kind = type(value)
    return f"<{kind.__name__}, {len(value):,}>" if kind in _SIZED else f"<{kind.__name__}>"  # type: ignore[arg-type]


def _text(value: object, what: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError(f"headers: a {what} must be str or bytes, not {type(value).__name__}")


def header_pairs(headers: HeadersLike) -> list[tuple[str, str]]:
    """`(name, value)` pairs of str, in their order and case."""
    pairs: Iterable[tuple[Any, Any]] = headers.items() if isinstance(headers, Mapping) else headers
    # Most are bytes, some ten a message: two calls of _text() for each are half of what the rest costs.
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        if type(name) is bytes and type(value) is bytes
        else (_text(name, "name"), _text(value, "value"))
        for name, value in pairs
    ]


def normalize_headers(headers: HeadersLike) -> Headers:
    """Lower-cased `(name, value)` pairs, sorted by name.

    Repeats are kept, and among them their order: it means something (RFC 9110 §5.3).
    """
    return tuple(sorted([(name.lower(), value) for name, value in header_pairs(headers)], key=_NAME))


def _frozen_body(body: Any) -> Any:
    # A record is frozen, so it must not share a buffer that somebody goes on writing to.
    return bytes(body) if isinstance(body, bytearray | memoryview) else body


def _checked_status(status: object) -> int:
    if not isinstance(status, int) or isinstance(status, bool):
        raise TypeError(f"status must be an int, not {type(status).__name__}")
    return int(status)  # an HTTPStatus becomes a plain number


def _ok_by_status(record: ResponseRecord) -> bool:
    return record.status < 400


@attrs.frozen
class ResponseRecord:
    """What a backend answered, ready to be compared part by part.

    >>> ResponseRecord(b"hi", headers={"X-Id": "7"})
    ResponseRecord(body=<bytes, 2>, status=200, headers=<tuple, 1>, ok=True)

    Its repr, which goes into logs, tells neither what is in the body nor in the headers.
    """

    body: Any = attrs.field(converter=_frozen_body, repr=hidden)
    """Usually bytes, which are decoded by their content type to be compared; or any value. A bytearray or memoryview is
    copied into bytes."""
    status: int = attrs.field(default=200, kw_only=True, converter=_checked_status)
    """As in HTTP, but any int will do: a gRPC code, an exit status."""
    headers: Headers = attrs.field(default=(), kw_only=True, converter=normalize_headers, repr=hidden)
    """Mapping or pairs in; out comes a tuple of lower-cased pairs sorted by name, repeats kept in their order."""
    ok: bool = attrs.field(default=attrs.Factory(_ok_by_status, takes_self=True), kw_only=True, validator=is_bool)
    """Was this a success in the backend's own eyes? `status < 400` unless said otherwise. It is not compared."""

    @classmethod
    def success(cls, body: Any, status: int = 200) -> ResponseRecord:
        """A record with `ok=True`."""
        return cls(body, status=status, ok=True)

    @classmethod
    def failure(cls, status: int, body: Any = b"") -> ResponseRecord:
        """A record with `ok=False`."""
        return cls(body, status=status, ok=False)

    def with_header(self, name: str, value: str) -> ResponseRecord:
        """A copy with one more header; one of the same name stays, since headers may repeat."""
        return attrs.evolve(self, headers=(*self.headers, (name, value)))
