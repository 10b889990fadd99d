"""Candidates for worker processes, which import this module: so it imports little, and each is at the top level."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from typing import Self

from trioshadow import in_shadow


class Unreadable(Exception):
    """Can be pickled, and not be read back: the commonest mistake there is with exceptions of one's own."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class Response:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


class StatusError(Exception):
    """As those of httpx: by keyword, and with what can't cross over."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message, threading.Lock())
        self.response = Response(status)
        self.lock = threading.Lock()


class DiskError(OSError):
    def __init__(self, number: int, text: str, disk: str) -> None:
        super().__init__(number, text)
        self.disk = disk


class Own(Exception):
    def __new__(cls, one: str, two: str) -> Self:
        made = super().__new__(cls, one)
        made.two = two  # type: ignore[attr-defined]
        return made

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)


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
        case ("status", int(status)):
            raise StatusError("no", status=status)
        case ("disk", int(number)):
            raise DiskError(number, "no", "sda")
        case ("own", int(number)):
            raise Own("one", str(number))
        case ("group", int(number)):
            raise ExceptionGroup("many", [ValueError(), StatusError("no", status=number), DiskError(5, "no", "sda")])
        case "local":
            raise type("Local", (Exception,), {})("local")
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
