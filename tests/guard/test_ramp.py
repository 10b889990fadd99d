"""Ramp: the settings, what a run does (Trio layer, virtual clock, exact times), and the pure plan against a model."""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import re
import weakref
from types import SimpleNamespace

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import ShadowConfig, Shadower, ShadowerNotRunning
from trioshadow._model.refusal import Lack, Refusal
from trioshadow._service.marks import tell_lack
from trioshadow._shadower import admission_of
from trioshadow.compare import IgnorePath
from trioshadow.evidence import Decision, Epoch, Objective
from trioshadow.guard import Ramp, RampEnd, _ramp
from trioshadow.guard._ramp_plan import Broken, Counts, Look, Move, Plan, Position

STEPS = (0.1, 0.5, 1.0)
#: Legs that fail or time out decide nothing by the scorecard.
LENIENT = Objective(acknowledged=["failed", "timed out"], max_p99_ratio=None)
#: Nothing is mirrored before the ramp begins.
CONFIG = ShadowConfig(sample_rate=0)


def once(*args, **options):
    """A ramp that falls back, and stays there."""
    return Ramp(*args, retries=0, **options)


async def echo(request):
    return request


class Backend:
    """Echoes, until a test says otherwise. Answers while no virtual time passes."""

    def __init__(self):
        self.keys = []
        self.answer = echo

    async def call(self, request):
        self.keys.append(request)
        return await self.answer(request)


async def wrong(request):
    return b"wrong " + request


async def slow(request):
    await trio.sleep(0.02)
    return request


async def fails(request):
    raise ValueError("secret")


class Run:
    """A shadower with calls, ten a second in between the looks, each with a key of its own; and a ramp on it. The
    objective is the ramp's, which the shadower has too.
    """

    def __init__(self, ramp, config=CONFIG, *, name="", operation="", per_second=10):
        self.ramp = ramp
        self.shadow = Backend()
        self.shadower = Shadower(echo, self.shadow, config, name=name, objective=ramp.objective or Objective())
        self.operation = operation
        self.per_second = per_second
        self.changes = []
        self.outcome = None
        self.ended_at = None
        reconfigure = self.shadower.reconfigure

        def recording(config):
            reconfigure(config)
            self.changes.append((trio.current_time(), config.sample_rate))

        self.shadower.reconfigure = recording

    async def _climb(self):
        self.outcome = await self.ramp.run(self.shadower)
        self.ended_at = trio.current_time()

    async def _call(self):
        number = 0
        while True:
            await trio.sleep_until((number + 0.5) / self.per_second)
            await self.shadower.call(b"%d" % number, operation=self.operation)
            number += 1


async def until_rejected(shadower, operation=""):
    """Calls that take no time: then a hundred of them are a block."""
    for hundred in range(300):
        if shadower.scorecard().decision is Decision.REJECT:
            return
        for number in range(100):
            await shadower.call(b"%d of %d" % (number, hundred), operation=operation)
        await shadower.wait_idle()
    raise AssertionError("not rejected by then")


def earlier_rows(shadower):
    """The counts of series that are not judged any more."""
    *earlier, _ = admission_of(shadower).ledger.evidences()
    return [row for evidence in earlier for _, row in evidence.rows()]


@contextlib.asynccontextmanager
async def running(*args, **options):
    run = Run(*args, **options)
    async with run.shadower, trio.open_nursery() as run.nursery:
        run.nursery.start_soon(run._call)
        run.nursery.start_soon(run._climb)
        yield run
        run.nursery.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def all_that_is_logged(caplog):
    caplog.set_level(logging.INFO, "trioshadow")


def lines(caplog):
    return [record.getMessage() for record in caplog.records]


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"steps": 0.5}, TypeError, "steps takes several rates, as in [0.01, 0.1, 1.0], not 0.5"),
        ({"steps": "0.5"}, TypeError, "steps takes several rates, as in [0.01, 0.1, 1.0], not '0.5'"),
        ({"steps": ()}, ValueError, "steps must be one or more, not ()"),
        ({"steps": (0.1, "1")}, TypeError, "steps must be numbers, not str: '1' is not rising fractions in (0, 1]"),
        ({"steps": (True,)}, TypeError, "steps must be numbers, not bool: True is not rising fractions in (0, 1]"),
        ({"steps": (0, 1)}, ValueError, "steps must be rising fractions in (0, 1], not (0, 1)"),
        ({"steps": (0.5, 0.5)}, ValueError, "steps must be rising fractions in (0, 1], not (0.5, 0.5)"),
        ({"steps": (0.5, 1.5)}, ValueError, "steps must be rising fractions in (0, 1], not (0.5, 1.5)"),
        ({"steps": (math.nan,)}, ValueError, "steps must be rising fractions in (0, 1], not (nan,)"),
        ({"every": 0}, ValueError, "every must be seconds in (0, inf], not 0"),
        ({"every": "1"}, TypeError, "every must be a number, not str: '1' is not seconds in (0, inf]"),
        ({"look_every": math.nan}, ValueError, "look_every must be seconds in (0, inf], not nan"),
        (
            {"objective": 0.1},
            TypeError,
            (
                "objective must be an Objective, as in Objective(max_rate=0.01), not float: "
                "0.1 is not an Objective, as in Objective(max_rate=0.01) or None"
            ),
        ),
        (
            {"fall_back_to": 0.002},
            ValueError,
            "fall_back_to must be a fraction in [0, 0.001], the first step, not 0.002",
        ),
        ({"fall_back_to": -1}, ValueError, "fall_back_to must be a fraction in [0, 0.001], the first step, not -1"),
        (
            {"fall_back_to": None},
            TypeError,
            "fall_back_to must be a number, not NoneType: None is not a fraction in [0, 0.001], the first step",
        ),
        ({"max_failed": 1.1}, ValueError, "max_failed must be a fraction in [0, 1], not 1.1"),
        ({"max_failed": True}, TypeError, "max_failed must be a number, not bool: True is not a fraction in [0, 1]"),
        ({"cool_down": 0}, ValueError, "cool_down must be seconds in (0, inf], not 0"),
        ({"cool_down": None}, TypeError, "cool_down must be a number, not NoneType: None is not seconds in (0, inf]"),
        ({"retries": -1}, ValueError, "retries must be a count in [0, inf), not -1"),
        ({"retries": 1.5}, TypeError, "retries must be an int, not float: 1.5 is not a count in [0, inf)"),
        ({"min_calls": 0}, ValueError, "min_calls must be a count in [1, inf), not 0"),
    ],
)
def test_what_is_out_of_range_is_an_error_that_names_it(settings, error, message):
    with pytest.raises(error) as raised:
        Ramp(**settings)
    assert str(raised.value) == message


