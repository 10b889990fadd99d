"""How much longer it takes, in calls and at the present rate. Pure."""

from __future__ import annotations

import re

import attrs
import pytest

from trioshadow import Verdict
from trioshadow.evidence import Epoch, Evidence, FieldState, Objective, Observation, scorecard
from trioshadow.evidence._forecast import Forecast, lasting, rounded
from trioshadow.evidence._objective import allowed_in

OBJECTIVE = Objective(max_p99_ratio=None)


def seen(calls, *, differ=(), secondary=None, every=1.0, since=1_000.0):
    """So many calls, one each `every` seconds; in those of these numbers the shadow differs in `status`."""
    evidence = Evidence(Epoch(), since=since, objective=OBJECTIVE)
    row = evidence.operation("GET /")
    for number in range(calls):
        at = since + (number + 1) * every
        fields = {"status": ("200", "500")} if number in differ else {}
        verdict = Verdict.DIVERGED if fields else Verdict.MATCHED
        row.counts[verdict.slot] += 1
        shadow = Observation(verdict=verdict, fields=fields, seconds=0.1)
        pair = None if secondary is None else Observation(verdict=Verdict.MATCHED, fields={}, seconds=0.1)
        key_hash = (number * 0x9E3779B97F4A7C15 + 1) % 2**64
        evidence.observe(row, shadow, pair, key=b"", key_hash=key_hash, at=at, primary_seconds=0.1)
    return evidence


def test_what_is_missing_is_told_in_calls_and_in_hours_at_the_present_rate():
    (missing,) = scorecard(seen(100, every=10.0), OBJECTIVE).missing
    assert missing.startswith("GET /: about 4,")
    assert missing.endswith(" more calls (12 hours at the present rate)")


def test_the_rate_is_that_of_all_series_and_survives_the_archive():
    parts = [Evidence.from_dict(seen(100, every=10.0).to_dict(0.0)) for _ in range(2)]
    (missing,) = scorecard(Evidence.merge(parts), OBJECTIVE).missing
    assert "hours at the rate so far" in missing or "other keys" in missing
    assert Evidence.merge(parts).operations["GET /"].latest == 2_000


def test_within_a_minute_no_hours_are_told():
    (missing,) = scorecard(seen(100, every=0.5), OBJECTIVE).missing
    assert missing.endswith(" more calls")


def test_without_a_time_no_hours_are_told():
    merged = Evidence.merge([Evidence.from_dict(seen(100, since=0.0).to_dict(0.0))])
    (missing,) = scorecard(merged, OBJECTIVE).missing
    assert missing.endswith(" more calls")


def test_the_present_rate_is_that_of_the_last_minutes():
    """A day at one call in 50 seconds, then one a second: what is missing comes within hours, not days."""
    evidence = seen(1_700, every=50.0)
    row, now = evidence.operations["GET /"], 1_000.0 + 1_700 * 50.0
    assert row.seconds_per_call == pytest.approx(50)
    for second in range(1_200):
        observed = Observation(verdict=Verdict.MATCHED, fields={}, seconds=0.1)
        row.counts[Verdict.MATCHED.slot] += 1
        key_hash = (second * 0x9E3779B97F4A7C15 + 99) % 2**64
        evidence.observe(row, observed, None, key=b"", key_hash=key_hash, at=now + second, primary_seconds=0.1)
    assert row.seconds_per_call == pytest.approx(1, rel=0.1)
    (missing,) = scorecard(evidence, OBJECTIVE).missing
    assert re.search(r"about 1,\d00 more calls \(\d\d minutes at the present rate\)", missing)


@pytest.mark.parametrize("secondary", [None, True])
def test_what_merely_differs_is_said_to_become_regressed_if_it_stays_so(secondary):
    reasons = " ".join(scorecard(seen(100, differ=(50, 99), secondary=secondary), OBJECTIVE).reasons)
    assert "it must be looked at; if it stays so, it counts as regressed after about " in reasons


@pytest.mark.parametrize("secondary", [None, True])
@pytest.mark.parametrize("min_keys", [5, 12])
def test_the_calls_that_a_forecast_tells_are_those_that_it_takes(secondary, min_keys):
    """Every call differs, from the first on: the keys that a regression needs at least are more than its odds."""
    objective = attrs.evolve(OBJECTIVE, min_keys=min_keys)
    (field,) = scorecard(seen(1, differ=range(1), secondary=secondary), objective).operation("GET /").fields
    told = Forecast(1, 0.0).of_difference(field, allowed_in(objective, "status"), 0.05, min_keys)
    assert told.startswith("if it stays so, it counts as regressed after about ")
    more = int(re.search(r"about (\d+) more", told)[1])
    for calls, state in ((more * 7 // 10, FieldState.DIFFERS), (1 + more, FieldState.REGRESSED)):
        evidence = seen(calls, differ=range(calls), secondary=secondary)
        (field,) = scorecard(evidence, objective).operation("GET /").fields
        assert field.state is state


def test_what_differs_rarely_is_said_to_become_clean():
    evidence = seen(6_000, differ=(10, 4_000))
    for field in evidence.operations["GET /"].fields.values():
        field.drift.block = -1
    reasons = " ".join(scorecard(evidence, OBJECTIVE).reasons)
    assert "it must be looked at; if it stays so, it is clean after about " in reasons


def test_what_is_right_at_the_limit_is_never_decided():
    (field,) = scorecard(seen(1_000, differ=(500,)), OBJECTIVE).operation("GET /").fields
    forecast = Forecast(1_000, 0.0)
    assert forecast.of_difference(field, allowed_in(OBJECTIVE, "status"), 0.05, 5).endswith(
        "no number of calls will decide it"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 second"),
        (40, "40 seconds"),
        (90, "1.5 minutes"),
        (5_400, "1.5 hours"),
        (90_000, "25 hours"),
        (1e7, "120 days"),
    ],
)
def test_times_are_told_to_two_digits(seconds, words):
    assert lasting(seconds) == words


def test_numbers_are_rounded_upwards():
    assert [rounded(number) for number in (0.5, 11, 101, 4_191)] == [1, 11, 110, 4_200]
