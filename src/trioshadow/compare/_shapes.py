"""What kind of value something is, as JSON tells kinds apart, and how to look into it without running its code.

Answers are other people's objects. Their type decides here, never what they say of themselves: no isinstance(), which
asks the object's own `__class__`; the content of a subclass of a builtin is read by the builtin's own methods; and of
`__eq__` only that of objects which nothing is known about is ever called.

What reading an object raises (a lazy attribute, a mapping that is none) is raised here: the walk contains it.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import attrs

from trioshadow._model.kinds import mro_of

from ._foreign import columns_of_row, table_of, told_apart, way_to_plain
from ._undecided import Undecided
from ._values import Extension, Timestamp


class Shape(enum.Enum):
    """What two values must have in common to be compared by content."""

    NULL = enum.auto()
    BOOL = enum.auto()
    NUMBER = enum.auto()
    TEXT = enum.auto()
    BYTES = enum.auto()
    TIME = enum.auto()
    """A date, a time, both, or a duration."""
    ARRAY = enum.auto()
    OBJECT = enum.auto()
    """Members by name: a dict or another mapping, a record (attrs, dataclass, msgspec, pydantic, named tuple), a row of
    a database."""
    SET = enum.auto()
    TABLE = enum.auto()
    """An array or a frame of NumPy, pandas, polars and their like: see `_arrays.py`."""
    OPAQUE = enum.auto()
    """Anything else: compared with `==`."""


_BUILTIN: dict[type, Shape] = {
    type(None): Shape.NULL,
    bool: Shape.BOOL,
    **dict.fromkeys((int, float, complex, decimal.Decimal, fractions.Fraction), Shape.NUMBER),
    str: Shape.TEXT,
    **dict.fromkeys((bytes, bytearray, memoryview), Shape.BYTES),
    **dict.fromkeys((datetime.datetime, datetime.date, datetime.time, datetime.timedelta, Timestamp), Shape.TIME),
    **dict.fromkeys((list, tuple, range, collections.deque), Shape.ARRAY),
    dict: Shape.OBJECT,
    **dict.fromkeys((set, frozenset), Shape.SET),
    Extension: Shape.OPAQUE,  # no record: it is not the same as a map of its two parts
}
_ABSTRACT = ((Mapping, Shape.OBJECT), (Sequence, Shape.ARRAY), (AbstractSet, Shape.SET))

#: Of a container that is no builtin at most so many elements are read: it may have no end.
ELEMENT_LIMIT = 1_000_000


def shape_of(value: object) -> Shape:
    """The shape of a value. An enum member has the shape of its value, and so has what another library puts around a
    value: see `plain`.
    """
    cls: Any = type(value)
    known = _BUILTIN.get(cls) or _shape_of_class(cls)
    if known is not None:
        return known
    exact = plain(value)
    return Shape.OPAQUE if exact is value else shape_of(exact)


def safe_shape(value: object) -> Shape | None:
    """The same; None for what has a class so odd that it can't be found out."""
    try:
        return shape_of(value)
    except Exception:
        return None


@functools.lru_cache(maxsize=1024)
def _shape_of_class(cls: Any) -> Shape | None:
    """None: an enum, whose members have shapes of their own, or what else stands for a value: see `plain`."""
    mro = mro_of(cls)
    if enum.Enum in mro or way_to_plain(cls) is not None:
        return None
    if table_of(cls) is not None:
        return Shape.TABLE
    if collections.UserString in mro:
        return Shape.OPAQUE  # a sequence of its own kind, without end
    if is_record(cls):
        return Shape.OBJECT
    for base in mro:
        if base in _BUILTIN:
            return _BUILTIN[base]
    for abstract, shape in _ABSTRACT:
        if issubclass(cls, abstract):
            return shape
    return Shape.OPAQUE


def plain(value: Any) -> Any:
    """The value that an enum member or a `RootModel` stands for, of a subclass of a builtin scalar the exact builtin,
    and so of a scalar of NumPy's or PyArrow's, and of MessagePack's own types; otherwise `value` itself.
    """
    cls: Any = type(value)
    if cls in _BUILTIN and cls is not bytearray and cls is not memoryview:
        return value
    way = _way_to_exact(cls)
    return value if way is None else way(value)


@functools.lru_cache(maxsize=1024)
def _way_to_exact(cls: Any) -> Callable[[Any], object] | None:
    mro = mro_of(cls)
    if enum.Enum in mro:
        return lambda member: plain(member._value_)  # pyright: ignore[reportPrivateUsage] # documented, no descriptor
    for base, exact in _EXACT:
        if base in mro:
            return exact
    way = way_to_plain(cls)
    return None if way is None else lambda value: _plain_again(value, way(value))


def stands_for_another(cls: Any) -> bool:
    """Do the instances of a class stand for other values: see `plain`?"""
    return _way_to_exact(cls) is not None


def _plain_again(value: object, made: object) -> object:
    return made if made is value else plain(made)


_EXACT: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, lambda value: bytes.__getitem__(value, slice(None))),
    (bytearray, lambda value: bytes(bytearray.__getitem__(value, slice(None)))),
    (memoryview, memoryview.tobytes),
)


@functools.lru_cache(maxsize=1024)
def record_fields(cls: Any) -> tuple[str, ...] | None:
    """The names of a record's fields that take part in comparing, in order; None if this class is no record's.

    Knows attrs, dataclasses, msgspec structs, pydantic models, and named tuples. A field that is declared not to be
    compared (`eq=False`, `compare=False`) is left out.
    """
    declared = declared_of(cls)
    if "__attrs_attrs__" in declared:
        return tuple(field.name for field in attrs.fields(cls) if field.eq)
    if "__dataclass_fields__" in declared:
        return tuple(field.name for field in dataclasses.fields(cls) if field.compare)
    if "__struct_fields__" in declared:
        return tuple(cls.__struct_fields__)
    if "__pydantic_fields__" in declared:
        return tuple(declared["__pydantic_fields__"])
    if tuple in mro_of(cls) and isinstance(names := declared.get("_fields"), tuple):
        return names
    return None


