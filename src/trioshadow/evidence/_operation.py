"""Operation: all that is counted of one operation, from the calls that were never mirrored to the fields that differ.

It is the row in which a call is entered: the ledger's totals are these rows added up, and so can't disagree with them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence

from trioshadow._model.verdict import IN_FLIGHT, Verdict

from ._again import Again
from ._blocks import CALLS_OF_BLOCK, Blocks
from ._distinct import DistinctKeys
from ._drift import Drift, Moment
from ._few_keys import FewKeys
from ._field import At, FieldTally
from ._histogram import Histogram, place_of
from ._objective import Objective, allowed_in
from ._places import FAILURES
from ._slower import slowers
from ._tosses import ALONE
from ._withheld_tally import WithheldTally

#: Keys of one operation are counted exactly below this many, and then estimated, with a standard error of 3.1 %.
KEYS_OF_OPERATION = 1024

#: The name of all fields as one.
ANYTHING = "anything"

#: Verdicts that say something of the shadow.
COMPARED = (Verdict.MATCHED, Verdict.DIVERGED, Verdict.FAILED, Verdict.TIMED_OUT)
#: Those of legs.
MIRRORED = tuple(verdict for verdict in Verdict if verdict.mirrored)
NOT_MIRRORED = tuple(verdict for verdict in Verdict if not verdict.mirrored)

#: Why a sampled call was not mirrored: the candidate failed so often that the breaker was open, or legs in flight left
#: no room.
LOST = ("breaker", "in_flight")

#: Times that an operation has, by name.
HISTOGRAMS = (
    *("primary_seconds", "shadow_seconds", "secondary_seconds"),
    *("primary_cpu_seconds", "shadow_cpu_seconds", "queued_seconds"),
)

#: Seconds. What went on for less is no rate: it is the noise of a start.
_PACE = 60.0

_DEFAULT = Objective()


class Operation:
    """The counts of one operation. `objective`: what is needed of it while counting."""

    __slots__ = (
        *("again", "anything", "asked", "block", "blocks", "contended", "counts", "few_keys", "fields", "held"),
        *("inherited", "keys", "latest", "lost", "objective", "order", "other_fields", "overdue", "pair_keys", "pairs"),
        *("primary_cpu_seconds", "primary_seconds", "queued_seconds", "secondary_counts", "secondary_seconds", "seen"),
        *("secondary_withheld", "shadow_cpu_seconds", "shadow_seconds", "slower", "unlike", "withheld"),
        *("_begun_at", "_block_at", "_ends_at", "_marks", "_now", "_size", "_still_at", "_still_since"),
    )

    def __init__(self, objective: Objective = _DEFAULT, order: int = 0) -> None:
        #: One counter a verdict, by `Verdict.slot`, then that of the legs in flight. A list: a slot of it costs 26 ns,
        #: a dict keyed by an enum 122; and another thread can take all of it in one step.
        self.counts = [0] * (IN_FLIGHT + 1)
        self.secondary_counts = [0] * len(MIRRORED)
        """The secondary's verdicts, by `Verdict.slot`."""
        self.objective = objective
        self.order = order
        """It came as the so-many-th operation, from 0 on."""
        self.held = 0
        """Legs, and pairs, that will still be entered here."""
        self.inherited = 0
        """Calls that it may have had before it was counted by name: see `_evidence.py`."""
        self.lost: dict[str, int] = dict.fromkeys(LOST, 0)
        """Sampled calls that were not mirrored, by cause. All are in `counts` too."""
        self.overdue = self.seen = self.block = self.blocks = 0
        """Calls that were entered here as compared, in this series; in which block of time the latest came, from 0 on,
        of those in which any did; and blocks that are over and had calls enough to tell a rate, of which shorter ones
        are one with the next. Overdue: calls in which the shadow timed out, and the primary took longer, so that
        nothing is known of the shadow."""
        self.latest = 0.0
        """Wall clock, seconds since the epoch: when the latest of these was compared."""
        self._begun_at = self._block_at = self._still_since = self._size = 0
        self._ends_at = self._now = self._still_at = -math.inf
        self._marks: tuple[tuple[float, int], ...] = ()
        self.keys = DistinctKeys(KEYS_OF_OPERATION)
        """Of the calls that were compared."""
        self.few_keys = FewKeys()
        """How often each of these came, while they are few."""
        self.asked = 0
        """Compared calls of which the secondary said something too, if only that it failed."""
        self.pair_keys = DistinctKeys(KEYS_OF_OPERATION)
        """Of these."""
        self.pairs = 0
        """Those of them in which both sides gave something to compare: the A/A' pairs."""
        self.again = Again()
        self.primary_seconds = Histogram()
        """Of the calls that were compared and that the primary answered, or raised."""
        self.shadow_seconds = Histogram()
        """Of the calls that were compared, those that timed out included."""
        self.secondary_seconds = Histogram()
        self.primary_cpu_seconds, self.shadow_cpu_seconds = Histogram(), Histogram()
        """Own CPU time, where a side is a sync function that was timed alone."""
        self.queued_seconds = Histogram()
        """What the shadow waited for a place, before its own time began."""
        self.contended = self.unlike = 0
        """Compared calls whose times say more of the interpreter lock than of the two sides; and those whose primary
        was timed alone, and whose shadow with the turns of others on its loop."""
        self.slower = slowers(objective)
        """The two sides of each call compared, by name of the quantile."""
        self.withheld, self.secondary_withheld = WithheldTally(), WithheldTally()
        """Calls that have a verdict and were not compared: the shadow's copy lacked credentials, so that it refused;
        and calls with a secondary that refused for the same reason."""
        self.anything = FieldTally()
        """All fields as one."""
        self.fields: dict[str, FieldTally] = {}
        self.other_fields = FieldTally()
        """The fields that there was no room for."""

    @property
    def seconds_per_call(self) -> float | None:
        """Of late, between two compared calls: over ten blocks of time at most, and a minute at least. None: it is not
        known.
        """
        if not self._marks or self._now - self._marks[0][0] < _PACE:
            return None
        then, seen = self._marks[0]
        return (self._now - then) / (self.seen - seen)

    @property
    def calls(self) -> int:
        """All calls."""
        return sum(self.counts)

    @property
    def compared(self) -> int:
        """Calls that say something of the shadow."""
        return sum(self.counts[verdict.slot] for verdict in COMPARED) - self.withheld.calls - self.overdue

    @property
    def weight(self) -> int:
        """How many calls it stands for at most."""
        return self.calls + self.inherited

    def pairs_of(self, field: str) -> int:
        """Calls with a secondary in which it could be seen whether this field differs."""
        return self.asked if field in FAILURES or field == ANYTHING else self.pairs

    def observe(
        self, key_hash: int | None, primary_seconds: float | None, shadow_seconds: float | None, now: float
    ) -> None:
        """A call was compared, at the time `now`, in seconds of any clock. What differed is told to `differ()` or
        `pair()`.
        """
        self.seen += 1
        if now >= self._ends_at or now == self._now:
            self._look_at_clock(now)
        self._now = now
        self.keys.add(key_hash)
        self.few_keys.add(key_hash)
        if primary_seconds is not None:
            primary = place_of(primary_seconds)
            self.primary_seconds.add_at(primary)
            if shadow_seconds is not None:
                shadow = place_of(shadow_seconds)
                self.shadow_seconds.add_at(shadow)
                for slower in self.slower.values():
                    slower.add(primary, shadow, self.block)
        elif shadow_seconds is not None:
            self.shadow_seconds.add(shadow_seconds)

    def observe_clocks(
        self,
        primary_cpu_seconds: float | None,
        shadow_cpu_seconds: float | None,
        queued_seconds: float | None,
        *,
        contended: bool,
        unlike: bool,
    ) -> None:
        """Of a call that was compared: where and how it was timed. Told besides `observe()`, of few calls mostly."""
        if primary_cpu_seconds is not None:
            self.primary_cpu_seconds.add(primary_cpu_seconds)
        if shadow_cpu_seconds is not None:
            self.shadow_cpu_seconds.add(shadow_cpu_seconds)
        if queued_seconds is not None:
            self.queued_seconds.add(queued_seconds)
        self.contended += contended
        self.unlike += unlike

    def _look_at_clock(self, now: float) -> None:
        """A block may be over: by the clock, or after some calls if that stands still or is not asked."""
        seconds = self.objective.block_seconds
        enough = CALLS_OF_BLOCK
        if seconds is not None and now >= self._ends_at:
            self._ends_at = (now // seconds + 1) * seconds
            self._marks = (*self._marks[-9:], (now, self.seen))
        else:
            enough = self.objective.block_calls
            if seconds is not None and now != self._still_at:
                self._still_at, self._still_since = now, self.seen - 2
            if self.seen - 1 - max(self._block_at, self._still_since) < enough:
                return
        if self.seen > 1:
            self.block += 1
        self._block_at = self.seen - 1
        size = self._block_at - self._begun_at
        if size >= enough:
            self.blocks += 1
            self._begun_at, self._size = self._block_at, size

    def alone(self, field: FieldTally, key_hash: int | None, at: float) -> None:
        """Of a call without a secondary: the shadow differed in this field."""
        field.add_alone(key_hash, at, None if self.asked else self.keys)
        if self.asked:  # others have one: these tell how much of it is noise, and so whether that is too much
            return
        limit = self.objective.max_rate
        field.count_in_block(self.blocks, _most(limit, max(self._size, self.objective.block_calls)))
        field.drift.add(1, limit, Moment(self.seen, at, self.block), order=field.order, paired=False)

    def ask(self, key_hash: int | None) -> None:
        """Of a call the secondary said something too."""
        if not self.asked:
            self._forget_alone()
            for field in self.fields.values():
                field.drift, field.blocks = Drift(), Blocks()
        self.asked += 1
        self.pair_keys.add(key_hash)

    def _forget_alone(self) -> None:
        for field in (self.anything, self.other_fields, *self.fields.values()):
            field.tosses.forget_alone()

    def unpair(self, fields: Sequence[FieldTally], at: float) -> None:
        """The secondary gave nothing to compare, and the shadow differed in these fields."""
        for field in (self.anything, *fields) if fields else ():
            field.unpaired += 1
            field.appear(ALONE, at)

    def pair(self, name: str, field: FieldTally, x: int, key_hash: int | None, at: float) -> None:
        """Of a call with a secondary, the shadow (1), the secondary (-1), or both (0) differed in this field."""
        field.add_pair(x, key_hash, at, self.block, self.pair_keys)
        limit = allowed_in(self.objective, name).at(field.noise(self.pairs_of(name)))
        field.drift.add(x, limit, Moment(self.asked, at, self.block), order=field.order, paired=True)

    def update(self, other: Operation) -> None:
        """Add the counts of another, field by field."""
        blocks, other_blocks = self.at, other.at
        self.update_counts(other)
        for name, field in other.fields.items():
            own = self.fields.get(name)
            if own is None:
                own = self.fields[name] = FieldTally()
                own.order = field.order
            own.update(field, blocks, other_blocks)
        if self.asked:
            self._forget_alone()

    @property
    def open_blocks(self) -> int:
        """The block that is not over yet, as fields count blocks."""
        return self.block if self.asked else self.blocks

    @property
    def at(self) -> At:
        """Where it is in time."""
        return At(self.block, self.open_blocks, self.latest, self.seen)

    def fold(self, other: Operation) -> None:
        """Add the counts of another, of which no field is told apart any more."""
        blocks, other_blocks = self.at, other.at
        self.update_counts(other)
        for field in other.fields.values():
            self.other_fields.update(field, blocks, other_blocks)
        if self.asked:
            self._forget_alone()

    def update_counts(self, other: Operation) -> None:
        """All but the fields."""
        blocks, other_blocks = self.at, other.at
        for slot, count in enumerate(other.counts):
            self.counts[slot] += count  # one by one: other threads count here meanwhile
        self.secondary_counts[:] = [
            ours + theirs for ours, theirs in zip(self.secondary_counts, other.secondary_counts, strict=True)
        ]
        for cause, count in other.lost.items():
            self.lost[cause] += count
        self.order = min(self.order, other.order)
        self.inherited += other.inherited
        self.seen += other.seen
        self.latest = max(self.latest, other.latest)
        self.block = max(self.block, other.block)
        self.blocks += other.blocks
        self.keys.update(other.keys)
        self.few_keys.update(other.few_keys)
        self.asked += other.asked
        self.pairs += other.pairs
        self.pair_keys.update(other.pair_keys)
        self.again.update(other.again)
        for name in HISTOGRAMS:
            getattr(self, name).update(getattr(other, name))
        self.overdue += other.overdue
        self.contended += other.contended
        self.unlike += other.unlike
        for name, slower in self.slower.items():
            if name in other.slower:
                slower.update(other.slower[name])
        self.withheld.update(other.withheld)
        self.secondary_withheld.update(other.secondary_withheld)
        self.anything.update(other.anything, blocks, other_blocks)
        self.other_fields.update(other.other_fields, blocks, other_blocks)

    def forget_what_depends(self) -> None:
        """Of series that were counted for different objectives: what each found by its own."""
        self.slower = {}
        for field in self.fields.values():
            field.drift = Drift()


def _most(rate: float, calls: int) -> int:
    """Of so many calls, at this rate more than this differ in no more than every second block: the median of a
    binomial is at most its mean and log 2 (Hamza 1995).

    >>> _most(0.001, 100), _most(0.009, 100), _most(0.5, 10)
    (0, 1, 5)
    """
    return 0 if calls * math.log1p(-rate) >= -math.log(2) else math.floor(rate * calls + math.log(2))


def sum_at_once(rows: Sequence[list[int]]) -> list[int]:
    """The sums of the columns, as they were at one moment."""
    width = len(rows[0])
    of_each, columns = [row for row in rows for _ in range(width)], [*range(width)] * len(rows)
    # One call that runs no Python code and makes no container but its result: nothing is counted between two of them.
    found: list[int] = list(map(operator.getitem, of_each, columns))
    return [sum(found[column::width]) for column in range(width)]


def number_fields(rows: Mapping[str, Operation]) -> int:
    """Those of all operations are in the order in which they appeared first. How many there are."""
    fields = [(name, row, field) for name, row in rows.items() for field in row.fields]

    def appeared(one: tuple[str, Operation, str]) -> tuple[float, int, str, str]:
        name, row, field = one
        return row.fields[field].first_at, row.fields[field].order, name, field

    for order, (_, row, field) in enumerate(sorted(fields, key=appeared)):
        row.fields[field].order = order
    return len(fields)
