"""Promises 1 and 2 (same answer, same time) and what `call()` returns. Trio layer, virtual clock."""

from __future__ import annotations

import contextlib
import contextvars
import inspect
import sys

import pytest
import trio

from trioshadow import (
    Divergence,
    FailureKind,
    ResponseRecord,
    ShadowConfig,
    Shadower,
    ShadowerNotRunning,
    ShadowPending,
    Verdict,
    in_shadow,
)
from trioshadow.guard import Breaker
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import counts


async def echo(request):
    await trio.sleep(1)
    return request


async def test_call_returns_the_very_object_that_the_primary_returned(autojump_clock):
    answer = {"a": [1]}
    async with Shadower(ScriptedBackend(Answer(answer)), ScriptedBackend(Answer({"a": [1]}))) as shadower:
        outcome = await shadower.call(b"k")
        assert outcome.primary is answer
        assert (await outcome.wait_settled()) is outcome
        assert outcome.verdict is Verdict.MATCHED


async def test_call_raises_the_very_exception_with_its_own_traceback(autojump_clock):
    error = ValueError("no")

    async def primary(request):
        raise error

    async with Shadower(primary, echo) as shadower:
        with pytest.raises(ValueError, match="no") as caught:
            await shadower.call(b"k")
        assert caught.value is error
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        assert [entry.name for entry in caught.traceback][1:] == ["call", "primary"]


async def test_an_exception_group_of_the_primary_stays_one(autojump_clock):
    group = ExceptionGroup("mine", [ValueError("a"), ExceptionGroup("inner", [KeyError("b")])])
    async with Shadower(ScriptedBackend(Fail(group)), ScriptedBackend(Answer(1))) as shadower:
        with pytest.raises(ExceptionGroup) as caught:
            await shadower.call(b"k")
        assert caught.value is group


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


async def test_the_primary_runs_in_the_callers_task_context_and_cancel_scopes(autojump_clock):
    seen = {}

    async def primary(request):
        seen["task"] = trio.lowlevel.current_task()
        seen["deadline"] = trio.current_effective_deadline()
        variable.set("by the primary")

    async with Shadower(primary, echo) as shadower:
        with trio.move_on_at(77):
            await shadower.call(b"k")
        assert seen == {"task": trio.lowlevel.current_task(), "deadline": 77}
        assert variable.get() == "by the primary"


SHADOWS = {
    "fast": ScriptedBackend(Answer(b"k", after=0.1)),
    "at the same moment": ScriptedBackend(Answer(b"k", after=1)),
    "slow": ScriptedBackend(Answer(b"k", after=1.9)),
    "diverging": ScriptedBackend(Answer(b"other", after=0.5)),
    "too slow": ScriptedBackend(Answer(b"k", after=100)),
    "hung": ScriptedBackend(Hang()),
    "failing at once": ScriptedBackend(Fail(ValueError)),
    "failing later": ScriptedBackend(Fail(ValueError, after=1.5)),
    "refusing to be cancelled": ScriptedBackend(Hang(refuse_cancel=50)),
}


@pytest.mark.parametrize("shadow", SHADOWS.values(), ids=SHADOWS)
async def test_call_takes_exactly_as_long_as_the_primary(autojump_clock, shadow):
    async with Shadower(echo, shadow) as shadower:
        for _ in range(3):
            start = trio.current_time()
            outcome = await shadower.call(b"k")
            assert trio.current_time() - start == 1
            assert outcome.primary == b"k"


@pytest.mark.parametrize("shadow", SHADOWS.values(), ids=SHADOWS)
async def test_a_failing_primary_is_not_delayed_either(autojump_clock, shadow):
    async with Shadower(ScriptedBackend(Fail(KeyError, after=1)), shadow) as shadower:
        start = trio.current_time()
        with pytest.raises(KeyError):
            await shadower.call(b"k")
        assert trio.current_time() - start == 1


async def test_call_adds_no_checkpoint(autojump_clock):
    async def primary(request):
        return request

    async with Shadower(primary, echo) as shadower:
        with trio.CancelScope() as scope:
            scope.cancel()
            await shadower.call(b"k")  # a checkpoint would raise here
        assert not scope.cancelled_caught


