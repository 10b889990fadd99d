"""What an object is to those who do not own it, by its type: may it be copied, shared, read?

A copy of a value is as good as the value. A copy of what *owns* something is not: two objects then close one file
descriptor, hold one session, or wait for an event that nobody sets. And what can be *read once* is used up by whoever
reads it, be that a view. Nothing says so reliably, so a class is asked for the methods by which such objects are used.
Pure; no code of the object runs, but what a response of HTTP says of its own body.
"""

from __future__ import annotations

import enum
import functools
import itertools
import pathlib
import re
import types
import weakref
from collections.abc import Callable
from typing import Any

from .errors import type_name
from .immutable import fields_of
from .kinds import mro_of, package_of
from .once import ReadOnce


class Nature(enum.Enum):
    """What an object is to those who do not own it."""

    VALUE = enum.auto()
    """A copy is as good: of builtins, records, and anything else that shows no sign of the others."""
    SHARED = enum.auto()
    """Part of the program: classes, functions, modules, members of enums, weak references."""
    OWNER = enum.auto()
    """It owns something: a descriptor, a lock, a connection, a task."""
    ONCE = enum.auto()
    """Reading uses it up: iterators, generators, cursors, files, streams, coroutines."""


_SHARED: tuple[type, ...] = (
    *(type, types.FunctionType, types.ModuleType, types.CodeType, enum.Enum, re.Match),
    *(weakref.ref, type(functools.lru_cache(lambda: None)), ReadOnce),
)
_READ = ("__next__", "__anext__", "__await__")
#: A file, a lock, a session, a stream, a nursery.
_OWNS = ("__del__", "__enter__", "__aenter__", "close", "aclose", "fileno", "acquire")
_EVENT = ("wait", "set")
_QUEUE = ("get_nowait", "put_nowait")
_OPEN = ("__enter__", "__aenter__", "fileno")
_CLOSED = ("close", "aclose")
_READING = ("read", "recv", "receive", "receive_some", "fetchone")

#: Data all the same, though they can be entered: that frees memory.
_DATA: tuple[type, ...] = (memoryview, pathlib.PurePath)
_NAMED_DATA = frozenset((("PIL", "Image"), ("xarray", "DataWithCoords"), ("xml", "Node")))

#: Responses, and the attribute that is None or False as long as nobody has read the body.
_RESPONSES = {
    ("httpx", "Response"): "is_stream_consumed",
    ("requests", "Response"): "_content_consumed",
    ("urllib3", "BaseHTTPResponse"): "_body",
    ("aiohttp", "ClientResponse"): "_body",
}

_dict_of: Callable[[type], Any] = type.__dict__["__dict__"].__get__


@functools.lru_cache(maxsize=1024)
def nature_of(cls: Any) -> Nature:
    """Of the instances of a class."""
    mro = mro_of(cls)
    if any(base in mro for base in _SHARED):
        return Nature.SHARED
    if _is_data(cls):
        return Nature.VALUE
    if _declares(cls, *_READ):
        return Nature.ONCE
    if _declares(cls, *_OWNS) or any(all(_declares(cls, name) for name in names) for names in (_EVENT, _QUEUE)):
        return Nature.OWNER
    return Nature.VALUE


def is_finalized(value: object) -> bool:
    """Is there a `weakref.finalize` for it? What that frees, it owns."""
    return any(isinstance(watching.__callback__, weakref.finalize) for watching in weakref.getweakrefs(value))


def can_be_read_once(value: object) -> bool:
    """Is it used up, or closed, by whoever looks into it? So are iterators, and what is read or entered, as streams,
    open files and context managers are; but not a response whose body has been read.
    """
    cls: Any = type(value)
    nature = nature_of(cls)
    if nature is not Nature.OWNER and nature is not Nature.ONCE:
        return False
    attribute = _attribute_of_response(cls)
    if attribute is not None:
        loaded = getattr(value, attribute, None)
        return loaded is None or loaded is False
    return nature is Nature.ONCE or _is_open(cls)


def wraps_what_is_read_once(value: object) -> bool:
    """Is it an object of a value's nature, and no record, with an attribute that can be read once, as a result over a
    cursor is?

    An endless counter is no such attribute: nobody reads that.
    """
    cls: Any = type(value)
    if nature_of(cls) is not Nature.VALUE or _is_data(cls) or fields_of(cls) is not None:
        return False
    attributes: dict[str, Any] = getattr(value, "__dict__", {})
    return any(type(part) is not itertools.count and can_be_read_once(part) for part in attributes.values())


def _is_data(cls: type) -> bool:
    mro = mro_of(cls)
    return any(base in mro for base in _DATA) or any(_name_of(base) in _NAMED_DATA for base in mro)


@functools.lru_cache(maxsize=1024)
def _is_open(cls: Any) -> bool:
    if _declares(cls, *_OPEN) or (_declares(cls, *_CLOSED) and _declares(cls, *_READING)):
        return True
    return all(_declares(cls, name) for name in _QUEUE)


@functools.lru_cache(maxsize=1024)
def _attribute_of_response(cls: Any) -> str | None:
    return next((found for base in mro_of(cls) if (found := _RESPONSES.get(_name_of(base))) is not None), None)


def _name_of(cls: type) -> tuple[str, str]:
    return package_of(cls), type_name(cls)


def _declares(cls: type, *names: str) -> bool:
    """Has it one of these methods? One that a subclass has set to None it has not."""
    return any(_member(cls, name) is not None for name in names)


def _member(cls: type, name: str) -> object:
    return next((members[name] for base in mro_of(cls) if name in (members := _dict_of(base))), None)
