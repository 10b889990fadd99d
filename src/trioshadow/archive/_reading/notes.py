"""Notes: where the snapshots of each series are, so that some can be read again. Bounded, however many there are.

The evidence of many moments is too large to keep, and archives of several processes are not read in the order of time.
So while all is read it is only noted where each snapshot is. Of each series there are kept

- some that are about evenly apart, at most 128: when there is room for no more every second is dropped, and from then
  on those are kept that are as far apart as the rest;
- those of its last hour, at least 30 s apart, and one from before;
- the last.
"""

from __future__ import annotations

from collections import deque

import attrs

from .archive import Segment, Snapshot

#: Of one series so many are kept, ...
_KEPT = 128
#: ... and of its last hour those that are so many seconds apart. (Room for a few more: a clock may be set back.)
HOUR, _APART, _RECENT = 3600.0, 30.0, 128

#: Seconds since 1970 that a clock may show: what is further off is no time.
_FAR = 2.0**40


@attrs.frozen
class Note:
    """Where one snapshot is."""

    at: float
    """When it was written: wall clock, seconds since the epoch."""
    counted: int
    """How much had been counted, which only grows: the order of the snapshots of one series, whatever its clock did."""
    order: int
    """It was read as the so-many-th of its series."""
    segment: Segment
    line: int
    """From 1."""


class SeriesNotes:
    """Of one series."""

    def __init__(self, since: float) -> None:
        self.since = since
        """When its counting began: wall clock, seconds since the epoch."""
        self.seen = 0
        """Snapshots that it has."""
        self.last: Note | None = None
        self._kept: list[Note] = []
        self._apart = 0.0
        self._recent: deque[Note] = deque(maxlen=_RECENT)

    def take(self, at: float, counted: int, segment: Segment, line: int) -> None:
        """The next of its snapshots, in the order in which they are read."""
        note = Note(min(max(at, -_FAR), _FAR), counted, self.seen, segment, line)
        self.seen += 1
        if self.last is None or counted >= self.last.counted:
            self.last = note
        self._keep(note)
        self._keep_recent(note)

    def _keep(self, note: Note) -> None:
        kept = self._kept
        if kept and abs(note.at - kept[-1].at) < self._apart:
            return
        kept.append(note)
        if len(kept) > _KEPT:
            kept.sort(key=_order)
            del kept[1::2]
            # Somewhat less than they are apart now: no two minutes are equally long.
            self._apart = 0.9 * (max(one.at for one in kept) - min(one.at for one in kept)) / len(kept)

    def _keep_recent(self, note: Note) -> None:
        recent = self._recent
        if not recent or not 0 <= note.at - recent[-1].at < _APART:
            recent.append(note)
        while len(recent) > 1 and recent[1].at <= note.at - HOUR:
            recent.popleft()

    def line(self) -> list[Note]:
        """Those that are kept, in order, and in the order of their times too.

        A clock that is set back was wrong before: what was written then is taken to be no later than what came next.
        """
        notes = {*self._kept, *self._recent} | ({self.last} if self.last else set())
        found: list[Note] = []
        for note in sorted(notes, key=_order, reverse=True):
            found.append(note if not found else attrs.evolve(note, at=min(note.at, found[-1].at)))
        found.reverse()
        return found


def _order(note: Note) -> tuple[int, int]:
    return note.counted, note.order


class Notes:
    """Of everything that is read."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], SeriesNotes] = {}
        self._segment: Segment | None = None

    def begin(self, segment: Segment) -> None:
        """What comes next is in this one."""
        self._segment = segment

    def take(self, key: tuple[str, str], snapshot: Snapshot, counted: int, since: float) -> None:
        """A snapshot of the series of this epoch and name, in which so much is counted."""
        assert self._segment is not None, "a file without a segment has no snapshots"
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = SeriesNotes(since)
        series.take(snapshot.at, counted, self._segment, snapshot.line)

    def of(self, epoch: str) -> dict[str, SeriesNotes]:
        """Those of one epoch, by series."""
        return {series: notes for (name, series), notes in self._series.items() if name == epoch}
