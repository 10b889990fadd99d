"""Closed segments: compressed, and deleted when all of them are too large. Blocking file work, no Trio."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
from pathlib import Path

from trioshadow.archive._names import Names, compressed

from .active_file import lock, open_regular

#: Of gzip. A MiB of captured JSON takes 6 ms and keeps 15 % of its size; at 6 it would be 17 ms and 13 %.
_LEVEL = 3
#: Bytes that are read at a time.
_BLOCK = 1 << 20


def compress(segment: Path) -> None:
    """Put a compressed file in a segment's place. Raises OSError.

    The new one is whole when it gets its name, and only then the old one is removed: a process that is killed in
    between leaves one of them or both, and who finds both takes one.
    """
    target = compressed(segment)
    unfinished = target.with_name(f"{target.name}.tmp")
    with os.fdopen(open_regular(segment, os.O_RDONLY), "rb") as source:
        if not lock(source.fileno()):
            return  # another process is at it
        try:
            fd = open_regular(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            with os.fdopen(fd, "wb") as raw:
                with gzip.GzipFile("", "wb", _LEVEL, raw) as out:
                    shutil.copyfileobj(source, out, _BLOCK)
                raw.flush()
                os.fsync(fd)
            if segment.exists():  # or else it was deleted meanwhile, and must stay so
                unfinished.replace(target)
            segment.unlink(missing_ok=True)
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)


def remove_unfinished(names: Names) -> None:
    """Remove what processes that were killed left half compressed."""
    for unfinished in names.unfinished():
        segment = unfinished.with_name(unfinished.name.removesuffix(".gz.tmp"))
        with contextlib.suppress(OSError):
            if not segment.exists():
                unfinished.unlink()
                continue
            with os.fdopen(open_regular(segment, os.O_RDONLY), "rb") as source:
                if lock(source.fileno()):
                    unfinished.unlink()


def size_of(paths: list[Path]) -> int:
    """Bytes of all these files that are there."""
    total = 0
    for path in paths:
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def delete_oldest(names: Names, max_total_bytes: int) -> int:
    """Delete closed segments, the oldest first, until all files are small enough. How many were deleted."""
    deleted = 0
    total = size_of([*names.segments(), *names.actives()])
    for segment in names.segments():
        if total <= max_total_bytes:
            break
        with contextlib.suppress(OSError):  # another process was faster, or it may not be deleted
            size = segment.stat().st_size
            segment.unlink()
            total -= size
            deleted += 1
    return deleted
