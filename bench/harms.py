"""Which harm does which place stop, and what does the place cost? The tables of `docs/isolation.md`.

    python bench/harms.py            # some four minutes; prints the tables, in Markdown
    python bench/harms.py --short    # about a minute, noisier

Each cell is a process of its own, since some do not survive it: 100 callers of a primary that takes 5 ms, as in
`isolation.py`, alone and with the candidate in turns. One call at a time is with the candidate (`max_in_flight=1`), and
as soon as it is over the next, so that no harm is hidden by a low rate. Told is what the callers waited, p50 and p99,
against alone in the same process; how much memory that process took at its peak; and whether it survived.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import trio
from isolation import Call, Latencies, Variant, alone, measure, primary

from trioshadow import ShadowConfig, Shadower

from lib.harms import HARMS, PLACES, echo
from lib.table import Row, Section, machine, mib, ms, us
from lib.timing import FULL, SHORT, SMOKE, Effort, Rounds

#: Never so late that a call is cancelled: what a killed worker costs is told by the row that crashes.
_CONFIG = ShadowConfig(max_in_flight=1, shadow_timeout=60, drain_timeout=60)
_BODY = bytes(4_096)


@dataclass(frozen=True)
class Cell:
    """One harm in one place. Times in seconds, sizes in bytes."""

    killed_by: str = ""
    """The signal that ended the process that serves the callers; then nothing else is known."""
    p50: float = 0
    p99: float = 0
    p50_alone: float = 0
    p99_alone: float = 0
    p50_ratio: float = 0
    p99_ratio: float = 0
    peak: int = 0
    shadows: int = 0
    """How many calls the candidate was given."""


def cell(harm: str, place: str, effort: Effort) -> Cell:
    """Measure in a fresh process."""
    arguments = (harm, place, str((effort.caller_rounds + 1) // 2), str(effort.caller_seconds))
    run = subprocess.run(
        [sys.executable, str(Path(__file__)), "--cell", *arguments], check=False, capture_output=True, text=True
    )
    if run.returncode < 0:
        return Cell(killed_by=signal.Signals(-run.returncode).name)
    if run.returncode:
        raise RuntimeError(f"{harm} in {place}: {run.stderr}")
    return Cell(**json.loads(run.stdout))


def _measure_cell(harm: str, place: str, rounds: int, seconds: float) -> Cell:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no files of what is meant to crash
    shadows: list[int] = []

    @contextlib.asynccontextmanager
    async def beside() -> AsyncIterator[tuple[Call, Callable[[], float]]]:
        async with PLACES[place](HARMS[harm][1]) as candidate, Shadower(primary, candidate, _CONFIG) as shadower:
            yield shadower.call, lambda: 0.0
            shadows.append(shadower.statistics().mirrored)

    variants: dict[str, Variant] = {"alone": alone, "beside": beside}
    measured: Rounds[Latencies] = Rounds(
        {name: functools.partial(trio.run, measure, variant, _BODY, seconds) for name, variant in variants.items()},
        rounds,
    )
    return Cell(
        p50=measured.median(lambda one: one["beside"].p50),
        p99=measured.median(lambda one: one["beside"].p99),
        p50_alone=measured.median(lambda one: one["alone"].p50),
        p99_alone=measured.median(lambda one: one["alone"].p99),
        p50_ratio=measured.median(lambda one: one["beside"].p50 / one["alone"].p50),
        p99_ratio=measured.median(lambda one: one["beside"].p99 / one["alone"].p99),
        peak=_peak(),
        shadows=sum(shadows),
    )


def _peak() -> int:
    # Not `ru_maxrss`, where there is this: a new program starts there with what the one that started it had.
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


# ── what a call costs ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Trip:
    """A call there and back, in seconds."""

    wall: float
    cpu: float
    """Of the callers' thread."""


