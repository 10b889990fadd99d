"""One call of a mirrored function: the primary is called as before, and the leg is told what it did.

Promise kept here: *same answer*. The primary's very object or exception; what it gives to await behaves as before, too
(`awaitables.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

from trioshadow._caller.leg import Leg
from trioshadow._caller.mirrored_leg import MirroredLeg
from trioshadow._model.callables import can_be_awaited, is_async

from .awaitables import watched

#: Starts the leg of a call with these arguments.
Start: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], Leg[Any, Any]]


def mirrored_call(function: Callable[..., Any], start: Start) -> Callable[..., Any]:
    """Calls `function` as before, and mirrors the call. A function of its name, for tracebacks and coroutines."""
    call = (_async if is_async(function) else _sync)(function, start)
    for attribute in ("__name__", "__qualname__"):
        name = getattr(function, attribute, None)
        if isinstance(name, str):
            setattr(call, attribute, name)
    call.__wrapped__ = function  # type: ignore[attr-defined] # for its signature
    return call


def _async(function: Callable[..., Any], start: Start) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        leg = start(args, kwargs)
        try:
            answer = await function(*args, **kwargs)
        except GeneratorExit:
            # Closed, perhaps by the garbage collector, in another thread and in the midst of anything. The leg is lost
            # then, and abandons itself.
            del leg
            raise
        except BaseException as exc:
            leg.primary_raised(exc)
            raise
        leg.primary_done(answer)
        return answer

    return wrapper


def _sync(function: Callable[..., Any], start: Start) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        leg = start(args, kwargs)
        if not isinstance(leg, MirroredLeg):
            return function(*args, **kwargs)  # whatever it comes to, there is nobody to tell
        # By the clocks by which a worker thread times the shadow.
        began, began_cpu = time.perf_counter(), time.thread_time()
        try:
            answer = function(*args, **kwargs)
            seconds, cpu = time.perf_counter() - began, time.thread_time() - began_cpu
            if can_be_awaited(answer):  # nothing said that the function is async
                return watched(answer, leg)
            leg.ran_alone(seconds, cpu)
        except BaseException as exc:
            leg.ran_alone(time.perf_counter() - began, time.thread_time() - began_cpu)
            leg.primary_raised(exc)
            raise
        leg.primary_done(answer)
        return answer

    return wrapper
