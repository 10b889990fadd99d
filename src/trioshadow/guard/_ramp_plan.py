"""What a ramp does next, given where it stands and what it sees. Pure: the time and all counts are passed in.

The first of these that is so:

1. The rate is not the ramp's any more: it gives way. Who changed it knows more than a ramp.
2. The candidate is another: the steps were held, or the tries used up, by the one before, so it starts over. Where the
   scorecard rejects that one, too, it falls back at once.
3. It fell back a cool-down ago: it tries again. Before that it rests, and asks for nothing.
4. The scorecard says REJECT: it falls back.
5. The rules are others: the candidate has proved that it bears this rate, and the step begins anew.
6. Of the legs that ended since it last asked, `min_calls` or more, a larger share than `max_failed` has failed: it
   falls back. A scorecard is about all calls of a series, and takes longer to see what broke a moment ago.
7. Something is broken now, whatever it was before. Was that seen in two blocks of time in a row, it falls back; else
   the step begins anew.
8. Calls were paused, or more than 1 % of the sampled ones were shed: the step begins anew. Nothing is known of a
   candidate that is not called, and where there is no room a higher rate brings nothing.
9. The step has lasted for `every` seconds and has seen enough, with credentials: it goes up, or is done.

HOLD keeps it from nothing but this: what has regressed, and is a reason to reject in a few more blocks of time like
those of this step, is waited for; and no step brings the credentials that were withheld from the shadow: a service that
refuses all calls bears any rate. What a scorecard mostly lacks is keys, and the next step is what brings them.

It tries again at half the rate at which it fell back, goes on with the steps above that, and is judged by what came
since, each time at half the error level of the time before. A stall on a candidate that is well costs one try; a
candidate that is not well costs `retries` short looks at ever fewer keys.
"""

from __future__ import annotations

import enum
import math
from typing import Self

import attrs

from trioshadow._accounts.ledger import ShadowStatistics
from trioshadow._model.words import counted
from trioshadow.evidence import Decision, Epoch

#: So many of the sampled calls may be shed. From there on a scorecard has a note of it, too.
_SHED = 0.01

#: What was so in only one block of time may be a stall, which is over by itself.
BLOCKS = 2

#: REJECT is waited for if it takes no more blocks than these. From nothing it takes eight or so.
_NEAR = 20


class Move(enum.Enum):
    """What to do."""

    STAY = enum.auto()
    BEGIN_ANEW = enum.auto()
    """Stay on the step, and count its time from now."""
    START_OVER = enum.auto()
    """Go back to the first step."""
    UP = enum.auto()
    DONE = enum.auto()
    REST = enum.auto()
    """Fall back, for as long as the cool-down is."""
    TRY_AGAIN = enum.auto()
    FALL_BACK = enum.auto()
    """For good."""
    GIVE_WAY = enum.auto()


@attrs.frozen
class Counts:
    """What the statistics have for a ramp. One less an earlier one is what came between them."""

    drawn: int
    """Calls that the sampler has decided on."""
    sampled: int
    """Those that it has taken."""
    compared: int
    """Legs that ended and say something of the shadow."""
    failed: int
    """Those of them that failed or timed out."""
    abandoned: int
    shed: int
    paused: int
    ignored: int = 0

    @classmethod
    def of(cls, statistics: ShadowStatistics) -> Self:
        """Taken from the statistics."""
        s = statistics
        failed = s.failed + s.timed_out
        sampled = s.mirrored + s.shed
        compared = s.matched + s.diverged + failed
        return cls(sampled + s.not_sampled, sampled, compared, failed, s.abandoned, s.shed, s.paused, s.ignored)

    def __sub__(self, earlier: Counts) -> Counts:
        return Counts(*(now - then for now, then in zip(attrs.astuple(self), attrs.astuple(earlier), strict=True)))


@attrs.frozen
class Broken:
    """What a scorecard says is broken now."""

    what: str
    """Since when, and which field of which operation; for people."""
    blocks: int
    """Blocks of time in a row in which it was seen."""


@attrs.frozen(kw_only=True)
class Look:
    """What a ramp sees."""

    now: float
    """Seconds, by the clock of the run."""
    rate: float
    """The shadower's."""
    epoch: Epoch
    counts: Counts
    decision: Decision | None
    """The scorecard's; None: it was not asked."""
    told: str
    """The scorecard in one line."""
    withheld: str = ""
    """What the scorecard says of credentials that the shadow lacks for more than a trace of an operation."""
    broken: Broken | None = None
    """The worst of what is broken, by the scorecard; None: nothing, or it was not asked."""
    needed: int | None = None
    """How many more blocks it takes to REJECT, by the scorecard, for what was worse in two or more; None: nothing has
    regressed, or it was not asked."""


@attrs.frozen(kw_only=True)
class Position:
    """Where a ramp stands."""

    steps: tuple[float, ...]
    """The rates of this try, ..."""
    step: int
    """... and the index of the current one."""
    tries: int
    """How often it has tried again."""
    rests_until: float | None
    """It has fallen back, and tries again then. None: it is on a step."""
    since: float
    """When the step began, or began anew."""
    needed: int | None
    """How many blocks it took to REJECT then."""
    at_since: Counts
    """What had been counted by then, ..."""
    at_failures: Counts
    """... when the share of failures was last taken, ..."""
    at_look: Counts
    """... and at the last look."""
    epoch: Epoch

    @classmethod
    def beginning(cls, steps: tuple[float, ...], look: Look, *, step: int = 0, tries: int = 0) -> Self:
        """Of a step that begins with this look."""
        at = look.counts
        return cls(
            steps=steps,
            step=step,
            tries=tries,
            rests_until=None,
            since=look.now,
            needed=look.needed,
            at_since=at,
            at_failures=at,
            at_look=at,
            epoch=look.epoch,
        )

    def on(self, step: int, look: Look) -> Self:
        """On this step of the same try, which begins with this look."""
        return self.beginning(self.steps, look, step=step, tries=self.tries)

    def anew(self, look: Look) -> Self:
        """On the same step, whose time begins with this look. Failures are counted on: an open breaker, which pauses
        calls, must not be what hides them.
        """
        return attrs.evolve(self, since=look.now, needed=look.needed, at_since=look.counts)

    @property
    def rate(self) -> float:
        """Of the current step, also while it rests."""
        return self.steps[self.step]


