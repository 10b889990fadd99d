"""`error_view`: an exception as an answer, on both sides. Trio layer."""

from __future__ import annotations

import contextlib
import gc
import traceback

import pytest
import trio

from trioshadow import FailureKind, IgnoreField, ResponseRecord, ShadowConfig, Shadower, Verdict
from trioshadow._model.errors import BodyTooLarge
from trioshadow.compare import IgnorePath, SameError
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import counts


class NotFoundError(Exception):
    def __init__(self, key="", status=404):
        super().__init__(key)
        self.key = key
        self.status = status


def none_for_missing(exc):
    return None if isinstance(exc, NotFoundError) else exc


async def verdict_of(primary, shadow, **settings):
    """Of one call: its counted verdict, and its record if there is one."""
    async with Shadower(ScriptedBackend(primary), ScriptedBackend(shadow), ShadowConfig(**settings)) as shadower:
        try:
            await shadower.call(b"k")
        except Exception as exc:
            assert isinstance(primary, Fail)
            assert exc is primary.exception or type(exc) is primary.exception
        await shadower.wait_idle()
        records = [*shadower.divergences(), *shadower.failures()]
        (verdict,) = counts(shadower)
        return verdict, records[0] if records else None


async def test_one_that_raises_and_one_that_returns_can_be_the_same(autojump_clock):
    missing = Fail(NotFoundError("a"))
    assert (await verdict_of(missing, Answer(None)))[0] == "diverged"
    assert await verdict_of(missing, Answer(None), error_view=none_for_missing) == ("matched", None)
    assert await verdict_of(Answer(None), missing, error_view=none_for_missing) == ("matched", None)
    assert await verdict_of(missing, missing, error_view=none_for_missing) == ("matched", None)
    verdict, record = await verdict_of(missing, Answer(7), error_view=none_for_missing)
    assert verdict == "diverged"
    assert record.divergence.explain() == "body (value): 1 change\n  $\n    - null\n    + 7"


async def test_all_rules_apply_to_what_stands_in_its_place(autojump_clock):
    def told(exc):
        return {"type": type(exc).__name__, "host": exc.key}

    old, new = Fail(NotFoundError("old.example")), Fail(NotFoundError("new.example"))
    assert (await verdict_of(old, new, error_view=told))[1].divergence.body.changes[0].path == "$['host']"
    assert (await verdict_of(old, new, error_view=told, ignore=[IgnorePath("$.host")]))[0] == "matched"
    asked = []

    def same(primary, shadow):
        asked.append((primary["host"], shadow["host"]))

    assert (await verdict_of(old, new, error_view=told, compare=same))[0] == "matched"
    assert asked == [("old.example", "new.example")]
    by_status = {"error_view": lambda exc: ResponseRecord(b"x", status=exc.status), "ignore": [IgnoreField.BODY]}
    assert (await verdict_of(old, Answer(ResponseRecord(b"y", status=404)), **by_status))[0] == "matched"
    assert (await verdict_of(old, Answer(ResponseRecord(b"y", status=500)), **by_status))[0] == "diverged"


async def test_each_side_may_have_a_view_of_its_own(autojump_clock):
    old, new = Fail(NotFoundError("a")), Fail(KeyError("a"))
    views = (lambda exc: exc.key, lambda exc: exc.args[0])
    assert (await verdict_of(old, new, error_view=views))[0] == "matched"
    assert (await verdict_of(old, Answer("a"), error_view=(views[0], None)))[0] == "matched"
    assert (await verdict_of(Answer("a"), new, error_view=(None, views[1])))[0] == "matched"
    # One side's is an answer, the other's still an exception.
    verdict, record = await verdict_of(old, new, error_view=(views[0], None))
    assert (verdict, record.failure.kind) == ("failed", FailureKind.RAISED)
    verdict, record = await verdict_of(old, new, error_view=(None, views[1]))
    assert (verdict, record.divergence.error.shadow) == ("diverged", None)


