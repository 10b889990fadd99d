"""The archive of a replay: one for all its slices, each a shadower of its own; and what was there before."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trioshadow import DivergenceRecord, ShadowConfig
from trioshadow.archive import JsonlSink, Problem, ProblemKind, merge_archives, read_archive
from trioshadow.cli.common.errors import CliError
from trioshadow.evidence import Epoch, Evidence, Objective


class SliceSink:
    """A target of one slice's shadower after another's. It remembers what went wrong, and how much it was given."""

    #: The counts come at the end of a slice alone, when nothing is in flight: they say how many requests are done.
    snapshot_every = math.inf

    def __init__(self, path: Path) -> None:
        self._sink = JsonlSink(path)
        self.taken = 0
        """Records, written or not."""
        self.snapshots = 0
        """Written."""
        self.error: OSError | None = None
        self.discards = False
        """Set where what was counted must not count."""

    async def write(self, record: DivergenceRecord) -> None:
        """Write a record."""
        try:
            await self._sink.write(record)
        except OSError as exc:
            self.error = exc
            raise
        finally:
            self.taken += 1

    async def snapshot(self, snapshots: Sequence[Mapping[str, Any]]) -> None:
        """Write the counts of a slice."""
        if self.discards:
            return
        try:
            await self._sink.snapshot(snapshots)
        except OSError as exc:
            self.error = exc
            raise
        self.snapshots += 1

    async def aclose(self) -> None:
        """A slice has ended: the file stays open for the next."""

    async def open(self, config: ShadowConfig, objective: Objective) -> None:
        """Find out whether it can be written at all. Raises OSError, and CliError if another replay has it."""
        epoch = Epoch(config.candidate, config.fingerprint)
        nothing = Evidence(epoch, series="replay", since=time.time(), objective=objective)
        await self._sink.snapshot([nothing.to_dict(time.time())])
        if self._sink.active != self._sink.path:  # what both counted would be added up
            await self._sink.aclose()
            raise CliError(f"--archive {self._sink.path}: another process writes to it: take another, or wait")

    async def close(self) -> None:
        """The last slice has ended."""
        await self._sink.aclose()


def is_there(archive: Path) -> bool:
    """Is there an archive of this name, or a part of one?"""
    first = next(iter(read_archive(archive)), None)
    return not (isinstance(first, Problem) and first.kind is ProblemKind.MISSING)


def evidence_in(archive: Path, config: ShadowConfig) -> Evidence:
    """What was counted by all runs. Blocking. Raises CliError if there are counts of other rules or candidates."""
    merged = merge_archives(archive)
    if any(sum(evidence.totals()) for epoch, evidence in merged.epochs.items() if epoch != config.epoch_id):
        raise CliError(f"{archive} has counts of other rules, or of another candidate: take another --archive")
    if config.epoch_id not in merged.epochs:
        return Evidence(Epoch(config.candidate, config.fingerprint))
    return merged.evidence(config.epoch_id)
