"""HttpBackend with both client families: what is sent, what is read, and what stays behind. Mock transports and the
virtual clock; real servers are in test_real.py.
"""

from __future__ import annotations

import gzip
import math

import httpx
import httpx2
import pytest
import trio

from trioshadow import BodyTooLarge, FailureKind, ResponseRecord, ShadowConfig, Shadower
from trioshadow.http import HttpBackend, HttpRequest, served_by_edge

from tests.support.accounts import counts
from tests.support.httpx_server import Server


@pytest.fixture(params=[httpx, httpx2], ids=lambda library: library.__name__)
def library(request):
    return request.param


async def primary(request):
    await trio.lowlevel.checkpoint()
    return ResponseRecord(b"")


def names(request):
    return [name.lower() for name, _ in request.headers.raw]


async def test_a_request_goes_below_the_base_url_byte_for_byte(library, autojump_clock):
    server = Server(library)
    backend = HttpBackend(server.client(), "https://api.new/v2/")
    await backend.call(HttpRequest("PUT", "https://api.old/a%2fb?q=%5B", {"X-A": "1"}, b"body"))
    await backend.call(HttpRequest("GET", "/a#b"))
    sent, odd = server.requests
    assert odd.extensions["target"] == b"/v2/a#b"
    assert sent.method == "PUT"
    assert sent.url.host == "api.new"
    assert sent.extensions["target"] == b"/v2/a%2fb?q=%5B"
    assert sent.headers["host"] == "api.new"
    assert sent.headers["x-a"] == "1"
    assert sent.headers["content-length"] == "4"
    assert sent.content == b"body"


async def test_where_a_request_goes_without_a_base_url(library, autojump_clock):
    server = Server(library)
    backend = HttpBackend(server.client())
    await backend.call(HttpRequest("GET", "https://api.old/x"))
    await backend.call(HttpRequest("GET", "https://api.old/x", route="https://api.new/v2"))
    await backend.call(HttpRequest("OPTIONS", "*", route="https://api.new"))
    assert [str(request.url) for request in server.requests] == [
        *("https://api.old/x", "https://api.new/v2/x", "https://api.new/"),
    ]
    assert server.requests[2].extensions["target"] == b"*"
    with pytest.raises(ValueError, match="a request whose url is a target needs a backend with a base_url"):
        await backend.call(HttpRequest("GET", "/x"))


async def test_headers_about_the_connection_stay_behind(library, autojump_clock):
    server = Server(library, headers={"Connection": "x-hop", "X-Hop": "1", "Keep-Alive": "5", "X-Kept": "1"})
    headers = {"Connection": "close, x-own-hop", "x-own-hop": "1", "TE": "trailers", "Upgrade": "h2c", "Host": "old"}
    record = await HttpBackend(server.client(), "https://new").call(HttpRequest("GET", "/", headers))
    assert names(server.requests[0]) == [b"host", b"accept-encoding"]
    assert server.requests[0].headers["host"] == "new"
    assert record.headers == (("x-kept", "1"),)


async def test_the_host_goes_along_if_asked_for(library, autojump_clock):
    server = Server(library)
    await HttpBackend(server.client(), "https://new", preserve_host=True).call(HttpRequest("GET", "/", {"Host": "old"}))
    assert server.requests[0].headers.get_list("host") == ["old"]


async def test_what_a_client_adds_by_itself_is_not_sent_but_what_its_user_set_is(library, autojump_clock):
    server = Server(library)
    client = server.client(headers={"X-Key": "mine", "X-A": "client's"})
    await HttpBackend(client, "https://new").call(HttpRequest("GET", "/", {"x-a": "request's", "User-Agent": "theirs"}))
    headers = server.requests[0].headers
    assert headers["user-agent"] == "theirs"
    assert headers["x-key"] == "mine"
    assert headers.get_list("x-a") == ["request's"]
    assert "accept" not in headers


