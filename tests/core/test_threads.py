"""Calls from other threads: which are mirrored, in what context, and that each of them is counted. Real threads."""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import gc
import os
import subprocess
import sys
import threading
import types

import anyio
import pytest
import trio
import trio.testing

from trioshadow import ShadowConfig, Shadower, Verdict, in_shadow, mirrored
from trioshadow._accounts import forks
from trioshadow._accounts.forks import Lock
from trioshadow._accounts.ledger import EPOCHS, Ledger
from trioshadow._service import run
from trioshadow._service.post import Post
from trioshadow.evidence import Epoch, Evidence
from trioshadow.guard import Breaker
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import assert_accounts, counts
from tests.support.portable import TOO_LONG

ANY = ShadowConfig(threads=True)


async def echo(request):
    await trio.lowlevel.checkpoint()
    return request


def in_a_thread(function, *args):
    """In one without a context, and wait for it: its answer, or what it raises."""
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        return executor.submit(function, *args).result(timeout=20)


def call(shadower, request=b"k", answer=b"k", **options):
    return shadower.start(request, **options).primary_done(answer)


RUNNERS = {"trio": trio.to_thread.run_sync, "anyio": anyio.to_thread.run_sync}


@pytest.mark.parametrize("run_sync", RUNNERS.values(), ids=RUNNERS)
async def test_a_call_from_a_worker_thread_is_mirrored(run_sync):
    async with Shadower(echo, echo) as shadower:
        outcome = await run_sync(call, shadower)
        assert outcome.primary == b"k"
        await outcome.wait_settled()
        assert outcome.verdict is Verdict.MATCHED
        outcome = await run_sync(call, shadower, b"k", b"another")
        assert (await outcome.wait_settled()).divergence is not None
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1, "diverged": 1}


async def test_a_call_from_a_thread_without_context_is_closed_unless_any_thread_may():
    for config, verdict in ((ShadowConfig(), "closed"), (ANY, "matched")):
        async with Shadower(echo, echo, config) as shadower:
            await trio.to_thread.run_sync(in_a_thread, call, shadower)
            await shadower.wait_idle()
            assert counts(shadower) == {verdict: 1}


async def test_what_a_shadow_hands_to_an_executor_is_not_mirrored_again():
    """An executor has no context, so that the call does not know that it is a shadow's."""

    def new(x):
        return in_a_thread(old, x)

    @mirrored(new)
    def old(x):
        return x

    async with old.mirroring() as shadower:
        old(1)
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1, "closed": 1}


async def test_what_a_shadow_does_in_a_worker_thread_is_held_back():
    async def shadow(request):
        return (await trio.to_thread.run_sync(call, shadower)).primary

    async with Shadower(echo, shadow, ANY) as shadower:
        await trio.to_thread.run_sync(call, shadower)
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1, "held_back": 1}


async def test_where_there_is_no_interpreter_lock_calls_from_other_threads_are_closed(monkeypatch, caplog):
    monkeypatch.setattr("trioshadow._service.door.has_interpreter_lock", lambda: False)
    async with Shadower(echo, echo, ANY) as shadower:
        await trio.to_thread.run_sync(call, shadower)
        await trio.to_thread.run_sync(call, shadower)
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1, "closed": 2}
    assert [record.message for record in caplog.records if "no interpreter lock" in record.message].__len__() == 1


async def test_a_thread_whose_task_was_cancelled_still_carries_its_context():
    entered, gone_on = trio.Event(), threading.Event()
    done = threading.Event()

    def late():
        trio.from_thread.run_sync(entered.set)
        assert gone_on.wait(20)
        call(shadower)
        done.set()

    async with Shadower(echo, echo) as shadower:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: trio.to_thread.run_sync(late, abandon_on_cancel=True))
            await entered.wait()
            nursery.cancel_scope.cancel()
        gone_on.set()
        assert await trio.to_thread.run_sync(done.wait, 20)
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}


