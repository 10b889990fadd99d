"""Who is told of the records of all shadowers of this process, whatever thread or run they are in.

For tests (`trioshadow.testing`): one shadower's records go to its log, subscribers and sinks. Only records come by
here, so a call that matches, or that is not mirrored, pays nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from contextvars import ContextVar

from trioshadow._settings.records import DivergenceRecord

from .instruments import Instrument

Observer = Callable[[DivergenceRecord], object]

#: The innermost last.
_observers: list[Observer] = []

#: In a context in which this is False, somebody answers for all records himself.
_observed: ContextVar[bool] = ContextVar("trioshadow_observed", default=True)


class Observers(Instrument):
    """Tells the innermost observer."""

    title = "an observer"

    def recorded(self, record: DivergenceRecord, arrived: Callable[[], None]) -> None:  # noqa: ARG002 - the consumer's
        """Tell it."""
        for observer in _observers[-1:]:  # a copy, made in one step: they come and go in other threads too
            if _observed.get():
                observer(record)


@contextlib.contextmanager
def observing(observer: Observer) -> Generator[None, None, None]:
    """Meanwhile `observer` is told, in the thread of whatever shadower it is, in place of those outside."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)  # not the last one: two that overlap in different threads are not nested


@contextlib.contextmanager
def unobserved() -> Generator[None, None, None]:
    """A shadower that is entered in here, in this context, tells no observer."""
    token = _observed.set(False)
    try:
        yield
    finally:
        _observed.reset(token)
