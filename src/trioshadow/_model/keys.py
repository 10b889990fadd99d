"""Encoded sampling keys as people read them: `3:GET,8:/users/1,` is `GET /users/1`. Pure text; `sampling.py` encodes.

The encoding forgets types, so that bytes which happen to be those of a tuple are shown as one. What is shown is for
reading alone: nothing is decided by it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

import attrs

from .words import quoted, visible

#: A record keeps so many bytes of a key.
KEY_LIMIT = 256

#: Tuples in tuples are told apart as deep as this.
_DEPTH = 8

#: How an item of a tuple begins.
_LENGTH = re.compile(rb"(0|[1-9][0-9]{0,8}):")
#: What may be left of that where a key was cut.
_OF_LENGTH = re.compile(rb"[1-9][0-9]{0,8}")


def shown_key(encoded: bytes) -> str:
    """A key in one line, in which nothing is obeyed by a terminal: items of a tuple with blanks between them, tuples in
    tuples in parentheses, what has blanks itself in quotes. Any bytes may be given.

    >>> shown_key(b"3:GET,8:/users/1,"), shown_key(b"6:tenant,12:4:user,2:-1,,"), shown_key(b"user-7")
    ('GET /users/1', 'tenant (user -1)', 'user-7')
    """
    items = _items(encoded, cut=len(encoded) >= KEY_LIMIT)
    if items is None:
        return _text(encoded)
    return _words(items, 1) if len(items) > 1 else f"({_words(items, 1)})"


def map_key(encoded: bytes, function: Callable[[bytes], bytes]) -> bytes:
    """The key with what `function` makes of each of its items; one that was cut ends in `…` then, and is whole."""
    return _mapped(encoded, function, 0, cut=len(encoded) >= KEY_LIMIT)


def key_as_text(encoded: bytes) -> str:
    """Its bytes as a text that nothing is lost in, for data."""
    return encoded.decode("utf-8", "surrogateescape")


def key_of_text(text: str) -> bytes:
    """What `key_as_text()` was given. Any text may be given: data may come from anywhere."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


@attrs.frozen
class _Item:
    encoded: bytes
    cut: bool = False


def _items(encoded: bytes, *, cut: bool) -> list[_Item] | None:
    """Of a tuple; None for what is none. `cut`: the end may be missing."""
    items: list[_Item] = []
    at = 0
    while at < len(encoded):
        length = _LENGTH.match(encoded, at)
        if length is None:
            if cut and items and _OF_LENGTH.fullmatch(encoded, at):
                return [*items, _Item(b"", cut=True)]
            return None
        begin = length.end()
        end = begin + int(length[1])
        if end >= len(encoded):
            return [*items, _Item(encoded[begin:], cut=True)] if cut and items else None
        if encoded[end] != _COMMA:
            return None
        items.append(_Item(encoded[begin:end]))
        at = end + 1
    return items or None


_COMMA = ord(",")


def _mapped(encoded: bytes, function: Callable[[bytes], bytes], depth: int, *, cut: bool) -> bytes:
    items = _items(encoded, cut=cut) if depth < _DEPTH else None
    if items is None:
        return function(encoded) + _ELLIPSIS * (cut and depth > 0)
    parts = [_mapped(item.encoded, function, depth + 1, cut=item.cut) for item in items]
    return b"".join(b"%d:%b," % (len(part), part) for part in parts)


_ELLIPSIS = "…".encode()


def _words(items: list[_Item], depth: int) -> str:
    return " ".join(_word(item, depth) for item in items)


def _word(item: _Item, depth: int) -> str:
    inner = _items(item.encoded, cut=item.cut) if depth < _DEPTH else None
    if inner is not None:
        return f"({_words(inner, depth + 1)})"
    text = _text(item.encoded, cut=item.cut) + "…" * item.cut
    return text if text and " " not in text and '"' not in text else quoted(text)


def _text(encoded: bytes, *, cut: bool = False) -> str:
    try:
        # Of a character that was cut nothing is shown.
        return visible(codecs.getincrementaldecoder("utf-8")("surrogatepass").decode(encoded, final=not cut))
    except UnicodeDecodeError:
        return visible(encoded.decode("utf-8", "backslashreplace"))