# ── what the shadow has ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_shadow_has_the_callers_context_and_runs_on_the_loop():
    variable = contextvars.ContextVar("variable", default="unset")
    seen = []

    async def shadow(request):
        seen.append((variable.get(), threading.get_ident(), in_shadow(), trio.lowlevel.current_task().name))
        variable.set("the shadow's")
        return request

    def in_thread(value):
        variable.set(value)
        call(shadower)
        return variable.get()

    async with Shadower(echo, shadow) as shadower:
        for value in "ab":  # the second time a host is waiting
            assert await trio.to_thread.run_sync(in_thread, value) == value
            await shadower.wait_idle()
    assert [one[:3] for one in seen] == [(value, threading.get_ident(), True) for value in "ab"]


async def test_what_is_compared_is_fixed_in_the_callers_thread_before_it_has_the_answer():
    threads = []

    def view(answer):
        threads.append(threading.get_ident())
        return list(answer)

    def in_thread():
        answer = [1, 2]
        leg = shadower.start(b"k")
        leg.primary_done(answer)
        answer.append(3)  # it is the caller's
        return threading.get_ident()

    config = ShadowConfig(view=(view, None))
    async with Shadower(echo, ScriptedBackend(Answer([1, 2])), config) as shadower:
        thread = await trio.to_thread.run_sync(in_thread)
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}
    assert threads == [thread]


async def test_the_caller_does_not_wait_for_the_loop():
    """The loop is blocked, and stays so until the call is over."""
    is_over = threading.Event()

    def in_thread():
        for _ in range(20):
            call(shadower)
        is_over.set()

    async with Shadower(echo, echo, ANY) as shadower:
        thread = threading.Thread(target=in_thread)
        thread.start()
        assert is_over.wait(20)  # this blocks the loop
        assert counts(shadower) == {"in_flight": 20}
        thread.join()
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 20}


async def test_a_primary_that_raises_in_a_thread_is_compared():
    def in_thread(exc):
        shadower.start(b"k").primary_raised(exc)

    async def shadow(request):
        raise KeyError(request)

    async with Shadower(echo, shadow) as shadower:
        for exc in (KeyError("x"), ValueError("x")):
            await trio.to_thread.run_sync(in_thread, exc)
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1, "diverged": 1}


async def test_a_copy_that_fails_in_a_thread_is_the_failure_of_its_leg():
    def copy(request):
        raise ValueError("no copy")

    async with Shadower(echo, echo, ShadowConfig(copy_request=copy)) as shadower:
        outcome = await trio.to_thread.run_sync(call, shadower, [1], [1])
        await outcome.wait_settled()
        assert outcome.shadow_failed.message == "copy_request: no copy"


async def test_calls_from_threads_have_a_secondary_too():
    config = ShadowConfig(noise_rate=1)
    async with Shadower(echo, echo, config, secondary=echo) as shadower:
        await trio.to_thread.run_sync(call, shadower)
        await shadower.wait_idle()
        assert shadower.statistics().secondary.matched == 1


# ── legs that move between threads ──────────────────────────────────────────────────────────────────────────────────

ENDINGS = {
    "primary_done": (lambda leg: leg.primary_done(b"k"), "matched"),
    "primary_raised": (lambda leg: leg.primary_raised(ValueError()), "diverged"),
    "abandon": (lambda leg: leg.abandon(), "abandoned"),
    "exit": (lambda leg: leg.__exit__(None, None, None), "abandoned"),
}


@pytest.mark.parametrize(("end", "verdict"), ENDINGS.values(), ids=ENDINGS)
async def test_a_leg_is_ended_in_any_thread(end, verdict):
    async with Shadower(echo, echo, ANY) as shadower:
        leg = shadower.start(b"k")
        in_a_thread(end, leg)  # the loop is blocked meanwhile
        other = in_a_thread(shadower.start, b"k")
        end(other)
        await shadower.wait_idle()
        assert counts(shadower) == {verdict: 2}


