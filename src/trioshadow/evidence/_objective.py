"""Objective: when a candidate is good enough, as numbers. Frozen, checked where it is made."""

from __future__ import annotations

import math
from typing import Any

import attrs

from trioshadow._model.checks import is_amount, is_count, is_fraction, is_name, is_text, number, several

from ._places import folded_path

_is_level = number("a fraction in (0, 1)", lambda level: 0 < level < 1)
#: Of less the bounds are lost in rounding, and there never will be as many keys.
_is_rate = number("a fraction in [1e-9, 1)", lambda rate: 1e-9 <= rate < 1)
_is_ratio = number("a ratio in [1, inf)", lambda ratio: 1 <= ratio < math.inf)


def _as_field(name: Any) -> Any:
    return folded_path(name) if isinstance(name, str) and name.startswith("$[") else name


@attrs.frozen
class Acknowledged:
    """A difference that somebody has looked at and that may stay: it is shown, and decides nothing.

    >>> Acknowledged("header server", reason="names the new one")
    Acknowledged(field='header server', operation=None, reason='names the new one')
    """

    field: str = attrs.field(validator=is_name, converter=_as_field)
    """As a scorecard names it: `status`, `$.items[*].price`, `timed out`. The path of a single place, as a divergence
    names it, means its field."""
    operation: str | None = attrs.field(default=None, kw_only=True, validator=is_text.or_none)
    """Of which operation; None: of every one."""
    reason: str = attrs.field(default="", kw_only=True, validator=is_text)
    """Why, for whoever reads the scorecard."""

    def covers(self, operation: str, field: str) -> bool:
        """Is it this field of this operation?"""
        return self.field == field and self.operation in (None, operation)


def _checked_acknowledged(values: Any) -> tuple[Acknowledged, ...]:
    given = several("acknowledged", values, "differences, as in [Acknowledged('status')]")
    checked = tuple(Acknowledged(value) if isinstance(value, str) else value for value in given)
    for value in checked:
        if not isinstance(value, Acknowledged):
            raise TypeError(f"acknowledged takes Acknowledged(...) or names of fields, not {type(value).__name__}")
    return checked


@attrs.frozen(kw_only=True)
class Objective:
    """What is asked of a candidate, for `Shadower.scorecard(objective)`.

    Out of range is a ValueError that names the parameter, the value and the range; a wrong type is a TypeError.
    """

    max_rate: float = attrs.field(default=0.001, validator=_is_rate)
    """The fraction of sampling keys, in [1e-9, 1), of which a field may differ beyond noise. 0.001: one in a
    thousand."""
    noise_margin: float = attrs.field(default=0.25, validator=is_amount)
    """For a field that has noise: how much more often than the secondary the shadow may differ, as a fraction of the
    noise, in [0, inf); of a noise n above one half, of 1 - n. That counts where it is more than `max_rate`, and 10
    pairs or more have shown it: of a field that differs in 20 % of the pairs by itself, no number of calls would show
    that the candidate adds less than 0.1 %. Failures and timeouts have no margin."""
    error_level: float = attrs.field(default=0.05, validator=_is_level)
    """The probability, in (0, 1), with which a candidate that is as good as the primary is ever called regressed,
    however often one looks; and the same for latency, and for each bound."""
    max_p99_ratio: float | None = attrs.field(default=1.5, validator=_is_ratio.or_none)
    """The shadow's p99 over the primary's, in [1, inf), for each operation. None: latency decides nothing."""
    fast_enough: float = attrs.field(default=0.005, validator=is_amount)
    """Seconds, in [0, inf): a p99 up to here is good whatever the primary's is. An in-process call of 20 µs is no worse
    for taking 40."""
    min_coverage: float = attrs.field(default=0.95, validator=is_fraction)
    """The fraction of all calls, in [0, 1], whose operations must be found clean."""
    unverifiable_noise: float = attrs.field(default=0.95, validator=_is_level)
    """A field that differs in so many of the A/A' pairs, in (0, 1), says nothing any more: a candidate's own
    differences would have no room beside it."""
    min_keys: int = attrs.field(default=5, validator=is_count)
    """A regression needs so many sampling keys, in [1, inf): one user's polling is one observation."""
    acknowledged: tuple[Acknowledged, ...] = attrs.field(default=(), converter=_checked_acknowledged)
    """Differences that may stay. A str stands for `Acknowledged(str)`."""
