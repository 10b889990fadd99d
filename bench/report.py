"""What a report costs: reading archives for it, writing its page, and looking at that in a browser.

`summarize()` reads an archive once, adds up its snapshots, and puts its records together by what differs. It is set
against reading the same records and nothing else. All records are alike in the one row, in the other each differs in a
field of its own, the worst there is.

Snapshots are those of three processes, a minute apart, of ten operations with five fields each. Some are read again for
the report over time. Of two hours of them that is much; of a week it was 4 % of what reading takes.

The page of 10,000 differences is scrolled from its top to its end in 120 steps in Debian's headless Chromium, a frame
each, and so is one of 100. A frame takes 16.7 ms at least, since the browser draws 60 a second. Without playwright or a
Chromium these rows are left out, and that is said.

What these rows do not tell: how fast a browser is that draws with a graphics card, or a telephone's.
"""

from __future__ import annotations

import contextlib
import functools
import random
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import trio

from trioshadow import Divergence, DivergenceRecord, ShadowConfig, Verdict
from trioshadow.archive import JsonlSink, read_archive, summarize
from trioshadow.archive._lines import record_line, snapshot_line
from trioshadow.cli.report.page import write_page
from trioshadow.evidence import Epoch, Evidence, Objective, Observation

from lib.table import Row, Section, brief, mib, ms, us
from lib.timing import Effort, Rounds, timed_once

_DIFFERENCES = 10_000
#: Of the snapshots: minutes, calls in each, operations, fields of each, and how often one differs.
_MINUTES, _CALLS, _OPERATIONS, _FIELDS, _NOISE = 120, 60, 10, 5, 0.01
_COURSES = ("without", "with")
_STEPS = 120

_SCROLL = f"""async () => {{
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const times = [];
  await frame();
  let last = performance.now();
  for (let step = 0; step < {_STEPS}; step++) {{
    scrollTo(0, document.documentElement.scrollHeight * step / {_STEPS});
    await frame();
    const now = performance.now();
    times.push(now - last);
    last = now;
  }}
  return times.sort((a, b) => a - b);
}}"""


def _record(number: int, *, alike: bool) -> DivergenceRecord:
    old = {"name": "x" * 20, "items": [1, 2, 3], f"field {0 if alike else number}": "the old value"}
    divergence = Divergence.compare(old, {**old, [*old][-1]: f"the new value {number}"}, ShadowConfig())
    return DivergenceRecord(b"%d" % number, "GET /cart", Verdict.DIVERGED, divergence, None, 1e9, 0.01, 0.02, "e")


def _written(path: Path, lines: Iterable[bytes]) -> Path:
    async def begin() -> None:
        sink = JsonlSink(path)
        await sink.write(_record(0, alike=True))
        await sink.aclose()

    trio.run(begin)
    opened = path.read_bytes().partition(b"\n")[0]
    with path.open("wb") as file:
        file.write(opened + b"\n")
        file.writelines(lines)
    return path


def _archive(directory: Path, name: str, count: int, *, alike: bool) -> Path:
    return _written(directory / name, (record_line(_record(number, alike=alike)) for number in range(count)))


def _snapshots(series: str, minutes: int) -> Iterator[bytes]:
    dice = random.Random(series)
    evidence = Evidence(Epoch(), series=series)
    begun = 1_790_000_000.0
    for minute in range(1, minutes + 1):
        for _ in range(_CALLS):
            row = evidence.operation(f"GET /{dice.randrange(_OPERATIONS)}")
            row.counts[Verdict.MATCHED.slot] += 1
            sides = [
                Observation(
                    verdict=Verdict.MATCHED,
                    fields={f"$.f{field}": ("1", "2") for field in range(_FIELDS) if dice.random() < _NOISE},
                    seconds=0.01,
                )
                for _ in range(2)
            ]
            evidence.observe(
                row, *sides, key=b"", key_hash=dice.getrandbits(64), at=begun + 60 * minute, primary_seconds=0.01
            )
        yield snapshot_line(evidence.to_dict(begun + 60 * minute), begun + 60 * minute)


