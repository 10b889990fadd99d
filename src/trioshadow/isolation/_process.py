"""ProcessBackend: a function as a Backend, in worker processes that may compute, crash and be killed.

Rules:

- A call that nobody waits for any more is ended by killing its worker: there is no other way to end what computes.
- A worker that is lost, killed or crashed, is the failure of its call alone. Its place is given to the next call only
  when another worker stands there with the function imported: starting one takes a good part of a second, which is not
  the next call's fault, and if a deadline could fall into it, a function that is slow to import would never come up.
- The workers are this backend's own, and so is the limit of them: what else of the program uses trio-parallel has
  others.

All that outlives a call runs in one system task, `_keep`: a nursery around the body of `async with` would wrap what the
body raises.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import trio
from trio.lowlevel import enable_ki_protection

from trioshadow._accounts.notices import Notices
from trioshadow._model.checks import integer, is_count, is_delay, is_function, is_text
from trioshadow._model.errors import first_other, type_name
from trioshadow._service.marks import in_shadow
from trioshadow._service.timing import Timing, tell

from . import _in_worker
from ._errors import BackendFull, BackendNotRunning

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")

#: The places are counted here, not by trio-parallel.
_UNLIMITED: Any = contextlib.nullcontext()

_is_niceness = integer("an int in [0, 19]", lambda niceness: 0 <= niceness <= 19)


class ProcessBackend(Generic[RequestT, ResponseT]):
    """Calls a function in worker processes of its own, at most `max_workers` at once. An async context manager, to be
    entered once; entering it starts the workers and imports the function there, leaving it ends them.

        async with ProcessBackend(compute) as shadow, Shadower(primary, shadow) as shadower:
            ...

    Function, requests and answers are pickled: the function is one of a module's top level, and the program's own start
    stands under `if __name__ == "__main__":`, since workers import its main module. Needs `trioshadow[process]`.

    The only backend whose candidate may compute in Python, hold the interpreter lock, fill its memory or crash the
    interpreter: all of it is a worker's. When the leg's deadline passes, the worker is killed and another started;
    calls wait for that, and for a place. What a call costs the callers' loop is the pickling: of the request, and
    reading the answer back. Answers are unpickled in this process, which whoever makes them can use: this is no wall
    against a candidate that means harm.

    The caller's context variables are not visible there; `in_shadow()` is told and works. Latencies are those of the
    function, wall and CPU time, taken in the worker; the wait for a worker is told apart.

    `niceness`: how far the workers stand back where processors are scarce, as `nice` has it, from 0 to 19 (most). The
    default leaves them to the callers; take 0 where the candidate's latency is part of the evidence.
    `start_timeout`: seconds for all workers to come up; then BackendNotRunning. What goes wrong there is raised here.
    `stop_timeout`: seconds for idle workers to end by themselves; then they are killed, and the log says so.

    Raises ImportError without the extra, TypeError if `function` is not a sync function, TypeError and ValueError for
    other arguments of a wrong type and out of range.
    """

    def __init__(
        self,
        function: Callable[[RequestT], ResponseT],
        *,
        name: str = "",
        max_workers: int = 1,
        max_in_flight: int = 256,
        niceness: int = 10,
        start_timeout: float = 60.0,
        stop_timeout: float = 5.0,
    ) -> None:
        is_function.check("function", function)
        if inspect.iscoroutinefunction(function):
            raise TypeError("function must be a sync function: a worker process has no event loop")
        is_text.check("name", name)
        is_count.check("max_workers", max_workers)
        is_count.check("max_in_flight", max_in_flight)
        _is_niceness.check("niceness", niceness)
        is_delay.check("start_timeout", start_timeout)
        is_delay.check("stop_timeout", stop_timeout)
        try:
            import trio_parallel  # type: ignore[import-untyped] # pyright: ignore[reportMissingTypeStubs] # noqa: PLC0415
        except ImportError as exc:
            raise ImportError("ProcessBackend needs trio-parallel: pip install 'trioshadow[process]'") from exc
        self._trio_parallel = trio_parallel
        self._function = function
        self._name = f"process backend {name!r}" if name else "process backend"
        self._max_workers = max_workers
        self._max_in_flight = max_in_flight
        self._niceness = niceness
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._notices = Notices("")
        self._places = trio.CapacityLimiter(max_workers)
        self._calls: set[trio.CancelScope] = set()
        self._keeping = trio.CancelScope()
        self._token: trio.lowlevel.TrioToken | None = None
        self._open = False
        self._why_not = "was never entered"
        self._crash: BaseException | None = None

    @property
    def busy_calls(self) -> int:
        """How many calls are in a worker or wait for one."""
        return len(self._calls)

    @enable_ki_protection  # workers that were started and are not known would not be ended
    async def __aenter__(self) -> Self:
        if self._token is not None:
            raise RuntimeError(f"a {self._name} is entered once: make another")
        self._token, self._pid = trio.lowlevel.current_trio_token(), os.getpid()
        self._known = trio.Event()  # it is known whether the workers came up
        self._gone = trio.Event()
        self._why_not = f"did not come up within {self._start_timeout:g} s"
        trio.lowlevel.spawn_system_task(self._keep)
        try:
            with trio.move_on_after(self._start_timeout):
                await self._known.wait()
        finally:
            if not self._open:
                await self._stop()
        if not self._open:
            crash, self._crash = self._crash, None
            if crash is None:
                raise BackendNotRunning(f"the {self._name} {self._why_not}")
            try:
                raise crash
            finally:
                del crash  # this frame is in its traceback: a cycle
        return self

    @enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._why_not = "was left"
        await self._stop()

    async def call(self, request: RequestT, /) -> ResponseT:
        """`function(request)` in a worker. A checkpoint; cancelling it kills the worker.

        Raises what the function raises, or CandidateError if its class can't be imported; BrokenWorkerError of
        trio-parallel if the worker crashed; what pickle raises for a request or an answer that it can't write or read;
        BackendFull if there is no place to wait; BackendNotRunning outside of `async with`.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self._open:
            raise BackendNotRunning(f"the {self._name} {self._why_not}")
        if self._token is not trio.lowlevel.current_trio_token() or self._pid != os.getpid():
            raise BackendNotRunning(f"the {self._name} was entered in another trio.run or process")
        if len(self._calls) >= self._max_in_flight:
            raise BackendFull(f"the {self._name} has {self._max_in_flight} calls in workers or waiting for one")
        ended = None
        scope = trio.CancelScope()
        self._calls.add(scope)
        try:
            with scope:
                ended = await self._call(request)
        finally:
            self._calls.discard(scope)
        if ended is None:
            raise BackendNotRunning(f"the {self._name} {self._why_not}")
        answer, error, _, _ = ended
        del ended  # this frame is in the error's traceback: a cycle
        if error is None:
            return answer  # type: ignore[no-any-return]
        try:
            raise error
        finally:
            del error  # this frame is in its traceback: a cycle

    @enable_ki_protection  # a place that is not given back is lost
    async def _call(self, request: RequestT) -> _in_worker.Ended:
        place = object()
        asked, queued = trio.current_time(), 0.0
        try:
            self._places.acquire_on_behalf_of_nowait(place)
        except trio.WouldBlock:
            try:
                await self._places.acquire_on_behalf_of(place)
            finally:
                queued = trio.current_time() - asked
                tell(Timing(elsewhere=queued, queued=queued))
        lost = True
        ended: _in_worker.Ended
        try:
            ended = await self._run(_in_worker.call, self._function, request, in_shadow())
            lost = False
            way = trio.current_time() - asked - queued - ended.seconds
            tell(Timing(elsewhere=way, cpu=ended.cpu, alone=1))
        finally:
            if lost and self._open:
                self._nursery.start_soon(self._replace, place)
            else:
                self._places.release_on_behalf_of(place)
        return ended

    async def _run(self, function: Callable[..., Any], *args: object) -> Any:
        return await self._workers.run_sync(function, *args, kill_on_cancel=True, limiter=_UNLIMITED)

    async def _replace(self, place: object) -> None:
        try:
            await self._run(_in_worker.warm_up, self._function)
        except Exception as exc:  # the next call tries again, and fails for itself
            self._notices.say("replace", f"the {self._name} got no new worker ({type_name(type(exc))})")
        finally:
            self._places.release_on_behalf_of(place)

    async def _keep(self) -> None:
        try:
            with self._keeping:
                async with (
                    self._trio_parallel.open_worker_context(
                        idle_timeout=math.inf,
                        init=functools.partial(_in_worker.begin, self._niceness),
                        grace_period=self._stop_timeout,
                    ) as self._workers,
                    trio.open_nursery() as self._nursery,
                ):
                    try:
                        async with trio.open_nursery() as starting:
                            for _ in range(self._max_workers):
                                starting.start_soon(self._run, _in_worker.warm_up, self._function)
                    except BaseException as exc:
                        # Now: that workers then do not end well, either, must not stand in its place.
                        self._crash = first_other(exc, trio.Cancelled)
                        raise
                    self._open = True
                    self._known.set()
                    await trio.sleep_forever()
        except BaseException as exc:  # a system task must not raise
            crash = first_other(exc, trio.Cancelled)
            if crash is not None and not self._known.is_set():
                self._crash = self._crash or crash
            elif crash is not None:
                self._notices.say("ended", f"workers of the {self._name} did not end well ({type_name(type(crash))})")
        finally:
            self._open = False
            self._known.set()
            self._gone.set()

    async def _stop(self) -> None:
        self._open = False
        for scope in self._calls:
            scope.cancel()
        self._keeping.cancel()
        with trio.CancelScope(shield=True):  # bounded: calls are killed, and the rest is after stop_timeout
            await self._gone.wait()
