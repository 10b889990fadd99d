"""The ASGI apps that are served, and the same without the library, written by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import httpx
import trio

from lib.serving.peers import bodies, head

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_BODIES = bodies()
_CHUNK = bytes(1 << 16)
#: What the app waits on `/wait`, as for a database.
WAIT = 0.005


async def lifespan(receive: Receive, send: Send) -> None:
    """Nothing to start, nothing to stop."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """`/4k` and `/100k` answer at once, `/wait` after 5 ms; `/stream/<size>` streams so many bytes."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    name = scope["path"][1:]
    if name.startswith("stream/"):
        await _stream(int(name.removeprefix("stream/")), send)
        return
    if name == "wait":
        await trio.sleep(WAIT)
        name = "4k"
    body = _BODIES[name]
    await send({"type": "http.response.start", "status": 200, "headers": head(len(body))})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _stream(size: int, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": head(size)})
    for _ in range(size // len(_CHUNK)):
        await send({"type": "http.response.body", "body": _CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": _CHUNK[: size % len(_CHUNK)], "more_body": False})


class ByHand:
    """Calls a shadow app in a background nursery, and collects its answer. It compares nothing, counts nothing else,
    has no deadline, and one error ends it: what the extra work itself costs.
    """

    def __init__(self, primary: App, shadow: App) -> None:
        self._primary = primary
        self._shadow = shadow
        self._nursery: trio.Nursery
        self.collected = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        if scope["type"] == "lifespan":
            async with trio.open_nursery() as self._nursery:
                await self._primary(scope, receive, send)
            return
        self._nursery.start_soon(self._collect, dict(scope))
        await self._primary(scope, receive, send)

    async def _collect(self, scope: Scope) -> None:
        messages: list[Message] = []
        body = bytearray()

        async def receive() -> Message:
            await trio.lowlevel.checkpoint()
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            await trio.lowlevel.checkpoint()
            messages.append(message)
            body.extend(message.get("body", b""))

        await self._shadow(scope, receive, send)
        if messages[0]["status"] != 200 or len(body) != 4_096:
            raise AssertionError("the shadow gave another answer")
        self.collected += 1

    async def settle(self) -> None:
        """Wait until all shadows have ended."""
        while self._nursery.child_tasks:
            await trio.lowlevel.checkpoint()


def pass_through(client: httpx.AsyncClient, base_url: str) -> App:
    """The reverse proxy that one writes on a Friday."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        url = base_url + scope["raw_path"].decode("ascii")
        request = client.build_request(scope["method"], url, headers=scope["headers"], content=body)
        response = await client.send(request, stream=True)
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.headers.raw})
        async for chunk in response.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await response.aclose()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app
