"""The breaker, pure: its rules one by one, and a model of it that is checked against a plain specification.

The times are numbers that the tests choose. What a shadower does with it is in `core/test_gate.py`.
"""

from __future__ import annotations

import math
import threading

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trioshadow import Verdict
from trioshadow.guard import Breaker, BreakerChange, BreakerState

from tests.support.profiles import tried

CLOSED, OPEN, HALF_OPEN = BreakerState
GOOD, BAD = Verdict.MATCHED, Verdict.FAILED


def legs(breaker, *verdicts, now=0.0):
    """So many legs, one after the other; how many were let through."""
    admitted = 0
    for verdict in verdicts:
        permit = breaker.admit(now)
        if permit is not None:
            admitted += 1
            breaker.release(permit, verdict, now)
    return admitted


def opened(now=0.0, **options):
    breaker = Breaker(failures=1, **options)
    legs(breaker, BAD, now=now)
    assert breaker.state is OPEN
    return breaker


def test_it_opens_after_so_many_failures_in_a_row():
    breaker = Breaker(failures=3)
    assert legs(breaker, BAD, BAD, GOOD, BAD, BAD) == 5
    assert breaker.state is CLOSED
    assert legs(breaker, Verdict.TIMED_OUT, GOOD, GOOD) == 1
    assert (breaker.state, breaker.opened) == (OPEN, 1)
    assert breaker.reason == "3 failures in a row, the last timed out"


def test_it_opens_at_a_rate_of_enough_calls():
    breaker = Breaker(failures=None, failure_rate=0.25, min_calls=8, window=10)
    assert legs(breaker, BAD, *[GOOD] * 5, BAD) == 7
    assert breaker.state is CLOSED, "too few to tell"
    assert legs(breaker, GOOD, GOOD, BAD) == 3
    assert breaker.state is OPEN
    assert breaker.reason == "3 of 10 calls failed in 10 s, the last failed"


def test_what_has_left_the_window_does_not_count():
    breaker = Breaker(failures=None, failure_rate=0.5, min_calls=4, window=10)
    legs(breaker, BAD, BAD, BAD, now=0.5)
    legs(breaker, GOOD, GOOD, GOOD, BAD, now=10.5)
    assert breaker.state is CLOSED, "of the last ten seconds one of four"
    legs(breaker, BAD, BAD, now=19.9)
    assert breaker.state is OPEN, "three of six"


def test_open_lets_none_through_until_the_cool_down_is_over():
    breaker = opened(now=100.0, cool_down=30)
    assert breaker.admit(100.0) is None
    assert breaker.admit(129.999) is None
    assert breaker.admit(130.0) is not None
    assert breaker.state is HALF_OPEN


def test_half_open_lets_so_many_through_at_once_and_closes_when_as_many_ended_well():
    breaker = opened(probes=2, cool_down=10)
    first, second = breaker.admit(10), breaker.admit(10)
    assert None not in (first, second)
    assert breaker.admit(10) is None
    breaker.release(first, GOOD, 11)
    assert breaker.state is HALF_OPEN
    third = breaker.admit(11)
    assert third is not None
    breaker.release(third, Verdict.DIVERGED, 12)  # it answered
    assert breaker.state is CLOSED
    assert breaker.reason == "2 probes ended well"
    breaker.release(second, BAD, 13)  # of a generation before
    assert legs(breaker, GOOD) == 1


def test_a_probe_that_fails_opens_it_again_for_the_whole_cool_down():
    breaker = opened(probes=3, cool_down=10)
    permits = [breaker.admit(10) for _ in range(3)]
    breaker.release(permits[0], Verdict.TIMED_OUT, 15)
    assert (breaker.state, breaker.opened, breaker.reason) == (OPEN, 2, "a probe timed out")
    breaker.release(permits[1], GOOD, 16)
    assert breaker.admit(24.9) is None
    assert breaker.admit(25) is not None


