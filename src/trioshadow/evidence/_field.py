"""FieldTally: how often one field differs, on the shadow's side and on the secondary's, paired call by call; what each
key, each block of time and the latest calls say of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import attrs

from trioshadow._model.keys import key_of_text, shown_key

from ._again import First
from ._blocks import Blocks, Span
from ._distinct import DistinctKeys
from ._drift import Drift
from ._plain import count_in, moment_in, text_in
from ._tosses import ALONE, BOTH, SECONDARY_ONLY, SHADOW_ONLY, Tosses

#: Keys by which one field differs are counted exactly below this many, and estimated from there on.
KEYS_OF_FIELD = 256

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
    _key: str = attrs.field(converter=_cut_key)
    primary: str | None = attrs.field(converter=_cut, order=_orderly)
    """What the primary had there, in words; None: nothing."""
    shadow: str | None = attrs.field(converter=_cut, order=_orderly)
    """What the shadow had there."""

    @property
    def key(self) -> str:
        """Its sampling key as the request that it is, `GET /users/1`; empty if it had none."""
        return shown_key(key_of_text(self._key))

    def to_dict(self) -> dict[str, Any]:
        """Plain data; the key is `key_as_text()`."""
        return {"at": self.at, "key": self._key, "primary": self.primary, "shadow": self.shadow}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Example:
        """What `to_dict()` gave. ValueError, TypeError or KeyError if it can't have."""
        primary, shadow = (None if data[side] is None else text_in(data, side) for side in ("primary", "shadow"))
        return cls(moment_in(data, "at"), text_in(data, "key"), primary, shadow)


class At(NamedTuple):
    """Where an operation is in time."""

    block: int
    """The block that it is in."""
    open: int
    """The one that is not over yet, as the blocks of its fields are numbered."""
    latest: float
    """Wall clock, in seconds since the epoch: when its latest call was compared."""
    seen: int
    """That was the so-many-th."""


_OUTCOMES = {1: SHADOW_ONLY, -1: SECONDARY_ONLY, 0: BOTH}

#: Noise that fewer pairs have shown is hardly known.
NOISY = 10


