"""`demo --http`: services on loopback, the mirroring proxy before them, and traffic through it. It shows nothing.

Real servers, sockets and clients, all in this process. The proxy is put together as `trioshadow proxy` puts it
together.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import attrs
import httpx
import trio

from trioshadow import DivergenceLog, DivergenceRecord, ShadowConfig, ShadowStatistics
from trioshadow.asgi import ForwardedHeaders, ReverseProxy, ShadowMiddleware
from trioshadow.cli.common.ctrl_c import CtrlC
from trioshadow.cli.common.hypercorn import ServerConfig, serve
from trioshadow.compare import IgnorePath
from trioshadow.evidence import Objective, Scorecard
from trioshadow.http import HttpBackend, allow_methods, key_header

from .blocks import Block
from .http_services import PATH, RenderService
from .http_traffic import NUMBER, ask_all
from .renderers import Renderer

#: Seconds. Generous, since here all share a processor, and a busy one is no reason to call a candidate hung.
SHADOW_TIMEOUT = 30.0

#: Calls that are sent before the shadows are waited for, so that they need not be shed.
_ROUND = 64

#: What differs by itself in every pair of answers.
NOISE = (
    IgnorePath("$.id"),  # made for each answer
    IgnorePath("$.rendered_at"),  # the clock when the answer was made
)

# Rendering a text changes nothing, so that POST may be mirrored as well, and all of it to a secondary.
CONFIG = ShadowConfig(
    may_mirror=allow_methods("POST"), key=key_header(NUMBER), shadow_timeout=SHADOW_TIMEOUT, noise_rate=1
)


@attrs.frozen
class Mirrored:
    """What became of a number of calls."""

    statistics: ShadowStatistics
    scorecard: Scorecard
    records: list[DivergenceRecord]


@attrs.frozen
class Proxy:
    """A mirroring proxy that runs."""

    url: str
    middleware: ShadowMiddleware


@contextlib.asynccontextmanager
async def running_services(renderers: Sequence[Renderer]) -> AsyncGenerator[list[str], None]:
    """A server on loopback for each, while this is entered. Their URLs."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(served(RenderService(renderer))) for renderer in renderers]


@contextlib.asynccontextmanager
async def running_proxy(
    primary: str, shadow: str, config: ShadowConfig, *, secondary: str | None = None, log: DivergenceLog | None = None
) -> AsyncGenerator[Proxy, None]:
    """A mirroring proxy before two services, or three, while this is entered."""
    async with new_client() as old, new_client() as new, new_client() as twin:
        middleware = ShadowMiddleware(
            ReverseProxy(old, primary),
            shadow=HttpBackend(new, shadow),
            secondary=None if secondary is None else HttpBackend(twin, secondary),
            config=config,
            log=log,
            operation=lambda _: PATH,  # by GET or POST, which depends on a text's length, it is the same
        )
        async with served(ForwardedHeaders(middleware)) as url:
            yield Proxy(url, middleware)


async def mirror(
    primary: str,
    shadow: str,
    secondary: str,
    blocks: Sequence[Block],
    *,
    candidate: str,
    rules: Sequence[IgnorePath],
    objective: Objective,
    ctrl_c: CtrlC,
    progress: Callable[[int], None],
) -> Mirrored:
    """Send the blocks through a proxy that ignores what the rules say; `progress` is told how many are done."""
    log = DivergenceLog(capacity=len(blocks))  # room for all, so that all are counted by document
    config = attrs.evolve(CONFIG, ignore=rules, candidate=candidate)
    numbered = list(enumerate(blocks))
    async with (
        running_proxy(primary, shadow, config, secondary=secondary, log=log) as proxy,
        new_client() as client,
        ctrl_c.obeyed(),
    ):
        shadower = proxy.middleware.shadower
        for start in range(0, len(blocks), _ROUND):
            await ask_all(client, proxy.url, numbered[start : start + _ROUND])
            await shadower.wait_idle()
            progress(min(start + _ROUND, len(blocks)))
        records = shadower.divergences() + shadower.failures()
        return Mirrored(shadower.statistics(), shadower.scorecard(objective), records)


def new_client() -> httpx.AsyncClient:
    """A client for loopback, with connections of its own, whatever proxies the environment names."""
    limits = httpx.Limits(max_connections=None)
    transport = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
    return httpx.AsyncClient(transport=transport, trust_env=False, timeout=60)


@contextlib.asynccontextmanager
async def served(app: Any) -> AsyncGenerator[str, None]:
    """A server on loopback, while this is entered. Its URL.

    Whatever ends the body, the server is stopped in order, and not cancelled in the middle of what it does.
    """
    config = ServerConfig()
    config.bind = ["127.0.0.1:0"]
    config.graceful_timeout = 1.0
    stop = trio.Event()
    error: BaseException | None = None
    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(functools.partial(serve, app, config, stop))
        try:
            yield url
        except BaseException as exc:  # raised behind the nursery, which it would cancel here
            error = exc
        stop.set()
    if error is not None:
        raise error
