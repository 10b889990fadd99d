"""An ASGI server's side, message by message, in the virtual clock; and small apps to put behind it."""

from __future__ import annotations

import trio
import trio.testing

from trioshadow import ShadowConfig
from trioshadow.http import allow_methods

JSON = (b"content-type", b"application/json")
ANY = ShadowConfig(may_mirror=allow_methods("POST", "PUT"))


def scope_for(path="/", method="GET", headers=(), **more):
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.1"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"api.test"), *headers],
        "client": ["127.0.0.1", 1],
        "server": ["127.0.0.1", 80],
        "state": {},
        "extensions": {},
        **more,
    }


def whole(*parts):
    """Messages of a request's body."""
    return [
        {"type": "http.request", "body": part, "more_body": number < len(parts)} for number, part in enumerate(parts, 1)
    ]


async def ask(app, scope, messages=None):
    """Call the app once; returns the messages that it sent. What it asks for beyond `messages` never comes."""
    waiting = list(whole(b"") if messages is None else messages)
    sent = []

    async def receive():
        await trio.lowlevel.checkpoint()
        if not waiting:
            await trio.sleep_forever()
        return waiting.pop(0)

    async def send(message):
        await trio.lowlevel.checkpoint()
        sent.append(message)

    await app(scope, receive, send)
    return sent


class Lifespan:
    """The server's side of an app's lifespan."""

    def __init__(self, app):
        self.app = app
        self.sent = []

    async def __aenter__(self):
        self.to_app, self.from_server = trio.open_memory_channel(9)
        self.started, self.ended = trio.Event(), trio.Event()
        self.manager = trio.open_nursery()
        self.nursery = await self.manager.__aenter__()
        self.nursery.start_soon(self.run)
        self.to_app.send_nowait({"type": "lifespan.startup"})
        await self.started.wait()
        return self

    async def run(self):
        try:
            await self.app({"type": "lifespan", "asgi": {}, "state": {}}, self.from_server.receive, self.send)
        finally:
            self.started.set()
            self.ended.set()

    async def send(self, message):
        self.sent.append(message["type"])
        self.started.set()

    async def __aexit__(self, *exc):
        self.to_app.send_nowait({"type": "lifespan.shutdown"})
        if exc[0] is None:
            await self.ended.wait()
        self.nursery.cancel_scope.cancel()
        return await self.manager.__aexit__(*exc)


def answering(body=b"{}", status=200, headers=(JSON,), *, before=(), after=0):
    """An app that reads the request and answers."""

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await served(scope, receive, send)
            return
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        for message in before:
            await send(message)
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await trio.sleep(after)
        await send({"type": "http.response.body", "body": body})

    return app


async def served(scope, receive, send):
    """An app's lifespan."""
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


def http_app(app):
    """The app, with a lifespan."""

    async def whole_app(scope, receive, send):
        await (served if scope["type"] == "lifespan" else app)(scope, receive, send)

    return whole_app


class Route:
    endpoint = None

    def __init__(self, path):
        self.path = path
