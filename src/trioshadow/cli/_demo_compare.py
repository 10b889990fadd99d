"""The demo's main job: every block through a Shadower, with the old library as primary and a new one as shadow.

It shows nothing. A real application would not wait for `outcome.wait_settled()`. The callers here do, because nobody
wants their answers, and so they call no faster than the shadows can follow: no call is shed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import trio

from trioshadow import (
    Backend,
    DivergenceLog,
    DivergenceRecord,
    ShadowConfig,
    Shadower,
    ShadowStatistics,
)

from ._demo_blocks import Block
from ._demo_examples import Difference

CALLERS = 8

#: Seconds. Generous, since a large text on a busy machine is no reason to call a candidate hung.
SHADOW_TIMEOUT = 30.0


@attrs.frozen
class Comparison:
    """What came of one candidate."""

    candidate: str
    statistics: ShadowStatistics
    differences: list[Difference]
    """The calls that both sides answered, but not with the same bytes."""
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
    progress: Callable[[int], None],
) -> Comparison:
    """Send all blocks through both sides. `progress` is told how many calls are done, after each.

    A checkpoint after each call. Cancelling it cancels the callers, and abandons what is in flight.
    """
    answers: dict[str, tuple[bytes, bytes]] = {}
    todo = iter(blocks)
    done = 0

    async def caller() -> None:
        nonlocal done
        for block in todo:
            try:
                outcome = await shadower.call(block.text, key=block.key, operation="render")
            except Exception:
                # The primary's own, as without a shadower. The leg compares it with what the shadow does.
                await trio.lowlevel.checkpoint()
            else:
                await outcome.wait_settled()
                if outcome.divergence is not None and outcome.shadow is not None:
                    answers[block.key] = (outcome.primary, outcome.shadow)
            done += 1
            progress(done)

    config = ShadowConfig(shadow_timeout=SHADOW_TIMEOUT)
    log = DivergenceLog(capacity=len(blocks))  # room for all, so that the count of documents is exact
    async with Shadower(primary, shadow, config, name=name, log=log) as shadower:
        async with trio.open_nursery() as callers:
            for _ in range(CALLERS):
                callers.start_soon(caller)
        await shadower.wait_idle()
        statistics = shadower.statistics()
        records = shadower.divergences() + shadower.failures()

    document_of = {block.key.encode(): block.document for block in blocks}
    return Comparison(
        candidate=name,
        statistics=statistics,
        differences=[
            Difference(key, *answers[key], at=record.divergence.body.prefix_equal_bytes or 0)
            for record in records
            if (key := record.key.decode()) in answers and record.divergence and record.divergence.body
        ],
        troubles=[_in_words(record) for record in records if record.key.decode() not in answers],
        documents_affected=len({document_of[record.key] for record in records}),
    )


def _in_words(record: DivergenceRecord) -> str:
    key = record.key.decode()
    if record.failure is not None:
        return f"{key}: the candidate failed: {record.failure.type_name}: {record.failure.message}"
    assert record.divergence is not None
    error = record.divergence.error
    assert error is not None
    return f"{key}: the primary raised {error.primary}, the candidate {error.shadow or 'answered'}"
