"""The rules: what of a difference does not matter, as data. Each is frozen, hashable, and checked where it is made.

A rule says what, never how: `_plan.py` compiles all rules of a configuration, once. Rules only take away: a rule never
makes two answers differ that match without it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from trioshadow._model.checks import Check, is_amount, is_function, is_text

from ._paths import parse_path


def _parsed(path: str) -> bool:
    parse_path(path)  # says where it is wrong, with the path
    return True


_is_path = Check("a str such as '$.items[*].id'", lambda value: isinstance(value, str), "an RFC 9535 path", _parsed)
_is_header_name = Check(
    "a str",
    lambda value: isinstance(value, str),
    "the name of a header, which has no blanks",
    lambda name: name and " " not in name,
)
_is_field_name = Check(
    "a str",
    lambda value: isinstance(value, str),
    "the name of a member, such as 'id', and no path",
    lambda name: name and not name.startswith(("$.", "$[")),
)
_is_error_type = Check(
    "an exception class",
    lambda value: isinstance(value, type) and issubclass(value, BaseException),
    "an exception class",
    lambda _: True,
)


def _lower(name: Any) -> Any:
    return name.lower() if isinstance(name, str) else name


class IgnoreField(enum.Enum):
    """A whole part of the answer that is not compared."""

    STATUS = "status"
    HEADERS = "headers"
    BODY = "body"


@attrs.frozen
class IgnoreHeader:
    """Headers of this name are not compared.

    >>> IgnoreHeader("X-Request-*", reason="made for each request")
    IgnoreHeader(name='x-request-*', reason='made for each request')
    """

    name: str = attrs.field(validator=_is_header_name, converter=_lower)
    """A header's name, in any case; `*` stands for any characters, `?` for one, `[ab]` for one of these."""
    reason: str = attrs.field(default="", kw_only=True, validator=is_text)
    """Why, for whoever reads the configuration."""


@attrs.frozen
class IgnorePath:
    """What is at this path, and all below it, is not compared, and may be there on one side only."""

    path: str = attrs.field(validator=_is_path)
    """Such as `$.meta.generated_at`, `$.items[*].id`, or `$..id`: every member named `id`, and none named
    `identity`."""


@attrs.frozen
class Tolerance:
    """Numbers at this path may differ a little, and so may points in time.

    For numbers the rule of PEP 485 (`math.isclose`): |a - b| <= max(abs, rel * max(|a|, |b|)). With `rel=0.01`, 99 and
    100 are close (1 <= 1.0), 98 and 100 are not.

    Points in time (datetimes, dates, and strings that are ISO 8601 dates and times on both sides) and timedeltas may
    differ by `abs` seconds.
    """

    path: str = attrs.field(validator=_is_path)
    abs: float = attrs.field(default=0.0, kw_only=True, validator=is_amount)
    """In [0, inf); seconds for time."""
    rel: float = attrs.field(default=0.0, kw_only=True, validator=is_amount)
    """A fraction, in [0, inf), of the larger of the two."""

    def __attrs_post_init__(self) -> None:
        if self.abs == 0 and self.rel == 0:
            raise ValueError("Tolerance takes abs= or rel=, above 0")


@attrs.frozen
class Unordered:
    """In the array at this path order does not matter, only how often an element is there.

    Elements that are on one side only are reported in pairs, as changed, and what is over as added or removed; if there
    is one on each side, it is told what in it changed. A rule with an index (`$.users[0]`) says nothing about such an
    array.
    """

    path: str = attrs.field(validator=_is_path)


@attrs.frozen
class KeyedBy:
    """The elements of the array at this path are objects, and belong together by this member, not by position.

    One insertion is one change then, and not a change of all elements behind it. Elements without the member, and
    those whose key is there twice, are matched in their order. A rule with an index says nothing about such an array.
    """

    path: str = attrs.field(validator=_is_path)
    field: str = attrs.field(validator=_is_field_name)
    """The member's name, such as `id`. Its value may be anything, also an object."""


