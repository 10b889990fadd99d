"""The cyclic garbage collector, which rests while large bodies are decoded and compared."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Generator

#: Bytes and characters of two bodies, together.
_LARGE = 1_000_000


@contextlib.contextmanager
def resting_collector(size: int) -> Generator[None]:
    """Large documents are many new containers, none of them garbage, and the collector looks through them again and
    again: a tenth of the time of comparing two of 5 MB, and the reason why it was not in proportion to their size.

    The collector is one for the whole process: it rests for other threads too, for as long as the two are compared. One
    that is off stays off; who turns it off meanwhile, in another thread, finds it on again.
    """
    if size < _LARGE or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
