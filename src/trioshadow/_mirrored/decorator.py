"""`mirrored()`: the decorator, and what type checkers know of what it makes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, Unpack, overload

from trioshadow._model.callables import is_generator, name_of
from trioshadow._model.checks import several
from trioshadow._settings.config import ShadowConfig
from trioshadow._shadower import Shadower, ShadowerOptions

from .arguments import Arguments
from .backends import is_function, on_arguments
from .mirroring import Mirroring, Series
from .wrapper import require_free_names, wrapper_of

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")

_DEFAULT_CONFIG = ShadowConfig()


class MirroredFunction(Protocol[P, R_co]):
    """A function with a shadow. Called like the primary, it returns and raises what the primary does.

    Before its shadower runs, and in threads whose calls are not mirrored (`ShadowConfig.threads`), it is simply the
    primary: such calls are counted `closed`, which is said once in the log.

    It behaves as the primary in all else, too: it binds as that does, has its attributes, which are read, set and
    deleted there, its signature, class, hash and repr. The primary itself is `__wrapped__`.
    """

    @property
    def shadower(self) -> Shadower[Arguments, Any, Any]:
        """The current shadower, or the last: for statistics, divergences, `pause()` and all the rest."""
        ...  # pragma: no cover - a protocol has no body

    def mirroring(self) -> Mirroring:
        """Mirror the calls made while this is entered; gives the shadower.

        Each time it is a new one, so that an application can be started again in one process, as tests do. RuntimeError
        if it is entered while it is entered.
        """
        ...  # pragma: no cover - a protocol has no body

    @overload
    def __get__(self, instance: None, owner: type, /) -> MirroredFunction[..., R_co]: ...
    @overload
    def __get__(self, instance: object, owner: type, /) -> Callable[..., R_co]: ...

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """The primary's answer (for an async function, what to await for it)."""
        ...  # pragma: no cover - a protocol has no body

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Of the primary: `cache_clear`, say."""


class Decorator(Protocol):
    """What `mirrored()` returns, typed for what is called when it has been bound, too."""

    @overload
    def __call__(self, function: classmethod[T, P, R], /) -> MirroredFunction[P, R]: ...
    @overload
    def __call__(self, function: functools.partialmethod[R], /) -> MirroredFunction[..., R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> MirroredFunction[P, R]: ...


def mirrored(
    shadow: Callable[..., Any],
    config: ShadowConfig = _DEFAULT_CONFIG,
    *,
    secondary: Callable[..., Any] | None = None,
    max_workers: int = 8,
    **options: Unpack[ShadowerOptions],
) -> Decorator:
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

    Anything that is called may be mirrored, also a method of any kind in a class body, above or below a `staticmethod`
    or `classmethod`, what `functools` makes of functions, and an object. A sync primary may give its caller something
    to await: then what comes of awaiting it is compared, and a call whose awaitable is dropped or closed is abandoned.

    Raises TypeError for generator functions, since their answer is not there when they return, and for an object with
    a `mirroring` or a `shadower` of its own, which the wrapper's would hide.
    """
    shadow_call = on_arguments(shadow, max_workers)
    secondary_call = None if secondary is None else on_arguments(secondary, max_workers, "secondary")
    options["sinks"] = several("sinks", options.get("sinks", ()), "sinks, as in [sink]")  # every shadower gets them

    def decorate(function: Any) -> Any:
        if not is_function(function):
            raise TypeError(f"mirrored() decorates a function, not {type(function).__name__}")
        if is_generator(function):
            raise TypeError(f"{name_of(function)} is a generator function: mirror it with Shadower.start()")
        require_free_names(function)
        named = getattr(function, "__name__", "")
        operation = options.get("name", "") or (named if isinstance(named, str) else "")

        def new_shadower() -> Shadower[Arguments, Any, Any]:
            own = options.copy()
            own["name"] = operation
            return Shadower(on_arguments(function, max_workers), shadow_call, config, secondary=secondary_call, **own)

        return wrapper_of(function, Series(new_shadower, operation, shares_self=_takes_self(function)))

    return decorate


def _takes_self(function: Any) -> bool:
    """Is it a method, by the name of its first parameter?"""
    try:
        return next(iter(inspect.signature(function).parameters), "") == "self"
    except (TypeError, ValueError):  # of C, or with a signature that is none
        return False