@pytest.mark.parametrize("ending", [Verdict.ABANDONED, Verdict.SHED, Verdict.MATCHED])
def test_no_end_of_a_probe_leaks_its_place(ending):
    breaker = opened(probes=2, cool_down=1)
    for number in range(50):
        permit = breaker.admit(1.0 + number)
        assert permit is not None
        breaker.release(permit, ending if number % 2 else Verdict.ABANDONED, 1.0 + number)
        if breaker.state is CLOSED:
            break
    assert breaker.admit(100.0) is not None
    assert breaker.admit(100.0) is not None


def test_what_the_caller_ended_counts_as_neither():
    breaker = Breaker(failures=2)
    legs(breaker, BAD, Verdict.ABANDONED, Verdict.ABANDONED)
    assert breaker.state is CLOSED
    legs(breaker, BAD)
    assert breaker.state is OPEN, "nor does it end the row"


def test_divergences_count_where_that_is_asked_for():
    for count, state in ((False, CLOSED), (True, OPEN)):
        breaker = Breaker(failures=2, count_divergences=count)
        legs(breaker, Verdict.DIVERGED, Verdict.DIVERGED)
        assert breaker.state is state
    breaker = opened(count_divergences=True, cool_down=1)
    legs(breaker, Verdict.DIVERGED, now=1)
    assert breaker.reason == "a probe diverged"


def test_without_a_rule_it_opens_only_when_it_is_tripped():
    breaker = Breaker(failures=None, failure_rate=None, cool_down=5)
    legs(breaker, *[BAD] * 500)
    assert breaker.state is CLOSED
    breaker.trip("it blocks", 10)
    assert (breaker.state, breaker.reason) == (OPEN, "it blocks")
    breaker.trip("it still does", 14)  # it is open longer, and that is no change
    assert breaker.admit(15) is None
    assert breaker.admit(19) is not None
    assert breaker.opened == 1
    breaker.trip("again", 20)
    assert breaker.opened == 2


def test_its_listener_hears_each_change_once():
    heard = []
    breaker = opened(listener=heard.append, cool_down=3)
    legs(breaker, GOOD, now=3)
    assert heard == [
        BreakerChange(CLOSED, OPEN, 0.0, "1 failure in a row, the last failed"),
        BreakerChange(OPEN, HALF_OPEN, 3, "3 s have passed"),
        BreakerChange(HALF_OPEN, CLOSED, 3, "1 probe ended well"),
    ]


def test_what_a_listener_raises_is_lost_and_said(caplog):
    def broken(change):
        raise ValueError(change.after)

    breaker = Breaker(failures=1, listener=broken, cool_down=1)
    breaker.release(breaker.admit(0), BAD, 0)
    assert breaker.state is OPEN
    assert breaker.admit(1) is not None  # a probe
    assert "the listener of a breaker raised ValueError" in caplog.text


def test_a_keyboard_interrupt_in_a_listener_passes():
    def interrupted(change):
        raise KeyboardInterrupt

    breaker = Breaker(failures=1, listener=interrupted)
    with pytest.raises(KeyboardInterrupt):
        breaker.release(breaker.admit(0), BAD, 0)
    assert breaker.state is OPEN


def test_a_listener_may_wait_for_another_thread_that_asks():
    """It is not called under the lock."""
    answers = []

    def waits(change):
        thread = threading.Thread(target=lambda: answers.append(breaker.admit(0)))
        thread.start()
        thread.join(20)

    breaker = Breaker(failures=1, listener=waits)
    breaker.release(breaker.admit(0), BAD, 0)
    assert answers == [None]


@pytest.mark.parametrize(
    ("parameter", "value", "error", "words"),
    [
        ("failures", 0, ValueError, r"failures must be a count in \[1, inf\) or None, not 0"),
        ("failures", 1.5, TypeError, "failures must be an int, not float"),
        ("failure_rate", 0, ValueError, r"failure_rate must be a fraction in \(0, 1\] or None, not 0"),
        ("failure_rate", math.nan, ValueError, "failure_rate must be a fraction"),
        ("failure_rate", "1", TypeError, "failure_rate must be a number, not str"),
        ("window", 0, ValueError, r"window must be seconds in \(0, inf\), not 0"),
        ("window", math.inf, ValueError, "window must be seconds"),
        ("cool_down", -1, ValueError, "cool_down must be seconds"),
        ("cool_down", True, TypeError, "cool_down must be a number, not bool"),
        ("min_calls", 0, ValueError, "min_calls must be a count"),
        ("probes", 0, ValueError, "probes must be a count"),
        ("count_divergences", 1, TypeError, "count_divergences"),
        ("listener", 1, TypeError, "listener must be a function, not int"),
    ],
)
def test_what_is_out_of_range_is_named(parameter, value, error, words):
    with pytest.raises(error, match=words):
        Breaker(**{parameter: value})


