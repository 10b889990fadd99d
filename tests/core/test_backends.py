"""What a Shadower takes for a backend: what is known to be sync is refused where it is made, and what can't be told is
asked in each call. Pure, and Trio layer; on the real clock where one runs in threads.
"""

from __future__ import annotations

import asyncio
import functools
import types
import zlib
from collections.abc import Awaitable
from unittest.mock import AsyncMock, MagicMock, Mock, create_autospec

import pytest
import trio

from trioshadow import Shadower, ShadowerNotRunning, mirrored
from trioshadow.isolation import SyncBackend

from tests.support.accounts import counts


async def echo(request):
    await trio.lowlevel.checkpoint()
    return request


def sync(request):
    return request


def generate(request):
    yield request


async def generate_async(request):
    yield request


def passes_on(function):
    @functools.wraps(function)
    def wrapper(request):
        return function(request)

    return wrapper


class Methods:
    async def call_async(self, request):
        return await echo(request)

    def call_sync(self, request):
        return request

    @staticmethod
    async def static(request):
        return await echo(request)

    @classmethod
    async def of_class(cls, request):
        return await echo(request)


class AsyncCallable:
    async def __call__(self, request):
        return await echo(request)


class AsyncBackend:
    def __init__(self, call=echo):
        self.call = call


class PassesOn:
    def __call__(self, request):
        return echo(request)


class Query:
    def __init__(self, request):
        self.request = request

    def __await__(self):
        return echo(self.request).__await__()


def says_so(request) -> Awaitable[bytes]:
    return echo(request)


def says_so_too(request):
    return echo(request)


says_so_too.__annotations__["return"] = Awaitable[bytes]


@types.coroutine
def generator_coroutine(request):
    return (yield from echo(request).__await__())


ASYNC = {
    "function": echo,
    "method": Methods().call_async,
    "static method": Methods.static,
    "class method": Methods().of_class,
    "partial": functools.partial(functools.partial(echo)),
    "partial of an object": functools.partial(AsyncCallable()),
    "object": AsyncCallable(),
    "backend": AsyncBackend(),
    "backend that passes on": AsyncBackend(lambda request: echo(request)),
    "backend in threads": SyncBackend(sync),
    "functools.wraps": passes_on(echo),
    "functools.wraps twice": passes_on(passes_on(functools.partial(echo))),
    "mirrored": mirrored(echo)(echo),
    "annotated": says_so,
    "annotated with an object": says_so_too,
    "made of a generator": generator_coroutine,
    "class of awaitables": Query,
    "lambda": lambda request: echo(request),
    "object that passes on": PassesOn(),
    "AsyncMock": AsyncMock(side_effect=echo, spec=echo),
    "autospec": create_autospec(echo, side_effect=echo),
    "Mock": AsyncBackend(Mock(side_effect=echo)),
    "MagicMock": AsyncBackend(MagicMock(side_effect=echo)),
}


@pytest.mark.parametrize("backend", ASYNC.values(), ids=ASYNC)
async def test_what_is_or_may_be_async_is_taken_for_each_side(backend):
    async with Shadower(backend, backend) as shadower:
        assert (await shadower.call(b"k")).primary == b"k"
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}


SYNC = {
    "function": sync,
    "method": Methods().call_sync,
    "partial": functools.partial(sync),
    "builtin": zlib.compress,
    "builtin method": b"".join,
    "method of a builtin class": bytes.upper,
    "functools.wraps": passes_on(sync),
    "cached": functools.lru_cache(sync),
    "class": dict,
    "backend": AsyncBackend(sync),
    "mirrored": mirrored(sync)(sync),
}


@pytest.mark.parametrize("parameter", ["primary", "shadow", "secondary"])
@pytest.mark.parametrize("backend", SYNC.values(), ids=SYNC)
def test_a_sync_function_is_refused_with_what_to_use_instead(backend, parameter):
    given = {"primary": echo, "shadow": echo, parameter: backend}
    with pytest.raises(TypeError, match=f"{parameter} must be an async function, and .* is sync") as caught:
        Shadower(**given)
    assert "@trioshadow.mirrored" in str(caught.value)
    assert "trioshadow.isolation.SyncBackend" in str(caught.value)


@pytest.mark.parametrize("backend", [generate, generate_async, functools.partial(generate)])
async def test_a_generator_function_may_only_be_a_primary_that_is_not_called(autojump_clock, backend):
    """The primary of a stream, whose legs are started with `start()`."""
    for parameter in ("shadow", "secondary"):
        with pytest.raises(
            TypeError, match=f"{parameter} must be an async function, and generate.* is a generator fun"
        ):
            Shadower(**{"primary": echo, "shadow": echo, parameter: backend})
    async with Shadower(backend, echo) as shadower:
        shadower.start(b"k").primary_done(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}
        with pytest.raises(TypeError, match=r"generator\). Shadower.start\(\) is for streams"):
            await shadower.call(b"k")


def test_no_message_tells_the_arguments_of_a_partial():
    with pytest.raises(TypeError) as caught:
        Shadower(functools.partial(sync, "secret"), echo)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "backend", [lambda request: request, AsyncBackend(Mock(return_value=b"k"))], ids=["lambda", "Mock"]
)
async def test_what_turns_out_to_be_sync_says_so_in_each_call(autojump_clock, backend):
    async with Shadower(backend, echo) as shadower:
        for _ in range(2):
            with pytest.raises(
                TypeError, match=r"primary must be async, .* returned .* can't be awaited \(bytes\)"
            ) as e:
                await shadower.call(b"k")
            assert "trioshadow.isolation.SyncBackend" in str(e.value)
    async with Shadower(echo, backend) as shadower:
        assert (await shadower.call(b"k")).primary == b"k"
        await shadower.wait_idle()
        (record,) = shadower.failures()
        assert record.failure is not None
        assert record.failure.message.startswith("shadow must be async")


def test_on_asyncio_it_says_that_this_is_a_trio_library():
    shadower, function = Shadower(echo, echo), mirrored(echo)(echo)

    async def main():
        with pytest.raises(ShadowerNotRunning, match=r"never entered: trioshadow is a Trio library.*background\(\)"):
            await shadower.call(b"k")
        with pytest.raises(ShadowerNotRunning, match=r"shadower\.background\(\)"):
            shadower.start(b"k")
        for manager in (shadower, function.mirroring()):
            with pytest.raises(RuntimeError, match=r"trioshadow is a Trio library.*shadower\.background\(\)"):
                await manager.__aenter__()

    asyncio.run(main())

    async def on_trio():  # neither is spoilt by that
        async with shadower, function.mirroring():
            assert (await shadower.call(b"k")).primary == b"k"

    trio.run(on_trio)
    with pytest.raises(ShadowerNotRunning, match="in `async with shadower:`"):
        trio.run(Shadower(echo, echo).call, b"k")
