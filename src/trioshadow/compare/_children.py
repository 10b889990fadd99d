"""The children of two containers that need a look: those that are not plainly the same, in the primary's order.

Equal scalars, which are nearly all, are passed over here and cost nothing further on. Other people's code may run in
these iterators (`__eq__` and `__hash__` of keys): whoever asks for the next child bears what it raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import attrs

from ._paths import Key
from ._sameness import SCALARS, SameTrees

#: In place of a value that one side does not have.
MISSING: Any = type("_Missing", (), {})()


@attrs.frozen
class Whole:
    """An element without a counterpart beside another such: a pair that is reported and not looked into."""

    value: Any


#: (key, the primary's value or MISSING, the shadow's or MISSING)
Child: TypeAlias = tuple[Key, Any, Any]


def children_of_objects(ours: dict[Any, Any], theirs: dict[Any, Any], *, subset: bool) -> Iterator[Child]:
    common = 0
    mixed = _keys_may_lie(ours) or _keys_may_lie(theirs)
    if mixed:
        ours, theirs = _by_true_key(ours), _by_true_key(theirs)
    for name, value in ours.items():
        other = theirs.get(name, MISSING)
        if other is not MISSING:
            common += 1
            if value is other:
                continue
            kind = type(value)
            if kind is type(other) and kind in SCALARS and value == other:
                continue
        yield name[0] if mixed else name, value, other
    if not subset and len(theirs) != common:
        for name, value in theirs.items():
            if name not in ours:
                yield name[0] if mixed else name, MISSING, value


def _keys_may_lie(members: dict[Any, Any]) -> bool:
    """Is there a bool among the keys? To a dict True is 1."""
    return bool in map(type, members)


def _by_true_key(members: dict[Any, Any]) -> dict[Any, Any]:
    return {(key, type(key) is bool): value for key, value in members.items()}


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
