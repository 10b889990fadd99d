"""What is compared later must not change meanwhile: which values are immutable, and copies of the others.

The caller owns its answer once it has it, and will change it; the shadow may change its request. Both are shared as
they are when they can't be changed, and copied when they can. A copy is *serialised* where it is taken (on the caller's
time) and *loaded* where it is used (in the leg): for a document of 95 KB that costs the caller 0.2 ms, `copy.deepcopy`
3.1 ms.

Why pickle and not marshal, which would be faster still (0.12 ms): marshal writes everything that has a buffer as bytes,
so a bytearray or an array inside a document would silently come back as something else.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import fractions
import functools
import io
import pathlib
import pickle
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs

from .kinds import is_a
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

_MUTABLE_BUILTINS = (dict, list, set, bytearray, deque)

#: Above this many values inside one answer the walk stops and a copy is taken. Also what ends a walk in a circle.
_WALK_LIMIT = 10_000


@functools.lru_cache(maxsize=1024)
def _record_fields(cls: type[Any]) -> tuple[str, ...] | None:
    """The attributes of a frozen record class (attrs, dataclass, msgspec), None if it is something else.

    A plain subclass of one is something else: its instances can be given any attribute.
    """
    if "__attrs_attrs__" in cls.__dict__:
        return tuple(field.name for field in attrs.fields(cls)) if attrs.inspect(cls).is_frozen else None
    dataclass_params = cls.__dict__.get("__dataclass_params__")
    if dataclass_params is not None:
        return tuple(cls.__dataclass_fields__) if dataclass_params.frozen else None
    struct_config = getattr(cls, "__struct_config__", None)
    if struct_config is not None:
        return tuple(cls.__struct_fields__) if struct_config.frozen else None
    return None


def _has_more_than(fields: tuple[str, ...], item: object) -> bool:
    """Has `item` attributes besides its fields, such as those of a plain subclass, or cached properties?"""
    attributes: dict[str, object] = getattr(item, "__dict__", {})
    return not attributes.keys() <= set(fields)


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
            if _has_more_than((), item):
                return False
            stack.extend(item)
            continue
        cls: type[Any] = type(item)
        fields = _record_fields(cls)  # type: ignore[arg-type] # mypy doubts that classes are hashable
        if fields is None or _has_more_than(fields, item):
            return False
        stack.extend(getattr(item, name, None) for name in fields)
    return True


def _holds_mutable_builtins(value: object) -> bool:
    """Is `value`, which is not immutable, made of builtins and frozen records, so that it can be copied faithfully?"""
    cls: type[Any] = type(value)
    return (
        isinstance(value, (*_MUTABLE_BUILTINS, tuple, frozenset))
        or type(value) is ResponseRecord
        or _record_fields(cls) is not None  # type: ignore[arg-type] # as above
    )


class Packed:
    """A value, serialised; `load()` makes a new copy of it each time."""

    __slots__ = ("_borrowed", "_data")

    def __init__(self, data: bytes, borrowed: list[object]) -> None:
        self._data = data
        self._borrowed = borrowed

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return len(self._data)

    def load(self) -> Any:
        """The copy. Raises what the classes of the values raise when they are rebuilt."""
        if not self._borrowed:
            return pickle.loads(self._data)  # noqa: S301 - these bytes never left the process
        return _Unpacker(io.BytesIO(self._data), self._borrowed).load()


class Copied:
    """A value that pickle can't take, copied already."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def load(self) -> Any:
        """The copy."""
        return self._value


class Deferred:
    """An answer that is finished where it is compared, so that the work is not done on the caller's time.

    For edges: `leg.primary_done(Deferred(function, *args))`, of arguments that do not change. With a view for the
    primary, which runs in the caller, it is finished there. `refusal`: how it refuses (`refusal.py`), as nobody can see
    that before it is finished.
    """

    __slots__ = ("_args", "_function", "refusal")

    def __init__(self, function: Callable[..., Any], *args: Any, refusal: int = 0) -> None:
        self._function = function
        self._args = args
        self.refusal = refusal

    @property
    def size(self) -> int:
        """Bytes of the arguments that are bytes."""
        return sum(len(argument) for argument in self._args if type(argument) in (bytes, bytearray))

    def load(self) -> Any:
        """The answer. Raises what the function does."""
        return self._function(*self._args)


def _fetch_borrowed(index: int) -> object:  # pragma: no cover - only its name is used: see _Unpacker.find_class
    raise NotImplementedError


class _Packer(pickle.Pickler):
    """Leaves objects that are compared by identity what they are: a copy of such an object is never equal to it."""

    def __init__(self, file: io.BytesIO, borrowed: list[object]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._borrowed = borrowed

    def reducer_override(self, obj: Any, /) -> Any:
        own_eq: Any = type(obj).__eq__
        if own_eq is not object.__eq__ or obj is _fetch_borrowed:
            return NotImplemented
        self._borrowed.append(obj)
        return _fetch_borrowed, (len(self._borrowed) - 1,)


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, borrowed: list[object]) -> None:
        super().__init__(file)
        self._borrowed = borrowed

    def find_class(self, module: str, name: str, /) -> Any:
        if name == _fetch_borrowed.__name__ and module == __name__:
            return self._borrowed.__getitem__
        return super().find_class(module, name)


def fixed(answer: object) -> object:
    """`answer` itself, or a `Packed` or `Copied` one, such that later changes to it are not seen.

    Immutable answers, and objects of classes that are no frozen records, are taken as they are: the latter are compared
    as soon as the leg can, and a view is the better way. Raises TypeError if the answer is a builtin
    container of something that can't be copied.
    """
    if is_immutable(answer) or not _holds_mutable_builtins(answer):
        return answer
    try:
        borrowed: list[object] = []
        file = io.BytesIO()
        _Packer(file, borrowed).dump(answer)
        return Packed(file.getvalue(), borrowed)
    except Exception:  # a class that can't be imported by name, a document too deep, ...
        return _deepcopied(answer, "answer", "view")


def viewed_error(view: Callable[[Any], Any], exc: BaseException) -> object:
    """What is compared in place of an exception: another, or the same, or an answer that is `fixed`.

    Raises what the view raises, and what `fixed` does.
    """
    told = view(exc)
    return told if is_a(told, BaseException) else fixed(told)


def loaded(value: Any) -> Any:
    """What `fixed` or `copy_request` was given, or the copy."""
    return value.load() if type(value) is Packed or type(value) is Copied else value


def copy_request(request: object) -> object:
    """The shadow's own `request`: itself if it is immutable, else a `Packed` or `Copied` one.

    Raises TypeError, naming `copy_request`, if it can't be copied.
    """
    if is_immutable(request):
        return request
    try:
        return Packed(pickle.dumps(request, pickle.HIGHEST_PROTOCOL), [])
    except Exception:
        return _deepcopied(request, "request", "copy_request")


def _deepcopied(value: object, what: str, remedy: str) -> Copied:
    try:
        return Copied(copy.deepcopy(value))
    except Exception as exc:
        raise TypeError(f"this {what} ({type(value).__name__}) can't be copied: give {remedy}=") from exc
