"""The door: may calls be mirrored, and from where? Opened and closed by the service, asked at each admission."""

from __future__ import annotations

import enum
from collections.abc import Callable
from threading import get_ident

import trio
from trio.lowlevel import current_trio_token, in_trio_run

from trioshadow._accounts.forks import renew_in_child

from .timing import has_interpreter_lock


class State(enum.Enum):
    """Of a shadower."""

    NEW = "new"
    RUNNING = "running"
    CLOSED = "closed"


class Door:
    """Open in one thread and one `trio.run`, the shadower's, and to the threads that work for it."""

    __slots__ = ("__weakref__", "_token", "any_thread", "starter", "state", "thread")

    def __init__(self) -> None:
        self.state = State.NEW
        #: The thread of the loop; None while there is none, so that one comparison tells both.
        self.thread: int | None = None
        self.any_thread = False
        """Calls from all threads may be mirrored."""
        self.starter: Callable[[], None] | None = None
        """What the first call starts."""

    def open(self) -> None:
        """Calls from this thread and run may be mirrored."""
        self._token = current_trio_token()
        self.state = State.RUNNING
        self.thread = get_ident()
        renew_in_child(self.close)

    def close(self) -> None:
        """None may."""
        self.thread = None
        self.state = State.CLOSED

    def is_of_this_run(self) -> bool:
        """Is this the run in which it was opened? A leg started from another "works", and corrupts both."""
        try:
            return current_trio_token() is self._token
        except RuntimeError:  # not in a run at all: the shadower's own broke off before it could close
            return False

    def refusal(self, *, any_thread: bool) -> str:
        """Why a call from this thread, which is not the loop's, is not mirrored; empty if it is. `any_thread`: not only
        that of one that carries a caller's context.
        """
        if self.state is State.NEW:
            starter, self.starter = self.starter, None  # one step: of two threads, one starts it
            if starter is not None:
                starter()
            return "it was never entered" if not self.any_thread else "the thread of the shadower is being started"
        if self.state is State.CLOSED:
            return "the shadower was left"
        if not has_interpreter_lock():
            return "they come from another thread than the shadower's, and this Python has no interpreter lock"
        if any_thread or self.any_thread or _carries_a_context():
            return ""
        return "they come from threads that Trio did not make: ShadowConfig(threads=True) mirrors these too"


def _carries_a_context() -> bool:
    """Does this thread run what a task has handed over, in a copy of that task's context? The threads of
    `trio.to_thread` do, and so do anyio's. What a shadow hands to an executor of its own runs in a context that does
    not say so, and would be mirrored again and again.
    """
    try:
        trio.from_thread.check_cancelled()
    except RuntimeError:  # not a thread of Trio's
        return False
    except trio.Cancelled:
        """The task was cancelled and has left the thread to itself, which is of no concern here."""
    return True


#: Where no Trio runs.
NO_TRIO = (
    "trioshadow is a Trio library, and no Trio runs here. In a program without Trio, such as one on asyncio, use "
    "`with shadower.background():` (of a mirrored function, `with function.mirroring().background():`), which runs it "
    "in a thread of its own"
)


def require_trio() -> None:
    """Raise RuntimeError, which says what to do, where no Trio runs."""
    if not in_trio_run():
        raise RuntimeError(NO_TRIO)
