"""What comes of reading a body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from trioshadow._model.errors import describe_error, passing_error


@attrs.frozen
class Manner:
    """What a configuration says of how bodies are read."""

    exact: bool = False
    """Are numbers of JSON with a fraction or an exponent Decimals?"""
    strict: bool = False
    """Is a name unlike itself if it is there twice with values that differ in type only, as 1 and 1.0?"""


#: As without any configuration.
USUAL = Manner()

#: Of a form: from a body, the charset that its content type states (perhaps ""), and the manner.
Form: TypeAlias = Callable[["bytes | str", str, Manner], "Decoded"]


class NotDecoded(ValueError):
    """A body could not be decoded; its text says why."""


@attrs.frozen
class Decoded:
    """What a body says."""

    value: object
    form: str
    """How it was read: `json`, `ndjson`, `json-seq`, `form`, `msgpack`, `text`, or the content type of a decoder of
    one's own."""
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
