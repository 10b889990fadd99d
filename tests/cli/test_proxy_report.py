"""What the proxy tells of what it has seen: the admin address, the report. In memory, on no server."""

from __future__ import annotations

import io
import json
import re

import attrs
import pytest
from rich.console import Console

from trioshadow import ResponseRecord, ShadowConfig, Shadower
from trioshadow.cli.proxy.admin import SHOWN, Admin
from trioshadow.cli.proxy.report import show_report
from trioshadow.evidence import Objective

JSON = {"content-type": "application/json"}


async def _nothing(request):
    raise NotImplementedError


EMPTY = Shadower(_nothing, _nothing)
NOTHING = EMPTY.statistics()


def of_json(document):
    return ResponseRecord(json.dumps(document).encode(), headers=JSON)


async def seen(calls, shadow, *, secondary=None, candidate="", objective=None, primary=None):
    """Statistics and scorecard of so many calls, of operations by the request."""

    async def same(_):
        return of_json({"a": 1})

    config = ShadowConfig(candidate=candidate, noise_rate=1)
    async with Shadower(primary or same, shadow or same, config, secondary=secondary) as shadower:
        for number in range(calls):
            outcome = await shadower.call(b"%d" % number, operation=f"GET /{number % 40}" if calls > 500 else "GET /a")
            await outcome.wait_settled()
        await shadower.wait_idle()
        return shadower.statistics(), shadower.scorecard(objective or Objective())


# ── the admin address ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"host", b"127.0.0.1:9901")], 200),
        ([(b"host", b"localhost")], 200),
        ([(b"host", b"[::1]:9901")], 200),
        ([(b"host", b"rebound.example:9901")], 403),
        ([(b"host", b"127.0.0.1.example")], 403),
        ([(b"host", b"localhost:1"), (b"origin", b"https://evil.example")], 403),
    ],
)
async def test_what_a_web_page_asks_is_refused(headers, status):
    admin = Admin(lambda: NOTHING, lambda: EMPTY.scorecard(Objective()), lambda: False)
    assert (await ask(admin, "/healthz", headers=headers))[0] == status


async def ask(admin, path, method="GET", headers=()):
    sent = []

    async def send(message):
        sent.append(message)

    await admin({"type": "http", "method": method, "path": path, "headers": headers}, None, send)
    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"] == b"application/json"
    assert int(headers[b"content-length"]) == len(sent[1]["body"])
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_health_says_when_it_drains():
    draining = False
    admin = Admin(EMPTY.statistics, EMPTY.scorecard, lambda: draining)
    assert await ask(admin, "/healthz") == (200, {"status": "ok"})
    draining = True
    assert await ask(admin, "/healthz") == (503, {"status": "draining"})


async def test_statistics_have_all_counters_the_scorecard_and_no_values():
    async def other(_):
        return of_json({"a": "secret"})

    statistics, scorecard = await seen(3, other, candidate="new 2")
    status, told = await ask(Admin(lambda: statistics, lambda: scorecard, bool), "/statistics")
    assert (status, told["calls"], told["held_back_by_cause"]["not_allowed"]) == (200, 3, 0)
    assert told.keys() == {field.name for field in attrs.fields(type(NOTHING))} | {"scorecard", "diverging"}
    assert told["secondary"] == dict.fromkeys(told["secondary"], 0)
    assert told["diverging"] == [{"operation": "GET /a", "where": "$.a", "state": "differs", "calls": 3, "noise": None}]
    assert told["scorecard"] == {
        "candidate": "new 2",
        "decision": "hold",
        **{name: list(getattr(scorecard, name)) for name in ("reasons", "missing", "not_covered", "notes")},
        "coverage": 0.0,
        "withheld": [],
    }
    assert told["scorecard"]["reasons"]
    assert "secret" not in json.dumps(told)


async def test_of_where_they_differ_the_most_frequent_are_told_first():
    async def other(request):
        return of_json({"a": 1 if int(request) % 40 < 10 else 2, "b": 1})

    statistics, scorecard = await seen(600, other)
    told = Admin(lambda: statistics, lambda: scorecard, bool).seen()["diverging"]
    assert len(told) == SHOWN
    counts = [each["calls"] for each in told]
    assert counts == sorted(counts, reverse=True)
    assert {each["where"] for each in told} == {"$.a", "$.b"}


