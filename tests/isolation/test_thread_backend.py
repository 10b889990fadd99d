"""ThreadBackend: what crosses between two loops, and what a candidate in the other one can't do to this one. Real
threads on the real clock.
"""

from __future__ import annotations

import contextlib
import contextvars
import gc
import os
import threading
import time

import pytest
import trio
import trio.testing

from trioshadow import ShadowConfig, Shadower, ShadowError, Verdict, in_shadow
from trioshadow._model.refusal import Lack, Refusal
from trioshadow._service.marks import tell_lack
from trioshadow.isolation import BackendFull, BackendNotRunning, CandidateError, ThreadBackend
from trioshadow.isolation._trio_loop import TrioCrossing

from tests.support.isolated import (
    call_and_leave,
    eventually,
    factory_of,
    is_set,
    put_off_the_deadline_of_a_call,
    run_program,
)
from tests.support.portable import TOO_LONG

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


async def echo(request):
    await trio.lowlevel.checkpoint()
    return request


async def test_what_a_copy_lacked_is_told_from_the_other_loop_too():
    """A backend that withholds credentials may stand there."""

    async def refuses(request):
        await trio.lowlevel.checkpoint()
        tell_lack(Lack(["cookie"], "send it", Refusal.UNKNOWN))
        return b"who?"

    async with ThreadBackend(factory_of(refuses)) as backend, Shadower(echo, backend) as shadower:
        await (await shadower.call(b"k")).wait_settled()
    assert shadower.statistics().diverged == 1
    assert [one.headers for one in shadower.scorecard().withheld] == [("cookie",)]


async def hang(request):
    await trio.sleep_forever()


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("trioshadow ")]


class Blocker:
    """Blocks its whole loop until released; tells when it has begun, and how often it was called."""

    def __init__(self, release):
        self.release = release
        self.begun = threading.Event()
        self.requests = []

    async def call(self, request):
        self.requests.append(request)
        self.begun.set()
        self.release.wait(TOO_LONG)
        await trio.lowlevel.checkpoint()
        return request


class Refuser:
    """Can't be cancelled; another call is served as if nothing were wrong."""

    def __init__(self):
        self.begun = threading.Event()
        self.released = trio.Event()

    async def call(self, request):
        if request == "release":
            self.released.set()
            return "released"
        with trio.CancelScope(shield=True):
            self.token = trio.lowlevel.current_trio_token()
            self.begun.set()
            await self.released.wait()
        return request

    def release(self):
        """From another thread, once it has begun."""
        self.token.run_sync_soon(self.released.set)


# ── what crosses ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_candidate_runs_in_a_loop_and_a_thread_of_its_own():
    async def where(request):
        await trio.lowlevel.checkpoint()
        return threading.get_ident(), trio.lowlevel.current_trio_token(), request

    request = object()
    async with ThreadBackend(factory_of(where)) as backend:
        thread, token, same = await backend.call(request)
    assert thread != threading.get_ident()
    assert token is not trio.lowlevel.current_trio_token()
    assert same is request


async def test_a_factory_may_give_an_object_with_call():
    class Candidate:
        async def call(self, request):
            return request * 2

    async with ThreadBackend(factory_of(Candidate())) as backend:
        assert await backend.call(4) == 8


async def test_what_the_factory_opens_is_open_in_the_other_loop_and_closed_there():
    left = []

    def leaving():
        left.append(threading.get_ident())

    async def where(request):
        return threading.get_ident()

    async with ThreadBackend(factory_of(where, leaving=leaving)) as backend:
        thread = await backend.call(0)
    assert left == [thread]


async def test_an_exception_comes_back_as_the_same_object():
    error = ValueError("no")

    async def fails(request):
        raise error

    async with ThreadBackend(factory_of(fails)) as backend:
        with pytest.raises(ValueError) as caught:
            await backend.call(0)
    assert caught.value is error
    assert "fails" in [entry.name for entry in caught.traceback]


async def test_the_callers_context_is_seen_there_and_not_changed_from_there():
    async def reads_and_sets(request):
        before = variable.get(), in_shadow()
        variable.set("theirs")
        return before

    variable.set("ours")
    async with ThreadBackend(factory_of(reads_and_sets)) as backend:
        assert await backend.call(0) == ("ours", False)
    assert variable.get() == "ours"


async def test_in_shadow_is_true_there_while_the_leg_runs():
    async def candidate(request):
        return in_shadow()

    async def primary(request):
        return True

    async with ThreadBackend(factory_of(candidate)) as backend, Shadower(primary, backend) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
    assert outcome.verdict is Verdict.MATCHED


