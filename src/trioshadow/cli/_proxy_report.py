"""The proxy's last words: what was served and mirrored, what failed, and where answers differ. It computes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trioshadow import ShadowStatistics

from ._proxy_tally import Place, Tally
from ._texts import shorten_left, shorten_right, visible

#: Rows of a table, and lines of the example.
ROWS, EXAMPLE_LINES = 10, 12

#: Columns of an operation.
_OPERATION = 34

_NOT_MIRRORED = ("not_sampled", "held_back", "unkeyed", "shed", "paused", "closed")


def show_report(console: Console, statistics: ShadowStatistics, tally: Tally) -> None:
    """All of it."""
    _show_counts(console, statistics)
    _show_failures(console, tally)
    _show_places(console, tally)
    _show_verdict(console, statistics)


def _show_counts(console: Console, statistics: ShadowStatistics) -> None:
    console.print(f"{statistics.calls:,} requests served, {statistics.mirrored:,} of them mirrored:")
    for name, style in (
        ("matched", "green"),
        ("diverged", "red"),
        ("failed", "red"),
        ("timed_out", "red"),
        ("abandoned", "yellow"),
    ):
        count: int = getattr(statistics, name)
        console.print(Text.assemble(f"  {name.replace('_', ' '):<10}", (f"{count:>12,}", style if count else "dim")))
    if statistics.not_mirrored:
        console.print(f"{statistics.not_mirrored:,} not mirrored:")
    for name in _NOT_MIRRORED:
        if count := getattr(statistics, name):
            causes: Mapping[str, int] = getattr(statistics, f"{name}_by_cause", {})
            told = ", ".join(f"{cause.replace('_', ' ')} {n:,}" for cause, n in causes.items() if n)
            console.print(f"  {name.replace('_', ' '):<11}{count:>11,}{f'  ({told})' if told else ''}", no_wrap=True)
    console.print()


def _show_failures(console: Console, tally: Tally) -> None:
    if not tally.failed:
        return
    console.print("Why the shadow gave no answer:", style="bold")
    for kind, count in tally.failed.most_common(ROWS):
        console.print(f"  {count:>9,}  {shorten_right(visible(kind), console.width - 13)}", no_wrap=True)
    _show_rest(console, len(tally.failed))
    console.print()


def _show_places(console: Console, tally: Tally) -> None:
    if not tally.diverged:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("calls", justify="right")
    table.add_column("operation", no_wrap=True)
    table.add_column("where answers differ", no_wrap=True)
    room = console.width - _OPERATION - 13
    ranked = tally.diverged.most_common(ROWS)
    for place, count in ranked:
        operation = shorten_right(visible(place.operation), _OPERATION)
        table.add_row(f"{count:,}", operation, shorten_left(visible(place.where), room))
    console.print(table)
    _show_rest(console, len(tally.diverged))
    console.print()
    _show_example(console, tally, ranked[0][0])


def _show_example(console: Console, tally: Tally, place: Place) -> None:
    record = tally.examples[place]
    assert record.divergence is not None
    title = " (- primary, + shadow), "
    operation = shorten_right(visible(place.operation), console.width - 11 - len(title))
    console.print(Text.assemble(("An example", "bold"), title, operation, ":"), no_wrap=True)
    told = record.divergence.explain(color=True, width=console.width - 2).splitlines()
    for line in told[:EXAMPLE_LINES]:
        console.print(Text("  ") + Text.from_ansi(line), no_wrap=True)
    if len(told) > EXAMPLE_LINES:
        console.print(f"  and {len(told) - EXAMPLE_LINES:,} more lines", no_wrap=True)
    console.print()


def _show_rest(console: Console, count: int) -> None:
    if count > ROWS:
        console.print(f"  and {count - ROWS:,} more", no_wrap=True)


def _show_verdict(console: Console, statistics: ShadowStatistics) -> None:
    answered = statistics.matched + statistics.diverged + statistics.failed + statistics.timed_out
    differ = answered - statistics.matched
    if not answered:
        console.print("Nothing was compared.", style="yellow")
    elif differ:
        console.print(f"{differ:,} of {answered:,} compared requests differ.", style="red")
    else:
        console.print(f"0 of {answered:,} compared requests differ.", style="green")
