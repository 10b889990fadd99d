"""AsgiBackend: an ASGI app in this process as a Backend."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterable
from types import TracebackType
from typing import Self

import trio

from trioshadow._model.errors import BodyTooLarge
from trioshadow._model.record import ResponseRecord
from trioshadow._model.refusal import Lack
from trioshadow._service.marks import in_shadow, tell_lack
from trioshadow.http import (
    MARK,
    MAX_BODY_BYTES,
    Causes,
    HeaderLists,
    HttpRequest,
    RawHeaders,
    checked_body_limit,
    lacking,
    record_of,
    refusal_by,
    remedy_in_code,
    without_hop_by_hop,
)

from ._lifespan import ShadowLifespan
from ._request import scope_of
from ._types import App, Message

#: Seconds that an app gets to shut down.
_PATIENCE = 5.0
#: The part of the time until the deadline that an app gets for what it does after its answer.
_OF_WHAT_IS_LEFT = 0.9


class AsgiBackend:
    """Answers an HttpRequest with an ASGI app, without a server between them.

        async with AsgiBackend(app) as backend:     # runs the app's lifespan; without, the app has none
            record = await backend.call(HttpRequest("GET", "/users/7"))

    The app runs in the caller's task. What it still does after its answer is complete, such as background tasks and the
    ends of dependencies, is waited for, but not beyond the deadline: just before that it is cancelled, and the answer
    counts. In a shadow's leg it gets the mark (`x-shadow: 1`), and `in_shadow()` is True in it.

    What the app shares with the primary it can use up: both sides' sync endpoints wait for Trio's 40 worker threads.
    Keep `max_in_flight` below that, or put the app behind a server of its own.

    - `max_body_bytes`: of an answer, in [0, 2**31 - 2].
    - `allow_headers` and `drop_headers`: names, or patterns, of the request's headers that alone go to the app, or that
      don't, as of `HttpBackend`. By default all do, credentials too, as the app is no other origin;
      `drop_headers=CREDENTIALS` (of `trioshadow.http`) holds them back.

    Raises TypeError if `app` is not callable.
    """

    #: What a user calls that has the two lists.
    _in_code = "AsgiBackend"

    def __init__(
        self,
        app: App,
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
        allow_headers: Iterable[str] | None = None,
        drop_headers: Iterable[str] = (),
    ) -> None:
        if not callable(app):
            raise TypeError(f"app must be an ASGI app, not {type(app).__name__}")
        self._app = app
        self._limit = checked_body_limit(max_body_bytes)
        self._lists = HeaderLists(allow_headers, drop_headers)
        self._lifespan: ShadowLifespan | None = None
        self._running: contextlib.AbstractAsyncContextManager[None] | None = None

    async def call(self, request: HttpRequest, /) -> ResponseRecord:
        """The app's answer. A checkpoint if the app has one.

        Raises what the app raises before its answer is complete, BodyTooLarge, and RuntimeError if the app ends without
        an answer or could not start.
        """
        state = {}
        if self._lifespan is not None:
            await self._lifespan.wait_started()
            state = self._lifespan.state
        answer = _Answer(request.body, self._limit)
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
        length = b"%d" % len(request.body)  # of the copy: a `copy_request` may have made it another
        headers = [(name, length if name == b"content-length" else value) for name, value in headers]
        sent = self._lists.passing(without_hop_by_hop(headers))
        if in_shadow() and not request.marked:
            sent.append((MARK.encode(), b"1"))
        try:
            with answer.rest:
                await self._app(scope_of(request, sent, state), answer.receive, answer.send)
        except Exception:
            # What comes after a complete answer is not about it: frameworks answer 500 and then raise, for the log.
            if not answer.complete and not answer.too_large:
                raise
        tell_lack(self._lack(request, sent, answer))
        if answer.too_large:
            raise BodyTooLarge(f"the body has more than {self._limit:,} bytes")
        if not answer.complete:
            raise RuntimeError("the app ended without a complete answer")
        return record_of(request.method, answer.status, answer.headers, bytes(answer.body), self._limit)

    def _lack(self, request: HttpRequest, sent: RawHeaders, answer: _Answer) -> Lack | None:
        """What the request had and the app was not given, if its answer is a refusal that this may explain."""
        refusal = refusal_by(answer.status, answer.headers)
        if not refusal:
            return None
        names = lacking(request, [name.decode("latin-1") for name, _ in sent], answer.status)
        causes = Causes.of(names, self._lists, lambda _: False)
        return Lack(causes.names, remedy_in_code(self._in_code, causes), refusal) if causes.names else None

    async def __aenter__(self) -> Self:
        """Start the app, in a task; calls wait until it has."""
        if self._running is not None:
            raise RuntimeError("this backend is running already")
        self._running = self._run()
        await self._running.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Shut the app down; it gets 5 seconds."""
        running, self._running = self._running, None
        assert running is not None
        await running.__aexit__(kind, exc, tb)

    @contextlib.asynccontextmanager
    async def _run(self) -> AsyncGenerator[None, None]:
        async with trio.open_nursery() as nursery:
            self._lifespan = ShadowLifespan(self._app)
            nursery.start_soon(self._lifespan.run_contained)
            try:
                yield
                with trio.move_on_after(_PATIENCE):
                    await self._lifespan.shut_down()
            finally:
                self._lifespan = None
                nursery.cancel_scope.cancel()


class _Answer:
    """The server's side of one call of an app."""

    def __init__(self, request_body: bytes, limit: int) -> None:
        self._request_body: bytes | None = request_body
        self._limit = limit
        self._ended = trio.Event()
        self.rest = trio.CancelScope()
        """Of the whole call; it has a deadline once the answer is complete."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.complete = False
        self.too_large = False

    async def receive(self) -> Message:
        if self._request_body is not None:
            body, self._request_body = self._request_body, None
            await trio.lowlevel.checkpoint()
            return {"type": "http.request", "body": body, "more_body": False}
        await self._ended.wait()  # an app that listens for it must not hear too early that the client has gone
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await trio.lowlevel.checkpoint()
        kind = message["type"]
        if kind == "http.response.start" and not self.status:
            self.status = int(message["status"])
            self.headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
        elif kind == "http.response.body" and self.status and not self.complete:
            self.body += message.get("body", b"")
            if len(self.body) > self._limit:
                self.too_large = True
                self.body.clear()
                self.rest.cancel()
                raise BodyTooLarge("nobody reads further")
            if not message.get("more_body", False):
                self.complete = True
                self._ended.set()
                left = trio.current_effective_deadline() - trio.current_time()
                self.rest.deadline = trio.current_time() + left * _OF_WHAT_IS_LEFT
        elif kind in ("http.response.start", "http.response.body"):
            raise RuntimeError(f"the app sent {kind} out of turn")
