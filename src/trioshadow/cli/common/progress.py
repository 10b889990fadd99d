"""Progress on stderr while a command works: a bar on a terminal, a line for each stage elsewhere.

No thread and no task of its own draws it: it is drawn when it is told something, so that it takes no turns from what is
being measured meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from .console import make_console, no_color

#: Seconds between two drawings: drawing takes about a millisecond, a call often a tenth of that.
_REDRAW = 0.05


class Stages:
    """A context manager. `start` begins a stage and ends the one before; the bar is gone when it is left."""

    def __init__(self) -> None:
        self._console = make_console(stderr=True)
        self._bar: Progress | None = None
        # A bar is drawn with escape sequences, and NO_COLOR users get none.
        if self._console.is_terminal and not self._console.is_dumb_terminal and not no_color():
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                console=self._console,
                auto_refresh=False,
                transient=True,
                expand=True,
            )

    def start(self, what: str, total: int | None) -> Callable[[int], None]:
        """Begin a stage of `total` steps, None if nobody knows; returns what is to be told how many are done."""
        bar = self._bar
        if bar is None:
            self._console.print(f"{what} ...")
            return lambda _: None
        for task in bar.task_ids:
            bar.remove_task(task)
        current = bar.add_task(what, total=total)
        bar.refresh()
        drawn = time.monotonic()

        def advance(done: int) -> None:
            nonlocal drawn
            bar.update(current, completed=done)
            if time.monotonic() - drawn >= _REDRAW or done == total:
                bar.refresh()
                drawn = time.monotonic()

        return advance

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
