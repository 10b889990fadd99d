"""What a ProcessBackend runs in its worker processes, and nothing more: the call, and how it ended as data."""

from __future__ import annotations

import contextlib
import contextvars
import multiprocessing
import os
import pickle
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from trioshadow._model.errors import describe_error
from trioshadow._service.marks import ShadowMark, shadow_mark

from ._carried import carried
from ._errors import CandidateError, crossing_error


def begin(niceness: int) -> None:
    """Run first in each worker: let others have the processors first, where there are too few; and end when the program
    is killed, in the middle of a call too. (Between calls a worker sees that its pipe is closed.)
    """
    threading.Thread(target=_end_with_the_program, daemon=True).start()
    with contextlib.suppress(AttributeError):  # Windows has no such thing
        os.nice(niceness)


def _end_with_the_program() -> None:
    program = multiprocessing.parent_process()
    assert program is not None
    program.join()
    os._exit(1)


def warm_up(function: Callable[[Any], Any]) -> None:
    """Nothing. That `function` came here means that its module has been imported."""


class Ended(NamedTuple):
    """What a call came to."""

    answer: Any
    error: BaseException | None
    """What it raised."""
    seconds: float
    """Of the function alone, on the wall clock, ..."""
    cpu: float
    """... and of its own CPU time."""


def call(function: Callable[[Any], Any], request: Any, shadow: bool) -> Ended:
    """What `function(request)` comes to.

    Raises nothing: so whatever a call raises on the other side says that the worker is lost, or that request or answer
    can't be pickled. `shadow`: context variables don't reach a worker, but what must not happen twice must not here.
    """
    context = contextvars.copy_context()
    began, cpu = time.perf_counter(), time.thread_time()
    try:
        answer = context.run(_call, function, request, shadow)
    except BaseException as exc:
        seconds, cpu = time.perf_counter() - began, time.thread_time() - cpu
        return Ended(None, _portable(crossing_error(exc)), seconds, cpu)
    seconds, cpu = time.perf_counter() - began, time.thread_time() - cpu
    return Ended(answer, None, seconds, cpu)


def _call(function: Callable[[Any], Any], request: Any, shadow: bool) -> Any:
    if shadow:
        shadow_mark.set(ShadowMark())
    return function(request)


def _portable(exc: BaseException) -> Any:
    """What arrives on the other side as the same exception, or else as a CandidateError."""
    for make in (_itself, carried):
        with contextlib.suppress(Exception):  # many exceptions can be written and not be read
            portable = make(exc)
            pickle.loads(pickle.dumps(portable))  # noqa: S301 - our own
            return portable
    name, message = describe_error(exc)
    return CandidateError(f"the candidate raised {name}: {message}")


def _itself(exc: BaseException) -> BaseException:
    return exc
