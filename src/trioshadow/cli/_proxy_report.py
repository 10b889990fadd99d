"""The proxy's last words: what was served and mirrored, and the scorecard. It computes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from trioshadow import ShadowStatistics
from trioshadow.evidence import Scorecard

from ._scorecard import show_scorecard

_MIRRORED = {"matched": "green", "diverged": "red", "failed": "red", "timed_out": "red", "abandoned": "yellow"}
_NOT_MIRRORED = ("not_sampled", "held_back", "unkeyed", "shed", "paused", "closed")


def show_report(console: Console, statistics: ShadowStatistics, scorecard: Scorecard) -> None:
    """All of it."""
    _show_counts(console, statistics)
    show_scorecard(console, scorecard.epoch.candidate or "the shadow", scorecard)


def _show_counts(console: Console, statistics: ShadowStatistics) -> None:
    console.print(f"{statistics.calls:,} requests served, {statistics.mirrored:,} of them mirrored:")
    for name, style in _MIRRORED.items():
        count: int = getattr(statistics, name)
        console.print(Text.assemble(f"  {name.replace('_', ' '):<10}", (f"{count:>12,}", style if count else "dim")))
    if (secondary := statistics.secondary).calls:
        console.print(f"{secondary.calls:,} of these to the secondary too:")
        for name in _MIRRORED:
            if count := getattr(secondary, name):
                console.print(f"  {name.replace('_', ' '):<10}{count:>12,}")
    if statistics.not_mirrored:
        console.print(f"{statistics.not_mirrored:,} not mirrored:")
    for name in _NOT_MIRRORED:
        if count := getattr(statistics, name):
            causes: Mapping[str, int] = getattr(statistics, f"{name}_by_cause", {})
            told = ", ".join(f"{cause.replace('_', ' ')} {n:,}" for cause, n in causes.items() if n)
            console.print(f"  {name.replace('_', ' '):<11}{count:>11,}{f'  ({told})' if told else ''}", no_wrap=True)
    console.print()
