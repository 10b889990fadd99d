"""One clock: both sides of a latency are timed where they run, and what a call waits for a place is told apart.

Trio's clock is virtual here and stands still unless a test moves it on; the clocks of threads and workers are made up,
so that each figure is exact. What the system decides (processes, the interpreter's real lock) is on the real ones.
"""

from __future__ import annotations

import contextlib
import functools
import math
import sys
import threading
import time

import pytest
import trio

from trioshadow import ShadowConfig, Shadower, Verdict, mirrored
from trioshadow._mirrored import calls
from trioshadow._service import timing
from trioshadow._service.timing import Timing, is_contended, is_drowned, is_unlike
from trioshadow.evidence import Decision, FieldState, Objective
from trioshadow.isolation import ProcessBackend, SyncBackend, ThreadBackend, _crossing, _in_worker, _sync

from tests.support.candidates import own_time
from tests.support.isolated import call_and_leave, factory_of, is_set
from tests.support.portable import TOO_LONG

INTERVAL = sys.getswitchinterval()


class Clocks:
    """In place of the module `time`, where functions are timed: it is as late as a test says."""

    def __init__(self):
        self.wall = 1_000.0
        self.cpu = 7.0

    def perf_counter(self):
        return self.wall

    def thread_time(self):
        return self.cpu

    def spend(self, seconds, cpu=0.0):
        self.wall += seconds
        self.cpu += cpu


@pytest.fixture
def clocks(monkeypatch):
    made_up = Clocks()
    for module in (_sync, _crossing, _in_worker, calls):
        monkeypatch.setattr(module, "time", made_up)
    monkeypatch.setattr(timing, "waits_of_thread", lambda: 0.0)
    monkeypatch.setattr(_sync, "waits_of_thread", lambda: 0.0)
    return made_up


async def one(request):
    await trio.lowlevel.checkpoint()
    return 1


def row_of(shadower, operation=""):
    return shadower._ledger.evidence.operations[operation]


def bin_of(seconds):
    """Of a histogram."""
    return int(8 * math.log2(seconds * 1e6))


def bins(histogram):
    return dict(histogram.bins())


def times(shadower):
    """Of each call that diverged: what either side took."""
    return [(record.primary_seconds, record.shadow_seconds) for record in shadower.divergences()]


# ── the shadow's side ─────────────────────────────────────────────────────────────────────────────────────────────────


class Queue:
    """A function of which the first call stays until it is released, and each spends two seconds, half of them CPU."""

    def __init__(self, clocks):
        self.clocks = clocks
        self.begun = threading.Event()
        self.release = threading.Event()

    def __call__(self, request):
        self.begun.set()
        assert self.release.wait(TOO_LONG)
        self.clocks.spend(2.0, cpu=1.0)
        return request


@pytest.mark.parametrize("as_mirrored", [False, True])
async def test_what_is_waited_for_a_place_is_no_time_of_the_function(mock_clock, clocks, as_mirrored):
    """One place, three calls at once: the second waits 5 s for it, and the third too, on Trio's clock."""
    new, config = Queue(clocks), ShadowConfig(shadow_timeout=1_000, drain_timeout=1_000)
    if as_mirrored:
        old = mirrored(new, config, max_workers=1)(lambda request: 1)
        entered, call = old.mirroring(), old
        operation = "<lambda>"
    else:
        entered, operation = Shadower(one, SyncBackend(new, max_workers=1), config), ""
    async with entered as shadower:
        for number in (b"1", b"2", b"3"):
            if as_mirrored:
                call(number)
            else:
                await shadower.call(number)
        await is_set(new.begun)
        mock_clock.jump(5)
        new.release.set()
        await shadower.wait_idle()
        assert [shadow for _, shadow in times(shadower)] == pytest.approx([2.0] * 3)
        row = row_of(shadower, operation)
        assert bins(row.shadow_seconds) == {bin_of(2): 3}
        assert bins(row.shadow_cpu_seconds) == {bin_of(1): 3}
        assert bins(row.queued_seconds) == {0: 1, bin_of(5): 2}
        latency = shadower.scorecard().operation(operation).latency
        assert latency.queued_p99 == pytest.approx(5, rel=0.05)
        assert latency.p99[1] == pytest.approx(2, rel=0.05)
        assert latency.cpu_p99[1] == latency.cpu_p50[1] == pytest.approx(1, rel=0.05)


