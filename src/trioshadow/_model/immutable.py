"""Which values can't be changed: they are shared as they are, and nothing need be copied. Pure."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import uuid
from typing import Any

import attrs

from .kinds import mro_of
from .record import ResponseRecord

#: Values of exactly these types never change.
ATOMS: frozenset[type] = frozenset(
    (
        *(type(None), bool, int, float, complex, str, bytes, range, type(...), type(NotImplemented)),
        *(datetime.date, datetime.time, datetime.datetime, datetime.timedelta, datetime.timezone),
        *(decimal.Decimal, fractions.Fraction, uuid.UUID),
        *(pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath, pathlib.WindowsPath),
    )
)

#: Above this many values inside one answer the walk stops and a copy is taken. Also what ends a walk in a circle.
_WALK_LIMIT = 10_000


@attrs.frozen
class Fields:
    """The attributes of a record class, and whether they can be set."""

    names: tuple[str, ...]
    frozen: bool


@functools.lru_cache(maxsize=1024)
def fields_of(cls: Any) -> Fields | None:
    """Of a record class (attrs, dataclass, msgspec, pydantic), None of any other.

    A plain subclass of one is another: its instances can be given any attribute.
    """
    own = cls.__dict__
    if "__attrs_attrs__" in own:
        return Fields(tuple(field.name for field in attrs.fields(cls)), frozen=attrs.inspect(cls).is_frozen)
    params = own.get("__dataclass_params__")
    if params is not None:
        return Fields(tuple(cls.__dataclass_fields__), frozen=params.frozen)
    config = getattr(cls, "__struct_config__", None)
    if config is not None:
        return Fields(tuple(cls.__struct_fields__), frozen=config.frozen)
    if "__pydantic_fields__" in own:
        return Fields(tuple(own["__pydantic_fields__"]), frozen=False)
    return None


def frozen_names(value: object) -> tuple[str, ...] | None:
    """The attributes of an instance of a frozen record class, None of any other object."""
    cls: Any = type(value)
    fields = fields_of(cls)
    return fields.names if fields is not None and fields.frozen else None


def is_plain_record(value: object) -> bool:
    """Has it nothing but the fields of a record, or of a named tuple? An instance that a database keeps track of has
    more.
    """
    cls: Any = type(value)
    fields = fields_of(cls)
    if fields is not None:
        return not _has_more_than(fields.names, value)
    return tuple in mro_of(cls) and type(getattr(cls, "_fields", None)) is tuple and not _has_more_than((), value)


def _has_more_than(names: tuple[str, ...], item: object) -> bool:
    """Has `item` attributes besides its fields, such as those of a plain subclass, or cached properties?"""
    attributes: dict[str, object] = getattr(item, "__dict__", {})
    return not attributes.keys() <= set(names)


def is_immutable(value: object) -> bool:
    """True if nothing that `value` consists of can be changed: atoms, and tuples, frozensets and frozen records of
    such.
    """
    if type(value) in ATOMS:
        return True
    if type(value) is ResponseRecord:
        return is_immutable(value.body)  # the rest of it is frozen text: not worth a walk
    stack: list[object] = [value]
    left = _WALK_LIMIT
    while stack:
        item = stack.pop()
        left -= 1
        if left < 0:
            return False
        if type(item) in ATOMS or isinstance(item, enum.Enum):
            continue
        if isinstance(item, tuple | frozenset):
            if len(item) > left or _has_more_than((), item):
                return False
            stack.extend(item)
            continue
        names = frozen_names(item)
        if names is None or _has_more_than(names, item):
            return False
        stack.extend(getattr(item, name, None) for name in names)
    return True
