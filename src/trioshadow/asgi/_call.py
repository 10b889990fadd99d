"""One request on its way through the middleware: what the app reads and what it answers, copied as it passes by, and
what it is called.
"""

from __future__ import annotations

import contextvars
import re
from typing import Any

import attrs

from trioshadow._model.verdict import HeldBack
from trioshadow.http import AnyShadower, Edge, Exchange, template_path

from ._request import AsgiHead, AsgiRequest
from ._types import App, Message, Receive, Scope, Send


class AnswerHandle:
    """What an app finds in `scope["trioshadow"]` while its answer may be compared."""

    __slots__ = ("_exchange", "_outer")

    def __init__(self, exchange: Exchange, outer: AnswerHandle | None) -> None:
        self._exchange = exchange
        self._outer = outer  # of a middleware around this one, which sees the same answer

    def abandon(self) -> None:
        """This answer is not to be compared. From any thread; a second time, and after the answer, it does nothing."""
        if self._outer is not None:
            self._outer.abandon()
        self._exchange.abandon()


@attrs.frozen
class Surroundings:
    """What all calls of a middleware have in common."""

    app: App
    edge: Edge
    shadower: AnyShadower
    raises_alike: bool
    """Is what the app raises what the shadow raises? Over the wire it is what a server makes of it, each in its way,
    and there is nothing to compare with."""


class Call:
    """One request. `length` is that of its body, None if that is not known."""

    def __init__(
        self, around: Surroundings, scope: Scope, request: AsgiRequest, length: int | None, exchange: Exchange
    ) -> None:
        self._around = around
        self._edge = around.edge
        self._scope = scope
        self._request = request
        self._length = length
        self._exchange = exchange
        self._body = bytearray()
        # The leg may start deep in the app, and its shadow must not get the session that the app has opened there.
        self._context = contextvars.copy_context()
        self._answering = False

    async def run(self, receive: Receive, send: Send) -> None:
        """Serve it. Raises what the app does."""
        exchange = self._exchange
        self._scope["trioshadow"] = AnswerHandle(exchange, self._scope.get("trioshadow"))
        self._send = send
        if self._length != 0 or self._request.http_version[:1] != "1":
            # Else there can be no body, and nobody need look at what is received.
            self._receive, receive = receive, self._watch_request
        try:
            await self._around.app(self._scope, receive, self._watch_answer)
        except BaseException as exc:
            self._name()
            if self._around.raises_alike:
                exchange.raised(exc)
            raise
        finally:
            if not exchange.begun:
                self._refuse()  # nobody read the body to its end, so there is no copy of it
            self._name()
            exchange.abandon()

    async def _watch_request(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._take(message.get("body", b""), complete=not message.get("more_body", False))
        return message

    def _take(self, part: bytes, *, complete: bool) -> None:
        exchange = self._exchange
        if exchange.begun:
            if part:
                exchange.abandon("a request had a body though its head announced none")
            return
        if len(self._body) + len(part) > self._edge.limit:
            self._refuse()
            return
        self._body += part
        if complete or len(self._body) == self._length:
            whole = attrs.evolve(self._request, body=self._body)
            self._body.clear()
            exchange.begin(self._context.run(self._edge.start, self._around.shadower, whole))
            if self._answering:
                self._name()

    def _refuse(self) -> None:
        self._body.clear()
        self._exchange.begin(self._edge.start(self._around.shadower, self._request, HeldBack.INCOMPLETE))

    async def _watch_answer(self, message: Message) -> None:
        exchange = self._exchange
        if not exchange.ended:
            message = _repeatable(message)
            try:
                self._observe(message)
            except Exception as exc:  # a message that is not as ASGI says: the server will say so
                exchange.abandon(f"an app sent a message that is not as ASGI says ({type(exc).__name__})")
        try:
            await self._send(message)
        except Exception:
            exchange.abandon()  # not the app's: the client has gone, or the server refuses
            raise

    def _observe(self, message: Message) -> None:
        kind, exchange = message["type"], self._exchange
        if kind == "http.response.start":
            self._answering = True
            self._name()
            exchange.head(message["status"], message.get("headers", ()))
        elif kind == "http.response.body":
            exchange.add(message.get("body", b""))
            if not message.get("more_body", False):
                exchange.done()
        elif kind in ("http.response.pathsend", "http.response.zerocopysend"):
            exchange.abandon("a body that the server reads itself from a file is not seen")

    def _name(self) -> None:
        if self._exchange.wants_name:
            around = self._around
            self._exchange.name(operation_of(around.edge, around.app, self._scope, self._request))


def operation_of(edge: Edge, app: App, scope: Scope, request: AsgiHead | AsgiRequest) -> str:
    """What is called: by the route, which is known once the app has begun to answer, if it ever will be."""
    try:
        template = _route_template(scope, app, request.root_path)
    except Exception:  # a router's own, of a path that it does not know
        template = None
    if isinstance(request, AsgiHead):
        return edge.name_by_head(request.method, request.path, template)
    return edge.name(request, template)


#: `{id:int}`, and `<int:id>` or `<id>`.
_CONVERTER = re.compile(r"\{([^{}:]+):[^{}]*\}")
_WERKZEUG = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")


def _route_template(scope: Scope, app: Any, root_path: str) -> str | None:
    """What the router made of the request, such as `/users/{id}`; None if nothing tells.

    Starlette and FastAPI write the route into the scope; Quart has a map that can be asked. `root_path` is where the
    app itself is mounted.
    """
    route = scope.get("route")
    path = getattr(route, "path", None)
    if isinstance(path, str) and hasattr(route, "endpoint"):  # else it is a mount, whose app has named nothing
        # Of a mounted app the router knows the rest of the path only.
        mount = str(scope.get("root_path", "")).removeprefix(root_path)
        template = _CONVERTER.sub(r"{\1}", path)
        # What is left of the parameters is the mount's own.
        named = {f"{{{name}}}": str(value) for name, value in scope.get("path_params", {}).items()}
        names = {value: name for name, value in named.items() if name not in template}
        mount = "/".join([names.get(segment, segment) for segment in mount.split("/")])
        return template_path(mount) + template
    url_map = getattr(getattr(app, "__self__", app), "url_map", None)  # `app.asgi_app` is a method of the app
    if url_map is not None:
        rule, _ = url_map.bind("localhost").match(scope["path"], scope["method"], return_rule=True)
        return _WERKZEUG.sub(r"{\1}", rule.rule)
    return None


def _repeatable(message: Message) -> Message:
    """The message itself, unless its headers are iterators, which could be looked at only once."""
    headers = message.get("headers")
    if headers is None or (isinstance(headers, list) and all(isinstance(pair, list | tuple) for pair in headers)):
        return message
    return {**message, "headers": [tuple(pair) for pair in headers]}
