"""What must hold while `soak.py` runs, and after it: looked at ten times a second, and told as a `Violation`.

Memory is the resident size of the process, and the blocks that Python's allocator has given out. Once a second is
often enough for a median, and seldom enough to be no part of the load.
"""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import trio

from trioshadow import Shadower, ShadowStatistics

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_STATM = Path("/proc/self/statm")

#: The median of the last quarter of the samples may be so much more than that of the second: the first is warming up.
GROWTH = 0.05
#: And so many bytes or blocks besides, for what is not yet full at the start: sketches, names, the allocator's arenas.
SLACK = {"resident bytes": 8 << 20, "blocks": 20_000}


class Violation(Exception):
    """Something that must never be."""


def require(holds: bool, *words: object) -> None:
    """Raise a Violation of these words if it does not hold."""
    if not holds:
        raise Violation(" ".join(map(str, words)))


def require_accounts(s: ShadowStatistics, limit: int, byte_limit: int) -> None:
    """Each call is in exactly one counter, and what is in flight is within its limits."""
    require(s.calls == s.mirrored + s.not_mirrored, "calls:", s)
    require(s.mirrored == s.in_flight + s.matched + s.diverged + s.failed + s.timed_out + s.abandoned, "mirrored:", s)
    not_mirrored = s.not_sampled + s.shed + s.unkeyed + s.held_back + s.paused + s.closed
    require(s.not_mirrored == not_mirrored, "not mirrored:", s)
    t = s.secondary
    require(t.calls == t.in_flight + t.matched + t.diverged + t.failed + t.timed_out + t.abandoned, "secondary:", s)
    for whole, parts in (
        (s.shed, s.shed_by_cause),
        (s.paused, s.paused_by_cause),
        (s.held_back, s.held_back_by_cause),
    ):
        require(sum(parts.values()) == whole and min(parts.values()) >= 0, "causes:", s)
    require(min(s.in_flight, s.records_waiting, s.in_flight_bytes, t.in_flight, t.calls) >= 0, "negative:", s)
    require(s.in_flight + s.records_waiting <= limit, "more in flight than", limit, ":", s)
    require(s.in_flight_bytes <= byte_limit, "more bytes in flight than", byte_limit, ":", s)


def recorded(s: ShadowStatistics) -> int:
    """Calls of which there was a record."""
    return s.diverged + s.failed + s.timed_out


class Memory:
    """Samples of how much there is, over the run."""

    def __init__(self) -> None:
        self._samples: dict[str, list[int]] = {name: [] for name in SLACK}

    def sample(self) -> None:
        """Take one of each."""
        self._samples["blocks"].append(sys.getallocatedblocks())
        if _STATM.exists():  # Linux
            self._samples["resident bytes"].append(int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE)

    def growth(self) -> Iterator[tuple[str, float, float]]:
        """Of each kind its name, the median of the second quarter and that of the last."""
        for name, samples in self._samples.items():
            quarter = len(samples) // 4
            if quarter:
                early, late = samples[quarter : 2 * quarter], samples[-quarter:]
                yield name, statistics.median(early), statistics.median(late)

    def require_flat(self) -> None:
        """Raise a Violation if it has grown."""
        for name, early, late in self.growth():
            require(late <= early * (1 + GROWTH) + SLACK[name], name, "have grown from", early, "to", late)


def tasks() -> set[str]:
    """All tasks of this run, by name and address."""
    root = trio.lowlevel.current_root_task()
    found: set[str] = set()
    waiting = [] if root is None else [root]
    while waiting:
        task = waiting.pop()
        found.add(f"{task.name} {id(task):x}")
        for nursery in task.child_nurseries:
            waiting += nursery.child_tasks
    return found


async def require_no_thread_but(before: set[int | None], seconds: float) -> None:
    """Raise a Violation if, after so long, there is any. Trio's own leave when they had no work for ten seconds."""
    end = time.monotonic() + seconds
    while left := [thread for thread in threading.enumerate() if thread.ident not in before]:
        require(time.monotonic() < end, "threads are left:", left)
        await trio.sleep(0.2)


async def watch(
    shadower: Shadower[Any, object, object],
    counted: Callable[[], int],
    started: Callable[[], int],
    *,
    limits: tuple[int, int],
    memory: Memory,
) -> None:
    """Look ten times a second, at memory each second; until cancelled.

    Between what has `started` and what must be `counted` are the calls that other threads are just making. `limits`:
    legs and bytes in flight.
    """
    looks = 0
    while True:
        least = counted()
        s = shadower.statistics()
        require_accounts(s, *limits)
        require(least <= s.calls <= started(), "counted", s.calls, "calls, of", least, "to", started())
        if looks % 10 == 0:
            memory.sample()
        looks += 1
        await trio.sleep(0.1)
