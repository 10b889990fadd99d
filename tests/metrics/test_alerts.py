"""The shipped alert rules: each fires where it should and not where it need not, by Prometheus's own unit tests."""

from __future__ import annotations

import json
import re
import runpy
from importlib.resources import files
from pathlib import Path

import attrs
import pytest
import yaml

from trioshadow import Verdict
from trioshadow.evidence import Decision
from trioshadow.metrics._catalogue import METRICS, Kind

from tests.support.prometheus import promtool

RULES = files("trioshadow.metrics").joinpath("alerts.yml")
ALERTS = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
RUNBOOK = Path(__file__).parents[2] / "docs" / "alerts.md"

#: Of counters: how much they rise a minute; of gauges what they are.
QUIET = {"matched": 1_000, "not_sampled": 9_000}


@attrs.frozen(kw_only=True)
class Case:
    """One shadower for an hour, and what is said of it in the end."""

    fires: bool
    what: str
    calls: dict[str, int] = attrs.field(factory=lambda: dict(QUIET))
    shed: int = 0
    secondary: dict[str, int] = attrs.field(factory=lambda: {"matched": 100})
    dropped: dict[str, int] = attrs.field(factory=dict)
    errors: int = 0
    running: str = "1+0x60"
    in_flight: str = "3+0x60"
    in_flight_of_secondary: str = "0+0x60"
    sample: float = 0.1
    stalls: int | str = 0
    open: str = "0+0x60"
    reject: int = 0
    timestamp: str = "0+60x60"

    def series(self):
        def rising(name, labels, per_minute):
            told = "".join(f', {key}="{value}"' for key, value in labels.items())
            return {
                "series": f'{name}{{job="shop", instance="a:1", shadower="cart"{told}}}',
                "values": per_minute if isinstance(per_minute, str) else f"0+{per_minute}x60",
            }

        calls = dict.fromkeys((verdict.value for verdict in Verdict), 0) | self.calls
        calls["shed"] += self.shed
        return [
            *(rising("trioshadow_calls_total", {"verdict": verdict}, n) for verdict, n in calls.items()),
            *(rising("trioshadow_secondary_calls_total", {"verdict": v}, n) for v, n in self.secondary.items()),
            rising("trioshadow_shed_total", {"cause": "in_flight"}, self.shed),
            *(rising("trioshadow_records_dropped_total", {"by": by}, n) for by, n in self.dropped.items()),
            rising("trioshadow_stalls_total", {}, self.stalls),
            rising("trioshadow_breaker_state", {"state": "open"}, self.open),
            rising("trioshadow_metrics_errors_total", {}, self.errors),
            rising("trioshadow_running", {}, self.running),
            rising("trioshadow_legs_in_flight", {}, self.in_flight),
            rising("trioshadow_secondary_legs_in_flight", {}, self.in_flight_of_secondary),
            rising("trioshadow_sample_ratio", {}, f"{self.sample}+0x60"),
            rising("trioshadow_scorecard_decision", {"decision": "reject"}, f"{self.reject}+0x60"),
            rising("trioshadow_scorecard_timestamp_seconds", {}, self.timestamp),
        ]


def fires(what, **series):
    return Case(fires=True, what=what, **series)


def quiet(what, **series):
    return Case(fires=False, what=what, **series)


