"""Nothing is kept alive: with the collector off, a settled call leaves no cycle, no exception, no answer behind. Trio
layer.
"""

from __future__ import annotations

import contextlib
import contextvars
import gc
import weakref

import pytest
import trio
import trio.testing

from trioshadow import ShadowConfig, Shadower
from trioshadow._caller.mirrored_leg import MirroredLeg
from trioshadow._service.marks import tell_when_settled
from trioshadow._service.pair import Pair
from trioshadow._service.run import Run
from trioshadow.guard import Breaker
from trioshadow.testing import Hang, ScriptedBackend


class Tracked:
    """Something that tells whether it is still alive."""


class Boom(Exception):
    pass


async def answers(request):
    await trio.lowlevel.checkpoint()
    return Tracked()


async def same(request):
    await trio.lowlevel.checkpoint()
    return b"same"


async def fails(request):
    await trio.lowlevel.checkpoint()
    raise Boom(Tracked())


async def fails_in_a_nursery(request):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fails, request)


async def corrupts(request):
    await trio.open_nursery().__aenter__()
    raise Boom(Tracked())


hangs = ScriptedBackend(Hang())
PAIRS = {
    "matched": (same, same),
    "diverged": (answers, answers),
    "shadow failed": (answers, fails),
    "shadow failed in a nursery": (answers, fails_in_a_nursery),
    "shadow corrupted its task": (answers, corrupts),
    "both failed": (fails, fails),
    "primary failed": (fails, answers),
    "timed out": (answers, hangs),
}


def objects_of(*kinds):
    return [thing for thing in gc.get_objects() if isinstance(thing, kinds)]


@pytest.fixture
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def broken(exc):
    raise ValueError(exc)


#: Whatever of an exception is compared, and whatever a view does with it.
ERROR_SETTINGS = {
    "as by default": {},
    "members": {"error_fields": {Exception: ["args", "args[0]", "__traceback__", "exceptions"]}},
    "view": {"error_view": lambda exc: [str(exc), exc.args]},
    "view that returns it": {"error_view": lambda exc: exc},
    "view that raises": {"error_view": broken},
}


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("settings", ERROR_SETTINGS.values(), ids=ERROR_SETTINGS)
@pytest.mark.parametrize(("primary", "shadow"), PAIRS.values(), ids=PAIRS)
async def test_a_settled_call_leaves_nothing_behind(autojump_clock, primary, shadow, settings):
    async with Shadower(primary, shadow, ShadowConfig(shadow_timeout=1, **settings)) as shadower:
        for _ in range(3):
            with contextlib.suppress(Boom):
                await (await shadower.call(b"k")).wait_settled()
            await shadower.wait_idle()
        assert objects_of(Tracked, Boom) == []


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("secondary", [same, answers, fails, corrupts, hangs])
@pytest.mark.parametrize(("primary", "shadow"), PAIRS.values(), ids=PAIRS)
async def test_a_settled_call_with_a_secondary_leaves_nothing_behind(autojump_clock, primary, shadow, secondary):
    config = ShadowConfig(shadow_timeout=1, noise_rate=1)
    parts = MirroredLeg, Run, Pair
    before = objects_of(
        *parts
    )  # an exception that another test raises again and again holds frames, and those hold them
    async with Shadower(primary, shadow, config, secondary=secondary) as shadower:
        for _ in range(3):
            with contextlib.suppress(Boom):
                await (await shadower.call(b"k")).wait_settled()
            await shadower.wait_idle()
        assert objects_of(Tracked, Boom) == []
        assert len(objects_of(*parts)) == len(before)


@pytest.mark.usefixtures("_no_collector")
async def test_an_outcome_that_is_kept_keeps_its_answers_only(autojump_clock):
    async with Shadower(answers, answers) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        await shadower.wait_idle()
        assert len(objects_of(Tracked)) == 2
        leg = shadower.start(b"k")
        kept = leg.primary_done(Tracked())
        await kept.wait_settled()
        del kept
        # Whoever holds on to the leg's handle holds the primary's answer through its outcome, and nothing else.
        assert len(objects_of(Tracked)) == 4
        del leg
        assert len(objects_of(Tracked)) == 2
        del outcome
        assert objects_of(Tracked) == []


@pytest.mark.usefixtures("_no_collector")
async def test_an_abandoned_leg_leaves_nothing_behind(autojump_clock):
    async def slow(request):
        await trio.sleep_forever()

    async with Shadower(slow, hangs) as shadower:
        request = Tracked()
        ref = weakref.ref(request)
        with trio.move_on_after(0.1):
            await shadower.call(request, key=b"k")
        await shadower.wait_idle()
        hangs.requests.clear()
        del request
        assert ref() is None


