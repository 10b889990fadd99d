"""What an SLO tracker must have to be told each verdict. It tracks nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class SloTracker(Protocol):
    """Anything that takes successes and failures, such as `SLOTracker` of the package slo-budget-tracker."""

    def record(self, success: bool, /) -> object:
        """One verdict: True if shadow and primary were the same."""
        ...  # pragma: no cover - a protocol has no body


def recorder_of(slo: SloTracker) -> Callable[[bool], object]:
    """Its method. TypeError if it has none."""
    if not callable(getattr(slo, "record", None)):
        raise TypeError(f"slo must be an object with `record(success: bool)`, not {type(slo).__name__}")
    return slo.record