async def test_of_two_threads_that_end_a_leg_the_first_wins():
    won, lost = [], []
    async with Shadower(echo, echo, ANY) as shadower:
        for _ in range(50):
            leg = shadower.start(b"k")
            start = threading.Barrier(4)

            def end(leg=leg, start=start):
                start.wait()
                try:
                    won.append(leg.primary_done(b"k"))
                except RuntimeError as exc:
                    lost.append(str(exc))

            threads = [threading.Thread(target=end) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 50}
    assert (len(won), len(lost)) == (50, 150)
    assert set(lost) == {"this leg has ended: call one of primary_done, primary_raised and abandon, once"}


async def test_a_leg_is_named_in_any_thread():
    async with Shadower(echo, echo, ANY) as shadower:
        leg = shadower.start(b"k")
        in_a_thread(leg.name_operation, "named")
        leg.primary_done(b"k")
        idle = in_a_thread(lambda: shadower.start(b"k", operation="old"))
        idle.name_operation("new")
        idle.abandon()
        await shadower.wait_idle()
        operations = shadower.snapshot()["operations"]
        assert sum(operations["named"]["counts"].values()) == 1
        assert sum(operations["new"]["counts"].values()) == 1


async def test_a_leg_that_nobody_can_end_any_more_is_abandoned():
    async with Shadower(echo, ScriptedBackend(Hang()), ANY) as shadower:
        shadower.start(b"k")  # dropped at once
        in_a_thread(lambda: shadower.start(b"k") and None)
        cycle = [shadower.start(b"k")]
        cycle.append(cycle)
        del cycle
        in_a_thread(gc.collect)
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 3}


