"""Two latency histograms as the shapes of an SVG. Pure geometry: colours and words are the page's.

The bins are of equal width on a logarithmic axis (`evidence/_histogram.py`: bin i begins at 1 µs * 2**(i/8)), so a bin
is a column of the same width for each, and the height is its share of the side's own calls: so that a shadow that saw a
tenth of the calls can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import attrs

from .words import seconds

WIDTH, HEIGHT = 340, 128
_BASE = HEIGHT - 16  # below it stand the labels
_TOP = 6
_PER_OCTAVE = 8
#: However alike the latencies are, so many bins are shown.
_LEAST = 16

Bins = Sequence[tuple[int, int]]


@attrs.frozen
class Tick:
    """A mark of the axis."""

    x: float
    label: str
    anchor: str
    """Of the label, where the middle would not fit."""


@attrs.frozen
class Side:
    """One side's shape."""

    path: str
    """Of `<path d=...>`; empty without any call."""
    p99_x: float | None


@attrs.frozen
class Plot:
    """Both sides, on one axis."""

    ticks: tuple[Tick, ...]
    sides: tuple[Side, ...]
    width: int = WIDTH
    height: int = HEIGHT
    base: int = _BASE


def plot(sides: Sequence[tuple[Bins, float | None]]) -> Plot | None:
    """Of each side the bins and the p99 in seconds; None where no call was timed."""
    indexes = [index for bins, _ in sides for index, _ in bins]
    if not indexes:
        return None
    first, last = min(indexes), max(indexes) + 1
    slack = max(0, _LEAST - (last - first))
    first, last = first - 1 - slack // 2, last + 1 + (slack + 1) // 2

    def x(index: float) -> float:
        return round((index - first) / (last - first) * WIDTH, 1)

    shares = [_shares(bins) for bins, _ in sides]
    highest = max(share for side in shares for share in side.values())
    drawn = [
        Side(_path(side, x, highest), None if p99 is None else min(WIDTH - 1.0, max(1.0, x(_position(p99)))))
        for side, (_, p99) in zip(shares, sides, strict=True)
    ]
    return Plot(tuple(_ticks(first, last, x)), tuple(drawn))


def _shares(bins: Bins) -> dict[int, float]:
    total = sum(count for _, count in bins)
    return {index: count / total for index, count in bins}


def _position(value: float) -> float:
    """Where on the axis of bins these seconds are."""
    return _PER_OCTAVE * math.log2(max(value, 1e-9) * 1e6)


def _path(shares: dict[int, float], x: Callable[[float], float], highest: float) -> str:
    """Steps from bin to bin, closed at the base."""
    steps: list[str] = []
    before = None
    for index, share in sorted(shares.items()):
        y = round(_BASE - share / highest * (_BASE - _TOP), 1)
        if before is None:
            steps.append(f"M{x(index)} {_BASE}")
        elif before != index:
            steps.append(f"V{_BASE}H{x(index)}")
        steps.append(f"V{y}H{x(index + 1)}")
        before = index + 1
    return "".join([*steps, f"V{_BASE}Z"]) if steps else ""


def _ticks(first: int, last: int, x: Callable[[float], float]) -> list[Tick]:
    """Whole powers of ten; where fewer than two are in sight, also their halves and fifths."""
    found: list[float] = []
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        values = [factor * 10.0**power for power in range(-7, 5) for factor in factors]
        found = sorted(value for value in values if first <= _position(value) <= last)
        if len(found) >= 2:
            break
    ticks = []
    for value in found:
        place = x(_position(value))
        anchor = "start" if place < 18 else "end" if place > WIDTH - 18 else ""
        ticks.append(Tick(place, seconds(value), anchor))
    return ticks
