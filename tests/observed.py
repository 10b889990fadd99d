"""Makes evidence for tests: calls of which it is known what differed."""

from __future__ import annotations

from collections.abc import Iterable

from trioshadow import Verdict
from trioshadow.evidence import Epoch, Evidence, Observation

#: An odd number: multiplying by it takes 64-bit numbers to each other, one to one, and far from where they were.
_ODD = 0x9E3779B97F4A7C15


def key_hash(number: int) -> int:
    """A hash for the key of this number, as well spread as those of real keys, and no two alike."""
    value = (number + 1) * _ODD % 2**64
    value ^= value >> 32
    value = value * _ODD % 2**64
    return value ^ (value >> 29)


def side(fields: Iterable[str] = (), seconds: float | None = 0.001) -> Observation:
    """What a side came to that differs in these fields."""
    named = {name: (f"old {name}", f"new {name}") for name in fields}
    return Observation(verdict=Verdict.DIVERGED if named else Verdict.MATCHED, fields=named, seconds=seconds)


def observe(
    evidence: Evidence,
    calls: int = 1,
    *,
    operation: str = "",
    shadow: Iterable[str] = (),
    secondary: Iterable[str] | None = None,
    key: int | None = 0,
    keys: int | None = None,
    seconds: tuple[float | None, float | None] = (0.001, 0.001),
    at: float = 0.0,
) -> None:
    """Count calls that are alike. Their keys are those from the number `key` on, `keys` of them in turn, or each its
    own; None: calls without a key. `seconds`: the primary's and the shadow's.
    """
    shadow, secondary = tuple(shadow), None if secondary is None else tuple(secondary)
    for number in range(calls):
        row = evidence.operation(operation)
        seen = side(shadow, seconds[1])
        row.counts[seen.verdict.slot] += 1
        of_key = None if key is None else key + number % (keys or calls)
        evidence.observe(
            row,
            seen,
            None if secondary is None else side(secondary),
            key=b"" if of_key is None else b"key %d" % of_key,
            key_hash=None if of_key is None else key_hash(of_key),
            at=at,
            primary_seconds=seconds[0],
        )


def new_evidence() -> Evidence:
    """Evidence of nothing yet."""
    return Evidence(Epoch("v2", "rules"), series="one")
