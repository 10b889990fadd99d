"""A value as a short text, and as a short copy: what is kept of it, and shown. Bounded, and without recursion. Of two
long ones that differ the part in which they do.

The text is JSON where JSON has a notation, and otherwise close to what the value looks like in Python. It is one line,
and nothing in it is obeyed by a terminal.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import json
from collections.abc import Iterator
from typing import Any, AnyStr

import attrs

from trioshadow._model.errors import passing_error, type_name

from ._shapes import Shape, is_named_tuple, part_of, plain, shape_of

#: Characters that are kept of a value.
VALUE_LIMIT = 256

_NAME_LIMIT = 100

#: Bytes that are kept of bytes: each may take four characters.
BYTES_LIMIT = 60

#: Of a string that differs late, so much before the difference is kept.
_LEAD = 40

#: An int of more bits is not written in decimal: that takes a time that grows with the square, and CPython refuses it.
_BITS = 1024


@attrs.frozen
class Excerpt:
    """What a `Change` keeps of a value that is too large to keep, or that is no plain value: a text."""

    text: str
    """At most 257 characters: of a str, or of how bytes are written, the part around the difference; of anything else
    the beginning of how it is written."""
    type_name: str
    """Of the whole value: `str`, `list`, `Point`."""
    size: int | None = None
    """Of the whole: characters, bytes, elements or members; None where that is not known."""
    start: int = 0
    """Of a str or of bytes: where in the whole `text` begins."""

    def __str__(self) -> str:
        if self.type_name not in ("str", "bytes"):
            return self.text
        return self.told(quoted(self.text) if self.type_name == "str" else self.text)

    def told(self, shown: str) -> str:
        """A part of a str or of bytes, with what is known of the whole."""
        what, kept = ("characters", len(self.text)) if self.type_name == "str" else ("bytes", BYTES_LIMIT)
        end = "…" if self.size is not None and self.start + kept < self.size else ""
        return f"{'…' if self.start else ''}{shown}{end} ({self.size:,} {what})"


_BRACKETS: dict[type, tuple[str, str]] = {list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}"), frozenset: ("{", "}")}


#: Of exactly these types scalars are kept as they are.
_KEPT = frozenset(
    (
        *(
            type(None),
            bool,
            int,
            float,
            complex,
            decimal.Decimal,
            fractions.Fraction,
            str,
            bytes,
            bytearray,
            memoryview,
        ),
        *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
    )
)


def _has_zone(item: Any) -> bool:
    zone = item.tzinfo if type(item) in (datetime.datetime, datetime.time) else None
    return zone is not None and zone is not datetime.UTC


class _Raw(str):
    """Text that goes out as it is."""

    __slots__ = ()


class _Writer:
    """Writes one value, until the limit is passed."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.plain = True
        """Is it made of builtins alone, so that a copy is as good?"""

    def write(self, value: object) -> None:
        stack: list[Iterator[object]] = [iter((value,))]
        while stack and self.length <= VALUE_LIMIT:
            for item in stack[-1]:
                children = self.put(item)
                if children is not None:
                    stack.append(children)
                    break
                if self.length > VALUE_LIMIT:
                    return
            else:
                stack.pop()

    def put(self, item: object) -> Iterator[object] | None:
        if type(item) is _Raw:
            text: str = item
        else:
            shape = shape_of(item)
            if shape is Shape.OBJECT:
                return self.members(item)
            if shape is Shape.ARRAY or shape is Shape.SET:
                return self.elements(item, shape)
            text = self.scalar(item, shape)
        self.parts.append(text)
        self.length += len(text)
        return None

    def members(self, item: object) -> Iterator[object]:
        found, _ = part_of(item, VALUE_LIMIT)
        if type(item) is dict:
            yield _Raw("{")
        else:
            self.plain = False
            yield _Raw(class_name(item) + "(")
        for number, (name, value) in enumerate(found.items()):
            yield _Raw(", " if number else "")
            if type(item) is dict:
                yield name
                yield _Raw(": ")
            else:
                yield _Raw(visible(name)) if type(name) is str else name
                yield _Raw("=")
            yield value
        yield _Raw("}" if type(item) is dict else ")")

    def elements(self, item: object, shape: Shape) -> Iterator[object]:
        before, after = _BRACKETS.get(type(item), ("", ""))
        if not before:
            self.plain = False
            before, after = class_name(item) + "(", ")"
        yield _Raw(before)
        found, _ = part_of(item, VALUE_LIMIT)
        parts: Iterator[object] = iter(found)
        if shape is Shape.SET:
            parts = iter(sorted(parts, key=written))  # so that two runs of a program say the same
        number = 0
        for number, value in enumerate(parts, 1):
            yield _Raw(", " if number > 1 else "")
            yield value
        yield _Raw("," + after if number == 1 and type(item) is tuple else after)

    def scalar(self, item: Any, shape: Shape) -> str:
        exact = plain(item)
        # A subclass may hold anything; so may a time zone.
        self.plain = self.plain and type(item) in _KEPT and not _has_zone(item)
        match shape:
            case Shape.NULL:
                return "null"
            case Shape.BOOL:
                return "true" if exact else "false"
            case Shape.TEXT:
                return quoted(exact[: VALUE_LIMIT + 1])
            case Shape.BYTES:
                return repr(exact[: VALUE_LIMIT + 1])
            case Shape.NUMBER:
                return self.number(exact)
            case Shape.TIME if type(exact) is not datetime.timedelta:
                return visible(str(exact.isoformat())[: VALUE_LIMIT + 1])
            case _:
                return visible(repr(exact)[: VALUE_LIMIT + 1])

    def number(self, exact: Any) -> str:
        if type(exact) is int and exact.bit_length() > _BITS:
            self.plain = False
            return f"<int of {exact.bit_length():,} bits>"
        if type(exact) is float:
            return json.dumps(exact)  # NaN and Infinity as JSON bodies have them
        return visible(str(exact)[: VALUE_LIMIT + 1])


