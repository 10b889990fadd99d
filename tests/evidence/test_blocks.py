"""Blocks of time: which side was worse in how many, and what that takes to be a reason to reject. Pure."""

from __future__ import annotations

import math
import random

import pytest

from trioshadow.evidence import Decision, Epoch, Evidence, Objective, scorecard
from trioshadow.evidence._blocks import Blocks, Part, Span, _in_turn
from trioshadow.evidence._bounds import coin_wealth, mean_of, weight_of
from trioshadow.evidence._gate import blocks_needed

from tests.support.observed import observe


def blocks_of(*said):
    blocks = Blocks()
    for block, x in said:
        blocks.add(block, x)
    return blocks


def test_a_block_is_one_toss_however_many_calls_it_has():
    blocks = blocks_of(*[(0, 1)] * 500, (1, -1), (2, 1), (2, -1), (3, -1), (3, -1), (3, 1))
    assert blocks.counts(4) == (1, 2)
    assert blocks.wealth(4) == coin_wealth(1, 2)


def test_the_block_that_is_not_over_does_not_count():
    blocks = blocks_of((0, 1), (1, 1))
    assert blocks.counts(1) == (1, 0)
    assert blocks.counts(2) == (2, 0)


def test_without_a_secondary_each_block_is_one_in_which_it_was_worse_or_was_not():
    blocks = blocks_of((3, 1), (7, 1))
    blocks.begun = 2
    assert blocks.counts(10) == (2, 5)  # 3 to 9 are over
    assert blocks.counts(7) == (1, 3)


def test_of_several_series_the_wealths_are_averaged():
    """They see the same minutes, so that tosses would be counted twice."""
    one, other = blocks_of((0, 1), (1, 1)), blocks_of((0, -1))
    one.update(other, 5, 5)
    one.update(Blocks(), 5, 5)
    assert one.counts(5) == (2, 1)
    assert one.series == 2
    assert one.wealth(5) == pytest.approx(mean_of([coin_wealth(2, 0), coin_wealth(0, 1)]))
    read = Blocks.from_list(one.to_list(5))
    assert read.wealth(0) == one.wealth(5)
    assert read.to_list(0) == one.to_list(5) == [[0, 1, 0.0, None], [2, 0, 0.0, None]]
    assert Blocks().series == 1


def test_series_that_follow_each_other_are_one():
    """Processes that live for five minutes, one after the other: everything is wrong, and each has seen too little."""
    parts = []
    for number in range(6):
        evidence = Evidence(Epoch(), since=1_000.0 * number, objective=Objective(max_p99_ratio=None))
        for second in range(300):
            at = 10_000.0 + 1_000 * number + second
            observe(evidence, operation="op", shadow=["f"], secondary=[], key=1_000 * number + second, at=at)
        parts.append(Evidence.from_dict(evidence.to_dict(0.0)))
    for chosen in (parts, parts[::-1], [parts[0], Evidence.merge(parts[1:4]), Evidence.merge(parts[4:])]):
        blocks = Evidence.merge(chosen).operations["op"].fields["f"].blocks
        worse, better = blocks.counts(0)
        assert (blocks.series, better) == (1, 0)
        assert blocks.wealth(0) == coin_wealth(worse, 0)
    assert scorecard(Evidence.merge(parts[:1]), parts[0].objective).decision is Decision.HOLD
    assert scorecard(Evidence.merge(parts), parts[0].objective).decision is Decision.REJECT


