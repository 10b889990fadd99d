"""The course of the evidence as the page shows it: figures, and the last hour beside the whole. It decides nothing."""

from __future__ import annotations

from typing import Any

import attrs

from trioshadow._model.words import counted
from trioshadow.archive import Course, Summary, Track
from trioshadow.compare import visible
from trioshadow.evidence import ANYTHING, Counts, FieldScore, FieldState, OperationScore

from .course_plot import Moment, plot_course
from .words import kind_of, moment, share, state_of

#: Figures that are drawn.
_DRAWN = 60
_HOUR = 3600
#: Seconds by which an hour may be longer and still is called one.
_ABOUT = 100

_UNEXPLAINED = (FieldState.REGRESSED, FieldState.DIFFERS, FieldState.UNVERIFIABLE)


def lately(summary: Summary) -> list[str]:
    """What differs far more often in the last hour than in the whole, the worst first; an operation as a whole only
    where none of its fields does.
    """
    course = summary.course
    if course is None:
        return []
    worse = [track for track in course.tracks if track.much_worse]
    fields = {track.operation for track in worse if track.field != ANYTHING}
    worse = [track for track in worse if track.field != ANYTHING or track.operation not in fields]
    worse.sort(key=lambda track: _rate(track) - _rate_of_hour(track))
    return [_lately(track, course) for track in worse]


def _lately(track: Track, course: Course) -> str:
    hour = track.last_hour
    assert hour is not None, "it is worse than the whole"
    return (
        f"{hour_name(course)}: {_name(track)} differs in {share(hour.rate)} of {counted(hour.compared, 'call')}, "
        f"in {share(_rate(track))} of the whole"
    )


def hour_name(course: Course) -> str:
    """`last hour`; where snapshots are so far apart that it is longer, how long."""
    seconds = 0.0 if course.hour_since is None else course.moments[-1] - course.hour_since
    return "last hour" if seconds <= _HOUR + _ABOUT else f"last {seconds / 60:.0f} minutes"


def course_context(summary: Summary) -> dict[str, Any]:
    """What the template needs."""
    course = summary.course
    if course is None or len(course.moments) < 2:
        why = "There is one snapshot only: what came before is not known."
        if course is None:
            why = "It was not asked for." if summary.counted else "There is no snapshot."
        return {"course": [], "course_told": why, "course_notes": [], "course_more": "", "hour": ""}
    scores = _scores(summary)
    tracks = [track for track in course.tracks if track.field == ANYTHING or track.points[-1][1].differed]
    tracks.sort(key=lambda track: _importance(track, scores))
    left = len(tracks) - _DRAWN
    notes = []
    if course.hour_since is None:
        young = course.moments[-1] - course.moments[0] < _HOUR
        notes.append(
            "The first snapshot is less than an hour older than the last: the whole is the last hour."
            if young
            else "The last hour is not known apart: snapshots are too far apart, or can't be read any more."
        )
    if course.incomplete:
        notes.append(
            f"At {course.incomplete} of {counted(len(course.moments), 'moment')} a snapshot is missing that was there "
            "at first: its file is gone. The one before stands for it."
        )
    return {
        "course": [_figure(track, course, scores, summary) for track in tracks[:_DRAWN]],
        "course_told": "",
        "course_notes": notes,
        "course_more": f"{left:,} more are not drawn; the JSON has them." if left > 0 else "",
        "hour": hour_name(course),
    }


def _scores(summary: Summary) -> dict[tuple[str, str], OperationScore | FieldScore]:
    found: dict[tuple[str, str], OperationScore | FieldScore] = {}
    for operation in summary.scorecard.operations:
        found |= {(operation.operation, field.field): field for field in operation.fields}
        found[operation.operation, ANYTHING] = operation
    return found


def _importance(track: Track, scores: dict[tuple[str, str], OperationScore | FieldScore]) -> tuple[int, int, int]:
    """The most important is the least: what is worse of late, what is broken, what has regressed, what is not
    explained; then by calls.
    """
    score = scores.get((track.operation, track.field))
    last = track.points[-1][1]
    if track.much_worse:
        rank = 0
    elif isinstance(score, FieldScore) and score.acknowledged:
        rank = 6
    elif _is_broken(score):
        rank = 1
    elif score is not None and score.state in _UNEXPLAINED:
        rank = 2 + _UNEXPLAINED.index(score.state)
    else:
        rank = 5
    return rank, -last.compared, -last.differed


def _is_broken(score: OperationScore | FieldScore | None) -> bool:
    return isinstance(score, FieldScore) and score.broken_since is not None


def _figure(
    track: Track, course: Course, scores: dict[tuple[str, str], OperationScore | FieldScore], summary: Summary
) -> dict[str, Any]:
    begin, end = course.moments[0], course.moments[-1]
    enough = 1 / summary.scorecard.objective.of(track.operation).error_level
    points = [Moment(at, one.rate_beyond_noise, one.allowed, one.log10_e_value) for at, one in track.points]
    (first_at, first), (_, last) = track.points[0], track.points[-1]
    score = scores.get((track.operation, track.field))
    columns = [("whole", _numbers(last)), (hour_name(course), _numbers(track.last_hour))]
    return {
        **attrs.asdict(plot_course(points, begin, end, enough), recurse=False),
        "name": _name(track),
        "state": "" if score is None else state_of(score),
        "kind": "" if score is None else kind_of(score),
        "broken": _is_broken(score),
        "worse": track.much_worse,
        "columns": [name for name, _ in columns],
        "rows": [
            (name, [numbers[index] for _, numbers in columns])
            for index, name in enumerate(("differs", "of calls", "noise"))
        ],
        "told": f"{_name(track)}. Beyond noise it differs in at most {share(first.rate_beyond_noise)} as of "
        f"{moment(first_at)}, and in at most {share(last.rate_beyond_noise)} as of {moment(end)}; "
        f"{share(last.allowed)} is allowed. The e-value is {_power(last.log10_e_value)} in the end; {enough:.4g} is "
        "enough.",
    }


def _numbers(counts: Counts | None) -> tuple[str, str, str]:
    if counts is None:
        return "-", "-", "-"
    return share(counts.rate), f"{counts.compared:,}", "-" if counts.noise is None else share(counts.noise)


def _name(track: Track) -> str:
    operation = visible(track.operation) or "(unnamed)"
    return f"{operation}: {visible(track.field)}"


def _rate(track: Track) -> float:
    return track.points[-1][1].rate


def _rate_of_hour(track: Track) -> float:
    return 0.0 if track.last_hour is None else track.last_hour.rate


def _power(log10: float) -> str:
    """A number of which the logarithm may be too large for a float."""
    return f"{10**log10:.3g}" if -4 < log10 < 6 else f"10 to the power of {log10:,.0f}"
