"""Ctrl-C for a command that runs servers: obeyed where its author says.

As Python has it, KeyboardInterrupt is raised wherever the program is just then. In an application's nursery hypercorn
takes it, in its group, for an error of the application, logs it, and goes on.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Self

import trio


class CtrlC:
    """A context manager, for the main thread. While it is entered, Ctrl-C is kept until `obeyed()`, or until it is
    left.
    """

    def __init__(self) -> None:
        self._receiver = contextlib.ExitStack()
        self._signals: AsyncIterator[int] | None = None

    def __enter__(self) -> Self:
        self._signals = self._receiver.enter_context(trio.open_signal_receiver(signal.SIGINT))
        return self

    def __exit__(self, *_: object) -> None:
        self._receiver.close()  # raises one that nobody has obeyed

    @contextlib.asynccontextmanager
    async def obeyed(self) -> AsyncGenerator[None]:
        """Ctrl-C cancels the body, and leaves it as KeyboardInterrupt in a group."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._raise)
            yield
            nursery.cancel_scope.cancel()

    async def _raise(self) -> None:
        assert self._signals is not None
        await anext(self._signals)
        raise KeyboardInterrupt
