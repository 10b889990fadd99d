"""The wrapper: stands before the primary as the same function, method or object, and mirrors what is called through it.

It binds as what it wraps does: what that gives to who reads it off an instance or a class, the wrapper gives wrapped.
What was bound is then the first argument of the request, as if a plain function were called: `self`, or the class for a
`classmethod`; nothing for a `staticmethod`.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable
from types import FunctionType, MappingProxyType, MethodType
from typing import Any

from trioshadow._shadower import Shadower

from .arguments import Arguments
from .calls import mirrored_call
from .mirroring import Mirroring, Series
from .transparent import Transparent, class_before, special, wrapped_by

#: The wrapper's own names, for its users.
_NAMES = frozenset({"mirroring", "shadower"})


def require_free_names(wrapped: object) -> None:
    """Raise TypeError if callers of `wrapped` know it by attributes of the wrapper's own names, which would hide them.

    Those of another wrapper are hidden: that one is `__wrapped__`.
    """
    if issubclass(type(wrapped), Wrapper):
        return
    for name in sorted(_NAMES):
        if inspect.getattr_static(wrapped, name, None) is not None:
            raise TypeError(
                f"what is mirrored has a {name!r} of its own, and a mirrored function has another: mirror a function "
                "that calls it"
            )


def wrapper_of(wrapped: Any, series: Series, receiver: tuple[Any, ...] = (), *, lasting: bool = True) -> Any:
    """Stands before `wrapped`. The request of a call begins with the `receiver`.

    `lasting`: it is there for many calls, and worth a class of its own, whose `__call__` is no method: so a call is
    about as quick as a function's.
    """

    def start(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return series.start((*receiver, *args), kwargs)

    kind = class_before(Wrapper, type(wrapped))  # type: ignore[arg-type] # a class is Hashable
    call = mirrored_call(wrapped, start if receiver else series.start)
    if lasting and callable(wrapped):
        kind = type(kind.__name__, (kind,), {"__slots__": (), "__call__": staticmethod(call)})
    self: Any = object.__new__(kind)
    fields = {"__wrapped__": wrapped, "_series": series, "_receiver": receiver, "_call": call, "_within": None}
    for name, value in fields.items():
        object.__setattr__(self, name, value)
    return self


def _call(self: Wrapper, /, *args: Any, **kwargs: Any) -> Any:
    return _call_of(self)(*args, **kwargs)


def _bind(self: Any, instance: object, owner: type | None = None) -> Any:
    wrapped = wrapped_by(self)
    if type(wrapped) is FunctionType:  # as what follows, and quicker
        return self if instance is None else MethodType(self, instance)
    bound = special(wrapped, "__get__")(instance, owner)
    if bound is wrapped:
        return self
    if type(bound) is MethodType:
        function = bound.__func__
        return MethodType(self if function is wrapped else _wrapper_within(self, function), bound.__self__)
    if isinstance(wrapped, staticmethod):
        return _wrapper_within(self, bound)
    if not callable(bound):
        return bound
    receiver = getattr(bound, "__self__", None)
    if receiver is not instance and receiver is not owner:
        receiver = instance
    return wrapper_of(bound, _series_of(self), () if receiver is None else (receiver,), lasting=False)


def _wrapper_within(self: Wrapper, function: Any) -> Any:
    """Stands before a function that what is wrapped gives. One that is its own is given each time, and so is this."""
    if getattr(wrapped_by(self), "__func__", None) is not function:
        return wrapper_of(function, _series_of(self), lasting=False)
    within: Any = _within_of(self)
    if within is None:
        within = wrapper_of(function, _series_of(self))
        object.__setattr__(self, "_within", within)
    return within


class Wrapper(Transparent):
    """Stands before a primary."""

    __slots__ = ("_call", "_receiver", "_series", "_within")

    own = frozenset({"__call__", "__copy__", "__deepcopy__", "__get__", "__mro_entries__", "__reduce_ex__"}).union(
        _NAMES, Transparent.own
    )
    fixed = _NAMES
    instead = MappingProxyType({"__call__": _call, "__get__": _bind})

    @property
    def shadower(self) -> Shadower[Arguments, Any, Any]:
        """The current shadower, or the last."""
        return _series_of(self).shadower

    def mirroring(self) -> Mirroring:
        """Mirror the calls made while this is entered."""
        return Mirroring(_series_of(self))

    def __copy__(self) -> Any:
        return _again(self, copy.copy(wrapped_by(self)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return _again(self, copy.deepcopy(wrapped_by(self), memo))

    def __reduce_ex__(self, protocol: object) -> str | tuple[Any, ...]:
        # Where its name leads to it, as a function's does, it is pickled by name; else what it wraps is pickled.
        wrapped = wrapped_by(self)
        name = str(getattr(wrapped, "__qualname__", ""))
        found: Any = sys.modules.get(getattr(wrapped, "__module__", ""))
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self else (_itself, (wrapped,))

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        # A class may be mirrored, and have subclasses.
        wrapped = wrapped_by(self)
        entries = getattr(wrapped, "__mro_entries__", None)
        return (wrapped,) if entries is None else entries(bases)


_call_of: Callable[[Wrapper], Callable[..., Any]] = Wrapper.__dict__["_call"].__get__
_receiver_of: Callable[[Wrapper], tuple[Any, ...]] = Wrapper.__dict__["_receiver"].__get__
_series_of: Callable[[Wrapper], Series] = Wrapper.__dict__["_series"].__get__
_within_of: Callable[[Wrapper], Wrapper | None] = Wrapper.__dict__["_within"].__get__


def _again(self: Wrapper, copied: Any) -> Any:
    """Stands before a copy of what `self` stands before. A copy of a function is that function."""
    return self if copied is wrapped_by(self) else wrapper_of(copied, _series_of(self), _receiver_of(self))


def _itself(wrapped: object) -> object:
    return wrapped
