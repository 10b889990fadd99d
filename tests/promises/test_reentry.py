"""Promise 4, entered again: a call that is made in the midst of another's, at each step at which that can happen.

A signal handler, a finaliser and a callback of the garbage collector run where CPython looks for them: after a call, at
a backward jump, at the beginning of a function, and on 3.11 where a container is made too. So a call is traced
instruction by instruction, and at the n-th of these places the library is called again, for each n. Trio layer, in one
thread.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import gc
import itertools
import signal
import sys
from pathlib import Path

import pytest
import trio
import trio.testing

import trioshadow
from trioshadow import ShadowConfig, Shadower, Verdict
from trioshadow.evidence import _evidence
from trioshadow.guard import Breaker

from tests.support.accounts import assert_accounts
from tests.support.observed import new_evidence, observe

HOUSE = Path(trioshadow.__file__).parent
ROOMS = tuple(str(HOUSE / room) for room in ("_caller", "_service", "_accounts", "evidence", "_shadower.py", "guard"))
RUN_LOOP = trio._core._run.unrolled_run.__code__
OPCODES = {number: name for name, number in dis.opmap.items()}


def is_looked_for_after(opcode):
    """May something else run after this instruction?"""
    name = OPCODES.get(opcode, "")
    return name.startswith(("CALL", "JUMP_BACKWARD", "POP_JUMP_BACKWARD", "RESUME", "BUILD_", "COPY_FREE"))


class Interruption:
    """Runs `action` at the n-th place, in the frames of the library."""

    def __init__(self, number, action):
        self.left = number
        self.action = action
        self.at = self.raised = None
        self._last = {}

    def trace(self, frame, event, arg):
        if self.left < 0 or not frame.f_code.co_filename.startswith(ROOMS):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._step

    def _step(self, frame, event, arg):
        if event == "opcode" and self.left >= 0:
            code, last = frame.f_code, self._last.get(frame)
            self._last[frame] = frame.f_lasti
            if last is not None and is_looked_for_after(code.co_code[last]):
                self.left -= 1
                if self.left < 0:
                    self.at = f"{Path(code.co_filename).name}:{frame.f_lineno} in {code.co_qualname}"
                    try:
                        self.action()
                    except Exception as exc:  # else the library may contain it
                        self.raised = exc
        elif event == "return":
            self._last.pop(frame, None)
        return self._step

    @contextlib.contextmanager
    def running(self):
        before = sys.gettrace()
        sys.settrace(self.trace)
        try:
            yield
        finally:
            sys.settrace(before)


async def echo(request):
    return request


async def other(request):
    return b"other"


async def fails(request):
    raise ValueError(request)


class Forgets:
    """A sink."""

    async def write(self, record):
        await trio.lowlevel.checkpoint()

    async def aclose(self):
        pass


SCENES = {
    "matched": (echo, {}),
    "diverged": (other, {"sinks": [Forgets()], "breaker": Breaker(count_divergences=True, failures=2, cool_down=1e-9)}),
    "failed": (fails, {"secondary": echo, "breaker": Breaker(failures=1, cool_down=1e-9)}),
    "not sampled": (echo, {}),
}


@pytest.fixture
def few_operations(monkeypatch):
    """So few have a row of their own that each new one folds others."""
    monkeypatch.setattr(_evidence, "OPERATIONS", 2)


#: So many places are left out between two that are tried: each of them takes a call.
@pytest.mark.parametrize("stride", [13, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.usefixtures("few_operations")
async def test_a_call_in_the_midst_of_another_is_counted_and_disturbs_nothing(stride, scene):
    shadow, options = SCENES[scene]
    config = ShadowConfig(sample_rate=0.5 if scene == "not sampled" else 1, noise_rate=1)
    keys = (key for key in itertools.count() if config.should_shadow(b"%d" % key) is (scene != "not sampled"))
    async with Shadower(echo, shadow, config, **options) as shadower:
        receive = shadower.subscribe(10)
        tried = 0
        with Interruption(sys.maxsize, lambda: None).running():  # CPython 3.12 tells no instructions the first time
            await shadower.call(b"k", key=b"%d" % next(keys))
        made = 1
        for number in itertools.count(0, stride):

            def call_again(number=number):
                nonlocal made
                made += 1
                shadower.start(b"k", key=b"%d" % next(keys), operation=f"inner {number}").primary_done(b"k")

            interruption = Interruption(number, call_again)
            with interruption.running():
                outcome = await shadower.call(b"k", key=b"%d" % next(keys), operation=f"outer {number}")
                await outcome.wait_settled()
                await shadower.wait_idle()
            await shadower.wait_idle()  # it may be that one which was interrupted, in its last step
            made += 1
            if interruption.raised is not None:
                raise interruption.raised
            statistics = shadower.statistics()
            assert statistics.calls == made, interruption.at
            assert (statistics.in_flight, statistics.records_waiting) == (0, 0), interruption.at
            assert_accounts(statistics)
            with contextlib.suppress(trio.WouldBlock):
                while True:
                    receive.receive_nowait()
            if interruption.left >= 0:  # the whole call has fewer places
                break
            tried += 1
        assert tried > 40 / stride
        receive.close()


def counts_of(snapshot):
    return sum(sum(row["counts"].values()) for row in snapshot["operations"].values())


@pytest.mark.parametrize("stride", [13, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("many", "look"),
    [
        (7, lambda evidence: evidence.operation("new") and sum(evidence.totals())),
        (6, lambda evidence: counts_of(evidence.to_dict(0.0))),
        (6, lambda evidence: sum(evidence.totals())),
    ],
    ids=["folded", "kept", "added up"],
)
@pytest.mark.usefixtures("few_operations")
def test_a_row_that_is_made_while_others_are_folded_or_read_folds_none(look, many, stride):
    for number in itertools.count(0, stride):
        evidence = new_evidence()
        for name in "abcd":
            observe(evidence, 3, operation=name, shadow=["f"])
        for name in "ab":
            observe(evidence, operation=name, shadow=["f"], secondary=["g"], key=9)
        with Interruption(sys.maxsize, lambda: None).running():  # CPython 3.12 tells no instructions the first time
            look(new_evidence())
        interruption = Interruption(number, functools.partial(evidence.operation, "inner"))
        with interruption.running():
            found = look(evidence)
        if interruption.raised is not None:
            raise interruption.raised
        assert found == 4 * 3 + 2, interruption.at
        assert len(evidence.operations) <= many, interruption.at
        if interruption.left >= 0:
            break
    assert number > 50


# ── as it comes ─────────────────────────────────────────────────────────────────────────────────────────────────────


def require_counted(shadower, calls, *, more_than):
    """Each call is in one counter, and so many were made besides those of the test's own loop."""
    statistics = shadower.statistics()
    assert statistics.calls == calls > more_than
    assert_accounts(statistics)


