"""The ledger keeps promise 4: every call ends in exactly one counter, at every moment, under every fault.

How: the totals are not counted but added up, so that they can't disagree with their parts. A call is entered once, in
the row of its operation (`evidence.Operation`), as not mirrored or as in flight, and one that is in flight leaves that
counter in the same step that enters its verdict. The steps have no call between them, so that neither a signal handler
nor another thread sees half of one (CPython checks for both at calls and backward jumps only); those with more than one
step are KI-protected where they are used.

Rows belong to a series of an epoch (a candidate and a set of rules). A call stays in the series in which it began.

Threads: calls are entered in any thread, and everything else belongs to the shadower's own. Whoever enters one looks up
its row and counts with no call between, or the row could be folded, or its epoch be over, meanwhile. So nothing is lost
where there is an interpreter lock (`counts[x] += 1` on a list; on a `dict` that calls a `__hash__`, two threads lost a
quarter).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs

from trioshadow._model.verdict import IN_FLIGHT, HeldBack, Verdict
from trioshadow.evidence import Epoch, Evidence, Histogram, Objective, Operation

from .forks import Lock, renew_in_child

_CLOSED = Verdict.CLOSED.slot
_SHED = Verdict.SHED.slot
_PAUSED = Verdict.PAUSED.slot
_HELD_BACK = Verdict.HELD_BACK.slot
_MIRRORED = Verdict.NOT_SAMPLED.slot
#: Those who are held back for another cause than the first, which is what is left.
_OTHER_CAUSES = tuple(HeldBack)[1:]

#: So many epochs, or series of one, are kept at the most. A shadower has a second one when its rules change while it
#: runs, or when a ramp tries again.
EPOCHS = 4


@attrs.frozen(kw_only=True)
class SecondaryStatistics:
    """What became of the calls of the secondary. None of it is in the other counts.

    `calls == in_flight + matched + diverged + ignored + failed + timed_out + abandoned`.
    """

    calls: int
    """Mirrored calls that went to the secondary too."""
    in_flight: int
    """Those of which the secondary or the shadow is not done yet."""
    matched: int
    """The secondary answered what the primary did. This and the others are by verdict: see `Verdict`."""
    diverged: int
    ignored: int
    failed: int
    timed_out: int
    abandoned: int


@attrs.frozen(kw_only=True)
class ShadowStatistics:
    """Counts since the shadower was made, exact at the moment they were asked for.

    `calls == mirrored + not_mirrored`,
    `mirrored == in_flight + matched + diverged + ignored + failed + timed_out + abandoned` and
    `not_mirrored == not_sampled + shed + unkeyed + held_back + paused + closed`.
    """

    calls: int
    """Every `call()` and `start()` that was served."""
    mirrored: int
    """Those that had a leg."""
    not_mirrored: int
    """Those that had none."""
    in_flight: int
    """Legs that have no verdict yet."""
    matched: int
    """Legs by verdict: see `Verdict`."""
    diverged: int
    ignored: int
    failed: int
    timed_out: int
    abandoned: int
    not_sampled: int
    """Calls that had no leg, by verdict: see `Verdict`."""
    shed: int
    unkeyed: int
    held_back: int
    paused: int
    closed: int
    records_waiting: int
    """Records that the log and the lossless sinks have not taken yet."""
    records_dropped: Mapping[str, int]
    """Records lost, by who lost them: `log` and `failures` (overwritten by newer ones), and sinks and subscribers by
    name (they were full, failed, or were cut off at the exit)."""
    shed_by_cause: Mapping[str, int]
    """Why calls were shed: `in_flight` (the legs alone filled the room), `records_waiting` (records took part of it),
    `bytes` (`max_in_flight_bytes`), `stack` (the caller was so deep in it that a leg would not have fitted)."""
    gave_way_by_cause: Mapping[str, int]
    """Legs that gave way to a limit, and were abandoned: `bytes` (an answer would have passed `max_in_flight_bytes`),
    `comparisons` (too many large bodies waited to be compared), `copies` (the primary's answer was too large to be
    copied). The secondary's are in here too, but for the last, which is counted once a call."""
    in_flight_bytes: int
    """What the legs in flight hold, as far as known."""
    paused_by_cause: Mapping[str, int]
    """Why calls were paused: `pause` (`Shadower.pause()`), `kill_file`, `breaker`."""
    held_back_by_cause: Mapping[str, int]
    """Why calls were held back: `in_shadow`, `not_allowed`, `marked`, `incomplete`, `not_copied`; see
    `HeldBack`."""
    stalls: int
    """Steps of shadows that took longer than `max_step`: everybody on the event loop waited."""
    breaker: str | None
    """The state of the breaker, `closed`, `open` or `half_open` for that of `trioshadow.guard`; None without one."""
    secondary: SecondaryStatistics
    """What became of the calls of the secondary, which measures the noise; all zero without one."""