def test_a_ramp_is_frozen_and_its_steps_are_floats():
    ramp = Ramp([0.5, 1], every=math.inf)
    assert ramp.steps == (0.5, 1.0)
    assert list(map(type, ramp.steps)) == [float, float]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        ramp.every = 1.0
    assert ramp.objective is None  # the shadower's own


# ── up ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_each_step_lasts_exactly_as_long_as_it_should_and_has_its_line(autojump_clock, caplog):
    async with running(Ramp(STEPS, every=65), name="swap") as run:
        await trio.sleep(64.5)
        assert run.shadower.config.sample_rate == 0.1
        await trio.sleep(200)
    assert run.changes == [(0, 0.1), (65, 0.5), (130, 1.0)]
    assert (run.outcome.end, run.outcome.rate, run.ended_at) == (RampEnd.DONE, 1.0, 195)
    keys = [b"%d" % number for number in range(1950)]
    compared = [
        sum(map(ShadowConfig(sample_rate=rate).should_shadow, keys[650 * step : 650 * step + 650]))
        for step, rate in enumerate(STEPS)
    ]
    hold = "HOLD: 0.0% of the calls are of operations found clean, and 95.0% are asked for"
    held = "held for 65 s, {} compared, of these 0 failed or timed out; " + hold
    assert lines(caplog) == [
        "shadower 'swap': the ramp begins: 10% of the keys (step 1 of 3); 65 s or more for each step",
        f"shadower 'swap': the ramp goes up: 50% of the keys (step 2 of 3); 10% {held.format(compared[0])}",
        f"shadower 'swap': the ramp goes up: 100% of the keys (step 3 of 3); 50% {held.format(compared[1])}",
        f"shadower 'swap': the ramp is done: 100% {held.format(compared[2])}",
    ]
    assert {record.levelno for record in caplog.records} == {logging.INFO}
    assert run.outcome.reason == f"100% {held.format(compared[2])}"


async def test_the_keys_of_a_step_are_among_those_of_the_next(autojump_clock):
    ramp = Ramp((0.01, 0.1, 0.4, 1.0), every=50, min_calls=1)
    shadow, keys = Backend(), [b"user %d" % number for number in range(300)]
    seen = {}
    async with Shadower(echo, shadow, ShadowConfig(sample_rate=0)) as shadower, trio.open_nursery() as nursery:
        nursery.start_soon(ramp.run, shadower)
        for step in range(4):
            await trio.sleep_until(50 * step + 25)
            shadow.keys.clear()
            for key in keys:
                await shadower.call(key)
                await shadower.wait_idle()
            seen[shadower.config.sample_rate] = set(shadow.keys)
    assert list(seen) == list(ramp.steps)
    assert seen[0.01] < seen[0.1] < seen[0.4] < seen[1.0] == set(keys)


async def test_a_step_waits_for_as_many_calls_as_would_make_min_calls_legs(autojump_clock, caplog):
    # 200 calls make twenty legs at a rate of 0.1: after 200 s. At 0.5 it takes 40, which have come by then.
    async with running(Ramp((0.1, 0.5), every=100), per_second=1) as run:
        await trio.sleep(1000)
    assert run.changes == [(0, 0.1), (200, 0.5)]
    assert run.ended_at == 300
    assert lines(caplog)[1] == "the ramp stays at 10%: too few calls: 100 came, and it takes 200"
    assert len(caplog.records) == 4  # it is told once, and not with each look


async def test_few_users_none_of_whom_is_sampled_do_not_keep_it_from_going_up(autojump_clock):
    config = ShadowConfig(sample_rate=0, key=lambda _: b"a user")
    first = next(
        rate for rate in (0.1, 0.01, 0.001) if not attrs.evolve(config, sample_rate=rate).should_shadow(b"a user")
    )
    async with running(Ramp((first, 1.0), every=10, min_calls=1), config, per_second=100) as run:
        await trio.sleep(30)
    assert run.outcome.end is RampEnd.DONE


async def test_it_begins_on_its_first_step_whatever_the_rate_was(autojump_clock):
    async with running(Ramp(STEPS), ShadowConfig(sample_rate=0.7)) as run:
        await trio.sleep(1)
    assert run.changes == [(0, 0.1)]


async def test_with_one_step_that_lasts_for_ever_it_watches(autojump_clock):
    async with running(once((1.0,), every=math.inf)) as run:
        await trio.sleep(50)
        assert run.outcome is None
        run.shadow.answer = fails
        await trio.sleep(10.5)
        assert (run.outcome.end, run.ended_at) == (RampEnd.FELL_BACK, 60)


# ── down ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
async def test_it_falls_back_with_the_first_look_after_the_scorecard_turned_and_stays_there(autojump_clock, caplog):
    # Slow, and never wrong: that is never broken, and REJECT once it was so in enough minutes.
    ramp = once(STEPS, every=300)
    async with running(ramp, name="swap", operation="GET /\x1b[2J") as run:
        await trio.sleep(303)
        assert run.shadower.config.sample_rate == 0.5
        run.shadow.answer = slow
        while run.shadower.scorecard().decision is not Decision.REJECT:
            await trio.sleep(1)
        turned = trio.current_time()
        await trio.sleep(500)
        assert 0 < run.ended_at - turned <= 10
        assert run.changes == [(0, 0.1), (300, 0.5), (run.ended_at, 0.0)]
        assert (run.outcome.end, run.outcome.rate) == (RampEnd.FELL_BACK, 0.0)
        assert run.outcome.reason.startswith("REJECT: ")
    told = caplog.records[-1]
    assert (
        told.getMessage()
        == f"shadower 'swap': the ramp falls back from 50% to 0%, and stays there: {run.outcome.reason}"
    )
    assert told.levelno == logging.WARNING
    assert "\\u001b[2J" in told.getMessage()  # of the traffic there are names in it, and these can't steer a terminal
    assert "\x1b" not in told.getMessage()


