"""Shows where two answers begin to differ, in a line each. Pure; of rich it asks only how wide a character is."""

from __future__ import annotations

import attrs
from rich.cells import cell_len

_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


@attrs.frozen
class Marked:
    """The text around the first difference of two answers, in visible characters."""

    before: str
    """What both have before it; begins with `…` if something was cut off."""
    primary: str
    """How the primary's goes on; ends in `…` if something was cut off; empty if it ends there."""
    shadow: str
    """How the shadow's goes on."""

    @property
    def column(self) -> int:
        """Where the difference is: the columns that `before` takes."""
        return cell_len(self.before)


def mark(primary: bytes, shadow: bytes, at: int, *, width: int) -> Marked:
    """The text around byte `at`, the first that differs, no wider than `width` columns: a third before, the rest after.

    >>> mark(b"<p>spam</p>", b"<p>spat</p>", 6, width=30)
    Marked(before='<p>spa', primary='m</p>', shadow='t</p>')
    """
    start = at
    # The difference can be inside a character, as e-acute and e-grave share their first byte: go back to its beginning.
    while start and any(side[start : start + 1] and side[start] & 0xC0 == 0x80 for side in (primary, shadow)):
        start -= 1
    reach = 4 * width + 4  # bytes that are enough: no character has more than four
    before = shorten_left(_text(primary[max(0, start - reach) : start]), width // 3)
    room = width - cell_len(before)
    return Marked(
        before,
        shorten_right(_text(primary[start : start + reach]), room),
        shorten_right(_text(shadow[start : start + reach]), room),
    )


def _text(data: bytes) -> str:
    return visible(data.decode("utf-8", "replace"))


def visible(text: str) -> str:
    r"""The text in one line, with nothing in it that a terminal obeys: line ends as `\n`, what can't be seen by number.

    >>> visible("a\n\x1b[2Jb\N{NO-BREAK SPACE}c")
    'a\\n\\x1b[2Jb\\xa0c'
    """
    return "".join(
        char if char.isprintable() else _ESCAPES.get(char) or char.encode("unicode_escape").decode() for char in text
    )


def shorten_left(text: str, width: int) -> str:
    """The end of a text, at most `width` columns wide with the `…` before it; the text itself if it fits."""
    return shorten_right(text[::-1], width)[::-1]


def shorten_right(text: str, width: int) -> str:
    """The beginning of a text, at most `width` columns wide with the `…` after it; the text itself if it fits."""
    # Not more than can fit: an answer may have megabytes, and cell_len looks at each character.
    if len(text) <= width and cell_len(text) <= width:
        return text
    kept = text[: width - 1]
    while cell_len(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…"