async def test_pending_then_settled(autojump_clock):
    async with Shadower(echo, ScriptedBackend(Answer(b"other", after=1.5))) as shadower:
        outcome = await shadower.call(b"k", operation="get")
        assert outcome.verdict is None
        assert outcome.mirrored
        assert repr(outcome) == "<ShadowOutcome pending>"
        for attribute in ("shadow", "divergence", "shadow_failed"):
            with pytest.raises(ShadowPending, match=f"outcome.{attribute} is not known yet"):
                getattr(outcome, attribute)
        assert not outcome.skipped_by_sampler
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(outcome.wait_settled)
        assert trio.current_time() - start == 0.5
        assert outcome.verdict is Verdict.DIVERGED
        assert outcome.shadow == b"other"
        assert outcome.shadow_failed is None
        assert outcome.divergence is not None
        assert outcome.divergence.body is not None
        assert outcome.divergence.body.prefix_equal_bytes == 0
        assert repr(outcome) == "<ShadowOutcome diverged>"
        await shadower.wait_idle()
        (record,) = shadower.divergences()
        assert (record.key, record.operation, record.verdict) == (b"k", "get", Verdict.DIVERGED)
        assert record.divergence == outcome.divergence
        assert record.failure is None
        assert (record.primary_seconds, record.shadow_seconds) == (1, 1.5)
        assert shadower.divergence_count == 1


async def test_waiting_for_a_settled_outcome_is_a_checkpoint(autojump_clock):
    async with Shadower(echo, ScriptedBackend(Answer(b"k"))) as shadower:
        outcome = await shadower.call(b"k")
        await outcome.wait_settled()
        with trio.CancelScope() as scope:
            scope.cancel()
            await outcome.wait_settled()
        assert scope.cancelled_caught


async def test_a_backend_is_an_object_with_call_or_an_async_function(autojump_clock):
    class Both:
        async def call(self, request):
            return b"by call"

        async def __call__(self, request):
            raise AssertionError

    async with Shadower(Both(), Both()) as shadower:
        assert (await shadower.call(b"k")).primary == b"by call"
    with pytest.raises(TypeError, match="primary must be a Backend .* not int"):
        Shadower(3, echo)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="shadow must be a Backend .* not NoneType"):
        Shadower(echo, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="config must be a ShadowConfig, not dict"):
        Shadower(echo, echo, {})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"log must be a DivergenceLog, as in DivergenceLog.1000., not int"):
        Shadower(echo, echo, log=1000)  # type: ignore[arg-type]


async def test_the_same_error_from_both_matches_and_another_diverges(autojump_clock):
    primary = ScriptedBackend(Fail(ValueError("a")))
    shadow = ScriptedBackend(Fail(ValueError("b")), Fail(KeyError("c")), Answer(b"fine"), Fail(SystemExit))
    async with Shadower(primary, shadow) as shadower:
        for expected in ({"matched": 1}, {"matched": 1, "diverged": 1}, {"matched": 1, "diverged": 2}):
            with pytest.raises(ValueError, match="a"):
                await shadower.call(b"k")
            await shadower.wait_idle()
            assert counts(shadower) == expected
        with pytest.raises(ValueError, match="a"):
            await shadower.call(b"k")
        await shadower.wait_idle()
        errors = [record.divergence.error for record in shadower.divergences() if record.divergence is not None]
        assert [(e.primary, e.shadow, e.primary_message, e.shadow_message) for e in errors if e is not None] == [
            ("ValueError", "KeyError", "a", "'c'"),
            ("ValueError", None, "a", ""),
            ("ValueError", "SystemExit", "a", ""),
        ]


async def test_groups_match_by_what_they_hold_in_any_order(autojump_clock):
    def group(*leaves):
        return ExceptionGroup("", [ExceptionGroup("", [leaf()]) for leaf in leaves])

    primary = ScriptedBackend(Fail(group(ValueError, KeyError)))
    shadow = ScriptedBackend(
        Fail(group(ValueError, KeyError)),
        Fail(group(KeyError, ValueError)),
        Fail(group(ValueError)),
        Fail(ExceptionGroup("", [ValueError(), KeyError()])),
        Fail(ValueError),
    )
    async with Shadower(primary, shadow) as shadower:
        for _ in range(5):
            with pytest.raises(ExceptionGroup):
                await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 2, "diverged": 3}


