"""Signals for a command that ends in order when told to: the first is its business, the second ends it at once."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable


async def obey(signals: AsyncIterator[int], stop: Callable[[int], object]) -> None:
    """Call `stop` with the number of the first signal. The second ends the process, as if it had been killed by it.

    `signals` is what `trio.open_signal_receiver()` gives. It never returns: cancel it.
    """
    stopping = False
    async for number in signals:
        if stopping:
            # Not by an exception: what holds up the end in order would hold up that too.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(128 + number)
        stopping = True
        stop(number)
