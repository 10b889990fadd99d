"""The course of `demo --http`: the services, and the same calls to each candidate without rules and with them."""

from __future__ import annotations

import contextlib
import functools
import signal
from collections.abc import Callable, Sequence

import trio
from rich.console import Console
from rich.text import Text

from trioshadow.cli.common.program import program
from trioshadow.cli.common.progress import Stages
from trioshadow.cli.common.scorecard import decision_line
from trioshadow.cli.common.signals import obey

from .compare import Comparison
from .documents import Block, evenly
from .http import NOISE, PATH, RenderService, mirror, served
from .renderers import Renderer
from .report import show_counts, show_examples, show_heading, show_scorecards, table_of

#: At the most, to each candidate, and as many again without rules.
CALLS = 200


async def demo_http(
    console: Console, primary: Renderer, candidates: Sequence[Renderer], blocks: Sequence[Block]
) -> None:
    """Run it, and show what it finds. Ctrl-C raises KeyboardInterrupt once the servers have ended."""
    ended = False
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        # KeyboardInterrupt would be raised anywhere, and hypercorn would take it for an error of the application.
        async with trio.open_nursery() as nursery:
            stop: Callable[[int], None] = lambda _: nursery.cancel_scope.cancel()  # noqa: E731
            nursery.start_soon(obey, signals, stop)
            await _run(console, primary, candidates, evenly(blocks, CALLS))
            ended = True
            nursery.cancel_scope.cancel()
    if not ended:
        raise KeyboardInterrupt


async def _run(console: Console, primary: Renderer, candidates: Sequence[Renderer], blocks: Sequence[Block]) -> None:
    without, ruled = list[Comparison](), list[Comparison]()
    async with contextlib.AsyncExitStack() as stack:
        renderers = [primary, *candidates]
        old, *news = [await stack.enter_async_context(served(RenderService(each))) for each in renderers]
        show_heading(console, "Services on this machine, behind a mirroring proxy")
        console.print(
            f"POST {PATH} takes a text and answers with JSON: its HTML, and an id and a time that are new in every "
            f"answer. The client sends {len(blocks):,} of the blocks.\n"
        )
        for role, name, url in zip(("primary", *["shadow"] * len(news)), renderers, (old, *news), strict=True):
            console.print(f"  {role:<9}{name!s:<24}{url}", no_wrap=True)
        console.print()
        with Stages() as stages:
            for candidate, new in zip(candidates, news, strict=True):
                run = functools.partial(mirror, old, new, candidate, blocks)
                begin = functools.partial(stages.start, total=len(blocks))
                without.append(await run(rules=(), progress=begin(f"{candidate.name}, without rules")))
                ruled.append(await run(rules=NOISE, progress=begin(f"{candidate.name}, with rules")))
    show_paths(console, without, ruled)
    show_counts(console, ruled, blocks)
    for comparison in ruled:
        show_examples(console, comparison, primary.name)
    show_scorecards(console, ruled)
    show_heading(console, "Try it on your own services")
    console.print(f"  {program()} proxy --primary URL --secondary URL --shadow URL \\")
    console.print("    --allow-method POST " + " ".join(f"--ignore-path '{rule.path}'" for rule in NOISE))


def show_paths(console: Console, without: Sequence[Comparison], ruled: Sequence[Comparison]) -> None:
    """For each candidate a row for each path that differs, without rules and with them, and the two decisions."""
    rules = " and ".join(f'IgnorePath("{rule.path}")' for rule in NOISE)
    show_heading(console, "Where answers differ, by path")
    console.print(
        f"The same calls twice: without rules, and with {rules}. Noise: how often the old service differs from itself, "
        "asked once more as the secondary."
    )
    for one, other in zip(without, ruled, strict=True):
        (before,), (after,) = one.scorecard.operations, other.scorecard.operations
        left = {field.field: field.calls for field in after.fields}
        table = table_of(one.candidate, "noise", "calls\nwithout rules", "calls\nwith rules")
        for field in sorted(before.fields, key=lambda field: -field.calls):
            calls = left.get(field.field, 0)
            table.add_row(
                field.field,
                "" if field.noise is None else f"{field.noise:.0%}",
                f"{field.calls:,}",
                Text(f"{calls:,}", style="red" if calls else "green"),
            )
        console.print()
        console.print(table)
        for label, scorecard in (("Without rules", one.scorecard), ("With rules", other.scorecard)):
            console.print(Text(f"{label}, ") + decision_line(scorecard.epoch.candidate, scorecard), no_wrap=True)
