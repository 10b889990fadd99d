"""A function as a backend whose request is an `Arguments`."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from trioshadow._model.callables import can_be_awaited, is_async
from trioshadow.isolation import SyncBackend

from .arguments import Arguments

#: Descriptors that give values.
_VALUES = (property, functools.cached_property)


def on_arguments(function: Any, max_workers: int, parameter: str = "shadow") -> Callable[[Arguments], Awaitable[Any]]:
    """The function as a backend: an async one on the loop, any other in threads. TypeError, which names the
    `parameter`, if it is none.

    What is called only after it was bound, a `classmethod` say, is bound to the first argument.
    """
    if not is_function(function):
        raise TypeError(f"{parameter} must be callable, not {type(function).__name__}")
    call: Callable[..., Any] = function if callable(function) else _bound_first(function)
    if is_async(function):

        async def ask(arguments: Arguments) -> Any:
            return await call(*arguments.args, **arguments.kwargs)

        return ask

    def call_blocking(arguments: Arguments) -> Any:
        answer = call(*arguments.args, **arguments.kwargs)
        return _ToAwait(answer) if can_be_awaited(answer) else answer

    in_threads = SyncBackend(call_blocking, max_workers=max_workers)

    async def ask_in_threads(arguments: Arguments) -> Any:
        answer = await in_threads.call(arguments)
        return await answer.awaitable if type(answer) is _ToAwait else answer

    return ask_in_threads


@attrs.frozen
class _ToAwait:
    """What a function gave to await, though nothing said that it is async: on the loop, and not in its thread."""

    awaitable: Awaitable[Any]


def is_function(function: object) -> bool:
    """Is it called, or called when it has been bound? A property is not: that gives a value."""
    return callable(function) or (hasattr(type(function), "__get__") and not isinstance(function, _VALUES))


def _bound_first(function: Any) -> Callable[..., Any]:
    def call(first: Any, /, *args: Any, **kwargs: Any) -> Any:
        bound = function.__get__(None, first) if isinstance(first, type) else function.__get__(first, type(first))
        return bound(*args, **kwargs)

    return call
