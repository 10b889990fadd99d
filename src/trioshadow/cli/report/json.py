"""The report as plain data, for programs: `docs/report.md` says what its members mean. A member is never renamed."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Mapping
from typing import Any

import attrs

from trioshadow import Verdict
from trioshadow.archive import Course, Summary
from trioshadow.evidence import Scorecard

from .what_if import WhatIf

#: Of this form of the data.
VERSION = 1


def as_json(summary: Summary, supposed: WhatIf | None = None) -> str:
    """All of it, indented; strict JSON, in ASCII."""
    scorecard = summary.scorecard
    told = {
        "version": VERSION,
        **_scorecard(scorecard),
        "epoch": {"name": summary.epoch, "candidate": scorecard.epoch.candidate, "rules": scorecard.epoch.rules},
        "objective": scorecard.objective,
        "counted": summary.counted,
        "first_at": summary.first_at,
        "last_at": summary.last_at,
        "totals": _totals(summary),
        "operations": scorecard.operations,
        "course": None if summary.course is None else _course(summary.course),
        "differences": summary.differences,
        "unlisted": summary.unlisted,
        "rules": supposed,
        "other_epochs": [
            {
                "name": other.name,
                "told": other.told,
                **_scorecard(other.scorecard),
                "records": other.records,
                "last_at": other.last_at,
            }
            for other in summary.others
        ],
        "files": summary.files,
        "segments": summary.segments,
        "records": summary.records,
        "records_since": summary.records_since,
        "deleted_segments": summary.deleted_segments,
        "file_notes": summary.notes(),
        "problems": [{**attrs.asdict(problem), "advice": problem.advice} for problem in summary.problems],
        "problem_count": summary.problem_count,
    }
    return json.dumps(_plain(told), indent=2, allow_nan=False)


def _scorecard(scorecard: Scorecard) -> dict[str, Any]:
    names = ("decision", "reasons", "missing", "not_covered", "notes", "withheld", "coverage", "calls", "mirrored")
    return {name: getattr(scorecard, name) for name in (*names, "pairs")}


def _course(course: Course) -> dict[str, Any]:
    return {
        "moments": course.moments,
        "incomplete": course.incomplete,
        "hour_since": course.hour_since,
        "tracks": [
            {
                "operation": track.operation,
                "field": track.field,
                "points": [{"at": at, **attrs.asdict(standing)} for at, standing in track.points],
                "last_hour": track.last_hour,
                "much_worse": track.much_worse,
            }
            for track in course.tracks
        ],
    }


def _totals(summary: Summary) -> dict[str, int]:
    totals = summary.evidence.totals()
    return {**{verdict.value: totals[verdict.slot] for verdict in Verdict}, "in_flight": totals[-1]}


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if attrs.has(type(value)):
        names = [field.alias or field.name for field in attrs.fields(type(value))]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, tuple | list):
        return [_plain(element) for element in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None  # a time that nobody's clock has shown: JSON has no notation for it
    return value
