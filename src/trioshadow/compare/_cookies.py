"""Set-Cookie, cookie by cookie: what each says is what a browser takes from it (RFC 6265bis §5.6). It is no list: no
proxy may join its lines, and the order of different cookies means nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator

import attrs

from ._header_grammar import MalformedError, lower, whole_number
from ._http_dates import cookie_date

#: What is said of it in `Cookie.parts` beside its attributes.
VALUE = "value"
_LIFETIME = frozenset(("expires", "max-age"))
#: In seconds.
_YEAR = 365 * 24 * 60 * 60
_FLAGS = frozenset(("secure", "httponly", "partitioned"))


@attrs.frozen
class Cookie:
    """One Set-Cookie line."""

    name: str
    value: str
    attributes: tuple[tuple[str, str], ...]
    """As they were sent, names in lower case; sorted."""
    parts: dict[str, Hashable]
    """What each says, and the value as `VALUE`."""

    @property
    def place(self) -> tuple[str, str]:
        """Cookies of one name are several, if they are for different places (RFC 6265bis §5.7)."""
        return str(self.parts.get("domain", "")), str(self.parts.get("path", ""))

    @property
    def lifetime(self) -> Hashable:
        """Until when it is kept. An Expires that goes along with a Max-Age says nothing, and one of the year 1970
        deletes it as Max-Age=0 does.
        """
        expires = self.parts.get("expires")
        return self.parts.get("max-age", "0" if isinstance(expires, int) and expires < _YEAR else expires)


def cookies(lines: list[str]) -> dict[str, list[Cookie]]:
    """By name; those of one name sorted by place, and else in their order."""
    found: dict[str, list[Cookie]] = {}
    for line in lines:
        cookie = _cookie(line)
        found.setdefault(cookie.name, []).append(cookie)
    for several in found.values():
        several.sort(key=lambda cookie: cookie.place)
    return found


def _cookie(line: str) -> Cookie:
    pair, *rest = line.split(";")
    name, _, value = pair.partition("=") if "=" in pair else ("", "", pair)  # RFC 6265bis §5.6: a value alone
    attributes = sorted(_attributes(rest))
    value = value.strip()
    parts: dict[str, Hashable] = {VALUE: value}
    for key, argument in _attributes(rest):  # the last of one name counts
        if argument or key not in ("domain", "path"):  # an empty one is for the default
            parts[key if key != VALUE else f"{VALUE}="] = _meaning(key, argument)
    return Cookie(name.strip(), value, tuple(attributes), parts)


def _attributes(texts: list[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        if attribute := text.strip():
            key, _, argument = attribute.partition("=")
            yield lower(key.rstrip()), argument.lstrip()


def _meaning(key: str, argument: str) -> Hashable:
    if key in _FLAGS:
        return True
    if key == "domain":
        return lower(argument.removeprefix("."))
    if key == "max-age":
        return _max_age(argument)
    if key == "expires":
        instant = cookie_date(argument)
        return argument if instant is None else instant
    return lower(argument) if key in ("samesite", "priority") else argument


def _max_age(argument: str) -> str:
    negative = argument.startswith("-")
    try:
        seconds = whole_number(argument.removeprefix("-"))
    except MalformedError:
        return argument
    return "0" if negative else seconds  # either way it is deleted (§5.6.2)


def same_cookies(primary: list[Cookie], shadow: list[Cookie], ignored: Collection[str | None]) -> bool:
    """Do cookies of one name say the same, but for the parts that are ignored?"""
    return len(primary) == len(shadow) and all(
        _same(ours, theirs, ignored) for ours, theirs in zip(primary, shadow, strict=True)
    )


def _same(ours: Cookie, theirs: Cookie, ignored: Collection[str | None]) -> bool:
    differing = {
        key
        for key in ours.parts.keys() | theirs.parts.keys()
        if ours.parts.get(key) != theirs.parts.get(key) and key not in ignored
    }
    return not differing or (differing <= _LIFETIME and ours.lifetime == theirs.lifetime)
