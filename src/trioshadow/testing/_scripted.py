"""ScriptedBackend: a Backend that answers, fails, hangs and dawdles by script.

Times are seconds of Trio's clock, so with `trio.testing.MockClock` they are exact and cost nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import attrs
import trio

from trioshadow._model.checks import is_bool, is_delay, wrong_type


def _is_exception(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not (isinstance(value, BaseException) or (isinstance(value, type) and issubclass(value, BaseException))):
        raise wrong_type(attribute.name, value, "an exception or its class")


@attrs.frozen
class Answer:
    """Return `value`; if that is a function, what it makes of the request."""

    value: Any
    after: float = attrs.field(default=0.0, kw_only=True, validator=is_delay)
    """Seconds until then, in [0, inf). At 0 it is still a checkpoint."""


@attrs.frozen
class Fail:
    """Raise `exception`: a class or an instance. Of an instance each call raises the same one."""

    exception: BaseException | type[BaseException] = attrs.field(validator=_is_exception)
    after: float = attrs.field(default=0.0, kw_only=True, validator=is_delay)
    """Seconds until then, in [0, inf)."""


@attrs.frozen
class Hang:
    """Never return; unless `refuse_cancel` says otherwise it can be cancelled."""

    refuse_cancel: float = attrs.field(default=0.0, kw_only=True, validator=is_delay)
    """Seconds from the start, in [0, inf), for which even cancelling does not help."""


#: What a ScriptedBackend does with one call. A function is called with the request and awaited: for everything else.
Step: TypeAlias = Answer | Fail | Hang | Callable[[Any], Any]


class ScriptedBackend:
    """A Backend that does one step a call, in order.

        shadow = ScriptedBackend(Answer(b"ok", after=0.5), Fail(ValueError), Hang())

    With `repeat` (the default) it starts again after the last step; without, further calls raise AssertionError. Raises
    ValueError if there is no step, TypeError for what is none.
    """

    def __init__(self, *steps: Step, repeat: bool = True) -> None:
        is_bool.check("repeat", repeat)
        if not steps:
            raise ValueError("a script has at least one step")
        for step in steps:
            if isinstance(step, type) or not (isinstance(step, Answer | Fail | Hang) or callable(step)):
                raise TypeError(f"a step is Answer(...), Fail(...), Hang() or an async function, not {step!r}")
        self._steps: Iterator[Step] = itertools.cycle(steps) if repeat else iter(steps)
        #: What it was called with, in order of the calls.
        self.requests: list[Any] = []

    async def call(self, request: Any, /) -> Any:
        """Do the next step. A checkpoint."""
        self.requests.append(request)
        step = next(self._steps, None)
        match step:
            case None:
                raise AssertionError(f"the script has no step for call {len(self.requests)}")
            case Answer(value=value, after=after):
                await trio.sleep(after)
                return value(request) if callable(value) else value
            case Fail(exception=exception, after=after):
                await trio.sleep(after)
                raise exception
            case Hang(refuse_cancel=refuse_cancel):
                with trio.CancelScope(shield=True):
                    await trio.sleep(refuse_cancel)
                return await trio.sleep_forever()
            case _:
                return await step(request)
