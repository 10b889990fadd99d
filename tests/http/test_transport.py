"""ShadowTransport: an application's own calls, with both client families. Mock transports and the virtual clock."""

from __future__ import annotations

import asyncio
import gc
import gzip

import httpx
import httpx2
import pytest
import trio

from trioshadow import ResponseRecord, ShadowConfig, Shadower
from trioshadow.http import HttpBackend, HttpRequest, ShadowTransport, allow_methods, served_by_edge
from trioshadow.testing import Answer, ScriptedBackend

from tests.support.accounts import counts, held_back
from tests.support.httpx_server import Server

ROUTES = {"https://api.old": "https://api.new"}


@pytest.fixture(params=[httpx, httpx2], ids=lambda library: library.__name__)
def library(request):
    return request.param


def client_of(library, server, shadower, **options):
    transport = ShadowTransport(library.MockTransport(server), shadower=shadower, routes=ROUTES, **options)
    return library.AsyncClient(transport=transport)


def same(body=b"", **options):
    """A shadower whose shadow answers this."""
    return Shadower(served_by_edge, ScriptedBackend(Answer(ResponseRecord(body, **options))))


async def test_calls_to_a_route_are_mirrored_and_the_others_are_not_even_counted(library, autojump_clock):
    old, new = Server(library, json={"n": 1}), Server(library, json={"n": 1})
    async with (
        Shadower(served_by_edge, HttpBackend(new.client())) as shadower,
        client_of(library, old, shadower) as client,
    ):
        assert (await client.get("https://API.old:443/n?x=%2f")).json() == {"n": 1}
        assert (await client.get("https://other/n")).json() == {"n": 1}
        assert (await client.get("http://api.old/n")).json() == {"n": 1}
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}
    (copy,) = new.requests
    assert copy.url.host == "api.new"
    assert copy.extensions["target"] == b"/n?x=%2f"
    assert copy.headers["x-shadow"] == "1"
    assert [request.url.host for request in old.requests] == ["api.old", "other", "api.old"]
    assert not any("x-shadow" in request.headers for request in old.requests)


async def test_credentials_do_not_go_to_the_new_origin(library, autojump_clock):
    old, new = Server(library), Server(library)
    async with (
        Shadower(served_by_edge, HttpBackend(new.client())) as shadower,
        client_of(library, old, shadower) as client,
    ):
        await client.get("https://api.old/", headers={"Authorization": "secret"})
    assert old.requests[0].headers["authorization"] == "secret"
    assert "authorization" not in new.requests[0].headers


async def test_what_differs_is_named_by_operation_and_path(library, autojump_clock):
    shadower = same(b'{"n":2}', headers={"content-type": "application/json", "date": "now"})
    old = Server(library, json={"n": 1}, headers={"server": "old"})
    async with shadower, client_of(library, old, shadower) as client:
        await client.get("https://api.old/users/42/orders")
        await shadower.wait_idle()
        (record,) = shadower.divergences()
    assert record.operation == "GET /users/{id}/orders"
    assert str(record.divergence) == "body: $.n changed"


async def test_volatile_headers_are_compared_if_that_is_asked_for_and_configuration_changes_are_seen(
    library, autojump_clock
):
    shadower = same(headers={"server": "new"})
    old = Server(library, headers={"server": "old"}, content=b"")
    async with shadower:
        strict = client_of(library, old, shadower, ignore_volatile=False)
        lax = client_of(library, old, shadower)
        await strict.get("https://api.old/")
        await lax.get("https://api.old/")
        await lax.get("https://api.old/")
        shadower.reconfigure(ShadowConfig(sample_rate=0))
        await lax.get("https://api.old/")
        await shadower.wait_idle()
        assert counts(shadower) == {"diverged": 1, "matched": 2, "not_sampled": 1}


async def test_the_name_of_an_operation_can_be_chosen(library, autojump_clock, caplog):
    def name(request):
        return {"/a": "first"}[request.path]

    shadower = same(b"other")
    async with shadower, client_of(library, Server(library), shadower, operation=name) as client:
        await client.get("https://api.old/a")
        await client.get("https://api.old/b")
        await shadower.wait_idle()
        assert sorted(record.operation for record in shadower.divergences()) == ["GET /b", "first"]
    assert "operation= raised KeyError" in caplog.text
    with pytest.raises(TypeError, match="operation must be a function, not str"):
        client_of(library, Server(library), shadower, operation="x")


async def test_a_keyboard_interrupt_in_the_naming_function_passes(library, autojump_clock):
    def name(request):
        raise KeyboardInterrupt

    shadower = same()
    async with shadower, client_of(library, Server(library), shadower, operation=name) as client:
        with pytest.raises(KeyboardInterrupt):
            await client.get("https://api.old/a")


async def test_unsafe_methods_and_copies_are_held_back(library, autojump_clock):
    shadower = same()
    async with shadower, client_of(library, Server(library), shadower) as client:
        await client.post("https://api.old/", json={})
        await client.get("https://api.old/", headers={"X-Shadow": "1"})
        assert counts(shadower) == {"held_back": 2}
        assert held_back(shadower) == {"not_allowed": 1, "marked": 1}
        shadower.reconfigure(ShadowConfig(may_mirror=lambda _: True))
        await client.get("https://api.old/", headers={"X-Shadow": "1"})
        assert held_back(shadower) == {"not_allowed": 1, "marked": 2}
        assert shadower.shadow.requests == []


