"""The report as one page of HTML: what the template shows, as texts and numbers. It decides nothing.

Everything that came from traffic is escaped by the template engine, wherever it stands, and shown without control
characters. Should a character slip through all the same, the page's own policy lets nothing run or load but what has
the hash of our own script and style.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import importlib.resources
import os
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import jinja2
from markupsafe import Markup

from trioshadow import Verdict
from trioshadow._model.words import counted
from trioshadow.archive import Difference, Instance, Summary
from trioshadow.compare import first_difference, visible
from trioshadow.evidence import FAILURES, FieldScore, FieldState, LatencyScore, Operation, OperationScore

from .course_rows import course_context, lately
from .plot import plot
from .what_if import WhatIf
from .words import MEANS, asked, keys_of, kind_of, moment, period, seconds, share, state_of

_SIDES = ("primary", "shadow")

#: Of the differences so many are open at first.
_OPEN = 3
#: Of a list at the top so many are seen at first.
_SHOWN = 6
_PROBLEMS = 200
#: Who waits no longer than this, in seconds, has hardly waited for a place.
_QUEUED = 1e-4

_KINDS = {
    Verdict.MATCHED: "matched",
    Verdict.DIVERGED: "diverged",
    Verdict.IGNORED: "unknown",
    Verdict.FAILED: "failed",
    Verdict.TIMED_OUT: "failed",
    Verdict.ABANDONED: "unknown",
}


@attrs.frozen
class _Cell:
    """A number in a table: to sort by, and to read."""

    value: float
    shown: str


@attrs.frozen
class _Marked:
    """A text, and what of it is not on the other side."""

    before: str
    changed: str
    after: str


def write_page(summary: Summary, path: Path, supposed: WhatIf | None = None) -> None:
    """Write it to `path`: as a whole or not at all. Raises OSError, and writes over nothing but a file."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is there, and is no file")
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.PackageLoader("trioshadow.cli.report", "page_files"),
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("page.html").stream(_context(summary, supposed))
    page.enable_buffering(200)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        # For its owner's eyes only, as the archive is.
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            page.dump(file, encoding="utf-8", errors="backslashreplace")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _context(summary: Summary, supposed: WhatIf | None) -> dict[str, Any]:
    scorecard = summary.scorecard
    style, script = (_part(f"page.{kind}") for kind in ("css", "js"))
    plots = [told for operation in scorecard.operations if (told := _plot(summary, operation)) is not None]
    fields = [_field(summary, operation, field) for operation in scorecard.operations for field in operation.fields]
    differences = [_difference(one) for one in summary.differences]
    states = {row["state"] for row in fields} | {state_of(one) for one in scorecard.operations}
    states |= {one["verdict"] for one in differences}
    return {
        "style": Markup(style),  # noqa: S704 - our own
        "script": Markup(script),  # noqa: S704
        "style_hash": _hash(style),
        "script_hash": _hash(script),
        "decision": scorecard.decision.value,
        "means": MEANS[scorecard.decision],
        "title": visible(scorecard.epoch.candidate) or "(candidate without a name)",
        "period": f"Counted {period(summary.first_at, summary.last_at)}",
        **{
            name: [visible(text) for text in getattr(scorecard, name)] for name in ("reasons", "missing", "not_covered")
        },
        "notes": [visible(text) for text in (*lately(summary), *summary.notes(), *scorecard.notes)],
        "objective": asked(scorecard.objective),
        "states": sorted(states),
        "coverage": share(scorecard.coverage),
        "compared_told": f"{counted(scorecard.calls, 'call')} in all, {scorecard.mirrored:,} of them mirrored, "
        f"{scorecard.pairs:,} with a secondary to know the noise.",
        "fates": _fates(summary),
        "operations": [_operation(one) for one in scorecard.operations],
        "fields": fields,
        "no_fields": _nothing_differs(summary),
        "plots": plots,
        **course_context(summary),
        "differences": differences,
        "differences_told": _differences_told(summary),
        "supposed": "" if supposed is None else f"{supposed.told()} ({', '.join(map(visible, supposed.rules))})",
        "no_differences": "No record of a difference or a failure is in the files."
        + (" There are none to be expected: see the counts above." if scorecard.mirrored else ""),
        "open": _OPEN,
        "shown": _SHOWN,
        "files": [visible(file) for file in summary.files],
        "files_told": f"{counted(summary.segments, 'segment')}, {counted(summary.records, 'record')} of divergences "
        "and failures, of:",
        "problems": [
            {
                "where": visible(one.file if one.line is None else f"{one.file}:{one.line}"),
                "what": visible(one.what),
                "advice": one.advice,
            }
            for one in summary.problems[:_PROBLEMS]
        ],
        "more_problems": max(0, summary.problem_count - _PROBLEMS),
        "others": [
            {
                "name": visible(other.name) or "(none)",
                "told": visible(other.told),
                "decision": other.scorecard.decision.value.upper(),
                "calls": f"{other.scorecard.calls:,}",
                "records": f"{other.records:,}",
                "until": moment(other.last_at),
            }
            for other in summary.others
        ],
        "epoch": visible(summary.epoch) or "(none)",
        "epoch_told": visible(str(scorecard.epoch)),
        "made": moment(time.time()),
        "version": version("trioshadow"),
    }


