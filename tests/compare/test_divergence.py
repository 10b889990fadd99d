"""Two answers and what differs between them, as a whole: status, headers, body. Pure.

What is found inside of bodies is in test_values.py and test_bodies.py, rules are in test_rules.py.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import BodyDiff, Divergence, HeaderDiff, IgnoreField, ResponseRecord, ShadowConfig
from trioshadow.compare import Change, ChangeKind, first_difference

CONFIG = ShadowConfig()


def test_equal_answers_do_not_diverge():
    record = ResponseRecord(b"x", headers={"a": "1"})
    for answer in (b"x", "x", 3, None, [1, {"a": 2}], record):
        assert Divergence.compare(answer, answer, CONFIG) is None
    assert Divergence.compare(bytearray(b"x"), memoryview(b"x"), CONFIG) is None
    assert Divergence.compare(ResponseRecord(b"x", status=0), b"x", CONFIG) is None


def value_diff(kind, primary, shadow, primary_len=None, shadow_len=None):
    forms = tuple("bytes" if type(value) is bytes else "value" for value in (primary, shadow))
    changes = (Change("$", kind, primary, shadow),)
    return BodyDiff(primary_len, shadow_len, None, changes=changes, change_count=1, forms=forms)


@pytest.mark.parametrize(
    ("primary", "shadow", "expected"),
    [
        (b"abc", b"abd!", BodyDiff(3, 4, 2)),
        (b"abc", b"", BodyDiff(3, 0, 0)),
        (bytearray(b"ab"), b"ac", BodyDiff(2, 2, 1)),
        ("abc", b"abc", value_diff(ChangeKind.TYPE, "abc", b"abc", 3, 3)),
        ([1], {1: 2, 3: 4}, value_diff(ChangeKind.TYPE, [1], {1: 2, 3: 4}, 1, 2)),
        (3, None, value_diff(ChangeKind.TYPE, 3, None)),
        (2.5, 3.0, value_diff(ChangeKind.CHANGED, 2.5, 3.0)),
    ],
)
def test_a_body_that_differs(primary, shadow, expected):
    assert Divergence.compare(primary, shadow, CONFIG) == Divergence(body=expected)


def test_a_value_beside_a_record_has_status_0_and_no_headers():
    divergence = Divergence.compare(ResponseRecord(b"x", headers={"a": "1"}), b"x", CONFIG)
    assert divergence == Divergence(status=(200, 0), headers=HeaderDiff((), ("a",), ()))


def test_header_values_are_compared_as_ordered_lists():
    one = ResponseRecord(b"", headers=[("a", "1"), ("a", "2"), ("b", "1"), ("c", "1")])
    other = ResponseRecord(b"", headers=[("a", "2"), ("a", "1"), ("b", "1"), ("d", "1")])
    assert Divergence.compare(one, other, CONFIG) == Divergence(headers=HeaderDiff(("d",), ("c",), ("a",)))
    ignoring = ShadowConfig(ignore=[IgnoreField.HEADERS])
    assert Divergence.compare(one, other, ignoring) is None


def test_ok_is_not_compared():
    assert Divergence.compare(ResponseRecord(b"", ok=True), ResponseRecord(b"", ok=False), CONFIG) is None


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40))
def test_the_first_difference_is_where_a_loop_finds_it(prefix, a, b):
    a, b = prefix + a, prefix + b
    expected = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    assert first_difference(a, b) == expected


def test_the_first_difference_of_large_bodies():
    a = bytes(1 << 20)
    for at in (0, 1, 4095, 4096, (1 << 19) - 1, 1 << 19, (1 << 20) - 1):
        b = bytearray(a)
        b[at] = 1
        assert first_difference(a, bytes(b)) == at
    assert first_difference(a, a[:-7]) == len(a) - 7