@attrs.frozen
class _Epochs:
    kept: tuple[Evidence, ...]
    """The current one last. Of one epoch there may be several series."""
    over: tuple[Evidence, ...]
    """Those of them that nobody goes on with: a later series of the same epoch was begun."""
    past: tuple[int, ...]
    """The totals of those that are not kept any more."""
    past_secondary: tuple[int, ...]
    past_latencies: tuple[Histogram, Histogram, Histogram]


class Ledger:
    """Where each call is entered once. `new_series()` gives a text that no other run of counting has, and `clock` the
    wall-clock time.
    """

    __slots__ = (
        *("__weakref__", "_clock", "_epochs", "_lock", "_new_series", "_objective", "current", "gave_way"),
        *("held_back", "held_bytes", "in_flight", "pairs", "pairs_begun", "paused_by_breaker", "paused_by_kill_file"),
        *("records_waiting", "shed_for_bytes", "shed_for_records", "shed_for_stack", "stalls"),
    )

    def __init__(
        self,
        epoch: Epoch,
        new_series: Callable[[], str],
        clock: Callable[[], float],
        objective: Objective | None = None,
    ) -> None:
        self._objective = objective
        self._new_series = new_series
        self._clock = clock
        #: The configuration of calls that begin now, and where they are entered: one attribute, so that another thread
        #: takes both in one step.
        self.current: tuple[Any, Evidence] = None, self._new_evidence(epoch)
        #: One attribute, so that another thread can take it in one step.
        none = Histogram(), Histogram(), Histogram()
        self._epochs = _Epochs((self.evidence,), (), (0,) * (IN_FLIGHT + 1), (0,) * _MIRRORED, none)
        self.in_flight = 0
        """Legs without a verdict, of all epochs."""
        self.pairs = 0
        """Calls with a secondary, of which not both sides are done."""
        self.pairs_begun = 0
        self.records_waiting = 0
        self.shed_for_records = 0
        self.shed_for_bytes = 0
        self.shed_for_stack = 0
        self.held_bytes = 0
        """Of all legs in flight, as far as known."""
        self.gave_way = {"bytes": 0, "comparisons": 0, "copies": 0}
        self.paused_by_kill_file = 0
        self.paused_by_breaker = 0
        self.stalls = 0
        self.held_back = dict.fromkeys((cause.value for cause in _OTHER_CAUSES), 0)
        self._lock = Lock()
        renew_in_child(self._forked)

    def _forked(self) -> None:
        for evidence in self._epochs.kept:
            evidence.unlock()

    def begin_series(self) -> None:
        """The counting begins in this process: see `Evidence.series`."""
        for evidence in self._epochs.kept:
            evidence.series = self._new_series()

    @property
    def evidence(self) -> Evidence:
        """The current epoch's: where calls that begin now are entered."""
        return self.current[1]

    def use(self, config: object, epoch: Epoch) -> None:
        """Calls that begin from now on have this configuration, and are of its epoch; one that was left a short time
        ago is gone on with, in its latest series.
        """
        epochs = self._epochs
        # A later series may be gone where the earlier is not, in which a leg is still in flight.
        of_epoch = [one for one in epochs.kept if one.epoch == epoch and one not in epochs.over]
        self._go_on_with(config, of_epoch[0] if of_epoch else self._new_evidence(epoch), epochs.over)

    def begin_anew(self) -> None:
        """Calls that begin from now on are of another series of the same epoch. What was counted stays in the totals,
        and is not judged any more.
        """
        config, current = self.current
        self._go_on_with(config, self._new_evidence(current.epoch), (*self._epochs.over, current))

    def _new_evidence(self, epoch: Epoch) -> Evidence:
        return Evidence(epoch, series=self._new_series(), since=self._clock(), objective=self._objective)

    def _go_on_with(self, config: object, evidence: Evidence, over: tuple[Evidence, ...]) -> None:
        kept = [old for old in self._epochs.kept if old is not evidence]
        past, past_secondary = self._epochs.past, self._epochs.past_secondary
        past_latencies = self._epochs.past_latencies
        for old in [old for old in kept if not old.held][: max(0, len(kept) - EPOCHS + 1)]:
            old.closed = True
            if old.held:  # by a leg from another thread, before that
                old.closed = False
                continue
            kept.remove(old)
            past = _sum(past, old.totals())
            past_secondary = _sum(past_secondary, old.secondary_totals())
            past_latencies = _sum_by_side([past_latencies, old.latencies()])
        # Before calls are entered there: nothing is ever counted where the totals don't look.
        over = tuple(old for old in over if old in kept)
        self._epochs = _Epochs((*kept, evidence), over, past, past_secondary, past_latencies)
        self.current = config, evidence

    def has_room(self, limit: int, max_bytes: int) -> bool:
        """Would `admit()` admit a leg now?"""
        return self.in_flight + self.records_waiting < limit and self.held_bytes < max_bytes

    def admit(self, limit: int, max_bytes: int, evidence: Evidence, name: str) -> tuple[Evidence, Operation] | None:
        """Enter a leg of this operation, if there is room for it, for what it will hold (of which it may be known that
        it leaves `max_bytes` for all others) and for the record that it may leave. Where it is entered; None: it is
        not.
        """
        while True:
            if evidence.closed:
                evidence = self.current[1]
            if name in evidence.operations:
                if self.in_flight + self.records_waiting >= limit or self.held_bytes >= max_bytes:
                    return None
                row = evidence.operations[name]
                self.in_flight += 1
                row.counts[IN_FLIGHT] += 1
                row.held += 1
                return evidence, row
            name = evidence.known(name)

    def count(self, evidence: Evidence, name: str, slot: int) -> None:
        """Enter a call that is not mirrored."""
        while True:
            if evidence.closed:
                evidence = self.current[1]
            if name in evidence.operations:
                evidence.operations[name].counts[slot] += 1
                return
            name = evidence.known(name)

    def _lose(self, evidence: Evidence, name: str, cause: str) -> None:
        # After the call itself is counted: a part is never more than the whole.
        while True:
            if evidence.closed:
                evidence = self.current[1]
            if name in evidence.operations:
                evidence.operations[name].lost[cause] += 1
                return
            name = evidence.known(name)

    def shed(self, limit: int, evidence: Evidence, name: str) -> None:
        """Enter a call for which there is no room."""
        self.count(evidence, name, _SHED)
        # After the other: a part is never more than the whole.
        if self.in_flight + self.records_waiting < limit:
            self.shed_for_bytes += 1
        elif self.in_flight < limit:
            self.shed_for_records += 1
        else:
            # Legs alone fill the room: the candidate is slow, or the primary that they wait for.
            self._lose(evidence, name, "in_flight")

    def shed_for_want_of_stack(self, evidence: Evidence, name: str) -> None:
        """Enter a call whose leg would not fit into the stack."""
        self.count(evidence, name, _SHED)
        self.shed_for_stack += 1

    def pause_by_breaker(self, evidence: Evidence, name: str) -> None:
        """Enter a call while the breaker is open."""
        self.count(evidence, name, _PAUSED)
        self._lose(evidence, name, "breaker")
        self.paused_by_breaker += 1

    def hold_back(self, cause: HeldBack, evidence: Evidence, name: str) -> None:
        """A call is not mirrored, for this cause."""
        self.count(evidence, name, _HELD_BACK)
        part = cause.value  # by name: to hash a member is a call
        if part in self.held_back:
            self.held_back[part] += 1

    def count_closed(self, name: str) -> None:
        """Enter a call while the shadower does not run, or from where it may not come."""
        with self._lock:  # on builds without an interpreter lock all threads but the shadower's come here
            self.count(self.evidence, name, _CLOSED)

    def rename_leg(self, old: Operation, new: Operation) -> None:
        """A leg in flight is one of another operation."""
        old.counts[IN_FLIGHT] -= 1
        new.counts[IN_FLIGHT] += 1
        old.held -= 1
        new.held += 1

    def settle_leg(self, verdict: Verdict, row: Operation) -> None:
        """A leg got its verdict. Its row is still held, until what it came to is entered too."""
        counts, slot = row.counts, verdict.slot
        self.in_flight -= 1
        counts[IN_FLIGHT] -= 1
        counts[slot] += 1

    def evidences(self) -> tuple[Evidence, ...]:
        """What was counted in the series that are kept, the current one last."""
        return self._epochs.kept

    def latencies(self) -> tuple[Histogram, Histogram, Histogram]:
        """The primary's, the shadow's and the secondary's, of all epochs."""
        epochs = self._epochs
        return _sum_by_side([epochs.past_latencies, *(evidence.latencies() for evidence in epochs.kept)])

    def statistics(self, records_dropped: Mapping[str, int], breaker: str | None = None) -> ShadowStatistics:
        """All of it, at this moment."""
        # The parts before the wholes: none must be more.
        held_back = dict(self.held_back)
        shed = {"records_waiting": self.shed_for_records, "bytes": self.shed_for_bytes, "stack": self.shed_for_stack}
        gave_way = dict(self.gave_way)
        by_kill_file, by_breaker = self.paused_by_kill_file, self.paused_by_breaker
        epochs = self._epochs
        counts, secondary = epochs.past, epochs.past_secondary
        for evidence in epochs.kept:
            counts = _sum(counts, evidence.totals())
            secondary = _sum(secondary, evidence.secondary_totals())
        pairs = self.pairs_begun
        by_verdict, in_flight = counts[:IN_FLIGHT], counts[IN_FLIGHT]
        split = Verdict.NOT_SAMPLED.slot
        mirrored, not_mirrored = in_flight + sum(by_verdict[:split]), sum(by_verdict[split:])
        return ShadowStatistics(
            calls=mirrored + not_mirrored,
            mirrored=mirrored,
            not_mirrored=not_mirrored,
            in_flight=in_flight,
            records_waiting=self.records_waiting,
            records_dropped=MappingProxyType(dict(records_dropped)),
            shed_by_cause=MappingProxyType({"in_flight": by_verdict[_SHED] - sum(shed.values()), **shed}),
            paused_by_cause=MappingProxyType(
                {
                    "pause": by_verdict[_PAUSED] - by_kill_file - by_breaker,
                    "kill_file": by_kill_file,
                    "breaker": by_breaker,
                }
            ),
            gave_way_by_cause=MappingProxyType(gave_way),
            in_flight_bytes=self.held_bytes,
            stalls=self.stalls,
            breaker=breaker,
            held_back_by_cause=MappingProxyType(
                {HeldBack.IN_SHADOW.value: by_verdict[_HELD_BACK] - sum(held_back.values()), **held_back}
            ),
            secondary=SecondaryStatistics(
                calls=pairs,
                in_flight=pairs - sum(secondary),
                **{verdict.value: secondary[verdict.slot] for verdict in Verdict if verdict.mirrored},
            ),
            **{verdict.value: by_verdict[verdict.slot] for verdict in Verdict},
        )


def _sum(ours: Sequence[int], theirs: Sequence[int]) -> tuple[int, ...]:
    return tuple(one + other for one, other in zip(ours, theirs, strict=True))


def _sum_by_side(
    latencies: Sequence[tuple[Histogram, Histogram, Histogram]],
) -> tuple[Histogram, Histogram, Histogram]:
    primary, shadow, secondary = map(Histogram.merge, zip(*latencies, strict=True))
    return primary, shadow, secondary
