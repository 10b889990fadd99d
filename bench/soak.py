"""Run for long, under load, with all that candidates, sinks and operators do wrong, and look whether the promises hold.

    python bench/soak.py --seconds 600 --callers 2000 --seed 1

On the real clock. The callers first call the primary alone, for a tenth of the time, then through the shadower, and
then the primary alone once more, all in one run and as many each time. What must hold while the shadower runs and after
it was left is in `lib/soak/watch.py`; the first thing that does not hold ends the run with exit status 1, and is
printed with the seed. The latencies are printed and not judged: numbers belong to a machine.

A seed gives the same requests and changes of mind again. When they meet is the scheduler's, and no run repeats it.
"""

from __future__ import annotations

import argparse
import functools
import logging
import os
import random
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import trio

from trioshadow import Shadower, ShadowStatistics, Sink
from trioshadow.guard import Breaker

from lib.soak.candidates import BEHAVIOURS, REFUSES_SECONDS, Candidate, Request, primary, secondary
from lib.soak.conductor import MAX_BYTES, MAX_IN_FLIGHT, Conductor, config
from lib.soak.intruders import Intruders
from lib.soak.sinks import Taken, Tracker, sinks
from lib.soak.traffic import Callers, Waited
from lib.soak.watch import Memory, Violation, recorded, require, require_accounts, require_no_thread_but, tasks, watch
from lib.table import machine

#: Drain, legs that refuse, flush, sinks that are cut off; and what a loaded machine is late.
EXIT_SECONDS = 2.0 + REFUSES_SECONDS + 2.0 + 3.0


