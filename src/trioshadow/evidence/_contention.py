"""Can the latency of an operation be judged? Not where its two sides were not timed alike. Pure.

Which calls these are is known where they are timed (`_service/timing.py`), and counted in the operation's row. The p99
is about one call in a hundred. So where half as many, or more, were timed by something else than the two sides, it may
be theirs: then nothing is said of it, neither that it holds nor that it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ._operation import Operation
from ._scores import OperationScore

#: Of the timed calls so many may be timed badly, ...
_PART = 0.005
#: ... or so few: a single pause of the collector is no reason to judge nothing.
_FEW = 5


def is_judged(row: Operation) -> bool:
    """Do the latencies of its calls say something of its two sides?"""
    timed = row.shadow_seconds.total
    return not (_too_many(row.contended, timed) or _too_many(row.unlike, timed))


def _too_many(badly: int, timed: int) -> bool:
    return badly > max(_FEW, _PART * timed)


def notes_of(operations: Iterable[OperationScore], rows: Mapping[str, Operation]) -> Iterator[str]:
    """Why the latencies of some operations are not judged, in words."""
    for one in operations:
        if not one.latency.judged:
            row = rows[one.operation]
            yield f"{one.name}: its latency is not judged: {_why(row, one)}"


def _why(row: Operation, one: OperationScore) -> str:
    timed = row.shadow_seconds.total
    if not _too_many(row.contended, timed):
        return (
            "the old one is a sync function and timed alone, the new one is async and takes turns with others on its "
            "loop"
        )
    known = [
        f"the {name} one's {seconds * 1e3:.3g} ms"
        for name, seconds in zip(("old", "new"), one.latency.cpu_p99, strict=True)
        if seconds is not None
    ]
    own = f" (own CPU p99: {', '.join(known)})" if known else ""
    return f"in threads, waiting for the interpreter drowns the rest{own}; a ProcessBackend does not wait for it"
