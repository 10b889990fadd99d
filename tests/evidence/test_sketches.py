"""What is counted in bounded room: keys, latencies, and which names are kept. Pure."""

from __future__ import annotations

import base64
import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow.evidence._distinct import DistinctKeys
from trioshadow.evidence._folding import lightest
from trioshadow.evidence._histogram import Histogram

from tests.support.observed import key_hash

hashes = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 30), st.none())


def sketch(keys, limit=16):
    found = DistinctKeys(limit)
    for key in keys:
        found.add(key)
    return found


def state(keys):
    return json.dumps(keys.to_dict())


# ── distinct keys ───────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(hashes, max_size=200))
def test_few_keys_are_counted_exactly(keys):
    found, different = sketch(keys, 256), {key for key in keys if key is not None}
    assert found.exact
    assert found.at_least == found.estimate == found.at_most == len(different) + keys.count(None)


@given(st.lists(hashes, max_size=100))
def test_a_sketch_knows_at_least_the_keys_that_it_holds(keys):
    """They were there: no error of an estimate takes them away."""
    found, different = sketch(keys), {key for key in keys if key is not None}
    held = min(16, len(different)) + keys.count(None)
    assert found.exact is (len(different) < 16)
    assert held <= found.at_least <= found.estimate <= found.at_most


@pytest.mark.parametrize("number", [16, 17, 100, 5_000, 200_000])
@pytest.mark.parametrize("limit", [32, 256, 1024])
def test_many_keys_are_estimated_within_the_errors_that_are_said(number, limit):
    found = sketch(map(key_hash, range(number)), limit)
    assert found.at_least <= number <= found.at_most
    assert found.estimate == pytest.approx(number, rel=4 / math.sqrt(limit - 2))


def test_the_error_is_that_of_the_books():
    """Three standard errors of 1/sqrt(k-2) to either side; and calls without a key are known exactly."""
    found = sketch([*map(key_hash, range(10_000)), *[None] * 500], 1024)
    keys = found.estimate - 500
    assert found.at_most == pytest.approx(500 + keys * (1 + 3 / math.sqrt(1022)))
    assert found.at_least == pytest.approx(500 + keys * (1 - 3 / math.sqrt(1022)))


@given(st.lists(hashes, max_size=80), st.randoms())
def test_neither_order_nor_repetition_changes_a_sketch(keys, chance):
    shuffled = [*keys, *(key for key in keys if key is not None)]
    chance.shuffle(shuffled)
    assert state(sketch(shuffled)) == state(sketch(keys))


@given(st.lists(st.lists(hashes, max_size=40), max_size=4))
def test_the_sum_of_sketches_is_the_sketch_of_the_sum(parts):
    total = DistinctKeys(16)
    for part in parts:
        total.update(sketch(part))
    whole = sketch(key for part in parts for key in part)
    assert state(total) == state(whole)
    assert (total.estimate, total.exact) == (whole.estimate, whole.exact)


@given(st.lists(hashes, max_size=80), hashes)
def test_a_sketch_that_was_written_and_read_goes_on(keys, key):
    found = DistinctKeys.from_dict(json.loads(state(sketch(keys))), 16)
    assert (found.estimate, found.exact) == (sketch(keys).estimate, sketch(keys).exact)
    found.add(key)
    assert state(found) == state(sketch([*keys, key]))


def packed(*numbers):
    return base64.b64encode(struct.pack(f"<{len(numbers)}Q", *numbers)).decode()


@pytest.mark.parametrize(
    "data",
    [
        {"hashes": "", "keyless": -1},
        {"hashes": "", "keyless": True},
        {"hashes": "", "keyless": 1.0},
        {"hashes": "", "keyless": 2**63},
        {"hashes": 7, "keyless": 0},
        {"hashes": "é", "keyless": 0},
        {"hashes": "A", "keyless": 0},
        {"hashes": "AAAA", "keyless": 0},
        {"hashes": packed(2, 1), "keyless": 0},
        {"hashes": packed(1, 1), "keyless": 0},
        {"hashes": packed(*range(17)), "keyless": 0},
        {"keyless": 0},
        {"hashes": ""},
    ],
)
def test_what_is_no_sketch_is_refused(data):
    with pytest.raises((ValueError, TypeError, KeyError)):
        DistinctKeys.from_dict(data, 16)


# ── latencies ───────────────────────────────────────────────────────────────────────────────────────────────────────

seconds = st.floats(1e-6, 4_000)


def histogram(values):
    found = Histogram()
    for value in values:
        found.add(value)
    return found


def test_no_latency_has_no_quantile():
    assert Histogram().quantile(0.5) is None
    assert Histogram().edges() == Histogram().lower_edges() == []
    assert Histogram().above(1) == (0, 0)


