"""Where answers differ, without the rules and with them: two scorecards, field by field. Pure."""

from __future__ import annotations

import attrs

from trioshadow.evidence import FieldScore, Scorecard


@attrs.frozen
class Row:
    """One field, in the scorecard without the rules and in that with them; None where it does not differ."""

    field: str
    without: FieldScore | None
    ruled: FieldScore | None


def rows_of(without: Scorecard, ruled: Scorecard) -> list[Row]:
    """A row for each field that differs in either; what differs in most calls first."""
    before, after = _fields_of(without), _fields_of(ruled)
    rows = [Row(field, before.get(field), after.get(field)) for field in {**before, **after}]
    return sorted(rows, key=lambda row: (-max(each.calls for each in (row.without, row.ruled) if each), row.field))


def _fields_of(scorecard: Scorecard) -> dict[str, FieldScore]:
    # All calls are of one operation.
    return {field.field: field for operation in scorecard.operations for field in operation.fields}
