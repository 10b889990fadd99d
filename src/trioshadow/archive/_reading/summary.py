"""Summary: what some archives say of one candidate, for a report. Everything that can be read of them, read once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from trioshadow._model.words import counted
from trioshadow._settings.records import DivergenceRecord
from trioshadow.archive._lines import epoch_of
from trioshadow.compare import visible
from trioshadow.evidence import Epoch, Evidence, FieldState, Objective, Scorecard, scorecard

from .archive import Segment, Snapshot, read_archive
from .course import Course, course_of
from .differences import Difference, Differences
from .merge import Merger
from .notes import Notes
from .problem import Problem


@attrs.frozen
class OtherEpoch:
    """An epoch that the summary is not about."""

    name: str
    """As records have it."""
    told: str
    """Which candidate and rules, or that no snapshot says it."""
    scorecard: Scorecard
    records: int
    last_at: float


@attrs.frozen(kw_only=True)
class Summary:
    """What some archives say of one epoch: of one candidate, by one set of rules."""

    files: tuple[str, ...]
    """What was asked for."""
    segments: int
    """That could be read."""
    records: int
    """Of all epochs."""
    epoch: str
    """As records have it."""
    evidence: Evidence
    scorecard: Scorecard
    course: Course | None
    """How the evidence came to be; None without a snapshot, or if it was not asked for."""
    counted: bool
    """Is there a snapshot of this epoch? Without, all of its counts are zero."""
    first_at: float | None
    """Wall clock: when the counting began, or the first record was made."""
    last_at: float | None
    """When the last snapshot or record was written."""
    differences: tuple[Difference, ...]
    """Those first that the scorecard does not explain, and of these those of most calls."""
    unlisted: int
    """Records whose difference there was no room for."""
    others: tuple[OtherEpoch, ...]
    """The latest first."""
    deleted_segments: int
    records_since: int
    """As `Merged` has it."""
    problems: tuple[Problem, ...]
    problem_count: int

    def notes(self) -> list[str]:
        """What should be known about the files."""
        told = []
        if not self.counted and self.differences:
            told.append(
                "there are records and no snapshot: what differs is known, and not of how many calls. Their process "
                "was killed before its first snapshot, or its file is missing here"
            )
        elif self.records_since:
            told.append(
                f"{counted(self.records_since, 'record')} came after the last snapshot of their process: these calls "
                "are not counted yet, or never were, if it was killed"
            )
        if self.deleted_segments:
            told.append(
                f"for max_total_bytes {counted(self.deleted_segments, 'segment')} had been deleted: their records are "
                "missing, and the counts of processes that ended before"
            )
        if self.unlisted:
            told.append(f"{counted(self.unlisted, 'record')} differ in yet other ways: too many to list them")
        if self.problem_count:
            told.append(f"{counted(self.problem_count, 'problem')} with the files: see below")
        if self.others:
            told.append(
                f"the files have {counted(len(self.others), 'other epoch')} too, of another candidate or by other "
                "rules: see below"
            )
        return told


class UnknownEpochError(ValueError):
    """There is no such epoch in the files. `known`: what there is."""

    def __init__(self, epoch: str, known: list[str]) -> None:
        told = ", ".join(map(visible, known)) or "none"
        super().__init__(f"there is no epoch {epoch!r} in the files: there are {told}")
        self.known = known


def summarize(
    *paths: str | Path,
    objective: Objective | Callable[[Objective], Objective] | None = None,
    epoch: str | None = None,
    course: bool = False,
) -> Summary:
    """Read these archives; paths as `read_archive()` takes them. Without an `epoch`: of the latest. Blocking.

    `objective`: None for the one that the evidence was counted by; or a function that makes one of that. `course`: some
    snapshots are read once more, to say how the evidence came to be.

    Of an empty archive, or one that can't be read, the summary says so. UnknownEpochError if there is no such epoch.
    """
    notes = Notes() if course else None
    merger, differences = Merger(notes), Differences()
    segments = records = 0
    last_at: dict[str, float] = {}
    for entry in read_archive(*paths):
        merger.take(entry)
        if type(entry) is DivergenceRecord:
            records += 1
            differences.take(entry)
        elif type(entry) is Segment:
            segments += 1
        elif type(entry) is Snapshot:
            _note_time(last_at, entry)
    merged = merger.merged()
    for name, at in differences.epochs.items():
        last_at[name] = max(at, last_at.get(name, at))
    known = sorted(last_at, key=lambda name: -last_at[name])
    if epoch is not None and epoch not in known:
        raise UnknownEpochError(epoch, known)
    shown = epoch if epoch is not None else known[0] if known else ""
    evidence = merged.epochs.get(shown) or _nothing()

    def judge(found: Evidence) -> Scorecard:
        asked = objective(found.objective) if callable(objective) else objective
        return scorecard(found, found.objective if asked is None else asked)

    judged = judge(evidence)
    found = differences.of(shown, _explained_by(judged))
    began = [one.first_at for one in found] + ([evidence.since] if shown in merged.epochs else [])
    return Summary(
        files=tuple(map(str, paths)),
        segments=segments,
        records=records,
        epoch=shown,
        evidence=evidence,
        scorecard=judged,
        course=None
        if notes is None or shown not in merged.epochs
        else course_of(notes.of(shown), merger.series(shown), evidence, judged.objective),
        counted=shown in merged.epochs,
        first_at=min(began, default=None),
        last_at=last_at.get(shown),
        differences=found,
        unlisted=differences.unlisted(shown),
        others=tuple(
            OtherEpoch(
                name,
                str(merged.epochs[name].epoch) if name in merged.epochs else "(no snapshot)",
                judge(merged.epochs.get(name) or _nothing()),
                differences.count(name),
                last_at[name],
            )
            for name in known
            if name != shown
        ),
        deleted_segments=merged.deleted_segments,
        records_since=merged.records_since,
        problems=merged.problems,
        problem_count=merged.problem_count,
    )


#: That such a field differs, the scorecard explains. (Not what can't be judged: that somebody has to look at.)
_EXPLAINED = (FieldState.CLEAN, FieldState.TOO_FEW)


def _explained_by(judged: Scorecard) -> Callable[[str, str], bool]:
    explained = {
        (operation.operation, field.field)
        for operation in judged.operations
        for field in operation.fields
        if field.acknowledged or field.state in _EXPLAINED
    }
    return lambda operation, field: (operation, field) in explained


def _nothing() -> Evidence:
    return Evidence(Epoch())


def _note_time(last_at: dict[str, float], snapshot: Snapshot) -> None:
    try:
        name = epoch_of(snapshot.evidence)
    except (KeyError, TypeError, AttributeError):  # a problem, which the merger has noted
        return
    last_at[name] = max(snapshot.at, last_at.get(name, snapshot.at))
