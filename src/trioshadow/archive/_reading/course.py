"""Course: how the evidence of an epoch came to be, at some moments from its first snapshot to its last.

While all is read, `notes.py` keeps where snapshots are. Here moments are chosen, evenly apart. At each of them the
latest noted snapshot of each series counts: these are read again (`again.py`) and added up, and of the sum a few
numbers are kept. The last of each series is in memory still, and so the last point is what the scorecard says.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

import attrs

from trioshadow.evidence import Counts, Evidence, Objective, Standing, is_much_worse, standings

from .again import Again
from .notes import HOUR, Note, SeriesNotes

#: So many moments, and fewer where many fields are judged at each, ...
_MOMENTS, _FIELDS = 48, 2400
#: ... or where more than one snapshot in so many would be read again. But so many in any case.
_SPARING, _LEAST = 4, 12

_NOTHING = Counts(compared=0, differed=0, pairs=0, secondary_differed=0)


@attrs.frozen
class Track:
    """One field of one operation, or an operation as a whole, over time."""

    operation: str
    field: str
    """As a scorecard names it; `anything` for the operation as a whole."""
    points: tuple[tuple[float, Standing], ...]
    """When (wall clock, seconds since the epoch), and what was known by then. From where the operation was first
    called."""
    last_hour: Counts | None
    """What was counted since `Course.hour_since`; None if that is."""
    much_worse: bool
    """Does it differ far more often in the last hour than in the whole? By `evidence.is_much_worse()`."""


@attrs.frozen
class Course:
    """What was known at some moments. An epoch that has a snapshot has a course, if only of one moment."""

    moments: tuple[float, ...]
    """Wall clock, seconds since the epoch, ascending: from the first snapshot to the last."""
    incomplete: int
    """Moments that lack something: a snapshot that was there at the first reading and could not be read again. For it
    stands the one before."""
    hour_since: float | None
    """When what counts as the last hour began: an hour before the last moment, or with the latest snapshot before that.
    None: the counting began less than an hour before, or snapshots are too far apart to know."""
    tracks: tuple[Track, ...]
    """Each operation as a whole and then its fields, those of most calls first."""


def course_of(
    notes: Mapping[str, SeriesNotes], latest: Mapping[str, Evidence], whole: Evidence, objective: Objective
) -> Course:
    """Of the notes, and of the latest evidence, of each series of an epoch. `whole`: all of the latter together."""
    now = standings(whole, objective)
    lines = {series: one.line() for series, one in notes.items()}
    times = {at for line in lines.values() for at in _times(line)}
    most = max(_LEAST, min(_MOMENTS, _FIELDS // max(1, len(now))))
    seen = sum(one.seen for one in notes.values())
    moments = _moments(times, most)
    while most > _LEAST and len(_chosen(lines, moments)) * _SPARING > seen:
        most = max(_LEAST, most * 3 // 4)
        moments = _moments(times, most)
    cut = moments[-1] - HOUR
    if moments[0] <= cut:
        moments = sorted({*moments, cut})
    fields: dict[str, list[str]] = {}
    for operation, field in now:
        fields.setdefault(operation, []).append(field)
    points: list[tuple[float, Mapping[tuple[str, str], Standing]]] = []
    incomplete = set()
    before: Evidence | None = None
    then: Mapping[tuple[str, str], Standing] = {}
    with Again(_chosen(lines, moments)) as again:
        for at, evidence, is_whole in _evidence_at(moments[:-1], lines, latest, again):
            if evidence is not None and evidence is not before:
                before, then = evidence, standings(evidence, objective, fields)
            points.append((at, then))
            if not is_whole:
                incomplete.add(at)
    points.append((moments[-1], now))
    since = None if cut in incomplete else _hour_since(cut, lines, notes) if moments[0] <= cut else None
    earlier = dict(points).get(cut, {})
    tracks = []
    for names in sorted(now, key=lambda names: (-now[names[0], next(iter(fields[names[0]]))].compared, names[0])):
        hour = None if since is None else now[names].since(earlier.get(names, _NOTHING))
        tracks.append(
            Track(
                *names,
                tuple((at, found[names]) for at, found in points if names in found),
                hour,
                hour is not None and is_much_worse(hour, now[names]),
            )
        )
    return Course(tuple(moments), len(incomplete), since, tuple(tracks))


def _times(line: Sequence[Note]) -> list[float]:
    return [note.at for note in line]


def _moments(times: set[float], most: int) -> list[float]:
    """All of these times, or so many moments evenly apart from the first to the last."""
    if len(times) <= most:
        return sorted(times)
    first, last = min(times), max(times)
    return [*(first + (last - first) * step / (most - 1) for step in range(most - 1)), last]


def _at(line: Sequence[Note], at: float) -> Note | None:
    """The latest at or before this time."""
    index = bisect_right(line, at, key=lambda note: note.at)
    return line[index - 1] if index else None


def _chosen(lines: Mapping[str, Sequence[Note]], moments: Sequence[float]) -> set[Note]:
    """What must be read again: all that counts at these moments but what is the last of its series."""
    return {note for line in lines.values() for at in moments if (note := _at(line, at)) not in (None, line[-1])}


def _evidence_at(
    moments: Sequence[float], lines: Mapping[str, Sequence[Note]], latest: Mapping[str, Evidence], again: Again
) -> Iterator[tuple[float, Evidence | None, bool]]:
    """Of each moment the evidence, the same object as before if nothing came, and whether nothing is missing."""
    lines = dict(lines)
    notes: dict[str, Note] = {}
    running: dict[str, Evidence] = {}
    lost: set[str] = set()
    ended: list[Evidence] = []
    evidence: Evidence | None = None
    for at in moments:
        came = {
            series: note for series, line in lines.items() if (note := _at(line, at)) not in (None, notes.get(series))
        }
        over = [series for series, note in came.items() if note is lines[series][-1]]
        for series in over:
            ended.append(latest[series])
            lines.pop(series)
            running.pop(series, None)
            came.pop(series)
            lost.discard(series)
        if over:  # one sum: of hundreds that have ended the sum is not made again each time
            ended = [_sum(ended)]
        for series, note in came.items():
            notes[series] = note
            part = again.evidence(note)
            if part is None:
                lost.add(series)
            else:
                lost.discard(series)
                running[series] = part
        parts = [*ended, *running.values()]
        if (over or came) and parts:
            evidence = _sum(parts)
        yield at, evidence, not lost


def _sum(parts: list[Evidence]) -> Evidence:
    return parts[0] if len(parts) == 1 else Evidence.merge(parts)


def _hour_since(cut: float, lines: Mapping[str, Sequence[Note]], notes: Mapping[str, SeriesNotes]) -> float | None:
    """When what was counted after `cut` began to be counted: with the snapshots that count there."""
    since = cut
    for series, line in lines.items():
        note = _at(line, cut)
        if note is None:
            since = min(since, notes[series].since)
        elif note is not line[-1]:
            since = min(since, note.at)
    return since if cut - since <= HOUR else None
