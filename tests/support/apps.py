"""ASGI applications to put behind servers: plain ones, and one small service in each of three frameworks.

None of them knows anything of trioshadow, and none sleeps.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import json

import trio

# ── plain ASGI ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _lifespan(receive, send):
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


def application(handle):
    """An ASGI application of a function for http scopes: says yes to the lifespan, refuses the rest."""

    @functools.wraps(handle)
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:
            assert scope["type"] == "http", scope["type"]
            await handle(scope, receive, send)

    return app


async def read(receive):
    """The whole body of a request; None if the client went away before its end."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


async def respond(send, *parts, status=200, headers=()):
    """A response of these parts, each one message; the last says that it is the last."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    *first, last = parts or (b"",)
    for part in first:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": last})


@application
async def echo(scope, receive, send):
    """Method, target, headers and body of the request, as JSON."""
    body = await read(receive)
    seen = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode("latin-1"),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
        "body": body.decode("latin-1"),
    }
    answer = json.dumps(seen).encode()
    length = (b"content-length", b"%d" % len(answer))
    await respond(send, answer, headers=[(b"content-type", b"application/json"), length])


def fixed(body=b"ok", *, status=200, headers=((b"content-type", b"text/plain"),), length=True):
    """Always the same answer, the request's body not looked at."""
    headers = [*headers, (b"content-length", b"%d" % len(body))] if length else [*headers]

    @application
    async def app(scope, receive, send):
        await respond(send, body, status=status, headers=headers)

    return app


def chunks(*parts, headers=((b"content-type", b"application/octet-stream"),), gate=None):
    """A stream of these parts, without a length; `await gate(number)` goes before each."""

    @application
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
        for number, part in enumerate(parts):
            if gate is not None:
                await gate(number)
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


def big(size, *, piece=65536, sent=None):
    """A body of so many bytes, of which one piece is in memory. A list given as `sent` gets each message's size."""

    @application
    async def app(scope, receive, send):
        headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        data = bytes(piece)
        for start in range(0, size, piece):
            part = data if size - start >= piece else data[: size - start]
            await send({"type": "http.response.body", "body": part, "more_body": True})
            if sent is not None:
                sent.append(len(part))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


@application
async def digest(scope, receive, send):
    """Reads the request's body message by message: its size and SHA-256, as JSON, and none of it kept."""
    size, sha = 0, hashlib.sha256()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        sha.update(message.get("body", b""))
        more = message.get("more_body", False)
    answer = json.dumps({"size": size, "sha256": sha.hexdigest()}).encode()
    length = (b"content-length", b"%d" % len(answer))
    await respond(send, answer, headers=[(b"content-type", b"application/json"), length])


@application
async def hints_and_trailers(scope, receive, send):
    """Early hints, a body in two parts, and trailers: where the server has them, that is over HTTP/2."""
    extensions = scope.get("extensions", {})
    if "http.response.early_hint" in extensions:
        await send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]})
        await send({"type": "http.response.early_hint", "links": [b"</a.js>; rel=preload", b"</b.js>; rel=preload"]})
    trailers = "http.response.trailers" in extensions
    headers = [(b"content-type", b"text/plain"), *([(b"trailer", b"x-checksum, x-more")] if trailers else [])]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": trailers})
    await send({"type": "http.response.body", "body": b"one ", "more_body": True})
    await send({"type": "http.response.body", "body": b"two", "more_body": False})
    if trailers:
        fields = [(b"x-checksum", b"123"), (b"x-more", b"a"), (b"x-more", b"b")]
        await send({"type": "http.response.trailers", "headers": fields, "more_trailers": False})


@application
async def raises_before(scope, receive, send):
    raise LookupError("before the response started")


@application
async def raises_after(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"a part", "more_body": True})
    raise LookupError("after the response started")


@application
async def says_nothing(scope, receive, send):
    """Returns without an answer."""


async def without_lifespan(scope, receive, send):
    """As many applications are: an exception is how they say that they have no lifespan."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await respond(send, b"ok", headers=[(b"content-length", b"2")])


async def websocket_echo(scope, receive, send):
    """Takes part in the lifespan; says back what a websocket says; serves `ok` over http."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    if scope["type"] == "http":
        await respond(send, b"ok", headers=[(b"content-length", b"2")])
        return
    assert (await receive())["type"] == "websocket.connect"
    if scope["path"] == "/refused":
        await send({"type": "websocket.close"})
        return
    subprotocol = next(iter(scope["subprotocols"]), None)
    await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": [(b"x-echo", b"1")]})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": message.get("bytes"), "text": message.get("text")})


# ── a small service ───────────────────────────────────────────────────────────────────────────────────────────────────
#
# GET  /users/{id}   an object; 404 from 1000 on
# GET  /items        a list of 50, compressed if the client takes gzip
# POST /items        201, with the object that came, and where it now is
# GET  /redirect     307 to /items
# GET  /cookie       sets one, and says which came
# GET  /slow         the answer comes when `pause` returns
# GET  /stream       JSON in three parts
# GET  /error        500, by an exception


def user(number):
    if number >= 1000:
        return 404, {"error": "no such user"}
    return 200, {"id": number, "name": f"user-{number}", "tags": ["a", "b", number % 7]}


ITEMS = [{"id": number, "name": f"item {number}", "price": number * 1.25} for number in range(50)]
STREAM = (b'{"parts": [1, ', b"2, ", b"3]}")
COOKIE = "session=abc; Path=/; HttpOnly"


class Oops(Exception):
    """What /error raises."""