async def test_it_falls_back_when_a_share_of_the_legs_fails_which_the_scorecard_does_not_mind(autojump_clock, caplog):
    async with running(once(STEPS, every=60, objective=LENIENT)) as run:
        await trio.sleep(123)
        run.shadow.answer = fails
        await trio.sleep(30)
        assert run.changes == [(0, 0.1), (60, 0.5), (120, 1.0), (130, 0.0)]
        assert run.outcome.reason == "70 of 100 legs failed or timed out"
    assert lines(caplog)[-1] == f"the ramp falls back from 100% to 0%, and stays there: {run.outcome.reason}"
    assert "secret" not in caplog.text


async def test_where_few_legs_end_the_share_is_that_of_several_looks(autojump_clock):
    # Ten legs a look. Those of the first look pass, of the next all fail: ten of twenty.
    async with running(once((1.0,), every=1000, objective=LENIENT), per_second=1) as run:
        await trio.sleep(10)
        run.shadow.answer = fails
        await trio.sleep(90)
        assert (run.outcome.reason, run.ended_at) == ("10 of 20 legs failed or timed out", 20)


async def test_legs_that_ended_well_before_do_not_hide_those_that_fail_now(autojump_clock):
    async with running(once((1.0,), every=1000, objective=LENIENT)) as run:
        await trio.sleep(95)
        run.shadow.answer = fails
        await trio.sleep(20)
        assert (run.outcome.reason, run.ended_at) == ("50 of 100 legs failed or timed out", 100)


async def test_a_timeout_is_a_failure_to_it(autojump_clock):
    async def hangs(request):
        await trio.sleep_forever()

    config = ShadowConfig(sample_rate=0, shadow_timeout=1)
    async with running(once((1.0,), objective=LENIENT), config) as run:
        run.shadow.answer = hangs
        await trio.sleep(90)
        assert (run.outcome.reason, run.ended_at) == ("90 of 90 legs failed or timed out", 10)


async def test_with_a_max_failed_of_one_no_share_is_too_large(autojump_clock):
    async with running(once((0.5, 1.0), every=60, objective=LENIENT, max_failed=1)) as run:
        run.shadow.answer = fails
        await trio.sleep(200)
        assert run.outcome.end is RampEnd.DONE


async def test_it_falls_back_to_where_it_is_told_to(autojump_clock):
    async with running(once(STEPS, every=60, objective=LENIENT, fall_back_to=0.01)) as run:
        await trio.sleep(65)
        run.shadow.answer = fails
        await trio.sleep(30)
        assert (run.shadower.config.sample_rate, run.outcome.rate) == (0.01, 0.01)


async def test_a_candidate_that_was_rejected_is_not_raised_at_all(autojump_clock, caplog):
    async with Shadower(echo, wrong, name="swap") as shadower:
        await until_rejected(shadower, operation="\x1b" * 256)
        outcome = await Ramp(STEPS).run(shadower)
        assert len(outcome.reason) == 500  # however long the names of the traffic are
        assert trio.current_time() == 0
        assert (outcome.end, shadower.config.sample_rate) == (RampEnd.FELL_BACK, 0)
    assert lines(caplog) == [f"shadower 'swap': the ramp does not begin, and the rate is 0%: {outcome.reason}"]


async def test_legs_in_flight_go_on_when_it_falls_back(autojump_clock):
    async def slow(request):
        await trio.sleep(1.5)
        return request

    async with running(once((1.0,), objective=LENIENT)) as run:
        run.shadow.answer = fails
        await trio.sleep(9)
        run.shadow.answer = slow
        await trio.sleep(1.01)
        assert run.shadower.config.sample_rate == 0
        assert run.shadower.statistics().in_flight == 10
        await run.shadower.wait_idle()
        assert run.shadower.statistics().matched == 10


# ── again ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_bad_candidate_is_tried_at_half_the_rate_after_each_cool_down_and_three_times(autojump_clock, caplog):
    async with running(Ramp(STEPS, every=60, objective=LENIENT, cool_down=1000)) as run:
        await trio.sleep(65)
        run.shadow.answer = fails
        await trio.sleep(6000)
    tries = [(70, 0), (1070, 0.25), (1080, 0), (2080, 0.125), (2110, 0), (3110, 0.0625), (3140, 0)]
    assert run.changes == [(0, 0.1), (60, 0.5), *tries]
    assert (run.outcome.end, run.outcome.rate, run.ended_at) == (RampEnd.FELL_BACK, 0, 3140)
    assert run.outcome.reason == "20 of 20 legs failed or timed out; it tried again 3 times"
    told = lines(caplog)
    assert (
        told[2] == "the ramp falls back from 50% to 0%, and tries again in 1,000 s: 22 of 46 legs failed or timed out"
    )
    assert told[3] == (
        "the ramp tries again (1 of 3): 25% of the keys (step 1 of 3); 1,000 s after it fell back, judged by what "
        "comes from now on"
    )
    assert told[-1] == f"the ramp falls back from 6.25% to 0%, and stays there: {run.outcome.reason}"
    assert [record.levelno for record in caplog.records][2:4] == [logging.WARNING, logging.INFO]


@pytest.mark.slow
async def test_one_that_was_broken_for_an_hour_and_is_mended_gets_to_the_last_step(autojump_clock):
    async with running(Ramp(STEPS, every=60, cool_down=1500)) as run:
        await trio.sleep(62.5)
        run.shadow.answer = wrong
        await trio.sleep(3600)
        run.shadow.answer = echo
        await trio.sleep(3000)
    # Not from the first step. It falls with the first look at a second minute that was broken.
    tries = [(130, 0), (1630, 0.25), (1690, 0), (3190, 0.125), (3250, 0), (4750, 0.0625), (4810, 0.1), (4870, 0.5)]
    assert run.changes == [(0, 0.1), (60, 0.5), *tries, (4930, 1.0)]
    assert (run.outcome.end, run.outcome.rate, run.ended_at) == (RampEnd.DONE, 1, 4990)
    assert run.outcome.reason.endswith("; it tried again 3 times")


