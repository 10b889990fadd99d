"""Values of libraries that this one does not import, found by what they are: by the names of a class and its bases.

A class is NumPy's if a class in its MRO is named so and comes from the package `numpy`; an attribute is only asked for
after that. So nothing is imported, and an object that merely looks like an array is none.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

from trioshadow._model.errors import type_name

from ._values import Extension, point_in_time

mro_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
#: Past what a metaclass says of its class.
_dict_of: Callable[[type], Any] = type.__dict__["__dict__"].__get__
_qualname_of: Callable[[type], str] = type.__dict__["__qualname__"].__get__
_module_of: Callable[[type], Any] = type.__dict__["__module__"].__get__


def package_of(cls: type) -> str:
    """The top-level package that a class comes from; empty where that is not known."""
    module = _module_of(cls)
    return module.partition(".")[0] if type(module) is str else ""


def own_name(cls: type) -> str:
    """What a class is called where it is defined: `Circle.Params`. Not in which function, and, of a generic one of
    pydantic's, not of what: `Page` for `Page[int]`.
    """
    return _qualname_of(cls).rpartition("<locals>.")[2].partition("[")[0]


def is_named(cls: type, dotted: str) -> bool:
    """Is a class, or a base of it, meant by a name such as `pandas.DataFrame`? The package may be where users import it
    from, or any one in between, down to the module in which it is defined.
    """
    for base in mro_of(cls):
        module, name = _module_of(base), _qualname_of(base)
        if type(module) is str and dotted.endswith(f".{name}"):
            package = dotted[: -len(name) - 1]
            if module == package or module.startswith(f"{package}."):
                return True
    return False


def _first_known(cls: type, known: dict[tuple[str, str], Any]) -> Any:
    for base in mro_of(cls):
        found = known.get((package_of(base), type_name(base)))
        if found is not None:
            return found
    return None


# ── arrays and frames ────────────────────────────────────────────────────────────────────────────────────────────────


class Table(enum.Enum):
    """What an array or a frame is made of. Two of different sorts are different types of value."""

    GRID = enum.auto()
    """Elements in any number of dimensions: an array of NumPy, CuPy or JAX, a tensor of PyTorch."""
    COLUMN = enum.auto()
    """Elements in a row: a Series or an Index of pandas, a Series of polars, an Array of PyArrow."""
    FRAME = enum.auto()
    """Columns by name."""


_TABLES: dict[tuple[str, str], Table] = {
    ("numpy", "ndarray"): Table.GRID,
    ("cupy", "ndarray"): Table.GRID,
    ("torch", "Tensor"): Table.GRID,
    ("jax", "Array"): Table.GRID,
    ("jaxlib", "ArrayImpl"): Table.GRID,
    ("pandas", "Series"): Table.COLUMN,
    ("pandas", "Index"): Table.COLUMN,
    ("pandas", "ExtensionArray"): Table.COLUMN,
    ("pandas", "DataFrame"): Table.FRAME,
    ("polars", "Series"): Table.COLUMN,
    ("polars", "DataFrame"): Table.FRAME,
    ("pyarrow", "Array"): Table.COLUMN,
    ("pyarrow", "ChunkedArray"): Table.COLUMN,
    ("pyarrow", "Table"): Table.FRAME,
    ("pyarrow", "RecordBatch"): Table.FRAME,
}


@functools.lru_cache(maxsize=1024)
def table_of(cls: Any) -> Table | None:
    """Which sort of array or frame a class is; None if it is none, or its instances are scalars."""
    return None if way_to_plain(cls) else _first_known(cls, _TABLES)


# ── scalars ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_numpy(value: Any) -> object:
    kind = value.dtype.kind
    if kind == "V":
        names = value.dtype.names
        return value.tobytes() if names is None else {name: value[name] for name in names}
    if kind in "mM":
        return _time_of_numpy(value)
    item = value.item()
    if type(item) is not type(value):
        return item
    if kind != "f":
        return value
    # A long double, which may be longer than a float.
    return Fraction(*item.as_integer_ratio()) if abs(item) < _INFINITE else float(item)


_INFINITE = float("inf")


def _time_of_numpy(value: Any) -> object:
    """As a date, a datetime or a timedelta, if it is exactly one."""
    if value != value:  # noqa: PLR0124 - NaT
        return value
    item = value.item()
    if type(item) is not int:
        return item
    try:  # in nanoseconds, or too early for a datetime, or in months
        coarse = value.astype(f"{value.dtype.kind}8[us]")
        exact = coarse.item()
        return exact if coarse == value and type(exact) is not int else value
    except TypeError:
        return value


_WAYS: dict[tuple[str, str], Callable[[Any], object]] = {
    ("numpy", "MaskedConstant"): lambda _: None,
    ("numpy", "generic"): _of_numpy,
    ("pyarrow", "Scalar"): lambda value: value.as_py(),
    ("pydantic", "RootModel"): lambda value: value.root,
    ("msgpack", "ExtType"): lambda value: Extension(value.code, bytes(value.data)),
    ("msgspec", "Ext"): lambda value: Extension(value.code, bytes(value.data)),
    ("umsgpack", "Ext"): lambda value: Extension(value.type, value.data),
    ("msgpack", "Timestamp"): lambda value: point_in_time(value.seconds, value.nanoseconds),
}


@functools.lru_cache(maxsize=1024)
def way_to_plain(cls: Any) -> Callable[[Any], object] | None:
    """How an instance becomes the builtin that it stands for; None for what is no scalar of another library."""
    way: Callable[[Any], object] | None = _first_known(cls, _WAYS)
    return way


_MISSING = {("pandas", "NAType"): "NA", ("pandas", "NaTType"): "NaT"}
_MAYBE_MISSING = {("numpy", "datetime64"): "NaT", ("numpy", "timedelta64"): "NaT"}


@functools.lru_cache(maxsize=1024)
def _missing_class(cls: Any) -> tuple[str | None, str | None]:
    return _first_known(cls, _MISSING), _first_known(cls, _MAYBE_MISSING)


def missing(value: Any) -> str | None:
    """`NA` or `NaT` for what stands for a value that is not there, and so is not equal to itself; else None."""
    cls: Any = type(value)
    surely, maybe = _missing_class(cls)
    return surely or (maybe if maybe and value != value else None)  # noqa: PLR0124 - NaT


def is_numpy_time(value: object) -> bool:
    """Is it NumPy's own point in time, or duration, in whatever unit?"""
    cls: Any = type(value)
    return _missing_class(cls)[1] is not None