async def test_the_deadline_crosses_by_what_is_left_of_it():
    async def left(request):
        return trio.current_effective_deadline() - trio.current_time()

    async with ThreadBackend(factory_of(left)) as backend:
        assert await backend.call(0) == float("inf")
        with trio.fail_after(TOO_LONG):
            assert 50 < await backend.call(0) <= 100


async def test_a_call_that_is_cancelled_is_cancelled_there_too():
    begun, cancelled = threading.Event(), threading.Event()

    async def candidate(request):
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    async with ThreadBackend(factory_of(candidate)) as backend:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(backend.call, 0)
            await is_set(begun)
            nursery.cancel_scope.cancel()
        await is_set(cancelled)
        await eventually(lambda: backend.busy_calls == 0)


async def test_the_deadline_ends_a_call_here_and_there():
    begun, cancelled = threading.Event(), threading.Event()

    async def candidate(request):
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    async with ThreadBackend(factory_of(candidate)) as backend:
        for seconds in (0.01, 0.1, 1, 10):  # on a busy machine it may pass before the candidate has begun
            with trio.move_on_after(seconds) as scope:
                await backend.call(0)
            assert scope.cancelled_caught
            if begun.is_set():
                break
        await is_set(cancelled)


async def test_a_deadline_that_was_put_off_meanwhile_is_too_slow():
    async with ThreadBackend(factory_of(hang)) as backend:
        await put_off_the_deadline_of_a_call(backend)


async def test_a_caller_that_is_cancelled_already_sends_nothing():
    requests = []

    async def candidate(request):
        requests.append(request)

    async with ThreadBackend(factory_of(candidate)) as backend:
        with trio.CancelScope() as scope:
            scope.cancel()
            await backend.call(1)
        await backend.call(2)
    assert requests == [2]


async def test_ten_thousand_calls_come_back_each_with_its_own_answer():
    answers = []

    async def caller(first):
        answers.extend([await backend.call(number) for number in range(first, 10_000, 100)])

    async with ThreadBackend(factory_of(echo)) as backend:
        async with trio.open_nursery() as nursery:
            for first in range(100):
                nursery.start_soon(caller, first)
        assert backend.busy_calls == 0
    assert sorted(answers) == list(range(10_000))


# ── what a candidate can't do ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_candidate_that_blocks_its_loop_blocks_no_other(release):
    blocker = Blocker(release)
    async with ThreadBackend(factory_of(blocker)) as backend:
        with trio.move_on_after(0.01) as scope:
            await backend.call(0)
        assert scope.cancelled_caught  # by this loop's own clock, while the other one stands still
        assert not release.is_set()
        release.set()


async def test_calls_whose_callers_have_left_are_never_begun(release):
    blocker = Blocker(release)
    async with ThreadBackend(factory_of(blocker)) as backend:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(backend.call, "first")
            await is_set(blocker.begun)
            for number in range(20):
                nursery.start_soon(backend.call, number)
            await eventually(lambda: backend.busy_calls == 21)
            nursery.cancel_scope.cancel()
        release.set()
        assert await backend.call("last") == "last"
        await eventually(lambda: backend.busy_calls == 0)
    assert blocker.requests == ["first", "last"]


async def test_calls_that_are_overdue_when_a_blocked_loop_comes_to_them_are_never_begun(release):
    blocker = Blocker(release)
    async with ThreadBackend(factory_of(blocker)) as backend:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(backend.call, "first")
            await is_set(blocker.begun)
            with trio.move_on_after(0.01):
                await backend.call("overdue")
            release.set()
        assert await backend.call("last") == "last"
    assert blocker.requests == ["first", "last"]


async def test_beyond_max_in_flight_a_call_fails_at_once(release):
    blocker = Blocker(release)
    async with ThreadBackend(factory_of(blocker), name="new", max_in_flight=2) as backend:
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(backend.call, 0)
            await is_set(blocker.begun)
            await eventually(lambda: backend.busy_calls == 2)
            with pytest.raises(BackendFull, match="thread backend 'new' has 2 calls"):
                await backend.call(0)
            release.set()
        assert await backend.call(1) == 1


async def test_a_call_that_refuses_to_be_cancelled_keeps_its_place_and_not_its_caller():
    refuser = Refuser()
    async with ThreadBackend(factory_of(refuser), max_in_flight=2) as backend:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(backend.call, 0)
            await is_set(refuser.begun)
            nursery.cancel_scope.cancel()
        assert backend.busy_calls == 1
        assert await backend.call("release") == "released"
        await eventually(lambda: backend.busy_calls == 0)


