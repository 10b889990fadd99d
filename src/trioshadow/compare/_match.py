"""Which elements of two arrays belong together when their positions do not say so. Lists in, indexes out."""

from __future__ import annotations

import marshal
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from ._canonical import BIG, Numbering
from ._plan import State
from ._shapes import Shape, members, shape_of


class Matcher:
    """Matches the elements of the arrays in two values."""

    def __init__(self, *, strict: bool, decoded: bool = False) -> None:
        """`decoded`: the values are trees of builtins, as a decoder makes them."""
        self.looks = _PAIRWISE_LOOKS
        """What is left for comparing each element with each: a `counted` question takes from it what it costs. Below 0:
        it is spent.
        """
        self.gave_up = False
        """Were there elements that could not be compared each with each?"""
        self._decoded = decoded
        self._strict = strict
        self._numbering = Numbering(strict=strict)  # one for all arrays: what is in an inner one is numbered once

    def by_field(
        self, primary: Sequence[object], shadow: Sequence[object], field: str, state: State | None, same: Same
    ) -> Iterator[Pair]:
        """Objects with the same value in a field; what has none is matched in order. `state` is that of an element."""
        below = None if state is None else state.child(field)
        pairs = list(
            by_key(
                [self._number_of_field(element, field, below) for element in primary],
                [self._number_of_field(element, field, below) for element in shadow],
            )
        )
        if self._tells_all(state):
            return iter(pairs)
        # Keys that have no number in common may be the same all the same: where two elements are, nothing is said.
        removed, added = _alone(pairs)
        there = set(added)
        alike = {i for i in removed if i in there and same(primary[i], shadow[i], state, counted=False)}
        return ((i, j) for i, j in pairs if not ((j is None and i in alike) or (i is None and j in alike)))

    def _number_of_field(self, element: object, field: str, state: State | None) -> Hashable:
        if self._decoded and not self._strict and state is None and type(element) is dict:
            # Nearly all keys are such, and stand for themselves: that saves the numbering, two thirds of the time of
            # two arrays of 2,000 objects (`nox -s bench`, KeyedBy). What is not decoded may have a Decimal that equals
            # an int.
            value: Any = element.get(field)
            kind = type(value)
            if kind is str or (kind is int and -BIG < value < BIG):
                return value  # type: ignore[no-any-return] # of these types
            if kind is float and -BIG < value < BIG and value.is_integer():
                return int(value)
        if shape_of(element) is Shape.OBJECT:
            found = members(element)
            if field in found:
                return (self._numbering.of(found[field], state),)  # no int that stands for itself
        return None

    def _tells_all(self, state: State | None) -> bool:
        """Are two values with different numbers never the same?"""
        return self._numbering.exact and (state is None or not state.inexact)

    def unmatched(
        self, primary: Sequence[object], shadow: Sequence[object], state: State | None, same: Same
    ) -> tuple[list[int], list[int]]:
        """The indexes of the elements that are on one side only, the primary's and the shadow's. `same` is asked where
        the elements' numbers can't tell.
        """
        if not self._decoded or state is not None:
            return self._unmatched(primary, shadow, state, same)
        # Most are written alike, and so the same. Only the others are numbered.
        removed, added = _alone(by_key(_written(primary), _written(shadow)))
        if not removed or not added:
            return removed, added
        ours, theirs = [primary[i] for i in removed], [shadow[j] for j in added]
        rest, others = self._unmatched(ours, theirs, state, same)
        return [removed[i] for i in rest], [added[j] for j in others]

    def _unmatched(
        self, primary: Sequence[object], shadow: Sequence[object], state: State | None, same: Same
    ) -> tuple[list[int], list[int]]:
        numbers = [self._numbering.of(element, state) for element in primary]
        pairs = by_key(numbers, [self._numbering.of(element, state) for element in shadow])
        removed, added = _alone(pairs)
        if not removed or not added or self._tells_all(state):
            return removed, added
        known: dict[Pair, bool] = {}

        def edge(i: int, j: int) -> bool:  # each pair is asked about once: an answer may cost much
            if (i, j) not in known:
                known[i, j] = same(primary[i], shadow[j], state, counted=i != j)
            return known[i, j]

        if len(primary) == len(shadow) and all(edge(i, i) for i in range(len(primary))):
            return [], []  # in their order they are the same: whatever the numbers paired, nothing differs
        partners = by_sameness(removed, added, edge)
        if max(len(removed), len(added)) > PAIRWISE or self.looks < 0:
            self.gave_up = True
        taken = set(partners.values())
        return [i for i in removed if i not in partners], [j for j in added if j not in taken]

    def same_as_they_are(self, primary: object, shadow: object) -> bool:
        """Are two values the same without any rule? False: who knows."""
        return self._numbering.of(primary, None) == self._numbering.of(shadow, None)


