"""What a ramp does next, given where it stands and what it sees. Pure: the time and all counts are passed in.

The first of these that is so:

1. The rate is not the ramp's any more: it gives way. Who changed it knows more than a ramp.
2. The scorecard says REJECT: it falls back.
3. The candidate is another: the steps were held by the one before, so it starts over. Where only the rules are others
   the candidate has proved that it bears this rate, and the step begins anew.
4. Of the legs that ended since it last asked, `min_calls` or more, a larger share than `max_failed` has failed: it
   falls back. A scorecard is about all calls of an epoch, and takes longer to see what broke a moment ago.
5. Calls were paused, or more than 1 % of the sampled ones were shed: the step begins anew. Nothing is known of a
   candidate that is not called, and where there is no room a higher rate brings nothing.
6. The step has lasted for `every` seconds and has seen enough: it goes up, or is done.

HOLD keeps it from nothing: what a scorecard mostly lacks is keys, and the next step is what brings them.
"""

from __future__ import annotations

import enum
from typing import Self

import attrs

from trioshadow._accounts.ledger import ShadowStatistics
from trioshadow._model.words import counted
from trioshadow.evidence import Decision, Epoch

#: So many of the sampled calls may be shed. From there on a scorecard has a note of it, too.
_SHED = 0.01


class Move(enum.Enum):
    """What to do."""

    STAY = enum.auto()
    BEGIN_ANEW = enum.auto()
    """Stay on the step, and count its time from now."""
    START_OVER = enum.auto()
    """Go back to the first step."""
    UP = enum.auto()
    DONE = enum.auto()
    FALL_BACK = enum.auto()
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

    @classmethod
    def of(cls, statistics: ShadowStatistics) -> Self:
        """Taken from the statistics."""
        s = statistics
        failed = s.failed + s.timed_out
        sampled = s.mirrored + s.shed
        compared = s.matched + s.diverged + failed
        return cls(sampled + s.not_sampled, sampled, compared, failed, s.abandoned, s.shed, s.paused)

    def __sub__(self, earlier: Counts) -> Counts:
        return Counts(*(now - then for now, then in zip(attrs.astuple(self), attrs.astuple(earlier), strict=True)))


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


@attrs.frozen(kw_only=True)
class Position:
    """Where a ramp stands."""

    step: int
    """Index of the current step."""
    since: float
    """When the step began, or began anew."""
    at_since: Counts
    """What had been counted by then, ..."""
    at_failures: Counts
    """... when the share of failures was last taken, ..."""
    at_look: Counts
    """... and at the last look."""
    epoch: Epoch

    @classmethod
    def beginning(cls, step: int, look: Look) -> Self:
        """Of a step that begins with this look."""
        at = look.counts
        return cls(step=step, since=look.now, at_since=at, at_failures=at, at_look=at, epoch=look.epoch)


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

    def next_move(self, position: Position, look: Look) -> Planned:
        """What to do at this look: see the rules above."""
        rate = self.steps[position.step]
        if look.rate != rate:
            return Planned(Move.GIVE_WAY, position, f"the rate was set to {percent(look.rate)} by somebody else")
        if look.decision is Decision.REJECT:
            return Planned(Move.FALL_BACK, position, look.told)
        if look.epoch.candidate != position.epoch.candidate:
            return Planned(Move.START_OVER, Position.beginning(0, look), "there is another candidate")
        if look.epoch != position.epoch:
            anew = Position.beginning(position.step, look)
            return Planned(Move.BEGIN_ANEW, anew, "there are other rules", f"rules {look.epoch.rules}")
        ended, came = look.counts - position.at_failures, look.counts - position.at_look
        enough_ended = ended.compared >= self.min_calls
        if enough_ended and ended.failed > self.max_failed * ended.compared:
            return Planned(Move.FALL_BACK, position, f"{ended.failed:,} of {ended.compared:,} legs failed or timed out")
        at_failures = look.counts if enough_ended else position.at_failures
        position = attrs.evolve(position, at_look=look.counts, at_failures=at_failures)
        # Failures are counted on across these: an open breaker, which pauses calls, must not be what hides them.
        anew = attrs.evolve(position, since=look.now, at_since=look.counts)
        if came.paused:
            return Planned(Move.BEGIN_ANEW, anew, f"{_calls(came.paused)} paused", "paused")
        if came.shed > _SHED * came.sampled:
            told = f"{came.shed:,} of {_calls(came.sampled, 'sampled ')} shed, so there is no room for a higher rate"
            return Planned(Move.BEGIN_ANEW, anew, told, "shed")
        held = look.counts - position.at_since
        if look.now < position.since + self.every or look.decision is None:
            return Planned(Move.STAY, position)
        if held.drawn * rate < self.min_calls:
            told = f"too few calls: {held.drawn:,} came, and it takes {self.min_calls / rate:,.0f}"
            return Planned(Move.STAY, position, told, "traffic")
        if held.abandoned > held.compared:
            told = f"{held.abandoned:,} legs were abandoned, and {held.compared:,} compared"
            return Planned(Move.STAY, position, told, "abandoned")
        told = (
            f"{percent(rate)} held for {look.now - position.since:,.0f} s, {held.compared:,} compared, of these "
            f"{held.failed:,} failed or timed out; {look.told}"
        )
        if position.step + 1 == len(self.steps):
            return Planned(Move.DONE, position, told)
        return Planned(Move.UP, Position.beginning(position.step + 1, look), told)


def percent(rate: float) -> str:
    """A rate, for people."""
    return f"{rate * 100:g}%"


def _calls(count: int, which: str = "") -> str:
    return f"{counted(count, f'{which}call')} {'was' if count == 1 else 'were'}"
