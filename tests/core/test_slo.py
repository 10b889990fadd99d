"""An SLO tracker is told each verdict, and can disturb nothing. Trio layer, virtual clock."""

from __future__ import annotations

import pytest
import trio

from trioshadow import BodyDiff, Divergence, ShadowConfig, Shadower, mirrored
from trioshadow.guard import Breaker, BreakerState
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import counts


class Tracker:
    def __init__(self, error=None):
        self.records = []
        self.error = error

    def record(self, success):
        self.records.append(success)
        if self.error is not None:
            raise self.error


SAME = Answer(b"same")
STEPS = [SAME, Answer(b"other"), Fail(ValueError), Hang(), SAME]


async def test_it_is_told_each_verdict_matches_included(autojump_clock):
    slo = Tracker()
    async with Shadower(ScriptedBackend(SAME), ScriptedBackend(*STEPS), slo=slo) as shadower:
        for _ in STEPS:
            await shadower.call(b"k")
            await shadower.wait_idle()
    assert slo.records == [True, False, False, False, True]


async def test_it_is_not_told_of_calls_that_say_nothing(autojump_clock):
    slo = Tracker()
    async with Shadower(ScriptedBackend(Hang()), ScriptedBackend(SAME), slo=slo) as shadower:
        with trio.move_on_after(1):
            await shadower.call(b"k")
        shadower.pause()
        with trio.move_on_after(1):
            await shadower.call(b"k")
    assert counts(shadower) == {"abandoned": 1, "paused": 1}
    assert slo.records == []


async def test_it_is_not_told_of_the_secondary(autojump_clock):
    slo = Tracker()
    async with Shadower(
        ScriptedBackend(SAME),
        ScriptedBackend(SAME),
        ShadowConfig(noise_rate=1),
        secondary=ScriptedBackend(Hang()),
        slo=slo,
    ) as shadower:
        await shadower.call(b"k")
    assert slo.records == [True]


@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(3), trio.TooSlowError()])
async def test_one_that_raises_is_counted_and_said_and_nothing_else(autojump_clock, caplog, error):
    slo = Tracker(error)
    async with Shadower(ScriptedBackend(SAME), ScriptedBackend(*STEPS), slo=slo) as shadower:
        for _ in STEPS:
            assert (await shadower.call(b"k")).primary == b"same"
            await shadower.wait_idle()
        assert shadower.statistics().records_dropped["slo"] == len(STEPS)
        assert counts(shadower) == {"matched": 2, "diverged": 1, "failed": 1, "timed_out": 1}
    assert f"the SLO tracker raised {type(error).__name__}" in caplog.text
    assert "secret" not in caplog.text


async def test_a_request_that_cant_be_copied_is_told_too_and_the_caller_gets_its_answer(autojump_clock):
    slo = Tracker(ValueError())

    def copy(request):
        raise ValueError

    config = ShadowConfig(copy_request=copy)
    async with Shadower(ScriptedBackend(SAME), ScriptedBackend(SAME), config, slo=slo) as shadower:
        assert (await shadower.call(b"k")).primary == b"same"
    assert slo.records == [False]


async def test_ctrl_c_in_it_passes():
    slo = Tracker(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        async with Shadower(ScriptedBackend(SAME), ScriptedBackend(SAME), slo=slo) as shadower:
            await shadower.call(b"k")
            await shadower.wait_idle()
    assert counts(shadower) == {"matched": 1}


async def test_a_mirrored_function_takes_one(autojump_clock):
    slo, seen = Tracker(), []

    async def new():
        return 1

    async def again():
        seen.append(1)
        return 2

    @mirrored(new, ShadowConfig(noise_rate=1), slo=slo, secondary=again)
    async def old():
        return 1

    async with old.mirroring() as shadower:
        await old()
        await shadower.wait_idle()
        assert shadower.statistics().secondary.diverged == 1
    assert slo.records == [True]
    assert seen == [1]


def test_what_is_no_tracker_is_refused():
    with pytest.raises(TypeError, match=r"slo must be an object with `record\(success: bool\)`, not list"):
        Shadower(ScriptedBackend(SAME), ScriptedBackend(SAME), slo=[])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="secondary must be callable, not int"):
        mirrored(print, secondary=7)  # type: ignore[arg-type]


async def test_ctrl_c_where_a_divergence_is_read_keeps_nobody_from_being_told(autojump_clock):
    class Changes(tuple):
        __slots__ = ()

        def __iter__(self):
            raise KeyboardInterrupt

    def compare(primary, shadow):
        return Divergence(body=BodyDiff(1, 1, 0, Changes(("x",))))

    slo, breaker = Tracker(), Breaker(failures=1, cool_down=1)
    breaker.trip("for the test", 0.0)
    await trio.sleep(1)
    shadow = ScriptedBackend(Answer(b"other", after=1))
    with pytest.raises(KeyboardInterrupt):
        async with Shadower(
            ScriptedBackend(SAME), shadow, ShadowConfig(compare=compare), slo=slo, breaker=breaker
        ) as shadower:
            await shadower.call(b"k")
            await trio.sleep(5)
    assert slo.records == [False]
    assert len(shadower.divergences()) == 1
    assert breaker.state is BreakerState.CLOSED  # the probe's permit came back
