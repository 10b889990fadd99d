"""A key asked again: does the shadow differ in both of a key's first two pairs, where the secondary does in neither?

An old one that flaps (each of its instances is odd in a tenth of the answers, say) allows a new one much noise. One
that never flaps and is always wrong for 8 % of the customers differs no more often than the old one does from itself.
But where it is wrong for a customer, it is so again.

So of a sample of the keys it is kept in which fields their first pair differed. The sample is of the keys with a hash
below 2**(64-i), and i grows when the room is full. Only counts leave here: what a second pair said.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import TypeAlias

#: Keys that are kept at once, of one operation.
KEYS_OF_AGAIN = 1024

#: In which fields the first pair of a key differed, and on whose side only: 1 the shadow's, -1 the secondary's, 0 both.
First: TypeAlias = Mapping[str, int]

_NOTHING: First = {}


class Again:
    """Of one operation."""

    __slots__ = ("_end", "_firsts", "twice")

    def __init__(self) -> None:
        self._end = 2**64
        self._firsts: dict[int, First | None] = {}
        """By hash; None: it was asked twice."""
        self.twice = 0
        """Keys that were."""

    def add(self, key_hash: int | None, fields: First) -> First | None:
        """A pair of this key, and in which fields it differs; if it is its second pair: in which the first did."""
        if key_hash is None or key_hash >= self._end:
            return None
        firsts = self._firsts
        if key_hash not in firsts:
            firsts[key_hash] = fields or _NOTHING
            if len(firsts) > KEYS_OF_AGAIN:
                self._halve()
            return None
        first = firsts[key_hash]
        if first is not None:
            firsts[key_hash] = None
            self.twice += 1
        return first

    def _halve(self) -> None:
        self._end >>= 1
        ordered: Iterable[int] = sorted(self._firsts)
        kept = list(ordered)
        self._firsts = {key_hash: self._firsts[key_hash] for key_hash in kept[: bisect_left(kept, self._end)]}
