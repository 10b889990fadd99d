"""Text, by its charset, and the fields of an HTML form."""

from __future__ import annotations

import codecs
import urllib.parse

from .decoded import Decoded, Manner, NotDecoded, guarded


def as_text(body: bytes | str, charset: str, form: str) -> str:
    """A byte order mark in UTF-8 is left in its place: whether it is a part of the text depends on the form."""
    if isinstance(body, str):
        return body
    return str(guarded(bytes.decode, f"{form} ({charset or 'utf-8'})", body, codec_of(charset)))


def codec_of(charset: str) -> str:
    """The name of Python's codec; of UTF-8 for none. Raises NotDecoded."""
    try:
        # Python keeps what it was asked for, for ever: nothing that is no name of a charset (RFC 2978 §2.3).
        codec = codecs.lookup(charset or "utf-8").name if len(charset) <= _CHARSET else "undefined"
    except (LookupError, ValueError):
        codec = "undefined"
    if codec in _NO_CHARSETS:
        raise NotDecoded(f"there is no charset {charset[:_CHARSET]!r}")
    return codec


_CHARSET = 40

#: Codecs of Python that no HTTP message means, and some of which take a time that grows with the square.
_NO_CHARSETS = frozenset(
    (
        *("idna", "punycode", "raw_unicode_escape", "raw-unicode-escape", "undefined"),
        *("unicode_escape", "unicode-escape", "mbcs", "oem"),
    )
)


def text(body: bytes | str, charset: str, _: Manner) -> Decoded:
    """As it stands, with the mark in front if it has one: a spreadsheet reads the file otherwise without."""
    return Decoded(as_text(body, charset, "text"), "text")


def form(body: bytes | str, charset: str, _: Manner) -> Decoded:
    """Fields in lists, by name, as in the URL standard (§5.1): `a` is `a=`, and between two `&` there is nothing."""
    fields: dict[str, list[str]] = {}
    # surrogateescape keeps apart what is not UTF-8, where 'replace' would make it all the same.
    found = urllib.parse.parse_qsl(as_text(body, charset, "form"), keep_blank_values=True, errors="surrogateescape")
    for name, value in found:
        fields.setdefault(name, []).append(value)
    return Decoded(fields, "form")