CASES = {
    "TrioshadowExitHeldUp": [
        fires("left, with a leg that stays", running="1+0x50 0+0x10"),
        fires(
            "left, with a secondary that stays", running="0+0x60", in_flight="0+0x60", in_flight_of_secondary="1+0x60"
        ),
        quiet("left a minute ago", running="1+0x59 0 0"),
        quiet("left, and all legs are gone", running="0+0x60", in_flight="0+0x60"),
    ],
    "TrioshadowAbandoning": [
        fires("three in ten", calls={"matched": 70, "abandoned": 30}),
        quiet("one in ten", calls={"matched": 90, "abandoned": 10}),
    ],
    "TrioshadowShadowFailing": [
        fires("one in ten", calls={"matched": 90, "failed": 10}),
        fires("all of them", calls={"failed": 10}),
        quiet("one in a hundred", calls={"matched": 99, "failed": 1}),
        quiet("hardly any calls", calls={"matched": 0, "failed": 1}),
        quiet("it diverges", calls={"matched": 90, "diverged": 10}),
    ],
    "TrioshadowShadowTimingOut": [
        fires("one in ten", calls={"matched": 90, "timed_out": 10}),
        quiet("one in a hundred", calls={"matched": 99, "timed_out": 1}),
        quiet("it fails", calls={"matched": 90, "failed": 10}),
    ],
    "TrioshadowStalling": [
        fires("one a minute", stalls=1),
        quiet("one in an hour", stalls="0+0x30 1+0x30"),
    ],
    "TrioshadowBreakerOpen": [
        fires("for the whole hour", open="1+0x60"),
        quiet("it opens and closes", open="0+0x50 1+0x5 0+0x5"),
        quiet("there is none"),
    ],
    "TrioshadowShedding": [
        fires("one sampled call in ten", calls={"matched": 90}, shed=10),
        quiet("one in a hundred", calls={"matched": 99}, shed=1),
    ],
    "TrioshadowNothingMirrored": [
        fires("all are closed", calls={"closed": 1_000}),
        fires("all are shed", calls={}, shed=1_000),
        fires("all that come have no key", calls={"unkeyed": 1_000}),
        quiet("nobody calls", calls={}),
        quiet("too few calls to expect one", calls={"not_sampled": 10}),
        quiet("the rate is 0", calls={"not_sampled": 10_000}, sample=0.0),
        quiet("it is paused", calls={"paused": 10_000}),
        quiet("they must not be mirrored", calls={"held_back": 10_000}),
        quiet("they all fail", calls={"failed": 10, "not_sampled": 10_000}),
    ],
    "TrioshadowSecondaryFailing": [
        fires("one in ten fails", secondary={"matched": 90, "failed": 10}),
        fires("one in ten times out", secondary={"matched": 90, "timed_out": 10}),
        quiet("it is noisy", secondary={"matched": 90, "diverged": 10}),
        quiet("it is abandoned", secondary={"matched": 1, "abandoned": 99}),
    ],
    "TrioshadowRecordsDropped": [
        fires("by a sink", dropped={"archive": 1}),
        quiet("by rings, which overwrite", dropped={"log": 100, "failures": 100}),
    ],
    "TrioshadowScorecardRejects": [
        fires("it says so", reject=1),
        quiet("it does not"),
    ],
    "TrioshadowScorecardStale": [
        fires("none for half an hour", timestamp="0+60x30 1800+0x30"),
        quiet("none for ten minutes", timestamp="0+60x50 3000+0x10"),
        quiet("it was left", timestamp="0+60x10 600+0x50", running="0+0x60", in_flight="0+0x60"),
    ],
    "TrioshadowMetricsUnreadable": [
        fires("once a scrape", errors=4),
        quiet("never"),
    ],
}


def test_promtool_finds_the_rules_in_order():
    assert f"SUCCESS: {len(ALERTS)} rules found" in promtool("check", "rules", RULES)


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires_and_does_not_fire(alert, tmp_path):
    tests = [
        {
            "name": case.what,
            "interval": "1m",
            "input_series": case.series(),
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)',
                    "eval_time": "60m",
                    "exp_samples": [{"labels": "{}", "value": int(case.fires)}],
                }
            ],
        }
        for case in CASES[alert]
    ]
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    promtool("test", "rules", file)


def test_a_quiet_shadower_fires_nothing(tmp_path):
    test = {
        "interval": "1m",
        "input_series": quiet("").series(),
        "promql_expr_test": [{"expr": "ALERTS", "eval_time": "60m", "exp_samples": []}],
    }
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
    promtool("test", "rules", file)


def test_each_alert_is_tested_both_ways():
    assert CASES.keys() == ALERTS.keys()
    for cases in CASES.values():
        assert {case.fires for case in cases} == {True, False}


def test_each_alert_has_what_a_person_needs_at_night():
    page = RUNBOOK.read_text(encoding="utf-8")
    sections = re.findall(r"^## (Trioshadow\w+)$", page, re.MULTILINE)
    assert sections == list(ALERTS), "in the order of the rules"
    for alert, rule in ALERTS.items():
        assert rule["for"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert "$labels.shadower" in rule["annotations"]["summary"]
        assert rule["annotations"]["runbook"] == f"alerts.md#{alert.lower()}"


def test_rules_ask_only_for_metrics_that_there_are():
    known = {metric.prometheus + "_total" * (metric.kind is Kind.COUNTER) for metric in METRICS}
    known.add("trioshadow_metrics_errors_total")
    for alert, rule in ALERTS.items():
        assert set(re.findall(r"trioshadow_\w+", rule["expr"])) <= known, alert
        verdicts = "|".join(re.findall(r'verdict[!=]~?"([^"]+)"', rule["expr"])).split("|")
        assert set(verdicts) <= {"", *(verdict.value for verdict in Verdict)}, alert
        decisions = re.findall(r'decision="([^"]+)"', rule["expr"])
        assert set(decisions) <= {decision.value for decision in Decision}, alert


def test_the_module_prints_the_rules(capsys):
    runpy.run_module("trioshadow.metrics", run_name="__main__")
    assert capsys.readouterr().out == RULES.read_text()