async def test_a_try_is_judged_by_what_came_since_it_began_at_half_the_error_level(autojump_clock):
    levels = []
    objective = Objective(operations={"GET /": Objective(error_level=0.01)})
    async with running(Ramp(STEPS, every=60, objective=objective, cool_down=500), operation="GET /") as run:

        def scorecard(objective):
            levels.append((objective.error_level, objective.operations["GET /"].error_level))
            return type(run.shadower).scorecard(run.shadower, objective)

        run.shadow.answer = wrong
        await trio.sleep(1)
        await until_rejected(run.shadower, "GET /")
        run.shadower.scorecard = scorecard
        await trio.sleep(10)
        run.shadow.answer = echo
        assert run.changes == [(0, 0.1), (10, 0)]
        assert set(levels) == {(0.05, 0.01)}
        levels.clear()
        await trio.sleep_until(540.02)
        assert run.changes == [(0, 0.1), (10, 0), (510, 0.05)]
        assert set(levels) == {(0.025, 0.005)}
        # Not a call of the time before: the scorecard begins anew, and the totals go on.
        await run.shadower.wait_idle()
        card, statistics = run.shadower.scorecard(objective), run.shadower.statistics()
        assert card.decision is Decision.HOLD
        assert card.operations[0].fields == ()
        assert statistics.diverged > 50
        assert card.calls == 300
        assert 300 + sum(row.calls for row in earlier_rows(run.shadower)) == statistics.calls


async def test_no_retries_and_a_cool_down_without_end_are_the_same(autojump_clock):
    for ramp in (once((1.0,), objective=LENIENT), Ramp((1.0,), objective=LENIENT, cool_down=math.inf)):
        async with running(ramp) as run:
            run.shadow.answer = fails
            await trio.sleep(11)
            assert run.outcome.end is RampEnd.FELL_BACK
            assert "again" not in run.outcome.reason


async def test_it_tries_at_the_rate_that_it_falls_back_to_where_half_would_be_less(autojump_clock):
    ramp = Ramp((0.1, 1.0), every=60, objective=LENIENT, fall_back_to=0.08, cool_down=100)
    async with running(ramp) as run:
        run.shadow.answer = fails
        await trio.sleep(75)
        run.shadow.answer = echo
        await trio.sleep(300)
    assert run.changes == [(0, 0.1), (20, 0.08), (120, 0.08), (180, 0.1), (240, 1.0)]
    assert run.outcome.end is RampEnd.DONE


async def test_another_candidate_during_the_cool_down_has_all_tries_again(autojump_clock, caplog):
    async with running(Ramp(STEPS, every=60, objective=LENIENT, cool_down=100, retries=1)) as run:
        run.shadow.answer = fails
        await trio.sleep(25)
        run.shadower.reconfigure(attrs.evolve(run.shadower.config, candidate="2"))
        await trio.sleep(140)
        assert run.changes == [(0, 0.1), (20, 0), (25, 0), (30, 0.1), (60, 0), (160, 0.05)]
        assert run.outcome is None
    assert "the ramp starts over: 10% of the keys (step 1 of 3); there is another candidate" in lines(caplog)


async def test_a_candidate_that_is_rejected_as_it_comes_falls_back_with_all_of_its_tries(autojump_clock):
    async with running(Ramp(STEPS, every=60, cool_down=100, retries=1)) as run:
        run.shadow.answer = wrong
        await trio.sleep(1)
        before = run.shadower.config
        await until_rejected(run.shadower)
        run.shadower.reconfigure(attrs.evolve(before, candidate="2"))
        run.shadow.answer = echo
        await trio.sleep_until(75)
        assert run.changes == [(0, 0.1), (1, 0.1), (10, 0.1), (70, 0.5)]
        run.shadower.reconfigure(attrs.evolve(before, sample_rate=0.5))
        await trio.sleep(120)
        # As if it had never climbed: half of the first step.
        assert run.changes[4:] == [(75, 0.5), (80, 0), (180, 0.05)]


async def test_who_sets_the_rate_during_the_cool_down_is_given_way(autojump_clock):
    async with running(Ramp(STEPS, every=60, objective=LENIENT)) as run:
        run.shadow.answer = fails
        await trio.sleep(33)
        assert run.shadower.config.sample_rate == 0
        run.shadower.reconfigure(attrs.evolve(run.shadower.config, sample_rate=0.25))
        await trio.sleep(3000)
        assert (run.outcome.end, run.outcome.rate, run.ended_at) == (RampEnd.GAVE_WAY, 0.25, 40)


async def test_a_shadower_that_is_left_during_the_cool_down_ends_it(autojump_clock):
    outcomes = []

    async def climb(shadower):
        outcomes.append(await Ramp((1.0,), objective=LENIENT, cool_down=30).run(shadower))

    async with trio.open_nursery() as nursery, Shadower(echo, fails, objective=LENIENT) as shadower:
        nursery.start_soon(climb, shadower)
        for number in range(62):
            await trio.sleep(1)
            await shadower.call(b"%d" % number)
        assert shadower.config.sample_rate == 0.5  # the first try, since 60
        while shadower.config.sample_rate:
            await trio.sleep(1)
            await shadower.call(b"%d" % trio.current_time())
    assert [outcome.end for outcome in outcomes] == [RampEnd.CLOSED]
    assert outcomes[0].reason == "the shadower was left; it tried again 1 time"


