"""Arrays and frames of NumPy, pandas, polars, PyArrow and their like, taken apart: what is said of all of it (dtype,
shape, names), other arrays in it, and its elements.

Nothing is imported: `_foreign.py` tells what a value is, and here it is asked what its library documents.
"""

from __future__ import annotations

import datetime
import re
from typing import Any

import attrs

from trioshadow._model.kinds import mro_of, package_of

from ._foreign import Table, is_named, table_of, told_apart
from ._shapes import ELEMENT_LIMIT, exact_key
from ._undecided import Undecided
from ._values import Timestamp, Told


@attrs.frozen
class Parts:
    """What a value consists of."""

    facts: dict[Told, Any]
    """What is said of all elements, by name: `dtype`, `shape`."""
    shape: tuple[int, ...]
    members: list[tuple[Any, Any]]
    """Other arrays, by name: the columns of a frame, an index."""
    elements: Any = None
    """What has elements, by position; None for a frame."""


DTYPE, SHAPE, COLUMNS, INDEX = map(Told, ("dtype", "shape", "columns", "index"))


def all_elements(value: Any) -> list[Any] | None:
    """The elements of an array, for matching them without their order; None for what has none: a frame, an array
    without dimensions. Raises Undecided for more than a million.
    """
    taken = parts(value, strict=False)
    if taken.elements is None or not taken.shape:
        return None
    if taken.shape[0] > ELEMENT_LIMIT:
        raise Undecided(f"more than {ELEMENT_LIMIT:,} elements of an array can't be matched without their order")
    return elements_from(taken, 0, taken.shape[0])


def elements_from(taken: Parts, start: int, end: int) -> list[Any]:
    """Of an array with dimensions the elements from `start` to before `end`."""
    some = cut(taken.elements, start, end)
    return list(some) if len(taken.shape) > 1 else as_list(some)


def parts_of_table(value: Any, *, strict: bool) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """What is said of it and its members, by name, and its elements; at most a million."""
    taken = parts(value, strict=strict)
    told = [*taken.facts.items(), *taken.members]
    if taken.elements is None:
        return [*told, (COLUMNS, str(names_of(taken))), (SHAPE, str(taken.shape))], []
    return told, all_elements(value) or [] if taken.shape else [only(taken.elements)]


def names_of(frame: Parts) -> list[Any]:
    """Of its columns, in their order."""
    return [name for name, _ in frame.members if name != INDEX]


def head_of_table(value: Any, limit: int) -> tuple[dict[Any, Any], list[Any] | None]:
    """What is written of it: what is said of it, its members, and the first elements, at most `limit` of them."""
    taken = parts(value, strict=False)
    members = {name: cut(member, 0, limit) for name, member in taken.members}
    told = {name.name if type(name) is Told else name: part for name, part in {**taken.facts, **members}.items()}
    if taken.elements is None:
        return {"shape": str(taken.shape), **told}, None
    if not taken.shape:
        return told, [only(taken.elements)]
    some = taken.elements
    if len(taken.shape) > 1:
        each = max(1, int(limit ** (1 / len(taken.shape))))
        return told, some[(slice(each),) * len(taken.shape)].tolist()
    return told, as_list(cut(some, 0, limit))


# ── each library's own ───────────────────────────────────────────────────────────────────────────────────────────────


def parts(value: Any, *, strict: bool) -> Parts:
    """An array or a frame, taken apart. `strict`: dtypes tell how the elements are stored, too."""
    cls: Any = type(value)
    match table_of(cls):
        case Table.GRID:
            return _grid(value, strict=strict)
        case Table.FRAME:
            return _frame(value)
        case _:
            return _column(value, strict=strict)


def _grid(value: Any, *, strict: bool) -> Parts:
    cls: Any = type(value)
    shape = tuple(map(int, value.shape))
    facts = {DTYPE: _dtype(value.dtype, strict=strict), SHAPE: str(shape)}
    bare = value
    if is_numpys(cls):
        if package_of(cls) != "numpy":  # what a subclass knows besides, such as a unit
            facts |= {Told(name): known for name, known in getattr(value, "__dict__", {}).items()}
        if not is_named(cls, "numpy.MaskedArray"):
            bare = value.view(next(base for base in mro_of(cls) if _is_ndarray(base)))  # a matrix's rows are matrices
    return Parts(facts, shape, [], bare)


def _is_ndarray(cls: type) -> bool:
    return package_of(cls) == "numpy" and cls.__name__ == "ndarray"


def is_numpys(cls: type) -> bool:
    """Is it NumPy's array, or a subclass?"""
    return any(_is_ndarray(base) for base in mro_of(cls))


