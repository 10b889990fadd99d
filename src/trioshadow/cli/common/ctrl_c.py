"""Ctrl-C for a command that runs servers: obeyed where its author says.

As Python has it, KeyboardInterrupt is raised wherever the program is just then. In an application's nursery hypercorn
takes it, in its group, for an error of the application, logs it, and goes on. The second Ctrl-C is as Python has it all
the same, for who waits for a library that computes and gives the event loop no turn.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncGenerator
from types import FrameType
from typing import Any, Self

import trio


class CtrlC:
    """A context manager, for the main thread. While it is entered, Ctrl-C is kept until `obeyed()`, or until it is
    left.
    """

    def __init__(self) -> None:
        self._pressed = trio.Event()
        self._waiting = False
        self._before: Any = None

    def __enter__(self) -> Self:
        self._token = trio.lowlevel.current_trio_token()
        self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        if self._waiting and kind is None:
            raise KeyboardInterrupt  # nobody has obeyed

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self._waiting:
            signal.default_int_handler(number, frame)
        self._waiting = True
        self._token.run_sync_soon(self._pressed.set)

    @contextlib.asynccontextmanager
    async def obeyed(self) -> AsyncGenerator[None]:
        """Ctrl-C cancels the body, and leaves it as KeyboardInterrupt in a group."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._raise)
            yield
            nursery.cancel_scope.cancel()

    async def _raise(self) -> None:
        await self._pressed.wait()
        raise KeyboardInterrupt
