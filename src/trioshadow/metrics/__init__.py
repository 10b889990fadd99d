"""Metrics of running shadowers for Prometheus and OpenTelemetry, a span for each shadow, and alert rules.

`PrometheusCollector` needs `trioshadow[prometheus]`, `register_opentelemetry()` and `TracedBackend` need
`trioshadow[otel]`. `python -m trioshadow.metrics` prints the alert rules.
"""

from __future__ import annotations

from ._opentelemetry import register_opentelemetry
from ._prometheus import PrometheusCollector
from ._scorecards import Scorecards
from ._tracing import TracedBackend

__all__ = ["PrometheusCollector", "Scorecards", "TracedBackend", "register_opentelemetry"]

for _thing in [globals()[_name] for _name in __all__]:
    _thing.__module__ = "trioshadow.metrics"
