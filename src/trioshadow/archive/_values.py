"""Values as strict JSON, for changes and for what was captured, and back again. Pure.

Of a change only what `explain()` says matters: what JSON has no notation for is written as the text that stands for it
there, and read as an `Excerpt`. What was captured is read as what it was.
"""

from __future__ import annotations

import base64
import math
from typing import Any

from trioshadow.compare import Excerpt, class_name, written


def plain_text(text: str) -> str:
    r"""A text that UTF-8 can encode: lone surrogates are written as `explain()` shows them, `\ud800`."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def encode_value(value: Any) -> Any:
    """A value of a `Change`, as JSON has it."""
    kind = type(value)
    if value is None or kind is bool or (kind is int and -(2**63) <= value < 2**63):
        return value
    if kind is float and math.isfinite(value):
        return value
    if kind is str:
        return value if _is_utf8(value) else {"base64": _base64(value), "type": "str"}
    if kind is bytes:
        return {"base64": _base64(value), "type": "bytes"}
    if kind is not Excerpt:
        size = len(value) if kind in (list, tuple, dict, set, frozenset) else None
        value = Excerpt(written(value), class_name(value), size)
    coded = {"text": value.text} if _is_utf8(value.text) else {"base64": _base64(value.text)}
    return {**coded, "type": plain_text(value.type_name), "size": value.size, "start": value.start}


def decode_value(
    *, text: str | None = None, base64_text: str = "", type_name: str, size: int | None = None, start: int | None = None
) -> Any:
    """What `encode_value` wrote as an object."""
    raw = base64.b64decode(base64_text)
    if type_name == "bytes" and start is None:
        return raw
    if text is None:
        text = raw.decode("utf-8", "surrogatepass")
    return text if start is None else Excerpt(text, type_name, size, start)


def encode_plain(value: Any) -> Any:
    """What was captured, as JSON has it; where it has no notation, an object of one member that begins with `$`."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else {"$float": repr(value)}
        case str():
            return value if _is_utf8(value) else {"$str": _base64(value)}
        case bytes():
            return {"$bytes": _base64(value)}
        case list() | tuple():
            return [encode_plain(element) for element in value]
        case dict():
            return {_escaped(str(name)): encode_plain(member) for name, member in value.items()}
        case _:
            return plain_text(written(value))


def decode_plain(value: Any) -> Any:
    """What `encode_plain` wrote. ValueError or TypeError if it can't have."""
    if isinstance(value, list):
        return [decode_plain(element) for element in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"$float": number}:
            return float(number)
        case {"$str": text}:
            return base64.b64decode(text).decode("utf-8", "surrogatepass")
        case {"$bytes": raw}:
            return base64.b64decode(raw)
        case _:
            return {name.removeprefix("$"): decode_plain(member) for name, member in value.items()}


def _escaped(name: str) -> str:
    return plain_text("$" + name if name.startswith("$") else name)


def _is_utf8(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _base64(value: str | bytes) -> str:
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return base64.b64encode(raw).decode("ascii")
