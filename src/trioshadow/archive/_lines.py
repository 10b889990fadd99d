r"""The lines of an archive, as they are written: strict JSON in UTF-8, one object a line, `"t"` first. Pure.

`_schema.py` is the other half: the same lines as they are read. What a line of an older library had must be read for
ever; what a newer one adds is skipped. A change that an older reader would misread gets another `VERSION`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trioshadow._model.verdict import ShadowFailure
from trioshadow._settings.fingerprint import epoch_id
from trioshadow._settings.records import Captured, DivergenceRecord
from trioshadow.compare import BodyDiff, Change, Divergence, ErrorDiff, HeaderChange, HeaderDiff

from ._values import encode_plain, encode_value, plain_text

#: Of the format.
VERSION = 1

#: `json.dumps()` makes an encoder each time, which takes 2 µs.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def line(sort: str, **members: Any) -> bytes:
    """One line. ValueError or TypeError for what is no JSON."""
    return _line({"t": sort, "v": VERSION, **members})


def record_line(record: DivergenceRecord) -> bytes:
    """A record as a line."""
    told = {
        "t": "record",
        "v": VERSION,
        "epoch": plain_text(record.epoch),
        "key": encode_value(record.key)["base64"],
        "operation": plain_text(record.operation),
        "verdict": record.verdict.value,
        "divergence": record.divergence and _divergence(record.divergence),
        "failure": record.failure and _failure(record.failure),
        "at": record.at,
        "primary_seconds": record.primary_seconds,
        "shadow_seconds": record.shadow_seconds,
        "captured": record.captured and _captured(record.captured),
        "withheld": [*map(plain_text, record.withheld)] or None,
        "context": {plain_text(name): plain_text(value) for name, value in record.context} or None,
    }
    return _line({k: v for k, v in told.items() if v is not None})


def snapshot_line(snapshot: Mapping[str, Any], at: float) -> bytes:
    """A snapshot as a line."""
    return line("snapshot", at=at, evidence=encode_plain(snapshot))


def epoch_of(snapshot: Mapping[str, Any]) -> str:
    """The epoch of a snapshot as records have it: `ShadowConfig.epoch_id`."""
    epoch: Mapping[str, str] = snapshot["epoch"]
    return epoch_id(epoch["candidate"], epoch["rules"])


def _line(members: dict[str, Any]) -> bytes:
    return _encode(members).encode() + b"\n"


def _failure(failure: ShadowFailure) -> dict[str, Any]:
    return {
        "kind": failure.kind.value,
        "type_name": plain_text(failure.type_name),
        "message": plain_text(failure.message),
    }


def _divergence(divergence: Divergence) -> dict[str, Any]:
    told = {
        "status": divergence.status,
        "headers": divergence.headers and _headers(divergence.headers),
        "body": divergence.body and _body(divergence.body),
        "error": divergence.error and _error(divergence.error),
    }
    return {name: part for name, part in told.items() if part is not None}


def _headers(diff: HeaderDiff) -> dict[str, Any]:
    names = {name: [*map(plain_text, getattr(diff, name))] for name in ("added", "removed", "changed")}
    return {**names, "changes": [*map(_header, diff.changes)]}


def _header(change: HeaderChange) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": plain_text(change.name),
        "primary": [*map(plain_text, change.primary)],
        "shadow": [*map(plain_text, change.shadow)],
    }
    return told if change.cookie is None else {**told, "cookie": plain_text(change.cookie)}


def _body(body: BodyDiff) -> dict[str, Any]:
    told: dict[str, Any] = {
        "primary_len": body.primary_len,
        "shadow_len": body.shadow_len,
        "prefix_equal_bytes": body.prefix_equal_bytes,
        "changes": [*map(_change, body.changes)],
        "change_count": body.change_count,
        "forms": [*map(plain_text, body.forms)],
        "notes": [*map(plain_text, body.notes)],
    }
    if body.excerpts is not None:
        told["excerpts"] = [encode_value(part)["base64"] for part in body.excerpts]
    return told


def _change(change: Change) -> dict[str, Any]:
    return {
        "path": plain_text(change.path),
        "kind": change.kind.value,
        "primary": encode_value(change.primary),
        "shadow": encode_value(change.shadow),
    }


def _error(error: ErrorDiff) -> dict[str, Any]:
    told: dict[str, Any] = {
        "primary": plain_text(error.primary),
        "shadow": None if error.shadow is None else plain_text(error.shadow),
        "primary_message": plain_text(error.primary_message),
        "shadow_message": plain_text(error.shadow_message),
    }
    if error.changes:
        told |= {"changes": [*map(_change, error.changes)], "change_count": error.change_count}
    if error.notes:
        told["notes"] = [*map(plain_text, error.notes)]
    return told


def _captured(captured: Captured) -> dict[str, Any]:
    return {name: encode_plain(getattr(captured, name)) for name in ("request", "primary", "shadow")}