@pytest.mark.usefixtures("_no_collector")
async def test_a_leg_that_is_kept_keeps_no_request_and_no_view(autojump_clock):
    config = ShadowConfig(view=lambda _: Tracked(), copy_request=lambda _: Tracked())
    async with Shadower(same, same, config) as shadower:
        done = shadower.start(b"k")
        done.primary_done(b"same")
        abandoned = shadower.start(b"k")
        abandoned.abandon()
        await shadower.wait_idle()
        assert objects_of(Tracked) == []
        assert done.mirrored
        assert abandoned.mirrored


@pytest.mark.usefixtures("_no_collector")
async def test_a_running_shadow_alone_has_its_request(autojump_clock):
    seen = []

    async def shadow(request):
        del request
        await trio.lowlevel.checkpoint()
        seen.append(objects_of(Tracked))

    async with Shadower(same, shadow, ShadowConfig(copy_request=lambda _: Tracked())) as shadower:
        leg = shadower.start({"a": 1})
        await trio.testing.wait_all_tasks_blocked()
        leg.abandon()
    assert seen == [[]]  # what the library had of it is the shadow's now


variable: contextvars.ContextVar[object] = contextvars.ContextVar("variable")


@pytest.mark.usefixtures("_no_collector")
async def test_an_idle_host_keeps_no_callers_context(autojump_clock):
    async def caller():
        variable.set(Tracked())
        await shadower.call(b"k")

    async with Shadower(same, same) as shadower:
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(caller)
        await shadower.wait_idle()
        await trio.testing.wait_all_tasks_blocked()  # Trio itself holds a task until its next pass
        assert objects_of(Tracked) == []


def _garbage_of(async_fn):
    """How many unreachable objects `async_fn` leaves, called 100 times in a run after a first time."""

    async def main():
        async with async_fn() as once:
            await once()
            gc.collect()
            for _ in range(100):
                await once()
            return gc.collect()

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize(("primary", "shadow"), PAIRS.values(), ids=PAIRS)
def test_a_call_leaves_no_cycle_that_trio_alone_would_not(primary, shadow):
    @contextlib.asynccontextmanager
    async def with_shadower():
        async with Shadower(primary, shadow, ShadowConfig(shadow_timeout=1)) as shadower:

            async def once():
                with contextlib.suppress(Boom):
                    await shadower.call(b"k")
                await shadower.wait_idle()

            yield once

    @contextlib.asynccontextmanager
    async def bare_trio():
        async def once():
            with contextlib.suppress(BaseExceptionGroup, RuntimeError):
                async with trio.open_nursery() as nursery:
                    nursery.cancel_scope.deadline = trio.current_time() + 1
                    nursery.start_soon(shadow if shadow is not hangs else hangs.call, b"k")
            with contextlib.suppress(Boom):
                await primary(b"k")

        yield once

    assert _garbage_of(with_shadower) <= _garbage_of(bare_trio)


async def test_no_task_is_left(autojump_clock):
    nursery_tasks = trio.lowlevel.current_root_task().child_nurseries

    def tasks():
        count, todo = 0, list(nursery_tasks)
        while todo:
            children = todo.pop().child_tasks
            count += len(children)
            todo.extend(nursery for task in children for nursery in task.child_nurseries)
        return count

    before = tasks()
    async with Shadower(same, hangs, ShadowConfig(shadow_timeout=1)) as shadower:
        for _ in range(5):
            await shadower.call(b"k")
        await shadower.wait_idle()
    assert tasks() == before


@pytest.mark.usefixtures("_no_collector")
async def test_a_shadower_that_was_left_is_freed_with_all_that_it_was_given(autojump_clock):
    class Slo:
        def record(self, success):
            pass

    async with Shadower(same, same, slo=Slo(), breaker=Breaker(), sinks=[print], secondary=same) as shadower:
        await (await shadower.call(b"k")).wait_settled()
    ref = weakref.ref(shadower)
    del shadower
    await trio.testing.wait_all_tasks_blocked()
    assert ref() is None


@pytest.mark.usefixtures("_no_collector")
async def test_a_watcher_that_raises_keeps_nothing_alive(autojump_clock):
    def raises(settled):
        raise ValueError

    async def watched(request):
        tell_when_settled(raises)
        await trio.lowlevel.checkpoint()
        return Tracked()

    async with Shadower(answers, watched) as shadower:
        await (await shadower.call(b"k")).wait_settled()
        await shadower.wait_idle()
        assert objects_of(Tracked) == []
