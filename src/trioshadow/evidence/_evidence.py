"""Evidence: what is counted of one epoch, by operation and field. Bounded, mergeable, plain data at any time.

An *epoch* is one candidate and one set of rules. Counts of two epochs are about two different things, and never added.
A *series* is one run of counting: its snapshots are cumulative, so of each series only the last one counts, and the sum
over all series of an epoch (processes, machines, restarts) is what one process that saw everything would have counted.
Exactly so, unless a table was full: then the totals are still exact, and single rows may be too low by what is in the
row for all others.

A table holds up to twice its limit. Then the lighter half is folded into one row for all others, and the weight of the
heaviest of these is what every name that comes later *inherits*: so much it may have had before. Weights then never are
less than the truth, and a name that has more than 1/limit of all there is can't be folded (batched Space-Saving:
Metwally, Agrawal, El Abbadi, ICDT 2005). What is folded is counted in the row for all others, so sums stay exact.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterable, Mapping
from typing import Any

import attrs

from trioshadow._model.keys import key_as_text
from trioshadow.compare import Counts, RuleUse, added_up

from ._epoch import Epoch
from ._field import EXAMPLES, Example, FieldTally
from ._folding import lightest
from ._histogram import Histogram
from ._kept import Kept
from ._objective import Objective, is_objective
from ._observation import Observation
from ._operation import Operation, number_fields, sum_at_once
from ._operation_data import operation_data, operation_from
from ._places import FAILURES, words_of
from ._plain import moment_in, text_in

#: Operations that keep a row of their own, at least, ...
OPERATIONS = 256
#: ... and fields, of all operations together.
FIELDS = 1_000

#: Of what `to_dict()` gives. Counts of another format mean something else: they are never read.
FORMAT = 3
#: The operation of calls that nobody named.
UNNAMED = ""
#: That of those that there was no room for.
OTHERS = "(other)"

#: Configurations of one epoch whose rules are looked after: an edge adds some to the shadower's own.
_USES = 16


class Evidence:
    """The counts of one `epoch`, or of a part of it, `since` a wall-clock time in seconds.

    `series` is a text that no other run of counting has. A running shadower has one (`Shadower.scorecard()` reads it);
    others come out of an archive, by `from_dict()`.
    """

    def __init__(
        self, epoch: Epoch, *, series: str = "", since: float = 0.0, objective: Objective | None = None
    ) -> None:
        self.epoch = epoch
        is_objective.or_none.check("objective", objective)
        self.objective = Objective() if objective is None else objective
        """What is needed of it while counting. A scorecard may ask for another, which is then judged without the tests
        that this is needed for."""
        self.series = series
        self.since = since
        """Wall clock, seconds since the epoch of Unix: when the counting began."""
        self.closed = False
        """No call is entered any more: they were added up with others."""
        self.still = 0
        """So many are entering what was compared, folding rows or reading them: a call that comes in the midst of that
        folds none.
        """
        self.use: RuleUse | None = None
        """Of the rules by which the last call is compared."""
        self._uses: list[RuleUse] = []
        self._rules: Counts = {}
        self.kept: dict[tuple[str, str], Kept] = {}
        """The most that who looked has seen, by operation and field."""
        self._order = self._operations = 0
        self.operations: dict[str, Operation] = {}
        # Most programs name all of their operations, or none: the first one named comes before either of these.
        self.operations[UNNAMED] = Operation(self.objective.of(UNNAMED), 1)
        self.operations[OTHERS] = Operation(self.objective, 2 * OPERATIONS + 2)
        self.unnamed = self.operations[UNNAMED]
        self._inherited = self._fields = self._fields_inherited = 0
        self.unlock()

    # ── counting ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def operation(self, name: str) -> Operation:
        """The row of an operation, in the shadower's own thread: where a call is held, or entered at once."""
        row = self.operations.get(name)
        if row is None:
            with self._lock:
                if self.still and len(self.operations) >= 2 * OPERATIONS + 2:
                    return self.operations[OTHERS]
                row = self._new_operation(name)
                if len(self.operations) > 2 * OPERATIONS + 2:
                    with self.nothing_folded():
                        self._fold_operations(row)
        return row

    def known(self, name: str) -> str:
        """The name under which there is a row for a call of this operation. From any thread: only the shadower's folds
        rows, so where there is no room for one more, it is that for all others.

        The row may be gone a moment later: who enters a call looks it up in `operations`, with no call between that and
        the entry. CPython changes threads, handles signals and collects garbage at calls and backward jumps only.
        """
        with self._lock:
            if name not in self.operations:
                if len(self.operations) >= 2 * OPERATIONS + 2:
                    return OTHERS
                self._new_operation(name)
        return name

    def unlock(self) -> None:
        """In a forked child nobody is left who could have the lock: that of those who make and fold rows."""
        self._lock = threading.RLock()  # a signal handler and a finaliser may take it in the midst of that

    @contextlib.contextmanager
    def nothing_folded(self) -> Generator[None, None, None]:
        """Who interrupts this thread may count, and make a row if there is room, but folds none meanwhile. Nor does the
        shadower's own thread, the only one that folds, while another has the lock.
        """
        self.still += 1
        try:
            yield
        finally:
            self.still -= 1

    def rename(self, old: str, new: str, slot: int) -> None:
        """A call that was counted in the one row belongs into another. From any thread."""
        rows = self.operations
        for source in (old, OTHERS, UNNAMED):  # it may have been folded meanwhile
            while new not in rows:
                new = self.known(new)
            if source in rows and rows[source].counts[slot]:
                rows[source].counts[slot] -= 1
                rows[new].counts[slot] += 1
                break

    def _new_operation(self, name: str) -> Operation:
        row = Operation(self.objective.of(name), self._operations)
        row.inherited = self._inherited
        self._operations = max(2, self._operations + 1)
        return self.operations.setdefault(name, row)  # another may have made it since we looked

    def _fold_operations(self, new: Operation) -> None:
        rows = [
            (row.weight, name)
            for name, row in self.rows()
            if name not in (UNNAMED, OTHERS) and not row.held and row is not new
        ]
        folded, self._inherited = lightest(rows, OPERATIONS - 1)
        for name in folded:
            self._fold_operation(name)

    def _fold_operation(self, name: str) -> None:
        rows = self.operations
        # With no call between: it may be held, or folded, since we looked.
        if name not in rows or rows[name].held:
            return
        row = rows[name]
        del rows[name]
        self._fields -= len(row.fields)
        row.inherited = 0  # that was never counted
        rows[OTHERS].fold(row)

    def observe(
        self,
        row: Operation,
        shadow: Observation,
        secondary: Observation | None,
        *,
        key: bytes,
        key_hash: int | None,
        at: float,
        primary_seconds: float | None,
        now: float | None = None,
        primary_cpu_seconds: float | None = None,
        contended: bool = False,
        unlike: bool = False,
    ) -> None:
        """A call was compared: with the shadow, and perhaps with the secondary too. Not with a side that lacked what
        lets it in: that is counted apart.

        `at` is the wall-clock time, in seconds since the epoch of Unix. `now` is the time by a clock that never goes
        back, for the blocks; None: the same. `contended`: its times say more of the wait for the interpreter lock than
        of the two sides. `unlike`: the primary was timed alone, and the shadow with the turns of others on its loop.
        """
        if secondary is not None and secondary.withheld:
            row.secondary_withheld.add(secondary.withheld, secondary.remedy)
            secondary = None
        if shadow.withheld:
            row.withheld.add(shadow.withheld, shadow.remedy)
            return
        if shadow.is_overdue(primary_seconds):
            row.overdue += 1
            return
        row.observe(key_hash, primary_seconds, shadow.seconds, at if now is None else now)
        row.latest = at
        clocks = primary_cpu_seconds, shadow.cpu_seconds, shadow.queued_seconds
        if contended or unlike or clocks != (None, None, None):
            row.observe_clocks(*clocks, contended=contended, unlike=unlike)
        if secondary is not None:
            self._pair(row, shadow, secondary, key_hash, at)
        if shadow.fields:
            row.anything.differ(key_hash, row.seen)
            if secondary is None:
                row.anything.add_alone(key_hash, at, None if row.asked else row.keys)
            for name, example in shadow.fields.items():
                field = self._field(row, name)
                field.differ(key_hash, row.seen)
                if secondary is None:
                    row.alone(field, key_hash, at)
                if len(field.examples) < EXAMPLES or at <= field.examples[-1].at:
                    field.add_example(Example(at, key_as_text(key), *words_of(example)))

    def _pair(
        self, row: Operation, shadow: Observation, secondary: Observation, key_hash: int | None, at: float
    ) -> None:
        row.ask(key_hash)
        comparable = shadow.comparable and secondary.comparable
        row.pairs += comparable
        if secondary.seconds is not None:
            row.secondary_seconds.add(secondary.seconds)
        found = {
            name: (name in shadow.fields) - (name in secondary.fields)
            for name in {**shadow.fields, **secondary.fields}
            if comparable or name in FAILURES
        }
        if shadow.comparable and not secondary.comparable:
            row.unpair([self._field(row, name) for name in shadow.fields], at)
        first = row.again.add(key_hash, found)
        if shadow.fields or secondary.fields:
            row.anything.add_pair(bool(shadow.fields) - bool(secondary.fields), key_hash, at, row.block, row.pair_keys)
            for name, x in found.items():
                row.pair(name, self._field(row, name), x, key_hash, at)
        if first:
            for name in first:
                self._field(row, name).add_twice(first, found, name)

    def _field(self, row: Operation, name: str) -> FieldTally:
        field = row.fields.get(name)
        if field is None:
            if self._fields >= 2 * FIELDS:
                self._fold_fields()
            field = row.fields[name] = FieldTally()
            field.order = self._order
            self._order += 1
            field.inherited = self._fields_inherited
            self._fields += 1
        return field

    def _fold_fields(self) -> None:
        fields = [(field.weight, (row, name)) for _, row in self.rows() for name, field in row.fields.items()]
        folded, self._fields_inherited = lightest(fields, FIELDS)
        for row, name in folded:
            field = row.fields.pop(name)
            field.inherited = 0
            row.other_fields.update(field, row.at, row.at)
        self._fields -= len(folded)

    def watch(self, use: RuleUse) -> None:
        """Calls are compared by these rules now: the shadower's own, or with what an edge adds."""
        self.use = use
        if use not in self._uses and len(self._uses) < _USES:
            self._uses.append(use)

    # ── what was counted ─────────────────────────────────────────────────────────────────────────────────────────────

    def rows(self) -> list[tuple[str, Operation]]:
        """All operations there are now: other threads may add some, and so may who interrupts us.

        The names are taken in one step. To take the items would not be one: on CPython 3.11 the collector runs wherever
        a container is made, and with it a finaliser, a signal handler or another thread.
        """
        rows = self.operations
        return [(name, row) for name in list(rows) if (row := rows.get(name)) is not None]

    @property
    def held(self) -> int:
        """Legs and pairs that will still be entered."""
        return sum(row.held for _, row in self.rows())

    def totals(self) -> list[int]:
        """All calls, by `Verdict.slot`, and those in flight last. From any thread: all rows are taken in one step."""
        with self._lock, self.nothing_folded():
            return sum_at_once([row.counts for _, row in self.rows()])

    def secondary_totals(self) -> list[int]:
        """The secondary's calls, by `Verdict.slot`."""
        with self._lock, self.nothing_folded():
            return sum_at_once([row.secondary_counts for _, row in self.rows()])

    def latencies(self) -> tuple[Histogram, Histogram, Histogram]:
        """Of all operations together: the primary's, the shadow's, the secondary's. From any thread."""
        with self._lock, self.nothing_folded():
            rows = [row for _, row in self.rows()]
            return (
                Histogram.merge(row.primary_seconds for row in rows),
                Histogram.merge(row.shadow_seconds for row in rows),
                Histogram.merge(row.secondary_seconds for row in rows),
            )

    def rules(self) -> Counts:
        """What has become of each rule that can be looked for: of all pairs of answers that were not plainly the same,
        in how many it was looked for, whether it met something, and whether that can't be known.
        """
        return added_up([self._rules, *(use.counts() for use in self._uses)])

    def marker(self) -> object:
        """Something that changes whenever something is counted."""
        return self.totals(), self.secondary_totals(), list(self.operations)

    def to_dict(self, until: float) -> dict[str, Any]:
        """Plain data for JSON: a snapshot, at the wall-clock time `until`."""
        with self.nothing_folded():
            return {
                "format": FORMAT,
                "epoch": attrs.asdict(self.epoch),
                "series": self.series,
                "since": self.since,
                "until": until,
                "objective": self.objective.to_dict(),
                "operations": {name: operation_data(row) for name, row in self.rows()},
                "rules": {name: [*counts] for name, counts in self.rules().items()},
            }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Evidence:
        """What `to_dict()` gave. ValueError, which says what is wrong, if it can't have."""
        try:
            if (found := data.get("format", 1)) != FORMAT:
                raise ValueError(f"its format is {found!r:.20}, and not {FORMAT}")
            epoch = data["epoch"]
            evidence = cls(
                Epoch(text_in(epoch, "candidate"), text_in(epoch, "rules")),
                series=text_in(data, "series"),
                since=moment_in(data, "since"),
                objective=Objective.from_dict(data["objective"]),
            )
            for name, row in data["operations"].items():
                evidence._put(str(name), operation_from(row, evidence.objective.of(str(name))))
            for name, (looks, met, unsure) in data["rules"].items():
                evidence._rules[str(name)] = int(looks), bool(met), bool(unsure)
        except (AttributeError, KeyError, TypeError, ValueError) as exc:
            raise ValueError(f"this is no snapshot of evidence: {type(exc).__name__}: {exc}") from exc
        return evidence

    def _put(self, name: str, row: Operation) -> None:
        self.operations[name] = row
        self.unnamed = self.operations[UNNAMED]
        self._fields += len(row.fields)

    @classmethod
    def merge(cls, parts: Iterable[Evidence]) -> Evidence:
        """The sum of several series of one epoch, as a new Evidence. ValueError if their epochs differ, or there is
        none.
        """
        parts = list(parts)
        epochs = {part.epoch: None for part in parts}
        if len(epochs) != 1:
            told = "; ".join(map(str, epochs)) or "none at all"
            raise ValueError(f"evidence of one epoch can be added up, and here is that of: {told}")
        merged = cls(parts[0].epoch, since=min(part.since for part in parts), objective=parts[0].objective)
        for part in parts:
            for name, row in part.operations.items():
                own = merged.operations.get(name) or merged._new_operation(name)
                own.update(row)
        # As if one process had counted all.
        merged._order = number_fields(merged.operations)
        if any(part.objective.counting != merged.objective.counting for part in parts):
            for row in merged.operations.values():
                row.forget_what_depends()
        merged._rules = added_up(part.rules() for part in parts)
        merged._keep_bounded()
        return merged

    def _keep_bounded(self) -> None:
        self._fields = sum(len(row.fields) for row in self.operations.values())
        if len(self.operations) > 2 * OPERATIONS + 2:
            self._fold_operations(self.unnamed)
        if self._fields > 2 * FIELDS:
            self._fold_fields()