async def test_the_answer_streams_as_it_comes_and_the_leg_ends_with_it(library, autojump_clock):
    shadower = same(b"abc")
    old = Server(library, parts=[b"a", 0.5, b"b", 0.5, b"c", 0.5])
    async with shadower, client_of(library, old, shadower) as client:
        seen = []
        async with client.stream("GET", "https://api.old/") as response:
            async for part in response.aiter_raw():
                seen.append((part, trio.current_time()))
                assert counts(shadower) == {"in_flight": 1}
        assert seen == [(b"a", 0), (b"b", 0.5), (b"c", 1)]
        assert trio.current_time() == 1.5
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}
    assert old.closed == 1


async def test_an_answer_that_is_not_read_to_its_end_is_abandoned(library, autojump_clock):
    shadower = same(b"abc")
    old = Server(library, parts=[b"a", b"b"])
    async with shadower, client_of(library, old, shadower) as client:
        async with client.stream("GET", "https://api.old/") as response:
            async for _ in response.aiter_raw():
                break
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 1}
    assert old.closed == 1


async def test_a_response_that_is_lost_is_abandoned(library, autojump_clock):
    shadower = same(b"abc")
    async with shadower, client_of(library, Server(library, parts=[b"a"]), shadower) as client:
        await client.send(client.build_request("GET", "https://api.old/"), stream=True)
        gc.collect()
        await trio.testing.wait_all_tasks_blocked()
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 1}


async def test_a_caller_that_is_cancelled_abandons(library, autojump_clock):
    shadower = same(b"abc")
    async with shadower, client_of(library, Server(library, parts=[b"a", 9.0, b"b"]), shadower) as client:
        with trio.move_on_after(1):
            await client.get("https://api.old/")
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 1}
        assert trio.current_time() == 1


async def test_errors_are_the_applications_and_are_compared(library, autojump_clock):
    def refuses(request):
        raise library.ConnectError("refused")

    breaks = Server(library, parts=[b"a", library.ReadError("broken")])
    dead = library.AsyncClient(transport=library.MockTransport(refuses))
    async with Shadower(served_by_edge, HttpBackend(dead)) as shadower:
        with pytest.raises(library.ConnectError, match="refused"):
            await client_of(library, refuses, shadower).get("https://api.old/")
        with pytest.raises(library.ReadError, match="broken"):
            await client_of(library, breaks, shadower).get("https://api.old/")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1, "diverged": 1}


async def test_an_answer_beyond_the_limit_is_given_up_and_streams_on(library, autojump_clock, caplog):
    shadower = same(bytes(101))
    old = Server(library, parts=[bytes(50), bytes(51), bytes(3)])
    breaks = Server(library, parts=[bytes(101), library.ReadError("broken")])
    async with shadower, client_of(library, old, shadower, max_body_bytes=100) as client:
        assert len((await client.get("https://api.old/")).content) == 104
        with pytest.raises(library.ReadError, match="broken"):
            await client_of(library, breaks, shadower, max_body_bytes=100).get("https://api.old/")
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 2}
    assert "an answer of the primary is larger than 100 bytes (max_body_bytes): such calls are abandoned" in caplog.text


async def test_a_stream_of_events_is_given_up_at_once(library, autojump_clock):
    shadower = same()
    events = Server(library, parts=[b"data: 1\n\n"], headers={"Content-Type": "text/event-stream; charset=utf-8"})
    async with shadower, client_of(library, events, shadower) as client, client.stream("GET", "https://api.old/"):
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 1}


async def test_compressed_answers_reach_the_application_as_they_are_and_are_compared_inflated(library, autojump_clock):
    shadower = same(b"hello")
    old = Server(library, parts=[gzip.compress(b"hello")], headers={"Content-Encoding": "gzip"})
    async with shadower, client_of(library, old, shadower) as client:
        async with client.stream("GET", "https://api.old/") as response:
            assert b"".join([part async for part in response.aiter_raw()]) == old.answer["parts"][0]
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}


class Uploading:
    """Reads the request's body, as a transport does that sends it."""

    def __init__(self, library, *, reads=True):
        self.library, self.reads, self.got = library, reads, []

    async def __call__(self, request):
        self.got = [part async for part in request.stream] if self.reads else []
        return self.library.Response(200, content=b"ok", request=request)


async def parts(*chunks):
    for chunk in chunks:
        await trio.lowlevel.checkpoint()
        yield chunk


class Posting(httpx.AsyncBaseTransport):
    """MockTransport would read the body itself."""

    def __init__(self, handler):
        self.handle_async_request = handler


def uploader(library, handler, shadower, **options):
    transport = ShadowTransport(Posting(handler), shadower=shadower, routes=ROUTES, **options)
    return library.AsyncClient(transport=transport)


