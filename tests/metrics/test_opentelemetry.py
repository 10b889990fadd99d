"""OpenTelemetry metrics and spans, through its real SDK, exported to memory. Over the wire: test_real.py."""

from __future__ import annotations

import logging
import sys

import pytest
import trio
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Gauge, InMemoryMetricReader, Sum
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from trioshadow import DivergenceLog, ShadowConfig, Shadower, Verdict
from trioshadow.asgi import AsgiBackend, ShadowMiddleware
from trioshadow.guard import Breaker
from trioshadow.http import served_by_edge
from trioshadow.metrics import Scorecards, TracedBackend, register_opentelemetry
from trioshadow.metrics._catalogue import METRICS, Kind
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.asgi_server import ask, scope_for


async def echo(request):
    await trio.lowlevel.checkpoint()
    return request


async def fails(request):
    raise ValueError("a secret")


# ── metrics ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Observed:
    """What one meter provider observes."""

    def __init__(self, *shadowers, **options):
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)
        register_opentelemetry(shadowers, meter_provider=self.provider, **options)

    def metrics(self):
        data = self.reader.get_metrics_data()
        return {
            metric.name: metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name):
        """By the attributes' values, the shadower's first."""
        metric = self.metrics().get(name)
        points = metric.data.data_points if metric is not None else ()
        return {tuple(point.attributes.values()): point.value for point in points}


async def test_each_metric_is_observed_with_its_unit_and_kind():
    async with Shadower(echo, echo, name="cart", breaker=Breaker()) as shadower, trio.open_nursery() as nursery:
        scorecards = Scorecards([shadower])
        observed = Observed(shadower, scorecards=scorecards, operations=1)
        await shadower.call(b"", operation="GET /")
        await shadower.wait_idle()
        nursery.start_soon(scorecards.run)
        while scorecards.latest(shadower) is None:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
        found = observed.metrics()
    expected = {metric.opentelemetry: metric for metric in METRICS if metric.kind is not Kind.HISTOGRAM}
    assert set(found) == {*expected, "trioshadow.metrics.errors", "trioshadow.info"}
    for name, metric in expected.items():
        assert (found[name].unit, found[name].description) == (metric.unit, metric.help)
        assert isinstance(found[name].data, Sum if metric.kind is Kind.COUNTER else Gauge)
        for point in found[name].data.data_points:
            assert list(point.attributes) == [f"trioshadow.{label}" for label in ("shadower", *metric.labels)]


async def test_calls_are_observed_by_verdict():
    async with Shadower(echo, ScriptedBackend(Answer(b"other"), Answer(b"")), name="cart") as shadower:
        observed = Observed(shadower)
        for _ in range(3):
            await shadower.call(b"")
        await shadower.wait_idle()
        points = observed.points("trioshadow.calls")
    assert {verdict: n for (_, verdict), n in points.items() if n} == {"matched": 1, "diverged": 2}
    assert observed.metrics()["trioshadow.calls"].data.is_monotonic
    assert observed.points("trioshadow.scorecard.decision") == {}


async def test_what_is_tried_out_is_observed():
    shadower = Shadower(echo, echo, ShadowConfig(candidate="2.0"), name="cart")
    ((name, candidate, rules, _version),) = Observed(shadower).points("trioshadow.info")
    assert (name, candidate, rules) == ("cart", "2.0", shadower.config.fingerprint)


class BrokenLog(DivergenceLog):
    @property
    def dropped(self):
        raise OSError("a secret")


def test_a_shadower_that_cant_be_read_raises_nothing_at_the_exporter(caplog):
    observed = Observed(Shadower(echo, echo, name="broken", log=BrokenLog()), Shadower(echo, echo, name="fine"))
    assert observed.points("trioshadow.running") == {("fine",): 0}
    assert observed.points("trioshadow.metrics.errors")["broken",] > 0
    assert {record.name for record in caplog.records if record.levelno >= logging.WARNING} == {"trioshadow"}


def test_without_its_library_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r"pip install 'trioshadow\[otel\]'"):
        register_opentelemetry([])
    with pytest.raises(ImportError, match=r"pip install 'trioshadow\[otel\]'"):
        TracedBackend(echo)


# ── spans ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def provider(spans):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider


def only(spans):
    (span,) = spans.get_finished_spans()
    return span


@pytest.mark.parametrize(
    ("step", "verdict", "error"),
    [
        (Answer(b"same"), Verdict.MATCHED, None),
        (Answer(b"other"), Verdict.DIVERGED, None),
        (fails, Verdict.FAILED, "ValueError"),
        (Hang(), Verdict.TIMED_OUT, "TooSlowError"),
    ],
)
async def test_a_shadows_span_tells_its_verdict_and_no_more(step, verdict, error, provider, spans, autojump_clock):
    shadow = TracedBackend(ScriptedBackend(step), tracer_provider=provider)
    async with Shadower(ScriptedBackend(Answer(b"same")), shadow, ShadowConfig(candidate="2.0")) as shadower:
        await shadower.call(b"", operation="GET /cart")
        await shadower.wait_idle()
    span = only(spans)
    assert span.name == "trioshadow shadow"
    attributes = {
        "trioshadow.shadow": True,
        "trioshadow.side": "shadow",
        "trioshadow.verdict": verdict.value,
        "trioshadow.operation": "GET /cart",
        "trioshadow.candidate": "2.0",
    }
    assert span.attributes == attributes | ({"error.type": error} if error else {})
    assert span.status.status_code is (StatusCode.ERROR if error else StatusCode.UNSET)
    assert not span.events
    assert "secret" not in span.to_json()


