"""The children of two containers that need a look: those that are not plainly the same, in the primary's order.

Equal scalars, which are nearly all, are passed over here and cost nothing further on. Other people's code may run in
these iterators (`__eq__` and `__hash__` of keys): whoever asks for the next child bears what it raises.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import attrs

from ._cut import Cut
from ._paths import Key
from ._plan import State
from ._sameness import NAMES, SCALARS, SameTrees
from ._shapes import exact_key
from ._undecided import Undecided, any_of

#: In place of a value that one side does not have.
MISSING: Any = type("_Missing", (), {})()


@attrs.frozen
class Whole:
    """An element without a counterpart beside another such: a pair that is reported and not looked into."""

    value: Any


#: (key, the primary's value or MISSING, the shadow's or MISSING)
Child: TypeAlias = tuple[Key, Any, Any]

Members: TypeAlias = list[tuple[Any, Any]]
#: Which members of two objects, at a place with this state, have the same name, and which only one side has: by index.
ByName: TypeAlias = Callable[[Members, Members, State | None], Iterable[tuple[int | None, int | None]]]


def children_of_objects(
    ours: dict[Any, Any], theirs: dict[Any, Any], state: State | None = None, by_name: ByName | None = None
) -> Iterator[Child]:
    """`by_name` is asked where a dict can't tell which names are the same; None: it can."""
    subset = state is not None and state.subset
    if by_name and not (NAMES.issuperset(map(type, ours)) and NAMES.issuperset(map(type, theirs))):
        a, b = list(ours.items()), list(theirs.items())
        for i, j in by_name(a, b, state):
            if i is not None:
                yield *a[i], MISSING if j is None else b[j][1]
            elif j is not None and not subset:
                yield b[j][0], MISSING, b[j][1]
        return
    common = 0
    for name, value in ours.items():
        other = theirs.get(name, MISSING)
        if other is not MISSING:
            common += 1
            if value is other:
                continue
            kind = type(value)
            if kind is type(other) and kind in SCALARS and value == other:
                continue
        yield name, value, other
    if not subset and len(theirs) != common:
        for name, value in theirs.items():
            if name not in ours:
                yield name, MISSING, value


def children_of_arrays(ours: list[Any], theirs: list[Any]) -> Iterator[Child]:
    for index, (value, other) in enumerate(zip(ours, theirs, strict=False)):
        if value is other:
            continue
        kind = type(value)
        if kind is type(other) and kind in SCALARS and value == other:
            continue
        yield index, value, other
    for index in range(len(theirs), len(ours)):
        yield index, ours[index], MISSING
    for index in range(len(ours), len(theirs)):
        yield index, MISSING, theirs[index]


def children_by_runs(ours: list[Any], theirs: list[Any], same: SameTrees) -> Iterator[Child]:
    """The same as `_elements`, of long arrays in which most elements are the same: many are looked at together, then
    fewer. It saves a look at each.
    """
    common = min(len(ours), len(theirs))
    for start in range(0, common, _RUN * _RUN):
        end = min(start + _RUN * _RUN, common)
        if same(ours[start:end], theirs[start:end]):
            continue
        for first in range(start, end, _RUN):
            last = min(first + _RUN, end)
            if not same(ours[first:last], theirs[first:last]):
                for index in range(first, last):
                    yield index, ours[index], theirs[index]
    for index in range(common, len(ours)):
        yield index, ours[index], MISSING
    for index in range(common, len(theirs)):
        yield index, MISSING, theirs[index]


#: Elements that are looked at together.
_RUN = 8


def paired(ours: list[Any], theirs: list[Any], pairs: Iterator[tuple[int | None, int | None]]) -> Iterator[Child]:
    for i, j in pairs:
        yield i if i is not None else j, MISSING if i is None else ours[i], MISSING if j is None else theirs[j]


def leads_on(ours: Any, theirs: Any, state: State) -> bool:
    """Is there a place in one of two values on the way that is compared? True: who knows. Raises Undecided if there is
    none in what is kept of them.
    """
    return any_of(functools.partial(_leads_on, side, state) for side in (ours, theirs))


def _leads_on(value: Any, state: State) -> bool:
    waiting: list[tuple[Any, State]] = [(value, state)]
    unsure = ""
    for _ in range(_LOOKED_AT):
        if not waiting:
            if unsure:
                raise Undecided(unsure)
            return False
        part, above = waiting.pop()
        if type(part) is Cut:
            if part.size is not None:  # a text, bytes, a number
                continue
            unsure = unsure or ("" if part.is_whole else part.why)
            part = part.seen
        kind = type(part)
        if kind is dict:
            children: Iterable[tuple[Any, Any]] = part.items()
        elif kind is list or kind is tuple:
            children = enumerate(part)
        elif kind in _WITHOUT_PARTS or part is MISSING:
            continue
        else:
            return True
        for key, child in children:
            below = above.child(exact_key(key))
            if below is None or not (below.ignored or below.on_the_way):
                return True
            if not below.ignored:
                waiting.append((child, below))
    return True


#: Containers that are looked into for that.
_LOOKED_AT = 1_000
_WITHOUT_PARTS = frozenset((str, int, float, bool, type(None), bytes))