# ── limits ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_threads_share_the_room_for_legs_and_no_count_is_lost():
    config = ShadowConfig(max_in_flight=5, threads=True, drain_timeout=0)
    async with Shadower(echo, ScriptedBackend(Hang()), config) as shadower:

        def many(number):
            for each in range(200):
                call(shadower, b"%d" % each, operation=f"operation {each % 7} {number}")

        threads = [threading.Thread(target=many, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        await trio.to_thread.run_sync(lambda: [thread.join() for thread in threads])
        statistics = shadower.statistics()
        assert (statistics.calls, statistics.in_flight, statistics.shed) == (1200, 5, 1195)
        assert_accounts(statistics)


@pytest.fixture
def switching():
    """Threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("probes", [1, 3])
def test_a_half_open_breaker_lets_so_many_through_to_all_threads_together(switching, probes):
    for _ in range(200):
        breaker = Breaker(failures=1, cool_down=1, probes=probes)
        breaker.trip("test", 0)
        start, permits = threading.Barrier(4), []

        def one(breaker=breaker, start=start, permits=permits):
            start.wait()
            permits.append(breaker.admit(10))

        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert permits.count(None) == 4 - probes


async def test_the_breaker_is_asked_in_the_callers_thread_and_gets_its_permits_back():
    breaker = Breaker(failures=1, probes=1, cool_down=1e9)
    async with Shadower(echo, ScriptedBackend(Fail(ValueError)), ANY, breaker=breaker) as shadower:
        await trio.to_thread.run_sync(call, shadower)
        await shadower.wait_idle()
        await trio.to_thread.run_sync(call, shadower)
        assert counts(shadower) == {"failed": 1, "paused": 1}


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_calls_while_the_shadower_is_left_are_counted_once_each():
    served = 0

    def many():
        nonlocal served
        while not stop:
            call(shadower)
            served += 1

    stop = False
    shadower = Shadower(echo, echo, ShadowConfig(threads=True, drain_timeout=0.01))
    thread = threading.Thread(target=many)
    async with shadower:
        thread.start()
        while shadower.statistics().matched < 10:
            await trio.sleep(0.001)
    before = served
    while served < before + 10:
        await trio.sleep(0.001)
    stop = True
    await trio.to_thread.run_sync(thread.join)
    statistics = shadower.statistics()
    assert statistics.calls == served
    assert statistics.in_flight == 0
    assert statistics.closed >= 10
    assert_accounts(statistics)


#: Trio gives up, and nobody could close the door. In a process of its own, which is full of complaints in the end.
GONE = """
import threading
import trio
from trioshadow import ShadowConfig, Shadower

async def echo(request):
    return request

async def crash():
    raise ValueError("a bug of somebody's")

async def main():
    await shadower.__aenter__()
    trio.lowlevel.spawn_system_task(crash)
    await trio.sleep_forever()

def call():
    print(shadower.start(b"k").primary_done(b"k").verdict)

shadower = Shadower(echo, echo, ShadowConfig(threads=True))
try:
    trio.run(main)
except trio.TrioInternalError:
    for _ in range(2):
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    print(shadower.statistics().closed, shadower.statistics().in_flight)
"""


def test_a_call_that_comes_when_the_run_is_gone_is_closed():
    done = subprocess.run([sys.executable, "-c", GONE], capture_output=True, timeout=TOO_LONG, check=True)
    assert done.stdout.decode().split() == ["Verdict.CLOSED", "Verdict.CLOSED", "2", "0"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
async def test_a_forked_child_has_no_loop_and_serves_the_primary():
    async with Shadower(echo, echo, ANY) as shadower:
        read, write = os.pipe()
        pid = os.fork()
        if not pid:  # pragma: no cover - in the child
            try:
                outcome = in_a_thread(call, shadower)
                here = call(shadower)
                os.write(write, b"%d %d" % (outcome.verdict is Verdict.CLOSED, here.verdict is Verdict.CLOSED))
            finally:
                os._exit(0)
        os.close(write)
        await trio.to_thread.run_sync(os.waitpid, pid, 0)
        assert os.read(read, 100) == b"1 1"
        os.close(read)
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}


async def test_what_a_posted_job_raises_stays_here(caplog):
    """A watcher of the user's that raises when the leg of a thread is settled, say."""
    async with Shadower(echo, echo) as shadower:
        post = shadower._service._desk.post
        done = trio.Event()
        in_a_thread(post.put, lambda: 1 / 0)
        in_a_thread(post.put, done.set)
        await done.wait()
    assert "what came from another thread raised ZeroDivisionError" in caplog.text


class NoStack:
    """A TrioToken in a finaliser that runs where a candidate has used up the stack."""

    def __init__(self, token, times):
        self.token, self.times = token, times

    def run_sync_soon(self, function):
        self.times -= 1
        if self.times >= 0:
            raise RecursionError
        self.token.run_sync_soon(function)


async def test_what_could_not_wake_the_loop_is_done_with_what_comes_next(autojump_clock):
    async with Shadower(echo, echo, ANY) as shadower:
        shadower._post._token = NoStack(shadower._post._token, 1)
        legs = [in_a_thread(shadower.start, b"k") for _ in range(2)]
        await trio.testing.wait_all_tasks_blocked()
        for leg in legs:
            leg.primary_done(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 2}


@pytest.mark.parametrize("in_order", [True, False])
async def test_what_could_not_wake_the_loop_is_done_at_the_exit(in_order, autojump_clock):
    with contextlib.suppress(KeyError):
        async with Shadower(echo, echo, ANY) as shadower:
            shadower._post._token = NoStack(shadower._post._token, 99)
            leg = in_a_thread(shadower.start, b"k")
            in_a_thread(leg.primary_done, b"k")
            await trio.testing.wait_all_tasks_blocked()
            assert counts(shadower) == {"in_flight": 1}
            if not in_order:
                raise KeyError
    assert counts(shadower) == ({"matched": 1} if in_order else {"abandoned": 1})


def test_a_keyboard_interrupt_in_a_posted_job_ends_the_run():
    def interrupted():
        raise KeyboardInterrupt

    async def main():
        async with Shadower(echo, echo) as shadower:
            in_a_thread(shadower._service._desk.post.put, interrupted)
            await trio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)


async def test_a_call_of_another_run_in_another_thread_is_mirrored_where_any_thread_may():
    async def other_run():
        return [(await shadower.call(b"k")).primary for _ in range(20)]

    for config, verdict in ((ShadowConfig(), "closed"), (ANY, "matched")):
        async with Shadower(echo, echo, config) as shadower:
            thread = threading.Thread(target=trio.run, args=(other_run,))
            thread.start()
            await trio.to_thread.run_sync(thread.join)
            await shadower.wait_idle()
            assert counts(shadower) == {verdict: 20}


# ── what two threads do in one moment, step by step ─────────────────────────────────────────────────────────────────


async def test_a_leg_that_comes_when_the_nursery_is_closed_is_undone():
    config = ShadowConfig(threads=True, noise_rate=1)
    async with Shadower(echo, echo, config, secondary=echo, breaker=Breaker()) as shadower:
        pool = shadower._launcher._pool
        pool._open = False
        outcome = in_a_thread(call, shadower)
        await shadower.wait_idle()
        assert outcome.verdict is Verdict.CLOSED
        assert not outcome.mirrored
        assert counts(shadower) == {"closed": 1}
        assert_accounts(shadower.statistics())
        pool._open = True


async def test_in_a_forked_child_nothing_is_posted():
    post = Post()
    post.put(lambda: pytest.fail("it was done"))  # it was never opened
    post.open(lambda exc: None)
    post._forked()
    post.put(lambda: pytest.fail("it was done"))
    await trio.testing.wait_all_tasks_blocked()


def test_a_lock_that_was_renewed_while_it_was_held_is_given_back():
    lock = Lock()
    with lock:
        lock._renew()
    with lock, lock:  # the same thread may take it again
        pass


def test_what_several_threads_make_at_once_is_all_renewed(switching):
    start, made = threading.Barrier(8), []

    def make():
        start.wait()
        made.extend(Lock() for _ in range(50))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    before = [lock._lock for lock in made]
    forks._renew()
    assert not [lock for lock, old in zip(made, before, strict=True) if lock._lock is old]


def test_what_is_gone_is_forgotten():
    known = len(forks._renewed)
    lock = Lock()
    assert len(forks._renewed) == known + 1
    del lock
    assert len(forks._renewed) == known


async def test_a_failure_while_the_interpreter_ends_is_nobodys(monkeypatch):
    ended = types.SimpleNamespace(is_alive=lambda: False)
    monkeypatch.setattr(run, "threading", types.SimpleNamespace(main_thread=lambda: ended))
    async with Shadower(echo, ScriptedBackend(Fail(RuntimeError))) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 1}