def written(value: object) -> str:
    """A value as text, at most `VALUE_LIMIT` characters and a `…`; an excerpt as what it says."""
    return str(value) if type(value) is Excerpt else _written(value)[0]


def _written(value: object) -> tuple[str, bool, int | None]:
    """The text, whether it is all of a value of builtins, and the value's size."""
    writer = _Writer()
    try:
        writer.write(value)
        size = _size(value)
    except BaseException as exc:  # a `__repr__`, a lazy attribute: other people's code
        if passing_error(exc) is not None:
            raise
        return f"<{class_name(value)}, which raises {class_name(exc)} when it is read>", False, None
    text = "".join(writer.parts)
    if len(text) > VALUE_LIMIT:
        return text[:VALUE_LIMIT] + "…", False, size
    return text, writer.plain, size


def _size(value: object) -> int | None:
    shape = shape_of(value)
    if shape not in (Shape.OBJECT, Shape.ARRAY, Shape.SET) or is_named_tuple(value):
        return None
    return part_of(value, 0)[1]


def kept(value: Any) -> Any:
    """What a record may keep of a value: a copy of it if it is small and of builtins, else an `Excerpt`."""
    cls = type(value)
    if value is None or cls is bool or cls is float or (cls is str and len(value) <= VALUE_LIMIT):
        return value
    if cls is str or cls is bytes:
        return _cut(value, 0)
    text, whole, size = _written(value)
    return _copied(value) if whole else Excerpt(text, class_name(value), size)


def kept_pair(primary: Any, shadow: Any) -> tuple[Any, Any]:
    """The same of two values that differ: of long strings the part in which they do."""
    cls = type(primary)
    if cls is type(shadow) and (cls is str or cls is bytes) and max(len(primary), len(shadow)) > VALUE_LIMIT:
        start = max(0, first_difference(primary, shadow) - _LEAD)
        return _cut(primary, start), _cut(shadow, start)
    return kept(primary), kept(shadow)


def first_difference(a: AnyStr, b: AnyStr) -> int:
    """How many bytes (or characters) `a` and `b` have in common at the start: the index of the first that differs, or
    the shorter length.

    A binary search whose probes are memcmp: `bytes.startswith(memoryview, offset)` copies neither side, where slices
    would copy both, and a loop in Python takes 1,000 times as long. The probes halve, so together they read the bytes
    once. Two bodies of 1 MiB that differ in the last byte: `nox -s bench`, row "first differing byte".

    >>> first_difference(b"spam", b"spat")
    3
    """
    view: Any = memoryview(b) if isinstance(b, bytes) else b  # slices of a str are copies
    low, high = 0, min(len(a), len(b))  # a[:low] == b[:low]; the answer is in [low, high]
    while low < high:
        middle = (low + high + 1) // 2
        if a.startswith(view[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low


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
    return bytes(value) if cls in (bytearray, memoryview) else value


def class_name(value: object) -> str:
    """The name of a value's class, at most 100 characters."""
    return type_name(type(value))[:_NAME_LIMIT]


def quoted(text: str) -> str:
    r"""A str as JSON writes it, with what can't be seen escaped.

    >>> quoted("a\n\x1b")
    '"a\\n\\u001b"'
    """
    return visible(json.dumps(text, ensure_ascii=False))


def visible(text: str) -> str:
    r"""A text in one line, without anything that a terminal obeys, that can't be encoded, or that turns the direction
    of writing. The escapes are JSON's, but for `\U` of what is beyond 16 bits.

    >>> visible("a\n\x1b[2Jb\N{NO-BREAK SPACE}c")
    'a\\n\\u001b[2Jb\\u00a0c'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in text)


_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def _escape(char: str) -> str:
    code = ord(char)
    return _SHORT_ESCAPES.get(char) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
