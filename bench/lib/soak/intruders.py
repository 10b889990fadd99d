"""Calls of `soak.py` from where no task makes them: worker threads, signal handlers, finalisers, the collector.

They come in the midst of whatever the library does at that moment. In the threads legs are ended in every way there is,
in another thread too, or forgotten.
"""

from __future__ import annotations

import functools
import gc
import random
import signal
import sys
import threading
import time
from collections import Counter
from types import FrameType
from typing import Any

import trio

from trioshadow import Leg, Shadower

from lib.soak.candidates import OPERATIONS, PRIMARY_SECONDS, Refused, Request, answer_to, draw
from lib.soak.watch import require

_THREADS = 8
#: Seconds between two calls of a thread, on average, and between two signals.
_PAUSE, _SIGNALS = 0.05, 0.02


class _Finalised:
    """In a cycle, so that the collector ends it: in whatever thread it runs."""

    def __init__(self, intruders: Intruders) -> None:
        self._itself = self
        self._intruders = intruders

    def __del__(self) -> None:
        self._intruders.call_at_once("finaliser")


class Intruders:
    """All of them, on one shadower."""

    def __init__(self, shadower: Shadower[Request, object, object], seed: int) -> None:
        self._shadower = shadower
        self._seed = seed
        self._source = random.Random(f"{seed} intruders")
        self._over = False
        self._collecting = False
        #: By whence they came.
        self.begun: Counter[str] = Counter()
        #: Calls that have been counted by now. No thread is changed, and no signal handled, within `+= 1`.
        self.counted = 0
        self.started = 0

    async def run(self) -> None:
        """Until cancelled."""
        limiter = trio.CapacityLimiter(_THREADS)
        before = signal.signal(signal.SIGALRM, self._signalled)
        signal.setitimer(signal.ITIMER_REAL, _SIGNALS, _SIGNALS)
        gc.callbacks.append(self._collected)
        try:
            async with trio.open_nursery() as nursery:
                for number in range(_THREADS):
                    work = functools.partial(self._work, random.Random(f"{self._seed} thread {number}"))
                    nursery.start_soon(functools.partial(trio.to_thread.run_sync, work, limiter=limiter))
                try:
                    await trio.sleep_forever()
                finally:
                    self._over = True
        finally:
            gc.callbacks.remove(self._collected)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def call_at_once(self, whence: str) -> None:
        """One whole call that waits for nothing; none where whom it interrupts has used up the stack."""
        if _stack_is_deep():
            return
        leg, answer = self._start(self._source, whence)
        leg.primary_done(answer)

    def _start(self, source: random.Random, whence: str) -> tuple[Leg[object, object], object]:
        request = draw(source, source.randrange(1_000_000))
        self.begun[whence] += 1
        self.started += 1
        leg = self._shadower.start(request, key=f"user {request.number % 5000}", operation=source.choice(OPERATIONS))
        self.counted += 1
        return leg, answer_to(request)

    def _signalled(self, _: int, __: FrameType | None) -> None:
        self.call_at_once("signal handler")

    def _collected(self, phase: str, _: dict[str, Any]) -> None:
        if phase == "start" and not self._collecting:
            self._collecting = True
            self.call_at_once("collector")
            self._collecting = False

    def _work(self, source: random.Random) -> None:
        while not self._over:
            _Finalised(self)
            leg, answer = self._start(source, "worker thread")
            time.sleep(PRIMARY_SECONDS)
            fate = source.random()
            if fate < 0.7:
                outcome = leg.primary_done(answer)
                require(outcome.primary is answer, "a thread got another answer than the primary's")
                if fate < 0.1:
                    outcome.wait(0.01)
            elif fate < 0.75:
                leg.primary_raised(Refused())
            elif fate < 0.8:
                leg.abandon()
            elif fate < 0.9:
                other = threading.Thread(target=leg.primary_done, args=(answer,))
                other.start()
                other.join()
            del leg  # and what was not ended yet is abandoned
            time.sleep(source.expovariate(1 / _PAUSE))


def _stack_is_deep() -> bool:
    try:
        sys._getframe(sys.getrecursionlimit() // 2)  # noqa: SLF001
    except ValueError:
        return False
    return True
