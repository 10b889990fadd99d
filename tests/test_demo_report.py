"""What the demo shows of results that a run with sound libraries does not have. Written to a string; no Trio."""

from __future__ import annotations

import io
import re

import attrs
from rich.console import Console

from trioshadow import Divergence, ShadowConfig, Shadower
from trioshadow.cli._demo_compare import Comparison
from trioshadow.cli._demo_examples import Difference
from trioshadow.cli._demo_isolation import Row
from trioshadow.cli._demo_panel import show_harms
from trioshadow.cli._demo_report import show_examples, show_verdict
from trioshadow.cli._demo_timing import Timing


async def answer(_):
    raise NotImplementedError


NOTHING = Shadower(answer, answer).statistics()


def shown(show, *arguments):
    console = Console(file=io.StringIO(), width=80, color_system=None)
    show(console, *arguments)
    return console.file.getvalue()


def test_calls_without_two_answers_are_shown_in_one_line_each():
    troubles = ["a · block 1: the candidate failed: ValueError: two\nlines " + "x" * 100, *("more",) * 4]
    text = shown(show_examples, Comparison("new", NOTHING, [], troubles, 1), "old")
    assert text.splitlines()[:3] == [
        "Calls without two answers: 3 of 5",
        r"  a · block 1: the candidate failed: ValueError: two\nlines xxxxxxxxxxxxxxxxxxx…",
        "  more",
    ]


def test_an_example_of_many_lines_is_cut():
    divergence = Divergence.compare("\n".join("abcdefgh"), "\n".join("ABCDEFGH"), ShadowConfig())
    difference = Difference("key", divergence, divergence.body)
    lines = shown(show_examples, Comparison("new", NOTHING, [difference], [], 1), "old").splitlines()
    assert lines[0] == "Where new differs (1 of 1; - old, + new):"
    assert lines[2:6] == ["  key", "  body (text): 8 changes", "    line 1", "      - a"]
    assert lines[-2] == "    and 15 more lines"


def test_one_call_is_singular():
    counts = attrs.evolve(NOTHING, calls=1, diverged=1)
    assert "new: 1 of 1 call differ, in 1 of 1 document. " in shown(
        show_verdict, Comparison("new", counts, [], [], 1), "old", 1
    )


def test_the_panel_does_not_hide_that_the_callers_were_slowed_down():
    counts = attrs.evolve(NOTHING, abandoned=2, shed=3)
    text = shown(show_harms, [Row("slow (1 s)", Timing(5, 6), Timing(10, 18), counts)], "old")
    assert re.search(r"^slow \(1 s\) .* 2\.00 +3\.00 +2 abandoned", text, re.MULTILINE)
    assert "shed" in text
    assert "p50 is at most 2.00 times what it is alone, p99 at most 3.00 times" in " ".join(text.split())
