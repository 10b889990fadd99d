"""The admin address: is the proxy well, and what has it seen? An ASGI app, for loopback only, and off unless asked for.

`GET /healthz` answers 200, or 503 once it drains, so that a load balancer sends nobody any more. `GET /statistics`
answers what the report at the end would say; of answers it tells places and never values.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

import attrs

from trioshadow import ShadowStatistics

from ._proxy_tally import Tally

#: Of the places where answers differ.
SHOWN = 20

Message = MutableMapping[str, Any]


@attrs.frozen
class Admin:
    """An ASGI application."""

    statistics: Callable[[], ShadowStatistics]
    tally: Tally
    draining: Callable[[], bool]

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Answer one request, or the server's lifespan; nothing else comes."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        status, told = self.answer(scope["method"], scope["path"])
        body = json.dumps(told, indent=2).encode() + b"\n"
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        headers.append((b"cache-control", b"no-store"))
        await send({"type": "http.response.start", "status": status.value, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def answer(self, method: str, path: str) -> tuple[HTTPStatus, dict[str, Any]]:
        """What is answered."""
        if path not in ("/healthz", "/statistics"):
            return HTTPStatus.NOT_FOUND, {"there is": ["/healthz", "/statistics"]}
        if method not in ("GET", "HEAD"):
            return HTTPStatus.METHOD_NOT_ALLOWED, {"there is": ["GET", "HEAD"]}
        if path == "/statistics":
            return HTTPStatus.OK, self.seen()
        if self.draining():
            return HTTPStatus.SERVICE_UNAVAILABLE, {"status": "draining"}
        return HTTPStatus.OK, {"status": "ok"}

    def seen(self) -> dict[str, Any]:
        """The counters, and where answers differ, the most frequent first."""
        counters = attrs.asdict(self.statistics(), recurse=False)
        diverged = [
            {"operation": place.operation, "where": place.where, "calls": calls}
            for place, calls in self.tally.diverged.most_common(SHOWN)
        ]
        return {
            **{name: value if isinstance(value, int) else dict(value) for name, value in counters.items()},
            "diverging": diverged,
            "failures": dict(self.tally.failed.most_common(SHOWN)),
        }
