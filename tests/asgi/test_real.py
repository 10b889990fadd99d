"""ShadowMiddleware on a real server: apps of three frameworks; shadows in this process, over the wire, and gone mad.

What a client gets is compared byte by byte with what it gets without the middleware; only the time of day in the Date
header is taken out. Real time: nothing here waits for a clock, except for the timeouts of shadows that hang.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import gzip
import random
import statistics
import time
import tracemalloc

import httpx
import httpx2
import pytest
import trio
import trio.testing
import wsproto
import wsproto.events
from hypercorn.utils import LifespanFailureError

from trioshadow import ShadowConfig, Shadower
from trioshadow.asgi import AsgiBackend, ShadowMiddleware
from trioshadow.compare import IgnorePath
from trioshadow.http import HttpBackend, HttpRequest, allow_methods, served_by_edge

from tests.support import apps, hostile
from tests.support.accounts import counts
from tests.support.portable import TOO_LONG
from tests.support.servers import (
    ask,
    ask_http2,
    certificate,
    connected,
    raw_server,
    request,
    serving,
    trusting,
    undated,
)

MIB = 1 << 20


class Mirrored:
    """An app behind the middleware on a real server."""

    def __init__(self, url, middleware):
        self.url = url
        self.middleware = middleware

    @property
    def shadower(self):
        return self.middleware.shadower

    async def settled(self):
        """The counts, when nothing is in flight any more."""
        with trio.fail_after(TOO_LONG):
            await self.shadower.wait_idle()
        return counts(self.shadower)


@contextlib.asynccontextmanager
async def mirrored(app, shadow, *, config=None, server=(), **settings):
    middleware = ShadowMiddleware(app, shadow=shadow, config=config or ShadowConfig(), **settings)
    async with serving(middleware, **dict(server)) as url:
        yield Mirrored(url, middleware)
    counts(middleware.shadower)
    assert middleware.shadower.statistics().in_flight == 0


@contextlib.asynccontextmanager
async def over_the_wire(url, client_class=httpx.AsyncClient, **settings):
    """A backend, with a client of its own that trusts the tests' authority."""
    async with client_class(verify=trusting()) as client:
        yield HttpBackend(client, url, **settings)


@contextlib.asynccontextmanager
async def shadowed_by(kind, app, **settings):
    """The same app as a shadow: `in-process`, or served and asked `over the wire`."""
    if kind == "in-process":
        yield app
    else:
        async with serving(app, logged=[]) as url, over_the_wire(url, **settings) as backend:
            yield backend


async def talk(url, data):
    """Send this, and take all that comes until the server closes, or breaks off. Undated."""
    async with connected(url) as wire:
        await wire.send(data)
        return undated(await wire.rest())


last = functools.partial(request, "/", "Connection: close")


async def alone(app, talking, **server):
    """What `talking(url)` gives without the middleware."""
    async with serving(app, logged=[], **server) as url:
        return await talking(url)


# ── frameworks ────────────────────────────────────────────────────────────────────────────────────────────────────────

REQUESTS = [
    request("/users/7"),
    request("/users/8?full=1", "Accept: */*", "X-Thing: 1"),
    request("/users/1000"),
    request("/users/9", method="HEAD"),
    request("/items"),
    request("/items", "Accept-Encoding: identity"),
    request("/items", "Content-Type: application/json", method="POST", body=b'{"name": "new"}'),
    request("/redirect"),
    request("/cookie", "Cookie: x=1; y=2"),
    request("/slow"),
    request("/stream"),
    request("/nowhere/3"),
    request("/users/7", method="DELETE"),
    request("/error"),
]
#: What a router makes of them.
TEMPLATES = {
    *("GET /users/{id}", "HEAD /users/{id}", "GET /items", "POST /items", "GET /redirect", "GET /cookie", "GET /slow"),
    *("GET /stream", "GET /nowhere/{id}", "DELETE /users/{id}", "GET /error"),
}
EVERYTHING = allow_methods("POST", "DELETE")


@pytest.mark.parametrize("kind", ["in-process", "over the wire"])
@pytest.mark.parametrize("name", apps.SERVICES)
async def test_a_framework_behind_the_middleware_answers_byte_for_byte_the_same_and_matches_itself(name, kind):
    service = apps.SERVICES[name]

    async def talking(url):
        return undated(await ask(url, *REQUESTS))

    without = await alone(service(), talking)
    async with shadowed_by(kind, service(), credentials=["cookie"]) as shadow:
        config = ShadowConfig(may_mirror=EVERYTHING)
        async with mirrored(service(), shadow, config=config, server={"logged": []}) as served:
            assert await talking(served.url) == without
            assert await served.settled() == {"matched": len(REQUESTS)}, served.shadower.divergences()


