"""What the core has for the edges: held back by cause, a leg's later name, an answer finished later, bodies too large.
Trio layer, virtual clock.
"""

from __future__ import annotations

import attrs
import pytest
import trio

from trioshadow import BodyTooLarge, FailureKind, HeldBack, ResponseRecord, ShadowConfig, Shadower, Verdict
from trioshadow._model.fixing import Deferred
from trioshadow._shadower import admission_of
from trioshadow.testing import Answer, Fail, ScriptedBackend

from tests.support.accounts import counts, held_back


async def primary(request):
    await trio.sleep(1)
    return request


@attrs.frozen
class Order:
    write: bool

    def __trioshadow_key__(self):
        return b"k"

    def __trioshadow_may_mirror__(self):
        return not self.write


async def test_a_request_type_says_itself_that_it_must_not_be_mirrored(autojump_clock):
    shadow = ScriptedBackend(Answer(Order(write=False)))
    async with Shadower(primary, shadow) as shadower:
        outcome = await shadower.call(Order(write=True))
        assert outcome.primary == Order(write=True)
        assert outcome.verdict is Verdict.HELD_BACK
        assert not outcome.mirrored
        await shadower.call(Order(write=False))
        await shadower.wait_idle()
        assert counts(shadower) == {"held_back": 1, "matched": 1}
        assert held_back(shadower) == {"not_allowed": 1}
        assert len(shadow.requests) == 1


async def test_the_configuration_has_the_last_word_on_what_may_be_mirrored(autojump_clock):
    async with Shadower(primary, primary, ShadowConfig(may_mirror=lambda _: True)) as shadower:
        await shadower.call(Order(write=True))
        shadower.reconfigure(ShadowConfig(may_mirror=lambda request: request != b"no"))
        await shadower.call(b"no")
        await shadower.call(b"yes")
        await shadower.wait_idle()
        assert counts(shadower) == {"held_back": 1, "matched": 2}
        assert admission_of(shadower).may_mirror(b"yes")
        assert not admission_of(shadower).may_mirror(b"no")


async def test_may_mirror_is_asked_of_sampled_calls_only(autojump_clock):
    asked = []
    async with Shadower(primary, primary, ShadowConfig(sample_rate=0, may_mirror=asked.append)) as shadower:
        await shadower.call(b"k")
        assert counts(shadower) == {"not_sampled": 1}
        assert asked == []


@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(1)], ids=repr)
async def test_a_may_mirror_that_raises_holds_the_call_back_and_says_so(autojump_clock, caplog, error):
    def raises(request):
        raise error

    async with Shadower(primary, primary, ShadowConfig(may_mirror=raises)) as shadower:
        assert (await shadower.call(b"k")).primary == b"k"
        assert held_back(shadower) == {"not_allowed": 1}
        assert f"may_mirror raised {type(error).__name__}: not mirrored" in caplog.text
        assert "secret" not in caplog.text


async def test_a_keyboard_interrupt_in_may_mirror_passes(autojump_clock):
    def raises(request):
        raise KeyboardInterrupt

    async with Shadower(primary, primary, ShadowConfig(may_mirror=raises)) as shadower:
        with pytest.raises(KeyboardInterrupt):
            await shadower.call(b"k")


async def test_each_cause_of_holding_back_has_its_count(autojump_clock):
    async def calls_itself(request):
        await shadower.call(request)
        return request

    async with Shadower(primary, calls_itself) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        for cause in HeldBack:
            admission_of(shadower).admit_if_entered(b"k", refused=cause).abandon()
        assert held_back(shadower) == {"in_shadow": 2, "not_allowed": 1, "marked": 1, "incomplete": 1}
        assert counts(shadower) == {"held_back": 5, "matched": 1}


async def test_what_an_edge_refuses_is_counted_only_if_it_is_sampled(autojump_clock):
    async with Shadower(primary, primary, ShadowConfig(sample_rate=0)) as shadower:
        admission_of(shadower).admit_if_entered(b"k", refused=HeldBack.MARKED)
        assert counts(shadower) == {"not_sampled": 1}


