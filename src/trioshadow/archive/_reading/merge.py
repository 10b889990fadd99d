"""Adding up: of the snapshots of many files the evidence of each epoch.

Snapshots are cumulative: of each series (one run of counting in one process) the last one counts, and the sum of all
series of an epoch is its evidence. Epochs are never added up: they are about different rules or candidates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import attrs

from trioshadow._settings.records import DivergenceRecord
from trioshadow.archive._lines import epoch_of
from trioshadow.evidence import FORMAT, Evidence

from .archive import Entry, Segment, Snapshot, read_archive
from .notes import Notes
from .problem import Problem, ProblemKind

#: Problems that are kept; all are counted.
_KEPT = 1_000


@attrs.frozen
class Merged:
    """What some archives say together."""

    epochs: Mapping[str, Evidence]
    """The evidence of each epoch, by `ShadowConfig.epoch_id`, as records have it, in the order in which they were first
    seen. `Evidence.epoch` says which candidate and rules that is."""
    deleted_segments: int
    """Segments that their processes had deleted for `max_total_bytes`. What is still there of a process that goes on
    has all of its counts; of one that ended before they may be missing."""
    records_since: int
    """Records since the last snapshot of their process: calls that the evidence may not have counted yet. Many of them
    say that a process was killed, or that `snapshot_every` is long."""
    problems: tuple[Problem, ...]
    """What could not be read, the first 1,000 of it."""
    problem_count: int
    """How much there is in all."""

    def evidence(self, epoch: str | None = None) -> Evidence:
        """The evidence of an epoch; without a name, of the only one. ValueError, which names the epochs, if there are
        none, several, or not that one.
        """
        if not self.epochs:
            first = f": {self.problems[0].file}: {self.problems[0].what}" if self.problems else ""
            raise ValueError(f"there is no snapshot in the archive, so nothing was counted{first}")
        named = list(self.epochs) if epoch is None else [epoch]
        if len(named) != 1 or named[0] not in self.epochs:
            told = ", ".join(f"{name!r} ({one.epoch})" for name, one in self.epochs.items())
            raise ValueError(f"epoch must be one of those in the archive, not {epoch!r}: {told}")
        return self.epochs[named[0]]


def merge_archives(*paths: str | Path) -> Merged:
    """The evidence of each epoch in these archives; paths as `read_archive()` takes them. Blocking, in flat memory.

    Evidence that a killed process had counted since its last snapshot is lost; `Merged.records_since` says how many
    records there are of that time.
    """
    merger = Merger()
    for entry in read_archive(*paths):
        merger.take(entry)
    return merger.merged()


class Merger:
    """Takes what is read of archives, entry by entry. `notes`: where the snapshots that count are is noted there."""

    def __init__(self, notes: Notes | None = None) -> None:
        self._notes = notes
        self._last: dict[tuple[str, str], tuple[int, Evidence]] = {}
        self._since: Counter[str] = Counter()
        self._problems: list[Problem] = []
        self._problem_count = 0
        self._run = ""
        self._deleted: dict[str, int] = {}

    def take(self, entry: Entry) -> None:
        """The next entry."""
        problem = None
        if type(entry) is DivergenceRecord:
            self._since[self._run] += 1
        elif type(entry) is Segment:
            self._run = entry.run
            self._deleted[entry.run] = max(entry.deleted, self._deleted.get(entry.run, 0))
            if self._notes is not None:
                self._notes.begin(entry)
        elif type(entry) is Snapshot:
            self._since[self._run] = 0
            problem = self._put(entry)
        else:
            assert type(entry) is Problem
            problem = entry
        if problem is not None:
            self._problem_count += 1
            if len(self._problems) < _KEPT:
                self._problems.append(problem)

    def _put(self, snapshot: Snapshot) -> Problem | None:
        """Keep it, if it is the latest of its series."""
        # The first had no number.
        found = snapshot.evidence.get("format", 1 if "operations" in snapshot.evidence else None)
        if type(found) is int and found < FORMAT:
            told = f"this is evidence of format {found}, counted by an older version"
            return Problem(ProblemKind.OUTDATED, snapshot.file, snapshot.line, told)
        if type(found) is int and found > FORMAT:
            told = f"this is evidence of format {found}, counted by a newer version"
            return Problem(ProblemKind.NEWER, snapshot.file, snapshot.line, told)
        try:
            evidence = Evidence.from_dict(snapshot.evidence)
            key = epoch_of(snapshot.evidence), str(snapshot.evidence["series"])
        except (ValueError, TypeError, KeyError, AttributeError):
            return Problem(ProblemKind.FOREIGN, snapshot.file, snapshot.line, "this is no snapshot of evidence")
        # By what was counted and not by the clock, which may be set back: of one series that only grows.
        counted = sum(evidence.totals()[:-1]) + sum(evidence.totals()) + sum(evidence.secondary_totals())
        if key not in self._last or counted >= self._last[key][0]:
            self._last[key] = counted, evidence
        if self._notes is not None:
            self._notes.take(key, snapshot, counted, evidence.since)
        return None

    def series(self, epoch: str) -> dict[str, Evidence]:
        """The latest of each series of an epoch."""
        return {series: evidence for (name, series), (_, evidence) in self._last.items() if name == epoch}

    def merged(self) -> Merged:
        """What they say together."""
        series: dict[str, list[Evidence]] = {}
        for (epoch, _), (_, evidence) in self._last.items():
            series.setdefault(epoch, []).append(evidence)
        merged = {epoch: Evidence.merge(parts) for epoch, parts in series.items()}
        deleted, since = sum(self._deleted.values()), self._since.total()
        return Merged(merged, deleted, since, tuple(self._problems), self._problem_count)
