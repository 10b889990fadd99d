"""The course of the evidence in a report: as JSON, on the page, on the terminal; and its figures as geometry."""

from __future__ import annotations

import json
import math
import re

import pytest

from trioshadow.archive import summarize
from trioshadow.cli.report.course_plot import HEIGHT, WIDTH, Moment, plot_course
from trioshadow.cli.report.page import write_page
from trioshadow.cli.report.words import clock
from trioshadow.evidence import Acknowledged, Objective

from tests.support.archives import record, shadowed, written
from tests.support.commands import run
from tests.support.counting import START, Process

OBJECTIVE = Objective(max_rate=0.01)
EVIL = "<script>alert(1)</script>\u202e\x1b{{ 7 * 7 }}"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.jsonl"


def page(*paths, objective=OBJECTIVE):
    target = paths[0].parent / "page.html"
    write_page(summarize(*paths, objective=objective, course=True), target)
    return target.read_text(encoding="utf-8")


def section(text):
    return re.search(r'<section aria-labelledby="over-time">.*?</section>', text, re.DOTALL)[0]


def figures(text):
    """Of each its title and its text."""
    found = re.findall(r"<figure.*?</figure>", section(text), re.DOTALL)
    return [
        (re.search(r"<figcaption>(.*?)( <|</)", one)[1], " ".join(re.sub(r"<[^>]*>", " ", one).split()))
        for one in found
    ]


def titles(text):
    return [title for title, _ in figures(text)]


@pytest.fixture
def worse(path):
    """Four hours that were well, and an hour in which every fifth call differs; of another operation none."""
    process = Process(path, "s1")
    for minute in range(300):
        process.count(20, 4 if minute >= 240 else 0)
        process.count(10, operation="GET /well")
        process.go(1, calls=0)
    return path


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def refused(constant):
    raise AssertionError(constant)


def test_the_json_has_all_of_it(worse):
    told = json.loads(run("report", worse, "--json", "--objective-rate", "0.01").stdout, parse_constant=refused)
    course = told["course"]
    assert [*course] == ["moments", "incomplete", "hour_since", "tracks"]
    assert course["moments"][0] == START + 60
    assert course["moments"][-1] == told["last_at"] == course["hour_since"] + 3600
    names = [(track["operation"], track["field"]) for track in course["tracks"]]
    assert names == [("GET /", "anything"), ("GET /", "$.price"), ("GET /well", "anything")]
    price = course["tracks"][1]
    assert price["last_hour"] == {"compared": 1200, "differed": 240, "pairs": 0, "secondary_differed": 0}
    assert [track["much_worse"] for track in course["tracks"]] == [True, True, False]
    last = price["points"][-1]
    field = next(one for one in told["operations"] if one["operation"] == "GET /")["fields"][0]
    assert last == {
        "at": course["moments"][-1],
        "compared": 6000,
        "differed": 240,
        "pairs": 0,
        "secondary_differed": 0,
        **{name: field[name] for name in ("rate_beyond_noise", "allowed", "log10_e_value")},
    }
    assert field["field"] == "$.price"


def test_without_a_snapshot_it_is_null(path):
    written(path, record())
    assert json.loads(run("report", path, "--json").stdout)["course"] is None


# ── the terminal ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_line_says_what_is_much_worse_in_the_last_hour(worse):
    told = "Last hour: GET /: $.price differs in 20.00 % of 1,200 calls, in 4.00 % of the whole"
    assert f"\n{told}\n" in run("report", worse).stdout


def test_of_several_it_names_the_worst_and_says_how_many_there_are(path):
    process = Process(path, "s1")
    process.count(20_000, operation="GET /other")
    process.go(100, calls=20)
    process.clock.now += 1
    for _ in range(60):
        process.count(20, 2, field="$.a")
        process.count(20, 6, field="$.b", operation="GET /other")
        process.go(1, calls=0)
    line = next(line for line in run("report", path).stdout.splitlines() if line.startswith("Last "))
    assert line.startswith("Last hour: GET /other: $.b differs in 30")
    assert line.endswith("of the whole (and 1 more)")


