"""Sending requests to both sides, one after the other, by a real Shadower: what is compared is what production
compares.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import attrs
import trio

from trioshadow._accounts.ledger import ShadowStatistics
from trioshadow._accounts.observers import unobserved
from trioshadow._model.backend import callable_of
from trioshadow._model.checks import is_count, is_text
from trioshadow._model.verdict import Verdict
from trioshadow._model.words import counted
from trioshadow._settings.config import ShadowConfig
from trioshadow._settings.records import DivergenceRecord
from trioshadow._shadower import Shadower
from trioshadow.compare import written

from ._collector import Collector
from ._not_equivalent import NotEquivalentError, difference, message_of


@attrs.frozen
class Comparing:
    """Two sides and how they are compared, checked; it can be used any number of times."""

    primary: Callable[[Any], Awaitable[Any]]
    shadow: Callable[[Any], Awaitable[Any]]
    config: ShadowConfig
    operation: str
    max_shown: int

    @classmethod
    def of(cls, primary: Any, shadow: Any, config: ShadowConfig, operation: str, max_shown: int) -> Comparing:
        """TypeError and ValueError for what can't be used."""
        if not isinstance(config, ShadowConfig):
            raise TypeError(f"config must be a ShadowConfig, not {type(config).__name__}")
        is_text.check("operation", operation)
        is_count.check("max_shown", max_shown)
        return cls(
            primary=_awaitable(primary, "primary"),
            shadow=_awaitable(shadow, "shadow"),
            # Nobody waits for the copies.
            config=attrs.evolve(config, sample_rate=1.0, max_copied_bytes=sys.maxsize),
            operation=operation,
            max_shown=max_shown,
        )

    async def compare(self, requests: Iterable[Any]) -> NotEquivalentError | None:
        """What differs, as an error; None if nothing does. ValueError if there is no request, RuntimeError if one was
        not compared.

        It is returned, and raised by who is called by the user: a traceback through a Trio run helps nobody.
        """
        found, shown, asked = Collector(), list[str](), 0
        with unobserved():  # what is found here is raised here, also for those who watch all shadowers
            async with Shadower(self.primary, self.shadow, self.config) as shadower:
                with shadower.subscribe(1) as records:
                    for asked, request in enumerate(requests, 1):
                        # Before the call: the primary may change it.
                        text = written(request) if len(shown) < self.max_shown else ""
                        record = await self._ask(shadower, records, request)
                        if record is None:
                            _require_compared(asked, found.count, shadower.statistics())
                            continue
                        found.take(record)
                        if len(shown) < self.max_shown:
                            shown.append(difference(f"request {asked:,}: {text}", record))
        if not asked:
            raise ValueError("requests is empty: a test that compares nothing can't fail")
        if not found.count:
            return None
        title = f"the shadow differs for {found.count:,} of {counted(asked, 'request')}"
        return NotEquivalentError(message_of(title, shown, found.count), records=found.records, count=found.count)

    async def _ask(
        self, shadower: Shadower[Any, Any, Any], records: trio.MemoryReceiveChannel[DivergenceRecord], request: Any
    ) -> DivergenceRecord | None:
        # What the primary raises is its answer, and the leg's to compare.
        with contextlib.suppress(Exception):
            await shadower.call(request, operation=self.operation)
        await shadower.wait_idle()
        try:
            return records.receive_nowait()
        except trio.WouldBlock:
            return None


def _awaitable(backend: Any, parameter: str) -> Callable[[Any], Awaitable[Any]]:
    call = callable_of(backend, parameter)
    if inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
        raise TypeError(f"{parameter} is a generator function, whose answer is not there when it returns: collect it")

    async def answer(request: Any) -> Any:
        # In place, also what blocks: nobody else is on this loop.
        result = call(request)
        return await result if inspect.isawaitable(result) else result

    return answer


_WHY_HELD_BACK = (
    "`may_mirror`, or the type of the request, says that its effects must happen once; where they may happen twice, as "
    "in a test, give ShadowConfig(may_mirror=lambda request: True). Or the request can't be copied: give "
    "ShadowConfig(copy_request=...). Or this runs inside of a shadow"
)
_WHY_ABANDONED = (
    "the loop was blocked until after the shadow's deadline (give a longer ShadowConfig.shadow_timeout), or the "
    "primary's answer is larger than its backend allows"
)


def _require_compared(number: int, recorded: int, statistics: ShadowStatistics) -> None:
    if statistics.matched + statistics.ignored + recorded == number:
        return
    verdict, why = Verdict.ABANDONED, _WHY_ABANDONED
    if statistics.held_back:
        verdict, why = Verdict.HELD_BACK, _WHY_HELD_BACK
    raise RuntimeError(f"request {number:,} was not compared ({verdict.value}): {why}")
