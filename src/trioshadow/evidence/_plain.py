"""What is read from plain data, which anybody may have written: each value is of its type and range.

If not, it is a ValueError, TypeError or KeyError, of which `Evidence.from_dict()` makes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: No process counts as far; and what is more has no float to compute with.
_COUNTS = 2**63


def count_in(data: Mapping[str, Any], name: str) -> int:
    """A count. KeyError if there is none of this name."""
    count = data[name]
    if type(count) is not int or not 0 <= count < _COUNTS:
        raise ValueError(f"{name} must be a count in [0, 2**63), not {count!r:.40}")
    return count


def text_in(data: Mapping[str, Any], name: str) -> str:
    """A text. KeyError if there is none of this name."""
    text = data[name]
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a text, not {type(text).__name__}")
    return text


def moment_in(data: Mapping[str, Any], name: str) -> float:
    """Seconds since the epoch. KeyError if there are none of this name."""
    seconds = data[name]
    if type(seconds) not in (int, float) or not -_COUNTS < seconds < _COUNTS:
        raise ValueError(f"{name} must be a number of seconds, not {seconds!r:.40}")
    return float(seconds)
