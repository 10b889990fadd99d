"""The isolation panel on the screen: rows of timings side by side, and what they mean. It measures nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trioshadow import ShadowStatistics

from .isolation import CALLERS, CALLS, CPU_RATE, IO_SECONDS, PACE, Row

#: Up to this ratio the difference is noise: the project's own limit, held by its benchmarks.
_NOISE = 1.05
_HARM = 1.5


def show_harms(console: Console, rows: Sequence[Row], primary: str) -> None:
    """Candidates that are slow, hung, failing."""
    console.print(Text("Does a bad candidate slow the callers down?", style="bold"))
    console.print(
        f"The primary renders with {primary} and waits {IO_SECONDS * 1e3:.0f} ms, as for a database. {CALLERS} callers "
        f"make {PACE:,.0f} calls a second: {CALLS} alone, then {CALLS} that are all mirrored. Milliseconds:"
    )
    console.print()
    console.print(_table(rows))
    p50 = [row.beside.p50 / row.alone.p50 for row in rows]
    p99 = [row.beside.p99 / row.alone.p99 for row in rows]
    figures = f"p50 is at most {max(p50):.2f} times what it is alone, p99 at most {max(p99):.2f} times"
    if max(p50) > _NOISE:
        # What is left is processor time: of the shadows, and of whatever else runs on this machine just now.
        answer = (
            f"Here, yes: {figures}. No call waits for a shadow, but starting one takes processor time, and this "
            "machine is short of it."
        )
    elif max(p99) > _NOISE:
        answer = (
            f"Not the usual one: {figures}. The p99 of {CALLS} calls are its {CALLS // 100} slowest, which vary by "
            "themselves; the project's benchmark looks at more."
        )
    else:
        answer = f"No: {figures}."
    console.print(f"\n{answer}")
    console.print()


def show_computing(console: Console, rows: Sequence[Row], candidate: str, cpu_seconds: float) -> None:
    """A candidate that computes, on the loop and in a thread."""
    console.print(Text("What no library can prevent: a candidate that computes", style="bold"))
    console.print(
        f"{candidate} renders a long text, {cpu_seconds * 1e3:.0f} ms of processor time a call; 1 call in "
        f"{1 / CPU_RATE:.0f} is mirrored, so it takes {PACE * CPU_RATE * cpu_seconds:.0%} of one core. "
        "(Measured anew alone: here the loop may sleep between calls, and waking costs up to 1 ms.) Milliseconds:"
    )
    console.print()
    console.print(_table(rows))
    console.print(
        "\nOn the callers' loop the two take turns: a call that is due waits until the candidate is done. In a "
        "thread it shares the interpreter lock with them, which changes hands every 5 ms. Only a process of its own "
        "shares neither."
    )


def _table(rows: Sequence[Row]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("\ncandidate", no_wrap=True)
    for heading in ("alone\np50", "alone\np99", "with it\np50", "with it\np99", "ratio\np50", "ratio\np99"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("\nits calls ended")
    for row in rows:
        alone, beside = row.alone, row.beside
        table.add_row(
            row.what,
            *(f"{milliseconds:.1f}" for milliseconds in (alone.p50, alone.p99, beside.p50, beside.p99)),
            _ratio(beside.p50, alone.p50),
            _ratio(beside.p99, alone.p99),
            _what_became(row.statistics),
        )
    return table


def _ratio(beside: float, alone: float) -> Text:
    ratio = beside / alone
    return Text(f"{ratio:.2f}", style="green" if ratio <= _NOISE else "yellow" if ratio <= _HARM else "red")


def _what_became(statistics: ShadowStatistics) -> str:
    counts = (
        (statistics.matched, "matched"),
        (statistics.diverged, "diverged"),
        (statistics.failed, "failed"),
        (statistics.timed_out, "timed out"),
        (statistics.abandoned, "abandoned"),
        (statistics.shed, "shed"),
    )
    return ", ".join(f"{count:,} {name}" for count, name in counts if count)
