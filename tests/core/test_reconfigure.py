"""reconfigure(): rate, timeout, rules and limits change as a whole, and no call sees a mix. Trio layer, virtual
clock.
"""

from __future__ import annotations

import attrs
import pytest
import trio

from trioshadow import IgnoreField, ResponseRecord, ShadowConfig, Shadower, Verdict
from trioshadow.evidence import Epoch
from trioshadow.testing import Answer, Hang, ScriptedBackend

from tests.support.accounts import counts

PAIR = ScriptedBackend(Answer(ResponseRecord(b"a"))), ScriptedBackend(Answer(ResponseRecord(b"a", status=201)))


async def echo(request):
    return request


async def verdict_of(shadower, request=b"k"):
    outcome = await shadower.call(request)
    return outcome.verdict or (await outcome.wait_settled()).verdict


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ({"sample_rate": 0.0}, Verdict.DIVERGED, Verdict.NOT_SAMPLED),
        ({"ignore": [IgnoreField.STATUS]}, Verdict.DIVERGED, Verdict.MATCHED),
        ({"compare": lambda primary, shadow: True}, Verdict.DIVERGED, Verdict.MATCHED),
        ({"view": lambda record: record.body}, Verdict.DIVERGED, Verdict.MATCHED),
        ({"may_mirror": lambda request: False}, Verdict.DIVERGED, Verdict.HELD_BACK),
        ({"copy_request": lambda request: 1 / 0}, Verdict.DIVERGED, Verdict.FAILED),
        ({"sample_rate": 0.5, "key": lambda request: None}, Verdict.DIVERGED, Verdict.UNKEYED),
    ],
)
async def test_what_is_changed_holds_from_the_next_call_on_and_can_be_taken_back(autojump_clock, change, before, after):
    config = ShadowConfig()
    async with Shadower(*PAIR, config) as shadower:
        for changed, verdict in ((config, before), (attrs.evolve(config, **change), after), (config, before)):
            shadower.reconfigure(changed)
            assert shadower.config is changed
            assert await verdict_of(shadower) is verdict


async def test_a_leg_in_flight_keeps_the_timeout_with_which_it_began(autojump_clock):
    async with Shadower(echo, ScriptedBackend(Hang()), ShadowConfig(shadow_timeout=5)) as shadower:
        first = await shadower.call(b"k")
        await trio.sleep(1)
        shadower.reconfigure(ShadowConfig(shadow_timeout=1))
        second = await shadower.call(b"k")
        assert (await second.wait_settled()).verdict is Verdict.TIMED_OUT
        assert trio.current_time() == 2
        assert (await first.wait_settled()).verdict is Verdict.TIMED_OUT
        assert trio.current_time() == 5
        assert first.shadow_failed.message == "no answer within 5 s"


async def test_a_leg_in_flight_keeps_the_rules_with_which_it_began(autojump_clock):
    shadow = ScriptedBackend(Answer(ResponseRecord(b"a", status=201), after=1))
    async with Shadower(PAIR[0], shadow) as shadower:
        old = await shadower.call(b"k")
        shadower.reconfigure(ShadowConfig(ignore=[IgnoreField.STATUS]))
        new = await shadower.call(b"k")
        assert (await old.wait_settled()).verdict is Verdict.DIVERGED
        assert (await new.wait_settled()).verdict is Verdict.MATCHED


async def test_a_lower_limit_cancels_nothing_and_sheds_until_there_is_room(autojump_clock):
    shadow = ScriptedBackend(Answer(b"k", after=1))
    async with Shadower(echo, shadow, ShadowConfig(max_in_flight=5)) as shadower:
        for _ in range(5):
            await shadower.call(b"k")
        shadower.reconfigure(ShadowConfig(max_in_flight=2))
        assert await verdict_of(shadower) is Verdict.SHED
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 5, "shed": 1}
        for _ in range(3):
            await shadower.call(b"k")
        assert counts(shadower) == {"matched": 5, "shed": 2, "in_flight": 2}


async def test_the_drain_is_as_long_as_it_was_last_said(autojump_clock):
    async with Shadower(echo, ScriptedBackend(Hang()), ShadowConfig(shadow_timeout=99)) as shadower:
        await shadower.call(b"k")
        shadower.reconfigure(attrs.evolve(shadower.config, drain_timeout=7))
    assert trio.current_time() == 7


async def test_what_is_no_configuration_changes_nothing(autojump_clock):
    config = ShadowConfig(candidate="1")
    async with Shadower(echo, echo, config) as shadower:
        await shadower.call(b"k")
        with pytest.raises(TypeError, match="config must be a ShadowConfig, not dict"):
            shadower.reconfigure({"candidate": "2"})
        assert shadower.config is config
        assert shadower.scorecard().calls == 1


@pytest.mark.parametrize("where", ["key", "may_mirror", "copy_request", "primary's view", "primary", "shadow"])
async def test_no_call_sees_a_mix_of_two_configurations(autojump_clock, where):
    """Whatever runs in the middle of a call may reconfigure: that call is sampled, admitted, timed, compared and
    counted by the one with which it began, and the next one by the other.
    """

    def then_reconfigure(place, answer):
        def function(request):
            if place == where and request != b"first" and shadower.config is old:
                shadower.reconfigure(new)
            return request if answer is None else answer

        return function

    async def primary(request):
        then_reconfigure("primary", None)(request)
        return ResponseRecord(b"a")

    async def shadow(request):
        then_reconfigure("shadow", None)(request)
        await trio.sleep(3)
        return ResponseRecord(b"b")

    old = ShadowConfig(
        candidate="old",
        sample_rate=1.0,
        shadow_timeout=5,
        key=then_reconfigure("key", None),
        may_mirror=then_reconfigure("may_mirror", True),  # noqa: FBT003
        copy_request=then_reconfigure("copy_request", None),
        view=(then_reconfigure("primary's view", None), None),
    )
    # Each of its values by itself would end that call in another way.
    new = ShadowConfig(
        candidate="new",
        sample_rate=1.0,
        shadow_timeout=1,
        key=lambda request: 1 / 0,
        may_mirror=lambda request: request != b"k",
        copy_request=lambda request: request if request != b"k" else 1 / 0,
        ignore=list(IgnoreField),
        max_in_flight=1,
    )
    async with Shadower(primary, shadow, old) as shadower:
        first = shadower.start(b"first")
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert (outcome.verdict, trio.current_time()) == (Verdict.DIVERGED, 3)
        assert shadower.config is new
        assert shadower.scorecard().epoch == Epoch("new", new.fingerprint)
        assert shadower.scorecard().calls == 0
        first.abandon()
        await shadower.wait_idle()
        (record,) = shadower.divergences()
        assert (record.epoch, record.key) == (old.epoch_id, b"k")
        assert await verdict_of(shadower, b"l") is Verdict.TIMED_OUT
        assert trio.current_time() == 4
        (score,) = shadower.scorecard().operations
        assert (score.calls, score.settled) == (1, 1)
