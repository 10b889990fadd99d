"""What of an archive could not be read: as data, since one torn line must not hide a million whole ones. Pure."""

from __future__ import annotations

import enum

import attrs


class ProblemKind(enum.StrEnum):
    """What is wrong, and what to do."""

    MISSING = "missing"
    """There is no such file, and no segment of it. Check the path."""
    UNREADABLE = "unreadable"
    """The operating system refuses. Check owner and mode: archives are for their owner's eyes only."""
    EMPTY = "empty"
    """The file has no line: its process was killed, or the disk was full, right when it was made. It may be removed."""
    FOREIGN = "foreign"
    """No line of an archive: it comes from elsewhere, or was edited. Pass only files that a `JsonlSink` wrote."""
    TORN = "torn"
    """The last line has no end: its process was killed in the middle of it, or is writing it just now. Nothing to be
    done; what is lost is that line."""
    TOO_LONG = "too long"
    """A line of more than 64 MiB, which is more than a `JsonlSink` writes. It is skipped, in constant memory."""
    CORRUPT = "corrupt"
    """The compressed data ends early or is damaged: a copy that was cut off. Copy it again."""
    NEWER = "newer"
    """Written by a newer version of the library. Upgrade the one that reads."""
    OUTDATED = "outdated"
    """Evidence that an older version of the library counted, in another way. What it counted can't be judged any more;
    the records beside it can be read and replayed."""
    DUPLICATE = "duplicate"
    """A copy of a segment that was read already. Nothing to be done: it is not counted twice."""


_ADVICE = {
    ProblemKind.MISSING: "check the path",
    ProblemKind.UNREADABLE: "check its owner and mode",
    ProblemKind.EMPTY: "it may be removed",
    ProblemKind.FOREIGN: "pass only files that a JsonlSink wrote",
    ProblemKind.TORN: "nothing to be done: what is lost is this line",
    ProblemKind.TOO_LONG: "it is skipped: pass only files that a JsonlSink wrote",
    ProblemKind.CORRUPT: "copy it again",
    ProblemKind.NEWER: "upgrade trioshadow",
    ProblemKind.OUTDATED: "its records can be replayed; count anew",
    ProblemKind.DUPLICATE: "nothing to be done: it is not counted twice",
}


@attrs.frozen
class Problem:
    """Something that could not be read.

    >>> print(Problem(ProblemKind.TORN, "shadow.jsonl", 7, "the last line has no end"))
    shadow.jsonl:7: the last line has no end (nothing to be done: what is lost is this line)
    """

    kind: ProblemKind
    file: str
    line: int | None
    """From 1; None: it is about the file."""
    what: str
    """In words, without anything of what the line holds."""

    @property
    def advice(self) -> str:
        """What to do."""
        return _ADVICE[self.kind]

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.what} ({self.advice})"
