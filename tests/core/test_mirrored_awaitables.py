"""What a sync primary gives its caller to await: it behaves as before, and its leg is told what comes of it, or is
abandoned. Trio layer, virtual clock; other threads where a leg is lost in one.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import types
import warnings

import pytest
import trio
import trio.testing

from trioshadow import mirrored
from trioshadow._caller.mirrored_leg import MirroredLeg

from tests.support.accounts import counts
from tests.support.isolated import in_another_thread


async def answer(x):
    await checkpoint()
    return x


async def fail(x):
    raise KeyError(x)


async def checkpoint():
    """Of whichever library's loop runs here."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        await trio.lowlevel.checkpoint()
    else:
        await asyncio.sleep(0)


async def settled(shadower):
    """What a finaliser or another thread has posted is done."""
    await trio.testing.wait_all_tasks_blocked()
    await shadower.wait_idle()
    return counts(shadower)


def lazily(function):
    """A primary that nothing tells to be async, and a shadow that answers as it should."""
    return mirrored(answer)(lambda x: function(x))


async def test_a_coroutine_stays_one_for_whoever_drives_it(autojump_clock):
    """`await`, a nursery, and what looks at it."""
    old = lazily(answer)
    async with old.mirroring() as shadower:
        coroutine = old(3)
        assert inspect.iscoroutine(coroutine)
        assert inspect.isawaitable(coroutine)
        assert isinstance(coroutine, types.CoroutineType)
        assert (coroutine.__name__, inspect.getcoroutinestate(coroutine)) == ("answer", "CORO_CREATED")
        assert await coroutine == 3
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await coroutine
        async with trio.open_nursery() as nursery:
            nursery.start_soon(old, 3)
        assert await settled(shadower) == {"matched": 2}


async def test_what_it_raises_is_raised_and_compared(autojump_clock):
    old = lazily(fail)
    async with old.mirroring() as shadower:
        with pytest.raises(KeyError):
            await old(3)
        with pytest.raises(KeyError):
            old(3).send(None)
        assert await settled(shadower) == {"diverged": 2}


async def test_a_caller_that_is_cancelled_abandons(autojump_clock):
    old = lazily(trio.sleep)
    async with old.mirroring() as shadower:
        with trio.move_on_after(1):
            await old(3)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(old, 3)
            nursery.cancel_scope.cancel()
        assert await settled(shadower) == {"abandoned": 2}


def throw(coroutine):
    with pytest.raises(KeyError):
        coroutine.throw(KeyError())


ENDINGS = {
    "dropped": lambda coroutine: None,
    "closed": lambda coroutine: coroutine.close(),
    "thrown into": throw,
}


@pytest.mark.filterwarnings("ignore:coroutine 'answer' was never awaited:RuntimeWarning")
@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
async def test_one_that_is_given_up_abandons_its_leg(autojump_clock, ending, begun, elsewhere):
    """Before it is awaited or in its midst, in this thread or in another; also if it is kept."""
    old, kept = lazily(answer), []

    def give_up(coroutines):
        ENDINGS[ending](coroutines[0])
        if ending != "dropped":
            kept.extend(coroutines)
        coroutines.clear()

    async with old.mirroring() as shadower:
        coroutines = [old(3)]
        if begun:
            coroutines[0].send(None)
        if elsewhere:
            in_another_thread(give_up, coroutines)
        else:
            give_up(coroutines)
        # It may be the primary that raises what is thrown in.
        compared = ending == "thrown into" and begun
        assert await settled(shadower) == ({"diverged": 1} if compared else {"abandoned": 1})


@pytest.mark.parametrize(("of", "verdict"), [(answer, "matched"), (fail, "diverged")])
async def test_one_that_is_awaited_in_another_threads_loop_is_compared(of, verdict):
    old = lazily(of)
    async with old.mirroring() as shadower:
        coroutine = old(3)

        async def elsewhere():
            try:
                return await coroutine
            except KeyError:
                return 3

        assert await trio.to_thread.run_sync(asyncio.run, elsewhere()) == 3
        assert await settled(shadower) == {verdict: 1}


async def test_closing_one_warns_of_nothing_more_than_before(autojump_clock):
    """Its coroutine is closed too, or Python would say that it was never awaited."""
    old = lazily(answer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with old.mirroring() as shadower:
            old(3).close()
            assert await settled(shadower) == {"abandoned": 1}


@pytest.mark.parametrize("old", [mirrored(answer)(answer), lazily(answer)], ids=["async", "sync"])
async def test_a_caller_that_is_closed_or_dropped_in_its_midst_abandons_its_leg(autojump_clock, monkeypatch, old):
    """Not at once: this may be the garbage collector, in the midst of anything."""

    def raised(leg, exc):
        raise AssertionError("told at once")

    async def caller(x):
        return await old(x)

    async with old.mirroring() as shadower:
        for give_up in (lambda coroutines: coroutines[0].close(), list.clear):
            for call in (in_another_thread, lambda function, *args: function(*args)):
                coroutines = [caller(3)]
                coroutines[0].send(None)
                with monkeypatch.context() as patches:
                    patches.setattr(MirroredLeg, "primary_raised", raised)
                    call(give_up, coroutines)
                await settled(shadower)
        assert counts(shadower) == {"abandoned": 4}


class Query:
    """Lazy, and asked as often as it is awaited."""

    def __init__(self, x):
        self.x = x
        self.asked = 0

    def twice(self):
        return Query(self.x * 2)

    def __await__(self):
        self.asked += 1
        return answer(self.x).__await__()


async def test_another_awaitable_keeps_its_methods_and_may_be_awaited_again(autojump_clock):
    """The first time counts; and one that is used otherwise and let go of abandons its leg."""
    old = lazily(Query)
    async with old.mirroring() as shadower:
        query = old(3)
        assert isinstance(query, Query)
        assert not inspect.iscoroutine(query)
        assert (await query, await query, query.asked) == (3, 3, 2)
        assert await old(3).twice() == 6
        del query
        assert await settled(shadower) == {"matched": 1, "abandoned": 1}


async def test_a_coroutine_that_is_made_of_a_generator_stays_one(autojump_clock):
    @types.coroutine
    def generate(x):
        yield from answer(x).__await__()
        return x

    old = lazily(generate)
    async with old.mirroring() as shadower:
        assert await old(3) == 3
        assert await settled(shadower) == {"matched": 1}


async def test_a_future_of_asyncio_stays_one_and_its_loop_takes_it():
    """In another thread. From 3.12 on asyncio awaits what it is given, before it has only asked to be called back."""
    loop = asyncio.new_event_loop()
    old = lazily(lambda _: loop.create_future())
    async with old.mirroring() as shadower:

        def ask(future):
            loop.call_soon(future.set_result, 4)
            return loop.run_until_complete(asyncio.wait_for(future, 9)), loop.run_until_complete(future)

        future = old(3)
        assert await trio.to_thread.run_sync(ask, future) == (4, 4)
        assert asyncio.isfuture(future)
        assert future.result() == 4
        del future
        verdict = "abandoned" if sys.version_info < (3, 12) else "diverged"
        assert await settled(shadower) == {verdict: 1}
    loop.close()


async def test_what_a_shadow_gives_to_await_is_awaited_too():
    for shadow in (lambda x: answer(x), staticmethod(answer), Query):
        old = mirrored(shadow)(answer)
        async with old.mirroring() as shadower:
            assert await old(3) == 3
            await shadower.wait_idle()
            assert counts(shadower) == {"matched": 1}, shadower.failures()