# ── broken now ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_while_something_is_broken_it_holds_its_step_and_in_one_minute_it_does_not_fall(autojump_clock, caplog):
    async with running(Ramp(STEPS, every=60)) as run:
        await trio.sleep(65)
        run.shadow.answer = wrong
        await trio.sleep(20)
        run.shadow.answer = echo
        await trio.sleep(1000)
    # Seen at 70; it counts as broken for ten minutes after the one with the alarm; a look later the step begins.
    assert run.changes == [(0, 0.1), (60, 0.5), (780, 1.0)]
    assert run.outcome.end is RampEnd.DONE
    stays = [line for line in lines(caplog) if "stays" in line]
    assert len(stays) == 1
    since = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    told = rf"the ramp stays at 50%: broken since {since} UTC: \(unnamed\): \$; the step begins anew"
    assert re.fullmatch(told, stays[0])


async def test_broken_in_two_minutes_in_a_row_it_falls_back_though_the_scorecard_holds(autojump_clock, caplog):
    async with running(Ramp(STEPS, every=600), operation="GET /\x1b[2J") as run:
        await trio.sleep(1505)
        run.shadow.answer = wrong
        await trio.sleep(120)
        assert run.shadower.scorecard().decision is Decision.HOLD
    assert run.changes == [(0, 0.1), (600, 0.5), (1200, 1.0), (1570, 0)]
    assert "the ramp falls back from 100% to 0%, and tries again in 3,600 s: broken since" in lines(caplog)[-1]
    assert lines(caplog)[-1].endswith(r" UTC: GET /\u001b[2J: $")


async def test_what_is_acknowledged_is_not_broken(autojump_clock):
    async with running(Ramp((0.5, 1.0), every=60, objective=Objective(acknowledged=["$"]))) as run:
        run.shadow.answer = wrong
        await trio.sleep(200)
    assert (run.outcome.end, run.ended_at) == (RampEnd.DONE, 120)


STALL = 20


async def stalls_once_an_hour(run, seconds, *, at, hours=3):
    """A stall of `seconds` for those calls that come in the twenty."""

    async def answer(request):
        if at <= trio.current_time() % 3600 < at + STALL:
            await trio.sleep(seconds)
        return request

    run.shadow.answer = answer
    await trio.sleep(hours * 3600)


@pytest.mark.slow
async def test_a_stall_of_twenty_seconds_an_hour_that_makes_it_slow_costs_nothing(autojump_clock):
    async with running(Ramp((0.5, 1.0), every=900), per_second=5) as run:
        await stalls_once_an_hour(run, 1.0, at=600, hours=1)
    assert run.changes == [(0, 0.5), (900, 1.0)]
    assert (run.outcome.end, run.ended_at) == (RampEnd.DONE, 1800)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cool_down", "changes"),
    [
        # Just when it stalls again, on the same keys.
        (3590, [(4210, 0.25), (4230, 0), (7820, 0.125), (8720, 0.5), (9620, 1.0)]),
        (3600, [(4220, 0.25), (5120, 0.5), (6020, 1.0)]),
        (1500, [(2120, 0.25), (3020, 0.5), (3920, 1.0), (4210, 0), (5710, 0.5), (6610, 1.0)]),
    ],
)
async def test_a_stall_of_twenty_seconds_an_hour_that_makes_it_time_out_costs_a_try(autojump_clock, cool_down, changes):
    async with running(Ramp((0.5, 1.0), every=900, cool_down=cool_down), per_second=5) as run:
        await stalls_once_an_hour(run, 3.0, at=600)
    assert run.changes == [(0, 0.5), (620, 0), *changes]
    assert run.outcome.end is RampEnd.DONE


async def test_an_objective_that_the_shadower_does_not_count_for_is_told_once(autojump_clock, caplog):
    asked = Objective(max_rate=0.01)
    for objective in (Objective(), asked, Objective(max_rate=0.01, error_level=0.01)):
        async with Shadower(echo, echo, CONFIG, objective=objective) as shadower:
            with trio.move_on_after(25):
                await Ramp(objective=asked).run(shadower)
    told = [record for record in caplog.records if "give the objective to the Shadower" in record.getMessage()]
    assert [record.levelno for record in told] == [logging.WARNING]


async def test_without_an_objective_of_its_own_it_judges_by_the_shadowers(autojump_clock):
    async with running(once((1.0,))) as run:
        pass
    asked = []
    async with Shadower(echo, echo, CONFIG, objective=LENIENT) as shadower:
        shadower.scorecard = lambda objective: asked.append(objective) or type(shadower).scorecard(shadower, objective)
        with trio.move_on_after(15):
            await run.ramp.run(shadower)
    assert set(map(str, asked)) == {str(LENIENT)}


# ── what others do meanwhile ────────────────────────────────────────────────────────────────────────────────────────


async def test_who_sets_the_rate_is_given_way(autojump_clock, caplog):
    async with running(Ramp(STEPS, every=60), name="swap") as run:
        await trio.sleep(73)
        run.shadower.reconfigure(attrs.evolve(run.shadower.config, sample_rate=0.25))
        await trio.sleep(1000)
        assert run.shadower.config.sample_rate == 0.25
        assert (run.outcome.end, run.outcome.rate, run.ended_at) == (RampEnd.GAVE_WAY, 0.25, 80)
    told = caplog.records[-1]
    assert told.getMessage() == "shadower 'swap': the ramp gives way: the rate was set to 25% by somebody else"
    assert told.levelno == logging.WARNING


async def test_who_sets_the_rate_is_given_way_even_where_the_candidate_is_bad(autojump_clock):
    async with running(Ramp(STEPS, every=60)) as run:
        await trio.sleep(65)
        run.shadow.answer = wrong
        run.shadower.reconfigure(attrs.evolve(run.shadower.config, sample_rate=1.0))
        await trio.sleep(100)
        assert run.outcome.end is RampEnd.GAVE_WAY
        assert run.shadower.config.sample_rate == 1


async def test_nothing_else_that_was_reconfigured_is_lost(autojump_clock):
    async with running(Ramp(STEPS, every=60)) as run:
        await trio.sleep(13)
        changed = attrs.evolve(run.shadower.config, max_in_flight=7, noise_rate=0.5, drain_timeout=1.0)
        run.shadower.reconfigure(changed)
        await trio.sleep(200)
        assert run.outcome.end is RampEnd.DONE
        assert run.ended_at == 180  # these are no matter of an epoch
        assert run.shadower.config == attrs.evolve(changed, sample_rate=1.0)
        assert run.shadower.config.comparison is not None


