"""Promise 4 under random schedules: calls, cancellations, candidates, sinks and shutdowns, on a virtual clock.

Hypothesis draws what happens and when. The accounting is checked at every step that Trio takes, by an instrument; at
the end every call is in exactly one counter, no leg is left, and no task and no tracked answer is.
"""

from __future__ import annotations

import collections
import contextlib
import gc
import itertools

import attrs
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import ShadowConfig, Shadower, ShadowOutcome, Sink, Verdict
from trioshadow._shadower import admission_of
from trioshadow.evidence import Evidence
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import assert_accounts, assert_lets_go
from tests.support.alive import task_names
from tests.support.hell import (
    cancels_the_legs_nursery,
    leaves_a_nursery_open,
    raises_in_cleanup,
    swallows_cancelled,
)

SECONDS = st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 4.0])


class Alive:
    def __eq__(self, other):
        return isinstance(other, Alive)

    __hash__ = None  # type: ignore[assignment]


SHADOW_STEPS = st.one_of(
    st.builds(Answer, st.sampled_from([b"same", b"other"]), after=SECONDS),
    st.builds(lambda after: Answer(lambda _: Alive(), after=after), SECONDS),
    st.builds(Fail, st.sampled_from([ValueError, KeyError, SystemExit]), after=SECONDS),
    st.just(Hang()),
    st.builds(Hang, refuse_cancel=SECONDS),
    st.sampled_from([cancels_the_legs_nursery, leaves_a_nursery_open, raises_in_cleanup, swallows_cancelled]),
)
PRIMARY_STEPS = st.one_of(
    st.builds(Answer, st.just(b"same"), after=SECONDS),
    st.builds(lambda after: Answer(lambda _: Alive(), after=after), SECONDS),
    st.builds(Fail, st.sampled_from([ValueError, KeyError]), after=SECONDS),
)


@attrs.frozen
class Caller:
    """Comes at a time, and is cancelled after another."""

    at: float
    patience: float
    shielded: bool
    operation: str


@attrs.frozen
class Schedule:
    callers: list[Caller]
    primary: list[object]
    shadow: list[object]
    secondary: list[object] | None
    max_in_flight: int
    drain_timeout: float
    ends_after: float
    ends_by: str
    pause_at: float
    new_rules_at: float
    sink_seconds: float
    lossless: bool
    ignores: list[bool | None] | None


CALLERS = st.builds(
    Caller, at=SECONDS, patience=SECONDS, shielded=st.booleans(), operation=st.sampled_from(["", "a", "b"])
)
SCHEDULES = st.builds(
    Schedule,
    callers=st.lists(CALLERS, max_size=12),
    primary=st.lists(PRIMARY_STEPS, min_size=1, max_size=6),
    shadow=st.lists(SHADOW_STEPS, min_size=1, max_size=6),
    secondary=st.none() | st.lists(SHADOW_STEPS, min_size=1, max_size=6),
    max_in_flight=st.integers(1, 5),
    drain_timeout=SECONDS,
    ends_after=SECONDS,
    ends_by=st.sampled_from(["leaving", "exception", "cancellation", "cancellation during the drain"]),
    pause_at=SECONDS,
    new_rules_at=SECONDS,
    sink_seconds=SECONDS,
    lossless=st.booleans(),
    ignores=st.none() | st.lists(st.booleans() | st.none(), min_size=1, max_size=4),
)


class End(Exception):
    pass


class Checker(trio.abc.Instrument):
    """Checks the accounting before each step of each task."""

    def __init__(self, shadower, limit):
        self.shadower = shadower
        self.limit = limit
        self.steps = 0

    def before_task_step(self, task):
        self.steps += 1
        statistics = self.shadower.statistics()
        assert_accounts(statistics)
        assert statistics.in_flight + statistics.records_waiting <= self.limit
        # What has a verdict and is not in the log waits, whatever the statistics say of it.
        recorded = statistics.diverged + statistics.failed + statistics.timed_out
        logged = len(self.shadower.divergences()) + len(self.shadower.failures())
        assert statistics.in_flight + recorded - logged <= self.limit
        assert f" {statistics.in_flight} in flight" in repr(self.shadower)
        for row in self.shadower.snapshot()["operations"].values():
            assert min(*row["counts"].values(), *row["secondary"].values()) >= 0


