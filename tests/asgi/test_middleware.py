"""ShadowMiddleware and AsgiBackend, message by message: a server of this file's own, in the virtual clock. Real servers
and frameworks are in test_real.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import gzip
import threading
import types

import pytest
import trio
import trio.testing

from trioshadow import BodyTooLarge, DivergenceLog, FailureKind, ResponseRecord, ShadowConfig, Shadower, in_shadow
from trioshadow.asgi import AsgiBackend, ShadowMiddleware, _middleware
from trioshadow.asgi._request import request_of
from trioshadow.http import HttpRequest, served_by_edge
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import counts, held_back, rows
from tests.support.asgi_server import ANY, JSON, Lifespan, Route, answering, ask, http_app, scope_for, whole


async def test_the_answer_is_the_apps_and_the_shadow_is_asked_beside_it(autojump_clock):
    app = ShadowMiddleware(answering(b'{"n":1}'), shadow=answering(b'{"n":2}'))
    async with Lifespan(app) as lifespan:
        sent = await ask(app, scope_for("/users/42"))
        assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
        assert sent[1]["body"] == b'{"n":1}'
    assert lifespan.sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    (record,) = app.shadower.divergences()
    assert record.operation == "GET /users/{id}"
    assert str(record.divergence) == "body: $.n changed"


async def test_every_message_passes_as_it_is(autojump_clock):
    body = bytearray(b"ab")
    messages = [
        {"type": "http.response.early_hint", "links": [b"</x>; rel=preload"]},
        {"type": "http.response.start", "status": 200, "headers": [[b"X-Case", b"1"]], "trailers": True},
        {"type": "http.response.body", "body": body, "more_body": True},
        {"type": "http.response.body", "more_body": True},
        {"type": "http.response.body", "body": memoryview(b"c"), "more_body": False},
        {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False},
    ]

    @http_app
    async def app(scope, receive, send):
        for message in messages:
            await send(message)
        body[:] = b"xx"  # its buffer is its own again

    shadow = ScriptedBackend(Answer(ResponseRecord(b"abc", headers={"x-case": "1"})))
    middleware = ShadowMiddleware(app, shadow=shadow)
    async with Lifespan(middleware):
        sent = await ask(middleware, scope_for())
        assert all(got is given for got, given in zip(sent, messages, strict=True))
    assert counts(middleware.shadower) == {"matched": 1}


async def test_the_client_waits_for_nothing_but_the_app(autojump_clock):
    app = ShadowMiddleware(answering(after=1), shadow=ScriptedBackend(Hang()), config=ShadowConfig(drain_timeout=0))
    async with Lifespan(app):
        await ask(app, scope_for())
        assert trio.current_time() == 1
    assert counts(app.shadower) == {"abandoned": 1}


async def test_a_leg_starts_when_the_body_is_complete_and_counts_from_there(autojump_clock):
    @http_app
    async def slow_upload(scope, receive, send):
        await receive()
        await trio.sleep(7)
        await receive()
        await answering(after=0.5)(scope, lambda: _complete(), send)

    async def _complete():
        return {"type": "http.request"}

    shadow = ScriptedBackend(Answer(ResponseRecord(b"other"), after=0.25))
    app = ShadowMiddleware(slow_upload, shadow=shadow, config=ANY)
    async with Lifespan(app):
        await ask(app, scope_for("/u", "PUT", [(b"transfer-encoding", b"chunked")]), whole(b"one", b"two"))
    (record,) = app.shadower.divergences()
    assert (record.primary_seconds, record.shadow_seconds) == (0.5, 0.25)
    (copy,) = shadow.requests
    assert (copy.method, copy.url, copy.body) == ("PUT", "/u", b"onetwo")


async def test_a_body_is_complete_with_its_length_though_the_app_reads_no_further(autojump_clock):
    @http_app
    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    shadow = ScriptedBackend(Answer(ResponseRecord(b"")))
    middleware = ShadowMiddleware(app, shadow=shadow, config=ANY)
    async with Lifespan(middleware):
        scope = scope_for(method="POST", headers=[(b"content-length", b"3")])
        await ask(middleware, scope, [{"type": "http.request", "body": b"abc", "more_body": True}, *whole(b"")])
    assert counts(middleware.shadower) == {"matched": 1}
    assert shadow.requests[0].body == b"abc"


async def test_an_answer_may_come_before_the_request_is_complete(autojump_clock):
    @http_app
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})
        await receive()

    middleware = ShadowMiddleware(app, shadow=ScriptedBackend(Answer(ResponseRecord(b"other"))), config=ANY)
    async with Lifespan(middleware):
        await ask(middleware, scope_for("/x", "POST", [(b"content-length", b"3")]), whole(b"abc"))
    assert [record.operation for record in middleware.shadower.divergences()] == ["POST /x"]


async def test_a_request_without_a_whole_copy_is_held_back(autojump_clock):
    @http_app
    async def reads_nothing(scope, receive, send):
        if scope["path"] == "/half":
            await receive()
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body"})

    shadow = ScriptedBackend(Hang())
    app = ShadowMiddleware(reads_nothing, shadow=shadow, config=ANY, max_body_bytes=4)
    async with Lifespan(app):
        await ask(app, scope_for("/", "POST", [(b"content-length", b"3")]), whole(b"abc"))
        await ask(app, scope_for("/half", "POST", [(b"transfer-encoding", b"chunked")]), whole(b"abc", b"d"))
        await ask(app, scope_for("/half", "POST", [(b"transfer-encoding", b"chunked")]), whole(b"abcde"))
        await ask(app, scope_for("/", "POST", [(b"content-length", b"5")]), whole(b"abcde"))
    assert held_back(app.shadower) == {"incomplete": 4}
    assert shadow.requests == []


async def test_unsafe_methods_and_copies_are_held_back(autojump_clock):
    shadow = ScriptedBackend(Answer(ResponseRecord(b"{}", headers=[JSON])))
    app = ShadowMiddleware(answering(), shadow=shadow)
    async with Lifespan(app):
        await ask(app, scope_for(method="POST"))
        await ask(app, scope_for(method="POST", headers=[(b"content-length", b"1")]), whole(b"x"))
        await ask(app, scope_for(headers=[(b"x-shadow", b"1")]))
        await ask(app, scope_for(method="POST", headers=[(b"x-shadow", b"1"), (b"content-length", b"1")]), whole(b"x"))
        await ask(app, scope_for())
    assert held_back(app.shadower) == {"not_allowed": 2, "marked": 2}
    assert len(shadow.requests) == 1


async def test_what_is_not_sampled_passes_through_with_the_servers_own_functions(autojump_clock):
    seen = []

    @http_app
    async def app(scope, receive, send):
        seen.append((scope, receive, send))

    middleware = ShadowMiddleware(app, shadow=ScriptedBackend(Hang()), config=ShadowConfig(sample_rate=0))
    async with Lifespan(middleware):
        args = scope_for(method="PUT", headers=[(b"content-length", b"1")]), object(), object()
        await middleware(*args)
        assert seen == [args]
        assert "trioshadow" not in args[0]
        websocket = {"type": "websocket", "path": "/"}, object(), object()
        await middleware(*websocket)
        assert seen[1] == websocket
    assert counts(middleware.shadower) == {"not_sampled": 1}


def scopes_of_any_kind():
    for number in range(60):
        yield scope_for(f"/users/{number}")
        yield scope_for(f"/a%2Fb/{number}", query_string=b"page=%d" % number)
        yield scope_for(f"/users/{number}", headers=[(b"X-Shadow", b"1")])
        yield scope_for(f"/users/{number}", method="POST")
        yield scope_for(f"/caf\u00e9/{number}", raw_path=None)
        yield scope_for("", raw_path=b"/caf\xc3\xa9/%d" % number, root_path="/api")


async def test_what_is_left_out_by_its_head_is_what_would_be_left_out_by_the_request(autojump_clock, monkeypatch):
    made = []
    monkeypatch.setattr(_middleware, "request_of", lambda scope, served_by: made.append(scope) or request_of(scope))
    found = []
    for key in (None, HttpRequest.__trioshadow_key__):  # who names a key gets to see the whole request
        shadow = ScriptedBackend(Answer(ResponseRecord(b"{}", headers=[JSON])))
        app = ShadowMiddleware(answering(), shadow=shadow, config=ShadowConfig(sample_rate=0.3, key=key))
        made.clear()
        async with Lifespan(app):
            for scope in scopes_of_any_kind():
                await ask(app, scope)
        found.append((counts(app.shadower), held_back(app.shadower), rows(app.shadower)))
        looked_at = len(made)
        if key is None:
            counted = counts(app.shadower)
            assert looked_at == counted["matched"] + counted["held_back"] == 360 - counted["not_sampled"]
        else:
            assert looked_at == 360
    assert found[0] == found[1]


async def test_an_app_can_say_that_its_answer_is_not_to_be_compared(autojump_clock):
    @http_app
    async def app(scope, receive, send):
        scope["trioshadow"].abandon()
        await answering()(scope, receive, send)

    middleware = ShadowMiddleware(app, shadow=ScriptedBackend(Answer(ResponseRecord(b"{}"))), config=ANY)
    async with Lifespan(middleware):
        await ask(middleware, scope_for())
        await ask(middleware, scope_for(method="POST", headers=[(b"content-length", b"1")]), whole(b"x"))
    assert counts(middleware.shadower) == {"abandoned": 2}


async def test_an_app_can_say_so_from_a_thread_and_too_late(autojump_clock):
    handles = []

    @http_app
    async def app(scope, receive, send):
        handles.append(scope["trioshadow"])
        if scope["path"] == "/early":
            thread = threading.Thread(target=handles[0].abandon)
            thread.start()
            thread.join()
            await trio.testing.wait_all_tasks_blocked()
        await answering()(scope, receive, send)

    shadow = ScriptedBackend(Answer(ResponseRecord(b"{}", headers=[JSON])))
    middleware = ShadowMiddleware(app, shadow=shadow)
    async with Lifespan(middleware):
        await ask(middleware, scope_for("/early"))
        await ask(middleware, scope_for("/late"))
        handles[1].abandon()
    assert counts(middleware.shadower) == {"abandoned": 1, "matched": 1}


@pytest.mark.parametrize("where", ["before", "between"])
async def test_what_an_app_raises_leaves_as_itself_and_is_compared_with_what_a_shadow_app_raises(autojump_clock, where):
    error = ValueError("mine")

    @http_app
    async def app(scope, receive, send):
        if where == "between":
            await send({"type": "http.response.start", "status": 200})
        raise error

    middleware = ShadowMiddleware(app, shadow=app)
    async with Lifespan(middleware):
        with pytest.raises(ValueError, match="mine") as caught:
            await ask(middleware, scope_for())
        assert caught.value is error
    assert counts(middleware.shadower) == {"matched": 1}


async def test_over_the_wire_what_an_app_raises_is_nothing_to_compare_with(autojump_clock):
    @http_app
    async def app(scope, receive, send):
        if scope["path"] == "/later":
            await send({"type": "http.response.start", "status": 200})
        raise ValueError

    middleware = ShadowMiddleware(app, shadow=ScriptedBackend(Answer(ResponseRecord(b"", status=500))))
    async with Lifespan(middleware):
        for path in ("/", "/later"):
            with pytest.raises(ValueError):
                await ask(middleware, scope_for(path))
    assert counts(middleware.shadower) == {"abandoned": 2}


async def test_a_framework_that_answers_500_and_then_raises_matches_itself(autojump_clock):
    @http_app
    async def app(scope, receive, send):
        await answering(b"Internal Server Error", 500)(scope, receive, send)
        raise ValueError

    middleware = ShadowMiddleware(app, shadow=app)
    async with Lifespan(middleware):
        with pytest.raises(ValueError):
            await ask(middleware, scope_for())
    assert counts(middleware.shadower) == {"matched": 1}


async def test_an_app_that_ends_without_an_answer_abandons(autojump_clock):
    @http_app
    async def app(scope, receive, send):
        await trio.lowlevel.checkpoint()

    middleware = ShadowMiddleware(app, shadow=ScriptedBackend(Answer(ResponseRecord(b""))))
    async with Lifespan(middleware):
        assert await ask(middleware, scope_for()) == []
    assert counts(middleware.shadower) == {"abandoned": 1}


async def test_a_client_that_goes_away_abandons(autojump_clock):
    middleware = ShadowMiddleware(answering(after=5), shadow=ScriptedBackend(Answer(ResponseRecord(b""))))

    async def gone(message):
        raise OSError("the client has gone")

    async def receive():
        return {"type": "http.request"}

    async with Lifespan(middleware):
        with pytest.raises(OSError, match="the client has gone"):
            await middleware(scope_for(), receive, gone)
        with trio.move_on_after(1):
            await ask(middleware, scope_for())
        await middleware.shadower.wait_idle()
        assert counts(middleware.shadower) == {"abandoned": 2}
        assert trio.current_time() == 1


@pytest.mark.parametrize(
    "message",
    [
        {"type": "http.response.pathsend", "path": "/file"},
        {"type": "http.response.zerocopysend", "file": 1},
        {"type": "http.response.body", "body": "text"},
        {"type": "http.response.body", "body": bytes(101)},
    ],
    ids=str,
)
async def test_a_body_that_cannot_be_copied_is_sent_and_the_leg_abandoned(autojump_clock, message):
    @http_app
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": iter([JSON])})
        await send(message)

    middleware = ShadowMiddleware(app, shadow=ScriptedBackend(Answer(ResponseRecord(b""))), max_body_bytes=100)
    async with Lifespan(middleware):
        start, body = await ask(middleware, scope_for())
        assert start["headers"] == [JSON]
        assert body is message
    assert counts(middleware.shadower) == {"abandoned": 1}


@pytest.mark.parametrize(
    "headers",
    [iter([JSON]), [iter(JSON)], (JSON,), {JSON: None}.keys()],
    ids=["iterator", "iterator in a list", "tuple", "view"],
)
async def test_headers_that_can_be_read_once_reach_the_server(autojump_clock, headers):
    @http_app
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    shadow = ScriptedBackend(Answer(ResponseRecord(b"{}", headers=[JSON])))
    middleware = ShadowMiddleware(app, shadow=shadow)
    async with Lifespan(middleware):
        start, _ = await ask(middleware, scope_for())
        assert [tuple(pair) for pair in start["headers"]] == [JSON]
    assert counts(middleware.shadower) == {"matched": 1}


async def test_a_stream_of_events_is_given_up_at_once(autojump_clock):
    events = answering(b"data: 1", headers=[(b"content-type", b"text/event-stream")], after=60)
    middleware = ShadowMiddleware(events, shadow=ScriptedBackend(Hang()))
    async with Lifespan(middleware), trio.open_nursery() as nursery:
        nursery.start_soon(ask, middleware, scope_for())
        await trio.sleep(0.5)
        assert counts(middleware.shadower) == {"abandoned": 1}
        nursery.cancel_scope.cancel()


async def test_in_http_2_a_body_that_was_not_announced_abandons(autojump_clock):
    shadow = ScriptedBackend(Answer(ResponseRecord(b"{}", headers=[JSON])))
    app = ShadowMiddleware(answering(), shadow=shadow, config=ANY)
    async with Lifespan(app):
        await ask(app, scope_for(http_version="2"), whole(b"surprise"))
        await ask(app, scope_for(http_version="2"), [{"type": "http.disconnect"}])
        await ask(app, scope_for(http_version="2", method="PUT"), whole(b"announced", b""))
    assert counts(app.shadower) == {"abandoned": 1, "matched": 2}
    assert [request.body for request in shadow.requests] == [b"", b"announced"]


async def test_a_scope_that_is_not_as_it_should_be_is_served(autojump_clock, caplog):
    app = ShadowMiddleware(answering(), shadow=ScriptedBackend(Hang()))
    async with Lifespan(app):
        scope = scope_for()
        del scope["headers"]
        assert len(await ask(app, scope)) == 2
    assert counts(app.shadower) == {}
    assert "a request could not be looked at (KeyError): not mirrored" in caplog.text


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({"raw_path": None, "path": "/a b/ü%", "query_string": b"x=%20"}, "/a%20b/%C3%BC%25?x=%20"),
        ({"raw_path": b"/a%2fb#c"}, "/a%2fb#c"),
        ({"raw_path": b"/\xc3\xbc\xff"}, "/%C3%BC%FF"),
        ({"raw_path": b"http://api.test/x"}, "http://api.test/x"),
        ({"raw_path": b"*", "method": "OPTIONS"}, "*"),
        ({"headers": [(b"host", b"evil/admin?")]}, "/"),
    ],
    ids=str,
)
async def test_the_target_is_the_servers_and_the_host_header_decides_nothing(autojump_clock, changes, url):
    shadow = ScriptedBackend(Answer(ResponseRecord(b"{}", headers=[JSON])))
    app = ShadowMiddleware(answering(), shadow=shadow)
    async with Lifespan(app):
        await ask(app, {**scope_for(), **changes})
    (request,) = shadow.requests
    assert request.target == request.url == url
    assert request.origin is None


# ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("route", "root_path", "name"),
    [
        ("/users/{user_id}", "", "GET /users/{user_id}"),
        ("/files/{path:path}", "", "GET /files/{path}"),
        ("/users/{user_id}", "/api/7", "GET /api/{id}/users/{user_id}"),
        (None, "", "GET /users/{id}"),
        ("/things/{user_id}", "/api", "GET /api/things/{user_id}"),
        ("/things/{thing}", "/api", "GET /{user_id}/things/{thing}"),
    ],
)
async def test_an_operation_is_called_by_its_route(autojump_clock, route, root_path, name):
    @http_app
    async def app(scope, receive, send):
        scope["path_params"] = {"user_id": "api"}
        scope["route"] = Route(route)
        scope["root_path"] += root_path
        await answering()(scope, receive, send)

    middleware = ShadowMiddleware(app, shadow=ScriptedBackend(Answer(ResponseRecord(b"other"))))
    async with Lifespan(middleware):
        await ask(middleware, scope_for("/users/42", root_path="/mounted"))
    assert [record.operation for record in middleware.shadower.divergences()] == [name]


async def test_templates_are_bounded_and_paths_do_not_use_them_up(autojump_clock):
    @http_app
    async def app(scope, receive, send):
        if not scope["path"].startswith("/wild"):
            scope["route"] = Route(scope["path"].rpartition("/")[0] + "/{slug}")
        await answering()(scope, receive, send)

    config = ShadowConfig(max_in_flight=10_000)
    log = DivergenceLog(1000)
    middleware = ShadowMiddleware(app, shadow=ScriptedBackend(Answer(ResponseRecord(b""))), config=config, log=log)
    async with Lifespan(middleware):
        for number in range(600):
            await ask(middleware, scope_for(f"/articles/title-{number}"))
        for number in range(600):
            await ask(middleware, scope_for(f"/wild/x{number}y"))
    names = {record.operation for record in log.snapshot()}
    assert len(names) == 501
    assert {"GET /articles/{slug}", "(other)"} < names


async def test_the_shadow_gets_the_context_of_the_request_and_not_what_the_app_set_in_it(autojump_clock):
    variable = contextvars.ContextVar("variable", default="unset")
    seen = []

    @http_app
    async def app(scope, receive, send):
        variable.set("the app's session")
        await answering()(scope, receive, send)

    async def shadow(request):
        seen.append(variable.get())
        return ResponseRecord(b"{}", headers=[JSON])

    middleware = ShadowMiddleware(app, shadow=shadow, config=ANY)
    async with Lifespan(middleware), trio.open_nursery() as nursery:
        variable.set("the request's")
        for scope in (scope_for(), scope_for(method="PUT", headers=[(b"content-length", b"1")])):
            nursery.start_soon(ask, middleware, scope, whole(b"x"))
    assert seen == ["the request's"] * 2


async def test_an_app_that_raises_has_a_name(autojump_clock):
    @http_app
    async def app(scope, receive, send):
        scope["route"] = Route("/users/{user_id}")
        raise ValueError

    middleware = ShadowMiddleware(app, shadow=answering())
    async with Lifespan(middleware):
        with pytest.raises(ValueError):
            await ask(middleware, scope_for("/users/42"))
    assert [record.operation for record in middleware.shadower.divergences()] == ["GET /users/{user_id}"]


async def test_an_app_that_abandons_does_so_for_every_middleware_around_it(autojump_clock):
    @http_app
    async def app(scope, receive, send):
        scope["trioshadow"].abandon()
        await answering()(scope, receive, send)

    inner = ShadowMiddleware(app, shadow=ScriptedBackend(Answer(ResponseRecord(b""))))
    outer = ShadowMiddleware(inner, shadow=ScriptedBackend(Answer(ResponseRecord(b""))))
    async with Lifespan(outer):
        await ask(outer, scope_for())
    assert counts(inner.shadower) == counts(outer.shadower) == {"abandoned": 1}


async def test_odd_heads_are_requests_all_the_same(autojump_clock):
    shadow = ScriptedBackend(Answer(ResponseRecord(b"{}", headers=[JSON])))
    app = ShadowMiddleware(answering(), shadow=shadow, config=ANY)
    async with Lifespan(app):
        await ask(app, {**scope_for(), "raw_path": b"", "path": ""})
        await ask(app, scope_for(headers=[(b"content-length", b"9" * 5000)]), whole(b"x"))
        await ask(app, scope_for(headers=[(b"content-length", b"x")]), whole(b"x"))
    assert counts(app.shadower) == {"matched": 3}
    assert shadow.requests[0].target == "/"


async def test_a_framework_with_a_map_of_urls_is_asked(autojump_clock):
    class App:
        """As Quart's and Flask's."""

        class url_map:  # noqa: N801
            @staticmethod
            def bind(server):
                return App.url_map

            @staticmethod
            def match(path, method, *, return_rule):
                assert (path, method, return_rule) == ("/users/42", "GET", True)
                return types.SimpleNamespace(rule="/users/<int:id>/<name>"), {"id": 42}

        async def __call__(self, scope, receive, send):
            await answering()(scope, receive, send)

    for app in (App(), App().__call__):
        middleware = ShadowMiddleware(app, shadow=ScriptedBackend(Answer(ResponseRecord(b"other"))))
        async with Lifespan(middleware):
            await ask(middleware, scope_for("/users/42"))
            await ask(middleware, scope_for("/elsewhere"))
        assert sorted(record.operation for record in middleware.shadower.divergences()) == [
            *("GET /elsewhere", "GET /users/{id}/{name}"),
        ]


# ── the lifespan ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_legs_are_drained_before_the_app_hears_of_the_shutdown(autojump_clock):
    heard = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            heard.append((trio.current_time(), counts(middleware.shadower)))
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await answering()(scope, receive, send)

    shadow = ScriptedBackend(Answer(ResponseRecord(b"{}", headers=[JSON]), after=1.5))
    middleware = ShadowMiddleware(app, shadow=shadow)
    async with Lifespan(middleware):
        await ask(middleware, scope_for())
    assert heard == [(1.5, {"matched": 1})]


async def test_an_app_without_a_lifespan_gets_one(autojump_clock, caplog):
    async def raises(scope, receive, send):
        assert scope["type"] == "http"
        await answering()(scope, receive, send)

    async def returns(scope, receive, send):
        if scope["type"] == "http":
            await answering()(scope, receive, send)

    async def raises_when_asked(scope, receive, send):
        if scope["type"] == "http":
            await answering()(scope, receive, send)
        raise ValueError((await receive())["type"])

    async def leaves_early(scope, receive, send):
        if scope["type"] == "http":
            await answering()(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})

    for app in (raises, returns, raises_when_asked, leaves_early):
        middleware = ShadowMiddleware(app, shadow=app)
        async with Lifespan(middleware) as lifespan:
            if app is not raises_when_asked:
                await ask(middleware, scope_for())
        assert lifespan.sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert counts(middleware.shadower) == ({} if app is raises_when_asked else {"matched": 1})
    assert "the app has no lifespan of its own (AssertionError)" in caplog.text
    assert "the app has no lifespan of its own (ValueError)" in caplog.text


async def test_an_app_that_cannot_start_fails_as_without_the_middleware(autojump_clock):
    error = ValueError("no database")

    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        raise error

    middleware = ShadowMiddleware(app, shadow=ScriptedBackend(Hang()))
    sent = []

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        sent.append(message["type"])

    with pytest.raises(ValueError, match="no database") as caught:
        await middleware({"type": "lifespan"}, receive, send)
    assert caught.value is error
    assert sent == ["lifespan.startup.failed"]
    assert not middleware.shadower.running


async def test_an_app_that_says_that_it_cannot_start_and_returns_is_not_waited_for(autojump_clock):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed"})

    async def receive():
        if sent:
            await trio.sleep_forever()
        return {"type": "lifespan.startup"}

    async def send(message):
        sent.append(message["type"])

    sent = []
    await ShadowMiddleware(app, shadow=answering())({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.failed"]


async def test_a_crash_in_the_apps_lifespan_is_heard_of_at_once(autojump_clock):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await answering()(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await trio.sleep(1)
        raise ValueError("mine")

    middleware = ShadowMiddleware(app, shadow=ScriptedBackend(Hang()), config=ShadowConfig(shadow_timeout=60))
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="mine")):
        async with Lifespan(middleware):
            await ask(middleware, scope_for())
            await trio.sleep_forever()
    assert trio.current_time() == 1
    assert counts(middleware.shadower) == {"abandoned": 1}


async def test_a_server_that_cancels_the_lifespan_ends_everything(autojump_clock):
    middleware = ShadowMiddleware(answering(), shadow=answering())
    with trio.move_on_after(3):
        async with Lifespan(middleware):
            await trio.sleep_forever()
    assert trio.current_time() == 3
    assert not middleware.shadower.running


async def test_an_application_can_be_started_again(autojump_clock):
    middleware = ShadowMiddleware(answering(), shadow=answering())
    for _ in range(2):
        async with Lifespan(middleware), Lifespan(middleware):  # a second server before the same app
            await ask(middleware, scope_for())
        assert counts(middleware.shadower) == {"matched": 1}


async def test_without_a_lifespan_the_app_is_served_and_that_is_said_once(autojump_clock, caplog):
    middleware = ShadowMiddleware(answering(), shadow=answering(), name="orders")
    for method in ("GET", "GET", "PUT"):
        await ask(middleware, scope_for(method=method, headers=[(b"content-length", b"1")]), whole(b"x"))
    assert counts(middleware.shadower) == {"closed": 3}
    assert caplog.text.count("requests are served and not mirrored: the server ran no lifespan") == 1


async def test_without_a_lifespan_nothing_is_left_out_by_a_sampler_that_does_not_run(autojump_clock):
    middleware = ShadowMiddleware(answering(), shadow=answering(), config=ShadowConfig(sample_rate=0.5))
    for number in range(20):
        await ask(middleware, scope_for(f"/{number}"))
    assert counts(middleware.shadower) == {"closed": 20}


def test_on_asyncio_the_app_is_served_and_nothing_else_happens(caplog):
    async def app(scope, receive, send):
        await send(scope["type"])

    async def main():
        sent = []

        async def send(message):
            sent.append(message)

        middleware = ShadowMiddleware(app, shadow=app)
        await middleware({"type": "lifespan"}, None, send)
        await middleware(scope_for(), None, send)
        await middleware(scope_for(method="POST", headers=[(b"content-length", b"1")]), None, send)
        assert sent == ["lifespan", "http", "http"]
        assert counts(middleware.shadower) == {"closed": 2}

    asyncio.run(main())
    assert caplog.text.count("requests are served and not mirrored: the server does not run on Trio") == 1


async def test_an_application_may_enter_a_shadower_itself(autojump_clock):
    async with Shadower(served_by_edge, AsgiBackend(answering()), name="own") as shadower:
        middleware = ShadowMiddleware(answering(), shadower=shadower)
        async with Lifespan(middleware):
            await ask(middleware, scope_for())
        assert middleware.shadower is shadower
        assert shadower.running
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}


async def test_an_app_on_asyncio_in_a_worker_thread_has_its_leg_too(autojump_clock):
    handles = []

    async def app(scope, receive, send):
        handles.append(scope.get("trioshadow"))
        await receive()
        handles[0].abandon()

    async def receive():
        return {"type": "http.request"}

    async with Shadower(served_by_edge, AsgiBackend(answering()), ANY) as shadower:
        middleware = ShadowMiddleware(app, shadower=shadower)
        scope = scope_for(method="POST", headers=[(b"content-length", b"1")])
        await trio.to_thread.run_sync(asyncio.run, middleware(scope, receive, None))
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 1}


def test_a_middleware_is_validated():
    for neither_or_both in ({}, {"shadow": answering(), "shadower": Shadower(served_by_edge, served_by_edge)}):
        with pytest.raises(TypeError, match="give either shadow="):
            ShadowMiddleware(answering(), **neither_or_both)
    for own in ({"config": ANY}, {"name": "x"}, {"log": DivergenceLog()}, {"sinks": [print]}):
        with pytest.raises(TypeError, match=f"give {next(iter(own))} to the shadower that you enter yourself"):
            ShadowMiddleware(answering(), shadower=Shadower(served_by_edge, served_by_edge), **own)
    with pytest.raises(TypeError, match="shadow must be a Backend"):
        ShadowMiddleware(answering(), shadow=3)
    with pytest.raises(TypeError, match="app must be an ASGI app, not int"):
        AsgiBackend(3)


async def test_what_is_an_app_and_what_is_a_backend(autojump_clock):
    async def backend(request):
        return ResponseRecord(b"{}", headers=[JSON])

    class App:
        async def __call__(self, scope, receive, send):
            await answering()(scope, receive, send)

    for shadow in (backend, ScriptedBackend(Answer(await backend(None))), App(), functools.partial(answering())):
        middleware = ShadowMiddleware(answering(), shadow=shadow)
        async with Lifespan(middleware):
            await ask(middleware, scope_for())
        assert counts(middleware.shadower) == {"matched": 1}


# ── an app as a backend ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_app_answers_as_a_backend(autojump_clock):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)
        seen.append(await receive())
        await send({"type": "http.response.start", "status": 201, "headers": [(b"X-A", b"1")]})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})
        await send({"type": "http.response.trailers", "headers": []})
        seen.append(await receive())

    record = await AsgiBackend(app).call(HttpRequest("POST", "https://h:8443/a%2fb?q", {"X-B": "1", "TE": "x"}, b"in"))
    assert record == ResponseRecord(b"ab", status=201, headers={"x-a": "1"})
    scope, body, gone = seen
    assert scope["path"] == "/a/b"
    assert scope["raw_path"] == b"/a%2fb"
    assert scope["query_string"] == b"q"
    assert scope["scheme"] == "https"
    assert scope["headers"] == [(b"x-b", b"1")]
    assert body == {"type": "http.request", "body": b"in", "more_body": False}
    assert gone == {"type": "http.disconnect"}


async def test_a_shadow_app_sees_the_request_as_the_app_did_and_the_mark(autojump_clock):
    scopes = []

    async def app(scope, receive, send):
        if scope["type"] == "http":
            scopes.append((scope, in_shadow()))
        await answering()(scope, receive, send)

    middleware = ShadowMiddleware(app, shadow=app)
    async with Lifespan(middleware):
        await ask(middleware, scope_for("/x", root_path="/api", http_version="2"))
    (first, in_first), (second, in_second) = scopes
    assert (in_first, in_second) == (False, True)
    for key in ("method", "scheme", "path", "raw_path", "query_string", "root_path", "http_version"):
        assert first[key] == second[key], key
    assert tuple(first["client"]) == second["client"]
    assert tuple(first["server"]) == second["server"]
    assert second["headers"] == [*first["headers"], (b"x-shadow", b"1")]


async def test_a_shadow_apps_body_is_inflated_and_limited(autojump_clock):
    packed = answering(gzip.compress(b"x" * 50), headers=[(b"content-encoding", b"gzip")])
    assert (await AsgiBackend(packed, max_body_bytes=50).call(HttpRequest("GET", "/"))).body == b"x" * 50

    async def endless(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        while True:
            await send({"type": "http.response.body", "body": bytes(60), "more_body": True})

    async def swallows(scope, receive, send):
        with contextlib.suppress(Exception):
            await endless(scope, receive, send)
        await trio.sleep_forever()

    for app in (endless, swallows):
        with pytest.raises(BodyTooLarge, match="the body has more than 100 bytes"):
            await AsgiBackend(app, max_body_bytes=100).call(HttpRequest("GET", "/"))
    async with Shadower(served_by_edge, AsgiBackend(endless, max_body_bytes=100)) as shadower:
        outcome = await shadower.start(HttpRequest("GET", "/")).primary_done(ResponseRecord(b"")).wait_settled()
        assert outcome.shadow_failed.kind is FailureKind.TOO_LARGE
        assert outcome.shadow_failed.message == "the body has more than 100 bytes"


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([], "the app ended without a complete answer"),
        ([{"type": "http.response.start", "status": 200}], "the app ended without a complete answer"),
        ([{"type": "http.response.body"}], "the app sent http.response.body out of turn"),
        ([{"type": "http.response.start", "status": 200}] * 2, "the app sent http.response.start out of turn"),
    ],
)
async def test_an_app_that_breaks_the_protocol_fails(autojump_clock, messages, error):
    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    with pytest.raises(RuntimeError, match=error):
        await AsgiBackend(app).call(HttpRequest("GET", "/"))


async def test_a_shadow_app_is_started_and_stopped_and_keeps_its_state(autojump_clock):
    happened = []

    async def app(scope, receive, send):
        if scope["type"] == "http":
            happened.append(dict(scope["state"]))
            scope["state"]["n"] = 0
            await answering()(scope, receive, send)
            return
        await receive()
        await trio.sleep(1)
        scope["state"]["n"] = 7
        await send({"type": "lifespan.startup.complete"})
        happened.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})

    async with AsgiBackend(app) as backend:
        await backend.call(HttpRequest("GET", "/"))
        assert trio.current_time() == 1
        await backend.call(HttpRequest("GET", "/"))
        with pytest.raises(RuntimeError, match="this backend is running already"):
            async with backend:
                pass
    assert happened == [{"n": 7}, {"n": 7}, "lifespan.shutdown"]


async def test_a_shadow_app_that_cannot_start_concerns_nobody_but_its_legs(autojump_clock):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        raise ValueError

    middleware = ShadowMiddleware(answering(), shadow=app)
    async with Lifespan(middleware) as lifespan:
        assert len(await ask(middleware, scope_for())) == 2
    assert lifespan.sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    (record,) = middleware.shadower.failures()
    assert record.failure.message == "the shadow app did not start: no database"


async def test_what_an_app_does_after_its_answer_does_not_time_it_out(autojump_clock):
    ends = []

    @http_app
    async def app(scope, receive, send):
        await answering()(scope, receive, send)
        try:
            await trio.sleep(float(scope["query_string"]))
        finally:
            ends.append(trio.current_time())

    config = ShadowConfig(shadow_timeout=1)
    async with Shadower(served_by_edge, AsgiBackend(app), config) as shadower:
        for seconds in ("0.5", "5"):
            leg = shadower.start(HttpRequest("GET", f"/?{seconds}"))
            await leg.primary_done(ResponseRecord(b"{}", headers=[JSON])).wait_settled()
        assert counts(shadower) == {"matched": 2}
        assert ends == [0.5, 0.5 + 0.9]
    await AsgiBackend(app).call(HttpRequest("GET", "/?7"))
    assert trio.current_time() == 0.5 + 0.9 + 7


async def test_a_shadow_app_whose_lifespan_leaves_a_nursery_open_concerns_nobody(autojump_clock):
    @http_app
    async def shadow(scope, receive, send):
        await answering()(scope, receive, send)

    async def corrupt(scope, receive, send):
        if scope["type"] == "lifespan":
            await trio.open_nursery().__aenter__()
        else:
            await shadow(scope, receive, send)

    middleware = ShadowMiddleware(answering(), shadow=corrupt)
    async with Lifespan(middleware) as lifespan:
        await ask(middleware, scope_for())
    assert lifespan.sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert counts(middleware.shadower) == {"matched": 1}


async def test_a_keyboard_interrupt_in_the_shadows_lifespan_reaches_the_server_as_itself(autojump_clock):
    async def interrupted(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await trio.sleep(1)
        raise KeyboardInterrupt

    async def receive():
        if sent:
            await trio.sleep_forever()
        return {"type": "lifespan.startup"}

    async def send(message):
        sent.append(message["type"])

    sent = []
    with pytest.raises(KeyboardInterrupt):
        await ShadowMiddleware(answering(), shadow=interrupted)({"type": "lifespan"}, receive, send)


async def test_cancelled_while_the_app_starts_the_server_sees_cancelled(autojump_clock):
    async def hangs(scope, receive, send):
        await trio.sleep_forever()

    async def main(app):
        try:
            await app({"type": "lifespan"}, trio.sleep_forever, None)
        except BaseException as exc:
            seen.append(type(exc))
            raise

    seen = []
    for app in (hangs, answering()):
        with trio.move_on_after(1):
            await main(ShadowMiddleware(app, shadow=hangs))
    with trio.CancelScope() as scope:
        scope.cancel()
        await main(ShadowMiddleware(answering(), shadow=hangs))
    assert seen == [trio.Cancelled] * 3


async def test_a_backend_that_the_application_runs_itself_is_left_to_it(autojump_clock):
    async with AsgiBackend(answering()) as backend:
        middleware = ShadowMiddleware(answering(), shadow=backend)
        async with Lifespan(middleware):
            await ask(middleware, scope_for())
        assert counts(middleware.shadower) == {"matched": 1}


async def test_a_shadow_app_that_will_not_stop_is_cancelled(autojump_clock):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await trio.sleep_forever()

    async with AsgiBackend(app):
        await trio.sleep(1)
    assert trio.current_time() == 6


async def test_a_shadow_app_that_ends_badly_concerns_nobody(autojump_clock):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise ValueError

    async with AsgiBackend(app):
        pass


async def test_a_keyboard_interrupt_in_a_shadow_apps_lifespan_passes(autojump_clock):
    async def app(scope, receive, send):
        raise KeyboardInterrupt

    with pytest.RaisesGroup(KeyboardInterrupt):
        async with AsgiBackend(app):
            await trio.sleep(1)


async def test_a_shadow_that_fails_is_a_record_and_nothing_else(autojump_clock):
    middleware = ShadowMiddleware(answering(), shadow=ScriptedBackend(Fail(OSError("refused"))))
    async with Lifespan(middleware):
        assert len(await ask(middleware, scope_for())) == 2
    assert counts(middleware.shadower) == {"failed": 1}
