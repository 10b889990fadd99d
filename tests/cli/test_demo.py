"""The parts of the demo: input, comparison, measuring, services. Fakes, a virtual clock, loopback."""

from __future__ import annotations

import importlib.metadata
import io
import json
from types import SimpleNamespace

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from trioshadow import ShadowConfig, encode_key
from trioshadow.cli.common.errors import CliError
from trioshadow.cli.demo.compare import compare, kind_of
from trioshadow.cli.demo.documents import LONGEST, Block, choose_blocks, cut, documents_at, evenly, installed_documents
from trioshadow.cli.demo.http import NOISE, RenderService, mirror, served
from trioshadow.cli.demo.isolation import CALLS, CPU_RATE, HARMS, burst, measure_isolation
from trioshadow.cli.demo.renderers import Renderer
from trioshadow.cli.demo.report import answer, show_examples, show_isolation
from trioshadow.cli.demo.rounds import Measured, Row, measure
from trioshadow.evidence import Decision

# ── input ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_blocks_end_at_blank_lines():
    assert list(cut("# Title\n\nA line\nand more\n \n\n- one\n- two")) == [
        "# Title\n",
        "A line\nand more\n",
        "- one\n- two\n",
    ]
    assert list(cut(" \n\t\n")) == []


@pytest.mark.parametrize(
    "code",
    [
        "```python\na\n\nb\n```",
        "````\n```\n\n```\n````",  # fewer marks do not close it
        "  ```\n  a\n\n  b\n  ```",  # as in a list item
        "```\n\n``` not the end\n```",  # a closing fence has nothing after it
        "~~~\n\n```\n~~~",
        "```\nnever closed\n\nso it goes on to the end\n",  # CommonMark 4.5
    ],
)
def test_fenced_code_stays_in_one_piece(code):
    assert list(cut(f"before\n\n{code}")) == ["before\n", f"{code}\n"]


def test_code_in_a_line_is_no_fence():
    assert list(cut("```this``` is code\n\nand this is not")) == ["```this``` is code\n", "and this is not\n"]


@given(st.text(alphabet="ab #-1.`~>\n"))
def test_cutting_loses_nothing_but_blank_lines(text):
    def lines(part: str) -> list[str]:
        return [line for line in part.split("\n") if line.strip()]

    assert [line for block in cut(text) for line in lines(block)] == lines(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(("## Title\n", "heading"), ("#hash\n", "paragraph"), ("some *text*\n", "paragraph")),
        *(("- one\n", "list"), ("12. twelve\n", "list"), ("-one\n", "paragraph")),
        *(("```\n# a\n```\n", "code"), ("  ~~~\n", "code"), ("    - indented\n", "code"), ("```a``` b\n", "paragraph")),
    ],
)
def test_a_block_is_of_the_kind_that_a_person_sees(text, kind):
    assert Block("document", 1, text).kind == kind


def test_blocks_are_chosen_evenly_of_each_kind_and_none_is_too_long():
    blocks = [Block("a", number, "text") for number in range(10)]
    assert evenly(blocks, 10) == evenly(blocks, 99) == blocks
    assert evenly(blocks, 3) == [blocks[0], blocks[3], blocks[6]]
    chosen = choose_blocks({"a": "x\n\n" * 1000 + "# y\n\n" + "z" * LONGEST, "b": "last"})
    assert [sum(block.kind == kind for block in chosen) for kind in ("paragraph", "heading")] == [500, 1]
    assert (chosen[0], chosen[-1]) == (Block("a", 1, "x\n"), Block("a", 1001, "# y\n"))


