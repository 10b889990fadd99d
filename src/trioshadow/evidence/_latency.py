"""Does a candidate's p99 hold? A rate of slow calls, tested as such. Pure; the mathematics is in `_bounds.py`."""

from __future__ import annotations

import functools
import math
from bisect import bisect_left
from collections.abc import Mapping

from ._bounds import discoveries, factor_needed, rate_wealth, upper_bound
from ._contention import is_judged
from ._evidence import OPERATIONS
from ._histogram import Histogram
from ._objective import Objective
from ._operation import Operation
from ._scores import FieldState, LatencyScore

#: Of the error level for latency one part goes to the shadows' tests, ...
_OF_SHADOWS = 0.75
#: ... and the rest to the primaries' p99, which are themselves only known within bounds: so much to each operation that
#: there may be.
_OF_PRIMARY = (1 - _OF_SHADOWS) / (2 * OPERATIONS + 2)


def latencies(rows: Mapping[str, Operation], objective: Objective) -> dict[str, LatencyScore]:
    """Whether each operation's p99 holds.

    A p99 is at most q if at most 1 % of the calls take longer than q, which is a rate and tested as such. The shadow's
    is held against `max_p99_ratio` times the primary's, of which only bounds are known: for REGRESSED the upper one is
    taken, and for CLEAN the lower.
    """
    alpha = objective.error_level
    wealths: dict[str, float] = {}
    judged = {name: row for name, row in rows.items() if is_judged(row)}
    for name, row in judged.items():
        limit = _limit(_upper_quantile(row.primary_seconds, alpha * _OF_PRIMARY), objective)
        slower, _ = row.shadow_seconds.above(limit)
        wealths[name] = rate_wealth(slower, row.shadow_seconds.total, 0.01)
    regressed = dict(zip(wealths, discoveries(list(wealths.values()), alpha * _OF_SHADOWS), strict=True))
    scores: dict[str, LatencyScore] = {}
    for name, row in rows.items():
        primary, shadow = row.primary_seconds, row.shadow_seconds
        p50, p95, p99 = ((primary.quantile(part), shadow.quantile(part)) for part in (0.5, 0.95, 0.99))
        ratio = p99[1] / p99[0] if p99[0] and p99[1] else None
        needed: float | None = None
        state = FieldState.TOO_FEW
        if objective.max_p99_ratio is None or name not in judged:
            state = FieldState.CLEAN
        elif regressed[name]:
            state = FieldState.REGRESSED
        elif primary.total and shadow.total:
            factor = factor_needed(functools.partial(_is_fast_enough, primary, shadow, objective))
            if factor == 1.0:
                state = FieldState.CLEAN
            elif factor is not None:
                needed = (factor - 1) * shadow.total
        cpu = row.primary_cpu_seconds, row.shadow_cpu_seconds
        cpu_p50, cpu_p99 = ((cpu[0].quantile(part), cpu[1].quantile(part)) for part in (0.5, 0.99))
        scores[name] = LatencyScore(
            state=state,
            judged=name in judged,
            p50=p50,
            p95=p95,
            p99=p99,
            ratio=ratio,
            cpu_p50=cpu_p50,
            cpu_p99=cpu_p99,
            queued_p99=row.queued_seconds.quantile(0.99),
            calls=shadow.total,
            calls_needed=needed,
        )
    return scores


def _is_fast_enough(primary: Histogram, shadow: Histogram, objective: Objective, factor: float) -> bool:
    """Would the shadow's p99 be found to hold with so many times the calls, if they are like those so far?"""
    alpha = objective.error_level / 2
    _, slower = shadow.above(_limit(_lower_quantile(primary, alpha, factor), objective))
    return upper_bound(slower * factor, shadow.total * factor, alpha, 0.01) <= 0.01


def _limit(quantile: float, objective: Objective) -> float:
    if objective.max_p99_ratio is None:
        return math.inf
    return max(quantile * objective.max_p99_ratio, objective.fast_enough)


def _upper_quantile(histogram: Histogram, alpha: float) -> float:
    """What the p99 is at most, at all moments together but for a probability alpha."""
    edges = histogram.edges()

    def low_enough(edge: tuple[float, int]) -> bool:
        return upper_bound(edge[1], histogram.total, alpha, 0.01) <= 0.01

    first = bisect_left(edges, x=True, key=low_enough)
    return edges[first][0] if first < len(edges) else math.inf


def _lower_quantile(histogram: Histogram, alpha: float, factor: float) -> float:
    """What the p99 is at least, again but for a probability alpha, with so many times the calls."""
    edges = histogram.lower_edges()

    def too_high(edge: tuple[float, int]) -> bool:
        return upper_bound(edge[1] * factor, histogram.total * factor, alpha, 0.99) > 0.99

    first = bisect_left(edges, x=True, key=too_high)
    return edges[first - 1][0] if first else 0.0