# ── rows of databases ────────────────────────────────────────────────────────────────────────────────────────────────


#: The names of a row's columns and their values, in one order.
Columns: TypeAlias = tuple[list[Any], list[Any]]


@functools.lru_cache(maxsize=1024)
def columns_of_row(cls: Any) -> Callable[[Any], Columns] | None:
    """How a row is read; None if instances of this class are no rows.

    A row is a sequence that knows the names of its elements: SQLAlchemy's `Row` (and its mapping, since a name may be
    there twice), `sqlite3.Row`, asyncpg's `Record`, psycopg2's `DictRow`, pyodbc's `Row`.
    """
    way: Callable[[Any], Columns] | None = _first_known(cls, _ROWS)
    return way


_ROWS: dict[tuple[str, str], Callable[[Any], Columns]] = {
    ("sqlalchemy", "RowMapping"): lambda row: (list(row.keys()), list(row.values())),
    ("sqlalchemy", "Row"): lambda row: (list(row._fields), list(row)),
    ("sqlite3", "Row"): lambda row: (list(row.keys()), list(row)),
    ("asyncpg", "Record"): lambda row: (list(row.keys()), list(row)),
    ("psycopg2", "DictRow"): lambda row: (list(row.keys()), list(row)),
    ("pyodbc", "Row"): lambda row: ([column[0] for column in row.cursor_description], list(row)),
}


def told_apart(names: list[Any]) -> list[Any]:
    """The same names, but what is there twice is numbered.

    >>> told_apart(["id", "name", "id"])
    ['id', 'name', 'id#2']
    """
    if len(set(names)) == len(names):
        return names
    counts: dict[Any, int] = {}
    told: list[Any] = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        told.append(name if counts[name] == 1 else f"{name}#{counts[name]}")
    return told
