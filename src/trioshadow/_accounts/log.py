"""DivergenceLog: a bounded ring of records, the oldest dropped first. It counts nothing but what it dropped."""

from __future__ import annotations

from collections import deque

from trioshadow._model.checks import is_count_or_zero
from trioshadow._settings.records import DivergenceRecord


class DivergenceLog:
    """The last `capacity` records. A capacity of 0 keeps nothing.

    An empty log is falsy, as every container: test `log is not None`.
    """

    def __init__(self, capacity: int = 128) -> None:
        is_count_or_zero.check("capacity", capacity)
        self._ring: deque[DivergenceRecord] = deque(maxlen=capacity)
        self._dropped = 0

    @property
    def capacity(self) -> int:
        """How many records it keeps at most."""
        return self._ring.maxlen or 0

    @property
    def dropped(self) -> int:
        """How many records it no longer has."""
        return self._dropped

    def push(self, record: DivergenceRecord) -> None:
        """Add a record; if the log is full, its oldest goes."""
        if len(self._ring) == self._ring.maxlen:
            self._dropped += 1
        self._ring.append(record)

    def snapshot(self) -> list[DivergenceRecord]:
        """The records, oldest first; a new list."""
        return list(self._ring)

    def __len__(self) -> int:
        return len(self._ring)

    def __repr__(self) -> str:
        return f"<DivergenceLog {len(self)}/{self.capacity}, dropped {self.dropped}>"
