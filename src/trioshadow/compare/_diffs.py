"""What differs, part by part: the headers, the body, the error, and each place in a body. Frozen data, with what of the
answers is kept: enough to read, never more than a little.
"""

from __future__ import annotations

import enum
from typing import Any

import attrs

from ._headers import HeaderChange


class ChangeKind(enum.StrEnum):
    """How the two sides differ at a path: see `Change.kind`."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    TYPE = "type"


@attrs.frozen
class Change:
    """What differs at one place."""

    path: str
    """A normalized path (RFC 9535 §2.7): `$['items'][0]['price']`. The shadow's if `added`, otherwise the primary's.
    For text, `$[4]` is the fifth line. An element of a set has the path of the set."""
    kind: ChangeKind
    """`added`: only the shadow has something there. `removed`: only the primary has. `changed`: both have something
    of the same type, and not the same. `type`: both have something, of two types, as JSON tells types apart, so that
    null is one, and 1 and 1.0 are of one type unless `ShadowConfig.strict` says otherwise. It is a str:
    `change.kind == "added"`."""
    primary: Any = attrs.field(default=None, hash=False)
    """The primary's value: a copy if it is small and made of builtins, otherwise an `Excerpt`. None if `added`."""
    shadow: Any = attrs.field(default=None, hash=False)
    """The shadow's. None if `removed`."""


@attrs.frozen
class HeaderDiff:
    """The names of the headers that differ, lower-case, cut to 256 characters, each tuple sorted; 1,000 in all.

    Values are compared by what the standard of their header says, those of Set-Cookie by cookie name. Content-Length
    is not reported where the bodies differ.
    """

    added: tuple[str, ...]
    """Only the shadow sent them."""
    removed: tuple[str, ...]
    """Only the primary sent them."""
    changed: tuple[str, ...]
    """Both sent them, with other values."""
    changes: tuple[HeaderChange, ...] = attrs.field(default=(), eq=False)
    """Their values, cut, and masked where they are secrets; sorted by name, the first 100. Not part of equality: that
    the same names differ is the same difference."""


@attrs.frozen
class BodyDiff:
    """How two bodies differ."""

    primary_len: int | None
    """Bytes; for values of the builtin containers and str their `len()`; None for values that have none."""
    shadow_len: int | None
    """The same of the shadow's."""
    prefix_equal_bytes: int | None
    """How many bytes are equal before the first that differs; None where the bodies were not both bytes."""
    changes: tuple[Change, ...] = ()
    """What differs, by path, in the primary's order: the first `ShadowConfig.max_changes`. Empty for bytes that could
    not be decoded."""
    change_count: int = 0
    """How many changes there are in all."""
    forms: tuple[str, str] = ("bytes", "bytes")
    """How the primary's and the shadow's body were read: `json`, `ndjson`, `json-seq`, `form`, `msgpack`, `text`, the
    content type of a decoder of your own, `value` for what is no bytes, `bytes` where neither could be decoded."""
    notes: tuple[str, ...] = ()
    """What else should be known: why a body was not decoded, what a rule's function raised."""
    excerpts: tuple[bytes, bytes] | None = attrs.field(default=None, eq=False)
    """Of bytes that could not be decoded: of each side up to 48, around the first that differs. Not part of
    equality."""


@attrs.frozen
class ErrorDiff:
    """What was raised, when the primary raised and the shadow did not raise the same."""

    primary: str
    """The name of the type that the primary raised."""
    shadow: str | None
    """The name of the type that the shadow raised; None: it answered."""
    primary_message: str
    """At most 500 characters."""
    shadow_message: str
    """At most 500 characters; empty if it answered."""
    changes: tuple[Change, ...] = ()
    """Where both raised the same type: what differs in it, by path, such as `$['errno']`; the first
    `ShadowConfig.max_changes`. An exception of a group that only one side raised is at `$['exceptions'][2]`, the index
    being that of its own side, with an `Excerpt` of its type and message. Empty where types or messages are all that
    differs."""
    change_count: int = 0
    """How many changes there are in all."""
    notes: tuple[str, ...] = ()
    """What else should be known: what reading a member raised, what was not compared."""
