"""Where large bodies are compared: off the event loop, so many at once and no more.

Two bodies of 5 MB take a tenth of a second to decode and walk, for which everybody on the loop would wait. In a thread
they take turns with it, at the interpreter's switch interval (and where a C function holds the lock, at that one's
leisure: `nox -s bench`, "lateness of the loop"); in a process (`trioshadow.isolation.ProcessComparer`) they hardly do.
"""

from __future__ import annotations

from typing import Any, Protocol

import trio

from trioshadow._model.checks import is_count, is_count_or_zero
from trioshadow._settings.config import ShadowConfig
from trioshadow.compare import Divergence


class Comparer(Protocol):
    """What can be given as `Shadower(comparer=...)`."""

    async def compare(self, primary: Any, shadow: Any, config: ShadowConfig, /) -> Divergence | None:
        """What `Divergence.compare(primary, shadow, config)` gives, or raises. It can be cancelled at any time.

        Raises `trio.WouldBlock` if there is no place for one more: then mirroring gives way.
        """
        ...  # pragma: no cover - a protocol has no body


class Places:
    """So many comparisons at once, so many waiting for their turn, and no more."""

    def __init__(self, max_workers: int, waiting: int) -> None:
        is_count.check("max_workers", max_workers)
        is_count_or_zero.check("waiting", waiting)
        self.limiter = trio.CapacityLimiter(max_workers)
        self._room = max_workers + waiting
        self._taken = 0

    def __enter__(self) -> None:
        """Take one. WouldBlock if there is none."""
        if self._taken >= self._room:
            raise trio.WouldBlock
        self._taken += 1

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._taken -= 1


class ThreadComparer:
    """Compares large bodies in worker threads of its own, for `Shadower(comparer=...)`, which has one by default.

    `max_workers` threads, in [1, inf), compare, and `waiting` more comparisons, in [0, inf), wait for one; what is
    beyond that is abandoned. What rules and decoders of yours run, they run there. Raises TypeError for what is no int,
    ValueError out of range.
    """

    def __init__(self, max_workers: int = 2, waiting: int = 16) -> None:
        self._places = Places(max_workers, waiting)

    async def compare(self, primary: Any, shadow: Any, config: ShadowConfig, /) -> Divergence | None:
        """Compare in a thread. Cancelling leaves the thread to itself, until it is done."""
        with self._places:
            return await trio.to_thread.run_sync(
                Divergence.compare, primary, shadow, config, limiter=self._places.limiter, abandon_on_cancel=True
            )


def checked_comparer(comparer: Comparer | None) -> Comparer:
    """As given; by default one in threads."""
    if comparer is None:
        return ThreadComparer()
    if not callable(getattr(comparer, "compare", None)):
        raise TypeError(f"comparer must have an async `compare`, as ThreadComparer(), not {type(comparer).__name__}")
    return comparer
