"""The two lifetimes: callers that are cancelled, shadowers that are left, cancelled or used from elsewhere. Trio
layer.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import sys

import pytest
import trio
import trio.testing

from trioshadow import FailureKind, ShadowConfig, Shadower, Sink, Verdict
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import counts
from tests.support.alive import alive
from tests.support.portable import TOO_LONG


async def primary(request):
    await trio.sleep(1)
    return request


# ── the caller is cancelled ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_caller_cancelled_during_the_primary_abandons_the_leg_at_once(autojump_clock):
    cancelled_at = []

    async def shadow(request):
        try:
            await trio.sleep_forever()
        finally:
            cancelled_at.append(trio.current_time())

    async with Shadower(primary, shadow) as shadower:
        with trio.move_on_after(0.5) as scope:
            await shadower.call(b"k")
        assert scope.cancelled_caught
        await shadower.wait_idle()
        assert trio.current_time() == 0.5
        assert cancelled_at == [0.5]
        assert counts(shadower) == {"abandoned": 1}
        assert shadower.failures() == shadower.divergences() == []


async def test_a_caller_cancelled_before_the_leg_starts(autojump_clock):
    shadow = ScriptedBackend(Answer(b"k", after=0.5))
    async with Shadower(primary, shadow) as shadower:
        for _ in range(20):  # which of the two runs first is a coin flip
            with trio.CancelScope() as scope:
                scope.cancel()
                await shadower.call(b"k")
            assert scope.cancelled_caught
        await shadower.wait_idle()
        assert trio.current_time() == 0
        assert counts(shadower) == {"abandoned": 20}


async def test_an_abandoned_leg_does_not_enter_the_shadow(autojump_clock):
    shadow = ScriptedBackend(Answer(bytes))
    async with Shadower(primary, shadow) as shadower:
        await (await shadower.call(b"warm")).wait_settled()
        for _ in range(2):  # a host that waits for legs, and a new one beside it
            legs = [shadower.start(b"k") for _ in range(2)]
            for leg in legs:
                leg.abandon()
            await shadower.wait_idle()
        assert shadow.requests == [b"warm"]
        assert counts(shadower) == {"abandoned": 4, "matched": 1}


async def test_a_caller_cancelled_after_its_answer_changes_nothing(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Answer(b"k", after=1.5))) as shadower:
        with trio.move_on_after(1.2) as scope:
            outcome = await shadower.call(b"k")
            await trio.sleep_forever()
        assert scope.cancelled_caught
        await outcome.wait_settled()
        assert outcome.verdict is Verdict.MATCHED


async def test_a_primary_that_raises_a_base_exception_abandons_the_leg(autojump_clock):
    class OwnBase(BaseException):
        pass

    async with Shadower(ScriptedBackend(Fail(OwnBase, after=1)), ScriptedBackend(Hang())) as shadower:
        with pytest.raises(OwnBase):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert trio.current_time() == 1
        assert counts(shadower) == {"abandoned": 1}


async def test_a_shadow_that_is_done_waits_for_a_slow_primary_beyond_its_own_deadline(autojump_clock):
    slow_primary = ScriptedBackend(Answer(b"k", after=100))
    async with Shadower(slow_primary, ScriptedBackend(Answer(b"k", after=1))) as shadower:
        outcome = await shadower.call(b"k")
        assert trio.current_time() == 100
        await outcome.wait_settled()
        assert outcome.verdict is Verdict.MATCHED
        assert trio.current_time() == 100


async def test_a_shadow_that_timed_out_waits_for_the_primary_before_it_is_counted(autojump_clock):
    async with Shadower(ScriptedBackend(Answer(b"k", after=10)), ScriptedBackend(Hang())) as shadower:
        with trio.move_on_after(5):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 1}  # its caller was cancelled: no evidence


async def test_the_deadline_starts_with_the_shadows_task(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Hang()), ShadowConfig(shadow_timeout=3)) as shadower:
        for _ in range(2):
            start = trio.current_time()
            outcome = await shadower.call(b"k")
            await outcome.wait_settled()
            assert trio.current_time() - start == 3
            assert outcome.verdict is Verdict.TIMED_OUT
        await shadower.wait_idle()
        assert [record.shadow_seconds for record in shadower.failures()] == [3, 3]


# ── a loop that is late itself ──────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_that_was_ready_on_a_late_loop_counts(mock_clock):
    go_on = trio.Event()

    async def blocking_primary(request):
        await trio.testing.wait_all_tasks_blocked()
        go_on.set()  # now the shadow is runnable, ...
        mock_clock.jump(50)  # ... and the loop comes back long after its deadline
        return request

    async def shadow(request):
        await go_on.wait()
        return request

    async with Shadower(blocking_primary, shadow) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.verdict is Verdict.MATCHED


async def test_a_shadow_that_had_no_turns_on_a_late_loop_is_abandoned_not_blamed(mock_clock):
    async def blocking_primary(request):
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(50)
        return request

    async def shadow(request):
        await trio.sleep(0.1)
        return request

    async with Shadower(blocking_primary, shadow) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.verdict is Verdict.ABANDONED


async def test_a_loop_is_not_late_by_milliseconds(mock_clock):
    async def primary(request):
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(0.003)
        return request

    async with Shadower(primary, ScriptedBackend(Hang()), ShadowConfig(shadow_timeout=0.001)) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.verdict is Verdict.TIMED_OUT


async def test_a_loop_that_is_a_little_late_is_no_excuse(mock_clock):
    async def blocking_primary(request):
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(2.1)
        return request

    async with Shadower(blocking_primary, ScriptedBackend(Hang())) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.verdict is Verdict.TIMED_OUT


# ── the shadower is left ────────────────────────────────────────────────────────────────────────────────────────────


async def test_leaving_waits_for_running_legs(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Answer(b"other", after=1.8))) as shadower:
        outcome = await shadower.call(b"k")
    assert trio.current_time() == 1.8
    assert outcome.verdict is Verdict.DIVERGED
    assert shadower.divergence_count == 1


async def test_leaving_waits_no_longer_than_the_drain_timeout(autojump_clock):
    config = ShadowConfig(shadow_timeout=60, drain_timeout=4)
    async with Shadower(primary, ScriptedBackend(Hang()), config) as shadower:
        outcome = await shadower.call(b"k")
    assert trio.current_time() == 1 + 4
    assert outcome.verdict is Verdict.ABANDONED
    assert counts(shadower) == {"abandoned": 1}


@pytest.mark.parametrize("drain_timeout", [0, 3])
async def test_a_drain_timeout_counts_all(autojump_clock, drain_timeout):
    config = ShadowConfig(shadow_timeout=60, drain_timeout=drain_timeout)
    script = [Answer(b"k", after=1), Answer(b"k", after=2), Fail(ValueError, after=5), Hang(), Hang(refuse_cancel=9)]
    async with Shadower(ScriptedBackend(Answer(b"k")), ScriptedBackend(*script), config) as shadower:
        for _ in script:
            await shadower.call(b"k")
    assert counts(shadower) == ({"matched": 2, "abandoned": 3} if drain_timeout else {"abandoned": 5})
    if drain_timeout:
        assert trio.current_time() == 9  # the last one refused to be cancelled


async def test_calls_after_leaving_are_served_and_counted_closed(autojump_clock, caplog):
    async with Shadower(primary, primary) as shadower:
        pass
    for _ in range(3):
        start = trio.current_time()
        outcome = await shadower.call(b"k")
        assert trio.current_time() - start == 1
        assert (outcome.primary, outcome.verdict) == (b"k", Verdict.CLOSED)
    assert counts(shadower) == {"closed": 3}
    assert [record.getMessage() for record in caplog.records] == [
        "calls are served by the primary and not mirrored: the shadower was left"
    ]


async def test_calls_during_the_drain_are_served_and_counted_closed(autojump_clock):
    async with trio.open_nursery() as nursery:

        async def late_caller():
            await trio.sleep(1.5)
            assert (await shadower.call(b"late")).verdict is Verdict.CLOSED

        async with Shadower(primary, ScriptedBackend(Answer(b"k", after=1.9))) as shadower:
            nursery.start_soon(late_caller)
            await shadower.call(b"k")
        assert trio.current_time() == 1.9
    assert counts(shadower) == {"matched": 1, "closed": 1}


async def test_a_leg_whose_primary_outlives_the_shadower_is_abandoned(autojump_clock):
    async with trio.open_nursery() as nursery:
        outcomes = []

        async def slow_caller():
            outcomes.append(await shadower.call(b"k"))
            assert trio.current_time() == 100

        slow_primary = ScriptedBackend(Answer(b"k", after=100))
        async with Shadower(slow_primary, ScriptedBackend(Answer(b"k")), ShadowConfig(drain_timeout=3)) as shadower:
            nursery.start_soon(slow_caller)
            await trio.testing.wait_all_tasks_blocked()
        assert trio.current_time() == 3
    assert [outcome.verdict for outcome in outcomes] == [Verdict.ABANDONED]
    assert [outcome.primary for outcome in outcomes] == [b"k"]


async def test_a_crashed_leg_whose_primary_outlives_the_shadower_is_counted_once(autojump_clock):
    async def crashes(request):
        await trio.open_nursery().__aenter__()

    async with Shadower(primary, crashes, ShadowConfig(drain_timeout=3)) as shadower:
        leg = shadower.start(b"k")
        await trio.testing.wait_all_tasks_blocked()
        assert counts(shadower) == {"in_flight": 1}
    assert trio.current_time() == 3
    assert sum(counts(shadower).values()) == 1
    leg.primary_done(b"k")
    assert sum(counts(shadower).values()) == 1


async def test_the_same_when_the_scope_around_is_cancelled(autojump_clock):
    async def crashes(request):
        await trio.open_nursery().__aenter__()

    with trio.move_on_after(3):
        async with Shadower(primary, crashes) as shadower:
            shadower.start(b"k")
            await trio.sleep_forever()
    assert trio.current_time() == 3
    assert sum(counts(shadower).values()) == 1


async def test_an_exception_of_the_body_leaves_as_itself_and_at_once(autojump_clock):
    error = ValueError("body")
    config = ShadowConfig(shadow_timeout=60)
    with pytest.raises(ValueError, match="body") as caught:
        async with Shadower(primary, ScriptedBackend(Hang()), config) as shadower:
            await shadower.call(b"k")
            raise error
    assert caught.value is error
    assert trio.current_time() == 1
    assert counts(shadower) == {"abandoned": 1}


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, BaseException])
async def test_a_base_exception_of_the_body_leaves_as_itself(autojump_clock, kind):
    error = kind("body")
    with pytest.raises(kind) as caught:
        async with Shadower(primary, ScriptedBackend(Hang())) as shadower:
            await shadower.call(b"k")
            raise error
    assert caught.value is error
    assert trio.current_time() == 1


async def test_a_group_of_the_body_leaves_as_itself(autojump_clock):
    error = BaseExceptionGroup("body", [ValueError(), SystemExit()])
    with pytest.raises(BaseExceptionGroup) as caught:
        async with Shadower(primary, ScriptedBackend(Hang())) as shadower:
            await shadower.call(b"k")
            raise error
    assert caught.value is error


async def test_leaving_by_exception_still_flushes_what_was_recorded(autojump_clock):
    written = []

    async def sink(record):
        await trio.sleep(1)
        written.append(record)

    with pytest.raises(ValueError, match="body"):
        async with Shadower(primary, ScriptedBackend(Answer(b"other")), sinks=[sink]) as shadower:
            for _ in range(3):
                await shadower.call(b"k")
            await trio.testing.wait_all_tasks_blocked()
            raise ValueError("body")
    assert len(written) == shadower.divergence_count == 3
    assert trio.current_time() == 4  # the sink had taken two of three by 3 s


async def test_leaving_by_cancellation_cancels_legs_at_once_and_still_flushes(autojump_clock):
    written = []
    config = ShadowConfig(shadow_timeout=60)
    shadow = ScriptedBackend(Answer(b"other", after=0.5), Hang())
    with trio.move_on_after(2.5) as scope:
        async with Shadower(primary, shadow, config, sinks=[written.append]) as shadower:
            await shadower.call(b"k")
            await shadower.call(b"k")
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() == 2.5
    assert counts(shadower) == {"diverged": 1, "abandoned": 1}
    assert len(written) == shadower.divergence_count == 1


async def test_leaving_by_cancellation_gives_sinks_time_too(autojump_clock):
    written = []

    async def slow(record):
        await trio.sleep(1)
        written.append(record)

    with trio.move_on_after(0.5):
        async with Shadower(ScriptedBackend(Answer(b"k")), ScriptedBackend(Answer(b"other")), sinks=[slow]) as shadower:
            for _ in range(3):
                await shadower.call(b"k")
            await trio.sleep_forever()
    assert len(written) == 3
    assert trio.current_time() == 3


async def test_cancellation_during_the_drain(autojump_clock):
    written = []
    config = ShadowConfig(shadow_timeout=60, drain_timeout=30)
    with trio.move_on_after(5) as scope:
        async with Shadower(
            primary, ScriptedBackend(Answer(b"other"), Hang()), config, sinks=[written.append]
        ) as shadower:
            await shadower.call(b"k")
            await shadower.call(b"k")
    assert scope.cancelled_caught
    assert trio.current_time() == 5
    assert counts(shadower) == {"diverged": 1, "abandoned": 1}
    assert len(written) == 1


async def test_the_scope_around_is_cancelled_while_callers_go_on_in_a_shield(autojump_clock):
    async with trio.open_nursery() as callers:

        async def shielded_caller():
            with trio.CancelScope(shield=True):
                for _ in range(6):
                    start = trio.current_time()
                    assert (await shadower.call(b"k")).primary == b"k"
                    assert trio.current_time() - start == 1

        with trio.move_on_after(2.5):
            async with Shadower(primary, ScriptedBackend(Answer(b"k", after=0.3))) as shadower:
                callers.start_soon(shielded_caller)
                with trio.CancelScope(shield=True):  # the body goes on as well: the service nursery is still open
                    await trio.sleep(4.5)
        assert trio.current_time() == 4.5
    # Of the third call the shadow was done, but its answer was not when the scope was cancelled.
    assert counts(shadower) == {"matched": 2, "abandoned": 1, "closed": 3}


async def test_a_leg_in_flight_when_the_scope_around_is_cancelled(autojump_clock):
    async with trio.open_nursery() as callers:

        async def shielded_caller():
            with trio.CancelScope(shield=True):
                outcome = await shadower.call(b"k")
                assert trio.current_time() == 1
                await outcome.wait_settled()
                assert outcome.verdict is Verdict.ABANDONED

        with trio.move_on_after(0.5):
            async with Shadower(primary, ScriptedBackend(Hang())) as shadower:
                callers.start_soon(shielded_caller)
                await trio.sleep_forever()
    assert counts(shadower) == {"abandoned": 1}


async def test_an_operation_that_is_no_str_does_not_break_the_exit(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Hang(refuse_cancel=20)), ShadowConfig(drain_timeout=1)) as shadower:
        for operation in (None, 3, [], "get" * 1000):
            await shadower.call(b"k", operation=operation)
    assert counts(shadower) == {"timed_out": 4}
    assert [len(record.operation) for record in shadower.failures()] == [0, 0, 0, 256]


async def test_a_shadow_that_refuses_to_be_cancelled_holds_up_the_exit_and_the_log_says_so(autojump_clock, caplog):
    config = ShadowConfig(drain_timeout=1)
    async with Shadower(primary, ScriptedBackend(Hang(refuse_cancel=20)), config, name="swap") as shadower:
        await shadower.call(b"k", operation="get")
    assert trio.current_time() == 20
    assert counts(shadower) == {"timed_out": 1}
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("shadower 'swap': the exit waits for 1 shadow(s) that refuse to be cancelled: get")


async def test_a_cleanup_error_of_a_leg_that_the_exit_cancelled_is_not_blamed(autojump_clock):
    async def shadow(request):
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("cleanup")

    async with Shadower(primary, shadow, ShadowConfig(shadow_timeout=60, drain_timeout=1)) as shadower:
        await shadower.call(b"k")
    assert counts(shadower) == {"abandoned": 1}


async def test_an_idle_shadower_is_left_at_once(autojump_clock):
    async with Shadower(primary, primary) as shadower:
        await shadower.wait_idle()
    assert trio.current_time() == 0
    assert counts(shadower) == {}


@pytest.fixture
def _obeys_ctrl_c():
    # A shell starts what it puts into the background with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_obeys_ctrl_c")
def test_ctrl_c_while_the_exit_waits_comes_out_and_nothing_is_lost():
    shadowers = []

    @trio.lowlevel.enable_ki_protection
    async def press_ctrl_c():
        await trio.sleep(10)
        signal.raise_signal(signal.SIGINT)  # Trio hands it to the main task, which is in the exit

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(press_ctrl_c)
            async with Shadower(primary, ScriptedBackend(Hang(refuse_cancel=20))) as shadower:
                shadowers.append(shadower)
                shadower.subscribe()
                await shadower.call(b"k")

    clock = trio.testing.MockClock(autojump_threshold=0)
    with pytest.RaisesGroup(KeyboardInterrupt):
        trio.run(main, clock=clock)
    assert clock.current_time() == 20
    (shadower,) = shadowers
    assert counts(shadower) == {"timed_out": 1}
    assert len(shadower.failures()) == 1
    assert shadower.statistics().records_waiting == 0


# ── a hung sink ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_hung_sink_stops_nothing_else_at_run_time_or_at_exit(autojump_clock):
    written = []
    closed_at = []

    class Hung:
        async def write(self, record):
            await trio.sleep_forever()

        async def aclose(self):
            closed_at.append(trio.current_time())

    config = ShadowConfig(drain_timeout=3)
    sinks = [Sink(Hung(), name="hung"), written.append]
    async with Shadower(primary, ScriptedBackend(Answer(b"other")), config, sinks=sinks) as shadower:
        for _ in range(4):
            await shadower.call(b"k")
        await trio.testing.wait_all_tasks_blocked()
        assert len(written) == shadower.divergence_count == 4
        assert shadower.statistics().records_dropped["hung"] == 0
    assert trio.current_time() == 4 + 3
    assert shadower.statistics().records_dropped["hung"] == 4
    assert closed_at == [7]


@pytest.mark.parametrize("how", ["leaving", "exception"])
async def test_records_that_are_still_on_their_way_when_the_time_is_up_are_logged_and_counted(autojump_clock, how):
    go_on = trio.Event()
    written = []

    async def quick(request):
        return request

    async def shadow(request):
        await go_on.wait()
        return b"other"

    sinks = [Sink(written.append, name="sink", lossless=True)]
    shadower = Shadower(quick, shadow, ShadowConfig(drain_timeout=0, shadow_timeout=60), sinks=sinks)
    with contextlib.suppress(ValueError):
        async with shadower:
            channel = shadower.subscribe()
            for _ in range(100):
                await shadower.call(b"k")
            await trio.testing.wait_all_tasks_blocked()
            go_on.set()
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            if how == "exception":
                raise ValueError
    statistics = shadower.statistics()
    assert counts(shadower) == {"diverged": 100}
    assert shadower.divergence_count == 100
    assert len([record async for record in channel]) == 100
    assert len(written) + statistics.records_dropped["sink"] == 100
    assert statistics.records_waiting == 0
    await shadower.wait_idle()


# ── waiting ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_any_number_of_tasks_wait_idle(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Answer(b"k", after=1.5))) as shadower:
        woken = []

        async def waiter():
            await shadower.wait_idle()
            woken.append(trio.current_time())

        await shadower.call(b"k")
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(waiter)
            events = []
            for _ in range(2):
                with trio.move_on_after(0.2) as scope:
                    await shadower.wait_idle()
                assert scope.cancelled_caught
                events.append(len(alive(trio.Event)))
            assert events[0] == events[1]  # those who left are forgotten
        assert woken == [1.5] * 10
        await shadower.wait_idle()
    await shadower.wait_idle()
    assert trio.current_time() == 1.5


async def test_wait_idle_waits_for_sinks(autojump_clock):
    async def slow_sink(record):
        await trio.sleep(5)

    async with Shadower(primary, ScriptedBackend(Answer(b"other")), sinks=[slow_sink]) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert trio.current_time() == 6


# ── elsewhere ───────────────────────────────────────────────────────────────────────────────────────────────────────


#: A run that Trio itself gives up leaves everything as it was, and nobody is told.
BROKEN_OFF = """
import trio
from trioshadow import Shadower

