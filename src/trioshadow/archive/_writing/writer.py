"""ArchiveWriter: lines into segments. Blocking, for one thread at a time; it knows no Trio, and nothing of redaction.

What it promises:

- A segment is opened by an `open` line and carries one epoch; a line of an epoch that was before says its own.
- A file that another process has begun is closed as a segment, as it is, and so is one that another program has cut off
  or rewritten: nothing that was written is ever changed.
- A line is in a file where it can be read, or else `write` raises. What another program removes later is counted.
- Where the file can't be had (another process has it), or not any more (it may not be opened or renamed, something else
  has its name), lines go to one beside it, `<path>.<run>`.
- After an error the next write tries again, from the start if need be: the directory may be back.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections import deque
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import attrs

from trioshadow._model.words import counted
from trioshadow.archive._bounded_lines import LONGEST
from trioshadow.archive._lines import line
from trioshadow.archive._names import Names

from .active_file import ActiveFile, ChangedError
from .keeping import compress, delete_oldest, remove_unfinished, size_of
from .remains import records_left

#: A line is tried so many times where other programs change its file under it.
_TRIES = 3


class Say(Protocol):
    """`Notices.say`."""

    def __call__(self, cause: str, text: str, *, once: bool = False) -> None: ...


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

    def __init__(self, path: Path, limits: Limits, say: Say, clock: Callable[[], float] = time.time) -> None:
        self._names = Names(path)
        self._limits = limits
        self._say = say
        self.now = clock
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._run = ""
        self._number = 0
        self._segment: _Segment | None = None
        self._epochs: set[str] = set()
        self._closed_bytes = 0
        self._to_compress: deque[Path] = deque()
        self.deleted_segments = 0
        self.removed_records = 0

    @property
    def active(self) -> Path | None:
        """The file that lines go to; None while none is open."""
        return None if self._segment is None else self._segment.file.path

    def write(self, written: bytes, epoch: str, *, snapshot: bool = False) -> None:
        """Add a line that `_lines.py` made. Raises OSError, or ValueError for a line that is too long."""
        longest = min(self._limits.max_segment_bytes, LONGEST)
        if len(written) > longest:
            raise ValueError(f"a line must be at most {longest} bytes long (max_segment_bytes), not {len(written)}")
        segment = self._put(written, epoch)
        segment.snapshots += snapshot
        segment.records += not snapshot
        self._compress_next()

    def close(self) -> None:
        """Say that the run ends here, and let go of the file. A later write begins a new segment."""
        segment = self._current()
        if segment is not None:
            self._segment = None
            self._end(segment)

    def _put(self, written: bytes, epoch: str) -> _Segment:
        """Add a line to the segment that it belongs to."""
        tries = _TRIES
        while True:
            tries -= 1
            try:
                segment = self._segment_for(epoch, len(written))
                segment.file.append(written)
            except ChangedError:
                self._give_up()
                if not tries:
                    raise
            except OSError as exc:
                if exc.errno != errno.EPERM or self._segment is None or not tries:
                    raise
                self._put_aside()  # made immutable (`chattr +i`): another file is not
            else:
                return segment

    # ── segments ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _current(self) -> _Segment | None:
        """The segment that is open, if lines can be added to it."""
        if self._pid != os.getpid():
            self._begin()  # a forked child is a run of its own, and its parent's file is not its
        if self._segment is not None and not self._segment.file.look():
            self._give_up()
        return self._segment

    def _segment_for(self, epoch: str, size: int) -> _Segment:
        segment = self._current()
        if segment is not None and (
            self._is_full(segment, size) or (epoch != segment.epoch and epoch not in self._epochs)
        ):
            self._put_aside()
        if self._segment is None:
            self._segment = self._open(epoch)
        self._make_room(self._segment.file.size, size)
        return self._segment

    def _is_full(self, segment: _Segment, size: int) -> bool:
        age = self.now() - segment.opened_at
        return (
            segment.file.size + size > self._limits.max_segment_bytes
            or not 0 <= age < self._limits.max_segment_age  # a clock that was set back
        )

    def _put_aside(self) -> None:
        """Close the segment that is open. Where its file can't be renamed it stays, and the next one lies beside it."""
        segment, self._segment = self._segment, None
        assert segment is not None, "who calls has one"
        with contextlib.suppress(OSError):
            self._rename(segment.file, self._run, segment.number)
        self._end(segment)

    def _give_up(self) -> None:
        """Let go of a file that another program has moved or changed: what is in it is left to whoever finds it."""
        segment, self._segment = self._segment, None
        if segment is None:
            return
        gone = max(0, segment.records - records_left(segment.file))
        segment.file.close()
        self.removed_records += gone
        told = f": {counted(gone, 'record')} gone" if gone else ""
        self._say("archive changed", f"another program moved, removed or changed {segment.file.path}{told}")

    def _open(self, epoch: str) -> _Segment:
        if not self._run:
            # Not in __init__: a process may be forked before it writes, and each child is a run of its own.
            self._run = os.urandom(4).hex()
            remove_unfinished(self._names)
        self._adopt()
        file = self._open_file()
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

    def _open_file(self) -> ActiveFile:
        """An empty one: `path`, or where that can't be had the one beside it."""
        path, own = self._names.path, self._names.own(self._run)
        why = f"another process writes to {path}"
        try:
            if (file := self._open_empty(path)) is not None:
                return file
        except OSError as exc:
            if not self._number:  # it never could: who named it must know
                raise
            why = f"{path} can't be written any more ({type(exc).__name__})"
        file = self._open_empty(own)
        if file is None:
            raise OSError(f"{own} is locked by another process")
        self._say(why, f"{why}: this one to {own.name}", once=True)
        return file

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
                self._rename(file, run, number)
            else:
                file.path.unlink()
        finally:
            file.close()

    def _rename(self, file: ActiveFile, run: str, number: int) -> None:
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

    def _make_room(self, active: int, more: int) -> None:
        """Delete the oldest segments where all files would else be too large. Raises OSError if that is not enough."""
        size = active + more
        if self._closed_bytes + size <= self._limits.max_total_bytes:
            return
        deleted = delete_oldest(self._names, self._limits.max_total_bytes - more)
        self.deleted_segments += deleted
        self._closed_bytes = size_of(self._names.segments())
        if deleted:
            told = f"max_total_bytes: the oldest segments of {self._names.path} are deleted"
            self._say("archive full", told, once=True)
        if self._closed_bytes + size > self._limits.max_total_bytes:
            raise OSError(errno.ENOSPC, "max_total_bytes, and the oldest segments can't be deleted")


#: An `open` line, as this library writes it.
_OPEN = re.compile(rb'\{"t":"open",.*?"run":"([0-9a-f]{8})","segment":([0-9]{1,9})[,}]')


def _identity(first_line: bytes) -> tuple[str, int] | None:
    """Run and number of the segment that this line opens. Any program may have put anything there."""
    found = _OPEN.match(first_line)
    return found and (found[1].decode(), int(found[2]))