def test_every_description_is_read_once_and_broken_ones_are_left_out(tmp_path, monkeypatch):
    for folder, name, metadata in [
        ("first", "zebra", b"Metadata-Version: 2.1\nName: zebra\nVersion: 1.0\n\n# Zebra\n"),
        ("first", "Ant", b"Metadata-Version: 1.0\nName: Ant\nVersion: 1.0\nDescription: An ant.\n"),
        ("first", "latin", b"Metadata-Version: 2.1\nName: latin\nVersion: 1.0\n\n\xff\xfe\n"),
        ("second", "zebra", b"Metadata-Version: 2.1\nName: zebra\nVersion: 1.0\n\nnot imported\n"),
    ]:
        info = tmp_path / folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_bytes(metadata)
    found = [*importlib.metadata.distributions(path=[str(tmp_path / "first"), str(tmp_path / "second")])]
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: found)
    documents = installed_documents()
    assert [(name, text.strip()) for name, text in documents.items()] == [
        ("Ant 1.0", "An ant."),
        ("zebra 1.0", "# Zebra"),
    ]


def test_files_are_taken_by_any_name_and_folders_by_suffix(tmp_path):
    named, found, other = tmp_path / "README", tmp_path / "sub" / "a.md", tmp_path / "sub" / "a.py"
    found.parent.mkdir()
    for file in (named, found, other):
        file.write_bytes(b"\xff not UTF-8\n")
    assert documents_at([named, found.parent]) == dict.fromkeys([str(named), str(found)], "\ufffd not UTF-8\n")


def test_no_text_and_no_file_are_wrong_use(tmp_path):
    with pytest.raises(CliError, match="can't read .*nowhere: No such file"):
        documents_at([tmp_path / "nowhere"])
    (tmp_path / "empty.md").write_text("\n")
    with pytest.raises(CliError, match="there is no text to render"):
        choose_blocks(documents_at([tmp_path]))


# ── comparing ────────────────────────────────────────────────────────────────────────────────────────────────────────

BLOCKS = choose_blocks({"a.md": "`it's`\n\n# b\n\n> c\n\n`'`", "b.md": "plain", "c.md": "more"})


class Fake:
    """In place of a Renderer."""

    name = "fake"

    def __init__(self, html_of):
        self.html_of = html_of

    def __str__(self):
        return "fake 1.0"

    async def call(self, text):
        return self.html_of(text)


def failing(_):
    raise RecursionError("too deep")


async def compare_with(new, old=None):
    seen = []
    comparison = await compare(old or Fake(str), new, BLOCKS, seen.append)
    assert seen == [*range(1, len(BLOCKS) + 1)]
    assert comparison.statistics.calls == comparison.scorecard.calls == len(BLOCKS)
    return comparison


async def test_identical_sides_give_no_difference_and_every_call_has_a_pair():
    comparison = await compare_with(Fake(str))
    assert (comparison.statistics.matched, comparison.differences) == (len(BLOCKS), [])
    pairs = {operation.operation: operation.pairs for operation in comparison.scorecard.operations}
    assert pairs == {"paragraph": 5, "heading": 1}
    assert comparison.scorecard.epoch.candidate == "fake 1.0"
    assert comparison.scorecard.decision is Decision.HOLD  # there are too few


async def test_what_the_primary_does_by_itself_is_noise_and_no_fault_of_the_candidate():
    answers = iter(range(1000))
    scorecard = (await compare_with(Fake(str), Fake(lambda _: next(answers)))).scorecard
    assert {field.noise for operation in scorecard.operations for field in operation.fields} == {1.0}


async def test_a_candidate_that_raises_is_an_example_in_one_line():
    comparison = await compare_with(Fake(failing))
    assert comparison.statistics.failed == len(BLOCKS)
    lines = shown(show_examples, comparison, "old").splitlines()
    assert lines[3:] == ["  a.md, block 3 (and 5 more like it)", "  failed: RecursionError: too deep"]


async def test_a_primary_that_raises_ends_neither_the_run_nor_the_counting():
    comparison = await compare_with(Fake(str), Fake(failing))
    assert (comparison.statistics.diverged, comparison.statistics.shed) == (len(BLOCKS), 0)
    assert "RecursionError" in shown(show_examples, comparison, "old")
    assert (await compare_with(Fake(failing), Fake(failing))).statistics.matched == len(BLOCKS)