async def test_an_edge_may_bring_its_own_configuration(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Answer(b"other")), ShadowConfig(sample_rate=0)) as shadower:
        leg = admission_of(shadower).admit_if_entered(b"k", config=ShadowConfig(compare=lambda a, b: True))
        await leg.primary_done(b"k").wait_settled()
        assert counts(shadower) == {"matched": 1}


async def test_a_leg_can_be_named_after_it_started(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Answer(b"other"))) as shadower:
        leg = shadower.start(b"k", operation="early")
        leg.name_operation(3)
        leg.primary_done(b"k")
        await shadower.wait_idle()
        leg = shadower.start(b"k", operation="early")
        leg.name_operation("late" * 100)
        leg.primary_done(b"k")
        await shadower.wait_idle()
        assert [record.operation for record in shadower.divergences()] == ["early", ("late" * 100)[:256]]
        shadower.pause()
        shadower.start(b"k").name_operation("nobody hears of it")


async def test_a_deferred_answer_is_finished_in_the_leg_and_not_on_the_callers_time(autojump_clock):
    made = []

    def make(body):
        made.append(trio.current_time())
        return ResponseRecord(body)

    async with Shadower(primary, ScriptedBackend(Answer(ResponseRecord(b"k"), after=1.5))) as shadower:
        leg = shadower.start(b"k")
        await trio.sleep(1)
        outcome = leg.primary_done(Deferred(make, b"k"))
        assert made == []
        assert (await outcome.wait_settled()).verdict is Verdict.MATCHED
        assert made == [1.5]


async def test_a_view_sees_a_deferred_answer_finished(autojump_clock):
    config = ShadowConfig(view=lambda record: record.body)
    async with Shadower(primary, ScriptedBackend(Answer(ResponseRecord(b"k", status=500)))) as shadower:
        shadower.reconfigure(config)
        outcome = shadower.start(b"k").primary_done(Deferred(ResponseRecord, b"k"))
        assert (await outcome.wait_settled()).verdict is Verdict.MATCHED


async def test_a_deferred_answer_that_cannot_be_finished_is_a_failure_to_compare(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Answer(b"k"))) as shadower:
        outcome = await shadower.start(b"k").primary_done(Deferred(int, "x")).wait_settled()
        assert outcome.verdict is Verdict.FAILED
        assert outcome.shadow_failed.kind is FailureKind.COMPARE_RAISED


async def test_a_deferred_answer_that_is_too_large_is_abandoned(autojump_clock):
    def too_large():
        raise BodyTooLarge

    async with Shadower(primary, ScriptedBackend(Answer(b"k"))) as shadower:
        outcome = await shadower.start(b"k").primary_done(Deferred(too_large)).wait_settled()
        assert outcome.verdict is Verdict.ABANDONED


async def test_where_both_answers_are_too_large_the_shadow_is_not_to_blame(autojump_clock):
    def too_large():
        raise BodyTooLarge

    async with Shadower(primary, ScriptedBackend(Fail(BodyTooLarge("so large")))) as shadower:
        for answer, verdict in ((Deferred(too_large), Verdict.ABANDONED), (Deferred(bytes), Verdict.FAILED)):
            outcome = await shadower.start(b"k").primary_done(answer).wait_settled()
            assert outcome.verdict is verdict


async def test_a_shadow_whose_body_is_too_large_has_a_failure_of_its_own_kind(autojump_clock):
    async with Shadower(primary, ScriptedBackend(Fail(BodyTooLarge("more than 3 bytes")))) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.verdict is Verdict.FAILED
        assert outcome.shadow_failed.kind is FailureKind.TOO_LARGE
        assert outcome.shadow_failed.message == "more than 3 bytes"


async def test_a_shadower_says_whether_it_runs(autojump_clock):
    shadower = Shadower(primary, primary)
    assert not shadower.running
    async with shadower:
        assert shadower.running
    assert not shadower.running
