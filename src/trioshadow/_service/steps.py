"""The stall meter: times each step of a coroutine, from where it is resumed to where it next waits.

A candidate that computes or blocks between two checkpoints delays everybody on the event loop, and looks innocent: its
own latency is small. So its coroutine is driven from here, step by step, and each is timed; nothing is hooked into Trio
and nothing is on the primary's path.

Only the steps of this coroutine are seen: not those of tasks that it starts in nurseries of its own, nor what a library
does in callbacks. It is wall-clock time: the step in which the garbage collector ran, or another thread held the
interpreter lock, is long too.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from time import perf_counter
from typing import Any

#: What is told of a long step: seconds, and the line where the coroutine is now.
Report = Callable[[float, str], None]


@types.coroutine
def in_steps(coroutine: Coroutine[Any, Any, Any], limit: float, report: Report) -> Generator[Any, Any, Any]:
    """Await it; `report` is told of each step that takes longer than `limit` seconds. It must not raise."""
    send = coroutine.send
    value: Any = None  # Trio sends an Outcome
    error: BaseException | None = None
    began = perf_counter()
    try:
        while True:
            # As little as possible: this runs at each checkpoint of each shadow. `nox -s bench`, "a step".
            trap = send(value) if error is None else coroutine.throw(error)
            took = perf_counter() - began
            if took > limit:
                report(took, _line_of(coroutine))
            # Either may be, or hold, an exception, which holds this frame by its traceback.
            error = value = None
            try:
                value = yield trap
            except BaseException as exc:
                error = exc
            began = perf_counter()
    except StopIteration as stop:
        took = perf_counter() - began
        if took > limit:
            report(took, _end_of(coroutine))
        return stop.value
    except BaseException:
        took = perf_counter() - began
        if took > limit:
            report(took, _end_of(coroutine))
        raise
    finally:
        error = value = None  # as above


def _line_of(coroutine: Any) -> str:
    """Where it waits: the innermost line that is not Trio's."""
    where = _end_of(coroutine)
    while (frame := getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)) is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] != "trio":
            where = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    return where


def _end_of(coroutine: Any) -> str:
    """It has ended, so there is no line any more."""
    code = coroutine.cr_code
    return f"the end of {code.co_qualname} ({code.co_filename}:{code.co_firstlineno})"
