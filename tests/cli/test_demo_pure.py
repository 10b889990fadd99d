"""The pure parts of the demo: cutting, marking, choosing, percentiles. No Trio, no I/O."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import Divergence, ShadowConfig
from trioshadow.cli.common.texts import shorten_left, shorten_right
from trioshadow.cli.demo.blocks import Block, Document, cut, cut_all, kind_of
from trioshadow.cli.demo.examples import Difference, choose_examples
from trioshadow.cli.demo.timing import Timing, percentile
from trioshadow.compare import visible

# ── cutting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_blocks_end_at_blank_lines_headings_and_list_items():
    text = "# Title\nA line\nand more\n\n\n- one\n  goes on\n- two\n1. three\n## Next\nend"
    assert list(cut(text)) == [
        *("# Title\n", "A line\nand more\n", "- one\n  goes on\n", "- two\n", "1. three\n", "## Next\n", "end\n"),
    ]


@pytest.mark.parametrize(
    "code",
    [
        "```python\na\n\nb\n```",
        "~~~\n# a comment\n\n- no item\n~~~",
        "````\n```\n\n```\n````",  # fewer marks do not close it
        "  ```\n  a\n\n  b\n  ```",  # as in a list item
        "```\n\n``` not the end\n```",  # a closing fence has nothing after it
        "~~~\n\n```\n~~~",
        "```\nnever closed\n\nso it goes on to the end",  # CommonMark 4.5
    ],
)
def test_fenced_code_stays_in_one_piece(code):
    assert list(cut(f"before\n\n{code}")) == ["before\n", f"{code}\n"]


def test_code_in_a_line_is_no_fence():
    assert list(cut("```this``` is code\n\nand this is not")) == ["```this``` is code\n", "and this is not\n"]


def test_all_three_line_ends_are_line_ends_and_nothing_else_is():
    assert list(cut("a\r\n\r\nb\r\rc\x0b\x0cd\u2028e\n")) == ["a\n", "b\n", "c\x0b\x0cd\u2028e\n"]


def test_no_text_gives_no_blocks():
    assert list(cut(" \n\t\n")) == []


@given(st.text(alphabet="ab #-1.`~>\n"))
def test_cutting_loses_nothing_but_blank_lines(text):
    def lines(part: str) -> list[str]:
        return [line for line in part.split("\n") if line.strip()]

    assert [line for block in cut(text) for line in lines(block)] == lines(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(
            ("## Title\n", "heading"),
            ("#hash\n", "paragraph"),
            ("some *text*\n", "paragraph"),
            ("> said\n", "paragraph"),
        ),
        *(("- one\n", "list item"), ("12. twelve\n", "list item"), ("-one\n", "paragraph")),
        *(("```\n# a\n```\n", "code"), ("  ~~~\n", "code"), ("    - indented\n", "code"), ("\tx\n", "code")),
    ],
)
def test_a_block_is_of_the_kind_that_a_person_sees(text, kind):
    assert kind_of(Block("key", "document", text)) == kind
    assert kind_of(Block("key", "document", text, whole=True)) == "whole text"


def test_a_document_comes_in_blocks_and_as_a_whole():
    blocks = cut_all([Document("a.md", "one\n\ntwo"), Document("b.md", "only")])
    assert [block.key for block in blocks] == [
        "a.md · block 1",
        "a.md · block 2",
        "a.md · whole text",
        "b.md · block 1",
    ]
    assert [block.text for block in blocks] == ["one\n", "two\n", "one\n\ntwo", "only\n"]
    assert [block.whole for block in blocks] == [False, False, True, False]


# ── texts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_visible_is_obeyed_by_a_terminal():
    assert visible("a\tb\r\n\x1b[2J\u202e\ud800") == r"a\tb\r\n\u001b[2J\u202e\ud800"


def test_what_is_shortened_says_so():
    assert shorten_right("abcdef", 4) == "abc…"
    assert shorten_left("abcdef", 4) == "…def"
    assert shorten_right("abcd", 4) == shorten_left("abcd", 4) == "abcd"
    assert shorten_right("日本語", 4) == "日…"  # two columns each


# ── choosing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def difference(key, old, new):
    divergence = Divergence.compare(old, new, ShadowConfig())
    return Difference(key, divergence, divergence.body)


def test_examples_are_one_of_each_kind_the_most_frequent_first():
    often = [difference(f"often {n}", "'" + "x" * (9 - n), "&") for n in range(4)]
    once = difference("once", "<p>", "<h3>")
    examples = choose_examples([once, *often], 3)
    assert [(example.difference.key, example.alike) for example in examples] == [
        ("often 3", 4),  # the shortest
        ("once", 1),
        ("often 2", 4),
    ]


def test_the_kind_of_a_difference_is_its_first_characters():
    assert difference("", "a\nbc", "a\nbd").kind == ("c", "d")
    assert difference("", "a\nb", "a").kind == ("b", "")
    assert difference("", "ab", "abc").kind == ("", "c")
    assert difference("", b"\xff", b"\xfe").kind == ("", "")


def test_there_are_never_more_examples_than_differences():
    assert choose_examples([], 3) == []
    assert len(choose_examples([difference("k", "a", "b")], 3)) == 1


# ── percentiles ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_percentiles_are_by_nearest_rank():
    values = [float(n) for n in range(200, 0, -1)]
    assert percentile(values, 0.5) == 100
    assert percentile(values, 0.99) == 198
    assert percentile(values, 0) == 1
    assert percentile(values, 1) == 200
    assert percentile([7.0], 0.99) == 7


def test_there_is_no_percentile_of_nothing():
    with pytest.raises(ValueError, match="values"):
        percentile([], 0.5)


def test_timings_are_in_milliseconds():
    assert Timing.of([0.001, 0.002, 0.003]) == Timing(p50=2, p99=3)
