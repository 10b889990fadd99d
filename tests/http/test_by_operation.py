"""At the edges over HTTP every call is counted under its route, mirrored or not; and a secondary is asked too. Virtual
clock, no sockets.
"""

from __future__ import annotations

import types

import httpx
import pytest

from trioshadow import ResponseRecord, ShadowConfig, Shadower
from trioshadow.asgi import ShadowMiddleware
from trioshadow.http import Edge, Exchange, ShadowTransport, served_by_edge
from trioshadow.testing import Answer, Hang, ScriptedBackend

from tests.support.accounts import counts, rows
from tests.support.asgi_server import ANY, JSON, Lifespan, Route, answering, ask, http_app, scope_for, whole

SAME = Answer(ResponseRecord(b"{}", headers=[JSON]))
ROUTES = {"https://api.old": "https://api.new"}
CHUNKED = [(b"transfer-encoding", b"chunked")]


@http_app
async def routed(scope, receive, send):
    """An app whose router knows what it was asked for."""
    scope["route"] = Route(scope["path"].replace("/42", "/{user_id}"))
    if scope["path"].startswith("/broken"):
        raise ValueError
    await answering()(scope, receive, send)


async def test_a_middleware_names_what_it_mirrors_and_what_it_does_not(autojump_clock):
    middleware = ShadowMiddleware(routed, shadow=ScriptedBackend(SAME))
    async with Lifespan(middleware):
        await ask(middleware, scope_for("/users/42"))
        await ask(middleware, scope_for("/users/42", "POST", CHUNKED), whole(b"a"))
        await ask(middleware, scope_for("/users/42", "DELETE"))
        await ask(middleware, scope_for("/users/42", headers=[(b"x-shadow", b"1")]))
        with pytest.raises(ValueError):
            await ask(middleware, scope_for("/broken/42", "PUT"))
    assert rows(middleware.shadower) == {
        "GET /users/{user_id}": {"mirrored": 1, "held_back": 1},
        "POST /users/{user_id}": {"mirrored": 0, "held_back": 1},
        "DELETE /users/{user_id}": {"mirrored": 0, "held_back": 1},
        "PUT /broken/{user_id}": {"mirrored": 0, "held_back": 1},
    }


async def test_a_middleware_names_what_the_sampler_leaves_out_and_bodies_that_are_not_whole(autojump_clock):
    config = ShadowConfig(sample_rate=1e-9, may_mirror=ANY.may_mirror)
    middleware = ShadowMiddleware(routed, shadow=ScriptedBackend(Hang()), config=config, max_body_bytes=4)
    async with Lifespan(middleware):
        await ask(middleware, scope_for("/users/42"))
        await ask(middleware, scope_for("/users/42", "POST", CHUNKED), whole(b"a"))
        middleware.shadower.reconfigure(ANY)
        await ask(middleware, scope_for("/users/42", "PUT", CHUNKED), whole(b"abcde"))
        await ask(middleware, scope_for("/users/42", "PUT", [(b"content-length", b"5")]), whole(b"abcde"))
    assert rows(middleware.shadower) == {
        "GET /users/{user_id}": {"mirrored": 0, "not_sampled": 1},
        "POST /users/{user_id}": {"mirrored": 0, "not_sampled": 1},
        "PUT /users/{user_id}": {"mirrored": 0, "held_back": 2},
    }


async def test_a_middleware_asks_a_secondary_too(autojump_clock):
    secondary = ScriptedBackend(Answer(ResponseRecord(b'{"n": 1}', headers=[JSON])))
    middleware = ShadowMiddleware(
        routed, shadow=ScriptedBackend(SAME), secondary=secondary, config=ShadowConfig(noise_rate=1)
    )
    async with Lifespan(middleware):
        await ask(middleware, scope_for("/users/42"))
    assert counts(middleware.shadower) == {"matched": 1}
    assert middleware.shadower.statistics().secondary.diverged == 1
    (field,) = middleware.shadower.scorecard().operation("GET /users/{user_id}").fields
    assert (field.field, field.secondary_only) == ("$.n", 1)


async def test_a_middleware_tells_an_slo_tracker(autojump_clock):
    told = []
    tracker = types.SimpleNamespace(record=told.append)
    middleware = ShadowMiddleware(routed, shadow=ScriptedBackend(SAME), slo=tracker)
    async with Lifespan(middleware):
        await ask(middleware, scope_for("/users/42"))
    assert told == [True]


def test_an_exchange_without_a_leg_needs_no_name():
    edge = Edge(name="", max_body_bytes=1, ignore_volatile=True, operation=None)
    exchange = Exchange(edge, "GET")
    exchange.name("GET /")
    assert not exchange.wants_name


async def test_what_belongs_to_a_shadower_of_ones_own_is_refused():
    own = Shadower(served_by_edge, ScriptedBackend(SAME))
    for more in ({"secondary": ScriptedBackend(SAME)}, {"slo": object()}):
        with pytest.raises(TypeError, match=f"give {next(iter(more))} to the shadower that you enter yourself"):
            ShadowMiddleware(routed, shadower=own, **more)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            ShadowConfig(),
            {"GET /users/{id}": {"mirrored": 1}, "POST /users/{id}": {"mirrored": 0, "held_back": 2}},
        ),
        (ANY, {"PUT /users/{id}": {"mirrored": 0, "held_back": 1}}),
    ],
)
async def test_a_transport_names_what_it_mirrors_and_what_it_does_not(autojump_clock, config, expected):
    async def parts():
        yield b"ab"

    async with Shadower(served_by_edge, ScriptedBackend(SAME), config) as shadower:
        inner = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
        transport = ShadowTransport(inner, shadower=shadower, routes=ROUTES, max_body_bytes=1)
        async with httpx.AsyncClient(transport=transport) as client:
            if config is ANY:
                await client.put("https://api.old/users/42", content=parts())
            else:
                await client.get("https://api.old/users/42")
                await client.post("https://api.old/users/42", json={})
                await client.post("https://api.old/users/42", content=parts())
            await shadower.wait_idle()
    assert rows(shadower) == expected
