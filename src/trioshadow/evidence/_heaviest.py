"""Which names a bounded table keeps: the heaviest, whatever the order in which they come.

A table holds up to twice its limit. Then the lighter half is folded into one row for all others, and the weight of the
heaviest of these is what every name that comes later *inherits*: so much it may have had before. Weights then never are
less than the truth, and a name that has more than 1/limit of all there is can't be folded (batched Space-Saving:
Metwally, Agrawal, El Abbadi, ICDT 2005). What is folded is counted in the row for all others, so sums stay exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def lightest(weights: Iterable[tuple[int, T]], limit: int) -> tuple[list[T], int]:
    """What is to be folded so that `limit` are left, and what later names inherit: the greatest weight of these."""
    ordered = sorted(weights, key=lambda pair: pair[0], reverse=True)
    folded = ordered[limit:]
    return [name for _, name in folded], (folded[0][0] if folded else 0)
