"""From the operations' scores to the decision, with its reasons in words. It judges no field: `_judge.py` has."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator

from trioshadow._model.verdict import Verdict
from trioshadow._model.words import counted

from ._contention import notes_of
from ._doubts import doubts
from ._evidence import OTHERS, Evidence
from ._field import KEYS_OF_FIELD
from ._forecast import Forecast
from ._lost import lost, to_lose_less
from ._objective import Objective, allowed_in
from ._operation import ANYTHING, Operation
from ._places import FAILURES, MORE_CHANGES, OTHER_FIELDS
from ._scorecard import Decision, Scorecard
from ._scores import FieldScore, FieldState, LatencyScore, OperationScore, ratio
from ._unmet import unmet
from ._withheld import findings, withheld_of

_MINUTE = 60

#: Calls that are not left out at random: what the others show is not true of them.
_SYSTEMATIC = (Verdict.HELD_BACK, Verdict.UNKEYED)

_CLEAN, _REGRESSED, _DIFFERS, _UNVERIFIABLE, _TOO_FEW = FieldState


class Conclusion:
    """From the operations' scores to the decision."""

    def __init__(self, evidence: Evidence, objective: Objective, operations: list[OperationScore]) -> None:
        self._evidence = evidence
        self._objective = objective
        self._operations = operations
        self._calls = sum(operation.calls for operation in operations)
        self._pairs = sum(operation.pairs for operation in operations)
        missed = sum(sum(operation.lost.values()) + operation.overdue for operation in operations)
        self._many_lost = missed > objective.max_rate * (missed + sum(operation.compared for operation in operations))

    def scorecard(self) -> Scorecard:
        withheld = withheld_of(self._evidence.rows(), self._objective)
        unseen = findings(withheld)
        rejects, holds, missing = self._findings()
        holds = unseen.reasons + holds
        rejects[1:1] = unseen.reasons if rejects else []  # beside what rejects it, and not in its place
        coverage = ratio(sum(map(self._covered, self._operations)), self._calls)
        if not any(operation.compared for operation in self._operations):
            holds.append("nothing has been compared yet")
        elif coverage < self._objective.min_coverage and not rejects:
            holds.append(
                f"{coverage:.1%} of the calls are of operations found clean, and "
                f"{self._objective.min_coverage:.1%} are asked for"
            )
        for name in self._objective.operations:
            if not any(operation.operation == name and operation.covered for operation in self._operations):
                holds.append(f"{name or '(unnamed)'}: critical, and not covered yet")
        decision = Decision.REJECT if rejects else Decision.HOLD if holds else Decision.PROMOTE
        return Scorecard(
            decision=decision,
            reasons=tuple(rejects or holds or self._praise(coverage)),
            missing=(*unseen.missing, *missing) if decision is not Decision.PROMOTE else (),
            not_covered=tuple(self._not_covered()),
            notes=(*unseen.notes, *self._notes()),
            coverage=coverage,
            operations=tuple(self._operations),
            withheld=withheld,
            calls=self._calls,
            mirrored=sum(operation.mirrored for operation in self._operations),
            pairs=self._pairs,
            epoch=self._evidence.epoch,
            objective=self._objective,
        )

    def _findings(self) -> tuple[list[str], list[str], list[str]]:
        rejects: list[str] = []
        holds: list[str] = []
        unseen: list[str] = []
        missing: list[str] = []
        for operation in self._operations:
            self._find_in_fields(operation, rejects, holds, missing)
            name, latency = operation.name, operation.latency
            if latency.state is _REGRESSED:
                if latency.blocks_needed == 0:
                    rejects.append(f"{name}: {_slower(latency)}")
                    limits = " and ".join(f"max_{quantile}_ratio" for quantile in latency.slow)
                    missing.append(f"{name}: make it faster, or allow more ({limits})")
                else:
                    holds.append(f"{name}: {_slower(latency)}; {self._wait(latency.blocks_needed)}")
            if operation.lossy and self._many_lost:
                unseen += [f"{name}: {told}" for told in lost(operation)]
                missing += [f"{name}: {told}" for told in to_lose_less(operation)]
            if operation.compared and operation.state is _TOO_FEW and not operation.covered:
                missing.append(f"{name}: {self._forecast(operation).of_operation(operation)}")
            if operation.state is _CLEAN and latency.state is _TOO_FEW and not operation.covered:
                needed = latency.calls_needed
                told = "more calls" if needed is None else self._forecast(operation).calls(needed)
                missing.append(f"{name}: {told}, to know its p99 ({latency.calls:,} so far)")
        return rejects, unseen + holds, missing

    def _find_in_fields(
        self, operation: OperationScore, rejects: list[str], holds: list[str], missing: list[str]
    ) -> None:
        name = operation.name
        for field in operation.fields:
            if field.acknowledged:
                if field.field in _WHOLE and _part_of(field, operation) > _MOST_CALLS:
                    holds.append(
                        f"{name}: {_finding(field)}; it is acknowledged, and then nothing else of these answers is "
                        "compared"
                    )
                    missing.append(f"{name}: {_remedy(field, acknowledge=False)}")
                elif field.field in _WHOLE and (calls := self._in_a_row(operation, field)) >= _IN_A_ROW:
                    holds.append(
                        f"{name}: {field.field} differs in each of the last {calls:,} calls; it is acknowledged, but "
                        "then nothing is known of the answers now"
                    )
                    missing.append(f"{name}: {_remedy(field, acknowledge=False)}")
                continue
            if field.state is _REGRESSED and field.blocks_needed == 0:
                rejects.append(f"{name}: {_finding(field)}")
                missing.append(f"{name}: {_remedy(field)}")
            elif field.state is _REGRESSED:
                holds.append(f"{name}: regressed: {_finding(field)}; {self._wait(field.blocks_needed)}")
                missing.append(f"{name}: {_remedy(field)}")
            elif field.broken_since is not None and (
                field.state in (_CLEAN, _TOO_FEW) or 2 * field.calls < operation.compared  # it was not so before
            ):
                since = datetime.datetime.fromtimestamp(field.broken_since, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
                holds.append(f"{name}: broken since {since} UTC: {_finding(field)}")
                missing.append(f"{name}: {_remedy(field)}")
            elif field.state is _DIFFERS and operation.pooled:
                pass  # with the others it is found clean
            elif field.state is _DIFFERS:
                objective = self._objective.of(operation.operation)
                allowed = allowed_in(objective, field.field)
                told = self._forecast(operation).of_difference(
                    field, allowed, objective.error_level, _keys_asked(operation, field, objective)
                )
                holds.append(f"{name}: {_finding(field)}: it must be looked at; {told}")
                missing.append(f"{name}: {_remedy(field)}")
            elif field.state is _UNVERIFIABLE and field.field in FAILURES:
                holds.append(
                    f"{name}: the secondary gives nothing to compare in {field.noise:.0%} of its calls "
                    f"({field.field}), so the new one can't be judged there"
                )
                missing.append(f"{name}: a secondary that answers")
            elif field.state is _UNVERIFIABLE:
                holds.append(
                    f"{name}: {field.field}: the old one differs from itself in {field.noise:.0%} of the "
                    "pairs, so the new one can't be judged there"
                )
                missing.append(f"{name}: a rule for {field.field} (or acknowledge it)")

    def _in_a_row(self, operation: OperationScore, field: FieldScore) -> int:
        row = self._evidence.operations[operation.operation]
        tally = row.fields.get(field.field)
        return 0 if tally is None else tally.in_a_row(row.at)

    def _wait(self, blocks: int | None) -> str:
        """What it takes until what is regressed is a reason to reject."""
        seconds = self._evidence.objective.block_seconds
        if blocks is None:
            needed = "many more calls like these"
        elif seconds is None:
            needed = f"about {blocks * self._evidence.objective.block_calls:,} more calls like these"
        elif seconds == _MINUTE:
            needed = f"about {counted(blocks, 'more minute')} in which it is worse"
        else:
            needed = f"about {blocks * seconds:,.0f} more seconds in which it is worse"
        return f"to reject, {needed} are needed"

    def _forecast(self, operation: OperationScore) -> Forecast:
        began, row = self._evidence.since, self._evidence.operations[operation.operation]
        if row.seconds_per_call is not None:
            return Forecast(operation.compared, row.seconds_per_call * operation.compared, "the present rate")
        return Forecast(operation.compared, row.latest - began if began > 0 else 0.0, "the rate so far")

    def _covered(self, operation: OperationScore) -> int:
        if not operation.covered:
            return 0
        systematic = sum(operation.not_mirrored.get(verdict.value, 0) for verdict in _SYSTEMATIC)
        # Whom it took too long, or what was too large, is not left out at random either.
        return math.floor((operation.calls - systematic) * ratio(operation.compared, operation.settled))

    def _praise(self, coverage: float) -> list[str]:
        covered = [operation for operation in self._operations if operation.covered]
        noisy = [
            f"{operation.name}: {field.field} is noisy ({field.noise:.1%}), and differs in at most "
            f"{field.rate_beyond_noise:.1%} more ({field.allowed:.1%} allowed)"
            for operation in covered
            for field in operation.fields
            if field.noise and field.allowed > self._limit(operation) and not field.acknowledged
        ]
        acknowledged = sum(field.acknowledged and field.calls > 0 for one in covered for field in one.fields)
        others = [
            f"{what} ones ({count})" for what, count in (("noisy", len(noisy)), ("acknowledged", acknowledged)) if count
        ]
        but = f", but for {' and '.join(others)}" if others else ""
        units = "calls" if all(operation.few_keys for operation in covered) else "keys"
        timed = sum(operation.latency.judged for operation in covered)
        none = "none" if timed == len(covered) else "none that could be judged"
        fast = f", and {none} is slower than allowed" if timed and self._objective.max_p99_ratio is not None else ""
        limits = [f"{limit:.2%}" for limit in sorted({*map(self._limit, covered)})]
        told = (
            f"{counted(len(covered), 'operation')}, {coverage:.1%} of the calls: no field differs beyond noise in more "
            f"than {' or '.join(limits)} of the {units}{but}{fast}"
        )
        return [told, *self._allowed(), *noisy]

    def _limit(self, operation: OperationScore) -> float:
        return self._objective.of(operation.operation).max_rate

    def _allowed(self) -> Iterator[str]:
        """What must not be overlooked beside PROMOTE: what is acknowledged and nearly always so, and failures."""
        for operation in self._operations:
            for field in operation.fields:
                if field.acknowledged and _part_of(field, operation) >= _NEARLY_ALWAYS:
                    yield f"{operation.name}: {_finding(field)}; acknowledged"
                elif field.field in FAILURES and field.calls and operation.covered:
                    yield (
                        f"{operation.name}: {_FAILED[field.field]} in {counted(field.calls, 'call')} of "
                        f"{operation.compared:,}, which is allowed"
                    )

    def _not_covered(self) -> Iterator[str]:
        for operation in self._operations:
            share = ratio(operation.calls, self._calls)
            told = f"{operation.name}: {counted(operation.calls, 'call')} ({share:.1%})"
            systematic = {
                verdict.value: operation.not_mirrored[verdict.value]
                for verdict in _SYSTEMATIC
                if operation.not_mirrored.get(verdict.value)
            }
            if not operation.compared:
                why = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in _most(operation))
                yield f"{told}, never compared" + (f" ({why})" if why else "")
            elif operation.covered:
                pass
            elif operation.state is _TOO_FEW:
                yield f"{told}, too few: {counted(round(operation.keys), 'key')} compared"
            elif operation.latency.state is _TOO_FEW:
                yield f"{told}, too few to know its p99: {operation.latency.calls:,} timed"
            if operation.lossy:
                yield from (f"{operation.name}: {told}" for told in lost(operation))
            if operation.compared and systematic:
                why = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in systematic.items())
                yield f"{operation.name}: {why}, which the others do not stand for"

    def _left_out(self, rows: list[Operation]) -> Iterator[str]:
        """Calls that were left out, and what is assumed of them."""
        sampled = sum(row.calls - row.counts[Verdict.NOT_SAMPLED.slot] for row in rows)
        legs = sum(sum(row.lost.values()) for row in rows)
        for verdict, less, what, why in (
            (Verdict.SHED, "in_flight", "shed", "the busiest moments may be missing"),
            (Verdict.PAUSED, "breaker", "paused", "taken to be like the others"),
            (Verdict.ABANDONED, "", "abandoned", "what the new one would have answered is not known"),
        ):
            left_out = sum(row.counts[verdict.slot] - row.lost.get(less, 0) for row in rows)
            if left_out > sampled / 100:
                yield f"{counted(left_out, 'sampled call')} {what} ({left_out / sampled:.1%}): {why}"
        if ignored := sum(row.counts[Verdict.IGNORED.slot] for row in rows):
            yield (
                f"{counted(ignored, 'sampled call')} ignored ({ignored / sampled:.1%}): they differed, and ignore_if "
                "says that they do not count"
            )
        if legs:
            yield f"{counted(legs, 'sampled call')} not compared: the breaker was open, or legs in flight left no room"

    def _notes(self) -> Iterator[str]:
        if not any(row.asked for _, row in self._evidence.rows()):
            asked = any(any(row.secondary_counts) for _, row in self._evidence.rows())
            none = "no pair with the secondary" if asked else "no secondary"
            yield f"{none}: every difference counts, also what the old one does by itself"
        if self._objective.max_p99_ratio is not None:
            yield from notes_of(self._operations, self._evidence.operations)
        compared = sum(operation.compared for operation in self._operations)
        keyless = sum(operation.keyless for operation in self._operations)
        keys = sum(operation.keys for operation in self._operations)
        if keyless:
            yield f"{counted(keyless, 'call')} without a sampling key: each counts as a key of its own"
        if compared and keys < compared / 10:
            yield f"{compared:,} compared calls are of {counted(round(keys), 'key')} only"
        rows = [row for _, row in self._evidence.rows()]
        failed = sum(
            row.secondary_counts[verdict.slot] for row in rows for verdict in (Verdict.FAILED, Verdict.TIMED_OUT)
        )
        if failed:
            yield f"the secondary failed in {counted(failed, 'call')}"
        pooled = [operation for operation in self._operations if operation.pooled]
        if pooled:
            yield f"{counted(len(pooled), 'rare operation')} were judged together, as one, and are clean"
        for operation in self._operations:
            if operation.few_keys:
                yield (
                    f"{operation.name}: {counted(round(operation.keys), 'key')} in {operation.compared:,} calls: "
                    "judged by its calls, over blocks of time"
                )
        yield from doubts(self._operations)
        if not all(operation.latency.tested for operation in self._operations):
            yield (
                "latencies were not compared call by call for these limits: give the objective to the Shadower, or "
                "nothing is found to be slower"
            )
        yield from self._left_out(rows)
        if any(field.acknowledged and field.calls for operation in self._operations for field in operation.fields):
            yield "some differences are acknowledged: how often the others differ together was not judged there"
        yield from unmet(self._evidence, self._operations, self._objective)
        if self._evidence.operations[OTHERS].calls:
            yield f"there were too many operations: what was light is in {OTHERS}"


