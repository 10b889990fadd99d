"""Transparent objects: one stands before another and behaves as that, but for what its own class says.

The rules are those of wrapt's `ObjectProxy`. (Not wrapt itself: a call through its `FunctionWrapper` takes 0.5 µs more
than a function's, and one through a `Wrapper` 0.03, by `timeit` in one run.) Python looks things up in two ways, and so
there are two ways of handing them on:

- By name, as in `x.name`, which is also how `isinstance`, `inspect` and `functools.wraps` look: `__getattribute__`
  hands on every name that is not among the class's own.
- On the class, as for `len(x)`, `x + 1` and `with x`: a class is made for each class of what is wrapped, with the
  special methods that this has and no others. So nothing binds, is called or is iterated over that was not before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

#: What makes, keeps, copies and describes objects and classes, and is not looked up in an instance's place.
_NOT_HANDED_ON = frozenset(
    {
        *("__new__", "__init__", "__del__", "__getattr__", "__sizeof__", "__prepare__"),
        *("__init_subclass__", "__subclasshook__", "__class_getitem__"),
        *("__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__"),
        *("__getnewargs__", "__getnewargs_ex__"),
    }
)


class Transparent:
    """Stands before `__wrapped__`. Made by `before()`."""

    __slots__ = ("__weakref__", "__wrapped__")

    __wrapped__: Any

    own: ClassVar[frozenset[str]] = frozenset({"__wrapped__"})
    """The names that are looked up here."""
    fixed: ClassVar[frozenset[str]] = frozenset()
    """Those of them that callers use, and so must neither set nor delete."""
    instead: ClassVar[Mapping[str, Callable[..., Any]]] = {}
    """Special methods in the place of those of what is wrapped: where that has none of the name, there is none."""

    @classmethod
    def before(cls, wrapped: Any) -> Self:
        """One that stands before `wrapped`."""
        self: Self = object.__new__(class_before(cls, type(wrapped)))  # type: ignore[arg-type] # a class is Hashable
        object.__setattr__(self, "__wrapped__", wrapped)
        return self

    def __getattribute__(self, name: str) -> Any:
        if name in type(self).own:
            return object.__getattribute__(self, name)
        return getattr(wrapped_by(self), name)

    def __setattr__(self, name: str, value: object) -> None:
        if name in type(self).fixed:
            raise AttributeError(f"{name!r} is trioshadow's own here, and is not set")
        setattr(wrapped_by(self), name, value)

    def __delattr__(self, name: str) -> None:
        if name in type(self).fixed:
            raise AttributeError(f"{name!r} is trioshadow's own here, and is not deleted")
        delattr(wrapped_by(self), name)

    def __dir__(self) -> list[str]:
        return sorted({*dir(wrapped_by(self)), *type(self).fixed})

    def __eq__(self, other: object) -> bool:
        answer: bool = wrapped_by(self) == other  # the operator asks `other` too, which may be one of these
        return answer

    def __ne__(self, other: object) -> bool:
        answer: bool = wrapped_by(self) != other
        return answer

    def __hash__(self) -> int:
        return hash(wrapped_by(self))


#: What this stands before, without the way through `__getattribute__`.
wrapped_by: Callable[[Transparent], Any] = Transparent.__dict__["__wrapped__"].__get__


def special(wrapped: object, name: str) -> Any:
    """The special method of `wrapped`, bound, as the interpreter looks it up; None if there is none."""
    for ancestor in type(wrapped).__mro__:
        if name in vars(ancestor):
            found = vars(ancestor)[name]
            get = getattr(type(found), "__get__", None)
            return found if get is None else get(found, wrapped, type(wrapped))
    return None


@functools.lru_cache(maxsize=128)
def class_before(cls: type[Transparent], kind: type) -> Any:
    """The class of those `cls` that stand before objects of the class `kind`."""
    ours = _NOT_HANDED_ON.union(*(vars(ancestor) for ancestor in cls.__mro__ if ancestor is not object))
    methods: dict[str, Any] = {"__slots__": ()}
    for ancestor in kind.__mro__:
        for name, method in vars(ancestor).items():
            if name in methods or name in ours or not (name.startswith("__") and name.endswith("__")):
                continue
            if method is None:  # what the class says that it can't
                methods[name] = None
            elif callable(method) or (hasattr(method, "__get__") and not hasattr(method, "__set__")):
                methods[name] = cls.instead.get(name) or _handing_on(name)
    return type(cls.__name__, (cls,), methods)


def _handing_on(name: str) -> Callable[..., Any]:
    def hand_on(self: Transparent, *args: Any, **kwargs: Any) -> Any:
        wrapped = wrapped_by(self)
        answer = special(wrapped, name)(*args, **kwargs)
        return self if answer is wrapped else answer  # `x += 1`, `with x as y`

    return hand_on
