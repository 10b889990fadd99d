"""The two-phase leg, which every edge is built on. Trio layer, virtual clock."""

from __future__ import annotations

import contextvars
import gc

import pytest
import trio
import trio.testing

from trioshadow import Leg, ShadowConfig, Shadower, Verdict
from trioshadow._service.hosts import IDLE_HOSTS
from trioshadow._shadower import admission_of
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import counts
from tests.support.alive import task_names
from tests.support.isolated import in_another_thread


async def primary(request):
    await trio.sleep(1)
    return request


async def test_start_and_primary_done_are_what_call_does(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Answer(b"k", after=0.5))) as shadower:
        with shadower.start(b"k", operation="get") as leg:
            assert isinstance(leg, Leg)
            assert leg.mirrored
            assert counts(shadower) == {"in_flight": 1}
            await trio.sleep(1)
            outcome = leg.primary_done(b"k")
        assert outcome.verdict is None
        await outcome.wait_settled()
        assert outcome.verdict is Verdict.MATCHED
        assert counts(shadower) == {"matched": 1}


async def test_leaving_a_leg_without_an_answer_abandons_it(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Hang())) as shadower:
        with shadower.start(b"k"):
            await trio.sleep(0.1)
        await shadower.wait_idle()
        assert trio.current_time() == 0.1
        with pytest.raises(ValueError, match="mine"), shadower.start(b"k"):
            raise ValueError("mine")
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 2}


ENDINGS = {
    "primary_done": lambda leg: leg.primary_done(b"k"),
    "primary_raised": lambda leg: leg.primary_raised(ValueError()),
    "abandon": lambda leg: leg.abandon(),
}


@pytest.mark.parametrize("first", ENDINGS)
@pytest.mark.parametrize("second", ENDINGS)
async def test_a_leg_is_ended_once(autojump_clock, first, second):
    async with Shadower(primary, ScriptedBackend(Answer(b"k"))) as shadower:
        leg = shadower.start(b"k")
        ENDINGS[first](leg)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="this leg has ended"):
                ENDINGS[second](leg)
            await shadower.wait_idle()  # also when it has settled
        assert sum(counts(shadower).values()) == 1


def forget(handles):
    handles.clear()


def forget_a_cycle(handles):
    class Holder:
        pass

    holder = Holder()
    holder.itself, holder.leg = holder, handles.pop()
    del holder
    gc.collect()


@pytest.mark.parametrize("thread", [False, True])
@pytest.mark.parametrize("lose", [forget, forget_a_cycle])
async def test_a_leg_that_is_lost_is_abandoned(autojump_clock, lose, thread):
    """At once, whoever loses it, and by the garbage collector too; one that was ended is not touched."""
    async with Shadower(primary, ScriptedBackend(Answer(b"k", after=1)), ShadowConfig(drain_timeout=9)) as shadower:
        handles = [shadower.start(b"k")]
        if thread:
            in_another_thread(lose, handles)
        else:
            lose(handles)
        await trio.testing.wait_all_tasks_blocked()
        await shadower.wait_idle()
        assert trio.current_time() == 0
        assert counts(shadower) == {"abandoned": 1}
        handles = [shadower.start(b"k")]
        handles[0].primary_done(b"k")
        lose(handles)
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 1, "matched": 1}


async def test_a_lost_leg_holds_up_no_exit(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Hang()), ShadowConfig(drain_timeout=9)) as shadower:
        shadower.start(b"k")
    assert trio.current_time() == 0
    assert counts(shadower) == {"abandoned": 1}


def test_a_leg_that_is_lost_after_its_run_is_nobodys():
    async def main():
        async with Shadower(primary, ScriptedBackend(Hang()), ShadowConfig(drain_timeout=0)) as shadower:
            return shadower, [shadower.start(b"k")]

    shadower, handles = trio.run(main)
    handles.clear()
    assert counts(shadower) == {"abandoned": 1}


@pytest.mark.parametrize("rate", [0, 0.5])
async def test_the_leg_of_a_call_that_is_not_mirrored_does_nothing(autojump_clock, rate):
    config = ShadowConfig(sample_rate=rate)
    key = next(b"%d" % i for i in range(99) if not config.should_shadow(b"%d" % i))
    async with Shadower(primary, ScriptedBackend(Hang()), config) as shadower:
        for ending in ENDINGS.values():
            with shadower.start(b"request", key=key) as leg:
                assert not leg.mirrored
                ending(leg)
        with shadower.start(b"request", key=key):
            pass
        assert leg.primary_done(3).primary == 3
        assert leg.primary_done(3).verdict is Verdict.NOT_SAMPLED
        assert counts(shadower) == {"not_sampled": 4}


