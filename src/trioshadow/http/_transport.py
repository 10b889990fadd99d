"""ShadowTransport: an application's outgoing calls, mirrored where its client is made.

The leg is ended where the answer is: when the application has read the last of its body. What it has not read is never
waited for: parts are handed on as they come, when they are asked for.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import attrs
import httpx

from trioshadow._model.checks import wrong_type
from trioshadow._model.verdict import HeldBack
from trioshadow._shadower import Shadower

from ._answer import MAX_BODY_BYTES
from ._edge import AnyLeg, Edge, Exchange
from ._fields import without_coding
from ._request import HttpRequest
from ._urls import checked_base_url, origin_of, shown_url, target_of


class ShadowTransport(httpx.AsyncBaseTransport):
    """Sends what it is given through `inner`, and mirrors what goes to the origins in `routes`.

        inner = httpx.AsyncHTTPTransport(http2=True, limits=...)
        transport = ShadowTransport(inner, shadower=shadower, routes={"https://api.old": "https://api.new"})
        async with httpx.AsyncClient(transport=transport) as client: ...

    The answer is `inner`'s, streamed to the application as it comes; a copy of at most `max_body_bytes` is compared
    when its body has been read to the end. An answer that is larger, or one that the application stops reading, counts
    as `abandoned`. Bodies of requests that are streamed are copied as they are sent, and mirrored when they are
    complete.

    - `inner` is a transport that you made, so that `verify`, `http2` and `limits` are yours: a client that is given
      `transport=` ignores its own. It is entered and closed with this one. httpx2's will do in an httpx2 client.
    - `shadower` sends HttpRequests to its shadow, usually an `HttpBackend` with a client and transport of its own.
      Before it is entered and after it is left, calls are only served. Its primary is never called: give
      `served_by_edge`.
    - `routes`: from origins to where their copies go (an origin, or below a path). Calls to other origins are not
      mirrored, and not counted.
    - `ignore_volatile`: ignore `VOLATILE_HEADERS`, beside what the shadower's configuration ignores.
    - `operation`: from a request to its name in the records; by default `GET /users/{id}`, by method and path.

    Raises ValueError if a route's key is no origin or its value no URL, TypeError if there is none.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport | Any,
        *,
        shadower: Shadower[Any, Any, Any],
        routes: Mapping[str, str],
        max_body_bytes: int = MAX_BODY_BYTES,
        ignore_volatile: bool = True,
        operation: Callable[[HttpRequest], str] | None = None,
    ) -> None:
        if not hasattr(inner, "handle_async_request"):
            raise TypeError(f"inner must be a transport, as in httpx.AsyncHTTPTransport(), not {type(inner).__name__}")
        if not isinstance(shadower, Shadower):
            raise wrong_type("shadower", shadower, "a Shadower")
        self._inner = inner
        self._shadower = shadower
        self._routes = _checked_routes(routes)
        self._edge = Edge(
            name=shadower.name, max_body_bytes=max_body_bytes, ignore_volatile=ignore_volatile, operation=operation
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with `inner`, and mirror. Adds no checkpoint."""
        url = str(request.url)
        route = self._routes.get(origin_of(url) or "")
        if route is None:
            return await self._send(request)
        head = HttpRequest(request.method, url, request.headers.raw, route=route)
        try:
            body = request.content
        except Exception:  # RequestNotRead, httpx's or httpx2's: it is streamed
            return await self._send_streamed(request, head)
        whole = HttpRequest(request.method, url, request.headers.raw, body, route=route) if body else head
        leg = self._edge.start(self._shadower, whole, operation=self._edge.name(whole))
        if not leg.mirrored:
            return await self._send(request)
        return await self._send_mirrored(request, leg)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = await self._inner.handle_async_request(request)
        return response

    async def _send_mirrored(self, request: httpx.Request, leg: AnyLeg) -> httpx.Response:
        try:
            response = await self._send(request)
        except BaseException as exc:
            leg.primary_raised(exc)
            raise
        _copy_answer(response, Exchange(self._edge, request.method, leg))
        return response

    async def _send_streamed(self, request: httpx.Request, head: HttpRequest) -> httpx.Response:
        refused = self._edge.refusal(self._shadower, head)
        if refused is None and not self._edge.has_room(self._shadower):
            refused = HeldBack.INCOMPLETE
        if refused is not None:
            self._edge.start(self._shadower, head, refused, operation=self._edge.name(head))
            return await self._send(request)
        exchange = Exchange(self._edge, request.method)
        body = bytearray()
        context = contextvars.copy_context()

        def add(part: bytes) -> None:
            if not exchange.begun and len(body) <= self._edge.limit:
                body.extend(part)

        def complete() -> None:
            if not exchange.begun and len(body) <= self._edge.limit:
                whole = attrs.evolve(head, body=body)
                body.clear()
                # In the caller's context, and not in what is set further in.
                exchange.begin(context.run(self._edge.start, self._shadower, whole, operation=self._edge.name(whole)))

        request.stream = _watched(request.stream, on_part=add, on_end=complete, on_start=body.clear)
        try:
            response = await self._send(request)
        except BaseException as exc:
            exchange.raised(exc)
            raise
        finally:
            if not exchange.begun:  # its body was too large, or was not sent to its end
                name = self._edge.name(head)
                exchange.begin(self._edge.start(self._shadower, head, HeldBack.INCOMPLETE, operation=name))
        if not exchange.ended:
            _copy_answer(response, exchange)
        return response

    async def aclose(self) -> None:
        """Close `inner`."""
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._inner.__aexit__(exc_type, exc_value, traceback)


def _copy_answer(response: httpx.Response, exchange: Exchange) -> None:
    if response.is_stream_consumed:  # a MockTransport's: nobody will read a stream
        exchange.head(response.status_code, without_coding(response.headers.raw))
        exchange.add(response.content)
        exchange.done()
        return
    exchange.head(response.status_code, response.headers.raw)
    if not exchange.ended:
        response.stream = _watched(
            response.stream,
            on_part=exchange.add,
            on_end=exchange.done,
            on_error=exchange.raised,
            on_close=exchange.abandon,
        )


def _checked_routes(routes: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(routes, Mapping) or not routes:
        raise TypeError('routes must map origins to where their copies go, as in {"https://old": "https://new"}')
    checked: dict[str, str] = {}
    for origin, route in routes.items():
        if target_of(checked_base_url(origin, "routes")) != "/":
            raise ValueError(
                f"routes: {shown_url(origin)!r} must be an origin, as in https://api.old:8443, without a path"
            )
        checked[origin_of(origin) or ""] = checked_base_url(route, "routes")
    return checked


# ── a body that passes by, watched: each part, its end, an error, and a reader that goes away ─────────────────────────


def _nothing(*_: object) -> None:
    pass


class _WatchedStream:
    """An iterator and not an async generator: one not read to its end would be left to the garbage collector."""

    def __init__(
        self,
        stream: Any,
        *,
        on_part: Callable[[bytes], None],
        on_end: Callable[[], None],
        on_error: Callable[[BaseException], None],
        on_close: Callable[[], None],
        on_start: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._on_start = on_start
        self._on_part = on_part
        self._on_end = on_end
        self._on_error = on_error
        self._on_close = on_close

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._on_start()
        self._parts: AsyncIterator[bytes] = self._stream.__aiter__()
        return self

    async def __anext__(self) -> bytes:
        try:
            part = await self._parts.__anext__()
        except StopAsyncIteration:
            self._on_end()
            raise
        except BaseException as exc:
            self._on_error(exc)
            raise
        self._on_part(part)
        return part

    async def aclose(self) -> None:
        self._on_close()
        await self._stream.aclose()


@functools.lru_cache(maxsize=64)
def _class_for(kind: Any) -> type[_WatchedStream]:
    # A client looks whether a stream is of its own family, which is httpx's or httpx2's.
    family = next((base for base in kind.__mro__ if base.__name__ == "AsyncByteStream"), httpx.AsyncByteStream)
    return type("WatchedStream", (_WatchedStream, family), {})


def _watched(
    stream: Any,
    *,
    on_part: Callable[[bytes], None],
    on_end: Callable[[], None],
    on_error: Callable[[BaseException], None] = _nothing,
    on_close: Callable[[], None] = _nothing,
    on_start: Callable[[], None] = _nothing,
) -> Any:
    """The stream, which is an AsyncByteStream, with these called as it is read. They must not raise.

    It starts anew when it is iterated anew, as a request's body is when it is sent once more.
    """
    kind: Any = type(stream)
    return _class_for(kind)(
        stream, on_part=on_part, on_end=on_end, on_error=on_error, on_close=on_close, on_start=on_start
    )