class Soak:
    """One run."""

    def __init__(self, seconds: float, callers: int, pause: float, seed: int, directory: Path) -> None:
        self._seconds = seconds
        self._seed = seed
        self._kill_file = directory / "kill"
        self._callers = Callers(callers, pause, seed)
        self._candidate = Candidate(self._call_again)
        self._breaker = Breaker(failures=30, failure_rate=None, cool_down=0.5, probes=3)
        self._tracker = Tracker(random.Random(f"{seed} tracker"))
        self._sinks: dict[str, tuple[Taken, Sink]] = sinks(seed, directory)
        self._source = random.Random(f"{seed} conductor")
        self.shadower: Shadower[Request, object, object] = Shadower(
            primary,
            self._candidate,
            config(self._source),
            sinks=[sink for _, sink in self._sinks.values()],
            secondary=secondary,
            slo=self._tracker,
            breaker=self._breaker,
        )
        self._conductor = Conductor(self.shadower, self._candidate, self._breaker, self._kill_file, self._source)
        self._intruders = Intruders(self.shadower, seed)
        self._memory = Memory()
        self._started = 0
        self._waited: dict[str, Waited] = {}
        self._exit_seconds = 0.0
        self._threads = 0

    async def run(self) -> None:
        """All phases. Raises a Violation."""
        threads = {thread.ident for thread in threading.enumerate()}
        alone = self._seconds / 10
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._callers.run)
            self._callers.call = self._call_primary
            await trio.sleep(alone / 4)  # all have begun
            await self._phase("before", alone)
            before = tasks()
            async with self.shadower:
                self._callers.call = self._call
                await self._soak()
                left = time.perf_counter()
                overdue = threading.Timer(3 * EXIT_SECONDS, self._overdue)
                overdue.start()
            overdue.cancel()
            overdue.join()
            self._exit_seconds = time.perf_counter() - left
            self._require_all_over()
            require(not (left_over := tasks() - before), "tasks are left:", left_over)
            self._threads = threading.active_count() - len(threads)
            self._callers.call = self._call_primary
            await trio.sleep(alone / 4)
            await self._phase("after", alone)
            nursery.cancel_scope.cancel()
        await require_no_thread_but(threads, 20)
        self._memory.require_flat()

    def _overdue(self) -> None:
        # From another thread, since an exit that hangs is behind a shield.
        print(f"VIOLATION: the exit hangs: {self.shadower.statistics()}", file=sys.stderr)
        print(f"FAILED with seed {self._seed}", file=sys.stderr, flush=True)
        os._exit(1)

    async def _phase(self, name: str, seconds: float) -> None:
        self._callers.waited = self._waited[name] = Waited()
        await trio.sleep(seconds)

    async def _soak(self) -> None:
        async with trio.open_nursery() as nursery:
            intruders = self._intruders
            look = functools.partial(watch, limits=(MAX_IN_FLIGHT, MAX_BYTES), memory=self._memory)
            nursery.start_soon(
                look,
                self.shadower,
                lambda: self._started + intruders.counted,
                lambda: self._started + intruders.started,
            )
            nursery.start_soon(self._conductor.run)
            nursery.start_soon(intruders.run)
            await self._phase("beside", self._seconds)
            nursery.cancel_scope.cancel()
        # However it was interrupted.
        self.shadower.resume()
        self._candidate.sick = False

    async def _call_primary(self, request: Request, _: str | None, __: str) -> object:
        return await primary(request)

    async def _call(self, request: Request, key: str | None, operation: str) -> object:
        self._started += 1
        return (await self.shadower.call(request, key=key, operation=operation)).primary

    async def _call_again(self, request: Request) -> object:
        return await self._call(request, None, "again")

    def _require_all_over(self) -> None:
        s = self.shadower.statistics()
        require(self._exit_seconds <= EXIT_SECONDS, "the exit took", self._exit_seconds, "s")
        require_accounts(s, 0, 0)
        require(s.calls == self._started + self._intruders.started, "calls that were not counted:", s)
        require(s.secondary.in_flight == 0, "the secondary is in flight:", s)
        dropped, all_records = s.records_dropped, recorded(s)
        kept = len(self.shadower.divergences()) + len(self.shadower.failures())
        require(kept + dropped["log"] + dropped["failures"] == all_records, "the logs lack records:", s)
        for name, (taken, _) in self._sinks.items():
            require(taken.count + dropped[name] == all_records, name, "took", taken.count, "of", all_records, ":", s)
        told = self._tracker.count + dropped.get("slo", 0)
        require(told == s.matched + all_records, "the SLO tracker was told", told, ":", s)

    def report(self) -> None:
        """Print what there was to see."""
        s: ShadowStatistics = self.shadower.statistics()
        for name in (
            *("calls", "matched", "diverged", "failed", "timed_out", "abandoned"),
            *("not_sampled", "shed", "unkeyed", "held_back", "paused", "closed", "stalls"),
            *("shed_by_cause", "gave_way_by_cause", "paused_by_cause", "held_back_by_cause", "records_dropped"),
        ):
            value = getattr(s, name)
            print(f"{name:20} {value:,}" if isinstance(value, int) else f"{name:20} {dict(value)}")
        print(f"{'secondary':20} {s.secondary}")
        print(f"{'calls from':20} {dict(self._intruders.begun)}")
        print(f"{'callers cancelled':20} {self._callers.cancelled:,}")
        print(f"{'changes of mind':20} {dict(self._conductor.done)}; the breaker opened {self._breaker.opened} times")
        print(f"{'threads at the exit':20} {self._threads}, none of them later")
        print(f"{'exit':20} {self._exit_seconds:.2f} s")
        for name, early, late in self._memory.growth():
            print(f"{name:20} {early:,.0f} in the second quarter, {late:,.0f} in the last: {late / early - 1:+.1%}")
        for name, fraction in (("p50", 0.5), ("p99", 0.99)):
            before, beside, after = (self._waited[phase].quantile(fraction) for phase in ("before", "beside", "after"))
            ratio = beside / ((before + after) / 2)
            print(
                f"{'caller ' + name:20} {beside * 1e3:.2f} ms, alone {before * 1e3:.2f} ms before and "
                f"{after * 1e3:.2f} after: {ratio:.2f}"
            )


def _violations(exc: Exception) -> list[str]:
    if isinstance(exc, ExceptionGroup):
        return [words for one in exc.exceptions for words in _violations(one)]
    return [f"VIOLATION: {exc}"] if isinstance(exc, Violation) else []


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives its exit status."""
    parser = argparse.ArgumentParser(description="Run for long, and look whether the promises hold.")
    parser.add_argument("--seconds", type=float, default=600.0, help="beside the shadower; alone a fifth of it")
    parser.add_argument("--callers", type=int, default=2000)
    parser.add_argument("--pause", type=float, default=4.0, help="seconds that a caller waits between two calls")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    logging.getLogger().addHandler(logging.NullHandler())  # the notices are meant
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TRIOSHADOW_KILL_FILE"] = str(Path(directory) / "kill")
        print(*machine(), sep="\n")
        print(
            f"seed {seed}: {options.callers:,} callers, {options.seconds:g} s, {len(BEHAVIOURS)} behaviours", flush=True
        )
        soak = Soak(options.seconds, options.callers, options.pause, seed, Path(directory))
        try:
            trio.run(soak.run)
        except Exception as exc:
            violations = _violations(exc)
            if violations:
                print(*violations, sep="\n", file=sys.stderr)
            else:  # nothing that was looked for: a bug, shown whole
                traceback.print_exc()
            print(f"FAILED with seed {seed}", file=sys.stderr)
            return 1
    soak.report()
    return 0


if __name__ == "__main__":
    sys.exit(main())
