"""Objective: when a candidate is good enough, as numbers. Frozen, checked where it is made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from trioshadow._model.checks import instance_of, is_amount, is_count, is_fraction, is_name, is_text, number, several

from ._betting import Allowed
from ._places import FAILURES, field_name
from ._plan import Plan, plan

_is_level = number("a fraction in (0, 1)", lambda level: 0 < level < 1)
#: Of less the bounds are lost in rounding, and there never will be as many keys.
_is_rate = number("a fraction in [1e-9, 1)", lambda rate: 1e-9 <= rate < 1)
_is_seconds = number("a number of seconds in (0, inf)", lambda seconds: 0 < seconds < math.inf)
_is_ratio = number("a ratio in [1, inf)", lambda ratio: 1 <= ratio < math.inf)


def _as_field(name: Any) -> Any:
    return field_name(name) if isinstance(name, str) else name


@attrs.frozen
class Acknowledged:
    """A difference that somebody has looked at and that may stay: it is shown, and decides nothing.

    >>> Acknowledged("header server", reason="names the new one")
    Acknowledged(field='header server', operation=None, reason='names the new one')
    """

    field: str = attrs.field(validator=is_name, converter=_as_field)
    """As a scorecard names it: `status`, `header etag`, `$.items[*].price`, `timed out`. The path of a single place, as
    a divergence names it, means its field; `body` is another word for `$`, the body as a whole."""
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


def _checked_operations(given: Any) -> Mapping[str, Objective]:
    if not isinstance(given, Mapping):
        raise TypeError(
            'operations must be a mapping of names to objectives, as in {"POST /pay": Objective(max_rate=0.0001)}, '
            f"not {type(given).__name__}"
        )
    for name, one in given.items():
        is_text.check("operations", name)
        is_objective.check(f"operations[{name!r}]", one)
        if one.operations:
            raise ValueError(f"operations[{name!r}] is the objective of one operation, and can't have operations")
    return MappingProxyType(dict(given))


@attrs.frozen(kw_only=True)
class Objective:
    """What is asked of a candidate, for `Shadower.scorecard(objective)`.

    Out of range is a ValueError that names the parameter, the value and the range; a wrong type is a TypeError.
    """

    max_rate: float = attrs.field(default=0.001, validator=_is_rate)
    """The fraction, in [1e-9, 1), of the calls, and of the sampling keys, of which a field may differ beyond noise.
    0.001: one in a thousand."""
    noise_margin: float = attrs.field(default=0.25, validator=is_amount)
    """For a field that has noise: how much more often than the secondary the shadow may differ, as a fraction of the
    noise, in [0, inf); of a noise n above one half, of 1 - n. That counts where it is more than `max_rate`: of a field
    that differs in 20 % of the pairs by itself, it can't be shown that the candidate adds less than 0.1 %. Below about
    0.1 it may never be reached. Failures and timeouts have no margin."""
    error_level: float = attrs.field(default=0.05, validator=_is_level)
    """The probability, in (0, 1), with which a candidate that does not exceed what is allowed is ever called regressed,
    however often one looks; and the same for latency, and for each field that is called clean and is not."""
    max_p99_ratio: float | None = attrs.field(default=1.5, validator=_is_ratio.or_none)
    """The shadow's p99 over the primary's, in [1, inf), for each operation. None: it decides nothing."""
    max_p50_ratio: float | None = attrs.field(default=None, validator=_is_ratio.or_none)
    """The same for the median."""
    fast_enough: float = attrs.field(default=0.005, validator=is_amount)
    """Seconds, in [0, inf): a latency up to here is good whatever the primary's is. An in-process call of 20 µs is no
    worse for taking 40."""
    min_coverage: float = attrs.field(default=0.95, validator=is_fraction)
    """The fraction of all calls, in [0, 1], whose operations must be found clean."""
    block_seconds: float | None = attrs.field(default=60.0, validator=_is_seconds.or_none)
    """What lasts no longer than a *block*, in seconds in (0, inf), is one thing that happened, however many calls it
    strikes: the decision is REJECT only when it was so in several blocks. None: of live traffic there is none, and a
    block is `block_calls` calls of an operation in the order in which they were compared, as for a replay, or in tests,
    where the clock stands still."""
    block_calls: int = attrs.field(default=25, validator=is_count)
    """Calls of a block that goes by their order, in [1, inf): more than are in flight at once."""
    unverifiable_noise: float = attrs.field(default=0.95, validator=_is_level)
    """A field that differs in so many of the A/A' pairs, in (0, 1), says nothing any more: a candidate's own
    differences would have no room beside it."""
    min_keys: int = attrs.field(default=5, validator=is_count)
    """A regression needs so many sampling keys, in [1, inf): one user's polling is one observation."""
    acknowledged: tuple[Acknowledged, ...] = attrs.field(default=(), converter=_checked_acknowledged)
    """Differences that may stay. A str stands for `Acknowledged(str)`."""

    operations: Mapping[str, Objective] = attrs.field(factory=dict, converter=_checked_operations)
    """Critical operations, by name, each with an objective of its own: there is no PROMOTE while one of them is not
    covered, though it were never called. `acknowledged` of all holds there too; `min_coverage` and what a block is are
    of all."""

    def of(self, operation: str) -> Objective:
        """That of one operation."""
        own = self.operations.get(operation)
        if own is None or (own.block_seconds, own.block_calls) == (self.block_seconds, self.block_calls):
            return own or self
        return attrs.evolve(own, block_seconds=self.block_seconds, block_calls=self.block_calls)

    def acknowledges(self, operation: str, field: str) -> bool:
        """May this field of this operation differ?"""
        of_all = any(one.covers(operation, field) for one in self.acknowledged)
        return of_all or (operation in self.operations and self.of(operation).acknowledges(operation, field))

    def plan(
        self,
        calls_per_second: float,
        *,
        sample_rate: float = 1.0,
        noise_rate: float = 0.1,
        noise: float = 0.0,
        excess: float = 0.01,
        operations: Mapping[str, float] | None = None,
    ) -> Plan:
        """How many calls, and how long, until a verdict: before anything is counted.

        `calls_per_second` is in (0, inf), of all operations together, and `operations` says which fraction of them is
        each one's, in (0, 1]; None: all are of one. Of these `sample_rate`, in (0, 1], are mirrored, and of those
        `noise_rate`, in [0, 1], go to a secondary too; 0: there is none. `noise`, in [0, 1], is how often the old one
        differs from itself in the noisiest field, and `excess`, in (0, 1], how much more often a bad candidate would.
        Out of range is a ValueError. Each call is taken to be of another key: with fewer keys it takes longer.

        >>> wait = Objective().plan(10).operations[0].clean
        >>> round(wait.calls, -2), round(wait.seconds / 60)
        (4500.0, 8)
        """
        return plan(
            self.of,
            calls_per_second,
            sample_rate=sample_rate,
            noise_rate=noise_rate,
            noise=noise,
            excess=excess,
            shares={"": 1.0} if operations is None else operations,
            critical={} if operations is None else self.operations,
            min_coverage=self.min_coverage,
        )

    @property
    def counting(self) -> tuple[object, ...]:
        """What must be known while counting: for other limits some tests can't be made afterwards."""
        of_all = tuple(getattr(self, name) for name in _COUNTING if name not in _BLOCKS)
        return *of_all, *((name, one.counting) for name, one in sorted(self.operations.items()))

    def to_dict(self) -> dict[str, Any]:
        """Plain data: what must be known while counting, and what else the candidate is to be judged by."""
        return {
            **{name: getattr(self, name) for name in (*_COUNTING, *_JUDGING)},
            "acknowledged": [attrs.asdict(one) for one in self.acknowledged],
            "operations": {name: one.to_dict() for name, one in self.operations.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Objective:
        """What `to_dict()` gave. ValueError, TypeError or KeyError if it can't have."""
        return cls(
            **{name: data[name] for name in (*_COUNTING, *_JUDGING)},
            acknowledged=[Acknowledged(**one) for one in data["acknowledged"]],
            operations={str(name): cls.from_dict(one) for name, one in data["operations"].items()},
        )


def allowed_in(objective: Objective, field: str) -> Allowed:
    """What a field of this name may differ in more than by itself."""
    # A secondary that is down must not be what allows a candidate to be.
    return Allowed(objective.max_rate, 0.0 if field in FAILURES else objective.noise_margin)


is_objective = instance_of(Objective, "an Objective, as in Objective(max_rate=0.01)")

_BLOCKS = ("block_seconds", "block_calls")
_COUNTING = ("max_rate", "noise_margin", "max_p99_ratio", "max_p50_ratio", "fast_enough", *_BLOCKS)
_JUDGING = ("error_level", "min_coverage", "unverifiable_noise", "min_keys")