async def test_the_place_of_a_call_that_left_can_be_used_up():
    refuser = Refuser()
    async with ThreadBackend(factory_of(refuser), max_in_flight=1, stop_timeout=0) as backend:
        await call_and_leave(backend, 0, refuser.begun)
        with pytest.raises(BackendFull):
            await backend.call("release")
        refuser.release()
        await eventually(lambda: backend.busy_calls == 0)
        assert await backend.call("release") == "released"


@pytest.mark.parametrize(
    "error", [SystemExit(3), BaseException("bare"), BaseExceptionGroup("", [SystemExit()])], ids=repr
)
async def test_a_base_exception_is_the_failure_of_its_call_alone(error):
    async def candidate(request):
        if request:
            raise error
        return "fine"

    async with ThreadBackend(factory_of(candidate)) as backend:
        with pytest.raises(BaseException) as caught:
            await backend.call(1)
        assert caught.value is error
        assert await backend.call(0) == "fine"


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt(), GeneratorExit(), BaseExceptionGroup("", [ValueError(), KeyboardInterrupt()])],
    ids=["Ctrl-C", "GeneratorExit", "in a group"],
)
async def test_what_would_end_the_program_here_comes_back_in_words(error):
    async def candidate(request):
        raise error

    async with ThreadBackend(factory_of(candidate)) as backend:
        with pytest.raises(CandidateError, match="the candidate raised (KeyboardInterrupt|GeneratorExit)"):
            await backend.call(1)


async def test_a_cancelled_that_is_the_candidates_own_cancels_nothing_here():
    async def candidate(request):
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await trio.sleep_forever()
            except trio.Cancelled as exc:
                kept = exc
        raise kept

    async with ThreadBackend(factory_of(candidate)) as backend:
        with pytest.raises(CandidateError, match="Cancelled"):
            await backend.call(0)


async def test_a_candidate_that_leaves_a_nursery_open_fails_that_call_only():
    async def candidate(request):
        if request:
            await trio.open_nursery().__aenter__()
        return "answer"

    async with ThreadBackend(factory_of(candidate)) as backend:
        with pytest.raises(RuntimeError):
            await backend.call(1)
        assert await backend.call(0) == "answer"


def cancel_everything():
    nursery = trio.lowlevel.current_task().parent_nursery
    while nursery is not None:
        nursery.cancel_scope.cancel()
        nursery = nursery.parent_task.parent_nursery


def crash_the_run():
    def crash():
        raise ValueError("in a callback of the run")

    trio.lowlevel.current_trio_token().run_sync_soon(crash)


@pytest.mark.parametrize(("end", "how"), [(cancel_everything, "has ended"), (crash_the_run, "with TrioInternalError")])
async def test_when_the_other_loop_ends_each_call_fails_and_none_hangs(end, how, said):
    async def candidate(request):
        if request == "end":
            end()
        await trio.sleep_forever()

    errors = []

    async def call(request):
        try:
            await backend.call(request)
        except ShadowError as exc:
            errors.append(exc)

    async with ThreadBackend(factory_of(candidate), name="new") as backend:
        with trio.fail_after(TOO_LONG):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(call, "waits")
                nursery.start_soon(call, "end")
        await eventually(lambda: not threads())
        assert len(errors) == 2
        assert backend.busy_calls == 0
        with pytest.raises(BackendNotRunning, match=how):
            await backend.call("later")
    assert any("from now on each call to it fails" in message for message in said.messages)


async def test_a_call_that_reaches_a_loop_in_its_last_moments_is_answered_when_it_has_ended():
    refuser = Refuser()
    async with ThreadBackend(factory_of(refuser)) as backend:
        await call_and_leave(backend, 0, refuser.begun)
        backend._loop.stop()  # as if it ended by itself; the refuser holds it up
        async with trio.open_nursery() as nursery:

            async def call():
                with pytest.raises(BackendNotRunning, match="has ended"):
                    await backend.call(1)

            nursery.start_soon(call)
            await trio.testing.wait_all_tasks_blocked()
            refuser.release()


