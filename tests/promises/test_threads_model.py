"""Promise 4 where calls come from threads: random steps against a model of what each call comes to. Virtual clock.

Each step is made by the shadower's own thread, or by another while that one waits; some by two at once. After each of
them the model says how many calls there are in each counter. What is not drawn here: cancellations and shutdowns
(`test_schedules.py`), and calls in the midst of others (`test_reentry.py`).
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextvars
import math
import threading

import attrs
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import ShadowConfig, Shadower

from tests.support.accounts import counts
from tests.support.portable import TOO_LONG

#: Seconds that a shadow takes, and that a step of time is: no two things happen in one moment.
TAKES, PASSES, TIMEOUT = 1.0, 1.6, 2.5


class Boom(Exception):
    pass


async def shadow(request):
    what, _ = request
    await trio.sleep(math.inf if what == "hangs" else TAKES)
    if what == "fails":
        raise Boom
    return what


async def unused(request):
    raise AssertionError


@attrs.define
class Call:
    """The model of one that is mirrored."""

    what: str
    leg: object
    began: float
    verdict: str = "in_flight"
    ended: str = ""

    def settle(self, now):
        """What it is by now."""
        if self.verdict != "in_flight":
            return
        over = TIMEOUT if self.what == "hangs" else TAKES
        if self.ended == "abandon":
            self.verdict = "abandoned"
        elif self.ended and now - self.began >= over:
            self.verdict = "timed_out" if self.what == "hangs" else OUTCOMES[self.ended, self.what]


OUTCOMES = {
    ("answer", "same"): "matched",
    ("answer", "other"): "diverged",
    ("answer", "fails"): "failed",
    ("raise", "same"): "diverged",
    ("raise", "other"): "diverged",
    ("raise", "fails"): "matched",
}
ENDINGS = {
    "answer": lambda leg: leg.primary_done("same"),
    "raise": lambda leg: leg.primary_raised(Boom()),
    "abandon": lambda leg: leg.abandon(),
}

WHERE = st.sampled_from(["here", "thread", "thread with the context"])
WHATS = st.sampled_from(["same", "other", "fails", "hangs"])
STEPS = st.one_of(
    *[st.tuples(st.just("start"), WHERE, WHATS, st.sampled_from("abcdef")) for _ in range(4)],
    st.tuples(st.just("end"), WHERE, st.sampled_from([*ENDINGS]), st.integers(0, 20)),
    st.tuples(
        st.just("end twice at once"), st.sampled_from([*ENDINGS]), st.sampled_from([*ENDINGS]), st.integers(0, 20)
    ),
    st.tuples(st.just("forget"), WHERE, st.integers(0, 20)),
    st.tuples(st.just("pause"), WHERE),
    st.tuples(st.just("rename"), WHERE, st.sampled_from("abcdef"), st.integers(0, 20)),
    st.tuples(st.just("time passes")),
)


def do(where, function, *args):
    """Call it there, and wait for that."""
    if where == "here":
        return function(*args)
    context = contextvars.copy_context() if where == "thread with the context" else contextvars.Context()
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        return executor.submit(context.run, function, *args).result(TOO_LONG)


class Model:
    def __init__(self, shadower):
        self.shadower = shadower
        self.calls: list[Call] = []
        self.apart: collections.Counter[str] = collections.Counter()
        self.paused = False

    def expected(self):
        now = trio.current_time()
        for call in self.calls:
            call.settle(now)
        return dict(collections.Counter(call.verdict for call in self.calls) + self.apart)

    def open(self, number):
        """One of those whose primary is not known yet."""
        open_ = [call for call in self.calls if not call.ended]
        return open_[number % len(open_)] if open_ else None

    def start(self, where, what, operation):
        leg = do(where, lambda: self.shadower.start((what, operation), key=b"k", operation=operation))
        assert leg.mirrored is not self.paused
        if self.paused:
            self.apart["paused"] += 1
            leg.primary_done("same")
        else:
            self.calls.append(Call(what, leg, trio.current_time()))

    def end(self, where, how, number):
        call = self.open(number)
        if call is not None:
            do(where, ENDINGS[how], call.leg)
            call.ended = how
            try:
                do(where, ENDINGS["answer"], call.leg)
            except RuntimeError:
                """It is ended once."""
            else:
                raise AssertionError("a leg was ended twice")
            call.leg = None

    def end_twice_at_once(self, one, other, number):
        call = self.open(number)
        if call is None:
            return
        barrier, won = threading.Barrier(2), []

        def end(how):
            barrier.wait(TOO_LONG)
            try:
                ENDINGS[how](call.leg)
            except RuntimeError:
                return
            won.append(how)

        threads = [threading.Thread(target=end, args=(how,)) for how in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TOO_LONG)
        (call.ended,) = won
        call.leg = None

    def forget(self, where, number):
        call = self.open(number)
        if call is not None:
            legs = [call.leg]
            call.leg, call.ended = None, "abandon"
            do(where, legs.clear)

    def pause(self, where):
        do(where, self.shadower.resume if self.paused else self.shadower.pause)
        self.paused = not self.paused

    def rename(self, where, operation, number):
        call = self.open(number)
        if call is not None:
            do(where, call.leg.name_operation, operation)


async def run(steps, clock):
    config = ShadowConfig(threads=True, shadow_timeout=TIMEOUT, max_in_flight=1000, candidate="1")
    async with Shadower(unused, shadow, config) as shadower:
        model = Model(shadower)
        for name, *arguments in [*steps, *[("end", "thread", "answer", 0)] * len(steps), *[("time passes",)] * 2]:
            if name == "time passes":
                clock.jump(PASSES)
            else:
                getattr(model, name.replace(" ", "_"))(*arguments)
            await trio.testing.wait_all_tasks_blocked()
            assert counts(shadower) == model.expected(), (name, arguments)
        by_operation = shadower.snapshot()["operations"].values()
        assert sum(sum(row["counts"].values()) for row in by_operation) == shadower.statistics().calls
    statistics = shadower.statistics()
    assert statistics.in_flight == statistics.in_flight_bytes == statistics.closed == 0


@given(st.lists(STEPS, min_size=5, max_size=40))
def test_what_threads_do_is_counted_as_the_model_says(steps):
    clock = trio.testing.MockClock()
    trio.run(run, steps, clock, clock=clock)
