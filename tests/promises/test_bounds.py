"""Promise 5, bounded, and what happens at each bound: legs, records, subscribers, sinks. Trio layer, virtual clock."""

from __future__ import annotations

import math

import pytest
import trio
import trio.testing

from trioshadow import DivergenceLog, ShadowConfig, Shadower, Sink, Verdict, in_shadow
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import counts
from tests.support.alive import alive


async def quick(request):
    return request


def other():
    return ScriptedBackend(Answer(b"other"))


async def test_at_max_in_flight_calls_are_served_and_shed(autojump_clock):
    config = ShadowConfig(max_in_flight=3, shadow_timeout=5)
    async with Shadower(quick, ScriptedBackend(Hang()), config) as shadower:
        for i in range(10):
            outcome = await shadower.call(b"k")
            assert outcome.primary == b"k"
            assert outcome.verdict is (None if i < 3 else Verdict.SHED)
        assert trio.current_time() == 0
        assert counts(shadower) == {"in_flight": 3, "shed": 7}
        assert shadower.statistics().shed_by_cause == {"in_flight": 7, "records_waiting": 0, "bytes": 0, "stack": 0}
        await shadower.wait_idle()
        assert (await shadower.call(b"k")).verdict is None  # there is room again


async def test_a_primary_that_never_checkpoints_gives_its_legs_no_turn(autojump_clock):
    async with Shadower(quick, quick, ShadowConfig(max_in_flight=5)) as shadower:
        for _ in range(8):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 5, "shed": 3}


async def test_room_is_reserved_for_the_record_too(autojump_clock):
    stuck = trio.Event()

    async def lossless(record):
        await stuck.wait()

    config = ShadowConfig(max_in_flight=4)
    sinks = [Sink(lossless, name="archive", lossless=True)]
    async with Shadower(quick, other(), config, sinks=sinks) as shadower:
        for _ in range(20):
            await shadower.call(b"k")
            await trio.testing.wait_all_tasks_blocked()
            statistics = shadower.statistics()
            assert statistics.in_flight + statistics.records_waiting <= 4
        assert counts(shadower) == {"diverged": 4, "shed": 16}
        assert statistics.records_waiting == 4
        assert statistics.shed_by_cause == {"in_flight": 0, "records_waiting": 16, "bytes": 0, "stack": 0}
        assert shadower.divergence_count == 4  # the log is not behind
        stuck.set()
        await shadower.wait_idle()
        assert shadower.statistics().records_waiting == 0
        assert (await shadower.call(b"k")).verdict is None
    assert shadower.statistics().records_dropped["archive"] == 0


async def test_a_lossy_sink_that_falls_behind_loses_records_and_the_others_do_not(autojump_clock, caplog):
    stuck = trio.Event()
    taken = []
    whole = []

    async def slow(record):
        await stuck.wait()
        taken.append(record)

    sinks = [Sink(slow, max_buffer_size=2), whole.append]
    async with Shadower(quick, other(), sinks=sinks) as shadower:
        for _ in range(10):
            await shadower.call(b"k")
            await trio.testing.wait_all_tasks_blocked()
        assert len(whole) == 10
        stuck.set()
        await shadower.wait_idle()
        # One in its hands, two in its buffer, the rest lost.
        assert len(taken) == 3
        assert shadower.statistics().records_dropped[sinks[0].name] == 7  # type: ignore[union-attr]
        assert counts(shadower) == {"diverged": 10}
    assert [record.getMessage() for record in caplog.records] == [
        f"sink {sinks[0].name!r} falls behind: records are dropped"  # type: ignore[union-attr]
    ]


async def test_records_do_not_take_the_room_while_the_consumer_can_keep_up(autojump_clock):
    async def primary(request):
        await trio.lowlevel.checkpoint()
        return request

    async with Shadower(primary, other(), ShadowConfig(max_in_flight=256)) as shadower:

        async def caller():
            for _ in range(50):
                await (await shadower.call(b"k")).wait_settled()

        async with trio.open_nursery() as nursery:
            for _ in range(40):
                nursery.start_soon(caller)
        await shadower.wait_idle()
        assert counts(shadower) == {"diverged": 2000}


