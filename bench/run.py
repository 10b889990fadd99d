"""Measure what trioshadow costs, and print it beside the numbers to hold.

    python bench/run.py               # some twelve minutes
    python bench/run.py --short       # about a minute, noisier
    python bench/run.py --markdown    # for a docs page

A number that is missed is printed as missed, and is no error: another machine has other numbers. What is broken (a call
that is not counted, a shadow that was not run) ends it with a traceback. Each module beside this one says what its rows
mean.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import archive
import bodies
import calls
import comparing
import evidence
import guard
import harms
import isolation
import lateness
import memory
import others
import pairs
import report
import serving
import threads

from lib.table import render
from lib.timing import FULL, SHORT, SMOKE


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Measure what trioshadow costs.")
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument(
        "--short", action="store_const", dest="effort", const=SHORT, default=FULL, help="about a minute"
    )
    effort.add_argument(
        "--smoke", action="store_const", dest="effort", const=SMOKE, help="seconds; only shows that it works"
    )
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    options = parser.parse_args(arguments)
    parts = (
        calls,
        guard,
        isolation,
        harms,
        comparing,
        bodies,
        others,
        pairs,
        memory,
        evidence,
        archive,
        report,
        lateness,
        serving,
        threads,
    )
    sections = [section for part in parts for section in part.sections(options.effort)]
    print(render(sections, markdown=options.markdown))


if __name__ == "__main__":
    main()