async def test_with_another_candidate_it_starts_over(autojump_clock, caplog):
    async with running(Ramp(STEPS, every=60)) as run:
        await trio.sleep(125)
        run.shadower.reconfigure(attrs.evolve(run.shadower.config, candidate="2"))
        await trio.sleep(20)
    assert run.changes == [(0, 0.1), (60, 0.5), (120, 1.0), (125, 1.0), (130, 0.1)]
    assert lines(caplog)[-1] == "the ramp starts over: 10% of the keys (step 1 of 3); there is another candidate"


async def test_with_other_rules_the_step_begins_anew(autojump_clock, caplog):
    async with running(Ramp(STEPS, every=60)) as run:
        await trio.sleep(103)
        run.shadower.reconfigure(attrs.evolve(run.shadower.config, ignore=[IgnorePath("$.id")]))
        await trio.sleep(80)
    assert run.changes == [(0, 0.1), (60, 0.5), (103, 0.5), (170, 1.0)]
    assert lines(caplog)[2] == "the ramp stays at 50%: there are other rules; the step begins anew"


async def test_rules_by_which_the_candidate_was_rejected_once_make_it_fall_back(autojump_clock):
    async with running(once(STEPS, every=60)) as run:
        await trio.sleep(63)
        before = run.shadower.config
        run.shadow.answer = wrong
        await until_rejected(run.shadower)
        run.shadower.reconfigure(attrs.evolve(before, compare=lambda a, b: True))
        await trio.sleep(20)
        assert run.outcome is None
        run.shadower.reconfigure(before)
        await trio.sleep(10)
        assert run.outcome.end is RampEnd.FELL_BACK


async def test_a_step_in_which_calls_were_paused_begins_anew(autojump_clock, caplog):
    async with running(Ramp(STEPS, every=60)) as run:
        await trio.sleep(33)
        run.shadower.pause()
        await trio.sleep(20)
        run.shadower.resume()
        await trio.sleep(80)
    assert run.changes == [(0, 0.1), (120, 0.5)]
    assert lines(caplog)[1:2] == ["the ramp stays at 10%: 70 calls were paused; the step begins anew"]
    assert len(caplog.records) == 3


async def test_what_keeps_it_is_told_once_on_each_step(autojump_clock, caplog):
    async with running(Ramp(STEPS, every=60)) as run:
        for pause_at in (5, 25, 105):  # the second step begins at 90
            await trio.sleep_until(pause_at)
            run.shadower.pause()
            await trio.sleep(1)
            run.shadower.resume()
        await trio.sleep(20)
        assert run.changes == [(0, 0.1), (90, 0.5)]
    told = "the ramp stays at {}: 10 calls were paused; the step begins anew"
    assert [line for line in lines(caplog) if "stays" in line] == [told.format("10%"), told.format("50%")]


async def test_failures_are_counted_on_across_pauses(autojump_clock):
    """A breaker that opens pauses calls, and so must not hide from a ramp why it did."""
    async with running(once((1.0,), objective=LENIENT)) as run:
        run.shadow.answer = fails
        for _ in range(4):
            await trio.sleep(0.5)
            run.shadower.pause()
            await trio.sleep(9.5)
            run.shadower.resume()
        await trio.sleep(10)
        assert (run.outcome.reason, run.ended_at) == ("20 of 20 legs failed or timed out", 40)


async def test_where_calls_are_shed_it_does_not_go_up(autojump_clock, caplog):
    async def slow(request):
        await trio.sleep(0.98)
        return request

    config = ShadowConfig(sample_rate=0, max_in_flight=5)
    async with running(Ramp((0.1, 1.0), every=60, objective=LENIENT), config) as run:
        run.shadow.answer = slow
        await trio.sleep(300)
        assert run.outcome is None
        shed = run.shadower.statistics().shed
        assert shed > 1000
        run.shadow.answer = echo
        await trio.sleep(100)
        assert run.outcome.end is RampEnd.DONE
        assert run.ended_at == 360
    told = "the ramp stays at 100%: {} of 100 sampled calls were shed, so there is no room for a higher rate"
    assert [line for line in lines(caplog) if "stays" in line] == [told.format(50) + "; the step begins anew"]


async def test_where_most_legs_are_abandoned_it_does_not_go_up(autojump_clock, caplog):
    async with running(Ramp((0.5, 1.0), every=60), per_second=0.001) as run:
        for number in range(599):
            with run.shadower.start(b"%d" % number):
                await trio.sleep(0.1)
        await trio.sleep(100)
        assert run.changes == [(0, 0.5)]
    count = run.shadower.statistics().abandoned
    assert lines(caplog)[1] == f"the ramp stays at 50%: {count:,} legs were abandoned, and 0 compared"


async def test_while_credentials_are_withheld_it_does_not_go_up(autojump_clock, caplog):
    """A shadow that refuses all calls bears any rate."""

    async def refuses(request):
        tell_lack(Lack(["cookie"], "--forward-credential cookie", Refusal.UNKNOWN))
        return b"who?"

    async with running(Ramp((0.5, 1.0), every=60)) as run:
        run.shadow.answer = refuses
        await trio.sleep(300)
        assert run.changes == [(0, 0.5)]
    assert "without cookie" in lines(caplog)[1]
    assert lines(caplog)[1].startswith("the ramp stays at 50%: HOLD: (unnamed): ")


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_on_a_shadower_that_was_never_entered_it_is_an_error():
    with pytest.raises(ShadowerNotRunning, match="start it inside of `async with shadower:`"):
        await Ramp().run(Shadower(echo, echo))


async def test_it_does_not_hold_up_the_end_of_a_program(autojump_clock, caplog):
    outcomes = []

    async def climb(shadower):
        outcomes.append(await Ramp(STEPS, look_every=60).run(shadower))

    async with trio.open_nursery() as nursery, Shadower(echo, echo) as shadower:
        nursery.start_soon(climb, shadower)
        await trio.sleep(10.5)
    assert trio.current_time() == 11
    assert [outcome.end for outcome in outcomes] == [RampEnd.CLOSED]
    assert lines(caplog)[-1] == "the ramp ends: the shadower was left"
    with trio.testing.assert_checkpoints():
        await climb(shadower)
    assert outcomes[1] == attrs.evolve(outcomes[0], rate=0.1)


