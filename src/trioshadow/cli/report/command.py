"""`trioshadow report`: what archives say, for those who were not there. This file conducts."""

from __future__ import annotations

import os
import sys

from trioshadow.archive import UnknownEpochError, read_archive, summarize
from trioshadow.cli.common.command_line import takes
from trioshadow.cli.common.console import make_console, print_plain
from trioshadow.cli.common.errors import CliError
from trioshadow.cli.common.scorecard import exit_status

from .json import as_json
from .options import NOTES, ReportOptions
from .page import write_page
from .terminal import show_report
from .what_if import what_if


@takes(ReportOptions, config=True, notes=NOTES)
def report(options: ReportOptions) -> int:
    """Report what archives say: the decision, its reasons, and what differs.

    The archives may still be written to. Reading them changes nothing.

      trioshadow report shadow.jsonl --html report.html
    """
    files, html = options.files, options.html
    if not files:
        raise CliError("report needs a file: the path that a JsonlSink was told, such as shadow.jsonl")
    if html is not None and os.path.realpath(html) in map(os.path.realpath, files):
        raise CliError(f"--html would write over an archive: {html}")
    try:
        summary = summarize(*files, objective=options.objective, epoch=options.epoch, course=True)
    except UnknownEpochError as exc:
        raise CliError(f"--epoch: {exc}") from None
    if not summary.segments:
        told = "; ".join(map(str, summary.problems[:3]))
        raise CliError(f"nothing can be read: {told}")
    supposed = None
    if options.rule:
        records = (record for record in read_archive(*files).records() if record.epoch == summary.epoch)
        supposed = what_if(options.rule, records)
    if html is not None:
        try:
            write_page(summary, html, supposed)
        except OSError as exc:
            raise CliError(f"--html can't be written: {html}: {exc.strerror or exc}") from None
    if options.json:
        print_plain(as_json(summary, supposed))
    else:
        console = make_console()
        show_report(console, summary, supposed)
        if html is not None:
            console.print(f"\nThe page is in {html}", soft_wrap=True)
    if html is not None and options.json:
        print(f"The page is in {html}", file=sys.stderr)  # noqa: T201
    return exit_status(summary.scorecard) if options.exit_code else 0
