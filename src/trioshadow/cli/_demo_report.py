"""What the main job found, on the screen: table, examples, and a sentence for each candidate. It computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ._demo_blocks import Block
from ._demo_compare import Comparison
from ._demo_examples import Example, choose_examples
from ._demo_marks import mark, shorten_right, visible

EXAMPLES = 3

_LABEL = 17  # columns for the name of a side


def show_input(console: Console, blocks: Sequence[Block], source: str) -> None:
    """How much there is to do."""
    documents = len({block.document for block in blocks})
    whole = sum(block.whole for block in blocks)
    parts = len(blocks) - whole
    line = f"Input: {_count(documents, 'document')} ({source}), cut into {_count(parts, 'block')}. "
    line += "Each block is a call" + (", and each longer document as a whole is one more" if whole else "")
    console.print(f"{line}: {_count(len(blocks), 'call')} for each candidate.")
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
                f" ({len(examples)} of {total:,}; ^ marks the first difference, \\n is a line break):",
            )
        )
        console.print()
    for example in examples:
        _show_example(console, example, primary, comparison.candidate)
    if comparison.troubles:
        shown = comparison.troubles[:EXAMPLES]
        console.print(f"Calls without two answers: {len(shown)} of {len(comparison.troubles):,}", style="bold")
        for trouble in shown:
            console.print(f"  {shorten_right(visible(trouble), console.width - 2)}", no_wrap=True)
        console.print()


def _show_example(console: Console, example: Example, primary: str, candidate: str) -> None:
    difference = example.difference
    alike = f" (and {example.alike - 1:,} more like it)" if example.alike > 1 else ""
    console.print(f"  {difference.key}, byte {difference.at:,}{alike}")
    room = console.width - _LABEL - len(" (ends here)")
    marked = mark(difference.primary, difference.shadow, difference.at, width=room)
    for name, rest, style in ((primary, marked.primary, "green"), (candidate, marked.shadow, "red")):
        line = Text(f"  {name:<{_LABEL - 2}}{marked.before}")
        line += Text(rest, style=style) if rest else Text("(ends here)", style=f"italic {style}")
        console.print(line, no_wrap=True)
    console.print(Text(" " * (_LABEL + marked.column) + "^", style="bold"), no_wrap=True)
    console.print()


def show_verdict(console: Console, comparison: Comparison, primary: str, documents: int) -> None:
    """One sentence in plain words."""
    counts = comparison.statistics
    differ = counts.calls - counts.matched
    if not differ:
        style = "green"
        rest = f": 0 of {_count(counts.calls, 'call')} differ. Here it is a drop-in for {primary}."
    else:
        style = "red"
        rest = (
            f": {differ:,} of {_count(counts.calls, 'call')} differ, in {comparison.documents_affected} of "
            f"{_count(documents, 'document')}. It is not a drop-in."
        )
    console.print(Text.assemble((comparison.candidate, "bold"), (rest, style)))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
