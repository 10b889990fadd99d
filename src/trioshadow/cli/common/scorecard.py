"""A scorecard on the screen: its own words, and the decision in colour. It computes nothing."""

from __future__ import annotations

import attrs
from rich.console import Console
from rich.text import Text

from trioshadow.compare import visible
from trioshadow.evidence import Decision, Scorecard

_STYLES = {Decision.PROMOTE: "bold green", Decision.HOLD: "bold yellow", Decision.REJECT: "bold red"}
#: 2 is for wrong use, as for every command.
EXIT_STATUSES = {Decision.PROMOTE: 0, Decision.REJECT: 1, Decision.HOLD: 3}


def decision_line(name: str, scorecard: Scorecard) -> Text:
    """`marko 2.2.4: REJECT`."""
    decision = scorecard.decision
    return Text.assemble((f"{visible(name)}: ", "bold"), (decision.value.upper(), _STYLES[decision]))


def show_scorecard(console: Console, name: str, scorecard: Scorecard) -> None:
    """What `explain()` says, under the name of the candidate."""
    _, _, rest = scorecard.explain(width=console.width).partition("\n")
    console.print(decision_line(name, scorecard), no_wrap=True)
    console.print(Text(rest), no_wrap=True)


def exit_status(scorecard: Scorecard) -> int:
    """What a process ends with that is asked for a decision: 0, 1 or 3."""
    return EXIT_STATUSES[scorecard.decision]


def shortened(scorecard: Scorecard) -> Scorecard:
    """Without what is said elsewhere already: the examples, and of what is rejected that it is to be mended."""
    operations = [
        attrs.evolve(operation, fields=tuple(attrs.evolve(field, examples=()) for field in operation.fields))
        for operation in scorecard.operations
    ]
    missing = () if scorecard.decision is Decision.REJECT else scorecard.missing
    return attrs.evolve(scorecard, operations=tuple(operations), missing=missing)