@given(st.lists(seconds, min_size=1, max_size=60), st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_half_a_bin(values, fraction):
    exact = sorted(values)[max(0, math.ceil(fraction * len(values) - 1e-9) - 1)]
    assert histogram(values).quantile(fraction) == pytest.approx(exact, rel=0.0443)


@given(st.lists(st.floats(0, 1e7), max_size=60), st.floats(0, 1e7))
def test_what_lies_above_is_known_within_a_bin(values, limit):
    """Also beyond both ends, where the bins have no edge."""
    at_least, at_most = histogram(values).above(limit)
    assert at_least <= sum(value >= limit * (1 - 1e-12) for value in values)
    assert at_most >= sum(value > limit * (1 + 1e-12) for value in values)


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=60))
def test_edges_rise_and_say_what_lies_above_them_at_most(values):
    """The last one has nothing above it, and has no end where the last bin has none."""
    edges = histogram(values).edges()
    assert edges == sorted(edges)
    assert edges[-1][1] == 0
    for edge, above in edges:
        assert sum(value > edge * (1 + 1e-12) for value in values) <= above


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=60))
def test_lower_edges_rise_and_say_what_lies_below_them_at_least(values):
    edges = histogram(values).lower_edges()
    assert edges == sorted(edges)
    assert edges[0][1] == 0
    for edge, below in edges:
        assert sum(value < edge * (1 + 1e-12) for value in values) >= below
        assert sum(value >= edge * (1 - 1e-12) for value in values) >= len(values) - below


def test_the_ends_of_the_bins_are_open():
    """From 1 µs to 4,295 s: what is less or more is in the first or last bin, of which nobody knows more."""
    ends = histogram([0.0, -1.0, 1e-7, 1e-6, 1e5, math.nan])
    assert ends.to_dict() == {"0": 5, "255": 1}
    assert ends.above(0) == (6, 6)
    assert ends.above(5e-7) == (1, 6)
    assert ends.above(1e6) == (0, 1)
    assert ends.edges()[-1] == (math.inf, 0)
    assert ends.quantile(1) == pytest.approx(2**32 * 1e-6, rel=0.05)


def test_a_bin_begins_where_it_is_said_to():
    """Bin i at 1 µs * 2**(i/8): an octave has eight."""
    assert histogram([1.01e-6, 2.01e-6, 4.01e-6]).to_dict() == {"0": 1, "8": 1, "16": 1}


@given(st.lists(st.lists(seconds, max_size=20), max_size=4))
def test_the_sum_of_histograms_is_the_histogram_of_the_sum(parts):
    total = Histogram()
    for part in parts:
        total.update(histogram(part))
    whole = histogram(value for part in parts for value in part)
    assert (total.to_dict(), total.total) == (whole.to_dict(), whole.total)


@given(st.lists(seconds, max_size=40))
def test_a_histogram_that_was_written_and_read_is_the_same(values):
    found = Histogram.from_dict(json.loads(json.dumps(histogram(values).to_dict())))
    assert (found.to_dict(), found.total) == (histogram(values).to_dict(), len(values))


@pytest.mark.parametrize(
    "data",
    [{"256": 1}, {"-1": 1}, {"01": 1}, {"": 1}, {"²": 1}, {"1": 0}, {"1": -1}, {"1": True}, {"1": 1.0}, {"1": 2**63}],
)
def test_what_is_no_histogram_is_refused(data):
    with pytest.raises(ValueError, match=r"histogram|count"):
        Histogram.from_dict(data)


# ── which names are kept ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_lightest_are_folded_and_the_heaviest_of_these_is_inherited():
    assert lightest([(3, "a"), (9, "b"), (5, "c"), (1, "d")], 2) == (["a", "d"], 3)


def test_with_room_for_all_none_is_folded():
    assert lightest([(3, "a")], 2) == ([], 0)
    assert lightest([], 2) == ([], 0)


def test_plain_data_is_the_same_on_a_machine_that_writes_the_highest_byte_first(monkeypatch):
    keys = DistinctKeys(8)
    for number in (1, 2**63, 77):
        keys.add(number)
    here = keys.to_dict()
    swapped = DistinctKeys(8)
    for number in (1, 2**63, 77):
        swapped.add(int.from_bytes(number.to_bytes(8, "big"), "little"))
    monkeypatch.setattr("trioshadow.evidence._distinct._IS_LITTLE", False)
    assert DistinctKeys.from_dict(keys.to_dict(), 8).to_dict() == keys.to_dict() != here


def test_the_keys_of_a_level_are_those_below_its_threshold():
    keys = DistinctKeys(16)
    for one in (1, 2**61, 2**62, 2**63, 2**63 + 1):
        keys.add(one)
    keys.add(None)
    assert [keys.at_level(level) for level in range(4)] == [(6, 6), (3, 3), (2, 2), (1, 1)]
    many = DistinctKeys(64)
    for number in range(10_000):
        many.add(key_hash(number))
    least, most = many.at_level(1)
    assert least < 5_000 < most
    assert many.at_level(40) == (0, 0)
