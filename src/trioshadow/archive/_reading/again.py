"""Reading some snapshots again, of which is known in which line of which segment they were. Nothing else is decoded.

Files are read forward, and closed after the last line that is asked for. Between the two readings an active file may
have become a segment, a segment may have been compressed, and a file may have gone: a segment is found by its first
line, and what is not there is None.
"""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from trioshadow.archive._bounded_lines import Line, lines_of
from trioshadow.archive._names import is_segment, plain
from trioshadow.archive._values import decode_plain
from trioshadow.evidence import Evidence

from .archive import Segment, opened, schema_of_lines
from .notes import Note


class Again:
    """A context manager: the evidence of these snapshots, each once, in any order."""

    def __init__(self, notes: Iterable[Note]) -> None:
        lines: dict[Segment, set[int]] = {}
        for note in notes:
            lines.setdefault(note.segment, set()).add(note.line)
        self._files = {segment: _File(segment, sorted(wanted)) for segment, wanted in lines.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        for file in self._files.values():
            file.close()

    def evidence(self, note: Note) -> Evidence | None:
        """None: it is not there any more."""
        return self._files[note.segment].take(note.line)


class _File:
    """The lines of one segment that are wanted, from 1, ascending."""

    def __init__(self, segment: Segment, wanted: list[int]) -> None:
        self._lines = _lines_of(segment, wanted)
        self._last = wanted[-1]
        self._found: dict[int, Evidence | None] = {}

    def take(self, line: int) -> Evidence | None:
        """What is in this line."""
        while line not in self._found:
            number, raw = next(self._lines, (line, b""))
            self._found[number] = _evidence_in(raw)
            if number == self._last:
                next(self._lines, None)  # there is none, and so the file is closed
        return self._found.pop(line)

    def close(self) -> None:
        self._lines.close()


def _lines_of(segment: Segment, wanted: list[int]) -> Generator[tuple[int, Line], None, None]:
    with contextlib.suppress(OSError, EOFError, zlib.error), _opened(segment) as stream:
        numbered = enumerate(lines_of(stream), 2)
        for line in wanted:
            yield line, next((raw for number, raw in numbered if number == line), b"")


def _opened(segment: Segment) -> IO[bytes] | io.BufferedReader:
    """After its first line. Raises OSError, EOFError or zlib.error."""
    for path in _names_of(segment):
        try:
            stream = opened(path)
        except OSError:
            continue
        if _begins(stream, segment):
            return stream
        stream.close()
    raise FileNotFoundError


def _names_of(segment: Segment) -> Iterator[Path]:
    """What it may be called by now: as it was, or as it is since it was closed or compressed."""
    path = Path(segment.file)
    yield path
    part = f"-{segment.run}-{segment.number:06}"
    yield from (other for other in path.parent.iterdir() if is_segment(other) and plain(other).name.endswith(part))


def _begins(stream: IO[bytes] | io.BufferedReader, segment: Segment) -> bool:
    """Is it this one? Another may have its name: that of an active file always has."""
    schema = schema_of_lines()
    try:
        line = schema.decode_line(next(lines_of(stream), b""))
    except (*schema.ERRORS, OSError, EOFError, zlib.error):
        return False
    found = type(line) is schema.OpenLine and (line.run, line.segment, line.at)
    return found == (segment.run, segment.number, segment.at)


def _evidence_in(raw: Line) -> Evidence | None:
    schema = schema_of_lines()
    try:
        return Evidence.from_dict(decode_plain(schema.decode_line(raw).evidence))
    except (*schema.ERRORS, AttributeError):
        return None
