"""A run's host: the task in which the nursery of a call is opened and closed.

Each sampled call has a nursery of its own, and a nursery needs a task that stands in it. That task is not made for each
call: when a run has settled its host opens the *next* call's nursery and waits there, idle, so that the next `start()`
launches the shadow straight into it. Against a new task for each call this saves a task and a scheduler pass (`nox -s
bench`, "a leg without an idle host"), and since the shadow is launched by the caller, it has a copy of the caller's
context without further ado.

The rules:

- A host holds at most one run, and lets go of it before it waits again.
- It never runs user code inside a nursery's body or across an await, and it catches outside its nursery: inside, a
  deadline together with a cleanup error leaks an ExceptionGroup.
- It runs in the shadower's own context, since it outlives the callers, whose contexts it must not keep alive.
"""

from __future__ import annotations

import contextlib
import contextvars

import trio
from trio.lowlevel import Abort, enable_ki_protection

from trioshadow._model.errors import passing_error

from .desk import Desk
from .judging import ABANDONED, CLOSED
from .marks import unmirrored_context
from .run import Run

#: So many hosts wait for runs; those of a larger burst end with it. An idle host holds about 3 KB (`nox -s bench`).
IDLE_HOSTS = 64


class HostPool:
    """The hosts of one shadower."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._idle: list[LegHost] = []
        self._hosts: set[LegHost] = set()
        self._open = False

    def open(self, nursery: trio.Nursery) -> None:
        """From now on hosts may be made: tasks of `nursery`, in the current context."""
        self._nursery = nursery
        self._open = True
        # Comparisons and the shadow's view run in there: what they call must not be mirrored either.
        self._context = unmirrored_context(of_shadow=True)

    def close(self) -> None:
        """The nursery is being closed."""
        self._open = False

    def launch(self, run: Run) -> None:
        """Start the run, in a copy of the current context. One that comes too late, from another thread, is settled as
        one that never was.
        """
        if not self._open or self._desk.post.gone:
            run.settle(CLOSED if run.side == "shadow" else ABANDONED)
            return
        if self._idle:
            self._idle.pop().launch(run)  # taken before it is used: what this runs may call the library again
            return
        # The host opens its nursery first, so the caller's context has to be kept until then. The host itself, which
        # outlives the caller that it is first made for, has the shadower's.
        host, callers = LegHost(self), contextvars.copy_context()
        self._context.run(lambda: self._nursery.start_soon(host.run, run, callers, name="trioshadow host"))

    def cancel(self) -> None:
        """Cancel all backends, and let all hosts end."""
        self._desk.closing = True
        for host in self._hosts:
            host.cancel()

    def operations(self) -> list[str]:
        """What the runs in flight are called, without repeats."""
        return sorted({run.settlement.operation for run in (host.serves for host in self._hosts) if run is not None})

    def entered(self, host: LegHost) -> None:
        """A host has started."""
        self._hosts.add(host)

    def left(self, host: LegHost) -> None:
        """A host has ended."""
        self._hosts.discard(host)

    def wait_for_run(self, host: LegHost) -> None:
        """A host has opened a nursery for the next run."""
        self._idle.append(host)

    def stop_waiting(self, host: LegHost) -> None:
        """A host was cancelled while it was idle."""
        self._idle.remove(host)

    @property
    def closing(self) -> bool:
        """Are all runs being cancelled?"""
        return self._desk.closing

    def wants(self) -> bool:
        """Shall a host whose run has settled wait for another?"""
        return not self._desk.closing and len(self._idle) < IDLE_HOSTS


class LegHost:
    """One host."""

    __slots__ = ("_comparing", "_nursery", "_parked", "_pool", "_run", "_task")

    _nursery: trio.Nursery
    """Of the current run, or of the next."""

    def __init__(self, pool: HostPool) -> None:
        self._pool = pool
        self._run: Run | None = None
        self._parked = False
        self._comparing: trio.CancelScope | None = None

    @property
    def serves(self) -> Run | None:
        """The run that it serves, if any."""
        return self._run

    def launch(self, run: Run) -> None:
        """Start the run in this host's open nursery, in a copy of the current context."""
        self._run = run
        run.launch(self._nursery, self._wake)

    def _wake(self) -> None:
        """What the host waits for has come: the end of the backend's task, or after that the primary's side."""
        if self._parked:
            self._parked = False
            trio.lowlevel.reschedule(self._task)

    def cancel(self) -> None:
        """Cancel the backend, or the wait for the primary's side after it."""
        self._nursery.cancel_scope.cancel()
        if self._comparing is not None:
            self._comparing.cancel()
        self._wake()

    @enable_ki_protection  # a run that is not settled would hold its place for ever
    async def run(self, run: Run | None, context: contextvars.Context | None) -> None:
        """Serve `run`, whose caller had `context`, then others, one after the other."""
        self._task = trio.lowlevel.current_task()
        try:
            while True:
                try:
                    async with trio.open_nursery() as self._nursery:
                        if run is None or context is None:
                            self._pool.wait_for_run(self)
                        else:
                            self._pool.entered(self)
                            context.run(self.launch, run)
                        run = context = None
                        self._parked = True
                        await trio.lowlevel.wait_task_rescheduled(self._interrupted)
                except BaseException as exc:
                    # Cancelled is not raised again: if it came from outside, the pool closes, and this host ends below.
                    if self._run is not None:
                        self._run.crashed(exc)
                    if passing_error(exc) is not None:
                        raise
                if self._run is not None:
                    if self._run.waits_for_primary():
                        with contextlib.suppress(trio.Cancelled):  # the shadower is closing: the run ends as it is
                            self._parked = True
                            await trio.lowlevel.wait_task_rescheduled(self._interrupted)
                    run, self._run = self._run, None
                    if not run.finish():
                        await self._finish_elsewhere(run)
                    run = None
                if not self._pool.wants():
                    return
        finally:
            self._pool.left(self)

    async def _finish_elsewhere(self, run: Run) -> None:
        with trio.CancelScope() as self._comparing:
            if self._pool.closing:
                self._comparing.cancel()
            await run.finish_elsewhere()
        self._comparing = None

    def _interrupted(self, _: trio.lowlevel.RaiseCancelT) -> Abort:
        # Trio calls this in the step in which it cancels the wait: for the deadline, that is when it looked at the
        # clock.
        self._parked = False
        if self._run is None:
            self._pool.stop_waiting(self)
        else:
            self._run.interrupted()
        return Abort.SUCCEEDED
