"""asyncio in the other thread: a loop, and the calls in it. For candidates that are written for asyncio; the callers
are on Trio all the same.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from trioshadow._model.backend import as_callable

from ._crossing import Crossing, post
from ._daemon_threads import DaemonThreads
from ._other_loop import OtherLoop


class AsyncioCrossing(Crossing):
    """A call to a candidate for asyncio."""

    stop_signs: ClassVar = (asyncio.CancelledError,)

    _task: asyncio.Task[None] | None = None
    _loop_ends = False

    def begin(self, backend: Callable[[Any], Awaitable[Any]], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        """Make the call: a task there, in a copy of the caller's context."""
        self._task = task = loop.create_task(self._call(backend), context=self.context)
        task.add_done_callback(self._over)  # not in the task: one that is cancelled before its first step never runs
        return task

    def cancel(self) -> None:
        """The caller has left."""
        if self._task is not None:  # pragma: no branch - the loop has ended before it came to it
            self._task.cancel()

    def end(self) -> None:
        """The loop ends."""
        self._loop_ends = True
        self.cancel()

    async def _call(self, backend: Callable[[Any], Awaitable[Any]]) -> None:
        # All that it raises stays here: a SystemExit that leaves a task is the end of the loop.
        with self._timed():
            left = self._left()
            if left <= 0:  # a loop that was blocked comes to calls that are long over
                self.cut = True
                return
            timeout = asyncio.timeout(None if left == math.inf else left)
            try:
                async with timeout:
                    self.answer = await backend(self._taken())
            except BaseException as exc:
                self.cut = timeout.expired() and isinstance(exc, TimeoutError)
                self.error = exc

    def _over(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self.error = asyncio.CancelledError()
        if self._loop_ends and not self.left and isinstance(self.error, asyncio.CancelledError):
            self.error = None
            return  # not the call's doing: all that is not back by then is lost when the loop has ended
        self._return()


class AsyncioLoop(OtherLoop):
    """An `asyncio.run`: with the loop of the policy that is set, such as uvloop's."""

    crossing: ClassVar = AsyncioCrossing
    cancelled: ClassVar = asyncio.CancelledError

    _loop: asyncio.AbstractEventLoop | None = None
    _serves = False

    def post(self, function: Callable[..., object], *args: object) -> bool:
        """Have this called there; False if the loop has ended or not begun."""
        if self._loop is None:
            return False
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:  # it is closed
            return False
        return True

    def _run(self) -> None:
        asyncio.run(self._main())

    def _cancel(self) -> None:
        self._main_task.cancel()

    async def _main(self) -> None:
        main = asyncio.current_task()
        assert main is not None
        self._main_task = main
        self._loop = loop = asyncio.get_running_loop()
        # Those of the standard library keep the interpreter from ending.
        loop.set_default_executor(DaemonThreads())
        if self._stopping:
            return
        async with self._factory() as backend:
            self._call = as_callable(backend, "what the factory gives")
            self._calls: dict[asyncio.Task[None], AsyncioCrossing] = {}
            self._serves = True
            post(self._home, self._up)
            try:
                await loop.create_future()  # for ever
            finally:
                self._serves = False
                for crossing in self._calls.values():
                    crossing.end()
                while self._calls:
                    await asyncio.wait(self._calls)

    def _accept(self, crossing: AsyncioCrossing) -> None:
        if self._serves and self._loop is not None:  # pragma: no branch - a call that crosses in the step of the end
            task = crossing.begin(self._call, self._loop)
            self._calls[task] = crossing
            task.add_done_callback(self._calls.pop)
