"""What the tests of ThreadBackend and ProcessBackend share. Real threads and processes, so the real clock: each wait is
for an event, with a limit that only a bug reaches.
"""

from __future__ import annotations

import contextlib

import trio

#: Seconds that only a bug takes.
LIMIT = 20


async def eventually(condition):
    """Wait until something is the case that tells nobody."""
    with trio.fail_after(LIMIT):
        while not condition():
            await trio.sleep(0.001)


async def is_set(event):
    """Wait for a threading.Event."""
    with trio.fail_after(LIMIT):
        await trio.to_thread.run_sync(event.wait, LIMIT, abandon_on_cancel=True)
    assert event.is_set()


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
