"""What of the kept differences would be gone with more rules? An answer about records, which are examples: nothing that
was counted changes.

Evidence is counted by field, and no rule can judge it again. A record can be judged in two ways. By the places in which
it differs: a rule that ignores a place takes away what is there, a rule that can't reach it leaves it, and of any other
rule it can't be told. If so, and both answers were kept whole, they are compared again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from trioshadow import Divergence, DivergenceRecord, ShadowConfig
from trioshadow._model.words import counted
from trioshadow.cli.common.rules import AnyRule, rule_text

from .by_places import ByPlaces, Fate, by_part, diff_of, has_more
from .compared_again import CHANGES, Again, UnknownError, compare_again

#: Operations and fields that are told apart.
_ROWS = 10_000


@attrs.frozen
class FieldWhatIf:
    """A field of an operation: of the records that differ in it, what would become of them there."""

    operation: str
    field: str
    records: int
    gone: int
    left: int
    unknown: int


@attrs.frozen(kw_only=True)
class WhatIf:
    """What would become of the kept differences of an epoch; each is counted once."""

    rules: tuple[str, ...]
    records: int
    """Kept differences."""
    gone: int
    smaller: int
    """They would still differ, and in fewer fields."""
    left: int
    """They would differ as they do."""
    unknown: int
    """It can't be told, ..."""
    unknown_because: Mapping[str, int]
    """... for these reasons, those of most records first."""
    fields: tuple[FieldWhatIf, ...]
    """Those first of which most would be gone; the first 10,000 that were found."""

    def told(self) -> str:
        """In a sentence or two."""
        of = counted(self.records, "kept difference")
        told = f"With {'this rule' if len(self.rules) == 1 else 'these rules'} {self.gone:,} of {of} would be gone"
        if self.smaller:
            told += f", {self.smaller:,} smaller"
        if self.unknown:
            reasons = self.unknown_because
            why = "; ".join(reasons if len(reasons) == 1 else (f"{why}: {n:,}" for why, n in reasons.items()))
            told += f"; {self.unknown:,} can't be told ({why})"
        return f"{told}. These are examples: no count and no decision changes."


def what_if(rules: tuple[AnyRule, ...], records: Iterable[DivergenceRecord]) -> WhatIf:
    """Judge these records, one by one, as if these rules had been set too. Those without a divergence are left out."""
    judge = _Judge(rules)
    fates: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    rows: dict[tuple[str, str], Counter[Fate]] = {}
    for record in records:
        if record.divergence is None:
            continue
        found, why = judge.fates(record, record.divergence)
        by_field: dict[str, Fate] = {}
        for field, fate in found:
            by_field[field] = max(fate, by_field.get(field, fate), key=_WEIGHT.index)
        for field, fate in by_field.items():
            row = rows.get((record.operation, field))
            if row is None and len(rows) < _ROWS:
                row = rows[record.operation, field] = Counter()
            if row is not None:
                row[fate] += 1
        of_record = set(by_field.values())
        if Fate.LEFT in of_record:
            fates["smaller" if Fate.GONE in of_record else "left"] += 1
        elif Fate.UNKNOWN in of_record:
            fates["unknown"] += 1
            reasons[why] += 1
        else:
            fates["gone"] += 1
    told = [
        FieldWhatIf(*place, row.total(), *(row[fate] for fate in (Fate.GONE, Fate.LEFT, Fate.UNKNOWN)))
        for place, row in rows.items()
    ]
    return WhatIf(
        rules=tuple(map(rule_text, rules)),
        records=fates.total(),
        **{name: fates[name] for name in ("gone", "smaller", "left", "unknown")},
        unknown_because=dict(reasons.most_common()),
        fields=tuple(sorted(told, key=lambda row: (-row.gone, -row.records, row.operation, row.field))),
    )


#: What is left in one place of a field is left in the field; and what may be is not gone.
_WEIGHT = [Fate.GONE, Fate.UNKNOWN, Fate.LEFT]


class _Judge:
    def __init__(self, rules: tuple[AnyRule, ...]) -> None:
        self._without = ShadowConfig(max_changes=CHANGES)
        self._with = ShadowConfig(ignore=rules, max_changes=CHANGES)
        self._by_places = ByPlaces(rules, self._with)

    def fates(self, record: DivergenceRecord, divergence: Divergence) -> tuple[list[tuple[str, Fate]], str]:
        """What would become of each place in which this record differs, by field; and why that is not known of some."""
        fates: list[tuple[str, Fate]] = []
        why = ""
        again: Again | None = None
        for part, places in by_part(divergence).items():
            found = [(place.field, self._by_places.fate(place)) for place in places]
            if has_more(diff_of(divergence, part)):
                found.append(("more changes", self._by_places.of_more(part)))
            if any(fate is Fate.UNKNOWN for _, fate in found):
                try:
                    again = again or compare_again(record, divergence, self._without, self._with)
                    found = again.fates(part, places)
                except UnknownError as exc:
                    why = why or str(exc)
            fates += found
        return fates, why
