"""Drop-in functions: `mirrored(new)` makes of the old function one that is called as before, and mirrored.

A library swap in one line, at the definition: no caller changes. For streams and generators there is
`Shadower.start()`.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, ParamSpec, Protocol, Self, TypeVar, Unpack, cast, overload

import attrs

from ._caller.leg import Leg
from ._caller.mirrored_leg import MirroredLeg
from ._model.checks import several
from ._model.record import hidden
from ._model.sampling import SamplingKey
from ._settings.config import ShadowConfig
from ._shadower import Shadower, ShadowerOptions, admission_of
from .isolation import SyncBackend

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_DEFAULT_CONFIG = ShadowConfig()


@attrs.frozen
class Arguments:
    """The request of a mirrored function: what it was called with. Its key, view and copy functions see this."""

    args: tuple[Any, ...] = attrs.field(repr=hidden)
    kwargs: Mapping[str, Any] = attrs.field(repr=hidden)

    shares_self: bool = attrs.field(default=False, kw_only=True, eq=False, repr=False)
    """Is one of them the `self` of a method? It is shared with the shadow, and not copied."""

    def __trioshadow_parts__(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """What is shared with the shadow, and what is copied."""
        if not self.shares_self:
            return (), (*self.args, *self.kwargs.values())
        return self.args[:1] or (self.kwargs["self"],), (*self.args[1:], *self.kwargs.values())

    def __trioshadow_key__(self) -> SamplingKey:
        """The only argument; or a tuple of all: the positional ones, then a pair for each named one, sorted by name."""
        if len(self.args) == 1 and not self.kwargs:
            return cast("SamplingKey", self.args[0])
        return (*self.args, *sorted(self.kwargs.items()))


class MirroredFunction(Protocol[P, R_co]):
    """A function with a shadow. Called like the primary, it returns and raises what the primary does.

    Before its shadower runs, and in other threads, it is simply the primary (counted `closed`, said once in the log).
    """

    @property
    def shadower(self) -> Shadower[Arguments, Any, Any]:
        """The current shadower, or the last: for statistics, divergences, `pause()` and all the rest."""
        ...  # pragma: no cover - a protocol has no body

    def mirroring(self) -> contextlib.AbstractAsyncContextManager[Shadower[Arguments, Any, Any]]:
        """Mirror the calls made while this is entered; gives the shadower.

        Each time it is a new one, so that an application can be started again in one process, as tests do. RuntimeError
        if it is entered while it is entered.
        """
        ...  # pragma: no cover - a protocol has no body

    @overload
    def __get__(self, instance: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type, /) -> Callable[..., R_co]: ...

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """The primary's answer (for an async function, what to await for it)."""
        ...  # pragma: no cover - a protocol has no body


