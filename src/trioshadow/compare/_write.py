"""A value as a short text. Bounded, and without recursion; `_keep.py` says what is kept of a value.

The text is JSON where JSON has a notation, and otherwise close to what the value looks like in Python. Of other types
than these it begins with the type's name, so that `Decimal('485.90')`, `485.9`, `"485.9"` and `Price(485.9)` are four
texts. It is one line, and nothing in it is obeyed by a terminal.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import json
from collections.abc import Iterator
from typing import Any

import attrs

from trioshadow._model.errors import passing_error, type_name
from trioshadow._model.words import quoted, visible

from ._cut import Cut
from ._shapes import Shape, is_named_tuple, part_of, plain, shape_of
from ._tables import head_of_table

#: Characters that are kept of a value.
VALUE_LIMIT = 256

_NAME_LIMIT = 100

#: Bytes that are kept of bytes: each may take four characters.
BYTES_LIMIT = 60

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


_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}


#: How a scalar of exactly these types is written tells its type.
_SELF_EVIDENT = frozenset((type(None), bool, int, float, complex, str, bytes, datetime.timedelta))
#: Of exactly these types scalars are kept as they are.
_KEPT = _SELF_EVIDENT | {
    *(decimal.Decimal, fractions.Fraction, bytearray, datetime.datetime, datetime.date, datetime.time),
}


def _has_zone(item: Any) -> bool:
    zone = item.tzinfo if type(item) in (datetime.datetime, datetime.time) else None
    return zone is not None and zone is not datetime.UTC


class _Raw(str):
    """Text that goes out as it is."""

    __slots__ = ()


class _Writer:
    """Writes one value, until the limit is passed."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.parts: list[str] = []
        self.length = 0
        self.plain = True
        """Is it made of builtins alone, so that a copy is as good?"""

    def write(self, value: object) -> None:
        stack: list[Iterator[object]] = [iter((value,))]
        while stack and self.length <= self.limit:
            for item in stack[-1]:
                children = self.put(item)
                if children is not None:
                    stack.append(children)
                    break
                if self.length > self.limit:
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
            if shape is Shape.TABLE:
                return self.table(item)
            text = self.scalar(item, shape)
        self.parts.append(text)
        self.length += len(text)
        return None

    def members(self, item: object) -> Iterator[object]:
        found, _ = part_of(item, self.limit)
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
                yield _Raw(name) if type(name) is str and name.isidentifier() else name
                yield _Raw("=")
            yield value
        yield _Raw("}" if type(item) is dict else ")")

    def table(self, item: object) -> Iterator[object]:
        self.plain = False
        told, some = head_of_table(item, self.limit)
        yield _Raw(class_name(item) + "(")
        for number, (name, value) in enumerate(told.items()):
            yield _Raw(", " if number else "")
            yield _Raw(name) if type(name) is str and name.isidentifier() else name
            yield _Raw("=")
            yield value
        if some is not None:
            yield _Raw(", ")
            yield some
        yield _Raw(")")

    def elements(self, item: object, shape: Shape) -> Iterator[object]:
        before, after = _BRACKETS.get(type(item), ("", ""))
        if not before:
            self.plain = False
            before, after = class_name(item) + "(", ")"
        found, size = part_of(item, self.limit)
        if not size and type(item) is set:  # {} is a dict
            before, after = "set(", ")"
        yield _Raw(before)
        parts: Iterator[object] = iter(found)
        if shape is Shape.SET:
            parts = iter(sorted(parts, key=written))  # so that two runs of a program say the same
        number = 0
        for number, value in enumerate(parts, 1):
            yield _Raw(", " if number > 1 else "")
            yield value
        yield _Raw("," + after if number == 1 and type(item) is tuple else after)

    def scalar(self, item: Any, shape: Shape) -> str:
        # A subclass may hold anything; so may a time zone.
        self.plain = self.plain and type(item) in _KEPT and not _has_zone(item)
        exact = plain(item)
        text = self.of_builtin(exact, shape)
        if type(item) in _SELF_EVIDENT or (shape is Shape.OPAQUE and exact is item):
            return text
        inner = text if type(exact) in _SELF_EVIDENT or shape is Shape.OPAQUE else f"'{text}'"
        return f"{class_name(item)}({inner})"

    def of_builtin(self, exact: Any, shape: Shape) -> str:
        match shape:
            case Shape.NULL:
                return "null"
            case Shape.BOOL:
                return "true" if exact else "false"
            case Shape.TEXT:
                return quoted(exact[: self.limit + 1])
            case Shape.BYTES:
                return repr(bytes(exact[: self.limit + 1]))
            case Shape.NUMBER:
                return self.number(exact)
            case Shape.TIME if type(exact) is not datetime.timedelta:
                return visible(str(exact.isoformat())[: self.limit + 1])
            case _:
                return visible(repr(exact)[: self.limit + 1])

    def number(self, exact: Any) -> str:
        if type(exact) is int and exact.bit_length() > _BITS:
            self.plain = False
            # In hexadecimal only where it is wanted at length.
            return hex(exact)[: self.limit + 1] if self.limit > VALUE_LIMIT else f"<int of {exact.bit_length():,} bits>"
        if type(exact) is float:
            return json.dumps(exact)  # NaN and Infinity as JSON bodies have them
        return visible(str(exact)[: self.limit + 1])


def written(value: object) -> str:
    """A value as text, at most `VALUE_LIMIT` characters and a `…`; an excerpt as what it says."""
    return str(value) if type(value) is Excerpt else write(value)[0]


def write(value: object, limit: int = VALUE_LIMIT) -> tuple[str, bool, int | None]:
    """The text, of `limit` characters and a `…` at most, whether it is all of a value of builtins, and its size."""
    writer = _Writer(limit)
    try:
        writer.write(value)
        size = _size(value)
    except BaseException as exc:  # a `__repr__`, a lazy attribute: other people's code
        if passing_error(exc) is not None:
            raise
        return f"<{class_name(value)}, which raises {class_name(exc)} when it is read>", False, None
    text = "".join(writer.parts)
    if len(text) > limit:
        return text[:limit] + "…", False, size
    return text, writer.plain, size


def _size(value: object) -> int | None:
    shape = shape_of(value)
    if shape not in (Shape.OBJECT, Shape.ARRAY, Shape.SET) or is_named_tuple(value):
        return None
    return part_of(value, 0)[1]


def class_name(value: object) -> str:
    """The name of a value's class, at most 100 characters."""
    return (value.name if type(value) is Cut else type_name(type(value)))[:_NAME_LIMIT]


def qualified_name(value: object) -> str:
    """The same with the module, for two classes of one name."""
    parts = _module_of(type(value)), _qualname_of(type(value))
    return ".".join(part for part in parts if type(part) is str)[: 2 * _NAME_LIMIT]


# Past what a metaclass says: see `type_name`.
_module_of, _qualname_of = (type.__dict__[name].__get__ for name in ("__module__", "__qualname__"))