def _read(path: Path, count: int) -> None:
    if sum(1 for _ in read_archive(path).records()) != count:
        raise AssertionError("records are missing")


def _summarize(path: Path, count: int) -> None:
    found = summarize(path, objective=Objective())
    if sum(one.calls for one in found.differences) != count:
        raise AssertionError("records are missing")


def _over_time(directory: Path, effort: Effort) -> Row:
    minutes = max(20, min(_MINUTES, effort.calls // 4))
    paths = [_written(directory / f"{series}.jsonl", _snapshots(series, minutes)) for series in "cde"]

    def report(*, course: bool) -> None:
        if (summarize(*paths, objective=Objective(), course=course).course is None) is course:
            raise AssertionError("there is a course where none was asked for, or none where one was")

    rounds = Rounds(
        {name: functools.partial(timed_once, functools.partial(report, course=name == "with")) for name in _COURSES},
        max(1, effort.rounds // 4),
    )
    without = rounds.median(lambda one: one["without"])
    return Row(
        f"{3 * minutes} snapshots, with the report over time",
        brief(rounds.median(lambda one: one["with"])),
        f"without it, {brief(without)}",
        rounds.median(lambda one: one["with"] / one["without"]),
    ).hold_at_most(2)


def sections(effort: Effort) -> list[Section]:
    """Measure."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        count = max(100, min(_DIFFERENCES, effort.calls * 10))
        alike, apart = (
            _archive(directory, name, count, alike=alike) for name, alike in (("a.jsonl", True), ("b.jsonl", False))
        )
        reading = functools.partial(timed_once, functools.partial(_read, alike, count))
        rounds = Rounds(
            {
                "read": reading,
                "alike": functools.partial(timed_once, functools.partial(_summarize, alike, count)),
                "apart": functools.partial(timed_once, functools.partial(_summarize, apart, count)),
            },
            effort.rounds,
        )
        against = f"reading them, {us(rounds.median(lambda one: one['read']) / count)}"

        def row(what: str, name: str) -> Row:
            median = rounds.median(lambda one: one[name]) / count
            return Row(what, f"{us(median)} a record", against, rounds.median(lambda one: one[name] / one["read"]))

        rows = [
            row("records that all differ alike", "alike"),
            row("records that differ each in another field", "apart"),
            _over_time(directory, effort),
        ]
        summary = summarize(apart, objective=Objective())
        page, few = directory / "many.html", directory / "few.html"
        seconds = timed_once(functools.partial(write_page, summary, page))
        write_page(attrs.evolve(summary, differences=summary.differences[:100]), few)
        told = f"the page of {count:,} differences, {mib(page.stat().st_size)}: writing it"
        rows.append(Row(told, brief(seconds)))
        looked, notes = _looking(page, few, count)
        return [Section(f"A report of {count:,} records", [*rows, *looked], notes)]


def _looking(page: Path, few: Path, count: int) -> tuple[list[Row], list[str]]:
    with _browser() as browser:
        if browser is None:
            return [], ["The page was not looked at: there is no Chromium, or no playwright."]
        loaded, many_frames = _scroll(browser, page)
        _, few_frames = _scroll(browser, few)
    middle, late = len(many_frames) // 2, len(many_frames) * 95 // 100
    median, base = many_frames[middle] / 1e3, few_frames[middle] / 1e3
    return [
        Row(f"opening the page of {count:,} in Chromium", brief(loaded)),
        Row("scrolling it, median of the frames", ms(median), f"that of 100 differences, {ms(base)}", median / base),
        Row("scrolling it, 95 % of the frames are below", ms(many_frames[late] / 1e3)),
    ], []


@contextlib.contextmanager
def _browser() -> Iterator[Any]:
    path = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it may not be there
    except ModuleNotFoundError:
        path = None
    if path is None:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def _scroll(browser: Any, page: Path) -> tuple[float, list[float]]:
    tab = browser.new_page(viewport={"width": 1400, "height": 900})
    start = time.perf_counter()
    tab.goto(page.as_uri())
    loaded = time.perf_counter() - start
    frames: list[float] = tab.evaluate(_SCROLL)
    tab.close()
    return loaded, frames
