"""What can be called: a Backend, or a bare async function.

The two are turned into one plain callable where a Shadower is made, so that the request path knows only that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar, cast

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


def beside(backend: Any, primary: object) -> Any:
    """The backend as it is beside this primary: some want to know whether it is the same service."""
    ask = getattr(type(backend), "__trioshadow_beside__", None)
    return backend if ask is None else ask(backend, primary)


def as_callable(
    backend: BackendLike[RequestT, ResponseT], parameter: str
) -> Callable[[RequestT], Awaitable[ResponseT]]:
    """The callable that answers requests: `backend.call`, or `backend` itself.

    Raises TypeError, naming `parameter`, for what is neither.
    """
    call: Any = getattr(backend, "call", backend)
    if not callable(call):
        raise TypeError(
            f"{parameter} must be a Backend (an object with `async def call(request)`) or an async function "
            f"of one argument, not {type(backend).__name__}"
        )
    return cast("Callable[[RequestT], Awaitable[ResponseT]]", call)
