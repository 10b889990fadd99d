"""Which headers a shadow gets: `allow_headers` and `drop_headers`, of HttpBackend, AsgiBackend and ShadowMiddleware.

Pure, then on the virtual clock, then against real servers. What credentials do is in test_backend.py.
"""

from __future__ import annotations

import contextlib

import attrs
import httpx
import httpx2
import pytest

from trioshadow import ResponseRecord, ShadowConfig, Shadower
from trioshadow.asgi import AsgiBackend, ShadowMiddleware
from trioshadow.http import (
    CREDENTIALS,
    HeaderLists,
    HttpBackend,
    HttpRequest,
    ShadowTransport,
    allow_methods,
    served_by_edge,
)

from tests.support.asgi_server import Lifespan, answering, ask, scope_for, whole
from tests.support.servers import serving

HEADERS = [(b"Accept", b"a"), (b"X-B3-TraceId", b"1"), (b"x-b3-SpanId", b"2"), (b"Cookie", b"c"), (b"X-User", b"u")]


def names(headers):
    return [name.decode().lower() for name, _ in headers]


@pytest.mark.parametrize(
    ("allow", "drop", "left"),
    [
        (None, (), ["accept", "x-b3-traceid", "x-b3-spanid", "cookie", "x-user"]),
        (None, ["X-B3-*"], ["accept", "cookie", "x-user"]),
        (["ACCEPT", "x-?3-*"], (), ["accept", "x-b3-traceid", "x-b3-spanid"]),
        (["accept", "x-*"], ["x-b3-spanid", "x-user"], ["accept", "x-b3-traceid"]),
        (["x-[bu]*"], (), ["x-b3-traceid", "x-b3-spanid", "x-user"]),
        ((), (), []),
        (["*"], ["*"], []),
        (["ooki", "x"], (), []),  # a name is a whole name
    ],
)
def test_a_header_goes_if_it_is_allowed_and_not_dropped(allow, drop, left):
    assert names(HeaderLists(allow, drop).passing(HEADERS)) == left


def test_no_list_takes_away_what_belongs_to_the_message_or_ends_a_loop():
    own = [(b"Host", b"h"), (b"content-length", b"1"), (b"ACCEPT-ENCODING", b"gzip"), (b"X-Shadow", b"1")]
    for lists in (HeaderLists((), ()), HeaderLists(None, ["*"]), HeaderLists((), ["host", "x-shadow"])):
        assert lists.passing([*own, *HEADERS]) == own


def test_what_would_let_everything_through_is_refused():
    client = httpx.AsyncClient()
    for make in (
        lambda **lists: HttpBackend(client, "https://new", **lists),
        lambda **lists: AsgiBackend(ask, **lists),
    ):
        for name in ("allow_headers", "drop_headers"):
            for lone in ("cookie", b"cookie"):
                with pytest.raises(TypeError, match=f"{name} takes several names of headers, as in \\["):
                    make(**{name: lone})
            for bad in (b"x", None):
                with pytest.raises(TypeError, match=f"{name} must be names of headers, not "):
                    make(**{name: [bad]})
            with pytest.raises(ValueError, match=f"{name} must be names of headers, none of them empty, not ''"):
                make(**{name: [""]})
    with pytest.raises(TypeError, match="credentials takes several names"):
        HttpBackend(client, credentials="cookie")
    for lists in ({"allow_headers": ()}, {"drop_headers": ["cookie"]}):
        for shadow in (HttpBackend(client, "https://new"), AsgiBackend(answering())):
            with pytest.raises(TypeError, match="for an app in this process: give them to the backend"):
                ShadowMiddleware(answering(), shadow=shadow, **lists)
        with pytest.raises(TypeError, match="for an app in this process"):
            ShadowMiddleware(answering(), shadower=Shadower(served_by_edge, AsgiBackend(answering())), **lists)


def test_the_names_that_let_somebody_in_are_lower_case():
    assert {"authorization", "cookie", "x-api-key"} <= CREDENTIALS
    assert all(name == name.lower().strip() for name in CREDENTIALS)


