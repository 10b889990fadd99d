"""FieldTally: how often one field differs, on the shadow's side and on the secondary's, paired call by call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ._distinct import DistinctKeys
from ._plain import count_in, moment_in, text_in

#: Keys by which one field differs are counted exactly below this many, and estimated from there on.
KEYS_OF_FIELD = 256
#: Of those by which only the shadow differs it is known whether they are a few.
KEYS_OF_SHADOW = 32

#: Of a field so many examples are kept: the earliest.
EXAMPLES = 3

#: Characters that are kept of an example's key and of either side.
_CHARACTERS = 300


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= _CHARACTERS else text[:_CHARACTERS] + "…"


def _cut_key(key: str) -> str:
    return key[:_CHARACTERS]


def _orderly(text: str | None) -> tuple[bool, str]:
    # An order of all: with two that are equal in it and are not the same, which is kept would be chance.
    return text is not None, text or ""


@attrs.frozen(order=True)
class Example:
    """One call in which the shadow differed in a field."""

    at: float
    """When: wall clock, seconds since the epoch."""
    key: str = attrs.field(converter=_cut_key)
    """Its sampling key as text; empty if it had none."""
    primary: str | None = attrs.field(converter=_cut, order=_orderly)
    """What the primary had there, in words; None: nothing."""
    shadow: str | None = attrs.field(converter=_cut, order=_orderly)
    """What the shadow had there."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Example:
        """What `attrs.asdict()` gave. ValueError, TypeError or KeyError if it can't have."""
        primary, shadow = (None if data[side] is None else text_in(data, side) for side in ("primary", "shadow"))
        return cls(moment_in(data, "at"), text_in(data, "key"), primary, shadow)


class FieldTally:
    """Counts of one field of one operation."""

    __slots__ = ("both", "differed", "examples", "inherited", "keys", "secondary_only", "shadow_keys", "shadow_only")

    def __init__(self) -> None:
        self.differed = 0
        """Calls in which the shadow differed from the primary, with a secondary or without."""
        self.keys = DistinctKeys(KEYS_OF_FIELD)
        """The keys of these."""
        self.shadow_only = 0
        """Pairs in which the shadow differed from the primary and the secondary did not."""
        self.shadow_keys = DistinctKeys(KEYS_OF_SHADOW)
        self.secondary_only = 0
        """Pairs in which only the secondary differed."""
        self.both = 0
        """Pairs in which both did."""
        self.examples: tuple[Example, ...] = ()
        """The earliest, in order."""
        self.inherited = 0
        """Differences that it may have had before it was counted by name: see `_evidence.py`."""

    @property
    def weight(self) -> int:
        """How many differences it stands for at most, of either side."""
        return self.differed + self.secondary_only + self.inherited

    def add_example(self, example: Example) -> None:
        """Keep it if it is among the earliest."""
        self.examples = tuple(sorted({*self.examples, example})[:EXAMPLES])

    def update(self, other: FieldTally) -> None:
        """Add the counts of another."""
        self.differed += other.differed
        self.shadow_only += other.shadow_only
        self.secondary_only += other.secondary_only
        self.both += other.both
        self.inherited += other.inherited
        self.keys.update(other.keys)
        self.shadow_keys.update(other.shadow_keys)
        self.examples = tuple(sorted({*self.examples, *other.examples})[:EXAMPLES])

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "differed": self.differed,
            "keys": self.keys.to_dict(),
            "shadow_only": self.shadow_only,
            "shadow_keys": self.shadow_keys.to_dict(),
            "secondary_only": self.secondary_only,
            "both": self.both,
            "inherited": self.inherited,
            "examples": [attrs.asdict(example) for example in self.examples],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FieldTally:
        """What `to_dict()` gave. ValueError, TypeError or KeyError if it can't have."""
        tally = cls()
        for name in ("differed", "shadow_only", "secondary_only", "both", "inherited"):
            setattr(tally, name, count_in(data, name))
        tally.keys = DistinctKeys.from_dict(data["keys"], KEYS_OF_FIELD)
        tally.shadow_keys = DistinctKeys.from_dict(data["shadow_keys"], KEYS_OF_SHADOW)
        tally.examples = tuple(sorted(map(Example.from_dict, data["examples"]))[:EXAMPLES])
        return tally