async def test_reconfiguring_the_limit_holds_from_the_next_call_on(autojump_clock):
    async with Shadower(quick, ScriptedBackend(Hang()), ShadowConfig(max_in_flight=2)) as shadower:
        for limit, in_flight in ((2, 2), (5, 5), (1, 5)):
            shadower.reconfigure(ShadowConfig(max_in_flight=limit))
            for _ in range(7):
                await shadower.call(b"k")
            assert shadower.statistics().in_flight == in_flight


# ── the log ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_log_keeps_the_last_and_counts_the_rest(autojump_clock):
    shadow = ScriptedBackend(Answer(lambda request: request + b"!"))
    log = DivergenceLog(3)
    async with Shadower(quick, shadow, log=log) as shadower:
        for i in range(5):
            await shadower.call(b"%d" % i)
            await shadower.wait_idle()
        assert [record.key for record in shadower.divergences()] == [b"2", b"3", b"4"]
        assert log.snapshot() == shadower.divergences()
        assert shadower.divergence_count == 3
        assert shadower.statistics().diverged == 5
        assert shadower.statistics().records_dropped["log"] == 2


async def test_a_burst_of_failures_does_not_push_the_divergences_out(autojump_clock):
    shadow = ScriptedBackend(Answer(b"other"), *[Fail(ValueError)] * 200, repeat=False)
    async with Shadower(quick, shadow) as shadower:
        for _ in range(201):
            await shadower.call(b"k")
            await shadower.wait_idle()
        assert len(shadower.divergences()) == 1
        assert len(shadower.failures()) == 128
        assert shadower.statistics().records_dropped == {"log": 0, "failures": 72}


async def test_an_empty_log_that_was_given_is_used(autojump_clock):
    log = DivergenceLog(0)
    async with Shadower(quick, other(), log=log) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert shadower.divergences() == []
        assert shadower.statistics().records_dropped["log"] == 1


async def test_a_log_that_raises_hurts_nobody(autojump_clock, caplog):
    class Broken(DivergenceLog):
        def push(self, record):
            raise SystemExit

    written = []
    async with Shadower(quick, other(), log=Broken(), sinks=[written.append]) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert len(written) == 1
        assert shadower.statistics().records_dropped["log"] == 1
    assert "the log failed: SystemExit" in caplog.text


async def test_a_keyboard_interrupt_in_the_log_passes(autojump_clock):
    class Broken(DivergenceLog):
        def push(self, record):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        async with Shadower(quick, other(), log=Broken()) as shadower:
            await shadower.call(b"k")
            await trio.sleep_forever()


# ── subscribers ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_subscriber_gets_the_records_from_then_on_and_the_channel_ends_at_the_exit(autojump_clock):
    got = []

    async def read(channel):
        async with channel:
            got.extend([record.key async for record in channel])

    async with trio.open_nursery() as nursery:
        shadow = ScriptedBackend(Answer(b"other"), Fail(ValueError))
        async with Shadower(quick, shadow) as shadower:
            await shadower.call(b"before")
            await shadower.wait_idle()
            nursery.start_soon(read, shadower.subscribe())
            for key in (b"1", b"2", b"3"):
                await shadower.call(key)
                await shadower.wait_idle()
    assert got == [b"1", b"2", b"3"]


async def test_a_subscriber_that_falls_behind_loses_records_and_the_others_do_not(autojump_clock):
    async with Shadower(quick, other()) as shadower:
        full = shadower.subscribe(max_buffer_size=2, name="slow")
        large = shadower.subscribe(max_buffer_size=50)
        for _ in range(5):
            await shadower.call(b"k")
            await shadower.wait_idle()
        assert full.statistics().current_buffer_used == 2
        assert large.statistics().current_buffer_used == 5
        assert shadower.statistics().records_dropped == {"log": 0, "failures": 0, "slow": 3}


