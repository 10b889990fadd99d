"""ProcessBackend: what a candidate in a worker process can't do to this one. Real processes on the real clock; nothing
that kills an interpreter runs in this one.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import trio
import trio.testing
import trio_parallel

from trioshadow import ShadowConfig, Shadower, Verdict, in_shadow
from trioshadow.compare import Undecided, shown_path
from trioshadow.isolation import BackendFull, BackendNotRunning, CandidateError, ProcessBackend, _in_worker

from tests.support.candidates import Own, ReadsAs, Unreadable, asynchronous, candidate, fail_to_read
from tests.support.isolated import eventually
from tests.support.portable import TOO_LONG

#: What pickling something that is local to a function raises, before Python 3.14 and since.
UNPICKLABLE = (AttributeError, pickle.PicklingError)


@contextlib.asynccontextmanager
async def process(function=candidate, **options):
    with trio.fail_after(TOO_LONG * 3):
        async with ProcessBackend(function, **options) as backend:
            yield backend


async def worker_of(backend):
    pid, _ = await backend.call("where")
    return pid


# ── what crosses ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_function_runs_in_another_process_always_the_same():
    async with process() as backend:
        first = await worker_of(backend)
        assert first != os.getpid()
        assert [await backend.call(number) for number in range(100)] == list(range(100))
        assert await worker_of(backend) == first
        assert backend.busy_calls == 0


async def test_what_the_function_raises_is_raised_here_and_costs_no_worker():
    async with process() as backend:
        worker = await worker_of(backend)
        with pytest.raises(ValueError, match="no"):
            await backend.call("raise")
        with pytest.raises(SystemExit):
            await backend.call("exit")
        with pytest.raises(CandidateError, match="the candidate raised KeyboardInterrupt"):
            await backend.call("Ctrl-C")
        with pytest.raises(Unreadable, match="can't be read"):
            await backend.call("unreadable")
        assert await worker_of(backend) == worker


@pytest.mark.parametrize(
    ("kind", "path", "config"),
    [
        ("status", "$.response.status_code", {}),
        ("group", "$.exceptions[1].response.status_code", {}),
        ("disk", "$.errno", {}),
        ("own", "$.two", {"error_fields": {Own: ["two"]}}),
    ],
)
async def test_what_is_compared_of_an_exception_crosses_over_with_it(kind, path, config):
    async def primary(request):
        return candidate((kind, request))

    async def shadow(request):
        return await backend.call((kind, other[request]))

    other = {404: 404, 5: 28}
    async with process() as backend, Shadower(primary, shadow, ShadowConfig(**config)) as shadower:
        for request in other:
            with pytest.raises(Exception, match="no|one|many"):
                await shadower.call(request)
            await shadower.wait_idle()
        assert shadower.statistics().matched == 1
        (record,) = shadower.divergences()
        (change,) = record.divergence.error.changes
        assert (shown_path(change.path), str(change.primary), str(change.shadow)) == (path, "5", "28")


async def test_an_exception_of_a_class_that_is_not_found_here_crosses_over_in_words():
    async with process() as backend:
        with pytest.raises(CandidateError, match="the candidate raised Local: local"):
            await backend.call("local")


async def test_in_shadow_is_true_in_the_worker_of_a_leg_and_not_afterwards():
    async def primary(request):
        await trio.lowlevel.checkpoint()
        return await worker_of(backend), True

    async with process() as backend, Shadower(primary, backend) as shadower:
        outcome = await (await shadower.call("where", key=1)).wait_settled()
        assert outcome.verdict is Verdict.MATCHED
        assert (await backend.call("where"))[1] is False


@pytest.mark.parametrize(
    ("request_", "error"), [(lambda: None, pickle.PicklingError), (ReadsAs(fail_to_read, "request"), ValueError)]
)
async def test_a_request_that_can_not_be_pickled_or_read_fails_its_call(request_, error):
    async with process() as backend:
        with pytest.raises(error):
            await backend.call(request_)
        assert await backend.call(1) == 1


async def test_an_answer_that_can_not_be_pickled_or_read_fails_its_call():
    async with process() as backend:
        with pytest.raises(UNPICKLABLE):
            await backend.call("unpicklable")
        with pytest.raises(ValueError, match="can't be read"):
            await backend.call("unreadable answer")
        assert await backend.call(1) == 1


# ── what a candidate can't do ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("harm", ["segfault", "vanish"])
async def test_a_worker_that_dies_is_the_failure_of_its_call_alone(harm):
    async with process() as backend:
        worker = await worker_of(backend)
        with pytest.raises(trio_parallel.BrokenWorkerError):
            await backend.call(harm)
        assert await worker_of(backend) not in (worker, os.getpid())


async def test_a_worker_that_dies_between_calls_is_nobodys_failure():
    async with process() as backend:
        worker = await worker_of(backend)
        os.kill(worker, signal.SIGKILL)
        os.waitid(os.P_PID, worker, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - until it is dead
        assert await worker_of(backend) != worker


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["spin", "block"])
async def test_a_call_past_its_deadline_is_killed(harm):
    async with process() as backend:
        worker = await worker_of(backend)
        with trio.move_on_after(0.05) as scope:
            await backend.call(harm)
        assert scope.cancelled_caught
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)
        assert await worker_of(backend) != worker


async def test_a_place_is_given_on_only_with_a_worker_that_is_warm(monkeypatch):
    warmed = []

    async with process() as backend:
        run = backend._run

        async def recording(function, *args):
            warmed.append(function)
            return await run(function, *args)

        monkeypatch.setattr(backend, "_run", recording)
        with pytest.raises(trio_parallel.BrokenWorkerError):
            await backend.call("segfault")
        await backend.call("next")
        await backend.call("and one more")
    assert warmed == [_in_worker.call, _in_worker.warm_up, _in_worker.call, _in_worker.call]


async def test_a_place_is_not_lost_when_no_worker_can_be_had(monkeypatch, said):
    async with process() as backend:
        run = backend._run

        async def broken(function, *args):
            raise OSError("secret")

        monkeypatch.setattr(backend, "_run", broken)
        for _ in range(3):
            with pytest.raises(OSError):
                await backend.call(1)
        await trio.testing.wait_all_tasks_blocked()
        monkeypatch.setattr(backend, "_run", run)
        assert await backend.call(1) == 1
    assert said.messages == ["the process backend got no new worker (OSError)"]


async def test_a_call_that_is_cancelled_while_it_waits_for_a_place_takes_none():
    async with process() as backend:
        worker = await worker_of(backend)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(backend.call, "block")
            await trio.testing.wait_all_tasks_blocked()
            with trio.move_on_after(0.01) as scope:
                await backend.call("waits")
            assert scope.cancelled_caught
            assert backend.busy_calls == 1
            os.kill(worker, 0)  # it is still at the first
            nursery.cancel_scope.cancel()
        assert await backend.call(1) == 1


async def test_beyond_max_in_flight_a_call_fails_at_once():
    async with process(max_in_flight=2, name="new") as backend, trio.open_nursery() as nursery:
        nursery.start_soon(backend.call, "block")
        nursery.start_soon(backend.call, "block")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(BackendFull, match="process backend 'new' has 2 calls"):
            await backend.call(1)
        nursery.cancel_scope.cancel()


async def test_max_workers_are_at_work_at_once():
    async with process(max_workers=2) as backend, trio.open_nursery() as nursery:
        nursery.start_soon(backend.call, "block")
        await trio.testing.wait_all_tasks_blocked()
        assert await backend.call(1) == 1
        nursery.cancel_scope.cancel()


async def test_a_caller_that_is_cancelled_already_sends_nothing():
    async with process() as backend:
        worker = await worker_of(backend)
        with trio.CancelScope() as scope:
            scope.cancel()
            await backend.call("vanish")
        assert await worker_of(backend) == worker


@pytest.mark.parametrize("niceness", [0, 3])
async def test_workers_stand_back_from_those_who_serve(niceness):
    own = os.getpriority(os.PRIO_PROCESS, 0)
    async with process(niceness=niceness) as backend:
        assert await backend.call("niceness") == min(own + niceness, 19)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


# ── beginning and end ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_function_that_can_not_be_imported_there_is_raised_where_it_is_entered():
    with pytest.raises(UNPICKLABLE, match="local object"):
        async with process(lambda request: request):
            raise AssertionError("never entered")


async def test_what_kept_workers_from_starting_is_raised_though_they_do_not_end_in_time_either():
    with pytest.raises(UNPICKLABLE, match="local object"):
        async with process(lambda request: request, stop_timeout=0):
            raise AssertionError("never entered")


async def test_workers_that_do_not_come_up_in_time():
    with pytest.raises(BackendNotRunning, match="did not come up within 0 s"):
        async with process(start_timeout=0):
            raise AssertionError("never entered")


async def test_a_program_that_is_cancelled_while_workers_start_ends_them():
    with trio.CancelScope() as scope:
        scope.cancel()
        async with process() as backend:
            raise AssertionError(backend)
    assert scope.cancelled_caught


async def test_leaving_kills_what_is_at_work_and_ends_the_workers():
    async def call():
        with pytest.raises(BackendNotRunning, match="was left"):
            await backend.call("spin")

    async with trio.open_nursery() as nursery, process() as backend:
        worker = await worker_of(backend)
        nursery.start_soon(call)
        nursery.start_soon(call)
        await eventually(lambda: backend.busy_calls == 2)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    with pytest.raises(BackendNotRunning, match="was left"):
        await backend.call(1)


async def test_a_worker_that_does_not_end_is_killed_and_that_is_said(said):
    async with process(stop_timeout=0.05) as backend:
        worker = await worker_of(backend)
        await backend.call("stay")
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    assert said.messages == ["workers of the process backend did not end well (BrokenWorkerProcessError)"]


async def test_the_bodys_exception_leaves_as_itself():
    error = KeyError("body")
    with pytest.raises(KeyError) as caught:
        async with process():
            raise error
    assert caught.value is error


def test_a_run_that_ends_ends_the_workers_of_a_backend_that_was_never_left():
    async def main():
        backend = ProcessBackend(candidate)
        await backend.__aenter__()
        return await worker_of(backend)

    worker = trio.run(main)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


async def test_a_program_that_is_killed_leaves_no_worker_computing():
    program = """
        import trio
        from trioshadow.isolation import ProcessBackend
        from tests.support.candidates import candidate

        async def main():
            async with ProcessBackend(candidate) as backend:
                print((await backend.call("where"))[0], flush=True)
                await backend.call("spin")

        if __name__ == "__main__":
            trio.run(main)
    """
    killed = await trio.lowlevel.open_process([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE)
    async with killed.stdout:
        with trio.fail_after(TOO_LONG):
            worker = int(await killed.stdout.receive_some())
        killed.kill()
        await killed.wait()
    await eventually(lambda: not is_running(worker))


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # nobody buries it here


# ── whose fault ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_backend_that_was_never_entered_says_so():
    with pytest.raises(BackendNotRunning, match="was never entered"):
        await ProcessBackend(candidate).call(1)


async def test_a_backend_is_entered_once_and_used_in_its_run(monkeypatch):
    async with process() as backend:
        with pytest.raises(RuntimeError, match="make another"):
            await backend.__aenter__()

        def elsewhere():
            with pytest.raises(BackendNotRunning, match=r"another trio.run"):
                trio.run(backend.call, 1)

        await trio.to_thread.run_sync(elsewhere)
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: -1)
            with pytest.raises(BackendNotRunning, match="process"):
                await backend.call(1)


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "trio_parallel", None)
    with pytest.raises(ImportError, match=r"pip install 'trioshadow\[process\]'"):
        ProcessBackend(candidate)


@pytest.mark.parametrize("parameter", ["max_workers", "max_in_flight"])
@pytest.mark.parametrize("bad", [0, -1])
def test_counts_are_counts(parameter, bad):
    with pytest.raises(ValueError, match=rf"{parameter} must be a count in \[1, inf\)"):
        ProcessBackend(candidate, **{parameter: bad})


@pytest.mark.parametrize("bad", [-1, 20])
def test_niceness_is_that_of_the_system(bad):
    with pytest.raises(ValueError, match=r"niceness must be an int in \[0, 19\]"):
        ProcessBackend(candidate, niceness=bad)


@pytest.mark.parametrize("parameter", ["start_timeout", "stop_timeout"])
def test_timeouts_are_finite_seconds(parameter):
    with pytest.raises(ValueError, match=rf"{parameter} must be seconds in \[0, inf\)"):
        ProcessBackend(candidate, **{parameter: float("inf")})


@pytest.mark.parametrize(
    ("function", "words"), [(3, "function must be a function, not int"), (asynchronous, "a sync function")]
)
def test_a_function_is_a_sync_function(function, words):
    with pytest.raises(TypeError, match=words):
        ProcessBackend(function)


# ── beside a shadower ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_shadower_counts_what_spins_as_timed_out_and_what_crashes_as_failed():
    async def primary(request):
        await trio.lowlevel.checkpoint()
        return request

    verdicts = {}
    async with process() as shadow:
        for request, timeout in {
            "fine": TOO_LONG,
            "segfault": TOO_LONG,
            "exit": TOO_LONG,
            "spin": 0.5,
            "block": 0.5,
        }.items():
            async with Shadower(primary, shadow, ShadowConfig(shadow_timeout=timeout)) as shadower:
                await shadow.call("warm")  # else the deadline covers the start of the worker too
                outcome = await shadower.call(request)
                assert outcome.primary == request
                verdicts[request] = (await outcome.wait_settled()).verdict
    assert verdicts == {
        "fine": Verdict.MATCHED,
        "segfault": Verdict.FAILED,
        "exit": Verdict.FAILED,
        "spin": Verdict.TIMED_OUT,
        "block": Verdict.TIMED_OUT,
    }


async def test_the_exit_of_a_shadower_kills_what_is_at_work():
    async def primary(request):
        await trio.lowlevel.checkpoint()
        return request

    async with process() as shadow:
        worker = await worker_of(shadow)
        async with Shadower(primary, shadow, ShadowConfig(drain_timeout=0)) as shadower:
            outcome = await shadower.call("spin")
            await eventually(lambda: shadow.busy_calls == 1)
        assert outcome.verdict is Verdict.ABANDONED
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


# ── the worker's side, looked at here ─────────────────────────────────────────────────────────────────────────────────


def test_a_call_in_a_worker_is_an_answer_or_an_exception_and_raises_nothing():
    assert _in_worker.call(candidate, "request", shadow=False)[:2] == ("request", None)
    answer, error, _, _ = _in_worker.call(candidate, "raise", shadow=False)
    assert (answer, type(error)) == (None, ValueError)
    assert isinstance(_in_worker.call(candidate, "Ctrl-C", shadow=False)[1], CandidateError)
    error = _in_worker.call(candidate, "unreadable", shadow=False)[1]
    assert type(pickle.loads(pickle.dumps(error))) is Unreadable
    error = pickle.loads(pickle.dumps(_in_worker.call(candidate, ("group", 404), shadow=False)[1]))
    value, status, disk = error.exceptions
    assert (type(error), error.message, type(value)) == (ExceptionGroup, "many", ValueError)
    assert (status.args[0], status.response.status_code) == ("no", 404)
    assert (repr(status.args[1]), repr(status.lock)) == ("<lock>", "<lock>")  # these are marked, and no texts
    assert (disk.errno, disk.strerror, disk.disk, str(disk)) == (5, "no", "sda", "[Errno 5] no")
    error = _in_worker.call(candidate, "local", shadow=False)[1]
    assert (type(error), str(error)) == (CandidateError, "the candidate raised Local: local")
    assert _in_worker.warm_up(candidate) is None


class Held(Exception):
    """Holds what can't be pickled."""

    def __init__(self, lock, number):
        super().__init__("no", lock)
        self.lock = lock
        self.number = number


