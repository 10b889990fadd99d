"""ReverseProxy: an ASGI application that passes each request on to the primary, and its answer back.

It is for the primary alone: it compares nothing, and knows of shadows only that its own answers (502, 504, …) are none
to compare with. Its rules:

- Both bodies stream, with backpressure: a chunk is asked for when the one before it is taken.
- What is no matter of one connection (RFC 9110 §7.6.1) goes through byte for byte: path, query, headers in their order,
  content codings, redirects, cookies. Nothing is added but the framing that the connection to the primary needs.
- A client that goes away takes its request to the primary with it.
- A response that the primary breaks off reaches the client broken: an end that is none must not look like one.

What ASGI does not carry can't go through: a `?` with nothing behind it, trailers, informational responses, the reason
phrase. httpcore sends the whole request before it reads the response, so a primary that answers early is heard when it
closes the connection or has taken the body.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx
import trio

from trioshadow._accounts.notices import Notices
from trioshadow._model.checks import is_bool, is_timeout
from trioshadow.http import RawHeaders, checked_base_url, origin_of, with_one_cookie, without_hop_by_hop

from ._types import Receive, Scope, Send

_BAD_GATEWAY = "The service behind this proxy could not be reached, or did not answer in HTTP."
_GATEWAY_TIMEOUT = "The service behind this proxy did not answer in time."
_NO_TARGET = "The request's target is neither a path nor a URL with a path."
_NO_CONNECT = "This proxy opens no tunnels."
_NO_WEBSOCKETS = "This proxy does not pass WebSockets on."
_CHUNKED = (b"transfer-encoding", b"chunked")


class IncompleteResponse(Exception):
    """The primary broke off in the middle of its response, and the client has got its beginning.

    Raised into the server, since that is how an ASGI application tells it to break the connection instead of ending the
    response. On HTTP/2 hypercorn 0.18 leaves the stream open, so that the client waits (`trioshadow proxy` resets it).
    """


class ReverseProxy:
    """An ASGI 3 application that passes requests on to the service at `base_url`.

    `client`: an `httpx.AsyncClient` (or httpx2's) of which the transport alone is used, with its pool, TLS and proxies:
    no default headers, no cookie jar, no authentication, no redirects, no event hooks, no timeouts. It stays the
    caller's to open and close. Its limit of connections (`httpx.Limits`, 100 if nothing is said) is how many requests
    the primary gets at once; the others wait.

    `base_url`: `http://` or `https://`, a host, and perhaps a path, which is put before that of each request.

    `preserve_host`: the primary gets the client's `Host`, and not the one of `base_url`.

    `timeout`: seconds, in (0, inf], that the primary may take over each chunk of the request, and then until its
    response begins; longer is a 504. Time that the client takes is not counted, nor is the response's body.

    Raises ValueError or TypeError for what is none of this.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        base_url: str | httpx.URL,
        *,
        preserve_host: bool = False,
        timeout: float = 60.0,
    ) -> None:
        is_bool.check("preserve_host", preserve_host)
        is_timeout.check("timeout", timeout)
        # httpx's classes or httpx2's: each library's transport takes only its own.
        request = client.build_request("GET", "http://any")
        library: Any = sys.modules[type(request).__module__.partition(".")[0]]
        url = library.URL(checked_base_url(base_url, "base_url"))
        if url.userinfo:
            raise ValueError("base_url must have no user and password: they would go nowhere")
        self._client = client
        self._url = url
        self._host: bytes = url.netloc
        self._prefix: bytes = url.raw_path.rstrip(b"/")
        self._preserve_host = preserve_host
        self._timeout = float(timeout)
        self._request_class = library.Request
        self._body_class = type("ClientBody", (_ClientBody, library.AsyncByteStream), {})
        self._notices = Notices("")

    @property
    def origin(self) -> str | None:
        """Scheme, host and port of the service, as `https://api.old`."""
        return origin_of(str(self._url))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope: `http`, `lifespan` (nothing is opened or closed) or `websocket` (refused with a 501)."""
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "lifespan":
                await _lifespan(receive, send)
            case "websocket":
                await _refuse_websocket(scope, receive, send)
            case other:
                raise ValueError(f"ReverseProxy serves http, not {other!r}")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        broken: IncompleteResponse | None = None
        answered = False
        async with trio.open_nursery() as nursery:
            try:
                await self._exchange(scope, receive, send, nursery)
                answered = True
            except IncompleteResponse as exc:
                broken = exc
            nursery.cancel_scope.cancel()  # the watch for the client
        if not answered:
            _abandon(scope)
        if broken is not None:
            raise broken  # here, since the nursery would put it into a group

    async def _exchange(self, scope: Scope, receive: Receive, send: Send, nursery: trio.Nursery) -> None:
        """Ask the primary, and pass its answer on, or one of ours. Cancelled if the client goes."""
        limit = trio.CancelScope()
        body: _ClientBody = self._body_class(scope, receive, nursery, limit, self._timeout)
        if scope["method"] == "CONNECT":
            await body.answer(send, HTTPStatus.NOT_IMPLEMENTED, _NO_CONNECT)
            return
        target = self._target(scope)
        if target is None:
            await body.answer(send, HTTPStatus.BAD_REQUEST, _NO_TARGET)
            return
        headers, framed = self._headers(scope)
        if not framed and await body.begins():
            headers.append(_CHUNKED)  # HTTP/2 frames bodies without a header

        response: httpx.Response | None = None
        failure = ""
        limit.deadline = trio.current_time() + self._timeout
        with limit:
            try:
                response = await self._ask(scope["method"], target, headers, body)
            except Exception as exc:
                failure = type(exc).__name__
        if failure:
            self._notices.say("primary-down", f"the primary gave no response ({failure}): answered 502")
            await body.answer(send, HTTPStatus.BAD_GATEWAY, _BAD_GATEWAY)
            return
        if response is None:
            self._notices.say("primary-slow", f"the primary took more than {self._timeout:g} s: answered 504")
            await body.answer(send, HTTPStatus.GATEWAY_TIMEOUT, _GATEWAY_TIMEOUT)
            return
        body.watch()  # the primary may have answered before it had the whole body
        await self._pass_on(response, send, body)

    async def _ask(self, method: str, target: bytes, headers: RawHeaders, body: Any) -> httpx.Response:
        if self._client.is_closed:
            raise RuntimeError("the client has been closed")  # its transport would open connections that nobody closes
        # `target` goes to the wire as it is; the path of a URL would be quoted anew.
        request = self._request_class(method, self._url, headers=headers, stream=body, extensions={"target": target})
        # The transport, and not client.send(): that fills the cookie jar that all users of the client share, fails on a
        # Location that it can't parse though nobody follows it, and logs whole URLs. A copy of the client with a jar of
        # its own cures the first only. The name is private, but no other regards the proxies that the client may have.
        transport = self._client._transport_for_url(self._url)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        response = await transport.handle_async_request(request)
        if response.status_code < HTTPStatus.OK:
            await response.aclose()
            raise RuntimeError("101 (Switching Protocols), which nobody asked for")
        return response

    async def _pass_on(self, response: httpx.Response, send: Send, body: _ClientBody) -> None:
        try:
            headers = without_hop_by_hop(response.headers.raw)
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            # What aiter_raw() reads too, without its generator around it.
            chunks = aiter(cast("httpx.AsyncByteStream", response.stream))
            while (chunk := await self._next(chunks)) is not None:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            await response.aclose()
        body.dismiss()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        try:
            return await anext(chunks, None)
        except Exception as exc:
            self._notices.say("primary-broke-off", f"the primary broke off a response ({type(exc).__name__})")
            raise IncompleteResponse("the primary broke off in the middle of its response") from exc

    def _target(self, scope: Scope) -> bytes | None:
        path: bytes = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
        if not path.startswith(b"/"):
            if path == b"*":
                return path
            _, absolute, rest = path.partition(b"://")  # which servers must accept too (RFC 9112 §3.2.2)
            if not absolute:
                return None
            path = b"/" + rest.partition(b"/")[2]
        query: bytes = scope["query_string"]
        return self._prefix + path + b"?" + query if query else self._prefix + path

    def _headers(self, scope: Scope) -> tuple[RawHeaders, bool]:
        """Those for the primary; and do they announce a body?"""
        received: RawHeaders = scope["headers"]
        headers: RawHeaders = []
        host = None if self._preserve_host else self._host
        host_at = None
        chunked = any(name.lower() == b"transfer-encoding" for name, _ in received)
        framed = chunked
        kept = without_hop_by_hop(received)
        for name, value in kept if scope["http_version"].startswith("1") else with_one_cookie(kept):
            match name.lower():
                case b"host":
                    host_at = len(headers)
                    headers.append((name, host or value))
                case b"content-length":
                    if not chunked:  # with both, the chunks count (RFC 9112 §6.3): the primary must see it so too
                        headers.append((name, value))
                        framed = True
                case b"expect":
                    pass  # answered with 100 (Continue) by the server that we run in
                case _:
                    headers.append((name, value))
        if host_at is None:  # HTTP/1.0
            headers.insert(0, (b"host", self._host))
        if chunked:
            headers.append(_CHUNKED)
        return headers, framed


class _ClientBody:
    """The request's body as the client sends it, for a transport to iterate; and the watch for the client's going away.

    An iterator, and no generator: left before its end, a generator would stay for the garbage collector.
    """

    def __init__(
        self, scope: Scope, receive: Receive, nursery: trio.Nursery, limit: trio.CancelScope, timeout: float
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._nursery = nursery
        self._limit = limit
        self._timeout = timeout
        self._first = b""
        self._more = True
        self._watched = False
        self._over = False

    async def begins(self) -> bool:
        """Wait for the first chunk: True; or for the end, if there is none."""
        self._first = await self._next_chunk()
        return self._first != b""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk, self._first = self._first, b""
        if not chunk:
            self._limit.deadline = math.inf  # this is the client's time
            chunk = await self._next_chunk()
        self._limit.deadline = trio.current_time() + self._timeout
        if not chunk:
            raise StopAsyncIteration
        return chunk

    def watch(self) -> None:
        """From here on, what comes from the client is thrown away, and its going away cancels everything."""
        if not self._watched:
            self._watched = True
            self._nursery.start_soon(self._watch)

    def dismiss(self) -> None:
        """Before the last message to the client: from here on, its going away cancels nothing.

        With that message hypercorn says `http.disconnect` too, from inside of our `send`: cancelled there, it would
        leave the connection open. What comes from the client is still taken, or hypercorn would wait for us to take it.
        """
        self._over = True
        self.watch()

    async def answer(self, send: Send, status: HTTPStatus, detail: str) -> None:
        """Answer in place of the primary."""
        _abandon(self._scope)  # before a middleware sees an answer that is none of the primary's
        self.dismiss()
        await _send_problem(send, status, detail)

    async def aclose(self) -> None:
        """Of the client's connection there is nothing to close."""

    async def _next_chunk(self) -> bytes:
        while self._more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._nursery.cancel_scope.cancel()
                await trio.sleep_forever()  # no end of the body: the primary would take it for whole
            self._more = message.get("more_body", False)
            if not self._more:
                self.watch()
            chunk: bytes = message.get("body", b"")
            if chunk:
                return chunk
        return b""

    async def _watch(self) -> None:
        # hypercorn does not cancel us when the client goes away, it only says so.
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._over:
            self._nursery.cancel_scope.cancel()


def _abandon(scope: Scope) -> None:
    """Tell a ShadowMiddleware, if there is one, that there is nothing to compare with."""
    if "trioshadow" in scope:
        scope["trioshadow"].abandon()


async def _lifespan(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _refuse_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()  # websocket.connect
    if "websocket.http.response" in scope.get("extensions", {}):
        await _send_problem(send, HTTPStatus.NOT_IMPLEMENTED, _NO_WEBSOCKETS, prefix="websocket.http")
    else:
        await send({"type": "websocket.close"})  # before it was accepted: a 403


async def _send_problem(send: Send, status: HTTPStatus, detail: str, *, prefix: str = "http") -> None:
    """Answer with this status and a body of `application/problem+json`.

    `prefix`: of the ASGI messages; `websocket.http` for the extension that answers a handshake with a response.
    """
    problem = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    body = json.dumps(problem).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    await send({"type": f"{prefix}.response.start", "status": status.value, "headers": headers})
    await send({"type": f"{prefix}.response.body", "body": body})