async def test_a_shadow_that_fails_where_the_primary_answered_is_a_failure_with_words_only(autojump_clock):
    async with Shadower(echo, ScriptedBackend(Fail(ValueError("boom " + "x" * 1000)))) as shadower:
        outcome = await (await shadower.call(b"k" * 1000)).wait_settled()
        assert outcome.verdict is Verdict.FAILED
        assert outcome.shadow is None
        assert outcome.divergence is None
        failure = outcome.shadow_failed
        assert failure is not None
        assert (failure.kind, failure.type_name) == (FailureKind.RAISED, "ValueError")
        assert failure.message.startswith("boom x")
        assert len(failure.message) == 500
        await shadower.wait_idle()
        (record,) = shadower.failures()
        assert record.failure == failure
        assert record.key == b"k" * 256
        assert shadower.divergences() == []


async def test_records_are_compared_by_status_headers_and_body(autojump_clock):
    primary = ScriptedBackend(Answer(ResponseRecord(b"abc", headers={"A": "1", "B": "2"})))
    shadow = ScriptedBackend(Answer(ResponseRecord(b"abd", status=500, headers={"a": "2", "C": "3"})))
    async with Shadower(primary, shadow) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        divergence = outcome.divergence
        assert divergence == Divergence.compare(outcome.primary, outcome.shadow, shadower.config)
        assert divergence is not None
        assert divergence.status == (200, 500)
        assert divergence.headers is not None
        assert (divergence.headers.added, divergence.headers.removed, divergence.headers.changed) == (
            ("c",),
            ("b",),
            ("a",),
        )
        assert divergence.body is not None
        assert divergence.body.prefix_equal_bytes == 2


async def test_only_a_never_entered_shadower_raises(autojump_clock):
    shadower = Shadower(echo, echo)
    with pytest.raises(ShadowerNotRunning, match="async with shadower"):
        await shadower.call(b"k")
    with pytest.raises(ShadowerNotRunning):
        shadower.start(b"k")
    assert counts(shadower) == {}
    async with shadower:
        pass
    assert (await shadower.call(b"k")).verdict is Verdict.CLOSED
    assert counts(shadower) == {"closed": 1}


async def test_entering_twice_is_refused(autojump_clock):
    async with Shadower(echo, echo) as shadower:
        with pytest.raises(RuntimeError, match="entered once"):
            await shadower.__aenter__()
        await shadower.call(b"k")  # it still works
    with pytest.raises(RuntimeError, match="entered once"):
        await shadower.__aenter__()


async def test_the_verdicts_of_calls_that_are_not_mirrored(autojump_clock):
    config = ShadowConfig(sample_rate=0.5)
    sampled = next(b"%d" % i for i in range(99) if config.should_shadow(b"%d" % i))
    left_out = next(b"%d" % i for i in range(99) if not config.should_shadow(b"%d" % i))
    async with Shadower(echo, echo, config) as shadower:
        outcome = await shadower.call(left_out)
        assert outcome.verdict is Verdict.NOT_SAMPLED
        assert outcome.skipped_by_sampler
        assert not outcome.mirrored
        assert (outcome.shadow, outcome.divergence, outcome.shadow_failed) == (None, None, None)
        assert (await shadower.call(object())).verdict is Verdict.UNKEYED
        assert (await shadower.call(b"k", key=3.5)).verdict is Verdict.UNKEYED  # type: ignore[arg-type]
        assert (await shadower.call(left_out, key=sampled)).verdict is None
        shadower.pause()
        assert (await shadower.call(sampled)).verdict is Verdict.PAUSED
        shadower.resume()
        shadower.reconfigure(ShadowConfig(sample_rate=0))
        assert (await shadower.call(sampled)).verdict is Verdict.NOT_SAMPLED
        assert shadower.config.sample_rate == 0
        with pytest.raises(TypeError, match="config must be a ShadowConfig"):
            shadower.reconfigure(0.5)  # type: ignore[arg-type]
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1, "not_sampled": 2, "unkeyed": 2, "paused": 1}


