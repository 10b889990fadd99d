"""Calls that could not be compared since a copy of the request lacked credentials: what a scorecard says of them. They
are counted in `_withheld_tally.py`.

An edge withholds credentials from a service of another origin unless they are named. A service that then refuses (401,
403, a redirect to a login) has not shown anything: its answer is no difference, and no noise. How much may be missing
is what may differ: from more than `Objective.max_rate` of an operation's calls on, nobody is promoted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import attrs

from trioshadow._model.words import counted

from ._objective import Objective
from ._operation import Operation
from ._withheld_tally import WithheldTally

#: Of the operations that one sentence is about, so many are named; and there are so many sentences of a kind.
_NAMED, _TOLD = 3, 6


@attrs.frozen(kw_only=True)
class Withheld:
    """Calls of one operation that one side could not answer, since its copy of the request lacked credentials."""

    operation: str
    side: Literal["shadow", "secondary"]
    headers: tuple[str, ...]
    """The names of what was missing, in lower case. Empty for those of other calls, where there were too many sorts."""
    remedy: str
    """What makes them go along, in the words of the edge: `--forward-credential cookie`."""
    calls: int
    """In so many calls, ..."""
    of: int
    """... of so many that the side could have been compared in."""
    forbids: bool
    """Are too many of the operation's calls withheld from this side to promote the candidate?"""


def withheld_of(rows: Iterable[tuple[str, Operation]], objective: Objective) -> tuple[Withheld, ...]:
    """All that was withheld, from the shadow first, and then most calls first. What does no harm is `max_rate`."""
    found = [one for name, row in rows for one in _of_operation(name, row, objective.of(name).max_rate)]
    return tuple(sorted(found, key=lambda one: (not one.forbids, one.side != "shadow", -one.calls, one.operation)))


def _of_operation(name: str, row: Operation, max_rate: float) -> Iterator[Withheld]:
    sides: tuple[tuple[Literal["shadow", "secondary"], WithheldTally, int], ...] = (
        ("shadow", row.withheld, row.compared),
        ("secondary", row.secondary_withheld, row.asked),
    )
    for side, tally, compared in sides:
        of = compared + tally.calls
        for headers, remedy, calls in tally.sorts():
            yield Withheld(
                operation=name,
                side=side,
                headers=headers,
                remedy=remedy,
                calls=calls,
                of=of,
                forbids=tally.calls > max_rate * of,
            )


@attrs.frozen
class Findings:
    """What a conclusion says of what was withheld, in words."""

    reasons: list[str]
    """Why the candidate is not promoted."""
    missing: list[str]
    """What it takes instead."""
    notes: list[str]
    """What was withheld from so few calls that it does no harm."""


def findings(withheld: Sequence[Withheld]) -> Findings:
    """One sentence for each side and sort, of all operations together."""
    groups: dict[tuple[bool, str, tuple[str, ...], str], list[Withheld]] = {}
    for one in withheld:
        groups.setdefault((one.forbids, one.side, one.headers, one.remedy), []).append(one)
    found = Findings([], [], [])
    untold = {True: 0, False: 0}
    for (forbids, side, headers, remedy), group in groups.items():
        if len(found.reasons if forbids else found.notes) >= _TOLD:
            untold[forbids] += sum(one.calls for one in group)
            continue
        # The new one's words are those of the other reasons.
        whom = "the new one" if side == "shadow" else "the secondary"
        calls, of = sum(one.calls for one in group), sum(one.of for one in group)
        told = (
            f"{_operations(group)}: {calls:,} of {counted(of, 'call')} reached {whom} without "
            f"{_names(headers)}, and were refused (401, 403 or a login): nothing was compared in them"
        )
        if not forbids:
            found.notes.append(told)
            continue
        found.reasons.append(f"{told}. To send what is missing: {remedy}" if remedy else told)
        found.missing.append(f"{_operations(group)}: {_names(headers)} for {whom}{f': {remedy}' if remedy else ''}")
    for forbids, calls in untold.items():
        if calls:
            texts = found.reasons if forbids else found.notes
            texts.append(f"{counted(calls, 'more call')} lacked yet other credentials")
    return found


def _operations(group: Sequence[Withheld]) -> str:
    names = [one.operation or "(unnamed)" for one in group]
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {counted(more, 'more operation')}" if more > 0 else "")


def _names(headers: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(headers[:-1]), *headers[-1:]))) or "other credentials"
