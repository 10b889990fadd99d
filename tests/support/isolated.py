"""What the tests of ThreadBackend and ProcessBackend share. Real threads and processes, so the real clock: each wait is
for an event, with a limit that only a bug reaches.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import textwrap
import threading

import pytest
import trio

from tests.support.portable import TOO_LONG


async def eventually(condition):
    """Wait until something is the case that tells nobody."""
    with trio.fail_after(TOO_LONG):
        while not condition():
            await trio.sleep(0.001)


def in_another_thread(function, *args):
    """Call it there and wait, so that no clock jumps meanwhile; what it returns or raises is lost."""
    thread = threading.Thread(target=function, args=args)
    thread.start()
    thread.join()


async def is_set(event):
    """Wait for a threading.Event."""
    with trio.fail_after(TOO_LONG):
        await trio.to_thread.run_sync(event.wait, TOO_LONG, abandon_on_cancel=True)
    assert event.is_set()


async def call_and_leave(backend, request, begun):
    """A caller who leaves as soon as the candidate is at work on its request. `begun` is a threading.Event."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(backend.call, request)
        await is_set(begun)
        nursery.cancel_scope.cancel()


async def put_off_the_deadline_of_a_call(backend):
    """A call that never ends: its deadline passes there, and was put off here meanwhile."""
    with trio.move_on_after(0.5) as scope:

        async def put_off():
            scope.deadline += TOO_LONG

        async with trio.open_nursery() as nursery:
            nursery.start_soon(put_off)
            with pytest.raises(trio.TooSlowError):
                await backend.call(0)
    assert not scope.cancelled_caught


def run_program(program):
    """In an interpreter of its own, in which a warning is an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        check=False,
        text=True,
        timeout=TOO_LONG * 3,
    )


def factory_of(backend, *, leaving=None):
    """A factory whose context manager gives this backend, and calls `leaving` in the end."""

    @contextlib.asynccontextmanager
    async def factory():
        try:
            yield backend
        finally:
            if leaving is not None:
                leaving()

    return factory
