"""The rules about headers, as data: which are not compared, which are compared as what they are, and cookies."""

from __future__ import annotations

import enum
from typing import Any, TypeAlias

import attrs

from trioshadow._model.checks import Check, is_amount, is_text

_is_header_name = Check(
    "a str",
    lambda value: isinstance(value, str),
    "the name of a header, which has no blanks",
    lambda name: name and " " not in name,
)
_is_cookie_name = Check(
    "a str", lambda value: isinstance(value, str), "the name of a cookie", lambda name: name == name.strip()
)
_is_cookie_part = Check(
    "a str",
    lambda value: isinstance(value, str),
    "'value', or the name of an attribute such as 'expires'",
    lambda name: name and not set(name) & set(" =;"),
)


def _lower(name: Any) -> Any:
    return name.lower() if isinstance(name, str) else name


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


class HeaderKind(enum.StrEnum):
    """What the values of a header are: see `HeaderAs.kind`."""

    LIST = "list"
    SET = "set"
    PARAMETERS = "parameters"
    DATE = "date"
    NUMBER = "number"
    TEXT = "text"


_MEASURED = (HeaderKind.DATE, HeaderKind.NUMBER)
_is_kind = Check(
    "a str",
    lambda value: isinstance(value, str),
    f"one of {', '.join(HeaderKind)}",
    lambda value: value in list(HeaderKind),
)


def _kind(value: Any) -> Any:
    return HeaderKind(value) if isinstance(value, str) and value in list(HeaderKind) else value


@attrs.frozen
class HeaderAs:
    """The values of this header are compared as what they are. The headers that standards define are so without a rule.

    A value that can't be read as that is compared as it is without the rule. About Set-Cookie it says nothing: that is
    `IgnoreCookie`.

    >>> HeaderAs("X-Modified", "date", within=1)
    HeaderAs(name='x-modified', kind=<HeaderKind.DATE: 'date'>, within=1)
    """

    name: str = attrs.field(validator=_is_header_name, converter=_lower)
    """A header's name, in any case; with wildcards as in `IgnoreHeader`."""
    kind: HeaderKind = attrs.field(validator=_is_kind, converter=_kind)
    """One of these, or its str:

    - `list`: elements in order, between commas, in one line or several; blanks around them don't matter.
    - `set`: the same in any order, and no matter how often.
    - `parameters`: names and values between semicolons or commas, in any order, names in any case, values in quotes or
      not: `a=1; B="2"`.
    - `date`: an instant, as an HTTP-date, in ISO 8601 with a zone, or as `@` and seconds since 1970.
    - `number`: 7 = 007 = 7.0, with at most 30 digits on either side of the point.
    - `text`: in any case, with any blanks.
    """
    within: float = attrs.field(default=0.0, kw_only=True, validator=is_amount)
    """In [0, inf): dates may differ by so many seconds, numbers by so much."""

    def __attrs_post_init__(self) -> None:
        if self.name == "set-cookie":
            raise ValueError("HeaderAs is not for set-cookie, which is no list: see IgnoreCookie")
        if self.within and self.kind not in _MEASURED:
            raise ValueError(f"within is for a date or a number, not for a {self.kind.value}")


@attrs.frozen
class IgnoreCookie:
    """This cookie of Set-Cookie is not compared, or one part of it is not.

    >>> IgnoreCookie("session*", "Expires")
    IgnoreCookie(name='session*', attribute='expires')
    """

    name: str = attrs.field(default="*", validator=_is_cookie_name)
    """A cookie's name, in its case; `*` stands for any characters, `?` for one, `[ab]` for one of these."""
    attribute: str | None = attrs.field(default=None, validator=_is_cookie_part.or_none, converter=_lower)
    """Only this part: `value`, or an attribute such as `expires`, `max-age` or `path`, in any case. None: all of it,
    and the cookie may be there on one side only."""


HeaderRule: TypeAlias = IgnoreHeader | HeaderAs | IgnoreCookie


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
