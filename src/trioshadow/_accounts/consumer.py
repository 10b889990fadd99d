"""The consumer: from the memory channel that legs settle into, to the log, the subscribers and the sinks.

Promises kept here:

- *Same time*: nothing here is on a caller's path, and handing a record over (`record`) never waits.
- *Bounded*: the room for a record is reserved when its call is admitted (`Ledger.admit`), so the channel itself needs
  no bound, and a record that found it full would have to be dropped or to wait. Subscribers and sinks have bounds of
  their own.
- *Every record that is dropped is counted*, under the name of who lost it.

It runs behind a shield, since what was recorded is still delivered when the scope around the shadower is cancelled. The
shield is inside its own task: around the nursery it would shield everything else in there too.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from trioshadow._model.errors import passing_error, type_name
from trioshadow._settings.records import DivergenceRecord

from .instruments import Instrument, Settled
from .ledger import Ledger
from .log import DivergenceLog
from .notices import Notices
from .sink import Sink, SinkWorker

#: Seconds after which the exit says whom it is still waiting for.
PATIENCE = 1.0

#: So many names of subscribers have a count of their own; the losses of those that come after them are one count.
NAMES = 100
_OTHERS = "(other)"


@attrs.frozen
class _Subscriber:
    send: trio.MemorySendChannel[DivergenceRecord]
    name: str

    @property
    def listening(self) -> bool:
        return self.send.statistics().open_receive_channels > 0


class Consumer(Instrument):
    """Where records arrive and are handed out; and where one waits for all that to be done."""

    title = "the consumer"

    def __init__(self, log: DivergenceLog, sinks: Sequence[Sink], ledger: Ledger, notices: Notices) -> None:
        self._log = log
        self._failures = DivergenceLog(log.capacity)
        self._ledger = ledger
        self._notices = notices
        self._send, self._receive = trio.open_memory_channel[tuple[DivergenceRecord, Callable[[], None]]](math.inf)
        self._queued = 0
        self._scope = trio.CancelScope(shield=True)
        self._closed = False
        self._finished = trio.Event()
        self._subscribers: list[_Subscriber] = []
        self._dropped: Counter[str] = Counter()
        self._sinks = [
            SinkWorker(sink, notices, self._taken, lambda: self._scope.cancel_called, ledger.evidences)
            for sink in sinks
        ]
        self._lossless = [sink for sink in self._sinks if sink.lossless]
        #: Who waits for what; `changed()` need only be called while somebody does.
        self.waiters: list[tuple[Callable[[], bool], trio.Event]] = []

    # ── from the legs ────────────────────────────────────────────────────────────────────────────────────────────────

    def settled(self, settled: Settled) -> None:  # noqa: ARG002 - whatever it came to
        """Somebody may wait for that."""
        if self.waiters:
            self.changed()

    def recorded(self, record: DivergenceRecord, arrived: Callable[[], None]) -> None:
        """Take a record from a leg that settles. Never waits."""
        self._queued += 1
        if self._finished.is_set():
            self._deliver(record, arrived)  # the exit was interrupted, and this leg ended after it
            return
        try:
            self._send.send_nowait((record, arrived))
        except MemoryError:
            self._deliver(record, arrived)  # each of the readers has room, or counts it
        else:
            self._count_waiting()

    def count_dropped(self, name: str) -> None:
        """Somebody lost something that he was told."""
        if name not in self._dropped and len(self._dropped) >= NAMES:
            name = _OTHERS
        self._dropped[name] += 1

    def changed(self) -> None:
        """A leg has settled or a record was taken: wake those who waited for that."""
        for waiter in [waiter for waiter in self.waiters if waiter[0]()]:
            with contextlib.suppress(ValueError):  # a call that came in between has woken it
                self.waiters.remove(waiter)
            waiter[1].set()

    def _taken(self) -> None:
        self._count_waiting()
        self.changed()

    def _count_waiting(self) -> None:
        backlog = max((sink.backlog for sink in self._lossless), default=0)
        self._ledger.records_waiting = self._queued + backlog

    # ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def is_idle(self) -> bool:
        """Nothing in flight, the channel empty, log and sinks caught up."""
        ledger = self._ledger
        return not (ledger.in_flight or ledger.pairs or self._queued or any(sink.backlog for sink in self._sinks))

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition()` was true after some change. A checkpoint."""
        if condition():
            await trio.lowlevel.checkpoint()
            return
        waiter = (condition, trio.Event())
        self.waiters.append(waiter)
        try:
            await waiter[1].wait()
        finally:
            if waiter in self.waiters:  # cancelled
                self.waiters.remove(waiter)

    # ── the task ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @enable_ki_protection  # a record that is delivered by half would be waited for
    async def run(self) -> None:
        """Deliver until `flush` ends it."""
        try:
            with self._scope:
                async with trio.open_nursery() as sinks:
                    for sink in self._sinks:
                        sinks.start_soon(sink.run)
                    async for delivery in self._receive:
                        self._deliver(*delivery)
                        del delivery  # while it waits for the next one it would keep an outcome
                        self._deliver_waiting()
                    for sink in self._sinks:
                        sink.close()
        finally:
            # Cut off: the log still gets all, and the sinks, which have ended, count what they did not.
            self._deliver_waiting()
            for subscriber in tuple(self._subscribers):
                self._forget(subscriber)
            self._finished.set()

    def _deliver_waiting(self) -> None:
        # All of them, and not one each time the task has its turn: while they wait they take room from new legs.
        with contextlib.suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:
                self._deliver(*self._receive.receive_nowait())

    async def flush(self, seconds: float) -> None:
        """No more records will come: let log and sinks catch up for so many seconds, then cut off what has not."""
        self._closed = True
        self._send.close()
        with trio.move_on_after(seconds):
            await self._finished.wait()
        self._scope.cancel()
        with trio.move_on_after(PATIENCE):
            await self._finished.wait()
        if not self._finished.is_set():
            which = ", ".join(sink.name for sink in self._sinks if not sink.dead)
            self._notices.say("sinks held up", f"the exit waits for sinks that refuse to be cancelled: {which}")
            await self._finished.wait()

    def cut_off(self) -> None:
        """End at once."""
        self._closed = True
        self._scope.cancel()

    def _deliver(self, record: DivergenceRecord, arrived: Callable[[], None]) -> None:
        log, name = (self._log, "log") if record.divergence is not None else (self._failures, "failures")
        try:
            log.push(record)
        except BaseException as exc:  # the log may be the user's own
            if passing_error(exc) is not None:
                raise
            self.count_dropped(name)
            self._notices.say("log failed", f"the log failed: {type_name(type(exc))}")
        arrived()
        for subscriber in tuple(self._subscribers):
            try:
                subscriber.send.send_nowait(record)
            except (trio.WouldBlock, MemoryError):  # out of here either would end the service nursery
                self.count_dropped(subscriber.name)
            except trio.BrokenResourceError:
                self._forget(subscriber)
        for sink in self._sinks:
            sink.offer(record)
        self._queued -= 1
        self._taken()

    # ── to the readers ───────────────────────────────────────────────────────────────────────────────────────────────

    def subscribe(self, max_buffer_size: int, name: str) -> trio.MemoryReceiveChannel[DivergenceRecord]:
        """A channel of the records from now on."""
        send, receive = trio.open_memory_channel[DivergenceRecord](max_buffer_size)
        if self._closed:
            send.close()
        else:
            for subscriber in tuple(self._subscribers):
                if not subscriber.listening:  # closed, and no record has come since that would have told
                    self._forget(subscriber)
            self._subscribers.append(_Subscriber(send, name))
        return receive

    def _forget(self, subscriber: _Subscriber) -> None:
        subscriber.send.close()
        self._subscribers.remove(subscriber)

    def divergences(self) -> list[DivergenceRecord]:
        """The log, oldest first."""
        return self._log.snapshot()

    def failures(self) -> list[DivergenceRecord]:
        """The ring of failures and timeouts, oldest first."""
        return self._failures.snapshot()

    @property
    def divergence_count(self) -> int:
        """Entries in the log."""
        return len(self._log)

    def dropped(self) -> Mapping[str, int]:
        """Records lost, by who lost them."""
        dropped = self._dropped.copy()
        dropped["log"] += self._log.dropped
        dropped["failures"] += self._failures.dropped
        for sink in self._sinks:
            dropped[sink.name] += sink.dropped
        return dropped
