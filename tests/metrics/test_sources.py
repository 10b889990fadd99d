"""What metrics are made of, in the core: latencies, snapshots, and who is told a leg's verdict. On a virtual clock."""

from __future__ import annotations

import contextvars
import gc
import logging
import weakref

import pytest
import trio

from trioshadow import ShadowConfig, Shadower, Verdict
from trioshadow._accounts.ledger import EPOCHS
from trioshadow._service.marks import in_shadow, tell_when_settled
from trioshadow.evidence import Evidence, Histogram, Objective, scorecard
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend


async def echo(request):
    await trio.lowlevel.checkpoint()
    return request


# ── latencies ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_latencies_are_those_of_each_side(autojump_clock):
    primary = ScriptedBackend(Answer(b"", after=0.1))
    shadow, secondary = ScriptedBackend(Answer(b"", after=0.4)), ScriptedBackend(Answer(b"", after=0.2))
    async with Shadower(primary, shadow, ShadowConfig(noise_rate=1.0), secondary=secondary) as shadower:
        for _ in range(3):
            await shadower.call(b"")
        await shadower.wait_idle()
        latencies = shadower.latencies()
    assert list(latencies) == ["primary", "shadow", "secondary"]
    assert [histogram.total for histogram in latencies.values()] == [3, 3, 3]
    for histogram, seconds in zip(latencies.values(), (0.1, 0.4, 0.2), strict=True):
        assert histogram.quantile(0.5) == pytest.approx(seconds, rel=0.045)
        assert histogram.seconds == pytest.approx(3 * seconds, rel=0.045)


async def test_latencies_go_on_through_more_epochs_than_are_kept():
    async with Shadower(echo, echo) as shadower:
        for number in range(EPOCHS + 3):
            shadower.reconfigure(ShadowConfig(candidate=str(number)))
            await shadower.call(b"", operation=str(number % 2))
            await shadower.wait_idle()
            assert [histogram.total for histogram in shadower.latencies().values()] == [number + 1, number + 1, 0]


def test_merged_histograms_are_their_sum():
    one, other = Histogram(), Histogram()
    for seconds in (0.001, 0.002):
        one.add(seconds)
    other.add(0.001)
    merged = Histogram.merge([one, other])
    assert merged.total == 3
    assert (one.total, other.total) == (2, 1)
    one.update(other)
    assert merged.bins() == one.bins()
    assert Histogram.merge([]).total == 0


# ── snapshots ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_scorecard_of_a_snapshot_is_the_shadowers_own_and_stays_as_it_was():
    shadow = ScriptedBackend(Answer(b"other"), Answer(b""), Fail(ValueError("no")))
    async with Shadower(echo, shadow, ShadowConfig(candidate="2")) as shadower:
        for number in range(9):
            await shadower.call(b"", key=number, operation=str(number % 2))
        await shadower.wait_idle()
        snapshot, then = shadower.snapshot(), shadower.scorecard()
        await shadower.call(b"")
        await shadower.wait_idle()
        assert scorecard(Evidence.from_dict(snapshot), Objective()) == then != shadower.scorecard()


# ── who is told a verdict ─────────────────────────────────────────────────────────────────────────────────────────────


def watching(told, backend):
    async def shadow(request):
        told.append(tell_when_settled(told.append))
        return await backend.call(request)

    return shadow


@pytest.mark.parametrize(
    ("step", "verdict"),
    [
        (Answer(b"same"), Verdict.MATCHED),
        (Answer(b"other"), Verdict.DIVERGED),
        (Fail(ValueError), Verdict.FAILED),
        (Hang(), Verdict.TIMED_OUT),
    ],
)
async def test_who_asks_in_a_shadow_is_told_its_verdict_once(step, verdict, autojump_clock):
    told = []
    config = ShadowConfig(candidate="2.0")
    async with Shadower(ScriptedBackend(Answer(b"same")), watching(told, ScriptedBackend(step)), config) as shadower:
        outcome = await shadower.call(b"", operation="GET /cart")
        await outcome.wait_settled()
        asked, settled = told
        assert asked is True
        assert (settled.verdict, settled.operation, settled.candidate) == (verdict, "GET /cart", "2.0")
        assert settled.failure == outcome.shadow_failed


async def test_a_verdict_is_told_after_the_primary_is_done_too(autojump_clock):
    told = []
    primary = ScriptedBackend(Answer(b"", after=1.0))
    async with (
        Shadower(primary, watching(told, ScriptedBackend(Answer(b"")))) as shadower,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(shadower.call, b"")
        await trio.sleep(0.5)
        assert told == [True]
        await trio.sleep(0.6)
        assert told[1].verdict is Verdict.MATCHED


async def test_the_secondarys_verdict_is_told_to_who_asked_in_the_secondary():
    told = []
    secondary = watching(told, ScriptedBackend(Answer(b"noise")))
    async with Shadower(echo, echo, ShadowConfig(noise_rate=1.0), secondary=secondary) as shadower:
        outcome = await shadower.call(b"")
        await shadower.wait_idle()
        assert outcome.verdict is Verdict.MATCHED
        assert told[1].verdict is Verdict.DIVERGED


async def test_each_who_asked_is_told_whatever_the_others_raise(caplog):
    told = []

    def broken(settled):
        raise SystemExit("no")

    async def shadow(request):
        assert in_shadow()
        for watcher in (told.append, broken, told.append):
            assert tell_when_settled(watcher)
        return request

    async with Shadower(echo, shadow) as shadower:
        outcome = await shadower.call(b"")
        await shadower.wait_idle()
        assert outcome.verdict is Verdict.MATCHED
        assert len(told) == 2
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "what was told a verdict raised SystemExit"
    ]


async def test_a_keyboard_interrupt_of_who_is_told_passes():
    def interrupted(settled):
        raise KeyboardInterrupt

    async def shadow(request):
        tell_when_settled(interrupted)
        return request

    with pytest.raises(KeyboardInterrupt):
        async with Shadower(echo, shadow) as shadower:
            await shadower.call(b"")
            await shadower.wait_idle()


async def test_who_was_told_is_not_kept_by_contexts_that_outlive_the_leg():
    contexts, watchers = [], []

    async def shadow(request):
        def watcher(settled):
            pass

        tell_when_settled(watcher)
        watchers.append(weakref.ref(watcher))
        contexts.append(contextvars.copy_context())
        return request

    gc.disable()
    try:
        async with Shadower(echo, shadow) as shadower:
            leg = shadower.start(b"")
            leg.primary_done(b"")
            await shadower.wait_idle()
            assert watchers[0]() is None
    finally:
        gc.enable()


async def test_nobody_is_told_outside_of_a_shadow():
    told, asked = [], []

    async def sink(record):
        asked.append(tell_when_settled(told.append))

    def view(answer):
        asked.append(tell_when_settled(told.append))
        return answer

    assert not tell_when_settled(told.append)
    shadow = ScriptedBackend(Answer(b"other"))
    async with Shadower(echo, shadow, ShadowConfig(view=view), sinks=[sink]) as shadower:
        await shadower.call(b"")
        await shadower.wait_idle()
    assert asked == [False, False, False]
    assert told == []


async def test_nobody_is_told_by_who_goes_on_after_its_shadow():
    late, asked = trio.Event(), []
    async with trio.open_nursery() as nursery:

        async def straggler():
            await late.wait()
            asked.append(tell_when_settled(asked.append))

        async def shadow(request):
            nursery.start_soon(straggler)
            return request

        async with Shadower(echo, shadow) as shadower:
            await (await shadower.call(b"")).wait_settled()
            late.set()
    assert asked == [False]
