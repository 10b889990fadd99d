"""Where commands write: rich consoles that keep to 80 columns and to what the terminal and the user want."""

from __future__ import annotations

import os
import sys
from typing import IO

from rich.console import Console

#: Wider tables are harder to read, and do not survive being pasted into an issue.
MAX_WIDTH = 80


class _Console(Console):
    """A console whose reader may leave: `| head` has seen enough, and changes no verdict, so no exit status either."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        discard(self.file)


def print_plain(text: str) -> None:
    """Print on stdout, for programs: no console may wrap it. Their reader may leave too."""
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        discard(sys.stdout)


def discard(stream: IO[str]) -> None:
    """What is still to be written there goes nowhere: Python would fail over it at its exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def make_console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr, at most 80 columns wide. Plain text if that is no terminal, or if NO_COLOR is set.

    rich reads NO_COLOR as "no colours" and still sends bold and dim; we send no escape sequence at all.
    """
    plain = no_color() or not _is_terminal(stderr=stderr)
    console = _Console(
        stderr=stderr,
        highlight=False,
        emoji=False,
        markup=False,
        force_terminal=False if plain else None,
        color_system=None if plain else "auto",
    )
    console.width = min(console.width, MAX_WIDTH)
    return console


def no_color() -> bool:
    """Has the user set NO_COLOR? Empty counts as not set (no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def _is_terminal(*, stderr: bool) -> bool:
    stream = sys.stderr if stderr else sys.stdout
    return stream is not None and stream.isatty()
