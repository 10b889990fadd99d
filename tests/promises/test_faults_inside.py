"""Faults inside the library itself: no memory, no stack, a clock that jumps. Trio layer, on a virtual clock.

User code that raises is in `test_nothing_leaks_in.py`, `core/test_views.py` and `core/test_held_back.py`. Here the
fault is put where no user code runs, at each place that a record, a comparison or a count passes. Whatever it is:
callers get the primary's very answer in the primary's time, each call is in one counter, each record is delivered or
counted as dropped, and the exit is bounded.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

import pytest
import trio

from trioshadow import Divergence, DivergenceLog, ResponseRecord, ShadowConfig, Shadower, Sink
from trioshadow._caller import mirrored_leg
from trioshadow._service import run, settling
from trioshadow.archive import JsonlSink, merge_archives
from trioshadow.compare._raised import ErrorReader
from trioshadow.evidence import Evidence, Operation
from trioshadow.guard import Breaker

from tests.support.accounts import assert_accounts, assert_lets_go, counts
from tests.support.archives import problems
from tests.support.portable import TOO_LONG

FAULTS = [MemoryError, RecursionError, OSError, AssertionError]
CALLS = 12


class Own(BaseException):
    pass


class Sometimes:
    """In place of a function: every other time it raises."""

    def __init__(self, function, fault):
        self.function = function
        self.fault = fault
        self.calls = 0

    def __get__(self, instance, owner):
        return lambda *args, **kwargs: self(instance, *args, **kwargs)

    def __call__(self, *args, **kwargs):
        self.calls += 1
        if self.calls % 2:
            return self.function(*args, **kwargs)
        raise self.fault


class Taken:
    """A sink that works."""

    def __init__(self):
        self.records = []

    async def write(self, record):
        self.records.append(record)


class Numbers:
    """A primary of 1 s whose answers are known by identity."""

    def __init__(self):
        self.answers = {}

    async def call(self, request):
        await trio.sleep(1)
        self.answers[request] = answer = ResponseRecord(b"%d" % request)
        return answer


async def candidate(request):
    await trio.sleep(0.5)
    match request % 3:
        case 0:
            return ResponseRecord(b"%d" % request)
        case 1:
            return ResponseRecord(b"another")
    raise ValueError("not ready")


async def _at_once(self, function, *arguments):
    await trio.lowlevel.checkpoint()
    function(*arguments)


async def under_fire(*, sinks=(), log=None, slo=None, config=None, comparer=None, secondary=False):
    """Call through a shadower while something is broken; everything that is promised is asserted here."""
    primary, taken = Numbers(), Taken()
    config = config or ShadowConfig(noise_rate=0.5, drain_timeout=2)
    shadower = Shadower(
        primary,
        candidate,
        config,
        log=log,
        sinks=[Sink(taken, name="taken"), *sinks],
        secondary=Numbers() if secondary else None,
        slo=slo,
        comparer=comparer,
        breaker=Breaker(failures=None, failure_rate=None),
    )
    served = []

    async def caller(number):
        await trio.sleep(number / 10)
        start = trio.current_time()
        outcome = await shadower.call(number, operation=f"operation {number % 4}")
        assert trio.current_time() - start == pytest.approx(1)
        assert outcome.primary is primary.answers[number]
        served.append(number)
        assert_accounts(shadower.statistics())

    async with shadower:
        subscription = shadower.subscribe(CALLS, name="subscriber")
        async with trio.open_nursery() as nursery:
            for number in range(CALLS):
                nursery.start_soon(caller, number)
        assert sorted(served) == list(range(CALLS))
        with trio.fail_after(TOO_LONG):
            await shadower.wait_idle()
        # The one that comes after is served as if nothing had been.
        await caller(CALLS)
        left_at = trio.current_time()
    assert trio.current_time() - left_at <= 2 * 2 + 1
    subscribed = [record async for record in subscription]
    statistics = shadower.statistics()
    assert_accounts(statistics)
    assert statistics.calls == CALLS + 1
    assert statistics.in_flight == statistics.in_flight_bytes == statistics.records_waiting == 0
    assert statistics.secondary.in_flight == 0
    recorded = statistics.diverged + statistics.failed + statistics.timed_out
    dropped = Counter(statistics.records_dropped)
    assert len(taken.records) + dropped["taken"] == recorded
    assert len(subscribed) + dropped["subscriber"] == recorded
    kept = len(shadower.divergences()) + len(shadower.failures())
    assert kept + dropped["log"] + dropped["failures"] == recorded
    return shadower


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("where", "what"),
    [
        (DivergenceLog, "push"),
        (Evidence, "observe"),
        (Operation, "observe"),
        (Divergence, "compare"),
        (run, "judge"),
        (settling, "fields_of"),
        (mirrored_leg, "fixed"),
        (ErrorReader, "read"),
    ],
    ids=lambda part: part if isinstance(part, str) else part.__name__.rpartition(".")[2],
)
@pytest.mark.parametrize("secondary", [False, True])
async def test_a_fault_at_each_place_costs_what_is_counted_and_nothing_else(
    autojump_clock, monkeypatch, fault, where, what, secondary
):
    broken = Sometimes(getattr(where, what), fault)
    monkeypatch.setattr(where, what, broken)
    assert_lets_go(await under_fire(secondary=secondary))
    assert broken.calls > 1


async def test_where_there_is_no_memory_to_hand_a_record_on_it_is_dropped_and_counted(autojump_clock, monkeypatch):
    broken = Sometimes(trio.MemorySendChannel.send_nowait, MemoryError)
    monkeypatch.setattr(trio.MemorySendChannel, "send_nowait", broken)
    shadower = await under_fire()
    assert shadower.statistics().records_dropped["taken"]
    assert shadower.statistics().records_dropped["subscriber"]


@pytest.mark.parametrize("fault", [*FAULTS, SystemExit, Own])
async def test_a_sink_and_a_tracker_that_break_at_every_step_cost_what_they_were_given(autojump_clock, fault):
    class Breaks:
        snapshot_every = 0.3

        async def write(self, record):
            await trio.sleep(0.1)
            raise fault

        async def snapshot(self, snapshots):
            raise fault

        async def aclose(self):
            raise fault

        def record(self, success):
            raise fault

    shadower = await under_fire(sinks=[Sink(Breaks(), name="breaks", lossless=True)], slo=Breaks())
    statistics = shadower.statistics()
    assert statistics.records_dropped["breaks"] == statistics.diverged + statistics.failed
    assert statistics.records_dropped["slo"] == statistics.mirrored


@pytest.mark.parametrize("fault", [*FAULTS, SystemExit, Own])
async def test_a_comparer_that_breaks_fails_the_comparison_and_nothing_else(autojump_clock, fault):
    class Breaks:
        async def compare(self, primary, shadow, config):
            raise fault

    shadower = await under_fire(comparer=Breaks(), config=ShadowConfig(large_body=1, drain_timeout=2))
    assert shadower.statistics().diverged == 0
    assert "compare_raised" in {record.failure.kind.value for record in shadower.failures()}


@pytest.mark.parametrize("fault", [*FAULTS, SystemExit, Own])
async def test_a_divergence_that_breaks_whoever_reads_it_is_entered_as_one(autojump_clock, fault):
    class Breaks:
        def __getattr__(self, name):
            raise fault

    config = ShadowConfig(compare=lambda _, __: Divergence(body=Breaks()), drain_timeout=2)
    shadower = await under_fire(config=config)
    differing = [score for score in shadower.scorecard().operations if score.fields]
    assert len(differing) == 4
    assert all("$" in {field.field for field in score.fields} for score in differing)


@pytest.mark.parametrize("where", ["the divergence", "the evidence"])
async def test_a_keyboard_interrupt_while_a_divergence_is_entered_passes_and_the_call_is_counted(
    autojump_clock, monkeypatch, where
):
    class Interrupts:
        def __getattr__(self, name):
            raise KeyboardInterrupt

    if where == "the evidence":
        monkeypatch.setattr(Evidence, "observe", lambda *_, **__: Interrupts().anything)
    differs = Divergence(body=Interrupts() if where == "the divergence" else None)
    shadower = Shadower(candidate, candidate, ShadowConfig(compare=lambda _, __: differs))
    with pytest.raises(KeyboardInterrupt):
        async with shadower:
            await shadower.call(0)
            await trio.sleep_forever()
    assert counts(shadower) == {"diverged": 1}


@pytest.mark.parametrize("jump", [-1e9, -7200.0, 7200.0, 1e9])
async def test_a_wall_clock_that_jumps_changes_no_verdict_no_wait_and_no_count(
    autojump_clock, monkeypatch, tmp_path, jump
):
    real, read = time.time, Counter()

    def jumping():
        read["times"] += 1
        return real() + (jump if read["times"] % 3 else 0)

    monkeypatch.setattr(time, "time", jumping)
    archive = JsonlSink(tmp_path / "a.jsonl", snapshot_every=0.5, max_segment_age=60.0)
    # Its thread takes no virtual time.
    monkeypatch.setattr(JsonlSink, "_in_thread", _at_once)
    shadower = await under_fire(sinks=[Sink(archive, name="archive", lossless=True)], secondary=True)
    assert read["times"] > CALLS
    statistics = shadower.statistics()
    assert statistics.records_dropped["archive"] == 0
    assert statistics.matched + statistics.diverged + statistics.failed == statistics.mirrored
    assert shadower.scorecard().explain()
    assert problems(tmp_path / "a.jsonl") == []
    assert sum(merge_archives(tmp_path / "a.jsonl").evidence().totals()) == statistics.calls


class Uncopyable:
    def __reduce_ex__(self, protocol):
        raise TypeError

    def __deepcopy__(self, memo):
        raise TypeError

    def __sampling_key__(self):
        return b"k"


class DeepBreaker(Breaker):
    """One that needs more room on the stack than all else."""

    def release(self, permit, verdict, now, /, frames=25):
        if frames:
            self.release(permit, verdict, now, frames - 1)
        else:
            super().release(permit, verdict, now)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("breaker", [None, DeepBreaker(failures=None, failure_rate=None)])
async def test_a_request_that_can_not_be_copied_is_counted_once_however_deep_its_caller_is(breaker):
    async def primary(request):
        pass

    async with Shadower(primary, primary, breaker=breaker) as shadower:

        def deep(frames):
            if frames:
                deep(frames - 1)
                return
            call = shadower.call(Uncopyable())
            try:
                call.send(None)
            except StopIteration:
                return
            finally:
                call.close()

        for frames in range(sys.getrecursionlimit() - 200, sys.getrecursionlimit()):
            try:
                deep(frames)
            except RecursionError:
                continue
        await shadower.wait_idle()
        statistics = shadower.statistics()
        assert statistics.in_flight == 0
        assert statistics.mirrored == statistics.failed + statistics.abandoned
        with trio.fail_after(TOO_LONG):
            await shadower.wait_idle()
