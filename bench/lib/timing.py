"""Rounds: how everything here is timed, so that a ratio means something on a machine that is not ours alone.

One number from one long loop says as much about the neighbours as about the code. So each variant runs for a few
milliseconds, then the next, and so on, round by round (A B C A B C ...). A ratio is taken *within* each round, between
neighbours in time, and the median of the rounds is reported: drift cancels, and a burst of noise spoils a round or two
and not the result. Hence the ratio in a row is not exactly the quotient of the two medians beside it.

The garbage collector stays on, as in production, but each variant starts with a clean heap, so that none pays for
another. What rounds do not cancel: noise that comes with the variant itself (its caches, its heap), and a busy sibling
core.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int
    """Rounds of each loop over calls."""
    calls: int
    """Calls in each of these loops."""
    caller_rounds: int
    """Rounds of the isolation rows."""
    caller_seconds: float
    """How long each of their variants takes calls."""
    streamed: int
    """Bytes of a response that is streamed."""


FULL = Effort(rounds=41, calls=1_000, caller_rounds=11, caller_seconds=1.0, streamed=1 << 30)
SHORT = Effort(rounds=11, calls=500, caller_rounds=3, caller_seconds=0.6, streamed=1 << 27)
#: Shows that everything works, and nothing else.
SMOKE = Effort(rounds=1, calls=70, caller_rounds=1, caller_seconds=0.05, streamed=1 << 23)


def timed(function: Callable[[], object], count: int) -> float:
    """Seconds that one call of the function takes, over so many of them."""
    function()  # the first finds nothing in the processor's caches, and would be most of a short loop
    start = time.perf_counter()
    for _ in range(count):
        function()
    return (time.perf_counter() - start) / count


def timed_once(function: Callable[[], object]) -> float:
    """Seconds that one call takes, for what takes so long that no cache could hold it."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


class Rounds(Generic[T]):
    """What each variant gave in each round."""

    def __init__(self, variants: Mapping[str, Callable[[], T]], rounds: int) -> None:
        self.results: dict[str, list[T]] = {name: [] for name in variants}
        for _ in range(rounds):
            for name, variant in variants.items():
                gc.collect()
                self.results[name].append(variant())

    def median(self, value: Callable[[dict[str, T]], float]) -> float:
        """Compute a value from each round, and take the median of the rounds."""
        names = list(self.results)
        rounds = zip(*self.results.values(), strict=True)
        return statistics.median(value(dict(zip(names, one_round, strict=True))) for one_round in rounds)
