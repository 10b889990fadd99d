"""What comparing costs: the search for the first differing byte (in the leg), and keeping a mutable answer (in the
caller).

A `bytes` answer is shared as it is, but a document of dicts and lists may be changed by the caller as soon as it has
it, so `primary_done` serialises it before it returns; the leg loads the copy and compares. The rows time the caller's
half through the public API, `leg.primary_done(document)`, and set it against the obvious `copy.deepcopy`, and against
plain pickle.

What these rows do not tell: that both, in the caller or in the leg, run on the caller's event loop, and that bodies
which nobody has looked at for a while are slower: here they lie in the processor's caches.
"""

from __future__ import annotations

import copy
import functools
import json
import pickle
import time

import trio

from trioshadow import Divergence, ShadowConfig, Shadower

from lib.bare import backend
from lib.documents import DOCUMENT
from lib.table import Row, Section, us
from lib.timing import Effort, Rounds, timed

_SIZE = 1 << 20
#: Two objects each: comparing one with itself looks at nothing.
_LEFT = bytes(_SIZE)
_EQUAL = bytes(bytearray(_SIZE))
_RIGHT = bytes(_SIZE - 1) + b"y"
_CONFIG = ShadowConfig.full_sample()
_HOLD_SECONDS = 60e-6
#: What the Rust crate `request-shadow` takes for the same two bodies, byte by byte; measured elsewhere, quoted here.
_QUOTED_SECONDS = 309e-6


def _compare() -> None:
    divergence = Divergence.compare(_LEFT, _RIGHT, _CONFIG)
    if divergence is None or divergence.body is None or divergence.body.prefix_equal_bytes != _SIZE - 1:
        raise AssertionError("the difference was not found")


def _memcmp() -> None:
    if _LEFT != _EQUAL:
        raise AssertionError("equal bodies differ")


async def _keep(answer: object, count: int) -> float:
    async def document(request: bytes) -> object:
        await backend(request)
        return answer

    async with Shadower(document, document, ShadowConfig(drain_timeout=60)) as shadower:
        seconds = 0.0
        for _ in range(count):
            leg = shadower.start(b"request")
            start = time.perf_counter()
            leg.primary_done(answer)
            seconds += time.perf_counter() - start
            await shadower.wait_idle()
        if shadower.statistics().matched != count:
            raise AssertionError("the document does not equal its copy")
    return seconds / count


def sections(effort: Effort) -> list[Section]:
    """Measure."""
    count = max(1, effort.calls // 50)
    rounds = Rounds(
        {
            "compare": functools.partial(timed, _compare, 10 * count),
            "memcmp": functools.partial(timed, _memcmp, 10 * count),
            "keep": functools.partial(trio.run, _keep, DOCUMENT, count),
            "keep bytes": functools.partial(trio.run, _keep, b"x" * 95_000, count),
            "pickle": functools.partial(timed, lambda: pickle.dumps(DOCUMENT, pickle.HIGHEST_PROTOCOL), count),
            "load": functools.partial(
                timed, functools.partial(pickle.loads, pickle.dumps(DOCUMENT, pickle.HIGHEST_PROTOCOL)), count
            ),
            "deepcopy": functools.partial(timed, lambda: copy.deepcopy(DOCUMENT), max(1, count // 4)),
        },
        effort.rounds,
    )

    def median(name: str) -> float:
        return rounds.median(lambda one: one[name])

    def row(what: str, name: str, against: str, label: str) -> Row:
        ratio = rounds.median(lambda one: one[name] / one[against])
        return Row(what, us(median(name)), f"{label}, {us(median(against))}", ratio)

    size = len(json.dumps(DOCUMENT)) // 1000
    found = median("compare")
    return [
        Section(
            "What comparing costs",
            [
                Row(
                    "first differing byte of two 1 MiB bodies, the last one",
                    us(found),
                    f"one memcmp, {us(median('memcmp'))}",
                    rounds.median(lambda one: one["compare"] / one["memcmp"]),
                    f"<= {_HOLD_SECONDS * 1e6:g} µs",
                    found <= _HOLD_SECONDS,
                ),
                Row(
                    "  the same, against the byte loop of request-shadow (quoted)",
                    us(found),
                    us(_QUOTED_SECONDS),
                    found / _QUOTED_SECONDS,
                ),
                row(
                    f"keeping a mutable answer ({size} KB as JSON), in the caller", "keep", "deepcopy", "copy.deepcopy"
                ),
                row("  the same, against plain pickle", "keep", "pickle", "pickle.dumps"),
                row("  the same, against an answer of bytes", "keep", "keep bytes", "bytes"),
                Row("  and in the leg: loading it, before the two are compared", us(median("load"))),
            ],
        )
    ]
