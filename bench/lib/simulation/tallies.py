"""For `evidence.py`: what counting costs the leg, a scorecard its reader, and the fullest evidence the process."""

from __future__ import annotations

import functools
import gc
import json
import operator
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np

from trioshadow import Verdict
from trioshadow.evidence import Epoch, Evidence, Objective, Observation, scorecard
from trioshadow.evidence._evidence import FIELDS, OPERATIONS

from lib.table import Row, brief, kib, mib, us
from lib.timing import SMOKE, Effort, Rounds, timed, timed_once

_MATCHED = Observation(verdict=Verdict.MATCHED, fields={}, seconds=0.0123)
_DIVERGED = Observation(verdict=Verdict.DIVERGED, fields={"$.items[*].price": ("1", "2")}, seconds=0.0123)


class _Calls:
    """Calls of one operation, whose keys are as good as new each."""

    def __init__(self, shadow: Observation, secondary: Observation | None) -> None:
        self._evidence = Evidence(Epoch())
        self._row = self._evidence.operation("GET /items")
        self._shadow, self._secondary = shadow, secondary
        self._hash = 1
        for _ in range(3_000):
            self()  # a table that is still filling up is slower

    def __call__(self) -> None:
        self._hash = self._hash * 0x9E3779B97F4A7C15 % 2**64
        self._evidence.observe(
            self._row, self._shadow, self._secondary, key=b"key", key_hash=self._hash, at=1.0, primary_seconds=0.0117
        )


def counting(effort: Effort) -> Iterator[Row]:
    """What `Evidence.observe` takes."""
    variants = {
        "Evidence.observe of a call that matched": _Calls(_MATCHED, None),
        "  with a secondary that matched too": _Calls(_MATCHED, _MATCHED),
        "Evidence.observe of a call that differs in one field": _Calls(_DIVERGED, None),
        "  with a secondary that matched": _Calls(_DIVERGED, _MATCHED),
    }
    loops = {name: functools.partial(timed, call, 2 * effort.calls) for name, call in variants.items()}
    rounds = Rounds(loops, effort.rounds)
    for name in variants:
        yield Row(name, us(rounds.median(operator.itemgetter(name))))


def _some(operations: int, fields: int) -> Evidence:
    """Evidence with pairs and noise: so many operations, and fields of all of them together."""
    chance = np.random.default_rng(20_263)
    evidence = Evidence(Epoch("v2", "rules"))
    for number in range(max(5_000, 20 * fields)):
        row = evidence.operation(f"operation {number % operations}")
        differs = chance.random(2) < 0.1
        name = f"$.items[*].field_{number // operations % -(-fields // operations)}"
        shadow, secondary = (
            Observation(
                verdict=Verdict.DIVERGED if differ else Verdict.MATCHED,
                fields={name: ("a value", "another value")} if differ else {},
                seconds=float(chance.lognormal(-4, 0.5)),
            )
            for differ in differs.tolist()
        )
        row.counts[shadow.verdict.slot] += 1
        evidence.observe(
            row,
            shadow,
            secondary,
            key=b"a key",
            key_hash=int(chance.integers(2**63)),
            at=float(number),
            primary_seconds=float(chance.lognormal(-4, 0.5)),
        )
    return evidence


def _full(operations: int, fields: int) -> dict[str, Any]:
    """A snapshot with every row and every sketch of it full, and with examples as long as they may be."""
    chance = np.random.default_rng(20_264)
    evidence = Evidence(Epoch("v2", "rules"))
    texts = "ж" * 1_000, "ш" * 1_000  # two bytes a character in memory
    for number in range(1_100):
        observed = Observation(
            verdict=Verdict.DIVERGED, fields={"field": texts}, seconds=1e-6 * 2 ** (number % 256 / 8 + 0.01)
        )
        hash_ = int(chance.integers(2**63)) * 2
        secondary = Observation(verdict=Verdict.MATCHED, fields={}, seconds=observed.seconds)
        evidence.observe(
            evidence.operation("op"),
            observed,
            secondary,
            key=texts[0].encode(),
            key_hash=hash_,
            at=float(number),
            primary_seconds=observed.seconds,
        )
    snapshot = evidence.to_dict(until=1.0)
    row = snapshot["operations"]["op"]
    row["other_fields"] = row["anything"]
    tally = row["fields"].pop("field")
    rows = {f"operation {number}": dict(row, fields={}) for number in range(operations)}
    for number in range(fields):
        name = f"$.{'ж' * 240}.{number}"
        rows[f"operation {number % operations}"]["fields"][name] = tally
    return {**snapshot, "operations": {**snapshot["operations"], **rows}}


def reading(effort: Effort) -> Iterator[Row]:
    """What `scorecard()` and a snapshot take."""
    tries = min(3, effort.rounds)
    small, large = _some(10, 50), _some(OPERATIONS, FIELDS)
    for operations, evidence in ((10, small), (OPERATIONS, large)):
        seconds = min(timed_once(functools.partial(scorecard, evidence, Objective())) for _ in range(tries))
        yield Row(f"scorecard() of {operations} operations, {_fields(evidence):,} fields", brief(seconds))
    written = json.dumps(small.to_dict(until=1.0))
    yield Row("a snapshot as JSON, 10 operations of 5 fields", kib(len(written)))


def _fields(evidence: Evidence) -> int:
    return sum(len(row.fields) for row in evidence.operations.values())


def fullest(effort: Effort) -> Iterator[Row]:
    """What the fullest evidence takes: twice the rows that are kept, right before the lighter half is folded."""
    part = 32 if effort == SMOKE else 1
    operations = 2 * OPERATIONS // part
    text = json.dumps(_full(operations, 2 * FIELDS // part))
    data = json.loads(text)
    gc.collect()
    tracemalloc.start()
    evidence = Evidence.from_dict(data)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    what = f"the fullest evidence: {operations} operations, {_fields(evidence):,} fields, every sketch full"
    yield Row(what, mib(size))
    yield Row("  a snapshot of it as JSON", mib(len(text)))
