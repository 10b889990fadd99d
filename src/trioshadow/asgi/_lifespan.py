"""Both ends of the lifespan protocol: running an app's own, and standing in for an app that has none.

https://asgi.readthedocs.io/en/latest/specs/lifespan.html
"""

from __future__ import annotations

from typing import Any

import trio

from trioshadow._model.errors import consists_of, passing_error, type_name

from ._types import App, Message, Receive, Scope, Send

_VERSIONS = {"version": "3.0", "spec_version": "2.0"}


class ShadowLifespan:
    """Starts and stops a shadow app, as a server would. Nothing that it does or raises concerns anybody else."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._started = trio.Event()
        self._stop = trio.Event()
        self._ended = trio.Event()
        self._asked = False
        self._failure = ""
        self.state: dict[str, Any] = {}
        """What the app keeps from its startup for its requests."""

    async def run_contained(self) -> None:
        """Run it. Raises nothing but what must pass: KeyboardInterrupt and its like, and Cancelled."""
        try:
            # A child: an app that leaves a nursery open corrupts the task that it ran in.
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._run, name="trioshadow shadow app")
        except BaseException as exc:
            passing = passing_error(exc)
            if passing is not None:
                raise passing from None
            if consists_of(exc, trio.Cancelled):
                raise

    async def _run(self) -> None:
        try:
            scope = {"type": "lifespan", "asgi": dict(_VERSIONS), "state": self.state}
            await self._app(scope, self._receive, self._send)
        except BaseException as exc:
            if passing_error(exc) is not None or consists_of(exc, trio.Cancelled):
                raise
            # An app that knows no lifespan raises too, and serves without one; after its start nobody waits for it.
        finally:
            self._started.set()
            self._ended.set()

    async def wait_started(self) -> None:
        """Wait until the app is ready for requests. Raises RuntimeError if it said that it could not start."""
        await self._started.wait()
        if self._failure:
            raise RuntimeError(f"the shadow app did not start: {self._failure}")

    async def shut_down(self) -> None:
        """Tell the app, and wait until it has ended."""
        self._stop.set()
        await self._ended.wait()

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "lifespan.startup"}
        await self._stop.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            self._failure = str(message.get("message", ""))[:200] or "it gives no reason"
        if message["type"].startswith("lifespan.startup."):
            self._started.set()
        await trio.lowlevel.checkpoint()


async def run_with_stand_in(app: App, scope: Scope, receive: Receive, send: Send) -> str | None:
    """Run the app's lifespan; if it has none, answer the server in its place, so that what is wrapped around it has
    one.

    Returns the type of what the app raised, if that was all that it did, as an app does that knows no lifespan (the
    protocol has servers go on without it).
    """
    asked = answered = failed = stopped = False
    raised: str | None = None

    async def receive_watched() -> Message:
        nonlocal asked, stopped
        message = await receive()
        asked = True
        stopped = stopped or message["type"] == "lifespan.shutdown"
        return message

    async def send_watched(message: Message) -> None:
        nonlocal answered, failed
        answered = answered or message["type"].startswith("lifespan.startup.")
        failed = failed or message["type"] == "lifespan.startup.failed"
        await send(message)

    try:
        await app(scope, receive_watched, send_watched)
    except Exception as exc:
        if answered:
            raise
        raised = type_name(type(exc))
    if failed:
        return None  # the server will not go on
    if not asked:
        await receive()
    if not answered:
        await send({"type": "lifespan.startup.complete"})
    if not stopped:
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    return raised
