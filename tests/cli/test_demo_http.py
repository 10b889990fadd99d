"""`demo --http` from the inside: what is sent, what the services say, what is counted; and small runs on loopback."""

from __future__ import annotations

import json
import signal
from types import SimpleNamespace

import httpx
import pytest
import trio

from trioshadow import Divergence
from trioshadow.cli.common.ctrl_c import CtrlC
from trioshadow.cli.common.errors import CliError
from trioshadow.cli.demo import http_cost as _demo_http_cost
from trioshadow.cli.demo.blocks import Block, Document, cut_all
from trioshadow.cli.demo.compare import comparison_of
from trioshadow.cli.demo.http import NOISE, mirror, running_services, served
from trioshadow.cli.demo.http_paths import rows_of
from trioshadow.cli.demo.http_run import by_key
from trioshadow.cli.demo.http_services import RenderService, describe
from trioshadow.cli.demo.http_traffic import FOR_A_URL, LONGEST, choose, request_about
from trioshadow.cli.demo.renderers import Renderer
from trioshadow.evidence import FieldState, Objective


def block(number, text="text"):
    return Block(f"b{number}", "document", text)


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_blocks_are_chosen_evenly():
    blocks = [block(number) for number in range(10)]
    assert choose(blocks, 10) == choose(blocks, 99) == blocks
    assert choose(blocks, 3) == [blocks[0], blocks[3], blocks[6]]


def test_a_text_that_would_hold_up_all_is_left_out():
    short, long = block(1, "x" * LONGEST), block(2, "x" * (LONGEST + 1))
    assert choose([long, short], 5) == [short]
    with pytest.raises(CliError, match="no block of text of at most 50,000 characters"):
        choose([long], 5)


@pytest.mark.parametrize(
    "text", ["a+b & c=d #e\n%41\x00", "日本", "", "\ud800", "x" * (FOR_A_URL + 1), "\ud800" * 2000]
)
async def test_every_text_arrives_as_it_is(text):
    seen = []

    class Seeing:
        def render(self, text):
            seen.append(text)
            return b""

    request = request_about(text, 7, "http://test")
    assert request.method == ("GET" if len(text) <= FOR_A_URL else "POST")
    assert request.headers["x-block"] == "7"
    assert (await ask(RenderService(Seeing()), request))[0] == 200
    assert seen == [text]


