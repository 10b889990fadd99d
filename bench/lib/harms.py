"""The candidates of `harms.py`, one for each harm, and the places that one can be put in. Also what a worker imports.

Each candidate is a plain function, so that it can be in all four places; on a loop it is called by an async function
that does nothing else.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

import trio

from trioshadow.isolation import ProcessBackend, SyncBackend, ThreadBackend

#: What a blocking candidate takes, and one that computes.
SECONDS = 0.05
_MIB = 1 << 20

Candidate = Callable[[bytes], bytes]
Call = Callable[[bytes], Awaitable[bytes]]


def blocks(request: bytes) -> bytes:
    """Sleep, without the interpreter lock, as what waits for a socket or a lock does."""
    time.sleep(SECONDS)
    return request


def burns(request: bytes) -> bytes:
    """Compute in Python, for so long by the thread's own clock."""
    end = time.thread_time() + SECONDS
    while time.thread_time() < end:
        pass
    return request


def holds_lock(request: bytes) -> bytes:
    """Compute in C, in one call that does not give the interpreter lock back: a sum, a sort, a regular expression."""
    sum(range(_numbers()))
    return request


@functools.cache
def _numbers() -> int:
    # So many that a sum takes SECONDS. The best of three: the others were disturbed.
    count = 100_000
    times = []
    for _ in range(3):
        start = time.thread_time()
        sum(range(count))
        times.append(time.thread_time() - start)
    return round(count * SECONDS / min(times))


def allocates(request: bytes) -> bytes:
    """Fill 1 GiB, in pieces, and let it go."""
    pieces = [b"\x01" * _MIB for _ in range(1024)]
    del pieces
    return request


def crashes(request: bytes) -> bytes:
    """Read from address 0."""
    ctypes.string_at(0)
    return request


HARMS: dict[str, tuple[str, Candidate]] = {
    "blocks": ("sleeps 50 ms, blocking", blocks),
    "burns": ("burns 50 ms of Python", burns),
    "holds-lock": ("holds the interpreter lock in C for 50 ms", holds_lock),
    "allocates": ("allocates 1 GiB", allocates),
    "crashes": ("segfaults", crashes),
}


@contextlib.asynccontextmanager
async def _on_the_loop(candidate: Candidate) -> AsyncGenerator[Call]:
    async def call(request: bytes) -> bytes:
        await trio.lowlevel.checkpoint()
        return candidate(request)

    yield call


@contextlib.asynccontextmanager
async def _in_threads(candidate: Candidate) -> AsyncGenerator[Call]:
    yield SyncBackend(candidate, max_workers=1).call


@contextlib.asynccontextmanager
async def _in_a_thread(candidate: Candidate) -> AsyncGenerator[Call]:
    async with ThreadBackend(functools.partial(_on_the_loop, candidate)) as backend:
        yield backend.call


@contextlib.asynccontextmanager
async def _in_a_process(candidate: Candidate) -> AsyncGenerator[Call]:
    async with ProcessBackend(candidate) as backend:
        yield backend.call


PLACES: dict[str, Callable[[Candidate], contextlib.AbstractAsyncContextManager[Call]]] = {
    "on the loop": _on_the_loop,
    "SyncBackend": _in_threads,
    "ThreadBackend": _in_a_thread,
    "ProcessBackend": _in_a_process,
}


def echo(request: bytes) -> bytes:
    """Do nothing: what is left is the way there and back."""
    return request
