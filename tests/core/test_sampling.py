"""The bytes of a key, and which keys a rate and a seed choose (promise 6). Pure."""

from __future__ import annotations

import enum
import math
import uuid
from unittest.mock import Mock

import mmh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import ShadowConfig, encode_key


class Text(enum.StrEnum):
    A = "a"


class WithKey:
    def __trioshadow_key__(self):
        return ("user", 42)


@pytest.mark.parametrize(
    ("key", "encoded"),
    [
        (b"", b""),
        (b"\x00\xff", b"\x00\xff"),
        ("", b""),
        ("é😀", "é😀".encode()),
        ("\ud800", b"\xed\xa0\x80"),
        (0, b"0"),
        (-42, b"-42"),
        (2**70, b"1180591620717411303424"),
        (True, b"1"),
        (Text.A, b"a"),
        (uuid.UUID("12345678-1234-5678-1234-567812345678"), b"12345678-1234-5678-1234-567812345678"),
        ((), b""),
        (("user", 42), b"4:user,2:42,"),
        ((("a", b"b"), "c"), b"8:1:a,1:b,,1:c,"),
        (WithKey(), b"4:user,2:42,"),
    ],
)
def test_the_bytes_of_a_key(key, encoded):
    assert encode_key(key) == encoded


class OddBytes(bytes):
    def __getitem__(self, index):
        raise ValueError

    def __bytes__(self):
        raise ValueError


class OddStr(str):
    def encode(self, *arguments):
        return "not bytes"


class OddInt(int):
    def __str__(self):
        raise SystemExit

    __repr__ = __index__ = __int__ = __str__


class OddUUID(uuid.UUID):
    def __str__(self):
        return OddStr("x")


class OddTuple(tuple):
    def __iter__(self):
        raise ValueError


def test_subclasses_have_the_key_of_their_type():
    one = uuid.UUID(int=1)
    for odd, plain in (
        (OddBytes(b"abc"), b"abc"),
        (OddStr("é"), "é"),
        (OddInt(5), 5),
        (OddUUID(int=1), one),
        (OddTuple((1, OddStr("a"))), (1, "a")),
    ):
        encoded = encode_key(odd)
        assert encoded == encode_key(plain)
        assert type(encoded) is bytes


@pytest.mark.parametrize("kind", [bytes, str, int, uuid.UUID, tuple])
def test_what_only_says_that_it_is_a_key_is_none(kind):
    with pytest.raises((TypeError, AttributeError)):
        encode_key(Mock(spec=kind))


@pytest.mark.parametrize("key", [None, 1.5, [], {}, object(), ("a", None), bytearray(b"k")])
def test_what_is_no_key(key):
    with pytest.raises(TypeError, match="a sampling key must be bytes, str, int, UUID, or a tuple of these, not "):
        encode_key(key)


@given(st.binary(), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_the_rule_is_the_documented_one(key, seed, rate):
    expected = mmh3.hash(key, seed, signed=False) < rate * 2**32
    assert ShadowConfig(sample_rate=rate, seed=seed).should_shadow(key) == expected


@given(st.binary(), st.floats(0, 1), st.floats(0, 1))
def test_raising_the_rate_only_adds_keys(key, one, other):
    low, high = sorted((one, other))
    if ShadowConfig(sample_rate=low).should_shadow(key):
        assert ShadowConfig(sample_rate=high).should_shadow(key)


def test_the_rate_is_the_share_of_keys_and_seeds_are_independent():
    keys = [b"%d" % i for i in range(20_000)]
    for rate in (0, 0.01, 0.1, 0.5, 1):
        share = sum(map(ShadowConfig(sample_rate=rate).should_shadow, keys)) / len(keys)
        assert abs(share - rate) < 4 * math.sqrt(rate * (1 - rate) / len(keys)) + 1e-9
    one, other = (set(filter(ShadowConfig(sample_rate=0.5, seed=seed).should_shadow, keys)) for seed in (0, 1))
    assert abs(len(one & other) / len(keys) - 0.25) < 0.02


def test_should_shadow_takes_bytes_only():
    for key in ("\ud800", 3, None, bytearray(b"k")):
        with pytest.raises(TypeError, match="should_shadow takes the bytes of a key, not "):
            ShadowConfig().should_shadow(key)  # type: ignore[arg-type]
