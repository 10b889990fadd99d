"""Bodies of bytes into values, each by its own content type.

Nothing here raises for what is in a body: what can't be decoded is `NotDecoded`, with the reason in words, and the
bodies are compared as bytes. Decoders are called only for bodies that differ as bytes.
"""

from __future__ import annotations

import codecs
import importlib
import json
import re
import urllib.parse
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from trioshadow._model.checks import several
from trioshadow._model.errors import describe_error, passing_error

from ._write import written

#: From a body to a value. What it raises means: this is no such body.
Decoder: TypeAlias = Callable[[bytes], Any]


class NotDecoded(Exception):
    """A body could not be decoded; its text says why."""


@attrs.frozen
class Decoded:
    """What a body says."""

    value: object
    form: str
    """How it was read: `json`, `ndjson`, `form`, `msgpack`, `text`, or the content type of a decoder of one's own."""
    note: str = ""
    """What was lost on the way."""


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


def decode(body: bytes, content_type: str, own: Mapping[str, Decoder]) -> Decoded | None:
    """What the body says; None if nobody knows its content type. Raises NotDecoded."""
    media, charset = media_type(content_type)
    suffix = "+" + media.rpartition("+")[2]
    for name in (media, suffix):
        if name in own:
            return Decoded(_guarded(own[name], body, name), name)
    for name in (media, suffix):
        if name in _FORMS:
            return _FORMS[name](body, charset)
    if media.startswith("text/"):
        return _text(body, charset)
    return None


def looks_like_json(body: bytes) -> bool:
    """Does it begin and end like a JSON object or array?"""
    ends = body[:1000].lstrip()[:1] + body[-1000:].rstrip()[-1:]
    return ends in (b"{}", b"[]")


def _guarded(decoder: Decoder, body: bytes, name: str) -> Any:
    try:
        return decoder(body)
    except RecursionError:
        raise NotDecoded(f"it is nested too deep to be read as {name}") from None
    except BaseException as exc:
        if passing_error(exc) is not None:
            raise
        error = ": ".join(filter(None, describe_error(exc)))
        raise NotDecoded(f"it can't be read as {name}: {error}") from None


def _as_text(body: bytes, charset: str, form: str) -> str:
    try:
        # Python keeps what it was asked for, for ever: nothing that is no name of a charset (RFC 2978 §2.3).
        codec = codecs.lookup(charset or "utf-8-sig").name if len(charset) <= _CHARSET else "undefined"
    except (LookupError, ValueError):
        codec = "undefined"
    if codec in _NO_CHARSETS:
        raise NotDecoded(f"there is no charset {charset[:_CHARSET]!r}")
    if codec == "utf-8":
        codec = "utf-8-sig"  # a byte order mark is no part of the text
    return str(_guarded(lambda body: body.decode(codec), body, f"{form} ({charset or 'utf-8'})"))


_CHARSET = 40

#: Codecs of Python that no HTTP message means, and some of which take a time that grows with the square.
_NO_CHARSETS = frozenset(
    (
        *("idna", "punycode", "raw_unicode_escape", "raw-unicode-escape", "undefined"),
        *("unicode_escape", "unicode-escape", "mbcs", "oem"),
    )
)


def _text(body: bytes, charset: str) -> Decoded:
    return Decoded(_as_text(body, charset, "text"), "text")


def _objects() -> tuple[Callable[[list[tuple[str, Any]]], dict[str, Any]], list[str]]:
    """A function that makes the objects of a document, and a list that will tell of a name that is there twice."""
    notes: list[str] = []

    def make(
        pairs: list[tuple[str, Any]],
    ) -> dict[str, Any]:  # for each object: a closure is the cheapest that can tell
        made = dict(pairs)
        if len(made) != len(pairs) and not notes:
            counts = Counter(name for name, _ in pairs)
            twice = next(name for name, times in counts.items() if times > 1)
            notes.append(f"the name {written(twice)} is there twice in an object: the last one counts")
        return made

    return make, notes


def decode_json(body: bytes, charset: str = "") -> Decoded:
    """As JSON (RFC 8259), or raise NotDecoded. NaN and Infinity, which Python and JavaScript write, are read."""
    # json.loads() finds out UTF-16 and UTF-32, which are no longer JSON's, and lets lone surrogates in UTF-8 pass.
    text = _as_text(body, charset, "json")
    objects, notes = _objects()
    members = 0

    def count(made: dict[str, Any]) -> dict[str, Any]:
        nonlocal members
        members += len(made)
        return made

    value = _guarded(lambda _: json.loads(text, object_hook=count), body, "json")
    # Without blanks `":` is there once for each name, and may be in strings too: if it is there as often as there are
    # members, no name was there twice. Making each object of a list of pairs tells at once, and takes half as long
    # again.
    if charset or body.translate(None, b" \t\r\n").count(b'":') != members:
        value = _guarded(lambda _: json.loads(text, object_pairs_hook=objects), body, "json")
    return Decoded(value, "json", "".join(notes))


def _ndjson(body: bytes, charset: str) -> Decoded:
    text = _as_text(body, charset, "ndjson")
    objects, notes = _objects()
    decoder = json.JSONDecoder(object_pairs_hook=objects)
    values: list[Any] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line and not line.isspace():
            values.append(_guarded(lambda _, line=line: decoder.decode(line), b"", f"ndjson, line {number}"))  # type: ignore[misc]
    return Decoded(values, "ndjson", "".join(notes))


def _form(body: bytes, charset: str) -> Decoded:
    text = _as_text(body, charset, "form").strip()
    fields: dict[str, list[str]] = {}
    # surrogateescape keeps apart what is not UTF-8, where 'replace' would make it all the same.
    for name, value in urllib.parse.parse_qsl(text, keep_blank_values=True, errors="surrogateescape"):
        fields.setdefault(name, []).append(value)
    return Decoded(fields, "form")


def _msgpack(body: bytes, _: str) -> Decoded:
    try:
        msgpack: Any = importlib.import_module("msgpack")
    except ImportError:
        raise NotDecoded("MessagePack needs an extra: pip install 'trioshadow[msgpack]'") from None
    objects, notes = _objects()

    def unpack(body: bytes) -> Any:
        return msgpack.unpackb(body, timestamp=3, strict_map_key=False, object_pairs_hook=objects)

    value = _guarded(unpack, body, "msgpack")
    return Decoded(value, "msgpack", "".join(notes))


_FORMS: dict[str, Callable[[bytes, str], Decoded]] = {
    **dict.fromkeys(("application/json", "+json", "text/json", "text/x-json"), decode_json),
    **dict.fromkeys(
        ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"), _ndjson
    ),
    "application/x-www-form-urlencoded": _form,
    **dict.fromkeys(("application/msgpack", "application/x-msgpack", "application/vnd.msgpack", "+msgpack"), _msgpack),
    **dict.fromkeys(
        ("application/xml", "+xml", "application/javascript", "application/yaml", "application/toml"), _text
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
        checked[name.lower()] = decoder
    return tuple(sorted(checked.items(), key=lambda pair: pair[0]))