@pytest.mark.parametrize("name", apps.SERVICES)
async def test_operations_are_named_by_the_route(name):
    shadow = apps.fixed(b"something else", status=418)
    config = ShadowConfig(may_mirror=EVERYTHING)
    async with mirrored(apps.SERVICES[name](), shadow, config=config, server={"logged": []}) as served:
        await ask(served.url, *REQUESTS)
        await served.settled()
        assert {record.operation for record in served.shadower.divergences()} == TEMPLATES


async def test_only_safe_methods_are_mirrored_unless_more_are_named():
    copies, scopes = apps.counting(apps.starlette_service())
    async with mirrored(apps.starlette_service(), copies) as served:
        await ask(served.url, *REQUESTS[:-1])
        assert await served.settled() == {"matched": len(REQUESTS) - 3, "held_back": 2}
        assert served.shadower.statistics().held_back_by_cause["not_allowed"] == 2
    assert {scope["method"] for scope in scopes} == {"GET", "HEAD"}


async def test_operations_below_a_mount_are_named_by_the_whole_route():
    from fastapi import APIRouter, FastAPI
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount, Route

    router, api = APIRouter(prefix="/v1"), FastAPI()

    @router.get("/things/{thing}")
    async def get_thing(thing: str):
        return thing

    async def person(request):
        return PlainTextResponse("somebody")

    api.include_router(router)
    app = Starlette(routes=[Mount("/api", app=api), Mount("/staff", routes=[Route("/{name}", person)])])
    async with mirrored(app, apps.fixed(b"", status=418)) as served:
        await ask(served.url, request("/api/v1/things/abc"), request("/staff/joe"))
        await served.settled()
        names = [record.operation for record in served.shadower.divergences()]
    assert sorted(names) == ["GET /api/v1/things/{thing}", "GET /staff/{name}"]


async def test_what_a_mounted_app_does_not_name_is_named_by_its_path():
    from fastapi import FastAPI
    from starlette.applications import Starlette
    from starlette.routing import Mount

    app = Starlette(routes=[Mount("/api", app=FastAPI())])
    async with mirrored(app, apps.fixed(b"", status=418)) as served:
        await ask(served.url, request("/api/docs"), request("/api/nowhere/7"))
        await served.settled()
        names = [record.operation for record in served.shadower.divergences()]
    assert sorted(names) == ["GET /api/docs", "GET /api/nowhere/{id}"]


async def test_the_parameters_of_a_mount_are_templated_too():
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount, Route

    async def person(request):
        return PlainTextResponse("somebody")

    app = Starlette(routes=[Mount("/org/{org}", routes=[Route("/{name}", person)])])
    async with mirrored(app, apps.fixed(b"", status=418)) as served:
        await ask(served.url, request("/org/acme/joe"), request("/org/other/joe"))
        await served.settled()
        names = {record.operation for record in served.shadower.divergences()}
    assert names == {"GET /org/{org}/{name}"}


async def test_a_framework_takes_the_middleware_among_its_own():
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def person(request):
        return PlainTextResponse("somebody")

    backend = apps.fixed(b"somebody else")
    shadower = Shadower(served_by_edge, AsgiBackend(backend))

    @contextlib.asynccontextmanager
    async def entered(app):
        async with shadower:
            yield

    middleware = [Middleware(ShadowMiddleware, shadower=shadower)]
    app = Starlette(routes=[Route("/{name}", person)], middleware=middleware, lifespan=entered)
    async with serving(app) as url:
        await ask(url, request("/joe"))
        await shadower.wait_idle()
    assert [record.operation for record in shadower.divergences()] == ["GET /{name}"]

    app = apps.quart_service()
    app.asgi_app = middleware = ShadowMiddleware(app.asgi_app, shadow=backend)
    async with serving(app) as url:
        await ask(url, request("/users/7"))
        await middleware.shadower.wait_idle()
    assert [record.operation for record in middleware.shadower.divergences()] == ["GET /users/{id}"]


# ── start and end ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("patience", [5, 0.05])
async def test_a_server_that_shuts_down_drains_the_legs_first(patience):
    """Servers cancel the lifespan as soon as the app has answered `lifespan.shutdown`."""
    gate = trio.Event()

    async def wait(number):
        await gate.wait()

    shadow = apps.chunks(b"ok", headers=[], gate=wait)
    config = ShadowConfig(shadow_timeout=TOO_LONG, drain_timeout=patience)
    app = apps.chunks(b"ok", headers=[])
    middleware = ShadowMiddleware(app, shadow=shadow, config=config)
    async with trio.open_nursery() as nursery, serving(middleware) as url:
        await ask(url, request())
        assert counts(middleware.shadower) == {"in_flight": 1}
        if patience > 1:
            nursery.start_soon(_when_all_wait, gate.set)
    assert counts(middleware.shadower) == {"matched": 1} if patience > 1 else {"abandoned": 1}