def test_where_nothing_is_worse_there_is_no_such_line(path):
    Process(path, "s1").go(100, calls=20, wrong=1)
    assert "ast hour" not in run("report", path).stdout


def test_an_operation_as_a_whole_is_named_where_none_of_its_fields_is_much_worse(path):
    process = Process(path, "s1")
    process.go(100, calls=20)
    for minute in range(60):
        for number in range(2):
            process.count(1, 1, field=f"$.f{minute}-{number}")
        process.go(1, calls=20)
    assert "Last hour: GET /: anything differs in 9.09 % of 1,320 calls" in run("report", path).stdout


def test_a_last_hour_that_is_longer_says_so(path):
    process = Process(path, "s1")
    for hour in range(4):
        process.count(1_000, 200 if hour == 3 else 0)
        process.clock.now += 90 * 60
        process.put()
    assert "Last 90 minutes: GET /: $.price differs in 20" in run("report", path).stdout


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_shows_each_operation_and_each_field_that_differs(worse):
    text = page(worse)
    shown = dict(figures(text))
    assert [*shown] == ["GET /: anything", "GET /: $.price", "GET /well: anything"]
    assert shown["GET /: $.price"].startswith("GET /: $.price")
    assert "last hour: much worse" in shown["GET /: $.price"]
    assert "whole last hour differs 4.00 % 20.00 % of calls 6,000 1,200 noise - -" in shown["GET /: $.price"]
    assert "much worse" not in shown["GET /well: anything"]
    assert "allowed 1.00 %" in shown["GET /well: anything"]
    assert '<td class="worse">20.00 %</td>' in text
    assert text.count('class="worse"') == 2


def test_a_figure_says_in_words_where_it_begins_and_ends_and_what_is_allowed(worse):
    told = re.findall(r'class="plot over"[^>]* role="img" aria-label="([^"]*)"', page(worse))
    assert len(told) == 3
    assert re.fullmatch(
        r"GET /: \$\.price\. Beyond noise it differs in at most [\d.]+ % as of 2026-09-21 14:14:20 UTC, and in at most "
        r"[\d.]+ % as of 2026-09-21 19:13:20 UTC; 1\.00 % is allowed\. The e-value is 10 to the power of \d+ in the "
        r"end; 20 is enough\.",
        told[1],
    )
    assert re.search(r"The e-value is [\d.]+ in the end; 20 is enough", told[2])


def test_what_is_much_worse_stands_at_the_top_too(worse):
    header = page(worse).partition("</header>")[0]
    assert "last hour: GET /: $.price differs in 20.00 % of 1,200 calls, in 4.00 % of the whole" in header


def test_nothing_from_traffic_is_markup(path):
    process = Process(path, "s1")
    process.go(100, calls=20, operation=EVIL, field=EVIL)
    process.go(60, calls=20, wrong=9, operation=EVIL, field=EVIL)
    text = page(path)
    assert text.count("<script") == 1
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e\\u001b{{ 7 * 7 }}" in section(text)
    assert "much worse" in section(text)


@pytest.mark.slow
def test_what_matters_most_comes_first(path):
    """Each has more calls than those before it, but the last, and that alone would turn the order around."""
    process = Process(path, "s1")
    for minute in range(200):
        process.count(2, noise=0, operation="GET /late")
        process.count(4, 1, noise=0, operation="GET /bad", field="$.bad")
        process.count(6, minute % 20 == 0, noise=0, operation="GET /differs", field="$.once")
        process.count(7, 3, noise=4, operation="GET /random", field="$.id")
        process.count(8, noise=0, operation="GET /clean")
        process.count(12, noise=0, operation="GET /noted")
        process.go(1, calls=0)
    process.count(1, 1, noise=0, operation="GET /noted", field="$.noted")
    for _ in range(60):
        process.count(1, 1, noise=0, operation="GET /late", field="$.late")
        process.go(1, calls=0)
    # What is broken now is another matter.
    for operation in ("GET /late", "GET /bad"):
        process.evidence.operations[operation].block += 100
    process.put()
    objective = Objective(max_rate=0.01, unverifiable_noise=0.5, acknowledged=[Acknowledged("$.noted")])
    shown = titles(page(path, objective=objective))
    fields = [
        *("GET /late: $.late", "GET /bad: $.bad", "GET /differs: $.once", "GET /random: $.id"),
        *("GET /clean: anything", "GET /noted: $.noted"),
    ]
    assert [title for title in shown if title in fields] == fields
    assert shown[-1] == "GET /noted: $.noted"


