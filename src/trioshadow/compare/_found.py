"""What was found: the changes, of which the first are kept, and what else should be known, in words. Bounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trioshadow._model.errors import describe_error, passing_error

from ._diffs import Change, ChangeKind
from ._keep import kept_pair
from ._paths import Key, shown_path, write_path

#: Different notes of one comparison.
_NOTES = 5
#: Characters of each.
_NOTE_LIMIT = 1_000


class Found:
    """Of one comparison of two values."""

    def __init__(self, limit: int) -> None:
        """`limit`: changes that are kept."""
        self.changes: list[Change] = []
        """The first ones in the primary's order; what only the shadow has comes at the end of its container."""
        self.count = 0
        """All of them, kept or not."""
        self.notes: list[str] = []
        """What else should be known."""
        self.undecided = ""
        """Why it is not known of some place whether the two sides are the same there; empty where all is known."""
        self._limit = limit

    def add(self, trail: Sequence[Key], kind: ChangeKind, ours: Any, theirs: Any) -> None:
        """A change at the place that these keys lead to."""
        self.count += 1
        if len(self.changes) < self._limit:
            ours, theirs = kept_pair(ours, theirs)
            self.changes.append(Change(write_path(trail), kind, ours, theirs))

    def take(self, change: Change) -> None:
        """A change that is made already."""
        self.count += 1
        if len(self.changes) < self._limit:
            self.changes.append(change)

    def contain(self, exc: BaseException, trail: Sequence[Key], what: str = "comparing") -> None:
        """Other people's code has raised at a place: a note, but for what passes through everything."""
        if passing_error(exc) is not None:
            raise exc
        if len(self.notes) < _NOTES:
            name, message = describe_error(exc)
            self.note(f"{what} raised {name} at {shown_path(write_path(trail))}: {message}")

    def leave_open(self, reason: BaseException, trail: Sequence[Key]) -> None:
        """It can't be told whether a place differs: that is no difference."""
        if not self.undecided:
            self.stay_open(f"{shown_path(write_path(trail))} can't be compared: {reason}")

    def stay_open(self, undecided: str) -> None:
        """The same, in words."""
        if not self.undecided:
            self.undecided = undecided[:_NOTE_LIMIT]
            self.note(self.undecided)

    def note(self, note: str) -> None:
        """Each once, and the first few; an empty one is none."""
        note = note[:_NOTE_LIMIT]
        if note and len(self.notes) < _NOTES and note not in self.notes:
            self.notes.append(note)
