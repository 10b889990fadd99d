"""Requests one at a time for who waits on Trio, read in a worker thread; and what tells them from another file's."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator

import trio

from trioshadow.http import HttpRequest

from .input import Skipped, SkippedCounts

#: Read at once: some milliseconds.
_BATCH, _BATCH_BYTES = 256, 1 << 22


class Digest:
    """Of the first so many requests: method, URL, headers and body of each."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, request: HttpRequest) -> None:
        """The next request."""
        head = repr((request.method, request.url, request.headers, len(request.body))).encode()
        self._hash.update(head)
        self._hash.update(request.body)

    def __str__(self) -> str:
        return self._hash.hexdigest()


class Source:
    """A reader of requests. What is no request goes into `skipped`."""

    def __init__(self, entries: Iterable[HttpRequest | Skipped]) -> None:
        self.skipped = SkippedCounts()
        self._entries: Iterator[HttpRequest | Skipped] = iter(entries)
        self._read: deque[HttpRequest] = deque()

    async def take(self) -> HttpRequest | None:
        """The next request; None if there is no more. A checkpoint if it has to read."""
        while not self._read:
            if not await trio.to_thread.run_sync(self._fill):
                return None
        return self._read.popleft()

    def _fill(self) -> bool:
        """Read a batch; False: there is no more."""
        size = 0
        for number, entry in enumerate(self._entries, 1):
            if isinstance(entry, Skipped):
                self.skipped.add(entry)
            else:
                self._read.append(entry)
                size += len(entry.body)
            if number >= _BATCH or size >= _BATCH_BYTES:
                return True
        return bool(self._read)
