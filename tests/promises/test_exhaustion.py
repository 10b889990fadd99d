"""Promise 5 under fire from outside: whoever sends what is huge, many or never ends fills no memory and no table.

What is measured is counts and bytes (tracemalloc), never time. Each bound has a name in the library, which is asked
here. Bodies and values that mean harm to a comparison are in compare/test_hostile.py, servers that do in
http/test_real.py.
"""

from __future__ import annotations

import contextlib
import gc
import json
import tracemalloc
from pathlib import Path

import httpx
import pytest
import trio
import trio.testing

from trioshadow import Capture, FailureKind, HeldBack, ResponseRecord, ShadowConfig, Shadower, Verdict
from trioshadow._accounts import consumer as _consumer
from trioshadow._accounts import notices as _notices
from trioshadow._accounts.ledger import EPOCHS
from trioshadow._accounts.notices import Notices
from trioshadow._model.errors import MESSAGE_LIMIT
from trioshadow._model.keys import KEY_LIMIT
from trioshadow._settings.capture import _URL
from trioshadow.asgi import ShadowMiddleware
from trioshadow.compare._headers import NAMES_KEPT, VALUES_KEPT
from trioshadow.evidence import Evidence, _evidence
from trioshadow.http import (
    HttpBackend,
    HttpRequest,
    ShadowTransport,
    _operations,
    allow_methods,
    served_by_edge,
    template_path,
)
from trioshadow.testing import Answer, Hang, ScriptedBackend

from tests.support.accounts import assert_accounts, counts
from tests.support.alive import alive
from tests.support.asgi_server import Lifespan, answering, ask, scope_for

MB = 2**20
POST = allow_methods("POST")


