"""Values that bodies have and Python's builtins have no place for: decoders make them, and the walk knows them."""

from __future__ import annotations

import datetime
from typing import Any

import attrs


class Repeated(list[Any]):
    """The values of a name that is there more than once in an object, in order: which of them counts is up to who
    reads it. Equal to nothing but another such.
    """

    __slots__ = ()
    __hash__ = None  # as a list has none

    def __eq__(self, other: object) -> bool:
        return type(other) is Repeated and list.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        return f"Repeated({list.__repr__(self)})"


@attrs.frozen
class Extension:
    """A value of MessagePack's extension types: of an application's own type, and no array or map of these two."""

    code: int
    data: bytes


@attrs.frozen
class Timestamp:
    """A point in time that a datetime can't hold: to the nanosecond, or in a year before 1 or after 9999."""

    seconds: int
    """Since 1970, UTC; negative before."""
    nanoseconds: int
    """In [0, 10**9)."""

    def since_1970(self) -> int:
        """Nanoseconds."""
        return self.seconds * 10**9 + self.nanoseconds

    def isoformat(self) -> str:
        """Of a year that ISO 8601 writes without agreement; else the seconds."""
        if _FIRST <= self.seconds <= _LAST:
            second = (_1970 + datetime.timedelta(seconds=self.seconds)).replace(tzinfo=None)
            return f"{second.isoformat()}.{self.nanoseconds:09}+00:00"
        return f"{self.seconds}.{self.nanoseconds:09} s since 1970"


_1970 = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_SECOND = datetime.timedelta(seconds=1)
_FIRST = (datetime.datetime.min.replace(tzinfo=datetime.UTC) - _1970) // _SECOND
_LAST = (datetime.datetime.max.replace(tzinfo=datetime.UTC) - _1970) // _SECOND


def point_in_time(seconds: int, nanoseconds: int) -> datetime.datetime | Timestamp:
    """A datetime in UTC where that says it all.

    >>> point_in_time(1, 2000).isoformat(), point_in_time(1, 2001).isoformat()
    ('1970-01-01T00:00:01.000002+00:00', '1970-01-01T00:00:01.000002001+00:00')
    """
    if nanoseconds % 1000 or not _FIRST <= seconds <= _LAST:
        return Timestamp(seconds, nanoseconds)
    return _1970 + datetime.timedelta(seconds=seconds, microseconds=nanoseconds // 1000)


@attrs.frozen
class Told:
    """The key of what is said of the whole of an array or a frame: `dtype`, `shape`, the index. No column has it,
    whatever it is called, and what a rule says of columns or elements is not said of it.
    """

    name: str
