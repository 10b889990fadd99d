"""What became of mirrored calls, as rows of numbers on the screen. It computes nothing."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.text import Text

_STYLES = {
    "matched": "green",
    "diverged": "red",
    "ignored": "yellow",
    "failed": "red",
    "timed_out": "red",
    "abandoned": "yellow",
}
#: Shown where there are any: only `ignore_if` makes some, which no command has.
_SELDOM = frozenset({"ignored"})


def show_verdicts(console: Console, count_of: Callable[[str], int]) -> None:
    """A row each, by the names that verdicts have."""
    for name, style in _STYLES.items():
        count = count_of(name)
        if not count and name in _SELDOM:
            continue
        console.print(Text.assemble(f"  {name.replace('_', ' '):<10}", (f"{count:>12,}", style if count else "dim")))


def show_secondary(console: Console, calls: int, count_of: Callable[[str], int]) -> None:
    """The same of the secondary, if it was asked: of those rows that are not zero."""
    if not calls:
        return
    console.print(f"{calls:,} of these to the secondary too:")
    for name in _STYLES:
        if count := count_of(name):
            console.print(f"  {name.replace('_', ' '):<10}{count:>12,}")