def test_a_field_in_which_only_the_secondary_differed_is_not_drawn(path):
    process = Process(path, "s1")
    process.go(3, calls=10, noise=1, field="$.noise")
    process.go(3, calls=10, wrong=1, noise=1, field="$.price")
    assert sorted(titles(page(path))) == ["GET /: $.price", "GET /: anything"]


def test_what_is_enough_goes_by_the_error_level_of_the_operation(path):
    process = Process(path, "s1")
    process.go(3, calls=20)
    process.go(3, calls=10, operation="POST /pay")
    objective = Objective(operations={"POST /pay": Objective(error_level=0.001)})
    shown = dict(figures(page(path, objective=objective)))
    assert "e = 20 " in shown["GET /: anything"]
    assert "e = 1000 " in shown["POST /pay: anything"]


def test_what_is_broken_now_says_so_and_comes_before_what_regressed(path):
    process = Process(path, "s1")
    process.go(30, calls=20)
    process.go(5, calls=20, operation="GET /other", wrong=10, field="$.regressed")
    for _ in range(20):
        process.go(1, calls=20, operation="GET /other", field="$.regressed")
    process.go(3, calls=20, wrong=20, field="$.broken")
    shown = figures(page(path))
    assert [title for title, _ in shown][:1] == ["GET /: $.broken"]
    assert "broken now" in dict(shown)["GET /: $.broken"]
    assert "broken now" not in dict(shown)["GET /other: $.regressed"]


def test_of_many_fields_so_many_are_drawn_and_it_is_said_how_many_are_not(path):
    process = Process(path, "s1")
    process.go(3, calls=20)
    for number in range(90):
        process.count(3, 1, field=f"$.f{number}")
    process.go(1, calls=20)
    text = page(path)
    assert len(figures(text)) == 60
    assert "31 more are not drawn; the JSON has them." in section(text)
    assert '<div class="plots many">' in section(text)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (20, "The first snapshot is less than an hour older than the last: the whole is the last hour."),
        (61, None),
    ],
)
def test_of_a_young_epoch_it_is_said_that_the_whole_is_the_last_hour(path, minutes, words):
    Process(path, "s1").go(minutes, calls=20)
    text = section(page(path))
    assert ("the whole is the last hour" in text) == (words is not None)
    if words:
        assert words in text
        assert "<td>-</td>" in text


def test_where_the_last_hour_is_not_known_it_is_said(path):
    process = Process(path, "s1")
    for _ in range(3):
        process.count(10)
        process.clock.now += 5 * 3600
        process.put()
    assert "The last hour is not known apart: snapshots are too far apart" in section(page(path))


def test_what_is_missing_is_said(path, monkeypatch):
    from trioshadow.archive._reading import again

    Process(path, "s1").go(30, calls=20)
    monkeypatch.setattr(again, "_evidence_in", lambda raw: None)
    told = "At 11 of 12 moments a snapshot is missing that was there at first: its file is gone."
    assert told in section(page(path))


def test_without_a_course_it_says_why(path, tmp_path):
    written(path, record())
    assert "There is no snapshot." in section(page(path))
    shadowed(tmp_path / "b.jsonl", 5, lambda n: 1, lambda n: 1)
    assert "There is one snapshot only: what came before is not known." in section(page(tmp_path / "b.jsonl"))
    target = tmp_path / "page.html"
    write_page(summarize(tmp_path / "b.jsonl", objective=OBJECTIVE), target)
    assert "It was not asked for." in section(target.read_text(encoding="utf-8"))


# ── geometry ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def numbers(path):
    return [float(number) for number in re.findall(r"[-\d.]+", path)]


def points(path):
    found = numbers(path)
    return [*zip(found[::2], found[1::2], strict=True)]


