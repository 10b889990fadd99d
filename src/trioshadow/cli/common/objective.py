"""When a candidate is good enough: the options that say so, and the Objective that they mean.

What is not said is left to the command: it begins with an objective of its own, or with that of an archive.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import attrs

from trioshadow._model.checks import Check
from trioshadow.evidence import Acknowledged, Objective

from .checks import text
from .options import Kind, Panel, WrongOptionError, option, several

#: What can differ that has no name or path of its own.
_FIELDS = frozenset(("status", "body", "error", "failed", "timed out", "too large", "not compared", "more changes"))

#: Of what has a limit or none.
NONE = math.inf


def part(name: str) -> Callable[[object], Any]:
    """A part of an Objective, checked by its own check and in its words: a number, or the text of one; of a part that
    may be None, also `none`, which is `NONE` here.
    """
    check: Check = getattr(attrs.fields(Objective), name).validator
    may_be_none = check.allowed.endswith(" or None")

    def checked(said: object) -> Any:
        if said == "none" and may_be_none:
            return NONE
        value = said
        if may_be_none and isinstance(said, str):  # the command line has texts where `none` is one
            with contextlib.suppress(ValueError):
                value = float(said)
        if value is None or not check.is_of_kind(value) or not check.is_allowed(value):
            allowed = check.allowed.replace("None", "none")
            raise ValueError(f"must be {allowed}, not {said!r}")
        return value

    return checked


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


def named_number(said: object) -> tuple[str, float | None]:
    """`OPERATION`, or `OPERATION=NUMBER`: what is behind the last `=` counts as one if it can be."""
    whole = text(said)
    name, equals, number = whole.rpartition("=")
    try:
        return (name, float(number)) if equals and name else (whole, None)
    except ValueError:
        return whole, None


def critical(said: object) -> tuple[str, float | None]:
    """`--critical`: an operation, perhaps with a rate of its own."""
    name, rate = named_number(said)
    return name, None if rate is None else part("max_rate")(rate)


def _limit(name: str, kind: type, metavar: str, about: str, shown: str = "") -> Any:
    default = getattr(Objective(), name)
    shown = shown or ("none" if default is None else f"{default:g}")
    return option(Kind(kind, metavar, part(name)), None, panel=Panel.OBJECTIVE, about=about, shown=shown)


def block_seconds_option(shown: str) -> Any:
    """`--block-seconds`, of a command for which its absence means `shown`."""
    return _limit(
        "block_seconds",
        str,
        "SECONDS",
        "What lasts no longer than this is one event: only what differs in several such blocks is a reason to reject. "
        "'none': such blocks go by the order of calls.",
        shown,
    )


@attrs.frozen(kw_only=True)
class ObjectiveOptions:
    """What is asked of the shadow. None: that was not said."""

    objective_rate: float | None = option(
        Kind(float, "FRACTION", part("max_rate")),
        None,
        panel=Panel.OBJECTIVE,
        about="Fraction of keys that may differ beyond noise for the shadow to be promoted, between 0 and 1.",
        shown=f"{Objective().max_rate:g}",
    )
    min_coverage: float | None = _limit(
        "min_coverage",
        float,
        "FRACTION",
        "Fraction of all calls whose operations must be found clean for the shadow to be promoted.",
    )
    noise_margin: float | None = _limit(
        "noise_margin",
        float,
        "FRACTION",
        "How much more often than the secondary the shadow may differ in a noisy field, as a fraction of the noise.",
    )
    error_level: float | None = _limit(
        "error_level", float, "FRACTION", "Probability of a wrong verdict on a field, or on latency, over all looks."
    )
    max_p99_ratio: float | None = _limit(
        "max_p99_ratio",
        str,
        "RATIO",
        "How many times the primary's p99 latency the shadow's may be, or 'none' to ignore it.",
    )
    max_p50_ratio: float | None = _limit("max_p50_ratio", str, "RATIO", "The same for the median.")
    fast_enough: float | None = _limit(
        "fast_enough", float, "SECONDS", "A latency up to this is good, whatever the primary's is."
    )
    block_seconds: float | None = block_seconds_option("60")
    unverifiable_noise: float | None = _limit(
        "unverifiable_noise",
        float,
        "SHARE",
        "Noise from which on a field can't be judged.",
    )
    min_keys: int | None = _limit(
        "min_keys", int, "COUNT", "Keys that must differ in a field before it counts as regressed."
    )
    critical: tuple[tuple[str, float | None], ...] | None = option(
        several(Kind(str, "OPERATION", critical)),
        None,
        panel=Panel.OBJECTIVE,
        about=(
            "Operation that must be found clean itself before the shadow is promoted, such as 'POST /pay', perhaps "
            "with a rate of its own, 'POST /pay=0.0001'."
        ),
    )
    acknowledge: tuple[Acknowledged, ...] | None = option(
        several(Kind(str, "DIFFERENCE", acknowledged)),
        None,
        panel=Panel.OBJECTIVE,
        about=(
            "Difference that may stay, as the report names it: 'header etag' or '$.items[*].id' in every operation, "
            "'GET /users/{id}: status' in one."
        ),
    )

    def __attrs_post_init__(self) -> None:
        names = [name for name, _ in self.critical or ()]
        if twice := [name for name in names if names.count(name) > 1]:
            raise WrongOptionError("critical", f"has {twice[0]!r} twice")

    def objective(self, base: Objective | None = None) -> Objective:
        """The same, as a scorecard takes it. What was not said is as in `base`; None: as by default."""
        base = Objective() if base is None else base
        said = {name: getattr(self, option) for name, option in _OPTIONS.items() if getattr(self, option) is not None}
        limits: dict[str, Any] = {name: None if value == NONE else value for name, value in said.items()}
        whole = attrs.evolve(base, **limits)
        if self.critical is not None:
            each = attrs.evolve(whole, operations={}, acknowledged=())
            operations = {
                name: each if rate is None else attrs.evolve(each, max_rate=rate) for name, rate in self.critical
            }
            return attrs.evolve(whole, operations=operations)
        changed = {name: attrs.evolve(one, **_of_operations(limits)) for name, one in whole.operations.items()}
        return attrs.evolve(whole, operations=changed)


#: By part of an objective, the option that says it.
_OPTIONS = {
    "max_rate": "objective_rate",
    "acknowledged": "acknowledge",
    **{
        name: name
        for name in (
            *("min_coverage", "noise_margin", "error_level", "max_p99_ratio", "max_p50_ratio", "fast_enough"),
            *("block_seconds", "unverifiable_noise", "min_keys"),
        )
    },
}


def _of_operations(limits: dict[str, Any]) -> dict[str, Any]:
    """What also holds for critical operations, which keep their own rates."""
    return {name: value for name, value in limits.items() if name not in ("max_rate", "acknowledged")}


def _is_field(name: str) -> bool:
    return name in _FIELDS or name.startswith(("$", "error $")) or (name.startswith("header ") and ":" not in name)