def _part(name: str) -> str:
    return (importlib.resources.files("trioshadow.cli.report") / "page_files" / name).read_text(encoding="utf-8")


def _hash(text: str) -> Markup:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(f"'sha256-{digest}'")  # noqa: S704 - hexadecimal and base64 need no escaping


# ── what was counted ─────────────────────────────────────────────────────────────────────────────────────────────────


def _fates(summary: Summary) -> list[dict[str, Any]]:
    """What became of the calls, as parts of a bar of 1,000."""
    totals = summary.evidence.totals()
    named = [
        (verdict.value.replace("_", " "), _KINDS.get(verdict, "idle"), totals[verdict.slot]) for verdict in Verdict
    ]
    named.insert(len(_KINDS), ("in flight", "unknown", totals[-1]))
    calls = sum(totals)
    fates: list[dict[str, Any]] = []
    begin = 0
    for name, kind, number in named:
        if number:
            part = {"x": round(begin / calls * 1000, 2), "width": round(number / calls * 1000, 2)}
            fates.append({"name": name, "kind": kind, "count": f"{number:,}", "share": share(number / calls), **part})
        begin += number
    return fates


def _operation(score: OperationScore) -> dict[str, Any]:
    primary, shadow = score.latency.p99
    needed = score.keys_needed
    missing = "-" if needed is None else f"about {needed:,.0f}" if needed else "0"
    return {
        "name": visible(score.name),
        "state": state_of(score),
        "kind": kind_of(score),
        "cells": [
            *(_Cell(number, f"{number:,}") for number in (score.calls, score.compared)),
            _Cell(score.keys, keys_of(score)),
            _Cell(score.pairs, f"{score.pairs:,}"),
            *(_Cell(-1.0 if side is None else side, seconds(side)) for side in (primary, shadow)),
            _Cell(-1.0 if needed is None else needed, missing),
        ],
    }


def _field(summary: Summary, operation: OperationScore, score: FieldScore) -> dict[str, Any]:
    reasons = [
        one.reason
        for one in summary.scorecard.objective.acknowledged
        if one.reason and one.covers(operation.operation, score.field)
    ]
    return {
        "operation": visible(operation.name),
        "field": visible(score.field),
        "why": visible(reasons[0]) if reasons else "",
        "state": state_of(score),
        "kind": kind_of(score),
        "counts": [_Cell(score.calls, f"{score.calls:,}"), _Cell(score.keys, keys_of(score))],
        "shadow_width": round(score.rate * 100, 2),
        "noise_width": None if score.noise is None else round(score.noise * 100, 2),
        "rates": [
            _Cell(score.rate, share(score.rate)),
            _Cell(-1.0, "not known") if score.noise is None else _Cell(score.noise, share(score.noise)),
            _Cell(score.rate_beyond_noise, share(score.rate_beyond_noise)),
            _Cell(score.allowed, share(score.allowed)),
        ],
    }


def _nothing_differs(summary: Summary) -> str:
    if any(operation.compared for operation in summary.scorecard.operations):
        return "No field differs in any call that was compared."
    return "No call was compared, so nothing is known."


