"""Reading requests: from an archive of ours, or from plain JSONL, a line at a time, in flat memory. Blocking.

What can't be used comes as `Skipped` among the rest, with its line and what to do: one torn line must not hide a
million whole ones.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import attrs

from trioshadow import DivergenceRecord
from trioshadow.archive import Archive, Line, Problem, ProblemKind, Segment, lines_of, read_archive, too_long
from trioshadow.cli.common.errors import CliError
from trioshadow.http import HttpRequest

from .lines import Sendable, UnusableError, captured_request, request_of

#: Of each cause so many are told in full.
TOLD = 3


@attrs.frozen
class Skipped:
    """A line, or a file, that gives no request."""

    cause: str
    place: str
    """File and line."""
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what} ({self.advice})"


class SkippedCounts:
    """All that was skipped, by cause, with the first of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, list[Skipped]] = {}

    def add(self, skipped: Skipped) -> None:
        """Count one."""
        self.counts[skipped.cause] += 1
        told = self.first.setdefault(skipped.cause, [])
        if len(told) < TOLD:
            told.append(skipped)


@attrs.frozen
class Requests:
    """The requests of a file, in its order; each `for` reads it again."""

    path: Path
    sendable: Sendable
    needed: frozenset[str]
    """Headers that must not be masked, in lower case."""

    def __iter__(self) -> Iterator[HttpRequest | Skipped]:
        """Raises CliError if the file can't be read at all."""
        archive = read_archive(self.path)
        first = next(iter(archive), None)
        if isinstance(first, Problem):
            if first.kind in (ProblemKind.MISSING, ProblemKind.UNREADABLE):
                raise CliError(str(first))
            if first.line == 1 and first.kind in (ProblemKind.FOREIGN, ProblemKind.TORN, ProblemKind.TOO_LONG):
                return self._plain()
        return self._archived(archive)

    def _archived(self, archive: Archive) -> Iterator[HttpRequest | Skipped]:
        file, number = str(self.path), 0
        for entry in archive:
            match entry:
                case Segment():
                    file, number = entry.file, 1
                case Problem():
                    place = entry.file if entry.line is None else f"{entry.file}:{entry.line}"
                    number = entry.line or number
                    yield Skipped(entry.kind.value, place, entry.what, entry.advice)
                case DivergenceRecord():
                    number += 1  # a record does not know its line, and all other kinds of lines do
                    try:
                        yield self.sendable.check(captured_request(entry.captured, self.needed))
                    except UnusableError as exc:
                        yield Skipped(exc.cause, f"{file}:{number}", exc.what, exc.advice)
                case _:
                    number = entry.line

    def _plain(self) -> Iterator[HttpRequest | Skipped]:
        try:
            with self.path.open("rb") as stream:
                for number, raw in enumerate(lines_of(stream), 1):
                    try:
                        if isinstance(raw, int) or not raw.isspace():
                            yield self.sendable.check(request_of(_decoded(raw)))
                    except UnusableError as exc:
                        yield Skipped(exc.cause, f"{self.path}:{number}", exc.what, exc.advice)
        except OSError as exc:
            raise CliError(f"{self.path}: it can't be read: {exc.strerror or exc}") from None


def _decoded(raw: Line) -> object:
    if isinstance(raw, int):
        raise UnusableError("too long", too_long(raw), "split the file, or its body")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        if not raw.endswith(b"\n"):
            raise UnusableError("torn", "the last line has no end", "write it again, or let it go") from None
        raise UnusableError("no JSON", "this is no JSON", "one object a line; see --help for what it has") from None
