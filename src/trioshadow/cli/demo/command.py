"""`trioshadow demo`: a real migration, from the deprecated `commonmark` to another Markdown library. It conducts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
from rich.console import Console

from trioshadow._model.words import counted
from trioshadow.cli.common.checks import any_path
from trioshadow.cli.common.command_line import takes
from trioshadow.cli.common.console import make_console
from trioshadow.cli.common.errors import require
from trioshadow.cli.common.options import FLAG, Kind, Panel, argument, option, several
from trioshadow.cli.common.progress import Stages

from .compare import compare
from .documents import Block, choose_blocks, documents_at, installed_documents
from .isolation import ROUNDS, measure_isolation
from .renderers import CANDIDATES, PRIMARY, Renderer
from .report import show_counts, show_examples, show_isolation, show_scorecards


@attrs.frozen(kw_only=True)
class DemoOptions:
    """All that the demo takes."""

    paths: tuple[Path, ...] = argument(
        several(Kind(Path, "PATH", any_path)),
        (),
        about="Markdown files, or folders of them. By default, the descriptions of all installed packages.",
    )
    http: bool = option(
        FLAG,
        default=False,
        panel=Panel.SERVICES,
        about="Do it over HTTP: local services behind a mirroring proxy, with rules for noise in their answers.",
    )


@takes(DemoOptions)
async def demo(options: DemoOptions) -> None:
    """Migrate from a deprecated library, and see what the migration would break.

    Renders Markdown with commonmark (deprecated) and with two libraries that could replace it, and shows where they
    differ. Then measures what a bad candidate costs the callers.
    """
    console = make_console()
    primary, *candidates = map(Renderer, (PRIMARY, *CANDIDATES))
    if options.http:
        require("hypercorn", extra="demo")
    blocks = choose_blocks(documents_at(options.paths) if options.paths else installed_documents())
    documents = counted(len({block.document for block in blocks}), "document")
    console.print(f"Migration: {primary} (deprecated) -> {', '.join(map(str, candidates))}", style="bold")
    source = "the files you named" if options.paths else "the descriptions of the installed packages"
    console.print(f"Input: {counted(len(blocks), 'block')} of Markdown from {documents} ({source}).")
    if options.http:
        from .http_run import demo_http  # noqa: PLC0415 - the rest of the demo needs no server

        await demo_http(console, primary, candidates, blocks)
    else:
        await _demo_library(console, primary, candidates, blocks)


async def _demo_library(
    console: Console, primary: Renderer, candidates: Sequence[Renderer], blocks: Sequence[Block]
) -> None:
    with Stages() as stages:
        comparisons = []
        for candidate in candidates:
            progress = stages.start(f"{primary.name} against {candidate.name}", len(blocks))
            comparisons.append(await compare(primary, candidate, blocks, progress))
        progress = stages.start("measuring bad candidates", ROUNDS)
        measured, statistics = await measure_isolation(primary, candidates[0], ROUNDS, progress)
    show_counts(console, comparisons, blocks)
    for comparison in comparisons:
        show_examples(console, comparison, primary.name)
    show_isolation(console, measured, statistics)
    show_scorecards(console, comparisons)
