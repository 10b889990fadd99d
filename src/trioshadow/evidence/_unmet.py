"""What has met nothing, in words: acknowledgements of what never differs, and rules whose path reaches nothing.
Most such are misspelt, so what may be meant is named.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from ._evidence import Evidence
from ._objective import Acknowledged, Objective
from ._places import ERROR_PATH, HEADER, WHOLE, field_name
from ._scores import OperationScore

#: A rule that met nothing in fewer pairs of answers is not told: it may be about others.
ENOUGH = 20

#: So many are told, and so many names are looked through for what may be meant.
_TOLD, _NAMES = 8, 500


def unmet(evidence: Evidence, operations: Sequence[OperationScore], objective: Objective) -> Iterator[str]:
    """A note for each."""
    seen = [(operation.operation, field.field) for operation in operations for field in operation.fields]
    found = [*_acknowledged(objective, seen, [operation.operation for operation in operations])]
    found += _rules(evidence, [field for _, field in seen])
    yield from found[:_TOLD]
    if len(found) > _TOLD:
        yield f"and {len(found) - _TOLD:,} more rules and acknowledgements have met nothing"


def _acknowledged(objective: Objective, seen: list[tuple[str, str]], operations: list[str]) -> Iterator[str]:
    for one in objective.acknowledged:
        if not any(one.covers(*names) for names in seen):
            where = "" if one.operation is None else f" of {one.operation or '(unnamed)'}"
            meant = _asked(_meant_by(one, seen, operations))
            yield f"acknowledged, and never seen to differ: {one.field}{where}{meant}"


def _meant_by(one: Acknowledged, seen: list[tuple[str, str]], operations: list[str]) -> str | None:
    if one.operation is not None and one.operation not in operations:
        others = [operation for operation, field in seen if field == one.field] or operations
        meant = _closest(one.operation, others)
        return None if meant is None else f"the operation {meant or '(unnamed)'}"
    return _meant(one.field, [field for operation, field in seen if one.operation in (None, operation)])


def _rules(evidence: Evidence, fields: list[str]) -> Iterator[str]:
    paths = {WHOLE: None}
    for field in fields:
        steps = _STEP.findall(field) if field.startswith((WHOLE, ERROR_PATH)) else []
        paths |= {WHOLE + "".join(steps[: number + 1]): None for number in range(len(steps))}
    headers = [field for field in fields if field.startswith(HEADER)]
    for name, (looks, met, unsure) in evidence.rules().items():
        if not met and not unsure and looks >= ENOUGH:
            place = name.partition(" ")[2].partition(" by ")[0]
            meant = _meant(field_name(place), headers if place.startswith(HEADER) else [*paths])
            yield f"{name}: this rule met nothing in {looks:,} pairs of answers that were not the same{_asked(meant)}"


_STEP = re.compile(r"\.[^.\[]+|\[[^\]]*\]")


def _asked(meant: str | None) -> str:
    return "" if meant is None else f" (did you mean {meant}?)"


def _meant(name: str, names: Sequence[str]) -> str | None:
    """Which of these names may be meant by one that is none of them."""
    for guess in (f"$.{name}", f"{HEADER}{name.lower()}", f"{WHOLE}{name}"):
        if guess in names:
            return guess
    last = re.split(r"[. ]", name)[-1]
    same_end = [one for one in names if re.split(r"[. ]", one)[-1].removesuffix("[*]") == last.removesuffix("[*]")]
    return _closest(name, [one for one in same_end if one != name]) or _closest(name, [o for o in names if o != name])


def _closest(name: str, names: Sequence[str]) -> str | None:
    found = difflib.get_close_matches(name, names[:_NAMES], 1, 0.6 if len(names) > 1 else 0.5)
    return found[0] if found else None
