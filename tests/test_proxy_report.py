"""What the proxy tells of what it has seen: counting, the admin address, the report. In memory, on no server."""

from __future__ import annotations

import doctest
import io
import json
import re

import attrs
from rich.console import Console

from trioshadow import (
    Divergence,
    DivergenceRecord,
    ErrorDiff,
    FailureKind,
    ResponseRecord,
    ShadowConfig,
    Shadower,
    ShadowFailure,
    Verdict,
)
from trioshadow.cli import _proxy_tally
from trioshadow.cli._proxy_admin import Admin
from trioshadow.cli._proxy_report import show_report
from trioshadow.cli._proxy_tally import LIMIT, OTHERS, Place, Tally, general, places_of
from trioshadow.compare import IgnorePath

JSON = {"content-type": "application/json"}
TEXT = {"content-type": "text/plain"}


def diverging(primary, shadow, operation="GET /a", **headers):
    divergence = Divergence.compare(primary, shadow, ShadowConfig())
    assert divergence is not None
    return DivergenceRecord(b"k", operation, Verdict.DIVERGED, divergence, None, 0.0, 0.1, 0.1)


def of_json(document, status=200, **headers):
    return ResponseRecord(json.dumps(document).encode(), status=status, headers={**JSON, **headers})


def failing(kind=FailureKind.RAISED, type_name="ConnectError"):
    return DivergenceRecord(b"k", "GET /a", Verdict.FAILED, None, ShadowFailure(kind, type_name, ""), 0.0, 0.1, 0.1)


def statistics(**counts):
    return attrs.evolve(EMPTY, **counts)


async def _nothing(request):
    raise NotImplementedError


EMPTY = Shadower(_nothing, _nothing).statistics()


def test_places_are_counted_once_a_call_and_without_indices():
    tally = Tally()
    for prices in ((1, 2), (1, 3)):
        primary = of_json({"items": [{"price": 1, "id": 1}, {"price": 1, "id": 1}]}, **{"x-a": "1"})
        shadow = of_json({"items": [{"price": price, "id": 2} for price in prices]}, status=201, **{"x-a": "2"})
        tally.write(diverging(primary, shadow))
    assert tally.diverged == {
        Place("GET /a", "status"): 2,
        Place("GET /a", "header x-a"): 2,
        Place("GET /a", "$.items[*].price"): 2,
        Place("GET /a", "$.items[*].id"): 2,
    }


def test_other_places_have_names_too():
    bodies = ResponseRecord(b"\xff\x00"), ResponseRecord(b"\xff\x01")
    texts = ResponseRecord(b"a\nb", headers=TEXT), ResponseRecord(b"a\nc\nd", headers=TEXT)
    for primary, shadow in (bodies, texts):
        assert places_of(Divergence.compare(primary, shadow, ShadowConfig())) == ["body"]
    assert places_of(Divergence(error=ErrorDiff("A", None, "", ""))) == ["error"]


def test_a_path_can_be_given_to_ignore_path():
    path = general(r"$['a'][12]['b c']['it\'s [3]']['[4]']")
    assert path == r"$.a[*]['b c']['it\'s [3]']['[4]']"
    config = ShadowConfig(ignore=[IgnorePath(path)])
    primary, shadow = ({"a": [{"b c": {"it's [3]": {"[4]": n}}}]} for n in (1, 2))
    assert Divergence.compare(of_json(primary), of_json(shadow), config) is None


def test_memory_is_bounded_and_the_counts_go_on():
    tally = Tally()
    for n in range(LIMIT + 100):
        tally.write(diverging(of_json(1), of_json(2), operation=f"GET /{n}"))
        tally.write(failing(type_name=f"E{n}"))
    assert len(tally.diverged) <= LIMIT + 1
    assert len(tally.examples) <= LIMIT + 1
    assert tally.diverged[Place(OTHERS, OTHERS)] == 100
    assert len(tally.failed) <= LIMIT + 1
    assert tally.failed[OTHERS] == 100
    assert (tally.diverged.total(), tally.failed.total()) == (LIMIT + 100, LIMIT + 100)


def test_failures_are_counted_by_kind():
    tally = Tally()
    for record in (failing(), failing(), failing(FailureKind.TOO_LARGE, "BodyTooLarge")):
        tally.write(record)
    assert tally.failed == {"raised: ConnectError": 2, "too large: BodyTooLarge": 1}