@attrs.frozen
class Subset:
    """The shadow may add members to the object at this path. Not below it: that is `$.meta..*`."""

    path: str = attrs.field(validator=_is_path)


@attrs.frozen
class Normalize:
    """Both values at this path are passed through a function before they are compared, if they are not equal as they
    are.

    A function that raises changes nothing: the values are compared as they are, and `BodyDiff.notes` says so.
    """

    path: str = attrs.field(validator=_is_path)
    function: Callable[[Any], Any] = attrs.field(validator=is_function)
    """From a value to what is compared, such as `str.casefold`; it must not change the value."""


@attrs.frozen
class Accept:
    """Answers for which the function says True are no divergence: for what no other rule can say. It is asked about
    what differs, and about containers, of which that is not known yet.

    What the function raises is a failure of the comparison (`FailureKind.COMPARE_RAISED`); with a `path` the
    difference is reported, and `BodyDiff.notes` says so.
    """

    predicate: Callable[[Any, Any], object] = attrs.field(validator=is_function)
    """Takes the primary's and the shadow's answer, after their views; with a `path`, the two values there."""
    path: str | None = attrs.field(default=None, validator=_is_path.or_none)
    """None: the function is asked once, about the whole answers."""


@attrs.frozen
class SameError:
    """An exception of the one type from the primary and of the other from the shadow are the same: for libraries that
    name theirs differently. Subclasses count, and so do members of groups.
    """

    primary: type[BaseException] = attrs.field(validator=_is_error_type)
    shadow: type[BaseException] = attrs.field(validator=_is_error_type)


PathRule: TypeAlias = IgnorePath | Tolerance | Unordered | KeyedBy | Subset | Normalize | Accept
Rule: TypeAlias = IgnoreHeader | PathRule | SameError
RULES = (IgnoreHeader, IgnorePath, Tolerance, Unordered, KeyedBy, Subset, Normalize, Accept, SameError)


# ── rules that most services need, each with its reason ──────────────────────────────────────────────────────────────


def _headers_named(reason: str, *names: str) -> tuple[IgnoreHeader, ...]:
    return tuple(IgnoreHeader(name, reason=reason) for name in names)


#: Headers that differ between two answers of one and the same service, or say who answered and not what.
VOLATILE_HEADERS: tuple[IgnoreHeader, ...] = (
    *_headers_named("the clock when the answer was made (RFC 9110 §6.6.1)", "date"),
    *_headers_named("how long a cache has held the answer (RFC 9111 §5.1)", "age"),
    *_headers_named("a point in time, counted from the clock (RFC 9111 §5.3)", "expires"),
    *_headers_named("names the software that answers (RFC 9110 §10.2.4), which is what is replaced", "server"),
    *_headers_named("names the software that answers", "x-powered-by", "x-aspnet-version", "x-generator"),
    *_headers_named("the proxies on the way (RFC 9110 §7.6.3)", "via", "x-served-by", "x-forwarded-*"),
    *_headers_named("whether a cache had it", "x-cache", "x-cache-*", "cf-cache-status", "cache-status"),
    *_headers_named("how long it took", "server-timing", "x-runtime", "x-response-time", "x-process-time"),
    *_headers_named("made for each request", "x-request-id", "x-correlation-id", "request-id", "cf-ray", "x-amz-cf-id"),
    *_headers_named("a trace (W3C Trace Context)", "traceparent", "tracestate", "traceresponse"),
    *_headers_named(
        "a trace", "b3", "x-b3-*", "x-trace-id", "x-span-id", "x-amzn-*id", "x-cloud-trace-context", "uber-trace-id"
    ),
    *_headers_named(
        "hop by hop: about the connection (RFC 9110 §7.6.1)", "connection", "keep-alive", "proxy-connection"
    ),
    *_headers_named("hop by hop", "te", "trailer", "transfer-encoding", "upgrade", "proxy-authenticate"),
    *_headers_named("other ways to reach the service (RFC 7838)", "alt-svc"),
    *_headers_named("where browsers report to", "nel", "report-to", "reporting-endpoints"),
)
