"""What comes of reading a body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from trioshadow._model.errors import describe_error, passing_error

#: Of a form: from a body, the charset that its content type states (perhaps ""), and whether JSON's numbers are read
#: exactly.
Form: TypeAlias = Callable[["bytes | str", str, bool], "Decoded"]


class NotDecoded(ValueError):
    """A body could not be decoded; its text says why."""


@attrs.frozen
class Decoded:
    """What a body says."""

    value: object
    form: str
    """How it was read: `json`, `ndjson`, `form`, `msgpack`, `text`, or the content type of a decoder of one's own."""
    notes: tuple[str, ...] = ()
    """What was lost on the way, or is there in an odd way."""


def guarded(decoder: Callable[..., Any], name: str, *arguments: object) -> Any:
    """What the decoder gives; what it raises is NotDecoded: not by this name."""
    try:
        return decoder(*arguments)
    except NotDecoded:
        raise
    except RecursionError:
        raise NotDecoded(f"it is nested too deep to be read as {name}") from None
    except BaseException as exc:
        if passing_error(exc) is not None:
            raise
        error = ": ".join(filter(None, describe_error(exc)))
        raise NotDecoded(f"it can't be read as {name}: {error}") from None


def as_bytes(body: bytes | str) -> bytes:
    """A text in UTF-8; half a surrogate pair, which UTF-8 has no place for, as three bytes."""
    return body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
