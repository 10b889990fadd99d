"""What the walks of one comparison have in common: the one that reports, and those that it asks whether two values are
the same. Bounded: a question is answered once, and all of them together look at so many values; each place at a few
more of its own, so that none can take them from another.
"""

from __future__ import annotations

import enum
from typing import Any, TypeAlias

from ._kinds import ANY, Kinds
from ._match import Matcher
from ._names import Names
from ._plan import State
from ._undecided import OutOfBounds

#: How many values may be looked at in questions, in one comparison: about half a second.
LOOKS = 30_000
#: And how many more at each place of the report, for each of its elements, and at most. So they are, in all, at most in
#: proportion to the size of the two values.
OWN_LOOKS, MOST_OWN_LOOKS = 4, 1_000

_SIZED: tuple[Any, ...] = (list, tuple, dict)

#: Questions within questions: each takes some eight frames of Python's stack.
_DEPTH = 60


class Way(enum.IntEnum):
    """In which ways two values at a place may be the same: those of a lower one are among those of a higher one."""

    IN_ORDER = 0
    """As they are, and the elements of arrays in order, whatever `Unordered` and `Normalize` say of this place."""
    AS_THEY_ARE = 1
    """Whatever `Normalize` says of this place."""
    ANY = 2


#: Two values, at a place with these rules, in these ways.
Question: TypeAlias = tuple[object, object, State | None, Way]


class Enough(Exception):
    """Raised by a walk that only asks whether two values are the same, when it knows that they are not."""


class Questions:
    """Of one comparison."""

    def __init__(self, *, strict: bool, decoded: bool = False, kinds: Kinds = ANY) -> None:
        """`decoded`: the values are trees of builtins, as a decoder makes them; `kinds`: what rules say of classes."""
        self.strict = strict
        self.kinds = kinds = Kinds(kinds.pairs, kinds.comparers, kinds.errors.remembering())
        self.matcher = Matcher(strict=strict, decoded=decoded, kinds=kinds)
        self.names = Names(strict=strict, kinds=kinds)
        self._looks = LOOKS
        self._own_looks = 0
        self._answers: dict[tuple[int, int, int, Way], bool] = {}
        self._open: dict[tuple[int, int, int, Way], bool] = {}  # and whether a yes was taken for granted meanwhile
        self._alive: list[Question] = []  # so that no id is used twice

    def begin(self, ours: Any, theirs: Any) -> None:
        """The report comes to a place where these two are, about which it may ask."""
        size = sum(len(side) for side in (ours, theirs) if type(side) in _SIZED)
        self._own_looks = min(OWN_LOOKS * (size + 1), MOST_OWN_LOOKS)

    def look(self) -> None:
        """One more value is looked at. Raises OutOfBounds if it is one too many."""
        if self._own_looks:
            self._own_looks -= 1
        elif self._looks:
            self._looks -= 1
        else:
            raise OutOfBounds("too many pairs of elements, or other ways to be the same, would have to be compared")

    def answer(self, question: Question) -> bool | None:
        """What is known of it; and from now on yes, as for two values that hold themselves, until it is settled."""
        name = _name_of(question)
        if name in self._open:
            self._open[name] = True
            return True
        if name in self._answers:
            return self._answers[name]
        self._alive.append(question)
        self._open[name] = False
        return None

    def settle(self, question: Question, *, answer: bool | None) -> None:
        """It is answered; None: it can't be."""
        name = _name_of(question)
        was_granted = self._open.pop(name)
        if was_granted and not answer:
            # What was found to be the same meanwhile may have been so only if this had been.
            self._answers = {name: known for name, known in self._answers.items() if not known}
        if answer is not None:
            self._answers[name] = answer


def _name_of(question: Question) -> tuple[int, int, int, Way]:
    ours, theirs, state, way = question
    return id(ours), id(theirs), id(state), way


def refuse_depth(depth: int) -> None:
    """Raises OutOfBounds where questions stand in so many questions."""
    if depth >= _DEPTH:
        raise OutOfBounds(f"arrays without an order, or functions, are nested more than {_DEPTH} deep")
