"""Cuts documents into the blocks that are rendered one by one. Pure.

Not a Markdown parser: a block ends where a person sees it end (a blank line, a heading, a list item). What matters is
that nothing is lost and that fenced code stays in one piece; any text is valid Markdown, so any other cut will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs

_LINE_END = re.compile(r"\r\n|\n|\r")  # str.splitlines() knows eight more, which Markdown does not
_FENCE = re.compile(r"[ \t]*(?P<marks>`{3,}|~{3,})(?P<info>.*)")  # any indent: in list items they are indented
_HEADING = re.compile(r"#{1,6}[ \t]")
_ITEM = re.compile(r"(?:[-+*]|[0-9]{1,9}[.)])[ \t]+\S")
_INDENTED = re.compile(r" {4}|\t")


@attrs.frozen
class Document:
    """A text and the name by which a person knows it."""

    name: str
    text: str


@attrs.frozen
class Block:
    """What one call renders."""

    key: str
    """The sampling key, and what a person reads: `trio 0.35.0 · block 17`."""
    document: str
    """The name of the document."""
    text: str
    whole: bool = False
    """Is it the whole document rather than a part?"""


def kind_of(block: Block) -> str:
    """What a person would call it: the name of the operation that renders it."""
    if block.whole:
        return "whole text"
    if _FENCE.match(block.text) or _INDENTED.match(block.text):
        return "code"
    if _HEADING.match(block.text):
        return "heading"
    return "list item" if _ITEM.match(block.text) else "paragraph"


def cut_all(documents: Sequence[Document]) -> list[Block]:
    """The blocks of each document in order, then the document as a whole: only there links meet their definitions.

    A document that is one block only is not repeated as a whole.
    """
    blocks: list[Block] = []
    for document in documents:
        parts = list(cut(document.text))
        blocks += [
            Block(f"{document.name} · block {number}", document.name, part) for number, part in enumerate(parts, 1)
        ]
        if len(parts) > 1:
            blocks.append(Block(f"{document.name} · whole text", document.name, document.text, whole=True))
    return blocks


def cut(text: str) -> Iterator[str]:
    r"""The blocks of a text, each ending in a newline; blank lines between them are dropped.

    >>> list(cut("# Title\nA line\nand more\n\n- one\n- two\n"))
    ['# Title\n', 'A line\nand more\n', '- one\n', '- two\n']
    """
    block: list[str] = []
    fence = ""  # the marks that opened the fenced code we are in
    for line in _LINE_END.split(text):
        marks = _FENCE.fullmatch(line)
        if fence:
            block.append(line)
            # CommonMark 4.5: closed by at least as many of the same marks, with nothing after them.
            if marks and marks["marks"].startswith(fence) and not marks["info"].strip():
                fence = ""
            continue
        heading = _HEADING.match(line) is not None
        if block and (not line.strip() or heading or _ITEM.match(line)):
            yield _joined(block)
            block = []
        if not line.strip():
            continue
        block.append(line)
        if heading:
            yield _joined(block)
            block = []
        elif marks and not (marks["marks"][0] == "`" and "`" in marks["info"]):  # ```this``` is code in a line
            fence = marks["marks"]
    if block:
        yield _joined(block)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