def _written(values: Sequence[Any]) -> list[Hashable]:
    """Each serialised: where that is equal, so are the values."""
    try:
        return [marshal.dumps(value, 2) for value in values]  # version 2 knows no references
    except ValueError:  # too deep
        return [object() for _ in values]


def _alone(pairs: Iterable[Pair]) -> tuple[list[int], list[int]]:
    removed: list[int] = []
    added: list[int] = []
    for i, j in pairs:
        if j is None and i is not None:
            removed.append(i)
        elif i is None and j is not None:
            added.append(j)
    return removed, added


class Same(Protocol):
    """Are two elements the same under the rules of a state?"""

    def __call__(self, ours: object, theirs: object, state: State | None, /, *, counted: bool) -> bool: ...


#: How many pairs of values comparisons of each element with each may look at, in one walk.
_PAIRWISE_LOOKS = 100_000

#: Elements that only a comparison can tell the same are compared each with each up to this many on a side.
PAIRWISE = 50

#: Index in the primary's array (None: added) and in the shadow's (None: removed).
Pair = tuple[int | None, int | None]


def by_key(primary: Sequence[Hashable], shadow: Sequence[Hashable]) -> Iterator[Pair]:
    """Pairs of equal keys, in the primary's order; then what only the shadow has. A key that is there twice is matched
    in order.

    >>> list(by_key(["a", "b"], ["b", "c"]))
    [(0, None), (1, 0), (None, 1)]
    """
    places: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for j, key in enumerate(shadow):
        places[key].append(j)
    left = set(range(len(shadow)))
    for i, key in enumerate(primary):
        if places[key]:
            j = places[key].popleft()
            left.discard(j)
            yield i, j
        else:
            yield i, None
    for j in sorted(left):
        yield None, j


def by_sameness(i_left: Sequence[int], j_left: Sequence[int], same: Callable[[int, int], bool]) -> dict[int, int]:
    """As many pairs `i: j` for which `same` holds as there can be, each i and j in one at most.

    Those at equal positions first. Beyond `PAIRWISE` on a side only those are tried: comparing each with each takes a
    time that grows with the square.
    """
    there = set(j_left)
    partner_of = {i: i for i in i_left if i in there and same(i, i)}  # by j
    if len(i_left) <= PAIRWISE and len(j_left) <= PAIRWISE:
        matched = set(partner_of.values())
        for i in i_left:
            if i not in matched:
                _augment(i, j_left, same, partner_of)
    return {i: j for j, i in partner_of.items()}


def _augment(start: int, j_left: Sequence[int], edge: Callable[[int, int], bool], partner_of: dict[int, int]) -> None:
    """Find a partner for `start`, moving others to other partners where needed (an augmenting path, breadth first)."""
    came_from: dict[int, int] = {}  # j: the i from which we reached it
    waiting = deque([start])
    while waiting:
        i = waiting.popleft()
        for j in j_left:
            if j in came_from or not edge(i, j):
                continue
            came_from[j] = i
            if j in partner_of:
                waiting.append(partner_of[j])
                continue
            free: int | None = j
            while free is not None:  # each on the way takes the place that it reached
                taker = came_from[free]
                previous = next((k for k, owner in partner_of.items() if owner == taker), None)
                partner_of[free] = taker
                free = previous
            return
