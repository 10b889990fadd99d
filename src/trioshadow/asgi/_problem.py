"""Answers that are the proxy's own: RFC 9457 problem details, in words that tell nothing about what is behind it."""

from __future__ import annotations

import json
from http import HTTPStatus

from ._types import Send


async def send_problem(send: Send, status: HTTPStatus, detail: str, *, prefix: str = "http") -> None:
    """Answer with this status and a body of `application/problem+json`.

    `prefix`: of the ASGI messages; `websocket.http` for the extension that answers a handshake with a response.
    """
    problem = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    body = json.dumps(problem).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    await send({"type": f"{prefix}.response.start", "status": status.value, "headers": headers})
    await send({"type": f"{prefix}.response.body", "body": body})