async def test_a_closed_subscriber_is_forgotten(autojump_clock):
    async with Shadower(quick, other()) as shadower:
        before = len(alive(trio.MemorySendChannel))
        for _ in range(50):
            shadower.subscribe().close()
        assert len(alive(trio.MemorySendChannel)) <= before + 1
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert len(alive(trio.MemorySendChannel)) == before
        assert shadower.statistics().records_dropped == {"log": 0, "failures": 0}


async def test_a_subscription_before_the_entry_and_one_after_the_exit(autojump_clock):
    shadower = Shadower(quick, other())
    early = shadower.subscribe()
    async with shadower:
        await shadower.call(b"k")
    assert [record.key async for record in early] == [b"k"]
    late = shadower.subscribe()
    assert [record async for record in late] == []
    assert trio.current_time() == 0


@pytest.mark.parametrize("max_buffer_size", [0, -1])
async def test_a_subscribers_buffer_is_a_positive_count(autojump_clock, max_buffer_size):
    with pytest.raises(ValueError, match=r"max_buffer_size must be a count in \[1, inf\), not "):
        Shadower(quick, quick).subscribe(max_buffer_size)


# ── sinks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Writer:
    def __init__(self, *, fail=None, close=None):
        self.written = []
        self.closed = 0
        self.fail = fail
        self.close = close

    async def write(self, record):
        await trio.lowlevel.checkpoint()
        if self.fail is not None:
            raise self.fail
        self.written.append(record)

    async def aclose(self):
        await trio.lowlevel.checkpoint()
        self.closed += 1
        if self.close is not None:
            raise self.close


async def test_sinks_are_functions_async_or_not_or_writers(autojump_clock):
    writer, plain, asynchronous = Writer(), [], []

    async def async_function(record):
        asynchronous.append(record)

    async with Shadower(quick, other(), sinks=[writer, plain.append, async_function]) as shadower:
        for i in range(3):
            await shadower.call(b"%d" % i)
            await shadower.wait_idle()
        assert writer.closed == 0
    assert writer.written == plain == asynchronous == shadower.divergences()
    assert [record.key for record in plain] == [b"0", b"1", b"2"]
    assert writer.closed == 1


@pytest.mark.parametrize(
    "exception", [ValueError("secret"), SystemExit("secret"), ExceptionGroup("secret", [OSError()])]
)
async def test_a_sink_that_raises_loses_that_record_and_is_tried_again(autojump_clock, exception, caplog):
    writer = Writer(fail=exception, close=exception)
    async with Shadower(quick, other(), sinks=[Sink(writer, name="disk")]) as shadower:
        for _ in range(3):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert shadower.statistics().records_dropped["disk"] == 3
        writer.fail = None
        await shadower.call(b"k")
    assert len(writer.written) == 1
    assert writer.closed == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"sink 'disk' failed: {type(exception).__name__}",
        f"sink 'disk' failed to close: {type(exception).__name__}",
    ]


async def test_a_sink_that_calls_the_shadower_does_not_feed_itself(autojump_clock):
    seen = []

    async def sink(record):
        seen.append(in_shadow())
        assert (await shadower.call(b"stored")).verdict is Verdict.HELD_BACK

    async with Shadower(quick, other(), sinks=[sink]) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"diverged": 1, "held_back": 1}
    assert seen == [False]  # its writes are meant


async def test_a_stray_cancelled_out_of_a_sink_is_its_own_failure(autojump_clock):
    async with trio.open_nursery() as nursery:
        old = []

        async def get_cancelled():
            try:
                await trio.sleep_forever()
            except trio.Cancelled as exc:
                old.append(exc)
                raise

        nursery.start_soon(get_cancelled)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    writer = Writer(fail=old[0])
    async with Shadower(quick, other(), sinks=[Sink(writer, name="disk")]) as shadower:
        for _ in range(3):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert shadower.statistics().records_dropped["disk"] == 3


