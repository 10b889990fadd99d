"""ProcessComparer: large bodies are compared in worker processes, so that the event loop is hardly late at all."""

from __future__ import annotations

import functools
import pickle
from types import TracebackType
from typing import Any, Self

import trio

from trioshadow._accounts.notices import Notices
from trioshadow._model.checks import is_count
from trioshadow._service.comparer import ThreadComparer
from trioshadow._settings.config import ShadowConfig
from trioshadow.compare import Comparison, Counts, Divergence

from ._errors import BackendFull
from ._process import ProcessBackend

_Task = tuple[Any, Any, bytes]


class ProcessComparer:
    """Compares large bodies in worker processes of its own, for `Shadower(comparer=...)`. An async context manager, to
    be entered once, around the shadower. Needs `trioshadow[process]`.

        async with ProcessComparer() as comparer, Shadower(old, new, comparer=comparer) as shadower:
            ...

    `max_workers` processes, in [1, inf), compare, and `waiting` more comparisons, in [0, inf), wait for one; what is
    beyond that is abandoned. Rules and decoders of yours run there, so their functions must be at the top level of a
    module; where they can't be pickled, two threads compare instead, and the log says so.

    Raises what `ProcessBackend` raises.
    """

    def __init__(self, max_workers: int = 1, waiting: int = 16) -> None:
        is_count.check("max_workers", max_workers)
        self._threads = ThreadComparer(2, waiting)  # checks `waiting`, too
        self._backend = ProcessBackend(
            _compare, name="comparisons", max_workers=max_workers, max_in_flight=max_workers + waiting
        )
        self._notices = Notices("")
        self._pickled: tuple[ShadowConfig | None, bytes | None] = None, None

    async def __aenter__(self) -> Self:
        """Start the workers."""
        await self._backend.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """End them."""
        await self._backend.__aexit__(kind, exc, tb)

    async def compare(self, primary: Any, shadow: Any, config: ShadowConfig, /) -> Divergence | None:
        """Compare in a worker. Cancelling kills the worker, and another is started."""
        rules = self._rules_of(config)
        if rules is None:
            return await self._threads.compare(primary, shadow, config)
        try:
            divergence, counts = await self._backend.call((primary, shadow, rules))
        except BackendFull:
            raise trio.WouldBlock from None
        if counts is not None and config.comparison.use is not None:
            config.comparison.use.add(counts)
        return divergence

    def _rules_of(self, config: ShadowConfig) -> bytes | None:
        if config is not self._pickled[0]:  # one config is asked for again and again
            try:
                rules = pickle.dumps(config.comparison)
            except Exception as exc:
                rules = None
                self._notices.say(
                    "rules",
                    f"rules or decoders can't be pickled ({type(exc).__name__}): large bodies are compared in threads",
                )
            self._pickled = config, rules
        return self._pickled[1]


@functools.lru_cache(maxsize=8)
def _comparison_of(rules: bytes) -> Comparison:
    comparison: Comparison = pickle.loads(rules)  # noqa: S301 - our own, from the process that started this one
    return comparison


def _compare(task: _Task) -> tuple[Divergence | None, Counts | None]:
    """In the worker: how they differ, and which rules have met something here."""
    primary, shadow, rules = task
    comparison = _comparison_of(rules)
    divergence = comparison.divergence_of(primary, shadow)
    return divergence, None if comparison.use is None else comparison.use.take()
