"""One toss a key: what is kept, forgotten and added up. Pure."""

from __future__ import annotations

import json
import math
import random

import pytest

from trioshadow.evidence._betting import Pairs
from trioshadow.evidence._distinct import DistinctKeys
from trioshadow.evidence._tosses import (
    ALONE,
    BOTH,
    KEYS_OF_TOSSES,
    LEVEL_WEIGHTS,
    SECONDARY_ONLY,
    SHADOW_ONLY,
    Tosses,
    over_levels,
)

from tests.support.observed import key_hash

KEYS = DistinctKeys(1024)


def tossed(*said, at=0.0):
    tosses = Tosses()
    for number, (key, says) in enumerate(said):
        tosses.add(None if key is None else key_hash(key), says, at + number, KEYS)
    return tosses


def counts(tosses, level=0):
    return tosses._counts(level)


def test_a_key_has_one_say_and_it_is_its_first():
    assert counts(tossed((1, SHADOW_ONLY), (1, SECONDARY_ONLY), (1, BOTH), (2, BOTH))) == (1, 0, 1, 0)


def test_a_call_without_a_secondary_says_less_than_a_pair():
    assert counts(tossed((1, ALONE), (1, SECONDARY_ONLY), (2, SECONDARY_ONLY), (2, ALONE))) == (0, 2, 0, 0)
    assert counts(tossed((1, ALONE), (1, ALONE))) == (0, 0, 0, 1)


def test_a_call_without_a_key_is_one_of_its_own_at_the_first_level():
    tosses = tossed((None, SHADOW_ONLY), (None, SHADOW_ONLY), (1, ALONE))
    assert (counts(tosses), tosses.worse) == ((2, 0, 0, 1), 3)


def test_a_level_holds_the_keys_below_its_threshold():
    tosses = tossed(*((number, SHADOW_ONLY) for number in range(1_000)))
    for level in range(4):
        expected = sum(key_hash(number) < 2 ** (64 - level) for number in range(1_000))
        assert counts(tosses, level)[0] == expected


def full(keys, says=SHADOW_ONLY):
    tosses, seen = Tosses(), DistinctKeys(1024)
    for number in range(keys):
        seen.add(key_hash(number))
        tosses.add(key_hash(number), says, float(number), seen)
    return tosses, seen


def test_a_full_level_is_closed_and_the_next_one_goes_on():
    tosses, seen = full(KEYS_OF_TOSSES + 1)
    (first, closed), (second, open_) = tosses.levels(seen, paired=True, most=False)
    assert (first, second) == LEVEL_WEIGHTS[:2]
    assert closed.shadow_only == KEYS_OF_TOSSES + 1
    assert open_.shadow_only == sum(key_hash(number) < 2**63 for number in range(KEYS_OF_TOSSES + 1))
    assert tosses.worse == KEYS_OF_TOSSES + 1
    tosses.add(2**63, SHADOW_ONLY, 0.0, seen)  # of a level that is closed
    tosses.add(None, SHADOW_ONLY, 0.0, seen)
    assert tosses.levels(seen, paired=True, most=False)[1][1].shadow_only == open_.shadow_only
    tosses.add(2**63 - 1, SHADOW_ONLY, 0.0, seen)
    assert tosses.levels(seen, paired=True, most=False)[1][1].shadow_only == open_.shadow_only + 1


def test_however_many_keys_there_are_the_room_is_bounded():
    tosses, seen = full(20 * KEYS_OF_TOSSES)
    assert len(tosses._hashes) <= KEYS_OF_TOSSES
    levels = tosses.levels(seen, paired=True, most=False)
    assert len(levels) == tosses._level + 1 >= 5
    assert sum(math.exp(weight) for weight, _ in levels) < 1


def test_the_levels_are_bet_on_with_no_more_than_there_is():
    assert math.exp(LEVEL_WEIGHTS[0]) == pytest.approx(0.9)
    assert sum(map(math.exp, LEVEL_WEIGHTS)) == pytest.approx(1)


