"""JSON and MessagePack by what their specifications say, kind by kind: cases in the manner of JSONTestSuite and of
msgpack-test-suite, y: must be read, n: must not, i: either.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math

import msgpack
import pytest

from trioshadow.compare._forms.decoded import Manner, NotDecoded
from trioshadow.compare._forms.of_json import read_json
from trioshadow.compare._forms.of_msgpack import read_msgpack
from trioshadow.compare._values import Extension, Repeated, Timestamp

#: RFC 8259, by its sections.
ACCEPTED = {
    "§2 blanks around all": [b" [ ] ", b"\t{\n}\r", b"[ 1 , 2 ]\n", b'{"a" :\t1}'],
    "§3 any value, alone": [b"null", b"true", b"false", b'"a"', b"-0.1", b"[]", b"{}", b' "" '],
    "§4 objects": [b'{"":0}', b'{"a":{"a":{}}}', b'{"a":[],"b":{}}', rb'{"\u0061":1,"b\u0000":2}', b'{"a":1,"a":1}'],
    "§5 arrays": [b"[[]]", b'[1,"a",null,{}]', b"[" * 100 + b"]" * 100],
    "§6 numbers": [b"[0,-0,1e1,1E+2,1e-2,0e0,-1.5e0,123456789012345678901234567890]", b"[0.1e1,1.0]"],
    "§7 strings": [
        rb'["\"\\\/\b\f\n\r\t"]',
        rb'["\uD834\uDD1E"]',
        '["é \U0001f600 \u2028 \x7f"]'.encode(),
        rb'["\u0000"]',
    ],
    "§8.1 a byte order mark": [b"\xef\xbb\xbf[1]"],
}
REFUSED = {
    "§2 what is missing, or over": [
        b"",
        b" ",
        b"[",
        b"]",
        b"{",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"[1]]",
        b"[1]x",
        b"[1]\x00",
    ],
    "§2 other blanks": [b"[\x0c]", "[\u00a0]".encode(), "[\u2060]".encode(), b"[\x0b1]"],
    "§3 other names": [b"nul", b"True", b"TRUE", b"undefined", b"[nan]", b"[inf]"],
    "§4 objects": [b"{1:1}", b"{a:1}", b'{"a"}', b'{"a":}', b'{"a":1,}', b"{'a':1}", b'{"a"::1}', b'{"a":1 "b":2}'],
    "§6 numbers": [
        b"01",
        b"-",
        b"+1",
        b".5",
        b"1.",
        b"1e",
        b"1e+",
        b"0x1",
        b"1_0",
        b"-01",
        b"--1",
        "[１]".encode(),  # noqa: RUF001
        b"1.e1",
    ],
    "§7 strings": [b'"', b'"a', b'"\x01"', b'"\n"', rb'"\x41"', rb'"\u12"', rb'"\u123g"', b"'a'", rb'"\a"', b'"\\'],
    "comments": [b"[1]//", b"/**/[1]", b"[1]#"],
    "§8.1 other than UTF-8": [b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xe9"', "[1]".encode("utf-16")],
}
#: Read on purpose: Python's and JavaScript's libraries write them.
DELIBERATE = [b"[NaN]", b"[Infinity]", b"[-Infinity]"]
EITHER = [
    *(b"[1e400]", b"[-1e-400]", b"[0.4e0066999999999999999999999999999999]", rb'["\ud800"]', rb'["\udd1e\ud834"]'),
    *(rb'{"\udfaa":0}', b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 50_000, b"1" * 100_000, "[\ufdd0]".encode()),
    *("[1]".encode("utf-16-le"), b"\xff\xfe[\x00]\x00", b'{"a":1,"a":2}', b"\xef\xbb\xbf"),
]


@pytest.mark.parametrize("kind", ACCEPTED)
def test_json_that_must_be_read(kind):
    for body in ACCEPTED[kind]:
        text = body.decode("utf-8-sig")
        assert read_json(body).value == read_json(text).value == json.loads(text)
        assert read_json(body, manner=Manner(exact=True)).value == json.loads(text, parse_float=decimal.Decimal)


@pytest.mark.parametrize("kind", REFUSED)
def test_json_that_must_not_be_read(kind):
    for body in REFUSED[kind]:
        for exact in (False, True):
            with pytest.raises(NotDecoded):
                read_json(body, manner=Manner(exact=exact))


def test_json_that_python_and_javascript_write_is_read():
    values = [read_json(body).value[0] for body in DELIBERATE]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]


@pytest.mark.parametrize("body", EITHER, ids=range(len(EITHER)))
def test_json_that_may_be_read_breaks_nothing(body):
    for exact in (False, True):
        try:
            value = read_json(body, manner=Manner(exact=exact)).value
        except NotDecoded as reason:
            assert len(str(reason)) < 700
        else:
            if not exact and not isinstance(value, dict):
                assert value == json.loads(body, parse_float=decimal.Decimal)


#: The specification's formats, each value in all of its spellings.
PACKED = [
    (None, ["c0"]),
    (False, ["c2"]),
    (True, ["c3"]),
    (b"\x01", ["c40101", "c5000101", "c60000000101"]),
    (
        1,
        [
            "01",
            "cc01",
            "cd0001",
            "ce00000001",
            "cf0000000000000001",
            "d001",
            "d10001",
            "d200000001",
            "d30000000000000001",
        ],
    ),
    (-1, ["ff", "d0ff", "d1ffff", "d2ffffffff", "d3ffffffffffffffff"]),
    (2**64 - 1, ["cfffffffffffffffff"]),
    (-(2**63), ["d38000000000000000"]),
    (0.5, ["ca3f000000", "cb3fe0000000000000"]),
    ("a", ["a161", "d90161", "da000161", "db0000000161"]),
    ("é", ["a2c3a9"]),
    ([1], ["9101", "dc000101", "dd0000000101"]),
    ({"a": 1}, ["81a16101", "de0001a16101", "df00000001a16101"]),
    ({1: {None: []}}, ["810181c090"]),
    (Extension(1, b"\x10"), ["d40110", "c7010110", "c800010110", "c9000000010110"]),
    (Extension(-2, b"\x10" * 16), ["d8fe" + "10" * 16]),
    (
        datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.UTC),
        ["d6ff00000001", "d7ff0000000000000001", "c70cff000000000000000000000001"],
    ),
    (Timestamp(1, 1), ["d7ff0000000400000001", "c70cff000000010000000000000001"]),
    (datetime.datetime(1969, 12, 31, 23, 59, 59, tzinfo=datetime.UTC), ["c70cff00000000ffffffffffffffff"]),
    (Timestamp(-(2**63), 0), ["c70cff000000008000000000000000"]),
    (Repeated([1, 2]), ["82a16101a16102"]),
]


def unpacked(body):
    return read_msgpack(body).value


@pytest.mark.parametrize(("value", "spellings"), PACKED, ids=[repr(value)[:20] for value, _ in PACKED])
def test_messagepack_in_all_its_spellings(value, spellings):
    for spelling in spellings:
        found = unpacked(bytes.fromhex(spelling))
        found = found["a"] if isinstance(value, Repeated) else found
        assert found == value
        assert type(found) is type(value)
        inner = unpacked(b"\x92" + 2 * bytes.fromhex(spelling))
        assert len(inner) == 2


@pytest.mark.parametrize(
    "packed",
    ["", "c1", "a2 61", "91", "81a161", "01 01", "a1ff", "c70dff" + "00" * 13, "d7ffffffffff00000001", "8190 01"],
)
def test_what_is_no_messagepack(packed):
    with pytest.raises(NotDecoded):
        unpacked(bytes.fromhex(packed))


def test_what_is_read_is_what_was_packed():
    value = {"a": [1, -1, 2**40, 1.5, None, True, b"x", {"b": {}}], "b": "é" * 300, "c": list(range(300))}
    assert unpacked(msgpack.packb(value)) == value
