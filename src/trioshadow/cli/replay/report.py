"""The replay's last words: what was sent and skipped, the scorecard, and where to go on. It computes nothing."""

from __future__ import annotations

import shlex
import sys
import textwrap

from rich.console import Console
from rich.text import Text

from trioshadow import Verdict
from trioshadow._model.words import counted
from trioshadow.cli.common.program import program
from trioshadow.cli.common.scorecard import show_scorecard
from trioshadow.cli.common.verdicts import show_secondary, show_verdicts
from trioshadow.compare import visible
from trioshadow.evidence import Scorecard

from .conduct import Seen
from .options import ReplayOptions

_INDENT = "    "


def show_replay(console: Console, options: ReplayOptions, seen: Seen, scorecard: Scorecard, *, early: bool) -> None:
    """All of it. `early`: was it told to stop?"""
    _show_sent(console, options, seen)
    _show_skipped(console, seen)
    _show_withheld(console, seen)
    console.print()
    show_scorecard(console, scorecard.epoch.candidate or "the shadow", scorecard)
    console.print()
    console.print(Text(f"Archive: {visible(str(options.archive))}"), soft_wrap=True)
    if seen.progress.records_lost:
        console.print(f"{counted(seen.progress.records_lost, 'record')} could not be written; the counts are whole.")
    if early:
        console.print("Stopped before its end. To go on:")
        console.print(Text(f"  {_command()}"), soft_wrap=True)


def _show_sent(console: Console, options: ReplayOptions, seen: Seen) -> None:
    totals = seen.evidence.totals()
    done = sum(totals)
    before = f" ({seen.before:,} of them before)" if seen.before else ""
    there = counted(seen.survey.total, "request")
    console.print(Text(f"{done:,} of {there} sent{before}, of {visible(options.file.name)}:"), soft_wrap=True)
    for each in seen.otherwise:
        console.print(Text(f"  {visible(each)}"), soft_wrap=True)
    show_verdicts(console, lambda verdict: totals[Verdict(verdict).slot])
    secondary = seen.evidence.secondary_totals()
    show_secondary(console, sum(secondary), lambda verdict: secondary[Verdict(verdict).slot])
    if causes := seen.progress.no_answer:
        told = ", ".join(f"{cause} {count:,}" for cause, count in causes.most_common())
        console.print(f"Abandoned: the primary gave no answer to {causes.total():,} ({told})")


def _show_skipped(console: Console, seen: Seen) -> None:
    skipped = seen.survey.skipped
    if not skipped.counts:
        return
    console.print(f"{counted(skipped.counts.total(), 'line')} skipped:")
    for cause, count in skipped.counts.most_common():
        console.print(Text(f"  {cause:<15}{count:>7,}"))
        told = skipped.first[cause]
        for each in told:
            console.print(Text(_indented(visible(str(each)), console.width)), no_wrap=True)
        if count > len(told):
            console.print(f"    and {count - len(told):,} more")


def _show_withheld(console: Console, seen: Seen) -> None:
    survey = seen.survey
    if survey.withheld:
        names = ", ".join(sorted(survey.withheld))
        told = f"{counted(survey.requests_with_withheld, 'request')} sent without what lets somebody in ({names}): "
        if survey.masked:
            told += f"the file has masked {', '.join(sorted(survey.masked))}"
        else:
            told += "--forward-credential NAME sends one, to all sides"
        console.print(Text(told))


def _indented(text: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False)


def _command() -> str:
    arguments = sys.argv[1:]
    resumes = not {"--resume", "-r"}.isdisjoint(arguments)
    return f"{program()} {shlex.join(arguments if resumes else [*arguments, '--resume'])}"
