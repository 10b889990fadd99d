"""The two sides of the migration: Markdown libraries as backends that answer a text with its HTML.

They compute on the event loop, never wait, and are imported when they are made. They are configured to do the same
as `commonmark` does by default: CommonMark, raw HTML let through.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable
from typing import Any

from trioshadow import ResponseRecord
from trioshadow.cli.common.errors import require

PRIMARY = "commonmark"

#: The one that the deprecated library's maintainers point to, and one that looks as if it would do as well.
CANDIDATES = ("markdown-it-py", "marko")

_LIBRARIES: dict[str, tuple[str, Callable[[Any], Callable[[str], str]]]] = {
    "commonmark": ("commonmark", lambda module: module.commonmark),
    "markdown-it-py": ("markdown_it", lambda module: module.MarkdownIt("commonmark").render),
    "marko": ("marko", lambda module: module.Markdown().convert),
}


class Renderer:
    """A Markdown library as a Backend. `html_of` is the library's own function, `str()` has the version."""

    def __init__(self, name: str) -> None:
        module_name, make = _LIBRARIES[name]
        require(module_name, extra="demo")
        self.name = name
        self.html_of = make(importlib.import_module(module_name))

    def __str__(self) -> str:
        return f"{self.name} {importlib.metadata.version(self.name)}"

    async def call(self, text: str, /) -> ResponseRecord:
        """The HTML, as a web page. No checkpoint."""
        # The content type is what makes a divergence name lines.
        return ResponseRecord(self.html_of(text).encode(), headers={"content-type": "text/html; charset=utf-8"})
