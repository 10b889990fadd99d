"""Exceptions that pickle can't take as they are, on their way out of a worker process.

Many can be written and not be read: pickle calls the class with `args`, and its `__init__` asks for others (httpx's
HTTPStatusError, botocore's ClientError). These are made again without `__init__`, with their `args` and attributes:
what is compared of an exception crosses over with it. In place of what can't be pickled stands a `Cut`, so that nobody
takes that for a difference.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from trioshadow._model.errors import type_name
from trioshadow._model.kinds import is_a
from trioshadow.compare import Cut


class _Carried:
    """Is read as the exception that it was made from."""

    def __init__(self, cls: type[BaseException], made_of: tuple[Any, ...], state: dict[str, Any]) -> None:
        self._parts = cls, made_of, state

    def __reduce__(self) -> tuple[Callable[..., BaseException], tuple[Any, ...]]:
        return _made_again, self._parts


def carried(exc: BaseException) -> object:
    """In place of an exception, to be pickled. Raises what the exception's own code does."""
    made_of = tuple(map(_crossing, exc.args))
    if is_a(exc, BaseExceptionGroup):
        made_of = exc.message, tuple(map(carried, exc.exceptions))
    state = {name: _crossing(value) for name, value in vars(exc).items()}
    if is_a(exc, OSError):
        of_c = {name: getattr(exc, name) for name in ("errno", "strerror", "filename")}
        state |= {name: value for name, value in of_c.items() if value is not None}  # a filename of None would be told
    return _Carried(type(exc), made_of, state)


def _made_again(cls: type[BaseException], made_of: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    builtin = next(base for base in cls.__mro__ if base.__module__ == "builtins")
    exc: BaseException = builtin.__new__(cls, *made_of)
    for name, value in state.items():
        BaseException.__setattr__(exc, name, value)
    return exc


def _crossing(value: object) -> object:
    if _can_cross(value):
        return value
    name = type_name(type(value))
    return Cut(f"{name} objects can't be pickled, and so don't cross over from a process: name a part that can", name)


def _can_cross(value: object) -> bool:
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301 - our own
    except Exception:
        return False
    return True
