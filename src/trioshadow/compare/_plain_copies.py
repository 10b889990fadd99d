"""Plain, bounded copies of what belongs to others and can't be kept: of members of an exception, where it is caught.

A text or bytes that are too long keep their beginning, their length and a hash, so that two which differ anywhere still
differ. Of a container that is too large the rest is left out, and that is said.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable
from itertools import islice
from typing import Any

from trioshadow._model.errors import type_name
from trioshadow._model.fixing import ATOMS

from ._shapes import plain

#: Characters or bytes that are kept of one text.
_TEXT = 4_096
#: Values that are kept of one container, with all that it holds, ...
_VALUES = 200
#: ... and how deep.
_DEPTH = 8
#: Bits of an int.
_BITS = 4_096

_CONTAINERS = (dict, list, tuple, set, frozenset)


class Copying:
    """One copy."""

    def __init__(self) -> None:
        self.partial = False
        """Was something left out?"""
        self._room = _VALUES

    def of(self, value: Any, depth: int = 0) -> Any:
        """A copy of a value: builtins alone, and dates, decimals and their like. Anything else is the name of its type,
        as in `<Response>`.
        """
        self._room -= 1
        kind = type(value)
        if kind not in _CONTAINERS:
            return _scalar(value)
        if depth >= _DEPTH:
            self.partial = True
            return f"<{kind.__name__}>"
        if kind is dict:
            return {_scalar(key): self.of(member, depth + 1) for key, member in self._first(value.items())}
        copies = (self.of(element, depth + 1) for element in self._first(value))
        return kind(copies)

    def _first(self, parts: Iterable[Any]) -> Iterable[Any]:
        for part in islice(parts, _VALUES + 1):
            if self._room <= 0:
                self.partial = True
                return
            yield part


def _scalar(value: Any) -> Any:
    if isinstance(value, enum.Enum) or type(value) not in ATOMS:
        value = plain(value)
    kind = type(value)
    if kind is str and len(value) > _TEXT:
        return value[:_TEXT] + _rest(value.encode("utf-8", "surrogatepass"), len(value), "characters")
    if kind is bytes and len(value) > _TEXT:
        return value[:_TEXT] + _rest(value, len(value), "bytes").encode()
    if kind is int and value.bit_length() > _BITS:
        size = value.bit_length()
        return f"<int>{_rest(value.to_bytes(size // 8 + 1, 'big', signed=True), size, 'bits')}"
    return value if kind in ATOMS else f"<{type_name(kind)}>"


def _rest(whole: bytes, size: int, unit: str) -> str:
    return f"… ({size:,} {unit}, {hashlib.blake2b(whole, digest_size=8).hexdigest()})"