class Lock:
    def __init__(self):
        self._lock = threading.Lock()
        self.reason = "x"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("number", "same"),
        ("args[0]", "same"),
        ("args[1]", "undecided"),
        ("args", "undecided"),
        ("lock", "undecided"),
        ("lock.reason", "undecided"),
        ("lock.other", "undecided"),
    ],
)
def test_nobody_takes_what_cannot_be_pickled_for_a_difference(path, expected):
    comparison = ShadowConfig(error_fields={Held: [path]}).comparison
    one = Held(Lock(), 1)
    crossed = pickle.loads(pickle.dumps(_in_worker.carried(one)))
    read = comparison.raised(one), comparison.raised(crossed)
    for sides in (read, read[::-1]):
        if expected == "same":
            assert comparison.divergence_of_errors(*sides) is None
        else:
            with pytest.raises(Undecided, match="Lock objects"):
                comparison.divergence_of_errors(*sides)
    both = ShadowConfig(error_fields={Held: [path, "number"]}).comparison
    crossed.number = 2
    assert both.divergence_of_errors(both.raised(one), both.raised(crossed)) is not None


class Gone:
    """A program that has been killed."""

    def join(self):
        pass


def test_a_worker_ends_with_the_program(monkeypatch):
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(multiprocessing, "parent_process", Gone)
    _in_worker._end_with_the_program()
    assert ended == [1]


def test_a_worker_stands_back_where_the_system_knows_how(monkeypatch):
    asked = []
    monkeypatch.setattr(_in_worker, "_end_with_the_program", lambda: None)
    monkeypatch.setattr(os, "nice", asked.append)
    _in_worker.begin(7)
    monkeypatch.delattr(os, "nice")
    _in_worker.begin(8)
    assert asked == [7]


def test_a_worker_knows_that_it_works_for_a_shadow_and_forgets_it():
    assert _in_worker.call(candidate, "where", shadow=True)[0] == (os.getpid(), True)
    assert _in_worker.call(candidate, "where", shadow=False)[0] == (os.getpid(), False)
    assert not in_shadow()


class Boom(Exception):
    pass


def booms(request):
    raise Boom


async def test_a_call_that_is_over_keeps_nothing():
    gc.collect()
    gc.disable()
    try:
        async with process(booms) as backend:
            for _ in range(3):
                with pytest.raises(Boom):
                    await backend.call(1)
            assert [thing for thing in gc.get_objects() if isinstance(thing, Boom)] == []
    finally:
        gc.enable()