def _most(operation: OperationScore) -> list[tuple[str, int]]:
    apart = {"withheld": operation.withheld, "ignored": operation.ignored}
    unseen = {**operation.not_mirrored, **{why: count for why, count in apart.items() if count}}
    return sorted(unseen.items(), key=lambda pair: -pair[1])[:3]


#: Fields that are the whole of an answer: who acknowledges one of these compares nothing else where it differs ...
_WHOLE = frozenset({"status", "error", "body", "$", ANYTHING, OTHER_FIELDS, MORE_CHANGES, *FAILURES})
#: ... and where that is in most keys, nothing is known.
_MOST_CALLS = 0.5

#: In so many calls one after the other: whatever was so before, it is always so now.
_IN_A_ROW = 50

#: What is acknowledged and differs for so many of the keys is said first.
_NEARLY_ALWAYS = 0.9

#: What a way to fail is called, of the new one.
_FAILED = {
    "failed": "the new one failed",
    "timed out": "the new one timed out",
    "too large": "the new one's answers were too large",
    "not compared": "answers could not be compared",
}


def _finding(field: FieldScore) -> str:
    what = _FAILED.get(field.field) or f"{field.field} differs"
    about = "about " if field.keys >= KEYS_OF_FIELD else ""
    told = f"{what} for {field.rate:.2%} of the keys ({about}{field.keys:,.0f})"
    if field.noise is None:
        return told
    of = counted(field.pairs, "pair")
    if not field.both + field.secondary_only:
        return f"{told}; the old one never {'fails' if field.field in FAILURES else 'differs from itself'}, in {of}"
    return (
        f"{told}; of {of} only the new one differs in {field.shadow_only:,}, only the old one from itself in "
        f"{field.secondary_only:,}"
    )


def _part_of(field: FieldScore, operation: OperationScore) -> float:
    """Of the calls, or of the keys if that is more, in which it differs."""
    return max(field.rate, ratio(field.calls, operation.compared))


def _keys_asked(operation: OperationScore, field: FieldScore, objective: Objective) -> float:
    """What it takes to be regressed: inf where that can't come, since there are too few, or all fields are one."""
    impossible = field.field == ANYTHING or (operation.few_keys and operation.keys < objective.min_keys)
    return math.inf if impossible else objective.min_keys


def _remedy(field: FieldScore, *, acknowledge: bool = True) -> str:
    if field.field in _FAILED:
        return f"find out why {_FAILED[field.field]}"
    return f"fix {field.field}" + (", or acknowledge it" if acknowledge else "")


def _slower(latency: LatencyScore) -> str:
    told: list[str] = []
    for name, (primary, shadow) in (("p50", latency.p50), ("p99", latency.p99)):
        if name in latency.slow and primary is not None and shadow is not None:
            told.append(f"{name} {shadow * 1e3:.3g} ms, the old one's is {primary * 1e3:.3g} ms")
    return "; ".join(told)