async def _when_all_wait(function):
    await trio.testing.wait_all_tasks_blocked(0.02)
    function()


async def test_an_app_that_refuses_to_start_keeps_its_server_from_starting():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "for a reason"})

    refusal = pytest.RaisesExc(LifespanFailureError, match="for a reason")
    for served in (app, ShadowMiddleware(app, shadow=apps.fixed())):
        with trio.fail_after(TOO_LONG), pytest.RaisesGroup(refusal, flatten_subgroups=True):
            async with serving(served):
                await trio.sleep_forever()  # hypercorn may listen for a moment before it ends


async def test_an_app_without_a_lifespan_of_its_own_is_mirrored_all_the_same():
    async with mirrored(apps.without_lifespan, apps.without_lifespan) as served:
        await ask(served.url, request())
        assert await served.settled() == {"matched": 1}


async def test_one_middleware_can_be_served_again():
    middleware = ShadowMiddleware(apps.fixed(), shadow=apps.fixed())
    for _ in range(2):
        async with serving(middleware) as url:
            await ask(url, request(), request())
            await middleware.shadower.wait_idle()
        assert counts(middleware.shadower) == {"matched": 2}


# ── shadows that mean harm ────────────────────────────────────────────────────────────────────────────────────────────

ANSWER = apps.fixed(
    b'{"answer": 42}', headers=[(b"content-type", b"application/json"), (b"x-twice", b"1"), (b"x-twice", b"2")]
)


CLIENTS = [(name, client) for name in hostile.HOSTILE for client in (httpx, httpx2)]


@pytest.mark.parametrize(
    ("name", "client_class"),
    [
        pytest.param(
            name,
            client.AsyncClient,
            id=f"{name}-{client.__name__}",
            marks=[pytest.mark.slow] * (client is httpx2 or name in hostile.ENDLESS),
        )
        for name, client in CLIENTS
    ],
)
async def test_a_client_does_not_notice_a_hostile_shadow(name, client_class):
    """Two requests one after the other, so that the second may meet what the first left behind."""
    patience = 2.0 if name in hostile.ENDLESS else TOO_LONG
    without = await alone(ANSWER, lambda url: ask(url, request("/a"), request("/b")))
    async with (
        hostile.HOSTILE[name]() as url,
        over_the_wire(url, client_class) as backend,
        mirrored(ANSWER, backend, config=ShadowConfig(shadow_timeout=patience)) as served,
    ):
        assert undated(await ask(served.url, request("/a"), request("/b"))) == undated(without)
        verdict, kind = hostile.ENDINGS[name]
        assert await served.settled() == {verdict.value: 2}, served.shadower.failures()
        kinds = [
            record.failure and record.failure.kind
            for record in (*served.shadower.failures(), *served.shadower.divergences())
        ]
        assert kinds == [kind] * 2