def declared_of(cls: Any) -> dict[str, Any]:
    """What a class and its bases have as attributes."""
    declared: dict[str, Any] = {}
    for base in reversed(mro_of(cls)):
        declared.update(base.__dict__)  # past a metaclass that has an answer to everything
    return declared


def is_record(cls: Any) -> bool:
    """Are its instances objects whose members a class, or a query, has named?"""
    return record_fields(cls) is not None or columns_of_row(cls) is not None


def is_named_tuple(value: object) -> bool:
    """A record that is an array too, and so may stand for either: a named tuple, a row, a struct that is encoded as an
    array.
    """
    cls: Any = type(plain(value))
    return shape_of(value) is Shape.OBJECT and (
        tuple in mro_of(cls) or (columns_of_row(cls) is not None and Mapping not in mro_of(cls)) or _struct_tag(cls)[1]
    )


@functools.lru_cache(maxsize=1024)
def _struct_tag(cls: Any) -> tuple[tuple[str, Any] | None, bool]:
    """Of a msgspec struct the member that its encoded form has besides its fields, and whether that is an array."""
    config = getattr(cls, "__struct_config__", None) if "__struct_fields__" in declared_of(cls) else None
    if config is None:
        return None, False
    return (None if config.tag is None else (config.tag_field, config.tag)), config.array_like


def members(value: Any) -> dict[Any, Any]:
    """The members of a value of shape OBJECT; a dict's own, not a copy."""
    cls: Any = type(value)
    if cls is dict:
        return value  # type: ignore[no-any-return] # of this type
    way = _way_to_exact(cls)
    if way is not None:
        return members(way(value))
    if dict in mro_of(cls):
        return dict(dict.items(value))  # dict.copy() would ask a subclass for its keys
    names = record_fields(cls)
    if names is not None:
        return members_of_record(value, names, {})
    columns = columns_of_row(cls)
    if columns is not None:
        titles, cells = columns(value)
        return dict(zip(told_apart(titles), cells, strict=True))
    return dict(_bounded(value.items()))


def members_of_record(value: Any, names: tuple[str, ...], renamed: Mapping[str, str]) -> dict[Any, Any]:
    """These attributes of a record, some of them under other names, and what its library adds to them."""
    cls: Any = type(value)
    found = {name: field for name in names if (field := getattr(value, name, _ABSENT)) is not _ABSENT}
    if renamed:
        found = {renamed.get(name, name): field for name, field in found.items()}
    if not _adds_members(cls):
        return found
    tag, _ = _struct_tag(cls)
    if tag is not None:
        found = {tag[0]: tag[1], **found}
    extra = getattr(value, "__pydantic_extra__", None)
    return {**found, **extra} if type(extra) is dict else found


_ABSENT = object()  # a field that was never set


@functools.lru_cache(maxsize=1024)
def _adds_members(cls: Any) -> bool:
    """May a record of this class have members that are no fields?"""
    return _struct_tag(cls)[0] is not None or "__pydantic_fields__" in declared_of(cls)


def elements(value: Any) -> list[Any]:
    """The elements of a value of shape ARRAY or SET, or of a record that is an array too; a list's own, not a copy."""
    if type(value) is list:
        return value
    value = plain(value)
    cls: Any = type(value)
    mro = mro_of(cls)
    for base in _FINITE:
        if base in mro:
            return list(base.__iter__(value))
    if _struct_tag(cls)[1]:
        return list(members(value).values())
    return list(_bounded(value))


_FINITE: tuple[Any, ...] = (list, tuple, set, frozenset, collections.deque, range)


#: Containers that make their parts when they are asked, and may make new ones each time: this many are looked into.
MADE_LIMIT = 500_000

#: No value is as deep as this, unless it makes its parts, or holds itself: two circles of 1,000 and 1,001 meet again
#: after a million steps.
DEPTH_LIMIT = 150_000


def exact_key(key: Any) -> Any:
    """A key as rules and paths take it: a StrEnum names as its str does."""
    return key if type(key) is str or type(key) is int else plain(key)


def makes_its_parts(value: object) -> bool:
    """Is what this container holds made by its own code when it is asked, perhaps without end?"""
    cls: Any = type(value)
    mro = mro_of(cls)
    return dict not in mro and not any(base in mro for base in _FINITE) and columns_of_row(cls) is None


def part_of(value: Any, limit: int) -> tuple[Any, int]:
    """The first members or elements of a container, not copied beyond `limit`, and how many there are."""
    value = plain(value)
    cls: Any = type(value)
    mro = mro_of(cls)
    if dict in mro:
        return dict(itertools.islice(dict.items(value), limit)), dict.__len__(value)
    for base in _FINITE:
        if base in mro and not is_record(cls):
            return list(itertools.islice(base.__iter__(value), limit)), base.__len__(value)
    found: Any = members(value) if shape_of(value) is Shape.OBJECT else elements(value)
    return found, len(found)


def _bounded(values: Any) -> Any:
    counted = itertools.islice(values, ELEMENT_LIMIT + 1)
    for number, value in enumerate(counted):
        if number == ELEMENT_LIMIT:
            raise Undecided(f"more than {ELEMENT_LIMIT:,} elements in a container that is no builtin")
        yield value
