"""Scorecards in the background: when they are made, where, and what happens if they can't be. With real threads."""

from __future__ import annotations

import threading

import pytest
import trio

from trioshadow import Shadower
from trioshadow.evidence import Decision, Objective
from trioshadow.metrics import Scorecards, _scorecards

from tests.support.portable import TOO_LONG


async def echo(request):
    await trio.lowlevel.checkpoint()
    return request


async def test_scorecards_are_made_in_a_thread_of_what_the_loop_took(monkeypatch):
    threads = []
    judge = _scorecards._judge
    monkeypatch.setattr(_scorecards, "_judge", lambda *args: (threads.append(threading.get_ident()), judge(*args))[1])
    async with trio.open_nursery() as nursery, Shadower(echo, echo) as shadower:
        await shadower.call(b"")
        await shadower.wait_idle()
        objective = Objective(max_rate=0.01)
        scorecards = Scorecards([shadower], objective)
        assert scorecards.latest(shadower) is None
        nursery.start_soon(scorecards.run)
        while (judged := scorecards.latest(shadower)) is None:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
        assert judged.scorecard == shadower.scorecard(objective)
        assert judged.scorecard.decision is Decision.HOLD
        assert judged.scorecard.objective is objective
    assert threads
    assert threading.get_ident() not in threads


async def test_each_is_judged_by_its_own_objective_unless_there_is_one_for_all():
    asked = {"a": Objective(max_rate=0.01), "b": Objective(max_p99_ratio=None)}
    shadowers = [Shadower(echo, echo, name=name, objective=objective) for name, objective in asked.items()]
    for_all = Objective(max_rate=0.5)
    for objective, expected in ((None, list(asked.values())), (for_all, [for_all] * 2)):
        scorecards = Scorecards(shadowers, objective)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scorecards.run)
            while any(scorecards.latest(shadower) is None for shadower in shadowers):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert [scorecards.latest(shadower).scorecard.objective for shadower in shadowers] == expected


async def test_scorecards_need_none_of_the_programs_threads():
    limiter = trio.to_thread.current_default_thread_limiter()
    places = [object() for _ in range(int(limiter.available_tokens))]
    for place in places:
        limiter.acquire_on_behalf_of_nowait(place)
    shadower = Shadower(echo, echo)
    scorecards = Scorecards([shadower])
    with trio.fail_after(TOO_LONG):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scorecards.run)
            while scorecards.latest(shadower) is None:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    for place in places:
        limiter.release_on_behalf_of(place)


async def test_scorecards_are_made_at_once_and_then_every_so_often(monkeypatch, mock_clock):
    made = trio.Event()
    at = []

    async def no_thread(function, *args, **options):  # the clock would go on while a real one works
        at.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        if len(at) == 6:
            made.set()
        return function(*args)

    mock_clock.autojump_threshold = 0
    monkeypatch.setattr(trio.to_thread, "run_sync", no_thread)
    shadowers = [Shadower(echo, echo, name=name) for name in "ab"]
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Scorecards(shadowers, every=30.0).run)
        await made.wait()
        nursery.cancel_scope.cancel()
    assert [moment - start for moment in at] == [0, 0, 30, 30, 60, 60]


async def test_a_scorecard_that_cant_be_made_ends_nothing(monkeypatch, caplog):
    broken, fine = Shadower(echo, echo, name="broken"), Shadower(echo, echo, name="fine")
    monkeypatch.setattr(broken, "snapshot", lambda: {"a secret": 1})
    scorecards = Scorecards([broken, fine])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(scorecards.run)
        while scorecards.latest(fine) is None:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert scorecards.latest(broken) is None
    assert [record.getMessage() for record in caplog.records if record.name == "trioshadow"] == [
        "shadower 'broken': its scorecard can't be made: ValueError"
    ]


@pytest.mark.parametrize("every", [0, -1.0, float("inf"), float("nan"), True, "60"])
def test_every_is_a_number_of_seconds(every):
    with pytest.raises((ValueError, TypeError), match="every must be"):
        Scorecards([], every=every)