async def test_the_views_of_answers_are_not_asked_about_what_stands_in_an_exceptions_place(autojump_clock):
    config = {"error_view": lambda exc: exc.key, "view": str.upper}
    assert (await verdict_of(Fail(NotFoundError("A")), Answer("a"), **config))[0] == "matched"
    assert (await verdict_of(Answer("a"), Fail(NotFoundError("A")), **config))[0] == "matched"
    assert (await verdict_of(Fail(NotFoundError("a")), Fail(NotFoundError("a")), **config))[0] == "matched"


async def test_an_exception_that_a_view_returns_is_compared_as_one(autojump_clock):
    def unwrapped(exc):
        return exc.exceptions[0] if isinstance(exc, ExceptionGroup) else exc

    grouped = Fail(ExceptionGroup("", [NotFoundError("a")]))
    alone = Fail(NotFoundError("a"))
    assert (await verdict_of(grouped, alone))[0] == "diverged"
    assert (await verdict_of(grouped, alone, error_view=unwrapped))[0] == "matched"
    assert (await verdict_of(alone, grouped, error_view=unwrapped))[0] == "matched"
    _, record = await verdict_of(grouped, Fail(NotFoundError("a", status=410)), error_view=unwrapped)
    assert [(change.primary, change.shadow) for change in record.divergence.error.changes] == [(404, 410)]
    same = [SameError(NotFoundError, KeyError)]
    assert (await verdict_of(grouped, Fail(KeyError()), error_view=unwrapped, ignore=same))[0] == "matched"


async def test_what_a_view_returns_is_fixed_at_once(autojump_clock):
    kept = {"n": 1}
    exc = NotFoundError()

    async def primary(request):
        raise exc

    async def shadow(request):
        await trio.sleep(0.1)
        raise exc

    views = (lambda _: kept, lambda _: {"n": 1})
    async with Shadower(primary, shadow, ShadowConfig(error_view=views)) as shadower:
        with pytest.raises(NotFoundError):
            await shadower.call(b"k")
        kept["n"] = 2
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}

    async def soon(request):
        raise exc

    async def late(request):
        await trio.sleep(0.1)
        kept["n"] = 3
        raise exc

    async with Shadower(late, soon, ShadowConfig(error_view=(lambda _: {"n": 2}, lambda _: kept))) as shadower:
        with pytest.raises(NotFoundError):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("fault", [ValueError, SystemExit])
async def test_a_view_that_raises_is_a_failure_of_the_comparison_and_the_callers_is_its_own(
    autojump_clock, side, fault
):
    def broken(exc):
        raise fault("view")

    exc = NotFoundError("a")

    async def primary(request):
        raise exc

    view = (broken, None) if side == 0 else (None, broken)
    async with Shadower(primary, ScriptedBackend(Fail(NotFoundError)), ShadowConfig(error_view=view)) as shadower:
        with pytest.raises(NotFoundError) as caught:
            await shadower.call(b"k")
        assert caught.value is exc
        assert exc.__context__ is None
        assert [frame.name for frame in traceback.extract_tb(exc.__traceback__)][-1] == "primary"
        await shadower.wait_idle()
        (record,) = shadower.failures()
        assert record.failure.kind is FailureKind.COMPARE_RAISED
        assert record.failure.message == f"the {('primary', 'shadow')[side]}'s error_view: view"
        assert counts(shadower) == {"failed": 1}


async def test_what_can_not_be_copied_is_a_failure_of_the_comparison(autojump_clock):
    class Uncopyable:
        def __deepcopy__(self, memo):
            raise ValueError

        __eq__ = None  # type: ignore[assignment]
        __hash__ = None  # type: ignore[assignment]
        __reduce_ex__ = None  # type: ignore[assignment]

    view = (lambda _: [Uncopyable()], None)
    _, record = await verdict_of(Fail(NotFoundError("a")), Answer(1), error_view=view)
    assert record.failure.kind is FailureKind.COMPARE_RAISED
    assert record.failure.message.startswith("the primary's error_view: this answer (list) can't be copied")


async def test_a_keyboard_interrupt_in_the_primarys_view_passes_and_abandons(autojump_clock):
    def interrupted(exc):
        raise KeyboardInterrupt

    config = ShadowConfig(error_view=(interrupted, None))
    async with Shadower(ScriptedBackend(Fail(NotFoundError)), ScriptedBackend(Answer(1)), config) as shadower:
        with pytest.raises(KeyboardInterrupt):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 1}


