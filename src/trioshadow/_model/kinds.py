"""What an object is by its type, whatever it says of itself.

Requests, answers and exceptions are other people's. `isinstance()` asks an object that is none for its `__class__`, and
believes it: a Mock or a lazy proxy passes for a Decimal that it is not, and a property of that name is the candidate's
code, which may raise, block or exit where nothing of the candidate's may run. So where such an object is looked at,
`is_a()` is asked; for arguments and for what this library made itself `isinstance()` is right. Pure.
"""

from __future__ import annotations

from typing import TypeGuard, TypeVar

T = TypeVar("T")


def is_a(value: object, kind: type[T] | tuple[type[T], ...]) -> TypeGuard[T]:
    """`isinstance(value, kind)` without a word from the value: by its type alone."""
    return issubclass(type(value), kind)
