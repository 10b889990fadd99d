"""What headers say that have a grammar of their own for policies: CSP, structured fields, JSON. Readers as those of
`_header_readers.py` are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from typing import Any

from ._header_grammar import BLANKS, MalformedError, elements, lower, pieces

# ── Content-Security-Policy ──────────────────────────────────────────────────────────────────────────────────────────

_WORD = re.compile(r"[^ \t\n\f\r]+")
#: Directives with a list of sources (CSP3 §6.1, §6.3, §6.4).
_OF_SOURCES = re.compile("[a-z]+-src(?:-elem|-attr)?|base-uri|form-action|frame-ancestors")


def policies(lines: list[str]) -> Hashable:
    """Each holds on its own (CSP3 §8.1), and in it a list of sources is a set."""
    return frozenset(_policy(policy) for line in lines for policy in line.split(",") if policy.strip(BLANKS))


def _policy(policy: str) -> Hashable:
    found: dict[str, Hashable] = {}
    for directive in policy.split(";"):
        if words := _WORD.findall(directive):
            # The first of one name counts (CSP3 §2.2.1).
            name = lower(words[0])
            found.setdefault(name, frozenset(map(_source if _OF_SOURCES.fullmatch(name) else _keyword, words[1:])))
    return frozenset(found.items())


def _keyword(word: str) -> str:
    """Keywords are in any case; nonces and hashes are not."""
    keyword = lower(word)
    return keyword if keyword[:1] == "'" and not keyword.startswith(("'nonce-", "'sha")) else word


#: Scheme, host and port of a source, which are in any case (CSP3 §6.7.2.7 and after); a path is not.
_ORIGIN = re.compile("(?:[^/:]*://)?[^/?#]*")


def _source(word: str) -> str:
    if word.startswith("'"):
        return _keyword(word)
    return _ORIGIN.sub(lambda origin: lower(origin[0]), word, count=1)


# ── structured fields (RFC 9651): a text and a token are not the same, and names are in lower case ───────────────────


def structured_list(lines: list[str]) -> Hashable:
    """A list of RFC 9651 §3.1."""
    return tuple(map(_member, elements(lines)))


def dictionary(lines: list[str]) -> Hashable:
    """A dictionary of RFC 9651 §3.2, of which the last one of a name counts."""
    return frozenset(
        {element.partition("=")[0].partition(";")[0]: _member(element) for element in elements(lines)}.items()
    )


def _member(element: str) -> Hashable:
    if "(" in element:  # has parts that have parameters of their own
        return element
    head, *rest = (piece.strip(BLANKS).removesuffix("=?1") for piece in pieces(element, ";"))
    return head, frozenset({piece.partition("=")[0]: piece for piece in rest}.items())  # the last one of a name


#: A text without blanks, or a token, in a list of a dictionary.
_INNER = re.compile(r'"[^"\\]*"|[^"\\();\t]+')


def dictionary_of_sets(lines: list[str]) -> Hashable:
    """A dictionary whose values are sets in parentheses. For Permissions-Policy one token is a set of its own, and one
    with `*` in it is of all (§9.2).
    """
    found: dict[str, Hashable] = {}
    for element in elements(lines):
        name, _, value = element.partition("=")
        found[name.partition(";")[0]] = (";" not in name and _set(value)) or _member(element)
    return frozenset(found.items())


def _set(value: str) -> Hashable:
    if value in ("*", "self"):
        value = f"({value})"
    if not (value.startswith("(") and value.endswith(")")):
        return None
    inner = frozenset(filter(None, value[1:-1].split(" ")))
    if not all(map(_INNER.fullmatch, inner)):
        return None
    return "()", frozenset("*") if "*" in inner else inner


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def json_values(lines: list[str]) -> Hashable:
    """Values of JSON between commas, in order; the members of an object have none."""
    try:
        return tuple(_frozen(value) for line in lines for value in json.loads(f"[{line}]", **_JSON))
    except (ValueError, RecursionError):
        raise MalformedError from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):  # which one of a name counts?
        raise MalformedError
    return members


def _no_number(name: str) -> Any:
    raise MalformedError(name)


#: Numbers as they are written: none is rounded, and none takes long.
_JSON: dict[str, Any] = {
    "object_pairs_hook": _object,
    "parse_float": str.encode,
    "parse_int": str.encode,
    "parse_constant": _no_number,
}


def _frozen(value: Any) -> Hashable:
    if isinstance(value, dict):
        return "{}", frozenset((name, _frozen(member)) for name, member in value.items())
    if isinstance(value, list):
        return "[]", tuple(map(_frozen, value))
    return type(value), value
