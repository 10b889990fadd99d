"""Which metrics there are: one table, from which both exporters take names, units, labels and values. Pure.

One name serves both: `calls` is `trioshadow.calls` in OpenTelemetry and `trioshadow_calls_total` in Prometheus, which
is also what OpenTelemetry's own translation makes of it. Every metric has the label `shadower` besides its own.

Labels are bounded: verdicts, causes, states and sides are enumerations of the library. Names given by the program (who
lost a record) are cut and limited where they are read (`_readings.py`), and there is no label for a key, a path or a
value at all.

A new field of the statistics is a line here: `count(...)` for a number, `parts(...)` for a mapping. A test fails while
a field has none.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, TypeAlias

import attrs

from trioshadow._accounts.ledger import SecondaryStatistics, ShadowStatistics
from trioshadow._model.verdict import Verdict
from trioshadow._shadower import Shadower
from trioshadow.evidence import FieldState, Histogram, Scorecard

#: Of what is told besides the metrics of the table: how often a shadower could not be read, ...
ERRORS = "Times that a shadower's metrics could not be read."
#: ... and in labels, with the value 1, what it is about.
INFORMATION = "What is tried out, by which rules, and which trioshadow this is."

#: Values by the metric's own labels, in their order.
Values: TypeAlias = Iterable[tuple[tuple[str, ...], Any]]

#: The operation of those that have no row of their own.
OTHERS = "(other)"

_SECONDARY = tuple(field.name for field in attrs.fields(SecondaryStatistics))


class Kind(enum.Enum):
    """How the values of a metric behave."""

    COUNTER = "counter"
    """It only rises, while the process lives."""
    GAUGE = "gauge"
    """It rises and falls."""
    HISTOGRAM = "histogram"
    """Counts by size, which only rise. For Prometheus alone: OpenTelemetry has no histograms that are read."""


@attrs.frozen(kw_only=True)
class Judged:
    """The last scorecard of a shadower."""

    scorecard: Scorecard
    at: float
    """When it was made: wall clock, seconds since the epoch."""


@attrs.frozen(kw_only=True)
class Reading:
    """What is read of one shadower."""

    shadower: Shadower[Any, Any, Any]
    statistics: ShadowStatistics
    judged: Judged | None
    operations: int
    """So many operations have rows of their own."""


@attrs.frozen(kw_only=True)
class Metric:
    """One metric, for all shadowers."""

    name: str
    kind: Kind
    unit: str
    """As OpenTelemetry writes it: `s`, `1` for a ratio, `{call}` for a count of calls; empty for a state of 0 or 1."""
    help: str
    read: Callable[[Reading], Values]
    labels: tuple[str, ...] = ()
    covers: frozenset[str] = frozenset()
    """The fields of the statistics that it shows."""
    named_by_program: bool = False
    """Its labels are names that the program gives, and so must be limited."""

    @property
    def opentelemetry(self) -> str:
        """Its name there."""
        return f"trioshadow.{self.name}"

    @property
    def prometheus(self) -> str:
        """Its name there, to which a counter adds `_total`."""
        unit = {"s": "_seconds", "1": "_ratio", "By": "_bytes"}.get(self.unit, "")
        return f"trioshadow_{self.name.replace('.', '_')}{unit}"


# ── the statistics ────────────────────────────────────────────────────────────────────────────────────────────────────


def count(name: str, field: str, unit: str, told: str, kind: Kind = Kind.GAUGE) -> Metric:
    """A field that is a number; by default of what is there now."""
    get = attrgetter(field)
    return Metric(
        name=name, kind=kind, unit=unit, help=told, covers=_fields(field), read=lambda r: [((), get(r.statistics))]
    )


def parts(name: str, field: str, label: str, unit: str, told: str, *, named_by_program: bool = False) -> Metric:
    """A field that is a mapping: counts that only rise, by cause."""
    get: Callable[[ShadowStatistics], Mapping[str, int]] = attrgetter(field)
    return Metric(
        name=name,
        kind=Kind.COUNTER,
        unit=unit,
        help=told,
        labels=(label,),
        covers=_fields(field),
        named_by_program=named_by_program,
        read=lambda r: [((cause,), number) for cause, number in get(r.statistics).items()],
    )


def _by_verdict(
    name: str, verdicts: Iterable[Verdict], told: str, *, of: Callable[[ShadowStatistics], Any], covers: frozenset[str]
) -> Metric:
    values = [verdict.value for verdict in verdicts]
    return Metric(
        name=name,
        kind=Kind.COUNTER,
        unit="{call}",
        help=told,
        labels=("verdict",),
        covers=covers,
        read=lambda r: [((value,), getattr(of(r.statistics), value)) for value in values],
    )


def _fields(*names: str) -> frozenset[str]:
    return frozenset(names)


#: Those of `trioshadow.guard.BreakerState`.
_BREAKER_STATES = ("closed", "open", "half_open")


def _breaker_states(state: str | None) -> Values:
    return [] if state is None else [((one,), int(one == state)) for one in _BREAKER_STATES]


_STATISTICS = (
    _by_verdict(
        "calls",
        Verdict,
        "Calls that were served, by what became of them; those in flight not yet.",
        of=lambda statistics: statistics,
        covers=_fields("calls", "mirrored", "not_mirrored", *(verdict.value for verdict in Verdict)),
    ),
    count("legs.in_flight", "in_flight", "{leg}", "Mirrored calls that have no verdict yet."),
    count("records.waiting", "records_waiting", "{record}", "Records that the log and lossless sinks have not taken."),
    parts(
        "records.dropped",
        "records_dropped",
        "by",
        "{record}",
        "Records lost, by who lost them; log and failures are rings that overwrite their oldest.",
        named_by_program=True,
    ),
    parts("shed", "shed_by_cause", "cause", "{call}", "Calls that there was no room to mirror, by what filled it."),
    count("bytes.in_flight", "in_flight_bytes", "By", "Bytes that the legs in flight hold, as far as known."),
    parts("gave_way", "gave_way_by_cause", "cause", "{leg}", "Legs that gave way to a limit, and were abandoned."),
    parts("paused", "paused_by_cause", "cause", "{call}", "Calls served while mirroring was stopped, by what."),
    count("stalls", "stalls", "{stall}", "Steps of shadows that kept the event loop too long.", Kind.COUNTER),
    Metric(
        name="breaker.state",
        kind=Kind.GAUGE,
        unit="",
        help="1 for the state of the breaker, 0 for the others; if there is one.",
        labels=("state",),
        covers=_fields("breaker"),
        read=lambda r: _breaker_states(r.statistics.breaker),
    ),
    parts("held_back", "held_back_by_cause", "cause", "{call}", "Calls that must not or can't be mirrored, by cause."),
    _by_verdict(
        "secondary.calls",
        [verdict for verdict in Verdict if verdict.mirrored],
        "Mirrored calls that went to the secondary too, by what became of that.",
        of=attrgetter("secondary"),
        covers=_fields("secondary", *(f"secondary.{name}" for name in _SECONDARY if name != "in_flight")),
    ),
    count("secondary.legs.in_flight", "secondary.in_flight", "{leg}", "Calls of the secondary that are not done yet."),
)

# ── the shadower ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _durations(reading: Reading) -> Iterable[tuple[tuple[str, ...], Histogram]]:
    return [((side,), histogram) for side, histogram in reading.shadower.latencies().items()]


_SHADOWER = (
    Metric(
        name="call.duration",
        kind=Kind.HISTOGRAM,
        unit="s",
        help="How long compared calls took, by side; the sum is known to 4 %.",
        labels=("side",),
        read=_durations,
    ),
    Metric(
        name="running",
        kind=Kind.GAUGE,
        unit="",
        help="1 from the shadower being entered until it is left.",
        read=lambda r: [((), int(r.shadower.running))],
    ),
    Metric(
        name="sample",
        kind=Kind.GAUGE,
        unit="1",
        help="The fraction of sampling keys that are mirrored.",
        read=lambda r: [((), r.shadower.config.sample_rate)],
    ),
    Metric(
        name="legs.limit",
        kind=Kind.GAUGE,
        unit="{leg}",
        help="Legs in flight and records waiting that there is room for.",
        read=lambda r: [((), r.shadower.config.max_in_flight)],
    ),
)

# ── the scorecard ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _scorecard(
    name: str, unit: str, told: str, read: Callable[[Judged, int], Values], labels: tuple[str, ...] = ()
) -> Metric:
    return Metric(
        name=f"scorecard.{name}",
        kind=Kind.GAUGE,
        unit=unit,
        help=told,
        labels=labels,
        read=lambda r: () if r.judged is None else read(r.judged, r.operations),
    )


def _states(chosen: enum.Enum) -> Values:
    return [((one.value,), int(one is chosen)) for one in type(chosen)]


def _by_state(states: Iterable[FieldState]) -> Values:
    found = list(states)
    return [((state.value,), found.count(state)) for state in FieldState]


def _calls_by_operation(judged: Judged, operations: int) -> Values:
    calls = {(score.name,): score.calls for score in judged.scorecard.operations[:operations]}
    rest = sum(score.calls for score in judged.scorecard.operations[operations:])
    if operations:
        calls[OTHERS,] = calls.get((OTHERS,), 0) + rest
    return calls.items()


def _state_by_operation(judged: Judged, operations: int) -> Values:
    return [
        ((score.name, state.value), int(score.state is state))
        for score in judged.scorecard.operations[:operations]
        for state in FieldState
    ]


_SCORECARD = (
    _scorecard(
        "decision",
        "",
        "1 for what the scorecard says of the candidate, 0 for the others.",
        lambda judged, _: _states(judged.scorecard.decision),
        labels=("decision",),
    ),
    _scorecard(
        "coverage",
        "1",
        "The fraction of all calls that the decision covers.",
        lambda judged, _: [((), judged.scorecard.coverage)],
    ),
    _scorecard(
        "fields",
        "{field}",
        "Fields that were seen to differ, of all operations, by what is known of them.",
        lambda judged, _: _by_state(field.state for one in judged.scorecard.operations for field in one.fields),
        labels=("state",),
    ),
    _scorecard(
        "operations",
        "{operation}",
        "Operations, by what is known of them.",
        lambda judged, _: _by_state(one.state for one in judged.scorecard.operations),
        labels=("state",),
    ),
    _scorecard("timestamp", "s", "When the scorecard was made.", lambda judged, _: [((), judged.at)]),
    _scorecard(
        "operation.calls",
        "{call}",
        "Calls of the operations with most of them, since the candidate or the rules changed; if asked for.",
        _calls_by_operation,
        labels=("operation",),
    ),
    _scorecard(
        "operation.state",
        "",
        "1 for what is known of the operation, 0 for the others; if asked for.",
        _state_by_operation,
        labels=("operation", "state"),
    ),
)

#: All that are read of a shadower.
METRICS: tuple[Metric, ...] = (*_STATISTICS, *_SHADOWER, *_SCORECARD)
