"""Which members of an exception are compared without being asked for: the well-known ones, found by what they are.

No library is imported: an attribute counts by its name and by what it holds. What is read here is there already (an
instance's attributes, slots, constants of its class), and a property only under a name that promises a plain value; no
`__getattr__` or `__getattribute__` is ever asked.
"""

from __future__ import annotations

import collections
import types
from collections.abc import Callable
from typing import Any, NamedTuple

from trioshadow._model.errors import type_name
from trioshadow._model.kinds import is_a, mro_of, package_of

from ._paths import Key
from ._shapes import plain

#: In place of what is not there.
ABSENT: Any = type("_Absent", (), {})()

Keys = tuple[Key, ...]


class Known(NamedTuple):
    """A well-known member."""

    role: str
    """What it says. Of several places that have the same role the first that is there counts, and exceptions of two
    types are compared by it: a status is a status, wherever a library keeps it."""
    keys: Keys
    """Its path, as rules take it."""
    fits: Callable[[Any], bool]
    """Is this value what it should be?"""
    source: Keys
    """Where it is read."""
    base: tuple[str, str] | None
    """Only of exceptions that descend from a class of this name, of a package of this name."""


def _is_number(value: Any) -> bool:
    return type(value) is int


def _is_status(value: Any) -> bool:
    return type(value) is int and 100 <= value <= 599


def _is_word(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= 64


def _known(
    role: str,
    path: str,
    fits: Callable[[Any], bool] = _is_number,
    source: str = "",
    *,
    base: tuple[str, str] | None = None,
) -> Known:
    keys, read = (tuple(int(key) if key.isdigit() else key for key in one.split(".")) for one in (path, source or path))
    return Known(role, keys, fits, read, base)


#: The table of the documentation (how-to guide, "Exceptions") in the order in which they are looked for.
KNOWN = (
    _known("errno", "errno"),
    _known("status", "response.status_code"),
    _known("status", "response.status"),
    _known("status", "resp.status"),
    _known("status", "meta.status"),
    _known("status", "response.ResponseMetadata.HTTPStatusCode"),
    _known("status", "status_code"),
    _known("status", "status"),
    _known("status", "code", _is_status),
    _known("code", "code"),
    _known("code", "code", _is_word, "_code._name_", base=("grpc", "AioRpcError")),
    _known("code", "code", _is_word, "_state.code._name_", base=("grpc", "_InactiveRpcError")),
    _known("code", "response.Error.Code", _is_word),
    _known("sqlstate", "sqlstate", _is_word),
    _known("sqlstate", "pgcode", _is_word),
    _known("sqlstate", "orig.sqlstate", _is_word),
    _known("sqlstate", "orig.pgcode", _is_word),
    _known("sqlcode", "sqlite_errorcode"),
    _known("sqlcode", "orig.sqlite_errorcode"),
    _known("sqlcode", "orig.errno"),
    _known("sqlcode", "args.0", base=("pymysql", "MySQLError")),
    _known("exit", "returncode"),
    _known("exit", "exit_code"),
    _known("smtp", "smtp_code"),
    _known("fault", "faultCode"),
)


def known_of(cls: type) -> tuple[Known, ...]:
    """Those that exceptions of this class may have."""
    bases = {(package_of(base), type_name(base)) for base in mro_of(cls)}
    return tuple(one for one in KNOWN if one.base is None or one.base in bases)


#: Attributes of an exception with which all of that begins which any exception may have.
NAMES = frozenset(str(one.source[0]) for one in KNOWN if one.base is None)

_namespace_of: Callable[[type], types.MappingProxyType[str, Any]] = type.__dict__["__dict__"].__get__

#: How classes written in C, slots and named tuples keep what an instance has.
_KEPT = (
    types.MemberDescriptorType,
    types.GetSetDescriptorType,
    type(collections.namedtuple("_", "a").__dict__["a"]),  # pyright: ignore[reportUntypedNamedTuple] # noqa: PYI024
)

#: A property of this name may do anything: aiohttp's and websockets' warn that it is deprecated.
_NO_PROPERTY = "code"


def names_of(cls: type) -> frozenset[str]:
    """Of NAMES those that each instance of this class has by its class."""
    return frozenset(name for name in NAMES if _may_be_read(_of_class(cls, name), name))


def _of_class(cls: type, name: str) -> Any:
    for base in mro_of(cls):
        namespace = _namespace_of(base)
        if name in namespace:
            return namespace[name]
    return ABSENT


def _may_be_read(found: object, name: str) -> bool:
    return _is_kept(found, name) or is_a(found, (int, str))


def _is_kept(found: object, name: str) -> bool:
    kind = type(found)
    return kind in _KEPT or (kind is property and name != _NO_PROPERTY)


def known_value(exc: BaseException, one: Known) -> Any:
    """What an exception has there, as a plain value; ABSENT if it has nothing that fits. Raises what a property
    raises.
    """
    value: Any = exc
    for key in one.source:
        value = _step(value, key)
        if value is ABSENT:
            return ABSENT
    value = plain(value)
    return value if one.fits(value) else ABSENT


def _step(value: Any, key: Key) -> Any:
    if is_a(value, dict):
        return dict.get(value, key, ABSENT)
    if type(key) is int:
        return value[key] if type(value) is tuple and key < len(value) else ABSENT
    assert isinstance(key, str)
    found = _of_class(type(value), key)
    if _is_kept(found, key):
        try:
            return found.__get__(value, type(value))
        except AttributeError:  # a slot that was never set
            return ABSENT
    own = attributes_of(value)
    if key in own:
        return own[key]
    return found if is_a(found, (int, str)) else ABSENT


def attributes_of(value: object) -> dict[str, Any]:
    """An instance's own attributes."""
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return own if type(own) is dict else {}
