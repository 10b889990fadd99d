"""What type checkers must say: read by mypy --strict and pyright strict in `nox -s typing`, never run.

Answers keep the type of the backend that gave them, from the constructor to the outcome, and mirrored functions keep
their signature.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, assert_type

import httpx
import trio
from hypothesis import strategies

from trioshadow import (
    Backend,
    Divergence,
    DivergenceRecord,
    IgnoreField,
    Leg,
    ResponseRecord,
    ShadowConfig,
    Shadower,
    ShadowOutcome,
    Verdict,
    mirrored,
)
from trioshadow.asgi import AsgiBackend, ShadowMiddleware
from trioshadow.compare import VOLATILE_HEADERS, Change, ChangeKind, IgnorePath, KeyedBy, SameError, Tolerance
from trioshadow.http import HttpBackend, HttpRequest, ShadowTransport, allow_methods, key_header, served_by_edge
from trioshadow.isolation import ProcessBackend, SyncBackend, ThreadBackend
from trioshadow.testing import ScriptedBackend, assert_equivalent, assert_equivalent_async, raise_on_divergence


class Old:
    async def call(self, request: bytes) -> ResponseRecord:
        return ResponseRecord(request)


async def new(request: bytes) -> dict[str, int]:
    return {"length": len(request)}


def blocking(request: bytes) -> list[bytes]:
    return [request]


backend: Backend[bytes, ResponseRecord] = Old()
bad_backend: Backend[str, ResponseRecord] = Old()  # type: ignore[assignment] # pyright: ignore[reportAssignmentType]


async def calls() -> None:
    async with Shadower(Old(), new, ShadowConfig(sample_rate=0.1, ignore=(IgnoreField.BODY,))) as shadower:
        assert_type(shadower, Shadower[bytes, ResponseRecord, dict[str, int]])
        outcome = await shadower.call(b"hello", key=("user", 3), operation="greet")
        assert_type(outcome, ShadowOutcome[ResponseRecord, dict[str, int]])
        assert_type(outcome.primary, ResponseRecord)
        assert_type(await outcome.wait_settled(), ShadowOutcome[ResponseRecord, dict[str, int]])
        assert_type(outcome.shadow, dict[str, int] | None)
        assert_type(outcome.verdict, Verdict | None)
        assert_type(shadower.subscribe(), trio.MemoryReceiveChannel[DivergenceRecord])
        assert_type(shadower.divergences(), list[DivergenceRecord])
        with shadower.start(b"hello") as leg:
            assert_type(leg, Leg[ResponseRecord, dict[str, int]])
            assert_type(leg.primary_done(ResponseRecord(b"")).primary, ResponseRecord)
            leg.primary_done(b"")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        await shadower.call("hello")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        await shadower.call(b"", key=1.5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def comparing() -> None:
    rules = [*VOLATILE_HEADERS, IgnoreField.STATUS, IgnorePath("$.id"), Tolerance("$.at", abs=1), KeyedBy("$", "id")]
    config = ShadowConfig(ignore=rules, compare=lambda primary, shadow: primary == shadow, decoders={"+cbor": len})
    divergence = Divergence.compare(b"", b"", config)
    assert_type(divergence, Divergence | None)
    if divergence is not None and divergence.body is not None:
        assert_type(divergence.body.changes, tuple[Change, ...])
        assert_type(divergence.explain(color=True, width=80), str)
        assert_type(divergence.body.changes[0].kind, ChangeKind)
    IgnorePath(3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    SameError(KeyError, int)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    Tolerance("$", 1)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


@contextlib.asynccontextmanager
async def open_new() -> AsyncGenerator[Callable[[bytes], Awaitable[dict[str, int]]]]:
    yield new


async def functions_and_threads() -> None:
    async with Shadower(new, SyncBackend(blocking)) as shadower:
        assert_type(shadower, Shadower[bytes, dict[str, int], list[bytes]])
        assert_type((await shadower.call(b"")).primary, dict[str, int])
    async with ThreadBackend(open_new) as thread, ProcessBackend(blocking) as process:
        assert_type(thread, ThreadBackend[bytes, dict[str, int]])
        assert_type(process, ProcessBackend[bytes, list[bytes]])
        assert_type(Shadower(new, thread), Shadower[bytes, dict[str, int], dict[str, int]])
        assert_type(await process.call(b""), list[bytes])
    ThreadBackend(new)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


@mirrored(new)
async def old_async(request: bytes, *, loud: bool = False) -> str:
    return str(request) + "!" * loud


@mirrored(blocking)
def old_sync(request: bytes) -> int:
    return len(request)


class Cat:
    @mirrored(blocking)
    def price(self, request: bytes) -> int:
        return len(request)

    twice = mirrored(blocking)(functools.partialmethod(price, b""))

    @mirrored(blocking)
    @classmethod
    def of_class(cls, request: bytes) -> int:
        return len(request)

    @mirrored(blocking)
    @staticmethod
    def static(request: bytes) -> int:
        return len(request)

    @mirrored(blocking)
    @functools.lru_cache  # noqa: B019
    def cached(self, request: bytes) -> int:
        return len(request)


async def methods() -> None:
    assert_type(Cat().price(b""), int)
    assert_type(Cat.of_class(b""), int)
    assert_type(Cat().of_class(b""), int)
    assert_type(Cat.static(b""), int)
    assert_type(Cat().static(b""), int)
    assert_type(Cat().cached(b""), int)
    Cat.cached.cache_clear()
    assert_type(Cat().twice(), int)
    assert_type(Cat.of_class.shadower.statistics().calls, int)
    async with Cat.price.mirroring() as shadower:
        assert_type(shadower.statistics().calls, int)


async def drop_in() -> None:
    coroutine: Coroutine[Any, Any, str] = old_async(b"", loud=True)
    assert_type(await coroutine, str)
    assert_type(await old_async(b""), str)
    assert_type(old_sync(b""), int)
    old_sync("")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    await old_async(b"", quiet=True)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    async with old_sync.mirroring() as shadower:
        assert_type(shadower.statistics().matched, int)


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200})


async def http(client: httpx.AsyncClient) -> None:
    backend = HttpBackend(client, "https://new")
    config = ShadowConfig(may_mirror=allow_methods("POST"), key=key_header("x-user-id"))
    async with Shadower(backend, backend, config) as both:
        outcome = await both.call(HttpRequest("GET", "/"))
        assert_type(outcome.primary, ResponseRecord)
        assert_type(outcome.shadow, ResponseRecord | None)
    async with Shadower(served_by_edge, backend) as shadower:
        transport: httpx.AsyncBaseTransport = ShadowTransport(
            httpx.AsyncHTTPTransport(), shadower=shadower, routes={"https://old": "https://new"}
        )
        await transport.aclose()
        ShadowMiddleware(app, shadower=shadower)
    middleware = ShadowMiddleware(ShadowMiddleware(app, shadow=app), shadow=backend)
    ShadowMiddleware(middleware, shadow=AsgiBackend(middleware))
    ShadowMiddleware(app, shadow=3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def testing() -> None:
    assert_equivalent(Old(), new, [b"request"])
    assert_equivalent(blocking, Old(), strategies.binary(), config=ShadowConfig(strict=True))
    assert_equivalent(ScriptedBackend(print), blocking, (text for text in [b"request"]), max_shown=3)
    await assert_equivalent_async(new, blocking, strategies.binary(), operation="new")
    assert_equivalent(new, blocking, ["text"])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    assert_equivalent(new, 7, [b"request"])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    assert_type(raise_on_divergence(), AbstractContextManager[None])
