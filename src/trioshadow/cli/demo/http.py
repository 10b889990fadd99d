"""`demo --http`: services on loopback, the mirroring proxy before them, and traffic through it. It shows nothing.

Real servers, sockets and clients, all in this process, so nothing here is timed: that would measure one event loop that
does everybody's work. The proxy is put together as `trioshadow proxy` puts it together.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import json
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import trio

from trioshadow import DivergenceLog, ShadowConfig
from trioshadow.asgi import ForwardedHeaders, ReverseProxy, ShadowMiddleware
from trioshadow.cli.common.clients import make_client, trusted_by
from trioshadow.cli.common.hypercorn import ServerConfig, serve
from trioshadow.compare import IgnorePath
from trioshadow.http import HttpBackend, allow_methods, key_header

from .compare import OBJECTIVE, PATIENCE, Comparison
from .documents import Block
from .renderers import Renderer

PATH = "/render"
#: Calls at a time.
CALLERS = 8

#: Carries the place of the block among all: the sampling key, which leads from a record back to the block.
KEY = "x-block"

#: What differs by itself in every pair of answers.
NOISE = (
    IgnorePath("$.id"),  # made for each answer
    IgnorePath("$.rendered_at"),  # the clock when the answer was made
)


class RenderService:
    """An ASGI app: any request with the JSON `{"text": ...}` gives JSON with the text's HTML, and with noise."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request, or the lifespan."""
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        answer: dict[str, str] = {"id": str(uuid.uuid4()), "rendered_at": dt.datetime.now(tz=dt.UTC).isoformat()}
        try:
            status, answer["html"] = 200, self._renderer.html_of(json.loads(body)["text"])
        except Exception as exc:  # a library's own: RecursionError, for one, if quotes are nested deeply
            status, answer["error"] = 500, type(exc).__name__
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


@contextlib.asynccontextmanager
async def served(app: Any) -> AsyncGenerator[str]:
    """A server on loopback, while this is entered. Its URL."""
    config = ServerConfig()
    config.bind = ["127.0.0.1:0"]
    config.graceful_timeout = 1.0
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(functools.partial(serve, app, config, stop))
        yield url
        stop.set()


async def mirror(
    old: str,
    new: str,
    candidate: Renderer,
    blocks: Sequence[Block],
    *,
    rules: Sequence[IgnorePath],
    progress: Callable[[int], None],
) -> Comparison:
    """Send the blocks through a proxy between two services, which ignores what the rules say.

    `candidate`: what the new one renders with; `progress` is told how many are sent.
    """
    config = ShadowConfig(
        candidate=str(candidate),
        ignore=rules,
        key=key_header(KEY),
        # Rendering a text changes nothing, so that POST may be mirrored as well, and all of it to a secondary.
        may_mirror=allow_methods("POST"),
        noise_rate=1,
        shadow_timeout=PATIENCE,
        max_step=PATIENCE,
    )
    trusted = trusted_by(None)
    todo = iter(enumerate(blocks))
    async with contextlib.AsyncExitStack() as stack:
        # A client for each side, so that none waits for another's connections.
        primary, shadow, secondary, client = [await stack.enter_async_context(make_client(trusted)) for _ in range(4)]
        middleware = ShadowMiddleware(
            ReverseProxy(primary, old),
            shadow=HttpBackend(shadow, new),
            secondary=HttpBackend(secondary, old),
            config=config,
            log=DivergenceLog(capacity=len(blocks)),  # room for all, so that all are counted by document
            operation=lambda _: PATH,
            objective=OBJECTIVE,
        )
        url = await stack.enter_async_context(served(ForwardedHeaders(middleware)))

        async def caller() -> None:
            for number, block in todo:
                await client.post(url + PATH, headers={KEY: str(number)}, json={"text": block.text})
                progress(number + 1)

        async with trio.open_nursery() as callers:
            for _ in range(CALLERS):
                callers.start_soon(caller)
        await middleware.shadower.wait_idle()
        return Comparison.of(candidate.name, middleware.shadower, blocks)