# ── on the virtual clock ──────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def asked_through(library, **lists):
    """An HttpBackend and the list of requests that it sends."""
    sent = []

    def answer(request):
        sent.append(request)
        return library.Response(200)

    client = library.AsyncClient(transport=library.MockTransport(answer), headers={"X-Ours": "o"})
    yield HttpBackend(client, "https://new", **lists), sent


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
async def test_a_backend_sends_what_is_allowed_and_what_is_its_own(library, autojump_clock):
    request = HttpRequest(
        "POST", "https://new/", [*HEADERS, ("Connection", "x-hop"), ("x-hop", "1"), ("Expect", "100-continue")], b"body"
    )
    with asked_through(library, allow_headers=["accept", "x-hop", "expect"]) as (backend, sent):
        await backend.call(request)
    # Neither hop-by-hop headers nor Expect by being named; what was set on the client, always.
    assert names(sent[0].headers.raw) == ["host", "accept", "x-ours", "accept-encoding", "content-length"]


async def test_what_lets_somebody_in_needs_both_to_be_allowed_and_to_be_named(autojump_clock, caplog):
    request = HttpRequest("GET", "https://old/", [("Authorization", "a"), ("Cookie", "c"), ("X-User", "u")])
    told = {}
    for lists in (
        {"allow_headers": ["authorization"]},
        {"credentials": ["authorization"], "allow_headers": ["x-user"]},
        {"credentials": ["authorization", "cookie"], "allow_headers": ["Auth*", "cookie"]},
        {"credentials": ["authorization", "cookie"], "drop_headers": ["cookie"]},
    ):
        caplog.clear()
        with asked_through(httpx, **lists) as (backend, sent):
            await backend.call(request)
        told[" ".join(names(sent[0].headers.raw))] = [record.args[1].split(" is ")[0] for record in caplog.records]
    assert told == {
        "host x-ours accept-encoding": ["the header authorization"],  # not the cookie, which is not even allowed
        "host x-user x-ours accept-encoding": [],
        "host authorization cookie x-ours accept-encoding": [],
        "host authorization x-user x-ours accept-encoding": [],
    }


async def test_a_preserved_host_is_no_matter_of_the_lists(autojump_clock):
    with asked_through(httpx, preserve_host=True, allow_headers=()) as (backend, sent):
        await backend.call(HttpRequest("GET", "/", {"Host": "old.test"}))
    assert sent[0].headers["host"] == "old.test"


async def test_a_copy_that_is_passed_on_keeps_its_mark(autojump_clock):
    with asked_through(httpx, drop_headers=["x-*"]) as (backend, sent):
        await backend.call(HttpRequest("GET", "/", {"X-Shadow": "1", "X-User": "u"}))
    assert sent[0].headers["x-shadow"] == "1"
    assert "x-user" not in sent[0].headers


async def told_to_shadow(headers, **lists):
    """The headers that the app gets, and those that a shadow app in the same process gets."""
    seen = []

    async def app(scope, receive, send):
        if scope["type"] == "http":
            seen.append(scope["headers"])
        await answering()(scope, receive, send)

    middleware = ShadowMiddleware(app, shadow=app, **lists)
    async with Lifespan(middleware):
        await ask(middleware, scope_for(headers=headers))
    return seen


async def test_an_app_in_this_process_gets_everything_unless_told_otherwise(autojump_clock):
    headers = [(name.lower(), value) for name, value in [*HEADERS, (b"Authorization", b"s")]]
    first, second = await told_to_shadow(headers)
    assert second == [*first, (b"x-shadow", b"1")]
    first, second = await told_to_shadow(headers, drop_headers=CREDENTIALS)
    assert names(first) == ["host", "accept", "x-b3-traceid", "x-b3-spanid", "cookie", "x-user", "authorization"]
    assert names(second) == ["host", "accept", "x-b3-traceid", "x-b3-spanid", "x-user", "x-shadow"]
    first, second = await told_to_shadow(headers, allow_headers=["x-user"])
    assert names(second) == ["host", "x-user", "x-shadow"]


