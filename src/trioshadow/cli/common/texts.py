"""Texts made to fit. Pure; of rich it asks only how wide a character is."""

from __future__ import annotations

from rich.cells import cell_len


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
