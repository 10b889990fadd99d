"""What is known of a callable before it is called: that it is async, that it is a generator, that it is sync. Pure.

Of most callables one of them is known. It is not known of an object whose `__call__` is no `async def`, a Mock say, nor
of a lambda: either may return something to await. Of a `def` it would not be known either, but one that returns an
awaitable says so: by what it wraps (`functools.wraps`), by its return annotation, or by a mark. One that doesn't is
taken for sync, as is what is written in C.
"""

from __future__ import annotations

import functools
import inspect
import re
import types
from typing import Any, get_origin

_COMPILED = (
    types.BuiltinFunctionType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
)
_CACHED = type(functools.lru_cache(lambda: None))
#: In a return annotation, which may be a string.
_AWAITABLE = re.compile(r"\b(Awaitable|Coroutine|Future|Task)\b")


def is_async(function: object) -> bool:
    """Calling it makes a coroutine: an `async def`, or an object whose `__call__` is one. Bound, or with some of its
    arguments, it still does.
    """
    return any(map(inspect.iscoroutinefunction, _called(function)))


def is_generator(function: object) -> bool:
    """Calling it makes a generator, async or not. (Not a coroutine that is made of one.)"""
    return any(
        inspect.isasyncgenfunction(called) or (inspect.isgeneratorfunction(called) and not _makes_coroutine(called))
        for called in _called(function)
    )


def is_sync(function: object) -> bool:
    """It is taken for sync: a `def` that does not say that it returns something to await, what is written in C, a
    class whose objects can't be awaited.
    """
    function = _innermost(function)
    if isinstance(function, type):
        return not hasattr(function, "__await__")
    if isinstance(function, _COMPILED):
        return True
    return (
        isinstance(function, types.FunctionType)
        and function.__code__.co_name != "<lambda>"
        and not _makes_coroutine(function)
        and not hasattr(function, "_is_coroutine")  # the mark of asyncio, which unittest.mock sets
        and not is_async(inspect.unwrap(function))
        and not _is_awaitable(function.__annotations__.get("return"))
    )


def name_of(function: object) -> str:
    """What it is called, for messages; its repr could tell arguments, and with them secrets."""
    function = _innermost(function)
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def can_be_awaited(answer: object) -> bool:
    """What a call gave is to be awaited. As the interpreter asks: of its type, so that no code of its own runs."""
    kind = type(answer)
    return hasattr(kind, "__await__") or (
        kind is types.GeneratorType and bool(answer.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE)  # type: ignore[attr-defined]
    )


def _called(function: object) -> tuple[object, object]:
    """What runs when it is called: itself if it is a function, else its class's `__call__`."""
    function = _innermost(function)
    return function, _innermost(getattr(type(function), "__call__", None))  # noqa: B004 - it is looked at


def _innermost(function: Any) -> Any:
    """What is called in the end, of which these return what it returns."""
    while True:
        if isinstance(function, functools.partial | functools.partialmethod):
            function = function.func
        elif isinstance(function, types.MethodType | staticmethod | classmethod):
            function = function.__func__
        elif isinstance(function, _CACHED):
            function = function.__wrapped__
        else:
            return function


def _makes_coroutine(function: Any) -> bool:
    """A generator function that `types.coroutine` has marked."""
    return bool(function.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE)


def _is_awaitable(annotation: object) -> bool:
    return hasattr(get_origin(annotation) or annotation, "__await__") or bool(_AWAITABLE.search(str(annotation)))
