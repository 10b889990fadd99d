"""What stands in place of a value of which not all is kept. Whatever is cut carries that it was, and never passes for
the whole: `_partly.py` says when two of which one is such a one are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from trioshadow._model.errors import type_name

from ._shapes import Shape, shape_of


class Cut:
    """In place of a value of which all, or something in it, is not kept.

    Equal to another if the whole values were written alike. That two are not equal says nothing.
    """

    __slots__ = ("digest", "is_whole", "kind", "name", "seen", "shape", "size", "why")

    def __init__(
        self,
        why: str,
        name: str,
        kind: Any = None,
        shape: Shape | None = None,
        *,
        digest: bytes = b"",
        seen: Any = None,
        size: int | None = None,
        is_whole: bool = False,
    ) -> None:
        self.why = why
        """Why nobody can tell whether it is the same as another."""
        self.name = name
        """Of the value's type."""
        self.kind = kind
        """That type; None where nothing is known of it."""
        self.shape = shape
        """The value's; None where it is not known."""
        self.digest = digest
        """Of how all of it is written; empty where that is not known."""
        self.seen = seen
        """What is kept: the beginning of a text or of bytes; parts, in a container of this shape. None: nothing."""
        self.size = size
        """Of the whole: characters, bytes, bits."""
        self.is_whole = is_whole
        """Are all of its parts in `seen`, and only some of these cut?"""

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return type(other) is Cut and bool(self.digest) and (self.shape, self.digest) == (other.shape, other.digest)

    def __hash__(self) -> int:
        return hash((self.shape, self.digest)) if self.digest else object.__hash__(self)

    @property
    def may_be_missing(self) -> bool:
        """Is it not even known whether there is something in its place?"""
        if self.is_whole and type(self.seen) is dict:
            return all(type(part) is Cut and part.may_be_missing for part in self.seen.values())
        return self.kind is None

    @property
    def shown(self) -> Any:
        """What a reader sees in its place."""
        if self.size is None:
            return self if self.seen is None else self.seen
        rest = f"… ({self.size:,} {_UNITS[self.name]}, {self.digest.hex()[:16]})"
        if self.name == "bytes":
            return self.seen + rest.encode()
        return f"{'<int>' if self.seen is None else self.seen}{rest}"

    @classmethod
    def of_unkept(cls, value: Any, why: str, shape: Shape | None = None) -> Cut:
        """Of a value of which nothing but its type is kept."""
        return cls(why, type_name(type(value)), type(value), shape)


_UNITS = {"str": "characters", "bytes": "bytes", "int": "bits"}


def carrying(value: Any, parts: Iterable[Any], digest: Callable[[], bytes] = bytes) -> Any:
    """A container of builtins, or a record, that holds all of its parts; if one of these is cut, so is the container.
    `digest`: asks for that of what it is a copy of.
    """
    for part in parts:
        if type(part) is Cut:
            cls: Any = type(value)
            return Cut(part.why, type_name(cls), cls, shape_of(value), digest=digest(), seen=value, is_whole=True)
    return value
