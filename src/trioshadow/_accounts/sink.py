"""A sink: where records go besides the log. Each has a task and a bounded channel of its own, and can hurt no other.

What a sink may do, and what becomes of it:

- It falls behind: records are dropped and counted under its name; with `lossless=True` they wait instead, and new calls
  are shed while they fill the room.
- It raises: the record is dropped and counted, the next one is tried. A sink that must lose none tries again itself.
- It hangs: its channel fills; at the exit it gets `drain_timeout` seconds and is then cut off, the rest counted as
  dropped.
- It corrupts its task (a nursery left open): it is dead, every further record counted as dropped.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol, TypeAlias

import attrs
import trio

from trioshadow._model.checks import is_bool, is_count, is_text, wrong_type
from trioshadow._model.errors import consists_of, passing_error, type_name
from trioshadow._settings.records import DivergenceRecord
from trioshadow.evidence import Evidence

from .notices import Notices


class RecordWriter(Protocol):
    """An object that takes records.

    `aclose()` is called at the exit, after the last record, in the sink's task; if that was cut off, in a cancelled
    scope, as `trio.aclose_forcefully` does.

    It may take the counts too: if it has a `snapshot_every`, in seconds, then every so many seconds, and once more
    before `aclose()`, `await snapshot(snapshots)` is called in the sink's task, with an `Evidence.to_dict()` for each
    epoch in which something was counted since the last time.
    """

    async def write(self, record: DivergenceRecord, /) -> object:
        """Take one record."""
        ...  # pragma: no cover - a protocol has no body

    async def aclose(self) -> object:
        """No more records will come."""
        ...  # pragma: no cover - a protocol has no body


#: A function of one record, async or not, or an object with `write(record)` and `aclose()`.
SinkTarget: TypeAlias = Callable[[DivergenceRecord], Awaitable[object] | object] | RecordWriter


def _is_target(_: object, __: object, value: Any) -> None:
    if not callable(getattr(value, "write", value)):
        raise wrong_type("target", value, "a function of one record, or an object with `write`")


def _target_name(sink: Sink) -> str:
    name: str = getattr(sink.target, "__qualname__", type(sink.target).__qualname__)
    return name


@attrs.frozen
class Sink:
    """How a target is fed, for `Shadower(sinks=[...])`. A bare target there is the same as `Sink(target)`."""

    target: SinkTarget = attrs.field(validator=_is_target)
    """A function of one record, async or not, or an object with `write(record)` and `aclose()`. One record at a time,
    in order, in the sink's own task. One that blocks, blocks the event loop."""
    name: str = attrs.field(default=attrs.Factory(_target_name, takes_self=True), kw_only=True, validator=is_text)
    """Under which its losses are counted. By default the function's or the class's name."""
    lossless: bool = attrs.field(default=False, kw_only=True, validator=is_bool)
    """False: records that find the buffer full are dropped and counted. True: they wait, and new calls are shed while
    legs and waiting records fill `max_in_flight`. Lost, and counted, are even then a record whose write raises, and
    those that are left when the exit has waited for `drain_timeout`."""
    max_buffer_size: int = attrs.field(default=256, kw_only=True, validator=is_count)
    """Records that may wait for a lossy sink, in [1, inf)."""

    @classmethod
    def of(cls, target: Sink | SinkTarget) -> Sink:
        """`target` as a Sink."""
        return target if isinstance(target, Sink) else cls(target)