@pytest.mark.parametrize("lossless", [False, True])
async def test_a_sink_that_corrupts_its_task_dies_alone(autojump_clock, lossless, caplog):
    written = []

    async def corrupt(record):
        await trio.open_nursery().__aenter__()
        raise SystemExit

    class Corrupt:
        write = staticmethod(corrupt)

        async def aclose(self):
            raise KeyError

    sinks = [Sink(Corrupt(), name="corrupt", lossless=lossless), written.append]
    async with Shadower(quick, other(), sinks=sinks) as shadower:
        for _ in range(3):
            await shadower.call(b"k")
            await shadower.wait_idle()
    assert len(written) == 3
    assert shadower.statistics().records_dropped["corrupt"] == 3
    assert "sink 'corrupt' died: ExceptionGroup" in caplog.text


async def test_a_sink_that_dies_while_it_runs_drops_what_it_had_and_holds_up_no_call(autojump_clock):
    async def corrupt(record):
        await trio.open_nursery().__aenter__()
        await trio.sleep(1)

    async def dies(record):
        task = trio.lowlevel.current_task()
        assert task.parent_nursery is not None
        task.parent_nursery.cancel_scope.cancel()
        await trio.sleep(1)

    for target in (corrupt, dies):
        sinks = [Sink(target, name="corrupt", lossless=True)]
        async with Shadower(quick, other(), ShadowConfig(max_in_flight=3), sinks=sinks) as shadower:
            for _ in range(9):
                await shadower.call(b"k")
                await trio.testing.wait_all_tasks_blocked()
            await trio.sleep(10)
            assert (await shadower.call(b"k")).verdict is None
        assert sum(counts(shadower).values()) == 10


@pytest.mark.parametrize("where", ["fail", "close"])
async def test_a_keyboard_interrupt_out_of_a_sink_passes(autojump_clock, where):
    with pytest.raises(KeyboardInterrupt):
        async with Shadower(quick, other(), sinks=[Writer(**{where: KeyboardInterrupt()})]) as shadower:
            await shadower.call(b"k")
            if where == "fail":
                await trio.sleep_forever()


async def test_a_sink_that_cannot_keep_up_at_the_exit_is_cut_off_and_counted(autojump_clock):
    class Slow(Writer):
        async def write(self, record):
            await trio.sleep(1)
            await super().write(record)

        async def aclose(self):
            self.closed += 1
            await trio.sleep_forever()

    slow = Slow()
    async with Shadower(quick, other(), ShadowConfig(drain_timeout=3.5), sinks=[Sink(slow, name="slow")]) as shadower:
        for _ in range(10):
            await shadower.call(b"k")
        await trio.testing.wait_all_tasks_blocked()
    assert trio.current_time() == 3.5
    assert len(slow.written) == 3
    assert shadower.statistics().records_dropped["slow"] == 7
    assert slow.closed == 1


async def test_a_sink_that_refuses_to_be_cancelled_holds_up_the_exit_and_a_warning_says_so(autojump_clock, caplog):
    async def refuses(record):
        with trio.CancelScope(shield=True):
            await trio.sleep(20)

    async with Shadower(quick, other(), ShadowConfig(drain_timeout=2), sinks=[Sink(refuses, name="stuck")]) as shadower:
        await shadower.call(b"k")
    assert trio.current_time() == 20
    assert "the exit waits for sinks that refuse to be cancelled: stuck" in caplog.text


async def test_a_sink_is_validated(autojump_clock):
    with pytest.raises(TypeError, match="target must be a function of one record, or an object with `write`, not int"):
        Shadower(quick, quick, sinks=[3])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="max_buffer_size must be an int, not float"):
        Sink(print, max_buffer_size=math.inf)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"max_buffer_size must be a count in \[1, inf\), not 0"):
        Sink(print, max_buffer_size=0)
    assert Sink(print).name == "print"
    assert Sink(Writer()).name == "Writer"
