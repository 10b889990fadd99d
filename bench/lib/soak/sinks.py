"""Who hears of the records in `soak.py`: sinks that work, stall, fail and die, and what each of them has taken.

What a sink has taken and what it has dropped must be all that there was. Not for measuring.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import trio

from trioshadow import DivergenceRecord, Sink
from trioshadow.archive import JsonlSink


class Taken:
    """A sink that counts, and does no more. The others are kinds of it."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.count = 0

    async def write(self, record: DivergenceRecord, /) -> None:
        """Take one."""
        await self.take(record)
        self.count += 1

    async def take(self, record: DivergenceRecord, /) -> None:
        """What this kind does with it."""

    async def aclose(self) -> None:
        """Nothing is open."""


class Stalls(Taken):
    """Now and then it takes longer than all others together."""

    async def take(self, _: DivergenceRecord, /) -> None:
        """Wait."""
        await trio.sleep(1.5 if self.source.random() < 0.01 else 0)


class Fails(Taken):
    """Raises, for one record in ten."""

    async def take(self, _: DivergenceRecord, /) -> None:
        """Fail."""
        if self.source.random() < 0.1:
            raise SystemExit("disk full") if self.source.random() < 0.5 else OSError("disk full")


class Dies(Taken):
    """After 200 records it leaves a nursery open, which no task survives."""

    async def take(self, _: DivergenceRecord, /) -> None:
        """Die, when its time has come."""
        if self.count == 200:
            await trio.open_nursery().__aenter__()


class Archives(Taken):
    """A JsonlSink of small segments, of which the oldest are deleted all the time."""

    def __init__(self, source: random.Random, directory: Path) -> None:
        super().__init__(source)
        self.archive = JsonlSink(
            directory / "soak.jsonl", max_segment_bytes=256 * 1024, max_total_bytes=2 * 1024 * 1024, snapshot_every=5.0
        )
        self.snapshot_every = self.archive.snapshot_every

    async def take(self, record: DivergenceRecord, /) -> None:
        """Write it."""
        await self.archive.write(record)

    async def snapshot(self, snapshots: Sequence[Mapping[str, Any]], /) -> None:
        """Write these too."""
        await self.archive.snapshot(snapshots)

    async def aclose(self) -> None:
        """Close the file."""
        await self.archive.aclose()


class Tracker:
    """An SLO tracker that raises now and then."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self.count = 0

    def record(self, _: bool, /) -> None:
        """Take one."""
        if self._source.random() < 0.01:
            raise RuntimeError("no tracker")
        self.count += 1


def sinks(seed: int, directory: Path) -> dict[str, tuple[Taken, Sink]]:
    """One of each kind, by its name."""

    def source(name: str) -> random.Random:
        return random.Random(f"{seed} {name}")

    taken: dict[str, Taken] = {
        "archive": Archives(source("archive"), directory),
        "lossless": Taken(source("lossless")),
        "stalls": Stalls(source("stalls")),
        "fails": Fails(source("fails")),
        "dies": Dies(source("dies")),
    }
    return {
        name: (one, Sink(one, name=name, lossless=name == "lossless", max_buffer_size=64))
        for name, one in taken.items()
    }
