"""Reading archives: one line after the other, in flat memory, whatever the lines are. Blocking: in a Trio program call
it in a worker thread.

The active file is opened before the segments are listed: if its process closes it meanwhile, it is still read here, and
its segment, which begins with the same line, is then known.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import IO, Any, TypeAlias

import attrs

from trioshadow._settings.records import DivergenceRecord
from trioshadow.archive._bounded_lines import Line, lines_of, too_long
from trioshadow.archive._lines import VERSION
from trioshadow.archive._names import Names, compressed, is_segment, plain
from trioshadow.archive._values import decode_plain

from .problem import Problem, ProblemKind

#: What gzip begins with, and no line of JSON.
_GZIP = b"\x1f\x8b"


@attrs.frozen
class Segment:
    """The beginning of a segment: whose lines follow."""

    file: str
    run: str
    """One process, from its first write on: eight hexadecimal digits."""
    number: int
    """Of the segment in its run, from 1."""
    epoch: str
    """That it was opened for."""
    at: float
    """When: wall clock, seconds since the epoch."""
    library: str
    """The version of trioshadow that wrote it."""
    deleted: int
    """Segments that the run had deleted before, for `max_total_bytes`."""


@attrs.frozen
class Snapshot:
    """All that was counted of one epoch since its counting began."""

    evidence: dict[str, Any]
    """What `Evidence.to_dict()` gave."""
    at: float
    """When it was written: wall clock, seconds since the epoch."""
    file: str
    line: int


#: What an archive consists of.
Entry: TypeAlias = Segment | DivergenceRecord | Snapshot | Problem


@attrs.frozen
class Archive:
    """What can be read of some files, in their order; each `for` reads them again."""

    paths: tuple[Path, ...]

    def __iter__(self) -> Iterator[Entry]:
        """Everything, problems included. Where a `Segment` comes, what follows is its."""
        return _read(self.paths)

    def records(self) -> Iterator[DivergenceRecord]:
        """The records alone."""
        return (entry for entry in self if type(entry) is DivergenceRecord)

    def snapshots(self) -> Iterator[Snapshot]:
        """The snapshots alone."""
        return (entry for entry in self if type(entry) is Snapshot)

    def problems(self) -> Iterator[Problem]:
        """What can't be read. To know it, all is read."""
        return (entry for entry in self if type(entry) is Problem)


def read_archive(*paths: str | Path) -> Archive:
    """The archive of these files: an active path (with all its segments), or single files, compressed by gzip or not.

    Nothing is read yet. Segments of several processes or machines are read by age. What can't be read is a `Problem`
    among the rest, and no error. TypeError if no path is given, ImportError if msgspec is not there.
    """
    if not paths:
        raise TypeError("read_archive takes at least one path")
    schema_of_lines()
    return Archive(tuple(map(Path, paths)))


def schema_of_lines() -> ModuleType:
    try:
        from trioshadow.archive import _schema as schema  # noqa: PLC0415 - msgspec belongs to an extra
    except ModuleNotFoundError as exc:
        if exc.name != "msgspec":
            raise
        raise ImportError("reading an archive needs msgspec: pip install 'trioshadow[archive]'") from exc
    return schema


def _read(paths: tuple[Path, ...]) -> Iterator[Entry]:
    reader = _Reader()
    with contextlib.ExitStack() as stack:
        actives: dict[Path, IO[bytes]] = {}
        segments: dict[Path, None] = {}
        for path in paths:
            # Of a link: beside where it leads. And beside itself: another program may have put it in the file's place.
            places = [] if is_segment(path) else [*dict.fromkeys((Names(_target(path)), Names(path)))]
            found = [active for names in places for active in names.actives()]
            for active in found:
                if active not in actives:
                    try:
                        actives[active] = stack.enter_context(opened(active))
                    except OSError as exc:
                        yield reader.refused(active, exc)
            closed = [path] if is_segment(path) else [segment for names in places for segment in names.segments()]
            segments |= dict.fromkeys(map(plain, closed))  # of one that is there twice, once
            if not found and not closed:
                yield Problem(ProblemKind.MISSING, str(path), None, "there is no such file")
        for segment in sorted(segments, key=lambda path: path.name[-len("yyyymmddThhmmss-rrrrrrrr-nnnnnn") :]):
            yield from reader.segment(segment)
        for active, stream in actives.items():
            yield from reader.file(active, stream)


