"""Trio in the other thread: a loop, and the calls in it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import trio

from trioshadow._model.backend import as_callable
from trioshadow._model.errors import consists_of, first_other

from ._crossing import Crossing, post
from ._other_loop import OtherLoop


class TrioCrossing(Crossing):
    """A call to a candidate for Trio."""

    def __init__(self, request: Any, home: trio.lowlevel.TrioToken, done: Callable[[Crossing], object]) -> None:
        super().__init__(request, home, done)
        self._scope = trio.CancelScope()

    def cancel(self) -> None:
        """The caller has left."""
        self._scope.cancel()

    async def run(self, backend: Callable[[Any], Awaitable[Any]]) -> None:
        """Make the call: a task there, in a copy of the caller's context. Raises nothing."""
        scope = self._scope
        scope.deadline = trio.current_time() + self._left()
        try:
            with scope:  # if the deadline has passed, entering it cancels
                # A child, not inline: a candidate that leaves a nursery open corrupts the task it ran in.
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._call, backend)
        except BaseException as exc:  # not the call's own: the disorder in which it left its task, or the loop's end
            disorder = first_other(exc, trio.Cancelled)
            self.answer, self.error = None, exc if disorder is None else disorder
            del disorder
        is_cancelled = self.error is not None and consists_of(self.error, trio.Cancelled)
        if is_cancelled and not self.left and _loop_ends():
            self.error = None
            return  # not the call's doing: all that is not back by then is lost when the loop has ended
        self.cut = is_cancelled and scope.cancel_called
        self._return()

    async def _call(self, backend: Callable[[Any], Awaitable[Any]]) -> None:
        with self._timed():
            try:
                await (
                    trio.lowlevel.checkpoint_if_cancelled()
                )  # a loop that was blocked comes to calls that are long over
                self.answer = await backend(self._taken())
            except BaseException as exc:
                self.error = exc


def _loop_ends() -> bool:
    # Asked outside of the call's own scope.
    return trio.current_effective_deadline() == -math.inf


class TrioLoop(OtherLoop):
    """A `trio.run`."""

    crossing: ClassVar = TrioCrossing
    cancelled: ClassVar = trio.Cancelled

    _token: trio.lowlevel.TrioToken | None = None
    _nursery: trio.Nursery | None = None

    def post(self, function: Callable[..., object], *args: object) -> bool:
        """Have this called there; False if the loop has ended or not begun."""
        return self._token is not None and post(self._token, function, *args)

    def _run(self) -> None:
        self._scope = trio.CancelScope()
        trio.run(self._main)

    def _cancel(self) -> None:
        self._scope.cancel()

    async def _main(self) -> None:
        with self._scope:
            self._token = trio.lowlevel.current_trio_token()
            if self._stopping:
                return
            async with self._factory() as backend:
                self._call = as_callable(backend, "what the factory gives")
                async with trio.open_nursery() as nursery:
                    self._nursery = nursery
                    post(self._home, self._up)
                    try:
                        await trio.sleep_forever()
                    finally:
                        self._nursery = None  # before Trio closes it to new tasks

    def _accept(self, crossing: TrioCrossing) -> None:
        if self._nursery is not None:  # pragma: no branch - a call that crosses in the very step of the end
            crossing.context.run(self._nursery.start_soon, crossing.run, self._call)
