"""How long the functions of isolation backends ran, timed where they run: both sides of a latency by the same clock.

Promise kept here: *an honest decision*. What a call waits for a place, for a thread to begin and for the way back is no
time of its function. So a backend that makes a call elsewhere times it there, and tells that here, in the context of
who awaits it. A run and a leg look before and after, and take the difference. A backend that tells nothing is timed
from outside; so is a call that is made in a child task, whose context is another.

Waiting for the interpreter lock can't be taken out, since nobody tells a thread how long it did. But one can see where
it must have:

- a call that computes for longer than the interpreter's switch interval loses the lock before it is done;
- one that began late, though it had its place, waited for the lock then, and waits as long whenever it has given it up:
  a driver that waits for its database does so again and again. The system counts how often a thread has waited.

With the same function on both sides, and bursts of calls: 10 ms of Python have a p99 of 77 ms against 10, five short
waits with 0.2 ms of Python after each 15 against 2, a query of SQLite 9 against 0.03. There both sides are drowned, and
the scorecard does not judge them.
"""

from __future__ import annotations

import contextvars
import math
import sys
from collections.abc import Callable
from typing import NamedTuple

try:
    from resource import RUSAGE_THREAD, getrusage
except ImportError:  # pragma: no cover - Linux has it

    def waits_of_thread() -> float:
        """Not known here."""
        return math.nan
else:

    def waits_of_thread() -> float:
        """How often this thread has waited for anything, the interpreter lock included."""
        return getrusage(RUSAGE_THREAD).ru_nvcsw


#: Of the switch interval. Nobody takes so long to begin where the lock is free, and who waits less is hardly hurt.
_LATE = 1 / 5
#: Of a call's waiting time: below that the lock has no great part in it.
_PART = 1 / 4
#: Where it is not known how often a call has waited.
_OFTEN = 10

#: Does one thread at a time run Python code? On free-threaded builds it does not.
has_interpreter_lock: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)


class Timing(NamedTuple):
    """What was told in a context, added up; or the difference of two such sums. Seconds, and numbers of calls."""

    elsewhere: float = 0.0
    """Of the calls' time, in which their function did not run."""
    queued: float = 0.0
    """Of this, waiting for a place, or for the loop in the thread."""
    cpu: float = 0.0
    """Own CPU time of those that were timed alone."""
    alone: int = 0
    """Of a sync function: no other task has turns in its time."""
    threaded: int = 0
    """In threads of this process, which share the interpreter lock."""
    drowned: int = 0
    """Of these, that must have waited for the lock."""

    @property
    def cpu_seconds(self) -> float | None:
        """None: an async function has no CPU time of its own."""
        return self.cpu if self.alone else None

    def since(self, before: Timing) -> Timing:
        """What has come in since then."""
        return Timing._make(now - then for now, then in zip(self, before, strict=True))

    def plus(self, other: Timing) -> Timing:
        """Both."""
        return Timing._make(ours + theirs for ours, theirs in zip(self, other, strict=True))


_NOTHING = Timing()
_told: contextvars.ContextVar[Timing] = contextvars.ContextVar("trioshadow.timing", default=_NOTHING)

#: What was told in this context so far. The same object: nothing since.
told_so_far = _told.get


def tell(timing: Timing) -> None:
    """A call that was awaited in this context was timed where it ran."""
    _told.set(_told.get().plus(timing))


def alone(cpu: float) -> Timing:
    """Of a sync function that ran in its caller."""
    return Timing(cpu=cpu, alone=1, drowned=is_drowned(cpu))


def is_drowned(cpu: float, waited: float = 0.0, late: float = 0.0, waits: float = math.nan) -> bool:
    """Is the interpreter lock a great part of the time of a call? By its own CPU time, what it waited besides, how late
    it began, and how often it has waited (NaN: not known).
    """
    if not has_interpreter_lock():
        return False
    interval = sys.getswitchinterval()
    if cpu > interval:
        return True
    if math.isnan(waits):
        waits = _OFTEN
    return late >= interval * _LATE <= waited and late * waits >= waited * _PART


def is_contended(primary: Timing | None, run: Timing | None) -> bool:
    """Do the times of a call say more of the interpreter lock than of its two sides?

    Only where the other side is in a thread of this process: one in a worker process has a lock of its own, and takes
    none from the primary.
    """
    if run is None or not run.threaded:
        return False
    return run.drowned > 0 or (primary is not None and primary.drowned > 0)


def is_unlike(primary: Timing | None, run: Timing | None) -> bool:
    """Was the primary timed alone, and the other side with the turns that others have on its loop?

    The other way round it is no harm to the other side, which is what is judged.
    """
    return primary is not None and primary.alone > 0 and (run is None or not run.alone)
