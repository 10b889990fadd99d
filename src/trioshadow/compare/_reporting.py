"""What a walk is told at a place: a change, what other people's code has raised there, or that nobody can tell. A walk
that only asks whether two values are the same ends with the first change.
"""

from __future__ import annotations

from typing import Any

from ._children import MISSING
from ._cut import Cut
from ._diffs import ChangeKind
from ._found import Found
from ._frames import ROOT
from ._paths import Key
from ._questions import Enough, Questions
from ._undecided import OutOfBounds, Undecided


class Reporting:
    """What a walk has found by now, and where it is."""

    def __init__(self, questions: Questions, *, limit: int, depth: int) -> None:
        """`limit`: changes that are kept; `depth`: above 0 the walk only asks whether two values are the same."""
        self.found = Found(limit)
        self._questions = questions
        self._depth = depth
        self._trail: list[Key] = []
        self._unsure: Undecided | None = None
        """Why it is not known of some place whether the two sides are the same there."""

    def _place(self, key: Key) -> list[Key]:
        return self._trail if key is ROOT else [*self._trail, key]

    def _add(self, key: Key, kind: ChangeKind, ours: Any, theirs: Any) -> None:
        if self._depth:
            raise Enough
        self.found.add(self._place(key), kind, ours, theirs)

    def _add_alone(self, key: Key, ours: Any, theirs: Any) -> None:
        """One side is MISSING."""
        there, kind = (theirs, ChangeKind.ADDED) if ours is MISSING else (ours, ChangeKind.REMOVED)
        if type(there) is Cut and there.may_be_missing:
            raise Undecided(there.why)
        self._add(key, kind, *(None if side is MISSING else side for side in (ours, theirs)))

    def _leave_open(self, reason: Undecided, key: Key) -> None:
        """It can't be told whether a place differs. What differs elsewhere decides all the same."""
        if self._depth and type(reason) is OutOfBounds:
            raise reason
        self._unsure = self._unsure or reason
        if not self._depth:
            self.found.leave_open(reason, self._place(key))

    def _contain(self, exc: BaseException, key: Key, what: str = "comparing") -> None:
        """Note what was raised at a key of the container that is walked; ROOT: at that container."""
        self.found.contain(exc, self._place(key), what)

    def _accepts(self, key: Key, predicate: Any, ours: Any, theirs: Any, rule: str = "Accept") -> bool:
        for side in (ours, theirs):
            if type(side) is Cut:  # what a function says of the whole nobody knows
                raise Undecided(side.why)
        try:
            return bool(predicate(ours, theirs))
        except BaseException as exc:
            self._contain(exc, key, rule)
            return False
