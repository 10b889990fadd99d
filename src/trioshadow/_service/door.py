"""The door: may calls be mirrored, and from where? Opened and closed by the service, asked at each admission."""

from __future__ import annotations

import enum
from threading import get_ident

from trio.lowlevel import current_trio_token, in_trio_run


class State(enum.Enum):
    """Of a shadower."""

    NEW = "new"
    RUNNING = "running"
    CLOSED = "closed"


class Door:
    """Open in one thread and one `trio.run`: the shadower's."""

    __slots__ = ("_token", "state", "thread")

    def __init__(self) -> None:
        self.state = State.NEW
        #: The thread in which calls are mirrored; None while there is none, so that one comparison tells both.
        self.thread: int | None = None

    def open(self) -> None:
        """Calls from this thread and run may be mirrored."""
        self._token = current_trio_token()
        self.state = State.RUNNING
        self.thread = get_ident()

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
