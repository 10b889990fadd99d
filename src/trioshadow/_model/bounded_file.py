"""A file for pickle to write to, which takes so much and no more: what a graph of objects holds is known only then."""

from __future__ import annotations

from typing import Any

#: What pickle writes of small values comes in pieces of at most twice its frame, which is 64 KiB. A longer one is a
#: text, bytes or a buffer that was written as it is, at the speed of a copy of memory.
_PIECE = 2 * 64 * 1024


class TooLongError(Exception):
    """What is written has more bytes than there is room for."""


class BoundedFile:
    """What pickle writes, up to `room` bytes. Raises TooLongError for more. Of long texts, bytes and buffers only
    one byte in `cheap` counts.
    """

    def __init__(self, room: int, cheap: int = 1) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        """Bytes written."""
        self._room = room
        self._cheap = cheap

    def begin(self, room: int) -> None:
        """Anew, with parts of its own."""
        self.parts = []
        self.size = 0
        self._room = room

    def write(self, data: Any) -> int:
        """Take one piece."""
        size = len(data) if type(data) is bytes else memoryview(data).nbytes
        self.charge(size if size <= _PIECE else size // self._cheap)
        self.size += size
        self.parts.append(data if type(data) is bytes else bytes(data))
        return size

    def charge(self, cost: int) -> None:
        """Take up room, for what costs as much as to write so many bytes. Raises TooLongError if there is none."""
        self._room -= cost
        if self._room < 0:
            raise TooLongError