class Entering(trio.abc.Instrument):
    """An instrument that calls the library at each moment that Trio tells it."""

    def __init__(self, call):
        self._call = call
        self._busy = False
        self.left = 300

    def _enter(self, *_):
        if not self._busy and self.left:  # else no wait for I/O would ever be the last
            self.left -= 1
            self._busy = True
            self._call()
            self._busy = False

    task_spawned = task_scheduled = before_task_step = after_task_step = task_exited = _enter
    before_io_wait = after_io_wait = _enter


async def test_an_instrument_may_call():
    calls = 0

    def call():
        nonlocal calls
        calls += 1
        shadower.start(b"k").primary_done(b"k")

    async with Shadower(echo, other) as shadower:
        entering = Entering(call)
        trio.lowlevel.add_instrument(entering)
        while entering.left:
            await shadower.call(b"k")
            calls += 1
        trio.lowlevel.remove_instrument(entering)
        await shadower.wait_idle()
        require_counted(shadower, calls, more_than=100)


async def test_a_callback_of_the_collector_may_call():
    calls, most, busy = 0, 200, False

    def collected(phase, info):
        nonlocal calls, busy
        if not busy and calls < most:
            busy = True
            calls += 1
            shadower.start([phase], operation=f"{phase} {calls}").primary_done([phase])
            busy = False

    thresholds = gc.get_threshold()
    async with Shadower(echo, echo) as shadower:
        gc.callbacks.append(collected)
        gc.set_threshold(5, 1000, 1000)
        try:
            for number in range(5):
                calls += 1
                await shadower.call([[]], key=b"k", operation=f"task {number}")
            most = 400  # the table has room for so many: rows come while it is read
            while calls < most:
                shadower.statistics()
            await shadower.wait_idle()
        finally:
            gc.set_threshold(*thresholds)
            gc.callbacks.remove(collected)
        await shadower.wait_idle()
        require_counted(shadower, calls, more_than=100)


async def test_finalisers_of_what_a_call_holds_may_call():
    calls = 0

    class Calls:
        def __del__(self):
            nonlocal calls
            if calls < 300:  # each of these calls has a request and answers of its own
                calls += 1
                shadower.start(b"k").primary_done(b"k")

    async def shadow(request):
        return Calls()

    async def primary(request):
        return Calls()

    config = ShadowConfig(copy_request=lambda request: Calls(), view=lambda answer: Calls())
    async with Shadower(primary, shadow, config) as shadower:
        for _ in range(20):
            calls += 1
            await (await shadower.call(Calls(), key=b"k")).wait_settled()
        await shadower.wait_idle()
        require_counted(shadower, calls, more_than=100)


async def test_a_signal_handler_may_call():
    calls = 0

    def handler(*_):
        nonlocal calls
        calls += 1
        shadower.start(b"k", operation=f"handler {calls}").primary_done(b"k")
        if calls < 700:
            signal.setitimer(signal.ITIMER_REAL, 0.0005)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        async with Shadower(echo, other) as shadower:
            signal.setitimer(signal.ITIMER_REAL, 0.0005)
            for number in range(500):
                calls += 1
                await shadower.call(b"k", operation=f"task {number}")
            signal.setitimer(signal.ITIMER_REAL, 0)
            await shadower.wait_idle()
            require_counted(shadower, calls, more_than=500)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ── in the midst of Trio's own loop ─────────────────────────────────────────────────────────────────────────────────


class InTriosLoop(Interruption):
    """Runs `action` at the n-th place of Trio's event loop, between the steps of tasks."""

    def trace(self, frame, event, arg):
        if self.left < 0 or frame.f_code is not RUN_LOOP:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._step


async def test_a_call_in_the_midst_of_trios_loop_is_not_forgotten_by_it():
    """Trio copies its queue of tasks and then empties it: what is started in between would never have a turn."""
    async with Shadower(echo, other) as shadower:
        for number in itertools.count():
            outcomes = []

            def call_again():
                outcomes.append(shadower.start(b"k").primary_done(b"k"))

            with Interruption(sys.maxsize, lambda: None).running():
                await trio.lowlevel.checkpoint()
            interruption = InTriosLoop(number, call_again)
            with interruption.running():
                for _ in range(3):
                    await trio.lowlevel.checkpoint()
            if interruption.raised is not None:
                raise interruption.raised
            with trio.move_on_after(5):
                await shadower.wait_idle()
            assert [outcome.verdict for outcome in outcomes] in ([], [Verdict.DIVERGED]), interruption.at
            if not outcomes:
                break
    assert number > 15
    assert_accounts(shadower.statistics())
