"""The proxy's last words: what was served and mirrored, and the scorecard. It computes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rich.console import Console

from trioshadow import ShadowStatistics
from trioshadow.cli.common.scorecard import show_scorecard
from trioshadow.cli.common.verdicts import show_secondary, show_verdicts
from trioshadow.evidence import Scorecard

_NOT_MIRRORED = ("not_sampled", "held_back", "unkeyed", "shed", "paused", "closed")


def show_report(console: Console, statistics: ShadowStatistics, scorecard: Scorecard) -> None:
    """All of it."""
    _show_counts(console, statistics)
    show_scorecard(console, scorecard.epoch.candidate or "the shadow", scorecard)


def _show_counts(console: Console, statistics: ShadowStatistics) -> None:
    console.print(f"{statistics.calls:,} requests served, {statistics.mirrored:,} of them mirrored:")
    show_verdicts(console, partial(getattr, statistics))
    show_secondary(console, statistics.secondary.calls, partial(getattr, statistics.secondary))
    if statistics.not_mirrored:
        console.print(f"{statistics.not_mirrored:,} not mirrored:")
    for name in _NOT_MIRRORED:
        if count := getattr(statistics, name):
            causes: Mapping[str, int] = getattr(statistics, f"{name}_by_cause", {})
            told = ", ".join(f"{cause.replace('_', ' ')} {n:,}" for cause, n in causes.items() if n)
            console.print(f"  {name.replace('_', ' '):<11}{count:>11,}{f'  ({told})' if told else ''}", no_wrap=True)
    console.print()