async def test_what_only_the_secondary_does_is_not_told_of_the_shadow():
    async def noisy(_):
        return of_json({"a": 1, "c": 1})

    statistics, scorecard = await seen(3, None, secondary=noisy)
    assert [field.field for field in scorecard.operation("GET /a").fields] == ["$.c"]
    assert Admin(lambda: statistics, lambda: scorecard, bool).seen()["diverging"] == []


async def test_it_does_nothing_else():
    admin = Admin(EMPTY.statistics, EMPTY.scorecard, bool)
    assert (await ask(admin, "/"))[0] == 404
    assert (await ask(admin, "/healthz", "POST"))[0] == 405
    assert (await ask(admin, "/healthz", "HEAD"))[0] == 200


async def test_its_lifespan_is_answered():
    said = iter(["lifespan.startup", "lifespan.shutdown"])
    sent = []

    async def receive():
        return {"type": next(said)}

    async def send(message):
        sent.append(message["type"])

    await Admin(EMPTY.statistics, EMPTY.scorecard, bool)({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


# ── the report ────────────────────────────────────────────────────────────────────────────────────────────────────────


def report(statistics, scorecard):
    console = Console(file=io.StringIO(), width=80, highlight=False, markup=False, emoji=False)
    show_report(console, statistics, scorecard)
    text = console.file.getvalue()
    assert "\x1b" not in text
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    return [line.rstrip() for line in lines]


def test_a_report_without_anything_says_so():
    assert report(NOTHING, EMPTY.scorecard())[:10] == [
        "0 requests served, 0 of them mirrored:",
        *("  matched              0", "  diverged             0", "  failed               0"),
        *("  timed out            0", "  abandoned            0"),
        *("", "the shadow: HOLD", "  - nothing has been compared yet", ""),
    ]


def test_the_report_has_counts_and_causes():
    counts = {"calls": 100_000, "mirrored": 60, "not_mirrored": 99_940, "diverged": 40, "failed": 20}
    counts |= {"held_back": 99_000, "not_sampled": 940}
    causes = {"held_back_by_cause": {"not_allowed": 99_000, "marked": 0}}
    lines = report(attrs.evolve(NOTHING, **counts, **causes), EMPTY.scorecard())
    assert lines[0] == "100,000 requests served, 60 of them mirrored:"
    assert "  diverged            40" in lines
    assert "  not sampled        940" in lines
    assert "  held back       99,000  (not allowed 99,000)" in lines


async def test_the_report_has_the_scorecard_with_an_example_and_nothing_steers_the_terminal():
    async def other(_):
        return of_json({"a": "\x1b[2J" + "x" * 200})

    statistics, scorecard = await seen(3, other, candidate="new\x1b[2J 2.0")
    lines = report(statistics, scorecard)
    (decision,) = [number for number, line in enumerate(lines) if line == r"new\u001b[2J 2.0: HOLD"]
    reason = " ".join(" ".join(lines[decision + 1 : decision + 3]).split())
    assert re.match(r"- GET /a: \$.a differs for 100.00% of the keys \(3\): it must be looked at", reason)
    field = lines.index("    $.a: differs")
    assert lines[field + 2] == "      - 1"
    assert lines[field + 3].startswith('      + "\\u001b[2Jxxxx')


async def test_what_the_report_says_is_what_the_scorecard_says():
    statistics, scorecard = await seen(60, None, objective=Objective(max_rate=0.1, max_p99_ratio=None))
    assert report(statistics, scorecard)[7:9] == [
        "the shadow: PROMOTE",
        "  - 1 operation, 100.0% of the calls: no field differs beyond noise in more than",
    ]


@pytest.mark.parametrize("fails", [False, True])
async def test_the_secondary_is_counted_apart(fails):
    async def copy(_):
        if fails:
            raise ConnectionError
        return of_json({"a": 1})

    lines = report(*await seen(3, None, secondary=copy))
    said = lines.index("3 of these to the secondary too:")
    assert lines[said + 1] == ("  failed               3" if fails else "  matched              3")
    assert ("  - the secondary failed in 3 calls" in lines) == fails
    assert lines[1] == "  matched              3"
