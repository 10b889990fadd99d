"""The grammar that headers share: lists, parameters, quoted strings (RFC 9110 §5.6). Each text is read once from its
beginning to its end, whatever is in it: a value may be a megabyte of quotes.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterable
from typing import TypeAlias

#: The blanks of RFC 9110 §5.6.3. No others: a non-breaking space is a part of a value.
BLANKS = " \t"

#: A parameter's name in lower case, and what it says; None if nothing is said. `a` and `a=""` are not the same.
Parameter: TypeAlias = tuple[str, str | None]


class MalformedError(ValueError):
    """The value is not what this header's definition says. It is then compared as the text that it is."""


_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def lower(text: str) -> str:
    """ASCII in lower case, and nothing else: the Kelvin sign is no k."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


_STOPS = {
    (separator, brackets): re.compile(f'[{separator}"<]' if brackets else f'[{separator}"]')
    for separator in ",;"
    for brackets in (False, True)
}
_IN_QUOTES = re.compile(r'["\\]')


def pieces(text: str, separator: str, *, brackets: bool = False) -> list[str]:
    """What stands between commas or semicolons, but for those in quoted strings; with `brackets`, in `<…>` too."""
    if '"' not in text and not (brackets and "<" in text):
        return text.split(separator)
    found: list[str] = []
    start = at = 0
    stops = _STOPS[separator, brackets]
    while stop := stops.search(text, at):
        at = stop.end()
        if stop[0] == separator:
            found.append(text[start : stop.start()])
            start = at
        elif stop[0] == '"':
            at = _end_of_quoted(text, at)
        else:
            at = text.find(">", at) + 1
            if not at:
                raise MalformedError
    found.append(text[start:])
    return found


def _end_of_quoted(text: str, at: int) -> int:
    """Right behind the quote that closes a quoted string, of which `at` is the first character behind the other."""
    while found := _IN_QUOTES.search(text, at):
        if found[0] == '"':
            return found.end()
        at = found.end() + 1
    raise MalformedError


def elements(lines: Iterable[str], *, brackets: bool = False) -> list[str]:
    """Those of a list, of all its lines: blanks around them and empty ones say nothing (RFC 9110 §5.6.1)."""
    return [
        element for line in lines for piece in pieces(line, ",", brackets=brackets) if (element := piece.strip(BLANKS))
    ]


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def is_token(text: str) -> bool:
    """RFC 9110 §5.6.2."""
    return _TOKEN.fullmatch(text) is not None


def unquoted(text: str) -> str:
    """What a quoted string says; any other text as it is. A token and the same in quotes are one (§5.6.6)."""
    if not text.startswith('"'):
        if '"' in text:
            raise MalformedError
        return text
    if _end_of_quoted(text, 1) != len(text):
        raise MalformedError
    return _ESCAPE.sub(r"\1", text[1:-1])


def parameter(text: str, *, blanks: bool = False) -> Parameter:
    """`name`, `name=token` or `name="text"`. `blanks`: they may stand around the `=`."""
    name, equals, value = text.partition("=")
    if blanks:
        name, value = name.rstrip(BLANKS), value.lstrip(BLANKS)
    if not is_token(name) or value[:1] in (" ", "\t"):
        raise MalformedError
    return lower(name), unquoted(value) if equals else None


def parameters(texts: Iterable[str], *, blanks: bool = False) -> list[Parameter]:
    """Several, sorted by name: their order means nothing, but that of two of one name."""
    found = [parameter(one, blanks=blanks) for text in texts if (one := text.strip(BLANKS))]
    return by_name(found)


def by_name(found: Iterable[Parameter]) -> list[Parameter]:
    """Each pair once, sorted by name; the same name with another value stays behind the first."""
    return sorted(dict.fromkeys(found), key=lambda pair: pair[0])


def whole_number(text: str) -> str:
    """Digits without the zeros before them: a text, since a million digits take too long to become an int."""
    if not (text.isascii() and text.isdigit()):
        raise MalformedError
    return text.lstrip("0") or "0"


def numbers_in(pairs: Iterable[Parameter], names: Collection[str]) -> list[Parameter]:
    """The same, with the parameters of these names as numbers, where they are."""
    return [(name, _as_number(value) if value and name in names else value) for name, value in pairs]


def _as_number(text: str) -> str:
    try:
        return whole_number(text)
    except MalformedError:
        return text


def single(lines: list[str]) -> str:
    """The value of a header that may be there once."""
    if len(lines) != 1:
        raise MalformedError
    return lines[0].strip(BLANKS)
