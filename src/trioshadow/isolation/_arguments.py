"""Checks of the arguments that the isolating backends have in common: they name what is wrong, and the range."""

from __future__ import annotations

import math


def check_function(parameter: str, value: object) -> None:
    """Something to call."""
    if not callable(value):
        raise TypeError(f"{parameter} must be callable, not {type(value).__name__}")


def check_count(parameter: str, value: object) -> None:
    """An int in [1, inf), and no bool."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{parameter} must be a count in [1, inf), not {value!r}")


def check_seconds(parameter: str, value: object) -> None:
    """A finite number of seconds that is not below 0: a wait without an end would be none of ours."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{parameter} must be seconds in [0, inf), not {value!r}")