@pytest.mark.parametrize("alike", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("processes", [2, 8])
def test_the_mean_of_processes_that_see_the_same_minutes_keeps_its_level(processes, alike):
    """Of two sides that are alike, either is the worse one in a minute: in all processes at once, in some, or in each
    by itself. Ever 20, after any of 120 minutes, is to come in one of twenty runs at most.
    """
    chance, runs, ever = random.Random(f"{processes} {alike}"), 200, 0
    for _ in range(runs):
        parts = [Blocks() for _ in range(processes)]
        for minute in range(120):
            of_all = chance.choice((1, -1))
            for part in parts:
                part.add(minute, of_all if chance.random() < alike else chance.choice((1, -1)))
            merged = Blocks()
            for part in parts:
                merged.update(part, minute, minute)
            if merged.wealth(minute) >= math.log(20):
                ever += 1
                break
    assert ever <= 0.05 * runs + 3 * math.sqrt(0.05 * runs)


def test_series_that_overlap_are_not():
    said = [Part(3, 0, Span(10.0, 20.0)), Part(4, 1, Span(20.0, 30.0)), Part(2, 2, Span(31.0, 40.0)), Part(1, 0)]
    assert _in_turn(said) == [(1, 0), (5, 2), (4, 1)]


@pytest.mark.parametrize(
    "data", [[[1]], [[1, 2, 3]], [[-1, 0, 0.0, None]], [[1, 0, None, None]], [[1, 0, 0.0, "x"]], [7], None]
)
def test_what_can_not_have_been_written_is_refused(data):
    with pytest.raises((ValueError, TypeError)):
        Blocks.from_list(data)


def test_the_gate_opens_with_the_wealth_that_its_share_takes():
    needed = math.log(20) - weight_of(0)
    enough = next(count for count in range(1, 50) if coin_wealth(count, 0) >= needed)
    for count in range(enough + 2):
        blocks = blocks_of(*((block, 1) for block in range(count)))
        assert blocks_needed(blocks, 99, 0, 0.05) == max(0, enough - count)


def test_a_gate_that_was_open_stays_open():
    assert blocks_needed(Blocks(), 1, 0, 0.05, kept=100.0) == 0
    assert blocks_needed(Blocks(), 1, 0, 0.05, kept=1.0) == 8


def test_nobody_waits_for_ever():
    blocks = Blocks.from_list([[0, 10**7, 0.0, None]])
    assert blocks_needed(blocks, 1, 0, 0.05) is None


# ── what a block is ─────────────────────────────────────────────────────────────────────────────────────────────────


def row_after(times, objective=None):
    evidence = Evidence(Epoch(), objective=objective or Objective())
    for at in times:
        observe(evidence, operation="op", at=at)
    return evidence.operations["op"]


def test_a_block_is_a_minute_of_the_clock():
    assert row_after([0, 1, 59.9]).block == 0
    assert row_after([59, 60]).block == 1
    assert row_after([59, 60, 119, 600]).block == 2  # of those in which there were calls
    assert row_after([5, 11, 12], Objective(block_seconds=10.0)).block == 1
    assert row_after([60, 30]).block == 0  # a clock that goes back


def test_where_the_clock_stands_still_or_is_not_asked_25_calls_are_a_block():
    for times, objective in (([7.0] * 100, None), (range(100), Objective(block_seconds=None))):
        row = row_after(times, objective)
        assert row.block == 3
        assert row.blocks == 3


def test_a_rate_is_asked_of_a_hundred_calls_or_more():
    assert row_after(range(0, 60 * 99, 60)).blocks == 0
    assert row_after(range(0, 60 * 102, 60)).blocks == 1


def without_secondary(bad, blocks=20):
    """Of each block of 25 calls so many differ."""
    evidence = Evidence(Epoch(), objective=Objective(max_rate=0.2, block_seconds=None))
    for _ in range(blocks):
        observe(evidence, bad, operation="op", shadow=["f"])
        observe(evidence, 25 - bad, operation="op")
    row = evidence.operations["op"]
    return row.fields["f"].blocks.counts(row.open_blocks)


def test_without_a_secondary_a_block_is_worse_if_more_than_is_allowed_differs_in_it():
    assert without_secondary(5) == (0, 18)
    assert without_secondary(6) == (18, 0)  # not the one by which it appeared, nor the last, which is not over
