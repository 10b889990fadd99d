"""From the operations' scores to the decision, with its reasons in words. It judges no field: `_judging.py` has."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trioshadow._model.verdict import Verdict
from trioshadow._model.words import counted

from ._contention import notes_of
from ._evidence import OTHERS, Evidence
from ._field import KEYS_OF_FIELD
from ._objective import Objective
from ._places import FAILURES
from ._scorecard import Decision, Scorecard
from ._scores import FieldScore, FieldState, LatencyScore, OperationScore, ratio

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

    def scorecard(self) -> Scorecard:
        rejects, holds, missing = self._findings()
        coverage = ratio(sum(map(self._covered, self._operations)), self._calls)
        if not any(operation.compared for operation in self._operations):
            holds.append("nothing has been compared yet")
        elif coverage < self._objective.min_coverage and not rejects:
            holds.append(
                f"{coverage:.1%} of the calls are of operations found clean, and "
                f"{self._objective.min_coverage:.1%} are asked for"
            )
        decision = Decision.REJECT if rejects else Decision.HOLD if holds else Decision.PROMOTE
        return Scorecard(
            decision=decision,
            reasons=tuple(rejects or holds or self._praise(coverage)),
            missing=tuple(missing) if decision is not Decision.PROMOTE else (),
            not_covered=tuple(self._not_covered()),
            notes=tuple(self._notes()),
            coverage=coverage,
            operations=tuple(self._operations),
            calls=self._calls,
            mirrored=sum(operation.mirrored for operation in self._operations),
            pairs=self._pairs,
            epoch=self._evidence.epoch,
            objective=self._objective,
        )

    def _findings(self) -> tuple[list[str], list[str], list[str]]:
        rejects: list[str] = []
        holds: list[str] = []
        missing: list[str] = []
        for operation in self._operations:
            for field in operation.fields:
                if field.acknowledged:
                    continue
                if field.state is _REGRESSED:
                    rejects.append(f"{operation.name}: {_finding(field)}")
                    missing.append(f"{operation.name}: {_remedy(field)}")
                elif field.state is _DIFFERS:
                    holds.append(f"{operation.name}: {_finding(field)}: it must be looked at")
                    missing.append(f"{operation.name}: {_remedy(field)}")
                elif field.state is _UNVERIFIABLE and field.field in FAILURES:
                    holds.append(
                        f"{operation.name}: the secondary gives nothing to compare in {field.noise:.0%} of its calls "
                        f"({field.field}), so the new one can't be judged there"
                    )
                    missing.append(f"{operation.name}: a secondary that answers")
                elif field.state is _UNVERIFIABLE:
                    holds.append(
                        f"{operation.name}: {field.field}: the old one differs from itself in {field.noise:.0%} of the "
                        "pairs, so the new one can't be judged there"
                    )
                    missing.append(f"{operation.name}: a rule for {field.field} (or acknowledge it)")
            if operation.latency.state is _REGRESSED:
                rejects.append(f"{operation.name}: {_slower(operation.latency)}")
                missing.append(f"{operation.name}: make it faster, or allow more (max_p99_ratio)")
            if operation.compared and operation.state is _TOO_FEW:
                missing.append(f"{operation.name}: {_more(operation)}")
            if operation.state is _CLEAN and operation.latency.state is _TOO_FEW:
                needed = operation.latency.calls_needed
                told = "more calls" if needed is None else f"about {_round(needed):,} more calls"
                missing.append(f"{operation.name}: {told}, to know its p99 ({operation.latency.calls:,} so far)")
        return rejects, holds, missing

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
            if field.allowed > self._objective.max_rate and not field.acknowledged
        ]
        but = f", but for noisy ones ({len(noisy)})" if noisy else ""
        timed = any(operation.latency.judged for operation in covered)
        fast = ", and none is slower than allowed" if timed and self._objective.max_p99_ratio is not None else ""
        told = (
            f"{counted(len(covered), 'operation')}, {coverage:.1%} of the calls: no field differs beyond noise in more "
            f"than {self._objective.max_rate:.2%} of the keys{but}{fast}"
        )
        return [told, *noisy]

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
            elif operation.state is _TOO_FEW:
                yield f"{told}, too few: {counted(round(operation.keys), 'key')} compared"
            elif operation.latency.state is _TOO_FEW:
                yield f"{told}, too few to know its p99: {operation.latency.calls:,} timed"
            if operation.compared and systematic:
                why = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in systematic.items())
                yield f"{operation.name}: {why}, which the others do not stand for"

    def _notes(self) -> Iterator[str]:
        if not any(row.asked for _, row in self._evidence.rows()):
            yield "no secondary: every difference counts, also what the old one does by itself"
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
        sampled = sum(row.calls - row.counts[Verdict.NOT_SAMPLED.slot] for row in rows)
        for verdict, what, why in (
            (Verdict.SHED, "shed", "the busiest moments may be missing"),
            (Verdict.ABANDONED, "abandoned", "what the new one would have answered is not known"),
        ):
            lost = sum(row.counts[verdict.slot] for row in rows)
            if lost > sampled / 100:
                told = f"{counted(lost, 'sampled call')} {what} ({lost / sampled:.1%})"
                yield f"{told}: {why}"
        failed = sum(
            row.secondary_counts[verdict.slot] for row in rows for verdict in (Verdict.FAILED, Verdict.TIMED_OUT)
        )
        if failed:
            yield f"the secondary failed in {counted(failed, 'call')}"
        if any(field.acknowledged and field.calls for operation in self._operations for field in operation.fields):
            yield "some differences are acknowledged: how often the others differ together was not judged there"
        seen = [(operation.operation, field.field) for operation in self._operations for field in operation.fields]
        for one in self._objective.acknowledged:
            if not any(one.covers(*names) for names in seen):
                where = "" if one.operation is None else f" of {one.operation or '(unnamed)'}"
                yield f"acknowledged, and never seen to differ: {one.field}{where}"
        if self._evidence.operations[OTHERS].calls:
            yield f"there were too many operations: what was light is in {OTHERS}"


def _most(operation: OperationScore) -> list[tuple[str, int]]:
    return sorted(operation.not_mirrored.items(), key=lambda pair: -pair[1])[:3]


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


def _remedy(field: FieldScore) -> str:
    return f"find out why {_FAILED[field.field]}" if field.field in _FAILED else f"fix {field.field}, or acknowledge it"


def _slower(latency: LatencyScore) -> str:
    primary, shadow = latency.p99
    assert primary is not None
    assert shadow is not None
    return f"p99 {shadow * 1e3:.3g} ms, the old one's is {primary * 1e3:.3g} ms"


def _more(operation: OperationScore) -> str:
    needed = operation.keys_needed
    if needed is None:
        return "more calls, that differ less than those so far"
    if operation.keys < operation.compared / 2:
        return f"calls of about {_round(needed):,} other keys"
    return f"about {_round(needed * operation.compared / operation.keys):,} more calls"


def _round(number: float) -> int:
    """To two digits."""
    digits = max(0, math.floor(math.log10(max(1.0, number))) - 1)
    return int(math.ceil(number / 10**digits) * 10**digits)