class Breaks(trio.abc.Clock):
    broken = False

    def start_clock(self):
        pass

    def current_time(self):
        return 0.0

    def deadline_to_sleep_time(self, deadline):
        if self.broken:
            raise ValueError
        return 0.0

async def echo(request):
    return request

async def main():
    async with shadower:
        clock.broken = True
        await trio.sleep_forever()

shadower, clock = Shadower(echo, echo), Breaks()
try:
    trio.run(main, clock=clock)
except trio.TrioInternalError:
    print(shadower.running, {call})
"""


@pytest.mark.parametrize(
    "call",
    ["trio.run(shadower.call, b'k').verdict", "shadower.start(b'k').primary_done(b'k').verdict"],
    ids=["in another run", "in none"],
)
def test_calls_in_the_thread_of_a_run_that_broke_off_are_counted_closed(call):
    # In a process of its own, which is full of complaints in the end.
    program = BROKEN_OFF.replace("{call}", call)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=TOO_LONG, check=True)
    assert done.stdout.decode().split() == ["True", "Verdict.CLOSED"]


def test_the_host_of_a_guest_run_is_in_the_run():
    done = []
    todo: list[object] = []
    outcomes = []

    async def main():
        async def quick(request):
            return request

        async with Shadower(quick, quick) as shadower:
            todo.append(lambda: outcomes.append(shadower.start(b"k").primary_done(b"k")))
            while not outcomes:
                await trio.lowlevel.checkpoint()
            return (await outcomes[0].wait_settled()).verdict

    host_queue: queue.SimpleQueue[object] = queue.SimpleQueue()
    trio.lowlevel.start_guest_run(
        main, run_sync_soon_threadsafe=host_queue.put, done_callback=done.append, host_uses_signal_set_wakeup_fd=True
    )
    while not done:
        host_queue.get()()  # type: ignore[operator]
        while todo:
            todo.pop()()  # type: ignore[operator]
    assert done[0].unwrap() is Verdict.MATCHED


async def test_a_copy_function_that_raises_leaks_no_slot(autojump_clock):
    def copy(request):
        raise request

    config = ShadowConfig(copy_request=copy, max_in_flight=2)
    async with Shadower(primary, primary, config) as shadower:
        for _ in range(5):
            outcome = await shadower.call(SystemExit("copy"))
            assert outcome.verdict is Verdict.FAILED
            assert outcome.shadow_failed is not None
            assert outcome.shadow_failed.kind is FailureKind.COMPARE_RAISED
            assert outcome.shadow_failed.message == "copy_request: copy"
            await shadower.wait_idle()
        with pytest.raises(KeyboardInterrupt):
            await shadower.call(KeyboardInterrupt())
        assert counts(shadower) == {"failed": 5}  # that one was never served


async def test_a_shadower_says_whether_it_runs(autojump_clock):
    shadower = Shadower(primary, primary)
    assert not shadower.running
    async with shadower:
        assert shadower.running
    assert not shadower.running


async def test_a_shorter_drain_is_heard_while_it_drains(autojump_clock):
    async def hangs(record):
        await trio.sleep_forever()

    async def shortened():
        await trio.sleep(2)
        shadower.reconfigure(ShadowConfig(drain_timeout=1, shadow_timeout=30))

    shadow = ScriptedBackend(Answer(b"other", after=4))
    config = ShadowConfig(drain_timeout=20, shadow_timeout=30)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(shortened)
        async with Shadower(ScriptedBackend(Answer(b"k")), shadow, config, sinks=[hangs]) as shadower:
            await shadower.call(b"k")
        assert trio.current_time() == 5  # four for the shadow, and one for the sink
