"""One difference between two values, with what of the values is kept: enough to read, never more than a little."""

from __future__ import annotations

import enum
from typing import Any

import attrs


class ChangeKind(enum.StrEnum):
    """How the two sides differ at a path."""

    ADDED = "added"
    """Only the shadow has something there."""
    REMOVED = "removed"
    """Only the primary has something there."""
    CHANGED = "changed"
    """Both have something of the same type there, and not the same."""
    TYPE = "type"
    """Both have something there, of two types: as JSON tells types apart, so that null is one, and 1 and 1.0 are of one
    type unless `ShadowConfig.strict` says otherwise."""


@attrs.frozen
class Change:
    """What differs at one place."""

    path: str
    """A normalized path (RFC 9535 §2.7): `$['items'][0]['price']`. The shadow's if `added`, otherwise the primary's.
    For text, `$[4]` is the fifth line. An element of a set has the path of the set."""
    kind: ChangeKind
    primary: Any = attrs.field(default=None, hash=False)
    """The primary's value: a copy if it is small and made of builtins, otherwise an `Excerpt`. None if `added`."""
    shadow: Any = attrs.field(default=None, hash=False)
    """The shadow's. None if `removed`."""
