"""Promise 3, nothing leaks in: hell's candidates, each contained, with exact virtual times. Trio layer.

Each runs beside a primary of exactly 1 s and under a deadline of 2 s. Each test asserts when the caller had its answer,
when the leg settled, what it was counted as, and that the next call on the same shadower is mirrored as if nothing had
been.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys

import attrs
import pytest
import trio

from trioshadow import FailureKind, ShadowConfig, Shadower, Verdict
from trioshadow._shadower import Shadower as _Shadower

from tests.support.accounts import counts
from tests.support.portable import said_by

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="the caller's")
KEPT: list[object] = []


class OwnBase(BaseException):
    pass


class Unprintable(Exception):
    def __str__(self):
        raise SystemExit("from __str__")


async def hangs(request):
    await trio.sleep_forever()


async def raises(request):
    raise ValueError("boom")


async def raises_in_cleanup(request):
    try:
        await trio.sleep_forever()
    finally:
        raise ValueError("cleanup")


async def raises_in_slow_cleanup(request):
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(3)
        raise ValueError("cleanup")


async def a_group_out_of_its_own_nursery(request):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(raises, request)
        nursery.start_soon(trio.sleep_forever)


async def a_group_together_with_the_deadline(request):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(raises_in_cleanup, request)
        nursery.start_soon(trio.sleep_forever)


async def exits(request):
    await trio.sleep(0.5)
    sys.exit(3)


async def raises_a_base_exception_of_its_own(request):
    raise OwnBase("mine")


async def raises_asyncio_cancelled(request):
    raise asyncio.CancelledError


async def swallows_cancelled(request):
    try:
        await trio.sleep_forever()
    except trio.Cancelled:
        return request


async def swallows_cancelled_and_goes_on(request):
    for _ in range(3):
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            with trio.CancelScope(shield=True):
                await trio.sleep(1)
    return request


async def shields_past_the_deadline(request):
    with trio.CancelScope(shield=True):
        await trio.sleep(7)
    return request


async def cancels_a_scope_of_its_own(request):
    with trio.CancelScope() as scope:
        scope.cancel()
        await trio.sleep_forever()
    return request


async def cancels_the_legs_nursery(request):
    nursery = trio.lowlevel.current_task().parent_nursery
    assert nursery is not None
    nursery.cancel_scope.cancel()
    await trio.sleep_forever()


async def raises_an_old_cancelled(request):
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as exc:
            old = exc
    await trio.sleep(0.5)
    raise old


async def leaves_a_nursery_open(request):
    await trio.open_nursery().__aenter__()
    return request


async def leaves_a_nursery_open_with_a_task(request):
    nursery = await trio.open_nursery().__aenter__()
    nursery.start_soon(trio.sleep_forever)
    return request


async def leaves_a_nursery_open_and_raises(request):
    await trio.open_nursery().__aenter__()
    raise ValueError("boom")


async def leaves_a_cancel_scope_open(request):
    trio.CancelScope(deadline=0).__enter__()
    return request


async def _yields_inside_a_nursery():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        yield 1
        yield 2


async def drops_a_generator_that_yields_inside_a_nursery(request):
    async for _ in _yields_inside_a_nursery():
        break
    gc.collect()
    return request


async def keeps_a_generator_that_yields_inside_a_nursery(request):
    generator = _yields_inside_a_nursery()
    KEPT.append(generator)
    await generator.__anext__()
    return request


async def changes_a_context_variable(request):
    variable.set("the shadow's")
    return request


class Liar(Exception):
    @property
    def __class__(self):
        return KeyboardInterrupt


async def raises_what_says_it_is_a_keyboard_interrupt(request):
    raise Liar("not really")


async def returns_none(request):
    return None


async def raises_the_unprintable(request):
    raise Unprintable


async def recurses_for_ever(request):
    return await recurses_for_ever(request)


async def runs_out_of_memory(request):
    raise MemoryError


async def raises_stop_async_iteration(request):
    raise StopAsyncIteration


async def raises_stop_iteration(request):
    raise StopIteration


async def raises_a_group_of_base_exceptions(request):
    raise BaseExceptionGroup("", [SystemExit(), OwnBase()])


async def raises_a_deep_group(request):
    exc: Exception = ValueError()
    for _ in range(5000):
        exc = ExceptionGroup("", [exc])
    raise exc


def returns_something_that_is_not_awaitable(request):
    return 3


async def awaits(function):
    await function(b"")


class EqRaises:
    def __eq__(self, other):
        raise ValueError("eq")

    __hash__ = None  # type: ignore[assignment]


class EqExits(EqRaises):
    def __eq__(self, other):
        sys.exit(1)


class EqSwitchesTheBoolOff:
    def __eq__(self, other):
        return self

    def __bool__(self):
        raise TypeError("no bool")

    __hash__ = None  # type: ignore[assignment]


async def returns_what_raises_when_compared(request):
    return EqRaises()


async def returns_what_exits_when_compared(request):
    return EqExits()


async def returns_what_compares_to_no_bool(request):
    return EqSwitchesTheBoolOff()


async def sets_the_deadline_of_the_leg_to_never(request):
    nursery = trio.lowlevel.current_task().parent_nursery
    assert nursery is not None
    nursery.cancel_scope.deadline = float("inf")
    await trio.sleep(30)
    return request


async def starts_a_task_in_the_legs_nursery(request):
    nursery = trio.lowlevel.current_task().parent_nursery
    assert nursery is not None
    nursery.start_soon(trio.sleep, 1.5)
    return request


async def starts_a_hanging_task_in_the_legs_nursery(request):
    nursery = trio.lowlevel.current_task().parent_nursery
    assert nursery is not None
    nursery.start_soon(trio.sleep_forever)
    return request


async def starts_a_failing_task_in_the_legs_nursery(request):
    nursery = trio.lowlevel.current_task().parent_nursery
    assert nursery is not None
    nursery.start_soon(raises, request)
    await trio.sleep(0.5)
    return request


@attrs.frozen
class Hell:
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
    return Hell(shadow, Verdict.MATCHED, settled)


def raised(shadow, type_name, message="", settled=1.0):
    return Hell(shadow, Verdict.FAILED, settled, FailureKind.RAISED, type_name, message)


def timed_out(shadow, settled=2.0, message=""):
    return Hell(shadow, Verdict.TIMED_OUT, settled, FailureKind.TIMED_OUT, "TooSlowError", message)


def not_comparable(shadow, type_name, message):
    return Hell(shadow, Verdict.FAILED, 1.0, FailureKind.COMPARE_RAISED, type_name, message)


CANDIDATES = [
    timed_out(hangs, message="no answer within 2 s"),
    raised(raises, "ValueError", "boom"),
    timed_out(raises_in_cleanup, message="no answer within 2 s; then ValueError: cleanup"),
    timed_out(raises_in_slow_cleanup, settled=5, message="no answer within 2 s; then ValueError: cleanup"),
    raised(a_group_out_of_its_own_nursery, "ExceptionGroup", "Exceptions from Trio nursery (1 sub-exception)"),
    timed_out(a_group_together_with_the_deadline, message="no answer within 2 s; then ValueError: cleanup"),
    raised(exits, "SystemExit", "3"),
    raised(raises_a_base_exception_of_its_own, "OwnBase", "mine"),
    raised(raises_asyncio_cancelled, "CancelledError"),
    timed_out(swallows_cancelled),
    timed_out(swallows_cancelled_and_goes_on, settled=5),
    timed_out(shields_past_the_deadline, settled=7),
    matched(cancels_a_scope_of_its_own),
    raised(cancels_the_legs_nursery, "Cancelled"),
    raised(raises_an_old_cancelled, "Cancelled"),
    raised(leaves_a_nursery_open, "RuntimeError", "Nursery stack corrupted"),
    raised(leaves_a_nursery_open_with_a_task, "RuntimeError", "Nursery stack corrupted"),
    raised(leaves_a_nursery_open_and_raises, "RuntimeError", "Nursery stack corrupted"),
    matched(leaves_a_cancel_scope_open),
    matched(changes_a_context_variable),
    raised(raises_what_says_it_is_a_keyboard_interrupt, "Liar", "not really"),
    Hell(returns_none, Verdict.DIVERGED),
    raised(raises_the_unprintable, "Unprintable", "<Unprintable.__str__ raised SystemExit>"),
    raised(recurses_for_ever, "RecursionError", "maximum recursion depth exceeded"),
    raised(runs_out_of_memory, "MemoryError"),
    raised(raises_stop_async_iteration, "StopAsyncIteration"),
    raised(raises_stop_iteration, "RuntimeError", said_by(lambda: raises_stop_iteration(b"").send(None))),
    raised(raises_a_group_of_base_exceptions, "BaseExceptionGroup"),
    raised(raises_a_deep_group, "ExceptionGroup"),
    raised(
        returns_something_that_is_not_awaitable,
        "TypeError",
        said_by(lambda: awaits(returns_something_that_is_not_awaitable).send(None)),
    ),
    not_comparable(returns_what_raises_when_compared, "ValueError", "the comparison: eq"),
    not_comparable(returns_what_exits_when_compared, "SystemExit", "the comparison: 1"),
    not_comparable(returns_what_compares_to_no_bool, "TypeError", "the comparison: no bool"),
    Hell(sets_the_deadline_of_the_leg_to_never, Verdict.MATCHED, 30),
    matched(starts_a_task_in_the_legs_nursery, settled=1.5),
    matched(starts_a_hanging_task_in_the_legs_nursery, settled=2),
    raised(starts_a_failing_task_in_the_legs_nursery, "ValueError", "boom"),
]


async def primary(request):
    await trio.sleep(1)
    return request


@pytest.mark.parametrize("hell", CANDIDATES, ids=lambda hell: hell.shadow.__name__)
async def test_contained(autojump_clock, hell):
    async def shadow(request):
        return await (hell.shadow if request == b"hell" else primary)(request)

    async with Shadower(primary, shadow, ShadowConfig(shadow_timeout=2)) as shadower:
        start = trio.current_time()
        outcome = await shadower.call(b"hell")
        assert trio.current_time() - start == 1
        assert outcome.primary == b"hell"
        await outcome.wait_settled()
        assert trio.current_time() - start == hell.settled
        assert outcome.verdict is hell.verdict
        if hell.kind is None:
            assert outcome.shadow_failed is None
        else:
            assert outcome.shadow_failed is not None
            assert outcome.shadow_failed.kind is hell.kind
            assert outcome.shadow_failed.type_name == hell.type_name
            assert outcome.shadow_failed.message.startswith(hell.message)
        assert variable.get() == "the caller's"
        assert counts(shadower) == {hell.verdict.value: 1}

        after = await (await shadower.call(b"heaven")).wait_settled()
        assert after.verdict is Verdict.MATCHED
        before_exit = trio.current_time()
    assert trio.current_time() == before_exit


@pytest.mark.parametrize("hell", CANDIDATES, ids=lambda hell: hell.shadow.__name__)
async def test_contained_when_the_primary_raises(autojump_clock, hell):
    async def failing_primary(request):
        await trio.sleep(1)
        raise KeyError("primary")

    async with Shadower(failing_primary, hell.shadow, ShadowConfig(shadow_timeout=2)) as shadower:
        start = trio.current_time()
        with pytest.raises(KeyError, match="primary"):
            await shadower.call(b"hell")
        assert trio.current_time() - start == 1
        await shadower.wait_idle()
        assert trio.current_time() - start == hell.settled
        statistics = counts(shadower)
        assert sum(statistics.values()) == 1
        assert set(statistics) <= {"diverged", "timed_out", "failed"}  # never 'matched': none of them raises KeyError


@pytest.mark.parametrize(
    "shadow",
    [drops_a_generator_that_yields_inside_a_nursery, keeps_a_generator_that_yields_inside_a_nursery],
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
    KEPT.clear()


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
    async with Shadower(primary, shields_past_the_deadline, ShadowConfig(shadow_timeout=2)) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.verdict is Verdict.TIMED_OUT
        assert outcome.shadow is None
