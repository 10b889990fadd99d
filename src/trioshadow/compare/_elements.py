"""The children of two arrays whose order means nothing, and of sets: what may differ, and what is on one side only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._children import MISSING, Child, Whole, paired
from ._match import Keys, Matched, Matcher
from ._paths import ELEMENT
from ._plan import State
from ._write import written


def children_in_any_order(
    ours: list[Any], theirs: list[Any], found: Matched, by_key: tuple[Matcher, Keys, State | None] | None
) -> Iterator[Child]:
    """Of what has no counterpart those are shown beside each other that have the same key; without keys in order."""
    removed, added = found.removed, found.added
    rest, others = [ours[i] for i in removed], [theirs[j] for j in added]
    pairs: list[tuple[int | None, int | None]] = [*found.likely]
    wholes: list[Child] = []
    if by_key is not None:
        matcher, keys, below = by_key
        alike = matcher.alike_in_key(rest, others, keys, below)
        pairs += [(None if i is None else removed[i], None if j is None else added[j]) for i, j in alike]
    elif len(removed) == len(added) == 1:  # the one that became the other
        pairs.append((removed[0], added[0]))
    else:
        wholes = [(i, Whole(one), Whole(other)) for i, one, other in zip(removed, rest, others, strict=False)]
        pairs += [(i, None) for i in removed[len(wholes) :]]
        pairs += [(None, j) for j in added[len(wholes) :]]
    return iter([*wholes, *paired(ours, theirs, iter(pairs))])


def children_of_sets(removed: list[Any], added: list[Any]) -> Iterator[Child]:
    """Sorted, since a set has no order: so that two runs of a program say the same."""
    for value in sorted(removed, key=written):
        yield ELEMENT, value, MISSING
    for value in sorted(added, key=written):
        yield ELEMENT, MISSING, value
