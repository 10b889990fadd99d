"""What is compared later must not change meanwhile, and nothing that others look at may take it from the caller.

The caller owns its answer once it has it, and will change it; the shadow may change its request, and a view what it is
shown. What can't be changed is shared as it is, the rest is copied (`packing.py`), as far as a copy is as good
(`natures.py`).
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from typing import Any

from .bounded_file import TooLongError
from .errors import passing_error, type_name
from .immutable import ATOMS, frozen_names, is_immutable, is_plain_record
from .kinds import has_no_equality, is_a
from .natures import can_be_read_once, wraps_what_is_read_once
from .once import ReadOnce, ReadOnceError
from .packing import COLLECTIONS, COPIED_BYTES, AnswerPacker, Packed, Packer, RefusedError, RequestPacker, ShownPacker
from .record import ResponseRecord

_MUTABLE = (dict, list, set, bytearray, deque)
_BUILTINS = (*_MUTABLE, tuple, frozenset)


class NotCopiedError(TypeError):
    """A request or an answer can't be copied, or must not be; says what to do."""


class TooLargeError(NotCopiedError):
    """It is larger than what is copied in the caller's time."""


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


def fixed(answer: object, limit: int = COPIED_BYTES) -> object:
    """`answer` itself, a `Packed` copy, or what stands in its place, such that later changes to it are not seen, and
    nobody who looks at it takes anything from the caller.

    Immutable answers, and objects of classes that are no frozen records, are taken as they are: the latter are compared
    as soon as the leg can, and a view is the better way. Raises NotCopiedError if the answer is a builtin container of
    something that can't be copied, or too large.
    """
    if type(answer) in ATOMS or (type(answer) not in _MUTABLE and is_immutable(answer)):
        return answer
    if isinstance(answer, _BUILTINS) or type(answer) is ResponseRecord or frozen_names(answer) is not None:
        return _packed(AnswerPacker, answer, limit)
    if has_no_equality(answer) and (can_be_read_once(answer) or wraps_what_is_read_once(answer)):
        return ReadOnce(answer)
    return answer


def shown(answer: Any, limit: int = COPIED_BYTES) -> Any:
    """What a view is given of an answer: a copy of its containers and plain records. What it changes there is not the
    caller's, and what can be read once it can't read.

    Objects in them are the caller's own, and so are the parts of an answer that is too large to be copied, or made of
    what can't be copied. Raises ReadOnceError if the answer itself can be read once.
    """
    if is_immutable(answer):
        return answer
    if can_be_read_once(answer):
        raise ReadOnceError(type_name(type(answer)))
    if type(answer) not in _BUILTINS and type(answer) not in COLLECTIONS and not is_plain_record(answer):
        if wraps_what_is_read_once(answer):
            raise ReadOnceError(type_name(type(answer)))
        return answer
    try:
        return ShownPacker.pack(answer, limit).load()
    except BaseException as exc:  # too large, too deep, a `__reduce__` that raises
        if passing_error(exc) is not None:
            raise
        return answer.copy() if type(answer) in _MUTABLE else answer


def viewed_error(
    view: Callable[[Any], Any], exc: BaseException, limit: int = COPIED_BYTES, *, of_caller: bool
) -> object:
    """What is compared in place of an exception: another, or the same, or an answer that is `fixed`.

    Raises what the view raises, and what `fixed` does. Of an exception that is the caller's, ReadOnceError if it can be
    read once, or one of its attributes and arguments can.
    """
    if of_caller:
        for part in (exc, *_args_of(exc), *_attributes_of(exc).values()):
            if can_be_read_once(part):
                raise ReadOnceError(type_name(type(part)))
    told = view(exc)
    return told if is_a(told, BaseException) else fixed(told, limit)


# Past what its class may define itself.
_args_of: Callable[[BaseException], tuple[object, ...]] = BaseException.__dict__["args"].__get__
_attributes_of: Callable[[BaseException], dict[str, object]] = BaseException.__dict__["__dict__"].__get__


def loaded(value: Any) -> Any:
    """What `fixed` or `copy_request` was given, or the copy."""
    return value.load() if type(value) is Packed else value


def copy_request(request: object, limit: int = COPIED_BYTES) -> object:
    """The shadow's own `request`: itself if it is immutable, else a `Packed` one.

    If its type has a method `__trioshadow_parts__()`, that gives two tuples: what is shared of it, and what is copied.
    Raises NotCopiedError, naming `copy_request`, if it can't be copied, holds what must not be, or is too large.
    """
    cls: Any = type(request)
    if cls in ATOMS:
        return request
    shared: tuple[object, ...] = ()
    if cls not in _MUTABLE:
        parts_of = _parts_of(cls)
        if parts_of is None:
            if is_immutable(request):
                return request
        else:
            shared, copied = parts_of(request)
            if all(map(is_immutable, copied)):
                return request
    return _packed(RequestPacker, request, limit, shared)


@functools.lru_cache(maxsize=1024)
def _parts_of(cls: Any) -> Callable[[Any], tuple[tuple[object, ...], tuple[object, ...]]] | None:
    return getattr(cls, "__trioshadow_parts__", None)


def _packed(packer: type[Packer], value: object, limit: int, shared: tuple[object, ...] = ()) -> Packed:
    what, remedy = ("request", "copy_request") if packer is RequestPacker else ("answer", "view")
    try:
        return packer.pack(value, limit, shared)
    except TooLongError:
        told = f"this {what} ({type_name(type(value))}) is too large to be copied: give max_copied_bytes= or {remedy}="
        raise TooLargeError(told) from None
    except BaseException as exc:  # refused, too deep, a `__reduce__` that raises
        if passing_error(exc) is not None:
            raise
        why = f", since it holds {exc}" if type(exc) is RefusedError else ""
        raise NotCopiedError(f"this {what} ({type_name(type(value))}) can't be copied{why}: give {remedy}=") from exc