# ── the admin address ─────────────────────────────────────────────────────────────────────────────────────────────────


async def ask(admin, path, method="GET"):
    sent = []

    async def send(message):
        sent.append(message)

    await admin({"type": "http", "method": method, "path": path}, None, send)
    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"] == b"application/json"
    assert int(headers[b"content-length"]) == len(sent[1]["body"])
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_health_says_when_it_drains():
    draining = False
    admin = Admin(lambda: EMPTY, Tally(), lambda: draining)
    assert await ask(admin, "/healthz") == (200, {"status": "ok"})
    draining = True
    assert await ask(admin, "/healthz") == (503, {"status": "draining"})


async def test_statistics_have_all_counters_and_no_values():
    tally = Tally()
    tally.write(diverging(of_json({"a": "secret"}), of_json({"a": "hidden"})))
    tally.write(failing())
    status, told = await ask(Admin(lambda: statistics(calls=7), tally, bool), "/statistics")
    assert (status, told["calls"], told["held_back_by_cause"]["not_allowed"]) == (200, 7, 0)
    assert told.keys() == {field.name for field in attrs.fields(type(EMPTY))} | {"diverging", "failures"}
    assert told["diverging"] == [{"operation": "GET /a", "where": "$.a", "calls": 1}]
    assert told["failures"] == {"raised: ConnectError": 1}
    assert not {"secret", "hidden"} & set(json.dumps(told).split('"'))


async def test_it_does_nothing_else():
    admin = Admin(lambda: EMPTY, Tally(), bool)
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

    await Admin(lambda: EMPTY, Tally(), bool)({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


# ── the report ────────────────────────────────────────────────────────────────────────────────────────────────────────


def report(tally=None, **counts):
    console = Console(file=io.StringIO(), width=80, highlight=False, markup=False, emoji=False)
    show_report(console, statistics(**counts), tally or Tally())
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    return [line.rstrip() for line in lines]


def test_a_report_without_anything_says_so():
    assert report() == [
        "0 requests served, 0 of them mirrored:",
        *("  matched              0", "  diverged             0", "  failed               0"),
        *("  timed out            0", "  abandoned            0"),
        *("", "Nothing was compared."),
    ]


def test_the_report_has_counts_causes_failures_places_and_an_example():
    tally = Tally()
    for n in range(20):
        tally.write(
            diverging(of_json({"a": [n]}), of_json({"a": ["\x1b[2J" + "x" * 200]}), operation="GET /" + "日" * 100)
        )
        tally.write(diverging(of_json({f"a{n}": n}), of_json({f"a{n}": -n - 1})))
        tally.write(failing(type_name=f"Error{n % 12}" + "x" * 100))
    lines = report(
        tally,
        calls=100_000,
        mirrored=60,
        not_mirrored=99_940,
        matched=0,
        diverged=40,
        failed=20,
        held_back=99_000,
        not_sampled=940,
        held_back_by_cause={"not_allowed": 99_000, "marked": 0},
    )
    assert lines[0] == "100,000 requests served, 60 of them mirrored:"
    assert "  diverged            40" in lines
    assert "  not sampled        940" in lines
    assert "  held back       99,000  (not allowed 99,000)" in lines
    assert lines.count("  and 2 more") == 1  # failures
    assert lines.count("  and 11 more") == 1  # places
    (row,) = [line for line in lines if line.startswith("   20  GET /日")]
    assert re.fullmatch("   20  GET /日{14}…? +\\$\\.a\\[\\*\\]", row)
    assert "An example (- primary, + shadow), GET /" in "\n".join(lines)
    assert lines[-1] == "60 of 60 compared requests differ."
    assert "\x1b" not in "\n".join(lines)


def test_a_report_of_equals_ends_so():
    assert report(calls=3, mirrored=3, matched=3)[-1] == "0 of 3 compared requests differ."


def test_a_long_example_is_cut():
    tally = Tally()
    tally.write(diverging(of_json(dict.fromkeys("abcdefgh", 1)), of_json(dict.fromkeys("abcdefgh", 2))))
    assert "  and 13 more lines" in report(tally)


def test_examples_in_docstrings_hold():
    assert doctest.testmod(_proxy_tally).failed == 0