class SinkWorker:
    """Feeds one sink."""

    def __init__(
        self,
        sink: Sink,
        notices: Notices,
        changed: Callable[[], None],
        cutting_off: Callable[[], bool],
        evidences: Callable[[], Iterable[Evidence]],
    ) -> None:
        self.name = sink.name
        self.lossless = sink.lossless
        #: Records that it has been given and has not dealt with.
        self.backlog = 0
        self.dropped = 0
        target: Any = sink.target
        self._write: Callable[[DivergenceRecord], Any] = getattr(target, "write", target)
        self._aclose: Callable[[], Any] | None = getattr(target, "aclose", None)
        every: float | None = getattr(target, "snapshot_every", None)
        self._snapshots = None if every is None else _Snapshots(target.snapshot, every, evidences)
        self._notices = notices
        self._changed = changed
        self._cutting_off = cutting_off
        #: It has ended, and takes no more records.
        self.dead = False
        # A lossless sink's records are bounded where calls are admitted: a second bound here could only lose some.
        self._send, self._receive = trio.open_memory_channel[DivergenceRecord](
            math.inf if sink.lossless else sink.max_buffer_size
        )

    def offer(self, record: DivergenceRecord) -> None:
        """Hand over a record, or count it as dropped."""
        if not self.dead:
            try:
                self._send.send_nowait(record)
            except (trio.WouldBlock, MemoryError):
                self._notices.say(f"{self.name} behind", f"sink {self.name!r} falls behind: records are dropped")
            else:
                self.backlog += 1
                return
        self.dropped += 1

    def close(self) -> None:
        """No more records will come: `run` ends when it has dealt with those it has."""
        self._send.close()

    async def run(self) -> None:
        """Feed the sink until `close()` or until it is cut off."""
        try:
            # A nursery, so that a sink that corrupts its task corrupts that one only.
            async with trio.open_nursery() as own:
                own.start_soon(self._feed)
        except BaseException as exc:
            if self._must_raise(exc):
                raise
            self._failed("died", exc)
        finally:
            if self.backlog and self._cutting_off():
                self._notices.say(
                    f"{self.name} cut off", f"sink {self.name!r} could not keep up at the exit: records are lost"
                )
            self.dead = True
            self.dropped += self.backlog
            self.backlog = 0
            self._changed()

    async def _feed(self) -> None:
        snapshots = self._snapshots
        try:
            if snapshots is None:
                async for record in self._receive:
                    await self._write_one(record)
            else:
                await self._feed_both(snapshots)
        finally:
            if self._aclose is not None:
                # When it is cut off this is already cancelled: what needs no waiting is still done.
                await self._contained("failed to close", self._aclose)

    async def _feed_both(self, snapshots: _Snapshots) -> None:
        snapshots.begin()
        while True:
            record = None
            try:
                # First without a deadline: one that has passed would let no record through.
                await trio.lowlevel.checkpoint()
                record = self._receive.receive_nowait()
            except trio.WouldBlock:
                with trio.move_on_at(snapshots.due):
                    try:
                        record = await self._receive.receive()
                    except trio.EndOfChannel:
                        break
            except trio.EndOfChannel:
                break
            if record is not None:
                await self._write_one(record)
            if snapshots.are_due():
                await self._contained("failed to take a snapshot", snapshots.tell)
                snapshots.begin()  # once more: it may have taken longer than that, and records must have their turn
        await self._contained("failed to take a snapshot", snapshots.tell)

    async def _write_one(self, record: DivergenceRecord) -> None:
        if not await self._contained("failed", self._write, record):
            self.dropped += 1
        self.backlog -= 1
        self._changed()

    async def _contained(self, how: str, function: Callable[..., Any], *args: Any) -> bool:
        """Call it, wait for it, and say whether it did not raise."""
        try:
            await _maybe_await(function(*args))
        except BaseException as exc:
            if self._must_raise(exc):
                raise
            self._failed(how, exc)
            return False
        return True

    def _must_raise(self, exc: BaseException) -> bool:
        # Cancelled must go on only if it is ours: a stray one is the sink's own failure.
        return passing_error(exc) is not None or (self._cutting_off() and consists_of(exc, trio.Cancelled))

    def _failed(self, how: str, exc: BaseException) -> None:
        self._notices.say(f"{self.name} {how}", f"sink {self.name!r} {how}: {type_name(type(exc))}")


class _Snapshots:
    """When a sink is told the counts, and which."""

    def __init__(
        self, tell: Callable[[Sequence[dict[str, Any]]], Any], every: float, take: Callable[[], Iterable[Evidence]]
    ) -> None:
        self._tell = tell
        self._every = every
        self._take = take
        self._told: dict[str, object] = {}
        self.due = math.inf

    def begin(self) -> None:
        """The sink's task has begun."""
        self.due = trio.current_time() + self._every

    def are_due(self) -> bool:
        """Is it time?"""
        return trio.current_time() >= self.due

    async def tell(self) -> None:
        """Tell the sink what has changed. What it raises is raised, and is told again the next time."""
        self.begin()
        told: dict[str, object] = {}
        news: list[dict[str, Any]] = []
        for evidence in self._take():
            told[evidence.series] = marker = evidence.marker()
            if self._told.get(evidence.series) != marker:
                news.append(evidence.to_dict(time.time()))
        if news:
            await _maybe_await(self._tell(news))
        self._told = told


async def _maybe_await(result: Any) -> None:
    if inspect.isawaitable(result):
        await result
