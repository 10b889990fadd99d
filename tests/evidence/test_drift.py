"""Broken now: how soon it is said, how rarely wrongly, and for how long. Pure."""

from __future__ import annotations

import math
import random

import pytest

from trioshadow.evidence import Decision, Epoch, Evidence, Objective, scorecard
from trioshadow.evidence._drift import COOL_DOWN, Drift, Moment

from tests.support.observed import observe

UNTIMED = Objective(max_p99_ratio=None)


def calls_until_alarm(every, *, paired, quiet=1_000_000, allowed=0.001):
    """After so many calls that were good, of which one in `every` is bad."""
    drift = Drift()
    drift.add(1, allowed, Moment(1, 0.0, 0), order=0, paired=paired)
    call = quiet
    while drift.block < 0:
        call += every
        drift.add(1, allowed, Moment(call, 0.0, 5), order=0, paired=paired)
    return call - quiet


def test_a_million_good_calls_do_not_hide_what_is_broken_now():
    assert calls_until_alarm(1, paired=False) <= 10
    assert calls_until_alarm(10, paired=False) <= 100
    assert calls_until_alarm(1, paired=True) <= 40
    assert calls_until_alarm(10, paired=True) <= 400


def test_what_the_secondary_differs_in_speaks_for_the_shadow():
    drift = Drift()
    for call in range(1, 400):
        drift.add(1 if call % 2 else -1, 0.1, Moment(call, 0.0, 0), order=0, paired=True)
    assert drift.block == -1


def test_at_the_limit_an_alarm_is_rare():
    """One in a million calls at most; here not one in 300,000."""
    chance = random.Random(2)
    for paired in (True, False):
        drift, call = Drift(), 0
        while call < 300_000:
            call += max(1, math.ceil(math.log(1 - chance.random()) / math.log1p(-0.01)))
            drift.add(1, 0.01, Moment(call, 0.0, 0), order=0, paired=paired)
        assert drift.block == -1


def alarmed(*blocks):
    drift = Drift()
    for block in blocks:
        drift._alarm(float(block), block)
    return drift


def test_it_is_on_until_it_has_cooled_down():
    drift = alarmed(7)
    assert not Drift().is_on(0)
    assert [drift.is_on(block) for block in (7, 7 + COOL_DOWN, 8 + COOL_DOWN)] == [True, True, False]


def test_it_tells_since_when_and_in_how_many_blocks_in_a_row():
    assert (alarmed(7).since, alarmed(7).alarms) == (7.0, 1)
    assert (alarmed(7, 7, 8, 9).since, alarmed(7, 7, 8, 9).alarms) == (7.0, 3)
    assert (alarmed(7, 9).since, alarmed(7, 9).alarms) == (7.0, 1)
    assert (alarmed(7, 7 + COOL_DOWN + 1).since, alarmed(7, 7 + COOL_DOWN + 1).alarms) == (18.0, 1)


def test_when_all_is_well_again_single_differences_do_not_keep_it_going():
    drift = Drift()
    for call in range(1, 5_000):
        drift.add(1, 0.01, Moment(call, 0.0, 0), order=0, paired=False)
    for number in range(1, 40):
        drift.add(1, 0.01, Moment(5_000 + 200 * number, 0.0, number), order=0, paired=False)
    assert drift.block < 20


