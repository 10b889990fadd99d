"""Scorecard: what the evidence says of a candidate, frozen, and in words for a terminal. It judges nothing:
`_judging.py` and `_conclusion.py` have. What comes from traffic can't steer the terminal.
"""

from __future__ import annotations

import enum
import textwrap
from collections.abc import Callable, Iterator, Sequence

import attrs

from trioshadow._model.checks import integer
from trioshadow._model.words import counted
from trioshadow.compare import around, first_difference, visible

from ._epoch import Epoch
from ._objective import Objective
from ._places import ERROR_PATH, HEADER, WHOLE
from ._scores import FieldScore, FieldState, OperationScore
from ._withheld import Withheld

#: So many reasons and fields are told; how many there are besides is said.
_REASONS, _OPERATIONS, _FIELDS = 8, 12, 12


class Decision(enum.Enum):
    """What to do with the candidate."""

    PROMOTE = "promote"
    """It meets the objective, as far as it is covered."""
    HOLD = "hold"
    """Not yet: `missing` says what it takes."""
    REJECT = "reject"
    """It does not meet the objective: `reasons` say why."""


_is_width = integer("a count of characters in [40, inf)", lambda width: width >= 40)


@attrs.frozen(kw_only=True)
class Scorecard:
    """What the evidence says, at one moment. `str()` of it is a line, `explain()` a page."""

    decision: Decision
    reasons: tuple[str, ...]
    """Why, most important first."""
    missing: tuple[str, ...]
    """What it takes to promote; empty if nothing."""
    not_covered: tuple[str, ...]
    """What the decision says nothing about: calls that were never compared, and operations with too few."""
    notes: tuple[str, ...]
    """What else should be known."""
    coverage: float
    """The fraction of all calls that the decision covers."""
    operations: tuple[OperationScore, ...]
    """Those with most calls first."""
    withheld: tuple[Withheld, ...]
    """Calls that were not compared, since an HTTP edge had withheld credentials from the shadow or the secondary: the
    headers' names, and what makes them go along. Those that forbid a PROMOTE first."""
    calls: int
    mirrored: int
    pairs: int
    epoch: Epoch
    objective: Objective

    def operation(self, name: str) -> OperationScore:
        """The score of one operation. KeyError if it was never called."""
        for score in self.operations:
            if score.operation == name:
                return score
        raise KeyError(name)

    def __str__(self) -> str:
        reason = self.reasons[0] if self.reasons else "nothing differs beyond what is allowed"
        return f"{self.decision.value.upper()}: {visible(reason)}"

    def explain(self, *, width: int = 80) -> str:
        """All of it in words, for a terminal: the decision and its reasons, then a table. `width` in [40, inf)."""
        _is_width.check("width", width)
        lines = [self.decision.value.upper()]
        lines += _listed(self.reasons, width)
        for title, texts in (
            ("To promote it takes:", self.missing),
            ("Not covered:", self.not_covered),
            ("Note:", self.notes),
        ):
            if texts and not (title.startswith("To promote") and texts == self.reasons):
                lines += ["", title, *_listed(texts, width)]
        lines += ["", *_table(self.operations, width)]
        return "\n".join(lines)


# ── in words ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _listed(texts: Sequence[str], width: int) -> Iterator[str]:
    for text in texts[:_REASONS]:
        yield from textwrap.wrap(
            visible(text), width, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False
        )
    if len(texts) > _REASONS:
        yield f"  and {len(texts) - _REASONS:,} more"


_COLUMNS: dict[str, Callable[[OperationScore], str]] = {
    "calls": lambda operation: f"{operation.calls:,}",
    "compared": lambda operation: f"{operation.compared:,}",
    "keys": lambda operation: _keys(operation),  # noqa: PLW0108 - it is defined below
    "pairs": lambda operation: f"{operation.pairs:,}",
    "p99 old": lambda operation: _seconds(operation.latency.p99[0]),
    "p99 new": lambda operation: _seconds(operation.latency.p99[1]),
}
#: Where there is no room for all of them, the first of these is left out first.
_DISPENSABLE = ("compared", "p99 old", "p99 new", "pairs", "keys", "calls")
#: Who waits no longer than this, in seconds, has hardly waited for a place.
_QUEUED = 1e-4
#: Of a name so much is shown at least; and the longest state.
_NAME, _STATE = 12, 12


