"""The objective that a number of calls can decide: pure, and held against real scorecards, on Trio."""

from __future__ import annotations

import math

import pytest

from trioshadow import ShadowConfig, Shadower
from trioshadow.cli.demo.objective import can_decide, objective_for
from trioshadow.evidence import Decision


@pytest.mark.parametrize(
    ("calls", "rate"),
    [
        ({"a": 6_000}, 0.001),
        ({"a": 5_999}, 0.002),
        ({"a": 2_000, "b": 2_000, "c": 400}, 0.02),
        ({"a": 2_000, "b": 2_000, "c": 200}, 0.005),  # so few that they may stay undecided
        ({"a": 9}, 0.1),
    ],
)
def test_it_is_the_strictest_that_the_calls_can_decide(calls, rate):
    objective = objective_for(calls)
    assert objective.max_rate == rate
    assert can_decide(objective, calls) == (calls != {"a": 9})


@pytest.mark.parametrize("rate", [0.1, 0.05, 0.02, 0.01, 0.005])
async def test_a_candidate_that_is_the_same_is_promoted(rate):
    async def answer(_):
        return b"the same"

    calls = math.ceil(6 / rate)
    objective = objective_for({"": calls})
    assert objective.max_rate == rate
    async with Shadower(answer, answer, ShadowConfig(noise_rate=1), secondary=answer) as shadower:
        for number in range(calls):
            await (await shadower.call(b"%d" % number)).wait_settled()
        await shadower.wait_idle()
        assert shadower.scorecard(objective).decision is Decision.PROMOTE
