"""The services of `demo --http`: a Markdown library behind JSON, as one finds it in the wild.

Each answer has an id and a time of its own. They differ in every pair of answers, and say nothing about the library:
noise.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

from .renderers import Renderer

PATH = "/render"


class RenderService:
    """An ASGI app: any request with the JSON `{"text": ...}` gives JSON with the text's HTML."""

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
