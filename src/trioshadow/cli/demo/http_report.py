"""What `demo --http` found, on the screen. It computes nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trioshadow.cli.common.scorecard import decision_line
from trioshadow.cli.common.texts import count_of, shorten_left
from trioshadow.compare import visible
from trioshadow.evidence import FieldScore, Scorecard

from .blocks import Block
from .http import NOISE
from .http_cost import HUNG_TIMEOUT, TIMED, Cost
from .http_paths import Row
from .http_services import PATH

#: Rows of a table.
_ROWS = 10

#: Reasons that are told of a scorecard.
_REASONS = 2

#: Columns of a path.
_WIDTH = 36


def show_input(console: Console, chosen: Sequence[Block], blocks: Sequence[Block], source: str) -> None:
    """How much there is to do."""
    console.print(
        f"Input: {len(chosen):,} of {count_of(len(blocks), 'text')} ({source}), each sent with GET {PATH}?text=... "
        f"or, if it is long, with POST {PATH}."
    )
    console.print()


def show_services(console: Console, services: Sequence[tuple[str, str, str]]) -> None:
    """What runs: roles, names and URLs."""
    console.print(Text("Services on this machine, and a mirroring proxy before them", style="bold"))
    console.print(
        "Each answers with JSON: a text's HTML, what it counts in it, and an id and a time that are new in every "
        "answer."
    )
    console.print()
    for role, name, url in services:
        console.print(f"  {role:<27}{name:<16}{url}")
    console.print()


def show_rules(console: Console) -> None:
    """What the table of paths is about."""
    rules = " and ".join(f'IgnorePath("{rule.path}")' for rule in NOISE)
    console.print(Text("Where answers differ, by path", style="bold"))
    console.print(
        f"The same calls twice: without rules, and with {rules} for the noise. Noise is where the secondary, the old "
        "service once more, differs from the primary."
    )
    console.print()


def show_paths(console: Console, name: str, rows: Sequence[Row]) -> None:
    """Of one candidate, a row for each path; those that are gone with the rules in green."""
    if not rows:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column(f"\n{name}", no_wrap=True)
    table.add_column("\ncalls", justify="right", no_wrap=True)
    table.add_column("\nnoise", justify="right", no_wrap=True)
    table.add_column("without rules\nwhat it is", no_wrap=True)
    table.add_column("\ncalls", justify="right", no_wrap=True)
    table.add_column("with rules\nwhat it is", no_wrap=True)
    for row in rows[:_ROWS]:
        style = "red" if row.ruled else "green"
        table.add_row(
            shorten_left(visible(row.field), _WIDTH),
            *(_calls(row.without), _noise(row.without), _state(row.without)),
            *(Text(said, style=style) for said in (_calls(row.ruled), _state(row.ruled))),
        )
    console.print(table)
    if len(rows) > _ROWS:
        console.print(f"  and {len(rows) - _ROWS:,} more")
    console.print()


def _calls(field: FieldScore | None) -> str:
    return f"{field.calls:,}" if field else "0"


def _noise(field: FieldScore | None) -> str:
    return "" if field is None or field.noise is None else f"{field.noise:.0%}"


def _state(field: FieldScore | None) -> str:
    return field.state.value.replace("_", " ") if field else ""


def show_cost(console: Console, costs: Sequence[Cost]) -> None:
    """How long the client waits; the first is the proxy that does not mirror."""
    console.print(Text("What does it cost the client?", style="bold"))
    console.print(f"{TIMED} calls about short texts to each of three proxies, one at a time and in turn. Milliseconds:")
    console.print()
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("", no_wrap=True)
    for heading in ("p50", "p99", "ratio p50", "ratio p99"):
        table.add_column(heading, justify="right", no_wrap=True)
    alone = costs[0].timing
    for cost in costs:
        p50, p99 = cost.timing.p50, cost.timing.p99
        ratios = ("", "") if cost is costs[0] else (f"{p50 / alone.p50:.2f}", f"{p99 / alone.p99:.2f}")
        table.add_row(cost.what, f"{p50:.1f}", f"{p99:.1f}", *ratios)
    console.print(table)
    console.print(
        f"\nNobody waits for a shadow: of the one that hangs each copy lasts {HUNG_TIMEOUT * 1e3:.0f} ms, until it is "
        f"given up, and with it the client's p50 is {costs[-1].timing.p50:.1f} ms. What mirroring costs is processor "
        "time: sending the copy and reading the answer; and here, where client, proxy and services share one event "
        "loop, the new service's work too."
    )
    console.print()


def show_by_hand(console: Console) -> None:
    """How to do the same with services of one's own."""
    console.print(Text("The same before services of your own", style="bold"))
    console.print("  python -m trioshadow proxy --primary URL --secondary URL --shadow URL \\")
    console.print("    --allow-method POST " + " ".join(f"--ignore-path '{rule.path}'" for rule in NOISE))
    console.print()


def show_unruled(console: Console, scorecards: Sequence[Scorecard]) -> None:
    """What they say without rules: of each the decision, and the most important reasons."""
    console.print("Without rules:")
    console.print()
    for scorecard in scorecards:
        console.print(decision_line(scorecard.epoch.candidate, scorecard), no_wrap=True)
        for reason in scorecard.reasons[:_REASONS]:
            told = textwrap.wrap(visible(reason), console.width, initial_indent="  - ", subsequent_indent="    ")
            console.print("\n".join(told), no_wrap=True)
        if len(scorecard.reasons) > _REASONS:
            console.print(f"  and {len(scorecard.reasons) - _REASONS:,} more")
    console.print()
    console.print("With rules:")
    console.print()
