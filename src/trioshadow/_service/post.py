"""The post: what other threads have to say to the shadower's own, and what must wait until a task has its turn.

A leg belongs to the thread of its shadower, but a call may begin and end in any thread, and a lost handle is found by a
finaliser, which runs anywhere and at any time, as signal handlers do. What they come to is put here, and done on the
event loop, in order.

The rules:

- Nobody waits: to put something is an `append`, and the loop is woken only if it has not been woken yet (that is a
  system call, 8 µs).
- What is put while the loop runs is done. If the run has ended it is done at once, in the thread that finds that out:
  then no loop is there to be disturbed.
- What it raises is contained, since out of here it would end the user's run.
- In a forked child there is no loop, and so nothing to be told.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import TypeVar

import trio
from trio.lowlevel import current_task, current_trio_token, enable_ki_protection

from trioshadow._accounts.forks import renew_in_child

T = TypeVar("T")


class Post:
    """Of one shadower."""

    __slots__ = ("__weakref__", "_failed", "_jobs", "_token", "_woken", "gone", "thread")

    _failed: Callable[[BaseException], None]

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], object]] = deque()
        self._woken = False
        self._token: trio.lowlevel.TrioToken | None = None
        #: The thread of the loop, once it is open.
        self.thread: int | None = None
        #: The run has ended, and the shadower was not closed before.
        self.gone = False

    def open(self, failed: Callable[[BaseException], None]) -> None:
        """The current run is where things are done. `failed(exc)` is told what one of them has raised."""
        self._token = current_trio_token()
        self._failed = failed
        self.thread = get_ident()
        renew_in_child(self._forked)

    def _forked(self) -> None:
        self._token = None
        self._jobs.clear()

    @property
    def at_hand(self) -> bool:
        """May tasks be started and woken here and now? In the shadower's own thread, in a step of one of its tasks.

        Between two steps a signal handler, a finaliser or an instrument may come. What it starts then would be lost if
        Trio has just copied its queue of tasks and is about to empty it, or would wait for as long as Trio does.
        """
        if self.thread != get_ident():
            return False
        try:
            current_task()
        except RuntimeError:
            return False
        return True

    def do(self, function: Callable[..., object], *args: object) -> None:
        """Do this at once where it is `at_hand`, and else have it done."""
        if self.at_hand:
            function(*args)
        else:
            self.put(functools.partial(function, *args))

    @enable_ki_protection
    def put(self, job: Callable[[], object]) -> None:
        """Have this done. From any thread, a signal handler, or a finaliser."""
        token = self._token
        if token is None:
            return
        self._jobs.append(job)
        if self._woken:
            return
        self._woken = True
        try:
            token.run_sync_soon(self.catch_up)
        except trio.RunFinishedError:
            self.gone = True
            self.catch_up()
        except Exception:  # no stack or no memory was left, where a finaliser may run: the next one wakes the loop
            self._woken = False

    def ask(self, question: Callable[[], T]) -> T:
        """Its answer, from the shadower's own thread: another one waits for it."""
        token = self._token
        if token is None or self.thread == get_ident():
            return question()
        try:
            return trio.from_thread.run_sync(question, trio_token=token)
        except trio.RunFinishedError:
            return question()

    @enable_ki_protection
    def catch_up(self) -> None:
        """Do what there is, in the shadower's own thread."""
        self._woken = False  # before the first look: what is put after the last one wakes the loop again
        jobs = self._jobs
        while jobs:
            try:
                job = jobs.popleft()
            except IndexError:  # pragma: no cover - the run is gone, and another thread does the same
                return
            try:
                job()
            except BaseException as exc:
                self._failed(exc)
