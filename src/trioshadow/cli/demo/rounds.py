"""Measures ways to make a call against each other, so that a busy machine is not taken for a slow library.

In each round every way has its turn, in an order of the round's own, so that whatever else the machine does meets them
all. The first way, the primary alone, has two turns: two measurements of the same thing, which differ by nothing but
the machine (an A/A test). All figures are medians over the rounds.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median, quantiles

import attrs

#: The largest ratio that is called none: what the project's benchmarks are held to.
NEGLIGIBLE = 1.05


@attrs.frozen
class Row:
    """What was measured of a way. Milliseconds, and ratios to the first way in the same round."""

    what: str
    p50: float
    p95: float
    ratio_p50: float
    ratio_p95: float


@attrs.frozen
class Measured:
    """All that was measured."""

    rows: list[Row]
    """The first way, the same once more, and the others in their order."""
    unrest: float
    """The factor, at least 1, between the p50 of the two turns of the first way in a typical round."""

    @property
    def is_busy(self) -> bool:
        """Whether the machine is too busy to tell anything from this."""
        return self.unrest > NEGLIGIBLE


async def measure(
    ways: Mapping[str, Callable[[], Awaitable[Sequence[float]]]], rounds: int, progress: Callable[[int], None]
) -> Measured:
    """Measure the ways in so many rounds, at least one; `progress` is told after each how many are done.

    A way makes its calls of a round, two or more, and returns when nothing of them is left: how long each took, in
    seconds.
    """
    names, turns = list(ways), list(ways.values())
    names.insert(1, f"{names[0]}, again")
    turns.insert(1, turns[0])
    p50: list[list[float]] = [[] for _ in names]
    p95: list[list[float]] = [[] for _ in names]
    for number in range(rounds):
        for place in random.Random(number).sample(range(len(names)), len(names)):  # noqa: S311
            twentieths = quantiles(await turns[place](), n=20, method="inclusive")
            p50[place].append(twentieths[9] * 1e3)
            p95[place].append(twentieths[18] * 1e3)
        progress(number + 1)
    rows = [
        Row(what, median(mid), median(high), median(_ratios(mid, p50[0])), median(_ratios(high, p95[0])))
        for what, mid, high in zip(names, p50, p95, strict=True)
    ]
    return Measured(rows, median(max(ratio, 1 / ratio) for ratio in _ratios(p50[1], p50[0])))


def _ratios(those: Sequence[float], alone: Sequence[float]) -> list[float]:
    return [this / that for this, that in zip(those, alone, strict=True)]
