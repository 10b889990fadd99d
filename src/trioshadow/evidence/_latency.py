"""Is a candidate as fast as it has to be? Of each operation, at the median and at the p99. Pure; the mathematics is in
`_slower.py` and `_bounds.py`.

A quantile is at most q if no more of the calls than its rest take longer than q, which is a rate and tested as such.
For CLEAN the shadow's is held against what the primary's is at least, times what is allowed. REGRESSED compares call by
call, which must have been done while counting, for the very limits that are asked for now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ._bounds import calls_to_be_below, discoveries, factor_needed, is_below
from ._contention import is_judged
from ._gate import blocks_needed
from ._histogram import Histogram
from ._kept import Kept
from ._objective import Objective
from ._operation import Operation
from ._scores import FieldState, LatencyScore
from ._slower import QUANTILES

#: What is kept of all of them together, beside the fields of an operation.
LATENCY = "latency"


def latencies(
    rows: Mapping[str, Operation], objective: Objective, kept: dict[tuple[str, str], Kept]
) -> dict[str, LatencyScore]:
    """Whether each operation's quantiles hold. `kept`: the most that earlier looks have seen, by operation and name."""
    slow: dict[str, list[str]] = {name: [] for name in rows}
    gates: dict[str, tuple[tuple[int, int], int | None]] = {}
    asked = sum(quantile.factor(objective) is not None for quantile in QUANTILES)
    for quantile in QUANTILES:
        found = {
            name: row.slower[quantile.name]
            for name, row in rows.items()
            if quantile.name in row.slower and is_judged(row) and _is_counted(row, objective.of(name))
        }
        level = objective.error_level / max(1, asked)
        wealths = [
            kept.setdefault((name, quantile.name), Kept()).look("regressed", slower.wealth())
            for name, slower in found.items()
        ]
        regressed = discoveries(wealths, [rows[name].order for name in found], level)
        for (name, slower), is_slow in zip(found.items(), regressed, strict=True):
            if is_slow:
                slow[name].append(quantile.name)
                block, order = rows[name].block, rows[name].order
                most = kept[name, quantile.name].look("blocks", slower.blocks.wealth(block))
                gates[name] = slower.blocks.counts(block), blocks_needed(slower.blocks, block, order, level, most)
    none: tuple[tuple[int, int], int | None] = (0, 0), 0
    return {
        name: _score(
            row,
            objective.of(name),
            tuple(slow[name]),
            *gates.get(name, none),
            kept=kept.setdefault((name, LATENCY), Kept()),
        )
        for name, row in rows.items()
    }


def _is_counted(row: Operation, objective: Objective) -> bool:
    """Were calls compared one by one for these very limits?"""
    known = row.objective
    return (objective.max_p99_ratio, objective.max_p50_ratio, objective.fast_enough) == (
        *(known.max_p99_ratio, known.max_p50_ratio),
        known.fast_enough,
    )


def are_fast_enough(rows: Sequence[Operation], objective: Objective) -> bool:
    """Do the quantiles of all of them together hold? Of those that can be judged."""
    rows = [row for row in rows if is_judged(row)]
    primary = Histogram.merge([row.primary_seconds for row in rows])
    shadow = Histogram.merge([row.shadow_seconds for row in rows])
    return not rows or _Speed(primary, shadow, objective).is_enough()


def _score(
    row: Operation,
    objective: Objective,
    slow: tuple[str, ...],
    blocks: tuple[int, int],
    needed_blocks: int | None,
    *,
    kept: Kept,
) -> LatencyScore:
    primary, shadow = row.primary_seconds, row.shadow_seconds
    p50, p95, p99 = zip(primary.quantiles(0.5, 0.95, 0.99), shadow.quantiles(0.5, 0.95, 0.99), strict=True)
    needed: float | None = None
    asked = [quantile.name for quantile in QUANTILES if quantile.factor(objective) is not None]
    state = FieldState.TOO_FEW
    judged = is_judged(row)
    if not asked or not judged:
        state = FieldState.CLEAN
    elif slow:
        state = FieldState.REGRESSED
    elif primary.total and shadow.total:
        speed = _Speed(primary, shadow, objective)
        factor = speed.factor_needed()
        # Once it was enough, it is while the quantiles themselves are within their limits.
        kept.clean = 1.0 if factor == 1.0 or (kept.clean > 0 and speed.holds()) else 0.0
        if kept.clean:
            state = FieldState.CLEAN
        elif factor is not None:
            needed = (factor - 1) * shadow.total
    cpu_p50, cpu_p99 = zip(
        *(cpu.quantiles(0.5, 0.99) for cpu in (row.primary_cpu_seconds, row.shadow_cpu_seconds)), strict=True
    )
    return LatencyScore(
        state=state,
        judged=judged,
        slow=slow,
        p50=p50,
        p95=p95,
        p99=p99,
        ratio=p99[1] / p99[0] if p99[0] and p99[1] else None,
        cpu_p50=cpu_p50,
        cpu_p99=cpu_p99,
        queued_p99=row.queued_seconds.quantile(0.99),
        calls=shadow.total,
        calls_needed=needed,
        blocks=blocks,
        blocks_needed=needed_blocks,
        tested=not asked or (_is_counted(row, objective) and all(name in row.slower for name in asked)),
    )


class _Speed:
    """Would what is asked of latency be found to hold with so many times the calls, if they are like those so far?"""

    def __init__(self, primary: Histogram, shadow: Histogram, objective: Objective) -> None:
        self._alpha = objective.error_level / 2
        self._fast_enough = objective.fast_enough
        self._asked = [(one.part, factor) for one in QUANTILES if (factor := one.factor(objective)) is not None]
        self._sides = primary, shadow
        self._edges = primary.lower_edges()
        self._primary = primary.total
        self._shadow, self._total = shadow, shadow.total
        self._lows: dict[float, int] = {}

    def holds(self) -> bool:
        """Does it, by the quantiles themselves, whatever these may be off by?"""
        for part, ratio in self._asked:
            primary, shadow = (side.quantile(part) or 0.0 for side in self._sides)
            if shadow > max(primary * ratio, self._fast_enough):
                return False
        return True

    def factor_needed(self) -> float | None:
        """How many times the calls it takes, about; None if no number would do."""
        least = max(calls_to_be_below(self._alpha, 1 - part) for part, _ in self._asked)
        return factor_needed(self.is_enough, least / self._total)

    def is_enough(self, factor: float = 1.0) -> bool:
        """With so many times the calls."""
        for part, ratio in self._asked:
            _, slower = self._shadow.above(max(self._lower(part, factor) * ratio, self._fast_enough))
            if not is_below(slower * factor, self._total * factor, self._alpha, 1 - part):
                return False
        return True

    def _lower(self, part: float, factor: float) -> float:
        """What the primary's quantile is at least, but for the probability alpha."""

        def is_low(index: int) -> bool:
            return is_below(self._edges[index][1] * factor, self._primary * factor, self._alpha, part)

        # From where it was for another factor: it is there, or beside that.
        low = min(self._lows.get(part, 0), len(self._edges) - 1)
        while low >= 0 and not is_low(low):
            low -= 1
        while low + 1 < len(self._edges) and is_low(low + 1):
            low += 1
        self._lows[part] = low
        return self._edges[low][0] if low >= 0 else 0.0
