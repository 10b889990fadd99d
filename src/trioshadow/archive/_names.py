"""What the files of one archive are called, and which of them are there.

====================================  =================================================================================
`<path>`                              the active file: lines are added to it
`<path>.<run>`                        the active file of a process that can't have the other
`<path>.<time>-<run>-<number>`        a closed segment, and with `.gz` behind it a compressed one
`<path>.<time>-<run>-<number>.gz.tmp` one that is being compressed
====================================  =================================================================================

The time is UTC, that of the last line, so that the names of the segments sort by age.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path

import attrs

_SEGMENT = re.compile(r"\.[0-9]{8}T[0-9]{6}-[0-9a-f]{8}-[0-9]{6,}(\.gz(\.tmp)?)?")
_OWN = re.compile(r"\.[0-9a-f]{8}")


@attrs.frozen
class Names:
    """The files of the archive whose active file is `path`."""

    path: Path

    def own(self, run: str) -> Path:
        """The active file of a run that can't have `path`."""
        return self.path.with_name(f"{self.path.name}.{run}")

    def segment(self, closed_at: float, run: str, number: int) -> Path:
        """The name of a segment, one that is not taken."""
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(closed_at))
        while True:
            name = self.path.with_name(f"{self.path.name}.{stamp}-{run}-{number:06}")
            if not name.exists() and not compressed(name).exists():
                return name
            number += 1

    def actives(self) -> list[Path]:
        """The active files that are there. A link is none: where it leads is another archive's place."""
        own = [path for path in self._beside() if _OWN.fullmatch(self._rest(path))]
        return [*([self.path] if self.path.exists() and not self.path.is_symlink() else []), *own]

    def segments(self) -> list[Path]:
        """The closed segments, the oldest first; of one that is being compressed both files."""
        return [path for path in self._beside() if (found := _SEGMENT.fullmatch(self._rest(path))) and not found[2]]

    def unfinished(self) -> list[Path]:
        """What was being compressed, or is."""
        return [path for path in self._beside() if (found := _SEGMENT.fullmatch(self._rest(path))) and found[2]]

    def _rest(self, path: Path) -> str:
        return path.name.removeprefix(self.path.name)

    def _beside(self) -> Iterable[Path]:
        # Not glob(): a name may hold what glob takes for a wildcard.
        try:
            return sorted(path for path in self.path.parent.iterdir() if path.name.startswith(f"{self.path.name}."))
        except (FileNotFoundError, NotADirectoryError):
            return []


def is_segment(path: Path) -> bool:
    """Is it, by its name, a closed segment, compressed or not?"""
    found = re.search(_SEGMENT.pattern + "$", path.name)
    return found is not None and not found[2]


def compressed(segment: Path) -> Path:
    """The name of a segment when it is compressed."""
    return segment.with_name(f"{segment.name}.gz")


def plain(segment: Path) -> Path:
    """The name of a segment before it was compressed."""
    return segment.with_name(segment.name.removesuffix(".gz"))
