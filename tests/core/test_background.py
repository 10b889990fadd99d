"""Programs without Trio: a shadower whose loop runs in a daemon thread. Real threads, and processes for what forks or
exits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading

import pytest
import trio

from trioshadow import ShadowConfig, Shadower, Verdict, mirrored
from trioshadow.isolation import SyncBackend, ThreadBackend
from trioshadow.testing import Hang, ScriptedBackend

from tests.support.accounts import assert_accounts, counts
from tests.support.portable import TOO_LONG


async def echo(request):
    return request


def new(request):
    return request if request != b"differs" else b"other"


def call(shadower, request=b"k", **options):
    return shadower.start(request, **options).primary_done(request)


def shadower_of(shadow=None, **config):
    shadow = SyncBackend(new) if shadow is None else shadow
    return Shadower(echo, shadow, ShadowConfig(**{"drain_timeout": TOO_LONG, "shadow_timeout": TOO_LONG, **config}))


def test_a_script_mirrors_its_calls():
    shadower = shadower_of()
    with shadower.background() as background:
        outcome = call(shadower)
        assert outcome.wait(TOO_LONG)
        assert outcome.verdict is Verdict.MATCHED
        assert call(shadower, b"differs").wait(TOO_LONG)
        assert background.wait_idle(TOO_LONG)
        assert [record.key for record in shadower.divergences()] == [b"differs"]
        assert shadower.scorecard().calls == 2
        assert sum(shadower.snapshot()["operations"][""]["counts"].values()) == 2
        shadower.pause()
        call(shadower)
        shadower.resume()
        shadower.reconfigure(ShadowConfig(candidate="2", drain_timeout=TOO_LONG))
        assert shadower.scorecard().calls == 0  # another epoch
    assert counts(shadower) == {"matched": 1, "diverged": 1, "paused": 1}
    call(shadower)
    assert shadower.statistics().closed == 1
    assert background.wait_idle(0)
    assert shadower.scorecard().calls == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "trioshadow background"]


def test_a_mirrored_function_has_a_background_too():
    @mirrored(lambda x: x + (x == 3), ShadowConfig(drain_timeout=TOO_LONG, shadow_timeout=TOO_LONG))
    def old(x):
        return x

    for _ in range(2):  # it may be entered again
        with old.mirroring().background() as background:
            assert [old(number) for number in range(5)] == [*range(5)]
            assert background.wait_idle(TOO_LONG)
            assert counts(old.shadower) == {"matched": 4, "diverged": 1}
            with pytest.raises(RuntimeError, match="is being mirrored already"):
                old.mirroring().background()
    assert old(7) == 7
    background = old.mirroring().background()
    background.start()
    assert old(1) == 1
    background._entered.wait(TOO_LONG)
    assert old(1) == 1
    background.close()
    assert counts(old.shadower) == {"closed": 1, "matched": 1}


def test_many_threads_call_at_once():
    shadower = shadower_of(echo, max_in_flight=10_000)

    def many():
        for _ in range(300):
            call(shadower)

    with shadower.background():
        threads = [threading.Thread(target=many) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    statistics = shadower.statistics()
    assert (statistics.calls, statistics.matched, statistics.in_flight) == (2_400, 2_400, 0)
    assert_accounts(statistics)


def test_the_primary_may_be_asyncios():
    async def primary(request):
        await asyncio.sleep(0)
        return request

    async def main():
        outcomes = await asyncio.gather(*(shadower.call(b"k") for _ in range(20)))
        assert [outcome.primary for outcome in outcomes] == [b"k"] * 20
        assert all([await asyncio.to_thread(outcome.wait, TOO_LONG) for outcome in outcomes])

    shadower = Shadower(primary, SyncBackend(new), ShadowConfig(drain_timeout=TOO_LONG))
    with shadower.background():
        asyncio.run(main())
    assert counts(shadower) == {"matched": 20}


def test_what_the_shadow_needs_is_entered_around_it_in_the_same_thread():
    """So a candidate for asyncio has a loop of its own, beside an asyncio program too."""

    @contextlib.asynccontextmanager
    async def factory():
        async def candidate(request):
            await asyncio.sleep(0)
            return b"other"

        yield candidate

    order = []

    @contextlib.asynccontextmanager
    async def other():
        order.append(threading.current_thread().name)
        yield
        order.append("left")

    async def program():
        outcome = await shadower.call(b"k")
        assert await asyncio.to_thread(outcome.wait, TOO_LONG)
        assert outcome.verdict is Verdict.DIVERGED

    candidate = ThreadBackend(factory, loop="asyncio")
    shadower = shadower_of(candidate)
    with shadower.background(enter=[other(), candidate]):
        asyncio.run(program())
    assert order == ["trioshadow background", "left"]


def test_what_can_not_be_entered_around_it_is_raised_and_the_others_are_left():
    left = []

    @contextlib.asynccontextmanager
    async def around(error):
        if error:
            raise error
        try:
            yield
        finally:
            left.append(True)

    shadower = shadower_of()
    with pytest.raises(OSError, match="no"), shadower.background(enter=[around(None), around(OSError("no"))]):
        pass
    assert left == [True]
    assert call(shadower).verdict is Verdict.CLOSED
    with pytest.raises(TypeError, match="enter takes several async context managers"):
        shadower_of().background(enter=around(None))


def test_leaving_by_an_exception_cancels_what_runs_and_raises_it():
    shadower = shadower_of(ScriptedBackend(Hang()))
    with pytest.raises(ZeroDivisionError), shadower.background():
        call(shadower)
        _ = 1 / 0
    assert counts(shadower) == {"abandoned": 1}


def test_closing_is_bounded_where_a_shadow_refuses_to_be_cancelled(caplog):
    go_on, began = threading.Event(), threading.Event()

    async def refuses(request):
        began.set()
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(go_on.wait, TOO_LONG)
        return request

    shadower = shadower_of(refuses, drain_timeout=0)
    background = shadower.background()
    with background:
        call(shadower)
        assert began.wait(TOO_LONG)
        background.close(0.05)
        assert "has not ended, and is left to itself" in caplog.text
        assert call(shadower).verdict is Verdict.CLOSED
        go_on.set()
        background.close(TOO_LONG)
    assert counts(shadower) == {"matched": 1, "closed": 1}


def test_what_hinders_its_start_is_raised():
    shadower = shadower_of()
    with shadower.background():
        pass
    with pytest.raises(RuntimeError, match="a Shadower is entered once"), shadower.background():
        pytest.fail("it was entered")
    background = shadower_of().background()
    with background, pytest.raises(RuntimeError, match="once"):
        background.__enter__()


def test_a_wait_that_is_over():
    shadower = shadower_of(ScriptedBackend(Hang()), drain_timeout=0)
    with shadower.background() as background:
        call(shadower)
        assert not background.wait_idle(0.01)


def test_started_without_a_block_it_begins_with_the_first_call():
    shadower = shadower_of(echo)
    background = shadower.background()
    assert background.wait_idle(0)  # there is nothing to wait for
    background.start()
    assert not shadower.running
    assert call(shadower).verdict is Verdict.CLOSED
    background._entered.wait(TOO_LONG)
    assert call(shadower).wait(TOO_LONG)
    background.close()
    background.close()
    assert counts(shadower) == {"closed": 1, "matched": 1}


def test_one_that_is_closed_while_it_starts_is_left():
    shadower = shadower_of(echo)
    background = shadower.background()
    background.start()
    call(shadower)
    background.close()
    assert not background._thread.is_alive()


def run(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=TOO_LONG, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr, done.stderr
    return done.stdout.decode()


HEAD = """
import atexit, os, sys, threading, time, warnings
warnings.simplefilter("ignore")
from trioshadow import Shadower, ShadowConfig, mirrored
from trioshadow.isolation import SyncBackend, ThreadBackend
async def echo(request): return request
def call(): return shadower.start(b"k").primary_done(b"k")
"""

FORKS = (
    HEAD
    + """