async def test_examples_are_one_of_each_kind_the_most_frequent_first():
    comparison = await compare_with(Renderer("marko"), Renderer("commonmark"))
    ((block, record, alike),) = comparison.examples(3)
    assert (block.text, alike, kind_of(record)) == ("`'`\n", 2, ("'", "&"))
    lines = shown(show_examples, comparison, "old").splitlines()
    assert lines[3] == "  a.md, block 4 (and 1 more like it)"
    assert [line.split() for line in lines[-2:]] == [
        ["-", "<p><code>'</code></p>"],
        ["+", "<p><code>&#x27;</code></p>"],
    ]
    assert (await compare_with(Renderer("markdown-it-py"), Renderer("commonmark"))).differences == []


async def test_an_example_of_many_lines_is_cut():
    many = Fake(lambda text: "\n".join(f"{text.strip()} {number}" for number in range(9)))
    other = Fake(lambda text: many.html_of(text.upper() + "!"))
    lines = shown(show_examples, await compare_with(many, other), "old").splitlines()
    assert [line for line in lines if line.startswith("    and ")]


def shown(show, *arguments):
    """What it shows."""
    console = Console(file=io.StringIO(), width=80, color_system=None)
    show(console, *arguments)
    return console.file.getvalue()


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def measured(alone, again, other):
    """Of these times in each round, in milliseconds; the same way gives its first turn `alone`, its second `again`."""
    turns = {"alone": [], "other": []}

    def way(what, *milliseconds):
        async def calls():
            turns[what].append(milliseconds[len(turns[what]) % len(milliseconds)])
            return [turns[what][-1] / 1e3] * 20

        return calls

    told = []
    result = await measure({"alone": way("alone", alone, again), "other": way("other", other)}, 9, told.append)
    assert (told, len(turns["alone"]), len(turns["other"])) == ([*range(1, 10)], 18, 9)
    return result


async def test_a_calm_machine_is_told_by_the_ratio_and_a_busy_one_by_measuring_the_same_twice():
    calm = await measured(5, 5, 15)
    assert [row.what for row in calm.rows] == ["alone", "alone, again", "other"]
    assert (calm.unrest, calm.is_busy) == (1, False)
    assert calm.rows[2] == Row("other", *map(pytest.approx, (15, 15, 3, 3)))
    busy = await measured(5, 6, 15)
    assert (busy.unrest, busy.is_busy) == (pytest.approx(1.2), True)


async def test_one_disturbed_round_changes_nothing():
    disturbed = iter([5.0] * 8 + [500.0] + [5.0] * 91)

    async def calls():
        return [next(disturbed)] * 20

    assert [row.ratio_p50 for row in (await measure({"a": calls, "b": calls}, 9, lambda _: None)).rows] == [1, 1, 1]


async def test_latency_counts_from_when_the_call_was_due(mock_clock):
    """A loop that is blocked delays callers that could not even begin; on the virtual clock the delay is exact."""
    mock_clock.autojump_threshold = 0

    async def blocking(number):
        if number == 0:
            mock_clock.jump(0.010)  # the loop does nothing else meanwhile

    times = await burst(blocking)
    assert len(times) == CALLS
    assert max(times) == pytest.approx(0.010)
    assert sum(times) == pytest.approx(sum(0.010 - n / 1000 for n in range(10)))


async def test_each_candidate_accounts_for_all_its_calls():
    """On the wall clock, in one round: what is claimed is the accounting, not the times."""
    result, statistics = await measure_isolation(Renderer("commonmark"), Renderer("markdown-it-py"), 1, lambda _: None)
    assert [row.what for row in result.rows] == ["alone", "alone, again", *statistics]
    assert statistics["slow"].matched == CALLS
    # On a busy machine: a loop that is late is not the candidate's fault.
    assert statistics["hung"].timed_out + statistics["hung"].abandoned == CALLS
    assert statistics["failing"].failed == CALLS
    for what in statistics.keys() - HARMS:
        assert (statistics[what].mirrored, statistics[what].not_sampled) == (1, CALLS - 1)
    assert "50 matched" in shown(show_isolation, result, statistics)


