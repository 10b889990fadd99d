"""A Trio loop in a thread of its own, with a backend in it: the far side of a ThreadBackend.

All that its methods do happens there, but for `start()` and `stop()`. It tells the near side three things, by
callbacks: that it is up, that it has ended, and (`_crossing.py`) what a call came to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import trio
from trio.lowlevel import TrioToken

from trioshadow._model.backend import as_callable
from trioshadow._model.errors import consists_of

from ._crossing import Crossing, post


class OtherLoop:
    """The loop, from `start()` until its thread ends."""

    def __init__(
        self,
        factory: Callable[[], AbstractAsyncContextManager[Any]],
        name: str,
        home: TrioToken,
        up: Callable[[], object],
        ended: Callable[[BaseException | None], object],
    ) -> None:
        self._factory = factory
        self._home = home
        self._up = up
        self._ended = ended
        # A daemon: the interpreter does not wait for one that hangs.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._token: TrioToken | None = None
        self._scope = trio.CancelScope()
        self._nursery: trio.Nursery | None = None
        self._stopping = False

    # ── here ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Start the thread; RuntimeError if the system has none left."""
        self._thread.start()

    def stop(self) -> None:
        """Cancel all that it does, as soon as it comes to that."""
        self._stopping = True  # before the token is read: it looks at this after it has made it known
        self.post(self._scope.cancel)

    def send(self, crossing: Crossing) -> bool:
        """Have the call made; False if the loop has ended."""
        return self.post(self._accept, crossing)

    def post(self, function: Callable[..., object], *args: object) -> bool:
        """Have this called there; False if the loop has ended or not begun."""
        return self._token is not None and post(self._token, function, *args)

    # ── there ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        crash = None
        try:
            trio.run(self._main)
        except BaseException as exc:
            if not consists_of(exc, trio.Cancelled):  # else the candidate has cancelled the whole run: it ended
                crash = exc
        post(self._home, self._ended, crash)
        del crash

    async def _main(self) -> None:
        with self._scope:
            self._token = trio.lowlevel.current_trio_token()
            if self._stopping:
                return
            async with self._factory() as backend:
                self._call = as_callable(backend, "what the factory gives")
                async with trio.open_nursery() as nursery:
                    self._nursery = nursery
                    post(self._home, self._up)
                    try:
                        await trio.sleep_forever()
                    finally:
                        self._nursery = None  # before Trio closes it to new tasks

    def _accept(self, crossing: Crossing) -> None:
        # An error here would be the end of the run. Calls that it comes to no more are answered when it has ended.
        if self._nursery is not None:  # pragma: no branch - a call that crosses in the very step of the end
            crossing.context.run(self._nursery.start_soon, crossing.run, self._call)
