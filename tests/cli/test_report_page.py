"""The page of a report as text: what is in it, and that nothing from traffic is markup.

`test_report_browser.py` looks at it in a browser.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from html.parser import HTMLParser

import attrs
import pytest
import trio

from trioshadow import Captured, mirrored
from trioshadow.archive import JsonlSink, summarize
from trioshadow.cli.report.page import marked, write_page
from trioshadow.cli.report.plot import HEIGHT, WIDTH, plot
from trioshadow.cli.report.words import asked, moment, period, seconds, share
from trioshadow.evidence import Acknowledged, Objective
from trioshadow.evidence._histogram import Histogram

from tests.support.archives import record, shadowed, written

EVIL = "<script>alert(1)</script>'\"&<img src=x onerror=alert(2)>\u202e\x1b[2J{{ 7 * 7 }}"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shadow.jsonl"


class Parsed(HTMLParser):
    """The elements of a page, by tag, and its visible text."""

    VOID = ("meta", "input", "link", "br")

    def __init__(self, text):
        super().__init__()
        self.tags = {}
        self.texts = []
        self.open = []
        self.feed(text)
        assert not self.open, "every element is closed"

    def handle_starttag(self, tag, attrs):
        self.tags.setdefault(tag, []).append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.setdefault(tag, []).append(dict(attrs))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def page(*paths, objective=None):
    target = paths[0].parent / "page.html"
    write_page(summarize(*paths, objective=objective or Objective()), target)
    assert target.stat().st_mode & 0o777 == 0o600
    return target.read_text(encoding="utf-8")


def test_it_says_the_decision_first_and_everything_else_after_it(path):
    shadowed(path, 400, lambda n: {"a": 1}, lambda n: {"a": 1 + n % 2}, lambda n: {"a": 1}, candidate="shop 2.1")
    found = Parsed(page(path))
    order = [
        *("REJECT It does not meet what was asked.", "shop 2.1", "Why", "$.a differs for 50.00% of the keys (200)"),
        *("To promote it takes", "fix $.a, or acknowledge it", "Asked for: no field differs beyond noise", "Coverage"),
        *(
            "matched 200 (50.00 %)",
            "Operations",
            "GET /users/{id}",
            "regressed",
            "Fields that differ",
            "$.a",
            "50.00 %",
        ),
        *("Latency", "p50", "Differences", "200\u00d7", "diverged", "primary 1", "shadow 2", "Files", str(path)),
    ]
    at = 0
    for words in order:
        at = found.text.index(words, at)


def test_estimates_are_marked(path):
    shadowed(path, 1_100, lambda n: {"a": 1}, lambda n: {"a": 1 + n % 4 // 3}, lambda n: {"a": 1})
    text = Parsed(page(path)).text
    (operation,) = re.findall(r"GET /users/\{id\} regressed 1,100 1,100 (~1,[01]\d\d) ", text)
    (field,) = re.findall(r"\$\.a regressed 275 (~2\d\d) ", text)
    assert operation != field
    assert f"$.a differs for {share(int(field[1:]) / int(operation[1:].replace(',', '')))[:3]}" in text
    assert f" of the keys (about {field[1:]})" in text


def test_an_example_says_whose_call_it_was(path):
    written(path, attrs.evolve(record(), context=(("tenant", "acme"), ("release", "42"))))
    assert " · key user-7 · tenant acme · release 42 · " in Parsed(page(path)).text


def test_nothing_from_traffic_is_markup(path):
    request = {"method": EVIL, "url": EVIL, "headers": [[EVIL, EVIL]], "body": EVIL}
    evil = record(
        EVIL.encode(), old={EVIL: EVIL}, new={EVIL: EVIL + "!"}, epoch=EVIL, captured=Captured(request, EVIL, EVIL)
    )
    written(path, attrs.evolve(evil, context=((EVIL, EVIL),)))
    shadowed(path, 5, lambda n: {EVIL: 1}, lambda n: {EVIL: 2}, candidate=EVIL, operations=(EVIL,))
    harmless = path.parent / "harmless.jsonl"
    written(harmless, record())
    shadowed(harmless, 5, lambda n: {"a": 1}, lambda n: {"a": 2}, candidate="b", operations=("c",))
    for archive in (path, harmless):
        text = page(archive)
        found = Parsed(text)
        assert len(found.tags["script"]) == len(found.tags["style"]) == 1
        assert "img" not in found.tags
        assert not [name for tag in found.tags.values() for each in tag for name in each if name.startswith("on")]
        assert "\x1b" not in text
        assert "\u202e" not in text
        if archive is path:
            assert (
                found.text.count("<script>alert(1)</script>'\"&<img src=x onerror=alert(2)>\\u202e\\u001b[2J{{ 7") > 8
            )


def test_its_policy_lets_nothing_run_but_what_has_the_hash_of_its_own_script(path):
    written(path, record())
    text = page(path)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for kind, rule in (("script", "script-src"), ("style", "style-src")):
        source = re.search(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)[1]
        assert rules[rule] == f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
    assert not re.search(r'(?:src|href)="(?!#)', text), "it loads nothing"
    assert " style=" not in text, "which the policy would not let through"


def test_a_page_about_nothing_says_so(path):
    shadowed(path, 0, None, None)
    text = Parsed(page(path)).text
    for words in (
        *("HOLD Not yet", "(candidate without a name)", "nothing has been compared yet", "No call was counted."),
        *("No call was compared, so nothing is known.", "No call was timed.", "No record of a difference"),
    ):
        assert words in text


def test_a_page_about_one_record_says_that_nothing_was_counted(path):
    written(path, record())
    text = Parsed(page(path)).text
    for words in (
        *("HOLD", "there are records and no snapshot", "1 record of calls", "1 difference, each", "1\u00d7 diverged"),
        "1 segment, 1 record of divergences",
    ):
        assert words in text


def test_without_a_divergence_it_says_that_none_is_expected(path):
    shadowed(path, 6_000, lambda n: 1, lambda n: 1, lambda n: 1)
    text = Parsed(page(path, objective=Objective(max_p99_ratio=None))).text
    assert "PROMOTE It meets what was asked" in text
    assert "No field differs in any call that was compared." in text
    assert "There are none to be expected" in text


def test_an_operation_whose_p99_is_not_known_is_not_called_clean(path):
    shadowed(path, 300, lambda n: {"a": 1}, lambda n: {"a": 1}, candidate="b")
    lax = Objective(max_rate=0.05)
    text = page(path, objective=lax)
    assert "0 % of all calls are of operations that were found clean" in Parsed(text).text
    assert '<span class="state too_few">p99 unknown</span>' in text
    assert '<span class="state clean">' not in text
    assert "p99 unknown" in summarize(path, objective=lax).scorecard.explain()
    text = page(path, objective=attrs.evolve(lax, max_p99_ratio=None))
    assert '<span class="state clean">clean</span>' in text


def test_an_acknowledged_field_shows_its_reason(path):
    shadowed(path, 50, lambda n: {"a": 1}, lambda n: {"a": 2})
    objective = Objective(acknowledged=[Acknowledged("$.a", reason="agreed <in> April")])
    text = Parsed(page(path, objective=objective)).text
    assert "$.a agreed <in> April acknowledged" in text
    assert "explained: as noise so far, as rare enough, as acknowledged, or by withheld credentials" in text


def test_problems_and_other_epochs_are_listed(path):
    shadowed(path, 10, lambda n: 1, lambda n: 2, candidate="1.0")
    shadowed(path, 10, lambda n: 1, lambda n: 1, candidate="2.0")
    with path.open("ab") as file:
        file.write(b'{"t":"rec')
    text = Parsed(page(path)).text
    assert f"{path}:" in text
    assert "the last line has no end nothing to be done: what is lost is this line" in text
    assert "Other epochs in the files" in text
    assert "1.0, rules" in text


def test_it_is_written_as_a_whole_or_not_at_all(path, monkeypatch):
    written(path, record())
    target = path.parent / "page.html"
    target.write_text("before")
    summary = summarize(path, objective=Objective())
    monkeypatch.setattr("trioshadow.cli.report.page._difference", None)
    with pytest.raises(TypeError):
        write_page(summary, target)
    assert target.read_text() == "before"
    assert sorted(file.name for file in path.parent.iterdir()) == ["page.html", "shadow.jsonl"]


@pytest.mark.parametrize("target", ["/dev/null", "."])
def test_it_writes_over_nothing_but_a_file(path, target):
    from pathlib import Path

    written(path, record())
    with pytest.raises(OSError, match="it is there, and is no file"):
        write_page(summarize(path, objective=Objective()), Path(target))


# ── what differs between two texts ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("primary", "shadow", "old", "new"),
    [
        ("abcd", "abXd", ("ab", "c", "d"), ("ab", "X", "d")),
        ("aa", "aaa", ("aa", "", ""), ("aa", "a", "")),
        ("abab", "ab", ("ab", "ab", ""), ("ab", "", "")),
        ("", "x", ("", "", ""), ("", "x", "")),
        ("same", "same", ("same", "", ""), ("same", "", "")),
        ("x\x1b", "y\x1b", ("", "x", "\\u001b"), ("", "y", "\\u001b")),
    ],
)
def test_what_is_on_one_side_only_is_marked(primary, shadow, old, new):
    for side, expected in zip(marked(primary, shadow), (old, new), strict=True):
        assert (side.before, side.changed, side.after) == expected


def test_a_side_that_has_nothing_is_told_apart_from_an_empty_text():
    assert marked(None, "x")[0] is None
    assert marked("", None)[0] is not None


# ── plots ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def bins(*latencies):
    histogram = Histogram()
    for latency in latencies:
        histogram.add(latency)
    return histogram.bins()


def points(path):
    return [float(number) for number in re.findall(r"[-\d.]+", path)]


def test_a_plot_has_both_sides_within_its_frame_and_their_shares_as_heights():
    drawn = plot([(bins(0.001, 0.001, 0.01, 0.1), 0.1), (bins(0.002), 0.002)])
    primary, shadow = drawn.sides
    assert primary.path.count("M") == shadow.path.count("M") == 1
    assert all(0 <= point <= WIDTH for side in drawn.sides for point in points(side.path))
    heights = sorted({float(y) for y in re.findall(r"V([\d.]+)", primary.path)})
    base = drawn.base
    # Of four calls two were alike, then one and one: half, and a quarter, of the shadow's one.
    assert [round((base - y) / (base - 6), 2) for y in heights] == [0.5, 0.25, 0]
    assert [tick.label for tick in drawn.ticks] == ["1 ms", "10 ms", "100 ms"]
    assert 0 < shadow.p99_x < primary.p99_x < WIDTH
    assert drawn.height == HEIGHT


def test_a_latency_that_is_not_judged_is_marked_and_what_was_timed_apart_is_told(path):
    """A sync primary and an async shadow; and a shadow in the only thread there is, for five calls at once."""

    async def asynchronous(request):
        await trio.lowlevel.checkpoint()

    def wait(request):
        time.sleep(0.002)

    async def both():
        unlike = mirrored(asynchronous, name="unlike", sinks=[JsonlSink(path.with_name("1.jsonl"))])(lambda request: 1)
        queued = mirrored(wait, name="queued", sinks=[JsonlSink(path.with_name("2.jsonl"))], max_workers=1)(wait)
        for function in (unlike, queued):
            async with function.mirroring() as shadower:
                for number in range(7):
                    function(number)
                await shadower.wait_idle()

    trio.run(both)
    text = Parsed(page(path.with_name("1.jsonl"))).text
    assert "unlike not judged" in text
    assert "own CPU of the primary: p50" in text
    assert "own CPU of the shadow" not in text
    text = Parsed(page(path.with_name("2.jsonl"))).text
    assert "own CPU of the shadow: p50" in text
    assert "before that the shadow waited for a place: p99" in text


@pytest.mark.parametrize("latency", [0, 1e-6, 1.5e-6, 0.013, 4_000, 1e9])
def test_one_call_has_a_plot_with_two_ticks_or_more(latency):
    drawn = plot([(bins(latency), latency), ([], None)])
    assert len(drawn.ticks) >= 2
    assert drawn.sides[1].path == ""
    assert drawn.sides[1].p99_x is None
    assert 0 <= drawn.sides[0].p99_x <= WIDTH


def test_without_a_call_there_is_no_plot():
    assert plot([([], None), ([], None)]) is None


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "words"),
    [
        *((None, "-"), (0, "0 µs"), (1.5e-6, "1.5 µs"), (0.0009994, "999 µs"), (0.0009996, "1 ms"), (0.25, "250 ms")),
        *((0.9996, "1 s"), (12.34, "12.3 s"), (4_000, "4,000 s")),
    ],
)
def test_seconds_are_told_in_the_unit_that_fits(value, words):
    assert seconds(value) == words


@pytest.mark.parametrize(
    ("part", "words"),
    [(0, "0 %"), (1, "100 %"), (1e-6, "<0.01 %"), (0.999999, ">99.99 %"), (0.12345, "12.35 %"), (0.0001, "0.01 %")],
)
def test_a_share_tells_something_from_nothing_and_nearly_all_from_all(part, words):
    assert share(part) == words


def test_what_was_asked_is_told_as_it_is_judged():
    # 40 µs beside 20 µs is fast enough, and 6 ms beside 6 ms no slower than asked: neither is a fault.
    assert "no p99 is more than 1.5 times the primary's, unless it is 5 ms or less" in asked(Objective())
    assert "p99" not in asked(Objective(max_p99_ratio=None))


def test_a_time_that_no_calendar_has_is_told_as_a_number():
    assert moment(1e300) == "1e+300 s since 1970"
    assert moment(1_790_000_000.9) == "2026-09-21 14:13:20 UTC"
    assert period(None, None) == "at no time"
    assert period(1.0, 1.4) == "1970-01-01 00:00:01 UTC"
    assert period(1.0, 3.0) == "1970-01-01 00:00:01 UTC to 1970-01-01 00:00:03 UTC"
