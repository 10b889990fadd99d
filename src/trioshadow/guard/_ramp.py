"""Ramp: raises the sampling rate step by step while the candidate holds, and falls back when it does not. Here are the
settings and the task that climbs; `_ramp_plan.py` decides what comes next.
"""

from __future__ import annotations

import enum
import logging
import math
import time
import weakref
from typing import Any

import attrs
import trio

from trioshadow._accounts.notices import Notices
from trioshadow._model.checks import (
    instance_of,
    is_count,
    is_fraction,
    is_number,
    is_timeout,
    number,
    out_of_range,
    several,
    wrong_type,
)
from trioshadow._model.errors import MESSAGE_LIMIT, ShadowerNotRunning
from trioshadow._shadower import Shadower, admission_of
from trioshadow.evidence import Decision, Epoch, Objective

from ._ramp_plan import Counts, Look, Move, Plan, Planned, Position, percent

#: Seconds after which it sees that the shadower was left, so that a ramp does not hold up the end of a program.
_TICK = 1.0

#: Of the event loop's time scorecards may take so much.
_SHARE = 0.01

#: Which run has the say on a shadower: the last that began. By a token: a run would keep its shadower alive.
_latest: weakref.WeakKeyDictionary[Shadower[Any, Any, Any], object] = weakref.WeakKeyDictionary()


class RampEnd(enum.Enum):
    """How a ramp ended."""

    DONE = "done"
    """The last step has held."""
    FELL_BACK = "fell_back"
    """The candidate did not hold. The rate is `Ramp.fall_back_to`."""
    GAVE_WAY = "gave_way"
    """Somebody else has set the rate, or begun another ramp. The rate is theirs."""
    CLOSED = "closed"
    """The shadower was left."""


@attrs.frozen
class RampOutcome:
    """What came of a ramp."""

    end: RampEnd
    rate: float
    """The shadower's sampling rate at the end."""
    reason: str
    """Why, in words: what the log says of it."""


_STEPS = "rising fractions in (0, 1]"


def _checked_steps(steps: Any) -> tuple[float, ...]:
    checked = several("steps", steps, "rates, as in [0.01, 0.1, 1.0]")
    below = 0.0
    for step in checked:
        if not is_number(step):
            raise wrong_type("steps", step, "numbers", _STEPS)
        if not below < step <= 1:
            raise out_of_range("steps", checked, _STEPS)
        below = step
    if not checked:
        raise out_of_range("steps", checked, "one or more")
    return tuple(map(float, checked))


def _is_below_the_steps(ramp: Ramp, attribute: attrs.Attribute[Any], value: object) -> None:
    highest = ramp.steps[0]
    allowed = f"a fraction in [0, {highest:g}], the first step"
    number(allowed, lambda rate: 0 <= rate <= highest)(ramp, attribute, value)


_is_objective = instance_of(Objective, "an Objective, as in Objective(max_rate=0.01)")


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
    every: float = attrs.field(default=600.0, kw_only=True, validator=is_timeout)
    """Seconds, in (0, inf], that each step lasts at least, in one piece: see `min_calls` and `run()`. inf: it stays on
    the first, and watches."""
    objective: Objective = attrs.field(factory=Objective, kw_only=True, validator=_is_objective)
    """By which the scorecard is asked. It falls back when that says REJECT."""
    look_every: float = attrs.field(default=10.0, kw_only=True, validator=is_timeout)
    """Seconds between two looks, in (0, inf]. A scorecard is asked less often where it would take more than a
    hundredth of the event loop's time."""
    fall_back_to: float = attrs.field(default=0.0, kw_only=True, validator=_is_below_the_steps)
    """The rate after falling back, from 0, which leaves the candidate alone, up to the first step, which keeps examples
    coming."""
    max_failed: float = attrs.field(default=0.1, kw_only=True, validator=is_fraction)
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
        return await _Run(self, shadower).run()


