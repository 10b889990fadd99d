"""What the demos found, on the screen: counts, examples, timings, scorecards. It computes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trioshadow import ShadowStatistics
from trioshadow.cli.common.scorecard import shortened, show_scorecard
from trioshadow.cli.common.texts import shorten_left, shorten_right
from trioshadow.compare import visible
from trioshadow.evidence import Objective

from .compare import OBJECTIVE, Comparison
from .documents import Block
from .isolation import CALLS, CPU_RATE, CPU_SECONDS, HARMS, IO_SECONDS, PACE, ROUNDS
from .rounds import NEGLIGIBLE, Measured

#: Examples of each candidate, and lines of an example.
EXAMPLES, EXAMPLE_LINES = 3, 10


def show_heading(console: Console, text: str) -> None:
    """A line above a section."""
    console.print(f"\n{text}", style="bold")


def table_of(first: str, *numbers: str) -> Table:
    """A table without rows: a column of names and columns of numbers."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column(first, no_wrap=True, vertical="bottom")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True, vertical="bottom")
    return table


def show_counts(console: Console, comparisons: Sequence[Comparison], blocks: Sequence[Block]) -> None:
    """What became of the calls: one row a candidate."""
    table = table_of("candidate", "calls", "matched", "diverged", "failed", "timed out", "documents\naffected")
    documents = len({block.document for block in blocks})
    for comparison in comparisons:
        counts = comparison.statistics
        bad = (counts.diverged, counts.failed, counts.timed_out)
        table.add_row(
            comparison.candidate,
            *(f"{counts.calls:,}", Text(f"{counts.matched:,}", style="green")),
            *(Text(f"{count:,}", style="red" if count else "dim") for count in bad),
            f"{len({block.document for block, _ in comparison.differences})} of {documents}",
        )
    console.print()
    console.print(table)


def show_examples(console: Console, comparison: Comparison, primary: str) -> None:
    """Differences of several kinds. Nothing if there are none."""
    examples = comparison.examples(EXAMPLES)
    if examples:
        show_heading(console, f"Where {comparison.candidate} differs (- {primary}, + {comparison.candidate})")
    for block, record, alike in examples:
        more = f" (and {alike - 1:,} more like it)" if alike > 1 else ""
        console.print(f"\n  {shorten_left(visible(block.document), 40)}, block {block.number}{more}", no_wrap=True)
        if record.divergence is not None:
            lines = record.divergence.explain(color=True, width=console.width - 2).splitlines()
        else:
            assert record.failure is not None
            failure = f"failed: {record.failure.type_name}: {record.failure.message}"
            lines = [shorten_right(visible(failure), console.width - 2)]
        for line in lines[:EXAMPLE_LINES]:
            console.print(Text("  ") + Text.from_ansi(line), no_wrap=True)
        if len(lines) > EXAMPLE_LINES:
            console.print(f"    and {len(lines) - EXAMPLE_LINES:,} more lines")


def show_isolation(console: Console, measured: Measured, statistics: Mapping[str, ShadowStatistics]) -> None:
    """The isolation panel. There are no ratios of a busy machine: somebody would remember them."""
    show_heading(console, "Does a bad candidate slow the callers down?")
    console.print(
        f"The primary takes {IO_SECONDS * 1e3:.0f} ms. Callers make {PACE:,.0f} calls a second: to the primary alone, "
        "to the primary alone again (so that you see what the machine does by itself), and mirrored to each of the "
        f"candidates, {CALLS} calls each in turn. Medians of {ROUNDS} rounds:\n"
    )
    table = table_of("milliseconds", "p50", "p95", "p50\nratio", "p95\nratio")
    table.add_column("its calls ended", vertical="bottom")
    for row in measured.rows:
        ratios = ["", ""] if measured.is_busy else [_ratio(row.ratio_p50), _ratio(row.ratio_p95)]
        ends = _ends(statistics[row.what]) if row.what in statistics else ""
        table.add_row(row.what, f"{row.p50:.1f}", f"{row.p95:.1f}", *ratios, ends)
    console.print(table)
    console.print(f"\n{answer(measured)}")
    console.print(
        "\nWhat no library can prevent is a candidate that computes. Here it takes "
        f"{CPU_SECONDS * 1e3:.0f} ms for a call, and 1 call in {1 / CPU_RATE:.0f} is mirrored. On the callers' event "
        "loop the two take turns: a call that is due waits until the candidate is done. In a thread it shares the "
        "interpreter lock with them. Only a process of its own (isolation.ProcessBackend) shares neither."
    )


def answer(measured: Measured) -> str:
    """Whether the slow, the hung and the failing candidate slow the callers down."""
    if measured.is_busy:
        return (
            "This machine is too busy to tell: in a typical round, two measurements of the primary alone differ by "
            f"{measured.unrest - 1:.0%}. Run the demo again when less is going on."
        )
    harms = [row for row in measured.rows if row.what in HARMS]
    again = measured.rows[1]
    p50, p95 = max(row.ratio_p50 for row in harms), max(row.ratio_p95 for row in harms)
    figures = (
        f"with a slow, hung or failing candidate p50 is at most {p50:.2f} times what it is alone, p95 at most "
        f"{p95:.2f} times. The primary alone, measured again: {again.ratio_p50:.2f} and {again.ratio_p95:.2f} times."
    )
    if p50 <= NEGLIGIBLE:
        return f"No: {figures}"
    return f"Here, yes: {figures} No call waits for a shadow, but to start one takes processor time."


def _ratio(ratio: float) -> Text:
    return Text(f"{ratio:.2f}", style="green" if ratio <= NEGLIGIBLE else "yellow")


def _ends(counts: ShadowStatistics) -> str:
    ends = {end: getattr(counts, end) for end in ("matched", "failed", "timed_out", "abandoned")}
    return ", ".join(f"{count:,} {end.replace('_', ' ')}" for end, count in ends.items() if count)


def show_scorecards(console: Console, comparisons: Sequence[Comparison]) -> None:
    """What was asked of the candidates, and whether they are good enough."""
    show_heading(console, "Is it good enough?")
    console.print(
        f"You decide what that means. Here it is Objective(max_rate={OBJECTIVE.max_rate:g}, "
        f"fast_enough={OBJECTIVE.fast_enough:g}): of each operation, at most {OBJECTIVE.max_rate:.0%} of the calls may "
        f"differ beyond noise, and a p99 up to {OBJECTIVE.fast_enough * 1e3:.0f} ms is good. Some 500 calls of an "
        f"operation can decide that. The default, {Objective().max_rate:.1%}, takes some 5,000."
    )
    for comparison in comparisons:
        console.print()
        show_scorecard(console, comparison.scorecard.epoch.candidate, shortened(comparison.scorecard))