async def test_what_its_caller_has_asked_before_is_no_part_of_a_run(mock_clock, clocks):
    """A run begins in a copy of the caller's context, which has what was told there."""

    def new(request):
        clocks.spend(2.0, cpu=1.0)
        return request

    backend = SyncBackend(new)
    async with Shadower(one, backend) as shadower:
        await backend.call(b"for the caller itself")
        await shadower.call(b"1")
        await shadower.wait_idle()
        assert times(shadower)[0][1] == pytest.approx(2)
        assert bins(row_of(shadower).shadow_cpu_seconds) == {bin_of(1): 1}


async def test_a_call_that_timed_out_has_the_time_it_was_given(mock_clock, clocks):
    new = Queue(clocks)
    backend = SyncBackend(new, max_workers=1)
    async with Shadower(one, backend, ShadowConfig(shadow_timeout=3, drain_timeout=1_000)) as shadower:
        await shadower.call(b"in the thread")
        await shadower.call(b"waits for a place")
        await is_set(new.begun)
        mock_clock.jump(3)
        await shadower.wait_idle()
        assert [(one.verdict, one.shadow_seconds) for one in shadower.failures()] == [(Verdict.TIMED_OUT, 3)] * 2
        row = row_of(shadower)
        assert bins(row.queued_seconds) == {0: 1, bin_of(3): 1}
        assert (bins(row.shadow_seconds), bins(row.shadow_cpu_seconds)) == ({bin_of(3): 2}, {})
        new.release.set()


async def test_what_a_candidate_does_around_its_backend_is_its_own_time(mock_clock, clocks):
    """It prepares the request for 3 s, and its thread works for 2: the 5 s in a queue are not its own."""
    new = Queue(clocks)
    backend = SyncBackend(new, max_workers=1)

    async def candidate(request):
        await trio.sleep(3)
        return await backend.call(request)

    async with Shadower(one, candidate, ShadowConfig(shadow_timeout=1_000, drain_timeout=1_000)) as shadower:
        await shadower.call(b"1")
        await shadower.call(b"2")
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(3)
        await is_set(new.begun)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(5)
        new.release.set()
        await shadower.wait_idle()
        assert [shadow for _, shadow in times(shadower)] == pytest.approx([5.0, 5.0])


async def test_a_candidate_that_gives_up_a_queue_has_not_worked_while_it_waited(mock_clock, clocks):
    new = Queue(clocks)
    backend = SyncBackend(new, max_workers=1)

    async def candidate(request):
        with trio.move_on_after(4):
            return await backend.call(request)
        await trio.sleep(1)
        return "a guess"

    async with Shadower(one, candidate, ShadowConfig(shadow_timeout=1_000, drain_timeout=1_000)) as shadower:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call_and_leave, backend, b"takes the place", new.begun)
        await shadower.call(b"1")
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(4)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(1)
        await shadower.wait_idle()
        assert times(shadower)[0][1] == pytest.approx(1)
        new.release.set()


async def test_calls_in_child_tasks_of_a_candidate_are_timed_from_outside(mock_clock, clocks):
    """They overlap, and what they wait for one another is the candidate's own doing."""
    new = Queue(clocks)
    backend = SyncBackend(new, max_workers=1)

    async def candidate(request):
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(backend.call, request)
        return request

    async with Shadower(one, candidate, ShadowConfig(shadow_timeout=1_000, drain_timeout=1_000)) as shadower:
        await shadower.call(b"1")
        await is_set(new.begun)
        mock_clock.jump(5)
        new.release.set()
        await shadower.wait_idle()
        assert [shadow for _, shadow in times(shadower)] == [5]
        assert bins(row_of(shadower).queued_seconds) == {}


