"""The objective of the demos: as strict as their number of calls can decide. Chosen before the first call; pure."""

from __future__ import annotations

from collections.abc import Mapping

from trioshadow.evidence import Objective

_RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)

#: So many calls, divided by the rate, must be without a difference until their operation is found clean. It takes 5;
#: the rest is for keys, which beyond 1,024 are estimated, and for a difference or two.
_ENOUGH = 6.0


def objective_for(calls: Mapping[str, int]) -> Objective:
    """What so many calls can decide, by operation; the mildest there is if they can't decide even that.

    How long a call takes decides nothing: all sides compute in turns, on one event loop.
    """
    objectives = [Objective(max_rate=rate, max_p99_ratio=None) for rate in _RATES]
    return next((objective for objective in objectives if can_decide(objective, calls)), objectives[-1])


def can_decide(objective: Objective, calls: Mapping[str, int]) -> bool:
    """Would a candidate without any difference be found good enough?"""
    enough = sum(count for count in calls.values() if count * objective.max_rate >= _ENOUGH)
    return enough >= objective.min_coverage * sum(calls.values())