def test_a_call_that_is_entered_when_its_evidence_is_closed_or_its_row_is_gone():
    ledger = Ledger(Epoch(), lambda: "series", lambda: 0.0)
    old = ledger.evidence
    ledger.begin_anew()
    old.closed = True
    ledger.count(old, "new", Verdict.CLOSED.slot)
    ledger.shed(0, old, "newer")
    assert ledger.admit(0, 1, old, "newest") is None
    evidence, row = ledger.admit(1, 1, old, "newest")
    assert evidence is ledger.evidence is not old
    assert row is evidence.operations["newest"]
    ledger._lose(old, "another", "breaker")
    assert sum(old.totals()) == 0
    assert sum(evidence.totals()) == 3
    assert evidence.operations["another"].lost["breaker"] == 1


def test_evidence_that_is_held_at_the_last_moment_is_kept():
    class Late(Evidence):
        @property
        def held(self):
            return self.closed  # a leg of another thread has come before that was said

    ledger = Ledger(Epoch(), lambda: "series", lambda: 0.0)
    ledger.evidence.__class__ = Late
    late = ledger.evidence
    for number in range(2 * EPOCHS):
        ledger.use(None, Epoch(str(number)))
    assert late in ledger.evidences()
    assert not late.closed


def test_a_row_that_is_gone_is_neither_folded_nor_renamed():
    evidence = Evidence(Epoch())
    evidence._fold_operation("gone")
    evidence.rename("gone", "b", 0)
    assert sum(evidence.totals()) == 0