async def test_a_backend_that_tells_nothing_is_timed_from_outside(autojump_clock):
    async def new(request):
        await trio.sleep(1.5)
        return request

    async with Shadower(one, new) as shadower:
        await shadower.call(b"1")
        await shadower.wait_idle()
        assert [shadow for _, shadow in times(shadower)] == [1.5]
        latency = shadower.scorecard().operation("").latency
        assert (latency.cpu_p50, latency.cpu_p99, latency.queued_p99, latency.judged) == (
            (None, None),
            (None, None),
            None,
            True,
        )


async def test_in_a_thread_s_loop_the_way_there_is_no_time_of_the_candidate(mock_clock, clocks):
    """The second call waits until the first, which blocks the loop, is done with its 2 s."""
    begun, release = threading.Event(), threading.Event()

    async def new(request):
        begun.set()
        assert release.wait(TOO_LONG)
        clocks.spend(2.0)
        return request

    config = ShadowConfig(shadow_timeout=1_000, drain_timeout=1_000)
    async with ThreadBackend(factory_of(new)) as backend, Shadower(one, backend, config) as shadower:
        await shadower.call(b"1")
        await is_set(begun)
        await shadower.call(b"2")
        await trio.testing.wait_all_tasks_blocked()
        clocks.spend(1.0)  # that pass before the first goes on
        release.set()
        await shadower.wait_idle()
        assert sorted(shadow for _, shadow in times(shadower)) == pytest.approx([2, 3])
        row = row_of(shadower)
        assert bins(row.shadow_cpu_seconds) == {}  # async: it has no CPU time of its own
        assert sorted(bins(row.queued_seconds)) == [0, bin_of(3)]
        assert row.contended == 1  # the one that began late


async def test_a_thread_backend_whose_candidate_asks_another_backend_has_the_inner_time(mock_clock, clocks):
    inner = SyncBackend(lambda request: clocks.spend(2.0, cpu=0.5))

    async def new(request):
        await inner.call(request)
        return request

    config = ShadowConfig(shadow_timeout=1_000, drain_timeout=1_000)
    async with ThreadBackend(factory_of(new)) as backend, Shadower(one, backend, config) as shadower:
        await shadower.call(b"1")
        await shadower.wait_idle()
        # The loop in the thread has a clock of its own, on which next to nothing has passed.
        assert times(shadower)[0][1] == pytest.approx(4, abs=2)
        assert bins(row_of(shadower).shadow_cpu_seconds) == {bin_of(0.5): 1}


async def test_a_call_that_left_a_thread_s_loop_early_has_waited_for_it(mock_clock, clocks):
    begun, release = threading.Event(), threading.Event()

    async def new(request):
        begun.set()
        assert release.wait(TOO_LONG)

    config = ShadowConfig(shadow_timeout=3, drain_timeout=1_000)
    async with ThreadBackend(factory_of(new)) as backend, Shadower(one, backend, config) as shadower:
        await shadower.call(b"1")
        await is_set(begun)
        await shadower.call(b"2")
        await trio.testing.wait_all_tasks_blocked()
        clocks.spend(3.0)
        mock_clock.jump(3)
        await shadower.wait_idle()
        assert [failure.shadow_seconds for failure in shadower.failures()] == [3, 3]
        assert sorted(bins(row_of(shadower).queued_seconds)) == [0, bin_of(3)]
        release.set()


async def test_in_a_process_the_worker_times_the_function():
    """Four calls at once and one worker: each is told as it timed itself, and none has the others' time in it."""
    async with (
        ProcessBackend(own_time, niceness=0) as backend,
        Shadower(one, backend, ShadowConfig(shadow_timeout=TOO_LONG)) as shadower,
    ):
        for number in range(4):
            await shadower.call(b"%d" % number)
        await shadower.wait_idle()
        for record in shadower.divergences():
            own = record.divergence.body.changes[0].shadow
            assert own <= record.shadow_seconds < own + 0.25  # on a busy machine; the last waited for 0.3
        row = row_of(shadower)
        assert row.shadow_cpu_seconds.total == row.queued_seconds.total == 4
        assert row.queued_seconds.quantile(1) > 0.28
        assert row.contended == 0


