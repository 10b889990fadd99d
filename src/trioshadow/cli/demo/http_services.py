"""The services of `demo --http`: a Markdown library behind JSON, as one finds it in the wild.

Each answer has an id and a time of its own. They differ in every pair of answers, and say nothing about the library:
noise.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import re
import uuid
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from .renderers import Renderer

PATH = "/render"

#: Markup, and of it the tags of headings. Without `<` inside: a text of these alone would take time by its square.
_TAG = re.compile(r"<(?:(?P<close>/?)h(?P<level>[1-6])\b)?[^<>]*>")


def describe(page: str) -> dict[str, object]:
    """What the service says of the HTML of a text, but for the noise."""
    headings: list[dict[str, object]] = []
    texts: list[str] = []
    title: int | None = None  # where in `texts` the heading that is open begins
    at = 0
    for tag in _TAG.finditer(page):
        texts.append(page[at : tag.start()])
        at = tag.end()
        if tag["level"] and not tag["close"]:
            title = len(texts)
        elif tag["level"] and title is not None:
            headings.append({"level": int(tag["level"]), "text": html.unescape("".join(texts[title:])).strip()})
            title = None
    texts.append(page[at:])
    return {"html": page, "words": len(" ".join(texts).split()), "headings": headings}


class RenderService:
    """An ASGI app: `POST /render` with `{"text": ...}`, or `GET /render?text=...`, gives JSON about the text's HTML."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request, or the lifespan."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        status, said = self._answer(scope["method"], scope["path"], scope["query_string"], body)
        noise = {"id": str(uuid.uuid4()), "rendered_at": dt.datetime.now(tz=dt.UTC).isoformat()}
        answer = json.dumps({**noise, **said}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": status.value, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, method: str, path: str, query: bytes, body: bytes) -> tuple[HTTPStatus, dict[str, object]]:
        if path != PATH:
            return HTTPStatus.NOT_FOUND, {"error": f"there is only {PATH}"}
        try:
            if method == "GET":
                (text,) = parse_qs(query.decode("ascii"), keep_blank_values=True, errors="surrogatepass")["text"]
            elif method == "POST":
                text = str(json.loads(body)["text"])
            else:
                return HTTPStatus.METHOD_NOT_ALLOWED, {"error": "there are only GET and POST"}
        except (ValueError, LookupError, TypeError):
            return HTTPStatus.BAD_REQUEST, {"error": "there is no text"}
        try:
            page = self._renderer.render(text).decode("utf-8", "surrogatepass")
        except Exception as exc:  # a library's own: RecursionError, for one, if quotes are nested deeply
            return HTTPStatus.INTERNAL_SERVER_ERROR, {"error": type(exc).__name__}
        return HTTPStatus.OK, describe(page)


async def hung_service(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app that takes requests and never answers."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()


async def _live(receive: Any, send: Any) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