async def test_a_background_task_of_the_factory_that_fails_ends_the_loop(said):
    @contextlib.asynccontextmanager
    async def factory():
        async with trio.open_nursery() as nursery:

            async def candidate(request):
                async def fails():
                    raise ValueError("secret")

                nursery.start_soon(fails)
                await trio.sleep_forever()

            yield candidate

    async with ThreadBackend(factory) as backend:
        for _ in range(2):
            with trio.fail_after(TOO_LONG), pytest.raises(BackendNotRunning, match="has ended with ExceptionGroup"):
                await backend.call(0)
    assert "secret" not in said.text


async def test_a_loop_that_ends_between_being_looked_at_and_being_sent_to():
    async def candidate(request):
        crash_the_run()
        await trio.sleep_forever()

    async with ThreadBackend(factory_of(candidate)) as backend:
        with pytest.raises(BackendNotRunning):
            await backend.call(0)
        await eventually(lambda: not threads())
        backend._open = True  # as if the word had not come yet
        with pytest.raises(BackendNotRunning, match="just ended"):
            await backend.call(0)
        backend._open = False


# ── beginning ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_the_factory_raises_is_raised_where_it_is_entered():
    error = OSError("no such candidate")

    @contextlib.asynccontextmanager
    async def factory():
        raise error
        yield

    with pytest.raises(OSError) as caught:
        async with ThreadBackend(factory):
            raise AssertionError("never entered")
    assert caught.value is error


async def test_ctrl_c_raised_by_a_factory_is_not_the_users():
    def factory():
        raise KeyboardInterrupt

    with pytest.raises(CandidateError, match="KeyboardInterrupt"):
        async with ThreadBackend(factory):
            raise AssertionError("never entered")


@pytest.mark.parametrize(
    ("factory", "words"), [(lambda: 3, "asynchronous context manager"), (factory_of(3), "what the factory gives")]
)
async def test_a_factory_that_is_none_is_a_type_error(factory, words):
    with pytest.raises(TypeError, match=words):
        async with ThreadBackend(factory):
            raise AssertionError("never entered")


async def test_a_loop_that_ends_before_it_is_up():
    @contextlib.asynccontextmanager
    async def factory():
        cancel_everything()
        await trio.sleep_forever()
        yield

    with pytest.raises(BackendNotRunning, match="has ended"):
        async with ThreadBackend(factory):
            raise AssertionError("never entered")


async def test_a_factory_that_takes_too_long_is_cancelled():
    cancelled = threading.Event()

    @contextlib.asynccontextmanager
    async def factory():
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()
        yield

    with pytest.raises(BackendNotRunning, match=r"did not come up within 0.01 s"):
        async with ThreadBackend(factory, start_timeout=0.01):
            raise AssertionError("never entered")
    assert cancelled.is_set()


@pytest.mark.parametrize("where", ["before the loop", "in the loop"])
async def test_a_factory_that_blocks_is_left_to_itself(where, release, said, monkeypatch):
    entered = threading.Event()
    run = trio.run

    def block(*_):
        release.wait(TOO_LONG)
        entered.set()

    @contextlib.asynccontextmanager
    async def factory():
        if where == "in the loop":
            block()
        yield echo

    if where == "before the loop":

        def slow_run(*args):
            block()
            return run(*args)

        monkeypatch.setattr(trio, "run", slow_run)
    backend = ThreadBackend(factory, start_timeout=0.01, stop_timeout=0.01)
    with pytest.raises(BackendNotRunning, match="did not come up"):
        async with backend:
            raise AssertionError("never entered")
    assert any("its thread is left to itself" in message for message in said.messages)
    release.set()
    await is_set(entered)
    await eventually(lambda: not threads())  # it ends when it can, and nobody takes it for up
    with pytest.raises(BackendNotRunning, match="did not come up"):
        await backend.call(0)


async def test_a_program_that_is_cancelled_while_the_thread_starts_stops_it():
    begun, cancelled = threading.Event(), threading.Event()

    @contextlib.asynccontextmanager
    async def factory():
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()
        yield

    async def enter():
        async with ThreadBackend(factory):
            raise AssertionError("never entered")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(enter)
        await is_set(begun)
        nursery.cancel_scope.cancel()
    assert cancelled.is_set()