@contextlib.contextmanager
def grows_by_less_than(limit):
    """Bytes that are still held at the end, and that were not at the beginning."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < limit


async def quick(request):
    return request


# ── keys, operations, epochs ──────────────────────────────────────────────────────────────────────────────────────────


async def test_of_a_huge_key_a_leg_holds_the_beginning_and_counts_the_whole(autojump_clock):
    shadow = ScriptedBackend(Hang())
    records = []
    async with Shadower(quick, shadow, ShadowConfig(max_in_flight=200), sinks=[records.append]) as shadower:
        await shadower.call(b"", key=b"first")  # what is made once
        with grows_by_less_than(2 * MB):
            for number in range(100):
                await shadower.call(b"", key=b"x" * MB + b"%d" % number)
            await trio.testing.wait_all_tasks_blocked()
        await shadower.wait_idle()
        (score,) = [score for score in shadower.scorecard().operations if score.calls]
    assert score.keys == 101  # though the first 256 bytes of 100 are the same
    assert {len(record.key) for record in records} == {5, KEY_LIMIT}


@pytest.mark.slow
async def test_of_100_000_operations_a_bounded_number_has_a_row_and_no_call_is_lost(autojump_clock):
    names = iter(range(10**9))

    def call(count):
        for _ in range(count):
            shadower.start(b"k", operation=f"GET /{next(names)}")

    async with Shadower(quick, quick, ShadowConfig(sample_rate=0)) as shadower:
        with grows_by_less_than(4 * MB):  # 514 rows
            call(2_000)
        call(98_000)
        assert shadower.statistics().not_sampled == 100_000
        assert len(shadower.snapshot()["operations"]) <= 2 * _evidence.OPERATIONS + 2
        assert_accounts(shadower.statistics())


async def test_of_100_000_paths_a_bounded_number_has_a_name():
    names = _operations.OperationNames()
    with grows_by_less_than(2 * MB):
        given = {names.name("GET", template_path(f"/{number:x}z/" + "a" * 90)) for number in range(10_000)}
    given |= {names.name("GET", template_path(f"/{number:x}y/" + "a" * 90)) for number in range(90_000)}
    assert len(given) == _operations.LIMIT + 1
    assert _operations.OTHERS in given
    assert _operations._template.cache_info().currsize <= _operations._template.cache_info().maxsize == 1024
    long = template_path("/" + "/".join("a" * 10_000 for _ in range(1_000)))
    assert len(long) <= _operations._CHARACTERS


async def test_of_many_epochs_a_few_are_kept_and_no_call_is_lost(autojump_clock):
    before = len(alive(Evidence))
    async with Shadower(quick, quick) as shadower:
        for number in range(500):
            shadower.reconfigure(ShadowConfig(candidate=f"{number}", ignore=(), max_changes=number + 1))
            await shadower.call(b"k")
            await shadower.wait_idle()
        assert len(alive(Evidence)) <= before + EPOCHS
        assert shadower.statistics().matched == 500


# ── headers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def many(version, count, size=1):
    return [(b"x-%d" % number, version * size) for number in range(count)]


async def record_of(primary_headers, shadow_headers, request_headers=()):
    """The record of one request between two apps, through the middleware; and the shadower."""
    records = []
    middleware = ShadowMiddleware(
        answering(headers=primary_headers),
        shadow=answering(headers=shadow_headers),
        config=ShadowConfig(capture=Capture()),
        sinks=[records.append],
    )
    async with Lifespan(middleware):
        await ask(middleware, scope_for(headers=list(request_headers)))
        await middleware.shadower.wait_idle()
    (record,) = records
    return record, middleware.shadower


def fields_of(shadower):
    """How many are counted."""
    return sum(len(row["fields"]) for row in shadower.snapshot()["operations"].values())


async def test_of_10_000_headers_so_many_names_and_values_are_kept(autojump_clock):
    record, shadower = await record_of(many(b"a", 10_000), many(b"b", 10_000), many(b"c", 10_000))
    assert len(record.divergence.headers.changed) == NAMES_KEPT
    assert len(record.divergence.headers.changes) == VALUES_KEPT
    for side in (record.captured.request, record.captured.primary, record.captured.shadow):
        assert len(side["headers"]) == 100
    assert fields_of(shadower) <= 2 * _evidence.FIELDS


async def test_names_of_headers_that_are_ever_new_fill_no_table(autojump_clock):
    calls = iter(range(10**9))

    async def old(request):
        return ResponseRecord(b"")

    async def new(request):
        number = next(calls)
        return ResponseRecord(b"", headers={f"x-{number}-{part}": "1" for part in range(100)})

    async with Shadower(old, new) as shadower:
        for number in range(50):
            await shadower.call(b"%d" % number)
            await shadower.wait_idle()
        assert fields_of(shadower) <= 2 * _evidence.FIELDS
        assert shadower.statistics().diverged == 50


async def test_of_values_of_a_megabyte_a_little_is_kept(autojump_clock):
    with grows_by_less_than(MB):
        record = (await record_of(many(b"a", 10, MB), many(b"b", 10, MB), many(b"c", 10, MB)))[0]
    assert len(repr(record.divergence)) < 20_000
    assert max(len(value) for _, value in record.captured.request["headers"]) == Capture().max_bytes


async def test_of_10_000_cookies_so_many_are_kept(autojump_clock):
    def cookies(version):
        return [(b"set-cookie", b"c%d=%s; path=/" % (number, version)) for number in range(10_000)]

    record, _ = await record_of(
        cookies(b"a"), cookies(b"b"), [(b"cookie", b"; ".join(b"%d=1" % n for n in range(10_000)))]
    )
    assert record.divergence.headers.changed == ("set-cookie",)
    assert len(record.divergence.headers.changes) == VALUES_KEPT


async def test_a_cookie_of_a_hundred_thousand_attributes_is_cut(autojump_clock):
    cookies = [[(b"set-cookie", version + b"=1" + b"; a=1" * 100_000)] for version in (b"a", b"b")]
    record, _ = await record_of(*cookies)
    assert len(repr(record.divergence)) < 5_000


# ── bodies, targets, messages ─────────────────────────────────────────────────────────────────────────────────────────


async def test_bodies_nested_100_000_deep_end_in_a_verdict(autojump_clock):
    headers = {"content-type": "application/json"}

    async def old(request):
        return ResponseRecord(b"[" * 100_000 + b"]" * 100_000, headers=headers)

    async def new(request):
        return ResponseRecord(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, headers=headers)

    async with Shadower(old, new) as shadower:
        outcome = await shadower.call(b"k")
        await outcome.wait_settled()
    assert outcome.verdict is Verdict.DIVERGED
    assert len(repr(outcome.divergence)) < 5_000


async def test_of_a_target_of_a_megabyte_a_record_has_a_part(autojump_clock):
    records = []
    config = ShadowConfig(capture=Capture(max_bytes=10), may_mirror=lambda request: True)
    shadow = ScriptedBackend(Answer(None))
    async with Shadower(quick, shadow, config, sinks=[records.append]) as shadower:
        request = HttpRequest("GET" * MB, "/?" + "q" * MB)
        await shadower.call(request, operation="x" * MB)
        await shadower.wait_idle()
    (record,) = records
    assert len(record.captured.request["url"]) == len(record.captured.request["method"]) == _URL
    assert len(record.operation) == len(record.key) == 256


async def test_errors_that_are_ever_new_are_cut_and_say_the_same_notice(autojump_clock, caplog):
    def broken(number):
        huge = MB if number == 7 else 1
        return type(f"Error{number}" + "x" * huge, (Exception,), {})(f"{number}" + "y" * huge)

    async def new(request):
        raise broken(int(request))

    def sink(record):
        raise broken(int(record.key))

    async with Shadower(quick, new, sinks=[sink]) as shadower:
        for number in range(300):
            await shadower.call(b"%d" % number)
            await shadower.wait_idle()
        failures = shadower.failures()
    assert {failure.failure.kind for failure in failures} == {FailureKind.RAISED}
    assert max(len(failure.failure.message) for failure in failures) <= MESSAGE_LIMIT
    assert len(caplog.records) == 1  # the cause is that a sink raised, not what


def test_causes_of_notices_are_bounded_and_what_they_say_is_one_short_line(caplog):
    notices = Notices("")
    with grows_by_less_than(MB):
        for number in range(10_000):
            notices.say(f"cause {number}", "text\r\n\x1b[31m" + "x" * MB)
    assert len(caplog.records) == _notices.CAUSES + 1
    for record in caplog.records:
        assert record.getMessage().isprintable()
        assert len(record.getMessage()) < 1_100


async def test_names_of_subscribers_that_lose_records_are_bounded(autojump_clock):
    async with Shadower(quick, ScriptedBackend(Answer(None))) as shadower:
        channels = [shadower.subscribe(1, name=f"user {number}") for number in range(300)]
        for _ in range(3):
            await shadower.call(b"k")
            await shadower.wait_idle()
        lost = shadower.statistics().records_dropped
        assert sum(lost.values()) == 600
        assert len([name for name in lost if name.startswith("user")]) == _consumer.NAMES
        assert lost["(other)"] == 600 - 2 * _consumer.NAMES
    for channel in channels:
        channel.close()


# ── bodies that never end ─────────────────────────────────────────────────────────────────────────────────────────────


async def uploads(middleware, nursery, count, size):
    """So many requests whose bodies begin and do not end."""

    async def upload():
        parts = iter([{"type": "http.request", "body": b"x" * size, "more_body": True}])

        async def receive():
            part = next(parts, None)
            if part is None:
                await trio.sleep_forever()
            return part

        await middleware(scope_for(method="POST", headers=[(b"transfer-encoding", b"chunked")]), receive, None)

    for _ in range(count):
        nursery.start_soon(upload)
    await trio.testing.wait_all_tasks_blocked()


async def test_requests_that_never_end_are_copied_in_bounded_number_and_nothing_else_suffers(autojump_clock):
    config = ShadowConfig(may_mirror=POST, max_in_flight=4)
    middleware = ShadowMiddleware(answering(), shadow=answering(), config=config)
    async with Lifespan(middleware):
        async with trio.open_nursery() as nursery:
            with grows_by_less_than(4 * MB + MB):
                await uploads(middleware, nursery, 100, MB - 10)
            assert middleware.shadower.statistics().held_back_by_cause[HeldBack.INCOMPLETE.value] == 96
            await ask(middleware, scope_for())  # who has no body needs no room
            await middleware.shadower.wait_idle()
            assert middleware.shadower.statistics().matched == 1
            nursery.cancel_scope.cancel()
        async with trio.open_nursery() as nursery:  # there is room for as many again
            before = middleware.shadower.statistics().held_back_by_cause[HeldBack.INCOMPLETE.value]
            await uploads(middleware, nursery, 100, 1)
            assert middleware.shadower.statistics().held_back_by_cause[HeldBack.INCOMPLETE.value] == before + 96
            nursery.cancel_scope.cancel()
        sent = await ask(
            middleware,
            scope_for(method="POST", headers=[(b"content-length", b"2")]),
            [{"type": "http.request", "body": b"ok", "more_body": False}],
        )
        assert sent[0]["status"] == 200
        await middleware.shadower.wait_idle()
        assert middleware.shadower.statistics().matched == 2


async def test_streamed_requests_of_a_client_are_copied_in_bounded_number(autojump_clock):
    async def body(first):
        yield first
        await going.wait()
        yield b"end"

    async def answer(request):
        async for _ in request.stream:
            pass
        return httpx.Response(200)

    class Inner(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            return await answer(request)

    config = ShadowConfig(may_mirror=POST, max_in_flight=3)
    new = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    async with Shadower(served_by_edge, HttpBackend(new), config) as shadower:
        transport = ShadowTransport(Inner(), shadower=shadower, routes={"https://old": "https://new"})
        async with httpx.AsyncClient(transport=transport) as client:

            async def post(number):
                response = await client.post("https://old/", content=body(b"%d" % number))
                assert response.status_code == 200

            for times in (1, 2):  # there is room for as many again
                going = trio.Event()
                async with trio.open_nursery() as nursery:
                    for number in range(10):
                        nursery.start_soon(post, number)
                    await trio.testing.wait_all_tasks_blocked()
                    going.set()
                await shadower.wait_idle()
                assert counts(shadower) == {"matched": 3 * times, "held_back": 7 * times}


async def test_an_exchange_that_is_dropped_before_its_request_was_complete_gives_its_room_back(autojump_clock):
    from trioshadow.http import Edge, Exchange

    edge = Edge(name="", max_body_bytes=1, ignore_volatile=True, operation=None)
    exchange = Exchange(edge, "GET")
    assert edge.copying == 1
    del exchange
    assert edge.copying == 0


# ── all together ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
async def test_when_everything_is_new_in_every_call_memory_comes_to_an_end(autojump_clock):
    """New keys, operations, paths, headers, cookies, fields, types and messages of errors. When the tables are full
    nothing grows.
    """

    async def old(request):
        return ResponseRecord(b'{"a": 1}', headers={"content-type": "application/json"})

    async def new(request):
        number = request.path[1:]
        if number.endswith("0"):
            raise type(f"E{number}", (ValueError,), {})(number * 100)
        body = json.dumps({f"field {number}": number}).encode()
        headers = {"content-type": "application/json", f"x-{number}": number, "set-cookie": f"{number}={number}"}
        return ResponseRecord(body, headers=headers)

    async def call(first, count):
        for number in range(first, first + count):
            request = HttpRequest("GET", f"/{number}", {f"x-{number}": "1"})
            await shadower.call(request, operation=template_path(f"/op{number}"))
            if number % 50 == 0:
                await shadower.wait_idle()
        await shadower.wait_idle()

    async with Shadower(old, new, ShadowConfig(capture=Capture(max_bytes=100))) as shadower:
        held = []
        with grows_by_less_than(10 * MB):
            for first in range(0, 1_800, 300):
                await call(first, 300)
                held.append(tracemalloc.get_traced_memory()[0])
        assert max(held[3:]) < 1.5 * max(held[:3])  # up and down, as rows are made and folded
        assert shadower.statistics().mirrored == 1_800
        assert_accounts(shadower.statistics())


def test_the_page_on_security_has_these_bounds():
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    for words in (
        f"{KEY_LIMIT} bytes of a key",
        f"{VALUES_KEPT} headers' values and {NAMES_KEPT:,} names",
        f"{MESSAGE_LIMIT} characters of a message",
        f"captured URLs have {_URL:,}",
        f"{_operations.LIMIT} names an edge",
        f"{2 * _evidence.OPERATIONS // 100 * 100} operations and {2 * _evidence.FIELDS:,} fields",
        f"{EPOCHS} epochs; {_notices.CAUSES} causes of notices",
        f"at most {_notices._LENGTH:,} characters",
    ):
        assert words in page, words
