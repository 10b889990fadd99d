"""A breaker before the legs, on the virtual clock: what it does to calls, and that nothing it does gets out."""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import sys

import pytest
import trio

from trioshadow import HeldBack, ShadowConfig, Shadower, Verdict
from trioshadow.guard import Breaker, BreakerState
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import assert_accounts, counts


async def primary(request):
    await trio.lowlevel.checkpoint()
    return b"ok"


async def calls(shadower, number):
    for _ in range(number):
        outcome = await shadower.call(b"k")
        await outcome.wait_settled()
    return counts(shadower)


async def test_while_it_is_open_calls_are_served_and_no_leg_starts(autojump_clock):
    shadow = ScriptedBackend(*[Fail(ValueError)] * 3, *[Answer(b"ok")] * 9)
    breaker = Breaker(failures=3, cool_down=30)
    async with Shadower(primary, shadow, breaker=breaker) as shadower:
        assert shadower.statistics().breaker == "closed"
        assert await calls(shadower, 10) == {"failed": 3, "paused": 7}
        assert len(shadow.requests) == 3
        statistics = shadower.statistics()
        assert statistics.breaker == "open"
        assert statistics.paused_by_cause == {"pause": 0, "kill_file": 0, "breaker": 7}
        await trio.sleep(30)
        assert await calls(shadower, 5) == {"failed": 3, "paused": 7, "matched": 5}
        assert shadower.statistics().breaker == "closed"


async def test_timeouts_count_though_the_deadline_is_the_legs(autojump_clock):
    breaker = Breaker(failures=2)
    async with Shadower(primary, ScriptedBackend(Hang()), ShadowConfig(shadow_timeout=1), breaker=breaker) as shadower:
        assert await calls(shadower, 4) == {"timed_out": 2, "paused": 2}
        assert trio.current_time() == 2.0


async def test_a_caller_that_goes_away_is_no_failure_and_gives_back_the_place(autojump_clock):
    breaker = Breaker(failures=1, cool_down=1)
    breaker.trip("for the test", trio.current_time())
    shadow = ScriptedBackend(Hang(), Hang(), Hang(), Answer(b"ok"))

    async def slow(request):
        await trio.sleep(1 if len(shadow.requests) < 4 else 0)
        return b"ok"

    async with Shadower(slow, shadow, ShadowConfig(shadow_timeout=60), breaker=breaker) as shadower:
        await trio.sleep(1)
        for _ in range(3):
            with trio.move_on_after(0.5):
                await shadower.call(b"k")
            await shadower.wait_idle()
            assert breaker.state is BreakerState.HALF_OPEN
        assert await calls(shadower, 1) == {"abandoned": 3, "matched": 1}
        assert breaker.state is BreakerState.CLOSED


async def test_a_probe_that_finds_no_room_gives_back_its_place(autojump_clock):
    breaker = Breaker(failures=1, cool_down=1)
    config = ShadowConfig(max_in_flight=1, shadow_timeout=60)
    async with Shadower(primary, ScriptedBackend(Answer(b"ok", after=10)), config, breaker=breaker) as shadower:
        await shadower.call(b"k")  # fills the room
        breaker.trip("for the test", trio.current_time())
        await trio.sleep(1)
        for _ in range(3):
            await shadower.call(b"k")
        assert counts(shadower) == {"in_flight": 1, "shed": 3}
        await trio.sleep(10)
        assert await calls(shadower, 1) == {"matched": 2, "shed": 3}
        assert breaker.state is BreakerState.CLOSED


async def test_what_is_not_sampled_or_held_back_is_not_asked_of_it(autojump_clock):
    breaker = Breaker()
    breaker.trip("for the test", trio.current_time())
    config = ShadowConfig(may_mirror=lambda request: request != b"write")
    async with Shadower(primary, primary, config, breaker=breaker) as shadower:
        await shadower.call(b"write")
        await shadower.call(b"read")
        assert counts(shadower) == {"held_back": 1, "paused": 1}
        assert shadower.statistics().held_back_by_cause[HeldBack.NOT_ALLOWED.value] == 1


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
async def test_a_stack_that_is_full_does_not_take_a_place_for_ever(autojump_clock, monkeypatch):
    # Of the coroutines that found no room Python warns, where pytest's own hook finds none either.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    monkeypatch.setattr(logging, "raiseExceptions", False)

    def at_depth(depth, function):
        return function() if depth == 0 else at_depth(depth - 1, function)

    found = set()
    for spare in range(4, 120):
        breaker = Breaker(failures=1, cool_down=1)
        async with Shadower(primary, primary, breaker=breaker) as shadower:
            breaker.trip("for the test", trio.current_time())
            await trio.sleep(1)
            depth = sys.getrecursionlimit() - len(inspect.stack(0)) - spare
            with contextlib.suppress(RecursionError):
                leg = at_depth(depth, lambda shadower=shadower: shadower.start(b"k"))
                found.add(leg.mirrored)
                leg.abandon()
            await shadower.wait_idle()
            assert_accounts(shadower.statistics())
            outcome = await shadower.call(b"k")
            await outcome.wait_settled()
            assert outcome.verdict is Verdict.MATCHED, spare
            assert shadower.statistics().in_flight_bytes == 0
    assert found == {True, False}