class FieldTally:
    """Counts of one field of one operation."""

    __slots__ = (
        *("alone", "blocks", "both", "differed", "drift", "examples", "first", "first_at", "inherited", "keys"),
        *("order", "secondary_only", "shadow_only", "tosses", "twice_noisy", "twice_secondary", "twice_shadow"),
        *("unpaired", "_elsewhere", "_in_block", "_latest", "_row"),
    )

    def __init__(self) -> None:
        self.order = 0
        """It appeared as the so-many-th of its evidence, from 0 on."""
        self.first: int | None = None
        """As what: see `_tosses.py`. The bet on it begins after that."""
        self.first_at = 0.0
        """Wall clock, seconds since the epoch."""
        self.differed = 0
        """Calls in which the shadow differed from the primary, with a secondary or without."""
        self.keys = DistinctKeys(KEYS_OF_FIELD)
        """The keys of these."""
        self.alone = 0
        """Those of these that had no secondary."""
        self.shadow_only = 0
        """Pairs in which the shadow differed from the primary and the secondary did not."""
        self.secondary_only = 0
        """Pairs in which only the secondary differed."""
        self.both = 0
        """Pairs in which both did."""
        self.unpaired = 0
        """Calls in which the shadow did and the secondary, though asked, gave nothing to compare."""
        self.tosses = Tosses()
        self.blocks = Blocks()
        self._in_block = (0, 0)
        """Without a secondary: the block of the latest difference, and how many were in it."""
        self.drift = Drift()
        self._row = self._latest = 0
        """In so many calls, up to that one, it differed one after the other; ..."""
        self._elsewhere = 0.0, 0
        """... and up to that moment in so many of another process."""
        self.twice_shadow = 0
        """Keys in both of whose first two pairs only the shadow differed: see `_again.py`."""
        self.twice_secondary = 0
        """In both, only the secondary."""
        self.twice_noisy = 0
        """Keys that were asked twice, and in whose first pair the secondary differed."""
        self.examples: tuple[Example, ...] = ()
        """The earliest, in order."""
        self.inherited = 0
        """Differences that it may have had before it was counted by name: see `_evidence.py`."""

    @property
    def weight(self) -> int:
        """How many differences it stands for at most, of either side."""
        return self.differed + self.secondary_only + self.inherited

    def in_a_row(self, at: At) -> int:
        """In so many calls it differed, one after the other, up to the latest. In a sum: of that process whose latest
        call came last.
        """
        if self._latest == at.seen:
            return self._row
        latest, row = self._elsewhere
        return row if latest >= at.latest else 0

    def differ(self, key_hash: int | None, call: int) -> None:
        """The shadow differed in it, in the so-many-th call."""
        self.differed += 1
        self._row = self._row + 1 if call == self._latest + 1 else 1
        self._latest = call
        self.keys.add(key_hash)

    def add_alone(self, key_hash: int | None, at: float, keys: DistinctKeys | None) -> None:
        """It did so in a call without a secondary. `keys`: all that were seen; None where pairs are there to tell what
        is noise, so that this is no toss.
        """
        self.alone += 1
        if keys is not None:
            self.tosses.add(key_hash, ALONE, at, keys)
        self.appear(ALONE, at)

    def appear(self, says: int, at: float) -> None:
        """If it was never seen before: as what it was."""
        if self.first is None:
            self.first, self.first_at = says, at

    def count_in_block(self, block: int, allowed: float) -> None:
        """Without a secondary, it differed in this block, of which about so many calls may."""
        latest, count = self._in_block
        count = count + 1 if block == latest else 1
        self._in_block = block, count
        if self.blocks.begun is None:
            self.blocks.begun = block
        elif block > self.blocks.begun and count > allowed:
            self.blocks.add(block, 1)

    def add_pair(self, x: int, key_hash: int | None, at: float, block: int, keys: DistinctKeys) -> None:
        """Of a call with a secondary: only the shadow differed in it (1), only the secondary (-1), or both (0)."""
        if x > 0:
            self.shadow_only += 1
        elif x < 0:
            self.secondary_only += 1
        else:
            self.both += 1
        says = _OUTCOMES[x]
        self.tosses.add(key_hash, says, at, keys)
        if x:
            self.blocks.add(block, x)
        self.appear(says, at)

    def noise(self, of: int) -> float:
        """In which part of so many pairs the secondary differed, if that is known well enough; else 0."""
        noise = self.secondary_only + self.both
        return noise / of if noise >= NOISY else 0.0

    def add_twice(self, first: First, second: First, name: str) -> None:
        """A key was asked again, and this is what its two pairs said of the field of this name."""
        one = first[name]
        if one <= 0:
            self.twice_noisy += 1
        if one and one == second.get(name):
            if one > 0:
                self.twice_shadow += 1
            else:
                self.twice_secondary += 1

    def add_example(self, example: Example) -> None:
        """Keep it if it is among the earliest."""
        self.examples = tuple(sorted({*self.examples, example})[:EXAMPLES])

    def update(self, other: FieldTally, blocks: At, other_blocks: At) -> None:
        """Add the counts of another. Of both, in which block of time it is now."""
        rows = (blocks.latest, self.in_a_row(blocks)), (other_blocks.latest, other.in_a_row(other_blocks))
        self._elsewhere, self._latest = max(one if one[1] else (0.0, 0) for one in rows), -1
        spans = Span(self.first_at, blocks.latest), Span(other.first_at, other_blocks.latest)
        self.blocks.update(other.blocks, blocks.open, other_blocks.open, *spans)
        if other.first is not None and (self.first is None or other.first_at < self.first_at):
            self.first, self.first_at, self.order = other.first, other.first_at, other.order
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.keys.update(other.keys)
        self.tosses.update(other.tosses)
        self.drift.update(other.drift, blocks.block, other_blocks.block)
        self.examples = tuple(sorted({*self.examples, *other.examples})[:EXAMPLES])

    def to_dict(self, blocks: At) -> dict[str, Any]:
        """Plain data, at this block of time."""
        return {
            "order": self.order,
            "first": -1 if self.first is None else self.first,
            "first_at": self.first_at,
            "in_a_row": self.in_a_row(blocks),
            **{name: getattr(self, name) for name in _COUNTS},
            "keys": self.keys.to_dict(),
            "tosses": self.tosses.to_dict(),
            "blocks": self.blocks.to_list(blocks.open, Span(self.first_at, blocks.latest)),
            "drift": self.drift.to_dict(blocks.block),
            "examples": [example.to_dict() for example in self.examples],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], blocks: At) -> FieldTally:
        """What `to_dict()` gave at this block of time. ValueError, TypeError or KeyError if it can't have."""
        tally = cls()
        for name in ("order", *_COUNTS):
            setattr(tally, name, count_in(data, name))
        first = data["first"]
        if first not in (-1, SHADOW_ONLY, SECONDARY_ONLY, BOTH, ALONE):
            raise ValueError(f"a field appears as one of four things, not as {first!r:.20}")
        tally.first = None if first == -1 else first
        tally.first_at = moment_in(data, "first_at")
        tally._elsewhere, tally._latest = (blocks.latest, count_in(data, "in_a_row")), -1
        tally.keys = DistinctKeys.from_dict(data["keys"], KEYS_OF_FIELD)
        tally.tosses = Tosses.from_dict(data["tosses"])
        tally.blocks = Blocks.from_list(data["blocks"])
        tally.drift = Drift.from_dict(data["drift"])
        tally.examples = tuple(sorted(map(Example.from_dict, data["examples"]))[:EXAMPLES])
        return tally


_COUNTS = (
    *("differed", "alone", "shadow_only", "secondary_only", "both", "unpaired", "inherited"),
    *("twice_shadow", "twice_secondary", "twice_noisy"),
)
