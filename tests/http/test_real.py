"""HttpBackend and ShadowTransport between real servers and real clients: httpx and httpx2, HTTP/1.1 and HTTP/2.

What an application gets through the transport is what it gets without. Real time, loopback; nothing waits for a clock
but for the timeouts of shadows that hang.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import random
import tracemalloc

import httpx
import httpx2
import pytest
import trio
import trio.testing

from trioshadow import ShadowConfig, Shadower, Verdict
from trioshadow.compare import VOLATILE_HEADERS
from trioshadow.http import HttpBackend, HttpRequest, ShadowTransport, allow_methods, served_by_edge

from tests.support import apps, hostile
from tests.support.accounts import counts
from tests.support.portable import TOO_LONG
from tests.support.servers import certificate, raw_server, refusing, serving, trusting

MIB = 1 << 20

FAMILIES = pytest.mark.parametrize("family", [httpx, httpx2], ids=["httpx", "httpx2"])
#: How client and server speak: settings of the server, of the client's transport, and what comes of it.
SPEAK = {
    "HTTP/1.1": ({}, {}, "HTTP/1.1"),
    "HTTP/1.1 over TLS": ({"tls": certificate(), "http2": False}, {"http2": True}, "HTTP/1.1"),
    "HTTP/2 over TLS": ({"tls": certificate()}, {"http2": True}, "HTTP/2"),
    "HTTP/2 without TLS": ({}, {"http1": False, "http2": True}, "HTTP/2"),
}
PROTOCOLS = pytest.mark.parametrize("speak", SPEAK)
EVERYTHING = allow_methods("POST", "PUT", "DELETE")


class Sides:
    """A client whose calls are mirrored, and one whose calls are not."""

    def __init__(self, url, client, plain, shadower):
        self.url = url
        self.client = client
        self.plain = plain
        self.shadower = shadower

    async def settled(self):
        with trio.fail_after(TOO_LONG):
            await self.shadower.wait_idle()
        return counts(self.shadower)


@contextlib.asynccontextmanager
async def mirrored(primary, shadow, *, family=httpx, inner=(), config=None, client=(), **settings):
    """Two servers, and two clients that send to the first: `inner` are the settings of their transports, `client` of
    themselves.
    """

    def transport():
        return family.AsyncHTTPTransport(verify=trusting(), **dict(inner))

    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        primary_url, shadow_url = await enter(primary), await enter(shadow)
        shadow_client = await enter(family.AsyncClient(transport=transport()))
        shadower = await enter(Shadower(served_by_edge, HttpBackend(shadow_client), config or ShadowConfig()))
        shadowing = ShadowTransport(transport(), shadower=shadower, routes={primary_url: shadow_url}, **settings)
        client = {"base_url": primary_url, **dict(client)}
        mirroring = await enter(family.AsyncClient(transport=shadowing, **client))
        plain = await enter(family.AsyncClient(transport=transport(), **client))
        yield Sides(primary_url, mirroring, plain, shadower)
    assert counts(shadower).get("in_flight", 0) == 0


def shown(response):
    """All that an application can see of a response, but for the time of day."""
    headers = [(name, b"*" if name.lower() == b"date" else value) for name, value in response.headers.raw]
    extensions = {
        name: value for name, value in response.extensions.items() if name not in ("network_stream", "stream_id")
    }
    history = [(past.status_code, str(past.url)) for past in response.history]
    return (
        response.status_code,
        headers,
        response.content,
        response.http_version,
        str(response.url),
        extensions,
        history,
    )


# ── the transport ─────────────────────────────────────────────────────────────────────────────────────────────────────

CALLS = [
    ("GET", "/users/7", {}),
    ("GET", "/users/8?full=1&x=%2F", {"headers": {"X-Thing": "1", "Accept": "*/*"}}),
    ("GET", "/users/1000", {}),
    ("HEAD", "/users/9", {}),
    ("GET", "/items", {}),
    ("GET", "/items", {"headers": {"Accept-Encoding": "identity"}}),
    ("POST", "/items", {"json": {"name": "new"}}),
    ("POST", "/items", {"content": b"broken", "headers": {"Content-Type": "application/json"}}),
    ("GET", "/redirect", {}),
    ("GET", "/cookie", {"headers": {"Cookie": "x=1; y=2"}}),
    ("GET", "/slow", {}),
    ("GET", "/stream", {}),
    ("GET", "/nowhere/3", {}),
    ("DELETE", "/users/7", {}),
    ("GET", "/error", {}),
]


@FAMILIES
@PROTOCOLS
async def test_an_application_gets_through_the_transport_what_it_gets_without(speak, family):
    server, inner, version = SPEAK[speak]
    config = ShadowConfig(may_mirror=EVERYTHING)
    async with mirrored(
        serving(apps.starlette_service(), logged=[], **server),
        serving(apps.starlette_service(), logged=[], **server),
        family=family,
        inner=inner,
        config=config,
    ) as sides:
        for method, url, options in CALLS:
            plain = shown(await sides.plain.request(method, url, **options))
            assert shown(await sides.client.request(method, url, **options)) == plain
            assert plain[3] == version
        # The cookie of one origin must not be asked for at another unless that is said.
        assert await sides.settled() == {"matched": len(CALLS) - 1, "diverged": 1}
        (divergence,) = sides.shadower.divergences()
        assert divergence.operation == "GET /cookie"


@FAMILIES
async def test_redirects_are_followed_by_the_client_and_compared_one_by_one(family):
    async with mirrored(
        serving(apps.starlette_service()),
        serving(apps.starlette_service()),
        family=family,
        client={"follow_redirects": True},
    ) as sides:
        response = await sides.client.get("/redirect")
        assert [past.status_code for past in response.history] == [307]
        assert response.json() == apps.ITEMS
        assert await sides.settled() == {"matched": 2}


@FAMILIES
async def test_calls_to_other_origins_are_only_sent(family):
    async with serving(apps.echo) as other, mirrored(serving(apps.echo), serving(apps.fixed()), family=family) as sides:
        assert (await sides.client.get(other + "/x")).json()["path"] == "/x"
        assert sides.shadower.statistics().calls == 0


@FAMILIES
@PROTOCOLS
async def test_an_answer_streams_through_as_the_server_sends_it(speak, family):
    """Each part is sent when the application has the one before."""
    server, inner, _ = SPEAK[speak]
    tell, told = trio.open_memory_channel(0)

    async def wait(number):
        await told.receive()

    parts = [b"one", b"two" * 10_000, b"three"]
    async with mirrored(
        serving(apps.chunks(*parts, gate=wait), **server),
        serving(apps.chunks(*parts), **server),
        family=family,
        inner=inner,
    ) as sides:
        async with sides.client.stream("GET", "/") as response:
            reading = response.aiter_raw()
            with trio.fail_after(TOO_LONG):
                for part in parts:
                    await tell.send(None)
                    got = b""
                    while len(got) < len(part):
                        got += await anext(reading)
                    assert got == part
                assert await anext(reading, None) is None
        assert await sides.settled() == {"matched": 1}


@FAMILIES
@PROTOCOLS
async def test_a_body_streams_up_as_the_application_makes_it_and_is_mirrored_whole(speak, family):
    server, inner, _ = SPEAK[speak]
    came = []
    tell, told = trio.open_memory_channel(0)

    @apps.application
    async def app(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            body += message["body"]
            if message["body"]:
                await tell.send(message["body"])
        await apps.respond(send, body.upper())

    async def upload():
        for part in (b"a", b"bc" * 5000, b"d"):
            yield part
            with trio.fail_after(TOO_LONG):
                got = b""
                while len(got) < len(part):
                    got += await told.receive()
            assert got == part
            came.append(len(part))

    @apps.application
    async def shadow_app(scope, receive, send):
        await apps.respond(send, (await apps.read(receive)).upper())

    config = ShadowConfig(may_mirror=EVERYTHING)
    async with mirrored(
        serving(app, **server), serving(shadow_app, **server), family=family, inner=inner, config=config
    ) as sides:
        response = await sides.client.post("/", content=upload())
        assert response.content == b"A" + b"BC" * 5000 + b"D"
        assert came == [1, 10_000, 1]
        assert await sides.settled() == {"matched": 1}


@FAMILIES
@pytest.mark.parametrize("read", [0, 1], ids=["nothing", "a part"])
async def test_an_answer_that_is_left_early_is_abandoned_and_its_connection_is_free(family, read):
    """A pool of one connection: the next call would wait for ever for one that leaked."""
    inner = {"limits": family.Limits(max_connections=1)}
    server = {"graceful_timeout": 0.1}
    async with mirrored(
        serving(apps.big(1 << 30), **server), serving(apps.big(1 << 30), **server), family=family, inner=inner
    ) as sides:
        with trio.fail_after(TOO_LONG):
            for _ in range(5):
                async with sides.client.stream("GET", "/") as response:
                    reading = response.aiter_raw()
                    for _ in range(read):
                        await anext(reading)
        assert await sides.settled() == {"abandoned": 5}


async def test_an_answer_that_is_neither_read_nor_closed_is_abandoned_when_it_is_dropped():
    async with mirrored(serving(apps.fixed(), graceful_timeout=0.1), serving(apps.fixed())) as sides:
        response = await sides.client.send(sides.client.build_request("GET", "/"), stream=True)
        assert counts(sides.shadower) == {"in_flight": 1}
        del response
        gc.collect()
        assert await sides.settled() == {"abandoned": 1}


@FAMILIES
async def test_a_caller_that_is_cancelled_abandons_its_leg(family):
    async with mirrored(hostile.HOSTILE["never answers"](), serving(apps.fixed()), family=family) as sides:
        with trio.move_on_after(0.05) as scope:
            await sides.client.get("/")
        assert scope.cancelled_caught
        assert await sides.settled() == {"abandoned": 1}


@FAMILIES
@PROTOCOLS
async def test_a_hundred_concurrent_calls_through_one_transport_get_their_own_answers(speak, family):
    server, inner, _ = SPEAK[speak]
    inner = {**inner, "limits": family.Limits(max_connections=10)}
    answers = {}
    config = ShadowConfig(shadow_timeout=TOO_LONG)
    async with mirrored(
        serving(apps.starlette_service(), **server),
        serving(apps.starlette_service(), **server),
        family=family,
        inner=inner,
        config=config,
    ) as sides:

        async def call(number):
            answers[number] = (await sides.client.get(f"/users/{number}")).json()["id"]

        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(call, number)
        assert await sides.settled() == {"matched": 100}
    assert answers == {number: number for number in range(100)}


async def test_a_hundred_concurrent_calls_do_not_wait_for_a_shadow_that_hangs():
    config = ShadowConfig(shadow_timeout=600, drain_timeout=0)
    async with mirrored(serving(apps.fixed()), hostile.HOSTILE["never answers"](), config=config) as sides:
        with trio.fail_after(TOO_LONG):
            async with trio.open_nursery() as nursery:
                for _ in range(100):
                    nursery.start_soon(sides.client.get, "/")
        assert counts(sides.shadower) == {"in_flight": 100}
    assert counts(sides.shadower) == {"abandoned": 100}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in hostile.ENDLESS)) for name in hostile.HOSTILE]
)
async def test_an_application_does_not_notice_a_hostile_shadow(name):
    config = ShadowConfig(shadow_timeout=2.0 if name in hostile.ENDLESS else TOO_LONG)
    async with mirrored(serving(apps.fixed(b"an answer")), hostile.HOSTILE[name](), config=config) as sides:
        plain = shown(await sides.plain.get("/"))
        for _ in range(2):
            assert shown(await sides.client.get("/")) == plain
        verdict, kind = hostile.ENDINGS[name]
        assert await sides.settled() == {verdict.value: 2}
        records = (*sides.shadower.failures(), *sides.shadower.divergences())
        assert [record.failure and record.failure.kind for record in records] == [kind] * 2


async def result(client, patience=TOO_LONG):
    """What an application gets: a response, or an exception."""
    try:
        with trio.move_on_after(patience):
            async with client.stream("GET", "/") as response:
                body = b""
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > 3 * MIB:
                        return "more than I want"
                response._content = body
                return shown(response)
        return "nothing in time"
    except httpx.HTTPError as exc:
        return type(exc), str(exc)


@pytest.mark.parametrize("name", [name for name in hostile.HOSTILE if "bomb" not in name])
async def test_an_application_gets_the_same_from_a_hostile_primary_with_and_without_the_transport(name):
    patience = 0.25 if name in hostile.ENDLESS else TOO_LONG
    async with mirrored(hostile.HOSTILE[name](), serving(apps.fixed())) as sides:
        assert await result(sides.client, patience) == await result(sides.plain, patience)
        assert sum((await sides.settled()).values()) == 1


@pytest.mark.parametrize("name", ["never ends, in chunks", "never ends, in one body"])
async def test_of_an_endless_answer_of_the_primary_no_copy_is_kept(name):
    async with mirrored(hostile.HOSTILE[name](), serving(apps.fixed())) as sides:
        await result(sides.plain)
        tracemalloc.start()
        try:
            async with sides.client.stream("GET", "/") as response:
                reading = response.aiter_raw()
                size = 0
                while size < 64 * MIB:
                    size += len(await anext(reading))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 12 * MIB
        assert await sides.settled() == {"abandoned": 1}


@pytest.mark.slow
async def test_a_thousand_calls_to_the_same_app_on_both_sides_never_diverge():
    """Of a run of ten thousand, this is the transport's share: the longer ones are the middleware's."""
    chooser = random.Random(7)
    calls = [call for call in CALLS if call[1] != "/cookie"]
    config = ShadowConfig(may_mirror=EVERYTHING, shadow_timeout=TOO_LONG)
    async with mirrored(
        serving(apps.quart_service(), logged=[]), serving(apps.quart_service(), logged=[]), config=config
    ) as sides:

        async def caller(some):
            for method, url, options in some:
                await sides.client.request(method, url, **options)

        for _ in range(10):
            async with trio.open_nursery() as nursery:
                for _ in range(10):
                    nursery.start_soon(caller, chooser.choices(calls, k=10))
            await sides.settled()
        assert await sides.settled() == {"matched": 1000}, sides.shadower.divergences()


# ── the backend ───────────────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.asynccontextmanager
async def backend_for(url, family=httpx, inner=(), **settings):
    async with family.AsyncClient(verify=trusting(), **dict(inner)) as client:
        yield HttpBackend(client, url, **settings)


@FAMILIES
@PROTOCOLS
async def test_a_backend_answers_with_what_the_server_sent(speak, family):
    server, inner, _ = SPEAK[speak]
    app, scopes = apps.counting(apps.starlette_service())
    async with serving(app, include_date_header=False, **server) as url, backend_for(url, family, inner) as backend:
        record = await backend.call(HttpRequest("GET", "/items?x=%2F", {"Accept-Encoding": "gzip", "B": "1", "a": "2"}))
        assert (record.status, record.ok) == (200, True)
        assert httpx.Response(200, content=record.body).json() == apps.ITEMS
        assert "content-encoding" not in dict(record.headers)
        posted = await backend.call(HttpRequest("POST", "/items", {"Content-Type": "application/json"}, b'{"a": 1}'))
        assert (posted.status, posted.body) == (201, b'{"a":1}')
        head = await backend.call(HttpRequest("HEAD", "/users/7"))
        assert (head.status, head.body, dict(head.headers)["content-type"]) == (200, b"", "application/json")
    scope = scopes[0]
    assert (scope["method"], scope["raw_path"], scope["query_string"]) == ("GET", b"/items", b"x=%2F")
    assert (b"x-shadow", b"1") not in scope["headers"]  # outside of a leg it is nobody's shadow
    hosts = [value for name, value in scope["headers"] if name in (b"host", b":authority")]
    assert hosts == [url.partition("://")[2].encode()]


@FAMILIES
async def test_two_servers_are_compared_by_their_backends(family):
    async with (
        serving(apps.starlette_service()) as old,
        serving(apps.fastapi_service()) as new,
        backend_for(old, family) as primary,
        backend_for(new, family) as shadow,
        Shadower(primary, shadow, ShadowConfig(ignore=VOLATILE_HEADERS)) as shadower,
    ):
        outcome = await shadower.call(HttpRequest("GET", "/users/7"))
        assert (await outcome.wait_settled()).verdict is Verdict.MATCHED
        outcome = await shadower.call(HttpRequest("GET", "/nowhere"))  # one answers in text, one in JSON
        assert (await outcome.wait_settled()).verdict is Verdict.DIVERGED
        assert outcome.divergence.status is None


@FAMILIES
async def test_cookies_of_one_answer_are_not_sent_with_another_users_request(family):
    seen = []

    async def server(wire):
        while True:
            seen.append(await wire.request())
            await wire.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=1; Path=/\r\nContent-Length: 2\r\n\r\nok")

    async with raw_server(server) as url, family.AsyncClient(cookies={"own": "1"}) as client:
        backend = HttpBackend(client, url)
        for _ in range(2):
            record = await backend.call(HttpRequest("GET", "/"))
            assert dict(record.headers)["set-cookie"] == "sid=1; Path=/"
        assert dict(client.cookies) == {"own": "1"}
    assert not any(b"cookie" in sent.lower() for sent in seen)


@FAMILIES
async def test_a_backend_follows_no_redirect_whatever_the_client_would_do(family):
    async with hostile.HOSTILE["redirects to itself"]() as url, family.AsyncClient(follow_redirects=True) as client:
        record = await HttpBackend(client, url).call(HttpRequest("GET", "/"))
    assert (record.status, dict(record.headers)["location"]) == (302, "/again?0")


@FAMILIES
async def test_a_refused_connection_is_the_clients_own_exception(family):
    async with refusing() as url, backend_for(url, family) as backend:
        with pytest.raises(family.ConnectError):
            await backend.call(HttpRequest("GET", "/"))


@FAMILIES
async def test_a_shared_connection_is_kept_for_the_next_call(family):
    """Also after an answer that was compressed, and one without a body."""
    connections = itertools.count()

    async def server(wire):
        next(connections)
        while (await wire.request()).startswith((b"GET", b"HEAD")):
            await wire.send(b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n")

    async with raw_server(server) as url, backend_for(url, family) as backend:
        for method in ("GET", "HEAD", "GET"):
            assert (await backend.call(HttpRequest(method, "/"))).status == 304
    assert next(connections) == 1


@FAMILIES
async def test_what_is_given_up_does_not_use_up_the_pool(family):
    inner = {"limits": family.Limits(max_connections=2), "timeout": 5}
    async with hostile.HOSTILE["never ends, in chunks"]() as url, backend_for(url, family, inner) as backend:
        for _ in range(5):
            with pytest.raises(ValueError, match="more than 1,048,576 bytes"):
                await backend.call(HttpRequest("GET", "/"))


@FAMILIES
@PROTOCOLS
async def test_a_large_body_goes_up_and_one_that_is_within_the_limit_comes_down(speak, family):
    server, inner, _ = SPEAK[speak]
    async with serving(apps.digest, **server) as url, backend_for(url, family, inner) as backend:
        record = await backend.call(HttpRequest("PUT", "/", body=bytes(3 * MIB)))
        assert httpx.Response(200, content=record.body).json()["size"] == 3 * MIB
    async with (
        serving(apps.big(3 * MIB), **server) as url,
        backend_for(url, family, inner, max_body_bytes=3 * MIB) as backend,
    ):
        assert (await backend.call(HttpRequest("GET", "/"))).body == bytes(3 * MIB)