def test_each_round_mirrors_one_call_to_the_candidate_that_computes():
    config = ShadowConfig(sample_rate=CPU_RATE)
    assert sum(config.should_shadow(encode_key(number)) for number in range(CALLS)) == 1


@pytest.mark.parametrize(
    ("ratio", "unrest", "words"),
    [
        (1.04, 1.01, "No: with a slow, hung or failing candidate p50 is at most 1.04 times"),
        (1.06, 1.01, "Here, yes: with a slow, hung or failing candidate p50 is at most 1.06 times"),
        (
            64.0,
            1.50,
            "This machine is too busy to tell: in a typical round, two measurements of the primary alone differ by 50%",
        ),
    ],
)
def test_the_panel_hides_nothing_but_the_ratios_of_a_busy_machine(ratio, unrest, words):
    rows = [Row("alone", 5, 6, 1, 1), Row("alone, again", 5, 6, 1, 1), *(Row(what, 7, 8, ratio, 2) for what in HARMS)]
    result = Measured(rows, unrest)
    assert answer(result).startswith(words)
    text = shown(show_isolation, result, {})
    assert " ".join(text.split()).count(words) == 1
    assert (f"{ratio:.2f}" in text) == ("busy" not in words)


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def ask(service, text):
    """Status and JSON of an answer."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": json.dumps({"text": text}).encode()}

    async def send(message):
        sent.append(message)

    await service({"type": "http"}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_two_answers_of_a_service_differ_in_nothing_but_the_noise():
    service = RenderService(Renderer("commonmark"))
    (status, one), (_, other) = await ask(service, "*a*"), await ask(service, "*a*")
    assert {name for name in one if one[name] != other[name]} == {"id", "rendered_at"}
    assert (status, one["html"]) == (200, "<p><em>a</em></p>\n")


async def test_a_library_that_raises_is_a_500():
    status, said = await ask(RenderService(SimpleNamespace(html_of=failing)), "x")
    assert (status, said["error"]) == (500, "RecursionError")


async def mirrored(old, new, rules):
    return await mirror(old, new, Fake(str), BLOCKS, rules=rules, progress=lambda _: None)


@pytest.mark.parametrize(("name", "left"), [("commonmark", 0), ("marko", 2)])
async def test_rules_leave_what_the_libraries_do_differently_and_nothing_else(name, left):
    async with served(RenderService(Renderer("commonmark"))) as old, served(RenderService(Renderer(name))) as new:
        without, ruled = await mirrored(old, new, ()), await mirrored(old, new, NOISE)
    (operation,) = without.scorecard.operations
    assert (operation.operation, operation.pairs, without.statistics.diverged) == ("/render", len(BLOCKS), len(BLOCKS))
    noise = {field.field: field.noise for field in operation.fields}
    assert noise == {"$.id": 1, "$.rendered_at": 1, **({"$.html": 0} if left else {})}
    assert (ruled.statistics.matched, ruled.statistics.diverged) == (len(BLOCKS) - left, left)
    assert {block.text for block, _ in ruled.differences} == ({"`it's`\n", "`'`\n"} if left else set())


async def test_a_candidate_that_is_not_there_fails_every_call():
    async with served(RenderService(Renderer("commonmark"))) as old:
        comparison = await mirrored(old, "http://127.0.0.1:1", NOISE)
    assert {record.failure.type_name for _, record in comparison.differences} == {"ConnectError"}
    assert comparison.statistics.failed == len(BLOCKS)


async def test_a_server_that_is_cancelled_ends():
    with trio.move_on_after(0.05) as scope:
        async with served(RenderService(Renderer("commonmark"))):
            await trio.sleep_forever()
    assert scope.cancelled_caught