async def test_a_streamed_request_is_mirrored_when_it_is_complete(library, autojump_clock):
    shadower = same(b"ok")
    shadower.reconfigure(ShadowConfig(may_mirror=allow_methods("POST")))
    old = Uploading(library)
    async with shadower, uploader(library, old, shadower) as client:
        await client.post("https://api.old/x", content=parts(b"one", b"two"))
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}
    assert old.got == [b"one", b"two"]
    (copy,) = shadower.shadow.requests
    assert isinstance(copy, HttpRequest)
    assert (copy.method, copy.url, copy.body) == ("POST", "https://api.old/x", b"onetwo")


async def test_a_streamed_request_that_is_sent_twice_is_copied_once(library, autojump_clock):
    class Body(library.AsyncByteStream):
        def __aiter__(self):
            self.parts = iter([b"one", b"two"])
            return self

        async def __anext__(self):
            for part in self.parts:
                return part
            raise StopAsyncIteration

    async def retries(request):
        await anext(aiter(request.stream))
        answer = await Uploading(library)(request)
        await Uploading(library)(request)
        return answer

    shadower = same(b"ok")
    shadower.reconfigure(ShadowConfig(may_mirror=allow_methods("POST")))
    async with shadower, uploader(library, retries, shadower) as client:
        await client.send(library.Request("POST", "https://api.old/x", stream=Body()))
    assert [request.body for request in shadower.shadow.requests] == [b"onetwo"]


def test_on_another_loop_calls_are_only_served(library):
    async def main():
        shadower = same()
        async with uploader(library, Uploading(library), shadower) as client:
            shadower.reconfigure(ShadowConfig(may_mirror=allow_methods("POST")))

            async def body():
                yield b"x"

            assert (await client.post("https://api.old/x", content=body())).content == b"ok"
        assert counts(shadower) == {"closed": 1}

    asyncio.run(main())


async def test_a_streamed_request_without_a_whole_copy_is_held_back(library, autojump_clock):
    shadower = same()
    shadower.reconfigure(ShadowConfig(may_mirror=allow_methods("POST")))
    async with shadower:
        large = uploader(library, Uploading(library), shadower, max_body_bytes=5)
        unread = uploader(library, Uploading(library, reads=False), shadower)
        await large.post("https://api.old/x", content=parts(b"one", b"two", b"three"))
        stream = parts(b"one")
        await unread.post("https://api.old/x", content=stream)
        await stream.aclose()
        assert held_back(shadower) == {"incomplete": 2}
        shadower.reconfigure(ShadowConfig())
        await large.post("https://api.old/x", content=parts(b"one"))
        assert held_back(shadower) == {"incomplete": 2, "not_allowed": 1}
        assert shadower.shadow.requests == []


async def test_a_streamed_request_that_fails_is_compared_if_it_was_complete(library, autojump_clock):
    async def fails(request):
        await Uploading(library)(request)
        raise library.ReadError("broken")

    shadower = same()
    shadower.reconfigure(ShadowConfig(may_mirror=allow_methods("POST")))
    async with shadower, uploader(library, fails, shadower) as client:
        with pytest.raises(library.ReadError):
            await client.post("https://api.old/x", content=parts(b"one"))
        await shadower.wait_idle()
        assert counts(shadower) == {"diverged": 1}


async def test_before_and_after_the_shadower_runs_calls_are_only_served(library, autojump_clock, caplog):
    shadower = same()
    client = client_of(library, Server(library), shadower)
    assert (await client.get("https://api.old/")).status_code == 200
    async with shadower:
        pass
    assert (await client.get("https://api.old/")).status_code == 200
    assert counts(shadower) == {"closed": 2}
    assert "it was never entered" in caplog.text


async def test_the_inner_transport_is_entered_and_closed_with_it(autojump_clock):
    happened = []

    class Inner(httpx.AsyncBaseTransport):
        async def __aenter__(self):
            happened.append("entered")
            return self

        async def __aexit__(self, *exc):
            happened.append("left")

        async def aclose(self):
            happened.append("closed")

    shadower = same()
    transport = ShadowTransport(Inner(), shadower=shadower, routes=ROUTES)
    async with httpx.AsyncClient(transport=transport):
        pass
    await transport.aclose()
    assert happened == ["entered", "left", "closed"]


async def test_a_transport_is_validated(autojump_clock):
    shadower = same()
    inner = httpx.MockTransport(Server(httpx))
    with pytest.raises(TypeError, match="inner must be a transport"):
        ShadowTransport(object(), shadower=shadower, routes=ROUTES)
    for routes in ({}, None, [("https://old", "https://new")]):
        with pytest.raises(TypeError, match="routes must map origins to where their copies go"):
            ShadowTransport(inner, shadower=shadower, routes=routes)
    with pytest.raises(ValueError, match="routes: 'https://old/v1' must be an origin"):
        ShadowTransport(inner, shadower=shadower, routes={"https://old/v1": "https://new"})
    with pytest.raises(ValueError, match="routes must be a URL as in"):
        ShadowTransport(inner, shadower=shadower, routes={"https://old": "new"})
