"""What can be called: a Backend, or a bare async function.

The two are turned into one plain callable where a Shadower is made, so that the request path knows only that. A sync
function is refused there: later its answer would be lost to the caller. What it is, is told by `callables.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from .callables import can_be_awaited, is_async, is_generator, is_sync, name_of
from .errors import type_name

_RequestT_contra = TypeVar("_RequestT_contra", contravariant=True)
_ResponseT_co = TypeVar("_ResponseT_co", covariant=True)
RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class Backend(Protocol[_RequestT_contra, _ResponseT_co]):
    """One side of a migration: anything with an async `call`.

    Requests and responses may be of any type. Wherever a Backend is taken, a bare `async def f(request)` is too.
    """

    async def call(self, request: _RequestT_contra, /) -> _ResponseT_co:
        """Answer one request, or raise."""
        ...  # pragma: no cover - a protocol has no body


#: A Backend, or an async function of one argument.
BackendLike = Backend[RequestT, ResponseT] | Callable[[RequestT], Awaitable[ResponseT]]

_INSTEAD = (
    "For a sync function use @trioshadow.mirrored, or trioshadow.isolation.SyncBackend(function), which calls it in "
    "worker threads"
)


def beside(backend: Any, primary: object) -> Any:
    """The backend as it is beside this primary: some want to know whether it is the same service."""
    ask = getattr(type(backend), "__trioshadow_beside__", None)
    return backend if ask is None else ask(backend, primary)


def callable_of(backend: Any, parameter: str) -> Callable[[Any], Any]:
    """What is called for an answer: `backend.call`, or `backend` itself.

    Raises TypeError, naming `parameter`, for what is neither.
    """
    call: Any = getattr(backend, "call", backend)
    if not callable(call):
        raise TypeError(
            f"{parameter} must be a Backend (an object with `async def call(request)`) or an async function "
            f"of one argument, not {type(backend).__name__}"
        )
    function: Callable[[Any], Any] = call
    return function


def as_callable(
    backend: BackendLike[RequestT, ResponseT], parameter: str, *, may_stream: bool = False
) -> Callable[[RequestT], Awaitable[ResponseT]]:
    """The async callable that answers requests.

    Raises TypeError, naming `parameter`, for what is none as far as that can be told. The rest is asked at each call,
    and so is a generator function if it `may_stream`: a primary may be there for `start()` alone, and never be called.
    """
    call = callable_of(backend, parameter)
    if is_async(call):
        return call
    streams = is_generator(call)
    if streams and not may_stream:
        raise TypeError(f"{parameter} must be an async function, and {name_of(call)} is a generator function")
    if not streams and is_sync(call):
        raise TypeError(
            f"{parameter} must be an async function, and {name_of(call)} is sync. {_INSTEAD}. If it returns something "
            "to await, make it an `async def` that awaits that"
        )

    def ask(request: RequestT) -> Awaitable[ResponseT]:
        answering = call(request)
        if not can_be_awaited(answering):
            raise TypeError(
                f"{parameter} must be async, and {name_of(call)} returned something that can't be awaited "
                f"({type_name(type(answering))}). {'Shadower.start() is for streams' if streams else _INSTEAD}"
            )
        awaitable: Awaitable[ResponseT] = answering
        return awaitable

    return ask