async def test_cancelled_it_leaves_the_rate_where_it_is(autojump_clock):
    async with running(Ramp(STEPS, every=60)) as run:
        await trio.sleep(70)
        run.nursery.cancel_scope.cancel()
    assert run.outcome is None
    assert run.shadower.config.sample_rate == 0.5


async def test_the_last_ramp_on_a_shadower_is_the_one_that_goes_on(autojump_clock, caplog):
    async with running(Ramp(STEPS, every=60, look_every=30)) as run:
        await trio.sleep(30.5)
        # Its first step is just where the other stands.
        run.nursery.start_soon(Ramp((0.1, 0.2), every=60, min_calls=1).run, run.shadower)
        await trio.sleep(1)
        assert (run.outcome.end, run.ended_at) == (RampEnd.GAVE_WAY, 31)
        await trio.sleep(100)
        assert run.changes == [(0, 0.1), (30.5, 0.1), (90.5, 0.2)]
    assert "the ramp gives way: another one has begun" in lines(caplog)


async def test_it_keeps_no_shadower_alive(autojump_clock):
    async with Shadower(echo, echo) as shadower:
        with trio.move_on_after(20):
            await Ramp().run(shadower)
    gone = weakref.ref(shadower)
    del shadower
    gc.collect()
    assert gone() is None


async def test_scorecards_take_a_hundredth_of_the_loops_time_at_most(autojump_clock, monkeypatch):
    asked, spent = [], 0.0

    def scorecard(objective):
        nonlocal spent
        spent += 0.35
        asked.append(trio.current_time())
        return type(run.shadower).scorecard(run.shadower, objective)

    monkeypatch.setattr(_ramp, "time", SimpleNamespace(thread_time=lambda: spent))
    async with running(Ramp((0.5, 1.0), every=60)) as run:
        run.shadower.scorecard = scorecard
        await trio.sleep(200)
    # No step without one: at 60 s it is not due yet.
    assert asked == [0, 40, 80, 120, 160]
    assert run.changes == [(0, 0.5), (80, 1.0)]
    assert run.ended_at == 160


# ── the decision ────────────────────────────────────────────────────────────────────────────────────────────────────

ZERO = Counts(0, 0, 0, 0, 0, 0, 0)


def plan_of(steps, *, every, max_failed=0.1, min_calls=20, fall_back_to=0.0, cool_down=3600.0, retries=3):
    """With the defaults of a Ramp."""
    return Plan(
        steps=tuple(steps),
        every=every,
        max_failed=max_failed,
        min_calls=min_calls,
        fall_back_to=fall_back_to,
        cool_down=cool_down,
        retries=retries,
    )


def plus(one, other):
    return Counts(*(a + b for a, b in zip(attrs.astuple(one), attrs.astuple(other), strict=True)))


def test_a_burst_in_which_calls_are_shed_is_seen_however_long_the_step_has_lasted():
    plan = plan_of((0.1, 1.0), every=600)
    look = Look(now=0.0, rate=0.1, epoch=Epoch(), counts=ZERO, decision=Decision.HOLD, told="")
    position = Position.beginning(plan.steps, look)
    for shed, move in ((0, Move.STAY), (1, Move.STAY), (2, Move.BEGIN_ANEW), (0, Move.STAY)):
        counts = plus(look.counts, Counts(1000, 100, 100 - shed, 0, 0, shed, 0))
        look = attrs.evolve(look, now=look.now + 10, counts=counts)
        planned = plan.next_move(position, look)
        position = planned.position
        assert planned.move is move
    assert planned.position.since == 30


def test_what_is_on_the_way_to_a_reject_is_waited_for_and_what_is_over_is_not():
    plan = plan_of((0.1, 1.0), every=10)
    look = Look(now=0.0, rate=0.1, epoch=Epoch(), counts=ZERO, decision=Decision.HOLD, told="")
    position = Position.beginning(plan.steps, look)
    seen = [
        (8, Move.BEGIN_ANEW, "regressed, and rejected after 8 more blocks of time like these"),
        (7, Move.BEGIN_ANEW, "regressed, and rejected after 7 more blocks of time like these"),
        (7, Move.UP, "held"),
    ]
    for needed, move, reason in seen:
        counts = plus(look.counts, Counts(1000, 100, 100, 0, 0, 0, 0))
        look = attrs.evolve(look, now=look.now + 10, counts=counts, needed=needed)
        planned = plan.next_move(position, look)
        position = planned.position
        assert planned.move is move
        assert reason in planned.reason
    # After a step without any, more than anybody waits for.
    position = Position.beginning(plan.steps, attrs.evolve(look, needed=None))
    counts = plus(look.counts, Counts(1000, 100, 100, 0, 0, 0, 0))
    look = attrs.evolve(look, now=look.now + 10, counts=counts)
    for needed, move in ((20, Move.BEGIN_ANEW), (21, Move.UP)):
        assert plan.next_move(position, attrs.evolve(look, needed=needed)).move is move


@st.composite
def came(draw):
    """What may come between two looks."""
    compared, abandoned, shed = draw(st.integers(0, 30)), draw(st.integers(0, 3)), draw(st.sampled_from([0, 0, 0, 1]))
    failed = draw(st.integers(0, compared)) if draw(st.integers(0, 9)) == 0 else 0
    sampled = compared + abandoned + shed
    return Counts(
        drawn=sampled + draw(st.integers(0, 100)),
        sampled=sampled,
        compared=compared,
        failed=failed,
        abandoned=abandoned,
        shed=shed,
        paused=draw(st.sampled_from([0, 0, 0, 0, 5])),
    )


@attrs.frozen
class Event:
    seconds: float
    came: Counts
    decision: Decision | None
    candidate: bool
    rules: bool
    rate: bool
    broken: Broken | None
    needed: int | None


