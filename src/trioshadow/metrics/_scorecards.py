"""Scorecards: the last scorecard of each shadower, made now and then, off the event loop.

A scorecard takes a few milliseconds for ten operations and 0.35 s for the fullest evidence there can be. A scrape must
not pay for that, nor the loop; and another thread can't read evidence while calls are counted in it. So a task of the
loop takes a snapshot, which is the loop's part (1 ms for ten operations, 60 to 120 ms for the fullest), a worker thread
of its own makes the scorecard of it, and exporters get the last one with its time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import trio

from trioshadow._accounts.notices import Notices
from trioshadow._model.checks import is_interval
from trioshadow._model.errors import type_name
from trioshadow._shadower import Shadower
from trioshadow.evidence import Evidence, Objective, Scorecard, is_objective, scorecard

from ._catalogue import Judged


class Scorecards:
    """Makes a scorecard of each shadower every so many seconds, for exporters, while `run()` does.

        scorecards = Scorecards([shadower])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scorecards.run)

    Each is judged by its own shadower's objective, or by `objective` if one is given; for other limits than a shadower
    counts by, some tests are not made: see `Shadower.scorecard()`. `every` is in (0, inf) seconds. All shadowers are of
    the run that calls `run()`. Without `run()`, or before its first round, there are no scorecards, and no metrics of
    them.
    """

    def __init__(
        self,
        shadowers: Iterable[Shadower[Any, Any, Any]],
        objective: Objective | None = None,
        *,
        every: float = 60.0,
    ) -> None:
        if objective is not None:
            is_objective.check("objective", objective)
        is_interval.check("every", every)
        self._shadowers = tuple(shadowers)
        self._objective = objective
        self._every = every
        self._latest: dict[Shadower[Any, Any, Any], Judged] = {}

    def latest(self, shadower: Shadower[Any, Any, Any]) -> Judged | None:
        """The last scorecard, and when it was made; None if there is none yet. From any thread."""
        return self._latest.get(shadower)

    async def run(self) -> None:
        """Make scorecards until cancelled; the first ones at once."""
        limiter = trio.CapacityLimiter(1)  # never Trio's own, which the program's primary may need
        notices = {shadower: Notices(shadower.name) for shadower in self._shadowers}
        while True:
            for shadower in self._shadowers:
                await trio.lowlevel.checkpoint()  # callers have their turn between two snapshots
                try:
                    snapshot = shadower.snapshot()
                    # Nothing is lost with a thread that is left behind: it only reads a copy.
                    made = await trio.to_thread.run_sync(
                        _judge, snapshot, self._objective, limiter=limiter, abandon_on_cancel=True
                    )
                except Exception as exc:  # a bug of ours, and no reason to end the program's nursery
                    notices[shadower].say("scorecard", f"its scorecard can't be made: {type_name(type(exc))}")
                else:
                    self._latest[shadower] = Judged(scorecard=made, at=time.time())
            await trio.sleep(self._every)


def _judge(snapshot: dict[str, Any], objective: Objective | None) -> Scorecard:
    evidence = Evidence.from_dict(snapshot)
    return scorecard(evidence, evidence.objective if objective is None else objective)
