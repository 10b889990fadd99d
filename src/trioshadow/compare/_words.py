"""What both sides have at one place, as two texts in which a reader sees that they differ. `explain()`, scorecards and
reports take the words from here, so that they are the same.
"""

from __future__ import annotations

import unicodedata

from trioshadow._model.words import escaped, quoted

from ._diffs import Change, ErrorDiff
from ._headers import HeaderChange
from ._keep import told_apart
from ._write import Excerpt, written

#: Both sides; None for one that has nothing there.
Words = tuple[str | None, str | None]


def words_of_change(change: Change, *, as_text: bool = False) -> Words:
    """`as_text`: the two are lines of a text, and need no quotes."""
    if change.kind == "added":
        return None, _word(change.shadow, as_text=as_text)
    if change.kind == "removed":
        return _word(change.primary, as_text=as_text), None
    primary, shadow = _word(change.primary, as_text=as_text), _word(change.shadow, as_text=as_text)
    if primary == shadow:
        return told_apart(change.primary, change.shadow)
    return _seen_apart(primary, shadow)


def words_of_header(change: HeaderChange) -> Words:
    """The values in one line."""
    primary, shadow = (_line(values) for values in (change.primary, change.shadow))
    if primary is None or shadow is None:
        return primary, shadow
    if primary == shadow:  # `a, b` is one value here, and two there
        return told_apart([*change.primary], [*change.shadow])
    return _seen_apart(primary, shadow)


def words_of_values(primary: str, shadow: str) -> tuple[str, str]:
    """Of two values of one header."""
    return _seen_apart(_bare(primary), _bare(shadow))


def words_of_error(error: ErrorDiff) -> Words:
    """The exceptions; None for a shadow that answered."""
    primary = f"{error.primary}: {error.primary_message}"
    if error.shadow is None:
        return primary, None
    shadow = f"{error.shadow}: {error.shadow_message}"
    if primary == shadow and error.changes:  # what differs in it is told there
        return primary, shadow
    if primary == shadow:  # two libraries each have their ParseError
        return primary, f"{shadow} (not the same type)"
    return _seen_apart(primary, shadow)


def _word(value: object, *, as_text: bool) -> str:
    if not as_text:
        return written(value)
    if type(value) is Excerpt and value.type_name == "str":
        return value.told(value.text)
    return _bare(value) if type(value) is str else written(value)


def _line(values: tuple[str, ...]) -> str | None:
    return ", ".join(map(_bare, values)) if values else None


def _bare(text: str) -> str:
    """Without quotes, where everything of it can be seen without."""
    return quoted(text) if not text or text[0].isspace() or text[-1].isspace() else text


def _seen_apart(primary: str, shadow: str) -> tuple[str, str]:
    """Two texts that differ; those that would look the same are written in ASCII."""
    if primary == shadow or (primary.isascii() and shadow.isascii()):
        return primary, shadow
    if _outline(primary) == _outline(shadow):
        return _in_ascii(primary), _in_ascii(shadow)
    return primary, shadow


#: Letters of Cyrillic and Greek that look like those of Latin.
_LOOKS_LIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаесіјорѕухһԁӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧον",  # noqa: RUF001 - that is why they are here
    "ABESIJKMHOPCTYXaecijopsyxhdlABEZHIKMNOPTYXov",
)


def _outline(text: str) -> str:
    """The same for what looks the same, mostly."""
    return unicodedata.normalize("NFKC", text).translate(_LOOKS_LIKE)


def _in_ascii(text: str) -> str:
    return "".join(char if char.isascii() else escaped(char) for char in text)
