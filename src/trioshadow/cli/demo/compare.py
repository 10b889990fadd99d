"""The demo's main job: every block through a Shadower, with the old library as primary and a new one as shadow.

It shows nothing. A real application would not wait for `outcome.wait_settled()`. The callers here do, because nobody
wants their answers, and so they call no faster than the shadows can follow: no call is shed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs
import trio

from trioshadow import (
    Backend,
    DivergenceLog,
    DivergenceRecord,
    ResponseRecord,
    ShadowConfig,
    Shadower,
    ShadowStatistics,
)
from trioshadow.evidence import Objective, Scorecard

from .blocks import Block, kind_of
from .examples import Difference

CALLERS = 8

#: Seconds. Generous, since a large text on a busy machine is no reason to call a candidate hung.
SHADOW_TIMEOUT = 30.0


@attrs.frozen
class Comparison:
    """What came of one candidate."""

    candidate: str
    statistics: ShadowStatistics
    scorecard: Scorecard
    differences: list[Difference]
    """The calls that both sides answered, but not with the same HTML."""
    troubles: list[str]
    """The others that did not match, in words: one side raised, or took too long."""
    documents_affected: int
    """Documents of which at least one block, or the whole text, did not match."""


async def compare(
    primary: Backend[str, bytes],
    shadow: Backend[str, bytes],
    blocks: Sequence[Block],
    *,
    name: str,
    candidate: str,
    objective: Objective,
    progress: Callable[[int], None],
) -> Comparison:
    """Send all blocks through both sides, and once more through the primary, as the secondary: rendering has no side
    effects. `progress` is told how many calls are done, after each.

    A checkpoint after each call. Cancelling it cancels the callers, and abandons what is in flight.
    """
    todo = iter(blocks)
    done = 0

    async def caller() -> None:
        nonlocal done
        for block in todo:
            try:
                outcome = await shadower.call(block.text, key=block.key, operation=kind_of(block))
            except Exception:
                # The primary's own, as without a shadower. The leg compares it with what the shadow does.
                await trio.lowlevel.checkpoint()
            else:
                await outcome.wait_settled()
            done += 1
            progress(done)

    config = ShadowConfig(shadow_timeout=SHADOW_TIMEOUT, view=_as_html, noise_rate=1, candidate=candidate)
    log = DivergenceLog(capacity=len(blocks))  # room for all, so that the count of documents is exact
    async with Shadower(primary, shadow, config, name=name, log=log, secondary=primary) as shadower:
        async with trio.open_nursery() as callers:
            for _ in range(CALLERS):
                callers.start_soon(caller)
        await shadower.wait_idle()
        statistics, scorecard = shadower.statistics(), shadower.scorecard(objective)
        records = shadower.divergences() + shadower.failures()

    by_key = {block.key.encode(): block for block in blocks}
    return comparison_of(name, statistics, scorecard, records, by_key)


def comparison_of(
    name: str,
    statistics: ShadowStatistics,
    scorecard: Scorecard,
    records: Iterable[DivergenceRecord],
    blocks: Mapping[bytes, Block],
) -> Comparison:
    """Made of the records of all calls that did not match. `blocks`: by their sampling keys."""
    comparison = Comparison(name, statistics, scorecard, [], [], 0)
    documents: set[str] = set()
    for record in records:
        block = blocks[record.key]
        documents.add(block.document)
        if record.divergence is not None and record.divergence.body is not None:
            comparison.differences.append(Difference(block.key, record.divergence, record.divergence.body))
        else:
            comparison.troubles.append(f"{block.key}: {_in_words(record)}")
    return attrs.evolve(comparison, documents_affected=len(documents))


def _as_html(answer: bytes) -> ResponseRecord:
    # The content type is what makes a divergence name lines.
    return ResponseRecord(answer, headers={"content-type": "text/html; charset=utf-8"})


def _in_words(record: DivergenceRecord) -> str:
    if record.failure is not None:
        return f"the candidate failed: {record.failure.type_name}: {record.failure.message}"
    assert record.divergence is not None
    error = record.divergence.error
    if error is None:
        return str(record.divergence)
    return f"the primary raised {error.primary}, the candidate {error.shadow or 'answered'}"
