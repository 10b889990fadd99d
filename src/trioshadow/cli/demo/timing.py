"""Percentiles of how long calls took. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs


def percentile(values: Sequence[float], fraction: float) -> float:
    """The smallest of the values that is not below this fraction of them (nearest rank). ValueError if there are none.

    >>> percentile([5.0, 1.0, 4.0, 2.0, 3.0], 0.5)
    3.0
    """
    if not values:
        raise ValueError("values must not be empty")
    return sorted(values)[max(0, math.ceil(fraction * len(values)) - 1)]


@attrs.frozen
class Timing:
    """How long a number of calls took: the half that was fastest, and all but one in a hundred. Milliseconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        """Of the single times, in seconds."""
        return cls(percentile(seconds, 0.5) * 1e3, percentile(seconds, 0.99) * 1e3)
