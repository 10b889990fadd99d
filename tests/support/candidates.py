"""Candidates for worker processes, which import this module: so it imports little, and each is at the top level."""

from __future__ import annotations

import ctypes
import os
import threading
import time

from trioshadow import in_shadow


class Unreadable(Exception):
    """Can be pickled, and not be read back: the commonest mistake there is with exceptions of one's own."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class ReadsAs:
    """Pickles to a call of this function with these arguments."""

    def __init__(self, function, *args):
        self.reduced = function, args

    def __reduce__(self):
        return self.reduced


def fail_to_read(words):
    raise ValueError(words)


def candidate(request):
    """Does what it is asked to: one function, since a backend has one."""
    match request:
        case "where":
            return os.getpid(), in_shadow()
        case "niceness":
            return os.getpriority(os.PRIO_PROCESS, 0)
        case "raise":
            raise ValueError("no")
        case "exit":
            raise SystemExit(3)
        case "Ctrl-C":
            raise KeyboardInterrupt
        case "unreadable":
            raise Unreadable("can't", "be read")
        case "unpicklable":
            return lambda: None
        case "unreadable answer":
            return ReadsAs(fail_to_read, "can't be read")
        case "segfault":
            ctypes.string_at(0)
        case "vanish":
            os._exit(1)
        case "spin":
            while True:
                pass
        case "block":
            threading.Event().wait()
        case "stay":  # does not end when it is asked to
            threading.Thread(target=threading.Event().wait).start()
    return request


async def asynchronous(request):
    return request


def own_time(request):
    """How long it took, as it timed itself: 100 ms or more."""
    began = time.perf_counter()
    time.sleep(0.1)
    return time.perf_counter() - began
