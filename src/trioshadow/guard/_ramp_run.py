"""One run of a ramp on one shadower: it looks, asks the plan, sets the rate and says why.

It changes nothing but the rate, of the configuration as it is at that moment, without an await between reading and
writing: whatever else was reconfigured stays.

A scorecard takes time of the event loop, up to a third of a second for the fullest evidence. So it is asked no more
often than takes a hundredth of that loop's time. The counts, which cost next to nothing, are looked at every time.
"""

from __future__ import annotations

import enum
import logging
import math
import time
import weakref
from typing import TYPE_CHECKING, Any

import attrs
import trio

from trioshadow._accounts.notices import Notices
from trioshadow._model.errors import MESSAGE_LIMIT
from trioshadow._shadower import Shadower
from trioshadow.evidence import Decision, Epoch

from ._ramp_plan import Counts, Decided, Look, Move, Position, decide, percent

if TYPE_CHECKING:
    from ._ramp import Ramp

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


class RampRun:
    """One run."""

    def __init__(self, ramp: Ramp, shadower: Shadower[Any, Any, Any]) -> None:
        self._ramp = ramp
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
        if look.verdict is Decision.REJECT:
            return self._fall_back(f"does not begin, and the rate is {percent(ramp.fall_back_to)}", look.told)
        position = Position.beginning(0, look)
        self._climb(0, "begins", f"{ramp.every:g} s or more for each step")
        while True:
            outcome = await self._wait_until(self._next_look(position))
            if outcome is not None:
                return outcome
            decided = decide(ramp, position, self._look())
            position = decided.position
            move, reason = decided.move, decided.reason
            if move is Move.STAY or move is Move.BEGIN_ANEW:
                self._stay(decided)
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
        verdict, told = None, ""
        if now >= self._scorecard_at:
            began = time.thread_time()
            scorecard = shadower.scorecard(self._ramp.objective)
            self._scorecard_at = now + (time.thread_time() - began) / _SHARE
            verdict, told = scorecard.verdict, str(scorecard)[:MESSAGE_LIMIT]
        return Look(
            now=now,
            rate=config.sample_rate,
            epoch=Epoch(config.candidate, config.fingerprint),
            counts=Counts.of(shadower.statistics()),
            verdict=verdict,
            told=told,
        )

    def _set_rate(self, rate: float) -> None:
        self._shadower.reconfigure(attrs.evolve(self._shadower.config, sample_rate=rate))

    def _climb(self, step: int, what: str, why: str) -> None:
        steps = self._ramp.steps
        self._set_rate(steps[step])
        self._told = ""
        self._say(what, f"{percent(steps[step])} of the keys (step {step + 1} of {len(steps)}); {why}", logging.INFO)

    def _stay(self, decided: Decided) -> None:
        if decided.cause in ("", self._told):
            return
        self._told = decided.cause
        anew = "; the step begins anew" if decided.move is Move.BEGIN_ANEW else ""
        rate = percent(self._ramp.steps[decided.position.step])
        self._say(f"stays at {rate}", decided.reason + anew, logging.INFO)

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
