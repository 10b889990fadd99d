"""What a record keeps of a request and of answers, where that is asked for: plain values, cut. Pure."""

from __future__ import annotations

import json
from typing import Any

import attrs

from trioshadow._model.checks import is_bool, is_count
from trioshadow._model.errors import passing_error
from trioshadow._model.fixing import Deferred
from trioshadow._model.kinds import is_a
from trioshadow._model.packing import Packed
from trioshadow._model.record import ResponseRecord
from trioshadow.compare import written

#: Of a message so many headers are kept.
_HEADERS = 100
#: URLs are cut to so many characters, whatever is asked for: servers take no longer ones, and a
#: shorter one would be another.
_URL = 65_536


@attrs.frozen(kw_only=True)
class Capture:
    """What records of divergences and failures keep of their calls, for `ShadowConfig(capture=...)`.

    It may be personal data or secrets, so it is off unless asked for. `trioshadow.archive.Redaction` masks what must
    not be written.
    """

    request: bool = attrs.field(default=True, validator=is_bool)
    """Keep the request?"""
    answers: bool = attrs.field(default=True, validator=is_bool)
    """Keep both answers?"""
    max_bytes: int = attrs.field(default=4_096, validator=is_count)
    """Bodies, texts and the values of headers are cut to so many bytes or characters, in [1, inf). Of headers there are
    at most 100, and URLs are cut to 65,536 characters."""


def captured(value: object, limit: int) -> Any:
    """A value as `Captured` keeps it. Raises nothing but what must pass."""
    try:
        while isinstance(value, Packed | Deferred):
            value = value.load()
        return _plain(value, limit)
    except BaseException as exc:  # the value's own code
        if passing_error(exc) is not None:
            raise
        return written(value)


def _plain(value: Any, limit: int) -> Any:
    parts = getattr(type(value), "__trioshadow_captured__", None)
    if parts is not None:
        return _message(parts(value), value.body, limit)
    if is_a(value, ResponseRecord):
        return _message({"status": value.status, "headers": value.headers}, value.body, limit)
    if type(value) in (bytes, str):
        return value[:limit]
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)[:limit]
    return json.dumps(value, ensure_ascii=False, default=written)[:limit]


def _message(parts: dict[str, Any], body: object, limit: int) -> dict[str, Any]:
    """The parts of a message of HTTP, with all that has no bound of its own cut."""
    parts = {name: part[:_URL] if isinstance(part, str) else part for name, part in parts.items()}
    headers = [[name[:limit], value[:limit]] for name, value in parts["headers"][:_HEADERS]]
    size = len(body) if isinstance(body, bytes | str) else 0
    cut = {"cut": size} if size > limit else {}
    return {**parts, "headers": headers, "body": _plain(body, limit), **cut}
