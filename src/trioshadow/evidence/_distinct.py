"""How many different keys there were: a sketch of bounded size, exact while there are few. It knows nothing of keys but
their hashes.

One user who polls must not look like evidence of thousands, so what is counted is keys. The sketch keeps the k smallest
64-bit hashes (bottom-k, "KMV": Bar-Yossef et al., RANDOM 2002). While these are fewer than k,
they are all, and the count is exact; from then on, k keys below the hash h make about (k-1) * 2**64 / h in all, with a
standard error of 1/sqrt(k-2): 3.1 % for k = 1,024. The union of two sketches is the sketch of the union, whatever their
order: so processes can be added up.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import math
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

from ._plain import count_in, text_in

_ALL = 2**64

#: Whether this machine writes the lowest byte first, as the plain data does. (array is ten times as fast as struct.)
_IS_LITTLE = array("H", [1]).tobytes()[0] == 1

#: Standard errors between an estimate and what is taken as its bounds.
_ERRORS = 3.0


class DistinctKeys:
    """A set of keys, by their hashes. `limit` is k."""

    __slots__ = ("_below", "_hashes", "_limit", "keyless")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._hashes = array("Q")  # sorted: 8 bytes each, where a set of ints takes 70
        self._below = _ALL
        self.keyless = 0
        """Calls that had no key: each counts as a key of its own, for nobody knows better."""

    def add(self, key_hash: int | None) -> None:
        """Add a key by its hash in [0, 2**64); None for a call without a key."""
        if key_hash is None:
            self.keyless += 1
        elif key_hash < self._below:
            hashes = self._hashes
            at = bisect_left(hashes, key_hash)
            if at == len(hashes) or hashes[at] != key_hash:
                hashes.insert(at, key_hash)
                if len(hashes) >= self._limit:
                    del hashes[self._limit :]
                    self._below = hashes[-1]

    @property
    def exact(self) -> bool:
        """Is the number of keys known exactly?"""
        return len(self._hashes) < self._limit

    @property
    def estimate(self) -> float:
        """How many keys, about."""
        if self.exact:
            return len(self._hashes) + self.keyless
        return max(self._limit, (self._limit - 1) * _ALL / (self._below + 1)) + self.keyless

    @property
    def at_least(self) -> float:
        """A number that there hardly are fewer keys than: three standard errors below the estimate, but no less than
        are held.
        """
        return max(self._within(1 - self._error()), len(self._hashes) + self.keyless)

    @property
    def at_least_hashed(self) -> float:
        """The same of those that have a hash."""
        return self.at_least - self.keyless

    @property
    def at_most(self) -> float:
        """The same from above."""
        return self._within(1 + self._error())

    def _within(self, factor: float) -> float:
        return (self.estimate - self.keyless) * factor + self.keyless

    def _error(self) -> float:
        return 0.0 if self.exact else _ERRORS / math.sqrt(self._limit - 2)

    def at_level(self, level: int) -> tuple[float, float]:
        """How many keys have a hash below 2**(64-level), at least and at most; at level 0 those without one too.

        Three standard errors from the estimate; exact where the sketch has all of these keys.
        """
        if not level:
            return self.at_least, self.at_most
        end = 1 << (64 - level)
        if end <= self._below:
            exact = bisect_left(self._hashes, end)
            return exact, exact
        share = 0.5**level
        return self.at_least_hashed * share, (self.at_most - self.keyless) * share

    def update(self, other: DistinctKeys) -> None:
        """Add all keys of another sketch of the same limit."""
        if other._hashes:
            union = sorted({*self._hashes, *other._hashes})[: self._limit]
            self._hashes = array("Q", union)
            self._below = union[-1] if len(union) == self._limit else _ALL
        self.keyless += other.keyless

    def to_dict(self) -> dict[str, object]:
        """Plain data: the number of calls without a key, and the hashes, sorted, 8 bytes each, little-endian, as
        base64.
        """
        return {"keyless": self.keyless, "hashes": base64.b64encode(little_endian(self._hashes).tobytes()).decode()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], limit: int) -> DistinctKeys:
        """What `to_dict()` gave. ValueError, TypeError or KeyError if it can't have."""
        keys = cls(limit)
        try:
            raw = base64.b64decode(text_in(data, "hashes"), validate=True)
        except binascii.Error as exc:
            raise ValueError("the hashes of distinct keys are base64") from exc
        if len(raw) % 8 or len(raw) > 8 * limit:
            raise ValueError(f"distinct keys have at most {limit} hashes of 8 bytes")
        hashes = little_endian(array("Q", raw))
        if any(one >= other for one, other in itertools.pairwise(hashes)):
            raise ValueError("the hashes of distinct keys are sorted, each once")
        keys._hashes = hashes
        keys._below = hashes[-1] if len(hashes) == limit else _ALL
        keys.keyless = count_in(data, "keyless")
        return keys


def little_endian(hashes: array[int]) -> array[int]:
    if not _IS_LITTLE:
        hashes = array("Q", hashes)
        hashes.byteswap()
    return hashes
