"""Answers that an edge finishes in the leg, off the caller's time; and bodies too large to compare. Trio layer, virtual
clock.
"""

from __future__ import annotations

import trio

from trioshadow import BodyTooLarge, FailureKind, ResponseRecord, ShadowConfig, Shadower, Verdict
from trioshadow._model.fixing import Deferred
from trioshadow.testing import Answer, Fail, ScriptedBackend


async def primary(request):
    await trio.sleep(1)
    return request


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
