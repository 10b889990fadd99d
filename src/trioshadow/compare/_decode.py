"""Bodies into values, each by its own content type.

Nothing here raises for what is in a body: what can't be decoded is `NotDecoded`, with the reason in words, and the
bodies are compared as they are. Decoders are called only for bodies that differ.
"""

from __future__ import annotations

import contextvars
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from trioshadow._model.checks import several

from ._forms.decoded import USUAL, Decoded, Form, Manner, as_bytes, guarded
from ._forms.of_json import read_json, read_json_seq, read_ndjson
from ._forms.of_msgpack import read_msgpack
from ._forms.of_text import form, text

#: From a body to a value, or from a body and its content type. What it raises means: this is no such body.
Decoder: TypeAlias = Callable[[bytes], Any] | Callable[[bytes, str], Any]

#: The same, called with both.
Reader: TypeAlias = Callable[[bytes, str], Any]


def media_type(content_type: str) -> tuple[str, str]:
    """`type/subtype`, lower-case, and the charset parameter, lower-case and perhaps empty (RFC 9110 §8.3.1).

    >>> media_type('Text/HTML; Charset="UTF-8"')
    ('text/html', 'utf-8')
    """
    essence, *parameters = content_type.lower().split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return essence.strip(), value.strip().strip('"')
    return essence.strip(), ""


def decode(body: bytes | str, content_type: str, own: Mapping[str, Reader], manner: Manner = USUAL) -> Decoded | None:
    """What the body says; None if nobody knows its content type. Raises NotDecoded."""
    media, charset = media_type(content_type)
    suffix = "+" + media.rpartition("+")[2]
    for name in (media, suffix):
        if name in own:
            around = _AROUND.set((own, manner))
            try:
                return Decoded(guarded(own[name], name, as_bytes(body), content_type), name)
            finally:
                _AROUND.reset(around)
    for name in (media, suffix):
        if name in _FORMS:
            return _FORMS[name](body, charset, manner)
    return text(body, charset, manner) if media.startswith("text/") else None


#: While a decoder of one's own is called: those that there are, and the manner. A decoder gets neither, and may hand a
#: part of its body to `decode_part`.
_AROUND: contextvars.ContextVar[tuple[Mapping[str, Reader], Manner] | None] = contextvars.ContextVar(
    "trioshadow_decoders", default=None
)


def decode_part(body: bytes, content_type: str, container: Reader) -> Decoded | None:
    """What a part of a body says, read as a body of its own would be; None if nobody knows its content type, or if it
    is the container's own decoder that does. Raises NotDecoded.
    """
    own, manner = _AROUND.get() or ({}, USUAL)
    media = media_type(content_type)[0]
    if any(own.get(name) is container for name in (media, "+" + media.rpartition("+")[2])):
        return None
    return decode(body, content_type, own, manner)


#: One document (RFC 8259), ...
_JSON = (
    *("application/json", "application/x-json", "text/json", "text/x-json", "+json"),
    "application/csp-report",  # CSP2 §4.4
)
#: ... one in each line, ...
_LINES = tuple(
    f"{kind}/{prefix}{name}"
    for kind in ("application", "text")
    for prefix in ("", "x-")
    for name in ("ndjson", "jsonl", "jsonlines", "json-lines", "ldjson")
)
#: ... and several, each behind a record separator (RFC 7464, RFC 8091).
_SEQUENCES = ("application/json-seq", "+json-seq")

_FORMS: dict[str, Form] = {
    **dict.fromkeys(_JSON, read_json),
    **dict.fromkeys((*_LINES, "application/stream+json", "+ndjson", "+x-ndjson", "+jsonl"), read_ndjson),
    **dict.fromkeys(_SEQUENCES, read_json_seq),
    "application/x-www-form-urlencoded": form,
    **dict.fromkeys(
        ("application/msgpack", "application/x-msgpack", "application/vnd.msgpack", "+msgpack"), read_msgpack
    ),
    **dict.fromkeys(
        ("application/xml", "+xml", "application/javascript", "application/yaml", "application/toml"), text
    ),
}

_MEDIA = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+|\+[a-z0-9!#$&^_.-]+")


def checked_decoders(decoders: Any) -> tuple[tuple[str, Decoder], ...]:
    """Pairs of media type and function, sorted, from a mapping or such pairs. Raises TypeError or ValueError."""
    pairs = (
        decoders.items()
        if isinstance(decoders, Mapping)
        else several("decoders", decoders, "functions by content type, as in {'+cbor': loads}")
    )
    checked: dict[str, Decoder] = {}
    for name, decoder in pairs:
        if not isinstance(name, str):
            raise TypeError(f"decoders: a content type must be a str, not {type(name).__name__}")
        if not _MEDIA.fullmatch(name.lower()):
            raise ValueError(f"decoders: a content type must be 'type/subtype' or '+suffix', not {name!r}")
        if not callable(decoder):
            raise TypeError(f"decoders: for {name!r} there must be a function, not {type(decoder).__name__}")
        if _arguments_of(decoder) is None:
            raise TypeError(f"decoders: the function for {name!r} must take the body, or the body and its content type")
        checked[name.lower()] = decoder
    return tuple(sorted(checked.items(), key=lambda pair: pair[0]))


def reader_of(decoder: Decoder) -> Reader:
    """The decoder as a function of both."""
    one: Any = decoder
    return one if _arguments_of(decoder) == 2 else lambda body, _: one(body)


def _arguments_of(decoder: Callable[..., Any]) -> int | None:
    """How many arguments a decoder gets, 1 or 2; None if it takes neither one nor two.

    A second one is passed only where it is asked for: `json.loads` and `bytes.decode` have more parameters than one.
    """
    try:
        parameters = inspect.signature(decoder).parameters.values()
    except (TypeError, ValueError):  # some functions in C have none
        return 1
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    needed = sum(each.default is each.empty for each in positional)
    if any(each.kind is each.KEYWORD_ONLY and each.default is each.empty for each in parameters) or needed > 2:
        return None
    if needed == 2 or (len(positional) > 1 and positional[1].name == "content_type"):
        return 2
    return 1 if positional or any(each.kind is each.VAR_POSITIONAL for each in parameters) else None
