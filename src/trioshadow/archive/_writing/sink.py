"""JsonlSink: the archive as a sink. What is written is made and written in a worker thread; here is only the handing
over.

A disk that hangs holds that one thread, and nothing else: not the event loop, and at the exit not longer than
`drain_timeout`. The thread is then left behind, and nobody touches its file: who comes later waits for the limiter,
whose only token the thread still has.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import trio

from trioshadow._accounts.notices import Notices
from trioshadow._model.checks import instance_of, integer, is_bool, is_timeout, wrong_type
from trioshadow._settings.records import DivergenceRecord
from trioshadow.archive._lines import epoch_of, record_line, snapshot_line
from trioshadow.archive._redaction import Redaction

from .writer import ArchiveWriter, Limits

_MIB = 1 << 20


_is_size = integer("bytes in [1024, inf)", lambda size: size >= 1024)


def _absolute(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise wrong_type("path", path, "a str or a path")
    file = Path(path)
    if not file.name:
        raise ValueError(f"path must name a file, not {str(path)!r}")
    # So that a program may change its directory; and of a link the file is closed, not the link.
    return file.resolve()


@attrs.frozen(eq=False)
class JsonlSink:
    """Records and snapshots into a file of one JSON object a line, for `Shadower(sinks=[JsonlSink("shadow.jsonl")])`.

    The directory must be there, or it is a ValueError. What can't be written is dropped and counted by the shadower, as
    with any sink that raises; when the disk is back, so is the archive. One sink serves one shadower at a time.
    """

    path: Path = attrs.field(converter=_absolute)
    """The active file. Closed segments lie beside it: `<path>.<UTC time>-<run>-<number>.gz`."""
    redaction: Redaction = attrs.field(
        default=Redaction(), kw_only=True, validator=instance_of(Redaction, "a Redaction")
    )
    """What is masked before anything is written."""
    max_segment_bytes: int = attrs.field(default=64 * _MIB, kw_only=True, validator=_is_size)
    """A segment is closed before it becomes larger, in [1024, inf). A line that is larger, or has more than 64 MiB, is
    dropped."""
    max_segment_age: float = attrs.field(default=3600.0, kw_only=True, validator=is_timeout)
    """The first line that comes when a segment is so old, in (0, inf], begins another."""
    max_total_bytes: int = attrs.field(default=1024 * _MIB, kw_only=True, validator=_is_size)
    """All files of this archive together, the active one too; at least twice `max_segment_bytes`. The oldest closed
    segments are deleted first. While one is compressed, both of its files are there, and only the plain one counts."""
    compress: bool = attrs.field(default=True, kw_only=True, validator=is_bool)
    """Closed segments become `.gz`, in the sink's thread: records that come meanwhile wait in the sink's buffer. Of
    captured JSON 64 MiB take about 0.4 s of a core."""
    snapshot_every: float = attrs.field(default=60.0, kw_only=True, validator=is_timeout)
    """Seconds, in (0, inf], between two snapshots of the evidence; the last one comes at the exit."""

    _writer: ArchiveWriter = attrs.field(init=False, repr=False)
    _limiter: trio.CapacityLimiter = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.path.parent.is_dir():
            raise ValueError(f"path must be in a directory that is there, not {str(self.path)!r}")
        if self.max_total_bytes < 2 * self.max_segment_bytes:
            raise ValueError(
                f"max_total_bytes must be at least twice max_segment_bytes, {2 * self.max_segment_bytes}, "
                f"not {self.max_total_bytes}"
            )
        limits = Limits(
            max_segment_bytes=self.max_segment_bytes,
            max_segment_age=self.max_segment_age,
            max_total_bytes=self.max_total_bytes,
            compress=self.compress,
        )
        object.__setattr__(self, "_writer", ArchiveWriter(self.path, limits, Notices("").say))
        # Of its own: the threads of everybody else must not wait for this disk.
        object.__setattr__(self, "_limiter", trio.CapacityLimiter(1))

    @property
    def deleted_segments(self) -> int:
        """How many segments this sink has deleted for `max_total_bytes`."""
        return self._writer.deleted_segments

    @property
    def removed_records(self) -> int:
        """How many records that were written are gone, as another program removed, cut off or rewrote their file.

        Copies that it made are not looked for; and what is moved is not gone.
        """
        return self._writer.removed_records

    @property
    def active(self) -> Path | None:
        """The file that it writes to: `path`, or one beside it while another process has that, or it can't be written
        any more; None before the first line.
        """
        return self._writer.active

    async def write(self, record: DivergenceRecord, /) -> None:
        """Write a record. Raises OSError if that can't be done now, and what `Redaction.function` raises."""
        await self._in_thread(self._write_record, record)

    async def snapshot(self, snapshots: Sequence[Mapping[str, Any]], /) -> None:
        """Write what `Evidence.to_dict()` gave. Raises OSError if that can't be done now."""
        await self._in_thread(self._write_snapshots, snapshots)

    async def aclose(self) -> None:
        """Close the file. Where this is cancelled, it stays as a killed process would leave it, which is no harm."""
        await self._in_thread(self._writer.close)

    def _write_record(self, record: DivergenceRecord) -> None:
        told = self.redaction.apply(record)
        if told is not None:
            self._writer.write(record_line(told), told.epoch)

    def _write_snapshots(self, snapshots: Sequence[Mapping[str, Any]]) -> None:
        for snapshot in snapshots:
            told = self.redaction.apply_to_snapshot(snapshot)
            self._writer.write(snapshot_line(told, self._writer.now()), epoch_of(told), snapshot=True)

    async def _in_thread(self, function: Callable[..., None], *arguments: object) -> None:
        await trio.to_thread.run_sync(function, *arguments, abandon_on_cancel=True, limiter=self._limiter)
