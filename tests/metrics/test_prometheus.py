"""The Prometheus collector, through prometheus_client's own text and parser. No Prometheus: test_real.py."""

from __future__ import annotations

import logging
import math
import re
import sys
from pathlib import Path

import attrs
import pytest
import trio
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from trioshadow import DivergenceLog, SecondaryStatistics, ShadowConfig, Shadower, ShadowStatistics, Verdict
from trioshadow.evidence import Histogram, Objective
from trioshadow.guard import Breaker
from trioshadow.metrics import PrometheusCollector, Scorecards
from trioshadow.metrics._catalogue import ERRORS, INFORMATION, METRICS, Kind
from trioshadow.metrics._prometheus import _buckets
from trioshadow.metrics._readings import CHARACTERS, NAMES
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend


async def echo(request):
    await trio.lowlevel.checkpoint()
    return request


class Scraped:
    """What one collector says, parsed."""

    def __init__(self, *shadowers, **options):
        self.registry = CollectorRegistry()
        self.registry.register(PrometheusCollector(shadowers, **options))

    def text(self):
        return generate_latest(self.registry).decode()

    def samples(self):
        """By name, then by the labels' values in the order of the labels' names."""
        found = {}
        for family in text_string_to_metric_families(self.text()):
            for sample in family.samples:
                labels = tuple(value for _, value in sorted(sample.labels.items()))
                rows = found.setdefault(sample.name, {})
                assert labels not in rows, f"{sample.name} has {labels} twice"
                rows[labels] = sample.value
        return found


# ── what is covered ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_field_of_the_statistics_has_a_metric():
    fields = {field.name for field in attrs.fields(ShadowStatistics)}
    fields |= {f"secondary.{field.name}" for field in attrs.fields(SecondaryStatistics)}
    assert fields == frozenset().union(*(metric.covers for metric in METRICS))


def test_names_are_unique_and_say_their_unit_once():
    for names in ([metric.name for metric in METRICS], [metric.prometheus for metric in METRICS]):
        assert len(set(names)) == len(names)
    for metric in METRICS:
        assert "total" not in metric.name, "that is Prometheus's to add"
        assert metric.help.endswith(".") or ";" in metric.help
        assert metric.kind is Kind.GAUGE or metric.unit, "states are gauges"


