"""Plain, bounded copies of what belongs to others and can't be kept: of members of an exception, where it is caught.

A text or bytes that are too long keep their beginning, their length and a hash, so that two which differ anywhere still
differ. Of a container that is too large a hash is kept besides (`Rest`). A record is made again, of copies. Of anything
else nothing but its type is known later: two of one type may be the same or not (`Unkept`).
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

from trioshadow._model.errors import passing_error, type_name
from trioshadow._model.fixing import ATOMS

from ._sameness import BoundedFile
from ._shapes import Shape, elements, has_no_equality, members, plain, record_fields, shape_of
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
#: Bytes of a large container that are read for what is said of the rest.
_REST = 1 << 18


class Unkept:
    """In place of a value that can't be kept."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    @property
    def name(self) -> str:
        """Of its type."""
        return type_name(self._kind)

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(other) is Unkept and other._kind is self._kind:
            raise Undecided(f"of {self.name} objects in an exception only the type is kept: give an error_view=")
        return False

    __hash__ = object.__hash__


class Rest:
    """In place of what is too much of a container to be kept: the same, if all of it is written alike."""

    def __init__(self, whole: Any) -> None:
        try:
            file = BoundedFile(_REST)
            pickler = _Pickler(file, 5)
            pickler.fast = True  # no memo: whether one object is there twice, or two that are equal, is the same
            pickler.dump(whole)
            self._digest = hashlib.blake2b(b"".join(file.parts), digest_size=16).digest()
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            self._digest = b""

    def __repr__(self) -> str:
        return "<…>"

    def __eq__(self, other: object) -> bool:
        if type(other) is not Rest:
            return False
        if self is other or (self._digest and self._digest == other._digest):
            return True
        raise Undecided(
            "a container in an exception is too large to be kept: name a part of it, or give an error_view="
        )

    __hash__ = object.__hash__


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
        if kind in ATOMS or isinstance(value, enum.Enum):
            return self._scalar(value)
        shape = shape_of(value)
        if shape not in _WITH_PARTS:
            return self._scalar(value)
        value = plain(value)
        kind = type(value)
        if depth >= _DEPTH:
            self.partial = True
            return Rest(value)
        if shape is not Shape.OBJECT:
            parts, cut = self._first(value if kind in _CONTAINERS else elements(value))
            copies = [self.of(part, depth + 1) for part in parts]
            made: Any = kind if kind in _CONTAINERS else _CONTAINER_OF[shape]
            try:
                return made([*copies, Rest(value)] if cut else copies)
            except TypeError:  # a copy that can't be hashed
                return self._unkept(kind)
        pairs, cut = self._first((value if kind is dict else members(value)).items())
        found = {self._scalar(key): self.of(member, depth + 1) for key, member in pairs}
        if cut:
            found["…"] = Rest(value)
        if kind is dict or record_fields(kind) is None:
            return found
        try:
            return _remade(value, found)
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            return self._unkept(kind)

    def _first(self, parts: Iterable[Any]) -> tuple[list[Any], bool]:
        """As many as there is room for; and is there more?"""
        room = max(self._room, 0)
        some = list(islice(parts, room + 1))
        cut = len(some) > room
        self.partial = self.partial or cut
        return some[:room], cut

    def _unkept(self, kind: Any) -> Unkept:
        self.unkept[type_name(kind)] = None
        return Unkept(kind)

    def _scalar(self, value: Any) -> Any:
        if isinstance(value, enum.Enum) or issubclass(type(value), type):
            return value  # it belongs to its class, or is one
        exact = value if type(value) in ATOMS else plain(value)
        kind: Any = type(exact)
        if kind is str and len(exact) > _TEXT:
            return exact[:_TEXT] + _rest(exact.encode("utf-8", "surrogatepass"), len(exact), "characters")
        if kind is bytes and len(exact) > _TEXT:
            return exact[:_TEXT] + _rest(exact, len(exact), "bytes").encode()
        if kind is int and exact.bit_length() > _BITS:
            size = exact.bit_length()
            return f"<int>{_rest(exact.to_bytes(size // 8 + 1, 'big', signed=True), size, 'bits')}"
        if kind in ATOMS:
            return exact
        try:
            return _pickled(exact)
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            return self._unkept(kind)


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
    """Takes nothing that is compared by identity: a copy of that is equal to no other."""

    def reducer_override(self, obj: Any, /) -> Any:
        if issubclass(type(obj), _BY_NAME) or not has_no_equality(obj):
            return NotImplemented
        raise pickle.PicklingError


_BY_NAME = (type, types.FunctionType, types.BuiltinFunctionType)


def _pickled(value: Any) -> Any:
    """A copy. Raises what pickle does, and if it is long."""
    file = BoundedFile(_PICKLED)
    _Pickler(file, 5).dump(value)
    return pickle.loads(b"".join(file.parts))  # noqa: S301 - these bytes never left the process


def _rest(whole: bytes, size: int, unit: str) -> str:
    return f"… ({size:,} {unit}, {hashlib.blake2b(whole, digest_size=8).hexdigest()})"
