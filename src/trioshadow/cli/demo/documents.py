"""The demo's input: Markdown documents, cut into blocks. Reads, and renders nothing.

The cut is no Markdown parser: a block ends at a blank line, where a person sees it end. Any text is valid Markdown, so
any cut will do, as long as nothing is lost and fenced code stays in one piece.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from trioshadow.cli.common.errors import CliError
from trioshadow.compare import visible

#: Blocks of each kind that are chosen: enough for a decision, and rendered in a second.
PER_KIND = 500

#: Characters. Rendering a longer block would keep the event loop for a noticeable time.
LONGEST = 5_000

_FENCE = re.compile(r"[ \t]*(?P<marks>`{3,}(?!.*`)|~{3,})(?P<info>.*)")  # any indent: in list items they are indented

#: What a person would call a block that begins like this; the first that matches counts.
_KINDS = {
    "code": re.compile(rf"{_FENCE.pattern}| {{4}}|\t"),
    "heading": re.compile(r"#{1,6}[ \t]"),
    "list": re.compile(r"([-+*]|[0-9]{1,9}[.)])[ \t]+\S"),
    "paragraph": re.compile(""),
}


@attrs.frozen
class Block:
    """What one call renders."""

    document: str
    """The name of the document."""
    number: int
    """Its place in the document, from 1."""
    text: str

    @property
    def kind(self) -> str:
        """`code`, `heading`, `list` or `paragraph`: the name of the operation that renders it."""
        return next(kind for kind, pattern in _KINDS.items() if pattern.match(self.text))


def installed_documents() -> dict[str, str]:
    """By name, the description (on PyPI: the README) of each installed distribution that has one."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        # One broken installation (no metadata, not UTF-8) is no reason to leave out the others.
        try:
            metadata = distribution.metadata
            name = f"{metadata['Name']} {metadata['Version']}"
            text = str(metadata["Description"] or metadata.get_payload())  # type: ignore[attr-defined]
        except Exception:  # noqa: S112
            continue
        # On a long sys.path a distribution can be there twice: the first is the one that is imported.
        found.setdefault(name, text)
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def documents_at(paths: Sequence[Path]) -> dict[str, str]:
    """By path, the files, whatever their names, and all `*.md` in the folders. Raises CliError if one can't be read."""
    try:
        files = [file for path in paths for file in (sorted(path.rglob("*.md")) if path.is_dir() else [path])]
        return {str(file): file.read_text("utf-8", errors="replace") for file in files}
    except OSError as exc:
        raise CliError(f"can't read {visible(str(exc.filename))}: {exc.strerror}") from exc


def choose_blocks(documents: Mapping[str, str]) -> list[Block]:
    """At most `PER_KIND` blocks of each kind, evenly spread over the documents. Blocks beyond `LONGEST` are left out.

    Raises CliError if there are none.
    """
    kinds: defaultdict[str, list[Block]] = defaultdict(list)
    for name, document in documents.items():
        for number, text in enumerate(cut(document), 1):
            if len(text) <= LONGEST:
                block = Block(name, number, text)
                kinds[block.kind].append(block)
    if not kinds:
        raise CliError("there is no text to render: name Markdown files, or folders of *.md")
    return [block for blocks in kinds.values() for block in evenly(blocks, PER_KIND)]


def evenly(blocks: Sequence[Block], count: int) -> list[Block]:
    """At most `count` of the blocks, evenly spread."""
    count = min(count, len(blocks))
    return [blocks[number * len(blocks) // count] for number in range(count)]


def cut(text: str) -> Iterator[str]:
    r"""The blocks of a text, each ending in a newline; blank lines between them are dropped.

    >>> list(cut("# Title\n\nA line\nand more\n"))
    ['# Title\n', 'A line\nand more\n']
    """
    block = ""
    fence = ""  # the marks that opened the fenced code we are in
    for line in [*text.splitlines(), ""]:
        if line.strip() or fence:
            block += f"{line}\n"
        elif block:
            yield block
            block = ""
        if marks := _FENCE.fullmatch(line):
            if not fence:
                fence = marks["marks"]
            # CommonMark 4.5: closed by at least as many of the same marks, with nothing after them.
            elif marks["marks"].startswith(fence) and not marks["info"].strip():
                fence = ""
    if block:  # a fence that was never closed
        yield block
