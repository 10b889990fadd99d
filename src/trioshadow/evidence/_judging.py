"""From evidence to a scorecard: all operations are judged, and of their fields which are regressed among so many. Pure;
what one operation and its fields are found to be is in `_judge.py`.
"""

from __future__ import annotations

import math

import attrs

from ._bounds import discoveries, rate_wealth
from ._conclusion import Conclusion
from ._evidence import Evidence
from ._field import FieldTally
from ._judge import Judge
from ._latency import LATENCY, are_fast_enough, latencies
from ._objective import Objective
from ._operation import ANYTHING
from ._places import OTHER_FIELDS
from ._rare import are_clean, rare_rows
from ._scorecard import Scorecard
from ._scores import FieldScore, FieldState, OperationScore
from ._slower import QUANTILES


def scorecard(evidence: Evidence, objective: Objective) -> Scorecard:
    """What the evidence says of the candidate, measured by the objective."""
    with evidence.nothing_folded():
        return _scorecard(evidence, objective)


def _scorecard(evidence: Evidence, objective: Objective) -> Scorecard:
    rows = {name: row for name, row in evidence.rows() if row.calls}
    paired = any(row.asked for row in rows.values())
    keeps = evidence.objective.counting == objective.counting
    judges = {
        name: Judge(name, row, objective, evidence.kept if keeps else {}, paired=paired) for name, row in rows.items()
    }
    tallies = [(name, field, tally) for name, judge in judges.items() for field, tally in judge.fields()]
    wealths = [judges[name].most_regressed(field, tally) for name, field, tally in tallies]
    rejected = _rejected(tallies, wealths, objective)
    fields: dict[str, list[FieldScore]] = {name: [] for name in rows}
    for (name, field, tally), wealth, regressed in zip(tallies, wealths, rejected, strict=True):
        fields[name].append(judges[name].field(field, tally, wealth, regressed=regressed))
    slowness = latencies(rows, objective, evidence.kept if keeps else {})
    operations = [judge.operation(fields[name], slowness[name]) for name, judge in judges.items()]
    rare = rare_rows(rows, objective)
    if rare and are_clean([judges[name] for name in rare], objective) and are_fast_enough([*rare.values()], objective):
        needed = -math.log10(objective.error_level)
        operations = [_with_pool(score, needed) if score.operation in rare else score for score in operations]
    if keeps:  # of what was folded meanwhile nothing is kept
        seen = {
            (score.operation, name)
            for score in operations
            for name in (ANYTHING, LATENCY, *(one.name for one in QUANTILES), *(field.field for field in score.fields))
        }
        evidence.kept = {names: one for names, one in evidence.kept.items() if names in seen}
    operations.sort(key=lambda operation: (-operation.calls, operation.operation))
    return Conclusion(evidence, objective, operations).scorecard()


def _with_pool(score: OperationScore, needed: float) -> OperationScore:
    """A rare operation, with others that are found to be clean together. That a call differs once is a part of what was
    found; what by itself is more than is allowed has to be looked at.
    """
    slow = score.latency.state is FieldState.REGRESSED
    odd = any(_is_odd(score, field, needed) for field in score.fields if not field.acknowledged)
    fit = score.state in (FieldState.CLEAN, FieldState.TOO_FEW, FieldState.DIFFERS)
    if not fit or any((odd, slow, score.covered, score.lossy)):
        return score
    return attrs.evolve(score, pooled=True, covered=True)


def _is_odd(score: OperationScore, field: FieldScore, needed: float) -> bool:
    """Does it differ by more than is allowed, as if there were no others, by its calls or by its keys? Or do the keys
    that were asked again speak against it, or the calls without a secondary?
    """
    if field.noise is None:
        worse, of = field.calls, score.compared
    else:
        worse, of = field.shadow_only - field.secondary_only + field.unpaired, field.pairs + field.unpaired
    alone = 10 * worse > of  # of few calls: what it takes a bet to say so may never come
    by_calls = rate_wealth(max(0, worse - 1), max(1, of - 1), field.allowed) / math.log(10)
    again = field.again is not None and field.state is not FieldState.CLEAN
    return alone or again or field.unlike_alone or max(by_calls, field.log10_e_value) >= needed


def _rejected(tallies: list[tuple[str, str, FieldTally]], wealths: list[float], objective: Objective) -> list[bool]:
    """What e-BH rejects, by operation and field.

    An acknowledged difference is there for sure. Among the others it would halve what it takes to reject the next, a
    harmless one perhaps, and so it is tested among its like. Many fields in one have no coin, and are not tested.
    """
    rejected = [False] * len(tallies)
    for acknowledged in (False, True):
        family = [
            index
            for index, (name, field, _) in enumerate(tallies)
            if field != OTHER_FIELDS and objective.acknowledges(name, field) is acknowledged
        ]
        found = discoveries(
            [wealths[index] for index in family],
            [tallies[index][2].order for index in family],
            objective.error_level,
        )
        for index, regressed in zip(family, found, strict=True):
            rejected[index] = regressed
    return rejected