def _trip(place: str, calls: int) -> _Trip:
    async def main() -> _Trip:
        async with PLACES[place](echo) as call:
            for _ in range(10):
                await call(_BODY)
            wall, cpu = time.perf_counter(), time.thread_time()
            for _ in range(calls):
                await call(_BODY)
            return _Trip((time.perf_counter() - wall) / calls, (time.thread_time() - cpu) / calls)

    return trio.run(main)


def _trips(effort: Effort) -> Iterable[tuple[str, float, float, float]]:
    calls = max(10, effort.calls // 2)
    rounds = Rounds({place: functools.partial(_trip, place, calls) for place in PLACES}, effort.caller_rounds)
    for place in PLACES:
        yield (
            place,
            rounds.median(lambda one, place=place: one[place].wall),  # type: ignore[misc]
            rounds.median(lambda one, place=place: one[place].cpu),  # type: ignore[misc]
            rounds.median(lambda one, place=place: one[place].wall / one["on the loop"].wall),  # type: ignore[misc]
        )


# ── what is printed ──────────────────────────────────────────────────────────────────────────────────────────────────


def sections(effort: Effort) -> list[Section]:
    """Measure the cells that a number is held for, and those to see beside them."""
    rows = []
    for harm, place, hold in (
        ("blocks", "ThreadBackend", True),
        ("burns", "ProcessBackend", True),
        ("holds-lock", "ProcessBackend", False),
        ("crashes", "ProcessBackend", False),
        ("burns", "ThreadBackend", False),
        ("holds-lock", "ThreadBackend", False),
    ):
        found = cell(harm, place, effort)
        what = f"p99, a candidate in a {place} that {HARMS[harm][0]}"
        row = Row(what, ms(found.p99), f"alone, {ms(found.p99_alone)}", found.p99_ratio)
        rows.append(row.hold_at_most(1.05) if hold else row)
    trips = [
        Row(f"a call there and back, {place}", us(wall), f"{us(cpu)} of the callers' thread", ratio)
        for place, wall, cpu, ratio in _trips(effort)
    ]
    return [
        Section(
            "A candidate that computes, blocks or crashes, put where it stops nobody",
            rows,
            ["One call at a time with the candidate, the next as soon as it is over. All: `python bench/harms.py`."],
        ),
        Section("What the way there costs, 4 KB, against a call in place", trips),
    ]


def _table(effort: Effort) -> Iterable[str]:
    yield from (f"- {line}" for line in machine())
    yield ""
    yield "| a candidate that | in | p50 | p99 | p50, alone = 1 | p99, alone = 1 | peak memory | survived |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    for harm in ("blocks", "crashes") if effort is SMOKE else HARMS:
        words, _ = HARMS[harm]
        for place in PLACES:
            found = cell(harm, place, effort)
            if found.killed_by:
                yield f"| {words} | {place} | | | | | | no: {found.killed_by} |"
                continue
            numbers = (
                ms(found.p50),
                ms(found.p99),
                f"{found.p50_ratio:.2f}",
                f"{found.p99_ratio:.2f}",
                mib(found.peak),
            )
            yield f"| {words} | {place} | {' | '.join(numbers)} | yes |"
    yield ""
    yield "| a call there and back | takes | of the callers' thread | in place = 1 |"
    yield "| --- | ---: | ---: | ---: |"
    for place, wall, cpu, ratio in _trips(effort):
        yield f"| {place} | {us(wall)} | {us(cpu)} | {ratio:.1f} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Measure which harm which place stops, and print it in Markdown.")
    efforts = parser.add_mutually_exclusive_group()
    efforts.add_argument("--short", action="store_const", dest="effort", const=SHORT, default=FULL, help="noisier")
    efforts.add_argument("--smoke", action="store_const", dest="effort", const=SMOKE, help="only shows that it works")
    efforts.add_argument("--cell", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.cell:
        harm, place, rounds, seconds = options.cell
        print(json.dumps(asdict(_measure_cell(harm, place, int(rounds), float(seconds)))))
        return
    for line in _table(options.effort):
        print(line, flush=True)


if __name__ == "__main__":
    main()
