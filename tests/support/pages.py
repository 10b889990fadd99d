"""The blocks of code of a page of the documentation, in their order."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import attrs

FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)(?P=fence) *$",
    re.MULTILINE | re.DOTALL,
)


@attrs.frozen
class Block:
    """A ```python block, and what the page says that it prints."""

    page: Path
    line: int
    source: str
    expected: str
    runs: bool


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    fences = list(FENCE.finditer(text))
    for fence, following in itertools.pairwise([*fences, None]):
        assert fence is not None
        language, *options = fence["info"].split() or [""]
        if language != "python":
            continue
        if options:
            above = text[: fence.start()].rstrip().rpartition("\n")[2]
            assert options == ["no-run"], f"{page.name}: what is `{fence['info']}`?"
            assert re.fullmatch(r"<!-- no-run: .+ -->", above), f"{page.name}: why does this block not run? {fence[0]}"
        expected = ""
        if following is not None and following["info"].strip() == "text":
            expected = textwrap.dedent(following["body"])
        line = text.count("\n", 0, fence.start("body"))
        yield Block(page, line, textwrap.dedent(fence["body"]), expected, runs=not options)
