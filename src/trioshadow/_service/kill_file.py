"""The kill file: whoever can only touch the machine can stop mirroring, at every shadower that knows of the file.

The environment variable names the file when a shadower is entered; while the file is there, calls are counted `paused`.
It is looked for once a second, in a thread that nobody else waits for: a file system that hangs stops only the looking,
and leaves things as they are.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

import trio

#: Names the file.
VARIABLE = "TRIOSHADOW_KILL_FILE"

#: Seconds between two looks.
EVERY = 1.0


def kill_file() -> str | None:
    """The file that the environment names, if any."""
    return os.environ.get(VARIABLE) or None


class KillFile:
    """The file at `path`; `tell` is told whenever it has come or gone."""

    def __init__(self, path: str, tell: Callable[[bool], None]) -> None:
        self._path = path
        self._tell = tell
        self._limiter = trio.CapacityLimiter(1)
        self._was = False

    async def look(self) -> None:
        """Look once. A checkpoint; it may take as long as the file system does."""
        try:
            is_there = await trio.to_thread.run_sync(
                _is_there, self._path, limiter=self._limiter, abandon_on_cancel=True
            )
        except RuntimeError:  # no thread can be started: things stay as they are
            return
        if is_there is not None and is_there is not self._was:
            self._was = is_there
            self._tell(is_there)

    async def watch(self) -> None:
        """Look once a second, until cancelled; then it is the end of a task, and swallows that."""
        with contextlib.suppress(trio.Cancelled):
            while True:
                await trio.sleep(EVERY)
                await self.look()


def _is_there(path: str) -> bool | None:
    """None: a file system that is out of order does not say, and a switch that stops must not be let go by that."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None
    return True
