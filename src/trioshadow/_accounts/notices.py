"""What is said in the log: logger `trioshadow`, each cause once a minute with the number of times it was not said.

Never a body, a key or an exception's text: any of them may be a secret. Types, names and counts only; in one line, as
names may come from traffic.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from trioshadow._model.errors import passing_error
from trioshadow.compare import visible

from .forks import Lock

logger = logging.getLogger("trioshadow")

#: Seconds for which a cause that was said is kept quiet.
QUIET_SECONDS = 60.0
#: So many causes are told apart; those that come after them count as one.
CAUSES = 100
_OTHERS = "(other)"
#: Characters of one notice.
_LENGTH = 1_000


class Notices:
    """Says things about one shadower. From any thread, signal handler or finaliser; never raises but what must pass."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._prefix = f"shadower {name!r}: " if name else ""
        self._clock = clock
        self._lock = Lock()
        self._said: dict[str, tuple[float, int]] = {}  # cause: when it was last said, how often it was not since

    def say(self, cause: str, text: str, *, once: bool = False) -> None:
        """Log `text` as a warning, unless the same `cause` was said less than a minute ago, or ever if `once`.

        Causes are constants of the library and names given at construction, so that there are few of them; a name that
        somebody makes anew each time must not fill the table all the same.
        """
        now = self._clock()
        with self._lock:
            if cause not in self._said and len(self._said) >= CAUSES:
                cause = _OTHERS
            last, suppressed = self._said.get(cause, (None, 0))
            if last is not None and (once or now - last < QUIET_SECONDS):
                self._said[cause] = (last, suppressed + 1)
                return
            self._said[cause] = (now, 0)
        repeats = f" ({suppressed} more of these since it was last said)" if suppressed else ""
        self.tell(text + repeats, logging.WARNING)

    def tell(self, text: str, level: int) -> None:
        """Log `text` each time: for what happens a few times in a run."""
        try:
            logger.log(level, "%s%s", self._prefix, visible(text[:_LENGTH]))
        except BaseException as exc:  # a handler or filter is user code, and this may be the request path
            if passing_error(exc) is not None:
                raise
