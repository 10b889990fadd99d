"""JSON (RFC 8259), lines and sequences of it. NaN and Infinity, which Python and JavaScript write, are read."""

from __future__ import annotations

import decimal
import json
import math
import re
from typing import Any

from .decoded import USUAL, Decoded, Manner, NotDecoded, as_bytes, guarded
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


def read_json(body: bytes | str, charset: str = "", manner: Manner = USUAL) -> Decoded:
    """One document. Raises NotDecoded."""
    # json.loads() finds out UTF-16 and UTF-32, which are no longer JSON's, and lets lone surrogates in UTF-8 pass.
    text = as_text(body, charset, "json").removeprefix(_MARK)  # which is no part of it (RFC 8259 §8.1)
    # Without blanks, and what stands between the digits of a number.
    bare = (body if isinstance(body, bytes) and not charset else as_bytes(text)).translate(_DIGITS, b" \t\r\n+-.")
    settings = _settings(bare, manner)
    members = 0

    def count(made: dict[str, Any]) -> dict[str, Any]:  # for each object: a closure is the cheapest that can tell
        nonlocal members
        members += len(made)
        return made

    def loads(**hooks: Any) -> Any:
        return guarded(lambda: json.loads(text, **settings, **hooks), "json")

    value = loads(object_hook=count)
    # `":` is there once for each name, and may be in strings too: if it is there as often as there are members, no name
    # was there twice. Making each object of a list of pairs tells at once, and takes half as long again.
    if bare.count(b'":') == members:
        return Decoded(value, "json")
    objects = Objects(strict=manner.strict)
    return Decoded(loads(object_pairs_hook=objects.make), "json", objects.notes())


def read_ndjson(body: bytes | str, charset: str, manner: Manner) -> Decoded:
    """A document a line."""
    text = as_text(body, charset, "ndjson")
    return _documents("ndjson, line", text.removeprefix(_MARK), "\n", manner)


def read_json_seq(body: bytes | str, charset: str, manner: Manner) -> Decoded:
    """Documents, each behind a record separator (RFC 7464); the first may have none."""
    text = as_text(body, charset, "json-seq")
    return _documents("json-seq, record", text.removeprefix(_MARK), "\x1e", manner)


def _documents(what: str, text: str, separator: str, manner: Manner) -> Decoded:
    form = what.partition(",")[0]
    objects = Objects(strict=manner.strict)
    settings = _settings(as_bytes(text).translate(_DIGITS, b" \t\r+-."), manner)
    decoder = json.JSONDecoder(object_pairs_hook=objects.make, **settings)
    values: list[Any] = []
    for number, written in enumerate(text.split(separator), 1):
        if written and not written.isspace():
            values.append(guarded(decoder.decode, f"{what} {number}", written))
            if form == "json-seq" and type(values[-1]) not in (dict, list, str) and not written[-1].isspace():
                raise NotDecoded(f"it can't be read as {what} {number}: it may have been cut off")  # RFC 7464 §2.4
    return Decoded(values, form, objects.notes())


#: All digits as 0, and both marks of an exponent as e.
_DIGITS = bytes.maketrans(b"123456789E", b"000000000e")

#: What is no double has an exponent of three digits, or two hundred digits, whether it is too large or too small.
_LARGE = re.compile(rb"e000")  # `in` takes twenty times as long where there are many digits
_EXPONENT = re.compile(rb"0e0000*(?:[],}\n]|$)")
_LONG = b"0" * 200


def _settings(bare: bytes, manner: Manner) -> dict[str, Any]:
    """How numbers are read in a document of which this is left. A hook is called for each, so most documents get none:
    they have no number that could be no double.
    """
    if manner.exact:
        return {"parse_float": exact_number}
    if _LONG in bare or (_LARGE.search(bare) and _EXPONENT.search(_outside_strings(bare))):
        return {"parse_float": _number}
    return {}


def _outside_strings(bare: bytes) -> bytes:
    """What is not in quotes, if that is quickly told: in strings there are hashes and UUIDs, and in these much that
    looks like an exponent.
    """
    return bare if b"\\" in bare else b"".join(bare.split(b'"')[::2])


def _number(literal: str) -> float | decimal.Decimal:
    """A double; as it is written where that would be infinite, or 0 in place of a very small number."""
    number = float(literal)
    if number in (math.inf, -math.inf) or (not number and _NOT_ZERO.match(literal)):
        return exact_number(literal)
    return number


_NOT_ZERO = re.compile(r"[-0.]*[1-9]")

#: Digits of a number, and its exponent: what comes of a larger one may take a time and a space that grow with it,
#: wherever it is made an int.
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