@pytest.mark.parametrize("family", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize("name", hostile.HTTP2)
@pytest.mark.slow
async def test_a_client_does_not_notice_a_shadow_that_is_hostile_over_http2(name, family):
    handler, ending = hostile.HTTP2[name]
    patience = 2.0 if ending == "timed_out" else TOO_LONG  # a flood makes the loop late; that must not be half of it
    without = await alone(ANSWER, lambda url: ask(url, request("/a"), request("/b")))
    async with (
        raw_server(handler) as url,
        family.AsyncClient(http1=False, http2=True) as client,
        mirrored(ANSWER, HttpBackend(client, url), config=ShadowConfig(shadow_timeout=patience)) as served,
    ):
        assert undated(await ask(served.url, request("/a"), request("/b"))) == undated(without)
        assert await served.settled() == {ending: 2}, served.shadower.failures()


@pytest.mark.parametrize(
    "name", [*hostile.HUGE, "drips a body", "JSON 100,000 deep", "100,000 headers", "10 MB header"]
)
async def test_memory_is_bounded_whatever_a_shadow_sends(name):
    """Python's own, both sides of the connection in this process: a few times the limit of 1 MiB."""
    async with hostile.HOSTILE[name]() as url:  # has what it sends ready before anything is counted
        await ask_in_vain(url)
        async with (
            over_the_wire(url) as backend,
            mirrored(ANSWER, backend, config=ShadowConfig(shadow_timeout=1.0)) as served,
        ):
            gc.collect()
            tracemalloc.start()
            try:
                for _ in range(2):
                    await ask(served.url, request())
                await served.settled()
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    assert peak < (60 * MIB if "head" in name or name.startswith("JSON") else 12 * MIB), f"{peak / MIB:.1f} MiB"


async def ask_in_vain(url):
    with contextlib.suppress(trio.BrokenResourceError):
        async with connected(url) as wire:
            await wire.send(request())
            await wire.some()


@pytest.mark.parametrize("name", ["refuses", "never answers", "drips a body", "gzip bomb", "never ends, in chunks"])
async def test_what_a_hostile_shadow_costs_the_client(name):
    """Printed (`pytest -rP`), not asserted: it says as much about the machine, and the shadow's server runs in the same
    loop. What is asserted is that nobody waits for a leg: those that hang would hang for a minute.
    """
    times = {}
    for shadowed in (False, True):
        async with contextlib.AsyncExitStack() as stack:
            if shadowed:
                url = await stack.enter_async_context(hostile.HOSTILE[name]())
                backend = await stack.enter_async_context(over_the_wire(url))
                config = ShadowConfig(shadow_timeout=TOO_LONG, drain_timeout=0)
                served = await stack.enter_async_context(mirrored(ANSWER, backend, config=config))
                url = served.url
            else:
                url = await stack.enter_async_context(serving(ANSWER))
            wire = await stack.enter_async_context(connected(url))
            taken = times[shadowed] = []
            with trio.fail_after(TOO_LONG):
                for _ in range(50):
                    began = time.perf_counter()
                    await wire.send(request())
                    await wire.response()
                    taken.append(1000 * (time.perf_counter() - began))
    without, behind = times[False], times[True]
    print(  # noqa: T201
        f"{name}: p50 {statistics.median(without):.2f} -> {statistics.median(behind):.2f} ms,"
        f" max {max(without):.2f} -> {max(behind):.2f} ms"
    )


async def test_others_have_their_turns_while_a_shadow_pours_tiny_chunks():
    """Ten thousand of them come in one read; without a checkpoint between them the loop stood still for 0.2 s."""
    turns = 0

    async def other():
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    tiny = hostile.pouring(hostile.CHUNKED, b"1\r\n \r\n" * 10_000)
    async with (
        raw_server(tiny) as url,
        over_the_wire(url, max_body_bytes=30_000) as backend,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(other)
        with pytest.raises(ValueError, match="more than 30,000 bytes"):
            await backend.call(HttpRequest("GET", "/"))
        nursery.cancel_scope.cancel()
    assert turns > 3_000


async def test_a_hundred_clients_do_not_notice_a_shadow_that_hangs():
    """Nor does the end, beyond the drain: all legs in flight are cancelled, and none is lost count of."""
    talks = [b"".join([request(f"/{number}/1"), last(f"X-Number: {number}")]) for number in range(100)]
    answers = [None] * 100

    async def client(url, number):
        answers[number] = await talk(url, talks[number])

    async def all_clients(url):
        with trio.fail_after(TOO_LONG):
            async with trio.open_nursery() as nursery:
                for number in range(100):
                    nursery.start_soon(client, url, number)
        return list(answers)

    server = {"backlog": 200}
    without = await alone(ANSWER, all_clients, **server)
    config = ShadowConfig(shadow_timeout=600, drain_timeout=0.1, max_in_flight=150)
    async with hostile.HOSTILE["never answers"]() as url, over_the_wire(url) as backend:
        async with mirrored(ANSWER, backend, config=config, server=server) as served:
            assert await all_clients(served.url) == without
            assert counts(served.shadower) == {"in_flight": 150, "shed": 50}
        assert counts(served.shadower) == {"abandoned": 150, "shed": 50}


# ── the wire ──────────────────────────────────────────────────────────────────────────────────────────────────────────

ODD_HEADERS = [
    *((b"X-CaMeL", b"1"), (b"b", b"2"), (b"a", b"1"), (b"set-cookie", b"x=1"), (b"set-cookie", b"y=2"), (b"A", b"3")),
    *((b"x-empty", b""), (b"x-latin", b"caf\xe9"), (b"content-type", b"text/plain")),
]
GZIP, PACKED = (b"content-encoding", b"gzip"), gzip.compress(b"packed" * 20)
#: Apps, and what is sent to them.
TALKS = {
    "headers keep order and case": (apps.fixed(b"ok", headers=ODD_HEADERS), last()),
    "chunks keep their boundaries": (apps.chunks(b"a", b"bc", b"", b"d" * 100_000, b"e"), last()),
    "no body at all": (apps.fixed(b"", length=False), last()),
    "a body without a length, in one message": (apps.fixed(b"ok", length=False), last()),
    "HEAD": (apps.fixed(b"not sent"), last(method="HEAD")),
    "HEAD of a stream": (apps.chunks(b"a", b"b"), last(method="HEAD")),
    "204": (apps.fixed(b"", status=204, length=False), last()),
    "304": (apps.fixed(b"", status=304, headers=[(b"etag", b'"7"')], length=False), last()),
    "a body with 204, which has none": (apps.fixed(b"ok", status=204, length=False), last()),
    "status 599": (apps.fixed(b"ok", status=599), last()),
    "HTTP/1.0": (apps.fixed(b"ok"), b"GET / HTTP/1.0\r\n\r\n"),
    "pipelined": (apps.echo, b"".join(request(f"/{number}") for number in range(20)) + last()),
    "pipelined with bodies": (
        apps.echo,
        b"".join(request(f"/{number}", method="POST", body=b"x" * number) for number in range(1, 20)) + last(),
    ),
    "chunked request": (
        apps.echo,
        last("Transfer-Encoding: chunked", method="POST", body=b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nX-Trailer: 1\r\n\r\n"),
    ),
    "body with GET": (apps.echo, last(body=b"a body where there usually is none")),
    "a body that nobody reads": (apps.fixed(b"ok"), last(method="POST", body=b"x" * 60_000)),
    "a large body that is read": (apps.digest, last(method="POST", body=b"x" * 3_000_000)),
    "raises before": (apps.raises_before, last()),
    "raises after": (apps.raises_after, last()),
    "says nothing": (apps.says_nothing, last()),
    "no lifespan": (apps.without_lifespan, last()),
    "OPTIONS *": (apps.echo, request("*", "Connection: close", method="OPTIONS")),
    "absolute target": (apps.echo, request("http://other.example/x?y", "Connection: close")),
    "escapes": (apps.echo, request("/a%2Fb%2f%20;x=%zz/..//./%C3%A9?q=%41+%20&&=[]|\"{}'", "Connection: close")),
    "bad request line": (apps.echo, b"GET\r\n\r\n"),
    "bad header": (apps.echo, b"GET / HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n"),
    "no host": (apps.echo, b"GET / HTTP/1.1\r\n\r\n"),
    "headers too large": (apps.echo, request("/", "X-Large: " + "x" * 100_000)),
    "a part of a gzip": (
        apps.fixed(PACKED[:20], status=206, headers=[GZIP, (b"content-range", b"bytes 0-19/99")]),
        last(),
    ),
    "a coding that nobody knows": (apps.fixed(b"ok", headers=[(b"content-encoding", b"aws-chunked")]), last()),
    "a coding that is a charset": (apps.fixed(b"ok", headers=[(b"content-encoding", b"utf-8")]), last()),
    "a gzip that is none": (apps.fixed(b"ok", headers=[GZIP]), last()),
    "a gzip": (apps.fixed(PACKED, headers=[GZIP]), last()),
    "unknown method": (apps.echo, last(method="BREW")),
    "Expect without waiting": (apps.echo, last("Expect: 100-continue", method="POST", body=b"abc")),
    "Latin-1 in names": (apps.echo, last("X-Caf\xe9: 1")),
    "Latin-1 in values": (apps.echo, last("X-Cafe: caf\xe9")),
    "repeated headers": (apps.echo, last("B: 1", "a: 2", "b: 3", "Cookie: x=1", "Cookie: y=2")),
}


@pytest.mark.parametrize("kind", ["in-process", "over the wire"])
@pytest.mark.parametrize("what", TALKS)
async def test_a_response_keeps_every_byte(what, kind):
    app, data = TALKS[what]
    without = await alone(app, lambda url: talk(url, data))
    async with shadowed_by(kind, app) as shadow:
        config = ShadowConfig(may_mirror=allow_methods("POST", "BREW"))
        async with mirrored(app, shadow, config=config, server={"logged": []}) as served:
            assert await talk(served.url, data) == without


#: What becomes of them, where it is not one that matches.
OUTCOMES = {
    "pipelined": {"matched": 21},
    "pipelined with bodies": {"matched": 20},
    "a body that nobody reads": {"held_back": 1},
    "a large body that is read": {"held_back": 1},
    "says nothing": {"abandoned": 1},
    # What a server makes of it is its own business.
    ("raises before", "over the wire"): {"abandoned": 1},
    ("raises after", "over the wire"): {"abandoned": 1},
    # The server itself refuses these.
    **{what: {} for what in ("bad request line", "bad header", "no host", "headers too large", "Latin-1 in names")},
}
SELVES = [
    (what, kind)
    for what in TALKS
    for kind in ("in-process", "over the wire")
    if (what, kind) != ("absolute target", "over the wire")  # hypercorn takes it for a path, clients send no such paths
]


@pytest.mark.parametrize(("what", "kind"), SELVES)
async def test_an_app_matches_itself_whatever_is_said(what, kind):
    app, data = TALKS[what]
    async with shadowed_by(kind, app) as shadow:
        ignored = IgnorePath("$.headers")  # of the echo: a copy is marked, and on a connection of its own
        config = ShadowConfig(may_mirror=allow_methods("POST", "BREW"), ignore=[ignored])
        async with mirrored(app, shadow, config=config, server={"logged": []}) as served:
            await talk(served.url, data)
            assert await served.settled() == OUTCOMES.get((what, kind), OUTCOMES.get(what, {"matched": 1})), (
                served.shadower.divergences()
            )


async def test_expect_continue_is_answered_before_the_body_is_sent():
    async def talking(url):
        async with connected(url) as wire:
            await wire.send(request("/", "Expect: 100-continue", "Content-Length: 3", method="POST"))
            interim = await wire.until(b"\r\n\r\n")
            assert interim.startswith(b"HTTP/1.1 100 ")
            await wire.send(b"abc")
            return undated(interim + await wire.response())

    without = await alone(apps.digest, talking)
    async with mirrored(apps.digest, apps.digest, config=ShadowConfig(may_mirror=allow_methods("POST"))) as served:
        assert await talking(served.url) == without
        assert await served.settled() == {"matched": 1}


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    ("app", "options"),
    [
        (apps.hints_and_trailers, {}),
        (apps.echo, {"method": "POST", "body": bytes(50_000)}),
        (apps.echo, {"method": "HEAD"}),
        (apps.chunks(b"a" * 100_000, b"b"), {}),
        (apps.fixed(b"", status=304, length=False), {}),
        (apps.raises_before, {}),
        (apps.starlette_service(), {}),
    ],
    ids=["hints and trailers", "body", "HEAD", "stream", "304", "raises before", "Starlette"],
)
async def test_over_http2_a_client_sees_the_same_events(app, options, tls):
    server = {"tls": certificate()} if tls else {}

    async def talking(url):
        with trio.move_on_after(5):
            return await ask_http2(url, "/users/7?x=%2F", ("te", "trailers"), ("x-a", "1"), **options)
        return "nothing came"

    without = await alone(app, talking, **server)
    config = ShadowConfig(may_mirror=allow_methods("POST"))
    async with mirrored(app, app, config=config, server={"logged": [], **server}) as served:
        assert await talking(served.url) == without
        assert sum((await served.settled()).values()) == 1
    if app is apps.hints_and_trailers:
        assert [event[0] for event in without] == ["interim", "interim", "response", "data", "trailers", "end"]


@pytest.mark.xfail(reason="HTTP/2 need not announce that there is no body, and apps that expect none don't ask")
@pytest.mark.parametrize("method", ["DELETE", "POST"])
async def test_over_http2_what_has_no_body_is_mirrored_whether_or_not_the_app_looks_for_one(method):
    config = ShadowConfig(may_mirror=EVERYTHING)
    async with mirrored(apps.fixed(), apps.fixed(), config=config) as served:
        await ask_http2(served.url, method=method)
        assert await served.settled() == {"matched": 1}


async def test_parts_of_a_response_go_out_as_the_app_sends_them():
    """Each part is sent when the client has said that it has the one before."""
    to_app, for_app = trio.open_memory_channel(0)

    async def wait(number):
        await for_app.receive()

    async def shadow_wait(number):
        await trio.lowlevel.checkpoint()

    parts = [b"one", b"two", b"three"]
    async with mirrored(apps.chunks(*parts, gate=wait), apps.chunks(*parts, gate=shadow_wait)) as served:
        async with connected(served.url) as wire:
            await wire.send(last())
            with trio.fail_after(TOO_LONG):
                await wire.until(b"\r\n\r\n")
                for part in parts:
                    await to_app.send(None)
                    assert await wire.until(part) == b"%x\r\n" % len(part) + part
                    assert await wire.exactly(2) == b"\r\n"
        assert await served.settled() == {"matched": 1}


async def test_parts_of_a_request_reach_the_app_as_the_client_sends_them():
    seen, came = [], trio.Event()

    @apps.application
    async def app(scope, receive, send):
        nonlocal came
        while True:
            message = await receive()
            seen.append(message["body"])
            came.set()
            if not message["more_body"]:
                break
        await apps.respond(send, b"".join(seen))

    async with mirrored(app, apps.chunks(b"abcde")) as served:
        async with connected(served.url) as wire:
            await wire.send(request("/", "Content-Length: 5", "Connection: close", method="GET"))
            for part in (b"ab", b"cd", b"e"):
                await wire.send(part)
                with trio.fail_after(TOO_LONG):
                    await came.wait()
                came = trio.Event()
                assert seen[-1] == part or seen[-2] == part
            assert b"abcde" in await wire.rest()
        assert await served.settled() == {"diverged": 1}  # by the length, which a stream does not have


async def test_an_app_that_sends_more_than_the_client_reads_waits_as_without_the_middleware():
    """A gigabyte would be in somebody's buffers if it did not. The copy is given up at its limit."""
    sent = []
    async with (
        mirrored(apps.big(1 << 30, sent=sent), apps.fixed(), server={"graceful_timeout": 0.1}) as served,
        connected(served.url) as wire,
    ):
        await wire.send(request())
        await wire.until(b"\r\n\r\n")
        await wire.exactly(2 * MIB)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert 2 * MIB <= sum(sent) < 64 * MIB
        assert await served.settled() == {"abandoned": 1}


async def test_a_client_that_sends_more_than_the_app_reads_waits_as_without_the_middleware():
    @apps.application
    async def app(scope, receive, send):
        await receive()
        await trio.sleep_forever()

    async def sendable(url):
        size = 0
        async with connected(url) as wire:
            await wire.send(request("/", "Content-Length: 1000000000", method="POST"))
            with trio.move_on_after(0.5):
                while True:
                    await wire.send(bytes(65536))
                    size += 65536
        return size

    server = {"graceful_timeout": 0.1}
    without = await alone(app, sendable, **server)
    config = ShadowConfig(may_mirror=allow_methods("POST"))
    async with mirrored(app, app, config=config, server=server) as served:
        assert await sendable(served.url) < 2 * without + 16 * MIB < 200 * MIB
    assert counts(served.shadower) == {"held_back": 1}


@pytest.mark.parametrize("listens", [True, False])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_client_that_goes_away_in_mid_response_is_heard_of_as_without_the_middleware(method, listens):
    def app_and_log():
        log, gone = [], trio.Event()

        @apps.application
        async def app(scope, receive, send):
            await apps.read(receive)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            await gone.wait()
            if listens:
                log.append(await receive())
            await send({"type": "http.response.body", "body": b"the rest", "more_body": False})
            log.append("sent")

        return app, log, gone

    async def leave(url, gone):
        async with connected(url) as wire:
            await wire.send(request(method=method, body=b"x" if method == "POST" else b""))
            await wire.until(b"half")
            await wire.reset()
        await trio.testing.wait_all_tasks_blocked(0.01)
        gone.set()

    app, without, gone = app_and_log()
    async with serving(app) as url:
        await leave(url, gone)
    app, log, gone = app_and_log()
    config = ShadowConfig(may_mirror=EVERYTHING)
    async with mirrored(app, apps.chunks(b"half", b"the rest", headers=()), config=config) as served:
        await leave(served.url, gone)
        assert await served.settled() == {"matched": 1}
    assert log == without == [*([{"type": "http.disconnect"}] if listens else []), "sent"]


async def test_a_shadow_gets_the_same_request_but_for_the_mark():
    app, ours = apps.counting(apps.echo)
    in_process, its = apps.counting(apps.echo)
    async with mirrored(app, in_process) as served:
        target = "/a%2Fb/../%C3%A9?q=%41+&&=[]"
        await ask(served.url, request(target, "B: 1", "a: 2", "b: 3", "Cookie: x=1", "Authorization: Basic eDp5"))
        await served.settled()
    (mine,), (copy,) = ours, its
    keys = ("method", "path", "raw_path", "query_string", "scheme", "http_version", "client", "server", "root_path")
    assert [mine[key] for key in keys] == [copy[key] for key in keys]
    assert copy["headers"] == [*mine["headers"], (b"x-shadow", b"1")]


async def test_over_the_wire_a_shadow_gets_no_credentials_of_others_and_the_target_byte_for_byte():
    copies, scopes = apps.counting(apps.echo)
    target = b"/a%2Fb/../%C3%A9;x=%zz"
    secrets = ("Authorization: Basic eDp5", "Cookie: sid=1", "X-Api-Key: k")
    async with serving(copies) as url, over_the_wire(url) as backend, mirrored(apps.echo, backend) as served:
        await ask(served.url, request(target.decode() + "?q=%41+&&=[]", "B: 1", "a: 2", "b: 3", *secrets))
        await served.settled()
    (copy,) = scopes
    assert (copy["raw_path"], copy["query_string"]) == (target, b"q=%41+&&=[]")
    names = [name for name, _ in copy["headers"]]
    assert not {b"authorization", b"cookie", b"x-api-key"} & set(names)
    assert [pair for pair in copy["headers"] if pair[0] in (b"a", b"b")] == [(b"b", b"1"), (b"a", b"2"), (b"b", b"3")]
    assert dict(copy["headers"])[b"host"] == url.removeprefix("http://").encode()
    assert (b"x-shadow", b"1") in copy["headers"]


async def test_a_service_that_is_its_own_shadow_answers_each_request_twice_and_not_for_ever():
    app, scopes = apps.counting(apps.fixed())
    async with httpx.AsyncClient() as client:

        async def its_own_shadow(request):
            return await HttpBackend(client, url).call(request)

        middleware = ShadowMiddleware(app, shadow=its_own_shadow)
        async with serving(middleware) as url, connected(url) as wire:
            for _ in range(3):
                await wire.send(request("/").replace(b"Host: test", b"Host: " + url[7:].encode()))
                await wire.response()
            with trio.fail_after(TOO_LONG):
                await middleware.shadower.wait_idle()
    assert counts(middleware.shadower) == {"matched": 3, "held_back": 3}
    assert middleware.shadower.statistics().held_back_by_cause["marked"] == 3
    assert len(scopes) == 6


# ── websockets ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def websocket(url, target="/", *headers):
    """A talk over a websocket: all the bytes that came."""
    handshake = [
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
        *("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *headers),
    ]
    async with connected(url) as wire:
        await wire.send(request(target, *handshake))
        received = await wire.response()
        if received.split()[1] != b"101":
            return undated(received)
        connection = wsproto.connection.Connection(wsproto.ConnectionType.CLIENT)
        for event in (
            wsproto.events.TextMessage(data="text"),
            wsproto.events.BytesMessage(data=b"\0bytes" * 10_000),
            wsproto.events.Ping(payload=b"ping"),
            wsproto.events.CloseConnection(code=1000),
        ):
            await wire.send(connection.send(event))
            answered = False
            while not answered:
                data = await wire.some()
                assert data, event
                received += data
                connection.receive_data(data)
                answered = any(getattr(reply, "message_finished", True) for reply in connection.events())
        return undated(received + await wire.rest())


@pytest.mark.parametrize("target", ["/", "/refused"])
async def test_websockets_pass_through(target):
    async def talking(url):
        return await websocket(url, target, "Sec-WebSocket-Protocol: a, b")

    without = await alone(apps.websocket_echo, talking)
    async with mirrored(apps.websocket_echo, apps.websocket_echo) as served:
        assert await talking(served.url) == without
        assert await served.settled() == {}
        await ask(served.url, request())
        assert await served.settled() == {"matched": 1}
    assert (b"101" in without) == (target == "/")


# ── the same on both sides ────────────────────────────────────────────────────────────────────────────────────────────

#: An A/A run is of so many requests in all.
RUN = 10_000
MIX = [
    ("GET", "/users/{number}", [], b""),
    ("GET", "/users/{number}?full=1&x=%2F", [(b"accept-encoding", b"gzip, br, zstd")], b""),
    ("HEAD", "/users/{number}", [], b""),
    ("GET", "/items", [(b"accept-encoding", b"gzip")], b""),
    ("GET", "/items", [(b"accept-encoding", b"identity")], b""),
    ("HEAD", "/items", [(b"accept-encoding", b"gzip")], b""),
    ("POST", "/items", [(b"content-type", b"application/json")], b'{"number": %d}'),
    ("POST", "/items", [(b"content-type", b"application/json")], b"broken %d"),
    ("GET", "/redirect", [], b""),
    ("GET", "/cookie", [(b"cookie", b"session=1; other=2")], b""),
    ("GET", "/slow", [], b""),
    ("GET", "/stream", [(b"accept-encoding", b"gzip")], b""),
    ("GET", "/nowhere/{number}", [], b""),
    ("DELETE", "/users/{number}", [], b""),
    ("GET", "/error", [], b""),
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["in-process", "over the wire"])
async def test_ten_thousand_requests_to_the_same_app_on_both_sides_never_diverge(kind):
    """A third to each framework. There is a clock in what is compressed, and in the headers that servers add."""
    chooser, seconds = random.Random(7), set()
    for name, service in apps.SERVICES.items():
        config = ShadowConfig(may_mirror=EVERYTHING, shadow_timeout=TOO_LONG, max_in_flight=1000)
        async with shadowed_by(kind, service(), credentials=["cookie"]) as shadow:
            middleware = ShadowMiddleware(service(), shadow=shadow, config=config)

            async def client(requests, middleware=middleware):
                for number, (method, target, headers, body) in requests:
                    seconds.add(int(time.time()))
                    target = target.format(number=number)
                    await apps.call(middleware, method, target, headers, body % number if body else b"")

            async with apps.lifespan(middleware):
                left = RUN // 3 + (name == "Starlette")
                while left:
                    some = [(chooser.randrange(1100), chooser.choice(MIX)) for _ in range(min(left, 200))]
                    left -= len(some)
                    async with trio.open_nursery() as nursery:
                        for start in range(20):
                            nursery.start_soon(client, some[start::20])
                    await middleware.shadower.wait_idle()
                settled = counts(middleware.shadower)
                assert settled == {"matched": RUN // 3 + (name == "Starlette")}, (
                    middleware.shadower.divergences()[:3],
                    middleware.shadower.failures()[:3],
                )
    assert len(seconds) >= 2
