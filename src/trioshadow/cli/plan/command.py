"""`trioshadow plan`: how many calls and hours until a verdict. It computes nothing: `Objective.plan()` does."""

from __future__ import annotations

import json
import math
from typing import Any

import attrs
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trioshadow.cli.common.command_line import takes
from trioshadow.cli.common.console import make_console, print_plain
from trioshadow.cli.common.errors import CliError
from trioshadow.compare import visible

from .options import PlanOptions

_ROWS = {
    "clean": "identical: clean",
    "clean_mostly": "  in 9 of 10 runs",
    "regressed": "bad: regressed",
    "rejected": "bad: REJECT",
}


@takes(PlanOptions)
def plan(options: PlanOptions) -> None:
    """Say how long a verdict will take, before anything is counted.

    For an identical candidate: until it is found clean. For one that differs more often by --excess: until that is
    found, and until it is a reason to reject. Each call is taken to be of another key; with fewer keys it takes longer.

      trioshadow plan --rate 50 --sample 0.1 --noise 0.01 --operation 'GET /users/{id}=0.9'
    """
    objective = options.objective()
    try:
        found = objective.plan(
            options.rate,
            sample_rate=options.sample,
            noise_rate=options.noise_rate,
            noise=options.noise,
            excess=options.excess,
            operations=dict(options.operation) or None,
        )
    except ValueError as exc:
        raise CliError(f"--operation: {exc}") from None
    if options.json:
        print_plain(json.dumps(_plain(attrs.asdict(found)), indent=2, allow_nan=False))
    else:
        _show(make_console(), found, options)


def _show(console: Console, found: Any, options: PlanOptions) -> None:
    for one in found.operations:
        name = visible(one.operation) or "all calls"
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
        table.add_column(Text(f"{name} ({one.share:.0%}), {one.allowed:.2%} allowed"), no_wrap=True)
        table.add_column("calls", justify="right", no_wrap=True)
        table.add_column("time", justify="right", no_wrap=True)
        for field, label in _ROWS.items():
            wait = getattr(one, field)
            table.add_row(label, _count(wait.calls), _time(wait.seconds))
        console.print(table)
        if options.noise_rate and one.noise_rate_costs > 1.05:
            console.print(
                f"A noise rate of {options.noise_rate:g} costs {one.noise_rate_costs:.1f} times the calls "
                "that 1 takes.",
                soft_wrap=True,
            )
        console.print()
    console.print(f"Bad: differs by itself in {options.excess:.2%} of the calls. Times are medians.")
    for problem in found.problems:
        console.print(Text(f"There can be no PROMOTE: {visible(problem)}", style="bold red"), soft_wrap=True)


def _count(number: float) -> str:
    if number == math.inf:
        return "never"
    digits = max(0, math.floor(math.log10(max(1.0, number))) - 1)
    return f"{math.ceil(number / 10**digits) * 10**digits:,}"


def _time(seconds: float) -> str:
    """To two digits or so."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return "never" if seconds == math.inf else f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.0f} seconds"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
