"""ThreadBackend for candidates that are written for asyncio: what crosses, and what such a one can't do to the callers.
What is the same for each kind of loop is in `test_thread_backend.py`. Real threads on the real clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import gc
import threading

import pytest
import trio

from trioshadow import ShadowConfig, Shadower, Verdict, in_shadow
from trioshadow.isolation import BackendNotRunning, CandidateError, ThreadBackend
from trioshadow.isolation._asyncio_loop import AsyncioCrossing
from trioshadow.isolation._daemon_threads import DaemonThreads

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


def asyncio_backend(candidate, **options):
    return ThreadBackend(factory_of(candidate), loop="asyncio", **options)


class Waits:
    """Waits until it is cancelled, and tells how that came."""

    def __init__(self):
        self.begun, self.over = threading.Event(), threading.Event()
        self.ended_by = None

    async def call(self, request):
        self.begun.set()
        try:
            await asyncio.sleep(TOO_LONG * 10)
        except BaseException as exc:
            self.ended_by = type(exc)
            await asyncio.sleep(0)
            raise
        finally:
            self.over.set()


class Refuser(Waits):
    """Goes on when it is cancelled."""

    async def call(self, request):
        self.loop, self.released = asyncio.get_running_loop(), asyncio.Event()
        self.begun.set()
        while not self.released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await self.released.wait()
        return request

    def release(self):
        self.loop.call_soon_threadsafe(self.released.set)


# ── what crosses ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_candidate_runs_in_an_asyncio_loop_in_another_thread():
    async def candidate(request):
        await asyncio.sleep(0)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(0, request + 1))
        return task.result(), threading.get_ident()

    async with asyncio_backend(candidate) as backend:
        answer, thread = await backend.call(1)
    assert answer == 2
    assert thread != threading.get_ident()


async def test_a_shadow_for_asyncio_is_compared_with_a_primary_for_trio():
    async def primary(request):
        await trio.lowlevel.checkpoint()
        return {"n": request}

    async def shadow(request):
        await asyncio.sleep(0)
        return {"n": request + request % 2}

    async with asyncio_backend(shadow) as backend, Shadower(primary, backend) as shadower:
        for number in range(10):
            await (await shadower.call(number)).wait_settled()
    statistics = shadower.statistics()
    assert (statistics.matched, statistics.diverged) == (5, 5)


async def test_the_callers_context_is_seen_there_and_not_changed_from_there():
    async def candidate(request):
        seen = variable.get(), in_shadow()
        variable.set("there")
        await asyncio.sleep(0)
        return seen

    variable.set("here")
    async with asyncio_backend(candidate) as backend:
        assert await backend.call(0) == ("here", False)
        async with Shadower(candidate_of_trio, backend) as shadower:
            outcome = await (await shadower.call(0)).wait_settled()
    assert outcome.verdict is Verdict.MATCHED
    assert variable.get() == "here"


async def candidate_of_trio(request):
    await trio.lowlevel.checkpoint()
    return "here", True


async def test_what_the_factory_opens_is_open_in_that_loop_and_closed_there():
    told = []

    @contextlib.asynccontextmanager
    async def factory():
        loop = asyncio.get_running_loop()

        async def candidate(request):
            return asyncio.get_running_loop() is loop

        try:
            yield candidate
        finally:
            await asyncio.sleep(0)
            told.append(asyncio.get_running_loop() is loop)

    async with ThreadBackend(factory, loop="asyncio") as backend:
        assert await backend.call(0)
    assert told == [True]


async def test_an_exception_comes_back_as_the_same_object():
    error = KeyError("k")

    async def candidate(request):
        raise error

    async with asyncio_backend(candidate) as backend:
        with pytest.raises(KeyError) as caught:
            await backend.call(0)
    assert caught.value is error


async def cancels_itself(request):
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


async def cancels_itself_in_the_end(request):
    asyncio.current_task().cancel()


async def raises(error, request):
    raise error


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        (cancels_itself, "the candidate raised CancelledError"),
        (cancels_itself_in_the_end, "the candidate raised CancelledError"),
        (functools.partial(raises, BaseExceptionGroup("", [asyncio.CancelledError()])), "CancelledError"),
        (functools.partial(raises, KeyboardInterrupt()), "the candidate raised KeyboardInterrupt"),
    ],
)
async def test_what_would_mean_something_else_here_comes_back_in_words(candidate, words):
    async def call(request):
        return await candidate(request)

    async with asyncio_backend(call) as backend:
        for _ in range(2):  # and the loop goes on
            with pytest.raises(CandidateError, match=words):
                await backend.call(0)


async def test_a_system_exit_is_the_failure_of_its_call_alone():
    async with asyncio_backend(functools.partial(raises, SystemExit(3))) as backend:
        for _ in range(2):
            with pytest.raises(SystemExit):
                await backend.call(0)


async def test_a_timeout_of_the_candidate_s_own_is_an_answer_of_its_own():
    async def candidate(request):
        async with asyncio.timeout(0):
            await asyncio.sleep(TOO_LONG)

    async with asyncio_backend(candidate) as backend:
        with trio.fail_after(TOO_LONG), pytest.raises(TimeoutError):
            await backend.call(0)


# ── deadlines and cancelling ──────────────────────────────────────────────────────────────────────────────────────────


async def test_the_deadline_ends_a_call_here_and_there():
    candidate = Waits()
    async with asyncio_backend(candidate) as backend:
        with trio.move_on_after(0.02) as scope:
            await backend.call(0)
        assert scope.cancelled_caught
        await is_set(candidate.over)
        await eventually(lambda: backend.busy_calls == 0)
    assert candidate.ended_by is asyncio.CancelledError


async def test_a_deadline_that_was_put_off_meanwhile_is_too_slow():
    async with asyncio_backend(Waits()) as backend:
        await put_off_the_deadline_of_a_call(backend)


async def test_a_caller_that_leaves_cancels_the_call_there():
    candidate = Waits()
    async with asyncio_backend(candidate) as backend:
        await call_and_leave(backend, 0, candidate.begun)
        await is_set(candidate.over)
        await eventually(lambda: backend.busy_calls == 0)


async def test_a_call_whose_caller_has_left_is_never_begun(release):
    requests, begun = [], threading.Event()

    async def candidate(request):
        requests.append(request)
        begun.set()
        release.wait(TOO_LONG)

    async with asyncio_backend(candidate) as backend, trio.open_nursery() as nursery:
        nursery.start_soon(backend.call, "blocks")
        await is_set(begun)
        async with trio.open_nursery() as leaving:
            leaving.start_soon(backend.call, "leaves")
            await trio.testing.wait_all_tasks_blocked()
            leaving.cancel_scope.cancel()
        release.set()
        await eventually(lambda: backend.busy_calls == 0)
    assert requests == ["blocks"]


async def test_a_call_that_is_overdue_when_a_blocked_loop_comes_to_it_is_never_begun():
    made = []

    async def candidate(request):
        made.append(request)

    crossing = AsyncioCrossing(1, home=trio.lowlevel.current_trio_token(), done=made.append)
    crossing._until = 0.0
    await trio.to_thread.run_sync(asyncio.run, crossing._call(candidate))
    assert (made, crossing.cut) == ([], True)


async def test_a_call_that_refuses_to_be_cancelled_keeps_its_place_and_not_its_caller():
    candidate = Refuser()
    async with asyncio_backend(candidate) as backend:
        await call_and_leave(backend, 0, candidate.begun)
        assert backend.busy_calls == 1
        candidate.release()
        await eventually(lambda: backend.busy_calls == 0)


async def test_ten_thousand_calls_come_back_each_with_its_own_answer():
    async def candidate(request):
        await asyncio.sleep(0)
        return request

    wrong = []

    async def caller(first):
        for number in range(first, 10_000, 100):
            answer = await backend.call(number)
            wrong.extend({answer} - {number})

    async with asyncio_backend(candidate) as backend, trio.open_nursery() as nursery:
        for first in range(100):
            nursery.start_soon(caller, first)
    assert not wrong


# ── its end ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_leaving_ends_calls_and_factory_with_what_they_have_to_clean_up():
    candidate, order = Waits(), []
    async with trio.open_nursery() as nursery:

        async def call():
            with pytest.raises(BackendNotRunning, match="was left"):
                await backend.call(0)

        factory = factory_of(candidate, leaving=lambda: order.append(candidate.over.is_set()))
        async with ThreadBackend(factory, loop="asyncio") as backend:
            nursery.start_soon(call)
            await is_set(candidate.begun)
    assert order == [True], "the calls first, then what they use"


async def test_a_call_that_reaches_the_loop_in_its_last_moments_is_answered_when_it_has_ended(release):
    """Its task is cancelled before its first step."""
    begun = threading.Event()

    async def candidate(request):
        begun.set()
        release.wait(TOO_LONG)

    errors = []

    async def late():
        with pytest.raises(BackendNotRunning) as caught:
            await backend.call("late")
        errors.append(str(caught.value))

    async with asyncio_backend(candidate, name="last") as backend, trio.open_nursery() as nursery:
        nursery.start_soon(backend.call, "blocks")
        await is_set(begun)
        backend._loop.post(backend._loop._cancel)
        nursery.start_soon(late)
        await trio.testing.wait_all_tasks_blocked()
        release.set()
        await eventually(lambda: errors)
    assert errors == ["the thread backend 'last' has ended"]


@pytest.mark.parametrize("task_group", [True, False])
async def test_a_background_task_of_the_factory_that_fails_ends_the_loop(task_group, said):
    @contextlib.asynccontextmanager
    async def factory():
        fail = asyncio.Event()

        async def background():
            await fail.wait()
            raise LookupError("s3cret") if task_group else SystemExit(1)

        async def candidate(request):
            fail.set()
            await asyncio.sleep(TOO_LONG)

        if task_group:
            async with asyncio.TaskGroup() as group:
                group.create_task(background())
                yield candidate
        else:
            task = asyncio.ensure_future(background())
            yield candidate
            del task

    async with ThreadBackend(factory, loop="asyncio") as backend:
        with trio.fail_after(TOO_LONG), pytest.raises(BackendNotRunning, match="has ended"):
            await backend.call(0)
        with pytest.raises(BackendNotRunning, match="has ended"):
            await backend.call(0)
    assert "from now on each call to it fails" in said.text
    assert "s3cret" not in said.text


async def test_a_candidate_that_can_not_be_cancelled_does_not_stop_the_exit(said):
    candidate = Refuser()
    async with asyncio_backend(candidate, stop_timeout=0.01) as backend:
        await call_and_leave(backend, 0, candidate.begun)
    assert "did not end within 0.01 s" in said.text
    candidate.release()


async def test_a_factory_that_takes_too_long_is_cancelled():
    ended = threading.Event()

    @contextlib.asynccontextmanager
    async def factory():
        try:
            await asyncio.sleep(TOO_LONG)
            yield None
        finally:
            ended.set()

    with pytest.raises(BackendNotRunning, match="did not come up within 0.02 s"):
        async with ThreadBackend(factory, loop="asyncio", start_timeout=0.02):
            pass
    assert ended.is_set()


async def test_what_the_factory_raises_is_raised_where_it_is_entered():
    @contextlib.asynccontextmanager
    async def factory():
        raise OSError("no such service")
        yield

    with pytest.raises(OSError, match="no such service"):
        async with ThreadBackend(factory, loop="asyncio"):
            pass


async def test_a_loop_that_is_stopped_before_it_runs_never_enters_its_factory(monkeypatch):
    entered = []
    backend = ThreadBackend(functools.partial(entered.append, 1), loop="asyncio", start_timeout=0.0, stop_timeout=0.0)
    gate = threading.Event()
    run = asyncio.run

    def late(main):
        gate.wait(TOO_LONG)
        run(main)

    monkeypatch.setattr(asyncio, "run", late)
    with pytest.raises(BackendNotRunning):
        async with backend:
            pass
    gate.set()
    await eventually(lambda: not backend._loop._thread.is_alive())
    assert entered == []


def test_the_interpreter_ends_also_with_threads_of_the_candidate_that_hang():
    program = """
        import asyncio, contextlib, threading, trio
        from trioshadow.isolation import ThreadBackend

        async def hangs(request):
            await asyncio.to_thread(threading.Event().wait)

        @contextlib.asynccontextmanager
        async def factory():
            yield hangs

        async def main():
            async with ThreadBackend(factory, loop="asyncio", stop_timeout=5) as backend:
                with trio.move_on_after(0.05):
                    await backend.call(0)

        trio.run(main)
        print("main is over")
    """
    run = run_program(program)
    assert (run.returncode, run.stdout, run.stderr) == (0, "main is over\n", "")


# ── threads of the candidate ──────────────────────────────────────────────────────────────────────────────────────────


async def test_what_a_candidate_gives_to_threads_comes_back():
    async def candidate(request):
        if request < 0:
            return await asyncio.to_thread(int, "none")
        return await asyncio.gather(*(asyncio.to_thread(pow, number, 2) for number in range(request)))

    async with asyncio_backend(candidate) as backend:
        assert await backend.call(100) == [number**2 for number in range(100)]
        with pytest.raises(ValueError, match="none"):
            await backend.call(-1)


def test_there_are_at_most_so_many_threads_and_what_is_cancelled_is_never_called(release, monkeypatch):
    monkeypatch.setattr("trioshadow.isolation._daemon_threads._MOST", 2)
    begun = threading.Semaphore(0)
    called = []

    def work(number):
        called.append(number)
        begun.release()
        release.wait(TOO_LONG)

    executor = DaemonThreads()
    futures = [executor.submit(work, number) for number in range(5)]
    for _ in range(2):
        assert begun.acquire(timeout=TOO_LONG)
    assert sorted(called) == [0, 1]
    assert futures[3].cancel()
    release.set()
    assert [future.result(TOO_LONG) for future in (*futures[:3], futures[4])] == [None] * 4
    assert sorted(called) == [0, 1, 2, 4]


# ── whose fault ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("loop", "error"), [("curio", ValueError), (None, TypeError), ("", ValueError)])
def test_a_loop_is_one_of_two(loop, error):
    with pytest.raises(error, match="loop must be"):
        ThreadBackend(factory_of(None), loop=loop)


async def test_a_shadow_that_hangs_is_timed_out():
    candidate = Waits()
    config = ShadowConfig(shadow_timeout=0.05)
    async with asyncio_backend(candidate) as backend, Shadower(candidate_of_trio, backend, config) as shadower:
        outcome = await (await shadower.call(0)).wait_settled()
        assert outcome.verdict is Verdict.TIMED_OUT
        await is_set(candidate.over)


class Tracked:
    """Something that tells whether it is still alive."""


async def answers(request):
    return Tracked()


async def fails(request):
    raise LookupError(request, Tracked())


async def hangs(request):
    await asyncio.sleep(TOO_LONG)


@pytest.mark.parametrize("candidate", [answers, fails, hangs])
async def test_a_call_that_is_over_keeps_nothing(candidate):
    def alive():
        return [thing for thing in gc.get_objects() if isinstance(thing, Tracked)]

    async def caller():
        with contextlib.suppress(LookupError), trio.move_on_after(0.01):
            await backend.call(Tracked())

    gc.collect()
    gc.disable()
    try:
        async with asyncio_backend(candidate) as backend:
            for _ in range(3):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(caller)
            await eventually(lambda: backend.busy_calls == 0)
            await eventually(lambda: not alive())
    finally:
        gc.enable()
