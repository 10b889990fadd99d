"""Waiting for an outcome: when it is settled, and from which threads. Trio layer; threads are real."""

from __future__ import annotations

import threading

import pytest
import trio
import trio.testing

from trioshadow import ShadowConfig, Shadower, Verdict
from trioshadow.testing import Answer, Hang, ScriptedBackend


async def echo(request):
    return request


async def different(request):
    if request == b"raises":
        raise ValueError
    return b"other"


async def test_when_a_call_is_settled_its_record_is_in_the_log_or_among_the_failures():
    """However Trio orders its tasks: the consumer has had its turn."""
    async with Shadower(echo, different) as shadower:
        for number in range(1, 60):
            await (await shadower.call(b"k")).wait_settled()
            assert shadower.divergence_count == number
            await (await shadower.call(b"raises")).wait_settled()
            assert len(shadower.failures()) == number


async def test_a_verdict_that_is_known_is_not_settled_before_its_record_has_arrived():
    async with Shadower(echo, different) as shadower:
        for number in range(1, 60):
            outcome = await shadower.call(b"k")
            while outcome.verdict is None:
                await trio.lowlevel.checkpoint()
            await outcome.wait_settled()
            assert shadower.divergence_count == number


async def test_what_leaves_no_record_is_settled_with_its_verdict(autojump_clock):
    async with Shadower(echo, ScriptedBackend(Answer(b"k", after=1))) as shadower:
        outcome = await shadower.call(b"k")
        await outcome.wait_settled()
        assert trio.current_time() == 1
        assert outcome.verdict is Verdict.MATCHED
        assert outcome.wait(0)


async def test_a_log_that_fails_holds_nobody_up(autojump_clock):
    class Full(type(Shadower(echo, echo)._consumer._log)):
        def push(self, record):
            raise OSError

    async with Shadower(echo, different, log=Full()) as shadower:
        await (await shadower.call(b"k")).wait_settled()
        assert shadower.statistics().records_dropped["log"] == 1


@pytest.mark.parametrize("request_", [b"k", b"raises"])
async def test_another_thread_may_wait_too(request_):
    go_on = trio.Event()

    async def shadow(request):
        await go_on.wait()
        return await different(request)

    async with Shadower(echo, shadow) as shadower:
        outcome = await shadower.call(request_)
        answers, waiting = [], []

        def wait():
            waiting.append(outcome.wait(0))
            answers.append(outcome.wait())

        threads = [threading.Thread(target=wait) for _ in range(3)]
        for thread in threads:
            thread.start()
        while len(waiting) < 3:
            await trio.sleep(0.001)
        go_on.set()
        await trio.to_thread.run_sync(lambda: [thread.join() for thread in threads])
        assert (waiting, answers) == ([False] * 3, [True] * 3)
        assert len(shadower.divergences() + shadower.failures()) == 1


async def test_a_wait_ends_when_its_time_is_over():
    async with Shadower(echo, ScriptedBackend(Hang()), ShadowConfig(drain_timeout=0)) as shadower:
        outcome = await shadower.call(b"k")
        assert not await trio.to_thread.run_sync(outcome.wait, 0.01)
    assert outcome.wait(0)
