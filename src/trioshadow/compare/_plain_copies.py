"""Plain, bounded copies of what belongs to others and can't be kept: of members of an exception, where it is caught.

A record is made again, of copies. In place of what is too large, or can't be kept, stands a `Cut`: of a text or bytes
with their beginning, length and a hash, of a container with its first parts and a hash, of anything else with nothing
but its type. So it is for a container that holds such a one, up to the whole: no rule's function gets a part for the
whole.
"""

from __future__ import annotations

import copy
import enum
import hashlib
import pickle
import types
from collections.abc import Iterable
from itertools import islice
from typing import Any

from trioshadow._model.bounded_file import BoundedFile
from trioshadow._model.errors import passing_error, type_name
from trioshadow._model.immutable import ATOMS
from trioshadow._model.kinds import has_no_equality
from trioshadow._model.natures import Nature, nature_of

from ._cut import Cut, carrying
from ._shapes import Shape, elements, members, plain, record_fields, shape_of
from ._undecided import Undecided

#: Characters or bytes that are kept of one text.
_TEXT = 4_096
#: Values that are kept of one container, with all that it holds, ...
_VALUES = 200
#: ... and how deep.
_DEPTH = 8
#: Bits of an int.
_BITS = 4_096
#: Bytes of an array, or of an object that has an `==` of its own, as pickle writes it.
_PICKLED = 16_384
#: Bytes of a container that are read for its hash.
_REST = 1 << 18


_TOO_LARGE = "a container in an exception is too large to be kept: name a part of it, or give an error_view="