# ── the services ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def ask(app, request):
    """Status and JSON of an app's answer to an httpx request."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": request.content}

    async def send(message):
        sent.append(message)

    path, query = request.url.path, request.url.query
    await app({"type": "http", "method": request.method, "path": path, "query_string": query}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_a_service_says_what_is_in_a_page():
    page = '<h1>A <em>title</em> &amp; more</h1>\n<p>Some words,\nand &lt;code&gt;.</p><hr><h2 id="x">B</h2></h2><h3>'
    assert describe(page) == {
        "html": page,
        "words": 9,
        "headings": [{"level": 1, "text": "A title & more"}, {"level": 2, "text": "B"}],
    }


def test_a_hostile_page_takes_no_time_by_its_square():
    for part in ("<", "<h1>", "<h1 ", "</h1>"):
        describe(part * 200_000)  # by the square: minutes


async def test_two_answers_of_a_service_differ_in_nothing_but_the_noise():
    service, request = RenderService(Renderer("commonmark")), httpx.Request("GET", "http://test/render?text=*a*")
    (_, one), (_, other) = await ask(service, request), await ask(service, request)
    assert {name for name in one if one[name] != other[name]} == {"id", "rendered_at"}
    assert one["html"] == "<p><em>a</em></p>\n"


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("GET", "/", b"", 404),
        ("PUT", "/render", b"", 405),
        ("GET", "/render", b"", 400),
        ("GET", "/render?text=a&text=b", b"", 400),
        ("GET", "/render?text=%ff", b"", 400),
        ("POST", "/render", b"{", 400),
        ("POST", "/render", b"{}", 400),
        ("POST", "/render", b"[]", 400),
        ("POST", "/render", b"\xff", 400),
    ],
)
async def test_a_request_that_makes_no_sense_gets_a_status_of_its_own(method, target, body, status):
    request = httpx.Request(method, f"http://test{target}", content=body)
    answered, said = await ask(RenderService(Renderer("commonmark")), request)
    assert (answered, "error" in said) == (status, True)


async def test_a_library_that_raises_is_a_500():
    class Raising:
        def render(self, text):
            raise RecursionError

    status, said = await ask(RenderService(Raising()), request_about("x", 0, "http://test"))
    assert (status, said["error"]) == (500, "RecursionError")


# ── on loopback ──────────────────────────────────────────────────────────────────────────────────────────────────────

LONG = "more and " * 300 + "more"
TEXTS = cut_all([Document("a.md", "`it's`\n\n# b\n"), Document("b.md", "plain"), Document("c.md", LONG)])


async def run_against(name, rules):
    async with running_services([Renderer("commonmark"), Renderer("commonmark"), Renderer(name)]) as (old, twin, new):
        return await mirrored_to(old, new, twin, rules)


async def mirrored_to(old, new, twin, rules):
    said = {"candidate": "new 2.0", "objective": Objective(max_rate=0.1)}
    with CtrlC() as ctrl_c:
        return await mirror(old, new, twin, TEXTS, **said, rules=rules, ctrl_c=ctrl_c, progress=lambda _: None)


@pytest.mark.parametrize(("name", "left"), [("commonmark", 0), ("marko", 2)])
async def test_rules_leave_what_the_libraries_do_differently_and_nothing_else(name, left):
    without = await run_against(name, ())
    assert (without.statistics.calls, without.statistics.diverged) == (len(TEXTS), len(TEXTS))
    ruled = await run_against(name, NOISE)
    assert (ruled.statistics.matched, ruled.statistics.diverged) == (len(TEXTS) - left, left)
    comparison = comparison_of(name, ruled.statistics, ruled.scorecard, ruled.records, by_key(TEXTS))
    found = {each.key for each in comparison.differences}
    assert found == ({"a.md · block 1", "a.md · whole text"} if left else set())
    assert comparison.troubles == []
    rows = rows_of(without.scorecard, ruled.scorecard)
    assert [(row.field, row.without.calls) for row in rows] == [
        *(("$.id", len(TEXTS)), ("$.rendered_at", len(TEXTS))),
        *([("$.html", left)] if left else []),
    ]
    assert [row.ruled is None for row in rows] == [True, True, *([False] if left else [])]


async def test_the_secondary_shows_what_is_noise_and_what_is_not():
    scorecard = (await run_against("marko", ())).scorecard
    operation = scorecard.operation("/render")
    assert (operation.pairs, scorecard.epoch.candidate) == (len(TEXTS), "new 2.0")
    assert scorecard.objective == Objective(max_rate=0.1)
    noise = {field.field: field.noise for field in operation.fields}
    assert noise == {"$.id": 1.0, "$.rendered_at": 1.0, "$.html": 0.0}
    assert {field.field for field in operation.fields if field.state is FieldState.DIFFERS} == {"$.html"}


async def test_a_secondary_that_is_not_there_is_said_and_not_taken_for_the_candidate():
    async with running_services([Renderer("commonmark"), Renderer("marko")]) as (old, new):
        mirrored = await mirrored_to(old, new, "http://127.0.0.1:1", NOISE)
    assert mirrored.statistics.secondary.failed == len(TEXTS)
    assert f"the secondary failed in {len(TEXTS)} calls" in mirrored.scorecard.notes
    assert (mirrored.statistics.failed, mirrored.statistics.diverged) == (0, 2)


async def test_a_candidate_that_is_not_there_fails_every_call_and_each_says_so():
    async with running_services([Renderer("commonmark")]) as (old,):
        mirrored = await mirrored_to(old, "http://127.0.0.1:1", old, NOISE)
    comparison = comparison_of("gone", mirrored.statistics, mirrored.scorecard, mirrored.records, by_key(TEXTS))
    assert mirrored.statistics.failed == len(TEXTS)
    assert comparison.documents_affected == 3
    assert {trouble.partition(": ")[2].partition(": ")[2].partition(":")[0] for trouble in comparison.troubles} == {
        "ConnectError"
    }


async def test_what_differs_in_status_alone_is_told_in_one_line():
    record = SimpleNamespace(key=b"0", failure=None, divergence=Divergence(status=(200, 500)))
    comparison = comparison_of("new", None, None, [record], by_key(TEXTS))
    assert comparison.troubles == ["a.md · block 1: status 200 -> 500"]


async def test_the_cost_is_measured_of_three_proxies(monkeypatch):
    monkeypatch.setattr(_demo_http_cost, "TIMED", 6)
    told = []
    async with running_services([Renderer("commonmark"), Renderer("marko")]) as (old, new):
        with CtrlC() as ctrl_c:
            costs = await _demo_http_cost.measure(old, new, TEXTS, name="marko", ctrl_c=ctrl_c, progress=told.append)
    assert [cost.what for cost in costs] == ["the proxy alone", "mirroring to marko", "mirroring to one that hangs"]
    assert all(0 < cost.timing.p50 <= cost.timing.p99 for cost in costs)
    assert (told[0], told[-1]) == (0, 6)


# ── Ctrl-C, and the end of a server ──────────────────────────────────────────────────────────────────────────────────


async def test_ctrl_c_waits_until_it_may_be_obeyed():
    passed = False
    with pytest.raises(BaseExceptionGroup) as caught, CtrlC() as ctrl_c:
        signal.raise_signal(signal.SIGINT)
        await trio.lowlevel.checkpoint()
        passed = True
        async with ctrl_c.obeyed():
            await trio.sleep_forever()
    assert passed
    assert caught.value.subgroup(KeyboardInterrupt) is not None


async def test_the_second_ctrl_c_is_as_python_has_it():
    reached = ["start"]
    with pytest.raises(KeyboardInterrupt), CtrlC():
        signal.raise_signal(signal.SIGINT)
        reached.append("first")
        signal.raise_signal(signal.SIGINT)
        reached.append("second")
    assert reached == ["start", "first"]


async def test_ctrl_c_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with CtrlC():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


async def test_ctrl_c_that_nobody_obeyed_is_raised_in_the_end():
    with pytest.raises(KeyboardInterrupt), CtrlC() as ctrl_c:
        async with ctrl_c.obeyed():
            pass
        signal.raise_signal(signal.SIGINT)
        await trio.lowlevel.checkpoint()


async def test_a_server_is_stopped_in_order_whatever_ends_the_body():
    seen = []

    async def app(scope, receive, send):
        assert scope["type"] == "lifespan"
        for state in ("startup", "shutdown"):
            seen.append((await receive())["type"])
            await send({"type": f"lifespan.{state}.complete"})

    with pytest.raises(ZeroDivisionError):
        async with served(app):
            raise ZeroDivisionError
    assert seen == ["lifespan.startup", "lifespan.shutdown"]


async def test_a_server_that_is_cancelled_ends():
    with trio.move_on_after(0.05) as scope:
        async with served(RenderService(Renderer("commonmark"))):
            await trio.sleep_forever()
    assert scope.cancelled_caught
