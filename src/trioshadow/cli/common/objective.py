"""When a candidate is good enough: the options that say so, and the Objective that they mean."""

from __future__ import annotations

import math

import attrs

from trioshadow.evidence import Acknowledged, Objective

from .checks import number, text
from .options import Kind, Panel, option, several

#: What can differ that has no name or path of its own.
_FIELDS = frozenset(("status", "body", "error", "failed", "timed out", "too large", "not compared", "more changes"))


def level(value: object) -> float:
    """`--objective-rate`."""
    allowed = "a fraction between 0 and 1 (0.001: one key in a thousand may differ)"
    found = number(value, allowed)
    if not 0 < found < 1:
        raise ValueError(f"must be {allowed}, not {value!r}")
    return found


def ratio_or_none(value: object) -> float | None:
    """`--max-p99-ratio`: a number, or the text of one, or `none`."""
    if value is None or value == "none":
        return None
    allowed = "a number, 1 or more (2: twice as long), or none"
    try:
        found = number(float(value) if isinstance(value, str) else value, allowed)
    except ValueError:
        found = math.nan
    if not 1 <= found < math.inf:
        raise ValueError(f"must be {allowed}, not {value!r}")
    return found


def acknowledged(said: object) -> Acknowledged:
    """`--acknowledge`: a field, or `OPERATION: FIELD`, both as a scorecard writes them.

    Only what can be a field is taken for one, so that an operation with a colon in it is no riddle, and a field that is
    not spelled as it is counted does not pass in silence.
    """
    field = text(said)
    if _is_field(field):
        return Acknowledged(field)
    start = 0
    while (colon := field.find(": ", start)) > 0:
        if _is_field(field[colon + 2 :]):
            return Acknowledged(field[colon + 2 :], operation=field[:colon])
        start = colon + 2
    raise ValueError(
        "must be a field as the report names it (status, header etag, $.items[*].id, timed out), or one of an "
        f"operation (GET /users/{{id}}: status), not {field!r}"
    )


@attrs.frozen(kw_only=True)
class ObjectiveOptions:
    """What is asked of the shadow."""

    objective_rate: float = option(
        Kind(float, "FRACTION", level),
        Objective().max_rate,
        panel=Panel.OBJECTIVE,
        about="Fraction of keys that may differ beyond noise for the shadow to be promoted, between 0 and 1.",
    )
    max_p99_ratio: float | None = option(
        Kind(str, "RATIO", ratio_or_none),
        Objective().max_p99_ratio,
        panel=Panel.OBJECTIVE,
        about="How many times the primary's p99 latency the shadow's may be, or 'none' to ignore latency.",
    )
    acknowledge: tuple[Acknowledged, ...] = option(
        several(Kind(str, "DIFFERENCE", acknowledged)),
        (),
        panel=Panel.OBJECTIVE,
        about=(
            "Difference that may stay, as the report names it: 'header etag' or '$.items[*].id' in every operation, "
            "'GET /users/{id}: status' in one."
        ),
    )

    def objective(self) -> Objective:
        """The same, as a scorecard takes it."""
        return Objective(
            max_rate=self.objective_rate,
            max_p99_ratio=self.max_p99_ratio,
            acknowledged=self.acknowledge,
        )


def _is_field(name: str) -> bool:
    return name in _FIELDS or name.startswith("$") or (name.startswith("header ") and ":" not in name)