async def test_credentials_go_to_another_origin_only_if_they_are_named(library, autojump_clock, caplog):
    secrets = {"Authorization": "a", "Cookie": "b", "Proxy-Authorization": "c", "X-Api-Key": "d", "X-Other": "e"}
    server = Server(library)
    backend = HttpBackend(server.client(), "https://new", credentials=["Cookie"])
    await backend.call(HttpRequest("GET", "https://old/", secrets))
    await backend.call(HttpRequest("GET", "/", secrets))
    await backend.call(HttpRequest("GET", "https://NEW:443/", secrets))
    async with Shadower(primary, backend) as shadower:
        await shadower.call(HttpRequest("GET", "/", secrets))
    elsewhere, asked_for, same, in_a_leg = [set(names(request)) for request in server.requests]
    assert elsewhere == {b"host", b"cookie", b"x-other", b"accept-encoding"}
    assert in_a_leg == {*elsewhere, b"x-shadow"}
    assert asked_for == same == {b"host", b"accept-encoding", *(name.lower().encode() for name in secrets)}
    assert "the header authorization is not sent to https://new, another origin than that of the request" in caplog.text
    assert "secret" not in caplog.text


async def test_a_cookie_header_that_came_in_parts_goes_on_as_one(library, autojump_clock):
    server = Server(library)
    headers = [("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2")]
    await HttpBackend(server.client(), "https://new", credentials=["cookie"]).call(HttpRequest("GET", "/", headers))
    assert server.requests[0].headers.get_list("cookie") == ["a=1; b=2"]


async def test_headers_can_be_dropped_by_name_and_pattern(library, autojump_clock):
    server = Server(library)
    backend = HttpBackend(server.client(), "https://new", drop_headers=["Idempotency-Key", "x-b3-*"])
    await backend.call(HttpRequest("GET", "/", {"idempotency-key": "1", "X-B3-TraceId": "2", "x-b": "3"}))
    assert set(names(server.requests[0])) == {b"host", b"x-b", b"accept-encoding"}


async def test_the_clients_cookie_jar_is_neither_read_nor_filled(library, autojump_clock):
    server = Server(library, headers={"Set-Cookie": "sid=1"})
    client = server.client(cookies={"mine": "x"})
    record = await HttpBackend(client, "https://new").call(HttpRequest("GET", "/"))
    assert "cookie" not in server.requests[0].headers
    assert dict(client.cookies) == {"mine": "x"}
    assert record.headers == (("set-cookie", "sid=1"),)


async def test_redirects_are_answers(library, autojump_clock):
    server = Server(library, status_code=302, headers={"Location": "/elsewhere"})
    record = await HttpBackend(server.client(follow_redirects=True), "https://new").call(HttpRequest("GET", "/"))
    assert record.status == 302
    assert len(server.requests) == 1


async def test_only_codings_that_can_be_inflated_are_accepted(library, autojump_clock):
    server = Server(library)
    backend = HttpBackend(server.client(), "https://new")
    for accept in ("gzip;q=0.5, compress, identity", "compress"):
        await backend.call(HttpRequest("GET", "/", {"Accept-Encoding": accept}))
    await backend.call(HttpRequest("GET", "/"))
    assert [request.headers["accept-encoding"] for request in server.requests] == [
        *("gzip;q=0.5, identity", "identity", "identity"),
    ]


async def test_bodies_are_inflated_and_the_record_does_not_say_how_they_were_sent(library, autojump_clock):
    packed = gzip.compress(b"hello")
    headers = {"Content-Encoding": "gzip", "Content-Length": str(len(packed)), "X-A": "1"}
    for answer in ({"parts": [packed[:3], packed[3:]]}, {"content": packed}):
        server = Server(library, headers=headers, **answer)
        record = await HttpBackend(server.client(), "https://new").call(HttpRequest("GET", "/"))
        assert record == ResponseRecord(b"hello", headers={"x-a": "1"})


async def test_a_body_is_not_read_beyond_the_limit(library, autojump_clock):
    def endless():
        while True:
            yield bytes(40)

    answers = {
        "the body has more than 100 bytes": {"parts": endless()},
        "the body has 101 bytes, the limit is 100": {"parts": [], "headers": {"Content-Length": "101"}},
        "the body inflates to more than 100 bytes": {
            "parts": [gzip.compress(bytes(101))],
            "headers": {"Content-Encoding": "gzip"},
        },
    }
    for message, answer in answers.items():
        server = Server(library, **answer)
        with pytest.raises(BodyTooLarge, match=message):
            await HttpBackend(server.client(), "https://new", max_body_bytes=100).call(HttpRequest("GET", "/"))
        assert server.closed == 1
    large = Server(library, content=gzip.compress(bytes(101)), headers={"Content-Encoding": "gzip"})
    with pytest.raises(BodyTooLarge, match="the body has more than 100 bytes"):
        await HttpBackend(large.client(), "https://new", max_body_bytes=100).call(HttpRequest("GET", "/"))