async def test_a_process_backend_that_is_left_while_a_call_waits_has_told_its_queue():
    async with ProcessBackend(own_time) as backend:
        before = timing.told_so_far()
        with trio.move_on_after(0):
            await backend.call(b"1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(backend.call, b"1")
            await trio.testing.wait_all_tasks_blocked()
            with trio.CancelScope() as scope:
                scope.cancel()
                with contextlib.suppress(trio.Cancelled):
                    await backend.call(b"2")
        assert timing.told_so_far().since(before).alone == 0


def test_a_worker_tells_wall_and_cpu_time_of_an_answer_and_of_an_error(clocks):
    def fine(request):
        clocks.spend(3.0, cpu=2.0)
        return request

    def broken(request):
        clocks.spend(5.0, cpu=4.0)
        raise ValueError

    assert _in_worker.call(fine, "request", shadow=True) == ("request", None, 3, 2)
    assert _in_worker.call(broken, "request", shadow=True)[2:] == (5, 4)


# ── the primary's side, and the secondary's ───────────────────────────────────────────────────────────────────────────


async def test_a_mirrored_sync_function_is_timed_around_itself(mock_clock, clocks):
    @mirrored(lambda request: clocks.spend(2.0, cpu=1.0))
    def old(request):
        clocks.spend(4.0, cpu=3.0)
        if request == "raise":
            raise ValueError("no")
        return 1

    async with old.mirroring() as shadower:
        old("answer")
        with pytest.raises(ValueError, match="no"):
            old("raise")
        await shadower.wait_idle()
        assert times(shadower) == [(4, 2), (4, 2)]
        row = row_of(shadower, "old")
        assert (bins(row.primary_cpu_seconds), bins(row.shadow_cpu_seconds)) == ({bin_of(3): 2}, {bin_of(1): 2})


async def test_a_function_that_gives_something_to_await_is_timed_as_async(autojump_clock):
    async def old(request):
        await trio.sleep(3)
        return 1

    async def new(request):
        return 2

    wrapped = mirrored(new)(functools.partial(old))
    async with wrapped.mirroring() as shadower:
        await wrapped("request")
        await shadower.wait_idle()
        assert times(shadower) == [(3, 0)]
        assert bins(row_of(shadower).primary_cpu_seconds) == {}


async def test_a_mirrored_async_function_is_timed_on_its_loop(autojump_clock):
    async def new(request):
        await trio.sleep(1)
        return 2

    @mirrored(new)
    async def old(request):
        await trio.sleep(3)
        return 1

    async with old.mirroring() as shadower:
        await old("request")
        await shadower.wait_idle()
        assert times(shadower) == [(3, 1)]
        assert shadower.scorecard().operation("old").latency.judged


async def test_a_primary_in_threads_is_timed_in_its_thread(mock_clock, clocks):
    old, config = Queue(clocks), ShadowConfig(shadow_timeout=1_000, drain_timeout=1_000)
    async with Shadower(SyncBackend(old, max_workers=1), one, config) as shadower:
        async with trio.open_nursery() as nursery:
            for number in (b"1", b"2"):
                nursery.start_soon(shadower.call, number)
            await is_set(old.begun)
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(5)
            old.release.set()
        await shadower.wait_idle()
        assert [primary for primary, _ in times(shadower)] == pytest.approx([2, 2])
        assert bins(row_of(shadower).primary_cpu_seconds) == {bin_of(1): 2}


async def test_a_leg_that_is_ended_in_another_task_is_timed_from_outside(mock_clock, clocks):
    """What was told in that task is of other calls."""
    backend = SyncBackend(Queue(clocks), max_workers=1)

    async def busy():
        with trio.move_on_after(50):
            await backend.call(b"of another")
        with trio.move_on_after(50):
            await backend.call(b"of another")
        leg = legs.pop()
        leg.primary_done(1)

    legs = []
    async with Shadower(one, SyncBackend(lambda request: 2)) as shadower:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(busy)
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(50)
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(48)
            legs.append(shadower.start(b"1"))
            mock_clock.jump(2)
        backend._function.release.set()
        await shadower.wait_idle()
        assert times(shadower)[0][0] == 2


async def test_a_secondary_in_threads_is_timed_there_too(mock_clock, clocks):
    @mirrored(lambda request: 1, ShadowConfig(noise_rate=1), secondary=lambda request: clocks.spend(2.0))
    def old(request):
        return 1

    async with old.mirroring() as shadower:
        old("request")
        await shadower.wait_idle()
        assert bins(row_of(shadower, "old").secondary_seconds) == {bin_of(2): 1}


async def test_a_pair_has_the_cpu_times_of_both_sides(mock_clock, clocks):
    @mirrored(lambda request: clocks.spend(2.0, cpu=2.0), ShadowConfig(noise_rate=1), secondary=lambda request: 1)
    def old(request):
        clocks.spend(1.0, cpu=1.0)
        return 1

    async with old.mirroring() as shadower:
        old("request")
        await shadower.wait_idle()
        row = row_of(shadower, "old")
        assert (row.primary_cpu_seconds.total, row.shadow_cpu_seconds.total, row.contended) == (1, 1, 1)


# ── the interpreter lock ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("figures", "drowned"),
    [
        ({"cpu": INTERVAL * 0.99}, False),
        ({"cpu": INTERVAL * 1.01}, True),
        # It began late, and has waited since: for the lock, if that can be a quarter of it.
        ({"cpu": 0.0, "waited": INTERVAL, "late": INTERVAL, "waits": 3}, True),
        ({"cpu": 0.0, "waited": 4 * INTERVAL, "late": INTERVAL, "waits": 1}, True),
        ({"cpu": 0.0, "waited": 5 * INTERVAL, "late": INTERVAL, "waits": 1}, False),
        # It never gave the lock up, so it has not waited for it.
        ({"cpu": 0.0, "waited": INTERVAL, "late": INTERVAL, "waits": 0}, False),
        # It began at once, or has hardly waited.
        ({"cpu": 0.0, "waited": INTERVAL, "late": INTERVAL / 6, "waits": 9}, False),
        ({"cpu": 0.0, "waited": INTERVAL / 6, "late": INTERVAL, "waits": 9}, False),
        # It is not known how often.
        ({"cpu": 0.0, "waited": 39 * INTERVAL, "late": INTERVAL}, True),
        ({"cpu": 0.0, "waited": 41 * INTERVAL, "late": INTERVAL}, False),
    ],
)
def test_a_call_is_drowned_where_the_lock_can_be_a_great_part_of_its_time(figures, drowned, monkeypatch):
    assert is_drowned(**figures) is drowned
    monkeypatch.setattr(timing, "has_interpreter_lock", lambda: False)
    assert not is_drowned(**figures)