async def test_a_copy_whose_body_was_cut_announces_its_own_length(autojump_clock):
    seen = []

    async def app(scope, receive, send):
        if scope["type"] == "http":
            seen.append(dict(scope["headers"])[b"content-length"])
        await answering()(scope, receive, send)

    config = ShadowConfig(
        may_mirror=allow_methods("POST"), copy_request=lambda request: attrs.evolve(request, body=request.body[:3])
    )
    middleware = ShadowMiddleware(app, shadow=app, config=config)
    async with Lifespan(middleware):
        await ask(middleware, scope_for(method="POST", headers=[(b"content-length", b"6")]), whole(b"secret"))
    assert seen == [b"6", b"3"]


# ── real servers ──────────────────────────────────────────────────────────────────────────────────────────────────────

SENT = {"Authorization": "Bearer s", "Cookie": "sid=s", "X-User": "ada", "X-B3-TraceId": "7", "Accept": "*/*"}


def keeping(seen):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            seen.append({name.decode() for name, _ in scope["headers"]})
        await answering()(scope, receive, send)

    return app


@pytest.mark.parametrize(
    ("lists", "kept_from_it"),
    [
        ({}, {"authorization", "cookie"}),
        ({"drop_headers": ["x-b3-*"]}, {"authorization", "cookie", "x-b3-traceid"}),
        ({"allow_headers": ["X-User"]}, {"authorization", "cookie", "x-b3-traceid", "accept", "user-agent"}),
        ({"allow_headers": ["X-User", "auth*"], "credentials": ["authorization"]}, None),
    ],
)
async def test_what_a_server_gets_as_a_shadow_behind_each_edge(lists, kept_from_it):
    primary_saw, shadow_saw = [], []
    kept_from_it = kept_from_it or {"cookie", "x-b3-traceid", "accept", "user-agent"}
    async with (
        serving(keeping(primary_saw)) as primary_url,
        serving(keeping(shadow_saw)) as shadow_url,
        httpx.AsyncClient() as shadow_client,
        httpx.AsyncClient() as primary_client,
    ):
        shadow = HttpBackend(shadow_client, shadow_url, **lists)
        primary = HttpBackend(primary_client, primary_url, credentials=SENT)
        async with Shadower(primary, shadow) as shadower:
            await shadower.call(HttpRequest("GET", "/", {**SENT, "User-Agent": "test"}))
            await shadower.wait_idle()
        async with Shadower(served_by_edge, shadow) as shadower:
            inner = httpx.AsyncHTTPTransport()
            transport = ShadowTransport(inner, shadower=shadower, routes={primary_url: shadow_url})
            async with httpx.AsyncClient(transport=transport) as client:
                await client.get(primary_url, headers=SENT)
                await shadower.wait_idle()
        async with (
            serving(ShadowMiddleware(keeping(primary_saw), shadow=shadow)) as url,
            httpx.AsyncClient() as client,
        ):
            await client.get(url, headers=SENT)
    assert len(primary_saw) == len(shadow_saw) == 3
    for ours, theirs in zip(primary_saw, shadow_saw, strict=True):
        assert ours - theirs - {"connection"} == kept_from_it
        assert "x-shadow" in theirs - ours


async def test_what_an_app_in_the_process_of_a_server_gets():
    primary_saw, shadow_saw = [], []
    app = ShadowMiddleware(keeping(primary_saw), shadow=keeping(shadow_saw), drop_headers=CREDENTIALS)
    async with serving(app) as url, httpx.AsyncClient() as client:
        await client.get(url, headers=SENT)
    assert primary_saw[0] - shadow_saw[0] - {"connection"} == {"authorization", "cookie"}


async def test_an_answer_does_not_tell_the_primary_what_the_shadow_did_not_get(autojump_clock):
    """The lists are of the shadow's copy: the primary's request is never touched."""
    request = HttpRequest("GET", "https://new/", SENT)
    seen = []

    async def primary(request):
        seen.append(request)
        return ResponseRecord(b"")

    with asked_through(httpx, allow_headers=()) as (backend, _):
        async with Shadower(primary, backend) as shadower:
            await shadower.call(request)
            await shadower.wait_idle()
    assert seen == [request]
