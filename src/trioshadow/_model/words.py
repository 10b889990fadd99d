"""Words for people that several rooms share. Pure; not for what a room says alone."""

from __future__ import annotations

import json


def counted(number: int, noun: str) -> str:
    """A number with its noun, whose plural ends in s.

    >>> counted(1, "call"), counted(3_000, "call")
    ('1 call', '3,000 calls')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def visible(text: str) -> str:
    r"""A text in one line, without anything that a terminal obeys, that can't be encoded, or that turns the direction
    of writing. The escapes are JSON's, but for `\U` of what is beyond 16 bits.

    >>> visible("a\n\x1b[2Jb\N{NO-BREAK SPACE}c")
    'a\\n\\u001b[2Jb\\u00a0c'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else escaped(c) for c in text)


_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def escaped(char: str) -> str:
    """A character as JSON escapes it."""
    code = ord(char)
    return _SHORT_ESCAPES.get(char) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def quoted(text: str) -> str:
    r"""A str as JSON writes it, with what can't be seen escaped.

    >>> quoted("a\n\x1b")
    '"a\\n\\u001b"'
    """
    return visible(json.dumps(text, ensure_ascii=False))
