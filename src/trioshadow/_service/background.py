"""A shadower in programs without Trio: its loop runs in a daemon thread, and all calls come from other threads.

Promises kept here:

- *Same time*: nobody waits for the thread but who enters and leaves it, or asks to.
- *Bounded*: leaving takes as long as the shadower's own exit, and a shadow that refuses to be cancelled is left behind
  with the thread. At the interpreter's exit nothing is waited for that has not ended at once.
"""

from __future__ import annotations

import atexit
import contextlib
import math
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Protocol, Self

import trio

from trioshadow._accounts.notices import Notices
from trioshadow._model.checks import several
from trioshadow._model.errors import type_name

from .door import Door

#: Seconds that are waited at the interpreter's exit, and beyond what the shadower's own exit may take.
_PATIENCE = 1.0


class Entered(Protocol):
    """What runs in the thread: a shadower."""

    async def __aenter__(self) -> object: ...  # pragma: no cover - a protocol has no body

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None: ...  # pragma: no cover

    async def wait_idle(self) -> None:
        """As of `Shadower`."""
        ...  # pragma: no cover


class Background:
    """Runs `shadower` in a thread of its own: a context manager, once, for programs without Trio.

    Made by `Shadower.background()`. What is to be entered around the shadower, such as a `ThreadBackend`, is entered in
    that thread too. While it is entered, calls from any thread are mirrored. Where there is no block
    that could be entered, as in the workers of a server, `start()` and `close()` do the same.
    """

    def __init__(
        self,
        shadower: Entered,
        door: Door,
        notices: Notices,
        drain: Callable[[], float],
        enter: Iterable[AbstractAsyncContextManager[object]],
    ) -> None:
        self._shadower = shadower
        self._around = several("enter", enter, "async context managers, as in [candidate]")
        self._door = door
        self._notices = notices
        self._drain = drain
        self._thread: threading.Thread | None = None
        self._entered = threading.Event()
        self._error: BaseException | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._scope = trio.CancelScope()
        self._stop = trio.Event()
        door.any_thread = True

    # ── entering and leaving ─────────────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        """Start the thread, and wait until the shadower runs. Raises what entering it raises."""
        self._begin()
        self._entered.wait()
        if self._error is not None:
            raise self._error
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        """Leave the shadower as `async with` does, and wait for it: see `close()`."""
        self._leave(in_order=exc is None, timeout=None)

    def start(self) -> None:
        """Start the thread with the first call, which is not mirrored itself: in the process that calls. So a server
        that loads the program and then forks its workers (gunicorn with `preload_app`) has a thread in each of them.
        """
        self._door.starter = self._begin

    def close(self, timeout: float | None = None) -> None:
        """Leave the shadower: its legs get `drain_timeout` seconds, and log and sinks as many. Waits for that, so many
        seconds at the most (None: as long as that takes, and a second). A thread that has not ended then is left to
        itself, which is said. A second time it does nothing.
        """
        self._leave(in_order=True, timeout=timeout)

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Block until nothing is in flight and log and sinks have caught up, or until `timeout` seconds have passed.
        Is that so? True too if the shadower does not run.
        """
        token = self._token
        if token is None:
            return True

        async def wait() -> bool:
            with trio.move_on_after(math.inf if timeout is None else timeout) as scope:
                await self._shadower.wait_idle()
            return not scope.cancelled_caught

        try:
            return trio.from_thread.run(wait, trio_token=token)
        except (trio.RunFinishedError, trio.Cancelled):  # pragma: no cover - it ends in this very moment
            return True

    # ── the thread ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        self._door.starter = None
        if self._thread is not None:
            raise RuntimeError("a shadower runs in the background once: make a new one (they are cheap)")
        self._thread = threading.Thread(target=self._run, name="trioshadow background", daemon=True)
        atexit.register(self._at_exit)
        self._thread.start()

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as exc:
            self._error = exc
            self._door.close()
            self._notices.say("background", f"the thread of the shadower has ended: {type_name(type(exc))}")
        finally:
            self._token = None
            self._entered.set()
            atexit.unregister(self._at_exit)

    async def _main(self) -> None:
        with self._scope:
            async with contextlib.AsyncExitStack() as stack:
                for around in self._around:
                    await stack.enter_async_context(around)
                await stack.enter_async_context(self._shadower)
                self._token = trio.lowlevel.current_trio_token()
                self._entered.set()
                await self._stop.wait()

    def _leave(self, *, in_order: bool, timeout: float | None) -> None:
        self._door.starter = None
        thread = self._thread
        if thread is None or not thread.is_alive():
            return
        patience = 2 * self._drain() + _PATIENCE if timeout is None else timeout
        self._entered.wait(patience)  # it may have been started a moment ago
        token = self._token
        if token is not None:  # pragma: no branch - it ends by itself in this moment
            with contextlib.suppress(trio.RunFinishedError):
                token.run_sync_soon(self._stop.set if in_order else self._scope.cancel)
        thread.join(patience)
        if thread.is_alive():
            self._notices.say("background held up", "the thread of the shadower has not ended, and is left to itself")

    def _at_exit(self) -> None:
        self._door.close()  # nothing new begins, and what runs is abandoned
        self._leave(in_order=False, timeout=_PATIENCE)