def broken(secondary, good=20_000, bad=60, at=3_600.0, seconds=1.0):
    """Good calls through an hour, then all are wrong."""
    evidence = Evidence(Epoch(), objective=UNTIMED)
    observe(evidence, 3, operation="op", shadow=["f"], secondary=secondary, key=10**6)
    for number in range(60):
        observe(evidence, good // 60, operation="op", secondary=secondary, key=1_000 * number, at=60.0 * number)
    promoted = scorecard(evidence, UNTIMED)
    for number in range(bad):
        observe(
            evidence, operation="op", shadow=["f"], secondary=secondary, key=10**7 + number, at=at + number * seconds
        )
    return evidence, promoted, scorecard(evidence, UNTIMED)


@pytest.mark.parametrize(("secondary", "bad"), [(None, 10), ([], 25)])
def test_what_is_broken_now_is_not_promoted(secondary, bad):
    _, before, after = broken(secondary, bad=bad)
    assert before.decision is Decision.PROMOTE
    assert after.decision is Decision.HOLD
    (field,) = after.operation("op").fields
    assert field.broken_since is not None
    assert 3_600 <= field.broken_since <= 3_640
    assert after.reasons[0].startswith("op: broken since 1970-01-01 01:00:")
    assert "op: fix f, or acknowledge it" in after.missing


def test_what_was_broken_and_is_mended_is_promoted_again_after_a_while():
    evidence, _, after = broken(None, bad=6)
    assert after.decision is Decision.HOLD
    for number in range(12):
        observe(evidence, 200, operation="op", key=10**8 + 1_000 * number, at=3_660.0 + 60 * number)
    mended = scorecard(evidence, UNTIMED)
    assert mended.operation("op").fields[0].broken_since is None
    assert mended.decision is Decision.PROMOTE


def test_what_is_acknowledged_is_not_broken():
    evidence, _, _ = broken(None, bad=20)
    known = Objective(max_p99_ratio=None, acknowledged=["f"])
    assert scorecard(evidence, known).decision is Decision.PROMOTE


def test_it_is_told_of_a_sum_too_and_of_a_snapshot():
    evidence, _, _ = broken(None, bad=20)
    other = Evidence(evidence.epoch, objective=UNTIMED)
    observe(other, 30_000, operation="op", key=10**9, at=3_700.0)
    for parts in ([evidence, other], [other, evidence]):
        merged = Evidence.merge(parts)
        for one in (merged, Evidence.from_dict(merged.to_dict(0.0))):
            assert "broken since" in scorecard(one, UNTIMED).reasons[0]


@pytest.mark.parametrize("processes", [1, 3, 8])
@pytest.mark.parametrize(("secondary", "most"), [(None, 10), ([], 40)])
def test_split_over_processes_it_is_told_as_late_as_one_of_them_takes(processes, secondary, most):
    """Whichever process a call goes to: what one would say after so many calls, all say after so many each."""
    parts = [Evidence(Epoch("2", "r"), objective=UNTIMED) for _ in range(processes)]
    for call in range(8_000):
        part = parts[call % processes]
        observe(part, operation="op", shadow=[], secondary=secondary, key=call, at=float(call // 100))
    for call in range(8_000, 8_000 + most * processes):
        part = parts[call % processes]
        observe(part, operation="op", shadow=["f"], secondary=secondary, key=call, at=100.0)
    merged = Evidence.merge(Evidence.from_dict(part.to_dict(0.0)) for part in parts)
    (field,) = scorecard(merged, UNTIMED).operation("op").fields
    assert field.broken_since == 100.0


@pytest.mark.parametrize("turned", [False, True])
def test_a_process_that_ended_broken_does_not_say_so_for_ever(turned):
    """The one that came in its place has answered for ten minutes."""
    evidence, _, _ = broken(None, bad=20)
    ended = Evidence.from_dict(evidence.to_dict(0.0))
    for minutes, is_broken in ((5, True), (11, False)):
        after = Evidence(evidence.epoch, objective=UNTIMED)
        for minute in range(minutes):
            observe(after, 500, operation="op", key=10**9 + 1_000 * minute, at=3_660.0 + 60 * minute)
        merged = Evidence.merge([after, ended] if turned else [ended, after])
        for one in (merged, Evidence.from_dict(merged.to_dict(0.0))):
            (field,) = scorecard(one, UNTIMED).operation("op").fields
            assert (field.broken_since is not None) is is_broken


def test_series_that_were_counted_for_other_limits_are_not_asked():
    evidence, _, _ = broken(None, bad=20)
    other = Evidence(evidence.epoch, objective=Objective(max_rate=0.5))
    merged = Evidence.merge([evidence, other])
    assert merged.operations["op"].fields["f"].drift.block == -1
    for one in (merged, Evidence.merge([other, evidence])):
        assert one.operations["op"].slower == {}


@pytest.mark.parametrize(
    "data",
    [
        {"since": None, "latest": 1.0, "alarms": 1},
        {"since": 1.0, "latest": 1.0},
        {"since": 1.0, "latest": 1.0, "alarms": -1},
        {"since": 1.0, "alarms": 1},
    ],
)
def test_what_can_not_have_been_written_is_refused(data):
    with pytest.raises((ValueError, TypeError, KeyError)):
        Drift.from_dict(data)
