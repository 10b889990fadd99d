"""The library migration: every block through a Shadower, with the old library as primary and a new one as shadow.

It shows nothing. A real application would not wait for the shadow after each call. Here it does no harm, because nobody
wants the answers, and no call is shed.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from trioshadow import DivergenceLog, DivergenceRecord, ShadowConfig, Shadower, ShadowStatistics
from trioshadow.evidence import Objective, Scorecard

from .documents import Block
from .renderers import Renderer

#: As strict as some 500 calls of a kind can decide, of which a p99 needs the most. A demo takes no minutes: ten calls
#: in their order are one event.
OBJECTIVE = Objective(max_rate=0.05, fast_enough=0.1, block_seconds=None, block_calls=10)

#: Seconds. Generous: a busy machine is no reason to say that a candidate hangs, or blocks the event loop.
PATIENCE = 30.0


@attrs.frozen
class Comparison:
    """What came of one candidate."""

    candidate: str
    statistics: ShadowStatistics
    scorecard: Scorecard
    differences: list[tuple[Block, DivergenceRecord]]
    """The calls that did not match."""

    @classmethod
    def of(cls, candidate: str, shadower: Shadower[Any, Any, Any], blocks: Sequence[Block]) -> Comparison:
        """What a shadower has seen whose sampling keys are the places of the blocks in this list."""
        records = shadower.divergences() + shadower.failures()
        differences = [(blocks[int(record.key)], record) for record in records]
        return cls(candidate, shadower.statistics(), shadower.scorecard(), differences)

    def examples(self, count: int) -> list[tuple[Block, DivergenceRecord, int]]:
        """At most `count` differences, one of each kind, the most frequent first, and how many there are of each.

        A hundred differences are mostly a few kinds, each many times. Of each the shortest is the easiest to read.
        """
        kinds: defaultdict[object, list[tuple[Block, DivergenceRecord]]] = defaultdict(list)
        for block, record in self.differences:
            kinds[kind_of(record)].append((block, record))
        frequent = sorted(kinds.values(), key=len, reverse=True)[:count]
        return [(*min(kind, key=lambda each: len(each[0].text)), len(kind)) for kind in frequent]


def kind_of(record: DivergenceRecord) -> object:
    """Equal for differences that begin with the same characters, old and new, and for like failures: a good guess."""
    body = record.divergence and record.divergence.body
    if not body or not body.changes:
        return record.failure and record.failure.type_name
    old, new = str(body.changes[0].primary or ""), str(body.changes[0].shadow or "")
    at = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), -1)
    return old[at:][:1], new[at:][:1]


async def compare(old: Renderer, new: Renderer, blocks: Sequence[Block], progress: Callable[[int], None]) -> Comparison:
    """Send all blocks through both sides, and once more through the old one, as the secondary.

    `progress` is told after each call how many are done. A checkpoint after each.
    """
    config = ShadowConfig(candidate=str(new), noise_rate=1, shadow_timeout=PATIENCE, max_step=PATIENCE)
    log = DivergenceLog(capacity=len(blocks))  # room for all, so that the count of documents is exact
    async with Shadower(old, new, config, name=new.name, log=log, secondary=old, objective=OBJECTIVE) as shadower:
        for number, block in enumerate(blocks):
            # An exception is the primary's own, as without a shadower; it was compared with what the shadow did.
            with contextlib.suppress(Exception):
                await shadower.call(block.text, key=str(number), operation=block.kind)
            await shadower.wait_idle()
            progress(number + 1)
        return Comparison.of(new.name, shadower, blocks)