@attrs.frozen
class Planned:
    """What to do, why, and where the ramp stands after it."""

    move: Move
    position: Position
    reason: str = ""
    """Empty where there is nothing to tell."""
    cause: str = ""
    """Of what keeps it on its step, to tell it once. Another cause is another text; the numbers in a reason change."""


@attrs.frozen(kw_only=True)
class Plan:
    """The settings of a `Ramp` that decide; what they mean is said there."""

    steps: tuple[float, ...]
    every: float
    max_failed: float
    min_calls: int
    fall_back_to: float
    cool_down: float
    retries: int

    def next_move(self, position: Position, look: Look) -> Planned:
        """What to do at this look: see the rules above."""
        rate = position.rate if position.rests_until is None else self.fall_back_to
        if look.rate != rate:
            return Planned(Move.GIVE_WAY, position, f"the rate was set to {percent(look.rate)} by somebody else")
        if look.epoch.candidate != position.epoch.candidate:
            position = Position.beginning(self.steps, look)
            if look.decision is not Decision.REJECT:
                return Planned(Move.START_OVER, position, "there is another candidate")
        if position.rests_until is not None:
            return self._rest(position, position.rests_until, look)
        if look.decision is Decision.REJECT:
            return self._fall_back(position, look, look.told)
        if look.epoch != position.epoch:
            again = position.on(position.step, look)
            return Planned(Move.BEGIN_ANEW, again, "there are other rules", f"rules {look.epoch.rules}")
        return self._by_counts(position, look)

    def _rest(self, position: Position, until: float, look: Look) -> Planned:
        if look.now < until:
            return Planned(Move.STAY, position)
        half = max(position.rate / 2, self.fall_back_to)
        steps = (half, *(step for step in self.steps if step > half))
        tries = position.tries + 1
        told = f"{self.cool_down:,g} s after it fell back, judged by what comes from now on"
        return Planned(Move.TRY_AGAIN, Position.beginning(steps, look, tries=tries), told)

    def _fall_back(self, position: Position, look: Look, reason: str) -> Planned:
        if position.tries >= self.retries or self.cool_down == math.inf:
            return Planned(Move.FALL_BACK, position, reason)
        return Planned(Move.REST, attrs.evolve(position, rests_until=look.now + self.cool_down), reason)

    def _by_counts(self, position: Position, look: Look) -> Planned:
        ended, came = look.counts - position.at_failures, look.counts - position.at_look
        enough_ended = ended.compared >= self.min_calls
        if enough_ended and ended.failed > self.max_failed * ended.compared:
            told = f"{ended.failed:,} of {ended.compared:,} legs failed or timed out"
            return self._fall_back(position, look, told)
        at_failures = look.counts if enough_ended else position.at_failures
        position = attrs.evolve(position, at_look=look.counts, at_failures=at_failures)
        anew = position.anew(look)
        if look.broken is not None:
            if look.broken.blocks >= BLOCKS:
                return self._fall_back(position, look, look.broken.what)
            return Planned(Move.BEGIN_ANEW, anew, look.broken.what, look.broken.what)
        if came.paused:
            return Planned(Move.BEGIN_ANEW, anew, f"{_calls(came.paused)} paused", "paused")
        if came.shed > _SHED * came.sampled:
            told = f"{came.shed:,} of {_calls(came.sampled, 'sampled ')} shed, so there is no room for a higher rate"
            return Planned(Move.BEGIN_ANEW, anew, told, "shed")
        if look.now < position.since + self.every or look.decision is None:
            return Planned(Move.STAY, position)
        return self._after_every(position, look)

    def _after_every(self, position: Position, look: Look) -> Planned:
        held, rate = look.counts - position.at_since, position.rate
        if held.drawn * rate < self.min_calls:
            told = f"too few calls: {held.drawn:,} came, and it takes {self.min_calls / rate:,.0f}"
            return Planned(Move.STAY, position, told, "traffic")
        if held.abandoned + held.ignored > held.compared:
            ignored = f" and {held.ignored:,} ignored" if held.ignored else ""
            told = f"{held.abandoned:,} legs were abandoned{ignored}, and {held.compared:,} compared"
            return Planned(Move.STAY, position, told, "abandoned")
        before = math.inf if position.needed is None else position.needed
        if look.needed is not None and look.needed < min(before, _NEAR + 1):
            told = f"regressed, and rejected after {counted(look.needed, 'more block')} of time like these"
            return Planned(Move.BEGIN_ANEW, position.anew(look), told, "regressed")
        if look.withheld:
            return Planned(Move.STAY, position, look.withheld, "withheld")
        told = (
            f"{percent(rate)} held for {look.now - position.since:,.0f} s, {held.compared:,} compared, of these "
            f"{held.failed:,} failed or timed out; {look.told}"
        )
        if position.step + 1 == len(position.steps):
            return Planned(Move.DONE, position, told)
        return Planned(Move.UP, position.on(position.step + 1, look), told)


def percent(rate: float) -> str:
    """A rate, for people."""
    return f"{rate * 100:g}%"


def _calls(count: int, which: str = "") -> str:
    return f"{counted(count, f'{which}call')} {'was' if count == 1 else 'were'}"
