"""What is timed when two answers are compared, and the rows that come of it. Which answers, the modules say."""

from __future__ import annotations

import json
from collections.abc import Callable

from trioshadow import Divergence, ResponseRecord, ShadowConfig

from lib.table import Row, brief
from lib.timing import Rounds

Work = Callable[[], object]


def record(body: bytes, content_type: str = "application/json") -> ResponseRecord:
    """Make the answer that has this body."""
    return ResponseRecord(body, headers={"content-type": content_type})


def found(primary: object, shadow: object, config: ShadowConfig) -> int:
    """Count the differences."""
    divergence = Divergence.compare(primary, shadow, config)
    return 0 if divergence is None or divergence.body is None else divergence.body.change_count


def comparing(primary: object, shadow: object, config: ShadowConfig, expected: int) -> Work:
    """Make the work of comparing; it is an error if it finds another number of differences."""

    def compare() -> None:
        count = found(primary, shadow, config)
        if count != expected:
            raise AssertionError(f"{count} differences were found, and there are {expected}")

    return compare


def loading(primary: bytes, shadow: bytes) -> Work:
    """Make the work that no comparison of two JSON bodies comes without."""
    return lambda: (json.loads(primary), json.loads(shadow))


def row(rounds: Rounds[float], what: str, name: str, against: str, label: str) -> Row:
    """Set one work against another."""
    ratio = rounds.median(lambda one: one[name] / one[against])
    measured, other = rounds.median(lambda one: one[name]), rounds.median(lambda one: one[against])
    return Row(what, brief(measured), f"{label}, {brief(other)}", ratio)
