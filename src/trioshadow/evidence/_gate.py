"""Time as a gate: what differs, or is slow, is a reason to reject only when it was so in enough blocks of time."""

from __future__ import annotations

import math

from ._blocks import Blocks
from ._bounds import coin_wealth, weight_of

#: Nobody waits for more.
_MOST = 10_000


def blocks_needed(blocks: Blocks, block: int, order: int, alpha: float, kept: float = -math.inf) -> int | None:
    """How many more blocks it takes in which the shadow is worse; 0: the gate is open; None: more than anybody waits
    for.

    Of those before `block`, at the error level `alpha`, which is shared out by the `order` of appearance. `kept`: the
    most that earlier looks have seen.
    """
    needed = -math.log(alpha) - weight_of(order)
    if max(kept, blocks.wealth(block)) >= needed:
        return 0
    worse, better = (count / blocks.series for count in blocks.counts(block))
    low, high = 1, 1
    while coin_wealth(worse + high, better) < needed:
        low, high = high, high * 2
        if high > _MOST:
            return None
    while low < high:
        middle = (low + high) // 2
        if coin_wealth(worse + middle, better) >= needed:
            high = middle
        else:
            low = middle + 1
    return high