def _column(value: Any, *, strict: bool) -> Parts:
    cls: Any = type(value)
    dtype = value.type if package_of(cls) == "pyarrow" else value.dtype
    facts: dict[Told, Any] = {DTYPE: _dtype(dtype, strict=strict), SHAPE: f"({len(value)},)"}
    if is_named(type(dtype), "pandas.CategoricalDtype"):
        categories = dtype.categories.tolist()
        facts[Told("ordered")] = dtype.ordered
        facts[Told("categories")] = categories if dtype.ordered else set(categories)
    if is_named(cls, "pandas.Index"):
        facts[Told("names")] = list(value.names)
    elif is_named(cls, "pandas.Series"):
        return Parts({**facts, Told("name"): value.name}, (len(value),), [(INDEX, value.index)], value.array)
    elif is_named(cls, "polars.Series") and value.name:
        facts[Told("name")] = value.name
    return Parts(facts, (len(value),), [], value)


def _frame(value: Any) -> Parts:
    cls: Any = type(value)
    if is_named(cls, "pandas.DataFrame"):
        names = [exact_key(name) for name in value.columns]
        columns = [(name, value.iloc[:, i].array) for i, name in enumerate(told_apart(names))]
        return Parts({}, value.shape, [*columns, (INDEX, value.index)])
    if is_named(cls, "polars.DataFrame"):
        # Without its name, which is the one under which it stands.
        return Parts({}, value.shape, [(column.name, column.alias("")) for column in value.get_columns()])
    names = told_apart(list(value.column_names))
    return Parts({}, value.shape, [(name, value.column(i)) for i, name in enumerate(names)])


def _dtype(dtype: Any, *, strict: bool) -> str:
    """Its name. Not strictly: without the order of bytes, and of texts the width, which the longest one sets."""
    kind = getattr(dtype, "kind", None)
    if not strict and package_of(type(dtype)) == "numpy":
        if kind in ("U", "S"):
            return "str" if kind == "U" else "bytes"
        if kind in _ORDERED:
            dtype = dtype.newbyteorder("=")
            return str(
                dtype.descr if dtype.type.__name__ == "record" else dtype
            )  # as the same without record's methods
    return str(dtype).removeprefix("torch.")


#: Kinds of NumPy's whose elements have several bytes in an order.
_ORDERED = frozenset("biufcmMV")


def moves(name: Any, ours: Any, theirs: Any) -> bool:
    """Do the elements of a column, or of an index, go where the rows go? Not where an index just counts the rows."""
    return name != INDEX or not (_counts(ours) and _counts(theirs))


def _counts(index: Any) -> bool:
    return is_named(type(index), "pandas.RangeIndex") and (index.start, index.step) == (0, 1)


def at_places(column: Any, places: list[int]) -> Any:
    """The elements at these places, in this order."""
    if not places:
        return cut(column, 0, 0)
    return column.gather(places) if hasattr(column, "gather") else column.take(places)


def cut(column: Any, start: int, end: int) -> Any:
    """The elements from `start` to before `end`, not copied."""
    return column.slice(start, end - start) if hasattr(column, "slice") else column[start:end]


def only(grid: Any) -> Any:
    """The element of an array without dimensions."""
    return grid[()] if is_numpys(type(grid)) else grid.item()


def as_list(column: Any) -> list[Any]:
    """The elements of a short column as objects, as exact as they are."""
    if is_named(type(column), "pandas.NumpyExtensionArray"):
        column = column.to_numpy()
    if hasattr(column, "to_physical") and _CUT.search(str(column.dtype)):
        return [_whole(*both) for both in zip(column.to_list(), column.to_physical().to_list(), strict=True)]
    for name in ("to_pylist", "to_list"):
        if hasattr(column, name):
            return list(getattr(column, name)())
    if getattr(column.dtype, "kind", "") in _INEXACT_LISTS and is_numpys(type(column)):
        return list(column)
    return list(column.tolist())


#: Of these dtypes of Polars' the lists are of microseconds, whatever is below.
_CUT = re.compile(r"'ns'|\bTime\b")


def _whole(value: Any, physical: Any) -> Any:
    """An element of such, with its nanoseconds, if it has any."""
    if isinstance(physical, list):
        return [_whole(*both) for both in zip(value, physical, strict=True)]
    if type(physical) is not int or not physical % 1_000:
        return value
    if isinstance(value, datetime.datetime):
        return Timestamp(*divmod(physical, 10**9))
    return f"{value} and {physical % 1_000} ns"


#: Of these kinds `tolist()` makes ints and tuples: times in nanoseconds, and structures.
_INEXACT_LISTS = ("m", "M", "V")