async def test_a_system_without_threads_says_so(monkeypatch):
    def none_left(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        async with ThreadBackend(factory_of(echo)):
            raise AssertionError("never entered")


# ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_leaving_ends_the_thread_and_its_calls():
    async def call():
        with pytest.raises(BackendNotRunning, match="was left"):
            await backend.call(0)

    async with trio.open_nursery() as nursery:
        async with ThreadBackend(factory_of(hang)) as backend:
            nursery.start_soon(call)
            await eventually(lambda: backend.busy_calls == 1)
        await eventually(lambda: not threads())
    with pytest.raises(BackendNotRunning, match="was left"):
        await backend.call(0)


async def test_a_thread_that_hangs_does_not_stop_the_exit(release, said):
    blocker = Blocker(release)
    lost = []

    async def call():
        try:
            await backend.call("secret")
        except BackendNotRunning as exc:
            lost.append(exc)

    backend = ThreadBackend(factory_of(blocker), name="new", stop_timeout=0.01)
    with trio.fail_after(TOO_LONG):
        async with trio.open_nursery() as nursery, backend:
            nursery.start_soon(call)
            await is_set(blocker.begun)
    assert not release.is_set()
    assert len(lost) == 1
    (message,) = said.messages
    assert (
        message == "the thread backend 'new' did not end within 0.01 s: its thread is left to itself (calls in it: 1)"
    )
    release.set()
    await eventually(lambda: not threads())


async def test_leaving_is_bounded_also_when_it_is_cancelled(release, said):
    blocker = Blocker(release)
    with trio.fail_after(TOO_LONG), trio.CancelScope() as scope:
        async with ThreadBackend(factory_of(blocker), stop_timeout=0.01) as backend:
            await call_and_leave(backend, 0, blocker.begun)
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert said.messages


async def test_a_candidate_that_can_not_be_cancelled_does_not_stop_the_exit(said):
    refuser = Refuser()
    with trio.fail_after(TOO_LONG):
        async with ThreadBackend(factory_of(refuser), stop_timeout=0.01) as backend:
            await call_and_leave(backend, 0, refuser.begun)
    assert "calls in it: 1" in said.text
    refuser.release()
    await eventually(lambda: not threads())


async def test_a_factory_that_fails_while_it_is_left_is_said_and_hurts_nobody(said):
    def fails():
        raise ValueError("secret")

    async with ThreadBackend(factory_of(echo, leaving=fails)) as backend:
        assert await backend.call(1) == 1
    assert said.messages == ["the thread backend has ended with ValueError while it was left"]


async def test_the_bodys_exception_leaves_as_itself():
    error = KeyError("body")
    with pytest.raises(KeyError) as caught:
        async with ThreadBackend(factory_of(echo)):
            raise error
    assert caught.value is error


def test_the_interpreter_ends_also_with_a_thread_that_hangs():
    program = """
        import contextlib, threading, trio
        from trioshadow.isolation import ThreadBackend

        async def hangs(request):
            threading.Event().wait()

        @contextlib.asynccontextmanager
        async def factory():
            yield hangs

        async def main():
            async with ThreadBackend(factory, stop_timeout=0.01) as backend:
                with trio.move_on_after(0.01):
                    await backend.call(0)

        trio.run(main)
        print("main is over")
    """
    run = run_program(program)
    assert (run.returncode, run.stdout) == (0, "main is over\n"), run.stderr


def test_a_run_that_is_over_is_not_called_back(release):
    blocker = Blocker(release)

    async def main():
        async with ThreadBackend(factory_of(blocker), stop_timeout=0) as backend:
            await call_and_leave(backend, 0, blocker.begun)

    trio.run(main)
    release.set()
    end = time.monotonic() + TOO_LONG
    while threads() and time.monotonic() < end:
        time.sleep(0.001)
    assert not threads()


# ── whose fault ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_backend_that_was_never_entered_says_so():
    with pytest.raises(BackendNotRunning, match="was never entered"):
        await ThreadBackend(factory_of(echo)).call(0)


async def test_a_backend_is_entered_once():
    async with ThreadBackend(factory_of(echo)) as backend:
        with pytest.raises(RuntimeError, match="make another"):
            await backend.__aenter__()
    with pytest.raises(RuntimeError, match="make another"):
        await backend.__aenter__()


async def test_another_run_and_another_process_are_refused(monkeypatch):
    async with ThreadBackend(factory_of(echo)) as backend:

        def elsewhere():
            with pytest.raises(BackendNotRunning, match=r"another trio.run"):
                trio.run(backend.call, 0)

        await trio.to_thread.run_sync(elsewhere)
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: -1)
            with pytest.raises(BackendNotRunning, match="process"):
                await backend.call(0)
        assert await backend.call(1) == 1


@pytest.mark.parametrize("bad", [0, -1])
def test_max_in_flight_is_a_count(bad):
    with pytest.raises(ValueError, match=r"max_in_flight must be a count in \[1, inf\)"):
        ThreadBackend(factory_of(echo), max_in_flight=bad)


