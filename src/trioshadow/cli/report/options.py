"""The options of the report."""

from __future__ import annotations

from pathlib import Path

import attrs

from trioshadow.cli.common.checks import any_path
from trioshadow.cli.common.objective import ObjectiveOptions
from trioshadow.cli.common.options import FLAG, NAME, Kind, Panel, argument, option, several
from trioshadow.cli.common.rules import AnyRule, rule_option

NOTES = {Panel.OBJECTIVE: "What you don't set is as it was while the archive was written."}

_FILE = Kind(Path, "FILE", any_path)


@attrs.frozen(kw_only=True)
class ReportOptions(ObjectiveOptions):
    """All that the report takes."""

    files: tuple[Path, ...] = argument(
        several(_FILE),
        (),
        about=(
            "Archives that the proxy, a replay or a JsonlSink wrote: the paths that those were given, or single "
            "segments. Archives of several processes are added up."
        ),
    )
    rule: tuple[AnyRule, ...] = rule_option(
        "Say how many of the kept differences would be gone with this rule too, such as 'tolerance $.total abs=0.01'. "
        "It changes no count and no decision. A function is named module:function."
    )
    html: Path | None = option(
        _FILE,
        None,
        short="-o",
        panel=Panel.OUTPUT,
        about="Write a page too: one file, which loads nothing and can be sent to others.",
    )
    json: bool = option(FLAG, default=False, short="-j", panel=Panel.OUTPUT, about="Print JSON and nothing else.")
    epoch: str | None = option(
        NAME,
        None,
        panel=Panel.OUTPUT,
        about="Report on this candidate and set of rules, by its name in the report.",
        shown="the latest",
    )
    exit_code: bool = option(
        FLAG,
        default=False,
        panel=Panel.OUTPUT,
        about="Exit with 0 for PROMOTE, 1 for REJECT, 3 for HOLD.",
    )
