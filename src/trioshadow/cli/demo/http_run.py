"""The course of `demo --http`: the services, the same calls to each candidate without rules and with them, the cost."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from rich.console import Console

from trioshadow.cli.common.ctrl_c import CtrlC
from trioshadow.cli.common.progress import Stages
from trioshadow.evidence import Scorecard

from .blocks import Block
from .compare import Comparison, comparison_of
from .http import NOISE, mirror, running_services
from .http_cost import TIMED, measure
from .http_paths import Row, rows_of
from .http_report import (
    show_by_hand,
    show_cost,
    show_input,
    show_paths,
    show_rules,
    show_services,
    show_unruled,
)
from .http_services import PATH
from .http_traffic import choose
from .objective import can_decide, objective_for
from .renderers import Renderer
from .report import show_examples, show_objective, show_scorecards, show_table

#: At the most, to each candidate, and as many again without rules.
CALLS = 300


async def demo_http(
    console: Console, primary: Renderer, candidates: Sequence[Renderer], blocks: Sequence[Block], source: str
) -> None:
    """Run it, and show what it finds."""
    chosen = choose(blocks, CALLS)
    documents = len({block.document for block in chosen})
    calls = {PATH: len(chosen)}
    objective = objective_for(calls)
    rows: list[list[Row]] = []
    unruled: list[Scorecard] = []
    comparisons: list[Comparison] = []
    show_input(console, chosen, blocks, source)
    with CtrlC() as ctrl_c:
        async with running_services([primary, primary, *candidates]) as (old, twin, *news):
            services = [("primary, answers", primary.name, old), ("secondary, shows the noise", primary.name, twin)]
            services += [("shadow, compared", each.name, url) for each, url in zip(candidates, news, strict=True)]
            show_services(console, services)
            with Stages() as stages:
                for candidate, new in zip(candidates, news, strict=True):
                    name = candidate.name
                    run = functools.partial(
                        mirror, old, new, twin, chosen, candidate=str(candidate), objective=objective, ctrl_c=ctrl_c
                    )
                    without = await run(rules=(), progress=stages.start(f"{name}: without rules", len(chosen)))
                    ruled = await run(rules=NOISE, progress=stages.start(f"{name}: with rules", len(chosen)))
                    unruled.append(without.scorecard)
                    rows.append(rows_of(without.scorecard, ruled.scorecard))
                    comparisons.append(
                        comparison_of(name, ruled.statistics, ruled.scorecard, ruled.records, by_key(chosen))
                    )
                progress = stages.start("what it costs the client", TIMED)
                costs = await measure(old, news[0], chosen, name=candidates[0].name, ctrl_c=ctrl_c, progress=progress)
    show_rules(console)
    for candidate, its_rows in zip(candidates, rows, strict=True):
        show_paths(console, candidate.name, its_rows)
    console.print("What became of the calls with rules", style="bold")
    console.print()
    show_table(console, comparisons, documents)
    for comparison in comparisons:
        show_examples(console, comparison, primary.name)
    show_cost(console, costs)
    show_by_hand(console)
    show_objective(console, objective, len(chosen), decides=can_decide(objective, calls))
    show_unruled(console, unruled)
    show_scorecards(console, comparisons)


def by_key(blocks: Sequence[Block]) -> dict[bytes, Block]:
    """The blocks by the sampling keys of their requests."""
    return {str(number).encode(): block for number, block in enumerate(blocks)}