async def test_a_shadows_span_is_the_child_of_the_callers_and_may_end_after_it(provider, spans, autojump_clock):
    tracer = provider.get_tracer("application")
    inner = []

    async def shadow(request):
        await trio.sleep(1.0)
        inner.append(trace.get_current_span().get_span_context())
        return request

    primary = ScriptedBackend(Answer(b"", after=0.5))
    async with Shadower(primary, TracedBackend(shadow, tracer_provider=provider)) as shadower:
        with tracer.start_as_current_span("request") as parent:
            await shadower.call(b"")
            assert trace.get_current_span() is parent
        (request,) = spans.get_finished_spans()
        await shadower.wait_idle()
    request, span = spans.get_finished_spans()
    assert span.parent.span_id == request.context.span_id
    assert span.context.trace_id == request.context.trace_id
    assert span.end_time > request.end_time > span.start_time
    assert inner == [span.context], "what the shadow does itself is under its span"


async def test_a_span_ends_with_its_shadow_though_the_verdict_comes_later(provider, spans, monkeypatch, autojump_clock):
    monkeypatch.setattr("time.time_ns", lambda: int(trio.current_time() * 1e9))
    start = trio.current_time()
    shadow = TracedBackend(ScriptedBackend(Answer(b"", after=0.25)), tracer_provider=provider)
    async with Shadower(ScriptedBackend(Answer(b"", after=1.0)), shadow) as shadower:
        await shadower.call(b"")
        await shadower.wait_idle()
    span = only(spans)
    assert span.attributes["trioshadow.verdict"] == "matched"
    assert (span.end_time / 1e9) - start == pytest.approx(0.25)


async def test_an_abandoned_shadows_span_ends_without_an_error(provider, spans, autojump_clock):
    shadow = TracedBackend(ScriptedBackend(Hang()), tracer_provider=provider)
    async with Shadower(ScriptedBackend(Hang()), shadow) as shadower:
        with trio.move_on_after(0.5):
            await shadower.call(b"")
        await shadower.wait_idle()
    assert only(spans).attributes["trioshadow.verdict"] == "abandoned"
    assert only(spans).status.status_code is StatusCode.UNSET


async def test_a_secondarys_span_says_so(provider, spans):
    secondary = TracedBackend(echo, side="secondary", tracer_provider=provider)
    async with Shadower(echo, echo, ShadowConfig(noise_rate=1.0), secondary=secondary) as shadower:
        await shadower.call(b"")
        await shadower.wait_idle()
    span = only(spans)
    assert span.name == "trioshadow secondary"
    assert (span.attributes["trioshadow.shadow"], span.attributes["trioshadow.side"]) == (True, "secondary")
    assert span.attributes["trioshadow.verdict"] == "matched"


async def test_outside_of_a_leg_a_span_has_no_verdict(provider, spans):
    before = trace.get_current_span()
    assert await TracedBackend(echo, tracer_provider=provider).call(b"1") == b"1"
    assert trace.get_current_span() is before
    assert "trioshadow.verdict" not in only(spans).attributes
    with pytest.raises(ValueError, match="no"):
        await TracedBackend(ScriptedBackend(Fail(ValueError("no"))), tracer_provider=provider).call(b"")
    assert len(spans.get_finished_spans()) == 2


class Broken(SpanProcessor):
    def __init__(self, *where):
        self.where = where

    def on_start(self, span, parent_context=None):
        if "start" in self.where:
            raise OSError("no")

    def on_end(self, span):
        if "end" in self.where:
            raise OSError("no")


@pytest.mark.parametrize("where", ["start", "end"])
async def test_broken_telemetry_is_no_verdict_on_the_shadow(where, caplog):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Broken(where))
    traced = TracedBackend(echo, tracer_provider=provider)
    async with Shadower(echo, traced) as shadower:
        outcome = await shadower.call(b"")
        await shadower.wait_idle()
        assert outcome.verdict is Verdict.MATCHED
    assert await traced.call(b"") == b""
    assert {record.name for record in caplog.records if record.levelno >= logging.WARNING} == {"trioshadow"}


def test_what_is_no_backend_is_refused():
    with pytest.raises(TypeError, match="backend must be a Backend"):
        TracedBackend(3)


async def test_an_app_that_raises_matches_itself_behind_spans_too(provider, spans):
    async def app(scope, receive, send):
        raise ValueError("no")

    shadow = TracedBackend(AsgiBackend(app), tracer_provider=provider)
    assert isinstance(shadow.wrapped, AsgiBackend)
    async with Shadower(served_by_edge, shadow) as shadower:
        with pytest.raises(ValueError, match="no"):
            await ask(ShadowMiddleware(app, shadower=shadower), scope_for())
        await shadower.wait_idle()
        assert shadower.statistics().matched == 1
    assert only(spans).attributes["trioshadow.verdict"] == "matched"
