"""Credentials that the middleware's backends withhold: from an app in this process, and beside a reverse proxy.
Message by message, in the virtual clock.
"""

from __future__ import annotations

import contextlib

import httpx
import pytest
import trio

from trioshadow import ShadowConfig, Shadower
from trioshadow.asgi import AsgiBackend, ReverseProxy, ShadowMiddleware
from trioshadow.evidence import Decision, Objective
from trioshadow.http import CREDENTIALS, HttpBackend, served_by_edge

from tests.support.asgi_server import Lifespan, ask, http_app, scope_for

TOKEN = (b"AUTHORIZATION", b"Bearer s3cret")
UNTIMED = Objective(max_p99_ratio=None)
PAIRED = ShadowConfig(noise_rate=1)


def knows_tokens(status=401, headers=(), body=b'{"error": "who?"}'):
    """Knows who has an Authorization; any other is answered so."""

    @http_app
    async def app(scope, receive, send):
        await trio.lowlevel.checkpoint()
        known = any(name.lower() == b"authorization" for name, _ in scope["headers"])
        start = {"status": 200, "headers": []} if known else {"status": status, "headers": list(headers)}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": b'{"me": 1}' if known else body})

    return app


async def withheld(app, *scopes):
    """What the scorecard says was withheld, as side, headers, remedy and calls."""
    async with Lifespan(app):
        for scope in scopes or (scope_for("/me", headers=[TOKEN]),):
            await ask(app, scope)
            await app.shadower.wait_idle()
    return [(one.side, one.headers, one.remedy, one.calls) for one in app.shadower.scorecard(UNTIMED).withheld]


@pytest.mark.parametrize(
    ("lists", "remedy"),
    [
        ({"drop_headers": CREDENTIALS}, 'ShadowMiddleware(drop_headers= without "authorization")'),
        ({"allow_headers": ["accept"]}, 'ShadowMiddleware(allow_headers=[..., "authorization"])'),
    ],
)
@pytest.mark.parametrize(
    "refusal", [(401, []), (403, [(b"Content-Type", b"application/json")]), (303, [(b"LOCATION", b"/login?next=/me")])]
)
async def test_an_app_that_was_not_given_the_credentials_is_not_to_blame(autojump_clock, lists, remedy, refusal):
    app = ShadowMiddleware(knows_tokens(), shadow=knows_tokens(*refusal), **lists)
    assert await withheld(app) == [("shadow", ("authorization",), remedy, 1)]
    found = app.shadower.scorecard(UNTIMED)
    assert (found.decision, found.withheld[0].operation) == (Decision.HOLD, "GET /me")
    assert remedy in found.reasons[0]


async def test_an_app_that_was_given_all_is_compared(autojump_clock):
    never = knows_tokens()

    @http_app
    async def refuses(scope, receive, send):
        await never({**scope, "headers": []}, receive, send)

    app = ShadowMiddleware(knows_tokens(), shadow=refuses)
    assert await withheld(app) == []
    assert app.shadower.scorecard().operations[0].fields[0].field == "$.error"


async def test_an_app_that_answers_as_the_primary_does_lacks_nothing(autojump_clock):
    app = ShadowMiddleware(knows_tokens(), shadow=knows_tokens(), drop_headers=CREDENTIALS)
    assert await withheld(app, scope_for("/me")) == []
    assert app.shadower.scorecard().operations[0].compared == 1


async def test_a_backend_of_the_users_own_is_named_as_such(autojump_clock):
    shadower = Shadower(served_by_edge, AsgiBackend(knows_tokens(), drop_headers=["auth*"]))
    app = ShadowMiddleware(knows_tokens(), shadower=shadower)
    async with shadower:
        await ask(app, scope_for("/me", headers=[TOKEN]))
        await shadower.wait_idle()
    assert shadower.scorecard().withheld[0].remedy == 'AsgiBackend(drop_headers= without "authorization")'


async def test_an_answer_of_the_app_that_is_too_large_may_refuse_all_the_same(autojump_clock):
    shadow = AsgiBackend(knows_tokens(403, body=b"x" * 99), max_body_bytes=50, drop_headers=CREDENTIALS)
    found = await withheld(ShadowMiddleware(knows_tokens(), shadow=shadow))
    assert [one[:2] for one in found] == [("shadow", ("authorization",))]


async def test_an_app_that_raises_before_it_answers_has_refused_nothing(autojump_clock):
    @http_app
    async def raises(scope, receive, send):
        raise OSError

    assert await withheld(ShadowMiddleware(knows_tokens(), shadow=raises, drop_headers=CREDENTIALS)) == []


# ── beside a reverse proxy ──────────────────────────────────────────────────────────────────────────────────────────


@contextlib.asynccontextmanager
async def client_of(asked):
    async def answer(request):
        await trio.lowlevel.checkpoint()
        asked.append(request)
        known = "authorization" in request.headers
        return httpx.Response(200 if known else 401, content=b"me" if known else b"who?")

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        yield client


async def test_a_secondary_at_the_primarys_own_origin_gets_what_that_gets(autojump_clock, caplog):
    old, new, again, twin = [], [], [], []
    async with client_of(old) as one, client_of(new) as two, client_of(again) as three, client_of(twin) as four:
        for asked, client, url, sides in (
            (again, three, "http://OLD.test:80/v2", ["shadow"]),
            (twin, four, "http://twin.test", ["secondary", "shadow"]),
            (twin, four, "https://old.test", ["secondary", "shadow"]),
        ):
            app = ShadowMiddleware(
                ReverseProxy(one, "http://old.test"),
                shadow=HttpBackend(two, "http://new.test"),
                secondary=HttpBackend(client, url),
                config=PAIRED,
            )
            # What a client says of the host decides nothing.
            scope = scope_for("/me", headers=[TOKEN, (b"host", b"new.test")])
            assert sorted(side for side, *_ in await withheld(app, scope)) == sides
            assert ("authorization" in asked[-1].headers) is (len(sides) == 1)
    assert "authorization" in old[0].headers
    assert "authorization" not in new[0].headers
    assert "http://old.test" not in caplog.text
