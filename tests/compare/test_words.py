"""Both sides in words: whoever reads them sees that they differ. Pure."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import math
import types
import uuid

import attrs
import hypothesis
import pytest
from hypothesis import strategies as st

from trioshadow import BodyDiff, Divergence, ErrorDiff, HeaderDiff, ResponseRecord, ShadowConfig
from trioshadow.compare import (
    Change,
    Excerpt,
    HeaderChange,
    Unordered,
    around,
    both_around,
    first_difference,
    words_of_change,
    words_of_error,
    words_of_header,
    written,
)
from trioshadow.evidence import fields_of
from trioshadow.evidence._places import words_of


class Color(enum.Enum):
    RED = "red"
    TWO = (1, 2)
    THING = object()


class Level(enum.IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()


class Price(decimal.Decimal):
    pass


@attrs.frozen
class Point:
    x: int


@dataclasses.dataclass
class Dot:
    x: int


class Mapped(collections.UserDict):
    pass


class Silent:
    def __repr__(self):
        return "x" * 300


WHEN = datetime.datetime(2026, 11, 30, 10, 0, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (math.nan, "NaN"),
        (1 + 2j, "(1+2j)"),
        ("1", '"1"'),
        (b"1", "b'1'"),
        (bytearray(b"1"), "bytearray(b'1')"),
        (memoryview(b"1"), "memoryview(b'1')"),
        (decimal.Decimal("485.90"), "Decimal('485.90')"),
        (Price("485.90"), "Price('485.90')"),
        (fractions.Fraction(1, 3), "Fraction('1/3')"),
        (WHEN, "datetime('2026-11-30T10:00:00+00:00')"),
        (WHEN.date(), "date('2026-11-30')"),
        (WHEN.time(), "time('10:00:00')"),
        (datetime.timedelta(seconds=5), "datetime.timedelta(seconds=5)"),
        (uuid.UUID(int=1), "UUID('00000000-0000-0000-0000-000000000001')"),
        (Color.RED, 'Color("red")'),
        (Color.TWO, "Color(1, 2)"),
        (Level.LOW, "Level(1)"),
        (Text("a"), 'Text("a")'),
        ([1], "[1]"),
        ((1,), "(1,)"),
        ({1}, "{1}"),
        (frozenset({1}), "frozenset({1})"),
        ({}, "{}"),
        (set(), "set()"),
        (frozenset(), "frozenset({})"),
        (collections.deque([1]), "deque(1)"),
        ({"a": 1}, '{"a": 1}'),
        (collections.OrderedDict(a=1), "OrderedDict(a=1)"),
        (Mapped({"1": 1}), 'Mapped("1"=1)'),
        (Mapped({1: 1}), "Mapped(1=1)"),
        (Point(1), "Point(x=1)"),
        (Dot(1), "Dot(x=1)"),
    ],
)
def test_how_a_value_is_written_tells_its_type(value, text):
    assert written(value) == text
    assert written([value]) == f"[{text}]"


def test_an_object_in_an_enum_is_its_members():
    assert written(Color.THING).startswith("Color(<object object at ")


def sides(old, new, **config):
    """The words of the first change, as explain() has them, which are those of the scorecard."""
    divergence = Divergence.compare(old, new, ShadowConfig(**config))
    assert divergence is not None
    (words,) = (words_of(example) for example in fields_of(divergence, None).values())
    lines = divergence.explain().splitlines()
    for sign, side in zip("-+", words, strict=True):
        assert side is None or f"    {sign} {side}" in lines
    return words


def test_two_of_different_types_are_told_apart():
    values = [None, 1, 1.5, "1", b"1", [1], (1,), {1}, {}, decimal.Decimal("485.90"), 485.9, Color.RED, "red", WHEN]
    values += [True, bytearray(b"1"), Text("1"), Level.LOW, frozenset({1}), Point(1), Dot(1), {"x": 1}, 1.0, set()]
    for old in values:
        for new in values:
            if old is not new:
                words = words_of_change(Change("$", "type", old, new))
                assert words[0] != words[1], words


@pytest.mark.parametrize(
    ("old", "new", "config"),
    [
        ([decimal.Decimal("485.90")], [485.9], {}),
        ([1], [True], {}),
        ([Point(1)], [Dot(1)], {"strict": True}),
        ([1], [1.0], {"strict": True}),
        ([[1]], [(1,)], {"strict": True}),
        ([b"1"], [bytearray(b"1")], {"strict": True}),
        ([{1}], [frozenset({1})], {"strict": True}),
        ([10**400], [10**400 + 1], {}),
        (["\x1b" * 200 + "a"], ["\x1b" * 200 + "b"], {}),
        ([b"\x00" * 100 + b"a"], [b"\x00" * 100 + b"b"], {}),
        (["x" * 1_000 + "a"], ["x" * 1_000 + "b"], {}),
        ([Text("x" * 1_000 + "a")], [Text("x" * 1_000 + "b")], {}),
        ([{"k": ["x" * 90] * 9 + [1]}], [{"k": ["x" * 90] * 9 + [2]}, 3], {"ignore": [Unordered("$")]}),
        ([decimal.Decimal("1." + "0" * 500 + "1")], [decimal.Decimal("1." + "0" * 500 + "2")], {}),
        ([Silent()], [Silent()], {}),
        (["e\u0301"], ["\xe9"], {}),
        (["paypal"], ["p\u0430ypal"], {}),
        (["\uff41"], ["a"], {}),
    ],
)
def test_whatever_differs_is_seen_to(old, new, config):
    divergence = Divergence.compare(old, new, ShadowConfig(**config))
    for example in fields_of(divergence, None).values():
        primary, shadow = words_of(example)
        assert primary != shadow
        if primary is not None and shadow is not None:
            assert max(len(primary), len(shadow)) <= 300


def test_of_two_that_are_written_alike_the_part_that_differs_is_shown():
    rows = [{"name": f"number {number}", "price": 1.5} for number in range(40)]
    old, new = [tuple(rows)], [(*rows[:-1], {"name": "number 39", "price": 2.5})]
    primary, shadow = words_of_change(Change("$", "changed", old, new))
    assert primary.startswith('[({"name": "number 0", "')
    assert primary.endswith('"price": 1.5})]')
    assert shadow.endswith('"price": 2.5})]')


def test_classes_of_one_name_are_told_by_their_module():
    one, two = (type("Item", (), {"__module__": name, "__repr__": lambda _: "x"})() for name in ("old", "new"))
    assert words_of_change(Change("$", "changed", one, two)) == ("x (old.Item)", "x (new.Item)")
    odd = type("Item", (), {"__module__": 7, "__repr__": lambda _: "x"})()
    assert words_of_change(Change("$", "changed", one, odd)) == ("x (old.Item)", "x (Item)")


def test_two_of_which_nothing_is_known_are_two():
    assert words_of_change(Change("$", "changed", [], [])) == ("[]", "[] (another)")
    excerpts = (Excerpt("x", name) for name in ("One", "Two"))
    assert words_of_change(Change("$", "changed", *excerpts)) == ("x (One)", "x (Two)")
    assert words_of_change(Change("$", "changed", Excerpt("x", "One"), Excerpt("x", "One"))) == ("x", "x (another)")


def test_nothing_is_not_null():
    assert sides({"a": None, "b": 0}, {"b": 0}) == ("null", None)
    assert sides({"b": 0}, {"a": None, "b": 0}) == (None, "null")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals()
VALUES = st.recursive(SCALARS, lambda some: st.lists(some) | st.tuples(some) | st.dictionaries(st.text(), some))


@hypothesis.given(VALUES, VALUES, st.booleans())
def test_what_differs_has_other_words_on_the_other_side(old, new, strict):
    divergence = Divergence.compare([old], [new], ShadowConfig(strict=strict))
    if divergence is not None:
        for example in fields_of(divergence, None).values():
            primary, shadow = words_of(example)
            assert primary != shadow


@hypothesis.example("0", "", "0", 16)
@hypothesis.example("0", "a" * 400, "b" * 400, 200)
@hypothesis.given(st.text(min_size=1), st.text(), st.text(), st.integers(16, 400))
def test_the_part_around_a_difference_is_in_sight(begin, old, new, limit):
    begin *= 50
    at = first_difference(begin + old, begin + new)
    for text in (begin + old, begin + new):
        shown = around(text, at, limit)
        assert len(shown) <= limit
        assert shown == text or "…" in shown
    if old != new:
        shown = both_around(begin + old, begin + new, limit)
        assert max(map(len, shown)) <= limit
        assert shown[0] != shown[1] or "…" in begin + old + new


# ── headers and errors ───────────────────────────────────────────────────────────────────────────────────────────────


def header_words(old, new, name="x"):
    answers = (ResponseRecord(b"", headers=[(name, value) for value in values]) for values in (old, new))
    divergence = Divergence.compare(*answers, ShadowConfig())
    (change,) = divergence.headers.changes
    text = divergence.explain()
    assert text.splitlines()[1].startswith(f"  header {name}")
    return words_of_header(change), text


def test_two_headers_are_not_one_with_a_comma():
    assert header_words(["a", "b"], ["a, b"], "etag")[0] == ('["a", "b"]', '["a, b"]')
    assert header_words(["a"], ["b"])[0] == ("a", "b")


def test_a_header_that_is_not_there_is_not_an_empty_one():
    assert header_words([], [""])[0] == (None, '""')
    assert header_words(["a"], [])[0] == ("a", None)


def test_a_blank_at_the_end_of_a_header_is_seen():
    words, text = header_words(["a"], ["b "])
    assert words == ("a", '"b "')
    assert '+ "b "' in text
    assert header_words(["p\u0430y"], ["pay"])[0] == ("p\\u0430y", "pay")


def test_long_headers_that_differ_late_are_two():
    words, text = header_words(["x" * 300 + "a"], ["x" * 300 + "b"])
    assert words == ("x" * 256 + "…", "x" * 256 + "… (another)")
    assert text.endswith("… (another)")
    assert words_of(HeaderChange("x", ("a" * 400,), ("a" * 400 + "b",)))[1].endswith("… (another)")
    many = [str(number) for number in range(20)]
    assert header_words(many, [*many[:-1], "x"])[0][1].endswith(" (another)")


def test_errors_of_one_text_are_not_the_same_type():
    namesakes = ErrorDiff("ParserError", "ParserError", "no", "no")
    assert words_of_error(namesakes) == ("ParserError: no", "ParserError: no (not the same type)")
    late = ErrorDiff("E", "E", "x" * 400 + "a", "x" * 400 + "b")
    assert words_of(late)[1] == words_of(late)[0] + " (another)"
    assert words_of_error(ErrorDiff("KeyError", None, "'a'", "")) == ("KeyError: 'a'", None)


def test_a_status_that_a_function_made_of_anything_is_told_by_type():
    assert fields_of(Divergence(status=("200", 200)), None) == {"status": ('"200"', "200")}


def test_headers_beyond_those_that_are_kept_have_names_and_no_words():
    found = fields_of(Divergence(headers=HeaderDiff(("a",), (), ())), None)
    assert {name: words_of(example) for name, example in found.items()} == {"header a": (None, None)}


def test_text_is_told_without_quotes_and_is_one_place():
    divergence = Divergence.compare("one\ntwo", "one\nthree", ShadowConfig())
    assert divergence.explain() == "body (text): 1 change\n  $ line 2\n    - two\n    + three"
    assert list(fields_of(divergence, None)) == ["$"]


def test_each_body_has_the_name_of_its_place_in_explain_and_in_the_evidence():
    pairs = [("a", "b"), ("a", None), (b"\x00a", b"\x00b"), (1, 2), ([1], {}), (b"[1]", b"{}"), ("a\nb", "a\nc")]
    pairs += [(types.SimpleNamespace(a=1), 1), (b"a", "a")]
    for old, new in pairs:
        divergence = Divergence.compare(old, new, ShadowConfig())
        assert list(fields_of(divergence, None)) == ["$"]
        assert divergence.explain().splitlines()[1].split()[0] == "$"
        assert "$ " in str(divergence)
    unknown = Divergence(body=BodyDiff(None, None, None))
    assert (unknown.explain(), [*fields_of(unknown, None)]) == ("body (bytes): differs\n  $", ["$"])