def _plot(summary: Summary, score: OperationScore) -> dict[str, Any] | None:
    row: Operation = summary.evidence.operations[score.operation]
    latency = score.latency
    drawn = plot([(row.primary_seconds.bins(), latency.p99[0]), (row.shadow_seconds.bins(), latency.p99[1])])
    if drawn is None:
        return None
    quantiles = [[seconds(both[side]) for both in (latency.p50, latency.p95, latency.p99)] for side in (0, 1)]
    told = "; ".join(f"{name} p50, p95, p99: {', '.join(three)}" for name, three in zip(_SIDES, quantiles, strict=True))
    return {
        **attrs.asdict(drawn, recurse=False),
        "name": visible(score.name),
        "state": state_of(score),
        "slower": latency.state is FieldState.REGRESSED,
        "judged": latency.judged,
        "clocks": _clocks(latency),
        "sides": [
            {"name": name, "path": side.path, "p99_x": side.p99_x, "quantiles": three}
            for name, side, three in zip(_SIDES, drawn.sides, quantiles, strict=True)
        ],
        "told": f"Latencies of {visible(score.name)}. {told}",
    }


def _clocks(latency: LatencyScore) -> str:
    """What is known of a side that was timed alone, or elsewhere; empty for most."""
    told = [
        f"own CPU of the {name}: p50 {seconds(p50)}, p99 {seconds(p99)}"
        for name, p50, p99 in zip(_SIDES, latency.cpu_p50, latency.cpu_p99, strict=True)
        if p99 is not None
    ]
    if latency.queued_p99 is not None and latency.queued_p99 >= _QUEUED:
        told.append(f"before that the shadow waited for a place: p99 {seconds(latency.queued_p99)}")
    return "; ".join(told)


# ── differences ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _differences_told(summary: Summary) -> str:
    calls = sum(one.calls for one in summary.differences)
    explained = sum(one.calls for one in summary.differences if one.explained)
    told = (
        f"{counted(calls, 'record')} of calls, put together where the same operation differs in the same fields: "
        f"{counted(len(summary.differences), 'difference')}, each with its first examples. How often, of how many "
        "calls, is in the table of the fields."
    )
    if explained:
        told += (
            f" {explained:,} of the records are explained: as noise so far, as rare enough, as acknowledged, or by "
            "withheld credentials. They come last."
        )
    return told


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "verdict": one.verdict.value.replace("_", " "),
        "kind": "failed" if one.verdict is Verdict.TIMED_OUT else one.verdict.value,
        "explained": one.explained,
        "calls": one.calls,
        "calls_shown": f"{one.calls:,}\u00d7",
        "last": one.last_at,
        "operation": visible(one.operation) or "(unnamed)",
        "fields": [visible(field) for field in one.fields],
        "period": f"{counted(one.calls, 'record')}, {period(one.first_at, one.last_at)}"
        + (f", without {visible(', '.join(one.withheld))}" if one.withheld else ""),
        "examples": [_example(instance) for instance in one.instances],
    }


def _example(one: Instance) -> dict[str, Any]:
    head = [moment(one.at)]
    if one.key:
        head.append(f"key {visible(one.key)}")
    head += [f"{visible(name)} {visible(value)}" for name, value in one.context]
    if one.primary_seconds is not None or one.shadow_seconds is not None:
        head.append(f"primary {seconds(one.primary_seconds)}, shadow {seconds(one.shadow_seconds)}")
    if one.request:
        head.append(one.request.partition("\n")[0])
    places = []
    part = ""
    for place in one.places:
        old, new = marked(place.primary, place.shadow)
        told = visible(place.part) if place.part != part else ""
        alone = place.part in FAILURES  # the other side answered, and that is all there is to say
        places.append({"part": told, "where": visible(place.where), "old": old, "new": new, "alone": alone})
        part = place.part
    return {
        "head": " · ".join(head),
        "places": places,
        "more": one.more and f"{one.more:,}",
        "request": one.request,
        "answers": one.answers,
    }


def marked(primary: str | None, shadow: str | None) -> tuple[_Marked | None, _Marked | None]:
    """Both sides, in the middle of each what is not on the other: between what they begin and what they end with."""
    old, new = visible(primary or ""), visible(shadow or "")
    begin = first_difference(old, new)
    end = first_difference(old[begin:][::-1], new[begin:][::-1])
    told = (
        None if text is None else _Marked(side[:begin], side[begin : len(side) - end], side[len(side) - end :])
        for text, side in ((primary, old), (shadow, new))
    )
    old_side, new_side = told
    return old_side, new_side
