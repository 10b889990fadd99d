"""Promise 3, nothing leaks in: hell's candidates, each contained, with exact virtual times. Trio layer.

Each runs beside a primary of exactly 1 s and under a deadline of 2 s. Each test asserts when the caller had its answer,
when the leg settled, what it was counted as, and that the next call on the same shadower is mirrored as if nothing had
been.
"""

from __future__ import annotations

import attrs
import pytest
import trio

from trioshadow import FailureKind, ShadowConfig, Shadower, Verdict
from trioshadow._shadower import Shadower as _Shadower

from tests.support import hell
from tests.support.accounts import counts
from tests.support.portable import said_by


@attrs.frozen
class Case:
    """What is expected: the verdict, when it settled (seconds after the call), and of the failure kind, type and
    text.
    """

    shadow: object
    verdict: Verdict
    settled: float = 1.0
    kind: FailureKind | None = None
    type_name: str = ""
    message: str = ""


def matched(shadow, settled=1.0):
    return Case(shadow, Verdict.MATCHED, settled)


def raised(shadow, type_name, message="", settled=1.0):
    return Case(shadow, Verdict.FAILED, settled, FailureKind.RAISED, type_name, message)


def timed_out(shadow, settled=2.0, message=""):
    return Case(shadow, Verdict.TIMED_OUT, settled, FailureKind.TIMED_OUT, "TooSlowError", message)


def not_comparable(shadow, type_name, message):
    return Case(shadow, Verdict.FAILED, 1.0, FailureKind.COMPARE_RAISED, type_name, message)


CANDIDATES = [
    timed_out(hell.hangs, message="no answer within 2 s"),
    raised(hell.raises, "ValueError", "boom"),
    timed_out(hell.raises_in_cleanup, message="no answer within 2 s; then ValueError: cleanup"),
    timed_out(hell.raises_in_slow_cleanup, settled=5, message="no answer within 2 s; then ValueError: cleanup"),
    raised(hell.a_group_out_of_its_own_nursery, "ExceptionGroup", "Exceptions from Trio nursery (1 sub-exception)"),
    timed_out(hell.a_group_together_with_the_deadline, message="no answer within 2 s; then ValueError: cleanup"),
    raised(hell.exits, "SystemExit", "3"),
    raised(hell.raises_a_base_exception_of_its_own, "OwnBase", "mine"),
    raised(hell.raises_asyncio_cancelled, "CancelledError"),
    timed_out(hell.swallows_cancelled),
    timed_out(hell.swallows_cancelled_and_goes_on, settled=5),
    timed_out(hell.shields_past_the_deadline, settled=7),
    matched(hell.cancels_a_scope_of_its_own),
    raised(hell.cancels_the_legs_nursery, "Cancelled"),
    raised(hell.raises_an_old_cancelled, "Cancelled"),
    raised(hell.leaves_a_nursery_open, "RuntimeError", "Nursery stack corrupted"),
    raised(hell.leaves_a_nursery_open_with_a_task, "RuntimeError", "Nursery stack corrupted"),
    raised(hell.leaves_a_nursery_open_and_raises, "RuntimeError", "Nursery stack corrupted"),
    matched(hell.leaves_a_cancel_scope_open),
    matched(hell.changes_a_context_variable),
    raised(hell.raises_what_says_it_is_a_keyboard_interrupt, "Liar", "not really"),
    Case(hell.returns_none, Verdict.DIVERGED),
    raised(hell.raises_the_unprintable, "Unprintable", "<Unprintable.__str__ raised SystemExit>"),
    raised(hell.recurses_for_ever, "RecursionError", "maximum recursion depth exceeded"),
    raised(hell.runs_out_of_memory, "MemoryError"),
    raised(hell.raises_stop_async_iteration, "StopAsyncIteration"),
    raised(hell.raises_stop_iteration, "RuntimeError", said_by(lambda: hell.raises_stop_iteration(b"").send(None))),
    raised(hell.raises_a_group_of_base_exceptions, "BaseExceptionGroup"),
    raised(hell.raises_a_deep_group, "ExceptionGroup"),
    raised(
        hell.returns_something_that_is_not_awaitable,
        "TypeError",
        said_by(lambda: hell.awaits(hell.returns_something_that_is_not_awaitable).send(None)),
    ),
    not_comparable(hell.returns_what_raises_when_compared, "ValueError", "the comparison: eq"),
    not_comparable(hell.returns_what_exits_when_compared, "SystemExit", "the comparison: 1"),
    not_comparable(
        hell.returns_what_compares_to_no_bool,
        "Undecided",
        "the comparison: $ can't be compared: `==` of bytes gives no bool, but EqSwitchesTheBoolOff: give a view=",
    ),
    Case(hell.sets_the_deadline_of_the_leg_to_never, Verdict.MATCHED, 30),
    matched(hell.starts_a_task_in_the_legs_nursery, settled=1.5),
    matched(hell.starts_a_hanging_task_in_the_legs_nursery, settled=2),
    raised(hell.starts_a_failing_task_in_the_legs_nursery, "ValueError", "boom"),
]


