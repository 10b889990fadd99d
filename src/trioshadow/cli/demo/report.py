"""What the main job found, on the screen: table, examples, and a scorecard for each candidate. It computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trioshadow.cli.common.scorecard import shortened, show_scorecard
from trioshadow.cli.common.texts import count_of, shorten_right
from trioshadow.compare import visible
from trioshadow.evidence import Objective

from .blocks import Block
from .compare import Comparison
from .examples import Example, choose_examples

EXAMPLES = 3

#: Of one example.
EXAMPLE_LINES = 10


def show_input(console: Console, blocks: Sequence[Block], source: str) -> None:
    """How much there is to do."""
    documents = len({block.document for block in blocks})
    whole = sum(block.whole for block in blocks)
    parts = len(blocks) - whole
    line = f"Input: {count_of(documents, 'document')} ({source}), cut into {count_of(parts, 'block')}. "
    line += "Each block is a call" + (", and each longer document as a whole is one more" if whole else "")
    console.print(f"{line}: {count_of(len(blocks), 'call')} for each candidate.")
    console.print()


def show_table(console: Console, comparisons: Sequence[Comparison], documents: int) -> None:
    """One row a candidate: what became of its calls."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("candidate", no_wrap=True, vertical="bottom")
    for heading in ("calls", "matched", "diverged", "failed", "timed out", "shed", "documents\naffected"):
        table.add_column(heading, justify="right", vertical="bottom")
    for comparison in comparisons:
        counts = comparison.statistics
        table.add_row(
            comparison.candidate,
            f"{counts.calls:,}",
            *(
                Text(f"{count:,}", style=style if count else "dim")
                for count, style in (
                    (counts.matched, "green"),
                    (counts.diverged, "red"),
                    (counts.failed, "red"),
                    (counts.timed_out, "red"),
                    (counts.shed, "yellow"),
                )
            ),
            f"{comparison.documents_affected} of {documents}",
        )
    console.print(table)
    console.print()


def show_examples(console: Console, comparison: Comparison, primary: str) -> None:
    """Three differences, each with both sides around it, and what else went wrong. Nothing if nothing did."""
    examples = choose_examples(comparison.differences, EXAMPLES)
    if examples:
        total = len(comparison.differences)
        console.print(
            Text.assemble(
                (f"Where {comparison.candidate} differs", "bold"),
                f" ({len(examples)} of {total:,}; - {primary}, + {comparison.candidate}):",
            )
        )
        console.print()
    for example in examples:
        _show_example(console, example)
    if comparison.troubles:
        shown = comparison.troubles[:EXAMPLES]
        console.print(f"Calls without two answers: {len(shown)} of {len(comparison.troubles):,}", style="bold")
        for trouble in shown:
            console.print(f"  {shorten_right(visible(trouble), console.width - 2)}", no_wrap=True)
        console.print()


def _show_example(console: Console, example: Example) -> None:
    difference = example.difference
    alike = f" (and {example.alike - 1:,} more like it)" if example.alike > 1 else ""
    console.print(Text(f"  {difference.key}{alike}"), no_wrap=True)
    told = difference.divergence.explain(color=True, width=console.width - 2).splitlines()
    for line in told[:EXAMPLE_LINES]:
        console.print(Text("  ") + Text.from_ansi(line), no_wrap=True)
    if len(told) > EXAMPLE_LINES:
        console.print(f"    and {len(told) - EXAMPLE_LINES:,} more lines", no_wrap=True)
    console.print()


def show_objective(console: Console, objective: Objective, calls: int, *, decides: bool) -> None:
    """What is asked of the candidates. `decides`: whether so many calls can tell."""
    console.print(Text("Is it good enough?", style="bold"))
    console.print(
        "An objective says what that means, and is yours to choose. Here it is "
        f"Objective(max_rate={objective.max_rate:g}, max_p99_ratio=None): of each kind of call at most "
        f"{objective.max_rate * 100:g}% may differ beyond noise, and speed decides nothing. "
        + (
            f"{count_of(calls, 'call')} can decide that; the default, {Objective().max_rate:g}, takes some 5,000 of "
            "each kind."
            if decides
            else f"{count_of(calls, 'call')} can hardly decide even that."
        )
    )
    console.print()


def show_scorecards(console: Console, comparisons: Sequence[Comparison]) -> None:
    """Of each candidate, without the examples."""
    for comparison in comparisons:
        show_scorecard(console, comparison.scorecard.epoch.candidate, shortened(comparison.scorecard))
        console.print()
