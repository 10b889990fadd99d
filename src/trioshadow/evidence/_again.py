"""A key asked again: does the shadow differ in both of a key's first two pairs, where the secondary does in neither?

An old one that flaps (each of its instances is odd in a tenth of the answers, say) allows a new one much noise. One
that never flaps and is always wrong for 8 % of the customers differs no more often than the old one does from itself.
But where it is wrong for a customer, it is so again.

So of a sample of the keys it is kept in which fields their first pair differed. The sample is of the keys with a hash
below 2**(64-i), and i grows when the room is full. Only counts leave here: what a second pair said.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, TypeAlias

from ._plain import count_in

#: Keys that are kept at once, of one operation: as many as it takes to know that one which flaps in 0.5 % of the pairs,
#: as the old one does, hides nothing.
KEYS_OF_AGAIN = 8192

#: In which fields the first pair of a key differed, and on whose side only: 1 the shadow's, -1 the secondary's, 0 both.
First: TypeAlias = Mapping[str, int]

_NOTHING: First = {}


class Again:
    """Of one operation."""

    __slots__ = ("_differed", "_elsewhere", "_end", "_equal", "_over", "twice")

    def __init__(self) -> None:
        self._end = 2**64
        # By hash, keys that were asked once: those whose pair differed, and, sorted, all others; and those that were
        # asked twice. Arrays: 8 bytes a key, where a dict takes a hundred.
        self._differed: dict[int, First] = {}
        self._equal, self._over = array("Q"), array("Q")
        self.twice = self._elsewhere = 0
        """Keys that were asked twice; and those that other processes know of."""

    @property
    def kept(self) -> int:
        """Keys of the sample, asked once or twice."""
        return len(self._differed) + len(self._equal) + len(self._over) + self._elsewhere

    def update(self, other: Again) -> None:
        """Add the keys of another, of which only the number is known."""
        self.twice += other.twice
        self._elsewhere += other.kept

    def to_list(self) -> list[int]:
        """Plain data: how many were asked twice, and of how many."""
        return [self.twice, self.kept]

    @classmethod
    def from_list(cls, data: Any) -> Again:
        """What `to_list()` gave. ValueError or TypeError if it can't have."""
        again = cls()
        again.twice, again._elsewhere = (count_in({"again": number}, "again") for number in data)
        return again

    def add(self, key_hash: int | None, fields: First) -> First | None:
        """A pair of this key, and in which fields it differs; if it is its second pair: in which the first did."""
        if key_hash is None or key_hash >= self._end:
            return None
        over = bisect_left(self._over, key_hash)
        if over < len(self._over) and self._over[over] == key_hash:
            return None
        first = self._differed.pop(key_hash, None)
        if first is None:
            equal = bisect_left(self._equal, key_hash)
            if equal == len(self._equal) or self._equal[equal] != key_hash:
                if fields:
                    self._differed[key_hash] = fields
                else:
                    self._equal.insert(equal, key_hash)
                if self.kept > KEYS_OF_AGAIN:
                    self._halve()
                return None
            del self._equal[equal]
            first = _NOTHING
        self._over.insert(over, key_hash)
        self.twice += 1
        return first

    def _halve(self) -> None:
        self._end >>= 1
        for hashes in (self._equal, self._over):
            del hashes[bisect_left(hashes, self._end) :]
        self._differed = {key_hash: first for key_hash, first in self._differed.items() if key_hash < self._end}
