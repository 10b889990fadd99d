"""A file for pickle to write to, which takes so much and no more: what a graph of objects holds is known only then."""

from __future__ import annotations

from typing import Any


class TooLongError(Exception):
    """What is written has more bytes than there is room for."""


class BoundedFile:
    """What pickle writes, up to so many bytes. Raises TooLongError for more."""

    def __init__(self, room: int) -> None:
        self.parts: list[bytes] = []
        self._room = room

    def write(self, data: Any) -> int:
        """Take one piece."""
        size = memoryview(data).nbytes
        self._room -= size
        if self._room < 0:
            raise TooLongError
        self.parts.append(bytes(data))
        return size