def mirrored(
    shadow: Callable[..., Any],
    config: ShadowConfig = _DEFAULT_CONFIG,
    *,
    secondary: Callable[..., Any] | None = None,
    max_workers: int = 8,
    **options: Unpack[ShadowerOptions],
) -> Callable[[Callable[P, R]], MirroredFunction[P, R]]:
    """A decorator: the function below it is the primary, `shadow` is called with the same arguments.

        @mirrored(new_render, ShadowConfig(sample_rate=0.1))
        def render(text: str) -> str: ...

        async with render.mirroring():      # around the program; before that, render() is just the old one
            html = render("*hello*")        # the old function's answer, as before

    Either function may be async or not. A primary that is not runs inline in its caller, as before. A shadow that is
    not runs in worker threads, at most `max_workers` at once (see `SyncBackend`), and so does a `secondary`. Functions
    that are not async are timed alone, each where it runs: latencies have no wait for a thread in them. The request is
    an `Arguments`: the `self` of a method is shared with the shadow, the others are copied. `name`, also the operation
    in the records, is by default the primary's. The `options` are `name`, `log`, `sinks`, `slo`, `breaker` and
    `comparer`, as of `Shadower`.

    Raises TypeError for generator functions: their answer is not there when they return.
    """
    shadow_call = _on_arguments(shadow, max_workers)
    secondary_call = None if secondary is None else _on_arguments(secondary, max_workers, "secondary")
    options["sinks"] = several("sinks", options.get("sinks", ()), "sinks, as in [sink]")  # every shadower gets them

    def decorate(function: Callable[P, R]) -> MirroredFunction[P, R]:
        if not callable(function):
            raise TypeError(f"mirrored() decorates a function, not {type(function).__name__}")
        if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
            raise TypeError(f"{function!r} is a generator function: mirror it with Shadower.start()")

        operation = options.get("name", "") or getattr(function, "__name__", "")

        def new_shadower() -> Shadower[Arguments, Any, Any]:
            primary_call = _on_arguments(function, max_workers)
            own = options.copy()
            own["name"] = operation
            return Shadower(primary_call, shadow_call, config, secondary=secondary_call, **own)

        shares_self = _takes_self(function)

        def start(*args: Any, **kwargs: Any) -> Leg[Any, Any]:
            arguments = Arguments(args, kwargs, shares_self=shares_self)
            return admission_of(wrapper.shadower).admit_if_entered(arguments, operation=operation)

        mirroring = False

        @contextlib.asynccontextmanager
        async def enter() -> AsyncGenerator[Shadower[Arguments, Any, Any], None]:
            nonlocal mirroring
            if mirroring:
                raise RuntimeError(f"{operation} is being mirrored already")
            if admission_of(wrapper.shadower).entered:
                wrapper.shadower = new_shadower()
            mirroring = True
            try:
                async with wrapper.shadower as shadower:
                    yield shadower
            finally:
                mirroring = False

        # A real function, so that it binds as a method and looks like the primary to `inspect`; what it can do besides
        # being called hangs on it.
        wrapper: Any = (_wrap_async if inspect.iscoroutinefunction(function) else _wrap_sync)(function, start)
        wrapper.mirroring = enter
        wrapper.shadower = new_shadower()
        return cast("MirroredFunction[P, R]", wrapper)

    return decorate


def _takes_self(function: Callable[..., Any]) -> bool:
    """Is it a method, by the name of its first parameter?"""
    try:
        return next(iter(inspect.signature(function).parameters), "") == "self"
    except (TypeError, ValueError):  # of C, or with a signature that is none
        return False


def _wrap_async(function: Callable[..., Any], start: Callable[..., Leg[Any, Any]]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        leg = start(*args, **kwargs)
        try:
            answer = await function(*args, **kwargs)
        except BaseException as exc:
            leg.primary_raised(exc)
            raise
        leg.primary_done(answer)
        return answer

    return wrapper


def _wrap_sync(function: Callable[..., Any], start: Callable[..., Leg[Any, Any]]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        leg = start(*args, **kwargs)
        if not isinstance(leg, MirroredLeg):
            return function(*args, **kwargs)  # whatever it comes to, there is nobody to tell
        # By the clocks by which a worker thread times the shadow.
        began, began_cpu = time.perf_counter(), time.thread_time()
        try:
            answer = function(*args, **kwargs)
            seconds, cpu = time.perf_counter() - began, time.thread_time() - began_cpu
            if inspect.isawaitable(answer):  # a callable object or a wrapper around an async function
                return _awaited(leg, answer)
            leg.ran_alone(seconds, cpu)
        except BaseException as exc:
            leg.ran_alone(time.perf_counter() - began, time.thread_time() - began_cpu)
            leg.primary_raised(exc)
            raise
        leg.primary_done(answer)
        return answer

    return wrapper


async def _awaited(leg: Leg[Any, Any], awaitable: Awaitable[Any]) -> Any:
    try:
        answer = await awaitable
    except BaseException as exc:
        leg.primary_raised(exc)
        raise
    leg.primary_done(answer)
    return answer


def _on_arguments(
    function: Callable[..., Any], max_workers: int, parameter: str = "shadow"
) -> Callable[[Arguments], Awaitable[Any]]:
    """The function as a backend that takes an `Arguments`."""
    if not callable(function):
        raise TypeError(f"{parameter} must be callable, not {type(function).__name__}")
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004

        async def call(arguments: Arguments) -> Any:
            return await function(*arguments.args, **arguments.kwargs)

        return call

    def call_blocking(arguments: Arguments) -> Any:
        return function(*arguments.args, **arguments.kwargs)

    return SyncBackend(call_blocking, max_workers=max_workers).call
