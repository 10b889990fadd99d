"""One field over time as the shapes of an SVG: the bound and what is allowed, on a logarithmic axis, and below them the
e-value. Pure geometry: colours and words are the page's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from .plot import Tick
from .words import clock, share

WIDTH, HEIGHT = 340, 172
#: Where the axes begin and end; to the left of them stand the labels of rates.
_LEFT, _RIGHT = 46, WIDTH - 4
#: The bound is between the first two, from above, and the e-value between the others.
_TOP, _MIDDLE, _LOWER, _BASE = 6, 108, 120, HEIGHT - 18
#: Above and below all bounds there is room for a label.
_LABEL = 14
#: Of an e-value so much is shown, as powers of ten: what is further off is at the edge.
_LEAST, _MOST = -1.0, 4.0
#: Rates that no figure shows less of.
_TINY = 1e-10


@attrs.frozen
class Level:
    """A line across, with what it is at."""

    y: float
    label: str


@attrs.frozen
class Moment:
    """What was known at one moment."""

    at: float
    bound: float
    """The rate beyond noise is at most this, in [0, 1]."""
    allowed: float
    log10_e_value: float


@attrs.frozen(kw_only=True)
class CoursePlot:
    """All of it. Paths are those of `<path d=...>`."""

    bound: str
    allowed: str
    allowed_label: Level
    """Of its last moment, on the other side of it than the bound."""
    e_value: str
    enough: Level
    """Where an e-value is enough."""
    rates: tuple[Level, ...]
    ticks: tuple[Tick, ...]
    left: int = _LEFT
    right: int = _RIGHT
    top: int = _TOP
    middle: int = _MIDDLE
    lower: int = _LOWER
    base: int = _BASE
    width: int = WIDTH
    height: int = HEIGHT


def plot_course(moments: Sequence[Moment], begin: float, end: float, enough: float) -> CoursePlot:
    """Of one moment or more, ascending and from `begin` to `end`, which are not the same. `enough`: an e-value."""

    def x(at: float) -> float:
        return _LEFT + (at - begin) / (end - begin) * (_RIGHT - _LEFT)

    shown = [rate for one in moments for rate in (one.bound, one.allowed)]
    low, high = math.log(max(_TINY, min(shown)) / 1.1), math.log(max(_TINY, *shown) * 1.1)

    def y(rate: float) -> float:
        return _scaled((math.log(max(_TINY, rate)) - low) / (high - low), _TOP + _LABEL, _MIDDLE - _LABEL)

    needed = math.log10(enough)
    most = max(_MOST, needed + 1)

    def e_y(log10: float) -> float:
        return _scaled((log10 - _LEAST) / (most - _LEAST), _LOWER, _BASE)

    last = moments[-1]
    beside = -4 if last.bound <= last.allowed else 12
    label = Level(round(y(last.allowed) + beside, 1), f"allowed {share(last.allowed)}")
    return CoursePlot(
        bound=_path([(x(one.at), y(one.bound)) for one in moments]),
        allowed=_path([(x(one.at), y(one.allowed)) for one in moments]),
        allowed_label=label,
        e_value=_path([(x(one.at), e_y(one.log10_e_value)) for one in moments]),
        enough=Level(e_y(needed), f"{enough:.4g}"),
        rates=tuple(Level(y(rate), _rate(rate)) for rate in _decades(low, high)),
        ticks=tuple(
            Tick(round(x(at), 1), clock(at, end - begin), anchor)
            for at, anchor in ((begin, "start"), ((begin + end) / 2, ""), (end, "end"))
        ),
    )


def _scaled(part: float, top: float, base: float) -> float:
    return round(base - min(1.0, max(0.0, part)) * (base - top), 1)


def _path(points: Sequence[tuple[float, float]]) -> str:
    """A line; of a single point a short one."""
    (x, y), *rest = points
    if not rest:
        return f"M{x - 3:.1f} {y}H{x:.1f}"
    return f"M{x:.1f} {y}" + "".join(f"L{x:.1f} {y}" for x, y in rest)


def _decades(low: float, high: float) -> list[float]:
    """Whole powers of ten; where there are fewer than two, their halves and fifths too."""
    found: list[float] = []
    for factors in ((1,), (1, 2, 5)):
        values = [factor * 10.0**power for power in range(-10, 1) for factor in factors]
        found = [value for value in values if low <= math.log(value) <= high]
        if len(found) >= 2:
            break
    return found


def _rate(rate: float) -> str:
    """`10 %`, `0.1 %`."""
    return f"{rate * 100:.4g} %"
