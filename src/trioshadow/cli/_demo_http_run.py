"""The course of `demo --http`: the services, the same calls to each candidate without rules and with them, the cost."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from trioshadow import ShadowStatistics

from ._ctrl_c import CtrlC
from ._demo_blocks import Block
from ._demo_compare import Comparison, comparison_of
from ._demo_http import NOISE, mirror, running_services
from ._demo_http_cost import TIMED, measure
from ._demo_http_paths import Row, rows_of
from ._demo_http_report import (
    show_by_hand,
    show_cost,
    show_input,
    show_noise,
    show_paths,
    show_rules,
    show_services,
)
from ._demo_http_traffic import choose
from ._demo_renderers import Renderer
from ._demo_report import show_examples, show_table, show_verdict
from ._progress import Stages

#: At the most, to each candidate, and as many again without rules.
CALLS = 160


async def demo_http(
    console: Console, primary: Renderer, candidates: Sequence[Renderer], blocks: Sequence[Block], source: str
) -> None:
    """Run it, and show what it finds."""
    chosen = choose(blocks, CALLS)
    documents = len({block.document for block in chosen})
    names = [candidate.name for candidate in candidates]
    rows: list[list[Row]] = []
    unruled: list[ShadowStatistics] = []
    comparisons: list[Comparison] = []
    show_input(console, chosen, blocks, source)
    with CtrlC() as ctrl_c:
        async with running_services([primary, *candidates]) as (old, *news):
            show_services(console, (primary.name, old), list(zip(names, news, strict=True)))
            with Stages() as stages:
                for name, new in zip(names, news, strict=True):
                    progress = stages.start(f"{name}: without rules", len(chosen))
                    without = await mirror(old, new, chosen, rules=(), ctrl_c=ctrl_c, progress=progress)
                    progress = stages.start(f"{name}: with rules", len(chosen))
                    ruled = await mirror(old, new, chosen, rules=NOISE, ctrl_c=ctrl_c, progress=progress)
                    unruled.append(without.statistics)
                    rows.append(rows_of(without.divergences, ruled.divergences))
                    comparisons.append(comparison_of(name, ruled.statistics, ruled.records, by_key(chosen)))
                progress = stages.start("what it costs the client", TIMED)
                costs = await measure(old, news[0], chosen, name=names[0], ctrl_c=ctrl_c, progress=progress)
    show_rules(console)
    for name, its_rows in zip(names, rows, strict=True):
        show_paths(console, name, its_rows, len(chosen))
    console.print("What became of the calls with rules", style="bold")
    console.print()
    show_table(console, comparisons, documents)
    for comparison in comparisons:
        show_examples(console, comparison, primary.name)
    show_cost(console, costs)
    show_by_hand(console)
    show_noise(console, unruled)
    for comparison in comparisons:
        show_verdict(console, comparison, primary.name, documents)


def by_key(blocks: Sequence[Block]) -> dict[bytes, Block]:
    """The blocks by the sampling keys of their requests."""
    return {str(number).encode(): block for number, block in enumerate(blocks)}