async def test_without_a_key_all_calls_are_still_mirrored_at_rate_one(autojump_clock):
    async with Shadower(echo, echo) as shadower:
        await shadower.call(3.5)
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}


async def test_a_key_function_that_raises_is_counted_and_said(autojump_clock, caplog):
    def key(request):
        raise ValueError("secret")

    async with Shadower(echo, echo, ShadowConfig(key=key, sample_rate=0.5), name="swap") as shadower:
        for _ in range(3):
            assert (await shadower.call(b"k")).verdict is Verdict.UNKEYED
    assert [record.getMessage() for record in caplog.records] == [
        "shadower 'swap': a request has no sampling key (ValueError): not mirrored"
    ]


async def test_a_key_function_that_exits_does_not_exit(autojump_clock):
    def key(request):
        raise SystemExit

    async with Shadower(echo, echo, ShadowConfig(key=key)) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}


async def test_a_keyboard_interrupt_in_a_key_function_passes_and_nothing_was_counted(autojump_clock):
    def key(request):
        raise KeyboardInterrupt

    async with Shadower(echo, echo, ShadowConfig(key=key)) as shadower:
        with pytest.raises(KeyboardInterrupt):
            await shadower.call(b"k")
        assert counts(shadower) == {}


async def test_a_call_inside_a_shadow_is_held_back(autojump_clock):
    calls = []

    async def shadow(request):
        calls.append(in_shadow())
        outcome = await shadower.call(request)
        assert outcome.verdict is Verdict.HELD_BACK
        return outcome.primary

    async with Shadower(echo, shadow) as shadower:
        await (await shadower.call(b"k")).wait_settled()
        assert calls == [True]
        assert not in_shadow()
        assert counts(shadower) == {"matched": 1, "held_back": 1}


async def test_in_shadow_ends_with_the_leg_also_in_tasks_that_the_shadow_started_elsewhere(autojump_clock):
    seen = []
    go_on = trio.Event()

    async def elsewhere():
        seen.append(in_shadow())
        await go_on.wait()
        seen.append(in_shadow())

    async with trio.open_nursery() as nursery:

        async def shadow(request):
            nursery.start_soon(elsewhere)
            await trio.sleep(0.5)
            return request

        async with Shadower(echo, shadow) as shadower:
            await (await shadower.call(b"k")).wait_settled()
            go_on.set()
    assert seen == [True, False]


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.parametrize("secondary", [None, echo])
@pytest.mark.parametrize("breaker", [None, Breaker()])
async def test_a_caller_so_deep_that_a_leg_does_not_fit_is_served_and_shed(
    autojump_clock, monkeypatch, secondary, breaker
):
    # Of the coroutines that found no room Python warns, where pytest's own hook finds none either.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)

    def at_depth(depth, function):
        return function() if depth == 0 else at_depth(depth - 1, function)

    config = ShadowConfig(noise_rate=1)
    async with Shadower(echo, echo, config, secondary=secondary, breaker=breaker) as shadower:
        verdicts = []
        for spare in range(4, 140):
            depth = sys.getrecursionlimit() - len(inspect.stack(0)) - spare
            with contextlib.suppress(RecursionError):  # so deep that start() itself does not fit
                leg = at_depth(depth, lambda: shadower.start(b"k"))
                verdicts.append(leg.primary_done(b"k").verdict)
        await shadower.wait_idle()
        shed = verdicts.count(Verdict.SHED)
        assert shed > 40
        assert verdicts == [Verdict.SHED] * shed + [None] * (len(verdicts) - shed)  # there is one depth, and no other
        statistics = shadower.statistics()
        assert statistics.shed == statistics.shed_by_cause["stack"] >= shed
        assert statistics.mirrored == statistics.matched == len(verdicts) - shed > 40
        assert statistics.in_flight == statistics.secondary.in_flight == 0
        assert statistics.secondary.calls == (statistics.mirrored if secondary else 0)


async def test_repr_shows_no_secrets(autojump_clock):
    async with Shadower(echo, echo, name="swap") as shadower:
        assert repr(shadower) == "<Shadower 'swap' running, 0 in flight>"
        assert shadower.name == "swap"
    assert repr(Shadower(echo, echo)) == "<Shadower new, 0 in flight>"
