"""Metrics and spans over the wire: scraped by Debian's Prometheus, and exported to an OTLP receiver over real HTTP."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

import pytest
import trio
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import CollectorRegistry, generate_latest, make_asgi_app

from trioshadow import ShadowConfig, Shadower
from trioshadow.evidence import Objective
from trioshadow.metrics import PrometheusCollector, Scorecards, TracedBackend, register_opentelemetry
from trioshadow.testing import Answer, Fail, ScriptedBackend

from tests.support.prometheus import prometheus, promtool
from tests.support.servers import serving

RULES = files("trioshadow.metrics").joinpath("alerts.yml")


async def echo(request):
    await trio.lowlevel.checkpoint()
    return request


# ── Prometheus ────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.asynccontextmanager
async def shop():
    """A program with one shadower that has been called, its scorecard, and its registry."""
    shadow = ScriptedBackend(Answer(b"other"), Answer(b""), Fail(ValueError("no")))
    config = ShadowConfig(candidate="2.0", noise_rate=1.0)
    objective = Objective(block_seconds=None, block_calls=1)
    async with (
        trio.open_nursery() as nursery,
        Shadower(echo, shadow, config, name="cart", secondary=echo, objective=objective) as shadower,
    ):
        for key in range(60):
            await shadower.call(b"", key=key, operation=f"GET /{key % 3}")
            await shadower.wait_idle()  # the script is by order
        scorecards = Scorecards([shadower])
        nursery.start_soon(scorecards.run)
        while scorecards.latest(shadower) is None:
            await trio.lowlevel.checkpoint()
        registry = CollectorRegistry()
        registry.register(PrometheusCollector([shadower], scorecards=scorecards, operations=2))
        yield shadower, registry
        nursery.cancel_scope.cancel()


async def test_promtool_finds_nothing_to_say_of_names_and_help_texts():
    async with shop() as (_, registry):
        text = generate_latest(registry).decode()
    assert promtool("check", "metrics", text=text) == ""


@pytest.mark.slow
async def test_a_real_prometheus_scrapes_a_trio_program(tmp_path):
    async with (
        shop() as (shadower, registry),
        serving(make_asgi_app(registry), logged=[]) as url,  # it knows no lifespan, and hypercorn says so
        prometheus(tmp_path, url, RULES) as server,
    ):
        calls = await server.wait_for("trioshadow_calls_total > 0", lambda found: len(found) == 3)
        assert calls == {("cart", "diverged"): 20, ("cart", "failed"): 20, ("cart", "matched"): 20}
        assert await server.wait_for("up", bool) == {(): 1}
        for key in range(3):
            await shadower.call(b"", key=key)
            await shadower.wait_idle()
        await server.wait_for('trioshadow_calls_total{verdict="matched"}', {("cart", "matched"): 21}.__eq__)
        decision = await server.wait_for("trioshadow_scorecard_decision == 1", bool)
        assert decision == {("reject", "cart"): 1}
        quantiles = "histogram_quantile(0.5, sum by (side, le) (trioshadow_call_duration_seconds_bucket))"
        assert {side for (side,) in await server.wait_for(quantiles, bool)} == {"primary", "shadow", "secondary"}
        # The rules are its own by now, and none of them meets what it can't work with.
        groups = await server.wait_for_rules()
        assert {rule["name"]: rule["lastError"] for rule in groups if "lastError" in rule} == {}
        known = await server.get("/api/v1/metadata")
        assert known["trioshadow_call_duration_seconds"][0]["type"] == "histogram"
        assert known["trioshadow_legs_limit"][0]["help"].startswith("Legs in flight and records waiting")


# ── OTLP ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Collector:
    """An OTLP/HTTP receiver in a thread of its own: what it was sent, decoded, and events for those who wait."""

    def __init__(self):
        self.metrics, self.spans = {}, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                assert self.headers["content-type"] == "application/x-protobuf"
                outer.take(self.path, body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, path, body):
        if path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    assert scope.scope.name == "trioshadow"
                    self.metrics |= {metric.name: metric for metric in scope.metrics}
        else:
            assert path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.spans.extend(span for scope in resource.scope_spans for span in scope.spans)

    @contextlib.contextmanager
    def running(self):
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def attributes(thing):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in thing.attributes}


async def test_an_otlp_receiver_gets_metrics_and_spans():
    with Collector().running() as collector:
        spans = TracerProvider(shutdown_on_exit=False)
        spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{collector.url}/v1/traces")))
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(f"{collector.url}/v1/metrics"), export_interval_millis=60_000
        )
        metrics = MeterProvider([reader], shutdown_on_exit=False)
        shadow = ScriptedBackend(Answer(b"other"), Fail(ValueError("a secret")))
        async with Shadower(echo, TracedBackend(shadow, tracer_provider=spans), name="cart") as shadower:
            register_opentelemetry([shadower], meter_provider=metrics)
            with spans.get_tracer("shop").start_as_current_span("request"):
                for _ in range(2):
                    await shadower.call(b"", operation="GET /")
                    await shadower.wait_idle()
        for provider in (spans, metrics):
            await trio.to_thread.run_sync(provider.shutdown)

    calls = collector.metrics["trioshadow.calls"]
    assert (calls.unit, calls.sum.is_monotonic) == ("{call}", True)
    by_verdict = {attributes(point)["trioshadow.verdict"]: point.as_int for point in calls.sum.data_points}
    assert {verdict: n for verdict, n in by_verdict.items() if n} == {"diverged": 1, "failed": 1}
    assert {attributes(point)["trioshadow.shadower"] for point in calls.sum.data_points} == {"cart"}

    diverged, failed, request = sorted(collector.spans, key=lambda span: span.end_time_unix_nano)
    assert request.name == "request"
    for span, verdict, status in ((diverged, "diverged", 0), (failed, "failed", 2)):
        assert span.parent_span_id == request.span_id
        assert attributes(span)["trioshadow.verdict"] == verdict
        assert attributes(span)["trioshadow.shadow"] is True
        assert span.status.code == status


async def test_a_collector_that_never_answers_holds_up_neither_the_loop_nor_the_exit():
    """What docs/metrics.md shows. The sockets are real and so is the time: the exporter would wait for a second."""
    silent = trio.socket.socket()
    await silent.bind(("127.0.0.1", 0))
    silent.listen(1)  # connections are made, and nobody reads from them
    url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces"
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url, timeout=1)))
    gone = threading.Event()

    def shut_down():
        provider.shutdown()
        gone.set()

    async with Shadower(echo, TracedBackend(echo, tracer_provider=provider)) as shadower:
        await shadower.call(b"")
        await shadower.wait_idle()
    started, ended = trio.current_time(), trio.Event()
    ticks = 0

    async def tick():
        nonlocal ticks
        while not ended.is_set():
            ticks += 1
            await trio.sleep(0.01)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        with trio.move_on_after(0.3, shield=True) as scope:
            await trio.to_thread.run_sync(shut_down, abandon_on_cancel=True)
        ended.set()
    assert scope.cancelled_caught
    assert trio.current_time() - started < 3
    assert ticks >= 5
    silent.close()
    # Its thread must not go on under other tests: it would be drawing random numbers.
    assert await trio.to_thread.run_sync(gone.wait, 20)
