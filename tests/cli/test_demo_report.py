"""What the demo shows of results that a run with sound libraries does not have. Written to a string; no Trio."""

from __future__ import annotations

import io
import re

import attrs
from rich.console import Console

from trioshadow import Divergence, ShadowConfig, Shadower
from trioshadow.cli.common.scorecard import shortened
from trioshadow.cli.demo.compare import Comparison
from trioshadow.cli.demo.examples import Difference
from trioshadow.cli.demo.isolation import Row
from trioshadow.cli.demo.panel import show_harms
from trioshadow.cli.demo.report import show_examples, show_objective, show_scorecards
from trioshadow.cli.demo.timing import Timing
from trioshadow.evidence import Decision, Example, Objective


async def answer(_):
    raise NotImplementedError


EMPTY = Shadower(answer, answer, ShadowConfig(candidate="new 2.0"))
NOTHING = EMPTY.statistics()
CARD = EMPTY.scorecard()


def shown(show, *arguments, **options):
    console = Console(file=io.StringIO(), width=80, color_system=None)
    show(console, *arguments, **options)
    return console.file.getvalue()


def test_calls_without_two_answers_are_shown_in_one_line_each():
    troubles = ["a · block 1: the candidate failed: ValueError: two\nlines " + "x" * 100, *("more",) * 4]
    text = shown(show_examples, Comparison("new", NOTHING, CARD, [], troubles, 1), "old")
    assert text.splitlines()[:3] == [
        "Calls without two answers: 3 of 5",
        r"  a · block 1: the candidate failed: ValueError: two\nlines xxxxxxxxxxxxxxxxxxx…",
        "  more",
    ]


def test_an_example_of_many_lines_is_cut():
    divergence = Divergence.compare("\n".join("abcdefgh"), "\n".join("ABCDEFGH"), ShadowConfig())
    difference = Difference("key", divergence, divergence.body)
    lines = shown(show_examples, Comparison("new", NOTHING, CARD, [difference], [], 1), "old").splitlines()
    assert lines[0] == "Where new differs (1 of 1; - old, + new):"
    assert lines[2:6] == ["  key", "  body (text): 8 changes", "    line 1", "      - a"]
    assert lines[-2] == "    and 15 more lines"


def test_a_decision_stands_in_a_line_of_its_own_with_the_candidate():
    for decision in Decision:
        comparison = Comparison("new", NOTHING, attrs.evolve(CARD, decision=decision), [], [], 0)
        assert shown(show_scorecards, [comparison]).splitlines()[0] == f"new 2.0: {decision.name}"


async def test_a_scorecard_is_shortened_by_what_is_said_elsewhere():
    async def other(_):
        return b"other"

    async def same(_):
        return b"same"

    config = ShadowConfig(noise_rate=1)
    async with Shadower(same, other, config, secondary=same) as shadower:
        for number in range(100):
            await (await shadower.call(b"%d" % number)).wait_settled()
        await shadower.wait_idle()
        scorecard = shadower.scorecard()
    assert scorecard.decision is Decision.REJECT
    (field,) = scorecard.operations[0].fields
    assert isinstance(field.examples[0], Example)
    assert scorecard.missing
    short = shortened(scorecard)
    assert (short.operations[0].fields[0].examples, short.missing) == ((), ())
    assert (short.reasons, short.not_covered) == (scorecard.reasons, scorecard.not_covered)
    held = attrs.evolve(scorecard, decision=Decision.HOLD)
    assert shortened(held).missing == held.missing


def test_the_objective_is_said_with_what_it_takes():
    for calls, decides, words in ((1, False, "1 call can hardly decide even that."), (300, True, "some 5,000 of each")):
        said = " ".join(shown(show_objective, Objective(max_rate=0.02), calls, decides=decides).split())
        assert words in said
        assert "Objective(max_rate=0.02, max_p99_ratio=None): of each kind of call at most 2% may differ" in said


def test_the_panel_does_not_hide_that_the_callers_were_slowed_down():
    counts = attrs.evolve(NOTHING, abandoned=2, shed=3)
    text = shown(show_harms, [Row("slow (1 s)", Timing(5, 6), Timing(10, 18), counts)], "old")
    assert re.search(r"^slow \(1 s\) .* 2\.00 +3\.00 +2 abandoned", text, re.MULTILINE)
    assert "shed" in text
    assert "p50 is at most 2.00 times what it is alone, p99 at most 3.00 times" in " ".join(text.split())
