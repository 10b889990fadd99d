"""A leg's host: the task in which the nursery of a call is opened and closed.

Each sampled call has a nursery of its own, and a nursery needs a task that stands in it. That task is not made for each
call: when a leg has settled its host opens the *next* call's nursery and waits there, idle, so that the next `start()`
launches the shadow straight into it. Against a new task for each call this saves a task and a scheduler pass (`nox -s
bench`, "a sampled call": 2.9 against 3.3 floors in the sketch), and since the shadow is launched by the caller, it has
a copy of the caller's context without further ado.

The rules:

- A host holds at most one leg, and lets go of it before it waits again.
- It never runs user code inside a nursery's body or across an await, and it catches outside its nursery: inside, a
  deadline together with a cleanup error leaks an ExceptionGroup.
- It runs in the shadower's own context, since it outlives the callers, whose contexts it must not keep alive.
"""

from __future__ import annotations

import contextlib
import contextvars
from typing import TYPE_CHECKING, Any

import trio
from trio.lowlevel import Abort, enable_ki_protection

from ._model.errors import passing_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._active_leg import ActiveLeg

#: So many hosts wait for legs; those of a larger burst end with it. An idle host holds about 3 KB (`nox -s bench`).
IDLE_HOSTS = 64


class HostPool:
    """The hosts of one shadower."""

    def __init__(self) -> None:
        self._idle: list[LegHost] = []
        self._hosts: set[LegHost] = set()
        self.closing = False

    def launch(self, leg: ActiveLeg[Any, Any], spawn: Callable[..., None]) -> None:
        """Start the leg's shadow, in a copy of the current context. `spawn(f, *args)` starts a task for a new host."""
        if self._idle:
            self._idle[-1].launch(leg)
            self._idle.pop()  # after it: one that could not launch goes on waiting
        else:
            # The host opens its nursery first, so the leg's context has to be kept until then.
            spawn(LegHost(self).run, leg, contextvars.copy_context())

    def cancel(self) -> None:
        """Cancel all shadows, and let all hosts end."""
        self.closing = True
        for host in self._hosts:
            host.cancel()

    def operations(self) -> list[str]:
        """What the legs in flight are called, without repeats."""
        return sorted({host.operation for host in self._hosts if host.operation})

    def entered(self, host: LegHost) -> None:
        """A host has started."""
        self._hosts.add(host)

    def left(self, host: LegHost) -> None:
        """A host has ended."""
        self._hosts.discard(host)

    def wait_for_leg(self, host: LegHost) -> None:
        """A host has opened a nursery for the next leg."""
        self._idle.append(host)

    def stop_waiting(self, host: LegHost) -> None:
        """A host was cancelled while it was idle."""
        self._idle.remove(host)

    def wants(self) -> bool:
        """Shall a host whose leg has settled wait for another?"""
        return not self.closing and len(self._idle) < IDLE_HOSTS


class LegHost:
    """One host."""

    __slots__ = ("_comparing", "_leg", "_parked", "_pool", "_task", "nursery")

    nursery: trio.Nursery
    """The nursery of the current leg, or of the next."""

    def __init__(self, pool: HostPool) -> None:
        self._pool = pool
        self._leg: ActiveLeg[Any, Any] | None = None
        self._parked = False
        self._comparing: trio.CancelScope | None = None

    @property
    def operation(self) -> str | None:
        """The operation of the leg it serves; None while it serves none."""
        return None if self._leg is None else self._leg.operation

    def launch(self, leg: ActiveLeg[Any, Any]) -> None:
        """Start the leg's shadow in this host's open nursery, in a copy of the current context."""
        self.nursery.start_soon(leg.run_shadow, name=leg.desk.task_name)
        self._leg = leg
        leg.host = self

    def wake(self) -> None:
        """What the host waits for has come: the end of the shadow, or after that the primary's side."""
        if self._parked:
            self._parked = False
            trio.lowlevel.reschedule(self._task)

    def cancel(self) -> None:
        """Cancel the shadow, or the wait for the primary's side after it."""
        self.nursery.cancel_scope.cancel()
        if self._comparing is not None:
            self._comparing.cancel()
        self.wake()

    @enable_ki_protection  # a leg that is not settled would hold its place for ever
    async def run(self, leg: ActiveLeg[Any, Any] | None, context: contextvars.Context | None) -> None:
        """Serve `leg`, whose caller had `context`, then others, one after the other."""
        self._task = trio.lowlevel.current_task()
        try:
            while True:
                try:
                    async with trio.open_nursery() as self.nursery:
                        if leg is None or context is None:
                            self._pool.wait_for_leg(self)
                        else:
                            self._pool.entered(self)
                            context.run(self.launch, leg)
                        leg = context = None
                        self._parked = True
                        await trio.lowlevel.wait_task_rescheduled(self._interrupted)
                except BaseException as exc:
                    # Cancelled is not raised again: if it came from outside, the pool closes, and this host ends below.
                    if self._leg is not None:
                        self._leg.crashed(exc)
                    if passing_error(exc) is not None:
                        raise
                if self._leg is not None:
                    if self._leg.waits_for_primary():
                        with contextlib.suppress(trio.Cancelled):  # the shadower is closing: the leg finishes as it is
                            self._parked = True
                            await trio.lowlevel.wait_task_rescheduled(self._interrupted)
                    leg, self._leg = self._leg, None
                    if not leg.finish():
                        await self._finish_elsewhere(leg)
                    leg = None
                if not self._pool.wants():
                    return
        finally:
            self._pool.left(self)

    async def _finish_elsewhere(self, leg: ActiveLeg[Any, Any]) -> None:
        with trio.CancelScope() as self._comparing:
            if self._pool.closing:
                self._comparing.cancel()
            await leg.finish_elsewhere()
        self._comparing = None

    def _interrupted(self, _: trio.lowlevel.RaiseCancelT) -> Abort:
        # Trio calls this in the step in which it cancels the wait: for the deadline, that is when it looked at the
        # clock.
        self._parked = False
        if self._leg is None:
            self._pool.stop_waiting(self)
        else:
            self._leg.interrupted()
        return Abort.SUCCEEDED
