"""Hell's candidates: shadows that break every rule a candidate can break, each in one way.

What becomes of each is in promises/test_nothing_leaks_in.py.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys

import trio

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
