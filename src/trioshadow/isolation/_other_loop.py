"""A loop in a thread of its own, with a backend in it: the far side of a ThreadBackend. What is the same for each kind
of loop; `_trio_loop.py` and `_asyncio_loop.py` have the rest.

It tells the near side three things, by callbacks: that it is up, that it has ended, and (`_crossing.py`) what a call
came to.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from trio.lowlevel import TrioToken

from trioshadow._model.errors import consists_of

from ._crossing import Crossing, post


class OtherLoop(ABC):
    """The loop, from `start()` until its thread ends."""

    crossing: ClassVar[type[Crossing]]
    """What a call to it is."""
    cancelled: ClassVar[type[BaseException]]
    """What is raised in what it cancels."""

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
        self._thread = threading.Thread(target=self._run_and_tell, name=name, daemon=True)
        self._stopping = False

    # ── here ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Start the thread; RuntimeError if the system has none left."""
        self._thread.start()

    def stop(self) -> None:
        """Cancel all that it does, as soon as it comes to that."""
        self._stopping = True  # before the loop is looked for: it looks at this after it has made itself known
        self.post(self._cancel)

    def send(self, crossing: Crossing) -> bool:
        """Have the call made; False if the loop has ended."""
        return self.post(self._accept, crossing)

    @abstractmethod
    def post(self, function: Callable[..., object], *args: object) -> bool:
        """Have this called there; False if the loop has ended or not begun."""

    # ── there ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _run_and_tell(self) -> None:
        crash = None
        try:
            self._run()
        except BaseException as exc:
            if not consists_of(exc, self.cancelled):  # else the candidate has cancelled the whole run: it ended
                crash = exc
        post(self._home, self._ended, crash)
        del crash

    @abstractmethod
    def _run(self) -> None:
        """From its first moment to its last."""

    @abstractmethod
    def _cancel(self) -> None:
        """All of it."""

    @abstractmethod
    def _accept(self, crossing: Any) -> None:
        """Make the call. Must not raise. Calls that it comes to no more are answered when it has ended."""
