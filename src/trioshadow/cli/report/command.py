"""`trioshadow report`: what archives say, for those who were not there. This file conducts."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trioshadow.archive import UnknownEpochError, summarize
from trioshadow.cli.common.checks import made_of_options
from trioshadow.cli.common.console import make_console, print_plain
from trioshadow.cli.common.errors import CliError
from trioshadow.cli.common.objective import Acknowledge, MaxP99Ratio, ObjectiveRate, ObjectiveSettings
from trioshadow.cli.common.options import option
from trioshadow.cli.common.scorecard import exit_status

from .json import as_json
from .page import write_page
from .terminal import show_report


def report(
    *files: Annotated[
        Path,
        Parameter(
            help="Archives that a JsonlSink, the proxy or a replay wrote: the paths that they were told, or single "
            "segments. Those of several processes are added up."
        ),
    ],
    html: Annotated[
        Path | None, option("File for a page: one file, which loads nothing, to be sent to others.", "none")
    ] = None,
    json: Annotated[bool, option("Print JSON, and nothing else.", "no")] = False,
    epoch: Annotated[str | None, option("Which candidate and rules, by the name in the report.", "the latest")] = None,
    exit_code: Annotated[bool, option("Exit with 0 for promote, 1 for reject, 3 for hold.", "no")] = False,
    objective_rate: ObjectiveRate = None,
    max_p99_ratio: MaxP99Ratio = None,
    acknowledge: Acknowledge = None,
) -> int:
    """Report what the archives of a shadower say: the decision, its reasons, what differs.

    python -m trioshadow report shadow.jsonl --html report.html
    """
    said = {"objective_rate": objective_rate, "max_p99_ratio": max_p99_ratio, "acknowledge": acknowledge}
    asked = made_of_options(ObjectiveSettings, said).objective()
    if not files:
        raise CliError("report needs a file: the path that a JsonlSink was told, such as shadow.jsonl")
    if html is not None and os.path.realpath(html) in map(os.path.realpath, files):
        raise CliError(f"--html would write over an archive: {html}")
    try:
        summary = summarize(*files, objective=asked, epoch=epoch)
    except UnknownEpochError as exc:
        raise CliError(f"--epoch: {exc}") from None
    if not summary.segments:
        told = "; ".join(map(str, summary.problems[:3]))
        raise CliError(f"nothing can be read: {told}")
    if html is not None:
        try:
            write_page(summary, html)
        except OSError as exc:
            raise CliError(f"--html can't be written: {html}: {exc.strerror or exc}") from None
    if json:
        print_plain(as_json(summary))
    else:
        console = make_console()
        show_report(console, summary)
        if html is not None:
            console.print(f"\nThe page is in {html}", soft_wrap=True)
    if html is not None and json:
        print(f"The page is in {html}", file=sys.stderr)  # noqa: T201
    return exit_status(summary.scorecard) if exit_code else 0
