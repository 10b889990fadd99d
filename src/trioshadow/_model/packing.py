"""Copies: *serialised* where they are taken, on the caller's time, and *loaded* where they are used, in the leg.

For a document of 95 KB that costs the caller 0.2 ms, `copy.deepcopy` 3.1 ms. Not all of what is met is copied: a class,
and what is not a value, is *borrowed*, which is to say that the copy has the same object. So the object of a class that
can't be imported by its name is copied too. What it costs the caller is bounded, by the bytes that are written; an
object that is no builtin costs as much as 100 of them (0.4 to 1 µs), a long text or buffer as a sixteenth of its own.

Three ways to pack differ in what they do with an object:

- a *request* is for the shadow, which may do anything with it: what owns something, or can be read once, refuses;
- an *answer* is compared: what is compared by identity is borrowed, since a copy of it is never equal;
- what a *view* is shown is the caller's own but for its containers and plain records: objects are borrowed.

Reading what can be read once is for the caller alone: in answers `ReadOnce` stands in its place.

Why pickle and not marshal, which would be faster still (0.12 ms): marshal writes everything that has a buffer as bytes,
so a bytearray or an array inside a document would silently come back as something else.
"""

from __future__ import annotations

import abc
import functools
import io
import pickle
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any, ClassVar
from weakref import getweakrefcount

from .bounded_file import BoundedFile
from .errors import type_name
from .immutable import ATOMS, is_plain_record
from .kinds import has_no_equality
from .natures import Nature, can_be_read_once, is_finalized, nature_of
from .once import ReadOnce

#: Bytes of one value that are written, if nothing else is said.
COPIED_BYTES = 524_288
#: What an object that is no builtin costs, in bytes, and of how many bytes of a long text or buffer one counts.
_OBJECT_COST, _CHEAP = 100, 16

#: A packer that has written more is not used again: its buffer and its memo stay as large as they were.
_SMALL = 4_096


class RefusedError(Exception):
    """A value holds what must not be copied; says what."""


class Packed:
    """A value, serialised; `load()` makes a new copy of it each time."""

    __slots__ = ("_borrowed", "_parts", "size")

    size: int
    """Bytes that it holds."""

    def __init__(self, parts: list[bytes], size: int, borrowed: list[object]) -> None:
        self._parts = parts
        self.size = size
        self._borrowed = borrowed

    def load(self) -> Any:
        """The copy. Raises what the classes of the values raise when they are rebuilt."""
        data = b"".join(self._parts)
        if not self._borrowed:
            return pickle.loads(data)  # noqa: S301 - these bytes never left the process
        return _Unpacker(io.BytesIO(data), self._borrowed).load()


def _fetch_borrowed(index: int) -> object:  # pragma: no cover - only its name is used: see _Unpacker.find_class
    raise NotImplementedError


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, borrowed: list[object]) -> None:
        super().__init__(file)
        self._borrowed = borrowed

    def find_class(self, module: str, name: str, /) -> Any:
        if name == _fetch_borrowed.__name__ and module == __name__:
            return self._borrowed.__getitem__
        return super().find_class(module, name)


class Packer(pickle.Pickler):
    """Packs one value after the other. What is a builtin it never sees: that is C's."""

    _idle: ClassVar[list[Any]]
    """Those that are not in use: a new one costs as much as a small value. Whoever packs takes one, also in the midst
    of another's `__reduce__`."""

    def __init__(self) -> None:
        self._file = BoundedFile(0, _CHEAP)
        super().__init__(self._file, pickle.HIGHEST_PROTOCOL)
        self._borrowed: list[object] = []
        self._shared: tuple[object, ...] = ()

    def __init_subclass__(cls) -> None:
        cls._idle = []

    @classmethod
    def pack(cls, value: object, limit: int, shared: tuple[object, ...] = ()) -> Packed:
        """A copy of `value`, but for the objects in `shared`. Raises TooLongError above the limit, RefusedError, and
        what the classes of the values raise.
        """
        try:
            packer = cls._idle.pop()
        except IndexError:
            packer = cls()
        file = packer._file
        file.begin(limit)
        packer._shared = shared
        packer.dump(value)
        packed = Packed(file.parts, file.size, packer._borrowed)
        if file.size <= _SMALL:
            packer.clear_memo()
            packer._borrowed, packer._shared = [], ()
            cls._idle.append(packer)
        return packed

    def reducer_override(self, obj: Any, /) -> Any:
        """Of everything that is no builtin: NotImplemented has it copied as its class says."""
        self._file.charge(_OBJECT_COST)
        if self._shared and any(obj is one for one in self._shared):
            return self._borrow(obj)
        if not (getweakrefcount(obj) and is_finalized(obj)) and self._copies(type(obj)):
            return NotImplemented
        return self._otherwise(obj)

    @staticmethod
    @abc.abstractmethod
    def _copies(kind: Any, /) -> bool:
        """Are all instances of a class copied? Asked of each object: to be cached."""

    @abc.abstractmethod
    def _otherwise(self, obj: Any, /) -> Any:
        """What becomes of an instance of another."""

    def _borrow(self, obj: object) -> Any:
        if obj is _fetch_borrowed:
            return NotImplemented  # by its name
        self._borrowed.append(obj)
        return _fetch_borrowed, (len(self._borrowed) - 1,)


@functools.lru_cache(maxsize=1024)
def _copied_in_requests(cls: Any) -> bool:
    return nature_of(cls) is Nature.VALUE or cls in _IN_MEMORY


#: Files whose copy is a file of its own, at the same place.
_IN_MEMORY = (io.BytesIO, io.StringIO)


class RequestPacker(Packer):
    """For the shadow."""

    _copies = staticmethod(_copied_in_requests)

    def _otherwise(self, obj: Any, /) -> Any:
        cls: Any = type(obj)
        nature = nature_of(cls)
        if nature is Nature.SHARED:
            return self._borrow(obj)
        does = "can be read once" if nature is Nature.ONCE else "owns something"
        raise RefusedError(f"what {does} ({type_name(cls)})")


@functools.lru_cache(maxsize=1024)
def _copied_in_answers(cls: Any) -> bool:
    return nature_of(cls) is Nature.VALUE and type.__getattribute__(cls, "__eq__") is not object.__eq__


class AnswerPacker(Packer):
    """To be compared."""

    _copies = staticmethod(_copied_in_answers)

    def _otherwise(self, obj: Any, /) -> Any:
        return self._borrow(ReadOnce(obj) if can_be_read_once(obj) and has_no_equality(obj) else obj)


@functools.lru_cache(maxsize=1024)
def _copied_for_views(cls: Any) -> bool:
    return cls in COLLECTIONS or cls in ATOMS


#: Containers that are made of builtins, and nothing else.
COLLECTIONS = frozenset((deque, OrderedDict, defaultdict, Counter))


class ShownPacker(Packer):
    """To be shown to a view."""

    _copies = staticmethod(_copied_for_views)

    def _otherwise(self, obj: Any, /) -> Any:
        cls: Any = type(obj)
        if nature_of(cls) is Nature.VALUE and is_plain_record(obj) and not is_finalized(obj):
            return NotImplemented
        return self._borrow(ReadOnce(obj) if can_be_read_once(obj) else obj)