def test_times_are_contended_where_the_other_side_is_in_a_thread_and_one_is_drowned():
    thread, drowned = Timing(alone=1, threaded=1), Timing(alone=1, threaded=1, drowned=1)
    inline, long_inline = Timing(alone=1), Timing(alone=1, drowned=1)
    process = Timing(alone=1)
    assert is_contended(inline, drowned)
    assert is_contended(long_inline, thread)
    assert is_contended(None, drowned)
    assert not is_contended(drowned, None)
    assert not is_contended(drowned, process)
    assert not is_contended(inline, thread)
    assert not is_contended(long_inline, process)
    assert not is_contended(long_inline, None)


def test_sides_are_unlike_where_only_the_primary_was_timed_alone():
    alone, on_a_loop = Timing(alone=1), Timing(threaded=1)
    assert is_unlike(alone, None)
    assert is_unlike(alone, on_a_loop)
    assert not is_unlike(alone, alone)
    assert not is_unlike(None, alone)
    assert not is_unlike(on_a_loop, None)
    assert not is_unlike(None, None)


def test_a_thread_s_waits_are_counted():
    before = timing.waits_of_thread()
    time.sleep(0.001)
    assert timing.waits_of_thread() > before


async def test_a_thread_that_began_late_and_waited_is_counted_contended(mock_clock, clocks, monkeypatch):
    """It had its place, and was not begun for 5 ms; then it waited three times, 9 ms in all."""
    waits = iter([2.0, 5.0])
    monkeypatch.setattr(_sync, "waits_of_thread", lambda: next(waits))
    acquire = trio.CapacityLimiter.acquire_on_behalf_of_nowait
    placed = Clocks.perf_counter

    def late(self):
        monkeypatch.setattr(Clocks, "perf_counter", placed)
        before = self.wall
        self.spend(0.005)
        return before

    def acquire_then_late(self, borrower):
        acquire(self, borrower)
        monkeypatch.setattr(Clocks, "perf_counter", late)

    monkeypatch.setattr(trio.CapacityLimiter, "acquire_on_behalf_of_nowait", acquire_then_late)
    async with Shadower(one, SyncBackend(lambda request: clocks.spend(0.009))) as shadower:
        await shadower.call(b"1")
        await shadower.wait_idle()
        assert row_of(shadower).contended == 1


