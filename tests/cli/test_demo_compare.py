"""The demo's main job and its measurements, on Trio: real renderers and fakes that misbehave."""

from __future__ import annotations

import pytest
import trio

from trioshadow.cli.common.errors import CliError, require
from trioshadow.cli.demo import isolation as _demo_isolation
from trioshadow.cli.demo.blocks import Document, cut_all
from trioshadow.cli.demo.compare import compare
from trioshadow.cli.demo.isolation import HARMS, Isolation
from trioshadow.cli.demo.renderers import Renderer
from trioshadow.evidence import Decision, Objective

BLOCKS = cut_all([Document("a.md", "`it's`\n\n# b\n\n> c"), Document("b.md", "plain"), Document("c.md", "more")])


class Echo:
    async def call(self, text):
        return text.encode()


async def compare_with(shadow, primary=None, seen=None):
    progress = (lambda _: None) if seen is None else seen.append
    said = {"name": "fake", "candidate": "fake 1.0", "objective": Objective(max_rate=0.1)}
    return await compare(primary or Echo(), shadow, BLOCKS, **said, progress=progress)


async def test_identical_sides_give_no_difference_and_lose_no_call():
    seen = []
    comparison = await compare_with(Echo(), seen=seen)
    assert comparison.statistics.calls == comparison.statistics.matched == len(BLOCKS)
    assert (comparison.differences, comparison.troubles, comparison.documents_affected) == ([], [], 0)
    assert seen == list(range(1, len(BLOCKS) + 1))


async def test_the_scorecard_is_by_kind_of_block_and_every_call_has_a_pair():
    scorecard = (await compare_with(Echo())).scorecard
    assert {operation.operation: operation.pairs for operation in scorecard.operations} == {
        "paragraph": 4,
        "heading": 1,
        "whole text": 1,
    }
    assert scorecard.pairs == len(BLOCKS)
    assert scorecard.epoch.candidate == "fake 1.0"
    assert scorecard.decision is Decision.HOLD  # there are too few


async def test_what_the_primary_does_by_itself_is_noise_and_no_fault_of_the_candidate():
    class Counting(Echo):
        calls = 0

        async def call(self, _):
            self.calls += 1
            return b"%d" % self.calls

    scorecard = (await compare_with(Echo(), primary=Counting())).scorecard
    assert {field.noise for operation in scorecard.operations for field in operation.fields} == {1.0}
    assert not [reason for reason in scorecard.reasons if "must be looked at" in reason]


async def test_differences_come_with_both_answers_and_the_place():
    class Loud(Echo):
        async def call(self, text):
            return text.replace("plain", "plAin").encode()

    comparison = await compare_with(Loud())
    (difference,) = comparison.differences
    assert difference.key == "b.md · block 1"
    assert difference.body.forms == ("text", "text")
    assert [(change.path, change.primary, change.shadow) for change in difference.body.changes] == [
        ("$[0]", "plain", "plAin")
    ]
    assert comparison.documents_affected == 1


async def test_a_candidate_that_raises_is_told_in_words():
    class Failing:
        async def call(self, _):
            raise RecursionError("too deep")

    comparison = await compare_with(Failing())
    assert comparison.statistics.failed == len(BLOCKS)
    assert comparison.documents_affected == 3
    assert comparison.troubles[0].endswith("the candidate failed: RecursionError: too deep")


async def test_a_primary_that_raises_ends_neither_the_run_nor_the_counting():
    class Failing:
        async def call(self, _):
            raise RecursionError

    comparison = await compare_with(Echo(), primary=Failing())
    assert comparison.statistics.diverged == len(BLOCKS)
    assert comparison.statistics.shed == 0
    assert comparison.troubles[0].endswith("the primary raised RecursionError, the candidate answered")
    assert (await compare_with(Failing(), primary=Failing())).statistics.matched == len(BLOCKS)


async def test_the_good_candidate_agrees_and_a_bad_one_does_not():
    primary = Renderer("commonmark")
    good = await compare_with(Renderer("markdown-it-py"), primary)
    bad = await compare_with(Renderer("marko"), primary)
    assert good.statistics.matched == len(BLOCKS)
    assert {difference.key for difference in bad.differences} == {"a.md · block 1", "a.md · whole text"}


@pytest.mark.parametrize("name", ["commonmark", "markdown-it-py", "marko", "mistune"])
async def test_every_renderer_renders_to_bytes(name):
    renderer = Renderer(name)
    assert (await renderer.call("*a*\n")).strip() == b"<p><em>a</em></p>"
    assert b"\xed\xa0\x80" in renderer.render("a lone surrogate \ud800\n")


def test_a_missing_library_is_named_with_its_extra():
    with pytest.raises(CliError, match=r"no_such_library: pip install 'trioshadow\[demo\]'"):
        require("no_such_library", extra="demo")


def test_an_import_error_inside_a_library_is_not_explained_away(tmp_path, monkeypatch):
    (tmp_path / "broken_library.py").write_text("import no_such_library")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        require("broken_library", extra="demo")


async def test_each_row_accounts_for_all_its_calls(monkeypatch):
    """On the wall clock, with few calls: what is claimed is the accounting, not the times."""
    monkeypatch.setattr(_demo_isolation, "CPU_SECONDS", 0.002)
    monkeypatch.setattr(_demo_isolation, "CPU_RATE", 0.2)
    isolation = Isolation(Renderer("commonmark"), Renderer("markdown-it-py"), calls=40)
    rows = {name: await isolation.harm(name) for name in HARMS}
    assert rows["slow"].statistics.matched == 40
    assert rows["hung"].statistics.timed_out == 40
    assert rows["failing"].statistics.failed == 40
    for row in (await isolation.computing_on_the_loop(), await isolation.computing_in_a_thread()):
        counts = row.statistics
        assert counts.matched + counts.not_sampled == counts.calls == 40
        assert counts.matched > 0
    for row in rows.values():
        assert row.alone.p50 >= 5  # the primary sleeps for so long
        assert row.beside.p50 < 500  # and no caller waited for the shadow's second


async def test_latency_counts_from_when_the_call_was_due(mock_clock):
    """A loop that is blocked delays callers that could not even begin; on the virtual clock the delay is exact."""
    mock_clock.autojump_threshold = 0

    async def blocking(number):
        if number == 0:
            mock_clock.jump(0.010)  # the loop does nothing else meanwhile

    times = await _demo_isolation._load(blocking, 20)
    assert max(times) == pytest.approx(0.010)
    assert sum(times) == pytest.approx(sum(0.010 - n / 1000 for n in range(10)))


async def test_cancelling_the_comparison_ends_it():
    class Hung:
        async def call(self, _):
            await trio.sleep_forever()

    with trio.move_on_after(0.05) as scope:
        await compare_with(Hung())
    assert scope.cancelled_caught
