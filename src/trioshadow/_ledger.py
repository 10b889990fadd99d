"""The ledger keeps promise 4: every call ends in exactly one counter, at every moment, under every fault.

How: the totals are not counted but added up, so that they can't disagree with their parts. A call is entered once, as
not mirrored or as in flight, and one that is in flight leaves that counter in the same step that enters its verdict.
The steps have no call between them, so that neither a signal handler nor another thread sees half of one (CPython
checks for both at calls and backward jumps only); those with more than one step are KI-protected where they are used.

Threads: everything here belongs to the shadower's own thread, but `count_elsewhere`, which takes a lock: two threads
doing `c[x] += 1` lost a quarter of the increments.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from ._verdict import HeldBack, Verdict

#: The slot of the legs in flight.
IN_FLIGHT = len(Verdict)
_CLOSED = Verdict.CLOSED.slot
_SHED = Verdict.SHED.slot
_SHED_FOR_RECORDS = IN_FLIGHT + 1
_HELD_BACK = Verdict.HELD_BACK.slot
#: Those who are held back for another cause than the first, which is what is left.
_OTHER_CAUSES = {cause: IN_FLIGHT + 2 + index for index, cause in enumerate(list(HeldBack)[1:])}


@attrs.frozen(kw_only=True)
class ShadowStatistics:
    """Counts since the shadower was made, exact at the moment they were asked for.

    `calls == mirrored + not_mirrored`, `mirrored == in_flight + matched + diverged + failed + timed_out + abandoned`
    and `not_mirrored == not_sampled + shed + unkeyed + held_back + paused + closed`.
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
    """Why calls were shed: `in_flight` (the legs alone filled the room), `records_waiting` (records took part of
    it)."""
    held_back_by_cause: Mapping[str, int]
    """Why calls were held back: `in_shadow`, `not_allowed`, `marked`, `incomplete`; see `HeldBack`."""


class Ledger:
    """Where each call is entered once."""

    __slots__ = ("_lock", "counts", "records_waiting")

    def __init__(self) -> None:
        #: One counter a verdict, by `Verdict.slot`; then that of the legs in flight, how many were shed for records,
        #: and how many were held back by cause. One list, so that another thread can take them all in one step.
        self.counts = [0] * (len(Verdict) + 2 + len(_OTHER_CAUSES))
        self.records_waiting = 0

        self._lock = threading.Lock()

    @property
    def in_flight(self) -> int:
        """Legs without a verdict."""
        return self.counts[IN_FLIGHT]

    def admit(self, limit: int) -> bool:
        """Enter a leg, if there is room for it and for the record that it may leave; if not, the call is counted as
        shed.
        """
        counts = self.counts
        if counts[IN_FLIGHT] + self.records_waiting < limit:
            counts[IN_FLIGHT] += 1
            return True
        counts[_SHED] += 1
        if counts[IN_FLIGHT] < limit:
            counts[_SHED_FOR_RECORDS] += 1  # after the other: a part is never more than the whole
        return False

    def hold_back(self, cause: HeldBack) -> None:
        """A call is not mirrored, for this cause."""
        self.counts[_HELD_BACK] += 1
        slot = _OTHER_CAUSES.get(cause)
        if slot is not None:
            self.counts[slot] += 1  # after the other: a part is never more than the whole

    def settle_leg(self, verdict: Verdict) -> None:
        """A leg got its verdict."""
        counts = self.counts
        counts[IN_FLIGHT] -= 1
        counts[verdict.slot] += 1

    def count_elsewhere(self) -> None:
        """A call from a thread that is not the shadower's, or while it has none."""
        with self._lock:
            self.counts[_CLOSED] += 1

    def statistics(self, records_dropped: Mapping[str, int]) -> ShadowStatistics:
        """All of it, at this moment."""
        counts = tuple(self.counts)
        by_verdict, in_flight, shed_for_records = counts[:IN_FLIGHT], counts[IN_FLIGHT], counts[_SHED_FOR_RECORDS]
        held_back = {cause.value: counts[slot] for cause, slot in _OTHER_CAUSES.items()}
        split = Verdict.NOT_SAMPLED.slot
        mirrored, not_mirrored = in_flight + sum(by_verdict[:split]), sum(by_verdict[split:])
        return ShadowStatistics(
            calls=mirrored + not_mirrored,
            mirrored=mirrored,
            not_mirrored=not_mirrored,
            in_flight=in_flight,
            records_waiting=self.records_waiting,
            records_dropped=MappingProxyType(dict(records_dropped)),
            shed_by_cause=MappingProxyType(
                {
                    "in_flight": by_verdict[_SHED] - shed_for_records,
                    "records_waiting": shed_for_records,
                }
            ),
            held_back_by_cause=MappingProxyType(
                {HeldBack.IN_SHADOW.value: by_verdict[_HELD_BACK] - sum(held_back.values()), **held_back}
            ),
            **{verdict.value: by_verdict[verdict.slot] for verdict in Verdict},
        )
