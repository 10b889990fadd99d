"""`python -m trioshadow demo`: a real migration, from the deprecated `commonmark` to another Markdown library.

This file conducts: input, comparison, report, isolation panel. Each of these is a file of its own.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trioshadow.cli.common.console import make_console
from trioshadow.cli.common.errors import CliError, require
from trioshadow.cli.common.progress import Stages

from .blocks import cut_all, kind_of
from .compare import compare
from .documents import documents_at, installed_documents
from .isolation import HARMS, HarmName, Isolation, Row
from .objective import can_decide, objective_for
from .panel import show_computing, show_harms
from .renderers import DEFAULT_CANDIDATES, PRIMARY, CandidateName, Renderer
from .report import show_examples, show_input, show_objective, show_scorecards, show_table

#: One value each time the option is given: `--harm slow README.md` names one harm and one file.
_REPEATABLE = Parameter(negative="", consume_multiple=False)


async def demo(
    *paths: Path,
    candidate: Annotated[tuple[CandidateName, ...], _REPEATABLE] = DEFAULT_CANDIDATES,
    harm: Annotated[tuple[HarmName, ...], _REPEATABLE] = HARMS,
    http: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Migrate from a deprecated library, and see what the migration would break.

    Renders Markdown with commonmark (deprecated) and with a candidate to replace it, and shows where they differ.
    Then measures what a bad candidate costs the callers.

    Parameters
    ----------
    paths
        Markdown files, and folders of such. Without: the descriptions of all installed distributions.
    candidate
        The library to migrate to; can be given more than once.
    harm
        The bad candidate in the isolation panel; can be given more than once.
    http
        Do it over HTTP: services on this machine, a mirroring proxy before them, and where their answers differ, by
        path: without rules, and with rules for what differs by itself.
    """
    if http and harm is not HARMS:
        raise CliError("--harm is for the isolation panel, which --http does not have")
    console = make_console()
    primary = Renderer(PRIMARY)
    candidates = [Renderer(name) for name in dict.fromkeys(candidate)]

    documents = documents_at(paths) if paths else installed_documents()
    blocks = cut_all(documents)
    targets = ", ".join(map(str, candidates))
    console.print(f"Migration: {primary} (deprecated) -> {targets}", style="bold")
    source = "the files you named" if paths else "the descriptions of the installed distributions"
    if http:
        require("hypercorn", extra="demo")
        from .http_run import demo_http  # noqa: PLC0415 - the rest of the demo needs no server

        await demo_http(console, primary, candidates, blocks, source)
        return
    show_input(console, blocks, source)

    kinds = Counter(map(kind_of, blocks))
    objective = objective_for(kinds)
    comparisons = []
    with Stages() as stages:
        for renderer in candidates:
            progress = stages.start(f"{primary.name} against {renderer.name}", len(blocks))
            comparison = await compare(
                *(primary, renderer, blocks),
                name=renderer.name,
                candidate=str(renderer),
                objective=objective,
                progress=progress,
            )
            comparisons.append(comparison)
    show_table(console, comparisons, len(documents))
    for comparison in comparisons:
        show_examples(console, comparison, primary.name)
    with Stages() as stages:
        isolation = Isolation(primary, candidates[0])
        names = list(dict.fromkeys(harm))
        harms: list[Row] = []
        progress = stages.start("measuring bad candidates", len(names) + 2)
        for name in names:
            harms.append(await isolation.harm(name))
            progress(len(harms))
        computing = [await isolation.computing_on_the_loop()]
        progress(len(names) + 1)
        computing.append(await isolation.computing_in_a_thread())
    show_harms(console, harms, primary.name)
    show_computing(console, computing, candidates[0].name, isolation.cpu_seconds)
    console.print()
    show_objective(console, objective, len(blocks), decides=can_decide(objective, kinds))
    show_scorecards(console, comparisons)
