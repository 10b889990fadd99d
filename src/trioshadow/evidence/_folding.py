"""What is folded when a table is full: the lighter half. See `_evidence.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def lightest(weights: Iterable[tuple[int, T]], limit: int) -> tuple[list[T], int]:
    """What is to be folded so that `limit` are left, and what later names inherit: the greatest weight of these."""
    ordered = sorted(weights, key=lambda pair: pair[0], reverse=True)
    folded = ordered[limit:]
    return [name for _, name in folded], (folded[0][0] if folded else 0)
