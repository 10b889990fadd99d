"""Observable instruments of OpenTelemetry's metrics, over what is read of shadowers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from trioshadow._shadower import Shadower

from ._catalogue import ERRORS, INFORMATION, METRICS, Kind, Metric
from ._readings import Readings, Sample
from ._scorecards import Scorecards

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation


def register_opentelemetry(
    shadowers: Iterable[Shadower[Any, Any, Any]],
    *,
    meter_provider: MeterProvider | None = None,
    scorecards: Scorecards | None = None,
    operations: int = 0,
) -> None:
    """Let a meter provider (by default the program's) observe the counts of shadowers, and their last scorecards.

    The metrics are those of `PrometheusCollector` but for its histograms, which can't be observed, and `scorecards` and
    `operations` mean the same. Once a provider: it keeps its instruments, and with them the shadowers, until it ends.
    They are read in its own thread, where nothing is raised.

    ValueError if two shadowers have one name. ImportError without opentelemetry-api.
    """
    try:
        from opentelemetry import metrics  # noqa: PLC0415 - it belongs to an extra
    except ImportError as exc:
        raise ImportError("register_opentelemetry() needs opentelemetry-api: pip install 'trioshadow[otel]'") from exc
    readings = Readings(shadowers, scorecards, operations)
    meter = metrics.get_meter("trioshadow", version("trioshadow"), meter_provider)

    def observed(samples: list[Sample], labels: tuple[str, ...]) -> list[Observation]:
        names = [f"trioshadow.{name}" for name in ("shadower", *labels)]
        return [metrics.Observation(sample.value, dict(zip(names, sample.labels, strict=True))) for sample in samples]

    def callback(metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _: observed(readings.samples([metric])[metric.name], metric.labels)

    for metric in METRICS:
        if metric.kind is Kind.HISTOGRAM:
            continue
        make = meter.create_observable_counter if metric.kind is Kind.COUNTER else meter.create_observable_gauge
        make(metric.opentelemetry, [callback(metric)], unit=metric.unit, description=metric.help)
    meter.create_observable_counter(
        "trioshadow.metrics.errors",
        [lambda _: observed(readings.errors(), ())],
        unit="{error}",
        description=ERRORS,
    )

    def information(_: CallbackOptions) -> list[Observation]:
        return [
            metrics.Observation(
                1,
                {
                    "trioshadow.shadower": name,
                    "trioshadow.candidate": candidate,
                    "trioshadow.rules": rules,
                    "trioshadow.version": version("trioshadow"),
                },
            )
            for name, candidate, rules in readings.information()
        ]

    meter.create_observable_gauge("trioshadow.info", [information], description=INFORMATION)
