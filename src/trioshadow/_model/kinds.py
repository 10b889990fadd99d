"""What an object is by its type, whatever it says of itself.

Requests, answers and exceptions are other people's. `isinstance()` asks an object that is none for its `__class__`, and
believes it: a Mock or a lazy proxy passes for a Decimal that it is not, and a property of that name is the candidate's
code, which may raise, block or exit where nothing of the candidate's may run. So where such an object is looked at,
`is_a()` is asked; for arguments and for what this library made itself `isinstance()` is right. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard, TypeVar

T = TypeVar("T")


def is_a(value: object, kind: type[T] | tuple[type[T], ...]) -> TypeGuard[T]:
    """`isinstance(value, kind)` without a word from the value: by its type alone."""
    return issubclass(type(value), kind)


# Past what a metaclass says of its class.
mro_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_module_of: Callable[[type], Any] = type.__dict__["__module__"].__get__


def package_of(cls: type) -> str:
    """The top-level package that a class comes from; empty where that is not known."""
    module = _module_of(cls)
    return module.partition(".")[0] if type(module) is str else ""


def has_no_equality(value: object) -> bool:
    """Is nothing equal to it but itself?"""
    return type.__getattribute__(type(value), "__eq__") is object.__eq__
