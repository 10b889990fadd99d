"""Rare operations are judged together, as one: each alone would take years of calls.

Which are rare must not depend on how they did. It is those that have had fewer calls, or keys, than it takes an
operation in which nothing ever differs. Fields of one name are one; a key of two operations is two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ._betting import Pairs, clean_wealth
from ._field import FieldTally
from ._objective import Objective, allowed_in
from ._operation import ANYTHING, Operation


class Judged(Protocol):
    """An operation, and what its calls and its keys said of a field."""

    @property
    def anything(self) -> FieldTally: ...  # pragma: no cover - a protocol has no body

    def fields(self) -> Iterable[tuple[str, FieldTally]]: ...  # pragma: no cover - a protocol has no body

    def pairs_against(self, name: str, tally: FieldTally) -> Pairs: ...  # pragma: no cover - a protocol has no body

    def levels(
        self, tally: FieldTally, *, most: bool
    ) -> list[tuple[float, Pairs]]: ...  # pragma: no cover - a protocol has no body


def rare_rows(rows: Mapping[str, Operation], objective: Objective) -> dict[str, Operation]:
    """Those to be judged together, by name; none if there are not two, or all of them are not enough."""
    # What the first stake of a bet takes: see `_betting.py`.
    enough = (math.log(4) - math.log(objective.error_level)) / objective.max_rate
    rare = {
        name: row
        for name, row in rows.items()
        if name not in objective.operations and 0 < min(row.compared, row.keys.estimate) < enough
    }
    total = sum(row.compared for row in rare.values())
    return rare if len(rare) > 1 and total >= enough * 0.9 else {}


def are_clean(judged: Sequence[Judged], objective: Objective) -> bool:
    """Is each of their fields clean, by calls and by keys of all of them, and what was never seen to differ?"""
    tallies: dict[str, list[tuple[Judged, FieldTally]]] = {}
    for one in judged:
        for name, tally in one.fields():
            tallies.setdefault(name, []).append((one, tally))
    nothing = FieldTally()
    tallies[""] = []
    if not any(objective.acknowledges("", name) for name in tallies):
        tallies[ANYTHING] = [(one, one.anything) for one in judged]
    needed = -math.log(objective.error_level)
    for name, seen in tallies.items():
        theirs = {id(one): tally for one, tally in seen}
        each = [(one, theirs.get(id(one), nothing)) for one in judged]
        by_calls = [one.pairs_against(name, tally) for one, tally in each]
        by_keys = [one.levels(tally, most=False)[0][1] for one, tally in each]
        allowed = allowed_in(objective, name)
        if min(clean_wealth(_sum(by_calls), allowed), clean_wealth(_sum(by_keys), allowed)) < needed:
            return False
    return True


def _sum(pairs: Sequence[Pairs]) -> Pairs:
    return Pairs._make(map(sum, zip(*pairs, strict=True)))