class _Run:
    """One run of a ramp on one shadower: it looks, asks the plan, sets the rate and says why.

    It changes nothing but the rate, of the configuration as it is at that moment, without an await between reading and
    writing: whatever else was reconfigured stays.

    A scorecard takes time of the event loop, up to a third of a second for the fullest evidence. So it is asked no more
    often than takes a hundredth of that loop's time. The counts, which cost next to nothing, are looked at every time.
    """

    def __init__(self, ramp: Ramp, shadower: Shadower[Any, Any, Any]) -> None:
        self._ramp = ramp
        self._plan = Plan(steps=ramp.steps, every=ramp.every, max_failed=ramp.max_failed, min_calls=ramp.min_calls)
        self._shadower = shadower
        self._notices = Notices(shadower.name)
        self._token = object()
        #: When a scorecard may be asked again.
        self._scorecard_at = -math.inf
        #: The cause that was last told why it stays where it is.
        self._told = ""

    async def run(self) -> RampOutcome:
        """To the end."""
        if not self._shadower.running:
            return self._closed()
        _latest[self._shadower] = self._token
        ramp, look = self._ramp, self._look()
        if look.decision is Decision.REJECT:
            return self._fall_back(f"does not begin, and the rate is {percent(ramp.fall_back_to)}", look.told)
        position = Position.beginning(0, look)
        self._climb(0, "begins", f"{ramp.every:g} s or more for each step")
        while True:
            outcome = await self._wait_until(self._next_look(position))
            if outcome is not None:
                return outcome
            planned = self._plan.next_move(position, self._look())
            position = planned.position
            move, reason = planned.move, planned.reason
            if move is Move.STAY or move is Move.BEGIN_ANEW:
                self._stay(planned)
            elif move is Move.UP:
                self._climb(position.step, "goes up", reason)
            elif move is Move.START_OVER:
                self._climb(position.step, "starts over", reason)
            elif move is Move.FALL_BACK:
                way = f"from {percent(ramp.steps[position.step])} to {percent(ramp.fall_back_to)}"
                return self._fall_back(f"falls back {way}, and stays there", reason)
            elif move is Move.DONE:
                return self._end(RampEnd.DONE, "is done", reason)
            else:
                return self._end(RampEnd.GAVE_WAY, "gives way", reason, logging.WARNING)

    def _next_look(self, position: Position) -> float:
        now = trio.current_time()
        held_at = position.since + self._ramp.every
        return min(now + self._ramp.look_every, held_at if held_at > now else math.inf)

    async def _wait_until(self, moment: float) -> RampOutcome | None:
        """Until then, or until there is nothing to do any more: how it ended."""
        while (now := trio.current_time()) < moment:
            await trio.sleep_until(min(moment, now + _TICK))
            if not self._shadower.running:
                return self._closed()
            if _latest[self._shadower] is not self._token:
                return self._end(RampEnd.GAVE_WAY, "gives way", "another one has begun", logging.WARNING)
        return None

    def _look(self) -> Look:
        shadower, now = self._shadower, trio.current_time()
        config = shadower.config
        decision, told = None, ""
        if now >= self._scorecard_at:
            began = time.thread_time()
            scorecard = shadower.scorecard(self._ramp.objective)
            self._scorecard_at = now + (time.thread_time() - began) / _SHARE
            decision, told = scorecard.decision, str(scorecard)[:MESSAGE_LIMIT]
        return Look(
            now=now,
            rate=config.sample_rate,
            epoch=Epoch(config.candidate, config.fingerprint),
            counts=Counts.of(shadower.statistics()),
            decision=decision,
            told=told,
        )

    def _set_rate(self, rate: float) -> None:
        self._shadower.reconfigure(attrs.evolve(self._shadower.config, sample_rate=rate))

    def _climb(self, step: int, what: str, why: str) -> None:
        steps = self._ramp.steps
        self._set_rate(steps[step])
        self._told = ""
        self._say(what, f"{percent(steps[step])} of the keys (step {step + 1} of {len(steps)}); {why}", logging.INFO)

    def _stay(self, planned: Planned) -> None:
        if planned.cause in ("", self._told):
            return
        self._told = planned.cause
        anew = "; the step begins anew" if planned.move is Move.BEGIN_ANEW else ""
        rate = percent(self._ramp.steps[planned.position.step])
        self._say(f"stays at {rate}", planned.reason + anew, logging.INFO)

    def _fall_back(self, what: str, reason: str) -> RampOutcome:
        self._set_rate(self._ramp.fall_back_to)
        return self._end(RampEnd.FELL_BACK, what, reason, logging.WARNING)

    def _closed(self) -> RampOutcome:
        return self._end(RampEnd.CLOSED, "ends", "the shadower was left")

    def _end(self, end: RampEnd, what: str, reason: str, level: int = logging.INFO) -> RampOutcome:
        self._say(what, reason, level)
        return RampOutcome(end, self._shadower.config.sample_rate, reason)

    def _say(self, what: str, why: str, level: int) -> None:
        self._notices.tell(f"the ramp {what}: {why}", level)
