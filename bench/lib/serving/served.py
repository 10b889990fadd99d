"""The server's process: hypercorn on Trio, each variant on a port of its own, all in one loop.

    python -m lib.serving.served '{"variants": ["alone", "off"], "peers": {"primary": 8001, ...}}'

One process, since two differ by some per cent before any of their code does (where their heap lies, how strings hash).
A variant that is not asked costs nothing. On the port `admin`, `/<variant>` waits until the variant's shadows have
ended, and says what was counted; `/<variant>?collect` also collects garbage, and forgets the memory's peak. It ends
with its standard input.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import httpx
import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from trioshadow import ShadowConfig
from trioshadow.asgi import ForwardedHeaders, ReverseProxy, ShadowMiddleware
from trioshadow.http import HttpBackend

from lib.serving.apps import App, ByHand, Receive, Scope, Send, app, lifespan, pass_through

_Settle = Callable[[], Awaitable[dict[str, int]]]
_OFF = ShadowConfig(sample_rate=0)
_ALL = ShadowConfig(drain_timeout=0)
#: Hung shadows are not to be shed, which would make them cheap.
_ROOM_FOR_ALL = ShadowConfig(drain_timeout=0, max_in_flight=100_000, shadow_timeout=0.5)


async def _nothing_to_settle() -> dict[str, int]:
    await trio.lowlevel.checkpoint()
    return {}


async def _settle(middleware: ShadowMiddleware) -> dict[str, int]:
    await middleware.shadower.wait_idle()
    counts = attrs.asdict(middleware.shadower.statistics())
    return {name: value for name, value in counts.items() if isinstance(value, int)}


async def _settle_by_hand(by_hand: ByHand) -> dict[str, int]:
    await by_hand.settle()
    return {"collected": by_hand.collected}


def _watched(middleware: ShadowMiddleware, outer: App | None = None) -> tuple[App, _Settle]:
    return outer or middleware, functools.partial(_settle, middleware)


def _proxy(new_client: Callable[[], httpx.AsyncClient], base_url: str, config: ShadowConfig) -> tuple[App, _Settle]:
    middleware = ShadowMiddleware(
        ReverseProxy(new_client(), base_url), shadow=HttpBackend(new_client(), base_url), config=config
    )
    return _watched(middleware, ForwardedHeaders(middleware))


def _variant(name: str, peers: dict[str, int], new_client: Callable[[], httpx.AsyncClient]) -> tuple[App, _Settle]:
    urls = {peer: f"http://127.0.0.1:{port}" for peer, port in peers.items()}
    match name:
        case "alone":
            return app, _nothing_to_settle
        case "off":
            return _watched(ShadowMiddleware(app, shadow=app, config=_OFF))
        case "all":
            return _watched(ShadowMiddleware(app, shadow=app, config=_ALL))
        case "by hand":
            by_hand = ByHand(app, app)
            return by_hand, functools.partial(_settle_by_hand, by_hand)
        case "proxy":
            return _proxy(new_client, urls["primary"], _OFF)
        case "proxy, all":
            return _proxy(new_client, urls["primary"], _ALL)
        case "bare":
            return pass_through(new_client(), urls["primary"]), _nothing_to_settle
        case "refused" | "hung" | "reset":
            backend = HttpBackend(new_client(), urls[name])
            return _watched(ShadowMiddleware(app, shadow=backend, config=_ROOM_FOR_ALL))
        case other:
            raise ValueError(other)


def _memory() -> dict[str, int]:
    """Resident now, and at its highest, in bytes; nothing where it is not known."""
    status = Path("/proc/self/status")
    if not status.exists():
        return {}
    lines = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines())
    return {name: int(lines[name].split()[0]) * 1_024 for name in ("VmRSS", "VmHWM")}


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _admin(settlers: dict[str, _Settle]) -> App:
    async def admin(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        counts = await settlers[scope["path"][1:]]()
        if scope["query_string"] == b"collect":
            gc.collect()
            _forget_peak()
        body = json.dumps(counts | _memory() | {"cpu": time.process_time_ns()}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return admin


async def _main(arguments: dict[str, Any]) -> None:
    stop = trio.Event()
    async with contextlib.AsyncExitStack() as stack:

        def new_client() -> httpx.AsyncClient:
            client = httpx.AsyncClient(trust_env=False)
            stack.push_async_callback(client.aclose)
            return client

        variants = {name: _variant(name, arguments["peers"], new_client) for name in arguments["variants"]}
        settlers = {name: settle for name, (_, settle) in variants.items()}
        apps = {name: served for name, (served, _) in variants.items()} | {"admin": _admin(settlers)}
        async with trio.open_nursery() as nursery:
            ports = {}
            served: Any  # hypercorn's own types are narrower than ASGI's
            for name, served in apps.items():
                config = Config()
                config.bind = ["127.0.0.1:0"]
                config.errorlog = None
                config.keep_alive_max_requests = 2**31
                run: Any = functools.partial(serve, served, config, shutdown_trigger=stop.wait)
                ports[name] = int((await nursery.start(run))[0].rpartition(":")[2])
            print(json.dumps(ports), flush=True)
            await trio.to_thread.run_sync(sys.stdin.read)
            stop.set()


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # what is held back from hostile shadows, and the like
    trio.run(_main, json.loads(sys.argv[1]))
