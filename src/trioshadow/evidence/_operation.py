"""Operation: all that is counted of one operation, from the calls that were never mirrored to the fields that differ.

It is the row in which a call is entered: the ledger's totals are these rows added up, and so can't disagree with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioshadow._model.verdict import IN_FLIGHT, Verdict

from ._distinct import DistinctKeys
from ._field import FieldTally
from ._histogram import Histogram
from ._places import FAILURES
from ._plain import count_in

#: Keys of one operation are counted exactly below this many, and then estimated, with a standard error of 3.1 %.
KEYS_OF_OPERATION = 1024

#: The name of all fields as one.
ANYTHING = "anything"

#: Verdicts that say something of the shadow.
COMPARED = (Verdict.MATCHED, Verdict.DIVERGED, Verdict.FAILED, Verdict.TIMED_OUT)
#: Those of legs.
MIRRORED = tuple(verdict for verdict in Verdict if verdict.mirrored)
NOT_MIRRORED = tuple(verdict for verdict in Verdict if not verdict.mirrored)


class Operation:
    """The counts of one operation."""

    __slots__ = (
        *("anything", "asked", "counts", "fields", "held", "inherited", "keys", "other_fields", "pair_keys", "pairs"),
        *("primary_seconds", "secondary_counts", "secondary_seconds", "shadow_seconds"),
        *("contended", "primary_cpu_seconds", "queued_seconds", "shadow_cpu_seconds", "unlike"),
    )

    def __init__(self) -> None:
        #: One counter a verdict, by `Verdict.slot`, then that of the legs in flight. A list: a slot of it costs 26 ns,
        #: a dict keyed by an enum 122; and another thread can take all of it in one step.
        self.counts = [0] * (IN_FLIGHT + 1)
        self.secondary_counts = [0] * len(MIRRORED)
        """The secondary's verdicts, by `Verdict.slot`."""
        self.held = 0
        """Legs, and pairs, that will still be entered here."""
        self.inherited = 0
        """Calls that it may have had before it was counted by name: see `_evidence.py`."""
        self.keys = DistinctKeys(KEYS_OF_OPERATION)
        """Of the calls that were compared."""
        self.asked = 0
        """Compared calls of which the secondary said something too, if only that it failed."""
        self.pair_keys = DistinctKeys(KEYS_OF_OPERATION)
        """Of these."""
        self.pairs = 0
        """Those of them in which both sides gave something to compare: the A/A' pairs."""
        self.primary_seconds = Histogram()
        """Of the calls that were compared and that the primary answered, or raised."""
        self.shadow_seconds = Histogram()
        """Of the calls that were compared, those that timed out included."""
        self.secondary_seconds = Histogram()
        self.primary_cpu_seconds = Histogram()
        """Own CPU time, where a side is a sync function that was timed alone."""
        self.shadow_cpu_seconds = Histogram()
        self.queued_seconds = Histogram()
        """What the shadow waited for a place, before its own time began."""
        self.contended = 0
        """Compared calls whose times say more of the interpreter lock than of the two sides."""
        self.unlike = 0
        """Compared calls whose primary was timed alone, and whose shadow with the turns of others on its loop."""
        self.anything = FieldTally()
        """All fields as one."""
        self.fields: dict[str, FieldTally] = {}
        self.other_fields = FieldTally()
        """The fields that there was no room for."""

    @property
    def calls(self) -> int:
        """All calls."""
        return sum(self.counts)

    @property
    def compared(self) -> int:
        """Calls that say something of the shadow."""
        return sum(self.counts[verdict.slot] for verdict in COMPARED)

    @property
    def weight(self) -> int:
        """How many calls it stands for at most."""
        return self.calls + self.inherited

    def pairs_of(self, field: str) -> int:
        """Calls with a secondary in which it could be seen whether this field differs."""
        return self.asked if field in FAILURES or field == ANYTHING else self.pairs

    def observe(self, key_hash: int | None, primary_seconds: float | None, shadow_seconds: float | None) -> None:
        """A call was compared. What differed is told to `differ()` or `pair()`."""
        self.keys.add(key_hash)
        if primary_seconds is not None:
            self.primary_seconds.add(primary_seconds)
        if shadow_seconds is not None:
            self.shadow_seconds.add(shadow_seconds)

    def observe_clocks(
        self,
        shadow_cpu_seconds: float | None,
        queued_seconds: float | None,
        *,
        primary_cpu_seconds: float | None,
        contended: bool,
        unlike: bool,
    ) -> None:
        """Of a call that was compared: where and how it was timed. Told besides `observe()`, of few calls mostly."""
        if primary_cpu_seconds is not None:
            self.primary_cpu_seconds.add(primary_cpu_seconds)
        if shadow_cpu_seconds is not None:
            self.shadow_cpu_seconds.add(shadow_cpu_seconds)
        if queued_seconds is not None:
            self.queued_seconds.add(queued_seconds)
        self.contended += contended
        self.unlike += unlike

    def differ(self, field: FieldTally, key_hash: int | None) -> None:
        """The shadow differed in this field."""
        field.differed += 1
        field.keys.add(key_hash)

    def pair(self, field: FieldTally, key_hash: int | None, *, shadow: bool, secondary: bool) -> None:
        """Of a call with a secondary: who differed in this field."""
        if shadow and secondary:
            field.both += 1
        elif shadow:
            field.shadow_only += 1
            field.shadow_keys.add(key_hash)
        elif secondary:
            field.secondary_only += 1

    def update(self, other: Operation) -> None:
        """Add the counts of another, field by field."""
        self.update_counts(other)
        for name, field in other.fields.items():
            own = self.fields.get(name)
            if own is None:
                own = self.fields[name] = FieldTally()
            own.update(field)

    def fold(self, other: Operation) -> None:
        """Add the counts of another, of which no field is told apart any more."""
        self.update_counts(other)
        for field in other.fields.values():
            self.other_fields.update(field)

    def update_counts(self, other: Operation) -> None:
        """All but the fields."""
        self.counts[:] = [ours + theirs for ours, theirs in zip(self.counts, other.counts, strict=True)]
        self.secondary_counts[:] = [
            ours + theirs for ours, theirs in zip(self.secondary_counts, other.secondary_counts, strict=True)
        ]
        self.inherited += other.inherited
        self.keys.update(other.keys)
        self.asked += other.asked
        self.pairs += other.pairs
        self.pair_keys.update(other.pair_keys)
        self.primary_seconds.update(other.primary_seconds)
        self.shadow_seconds.update(other.shadow_seconds)
        self.secondary_seconds.update(other.secondary_seconds)
        self.primary_cpu_seconds.update(other.primary_cpu_seconds)
        self.shadow_cpu_seconds.update(other.shadow_cpu_seconds)
        self.queued_seconds.update(other.queued_seconds)
        self.contended += other.contended
        self.unlike += other.unlike
        self.anything.update(other.anything)
        self.other_fields.update(other.other_fields)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "counts": {
                **{verdict.value: self.counts[verdict.slot] for verdict in Verdict},
                "in_flight": self.counts[IN_FLIGHT],
            },
            "secondary": {verdict.value: self.secondary_counts[verdict.slot] for verdict in MIRRORED},
            "inherited": self.inherited,
            "keys": self.keys.to_dict(),
            "asked": self.asked,
            "pairs": self.pairs,
            "pair_keys": self.pair_keys.to_dict(),
            "primary_seconds": self.primary_seconds.to_dict(),
            "shadow_seconds": self.shadow_seconds.to_dict(),
            "secondary_seconds": self.secondary_seconds.to_dict(),
            "primary_cpu_seconds": self.primary_cpu_seconds.to_dict(),
            "shadow_cpu_seconds": self.shadow_cpu_seconds.to_dict(),
            "queued_seconds": self.queued_seconds.to_dict(),
            "contended": self.contended,
            "unlike": self.unlike,
            "anything": self.anything.to_dict(),
            "fields": {name: field.to_dict() for name, field in self.fields.items()},
            "other_fields": self.other_fields.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Operation:
        """What `to_dict()` gave. ValueError, TypeError, KeyError or AttributeError if it can't have."""
        operation = cls()
        counts, secondary = data["counts"], data["secondary"]
        for verdict in Verdict:
            operation.counts[verdict.slot] = count_in(counts, verdict.value)
        operation.counts[IN_FLIGHT] = count_in(counts, "in_flight")
        for verdict in MIRRORED:
            operation.secondary_counts[verdict.slot] = count_in(secondary, verdict.value)
        for name in ("inherited", "asked", "pairs", "contended", "unlike"):
            setattr(operation, name, count_in(data, name))
        operation.keys = DistinctKeys.from_dict(data["keys"], KEYS_OF_OPERATION)
        operation.pair_keys = DistinctKeys.from_dict(data["pair_keys"], KEYS_OF_OPERATION)
        operation.primary_seconds = Histogram.from_dict(data["primary_seconds"])
        operation.shadow_seconds = Histogram.from_dict(data["shadow_seconds"])
        operation.secondary_seconds = Histogram.from_dict(data["secondary_seconds"])
        operation.primary_cpu_seconds = Histogram.from_dict(data["primary_cpu_seconds"])
        operation.shadow_cpu_seconds = Histogram.from_dict(data["shadow_cpu_seconds"])
        operation.queued_seconds = Histogram.from_dict(data["queued_seconds"])
        operation.anything = FieldTally.from_dict(data["anything"])
        operation.fields = {str(name): FieldTally.from_dict(field) for name, field in data["fields"].items()}
        operation.other_fields = FieldTally.from_dict(data["other_fields"])
        return operation