@pytest.mark.parametrize("parameter", ["start_timeout", "stop_timeout"])
@pytest.mark.parametrize("bad", [-0.1, float("inf"), float("nan")])
def test_timeouts_are_finite_seconds(parameter, bad):
    with pytest.raises(ValueError, match=rf"{parameter} must be seconds in \[0, inf\)"):
        ThreadBackend(factory_of(echo), **{parameter: bad})


def test_a_factory_is_callable():
    with pytest.raises(TypeError, match="factory must be a function, not int"):
        ThreadBackend(3)


# ── beside a shadower ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_shadower_counts_what_hangs_as_timed_out_and_what_raises_as_failed(release):
    blocker = Blocker(release)

    async def candidate(request):
        if request == "blocks":
            return await blocker.call(request)
        if request == "exits":
            raise SystemExit
        if request == "Ctrl-C":
            raise KeyboardInterrupt
        if request == "hangs":
            await trio.sleep_forever()
        return request

    config = ShadowConfig(shadow_timeout=0.2)
    verdicts = {}
    async with ThreadBackend(factory_of(candidate)) as shadow, Shadower(echo, shadow, config) as shadower:
        for request in ("fine", "exits", "Ctrl-C", "hangs", "blocks"):
            outcome = await shadower.call(request)
            assert outcome.primary == request
            verdicts[request] = (await outcome.wait_settled()).verdict
        release.set()
    assert verdicts == {
        "fine": Verdict.MATCHED,
        "exits": Verdict.FAILED,
        "Ctrl-C": Verdict.FAILED,
        "hangs": Verdict.TIMED_OUT,
        "blocks": Verdict.TIMED_OUT,
    }


async def test_a_shadower_counts_a_full_or_dead_backend_as_failed(release):
    blocker = Blocker(release)
    config = ShadowConfig(drain_timeout=0)
    async with (
        ThreadBackend(factory_of(blocker), max_in_flight=1) as shadow,
        Shadower(echo, shadow, config) as shadower,
    ):
        await shadower.call("blocks")
        await is_set(blocker.begun)
        outcome = await (await shadower.call("full")).wait_settled()
        assert outcome.verdict is Verdict.FAILED
        assert outcome.shadow_failed.type_name == "BackendFull"
        release.set()
    async with Shadower(echo, shadow, config) as shadower:
        outcome = await (await shadower.call("dead")).wait_settled()
        assert outcome.shadow_failed.type_name == "BackendNotRunning"


async def test_the_exit_of_a_shadower_waits_for_no_thread(release):
    blocker = Blocker(release)
    async with ThreadBackend(factory_of(blocker)) as shadow:
        with trio.fail_after(TOO_LONG):
            async with Shadower(echo, shadow, ShadowConfig(drain_timeout=0)) as shadower:
                outcome = await shadower.call("blocks")
                await is_set(blocker.begun)
        assert not release.is_set()
        assert outcome.verdict is Verdict.ABANDONED
        release.set()


# ── nothing is kept ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_comes_back_after_its_caller_has_left_is_let_go():
    crossing = TrioCrossing(0, home=trio.lowlevel.current_trio_token(), done=print)
    crossing.error = ValueError()  # its traceback refers to the crossing
    crossing.leave()
    crossing.wake()
    assert crossing.error is None


class Tracked:
    """Something that tells whether it is still alive."""


class Boom(Exception):
    pass


@pytest.fixture
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def answers(request):
    return Tracked()


async def fails(request):
    raise Boom(request, Tracked())


async def overstays(request):
    with trio.CancelScope(shield=True):
        await trio.sleep(0.02)
    return Tracked()


async def fails_late(request):
    with trio.CancelScope(shield=True):
        await trio.sleep(0.02)
    raise Boom(Tracked())


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("candidate", [answers, fails, hang, overstays, fails_late])
async def test_a_call_that_is_over_keeps_nothing(candidate):
    def alive():
        return [thing for thing in gc.get_objects() if isinstance(thing, (Tracked, Boom))]

    async def caller():
        variable_of_tracked.set(Tracked())
        with contextlib.suppress(Boom, RuntimeError), trio.move_on_after(0.01):
            await backend.call(Tracked())

    variable_of_tracked = contextvars.ContextVar("variable_of_tracked")
    async with ThreadBackend(factory_of(candidate)) as backend:
        for _ in range(3):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(caller)
        await eventually(lambda: backend.busy_calls == 0)
        await eventually(lambda: not alive())  # each loop holds its last task until its next pass