async def test_a_keyboard_interrupt_in_the_shadows_view_passes(autojump_clock):
    def interrupted(exc):
        raise KeyboardInterrupt

    config = ShadowConfig(error_view=(None, interrupted))
    with pytest.raises(KeyboardInterrupt):
        async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Fail(NotFoundError)), config) as shadower:
            await shadower.call(b"k")
            await trio.sleep_forever()
    assert counts(shadower) == {"abandoned": 1}


async def test_the_outcome_shows_no_answer_that_the_shadow_did_not_give(autojump_clock):
    config = ShadowConfig(error_view=lambda exc: exc.key)
    async with Shadower(ScriptedBackend(Answer("a")), ScriptedBackend(Fail(NotFoundError("a"))), config) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert (outcome.verdict, outcome.shadow) == (Verdict.MATCHED, None)


async def test_the_deadline_and_what_the_library_raises_are_no_answers(autojump_clock):
    asked = []

    def view(exc):
        asked.append(exc)
        return 1

    assert (await verdict_of(Answer(1), Hang(), error_view=view))[0] == "timed_out"
    assert (await verdict_of(Answer(1), Fail(BodyTooLarge("large")), error_view=view))[0] == "failed"
    assert (await verdict_of(Fail(BodyTooLarge("large")), Answer(1), error_view=view))[0] == "diverged"
    assert asked == []


async def test_the_time_of_a_view_is_not_the_backends(mock_clock):
    def slow(exc):
        mock_clock.jump(5)
        return 1

    async def primary(request):
        return 2

    async def shadow(request):
        raise NotFoundError

    async with Shadower(primary, shadow, ShadowConfig(error_view=(None, slow), shadow_timeout=60)) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        (record,) = shadower.divergences()
        assert record.shadow_seconds < 5


async def test_the_secondary_has_the_primarys_view(autojump_clock):
    config = ShadowConfig(error_view=(lambda exc: exc.key, lambda exc: {"b": "a"}.get(exc.key)), noise_rate=1)
    missing, another = ScriptedBackend(Fail(NotFoundError("a"))), ScriptedBackend(Fail(NotFoundError("b")))
    async with Shadower(missing, another, config, secondary=missing) as shadower:
        with pytest.raises(NotFoundError):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert shadower.statistics().matched == 1
        (operation,) = shadower.scorecard().operations
        assert operation.fields == ()


async def test_answers_in_place_of_exceptions_take_room_as_others_do(autojump_clock):
    large = "x" * 2_000
    for view in ((lambda _: large, None), (None, lambda _: large)):
        config = {"error_view": view, "max_in_flight_bytes": 1_500}
        sides = (Fail(NotFoundError), Answer(b"")) if view[0] else (Answer(b""), Fail(NotFoundError))
        assert (await verdict_of(*sides, **config))[0] == "abandoned"


async def test_nothing_of_either_exception_is_kept_for_the_other_side(autojump_clock):
    class Tracked(Exception):
        pass

    def alive():
        return [thing for thing in gc.get_objects() if isinstance(thing, Tracked)]

    async def soon(request):
        raise Tracked

    async def late(request):
        await trio.sleep(1)
        raise Tracked

    config = ShadowConfig(error_view=lambda exc: [str(exc)])
    gc.collect()
    gc.disable()
    try:
        for primary, shadow in ((soon, late), (late, soon)):
            async with Shadower(primary, shadow, config) as shadower:
                async with trio.open_nursery() as nursery:

                    async def call(shadower=shadower):
                        with contextlib.suppress(Tracked):
                            await shadower.call(b"k")

                    nursery.start_soon(call)
                    await trio.sleep(0.5)
                    assert alive() == []
                await shadower.wait_idle()
                assert counts(shadower) == {"matched": 1}
                assert alive() == []
    finally:
        gc.enable()


def test_error_view_is_checked():
    with pytest.raises(TypeError, match="error_view must be a function, or a pair of them"):
        ShadowConfig(error_view=5)
    with pytest.raises(TypeError, match="error_view must be a function"):
        ShadowConfig(error_view=(str, str, str))
