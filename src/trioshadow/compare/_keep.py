"""What is kept of a value, and of two that differ: a short copy, or an excerpt. Bounded.

What is kept of two must let a reader see that they differ: of long ones it is the part in which they do, and where
types are all that differs, they are named.
"""

from __future__ import annotations

from typing import Any, AnyStr

from ._cut import Cut
from ._write import BYTES_LIMIT, VALUE_LIMIT, Excerpt, class_name, qualified_name, write, written

#: Of what differs late, so much before the difference is kept, ...
_LEAD = 40
#: ... and of what is no string so much of its beginning, which tells what it is.
_HEAD = 24

#: Characters of two values that are searched for the difference, if their beginnings are written alike.
_SEARCHED = 1 << 16


def kept(value: Any) -> Any:
    """What a record may keep of a value: a copy of it if it is small and of builtins, else an `Excerpt`."""
    value = _shown(value)
    cls = type(value)
    if value is None or cls is bool or cls is float or (cls is str and len(value) <= VALUE_LIMIT):
        return value
    if cls is str or cls is bytes:
        return _cut(value, 0)
    text, whole, size = write(value)
    return _copied(value) if whole else Excerpt(text, class_name(value), size)


def kept_pair(primary: Any, shadow: Any) -> tuple[Any, Any]:
    """The same of two values that differ."""
    primary, shadow = _shown(primary), _shown(shadow)
    cls = type(primary)
    if cls is type(shadow) and (cls is str or cls is bytes):
        if max(len(primary), len(shadow)) <= VALUE_LIMIT:
            return primary, shadow
        start = max(0, first_difference(primary, shadow) - _LEAD)
        return _cut(primary, start), _cut(shadow, start)
    ours, theirs = kept(primary), kept(shadow)
    if type(ours) in _TOLD_APART or type(theirs) in _TOLD_APART or written(ours) != written(theirs):
        return ours, theirs
    old, new = told_apart(primary, shadow)
    return Excerpt(old, class_name(primary)), Excerpt(new, class_name(shadow))


def _shown(value: Any) -> Any:
    return value.shown if type(value) is Cut else value


#: One of these is written like nothing else.
_TOLD_APART = frozenset((type(None), bool, int, float, str))


def told_apart(primary: Any, shadow: Any) -> tuple[str, str]:
    """Two values that differ and are written alike, as far as they are written: with the first place in which they are
    not, else with their types, else with a word that they are two.
    """
    old, new = _at_length(primary), _at_length(shadow)
    for name_of in (_name_of, _qualified_name_of):
        if old == new and name_of(primary) != name_of(shadow):
            old, new = (f"{written(one)} ({name_of(one)})" for one in (primary, shadow))
    if old == new:
        old, new = written(primary), f"{written(shadow)} (another)"
    return both_around(old, new, VALUE_LIMIT)


def _at_length(value: Any) -> str:
    return str(value) if type(value) is Excerpt else write(value, _SEARCHED)[0]


def _name_of(value: Any) -> str:
    return value.type_name if type(value) is Excerpt else class_name(value)


def _qualified_name_of(value: Any) -> str:
    return value.type_name if type(value) is Excerpt else qualified_name(value)


def around(text: str, at: int, limit: int) -> str:
    """In at most `limit` characters, in [16, inf), the beginning of a text and the part around the place `at`."""
    if len(text) <= limit:
        return text
    lead = min(_LEAD, limit // 3)
    if at < limit - lead:
        return text[: limit - 1] + "…"
    return _cut_from(text, at - lead, limit, fill=True)


def _cut_from(text: str, start: int, limit: int, *, fill: bool) -> str:
    """Its beginning, and the part from `start` on; or from further before, where that would not fill the room."""
    head = min(_HEAD, limit // 4)
    room = limit - head - 2
    start = min(start, len(text) - room) if fill else start
    rest = text[start : start + room]
    return f"{text[:head]}…{rest}{'…' if start + room < len(text) else ''}"


def both_around(old: str, new: str, limit: int) -> tuple[str, str]:
    """Of two texts that are not alike the parts `around()` the first difference, which are not alike either."""
    at = first_difference(old, new)
    shown = around(old, at, limit), around(new, at, limit)
    if shown[0] != shown[1] or old == new:
        return shown
    # One ends where the other goes on alike, and both ends fill the room: cut from the same place on, they differ.
    start = at - min(_LEAD, limit // 3)
    return _cut_from(old, start, limit, fill=False), _cut_from(new, start, limit, fill=False)


def first_difference(a: AnyStr, b: AnyStr) -> int:
    """How many bytes (or characters) `a` and `b` have in common at the start: the index of the first that differs, or
    the shorter length.

    Probes are memcmp: `bytes.startswith(memoryview, offset)` copies neither side, where slices would copy both, and a
    loop in Python takes 1,000 times as long. First they are an eighth of the bytes each, or 64 KiB, so that few find
    two equal ones; in the part that differs a binary search halves them. Together they read the bytes once. Two bodies
    of 1 MiB that differ in the last byte: `nox -s bench`, row "first differing byte".

    >>> first_difference(b"spam", b"spat")
    3
    """
    view: Any = memoryview(b) if isinstance(b, bytes) else b  # slices of a str are copies
    low, end = 0, min(len(a), len(b))  # a[:low] == b[:low]
    step = max(_STEP, end >> 3)
    while low < end and a.startswith(view[low : low + step], low):
        low += step
    low, high = min(low, end), min(low + step, end)  # the answer is in [low, high]
    while low < high:
        middle = (low + high + 1) // 2
        if a.startswith(view[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low


#: Bytes or characters of the first probes, at least.
_STEP = 65_536


def _cut(value: Any, start: int) -> Any:
    if len(value) <= VALUE_LIMIT:
        return value
    text = value[start : start + VALUE_LIMIT] if type(value) is str else repr(value[start : start + BYTES_LIMIT])
    return Excerpt(text, class_name(value), len(value), start)


def _copied(value: Any) -> Any:
    # It is written in VALUE_LIMIT characters, so it is not deep.
    cls = type(value)
    if cls is dict:
        return {name: _copied(member) for name, member in value.items()}
    if cls in (list, tuple, set, frozenset):
        return cls(map(_copied, value))
    return bytearray(value) if cls is bytearray else value
