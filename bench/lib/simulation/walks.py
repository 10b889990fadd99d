"""Random walks for `evidence.py`: many fields of many calls, of which only those that differ are drawn.

Each cell (a call, a field) is independent, so the cells in which anything happens are a Bernoulli process over all
cells in order, and its gaps are geometric: a run of 20,000 calls and 50 fields at 0.1 % is 2,000 numbers and not a
million.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Walk:
    """What happened in one run: one entry an event, in order of calls."""

    call: Ints
    """Which call it was, from 1 on."""
    field: Ints
    b: Ints
    """Calls so far, this one included, in which only the shadow differed in this field."""
    c: Ints
    """The same of the secondary."""
    both: Ints
    """In which both did."""

    def after(self, calls: int) -> tuple[Ints, Ints, Ints]:
        """Return b, c and both of each field that was seen, after so many calls."""
        end = int(np.searchsorted(self.call, calls, side="right"))
        at = np.full(int(self.field.max(initial=0)) + 1, -1)
        at[self.field[:end]] = np.arange(end)  # the last one wins
        latest = at[at >= 0]
        return self.b[latest], self.c[latest], self.both[latest]


def walk(chance: np.random.Generator, calls: int, shadow: Floats, secondary: Floats) -> Walk:
    """Draw one run. The two differ by chance and independently, in each field with rates of its own.

    Fields of different rates are drawn at the greatest, and thinned.
    """
    fields = len(shadow)
    differs = 1 - (1 - shadow) * (1 - secondary)
    most = float(differs.max())
    cells = _events(chance, calls * fields, most)
    field = cells % fields
    if differs.min() < most:
        kept = chance.random(len(cells)) * most < differs[field]
        cells, field = cells[kept], field[kept]
    which = chance.random(len(cells)) * differs[field]
    first = (shadow * (1 - secondary))[field]
    second = first + (secondary * (1 - shadow))[field]
    order = np.argsort(field.astype(np.uint16), kind="stable")
    starts = np.searchsorted(field[order], np.arange(fields + 1))
    kinds = (which < first, (first <= which) & (which < second), second <= which)
    return Walk(cells // fields + 1, field, *(_counted(kind, order, starts) for kind in kinds))


def _events(chance: np.random.Generator, cells: int, rate: float) -> Ints:
    if rate >= 1:
        return np.arange(cells)
    room = int(cells * rate + 10 * (cells * rate) ** 0.5 + 20)
    at = np.cumsum(chance.geometric(rate, size=room)) - 1
    if at[-1] < cells:
        raise AssertionError("too few events were drawn")
    return at[: np.searchsorted(at, cells)]


def _counted(hits: Bools, order: Ints, starts: Ints) -> Ints:
    """How many hits each field has had so far, at each event of it. In `order` events go by field, and then by time."""
    running = np.concatenate(([0], np.cumsum(hits[order])))
    counted = np.empty(len(hits), dtype=np.int64)
    counted[order] = running[1:] - np.repeat(running[starts[:-1]], np.diff(starts))
    return counted