def drawn(*moments, begin=0.0, end=100.0, enough=20.0):
    return plot_course([Moment(*moment) for moment in moments], begin, end, enough)


@pytest.mark.parametrize(
    "moments",
    [
        [(0, 1.0, 0.001, 0.0), (50, 0.01, 0.001, 1.0), (100, 0.0005, 0.001, -0.5)],
        [(0, 1.0, 1.0, 1e6), (100, 1.0, 1.0, -1e6)],
        [(0, 1e-9, 1e-9, 0.0), (100, 1e-9, 1e-9, 0.0)],
        [(0, 0.0, 0.0, 0.0), (100, 0.0, 0.0, 0.0)],
        [(100, 0.2, 0.1, 0.0)],
    ],
)
def test_everything_is_within_the_frame(moments):
    plot = drawn(*moments)
    for path, top, base in (
        (plot.bound, plot.top, plot.middle),
        (plot.allowed, plot.top, plot.middle),
        (plot.e_value, plot.lower, plot.base),
    ):
        if len(moments) > 1:
            assert all(plot.left <= x <= plot.right and top <= y <= base for x, y in points(path))
        assert all(math.isfinite(number) for number in numbers(path))
    assert plot.top <= plot.allowed_label.y <= plot.middle
    assert plot.lower <= plot.enough.y <= plot.base
    assert all(plot.top <= level.y <= plot.middle for level in plot.rates)
    assert (plot.width, plot.height) == (WIDTH, HEIGHT)


def test_what_is_less_is_further_down_and_what_is_later_further_right():
    plot = drawn((0, 0.1, 0.001, 0.0), (50, 0.01, 0.001, 2.0), (100, 0.001, 0.001, 1.0))
    (x0, y0), (x1, y1), (x2, y2) = points(plot.bound)
    assert x0 == plot.left
    assert x2 == plot.right
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert y1 - y0 == pytest.approx(y2 - y1, abs=0.2), "the axis is logarithmic"
    assert y2 == points(plot.allowed)[-1][1] > y0
    e_values = [y for _, y in points(plot.e_value)]
    assert e_values[1] < plot.enough.y < e_values[2] < e_values[0]


def test_what_is_allowed_is_told_on_the_other_side_of_it_than_the_bound():
    for bound, below in ((0.1, True), (0.0001, False)):
        plot = drawn((0, 1.0, 0.001, 0.0), (100, bound, 0.001, 0.0))
        assert (plot.allowed_label.y > points(plot.allowed)[-1][1]) is below
        assert plot.allowed_label.label == "allowed 0.10 %"


def test_rates_are_whole_powers_of_ten_and_more_where_there_are_few():
    assert [level.label for level in drawn((0, 1.0, 0.001, 0.0)).rates] == ["0.1 %", "1 %", "10 %", "100 %"]
    assert [level.label for level in drawn((0, 0.06, 0.012, 0.0)).rates] == ["2 %", "5 %"]


def test_an_e_value_that_must_be_large_is_in_sight():
    plot = drawn((0, 1.0, 0.001, 3.0), (100, 1.0, 0.001, 9.5), enough=1e9)
    assert points(plot.e_value)[1][1] < plot.enough.y < points(plot.e_value)[0][1]
    assert plot.enough.label == "1e+09"


def test_a_single_moment_is_a_short_line():
    plot = drawn((100, 0.2, 0.1, 0.0))
    assert re.fullmatch(r"M333\.0 [\d.]+H336\.0", plot.bound)


def test_the_axis_of_time_has_its_ends_and_its_middle():
    ticks = drawn((0, 1, 0.1, 0), begin=START, end=START + 7200).ticks
    assert [(tick.label, tick.anchor) for tick in ticks] == [("14:13", "start"), ("15:13", ""), ("16:13", "end")]


@pytest.mark.parametrize(
    ("span", "words"),
    [(599, "14:13:20"), (600, "14:13"), (86_400, "09-21 14:13"), (864_000, "2026-09-21")],
)
def test_a_moment_of_an_axis_is_as_fine_as_the_axis_is_long(span, words):
    assert clock(1_790_000_000.0, span) == words
    assert clock(1e300, span) == "1e+300 s"
