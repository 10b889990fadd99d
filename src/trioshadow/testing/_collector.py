"""What was recorded meanwhile by any shadower of the process, and `raise_on_divergence`, which makes an error of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from trioshadow._accounts.forks import Lock
from trioshadow._accounts.observers import observing
from trioshadow._model.words import counted
from trioshadow._settings.records import DivergenceRecord

from ._not_equivalent import NotEquivalentError, difference, heading_of, message_of

#: So many records are kept, and so many ...
KEPT = 1_000
#: ... of them are shown.
SHOWN = 10


class Collector:
    """Keeps the first records that it is given, and counts all. From any thread."""

    def __init__(self) -> None:
        self.records: list[DivergenceRecord] = []
        self.count = 0
        self._lock = Lock()

    def take(self, record: DivergenceRecord) -> None:
        """One more."""
        with self._lock:
            self.count += 1
            if len(self.records) < KEPT:
                self.records.append(record)

    def taken(self) -> tuple[list[DivergenceRecord], int]:
        """What was given so far: the records, and how many there were. They are forgotten here."""
        with self._lock:
            taken = self.records, self.count
            self.records, self.count = [], 0
        return taken

    def error(self) -> NotEquivalentError | None:
        """The same as an error; None if there was nothing."""
        records, count = self.taken()
        if not count:
            return None
        shown = [difference(heading_of(record), record) for record in records[:SHOWN]]
        message = message_of(f"{counted(count, 'call')} diverged, failed or timed out", shown, count)
        return NotEquivalentError(message, records=records, count=count)


def collecting(collector: Collector) -> AbstractContextManager[None]:
    """Meanwhile `collector` gets all records of this process but those that one inside of it gets."""
    return observing(collector.take)


class _RaiseOnDivergence:
    """No generator with @contextmanager: that would be a decorator too, and of an async function see nothing."""

    def __init__(self) -> None:
        self._collector = Collector()
        self._leave: Callable[..., object] | None = None

    def __enter__(self) -> None:
        if self._leave is not None:
            raise RuntimeError("raise_on_divergence() is entered once: call it again")
        observed = collecting(self._collector)
        observed.__enter__()
        self._leave = observed.__exit__

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        __tracebackhide__ = True
        assert self._leave is not None
        self._leave(None, None, None)
        if exc is None and (error := self._collector.error()) is not None:
            raise error


def raise_on_divergence() -> AbstractContextManager[None]:
    """A context manager that raises NotEquivalentError at its end if any shadower recorded a divergence, a failure or a
    timeout meanwhile.

        with raise_on_divergence():
            trio.run(my_program)

    Any shadower of this process, whatever thread or `trio.run` it is in: the code that is tested need not hand its
    shadowers out. Of nested ones the innermost takes a record. An exception of the body leaves as itself. What
    `assert_equivalent` finds, it raises itself.

    It can't see what has not been recorded yet: legs that are still in flight. Leave the shadower inside of the block,
    or `await shadower.wait_idle()`.
    """
    return _RaiseOnDivergence()