async def test_primary_raised_compares_and_does_not_keep_the_exception(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Fail(KeyError))) as shadower:
        shadower.start(b"k").primary_raised(KeyError())
        shadower.start(b"k").primary_raised(ValueError())
        shadower.start(b"k").primary_raised(trio.Cancelled._create(source="explicit"))
        shadower.start(b"k").primary_raised(BaseExceptionGroup("", [SystemExit()]))
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1, "diverged": 1, "abandoned": 2}


async def test_a_class_that_hides_its_name_is_named_all_the_same(autojump_clock):
    class Meta(type):
        @property
        def __name__(cls):
            raise OSError("no name")

    class Nameless(Exception, metaclass=Meta):
        pass

    async def nameless(request):
        raise Nameless

    async with Shadower(nameless, primary) as shadower:
        with pytest.raises(Nameless):
            await shadower.call(b"k")
        await shadower.wait_idle()
        (record,) = shadower.divergences()
        assert record.divergence is not None
        assert record.divergence.error is not None
        assert record.divergence.error.primary == "Nameless"
    async with Shadower(primary, nameless) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"failed": 1}


async def test_a_keyboard_interrupt_while_the_primarys_exception_is_described_passes(autojump_clock):
    class Interrupts(Exception):
        def __str__(self):
            raise KeyboardInterrupt

    async with Shadower(primary, ScriptedBackend(Hang())) as shadower:
        leg = shadower.start(b"k")
        with pytest.raises(KeyboardInterrupt):
            leg.primary_raised(Interrupts())
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 1}


async def test_the_shadow_has_a_copy_of_the_callers_context_on_new_and_on_used_hosts(autojump_clock):
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen = []

    async def shadow(request):
        seen.append(variable.get())
        variable.set("the shadow's")
        return request

    async with Shadower(primary, shadow) as shadower:

        async def caller(value):
            variable.set(value)
            await shadower.call(b"k")
            assert variable.get() == value

        for round_ in "ab":
            async with trio.open_nursery() as nursery:
                for i in range(3):
                    nursery.start_soon(caller, f"{round_}{i}")
            await shadower.wait_idle()
        assert sorted(seen) == ["a0", "a1", "a2", "b0", "b1", "b2"]
        assert variable.get() == "unset"


async def test_each_leg_has_a_nursery_and_a_deadline_of_its_own_and_the_shadow_is_its_child(autojump_clock):
    seen = []

    async def shadow(request):
        task = trio.lowlevel.current_task()
        nursery = task.parent_nursery
        assert nursery is not None
        assert nursery.child_tasks == {task}
        seen.append((nursery, nursery.cancel_scope.deadline - trio.current_time(), nursery.parent_task))
        return request

    async with Shadower(primary, shadow, ShadowConfig(shadow_timeout=3)) as shadower:
        for _ in range(3):
            await (await shadower.call(b"k")).wait_settled()
    assert len({id(nursery) for nursery, _, _ in seen}) == 3
    assert [deadline for _, deadline, _ in seen] == [3, 3, 3]
    assert {host.name for _, _, host in seen} == {"trioshadow host"}


async def test_a_burst_ends_most_of_its_hosts(autojump_clock):
    async with Shadower(primary, primary) as shadower:
        async with trio.open_nursery() as nursery:
            for _ in range(IDLE_HOSTS + 20):
                nursery.start_soon(shadower.call, b"k")
        await shadower.wait_idle()
        await trio.testing.wait_all_tasks_blocked()
        assert task_names()["trioshadow host"] == IDLE_HOSTS
        assert counts(shadower) == {"matched": IDLE_HOSTS + 20}
    assert "trioshadow host" not in task_names()


async def test_an_edge_may_bring_its_own_configuration(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Answer(b"other")), ShadowConfig(sample_rate=0)) as shadower:
        leg = admission_of(shadower).admit_if_entered(b"k", config=ShadowConfig(compare=lambda a, b: True))
        await leg.primary_done(b"k").wait_settled()
        assert counts(shadower) == {"matched": 1}


async def test_a_leg_can_be_named_after_it_started(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Answer(b"other"))) as shadower:
        leg = shadower.start(b"k", operation="early")
        leg.name_operation(3)
        leg.primary_done(b"k")
        await shadower.wait_idle()
        leg = shadower.start(b"k", operation="early")
        leg.name_operation("late" * 100)
        leg.primary_done(b"k")
        await shadower.wait_idle()
        assert [record.operation for record in shadower.divergences()] == ["early", ("late" * 100)[:256]]
        shadower.pause()
        shadower.start(b"k").name_operation("nobody hears of it")