def test_the_table_of_the_documentation_is_the_code():
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(trioshadow_\w+)` \| (.+) \| (.+) \| (.+) \|$", page, re.MULTILINE)

    def row(prometheus, opentelemetry, labels, told):
        return prometheus, opentelemetry, ", ".join(f"`{label}`" for label in labels) or "-", told

    assert rows == [
        *(
            row(
                metric.prometheus + "_total" * (metric.kind is Kind.COUNTER),
                "-" if metric.kind is Kind.HISTOGRAM else f"`{metric.opentelemetry}`",
                metric.labels,
                metric.help,
            )
            for metric in METRICS
        ),
        row("trioshadow_metrics_errors_total", "`trioshadow.metrics.errors`", (), ERRORS),
        row("trioshadow_info", "`trioshadow.info`", ("candidate", "rules", "version"), INFORMATION),
    ]


async def test_calls_are_counted_by_verdict(autojump_clock):
    shadow = ScriptedBackend(Answer(b"a"), Answer(b"b"), Fail(ValueError("no")), Hang())
    async with Shadower(lambda _: echo(b"a"), shadow, name="cart") as shadower:
        for _ in range(4):
            await shadower.call(b"a")
        scraped = Scraped(shadower)
        assert scraped.samples()["trioshadow_legs_in_flight"] == {("cart",): 4}
        await shadower.wait_idle()
        shadower.pause()
        await shadower.call(b"a")
        samples = scraped.samples()
    calls = {verdict: n for (_, verdict), n in samples["trioshadow_calls_total"].items() if n}
    assert calls == {"matched": 1, "diverged": 1, "failed": 1, "timed_out": 1, "paused": 1}
    assert len(samples["trioshadow_calls_total"]) == len(Verdict)
    assert samples["trioshadow_legs_in_flight"] == {("cart",): 0}


async def test_the_secondary_is_counted_apart():
    async with Shadower(echo, echo, ShadowConfig(noise_rate=1.0), name="cart", secondary=echo) as shadower:
        await shadower.call(b"")
        await shadower.wait_idle()
        samples = Scraped(shadower).samples()
    assert samples["trioshadow_secondary_calls_total"]["cart", "matched"] == 1
    assert samples["trioshadow_secondary_legs_in_flight"] == {("cart",): 0}


async def test_what_is_not_mirrored_is_told_by_cause():
    config = ShadowConfig(may_mirror=lambda _: False)
    async with Shadower(echo, echo, config, name="cart") as shadower:
        await shadower.call(b"")
        samples = Scraped(shadower).samples()
    assert samples["trioshadow_held_back_total"]["not_allowed", "cart"] == 1
    assert {cause for cause, _ in samples["trioshadow_shed_total"]} == {
        "in_flight",
        "records_waiting",
        "bytes",
        "stack",
    }
    assert {cause for cause, _ in samples["trioshadow_paused_total"]} == {"pause", "kill_file", "breaker"}


async def test_a_breaker_is_told_by_its_state_where_there_is_one():
    breaker = Breaker()
    async with Shadower(echo, echo, name="cart", breaker=breaker) as shadower:
        breaker.trip("for the test", trio.current_time())
        samples = Scraped(shadower).samples()["trioshadow_breaker_state"]
    assert {key: value for key, value in samples.items() if value} == {("cart", "open"): 1}
    assert len(samples) == 3
    async with Shadower(echo, echo, name="cart") as shadower:
        assert not Scraped(shadower).samples().get("trioshadow_breaker_state")


async def test_a_shadower_tells_whether_it_runs_and_what_it_is_about():
    shadower = Shadower(echo, echo, ShadowConfig(sample_rate=0.25, max_in_flight=7, candidate='v"2'), name="cart")
    scraped = Scraped(shadower)
    assert scraped.samples()["trioshadow_running"] == {("cart",): 0}
    async with shadower:
        samples = scraped.samples()
        assert samples["trioshadow_running"] == {("cart",): 1}
        assert samples["trioshadow_sample_ratio"] == {("cart",): 0.25}
        assert samples["trioshadow_legs_limit"] == {("cart",): 7}
        (candidate, rules, name, _version) = next(iter(samples["trioshadow_info"]))
        assert (candidate, rules, name) == ('v"2', shadower.config.fingerprint, "cart")
    assert scraped.samples()["trioshadow_running"] == {("cart",): 0}


# ── counters ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_counts_go_on_through_another_candidate_and_the_exit():
    async with Shadower(echo, echo, name="cart") as shadower:
        scraped = Scraped(shadower)
        for candidate in "123456":
            shadower.reconfigure(ShadowConfig(candidate=candidate))
            await shadower.call(b"")
            await shadower.wait_idle()
            samples = scraped.samples()
            assert samples["trioshadow_calls_total"]["cart", "matched"] == int(candidate)
            assert samples["trioshadow_call_duration_seconds_count"]["cart", "shadow"] == int(candidate)
    assert scraped.samples()["trioshadow_calls_total"]["cart", "matched"] == 6


async def test_a_counter_never_falls_whatever_another_thread_reads(monkeypatch):
    shadower = Shadower(echo, echo, name="cart")
    scraped, plain = Scraped(shadower), shadower.statistics()
    for read, told in ((5, 5), (3, 5), (6, 6)):
        causes = {"in_flight": read, "records_waiting": 0}
        monkeypatch.setattr(
            shadower, "statistics", lambda c=causes: attrs.evolve(plain, shed_by_cause=c, in_flight=c["in_flight"])
        )
        samples = scraped.samples()
        assert samples["trioshadow_shed_total"]["in_flight", "cart"] == told
        assert samples["trioshadow_legs_in_flight"] == {("cart",): read}


def test_buckets_are_exact_where_bins_end():
    histogram = Histogram()
    for seconds in (0.000_015, 0.000_017, 0.001, 0.001_03, 1.0, 40.0, 5_000.0):
        histogram.add(seconds)
    buckets = _buckets(histogram)
    counts = dict(buckets)
    assert (counts["0.000016"], counts["0.000032"], counts["0.001024"], counts["0.002048"]) == (1, 2, 3, 4)
    assert (counts["1.048576"], counts["33.554432"], counts["+Inf"]) == (5, 5, 7)
    assert [count for _, count in buckets] == sorted(counts.values())
    limits = [float(limit) for limit, _ in buckets]
    assert limits == sorted(limits)
    assert limits[-1] == math.inf
    assert _buckets(Histogram())[-1] == ("+Inf", 0)


@pytest.mark.parametrize("power", range(4, 26))
def test_a_value_on_either_side_of_a_buckets_end_is_on_that_side(power):
    histogram = Histogram()
    end = 2.0**power * 1e-6
    histogram.add(end * 0.999)
    histogram.add(end * 1.001)
    counts = dict(_buckets(histogram))
    assert counts[f"{end:.6f}"] == 1


# ── labels ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_shadowers_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"two shadowers are named cart: .* Give each Shadower a name="):
        PrometheusCollector([Shadower(echo, echo, name="cart"), Shadower(echo, echo, name="cart")])
    with pytest.raises(ValueError, match=r"named \(unnamed\)"):
        PrometheusCollector([Shadower(echo, echo), Shadower(echo, echo)])


def test_two_collectors_in_one_registry_are_refused():
    scraped = Scraped(Shadower(echo, echo, name="one"))
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        scraped.registry.register(PrometheusCollector([Shadower(echo, echo, name="two")]))


@pytest.mark.parametrize("operations", [-1, True, 1.0])
def test_operations_is_a_count(operations):
    with pytest.raises((ValueError, TypeError), match="operations must be"):
        PrometheusCollector([], operations=operations)


async def test_names_that_no_label_can_have_do_not_end_the_scrape():
    shadower = Shadower(echo, echo, ShadowConfig(candidate="\ud800"), name="a\ud800\n" + "x" * 1_000)
    samples = Scraped(shadower).samples()
    ((name,),) = samples["trioshadow_running"]
    assert name.startswith(r"a\ud800\nx")
    assert len(name) <= CHARACTERS + 10
    assert next(iter(samples["trioshadow_info"]))[0] == r"\ud800"


async def test_names_of_subscribers_are_limited_and_their_counts_stay_where_they_are():
    shadow = ScriptedBackend(Answer(b"other"))
    async with Shadower(echo, shadow, name="cart", log=DivergenceLog(0)) as shadower:
        scraped = Scraped(shadower)

        async def lose(names):
            channels = [shadower.subscribe(1, name=name) for name in names]
            for _ in range(2):
                await shadower.call(b"")
            await shadower.wait_idle()
            for channel in channels:
                channel.close()

        await lose([f"early {number}" for number in range(10)])
        before = scraped.samples()["trioshadow_records_dropped_total"]
        await lose([f"late {number}" for number in range(NAMES)])
        after = scraped.samples()["trioshadow_records_dropped_total"]
    assert len(after) == NAMES + 1
    assert after["(other)", "cart"] == 12
    assert {labels: after[labels] for labels in before if labels[0] != "log"} == {
        labels: count for labels, count in before.items() if labels[0] != "log"
    }


async def test_operations_have_rows_only_if_asked_for():
    async with trio.open_nursery() as nursery, Shadower(echo, echo, name="cart") as shadower:
        for name, count in (("a", 3), ("b", 2), ("c", 1), ("(other)", 1)):
            for _ in range(count):
                await shadower.call(b"", operation=name)
        await shadower.wait_idle()
        scorecards = Scorecards([shadower])
        nursery.start_soon(scorecards.run)
        while scorecards.latest(shadower) is None:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
        none, two, all_ = (
            Scraped(shadower, scorecards=scorecards, operations=operations).samples() for operations in (0, 2, 9)
        )
    assert "trioshadow_scorecard_operation_calls" not in none
    assert "trioshadow_scorecard_operation_state" not in none
    calls = {operation: n for (operation, _), n in two["trioshadow_scorecard_operation_calls"].items()}
    assert calls == {"a": 3, "b": 2, "(other)": 2}
    assert two["trioshadow_scorecard_operation_state"]["a", "cart", "too_few"] == 1
    assert two["trioshadow_scorecard_operation_state"]["a", "cart", "clean"] == 0
    calls = {operation: n for (operation, _), n in all_["trioshadow_scorecard_operation_calls"].items()}
    assert calls == {"a": 3, "b": 2, "c": 1, "(other)": 1}


async def test_the_scorecard_is_told_once_there_is_one():
    shadow = ScriptedBackend(Answer(b"other"))
    objective = Objective(block_seconds=None, block_calls=10)
    async with (
        trio.open_nursery() as nursery,
        Shadower(echo, shadow, name="cart", objective=objective) as shadower,
    ):
        scorecards = Scorecards([shadower])
        scraped = Scraped(shadower, scorecards=scorecards)
        assert not [name for name in scraped.samples() if "scorecard" in name]
        for key in range(200):
            await shadower.call(b"", key=key)
            await shadower.wait_idle()
        nursery.start_soon(scorecards.run)
        while scorecards.latest(shadower) is None:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
        samples = scraped.samples()
    decisions = {decision: n for (decision, _), n in samples["trioshadow_scorecard_decision"].items()}
    assert decisions == {"promote": 0, "hold": 0, "reject": 1}
    assert samples["trioshadow_scorecard_coverage_ratio"] == {("cart",): 0}
    assert samples["trioshadow_scorecard_fields"]["cart", "regressed"] == 1
    assert samples["trioshadow_scorecard_operations"]["cart", "regressed"] == 1
    assert samples["trioshadow_scorecard_timestamp_seconds"]["cart",] > 1.7e9


# ── containment ───────────────────────────────────────────────────────────────────────────────────────────────────────


class BrokenLog(DivergenceLog):
    @property
    def dropped(self):
        raise OSError("a secret")


async def test_a_shadower_that_cant_be_read_costs_its_own_metrics_only(caplog):
    broken, fine = Shadower(echo, echo, name="broken", log=BrokenLog()), Shadower(echo, echo, name="fine")
    scraped = Scraped(broken, fine)
    for number in (1, 2):
        samples = scraped.samples()
        assert samples["trioshadow_running"] == {("fine",): 0}
        assert samples["trioshadow_metrics_errors_total"] == {("broken",): number, ("fine",): 0}
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "shadower 'broken': its metrics can't be read: OSError"
    ]


def test_without_its_library_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ImportError, match=r"pip install 'trioshadow\[prometheus\]'"):
        PrometheusCollector([])
