"""`trioshadow report`: what archives say, for those who were not there. This file conducts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trioshadow.archive import UnknownEpochError, summarize
from trioshadow.evidence import Objective

from ._console import make_console
from ._errors import CliError
from ._report_json import as_json
from ._report_page import write_page
from ._report_terminal import show_report
from ._scorecard import exit_status


def report(
    *files: Path,
    html: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    epoch: str | None = None,
    exit_code: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Report what the archives of a shadower say: the verdict, its reasons, what differs.

    Parameters
    ----------
    files
        Archives that a JsonlSink, the proxy or a replay wrote: the paths that they were told, or single segments. Those
        of several processes are added up.
    html
        Write a page to this file: one file, which loads nothing, to be sent to others.
    json
        Print JSON, and nothing else.
    epoch
        Of which candidate and rules, by its name in the report. Without: of the latest.
    exit_code
        Exit with 0 for promote, 1 for reject, 3 for hold. Without: with 0 whatever the verdict is.
    """
    if not files:
        raise CliError("report needs a file: the path that a JsonlSink was told, such as shadow.jsonl")
    if html is not None and html.resolve() in [file.resolve() for file in files]:
        raise CliError(f"--html would write over an archive: {html}")
    try:
        summary = summarize(*files, objective=Objective(), epoch=epoch)
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
        print(as_json(summary))  # noqa: T201 - for programs: no console may wrap it
    else:
        console = make_console()
        show_report(console, summary)
        if html is not None:
            console.print(f"\nThe page is in {html}", soft_wrap=True)
    if html is not None and json:
        print(f"The page is in {html}", file=sys.stderr)  # noqa: T201
    return exit_status(summary.scorecard) if exit_code else 0
