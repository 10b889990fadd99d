"""Few keys, each of which has come often: they are all that there are, and an operation is judged by its calls.

A fixed URL, or a poll, never has the thousands of keys that say how rare a difference is. But one that polls beside
ninety users who came once each is no such thing: so it is counted how often each has come, until there are too many.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._plain import count_in

#: So few keys, ...
FEW_KEYS = 100
#: ... of which each has come so often.
OFTEN = 50


class FewKeys:
    """Of one operation."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: dict[int, int] | None = {}
        """By hash; None: there were too many, or calls without a key."""

    def add(self, key_hash: int | None) -> None:
        """A call of this key was compared."""
        calls = self._calls
        if calls is not None:
            if key_hash is None:
                self._calls = None
            else:
                calls[key_hash] = calls.get(key_hash, 0) + 1
                if len(calls) > FEW_KEYS:
                    self._calls = None

    def are_all(self, rate: float) -> bool:
        """Are there few, and has each come often, but for some that make no more than this part of the calls?"""
        if not self._calls:
            return False
        return sum(_seldom(self._calls)) <= rate * sum(self._calls.values())

    @property
    def seldom(self) -> int:
        """If there are few, and most calls are of those that have come often: how many have not."""
        if not self._calls:
            return 0
        seldom = _seldom(self._calls)
        return len(seldom) if 2 * sum(seldom) < sum(self._calls.values()) else 0

    def update(self, other: FewKeys) -> None:
        """Add the keys of another."""
        if self._calls is None or other._calls is None:
            self._calls = None
            return
        for key_hash, calls in other._calls.items():
            self._calls[key_hash] = self._calls.get(key_hash, 0) + calls
        if len(self._calls) > FEW_KEYS:
            self._calls = None

    def to_list(self) -> list[list[int]] | None:
        """Plain data: hashes, sorted, each with its calls."""
        return None if self._calls is None else [[key_hash, calls] for key_hash, calls in sorted(self._calls.items())]

    @classmethod
    def from_list(cls, data: Any) -> FewKeys:
        """What `to_list()` gave. ValueError, TypeError or KeyError if it can't have."""
        few = cls()
        if data is None:
            few._calls = None
            return few
        found: dict[int, int] = {}
        for key_hash, calls in data:
            if type(key_hash) is not int or not 0 <= key_hash < 2**64:
                raise ValueError(f"the hash of a key has 64 bits, not {key_hash!r:.30}")
            found[key_hash] = count_in({"calls": calls}, "calls")
        few._calls = found if len(found) <= FEW_KEYS else None
        return few


def _seldom(calls: Mapping[int, int]) -> list[int]:
    """Of the keys that have not come often, how often they came."""
    return [count for count in calls.values() if count < OFTEN]