async def primary(request):
    await trio.sleep(1)
    return request


@pytest.mark.parametrize("case", CANDIDATES, ids=lambda case: case.shadow.__name__)
async def test_contained(autojump_clock, case):
    async def shadow(request):
        return await (case.shadow if request == b"hell" else primary)(request)

    async with Shadower(primary, shadow, ShadowConfig(shadow_timeout=2)) as shadower:
        start = trio.current_time()
        outcome = await shadower.call(b"hell")
        assert trio.current_time() - start == 1
        assert outcome.primary == b"hell"
        await outcome.wait_settled()
        assert trio.current_time() - start == case.settled
        assert outcome.verdict is case.verdict
        if case.kind is None:
            assert outcome.shadow_failed is None
        else:
            assert outcome.shadow_failed is not None
            assert outcome.shadow_failed.kind is case.kind
            assert outcome.shadow_failed.type_name == case.type_name
            assert outcome.shadow_failed.message.startswith(case.message)
        assert hell.variable.get() == "the caller's"
        assert counts(shadower) == {case.verdict.value: 1}

        after = await (await shadower.call(b"heaven")).wait_settled()
        assert after.verdict is Verdict.MATCHED
        before_exit = trio.current_time()
    assert trio.current_time() == before_exit


@pytest.mark.parametrize("case", CANDIDATES, ids=lambda case: case.shadow.__name__)
async def test_contained_when_the_primary_raises(autojump_clock, case):
    async def failing_primary(request):
        await trio.sleep(1)
        raise KeyError("primary")

    async def shadow(request):
        return await case.shadow(request)

    async with Shadower(failing_primary, shadow, ShadowConfig(shadow_timeout=2)) as shadower:
        start = trio.current_time()
        with pytest.raises(KeyError, match="primary"):
            await shadower.call(b"hell")
        assert trio.current_time() - start == 1
        await shadower.wait_idle()
        assert trio.current_time() - start == case.settled
        statistics = counts(shadower)
        assert sum(statistics.values()) == 1
        assert set(statistics) <= {"diverged", "timed_out", "failed"}  # never 'matched': none of them raises KeyError


@pytest.mark.parametrize(
    "shadow",
    [hell.drops_a_generator_that_yields_inside_a_nursery, hell.keeps_a_generator_that_yields_inside_a_nursery],
)
@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
async def test_a_generator_that_yields_inside_a_nursery_is_contained(autojump_clock, shadow):
    # Trio itself warns of the generator, in its log and as above, when it is collected or when the run ends.
    async with Shadower(primary, shadow, ShadowConfig(shadow_timeout=2)) as shadower:
        for _ in range(3):
            start = trio.current_time()
            outcome = await shadower.call(b"k")
            assert trio.current_time() - start == 1
            await outcome.wait_settled()
            assert trio.current_time() - start == 1
            assert outcome.verdict is Verdict.FAILED
            assert outcome.shadow_failed is not None
            assert outcome.shadow_failed.message.startswith("Nursery stack corrupted")
    assert counts(shadower) == {"failed": 3}
    hell.KEPT.clear()


async def test_a_mutated_request_does_not_reach_the_primary(autojump_clock):
    async def slow_primary(request):
        await trio.sleep(1)
        return dict(request)

    async def shadow(request):
        request["stolen"] = True
        request["list"].append(1)
        return dict(request)

    async with Shadower(slow_primary, shadow) as shadower:
        request: dict[str, object] = {"list": []}
        outcome = await shadower.call(request)
        assert outcome.primary == {"list": []}
        assert request == {"list": []}
        await outcome.wait_settled()
        assert outcome.verdict is Verdict.DIVERGED


@pytest.mark.parametrize("exception", [KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize("grouped", [False, True])
async def test_what_must_pass_passes_and_ends_the_shadower(autojump_clock, exception, grouped):
    async def shadow(request):
        await trio.sleep(0.5)
        raise BaseExceptionGroup("", [ValueError(), exception()]) if grouped else exception

    shadower: _Shadower[bytes, bytes, None]
    with pytest.raises(exception):
        async with Shadower(primary, shadow) as shadower:
            await shadower.call(b"k")
    assert counts(shadower) == {"abandoned": 1}
    assert trio.current_time() == 0.5


async def test_a_keyboard_interrupt_out_of_a_comparison_passes(autojump_clock):
    class Interrupts:
        def __eq__(self, other):
            raise KeyboardInterrupt

        __hash__ = None  # type: ignore[assignment]

    async def shadow(request):
        return Interrupts()

    with pytest.raises(KeyboardInterrupt):
        async with Shadower(primary, shadow) as shadower:
            await shadower.call(b"k")
            await trio.sleep_forever()
    assert counts(shadower) == {"abandoned": 1}


async def test_an_answer_that_came_too_late_is_not_given(autojump_clock):
    async with Shadower(primary, hell.shields_past_the_deadline, ShadowConfig(shadow_timeout=2)) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.verdict is Verdict.TIMED_OUT
        assert outcome.shadow is None