async def pause():
    await trio.lowlevel.checkpoint()


def starlette_service(pause=pause):
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.gzip import GZipMiddleware
    from starlette.responses import JSONResponse, RedirectResponse, StreamingResponse
    from starlette.routing import Route

    async def get_user(request):
        status, answer = user(request.path_params["id"])
        return JSONResponse(answer, status)

    async def items(request):
        if request.method == "POST":
            return JSONResponse(await request.json(), 201, {"Location": "/items/50"})
        return JSONResponse(ITEMS)

    async def redirect(request):
        return RedirectResponse("/items")

    async def cookie(request):
        return JSONResponse({"cookie": request.headers.get("cookie")}, headers={"Set-Cookie": COOKIE})

    async def slow(request):
        await pause()
        return JSONResponse({"slow": True})

    async def stream(request):
        async def parts():
            for part in STREAM:
                yield part

        return StreamingResponse(parts(), media_type="application/json")

    async def error(request):
        raise Oops

    routes = [
        Route("/users/{id:int}", get_user),
        Route("/items", items, methods=["GET", "POST"]),
        Route("/redirect", redirect),
        Route("/cookie", cookie),
        Route("/slow", slow),
        Route("/stream", stream),
        Route("/error", error),
    ]
    return Starlette(routes=routes, middleware=[Middleware(GZipMiddleware)])


def fastapi_service(pause=pause):
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
    from starlette.middleware.gzip import GZipMiddleware

    # The annotations of this module are strings, and FastAPI looks for their names in the module's globals.
    globals()["Request"] = Request
    app = FastAPI()
    app.add_middleware(GZipMiddleware)

    @app.api_route("/users/{id}", methods=["GET", "HEAD"])
    async def get_user(id: int):  # noqa: A002
        status, answer = user(id)
        return JSONResponse(answer, status)

    @app.api_route("/items", methods=["GET", "HEAD"])
    async def items():
        return ITEMS

    @app.post("/items", status_code=201)
    async def post_item(item: dict):
        return JSONResponse(item, 201, {"Location": "/items/50"})

    @app.get("/redirect")
    async def redirect():
        return RedirectResponse("/items")

    @app.get("/cookie")
    async def cookie(request: Request):
        return JSONResponse({"cookie": request.headers.get("cookie")}, headers={"Set-Cookie": COOKIE})

    @app.get("/slow")
    async def slow():
        await pause()
        return {"slow": True}

    @app.get("/stream")
    async def stream():
        async def parts():
            for part in STREAM:
                yield part

        return StreamingResponse(parts(), media_type="application/json")

    @app.get("/error")
    async def error():
        raise Oops

    return app


def quart_service(pause=pause):
    from quart import redirect as redirect_to
    from quart import request
    from quart_trio import QuartTrio

    app = QuartTrio("service")

    @app.get("/users/<int:id>")
    async def get_user(id):  # noqa: A002
        status, answer = user(id)
        return answer, status

    @app.get("/items")
    async def items():
        answer = json.dumps(ITEMS).encode()
        headers = {"Content-Type": "application/json", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return gzip.compress(answer), 200, headers | {"Content-Encoding": "gzip"}
        return answer, 200, headers

    @app.post("/items")
    async def post_item():
        return await request.get_json(), 201, {"Location": "/items/50"}

    @app.get("/redirect")
    async def redirect():
        return redirect_to("/items", 307)

    @app.get("/cookie")
    async def cookie():
        return {"cookie": request.headers.get("Cookie")}, 200, {"Set-Cookie": COOKIE}

    @app.get("/slow")
    async def slow():
        await pause()
        return {"slow": True}

    @app.get("/stream")
    async def stream():
        async def parts():
            for part in STREAM:
                yield part

        return parts(), 200, {"Content-Type": "application/json"}

    @app.get("/error")
    async def error():
        raise Oops

    return app


SERVICES = {"Starlette": starlette_service, "FastAPI": fastapi_service, "Quart": quart_service}


def counting(app):
    """The same application, and the list of the http scopes that it served."""
    scopes = []

    async def counted(scope, receive, send):
        if scope["type"] == "http":
            scopes.append(scope)
        await app(scope, receive, send)

    return counted, scopes


@contextlib.asynccontextmanager
async def lifespan(app):
    """What a server does at start and end, for an application that is called without one."""
    to_app, for_app = trio.open_memory_channel(2)
    from_app, sent = trio.open_memory_channel(2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            app, {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, for_app.receive, from_app.send
        )
        await to_app.send({"type": "lifespan.startup"})
        assert (await sent.receive())["type"] == "lifespan.startup.complete"
        yield
        await to_app.send({"type": "lifespan.shutdown"})
        assert (await sent.receive())["type"] == "lifespan.shutdown.complete"


async def call(app, method="GET", target="/", headers=(), body=b""):
    """One request without a server: status, headers and body of the answer. What the app raises after it is dropped."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"test"), *headers, *([(b"content-length", b"%d" % len(body))] if body else [])],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
        "extensions": {},
    }
    requests = [{"type": "http.request", "body": body, "more_body": False}]
    sent = []
    ended = trio.Event()

    async def receive():
        await trio.lowlevel.checkpoint()
        if requests:
            return requests.pop()
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        await trio.lowlevel.checkpoint()
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            ended.set()

    try:
        await app(scope, receive, send)
    except Exception:
        if not ended.is_set():
            raise
    start, *parts = sent
    return start["status"], start["headers"], b"".join(part.get("body", b"") for part in parts)