class Copying:
    """One copy."""

    def __init__(self) -> None:
        self.partial = False
        """Was something left out?"""
        self.unkept: dict[str, None] = {}
        """The names of types of which nothing else is kept."""
        self._room = _VALUES

    def of(self, value: Any, depth: int = 0) -> Any:
        """A copy of a value: of builtins, dates, decimals and their like, members of enums, and records of such."""
        self._room -= 1
        kind: Any = type(value)
        if kind is Cut:
            return value
        if kind in ATOMS or isinstance(value, enum.Enum):
            return self._scalar(value)
        shape = shape_of(value)
        if shape not in _WITH_PARTS:
            return self._scalar(value)
        value = plain(value)
        kind = type(value)
        if depth >= _DEPTH:
            return self._part(value, kind, shape, None)
        try:
            return self._object(value, kind, depth) if shape is Shape.OBJECT else self._array(value, kind, shape, depth)
        except Undecided:  # it has no end
            return self._part(value, kind, shape, None)

    def _array(self, value: Any, kind: Any, shape: Shape, depth: int) -> Any:
        made: Any = kind if kind in _CONTAINERS else _CONTAINER_OF[shape]
        parts, is_cut = self._first(value if kind in _CONTAINERS else elements(value))
        copies = [self.of(part, depth + 1) for part in parts]
        try:
            copy = made(copies)
        except TypeError:  # a copy that can't be hashed
            return self._unkept(value)
        return self._part(value, made, shape, copy) if is_cut else carrying(copy, copies, lambda: _digest(value))

    def _object(self, value: Any, kind: Any, depth: int) -> Any:
        pairs, is_cut = self._first((value if kind is dict else members(value)).items())
        found: dict[Any, Any] = {}
        for key, member in pairs:
            name = self._scalar(key)
            if type(name) is Cut:  # no rule could name it
                is_cut = True
            else:
                found[name] = self.of(member, depth + 1)
        is_record = kind is not dict and record_fields(kind) is not None
        if is_cut:
            return self._part(value, kind if is_record else dict, Shape.OBJECT, found)
        try:
            copy = _remade(value, found) if is_record else found
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            return self._unkept(value)
        return carrying(copy, found.values(), lambda: _digest(value))

    def _first(self, parts: Iterable[Any]) -> tuple[list[Any], bool]:
        """As many as there is room for; and is there more?"""
        room = max(self._room, 0)
        some = list(islice(parts, room + 1))
        return some[:room], len(some) > room

    def _part(self, value: Any, kind: Any, shape: Shape, seen: Any) -> Cut:
        """Of a container, of which these parts were kept."""
        self.partial = True
        return Cut(_TOO_LARGE, type_name(kind), kind, shape, digest=_digest(value), seen=seen)

    def _unkept(self, value: Any) -> Cut:
        name = type_name(type(value))
        self.unkept[name] = None
        why = f"of {name} objects in an exception only the type is kept: give an error_view="
        kind: Any = type(value)
        if nature_of(kind) is Nature.ONCE:
            why += ", which does not read them"
        return Cut.of_unkept(value, why, shape_of(value))

    def _scalar(self, value: Any) -> Any:
        if isinstance(value, enum.Enum) or issubclass(type(value), type):
            return value  # it belongs to its class, or is one
        exact = value if type(value) in ATOMS else plain(value)
        kind: Any = type(exact)
        if kind is str and len(exact) > _TEXT:
            return _beginning(exact[:_TEXT], exact.encode("utf-8", "surrogatepass"), len(exact), Shape.TEXT)
        if kind is bytes and len(exact) > _TEXT:
            return _beginning(exact[:_TEXT], exact, len(exact), Shape.BYTES)
        if kind is int and exact.bit_length() > _BITS:
            size = exact.bit_length()
            return _beginning(None, exact.to_bytes(size // 8 + 1, "big", signed=True), size, Shape.NUMBER)
        if kind in ATOMS:
            return exact
        try:
            return _pickled(exact)
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            return self._unkept(exact)


_CONTAINERS = (dict, list, tuple, set, frozenset)
_CONTAINER_OF: dict[Shape, Any] = {Shape.ARRAY: list, Shape.SET: frozenset}
_WITH_PARTS = frozenset((Shape.OBJECT, *_CONTAINER_OF))


def _remade(value: Any, found: dict[Any, Any]) -> Any:
    """A record of the same class with these members. None of its own code runs, but what copies a struct."""
    kind: Any = type(value)
    if tuple in kind.__mro__:
        return tuple.__new__(kind, [found[name] for name in kind._fields])
    if hasattr(kind, "__struct_fields__"):
        made = copy.copy(value)
        for name in kind.__struct_fields__:
            getattr(kind, name).__set__(made, found[name])  # of one that is frozen, too
        return made
    made = object.__new__(kind)
    if not hasattr(kind, "__pydantic_fields__") or hasattr(kind, "__dataclass_fields__"):
        for name, member in found.items():
            object.__setattr__(made, name, member)
        return made
    names = kind.__pydantic_fields__
    own = {name: member for name, member in found.items() if name in names}
    extra = {name: member for name, member in found.items() if name not in names}
    object.__setattr__(made, "__dict__", own)
    object.__setattr__(made, "__pydantic_extra__", None if value.__pydantic_extra__ is None else extra)
    object.__setattr__(made, "__pydantic_fields_set__", set(own))
    object.__setattr__(made, "__pydantic_private__", None)
    return made


class _Pickler(pickle.Pickler):
    """Takes nothing that is compared by identity, and nothing that is cut: a copy of that says nothing."""

    def reducer_override(self, obj: Any, /) -> Any:
        if type(obj) is not Cut and (issubclass(type(obj), _BY_NAME) or not has_no_equality(obj)):
            return NotImplemented
        raise pickle.PicklingError


_BY_NAME = (type, types.FunctionType, types.BuiltinFunctionType)


def _pickled(value: Any) -> Any:
    """A copy. Raises what pickle does, and if it is long."""
    file = BoundedFile(_PICKLED)
    _Pickler(file, 5).dump(value)
    return pickle.loads(b"".join(file.parts))  # noqa: S301 - these bytes never left the process


def _digest(value: Any) -> bytes:
    """Of how all of a container is written, of a set in any order; empty if that is too long, or not known."""
    file = BoundedFile(_REST)
    parts: list[bytes] = []
    try:
        for part in value if type(value) in (set, frozenset) else (value,):
            start = len(file.parts)
            pickler = _Pickler(file, 5)
            pickler.fast = True  # no memo: whether one object is there twice, or two that are equal, is the same
            pickler.dump(part)
            parts.append(b"".join(file.parts[start:]))
    except BaseException as exc:
        if passing_error(exc) is not None:
            raise
        return b""
    return hashlib.blake2b(b"".join(sorted(parts)), digest_size=16).digest()


def _beginning(seen: Any, whole: bytes, size: int, shape: Shape) -> Cut:
    """Of a text, of bytes, or of an int, which are the same if they are written alike, and else differ."""
    kind = _KINDS[shape]
    digest = hashlib.blake2b(whole, digest_size=16).digest()
    return Cut(
        f"a {kind.__name__} in an exception is too long to be kept: give an error_view=",
        kind.__name__,
        kind,
        shape,
        digest=digest,
        seen=seen,
        size=size,
    )


_KINDS: dict[Shape, type] = {Shape.TEXT: str, Shape.BYTES: bytes, Shape.NUMBER: int}
