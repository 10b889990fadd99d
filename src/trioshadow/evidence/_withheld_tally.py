"""Counts of calls that one side refused for want of credentials. `_withheld.py` says what a scorecard makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioshadow._model.refusal import NAME_KEPT, NAMES_KEPT, REMEDY_KEPT

from ._plain import count_in, text_in

#: Of one operation so many sorts are told apart: names of headers come from traffic, and must not fill a table.
SORTS = 16
#: That of those that there was no room for.
_OTHERS: tuple[tuple[str, ...], str] = (), ""


class WithheldTally:
    """Calls of one operation that one side refused for want of credentials, by what was missing and what to do."""

    __slots__ = ("_sorts", "calls")

    def __init__(self) -> None:
        self.calls = 0
        """All of them."""
        self._sorts: dict[tuple[tuple[str, ...], str], int] = {}

    def add(self, headers: tuple[str, ...], remedy: str, calls: int = 1) -> None:
        """Count calls in which these headers were missing."""
        sort = headers, remedy
        if sort not in self._sorts and len(self._sorts) >= SORTS:
            sort = _OTHERS
        self._sorts[sort] = self._sorts.get(sort, 0) + calls
        self.calls += calls

    def update(self, other: WithheldTally) -> None:
        """Add the counts of another. Which sorts keep a row of their own where there are too many, is a matter of the
        order; the sum is not.
        """
        for headers, remedy, calls in other.sorts():
            self.add(headers, remedy, calls)

    def sorts(self) -> list[tuple[tuple[str, ...], str, int]]:
        """What was missing, what to do, and in how many calls; most calls first."""
        found = [(headers, remedy, calls) for (headers, remedy), calls in self._sorts.items()]
        return sorted(found, key=lambda sort: (-sort[2], sort[:2]))

    def to_list(self) -> list[dict[str, Any]]:
        """Plain data."""
        return [{"headers": list(headers), "remedy": remedy, "calls": calls} for headers, remedy, calls in self.sorts()]

    @classmethod
    def from_list(cls, data: list[Mapping[str, Any]]) -> WithheldTally:
        """What `to_list()` gave. ValueError, TypeError, KeyError or AttributeError if it can't have."""
        tally = cls()
        if not isinstance(data, list):
            raise TypeError(f"what was withheld is a list, not {type(data).__name__}")
        for sort in data:
            headers, remedy = sort["headers"], text_in(sort, "remedy")
            if not isinstance(headers, list) or not all(isinstance(name, str) for name in headers):
                raise TypeError("names of headers are a list of texts")
            names = tuple(name[:NAME_KEPT] for name in headers[:NAMES_KEPT])
            tally.add(names, remedy[:REMEDY_KEPT], count_in(sort, "calls"))
        return tally
