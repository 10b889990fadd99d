"""The lines of an archive as they are read, for msgspec, which decodes and checks them in one step. `_lines.py` writes
them.

The structures here are the wire's, and become the library's own by `made()`: so that a field which is renamed in the
library does not make old archives unreadable. msgspec is an extra: import this file only where it is needed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trioshadow._model.verdict import FailureKind, ShadowFailure, Verdict
from trioshadow._settings.records import Captured, DivergenceRecord
from trioshadow.compare import BodyDiff, Change, ChangeKind, Divergence, ErrorDiff, HeaderChange, HeaderDiff

from ._values import decode_plain, decode_value

# gc=False: a decoded line holds no cycle, and the collector need not look at it.


class ValueObject(msgspec.Struct, gc=False):
    """A value that JSON has no notation for, or a part of one."""

    type: str
    text: str | None = None
    base64: str = ""
    size: int | None = None
    start: int | None = None

    def made(self) -> Any:
        return decode_value(
            text=self.text, base64_text=self.base64, type_name=self.type, size=self.size, start=self.start
        )


Value = bool | int | float | str | ValueObject | None


class ChangeObject(msgspec.Struct, gc=False):
    """One change."""

    path: str
    kind: ChangeKind
    primary: Value = None
    shadow: Value = None

    def made(self) -> Change:
        primary, shadow = self.primary, self.shadow
        if type(primary) is ValueObject:
            primary = primary.made()
        if type(shadow) is ValueObject:
            shadow = shadow.made()
        return Change(self.path, self.kind, primary, shadow)


class BodyObject(msgspec.Struct, gc=False):
    """How two bodies differ."""

    primary_len: int | None = None
    shadow_len: int | None = None
    prefix_equal_bytes: int | None = None
    changes: tuple[ChangeObject, ...] = ()
    change_count: int = 0
    forms: tuple[str, str] = ("bytes", "bytes")
    notes: tuple[str, ...] = ()
    excerpts: tuple[bytes, bytes] | None = None

    def made(self) -> BodyDiff:
        return BodyDiff(
            self.primary_len,
            self.shadow_len,
            self.prefix_equal_bytes,
            tuple([change.made() for change in self.changes]),
            self.change_count,
            self.forms,
            self.notes,
            self.excerpts,
        )


class HeaderObject(msgspec.Struct, gc=False):
    """The values of one header."""

    name: str
    primary: tuple[str, ...] = ()
    shadow: tuple[str, ...] = ()
    cookie: str | None = None


class HeadersObject(msgspec.Struct, gc=False):
    """The headers that differ."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    changes: tuple[HeaderObject, ...] = ()

    def made(self) -> HeaderDiff:
        changes = tuple([HeaderChange(one.name, one.primary, one.shadow, one.cookie) for one in self.changes])
        return HeaderDiff(self.added, self.removed, self.changed, changes)


class ErrorObject(msgspec.Struct, gc=False):
    """What was raised."""

    primary: str
    shadow: str | None = None
    primary_message: str = ""
    shadow_message: str = ""
    changes: tuple[ChangeObject, ...] = ()
    change_count: int = 0
    notes: tuple[str, ...] = ()

    def made(self) -> ErrorDiff:
        return ErrorDiff(
            self.primary,
            self.shadow,
            self.primary_message,
            self.shadow_message,
            tuple([change.made() for change in self.changes]),
            self.change_count,
            self.notes,
        )


class DivergenceObject(msgspec.Struct, gc=False):
    """How two answers differ."""

    status: tuple[int, int] | None = None
    headers: HeadersObject | None = None
    body: BodyObject | None = None
    error: ErrorObject | None = None

    def made(self) -> Divergence:
        headers, body, error = self.headers, self.body, self.error
        return Divergence(
            self.status,
            None if headers is None else headers.made(),
            None if body is None else body.made(),
            None if error is None else error.made(),
        )


class FailureObject(msgspec.Struct, gc=False):
    """Why there was nothing to compare."""

    kind: FailureKind
    type_name: str
    message: str


class CapturedObject(msgspec.Struct, gc=False):
    """What was sent and answered."""

    request: Any = None
    primary: Any = None
    shadow: Any = None

    def made(self) -> Captured:
        return Captured(decode_plain(self.request), decode_plain(self.primary), decode_plain(self.shadow))


class RecordLine(msgspec.Struct, tag_field="t", tag="record", gc=False):
    """A record."""

    v: int
    verdict: Verdict
    key: bytes = b""
    operation: str = ""
    at: float = 0.0
    epoch: str = ""
    divergence: DivergenceObject | None = None
    failure: FailureObject | None = None
    primary_seconds: float | None = None
    shadow_seconds: float | None = None
    captured: CapturedObject | None = None
    withheld: tuple[str, ...] = ()
    context: dict[str, str] | None = None

    def made(self) -> DivergenceRecord:
        divergence, failure, captured = self.divergence, self.failure, self.captured
        return DivergenceRecord(
            self.key,
            self.operation,
            self.verdict,
            None if divergence is None else divergence.made(),
            None if failure is None else ShadowFailure(failure.kind, failure.type_name, failure.message),
            self.at,
            self.primary_seconds,
            self.shadow_seconds,
            self.epoch,
            None if captured is None else captured.made(),
            self.withheld,
            () if self.context is None else tuple(self.context.items()),
        )


class SnapshotLine(msgspec.Struct, tag_field="t", tag="snapshot", gc=False):
    """A snapshot of evidence, cumulative."""

    v: int
    at: float
    evidence: dict[str, Any]


class OpenLine(msgspec.Struct, tag_field="t", tag="open", gc=False):
    """The first line of each segment."""

    v: int
    library: str
    run: str
    segment: int
    epoch: str
    at: float
    deleted: int = 0


class CloseLine(msgspec.Struct, tag_field="t", tag="close", gc=False):
    """The last line of a segment that was closed."""

    v: int
    at: float
    records: int = 0
    snapshots: int = 0


class AnyLine(msgspec.Struct, gc=False):
    """What all lines have, also those of a newer format."""

    t: str
    v: int


Line = OpenLine | RecordLine | SnapshotLine | CloseLine

decode_line = msgspec.json.Decoder(Line).decode
decode_any_line = msgspec.json.Decoder(AnyLine).decode
#: What is raised for a line that is none of ours; msgspec's own errors are ValueErrors from 0.21 on.
ERRORS = (msgspec.DecodeError, ValueError, TypeError, RecursionError)
