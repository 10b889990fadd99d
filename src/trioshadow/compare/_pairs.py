"""The pairs of containers that a walk is in, or has been in: values may hold themselves, or one object many times.
Bounded.
"""

from __future__ import annotations

from typing import Any

from ._frames import Frame, Mark
from ._plan import State
from ._shapes import MADE_LIMIT, makes_its_parts
from ._undecided import Undecided

#: An object that a value holds more than once is walked again where it is met again, but not more often than this in
#: all: 50 lists, each of which holds the next one twice, have 2**50 paths.
_REVISITS = 10_000


class Pairs:
    """Of one walk."""

    def __init__(self) -> None:
        self._seen: dict[Mark, object] = {}
        self._open: set[Mark | None] = set()
        self._same: set[Mark | None] = set()
        """What has been found to be the same."""
        self._revisits = _REVISITS
        self._made = 0

    def is_known(self, mark: Mark) -> bool:
        """Are they the same, or do both contain themselves, and it is being found out?"""
        return mark in self._open or mark in self._same

    def met_too_often(self, mark: Mark) -> str:
        """What there is to be noted if this pair differs and is not looked at once more; empty if it is."""
        if mark in self._seen:
            self._revisits -= 1
            if self._revisits < 0:
                return f"objects that differ and are there many times were compared {_REVISITS:,} times"
        return ""

    def meet(self, mark: Mark, ours: Any, theirs: Any, state: State | None) -> None:
        """They are looked at. Raises Undecided for too many that make their parts."""
        self._seen[mark] = (ours, theirs, state)  # kept alive, so that no id is used twice
        if makes_its_parts(ours) or makes_its_parts(theirs):
            self._made += 1
            if self._made > MADE_LIMIT:
                raise Undecided(f"more than {MADE_LIMIT:,} containers that make their parts")

    def enter(self, frame: Frame, mark: Mark, count: int) -> None:
        """Their parts are looked at from now on. `count`: changes that have been found by now."""
        frame.mark, frame.count = mark, count
        self._open.add(mark)

    def leave(self, frame: Frame, *, same: bool) -> None:
        """All of their parts were looked at."""
        self._open.discard(frame.mark)
        if same:
            self._same.add(frame.mark)
