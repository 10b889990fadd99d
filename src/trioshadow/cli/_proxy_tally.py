"""What diverged, counted by operation and place; what failed, by kind. A sink for the shadower's records.

Its memory is bounded: what comes after so many names is counted together.
"""

from __future__ import annotations

import re
from collections import Counter

import attrs

from trioshadow import Divergence, DivergenceRecord

#: Different places, and kinds of failure, that are counted by name.
LIMIT = 500
OTHERS = "(other)"

_STEP = re.compile(r"\['((?:[^'\\]|\\.)*)'\]|\[\d+\]")
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@attrs.frozen
class Place:
    """Where answers differ."""

    operation: str
    where: str
    """`status`, `header etag`, a path of a body, `body` if it could not be decoded, or `error`."""


@attrs.define
class Tally:
    """The counts so far."""

    diverged: Counter[Place] = attrs.field(factory=Counter[Place])
    """Calls that differed there."""
    failed: Counter[str] = attrs.field(factory=Counter[str])
    """Calls by kind of failure, and the type that was raised."""
    examples: dict[Place, DivergenceRecord] = attrs.field(factory=dict[Place, DivergenceRecord])
    """The first record of each place."""

    def write(self, record: DivergenceRecord) -> None:
        """Count one record, once at each place."""
        if record.failure is not None:
            kind = f"{record.failure.kind.value.replace('_', ' ')}: {record.failure.type_name}"
            self.failed[kind if kind in self.failed or len(self.failed) < LIMIT else OTHERS] += 1
        if record.divergence is not None:
            for where in places_of(record.divergence):
                place = Place(record.operation, where)
                if place not in self.diverged and len(self.diverged) >= LIMIT:
                    place = Place(OTHERS, OTHERS)
                self.diverged[place] += 1
                self.examples.setdefault(place, record)


def places_of(divergence: Divergence) -> list[str]:
    """Each place once, in order."""
    places: list[str] = []
    if divergence.status is not None:
        places.append("status")
    if (headers := divergence.headers) is not None:
        places += [f"header {name}" for name in (*headers.added, *headers.removed, *headers.changed)]
    if (body := divergence.body) is not None:
        text = body.forms == ("text", "text")
        places += ["body"] if text or not body.changes else [general(change.path) for change in body.changes]
    if divergence.error is not None:
        places.append("error")
    return list(dict.fromkeys(places))


def general(path: str) -> str:
    """A path without the numbers of elements, as `--ignore-path` takes it.

    >>> general("$['items'][0]['unit price']")
    "$.items[*]['unit price']"
    """

    def shortened(step: re.Match[str]) -> str:
        if step[1] is None:
            return "[*]"
        return f".{step[1]}" if _SIMPLE.fullmatch(step[1]) else step[0]

    return _STEP.sub(shortened, path)
