"""Sampled calls that were not compared though somebody wanted them to be, in words. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from trioshadow._model.words import counted

from ._scores import OperationScore

#: Why a call was not compared. Who holds the room, nobody knows: a primary that is slow does it too.
_LOST = {"breaker": "while the breaker was open", "in_flight": "since legs in flight left no room"}


def lost(operation: OperationScore) -> Iterator[str]:
    """What of an operation is missing, and why."""
    total = sum(operation.lost.values())
    sampled = total + operation.overdue + operation.compared
    if total:
        causes = ", ".join(f"{count:,} {_LOST[cause]}" for cause, count in operation.lost.items())
        yield f"{counted(total, 'sampled call')} ({total / sampled:.1%}) not compared: {causes}"
    if operation.overdue:
        missed = f"{counted(operation.overdue, 'sampled call')} ({operation.overdue / sampled:.1%})"
        yield f"{missed} not compared: the old one took longer itself than the new one may"


def to_lose_less(operation: OperationScore) -> Iterator[str]:
    """What helps."""
    if operation.lost:
        room = ", or a larger max_in_flight" if "in_flight" in operation.lost else ""
        yield f"a candidate that can take these calls{room}"
    if operation.overdue:
        yield "a longer deadline for the new one (shadow_timeout)"