def _table(operations: Sequence[OperationScore], width: int) -> Iterator[str]:
    shown = operations[:_OPERATIONS]
    if not shown:
        return
    columns = {name: [name, *map(cell, shown)] for name, cell in _COLUMNS.items()}
    widths = {name: 3 + max(map(len, cells)) for name, cells in columns.items()}
    for name in _DISPENSABLE:
        if _NAME + 1 + _STATE + sum(widths.values()) > width:
            del widths[name]
    room = width - 1 - _STATE - sum(widths.values())

    def line(row: int, name: str, state: str) -> str:
        cells = (columns[column][row].rjust(wide) for column, wide in widths.items())
        return f"{_fit(name, room):<{room}} {state:<{_STATE}}{''.join(cells)}".rstrip()

    yield line(0, "operation", "")
    for row, operation in enumerate(shown, 1):
        name = operation.name
        if len(visible(name)) > room:  # those of HTTP mostly are
            yield _fit(name, width)
            name = ""
        yield line(row, name, _state(operation))
        yield from textwrap.wrap(_clocks(operation), width, initial_indent="    ", subsequent_indent="      ")
        for field in operation.fields[:_FIELDS]:
            yield from _field(field, width)
        if len(operation.fields) > _FIELDS:
            yield f"    and {len(operation.fields) - _FIELDS:,} more fields"
    if len(operations) > _OPERATIONS:
        yield f"and {len(operations) - _OPERATIONS:,} more operations"


def _keys(operation: OperationScore) -> str:
    # From 1,024 on they are estimated; those without a key are not.
    estimated = operation.keys - operation.keyless >= 1_024
    return f"{'~' * estimated}{operation.keys:,.0f}"


def _state(operation: OperationScore) -> str:
    if operation.latency.state is FieldState.REGRESSED:
        return "slower" if operation.state is not FieldState.REGRESSED else "regressed"
    if operation.withheld > operation.compared and operation.state is FieldState.TOO_FEW:
        return "withheld"
    if operation.state is FieldState.CLEAN and not operation.covered:
        return "p99 unknown"
    return operation.state.value.replace("_", " ")


def _clocks(operation: OperationScore) -> str:
    """What is known of a side that was timed alone, or elsewhere; empty for most."""
    latency = operation.latency
    told = []
    if latency.cpu_p99 != (None, None):
        old, new = map(_seconds, latency.cpu_p99)
        told.append(f"own CPU p99 {old} old, {new} new")
    if latency.queued_p99 is not None and latency.queued_p99 >= _QUEUED:
        told.append(f"queued p99 {_seconds(latency.queued_p99)}")
    if not latency.judged:
        told.append("latency not judged")
    return "; ".join(told)


def _field(field: FieldScore, width: int) -> Iterator[str]:
    state = "acknowledged" if field.acknowledged else field.state.value.replace("_", " ")
    told = f"{counted(field.calls, 'call')}, {field.rate:.2%} of the keys"
    if field.noise is not None:
        told += f"; noise {field.noise:.2%}"
    if field.rate_beyond_noise < 1:
        told += f"; beyond noise at most {field.rate_beyond_noise:.2%}"
    yield f"    {_fit(field.field, width - 6 - len(state))}: {state}"
    yield from textwrap.wrap(told, width, initial_indent="      ", subsequent_indent="      ")
    if field.state is FieldState.CLEAN and not field.acknowledged:
        return  # nobody has to look at it
    for example in field.examples[:1]:
        old, new = visible(example.primary or ""), visible(example.shadow or "")
        at = first_difference(old, new)
        for sign, side, text in (("-", example.primary, old), ("+", example.shadow, new)):
            if side is not None:
                yield f"      {sign} {around(text, at, width - 8)}"
            elif field.field.startswith((WHOLE, HEADER, ERROR_PATH)):  # null is something, and so is an empty text
                yield f"      {sign} (absent)"


def _fit(text: str, room: int) -> str:
    text = visible(text)
    return text if len(text) <= room else text[: room - 1] + "…"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
