"""Without the library: the backends of the loops, and the same structure written by hand in bare Trio.

`leg` is what a sampled call needs of Trio if it is to be safe: a task that outlives the caller's call, in it a nursery
of its own with a deadline, in that the shadow as a child, so that a shadow which leaves a nursery open spoils its own
task only. It compares nothing, counts nothing, and lets errors through: the rows that print it show how much of the
cost is Trio's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

import trio

BODY = b"x" * 4096
#: Equal in all but the last byte.
OTHER_BODY = BODY[:-1] + b"y"


async def backend(request: bytes) -> bytes:
    """Answer the request after one checkpoint: the cheapest honest backend."""
    await trio.lowlevel.checkpoint()
    return request


async def diverging(request: bytes) -> bytes:  # noqa: ARG001 - a backend takes one
    """Another answer."""
    await trio.lowlevel.checkpoint()
    return OTHER_BODY


async def failing(request: bytes) -> bytes:  # noqa: ARG001
    """Raise."""
    await trio.lowlevel.checkpoint()
    raise ValueError("the candidate is not ready")


async def hung(request: bytes) -> bytes:
    """Never answer."""
    await trio.Event().wait()
    return request


async def leg(shadow: Callable[[bytes], Awaitable[object]], request: bytes, seconds: float = 2.0) -> None:
    """Run the shadow as the child of a nursery with a deadline."""
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + seconds
        nursery.start_soon(shadow, request)


async def guarded_leg(shadow: Callable[[bytes], Awaitable[object]], request: bytes, seconds: float = 2.0) -> None:
    """Do the same for a shadow that fails."""

    async def guarded() -> None:
        with contextlib.suppress(Exception):
            await shadow(request)

    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + seconds
        nursery.start_soon(guarded)


async def until_childless(nursery: trio.Nursery) -> None:
    """Wait until all tasks of a nursery have ended, without leaving it."""
    while nursery.child_tasks:
        await trio.lowlevel.checkpoint()
