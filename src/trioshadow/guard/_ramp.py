"""Ramp: how far and how fast the sampling rate is raised, and what makes it fall. Settings, checked where they are
made; what follows from them is in `_ramp_plan.py`, the task in `_ramp_run.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import trio

from trioshadow._model.checks import is_count, out_of_range
from trioshadow._model.errors import ShadowerNotRunning
from trioshadow._shadower import Shadower, admission_of
from trioshadow.evidence import Objective

from ._ramp_run import RampOutcome, RampRun


def _require_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")


def _checked_steps(steps: Any) -> tuple[float, ...]:
    if isinstance(steps, str) or not isinstance(steps, Iterable):
        raise TypeError(f"steps takes several rates, as in [0.01, 0.1, 1.0], not {steps!r}")
    below = 0.0
    for step in (checked := tuple(steps)):
        _require_number("steps", step)
        if not below < step <= 1:
            raise out_of_range("steps", checked, "rising fractions in (0, 1]")
        below = step
    if not checked:
        raise out_of_range("steps", checked, "one or more")
    return tuple(map(float, checked))


def _is_duration(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    _require_number(attribute.name, value)
    if not value > 0:
        raise out_of_range(attribute.name, value, "seconds in (0, inf]")


def _is_fraction(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    _require_number(attribute.name, value)
    if not 0 <= value <= 1:
        raise out_of_range(attribute.name, value, "a fraction in [0, 1]")


def _is_below_the_steps(ramp: Ramp, attribute: attrs.Attribute[Any], value: Any) -> None:
    _require_number(attribute.name, value)
    if not 0 <= value <= ramp.steps[0]:
        raise out_of_range(attribute.name, value, f"a fraction in [0, {ramp.steps[0]:g}], the first step")


def _is_objective(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, Objective):
        raise TypeError(f"{attribute.name} must be an Objective, as in Objective(max_rate=0.01), not {value!r}")


@attrs.frozen
class Ramp:
    """Raises the sampling rate step by step while the candidate holds; falls back at once, and stays there, when it
    does not.

        nursery.start_soon(Ramp().run, shadower)

    Sampling is sticky, so the keys of a step are among those of the next. What happens is said by the logger
    `trioshadow`, one line each, with the reason. Out of range is a ValueError that names the parameter, the value and
    the range; a wrong type is a TypeError.
    """

    steps: tuple[float, ...] = attrs.field(default=(0.001, 0.01, 0.1, 1.0), converter=_checked_steps)
    """Sampling rates, rising, each in (0, 1]."""
    every: float = attrs.field(default=600.0, kw_only=True, validator=_is_duration)
    """Seconds, in (0, inf], that each step lasts at least, in one piece: see `min_calls` and `run()`. inf: it stays on
    the first, and watches."""
    objective: Objective = attrs.field(factory=Objective, kw_only=True, validator=_is_objective)
    """By which the scorecard is asked. It falls back when that says REJECT."""
    look_every: float = attrs.field(default=10.0, kw_only=True, validator=_is_duration)
    """Seconds between two looks, in (0, inf]. A scorecard is asked less often where it would take more than a
    hundredth of the event loop's time."""
    fall_back_to: float = attrs.field(default=0.0, kw_only=True, validator=_is_below_the_steps)
    """The rate after falling back, from 0, which leaves the candidate alone, up to the first step, which keeps examples
    coming."""
    max_failed: float = attrs.field(default=0.1, kw_only=True, validator=_is_fraction)
    """It falls back when more than this fraction, in [0, 1], of the legs that ended since the last look failed or timed
    out; 1: never for that."""
    min_calls: int = attrs.field(default=20, kw_only=True, validator=is_count)
    """So many legs, in [1, inf), tell something. While fewer have ended, `max_failed` looks at those of several looks
    together; and a step lasts until as many calls have come as make that many legs on average."""

    async def run(self, shadower: Shadower[Any, Any, Any]) -> RampOutcome:
        """Climb, in the task that awaits it; how it ended. For a nursery of yours.

        It begins on the first step, whatever the rate was, and ends when the last step has held, when it falls back,
        when somebody else sets the rate, when another ramp begins on the same shadower, or when the shadower is left.
        The time of a step begins anew when calls were paused (also by an open breaker), when more than 1 % of the
        sampled calls were shed, and when the rules have changed; with another `candidate` it starts over.

        A checkpoint. Cancelling it leaves the rate where it is. Raises ShadowerNotRunning if the shadower was never
        entered. It must run in the same Trio run as the shadower.
        """
        if not admission_of(shadower).entered:
            raise ShadowerNotRunning(
                "a ramp climbs on a shadower that was entered: start it inside of `async with shadower:`"
            )
        await trio.lowlevel.checkpoint()
        return await RampRun(self, shadower).run()
