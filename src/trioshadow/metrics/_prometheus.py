"""PrometheusCollector: what is read of shadowers, as prometheus_client's metric families. It counts nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any

from trioshadow._shadower import Shadower
from trioshadow.evidence import Histogram

from ._catalogue import ERRORS, INFORMATION, METRICS, Kind, Metric
from ._readings import Readings, Sample
from ._scorecards import Scorecards

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family

#: Where the buckets of latencies end: from 16 µs to 34 s, each twice as far as the one before. Those are ends of the
#: evidence's own bins, so that what a bucket counts is exact; the round numbers that one is used to would not be.
_BUCKETS = tuple(2.0**power * 1e-6 for power in range(4, 26))


class PrometheusCollector:
    """A collector for a registry of prometheus_client: the counts of running shadowers, and their last scorecards.

        REGISTRY.register(PrometheusCollector([shadower], scorecards=scorecards))

    `scorecards` makes the scorecards, for those who want metrics of them too; with `operations`, in [0, inf), so many
    operations get rows of their own there, those with most calls. Nothing is computed that a scrape would have to wait
    for, and a scrape may come in any thread. What of a shadower can't be read is left out, logged and counted.

    ValueError if two shadowers have one name: name them. ImportError without prometheus-client.
    """

    def __init__(
        self,
        shadowers: Iterable[Shadower[Any, Any, Any]],
        *,
        scorecards: Scorecards | None = None,
        operations: int = 0,
    ) -> None:
        self._families = _families_module()
        self._readings = Readings(shadowers, scorecards, operations)
        self._version = version("trioshadow")

    def describe(self) -> Iterator[Family]:
        """All families, without values: the registry refuses a second collector by their names."""
        for metric in METRICS:
            yield self._family(metric)
        yield self._errors()
        yield self._information()

    def collect(self) -> Iterator[Family]:
        """All families with their values."""
        samples = self._readings.samples(METRICS)
        for metric in METRICS:
            family, add = self._family(metric), _adder(metric)
            for sample in samples[metric.name]:
                add(family, sample)
            yield family
        errors = self._errors()
        for sample in self._readings.errors():
            errors.add_metric(sample.labels, sample.value)
        yield errors
        information = self._information()
        for name, candidate, rules in self._readings.information():
            information.add_metric([name], {"candidate": candidate, "rules": rules, "version": self._version})
        yield information

    def _family(self, metric: Metric) -> Any:
        families = {
            Kind.COUNTER: self._families.CounterMetricFamily,
            Kind.GAUGE: self._families.GaugeMetricFamily,
            Kind.HISTOGRAM: self._families.HistogramMetricFamily,
        }
        return families[metric.kind](metric.prometheus, metric.help, labels=("shadower", *metric.labels))

    def _errors(self) -> Any:
        return self._families.CounterMetricFamily("trioshadow_metrics_errors", ERRORS, labels=("shadower",))

    def _information(self) -> Any:
        return self._families.InfoMetricFamily("trioshadow", INFORMATION, labels=("shadower",))


def _families_module() -> ModuleType:
    try:
        from prometheus_client import metrics_core  # noqa: PLC0415 - it belongs to an extra
    except ImportError as exc:
        raise ImportError("PrometheusCollector needs prometheus-client: pip install 'trioshadow[prometheus]'") from exc
    return metrics_core


def _adder(metric: Metric) -> Callable[[Any, Sample], None]:
    return _add_histogram if metric.kind is Kind.HISTOGRAM else _add_number


def _add_number(family: Any, sample: Sample) -> None:
    family.add_metric(sample.labels, sample.value)


def _add_histogram(family: Any, sample: Sample) -> None:
    family.add_metric(sample.labels, _buckets(sample.value), sample.value.seconds)


def _buckets(histogram: Histogram) -> list[tuple[str, int]]:
    """How many are at most so long, by buckets."""
    total = histogram.total
    # Bins end a rounding error beside the buckets that they fill.
    ends = [(edge * 0.999, total - above) for edge, above in histogram.edges()]
    buckets = [(f"{limit:.6f}", max((below for edge, below in ends if edge <= limit), default=0)) for limit in _BUCKETS]
    return [*buckets, ("+Inf", total)]
