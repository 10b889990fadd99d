"""JSON (RFC 8259), and lines of it. NaN and Infinity, which Python and JavaScript write, are read."""

from __future__ import annotations

import decimal
import json
from typing import Any

from .decoded import Decoded, as_bytes, guarded
from .objects import Objects
from .of_text import as_text

_MARK = "\ufeff"


def looks_like_json(body: bytes | str) -> bool:
    """Does it begin and end like a JSON object or array?"""
    if isinstance(body, str):
        ends = body[:1000].removeprefix(_MARK).lstrip(" \t\r\n")[:1] + body[-1000:].rstrip(" \t\r\n")[-1:]
        return ends in ("{}", "[]")
    start = body[:1000].removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")[:1]
    return start + body[-1000:].rstrip(b" \t\r\n")[-1:] in (b"{}", b"[]")


def read_json(body: bytes | str, charset: str = "", exact: bool = False) -> Decoded:
    """One document. `exact`: numbers with a fraction or an exponent are Decimals. Raises NotDecoded."""
    # json.loads() finds out UTF-16 and UTF-32, which are no longer JSON's, and lets lone surrogates in UTF-8 pass.
    text = as_text(body, charset, "json").removeprefix(_MARK)  # which is no part of it (RFC 8259 §8.1)
    settings: dict[str, Any] = {"parse_float": exact_number} if exact else {}
    members = 0

    def count(made: dict[str, Any]) -> dict[str, Any]:  # for each object: a closure is the cheapest that can tell
        nonlocal members
        members += len(made)
        return made

    def loads(**hooks: Any) -> Any:
        return guarded(lambda: json.loads(text, **settings, **hooks), "json")

    value = loads(object_hook=count)
    # Without blanks `":` is there once for each name, and may be in strings too: if it is there as often as there are
    # members, no name was there twice. Making each object of a list of pairs tells at once, and takes half as long
    # again.
    written = body if isinstance(body, bytes) and not charset else as_bytes(text)
    if written.translate(None, b" \t\r\n").count(b'":') == members:
        return Decoded(value, "json")
    objects = Objects()
    return Decoded(loads(object_pairs_hook=objects.make), "json", objects.notes())


def read_ndjson(body: bytes | str, charset: str, exact: bool) -> Decoded:
    """A document a line."""
    text = as_text(body, charset, "ndjson").removeprefix(_MARK)
    objects = Objects()
    settings: dict[str, Any] = {"parse_float": exact_number} if exact else {}
    decoder = json.JSONDecoder(object_pairs_hook=objects.make, **settings)
    lines = ((number, line) for number, line in enumerate(text.split("\n"), 1) if line and not line.isspace())
    values = [guarded(decoder.decode, f"ndjson, line {number}", line) for number, line in lines]
    return Decoded(values, "ndjson", objects.notes())


#: Digits of a number, and its exponent: what comes of a larger one may take a time and a space that grow with it,
#: wherever it is made an int. Tolerance takes no larger ones either.
_LARGEST = 10_000


def exact_number(literal: str) -> decimal.Decimal:
    """A number as it is written, without a double's rounding. Raises ValueError for one that is too large."""
    try:
        number = decimal.Decimal(literal) if len(literal) <= _LARGEST else decimal.Decimal("NaN")
    except decimal.InvalidOperation:  # an exponent of 20 digits
        number = decimal.Decimal("NaN")
    if not number:
        return decimal.Decimal(0)  # also 0e999999999
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST:
        raise ValueError(f"{literal[:40]} has more than {_LARGEST:,} digits, or such an exponent")
    return number