def test_its_settings_do_not_change():
    with pytest.raises(AttributeError):
        Breaker().failures = 3


# ── the model ────────────────────────────────────────────────────────────────────────────────────────────────────────


class BreakerAgainstItsSpecification(RuleBasedStateMachine):
    """The specification keeps everything that ever happened, and looks through it each time."""

    @initialize(
        failures=st.none() | st.integers(1, 4),
        failure_rate=st.none() | st.sampled_from([0.25, 0.5, 1.0]),
        min_calls=st.integers(1, 6),
        probes=st.integers(1, 3),
        count_divergences=st.booleans(),
    )
    def begin(self, **options):
        self.options = options
        self.breaker = Breaker(**options, window=20.0, cool_down=7.0)
        self.now = 0.0
        self.state, self.since, self.ended = CLOSED, 0.0, []
        self.legs = []  # (permit, the change under which it began)
        self.changes = 0

    def change(self, state):
        self.state, self.since, self.ended = state, self.now, []
        self.changes += 1

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0, 6.9, 7.0, 19.0, 100.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def a_leg_asks(self):
        if self.state is OPEN and self.now >= self.since + 7.0:
            self.change(HALF_OPEN)
        probing = sum(change == self.changes for _, change in self.legs)
        expected = self.state is CLOSED or (self.state is HALF_OPEN and probing < self.options["probes"])
        permit = self.breaker.admit(self.now)
        assert (permit is not None) is expected
        if permit is not None:
            self.legs.append((permit, self.changes))

    @precondition(lambda self: self.legs)
    @rule(index=st.integers(0, 10), verdict=st.sampled_from([*Verdict]))
    def a_leg_ends(self, index, verdict):
        permit, change = self.legs.pop(index % len(self.legs))
        self.breaker.release(permit, verdict, self.now)
        if change != self.changes:
            return  # it says nothing any more
        failed = verdict in (Verdict.FAILED, Verdict.TIMED_OUT) or (
            verdict is Verdict.DIVERGED and self.options["count_divergences"]
        )
        if not failed and verdict not in (Verdict.MATCHED, Verdict.DIVERGED, Verdict.IGNORED):
            return
        self.ended.append((self.now, failed))
        if self.state is HALF_OPEN:
            if failed:
                self.change(OPEN)
            elif len(self.ended) >= self.options["probes"]:
                self.change(CLOSED)
            return
        row = 0
        for _, was_bad in reversed(self.ended):
            if not was_bad:
                break
            row += 1
        # The window is counted in tenths: two seconds each.
        recent = [bad for at, bad in self.ended if at // 2.0 > self.now // 2.0 - 10]
        failures, rate = self.options["failures"], self.options["failure_rate"]
        too_many = rate is not None and len(recent) >= self.options["min_calls"] and sum(recent) >= rate * len(recent)
        if failed and ((failures is not None and row >= failures) or too_many):
            self.change(OPEN)

    @rule()
    def it_is_tripped(self):
        self.breaker.trip("tripped", self.now)
        if self.state is OPEN:
            self.since = self.now
        else:
            self.change(OPEN)

    @invariant()
    def they_agree(self):
        assert self.breaker.state is self.state


TestTheModel = BreakerAgainstItsSpecification.TestCase
TestTheModel.settings = tried(2, stateful_step_count=60)


def test_an_ignored_probe_ended_well():
    """The shadow answered, whatever the two differ in."""
    breaker = Breaker(failures=1, cool_down=30, probes=1, count_divergences=True)
    breaker.release(breaker.admit(0), BAD, 0)
    permit = breaker.admit(30)
    assert breaker.state is BreakerState.HALF_OPEN
    breaker.release(permit, Verdict.IGNORED, 30)
    assert breaker.state is BreakerState.CLOSED