shadower = Shadower(echo, SyncBackend(lambda request: request))
background = shadower.background()
background.start()
for _ in range(2):
    pid = os.fork()
    if not pid:
        call()
        background._entered.wait(20)
        outcome = call()
        outcome.wait(20)
        print(outcome.verdict, flush=True)
        background.close()
        os._exit(0)
    os.waitpid(pid, 0)
print(shadower.statistics().calls)
"""
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_server_that_forks_its_workers_has_a_thread_in_each():
    assert run(FORKS).split() == ["Verdict.MATCHED"] * 2 + ["0"]


EXITS = (
    HEAD
    + """
def slow(request):
    began.set()
    time.sleep(60)

began = threading.Event()
shadower = Shadower(echo, SyncBackend(slow), ShadowConfig(shadow_timeout=60))
@atexit.register  # the last that runs
def last():
    counted = shadower.statistics()
    os.write(1, b"abandoned %d failed %d" % (counted.abandoned, counted.failed))

shadower.background().__enter__()
call()
began.wait(20)
"""
)


def test_at_the_interpreters_exit_what_runs_is_abandoned_and_nothing_is_waited_for():
    assert run(EXITS) == "abandoned 1 failed 0"


FORKED_EXITS = (
    HEAD
    + """
def slow(request):
    began.set()
    time.sleep(60)

@atexit.register
def last():
    if os.getpid() != parent:
        os.write(1, b"abandoned %d" % shadower.statistics().abandoned)

parent, began = os.getpid(), threading.Event()
shadower = Shadower(echo, SyncBackend(slow), ShadowConfig(shadow_timeout=60))
background = shadower.background()
background.start()
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
else:
    call()
    background._entered.wait(20)
    call()
    began.wait(20)
"""
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_worker_that_was_forked_abandons_what_runs_at_its_exit_too():
    assert run(FORKED_EXITS) == "abandoned 1"


LATE = (
    HEAD
    + """
def late():
    threading.main_thread().join()
    outcome = call()
    outcome.wait(1)
    counted = shadower.statistics()
    os.write(1, b"failed %d" % counted.failed)

shadower = Shadower(echo, SyncBackend(lambda request: request))
shadower.background().__enter__()
threading.Thread(target=late).start()
"""
)


def test_a_call_while_the_interpreter_ends_is_never_the_candidates_failure():
    assert run(LATE) == "failed 0"