def _target(path: Path) -> Path:
    """Beside which the segments are. What leads back to itself is left as it is: it can't be opened, and says so."""
    try:
        return path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError):  # of a loop: the former since Python 3.13
        return path


def opened(path: Path) -> IO[bytes] | io.BufferedReader:
    """A file, unpacked if it is compressed. Raises OSError."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(f"{path.name} is no regular file")  # a pipe would wait for a writer
    stream = path.open("rb")
    if (path.suffix == ".gz" and is_segment(path)) or stream.peek(2).startswith(_GZIP):  # logrotate compresses too
        stream.close()
        return io.BufferedReader(gzip.GzipFile(path), 1 << 18)
    return stream


class _Reader:
    def __init__(self) -> None:
        self._schema = schema_of_lines()
        #: In which file each segment was: run and number, and when it was opened, since of many runs two may be alike.
        self._seen: dict[tuple[str, int, float], str] = {}

    def segment(self, path: Path) -> Iterator[Entry]:
        """A closed segment, by its plain name: compressed or not, whatever it is by now."""
        for candidate in (path, compressed(path), path):
            try:
                with opened(candidate) as stream:
                    yield from self.file(candidate, stream)
            except FileNotFoundError:
                continue
            except OSError as exc:
                yield self.refused(candidate, exc)
            return
        yield Problem(ProblemKind.MISSING, str(path), None, "there is no such file any more")

    def refused(self, path: Path, exc: OSError) -> Problem:
        if isinstance(exc, IsADirectoryError):
            what = "it is a directory: name the path that the sink had, such as the file shadow.jsonl in it"
        else:
            what = f"it can't be opened: {exc.strerror or exc}"
        return Problem(ProblemKind.UNREADABLE, str(path), None, what)

    def file(self, path: Path, stream: IO[bytes] | io.BufferedReader) -> Iterator[Entry]:
        name, number = str(path), 0
        try:
            # A loop for each line of millions: what it needs is taken once.
            decode, record, made_of = self._schema.decode_line, self._schema.RecordLine, self._entry_of
            for raw in lines_of(stream):
                number += 1
                try:
                    line = decode(raw)
                    if line.v > VERSION:
                        yield self._newer(name, number)
                        if number == 1:  # what follows is newer too, and would say so a million times
                            return
                    elif type(line) is record and number > 1:
                        yield line.made()
                    else:
                        entry = made_of(name, number, line)
                        if entry is not None:
                            yield entry
                            if type(entry) is Problem:  # this is no file for us
                                return
                except self._schema.ERRORS:
                    problem = self._undecodable(name, number, raw)
                    if problem is not None:
                        yield problem
                        if number == 1:
                            return
            if not number:
                yield Problem(ProblemKind.EMPTY, name, None, "it is empty")
        except (EOFError, zlib.error, OSError) as exc:
            kind = ProblemKind.UNREADABLE if type(exc) is OSError else ProblemKind.CORRUPT
            yield Problem(kind, name, number + 1, f"from here on it can't be read: {type(exc).__name__}")

    def _entry_of(self, name: str, number: int, line: Any) -> Entry | None:
        schema = self._schema
        if number == 1:
            if type(line) is not schema.OpenLine:
                return Problem(ProblemKind.FOREIGN, name, 1, "the first line does not open a segment")
            before = self._seen.setdefault((line.run, line.segment, line.at), name)
            if before != name:
                return Problem(ProblemKind.DUPLICATE, name, None, f"it is the same segment as {before}")
            return Segment(name, line.run, line.segment, line.epoch, line.at, line.library, line.deleted)
        if type(line) is schema.SnapshotLine:
            return Snapshot(decode_plain(line.evidence), line.at, name, number)
        return None  # `close`: nothing that the lines have not said

    def _newer(self, name: str, number: int) -> Problem:
        return Problem(ProblemKind.NEWER, name, number, f"its format is newer than version {VERSION}")

    def _undecodable(self, name: str, number: int, raw: Line) -> Problem | None:
        if raw == b"\n":
            return None
        if isinstance(raw, int):
            return Problem(ProblemKind.TOO_LONG, name, number, too_long(raw))
        try:
            if self._schema.decode_any_line(raw).v > VERSION:
                return self._newer(name, number)
        except self._schema.ERRORS:
            pass
        if not raw.endswith(b"\n"):
            return Problem(ProblemKind.TORN, name, number, "the last line has no end")
        return Problem(ProblemKind.FOREIGN, name, number, "this is no line of an archive")
