"""The elements of what has no order (sets, and arrays and rows of which a rule says so): which are beside each other,
and which are on one side only.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import attrs

from ._arrays import beside_by_name
from ._children import MISSING, Child, Members, Whole, children_of_arrays, paired
from ._diffs import ChangeKind
from ._match import Keys, Matched, Pair
from ._paths import ELEMENT, Key, shown_path, write_path
from ._plan import State
from ._questions import Way
from ._reporting import Reporting
from ._rows import put_beside, rows_of
from ._tables import parts
from ._undecided import Undecided
from ._write import written

#: From two arrays without an order, or sets, at a place, with their state and that of an element, to what may differ.
Matching: TypeAlias = Callable[[Key, list[Any], list[Any], Any, "State | None"], Iterator[Child]]


class Elements(Reporting, abc.ABC):
    """A walk, in so far as it is about them."""

    @abc.abstractmethod
    def _asks(
        self, ours: object, theirs: object, state: State | None, way: Way = Way.ANY, *, body: bool = False
    ) -> bool:
        """Are two values the same in these ways? Raises Undecided."""

    @abc.abstractmethod
    def _may_be_missing(self, key: Key, ours: Any, theirs: Any, state: State) -> bool:
        """May what is here be there on one side only?"""

    def _by_name(self, ours: Members, theirs: Members, state: State | None) -> list[Pair]:
        if not self._depth:
            self._questions.begin(ours, theirs)
        pairs, note = self._questions.names.paired(ours, theirs, state, self._asks)
        self.found.note(note)
        return pairs

    def _in_any_order(
        self, match: Matching, key: Key, pair: tuple[Any, Any], sides: tuple[list[Any], list[Any]], state: State | None
    ) -> Iterator[Child]:
        """The elements of two arrays or sets; none, if all that can be told is that they differ: in their number."""
        below = None if state is None else state.element()
        if below is not None and below.ignored:
            return iter(())
        try:
            return match(key, *sides, state, below)
        except Undecided as reason:
            if len(sides[0]) == len(sides[1]) or (below is not None and below.accepts):
                raise
            self.found.note(f"{self._shown(key)} is not compared element by element: {reason}")
            self._add(key, ChangeKind.CHANGED, *pair)
            return iter(())

    def _of_sets(
        self, key: Key, ours: list[Any], theirs: list[Any], _: State | None, below: State | None
    ) -> Iterator[Child]:
        if not self._depth:
            self._questions.begin(ours, theirs)
        found = self._counterparts(ours, theirs, below)
        removed, added = [ours[i] for i in found.removed], [theirs[j] for j in found.added]
        for i, j in found.likely:
            try:
                if not self._asks(ours[i], theirs[j], below):
                    removed.append(ours[i])
                    added.append(theirs[j])
            except Undecided as reason:
                self._leave_open(reason, key)
        return _children_of_sets(removed, added)

    def _of_arrays(
        self, _: Key, ours: list[Any], theirs: list[Any], state: State, below: State | None
    ) -> Iterator[Child]:
        """Pairs that may differ, and what is over. Without keys, pairs of what is left over are not looked into."""
        if len(ours) <= 1 and len(theirs) <= 1:
            return children_of_arrays(ours, theirs)
        if state.keyed_by is not None:
            certain = self._questions.matcher.by_keys(ours, theirs, state.keyed_by, below)
            if certain is not None:
                return paired(ours, theirs, iter(certain))
        found = self._counterparts(ours, theirs, below)
        removed, added = found.removed, found.added
        pairs: list[Pair] = [*found.likely]
        wholes: list[Child] = []
        if state.keyed_by is not None:
            pairs += self._alike_in_key(ours, theirs, found, state.keyed_by, below)
        elif len(removed) == len(added) == 1:  # the one that became the other
            pairs.append((removed[0], added[0]))
        else:
            wholes = [(i, Whole(ours[i]), Whole(theirs[j])) for i, j in zip(removed, added, strict=False)]
            pairs += [(i, None) for i in removed[len(wholes) :]]
            pairs += [(None, j) for j in added[len(wholes) :]]
        return iter([*wholes, *paired(ours, theirs, iter(pairs))])

    def _order_of_rows(self, key: Key, pair: tuple[Any, Any], state: State) -> tuple[list[int], list[int]]:
        """The rows of two frames, in the order in which they are beside each other."""
        ours, theirs = (parts(side, strict=self._questions.strict) for side in pair)
        pairs = beside_by_name(ours, theirs, state, self._by_name)
        rows, keys = rows_of(ours, theirs, pairs, state), state.keyed_by
        for name in rows.wholes:
            self.found.note(
                f"{self._shown(key)} has rows without an order: a rule that takes the whole column {written(name)} says"
                " nothing of which belong together, as one that takes each element, [*], does"
            )
        primary, shadow, below = rows.primary, rows.shadow, rows.state
        certain = self._questions.matcher.by_keys(primary, shadow, keys, below) if keys else None
        if not certain:
            found = self._counterparts(primary, shadow, below)
            certain = [*found.same.items(), *found.likely]
            if keys:
                certain += self._alike_in_key(primary, shadow, found, keys, below)
        known = {i: j for i, j in certain if i is not None and j is not None}
        return put_beside(known, len(primary), len(shadow))

    def _alike_in_key(
        self, ours: list[Any], theirs: list[Any], found: Matched, keys: Keys, below: State | None
    ) -> list[Pair]:
        """Of what has no counterpart those are beside each other that have the same key."""
        removed, added = found.removed, found.added
        rest, others = [ours[i] for i in removed], [theirs[j] for j in added]
        alike = self._questions.matcher.alike_in_key(rest, others, keys, below)
        return [(None if i is None else removed[i], None if j is None else added[j]) for i, j in alike]

    def _counterparts(self, ours: list[Any], theirs: list[Any], below: State | None) -> Matched:
        """Of the elements of two arrays or sets, of the state `below`."""
        found = self._questions.matcher.matched(
            *(ours, theirs, below), lambda i, j: self._asks(ours[i], theirs[j], below), hasty=self._depth > 0
        )
        if found.gave_up:
            self.found.note("the elements of an array without an order are too many to find all that are the same")
        if below is None or not below.accepts:
            return found
        removed = [i for i in found.removed if not self._may_be_missing(ELEMENT, ours[i], MISSING, below)]
        added = [j for j in found.added if not self._may_be_missing(ELEMENT, MISSING, theirs[j], below)]
        return attrs.evolve(found, removed=removed, added=added)

    def _shown(self, key: Key) -> str:
        return shown_path(write_path(self._place(key)))


def _children_of_sets(removed: list[Any], added: list[Any]) -> Iterator[Child]:
    """Sorted, since a set has no order: so that two runs of a program say the same."""
    for value in sorted(removed, key=written):
        yield ELEMENT, value, MISSING
    for value in sorted(added, key=written):
        yield ELEMENT, MISSING, value
