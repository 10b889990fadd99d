"""The two sides of the migration: Markdown libraries as backends that answer a text with the bytes of its HTML.

They compute on the event loop, never wait, and are imported when they are made. They are configured to do the same
as `commonmark` does by default: CommonMark, raw HTML let through.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from trioshadow.cli.common.errors import require

PRIMARY = "commonmark"
CandidateName: TypeAlias = Literal["markdown-it-py", "marko", "mistune"]

#: The one that the deprecated library's maintainers point to, and one that looks like it would do as well.
DEFAULT_CANDIDATES: tuple[CandidateName, ...] = ("markdown-it-py", "marko")


def _commonmark(module: Any) -> Callable[[str], str]:
    return module.commonmark  # type: ignore[no-any-return]


def _markdown_it(module: Any) -> Callable[[str], str]:
    return module.MarkdownIt("commonmark").render  # type: ignore[no-any-return]


def _marko(module: Any) -> Callable[[str], str]:
    return module.Markdown().convert  # type: ignore[no-any-return]


def _mistune(module: Any) -> Callable[[str], str]:
    return module.create_markdown(escape=False)  # type: ignore[no-any-return]


_LIBRARIES: dict[str, tuple[str, Callable[[Any], Callable[[str], str]]]] = {
    "commonmark": ("commonmark", _commonmark),
    "markdown-it-py": ("markdown_it", _markdown_it),
    "marko": ("marko", _marko),
    "mistune": ("mistune", _mistune),
}


class Renderer:
    """A Markdown library as a Backend. `render` is the same as a plain function, for worker threads."""

    def __init__(self, name: str) -> None:
        module_name, make = _LIBRARIES[name]
        require(module_name, extra="demo")
        self.name = name
        self.version = importlib.metadata.version(name)
        self._convert = make(importlib.import_module(module_name))

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def render(self, text: str) -> bytes:
        """The HTML. A lone surrogate, which has no UTF-8 of its own, is kept as three bytes."""
        return self._convert(text).encode("utf-8", "surrogatepass")

    async def call(self, text: str, /) -> bytes:
        """The HTML, as of `render`. No checkpoint."""
        return self.render(text)