def test_the_wealth_of_all_levels_is_their_weighted_sum():
    levels = [(math.log(0.9), Pairs(2, 0, 0, 0)), (math.log(0.05), Pairs(3, 0, 0, 0))]
    assert over_levels(levels, lambda pairs: math.log(pairs.shadow_only)) == pytest.approx(math.log(1.8 + 0.15))


def test_without_a_secondary_each_difference_counts():
    tosses, seen = full(10, ALONE)
    ((_, pairs),) = tosses.levels(seen, paired=False, most=True)
    assert (pairs.alone, pairs.alone_same, pairs.shadow_only) == (10, 0, 0)
    ((_, pairs),) = tosses.levels(seen, paired=True, most=True)
    assert (pairs.shadow_only, pairs.neither) == (0, 10)


def test_of_two_processes_the_earlier_say_of_a_key_stands():
    one = tossed((1, SHADOW_ONLY), (2, ALONE), (None, BOTH), at=10.0)
    other = tossed((1, SECONDARY_ONLY), (2, BOTH), (3, BOTH), (None, BOTH), at=0.0)
    for first, second in ((one, other), (other, one)):
        both = Tosses.from_dict(first.to_dict())
        both.update(second)
        assert counts(both) == (0, 1, 4, 0)
        both.update(Tosses())
        assert counts(both) == (0, 1, 4, 0)


def test_the_sum_is_what_one_process_would_have_kept():
    chance = random.Random(1)
    said = [(chance.randrange(60), chance.randrange(4), float(number)) for number in range(400)]
    whole, parts = Tosses(), [Tosses() for _ in range(8)]
    for key, says, at in said:
        for tosses in (whole, chance.choice(parts)):
            tosses.add(key_hash(key), says, at, KEYS)
    merged = Tosses()
    for part in chance.sample(parts, 8):
        merged.update(part)
    assert merged.to_dict() == whole.to_dict()


def test_a_level_that_is_closed_in_some_is_the_mean_over_these():
    tosses, seen = full(KEYS_OF_TOSSES + 1)
    other, _ = full(KEYS_OF_TOSSES + 1, SECONDARY_ONLY)
    tosses.update(other)
    tosses.update(tossed((5, BOTH)))
    levels = tosses.levels(seen, paired=True, most=False)
    assert [weight for weight, _ in levels] == [LEVEL_WEIGHTS[0] - math.log(2)] * 2 + [LEVEL_WEIGHTS[1]]
    assert {(pairs.shadow_only, pairs.secondary_only) for _, pairs in levels[:2]} == {
        (KEYS_OF_TOSSES + 1, 0),
        (0, KEYS_OF_TOSSES + 1),
    }
    empty = Tosses()
    empty.update(tosses)
    assert empty.to_dict() == tosses.to_dict()


def test_what_was_written_is_read():
    tosses, _ = full(KEYS_OF_TOSSES + 5)
    read = Tosses.from_dict(json.loads(json.dumps(tosses.to_dict())))
    assert read.to_dict() == tosses.to_dict()
    assert tossed((1, BOTH), at=-5.0).to_dict()["moments"] == tossed((1, BOTH), at=-7.0).to_dict()["moments"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("level", level) for level in (-1, 40, "0", True)),
        *(("hashes", hashes) for hashes in (None, "!", "AAAA", "AQAAAAAAAAABAAAAAAAAAA==")),
        *(("moments", moments) for moments in ("", 7)),
        *(("says", says) for says in ("", "00", "4", "x", None)),
        *(("keyless", keyless) for keyless in ([], [0, 0, 0], [0, 0, 0, -1], None)),
        *(("closed", closed) for closed in ([[0, 1, 1, 1, 1]], [[-1, 1, 1, 1, 1, 2.0]], [7], [[0, 1, 1, 1, 1, None]])),
    ],
)
def test_what_can_not_have_been_written_is_refused(name, value):
    data = tossed((1, BOTH)).to_dict()
    with pytest.raises((ValueError, TypeError)):
        Tosses.from_dict({**data, name: value})
