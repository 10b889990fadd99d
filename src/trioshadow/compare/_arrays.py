"""Two arrays, or frames, into what may differ: dtype, shape, names, and elements, each at its place.

Equality is the library's own, in C, over long runs of elements. Only of runs that are not surely the same are elements
made, so that ten million of them never become Python objects.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import attrs

from ._children import MISSING, ByName, Child, children_of_objects
from ._foreign import Table, is_named, table_of
from ._match import Pair
from ._paths import Key
from ._plan import State
from ._rules import Tolerance
from ._sameness import SCALARS, same_values
from ._tables import (
    COLUMNS,
    DTYPE,
    INDEX,
    SHAPE,
    Parts,
    as_list,
    at_places,
    cut,
    elements_from,
    is_numpys,
    moves,
    names_of,
    only,
    parts,
)
from ._undecided import Undecided

#: Elements that are compared at once, and again where they are not the same.
_RUN, _SHORT_RUN = 4096, 64

#: Elements of one array that are looked at one by one. It is more only where an array has as many that differ, or that
#: a rule must be asked about.
LOOKS = 100_000

#: Elements of one row of an array that become objects, where the two dtypes differ.
_ROW = 1_000_000


@attrs.frozen
class Beside:
    """One side's column of two frames whose rows have no order: its elements as they are beside the other side's."""

    column: Any
    rows: list[int]
    """Where each stands in the frame."""
    counted: bool
    """Has it been told that one side has more?"""


#: All rows of two frames, in the order in which they are beside each other.
Order: TypeAlias = tuple[list[int], list[int]]


def children_of_tables(
    ours: Any,
    theirs: Any,
    state: State | None,
    by_name: ByName,
    *,
    strict: bool,
    matched: Iterable[Child] | None = None,
    order: Callable[[], Order] | None = None,
    beside: tuple[Beside, Beside] | None = None,
) -> Iterator[Child]:
    """All that may differ. `state` is that of a table. Where it says that position means nothing, `matched` are the
    elements of an array that differ, and `order` gives the one in which the rows of two frames are `beside` each other.

    Raises `Undecided` after 100,000 elements that had to be looked at one by one.
    """
    a, b = parts(ours, strict=strict), parts(theirs, strict=strict)
    below = None if state is None else state.element()
    # Where only what is further below is compared, shapes may differ in what is not.
    on_the_way = state is not None and state.on_the_way
    one_length = len(a.shape) == len(b.shape) and a.shape[1:] == b.shape[1:]
    if beside is not None:
        shape_is_said = beside[0].counted
    else:  # by the elements that are over
        shape_is_said = matched is not None and one_length and not (below is not None and _may_pass(below))
    pairs = beside_by_name(a, b, state, by_name)
    for child in itertools.chain(
        children_of_objects(a.facts, b.facts), _of_columns(a, b, pairs, state), _of_members(a, b, pairs, state, order)
    ):
        if child[0] != SHAPE or not shape_is_said:
            yield child
    if matched is not None:
        yield from _by_row(matched, beside)
    elif a.elements is None or (below is not None and below.ignored and not on_the_way):
        return
    elif not a.shape and not b.shape:
        yield (), only(a.elements), only(b.elements)
    elif one_length or on_the_way:
        yield from _by_row(_of_places(a, b, state, over=on_the_way or beside is not None), beside)


def _may_pass(element: State) -> bool:
    """May an element be on one side only?"""
    return bool(element.ignored or element.accepts)


def _by_row(children: Iterable[Any], beside: tuple[Beside, Beside] | None) -> Iterable[Child]:
    """Elements, each under the number of its row."""
    if beside is None:
        return children
    ours, theirs = beside
    return (((theirs if one is MISSING else ours).rows[place], one, other) for place, one, other in children)


def _of_places(a: Parts, b: Parts, state: State | None, *, over: bool) -> Iterator[Child]:
    """The elements in their order. `over`: with those that are on one side only."""
    tolerances = _tolerances_in(a, state) if a.facts[DTYPE] == b.facts[DTYPE] else None
    lengths = [taken.shape[0] if taken.shape else 0 for taken in (a, b)]
    rows = min(lengths)
    children = _of_elements if len(a.shape) == len(b.shape) == 1 else _of_rows
    yield from children(a.elements, b.elements, rows, tolerances)
    if over and max(lengths) > rows:
        longer = a if lengths[0] > rows else b
        for index, element in enumerate(elements_from(longer, rows, min(max(lengths), rows + LOOKS)), rows):
            yield (index, element, MISSING) if longer is a else (index, MISSING, element)
        if max(lengths) > rows + LOOKS:
            raise _too_many()


def _too_many() -> Undecided:
    return Undecided(f"more than {LOOKS:,} elements of an array had to be looked at, and no more were")


def _tolerances_in(taken: Parts, state: State | None) -> list[Tolerance]:
    """Those that hold for every element of an array at a place with this state."""
    for _ in taken.shape:
        state = None if state is None else state.element()
    return [] if state is None else state.tolerances


def beside_by_name(a: Parts, b: Parts, state: State | None, by_name: ByName) -> list[Pair]:
    """The columns of two frames that have the same name, and those that only one has, by where they are among the
    members; and the indexes, of which each has one, its last member, or none.
    """
    columns = [[*itertools.takewhile(lambda member: member[0] != INDEX, taken.members)] for taken in (a, b)]
    ours, theirs = columns
    pairs = [*by_name(ours, theirs, state)] if ours or theirs else []
    one, other = (
        len(named) if len(named) < len(taken.members) else None for named, taken in zip(columns, (a, b), strict=True)
    )
    if one is not None or other is not None:
        pairs.insert(len(pairs) if one is None else len(ours), (one, other))
    return pairs


def _of_columns(a: Parts, b: Parts, pairs: list[Pair], state: State | None) -> Iterator[Child]:
    """Of two frames: how many rows there are, and in which order the columns are that both have."""
    if a.elements is not None:
        return
    if a.shape[0] != b.shape[0]:
        yield SHAPE, str(a.shape), str(b.shape)
    order = [j for i, j in pairs if i is not None and j is not None and not _is_ignored(state, a.members[i][0])]
    if order != sorted(order):
        yield COLUMNS, str(names_of(a)), str(names_of(b))


def _is_ignored(state: State | None, name: Key) -> bool:
    below = None if state is None else state.child(name)
    return below is not None and below.ignored


def _of_members(
    a: Parts, b: Parts, pairs: list[Pair], state: State | None, order: Callable[[], Order] | None
) -> Iterator[Child]:
    """Columns and indexes. Those that both have are cut to the same length, since that one side has more has been told,
    unless only what is in them is compared.
    """
    cuts = state is None or not state.on_the_way
    rows: Order | None = None
    for i, j in pairs:
        name, member = (None, MISSING) if i is None else a.members[i]
        their_name, other = (None, MISSING) if j is None else b.members[j]
        if member is MISSING:
            if state is None or not state.subset or their_name == INDEX:
                yield their_name, MISSING, other
        elif other is MISSING:
            yield name, member, MISSING
        elif order is not None and moves(name, member, other):
            rows = rows or order()
            one, beside = (
                Beside(at_places(column, places), places, counted=cuts)
                for column, places in zip((member, other), rows, strict=True)
            )
            yield name, one, beside
        else:
            length = (min if cuts else max)(a.shape[0], b.shape[0])
            yield name, cut(member, 0, length), cut(other, 0, length)


def _of_elements(ours: Any, theirs: Any, rows: int, tolerances: Sequence[Tolerance] | None) -> Iterator[Child]:
    looks = LOOKS
    for start, a, b, same in _unlike_runs(ours, theirs, range(0, rows, _RUN), tolerances):
        for index, (one, other) in enumerate(zip(as_list(a), as_list(b), strict=True)):
            if one is other or (same is not None and same[index]) or _plainly_same(one, other):
                continue
            if tolerances is None and type(one) in _NUMBERS and type(other) in _NUMBERS and one == other:
                continue  # that one is a bool, or that they are of other types, their dtypes have told
            looks -= 1
            if looks < 0:
                raise _too_many()
            yield start + index, one, other


_NUMBERS = frozenset((bool, int, float))


def _plainly_same(one: Any, other: Any) -> bool:
    kind = type(one)
    if kind is not type(other):
        return False
    return bool(one == other) if kind in SCALARS else kind in _PLAIN and same_values(one, other) is True


_PLAIN = frozenset((dict, list, tuple))

#: A run of elements: where it begins, both sides, and of each element whether it is surely the same.
_Run: TypeAlias = tuple[int, Any, Any, Sequence[bool] | None]


def _unlike_runs(ours: Any, theirs: Any, places: range, tolerances: Sequence[Tolerance] | None) -> Iterator[_Run]:
    """The runs that are not surely the same, each as long as the range's step; short ones where that is all that is
    known of them.
    """
    for first in places:
        last = min(first + places.step, places.stop)
        a, b = cut(ours, first, last), cut(theirs, first, last)
        same = None if tolerances is None else _surely_same(a, b, tolerances)
        if same is False and places.step > _SHORT_RUN:
            yield from _unlike_runs(ours, theirs, range(first, last, _SHORT_RUN), tolerances)
        elif same is not True:
            yield first, a, b, same or None


def _of_rows(ours: Any, theirs: Any, rows: int, tolerances: Sequence[Tolerance] | None) -> Iterator[Child]:
    """Of an array in several dimensions the arrays in it that differ."""
    run = max(1, _RUN // max(1, _size(ours) // max(1, rows)))
    for start in range(0, rows, run):
        end = min(start + run, rows)
        if tolerances is not None and _surely_same(ours[start:end], theirs[start:end], tolerances) is True:
            continue
        for index in range(start, end):
            one, other = ours[index], theirs[index]
            if tolerances is None:  # that the dtypes differ has been told, and would be of each row again
                one, other = _as_objects(one), _as_objects(other)
            elif _surely_same(one, other, tolerances) is True:
                continue
            yield index, one, other


def _size(grid: Any) -> int:
    size = 1
    for length in grid.shape:
        size *= int(length)
    return size


def _as_objects(grid: Any) -> Any:
    if _size(grid) > _ROW:
        raise Undecided(f"arrays of two dtypes are only compared by elements in rows of at most {_ROW:,} elements")
    return grid.tolist()


#: For each element of a run: is it surely the same? Or of all of them together; False: it is not known of which. None:
#: who knows.
_Sureness: TypeAlias = Sequence[bool] | bool | None


def _surely_same(a: Any, b: Any, tolerances: Sequence[Tolerance]) -> _Sureness:
    cls: Any = type(a)
    try:
        if table_of(cls) is Table.GRID:
            return _same_in_grids(a, b, tolerances)
        if str(getattr(a, "dtype", "")).lower() == "object":  # its `equals` takes True for 1
            return None
        if is_named(cls, "pandas.NumpyExtensionArray"):
            return _same_in_grids(a.to_numpy(), b.to_numpy(), tolerances)
        return bool(a.equals(b))
    except Exception:  # then one by one
        return None


def _same_in_grids(a: Any, b: Any, tolerances: Sequence[Tolerance]) -> _Sureness:
    kind = getattr(a.dtype, "kind", "")
    if tuple(a.shape) != tuple(b.shape):
        return False  # some would be compared with several of the other's
    if kind in ("O", "V") or hasattr(a, "mask") != hasattr(b, "mask"):
        return None  # other people's objects; parts of structures may be NaN; what is masked is equal to nothing
    if hasattr(a, "mask"):
        same = (a.mask == b.mask) & (a.mask | _same_or_nan(a.data, b.data))
    elif kind == "c":
        same = _same_or_nan(a.real, b.real) & _same_or_nan(a.imag, b.imag)
    else:
        same = _same_or_nan(a, b)
    if not bool(same.all()) and tolerances and kind in ("i", "u", "f") and is_numpys(type(a)) and type(a) is type(b):
        same |= _close_in_grids(a, b, tolerances)
    return bool(same.all()) or (same.tolist() if len(a.shape) == 1 else False)


def _same_or_nan(a: Any, b: Any) -> Any:
    same = a == b
    if bool(same.all()):
        return same
    return same | ((a != a) & (b != b))  # noqa: PLR0124 - NaN, NaT


def _close_in_grids(a: Any, b: Any, tolerances: Sequence[Tolerance]) -> Any:
    """Which are surely close, as floats? What is near the margin is left to `close()`, which is exact."""
    x, y = a.astype("float64"), b.astype("float64")
    bound = _WHOLE if a.dtype.kind != "f" else _HANDY
    sure = (abs(x) < bound) & (abs(y) < bound)
    x[~sure] = 0  # infinities would warn
    y[~sure] = 0
    apart = abs(x - y) * _SLACK
    near = apart != apart  # noqa: PLR0124 - all False
    for tolerance in tolerances:
        rel = min(tolerance.rel, 1.0)
        near |= (apart <= tolerance.abs) | (apart <= rel * abs(x)) | (apart <= rel * abs(y))
    return near & sure


#: Below it ints are floats exactly; below that differences and products of floats are finite.
_WHOLE, _HANDY = 2.0**53, 1e300
_SLACK = 1 + 1e-12
