"""The report on a terminal: the scorecard, the differences with most calls, the files. It computes nothing."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from trioshadow._model.words import counted
from trioshadow.archive import Difference, Place, Summary
from trioshadow.cli.common.scorecard import show_scorecard
from trioshadow.cli.common.texts import shorten_left, shorten_right
from trioshadow.compare import first_difference, visible

from .course_rows import lately
from .what_if import WhatIf
from .words import period

#: So many differences, places of each, problems, epochs and fields are shown; how many there are besides is said.
_DIFFERENCES, _PLACES, _PROBLEMS, _EPOCHS, _FIELDS = 8, 3, 8, 8, 8


def show_report(console: Console, summary: Summary, supposed: WhatIf | None = None) -> None:
    """All of it."""
    files = ", ".join(visible(file) for file in summary.files)
    console.print(Text(shorten_right(files, console.width)), style="bold", no_wrap=True)
    console.print(f"{counted(summary.segments, 'segment')}, {counted(summary.records, 'record')}, ", end="")
    console.print(f"{period(summary.first_at, summary.last_at)}", soft_wrap=True)
    for note in summary.notes():
        console.print(Text(f"Note: {note}"), style="yellow")
    console.print()
    show_scorecard(console, summary.scorecard.epoch.candidate or "candidate", summary.scorecard)
    if worse := lately(summary):
        more = f" (and {len(worse) - 1:,} more)" if len(worse) > 1 else ""
        console.print(Text(f"\n{worse[0][0].upper()}{worse[0][1:]}{more}"), style="bold red", soft_wrap=True)
    _show_differences(console, summary)
    if supposed is not None:
        _show_supposed(console, supposed)
    if summary.others:
        console.print("\nOther epochs in the files (--epoch NAME shows one):", style="bold")
    for other in summary.others[:_EPOCHS]:
        decision = other.scorecard.decision.value.upper()
        calls = counted(other.scorecard.calls, "call")
        told = f"  {visible(other.name) or '(none)'}  {decision}, {calls}: {visible(other.told)}"
        console.print(Text(shorten_right(told, console.width)), no_wrap=True)
    _show_more(console, len(summary.others) - _EPOCHS, "epochs")
    if summary.problems:
        console.print("\nProblems with the files:", style="bold yellow")
    for problem in summary.problems[:_PROBLEMS]:
        console.print(Text(f"  {visible(str(problem))}"), soft_wrap=True)
    _show_more(console, summary.problem_count - min(_PROBLEMS, len(summary.problems)), "problems")


def _show_more(console: Console, number: int, what: str) -> None:
    if number > 0:
        console.print(f"  and {number:,} more {what}")


def _show_differences(console: Console, summary: Summary) -> None:
    console.print()
    if not summary.differences:
        console.print("No record of a difference or a failure is in the files.")
        return
    open_ones = [one for one in summary.differences if not one.explained]
    explained = sum(one.calls for one in summary.differences if one.explained)
    records = sum(one.calls for one in open_ones)
    if open_ones:
        title = f"Differences: {counted(records, 'record')} of {counted(len(open_ones), 'kind')}"
        console.print(title, style="bold")
    for one in open_ones[:_DIFFERENCES]:
        _show_difference(console, one)
    _show_more(console, len(open_ones) - _DIFFERENCES, "kinds (--html shows all)")
    if explained:
        told = f"{counted(explained, 'record')} of differences that are noise so far, rare enough, acknowledged, "
        told += "or for want of credentials."
        console.print(told, soft_wrap=True)


def _show_difference(console: Console, one: Difference) -> None:
    names = ", ".join(one.fields[:3]) + (f" and {len(one.fields) - 3} more" if len(one.fields) > 3 else "")
    head = f"{one.calls:>7,}\u00d7 {visible(one.operation) or '(unnamed)'}: "
    head += f"{one.verdict.value.replace('_', ' ')}: {visible(names)}"
    console.print(Text(shorten_right(head, console.width)), no_wrap=True)
    for instance in one.instances[:1]:
        for place in instance.places[:_PLACES]:
            _show_place(console, place)
        rest = len(instance.places) + instance.more - _PLACES
        if rest > 0:
            console.print(f"{'':9}and {rest:,} more places")


def _show_supposed(console: Console, supposed: WhatIf) -> None:
    console.print(Text(f"\n{supposed.told()}"), soft_wrap=True)
    for row in supposed.fields[:_FIELDS]:
        unknown = f", {row.unknown:,} can't be told" if row.unknown else ""
        told = f"{row.gone:>7,} of {row.records:,} gone{unknown}: "
        told += f"{visible(row.operation) or '(unnamed)'}: {visible(row.field)}"
        console.print(Text(shorten_right(told, console.width)), no_wrap=True)
    _show_more(console, len(supposed.fields) - _FIELDS, "fields (--json has all)")


def _show_place(console: Console, place: Place) -> None:
    where = visible(place.where or place.part)
    console.print(Text(f"{'':9}{shorten_left(where, console.width - 9)}"), style="dim", no_wrap=True)
    old, new = visible(place.primary or ""), visible(place.shadow or "")
    at = first_difference(old, new)
    for sign, side, text, style in (("-", place.primary, old, "red"), ("+", place.shadow, new, "green")):
        if side is not None:
            shown = _window(text, at, console.width - 13)
            console.print(Text.assemble(f"{'':11}", (f"{sign} {shown}", style)), no_wrap=True)


def _window(text: str, at: int, room: int) -> str:
    """The part of a text in which it differs."""
    start = at - room // 3
    if len(text) > room and start > 0:
        text = "…" + text[start + 1 :]
    return shorten_right(text, room)
