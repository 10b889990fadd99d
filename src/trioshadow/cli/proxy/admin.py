"""The admin address: is the proxy well, and what has it seen? An ASGI app, for loopback only, and off unless asked for.

`GET /healthz` answers 200, or 503 once it drains, so that a load balancer sends nobody any more. `GET /statistics`
answers what the report at the end would say, the scorecard with it; of answers it tells places and never values.

A web page that somebody on this machine looks at must not read it: names that lead here for a while (DNS rebinding) are
told apart by their Host, and what a page asks by its Origin.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

import attrs

from trioshadow import ShadowStatistics
from trioshadow.evidence import Scorecard

from .address import Address

#: Of the places where answers differ.
SHOWN = 20

Message = MutableMapping[str, Any]


@attrs.frozen
class Admin:
    """An ASGI application."""

    statistics: Callable[[], ShadowStatistics]
    scorecard: Callable[[], Scorecard]
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
        if _is_of_a_page(dict(scope.get("headers", ()))):
            status, told = HTTPStatus.FORBIDDEN, {"asked": "by another name than localhost, or by a web page"}
        else:
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
        """The counters, the scorecard, and where answers differ, the most frequent first."""
        scorecard = self.scorecard()
        differing = [(operation, field) for operation in scorecard.operations for field in operation.fields]
        differing.sort(key=lambda pair: -pair[1].calls)
        return {
            **{name: _plain(value) for name, value in attrs.asdict(self.statistics(), recurse=False).items()},
            "scorecard": {
                "candidate": scorecard.epoch.candidate,
                "decision": scorecard.decision.value,
                "reasons": scorecard.reasons,
                "missing": scorecard.missing,
                "not_covered": scorecard.not_covered,
                "notes": scorecard.notes,
                "coverage": scorecard.coverage,
                "withheld": [attrs.asdict(one) for one in scorecard.withheld],
            },
            "diverging": [
                {
                    "operation": operation.operation,
                    "where": field.field,
                    "state": field.state.value,
                    "calls": field.calls,
                    "noise": field.noise,
                }
                for operation, field in differing[:SHOWN]
                if field.calls
            ],
        }


def _is_of_a_page(headers: Mapping[bytes, bytes]) -> bool:
    if b"origin" in headers:
        return True
    host = headers.get(b"host", b"localhost").decode("latin-1")
    name = host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    return not Address(name, 0).is_loopback


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, int | str):
        return value
    return attrs.asdict(value) if attrs.has(type(value)) else dict(value)
