"""What the values of a header say, one reader for each grammar: of all lines it makes what can be compared with `==`.
It raises MalformedError where they are not what it reads.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from ._header_grammar import (
    BLANKS,
    MalformedError,
    Parameter,
    by_name,
    elements,
    is_token,
    lower,
    numbers_in,
    parameter,
    parameters,
    pieces,
    single,
    whole_number,
)
from ._http_dates import http_date
from ._times import instant_of_header

#: Takes the lines of one header without the blanks around them.
Reader: TypeAlias = Callable[[list[str]], Hashable]
#: Parameters and directives that are numbers of seconds, and of requests.
_SECONDS = frozenset(
    (
        *("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error", "max-stale", "min-fresh"),
        *("timeout", "max", "ma"),
    )
)
#: In seconds.
_YEAR = 365 * 24 * 60 * 60


# ── lists and sets ───────────────────────────────────────────────────────────────────────────────────────────────────


def in_order(lines: list[str]) -> Hashable:
    """A list, each element as it is."""
    return tuple(elements(lines))


def in_any_order(lines: list[str]) -> Hashable:
    """A set, each element as it is."""
    return frozenset(elements(lines))


def in_order_any_case(lines: list[str]) -> Hashable:
    """The same, in any case."""
    return tuple(map(lower, elements(lines)))


def in_any_order_and_case(lines: list[str]) -> Hashable:
    """A set, in any case."""
    return frozenset(map(lower, elements(lines)))


_ROBOTS = re.compile(r"(?:(max-snippet|max-image-preview|max-video-preview)[ \t]*:)?([^:]*)")


def robots(lines: list[str]) -> Hashable:
    """A set of directives for all robots, in any case. Where a robot is named, the order says whose they are, and each
    line begins anew.
    """
    found = {_ROBOTS.fullmatch(element) for element in map(lower, elements(lines))}
    if None in found:
        return tuple(map(in_order_any_case, ([line] for line in lines)))
    return frozenset((one[1], one[2].strip(BLANKS)) for one in found if one)


def vary(lines: list[str]) -> Hashable:
    """Names of headers; with `*` among them the others say nothing."""
    names = frozenset(map(lower, elements(lines)))
    return frozenset("*") if "*" in names else names


#: Names of one coding (RFC 9110 §8.4.1.1, §8.4.1.3).
_CODINGS = {"x-gzip": "gzip", "x-compress": "compress"}


def codings(lines: list[str]) -> Hashable:
    """In the order in which they were applied, by one name each."""
    return tuple(_CODINGS.get(coding, coding) for coding in map(lower, elements(lines)))


# ── one value ────────────────────────────────────────────────────────────────────────────────────────────────────────


def exact(lines: list[str]) -> Hashable:
    """Lines that have no other spelling."""
    return tuple(lines)


def any_case(lines: list[str]) -> Hashable:
    """One value, in any case."""
    return lower(single(lines))


def any_case_once(lines: list[str]) -> Hashable:
    """The same, and the same one several times is that one. An empty one is another one (HTML §7.7)."""
    return tuple(dict.fromkeys(lower(piece.strip(BLANKS)) for line in lines for piece in pieces(line, ",")))


def any_case_and_blanks(lines: list[str]) -> Hashable:
    """Texts, line by line."""
    return tuple(" ".join(line.casefold().split()) for line in lines)


def number(lines: list[str]) -> Hashable:
    """A number without a sign. The same one several times is that number (RFC 9110 §8.6)."""
    numbers = set(map(whole_number, elements(lines)))
    if len(numbers) != 1:
        raise MalformedError
    return numbers.pop()


def date(lines: list[str]) -> int:
    """An HTTP-date."""
    instant = http_date(single(lines))
    if instant is None:
        raise MalformedError
    return instant


def expires(lines: list[str]) -> Hashable:
    """An HTTP-date. What is none, 0 above all, is in the past (RFC 9111 §5.3), and so is the year 1970; any other text
    may be a broken date.
    """
    if single(lines) in ("0", "-1"):
        return "past"
    instant = date(lines)
    return "past" if instant < _YEAR else instant


def date_or_seconds(lines: list[str]) -> Hashable:
    """An HTTP-date, or a number of seconds."""
    value = single(lines)
    return whole_number(value) if value[:1].isdigit() else date(lines)


def moment(lines: list[str]) -> Hashable:
    """An instant, however it is written."""
    instant = instant_of_header(single(lines))
    if instant is None:
        raise MalformedError
    return instant


_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_PERCENT = re.compile("%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PORTS = {"http": ":80", "https": ":443"}


def uri(lines: list[str]) -> Hashable:
    """RFC 9110 §4.2.3: the case of scheme and host, the default port, an empty path, what is escaped for no reason."""
    text = _PERCENT.sub(_escaped, single(lines))
    if (found := _ABSOLUTE.fullmatch(text)) is None:
        return text
    scheme, authority, rest = lower(found[1]), found[2], found[3]
    user, at, host = authority.rpartition("@")
    host = lower(host)
    if scheme in _PORTS:
        host = host.removesuffix(_PORTS[scheme]).removesuffix(":")
        rest = rest if rest.startswith("/") else "/" + rest
    return scheme, user + at + host, rest


def _escaped(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if char in _UNRESERVED else found[0].upper()


# ── a value with parameters ──────────────────────────────────────────────────────────────────────────────────────────


def _media_type(text: str) -> Hashable:
    kind, *rest = pieces(text, ";")
    kind = kind.strip(BLANKS)
    if not all(map(is_token, kind.split("/"))) or kind.count("/") != 1:
        raise MalformedError
    kind = lower(kind)
    return kind, tuple((name, _of_media_type(kind, name, value)) for name, value in parameters(rest))


def _of_media_type(kind: str, name: str, value: str | None) -> str | None:
    if name == "boundary" and value and kind.startswith("multipart/"):
        return "…"  # which one it is is no part of what is said (RFC 2046 §5.1.1)
    return lower(value) if name == "charset" and value else value


def content_type(lines: list[str]) -> Hashable:
    """One media type."""
    return _media_type(single(lines))


def media_types(lines: list[str]) -> Hashable:
    """A set of media types."""
    return frozenset(map(_media_type, elements(lines)))


_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def preferences(lines: list[str]) -> Hashable:
    """A set of what is accepted, in any case, each with a weight, which is 1 if nothing is said (RFC 9110 §12.4.2)."""
    found = []
    for element in elements(lines):
        head, *rest = pieces(element, ";")
        pairs = [(name, _weight(value) if name == "q" else value) for name, value in parameters(rest)]
        found.append((lower(head.rstrip(BLANKS)), tuple(pair for pair in pairs if pair != ("q", "1"))))
    return frozenset(found)


def _weight(value: str | None) -> str:
    if _WEIGHT.fullmatch(value or "") is None or value is None:
        raise MalformedError
    return value.rstrip("0").rstrip(".") or "0" if "." in value else value


def disposition(lines: list[str]) -> Hashable:
    """A type with parameters, among them a name of a file."""
    kind, *rest = pieces(single(lines), ";")
    pairs = parameters(rest)
    return lower(kind.strip(BLANKS)), tuple(
        (name, _extended(value) if name[-1] == "*" else value) for name, value in pairs
    )


def _extended(value: str | None) -> Hashable:
    """`UTF-8'en'%e2%82%ac` (RFC 8187 §3.2)."""
    charset, *rest = (value or "").split("'", 2)
    if len(rest) != 2 or not rest[1].isascii():
        raise MalformedError
    return lower(charset), lower(rest[0]), unquote_to_bytes(rest[1])


def items(lines: list[str]) -> Hashable:
    """A list in order, each element with parameters."""
    found = []
    for element in elements(lines):
        head, *rest = pieces(element, ";")
        found.append((head.rstrip(BLANKS), tuple(numbers_in(parameters(rest), _SECONDS))))
    return tuple(found)


def links(lines: list[str]) -> Hashable:
    """Links in any order, which is not significant (RFC 8288 §2), each with its parameters."""
    return _bag(map(_link, elements(lines, brackets=True)))


def _link(element: str) -> Hashable:
    target, *rest = pieces(element, ";", brackets=True)
    target = target.rstrip(BLANKS)
    if not (target.startswith("<") and target.endswith(">")):
        raise MalformedError
    pairs = parameters(rest, blanks=True)
    return target, tuple((name, _words(value) if name in ("rel", "rev") else value) for name, value in pairs)


_WORD = re.compile(r"[^ \t\n\f\r]+")


def _words(value: str | None) -> Hashable:
    return frozenset(_WORD.findall(lower(value or "")))


def _bag(found: Iterable[Hashable]) -> Hashable:
    return frozenset(Counter(found).items())


def named_parts(lines: list[str]) -> Hashable:
    """Anything with names and values, between semicolons or commas, in any order, names in any case."""
    return _bag(map(_named_part, elements(lines)))


def _named_part(element: str) -> Hashable:
    head, *rest = pieces(element, ";")
    head = head.rstrip(BLANKS)
    if "=" in head or is_token(head):  # and not such as `text/html`
        head, rest = "", [head, *rest]
    # An empty value is none (RFC 7240 §2).
    return lower(head), frozenset((name, value or None) for name, value in parameters(rest, blanks=True))


_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def challenges(lines: list[str]) -> Hashable:
    """Each a scheme with parameters. A comma stands between two of them, and between two parameters of one. Clients
    choose by scheme, so that only the order of those of one scheme says something: the first is preferred (RFC 7616
    §3.7).
    """
    found: list[tuple[str, str, list[Parameter]]] = []
    for element in elements(lines):
        scheme, _, rest = element.partition(" ")
        rest = rest.lstrip(BLANKS)
        if is_token(scheme) and not rest.startswith("="):
            is_token68 = _TOKEN68.fullmatch(rest) is not None
            found.append((lower(scheme), rest if is_token68 else "", []))
            pair = "" if is_token68 else rest
        elif found:
            pair = element
        else:
            raise MalformedError
        if pair:
            found[-1][2].append(parameter(pair, blanks=True))
    return tuple(
        (scheme, token, tuple((name, _of_challenge(name, value)) for name, value in by_name(pairs)))
        for scheme, token, pairs in sorted(found, key=lambda challenge: challenge[0])
    )


def _of_challenge(name: str, value: str | None) -> str | None:
    return lower(value) if value and name in ("charset", "stale") else value


# ── directives ───────────────────────────────────────────────────────────────────────────────────────────────────────

#: Their values are names of headers (RFC 9111 §5.2.2.4, §5.2.2.7).
_OF_HEADERS = frozenset(("no-cache", "private"))


def directives(lines: list[str]) -> Hashable:
    """Names, some with values, between commas."""
    pairs = numbers_in(map(parameter, elements(lines)), _SECONDS)
    return tuple(
        (name, in_any_order_and_case([value]) if value and name in _OF_HEADERS else value)
        for name, value in by_name(pairs)
    )


def directives_of_one_line(lines: list[str]) -> Hashable:
    """The same between semicolons, in a header that may be there once."""
    pairs = numbers_in(parameters(pieces(single(lines), ";"), blanks=True), _SECONDS)
    return tuple((name, lower(value) if value and name == "mode" else value) for name, value in pairs)
