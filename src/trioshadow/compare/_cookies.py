"""Set-Cookie, cookie by cookie: what each says is what a browser takes from it (RFC 6265bis §5.6). It is no list: no
proxy may join its lines, and the order of different cookies means nothing.
"""

from __future__ import annotations

import re
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
_TAKEN = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]{0,4096}")
_SAME_SITE = frozenset(("strict", "lax", "none"))


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
        """Until when it is kept: a text of seconds, an instant as an int, or None for a session. An Expires that goes
        along with a Max-Age says nothing, and one of the year 1970 deletes it as Max-Age=0 does.
        """
        expires = self.parts.get("expires")
        return self.parts.get("max-age", "0" if isinstance(expires, int) and expires < _YEAR else expires)

    @property
    def kind(self) -> Hashable:
        """All but the value and the lifetime. Of two cookies of one name and kind browsers keep the last one: they take
        both or neither, if neither is too long for them or has a control character in it (RFC 6265bis §5.6).
        """
        rest = frozenset((key, part) for key, part in self.parts.items() if key != VALUE and key not in _LIFETIME)
        return rest, _TAKEN.fullmatch(self.name + self.value) is not None


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
        meaning = _meaning(key, argument)
        if meaning is not None:
            parts[key if key != VALUE else f"{VALUE}="] = meaning
        elif key not in _LIFETIME:  # what is no lifetime is passed over, and what is no place is the default
            parts.pop(key, None)
    return Cookie(name.strip(), value, tuple(attributes), parts)


def _attributes(texts: list[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        if attribute := text.strip():
            key, _, argument = attribute.partition("=")
            yield lower(key.rstrip()), argument.lstrip()


def _meaning(key: str, argument: str) -> Hashable:
    """What browsers take from it; None if nothing."""
    if key in _FLAGS:
        return True
    if key == "domain":
        return lower(argument.removeprefix(".")) or None
    if key == "path":
        return argument if argument.startswith("/") else None
    if key == "samesite":
        return lower(argument) if lower(argument) in _SAME_SITE else None
    if key == "max-age":
        return _max_age(argument)
    if key == "expires":
        return cookie_date(argument)
    return lower(argument) if key == "priority" else argument


def _max_age(argument: str) -> str | None:
    negative = argument.startswith("-")
    try:
        seconds = whole_number(argument.removeprefix("-"))
    except MalformedError:
        return None
    return "0" if negative else seconds  # either way it is deleted (§5.6.2)


def same_cookies(primary: list[Cookie], shadow: list[Cookie], ignored: Collection[str | None]) -> bool:
    """Do cookies of one name say the same, but for the parts that are ignored?"""
    primary, shadow = _kept(primary), _kept(shadow)
    return len(primary) == len(shadow) and all(
        _same(ours, theirs, ignored) for ours, theirs in zip(primary, shadow, strict=True)
    )


def _kept(several: list[Cookie]) -> list[Cookie]:
    """Without those that a later one replaces, wherever that one is taken."""
    last = {cookie.kind: index for index, cookie in enumerate(several)}
    return [several[index] for index in sorted(last.values())]


def _same(ours: Cookie, theirs: Cookie, ignored: Collection[str | None]) -> bool:
    differing = {
        key
        for key in ours.parts.keys() | theirs.parts.keys()
        if ours.parts.get(key) != theirs.parts.get(key) and key not in ignored
    }
    return not differing or (differing <= _LIFETIME and ours.lifetime == theirs.lifetime)
