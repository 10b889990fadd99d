"""The service: the nursery in which all hosts and the consumer live, opened with the shadower and closed after it.

The rules:

- The nursery is invisible: what the body raises leaves as itself, and what a run raises stays here. Only what must pass
  (KeyboardInterrupt) comes out, in place of the `Cancelled` that it caused in the body.
- Leaving: the door is closed first; the runs get their time; the rest are cancelled; then log and sinks get theirs.
  Each of these waits is bounded, but for a backend that refuses to be cancelled, since Trio keeps no orphans.
- A scope around the shadower that is cancelled while callers go on in a shield closes the door too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import trio
from trio.lowlevel import enable_ki_protection

from trioshadow._accounts.consumer import PATIENCE, Consumer
from trioshadow._model.errors import passing_error, type_name

from .desk import Desk
from .door import Door, require_trio
from .gate import Gate
from .hosts import HostPool
from .kill_file import EVERY, KillFile, kill_file
from .marks import unmirrored_context


class Service:
    """Of one shadower. `killed(is_there)` is told when the kill file comes or goes."""

    def __init__(
        self,
        desk: Desk,
        pool: HostPool,
        consumer: Consumer,
        door: Door,
        *,
        killed: Callable[[bool], None],
        gate: Gate | None,
    ) -> None:
        self._desk = desk
        self._pool = pool
        self._consumer = consumer
        self._door = door
        self._killed = killed
        self._gate = gate

    @enable_ki_protection
    async def open(self) -> None:
        """Start the consumer, and let calls in. A checkpoint at the most where there is a kill file.

        RuntimeError where no Trio runs.
        """
        require_trio()
        self._desk.now = now = trio.lowlevel.current_clock().current_time
        if self._gate is not None:
            self._gate.now = now
        path = kill_file()
        file = None if path is None else KillFile(path, self._killed)
        if file is not None:
            with trio.move_on_after(EVERY):  # a file system that hangs must not hold up a service that starts
                await file.look()
        self._manager = trio.open_nursery()
        self._nursery = nursery = await self._manager.__aenter__()
        self._pool.open(nursery)
        # What sinks call must not be mirrored, or they would feed themselves; but their writes are meant.
        start_consumer = functools.partial(nursery.start_soon, self._consumer.run, name="trioshadow consumer")
        unmirrored_context(of_shadow=False).run(start_consumer)
        self._watch_scope = trio.CancelScope()
        self._kill_scope = trio.CancelScope()
        nursery.start_soon(self._watch, name="trioshadow watch")
        if file is not None:
            nursery.start_soon(self._watch_kill_file, file, name="trioshadow kill file")
        self._desk.post.open(self._post_failed)
        self._door.open()

    @enable_ki_protection
    async def close(self, *, in_order: bool, seconds: Callable[[], float]) -> None:
        """Drain if `in_order`, flush, and close. Runs get so many `seconds()`, and log and sinks as many again: asked
        when it is their turn.
        """
        self._door.close()
        self._desk.post.catch_up()  # where nothing woke the loop
        try:
            if in_order:
                with trio.move_on_after(seconds()):
                    await self._consumer.wait_until(self._no_runs)
        finally:
            await self._finish(seconds)

    @enable_ki_protection
    async def _finish(self, seconds: Callable[[], float]) -> None:
        try:
            with trio.CancelScope(shield=True):
                self._pool.cancel()
                self._desk.post.catch_up()
                with trio.move_on_after(PATIENCE):
                    await self._consumer.wait_until(self._no_runs)
                if not self._no_runs():
                    self._say_who_refuses()
                    await self._consumer.wait_until(self._no_runs)
                await self._consumer.flush(seconds())
        finally:
            self._consumer.cut_off()
            self._pool.close()
            self._watch_scope.cancel()
            self._kill_scope.cancel()
            await self._close_nursery()  # all its tasks have ended, or a KeyboardInterrupt is on its way

    @enable_ki_protection
    async def _close_nursery(self) -> None:
        try:
            # The body's exception is not shown to the nursery, which would put it into a group. If a KeyboardInterrupt
            # out of a run has cancelled the nursery, and so the body, that one is raised in place of the body's
            # Cancelled.
            await self._manager.__aexit__(None, None, None)
        except BaseException as group:
            # Anything else would be a bug of ours, and is shown whole.
            raise (passing_error(group) or group) from None

    def _post_failed(self, exc: BaseException) -> None:
        """What another thread had done here has raised."""
        passing = passing_error(exc)
        if passing is None:
            self._desk.notices.say("post", f"what came from another thread raised {type_name(type(exc))}")
        else:
            self._nursery.start_soon(_raise, passing)

    def _say_who_refuses(self) -> None:
        ledger = self._desk.ledger
        which = ", ".join(name or "(no operation named)" for name in self._pool.operations()[:5])
        self._desk.notices.say(
            "held up",
            f"the exit waits for {ledger.in_flight or ledger.pairs} shadow(s) that refuse to be cancelled: {which}",
        )

    def _no_runs(self) -> bool:
        ledger = self._desk.ledger
        return not (ledger.in_flight or ledger.pairs)

    async def _watch(self) -> None:
        """Learn that the scope around the shadower was cancelled, while callers may go on in a shield."""
        try:
            with self._watch_scope:
                await trio.sleep_forever()
        except trio.Cancelled:
            # Swallowed: this is the end of the task, and the nursery must not be cancelled by it.
            self._door.close()
            self._pool.cancel()

    async def _watch_kill_file(self, file: KillFile) -> None:
        with self._kill_scope:
            await file.watch()


async def _raise(exc: BaseException) -> None:
    await trio.lowlevel.cancel_shielded_checkpoint()  # whatever becomes of the nursery
    raise exc
