"""For `evidence.py`: shares of runs, and numbers of calls, as rows tell them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from lib.table import Row
from lib.timing import FULL, SHORT, Effort

_HOLD = 0.05


def runs_of(effort: Effort, full: int) -> int:
    """Return how many runs to make: all of them, a twentieth, or just some."""
    return full if effort == FULL else full // 20 if effort == SHORT else max(2, full // 300)


def share(hits: int, runs: int) -> str:
    """Write a share of runs."""
    return f"{hits / runs:.1%}"


def hold_share(row: Row, hits: int, runs: int) -> Row:
    """Return the same row, of which the share must not pass the error level; hardly any runs are not judged."""
    return replace(row, hold=f"<= {_HOLD:.0%}", held=hits / runs <= _HOLD if runs >= 20 else None)


def calls_until(numbers: Sequence[float], unit: str = "calls") -> str:
    """Write the median of some numbers, and their mean."""
    return f"{statistics.median(numbers):,.0f} {unit} (mean {statistics.fmean(numbers):,.0f})"
