"""Ramp: raises the sampling rate step by step while the candidate holds, falls back when it does not, and tries again a
few times. Here are the settings and the task that climbs; `_ramp_plan.py` decides what comes next.
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
from trio.lowlevel import enable_ki_protection

from trioshadow._accounts.notices import Notices
from trioshadow._model.checks import (
    is_count,
    is_count_or_zero,
    is_fraction,
    is_number,
    is_timeout,
    number,
    out_of_range,
    several,
    wrong_type,
)
from trioshadow._model.errors import MESSAGE_LIMIT, ShadowerNotRunning
from trioshadow._model.words import counted
from trioshadow._shadower import Shadower, admission_of
from trioshadow.compare import visible
from trioshadow.evidence import (
    Decision,
    Epoch,
    FieldScore,
    FieldState,
    LatencyScore,
    Objective,
    Scorecard,
    is_objective,
)

from ._ramp_plan import BLOCKS, Broken, Counts, Look, Move, Plan, Planned, Position, percent

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
    """The candidate did not hold, nor when it was tried again. The rate is `Ramp.fall_back_to`."""
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
    """Why, in words: what the log says of it. How often it has tried again, if it has."""


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


@attrs.frozen
class Ramp:
    """Raises the sampling rate step by step while the candidate holds; falls back at once when it does not, and tries
    again after a cool-down, a few times.

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
    objective: Objective | None = attrs.field(default=None, kw_only=True, validator=is_objective.or_none)
    """By which the scorecard is asked; None: the shadower's own. It falls back when that says REJECT. Of limits that
    the shadower's objective does not have, some tests can't be made: then it says so once in the log."""
    look_every: float = attrs.field(default=10.0, kw_only=True, validator=is_timeout)
    """Seconds between two looks, in (0, inf]. A scorecard is asked less often where it would take more than a
    hundredth of the event loop's time."""
    fall_back_to: float = attrs.field(default=0.0, kw_only=True, validator=_is_below_the_steps)
    """The rate after falling back, from 0, which leaves the candidate alone, up to the first step, which keeps examples
    coming."""
    cool_down: float = attrs.field(default=3600.0, kw_only=True, validator=is_timeout)
    """Seconds, in (0, inf], after which it tries again when it fell back. inf: never."""
    retries: int = attrs.field(default=3, kw_only=True, validator=is_count_or_zero)
    """So often it tries again, in [0, inf), for one candidate: at half the rate at which it fell back, and then on the
    steps above that. Judged by the calls since then, at a half, a quarter, ... of the objective's `error_level`. 0: it
    falls back and stays there."""
    max_failed: float = attrs.field(default=0.1, kw_only=True, validator=is_fraction)
    """It falls back when more than this fraction, in [0, 1], of the legs that ended since the last look failed or timed
    out; 1: never for that."""
    min_calls: int = attrs.field(default=20, kw_only=True, validator=is_count)
    """So many legs, in [1, inf), tell something. While fewer have ended, `max_failed` looks at those of several looks
    together; and a step lasts until as many calls have come as make that many legs on average."""

    async def run(self, shadower: Shadower[Any, Any, Any]) -> RampOutcome:
        """Climb, in the task that awaits it; how it ended. For a nursery of yours.

        It begins on the first step, whatever the rate was, and ends when the last step has held, when it falls back
        and has no try left, when the candidate is rejected before it has begun, when somebody else sets the rate, when
        another ramp begins on the same shadower, or when the shadower is left. The time of a step begins anew while
        something is broken (and if that is seen in two blocks of time in a row, it falls back), when calls were paused
        (also by an open breaker), when more than 1 % of the sampled calls were shed, when the rules have changed, and
        at its end where something has regressed and is on the way to a REJECT; with another `candidate` it starts over.

        When it tries again, the shadower's scorecard begins anew: it is of the calls since then. `statistics()`,
        archives and fleets go on with all of them.

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
        self._plan = Plan(
            steps=ramp.steps,
            every=ramp.every,
            max_failed=ramp.max_failed,
            min_calls=ramp.min_calls,
            fall_back_to=ramp.fall_back_to,
            cool_down=ramp.cool_down,
            retries=ramp.retries,
        )
        self._shadower = shadower
        self._notices = Notices(shadower.name)
        self._token = object()
        self._tries = 0
        #: When a scorecard may be asked again.
        self._scorecard_at = -math.inf
        #: The cause that was last told why it stays where it is.
        self._told = ""

    async def run(self) -> RampOutcome:
        """To the end."""
        if not self._shadower.running:
            return self._closed()
        _latest[self._shadower] = self._token
        self._compare_objectives()
        ramp, look = self._ramp, self._look()
        if look.decision is Decision.REJECT:
            self._set_rate(ramp.fall_back_to)
            what = f"does not begin, and the rate is {percent(ramp.fall_back_to)}"
            return self._end(RampEnd.FELL_BACK, what, look.told, logging.WARNING)
        position = Position.beginning(ramp.steps, look)
        self._climb(position, "begins", f"{ramp.every:g} s or more for each step")
        while True:
            outcome = await self._wait_until(self._next_look(position))
            if outcome is not None:
                return outcome
            planned = self._plan.next_move(position, self._look(resting=position.rests_until is not None))
            position = planned.position
            outcome = self._move(planned)
            if outcome is not None:
                return outcome

    def _move(self, planned: Planned) -> RampOutcome | None:
        """Do what is planned: how it ended, if it has."""
        position, reason, ramp = planned.position, planned.reason, self._ramp
        self._tries = position.tries
        match planned.move:
            case Move.STAY | Move.BEGIN_ANEW:
                self._stay(planned)
            case Move.UP:
                self._climb(position, "goes up", reason)
            case Move.START_OVER:
                self._climb(position, "starts over", reason)
            case Move.TRY_AGAIN:
                self._begin_anew()
                self._climb(position, f"tries again ({position.tries} of {ramp.retries})", reason)
            case Move.REST:
                way = self._fall_back()
                self._say(f"{way}, and tries again in {ramp.cool_down:,g} s", reason, logging.WARNING)
            case Move.FALL_BACK:
                way = self._fall_back()
                return self._end(RampEnd.FELL_BACK, f"{way}, and stays there", reason, logging.WARNING)
            case Move.DONE:
                return self._end(RampEnd.DONE, "is done", reason)
            case _:  # it gives way
                return self._end(RampEnd.GAVE_WAY, "gives way", reason, logging.WARNING)
        return None

    def _next_look(self, position: Position) -> float:
        now = trio.current_time()
        due_at = position.since + self._ramp.every if position.rests_until is None else position.rests_until
        return min(now + self._ramp.look_every, due_at if due_at > now else math.inf)

    async def _wait_until(self, moment: float) -> RampOutcome | None:
        """Until then, or until there is nothing to do any more: how it ended."""
        while (now := trio.current_time()) < moment:
            await trio.sleep_until(min(moment, now + _TICK))
            if not self._shadower.running:
                return self._closed()
            if _latest[self._shadower] is not self._token:
                return self._end(RampEnd.GAVE_WAY, "gives way", "another one has begun", logging.WARNING)
        return None

    def _compare_objectives(self) -> None:
        asked, counted_for = self._ramp.objective, admission_of(self._shadower).ledger.evidence.objective
        if asked is not None and asked.counting != counted_for.counting:
            told = (
                "the ramp has other limits than the shadower counts for, so some tests can't be made: "
                "give the objective to the Shadower, as in Shadower(objective=...)"
            )
            self._notices.tell(told, logging.WARNING)

    def _objective(self) -> Objective:
        """By which it judges now: each try has half the error level of the one before."""
        objective = self._ramp.objective or admission_of(self._shadower).ledger.evidence.objective
        share = 0.5**self._tries
        operations = {name: _stricter(one, share) for name, one in objective.operations.items()}
        return attrs.evolve(_stricter(objective, share), operations=operations)

    def _look(self, *, resting: bool = False) -> Look:
        shadower, now = self._shadower, trio.current_time()
        config = shadower.config
        decision, told, withheld, broken, needed = None, "", "", None, None
        if now >= self._scorecard_at and not resting:
            began = time.thread_time()
            scorecard = shadower.scorecard(self._objective())
            self._scorecard_at = now + (time.thread_time() - began) / _SHARE
            decision, told = scorecard.decision, str(scorecard)[:MESSAGE_LIMIT]
            if any(one.forbids and one.side == "shadow" for one in scorecard.withheld):
                withheld = told  # what it says first, unless it rejects
            broken, needed = _broken(scorecard), _needed(scorecard)
        return Look(
            now=now,
            rate=config.sample_rate,
            epoch=Epoch(config.candidate, config.fingerprint),
            counts=Counts.of(shadower.statistics()),
            decision=decision,
            told=told,
            withheld=withheld,
            broken=broken,
            needed=needed,
        )

    @enable_ki_protection  # as for another epoch: one begun by half would count calls that no statistics have
    def _begin_anew(self) -> None:
        admission_of(self._shadower).ledger.begin_anew()

    def _set_rate(self, rate: float) -> None:
        self._shadower.reconfigure(attrs.evolve(self._shadower.config, sample_rate=rate))

    def _climb(self, position: Position, what: str, why: str) -> None:
        self._set_rate(position.rate)
        self._told = ""
        step = f"step {position.step + 1} of {len(position.steps)}"
        self._say(what, f"{percent(position.rate)} of the keys ({step}); {why}", logging.INFO)

    def _stay(self, planned: Planned) -> None:
        if planned.cause in ("", self._told):
            return
        self._told = planned.cause
        anew = "; the step begins anew" if planned.move is Move.BEGIN_ANEW else ""
        self._say(f"stays at {percent(planned.position.rate)}", planned.reason + anew, logging.INFO)

    def _fall_back(self) -> str:
        """Do so, and say from where to where."""
        before, after = self._shadower.config.sample_rate, self._ramp.fall_back_to
        self._set_rate(after)
        return f"falls back from {percent(before)} to {percent(after)}"

    def _closed(self) -> RampOutcome:
        return self._end(RampEnd.CLOSED, "ends", "the shadower was left")

    def _end(self, end: RampEnd, what: str, reason: str, level: int = logging.INFO) -> RampOutcome:
        if self._tries:
            reason = f"{reason}; it tried again {counted(self._tries, 'time')}"
        self._say(what, reason, level)
        return RampOutcome(end, self._shadower.config.sample_rate, reason)

    def _say(self, what: str, why: str, level: int) -> None:
        self._notices.tell(f"the ramp {what}: {why}", level)


def _stricter(objective: Objective, share: float) -> Objective:
    return attrs.evolve(objective, error_level=max(objective.error_level * share, math.ulp(0.0)))


def _broken(scorecard: Scorecard) -> Broken | None:
    """What is broken now, and was in most blocks."""
    found = [
        (field.broken_blocks, field.broken_since, f"{operation.name}: {field.field}")
        for operation in scorecard.operations
        for field in operation.fields
        if field.broken_since is not None and not field.acknowledged
    ]
    if not found:
        return None
    blocks, since, what = max(found)
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(since))
    return Broken(visible(f"broken since {at} UTC: {what}")[:MESSAGE_LIMIT], blocks)


def _needed(scorecard: Scorecard) -> int | None:
    """How many more blocks of time it takes until something that has regressed is a reason to reject."""
    scores: list[LatencyScore | FieldScore] = [operation.latency for operation in scorecard.operations]
    for operation in scorecard.operations:
        scores += [field for field in operation.fields if not field.acknowledged]
    regressed = [score for score in scores if score.state is FieldState.REGRESSED and score.blocks[0] >= BLOCKS]
    return min((score.blocks_needed for score in regressed if score.blocks_needed is not None), default=None)
