"""What the middleware adds to a request, without a server: messages to an app and from it, in one loop.

Everything that a loop causes is in its time, the shadows and the comparisons too, as in `calls.py`.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable

import trio

from trioshadow import ShadowConfig, encode_key
from trioshadow.asgi import ShadowMiddleware

from lib.serving.apps import App, ByHand, Message, Scope, app
from lib.serving.load import headers
from lib.table import Row, us
from lib.timing import Effort, Rounds

_SCOPE: Scope = {
    "type": "http",
    "asgi": {"spec_version": "2.1", "version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/4k",
    "raw_path": b"/4k",
    "query_string": b"",
    "root_path": "",
    "headers": [(name.encode(), value.encode()) for name, value in headers("api.example")],
    "client": ("127.0.0.1", 50_000),
    "server": ("127.0.0.1", 8_000),
    "state": {},
    "extensions": {},
}
_LEFT_OUT = next(
    config
    for config in (ShadowConfig(sample_rate=0.1, seed=seed) for seed in range(100))
    if not config.should_shadow(encode_key(("GET", "/4k")))
)
_CONFIGS = {"off": ShadowConfig(sample_rate=0), "left out": _LEFT_OUT, "all": ShadowConfig(max_in_flight=100_000)}


async def _nothing_to_settle() -> None:
    pass


async def _messages(served: App, settle: Callable[[], Awaitable[object]], calls: int) -> float:
    """Seconds for each of so many requests and all that they cause."""
    started, stop = trio.Event(), trio.Event()
    asked = iter(({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))

    async def receive_lifespan() -> Message:
        message = next(asked)
        if message["type"] == "lifespan.shutdown":
            await stop.wait()
        return message

    async def send_lifespan(message: Message) -> None:
        await trio.lowlevel.checkpoint()
        if message["type"] == "lifespan.startup.complete":
            started.set()

    async def receive() -> Message:
        await trio.lowlevel.checkpoint()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(served, {"type": "lifespan", "asgi": _SCOPE["asgi"]}, receive_lifespan, send_lifespan)
        await started.wait()
        await served(dict(_SCOPE), receive, send)
        start = time.perf_counter()
        for _ in range(calls):
            await served(dict(_SCOPE), receive, send)
        await settle()
        seconds = time.perf_counter() - start
        stop.set()
    return seconds / calls


async def _alone_messages(calls: int) -> float:
    return await _messages(app, _nothing_to_settle, calls)


async def _by_hand_messages(calls: int) -> float:
    by_hand = ByHand(app, app)
    seconds = await _messages(by_hand, by_hand.settle, calls)
    _require(by_hand.collected == calls + 1)
    return seconds


async def _middleware_messages(calls: int, config: ShadowConfig) -> float:
    middleware = ShadowMiddleware(app, shadow=app, config=config)
    seconds = await _messages(middleware, middleware.shadower.wait_idle, calls)
    counts = middleware.shadower.statistics()
    _require((counts.matched if config.sample_rate == 1 else counts.not_sampled) == counts.calls == calls + 1)
    return seconds


def _require(condition: bool) -> None:
    if not condition:
        raise AssertionError("the loop did not measure what it says")


def message_rows(effort: Effort) -> list[Row]:
    """Measure."""
    variants: dict[str, Callable[[], float]] = {
        "alone": functools.partial(trio.run, _alone_messages, effort.calls),
        "by hand": functools.partial(trio.run, _by_hand_messages, effort.calls),
    }
    for name, config in _CONFIGS.items():
        variants[name] = functools.partial(trio.run, _middleware_messages, effort.calls, config)
    rounds = Rounds(variants, effort.rounds)
    alone = f"app alone, {us(rounds.median(lambda one: one['alone']))}"

    def added(name: str) -> str:
        return us(rounds.median(lambda one: one[name] - one["alone"]))

    return [
        Row("middleware at sample 0, without a server: adds to a request", added("off"), alone),
        Row(
            "at sample 0.1, a request that is left out: adds to a request",
            added("left out"),
            alone,
            rounds.median(lambda one: (one["left out"] - one["alone"]) / one["alone"]),
        ).hold_at_most(0.6),
        Row(
            "at sample 1, shadow app in this process, compared and all",
            added("all"),
            f"by hand, {added('by hand')}",
            rounds.median(lambda one: (one["all"] - one["alone"]) / (one["by hand"] - one["alone"])),
        ),
    ]