# ── the verdict ───────────────────────────────────────────────────────────────────────────────────────────────────────

LAX = Objective(max_rate=0.05)
STRICT = Objective(max_rate=0.05, fast_enough=0)


async def judged(clocks, old_seconds, new_seconds, objective, calls=700, new=None):
    """The scorecard of a mirrored function, both sides of which compute for so long."""
    if new is None:

        def new(request):
            clocks.spend(new_seconds, cpu=new_seconds)

    @mirrored(new, objective=objective)
    def old(request):
        clocks.spend(old_seconds, cpu=old_seconds)

    async with old.mirroring() as shadower:
        for number in range(calls):
            old(number)
            await shadower.wait_idle()
        return shadower.scorecard()


async def test_the_same_function_on_both_sides_is_promoted(mock_clock, clocks):
    card = await judged(clocks, 0.001, 0.001, LAX)
    assert (card.decision, card.operation("old").latency.state) == (Decision.PROMOTE, FieldState.CLEAN)
    assert card.operation("old").latency.judged


async def test_a_function_that_takes_three_times_the_cpu_below_the_switch_interval_is_rejected(mock_clock, clocks):
    card = await judged(clocks, 0.001, 0.003, STRICT, calls=2_000)
    assert card.decision is Decision.REJECT
    assert card.operation("old").latency.state is FieldState.REGRESSED


async def test_beyond_the_switch_interval_latency_in_threads_is_not_judged_and_the_card_says_why(mock_clock, clocks):
    card = await judged(clocks, 0.006, 0.06, LAX)
    latency = card.operation("old").latency
    assert (card.decision, latency.judged, latency.state) == (Decision.PROMOTE, False, FieldState.CLEAN)
    (note,) = [note for note in card.notes if "not judged" in note]
    assert note == (
        "old: its latency is not judged: in threads, waiting for the interpreter drowns the rest (own CPU p99: the old "
        "one's 6.05 ms, the new one's 57.5 ms); a ProcessBackend does not wait for it"
    )
    assert "slower" not in card.reasons[0]
    assert "own CPU p99 6 ms old, 58 ms new; latency not judged" in " ".join(card.explain().split())


async def test_without_the_lock_it_is_judged(mock_clock, clocks, monkeypatch):
    monkeypatch.setattr(timing, "has_interpreter_lock", lambda: False)
    card = await judged(clocks, 0.006, 0.06, LAX, calls=2_000)
    assert card.decision is Decision.REJECT


async def test_an_async_candidate_of_a_sync_function_is_not_timed_alike(autojump_clock, clocks):
    async def new(request):
        await trio.sleep(1)

    card = await judged(clocks, 0.001, 0, LAX, new=new)
    latency = card.operation("old").latency
    assert (card.decision, latency.judged) == (Decision.PROMOTE, False)
    (note,) = [note for note in card.notes if "not judged" in note]
    assert note == (
        "old: its latency is not judged: the old one is a sync function and timed alone, the new one is async and "
        "takes turns with others on its loop"
    )