async def test_its_changes_are_said_in_the_log(autojump_clock, caplog):
    breaker = Breaker(failures=1, cool_down=5)
    shadow = ScriptedBackend(Fail(ValueError("secret")), Answer(b"ok"))
    async with Shadower(primary, shadow, breaker=breaker) as shadower:
        await calls(shadower, 2)
        await trio.sleep(5)
        await calls(shadower, 1)
    assert [record.message for record in caplog.records] == [
        "the breaker is open now: 1 failure in a row, the last failed",
        "the breaker is half-open now: 5 s have passed",
        "the breaker is closed now: 1 probe ended well",
    ]


class Broken:
    """A breaker of somebody's that raises in one of its methods."""

    state = BreakerState.CLOSED
    reason = ""

    def __init__(self, method):
        self.method = method

    def __getattr__(self, name):
        def raises(*_):
            if name == self.method:
                raise SystemExit("secret")
            return 0

        if name in ("admit", "release", "trip"):
            return raises
        raise AttributeError(name)


@pytest.mark.parametrize(
    ("method", "expected"), [("admit", {"paused": 2}), ("release", {"matched": 2}), ("trip", {"matched": 2})]
)
async def test_a_breaker_that_raises_is_contained_and_mirroring_gives_way(autojump_clock, caplog, method, expected):
    async def shadow(request):
        return await primary(request)

    config = ShadowConfig(max_step=1e-9)  # each step is a stall, which trips it
    async with Shadower(primary, shadow, config, breaker=Broken(method)) as shadower:
        assert await calls(shadower, 2) == expected
    said = {record.message for record in caplog.records if "breaker" in record.message}
    assert said == {"the breaker or its listener raised SystemExit"}


async def test_a_permit_that_is_given_back_unused_is_contained_too(autojump_clock, caplog):
    config = ShadowConfig(max_in_flight=1)
    async with Shadower(primary, ScriptedBackend(Hang()), config, breaker=Broken("release")) as shadower:
        with shadower.start(b"k"):
            assert shadower.start(b"k").primary_done(b"k").verdict is Verdict.SHED
    assert "the breaker or its listener raised SystemExit" in caplog.text


async def test_ctrl_c_in_a_breaker_that_is_asked_passes(autojump_clock):
    class Interrupted(Breaker):
        def admit(self, now):
            raise KeyboardInterrupt

    async with Shadower(primary, primary, breaker=Interrupted()) as shadower:
        with pytest.raises(KeyboardInterrupt):
            shadower.start(b"k")
        assert shadower.statistics().in_flight == 0


async def test_ctrl_c_in_a_listener_passes(autojump_clock):
    def interrupt(change):
        raise KeyboardInterrupt

    breaker = Breaker(failures=1, listener=interrupt)
    with pytest.raises(KeyboardInterrupt):
        async with Shadower(primary, ScriptedBackend(Fail(ValueError)), breaker=breaker) as shadower:
            await shadower.call(b"k")
            await trio.sleep(1)


def test_a_breaker_that_cant_say_how_it_is_is_refused():
    class Mute:
        state = BreakerState.CLOSED
        admit = release = trip = print

    with pytest.raises(TypeError, match="breaker must have a `reason`"):
        Shadower(primary, primary, breaker=Mute())  # type: ignore[arg-type]


def test_what_is_no_breaker_is_refused():
    with pytest.raises(TypeError, match="breaker must have `admit`, `release` and `trip`"):
        Shadower(primary, primary, breaker=object())


async def test_two_shadowers_may_share_one(autojump_clock):
    breaker = Breaker(failures=2)
    make = functools.partial(Shadower, primary, breaker=breaker)
    async with make(ScriptedBackend(Fail(ValueError))) as first, make(primary) as second:
        await calls(first, 2)
        assert await calls(second, 1) == {"paused": 1}