async def run(schedule: Schedule) -> tuple[int, collections.Counter[Verdict | None]]:
    """What the calls saw: how many there were, and the verdicts of those that got an outcome."""
    written: list[object] = []
    outcomes: list[ShadowOutcome[object, object]] = []
    calls = 0

    async def sink(record):
        await trio.sleep(schedule.sink_seconds)
        written.append(record)

    ignores = itertools.cycle(schedule.ignores or [])

    def ignore_if(request, primary, shadow):
        if (ignored := next(ignores)) is None:
            raise ValueError
        return ignored

    config = ShadowConfig(
        max_in_flight=schedule.max_in_flight,
        drain_timeout=schedule.drain_timeout,
        noise_rate=0.7,
        ignore_if=None if schedule.ignores is None else ignore_if,
    )
    new_rules = attrs.evolve(config, candidate="2")
    primary, shadow = ScriptedBackend(*schedule.primary), ScriptedBackend(*schedule.shadow)  # type: ignore[arg-type]
    sinks = [Sink(sink, name="sink", lossless=schedule.lossless, max_buffer_size=2)]
    secondary = ScriptedBackend(*schedule.secondary) if schedule.secondary else None  # type: ignore[arg-type]
    shadower: Shadower[object, object, object] = Shadower(primary, shadow, config, sinks=sinks, secondary=secondary)

    async def caller(caller: Caller) -> None:
        nonlocal calls
        await trio.sleep(caller.at)
        if not admission_of(shadower).entered:
            return
        calls += 1
        start = trio.current_time()
        steps = len(primary.requests)
        with trio.move_on_after(caller.patience, shield=caller.shielded):
            step = schedule.primary[steps % len(schedule.primary)]
            with contextlib.suppress(ValueError, KeyError):
                outcomes.append(await shadower.call(b"k", operation=caller.operation))
            assert trio.current_time() - start == step.after  # type: ignore[attr-defined]

    async def reconfigure() -> None:
        await trio.sleep(schedule.new_rules_at)
        shadower.reconfigure(new_rules)

    trio.lowlevel.add_instrument(Checker(shadower, schedule.max_in_flight))
    tasks_before = task_names()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reconfigure)
        for one in schedule.callers:
            nursery.start_soon(caller, one)
        try:
            with trio.CancelScope() as scope:
                async with shadower:
                    with trio.move_on_after(schedule.pause_at):
                        await trio.sleep(schedule.ends_after)
                    shadower.pause()
                    await trio.lowlevel.checkpoint()
                    shadower.resume()
                    await trio.sleep(max(0, schedule.ends_after - trio.current_time()))
                    match schedule.ends_by:
                        case "exception":
                            raise End
                        case "cancellation":
                            scope.cancel()
                            await trio.lowlevel.checkpoint()
                        case "cancellation during the drain":
                            scope.deadline = trio.current_time() + schedule.drain_timeout / 2
        except End:
            assert schedule.ends_by == "exception"
        left_at = trio.current_time()
        # The slowest shadow refuses for 4 s, and the flush is bounded too.
        assert left_at <= schedule.ends_after + schedule.drain_timeout * 2 + 8
        assert shadower.statistics().in_flight == 0
        assert shadower.statistics().secondary.in_flight == 0
    statistics = shadower.statistics()
    assert statistics.calls == calls
    rows = []
    for one in (config, new_rules):
        shadower.reconfigure(one)
        rows += Evidence.from_dict(shadower.snapshot()).operations.values()
    compared = sum(row.compared + row.overdue for row in rows)
    assert compared == statistics.matched + statistics.diverged + statistics.failed + statistics.timed_out
    assert sum(row.keys.estimate > 0 for row in rows) == sum(row.compared > 0 for row in rows)
    assert all(outcome.verdict is not None for outcome in outcomes)
    recorded = statistics.diverged + statistics.failed + statistics.timed_out
    assert len(written) + statistics.records_dropped["sink"] == recorded
    assert len(shadower.divergences()) + len(shadower.failures()) == recorded
    assert statistics.records_waiting == 0
    assert_lets_go(shadower, config, new_rules)
    assert task_names() == tasks_before
    verdicts = collections.Counter(outcome.verdict for outcome in outcomes)
    for verdict, count in verdicts.items():
        assert verdict is not None
        assert count <= getattr(statistics, verdict.value)
    return calls, verdicts


@given(SCHEDULES)
def test_every_call_is_accounted_for_at_every_step(schedule):
    gc.collect()
    trio.run(run, schedule, clock=trio.testing.MockClock(autojump_threshold=0))
    gc.collect()
    assert not [thing for thing in gc.get_objects() if isinstance(thing, Alive)]
