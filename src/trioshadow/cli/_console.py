"""Where commands write: rich consoles that keep to 80 columns and to what the terminal and the user want."""

from __future__ import annotations

import os
import sys

from rich.console import Console

#: Wider tables are harder to read, and do not survive being pasted into an issue.
MAX_WIDTH = 80


def make_console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr, at most 80 columns wide. Plain text if that is no terminal, or if NO_COLOR is set.

    rich reads NO_COLOR as "no colours" and still sends bold and dim; we send no escape sequence at all.
    """
    plain = no_color() or not _is_terminal(stderr=stderr)
    console = Console(
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
