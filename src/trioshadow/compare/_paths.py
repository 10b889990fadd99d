r"""Paths into a value, as RFC 9535 (JSONPath) writes them: normalized ones are written, patterns are read. Pure text.

A normalized path names one place: `$['items'][0]['price']` (§2.7). A pattern, which a rule takes, names many: names,
indexes, wildcards, unions and descendants: `$.items[*].price`, `$..id`, `$['a','b']`. Filters, slices and negative
indexes are refused: they ask about a whole array, and the two sides' arrays differ.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import attrs

from ._values import Told
from ._write import written

#: A member's name, an element's index, or any other key that a Python dict may have.
Key: TypeAlias = object

#: A path keeps this many keys at each end: 100,000 levels of nesting are no path that anybody reads.
_KEPT_KEYS = 20
#: And of each key this many characters, ...
_KEPT_CHARACTERS = 100
#: ... and in all.
_KEPT_IN_ALL = 1_000


@attrs.frozen
class Segment:
    """One step of a pattern: which children it selects, or of which descendants."""

    names: frozenset[str]
    indexes: frozenset[int]
    wildcard: bool
    """All children."""
    descendant: bool
    """`..`: of this node and of all below it."""
    glob: re.Pattern[str] | None = None
    """Children whose names match this. No path says that, but a rule about names."""

    def selects(self, key: Key) -> bool:
        """Is the child under this key selected? `key` is an exact str or int, or some other key."""
        if type(key) is str:
            return self.wildcard or key in self.names or (self.glob is not None and self.glob.match(key) is not None)
        if type(key) is Told:
            return self.wildcard or key.name in self.names
        return self.wildcard or (type(key) is int and key in self.indexes)


# §2.1.1 and §2.5: blanks may stand before segments and inside brackets. \x80-\U0010ffff is name-first's non-ASCII.
_BLANK = r"[ \t\n\r]*"
_NAME = re.compile(r"[A-Za-z_\x80-\ud7ff\ue000-\U0010ffff][0-9A-Za-z_\x80-\ud7ff\ue000-\U0010ffff]*")
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_INDEX = re.compile(r"0|[1-9][0-9]*")
_SKIP = re.compile(_BLANK)


def parse_path(pattern: str) -> tuple[Segment, ...]:
    """The segments of a pattern; none for `$`. Raises ValueError, which names the pattern, the place and the reason.

    Beyond the RFC, a name in quotes may have a lone surrogate, since names that Python reads from JSON may.

    >>> [sorted(segment.names) for segment in parse_path("$.a['b','c']")]
    [['a'], ['b', 'c']]
    """
    return _Reader(pattern).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def read(self) -> tuple[Segment, ...]:
        if not self.take("$"):
            raise self.error("a path begins with $")
        segments: list[Segment] = []
        while self.skip_blanks() < len(self.text):
            descendant = self.take("..")
            if self.take("["):
                segments.append(self.bracketed(descendant=descendant))
            elif descendant or self.take("."):
                segments.append(self.shorthand(descendant=descendant))
            else:
                raise self.error("here .name, [...] or .. is expected; names with other characters are written ['so']")
        if self.text[-1:] in " \t\n\r":
            raise self.error("a path does not end in a blank")
        return tuple(segments)

    def shorthand(self, *, descendant: bool) -> Segment:
        if self.take("*"):
            return Segment(frozenset(), frozenset(), wildcard=True, descendant=descendant)
        name = self.match(_NAME)
        if name is None:
            raise self.error("here a name or * is expected; other names are written ['so']")
        return Segment(frozenset((name,)), frozenset(), wildcard=False, descendant=descendant)

    def bracketed(self, *, descendant: bool) -> Segment:
        names: set[str] = set()
        indexes: set[int] = set()
        wildcard = False
        while True:
            self.skip_blanks()
            if self.take("*"):
                wildcard = True
            elif (quoted := self.match(_QUOTED)) is not None:
                names.add(self.unquoted(quoted))
            elif (index := self.match(_INDEX)) is not None:
                # §2.1: indexes are I-JSON integers. It also keeps int() from being asked for a million digits.
                if len(index) > 16 or int(index) >= 2**53:
                    raise self.error("an index is below 2**53")
                indexes.add(int(index))
            else:
                raise self.error(
                    "in brackets 'a name', an index or * is expected; no filters, slices, negative indexes"
                )
            self.skip_blanks()
            if self.take("]"):
                return Segment(frozenset(names), frozenset(indexes), wildcard=wildcard, descendant=descendant)
            if not self.take(","):
                raise self.error("here , or ] is expected; there are no slices")

    def unquoted(self, quoted: str) -> str:
        # The escapes are JSON's, and in a single-quoted name \' where JSON has \" (§2.3.1.1).
        inner = quoted[1:-1]
        if quoted[0] == "'":
            inner = re.sub(r"\\(.)|\"", lambda found: _AS_JSON.get(found[0], found[0]), inner, flags=re.DOTALL)
        try:
            name = json.loads(f'"{inner}"')
        except ValueError:
            raise self.error(f"{quoted!r} is no name: escapes and control characters are JSON's") from None
        assert isinstance(name, str)
        return name

    def skip_blanks(self) -> int:
        self.match(_SKIP)
        return self.at

    def take(self, token: str) -> bool:
        found = self.text.startswith(token, self.at)
        self.at += len(token) * found
        return found

    def match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def error(self, why: str) -> ValueError:
        return ValueError(f"path must be an RFC 9535 path: {self.text!r}, at character {self.at}: {why}")


#: What a single-quoted name escapes otherwise than a JSON string.
_AS_JSON = {
    "\\'": "'",
    '"': '\\"',
    '\\"': "\\x",
}  # \" is no escape there, and \x is none in JSON: an error as it should


def write_path(keys: Sequence[Key]) -> str:
    r"""The normalized path of the place that these keys lead to.

    Keys that are neither names nor indexes, which no JSON has but a Python dict may, are written as values are.
    Of very deep places, and long paths, the middle is left out, and of very long names the end: `…` stands there.

    >>> write_path(["items", 0, "it's"])
    "$['items'][0]['it\\'s']"
    """
    if len(keys) <= 2 * _KEPT_KEYS:
        path = "$" + _steps(keys)
    else:
        first, last = keys[:_KEPT_KEYS], keys[-_KEPT_KEYS:]
        path = f"${_steps(first)}…({len(keys) - 2 * _KEPT_KEYS:,} levels)…{_steps(last)}"
    return without_middle(path, _KEPT_IN_ALL)


def without_middle(text: str, limit: int) -> str:
    """In so many characters the beginning of a text and its end: that of a path says most.

    >>> without_middle("$.replies[0].replies[0].text", 16)
    '$.repl…s[0].text'
    """
    if len(text) <= limit:
        return text
    head = limit * 2 // 5
    return f"{text[:head]}…{text[len(text) - limit + head + 1 :]}"


def _steps(keys: Iterable[Key]) -> str:
    return "".join(map(_step, keys))


def _step(key: Key) -> str:
    if type(key) is int:
        return f"[{key}]" if abs(key) < _BIG else "[…]"
    if type(key) is Told:
        key = key.name
    if type(key) is str:
        cut = "…" if len(key) > _KEPT_CHARACTERS else ""
        return f"['{_told_apart(_NEEDS_ESCAPE.sub(_escaped, key[:_KEPT_CHARACTERS]))}{cut}']"
    if key is ELEMENT:
        return "[*]"
    text = written(key)
    return f"[{text if len(text) <= _KEPT_CHARACTERS else text[:_KEPT_CHARACTERS] + '…'}]"


#: In place of a key, for an element of a set, which has no place of its own: each is at `$['tags'][*]`.
ELEMENT: Any = type("_Element", (), {})()


def _told_apart(name: str) -> str:
    """A name that is not in Unicode's form C looks like the one that is: its combining characters are escaped."""
    if name.isascii() or unicodedata.is_normalized("NFC", name):
        return name
    return "".join(f"\\u{ord(one):04x}" if unicodedata.combining(one) else one for one in name)


#: A step as `write_path` writes it: of a name, or of an index.
WRITTEN_STEP = re.compile(r"\['((?:[^'\\]|\\.)*)'\]|\[\d+\]")
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def shown_path(path: str) -> str:
    """A path as people and rules write it.

    >>> shown_path("$['items'][0]['unit price']")
    "$.items[0]['unit price']"
    """
    return WRITTEN_STEP.sub(shown_step, path)


def shown_step(step: re.Match[str]) -> str:
    """A step of it."""
    return f".{step[1]}" if step[1] is not None and _SIMPLE.fullmatch(step[1]) else step[0]


_BIG = 10**30

# §2.7 escapes ', \ and the control characters; besides, what JSON can't hold (lone surrogates) and no log should (C1
# controls, line and paragraph separators, what turns the direction of writing).
_NEEDS_ESCAPE = re.compile("['\\\\\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"'": "\\'", "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"