EVENTS = st.builds(
    Event,
    seconds=st.sampled_from([5.0, 10.0, 60.0]),
    came=came(),
    decision=st.sampled_from([Decision.HOLD] * 6 + [Decision.PROMOTE, None, Decision.REJECT]),
    candidate=st.sampled_from([False] * 9 + [True]),
    rules=st.sampled_from([False] * 9 + [True]),
    rate=st.sampled_from([False] * 19 + [True]),
    broken=st.sampled_from([None] * 8 + [Broken("broken", 1), Broken("broken", 2)]),
    needed=st.sampled_from([None] * 8 + [3, 9, 30]),
)


@given(
    plan=st.builds(
        plan_of,
        st.sampled_from([(1.0,), (0.1, 0.5), (0.01, 0.1, 0.5, 1.0)]),
        every=st.sampled_from([10.0, 25.0, 60.0]),
        max_failed=st.sampled_from([0.0, 0.1, 1.0]),
        min_calls=st.integers(1, 20),
        fall_back_to=st.sampled_from([0.0, 0.004, 0.01]),
        cool_down=st.sampled_from([7.0, 60.0, math.inf]),
        retries=st.integers(0, 3),
    ),
    events=st.lists(EVENTS, min_size=20, max_size=60),
)
def test_a_plan_keeps_its_rules_under_all_that_may_come(plan, events):
    """A model with a memory of its own of what came since the step began."""
    look = Look(now=0.0, rate=0.0, epoch=Epoch("0", "0"), counts=ZERO, decision=None, told="told")
    position, began, held = Position.beginning(plan.steps, look), 0.0, ZERO
    rests_until, tries = None, 0
    for event in events:
        rate = position.rate if rests_until is None else plan.fall_back_to
        epoch = Epoch(
            look.epoch.candidate + "'" * event.candidate,
            look.epoch.rules + "'" * event.rules,
        )
        look = Look(
            now=look.now + event.seconds,
            rate=(rate + 1) / 2 - 1e-9 if event.rate else rate,
            epoch=epoch,
            counts=plus(look.counts, event.came),
            decision=event.decision,
            told="told",
            broken=event.broken if event.decision is not None else None,
            needed=event.needed if event.decision is not None else None,
        )
        held = plus(held, event.came)
        lasted = look.now >= began + plan.every
        before, planned = position, plan.next_move(position, look)
        move, position = planned.move, planned.position

        # Who else has set the rate is always given way, and never anybody else.
        assert (move is Move.GIVE_WAY) == event.rate
        if event.rate:
            return
        if event.candidate:
            # Another one has all tries, and all steps.
            rests_until, tries = None, 0
            assert (position.steps, position.step) == (plan.steps, 0)
            assert move is Move.START_OVER or event.decision is Decision.REJECT
        if rests_until is not None:
            # It asks for nothing but the time.
            assert move is (Move.STAY if look.now < rests_until else Move.TRY_AGAIN)
            if move is Move.STAY:
                continue
            rests_until, tries = None, tries + 1
            assert tries <= plan.retries
            assert position.rate == max(before.rate / 2, plan.fall_back_to)
            assert position.steps == (position.rate, *[step for step in plan.steps if step > position.rate])
        elif move is Move.TRY_AGAIN:
            raise AssertionError("it tried again before it fell back")
        elif event.decision is Decision.REJECT:
            # Rejected, it never stays; and it falls for nothing but that, failures, and what is broken.
            assert move in (Move.REST, Move.FALL_BACK)
        assert position.tries == tries
        if move in (Move.REST, Move.FALL_BACK):
            broken = look.broken is not None and look.broken.blocks == 2
            assert event.decision is Decision.REJECT or look.counts.failed > 0 or broken
            assert (move is Move.FALL_BACK) == (tries == plan.retries or plan.cool_down == math.inf)
            if move is Move.FALL_BACK:
                return
            rests_until = look.now + plan.cool_down
            assert position.rests_until == rests_until
            continue
        if event.candidate or move is Move.TRY_AGAIN:
            pass
        elif event.rules:
            assert (move, position.step) == (Move.BEGIN_ANEW, before.step)
        elif event.came.compared >= plan.min_calls and plan.max_failed == 0:
            assert not event.came.failed
        if move in (Move.UP, Move.DONE):
            # By one step, after all of its time and in one piece, with a scorecard and with something seen.
            assert lasted
            assert event.decision is not None
            assert look.broken is None
            assert look.needed is None or look.needed > 20 or look.needed >= (before.needed or 0)
            assert not event.came.paused
            assert held.drawn * rate >= plan.min_calls
            assert held.compared >= held.abandoned
            assert position.step == before.step + (move is Move.UP)
            assert (move is Move.DONE) == (before.step + 1 == len(before.steps))
        elif move is Move.STAY:
            assert position.step == before.step
            assert position.since == before.since
            # It does not stay without a reason.
            assert planned.reason or not lasted or event.decision is None
        if move is Move.DONE:
            return
        if move is not Move.STAY:
            assert position.since == look.now
            began, held = look.now, ZERO


@given(st.lists(st.sampled_from([0.01, 0.1, 0.5, 1.0]), min_size=1, unique=True).map(sorted), st.integers(1, 12))
def test_undisturbed_it_takes_every_for_each_step_and_no_more(steps, looks):
    plan = plan_of(steps, every=looks * 10.0, min_calls=1)
    look = Look(now=0.0, rate=0.0, epoch=Epoch(), counts=ZERO, decision=Decision.HOLD, told="")
    position, moves = Position.beginning(plan.steps, look), []
    while Move.DONE not in moves:
        counts = plus(look.counts, Counts(1000, 500, 500, 0, 0, 0, 0))
        look = attrs.evolve(look, now=look.now + 10, rate=plan.steps[position.step], counts=counts)
        planned = plan.next_move(position, look)
        position = planned.position
        moves.append(planned.move)
    stays = [Move.STAY] * (looks - 1)
    assert moves == [*[*stays, Move.UP] * (len(steps) - 1), *stays, Move.DONE]
