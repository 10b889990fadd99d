"""What `demo --http` found, on the screen. It computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trioshadow import ShadowStatistics

from ._demo_blocks import Block
from ._demo_http import NOISE
from ._demo_http_cost import HUNG_TIMEOUT, TIMED, Cost
from ._demo_http_paths import Row
from ._demo_http_services import PATH
from ._demo_report import count_of
from ._texts import shorten_left, visible

#: Rows of a table.
_ROWS = 10

#: Columns of a path.
_WIDTH = 36


def show_input(console: Console, chosen: Sequence[Block], blocks: Sequence[Block], source: str) -> None:
    """How much there is to do."""
    console.print(
        f"Input: {len(chosen):,} of {count_of(len(blocks), 'text')} ({source}), each sent with GET {PATH}?text=... "
        f"or, if it is long, with POST {PATH}."
    )
    console.print()


def show_services(console: Console, primary: tuple[str, str], shadows: Sequence[tuple[str, str]]) -> None:
    """What runs: names and URLs."""
    console.print(Text("Services on this machine, and a mirroring proxy before them", style="bold"))
    console.print(
        "Each answers with JSON: a text's HTML, what it counts in it, and an id and a time that are new in every "
        "answer."
    )
    console.print()
    for (name, url), role in ((primary, "primary, answers"), *((shadow, "shadow, compared") for shadow in shadows)):
        console.print(f"  {role:<18}{name:<16}{url}")
    console.print()


def show_rules(console: Console) -> None:
    """What the table of paths is about."""
    rules = " and ".join(f'IgnorePath("{rule.path}")' for rule in NOISE)
    console.print(Text("Where answers differ, by path", style="bold"))
    console.print(f"The same calls twice: without rules, and with {rules} for the noise.")
    console.print()


def show_paths(console: Console, name: str, rows: Sequence[Row], calls: int) -> None:
    """Of one candidate, a row for each path; those that are gone with the rules in green."""
    if not rows:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column(f"\n{name}", no_wrap=True)
    table.add_column("\nkind", no_wrap=True)
    for heading in ("without\ncalls", "rules\nshare", "with\ncalls", "rules\nshare"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows[:_ROWS]:
        style = "red" if row.ruled else "green"
        table.add_row(
            shorten_left(visible(row.spot.path), _WIDTH),
            row.spot.kind,
            f"{row.without:,}",
            _share(row.without, calls),
            Text(f"{row.ruled:,}", style=style),
            Text(_share(row.ruled, calls), style=style),
        )
    console.print(table)
    if len(rows) > _ROWS:
        console.print(f"  and {len(rows) - _ROWS:,} more")
    console.print()


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
    console.print("  python -m trioshadow proxy --primary URL --shadow URL --allow-method POST \\")
    console.print("    " + " ".join(f"--ignore-path '{rule.path}'" for rule in NOISE))
    console.print()


def show_noise(console: Console, without: Sequence[ShadowStatistics]) -> None:
    """What the rules have done, before the verdicts; `without`: of the runs without rules."""
    calls = sum(statistics.calls for statistics in without)
    differ = calls - sum(statistics.matched for statistics in without)
    console.print(
        f"Without rules, {differ:,} of {count_of(calls, 'call')} differ. With {len(NOISE)} rules for the noise, "
        "what is left is what the libraries do differently:"
    )


def _share(count: int, calls: int) -> str:
    share = count / calls
    return f"{share:.0%}" if not count or share >= 0.01 else "< 1%"
