"""ArchiveWriter: lines into segments. Blocking, for one thread at a time; it knows no Trio, and nothing of redaction.

What it promises:

- A segment is opened by an `open` line and carries one epoch; a line of an epoch that was before says its own.
- What an earlier process left is closed as a segment, as it is: nothing that was written is ever changed.
- After an error the next write tries again, from the start if need be: the directory may be back.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs

from trioshadow.archive._lines import line
from trioshadow.archive._names import Names

from .active_file import ActiveFile
from .keeping import compress, delete_oldest, remove_unfinished, size_of


@attrs.frozen(kw_only=True)
class Limits:
    """When a segment is closed, and when the oldest is deleted."""

    max_segment_bytes: int
    max_segment_age: float
    max_total_bytes: int
    compress: bool


@attrs.define
class _Segment:
    """The one that is being written."""

    file: ActiveFile
    number: int
    epoch: str
    opened_at: float
    records: int = 0
    snapshots: int = 0


class ArchiveWriter:
    """Writes lines to the archive at `path`."""

    def __init__(
        self, path: Path, limits: Limits, say: Callable[[str, str], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._names = Names(path)
        self._limits = limits
        self._say = say
        self.now = clock
        self._run = ""
        self._number = 0
        self._segment: _Segment | None = None
        self._epochs: set[str] = set()
        self._closed_bytes = 0
        self._to_compress: deque[Path] = deque()
        self.deleted_segments = 0

    @property
    def active(self) -> Path | None:
        """The file that lines go to; None while none is open."""
        return None if self._segment is None else self._segment.file.path

    def write(self, written: bytes, epoch: str, *, snapshot: bool = False) -> None:
        """Add a line that `_lines.py` made. Raises OSError, or ValueError for a line larger than a segment."""
        if len(written) > self._limits.max_segment_bytes:
            raise ValueError(f"a line must be at most max_segment_bytes long, not {len(written)}")
        segment = self._segment_for(epoch, len(written))
        segment.file.append(written)
        segment.snapshots += snapshot
        segment.records += not snapshot
        self._compress_next()
        if self._closed_bytes + segment.file.size > self._limits.max_total_bytes:
            self._delete_oldest()

    def close(self) -> None:
        """Say that the run ends here, and let go of the file. A later write begins a new segment."""
        if (segment := self._segment) is not None:
            self._segment = None
            self._end(segment)

    # ── segments ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _segment_for(self, epoch: str, size: int) -> _Segment:
        segment = self._segment
        if segment is not None:
            if not segment.file.in_place():
                self._segment = None  # moved or removed: what is in it is somebody else's business now
                segment.file.close()
            elif self._is_full(segment, size) or (epoch != segment.epoch and epoch not in self._epochs):
                self._put_aside(segment.file, self._run, segment.number)
                self._segment = None
                self._end(segment)
        if self._segment is None:
            self._segment = self._open(epoch)
        return self._segment

    def _is_full(self, segment: _Segment, size: int) -> bool:
        age = self.now() - segment.opened_at
        return (
            segment.file.size + size > self._limits.max_segment_bytes
            or not 0 <= age < self._limits.max_segment_age  # a clock that was set back
        )

    def _open(self, epoch: str) -> _Segment:
        if not self._run:
            # Not in __init__: a process may be forked before it writes, and each child is a run of its own.
            self._run = os.urandom(4).hex()
            remove_unfinished(self._names)
        self._adopt()
        file = self._open_empty(self._names.path)
        if file is None:
            own = self._names.own(self._run)
            self._say("archive locked", f"another process writes to {self._names.path}: this one to {own.name}")
            file = self._open_empty(own)
            if file is None:
                raise OSError(f"{own} is locked by another process")
        self._number += 1
        self._epochs.add(epoch)
        now = self.now()
        told: dict[str, Any] = {"library": version("trioshadow"), "run": self._run, "segment": self._number}
        try:
            file.append(line("open", **told, epoch=epoch, at=now, deleted=self.deleted_segments))
        except BaseException:
            file.close()
            raise
        self._closed_bytes = size_of(self._names.segments())
        return _Segment(file, self._number, epoch, now)

    def _open_empty(self, path: Path) -> ActiveFile | None:
        file = ActiveFile.open(path)
        while file is not None and file.size:
            self._close_left(file)
            file = ActiveFile.open(path)
        return file

    def _adopt(self) -> None:
        """Close what processes that have ended left of their own active files, and see to what they left plain."""
        for path in self._names.actives():
            with contextlib.suppress(OSError):  # it may wait: what counts is the file that is opened now
                if path != self._names.path and (file := ActiveFile.open(path)) is not None:
                    self._close_left(file)
        if self._limits.compress:
            self._to_compress = deque(path for path in self._names.segments() if path.suffix != ".gz")

    def _close_left(self, file: ActiveFile) -> None:
        try:
            run, number = _identity(file.first_line()) or (self._run, 0)
            if file.size:
                self._put_aside(file, run, number)
            else:
                file.path.unlink()
        finally:
            file.close()

    def _put_aside(self, file: ActiveFile, run: str, number: int) -> None:
        segment = self._names.segment(file.modified_at(), run, number)
        file.path.rename(segment)
        if self._limits.compress:
            self._to_compress.append(segment)

    def _end(self, segment: _Segment) -> None:
        with contextlib.suppress(OSError):  # it says nothing that the lines do not
            told = {"records": segment.records, "snapshots": segment.snapshots}
            segment.file.append(line("close", at=self.now(), **told))
        segment.file.close()

    # ── what is closed ───────────────────────────────────────────────────────────────────────────────────────────────

    def _compress_next(self) -> None:
        """Compress a segment, once the line is safe. The next lines wait for it: a slice before each of them takes as
        long in all, and was measured to lose about as many records.
        """
        if self._to_compress:
            with contextlib.suppress(OSError):  # a full disk: it stays as it is, and the next segment tries again
                compress(self._to_compress.popleft())
            self._closed_bytes = size_of(self._names.segments())

    def _delete_oldest(self) -> None:
        deleted = delete_oldest(self._names, self._limits.max_total_bytes)
        self.deleted_segments += deleted
        self._closed_bytes = size_of(self._names.segments())
        if deleted:
            self._say("archive full", f"max_total_bytes: the oldest segments of {self._names.path} are deleted")


def _identity(first_line: bytes) -> tuple[str, int] | None:
    try:
        told = json.loads(first_line)
        run, number = str(told["run"]), int(told["segment"])
    except (ValueError, TypeError, KeyError):
        return None
    return (run, number) if len(run) == 8 and set(run) <= set("0123456789abcdef") and number >= 0 else None