async def test_the_answer_to_head_may_speak_of_a_body_of_any_length(library, autojump_clock):
    server = Server(library, parts=[], headers={"Content-Length": "101"})
    backend = HttpBackend(server.client(), "https://new", max_body_bytes=100)
    record = await backend.call(HttpRequest("HEAD", "/"))
    assert record == ResponseRecord(b"", headers={"content-length": "101"})


async def test_in_a_leg_the_copy_is_marked_and_the_legs_deadline_is_the_only_one(library, autojump_clock):
    drips = Server(library, parts=[b"x", 60.0, b"y"])
    backend = HttpBackend(drips.client(timeout=1), "https://new")
    async with Shadower(primary, backend, ShadowConfig(shadow_timeout=30)) as shadower:
        await shadower.call(HttpRequest("GET", "/"))
        await shadower.wait_idle()
        assert trio.current_time() == 30
        assert counts(shadower) == {"timed_out": 1}
    assert drips.closed == 1
    (sent,) = drips.requests
    assert sent.headers["x-shadow"] == "1"
    assert set(sent.extensions["timeout"].values()) == {None}


async def test_outside_a_leg_nothing_is_marked_and_the_clients_timeouts_count(library, autojump_clock):
    server = Server(library)
    backend = HttpBackend(server.client(timeout=7), "https://new")
    await backend.call(HttpRequest("GET", "/"))
    assert "x-shadow" not in server.requests[0].headers
    assert set(server.requests[0].extensions["timeout"].values()) == {7}


async def test_two_backends_and_a_shadower(library, autojump_clock):
    old, new = Server(library, json={"n": 1}), Server(library, json={"n": 2})
    async with Shadower(HttpBackend(old.client(), "https://old"), HttpBackend(new.client(), "https://new")) as shadower:
        outcome = await shadower.call(HttpRequest("GET", "/n"))
        assert outcome.primary.body == b'{"n":1}'
        assert str((await outcome.wait_settled()).divergence) == "body: $.n changed"
        await shadower.call(HttpRequest("POST", "/n"))
        await shadower.call(HttpRequest("GET", "/n", {"x-shadow": "1"}))
        await shadower.wait_idle()
        assert counts(shadower) == {"diverged": 1, "held_back": 2}
    assert len(new.requests) == 1
    assert len(old.requests) == 3


async def test_a_shadow_that_answers_too_much_is_too_large(library, autojump_clock):
    server = Server(library, parts=[bytes(101)])
    backend = HttpBackend(server.client(), "https://new", max_body_bytes=100)
    async with Shadower(primary, backend) as shadower:
        outcome = await (await shadower.call(HttpRequest("GET", "/"))).wait_settled()
        assert outcome.shadow_failed.kind is FailureKind.TOO_LARGE


async def test_a_server_that_breaks_off_is_the_clients_error(library, autojump_clock):
    server = Server(library, parts=[b"x", library.ReadError("broken")])
    with pytest.raises(library.ReadError, match="broken"):
        await HttpBackend(server.client(), "https://new").call(HttpRequest("GET", "/"))
    assert server.closed == 1


def test_a_backend_is_validated():
    client = httpx.AsyncClient()
    for bad in (httpx.Client(), object(), None):
        with pytest.raises(TypeError, match="client must be an httpx.AsyncClient"):
            HttpBackend(bad, "https://new")
    with pytest.raises(ValueError, match="base_url must be a URL"):
        HttpBackend(client, "new")
    for limit in (-1, 2**31 - 1):
        with pytest.raises(ValueError, match=r"max_body_bytes must be a number of bytes in \[0, 2\*\*31 - 2\]"):
            HttpBackend(client, max_body_bytes=limit)
    for limit in (True, 1.5, math.inf):
        with pytest.raises(TypeError, match="max_body_bytes must be an int"):
            HttpBackend(client, max_body_bytes=limit)
    for name in ("credentials", "drop_headers"):
        with pytest.raises(TypeError, match=f"{name} must be names of headers, not bytes: b'x'"):
            HttpBackend(client, **{name: [b"x"]})


async def test_a_shadower_for_edges_has_no_primary_to_call():
    with pytest.raises(RuntimeError, match="this shadower's primary is served by an edge"):
        await served_by_edge(HttpRequest("GET", "/"))
