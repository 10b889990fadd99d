"""The stall meter: steps of a shadow that keep the event loop are timed, counted, said with their line, and trip the
breaker. The steps take no time here: the clock that they are timed with is the test's.
"""

from __future__ import annotations

import contextlib
import math
import re
import types
from pathlib import Path

import outcome
import pytest
import trio
import trio.testing

from trioshadow import ShadowConfig, Shadower
from trioshadow._service import steps as _steps
from trioshadow.guard import Breaker, BreakerState
from trioshadow.testing import Answer, ScriptedBackend

from tests.support.accounts import counts


class Clock:
    now = 0.0

    def __call__(self):
        return self.now

    def block(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(_steps, "perf_counter", clock)
    return clock


async def primary(request):
    await trio.lowlevel.checkpoint()
    return b"ok"


def line_of(text):
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if f"# {text}" in line and "line_of" not in line)


async def one_call(shadow, autojump_clock=None, **options):
    async with Shadower(primary, shadow, **options) as shadower:
        await (await shadower.call(b"k")).wait_settled()
        return counts(shadower), shadower.statistics().stalls


async def test_a_long_step_is_counted_and_said_with_the_line_where_it_next_waits(autojump_clock, clock, caplog):
    async def deeper():
        clock.block(0.25)
        await trio.sleep(1)  # here it waits

    async def shadow(request):
        await trio.lowlevel.checkpoint()
        await deeper()
        return b"ok"

    assert await one_call(shadow) == ({"matched": 1}, 1)
    (said,) = [record.message for record in caplog.records]
    assert said.startswith("a step of the shadow kept the event loop for 0.25 s, up to ")
    assert re.search(rf"test_stalls\.py:{line_of('here it waits')} in .*deeper$", said)


async def test_the_last_step_is_timed_too_whether_it_returns_or_raises(autojump_clock, clock, caplog):
    async def returns(request):
        await trio.lowlevel.checkpoint()
        clock.block(0.2)
        return b"ok"

    async def raises(request):
        clock.block(0.2)
        raise ValueError

    assert await one_call(returns) == ({"matched": 1}, 1)
    assert await one_call(raises) == ({"failed": 1}, 1)
    ends = [record.message.partition("up to ")[2] for record in caplog.records]
    assert re.match(r"the end of .*returns \(.*test_stalls\.py:\d+\)$", ends[0])
    assert re.match(r"the end of .*raises \(.*test_stalls\.py:\d+\)$", ends[1])


async def test_a_step_after_a_cancellation_is_timed(autojump_clock, clock):
    async def shadow(request):
        try:
            await trio.sleep_forever()
        finally:
            clock.block(0.3)

    assert await one_call(shadow) == ({"timed_out": 1}, 1)


async def test_steps_within_the_limit_are_none(autojump_clock, clock):
    async def shadow(request):
        for _ in range(50):
            clock.block(0.0625)
            await trio.lowlevel.checkpoint()
        return b"ok"

    assert await one_call(shadow) == ({"matched": 1}, 0)
    assert await one_call(shadow, config=ShadowConfig(max_step=0.05)) == ({"matched": 1}, 50)
    assert await one_call(shadow, config=ShadowConfig(max_step=math.inf)) == ({"matched": 1}, 0)


async def test_it_trips_the_breaker_at_once(autojump_clock, clock):
    async def shadow(request):
        clock.block(0.5)
        await trio.sleep(1)
        return b"ok"

    breaker = Breaker(failures=None, failure_rate=None)
    async with Shadower(primary, shadow, breaker=breaker) as shadower:
        await shadower.call(b"k")
        await trio.sleep(0.1)
        assert breaker.state is BreakerState.OPEN
        assert breaker.reason == "a step of the shadow took 0.5 s"
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1, "paused": 1}


async def test_the_secondary_is_timed_and_trips_nothing(autojump_clock, clock, caplog):
    async def secondary(request):
        clock.block(0.5)
        return b"ok"

    breaker = Breaker()
    async with Shadower(
        primary, primary, ShadowConfig(noise_rate=1, max_step=0.1), secondary=secondary, breaker=breaker
    ) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert shadower.statistics().stalls == 1
        assert breaker.state is BreakerState.CLOSED
    assert "a step of the secondary kept the event loop" in caplog.text


async def test_what_is_awaited_in_another_way_is_awaited_as_it_is(autojump_clock, clock):
    checkpoint = trio.lowlevel.checkpoint

    class Awaitable:
        def __await__(self):
            clock.block(1)
            return (yield from checkpoint().__await__())

    @types.coroutine
    def generator(request):
        clock.block(1)
        yield from checkpoint().__await__()
        return b"ok"

    assert await one_call(lambda request: Awaitable()) == ({"diverged": 1}, 0)
    assert await one_call(generator) == ({"matched": 1}, 0)


async def test_what_is_sent_thrown_and_raised_goes_through(autojump_clock):
    seen = []

    async def coroutine():
        seen.append(await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.SUCCEEDED))
        with contextlib.suppress(KeyError):
            await raises()
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            seen.append("cancelled")
            raise

    async def raises():
        await trio.lowlevel.checkpoint()
        raise KeyError

    async def in_task():
        nonlocal task
        task = trio.lowlevel.current_task()
        with trio.CancelScope() as scope:
            scopes.append(scope)
            await _steps.in_steps(coroutine(), 10.0, lambda *_: None)
        seen.append(scope.cancelled_caught)

    task, scopes = None, []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(in_task)
        await trio.testing.wait_all_tasks_blocked()
        trio.lowlevel.reschedule(task, outcome.Value("sent"))
        await trio.testing.wait_all_tasks_blocked()
        scopes[0].cancel()
    assert seen == ["sent", "cancelled", True]


def test_a_coroutine_that_is_closed_midway_is_closed():
    closed = []

    async def coroutine():
        try:
            await pause()
        finally:
            closed.append(True)

    @types.coroutine
    def pause():
        yield

    driven = _steps.in_steps(coroutine(), 1.0, lambda *_: None)
    driven.send(None)
    driven.close()
    assert closed == [True]


async def test_a_backend_with_a_call_is_timed_as_a_function_is(autojump_clock, clock):
    shadow = ScriptedBackend(Answer(lambda request: clock.block(1)))
    assert await one_call(shadow) == ({"diverged": 1}, 1)
