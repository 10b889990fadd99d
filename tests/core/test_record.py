"""What a ResponseRecord holds, refuses and shares with nobody. Pure."""

from __future__ import annotations

import pickle
from http import HTTPStatus

import attrs
import pytest

from trioshadow import ResponseRecord


def test_a_record_has_sorted_lower_cased_headers_with_repeats_in_order():
    record = ResponseRecord(b"", headers=[("X-B", "1"), ("set-cookie", "b"), (b"Set-Cookie", b"a"), ("A", "\xe9")])
    assert record.headers == (("a", "é"), ("set-cookie", "b"), ("set-cookie", "a"), ("x-b", "1"))
    assert ResponseRecord(b"", headers={"B": "1", "A": "2"}).headers == (("a", "2"), ("b", "1"))
    assert ResponseRecord(b"", headers=[(b"A", "1"), ("B", b"2")]).headers == (("a", "1"), ("b", "2"))
    assert hash(record) == hash(attrs.evolve(record))


def test_a_record_is_ok_below_400_unless_it_says_otherwise():
    assert [ResponseRecord(b"", status=status).ok for status in (0, 200, 399, 400, 503)] == [True] * 3 + [False] * 2
    assert not ResponseRecord(b"", ok=False).ok
    assert ResponseRecord.success(b"x", 201) == ResponseRecord(b"x", status=201, ok=True)
    assert ResponseRecord.success(b"x") == ResponseRecord(b"x")
    assert ResponseRecord.failure(503) == ResponseRecord(b"", status=503, ok=False)
    assert ResponseRecord.failure(404, b"gone").body == b"gone"
    assert ResponseRecord(b"", status=HTTPStatus.NOT_FOUND).status == 404


def test_with_header_adds_one():
    record = ResponseRecord(b"").with_header("X-A", "1").with_header("x-a", "2")
    assert record.headers == (("x-a", "1"), ("x-a", "2"))


def test_a_record_is_frozen_and_shares_no_buffer():
    buffer = bytearray(b"abc")
    record = ResponseRecord(buffer)
    buffer[0] = 0
    assert record.body == b"abc"
    assert ResponseRecord(memoryview(b"abc")).body == b"abc"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        record.status = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"status": "200"}, "status must be an int, not str"),
        ({"status": True}, "status must be an int, not bool"),
        ({"headers": [("a", 1)]}, "headers: a value must be str or bytes, not int"),
        ({"headers": {3: "x"}}, "headers: a name must be str or bytes, not int"),
    ],
)
def test_a_record_refuses_what_it_cannot_hold(arguments, message):
    with pytest.raises(TypeError, match=message):
        ResponseRecord(b"", **arguments)


def test_a_record_can_be_pickled():
    assert pickle.loads(pickle.dumps(ResponseRecord(b"x"))) == ResponseRecord(b"x")
