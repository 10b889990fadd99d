"""Rules by which two values that are not equal are the same: texts, numbers, times, what is not there. Pure."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import itertools
import math
import random
import zoneinfo

import msgpack
import numpy as np
import pandas as pd
import pytest

from trioshadow import Divergence, ShadowConfig
from trioshadow.compare import (
    Accept,
    Default,
    IgnoreName,
    KeyedBy,
    Normalize,
    Only,
    SameNumber,
    SameText,
    SameTime,
    Subset,
    Tolerance,
    Undecided,
    Unordered,
)
from trioshadow.compare._alike import alike, canonical
from trioshadow.compare._scalars import same_scalar
from trioshadow.compare._values import Timestamp

from tests.support.comparing import found

UTC = datetime.UTC
NOON = datetime.datetime(2026, 11, 30, 12, tzinfo=UTC)
EPOCH_OF_NOON = 1_796_040_000


def same(primary, shadow, *rules):
    return Divergence.compare({"v": primary}, {"v": shadow}, ShadowConfig(ignore=rules)) is None


@pytest.mark.parametrize(
    ("primary", "shadow", "settings", "expected"),
    [
        ("Straße", "STRASSE", {"ignore_case": True}, True),
        ("Straße", "Strasse 1", {"ignore_case": True}, False),
        (" a \t\nb ", "a b", {"ignore_blanks": True}, True),
        ("ab", "a b", {"ignore_blanks": True}, False),
        (" A  b", "a B", {"ignore_blanks": True}, False),
        (" A  b", "a B", {"ignore_blanks": True, "ignore_case": True}, True),
        ("0f-1", "a9-77", {"pattern": "[0-9a-f]+-[0-9]+"}, True),
        ("0f-1", "a9-77x", {"pattern": "[0-9a-f]+-[0-9]+"}, False),
        ("1", 1, {"ignore_case": True}, False),
        (None, "", {"ignore_blanks": True}, False),
    ],
)
def test_texts_written_in_another_way(primary, shadow, settings, expected):
    assert same(primary, shadow, SameText("$.v", **settings)) is expected
    assert same(shadow, primary, SameText("$.v", **settings)) is expected
    assert not same(primary, shadow)


def test_two_rules_for_one_text_go_together():
    assert same(" A", "a", SameText("$.v", ignore_case=True), SameText("$..*", ignore_blanks=True))


@pytest.mark.parametrize(
    ("primary", "shadow", "expected"),
    [
        ("1", 1, True),
        ("1.0", 1, True),
        (" +01.50 ", 1.5, True),
        ("1e3", 1000, True),
        ("0.1", decimal.Decimal("0.1"), True),
        ("79.90", 79.9, True),
        ("79.91", 79.9, False),
        ("1.0", "1", True),
        ("1", 2, False),
        ("1", True, False),
        ("one", 1, False),
        ("", 0, False),
        ("1" * 1_000, int("1" * 1_000), True),
        ("1" * 1_001, int("1" * 1_001), False),
        ("1." + "0" * 70, 1, True),
        (".5", 0.5, True),
        ("-.5", "-0.5", True),
        ("5.", 5, True),
        (".", 0, False),
        ("-0", 0, True),
        ("1e0000003", 1000, True),
        ("0e-9999", 0.0, True),
        ("1e-9999", 0, False),
        ("0.1000000000000000055", 0.1, True),
        (decimal.Decimal("0.1"), 0.1, True),
        (decimal.Decimal("0.1000000000000000055"), 0.1, False),
        ("9007199254740993", 9007199254740992, False),
        (9007199254740993, 9007199254740992.0, False),
        (fractions.Fraction(1, 2), "0.5", True),
        (fractions.Fraction(1, 3), "0.3", False),
        ("1e400", float("inf"), False),
        ("NaN", decimal.Decimal("sNaN"), False),
        (np.float32(1.1), "1.1", True),
        (np.float32(1.1), "1.100000023841858", True),
        (np.float32(1.1), 1.1, True),
        (np.float32(1.1), 1.2, False),
        (np.float64(1.1), "1.10", True),
        (np.float32("inf"), "inf", False),
        (np.longdouble("0.1"), "0.1", True),
        ("0x10", 16, False),
        ("NaN", float("nan"), False),
        ("1", None, False),
        ("1", [1], False),
    ],
)
def test_numbers_written_as_texts(primary, shadow, expected):
    assert same(primary, shadow, SameNumber("$.v")) is expected
    assert same(shadow, primary, SameNumber("$.v")) is expected


def test_a_tolerance_holds_for_numbers_written_as_texts():
    assert same("1.00", 1.004, SameNumber("$.v"), Tolerance("$.v", abs=0.005))
    assert not same("1.00", 1.006, SameNumber("$.v"), Tolerance("$.v", abs=0.005))
    assert not same("1.00", 1.004, Tolerance("$.v", abs=0.005))
    assert same("0.4", "0.1", SameNumber("$.v"), Tolerance("$.v", abs=0.3))  # the float 0.3 is a little less
    assert not same("0.4", "0.0999", SameNumber("$.v"), Tolerance("$.v", abs=0.3))


LONG = decimal.Decimal("1." + "1" * 10_001)
WIDE = decimal.Context(prec=30_000)


@pytest.mark.parametrize(
    ("one", "other", "tolerance", "expected"),
    [
        (LONG, decimal.Decimal("1." + "1" * 10_000 + "2"), {"abs": 1e-9}, True),
        (LONG, WIDE.add(LONG, 1), {"abs": 1}, True),
        (LONG, WIDE.add(LONG, decimal.Decimal("1." + "0" * 10_000 + "1")), {"abs": 1}, False),
        (LONG, WIDE.multiply(LONG, decimal.Decimal("1.01")), {"rel": 0.01}, True),
        (LONG, WIDE.multiply(LONG, decimal.Decimal("1.011")), {"rel": 0.01}, False),
        (LONG, 1.2, {"abs": 0.1}, True),
        (decimal.Decimal("1e999999"), decimal.Decimal("1.001e999999"), {"rel": 0.01}, True),
        (decimal.Decimal("1e999999"), decimal.Decimal("1.1e999999"), {"rel": 0.01}, False),
        (decimal.Decimal("1e999999"), 5, {"rel": 0.5, "abs": 7}, False),
        (decimal.Decimal("1e-999999"), 0, {"abs": 1e-9}, True),
        (decimal.Decimal("1e999999"), math.inf, {"rel": 1}, False),
        (decimal.Decimal("1e999999"), decimal.Decimal("sNaN"), {"rel": 1}, False),
        (decimal.Decimal("1e999999"), True, {"rel": 1}, False),
        (10**5_000, 10**5_000 + 1, {"abs": 1}, True),
        (10**5_000, 10**5_000 + 2, {"abs": 1}, False),
        (10**5_000, decimal.Decimal("1.005E+5000"), {"rel": 0.01}, True),
        (10**70_000, decimal.Decimal("1E+70000"), {"rel": 0.01}, True),
        (10**70_000, decimal.Decimal("2E+70000"), {"rel": 0.01}, None),
        (decimal.Decimal("1e999999"), fractions.Fraction(1, 3), {"rel": 1}, None),
        (decimal.Decimal("1e200000"), decimal.Decimal("1e-200000"), {"rel": 1}, True),
        (decimal.Decimal("1e200000"), decimal.Decimal("-1e-200000"), {"rel": 1}, None),
    ],
    ids=lambda _: "",  # too many digits for a name
)
def test_numbers_of_very_many_digits_are_close_or_not_or_undecided(one, other, tolerance, expected):
    for sides in ((one, other), (other, one)):
        if expected is None:
            with pytest.raises(Undecided, match="whether numbers of so many digits are close can't be told"):
                same(*sides, Tolerance("$.v", **tolerance))
        else:
            assert same(*sides, Tolerance("$.v", **tolerance)) is expected
    assert same(one, other, Tolerance("$.v", **tolerance), Accept(lambda a, b: True, "$.v"))


@pytest.mark.parametrize(
    ("primary", "shadow", "within", "expected"),
    [
        (NOON, "2026-11-30T12:00:00Z", 0, True),
        ("2026-11-30T13:00:00+01:00", "2026-11-30T12:00:00Z", 0, True),
        ("2026-11-30T12:00:00", "2026-11-30 12:00:00.000+00:00", 0, True),
        ("Mon, 30 Nov 2026 12:00:00 GMT", NOON, 0, True),
        ("Monday, 30-Nov-26 12:00:00 GMT", NOON, 0, True),
        ("Mon Nov 30 12:00:00 2026", NOON, 0, True),
        (EPOCH_OF_NOON, NOON, 0, True),
        (float(EPOCH_OF_NOON), "2026-11-30T12:00:00Z", 0, True),
        (str(EPOCH_OF_NOON * 1000), NOON, 0, True),
        (EPOCH_OF_NOON * 10**6, NOON, 0, True),
        (EPOCH_OF_NOON * 10**9, NOON, 0, True),
        (datetime.date(2026, 11, 30), "2026-11-30", 0, True),
        ("20261130", datetime.date(2026, 11, 30), 0, True),
        (NOON.replace(tzinfo=None), NOON, 0, True),
        (NOON, "2026-11-30T12:00:01Z", 0, False),
        (NOON, "2026-11-30T12:00:01Z", 1, True),
        (NOON, "2026-11-30T12:00:01.001Z", 1, False),
        ("Mon, 30 Nov 2026 12:00:00 GMT", EPOCH_OF_NOON + 2, 2, True),
        ("PT1H30M", datetime.timedelta(minutes=90), 0, True),
        ("PT90M", "PT1H30M", 0, True),
        ("P1W", "P7D", 0, True),
        ("-PT1.5S", -1.5, 0, True),
        ("PT1H", 3601, 1, True),
        ("PT1H", 3601, 0, False),
        ("P1Y", "P12M", 0, False),
        ("P", "PT", 0, False),
        ("soon", "later", 5, False),
        ("soon", NOON, 5, False),
        (float("nan"), NOON, 5, False),
        (float("inf"), EPOCH_OF_NOON, 5, False),
        (10**400, NOON, 5, False),
        (decimal.Decimal("NaN"), NOON, 5, False),
        (True, 1, 5, False),
        ("9" * 70, NOON, 5, False),
        (None, NOON, 5, False),
        # However fine.
        ("2026-11-30T12:00:00.000000001Z", "2026-11-30T12:00:00.0000009Z", 0, False),
        ("2026-11-30T12:00:00.123456789Z", "2026-11-30T12:00:00.123456Z", 0, False),
        ("2026-11-30T12:00:00.123456789Z", "2026-11-30T13:00:00,1234567890+01", 0, True),
        ("2026-11-30T12:00:00.00000000000000000000000000000000000000000001Z", NOON, 0, False),
        ("2026-11-30T12:00:00.000000001Z", "2026-11-30T12:00:00.000000002Z", 1e-9, True),
        ("2026-11-30T12:00:00.000000001Z", "2026-11-30T12:00:00.0000000021Z", 1e-9, False),
        ("2026-11-30T12:00:00.6Z", NOON, 0.6, True),
        (pd.Timestamp("2026-11-30T12:00:00.000000001Z"), "2026-11-30T12:00:00.000000001Z", 0, True),
        (pd.Timestamp("2026-11-30T12:00:00.000000001"), "2026-11-30T12:00:00.000000001Z", 0, True),
        (pd.Timestamp("2026-11-30T13:00:00.000000001+01:00"), "2026-11-30T12:00:00.0000009Z", 0, False),
        (pd.Timedelta(1), pd.Timedelta(900), 0, False),
        (pd.Timedelta(-1), "-PT0.000000001S", 0, True),
        (pd.Timedelta(90, "min"), "PT1H30M", 0, True),
        (pd.NaT, NOON, 5, False),
        (pd.NaT, "PT1H", 5, False),
        (np.datetime64("2026-11-30T12:00:00.000000001"), "2026-11-30T12:00:00.000000001Z", 0, True),
        (np.datetime64("2026-11-30T12:00:00.000000001"), "2026-11-30T12:00:00Z", 1, True),
        (np.datetime64("2026-11-30T12:00:00.000000001"), NOON, 0, False),
        (np.timedelta64(1_000_000_001, "ns"), "PT1.000000001S", 0, True),
        (np.timedelta64(5, "M"), "PT1S", 5, False),
        (np.datetime64(10**9, "Y"), NOON, 5, False),
        (Timestamp(EPOCH_OF_NOON, 1), "2026-11-30T12:00:00.000000001Z", 0, True),
        (Timestamp(EPOCH_OF_NOON, 1), Timestamp(EPOCH_OF_NOON, 2), 0, False),
        (Timestamp(EPOCH_OF_NOON, 1), Timestamp(EPOCH_OF_NOON, 2), 1, True),
        (msgpack.Timestamp(EPOCH_OF_NOON, 1), "2026-11-30T12:00:00.000000001Z", 0, True),
        # A float is what reads as it.
        (EPOCH_OF_NOON + 0.1, "2026-11-30T12:00:00.1Z", 0, True),
        (EPOCH_OF_NOON + 0.1, NOON.replace(microsecond=100_000), 0, True),
        (EPOCH_OF_NOON + 0.123456789, "2026-11-30T12:00:00.123456789Z", 0, True),
        (EPOCH_OF_NOON * 1e3 + 0.123456, "2026-11-30T12:00:00.000123456Z", 0, True),
        (EPOCH_OF_NOON + 0.123456789, "2026-11-30T12:00:00.123457Z", 0, False),
        (EPOCH_OF_NOON + 0.1, "2026-11-30T12:00:00.100001Z", 0, False),
        (EPOCH_OF_NOON + 0.1, decimal.Decimal("1796040000.1"), 0, True),
        (1.1, "PT1.1S", 0, True),
        (1.1, datetime.timedelta(seconds=1.1), 0, True),
        (1e30, "PT1S", 5, False),
        # What else ISO 8601, RFC 3339 and those who use them know.
        ("2026-11-30t12:00:00z", NOON, 0, True),
        ("2026-11-30_12:00:00.000Z", NOON, 0, True),
        ("2026-11-30 12:00:00 UTC", NOON, 0, True),
        ("2026-11-30 12:00:00 +0000 UTC", NOON, 0, True),
        ("2026-11-30 13:00:00 +0100", NOON, 0, True),
        ("2026-11-30T13:00:00\u22120100", "2026-11-30T14:00Z", 0, True),
        ("2026-11-30T13:00+01:00[Europe/Berlin]", NOON, 0, True),
        ("2026-11-30T12:00[Europe/Berlin]", NOON, 0, False),
        ("20261130T120000Z", NOON, 0, True),
        ("2026-W49-1T12", NOON, 0, True),
        ("2026W491T12Z", NOON, 0, True),
        ("2026-334T12:00", NOON, 0, True),
        ("2026-366", "2027-01-01", 0, False),
        ("2024-366", "2024-12-31", 0, True),
        ("0000-001", "0000-001T00", 0, False),
        ("2026-11-30T11.5Z", "2026-11-30T11:30Z", 0, True),
        ("2026-11-30T11:30.5Z", "2026-11-30T11:30:30Z", 0, True),
        ("2026-11-30+01:00", "2026-11-29T23:00:00Z", 0, True),
        ("2026-11-29T24:00:00Z", "2026-11-30T00:00:00Z", 0, True),
        ("2026-11-29T24:00:01Z", "2026-11-30T00:00:01Z", 0, False),
        ("2026-11-29T25:00:00Z", "2026-11-30T01:00:00Z", 0, False),
        ("9999-12-31T24:00:00Z", Timestamp(253_402_300_800, 0), 0, True),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", 0, True),
        ("2017-01-01T05:29:60.25+05:30", "2017-01-01T00:00:00.25Z", 0, True),
        ("Sat, 31 Dec 2016 23:59:60 GMT", "2017-01-01T00:00:00Z", 0, True),
        ("2026-11-30T12:00:60Z", "2026-11-30T12:01:00Z", 0, False),
        ("2026-11-30T12:60Z", "2026-11-30T13:00Z", 0, False),
        ("2026-11-30T12:00+25:00", "2026-11-30T11:00", 0, False),
        ("2026-02-30", "2026-03-02", 0, False),
        ("99999999", 99_999_999, 0, True),
        ("Mon, 30 Nov 2026 12:00:00 +0000", NOON, 0, True),
        ("Mon, 30 Nov 2026 12:00:00 -0000", NOON, 0, True),
        ("Mon, 30 Nov 2026 12:00:00 CET", NOON, 0, False),
        ("-PT1S", "PT-1S", 0, True),
        ("-PT-1S", "+PT+1S", 0, True),
        ("PT\u22121S", -1, 0, True),
        ("PT0.5H", "PT30M", 0, True),
        ("p1dt0,5m", "PT86430S", 0, True),
        ("PT1H-30M", "PT30M", 0, True),
    ],
)
def test_times_written_in_another_way(primary, shadow, within, expected):
    assert same(primary, shadow, SameTime("$.v", within=within)) is expected
    assert same(shadow, primary, SameTime("$.v", within=within)) is expected


@pytest.mark.parametrize(
    ("primary", "shadow", "expected"),
    [
        ("2026-11-30T12:00:00.000000001Z", "2026-11-30T12:00:00.000000901Z", False),
        ("2026-11-30T12:00:00.000000001Z", "2026-11-30T12:00:00.000000002Z", True),
        ("2026-11-30T12:00:00z", "2026-11-30 12:00:00.000000001 UTC", True),
        ("2026-11-30T12:00:00Z", "2026-11-30T12:00:00", False),
        ("Mon, 30 Nov 2026 12:00:00 GMT", "Mon, 30 Nov 2026 12:00:00 UTC", False),
        ("1796040000", "1796040000.0", False),
        ("PT1S", "PT1.0S", False),
        (pd.Timestamp("2026-11-30T12:00:00.000000001Z"), Timestamp(EPOCH_OF_NOON, 2), True),
        (pd.Timestamp("2026-11-30T12:00:00.000000001Z"), Timestamp(EPOCH_OF_NOON, 3), False),
        (pd.Timestamp("2026-11-30T12:00:00.000000001"), NOON.replace(tzinfo=None), True),
        (pd.Timedelta(1), datetime.timedelta(0), True),
        (pd.Timedelta(2), datetime.timedelta(0), False),
        (NOON.replace(tzinfo=None), NOON.date(), False),
        (NOON, datetime.timedelta(0), False),
    ],
)
def test_a_tolerance_of_a_nanosecond(primary, shadow, expected):
    assert same(primary, shadow, Tolerance("$.v", abs=1e-9)) is expected
    assert same(shadow, primary, Tolerance("$.v", abs=1e-9)) is expected


def test_an_hour_that_is_there_twice_is_not_close_to_itself():
    first = datetime.datetime(2026, 10, 25, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    assert not same(first, first.replace(fold=1), Tolerance("$.v", abs=1))
    assert same(first, first.replace(fold=1), Tolerance("$.v", abs=3600))
    assert not same(first, first.replace(fold=1), SameTime("$.v"))


def ways_to_say(whole, nanoseconds):
    """Spellings of a number, a point in time and a duration, and of some near them."""
    exact = decimal.Decimal(whole) + decimal.Decimal(nanoseconds).scaleb(-9)
    ways = [str(exact), f" +{exact}0" if nanoseconds else f"+0{whole}.", exact, float(exact), fractions.Fraction(exact)]
    ways += [
        decimal.Decimal(float(exact)),
        f"PT{exact}S",
        f"PT{whole}S",
        whole,
        str(whole),
        whole * 10**9 + nanoseconds,
    ]
    ways += ["A", "a ", None, np.float32(exact), np.longdouble(float(exact))]
    if whole < 2**60:
        at = datetime.datetime.fromtimestamp(whole, UTC)
        fine = np.datetime64(whole * 10**9 + nanoseconds, "ns")
        ways += [
            at,
            at.replace(tzinfo=None),
            at.date(),
            at.isoformat(),
            f"{at:%Y%m%d}",
            f"{at:%a, %d %b %Y %H:%M:%S} GMT",
        ]
        ways += [f"{at:%Y-%m-%d %H:%M:%S}.{nanoseconds:09}z", at.replace(microsecond=nanoseconds // 1000), fine]
        ways += [pd.Timestamp(fine), pd.Timestamp(fine, tz="UTC"), Timestamp(whole, nanoseconds)]
        ways += [np.timedelta64(nanoseconds, "ns"), pd.Timedelta(nanoseconds), datetime.timedelta(seconds=whole)]
    return ways


#: Every selection of them is tried.
ABOUT_SCALARS = [SameNumber("$"), SameTime("$"), SameText("$", ignore_case=True, ignore_blanks=True)]


@pytest.mark.parametrize("number", range(1, 8))
def test_what_has_one_canonical_form_is_the_same(number):
    rules = [rule for bit, rule in enumerate(ABOUT_SCALARS) if number >> bit & 1]
    by_form = collections.defaultdict(list)
    for whole in (0, 5, 20_261_130, EPOCH_OF_NOON, -1, 2**61 - 1):
        for nanoseconds in (0, 1, 2, 100_000_000, 500_000_000, 123_456_789, 123_456_000):
            for value in ways_to_say(whole, nanoseconds):
                by_form[canonical(value, rules)].append(value)
    del by_form[None]
    assert max(map(len, by_form.values())) > 10
    for values in by_form.values():
        for one, other in itertools.pairwise([*values, values[0]]):
            assert alike(one, other, rules) or same_scalar(one, other), (one, other)


@pytest.mark.parametrize(
    ("rule", "texts", "values"),
    [
        (SameNumber("$[*]"), [f"{n}.1" for n in range(700)], [n + 0.1 for n in range(700)]),
        (
            SameTime("$[*]"),
            [f"2026-11-30T12:{n // 60:02}:{n % 60:02}.1Z" for n in range(700)],
            [EPOCH_OF_NOON + n + 0.1 for n in range(700)],
        ),
    ],
)
def test_floats_beside_texts_in_any_order(rule, texts, values):
    random.Random(1).shuffle(values)
    assert found(texts, values, rule, Unordered("$")) == []


@pytest.mark.parametrize(
    "text",
    [
        *("1e-9999", "PT" + "9" * 61 + "S", "2026-11-30Z" + "[" * 53, "2026-11-30Z" + "[]" * 26, "(" * 64, "1 " * 32),
        *(
            "." * 64,
            "P" + "1,1" * 21,
            "+" * 64,
            "Mon, " + "30 Nov " * 8,
            "0." + "0" * 900 + "1",
            "\u0661" * 8,
            " " * 64,
        ),
    ],
)
def test_hostile_texts_are_nothing_or_what_they_say(text):
    for rule in ABOUT_SCALARS[:2]:
        assert not alike(text, NOON, [rule])
        if canonical(text, [rule]) is not None:
            assert alike(text, f" {text}", [rule])


def test_a_default_is_the_same_as_nothing():
    assert found({"a": 1, "b": None}, {"a": 1}) == [("removed", "$['b']")]
    assert found({"a": 1, "b": None}, {"a": 1}, Default("$.b")) == []
    assert found({"a": 1}, {"a": 1, "b": 0.0}, Default("$.b", 0)) == []
    assert found({"a": 1}, {"a": 1, "b": []}, Default("$.b", [])) == []
    assert found({"a": 1}, {"a": 1, "b": 0}, Default("$.b")) == [("added", "$['b']")]
    assert found({"a": 1, "b": None}, {"a": 1, "b": 0}, Default("$.b"), Default("$.b", 0)) == []
    assert found({"a": 1, "b": None}, {"a": 1, "b": 2}, Default("$.b"), Default("$.b", 0)) == [("type", "$['b']")]
    assert found([1, None], [1], Default("$..*")) == [("removed", "$[1]")]  # an element is no member
    assert found([None, 2, 1], [1, 2], Default("$[*]"), Unordered("$")) == [("removed", "$[0]")]
    assert (
        found([{"id": 1, "x": None}, {"id": 2}], [{"id": 2, "x": None}, {"id": 1}], *(Default("$..x"), Unordered("$")))
        == []
    )


@pytest.mark.parametrize(
    ("value", "rules"),
    [
        (1e-12, [Default("$..a", 0), Tolerance("$..a", abs=1e-9)]),
        ("  ", [Normalize("$..a", str.strip), Default("$..a", "")]),
        ("None", [Default("$..a", "none"), SameText("$..a", ignore_case=True)]),
        ("0", [Default("$..a", 0), SameNumber("$..a")]),
        ([2, 1], [Default("$..a", [1, 2]), Unordered("$..a")]),
        ({"b": {"c": None}}, [Default("$..*"), Default("$..*", {})]),
        ({"b": 1}, [Default("$..a", {}), IgnoreName("b")]),
    ],
)
def test_what_is_a_default_by_another_rule_is_the_same_as_nothing(value, rules):
    for more in (rules, rules[::-1]):
        assert found({"a": value}, {}, *more) == []
        assert found({}, {"a": value}, *more) == []
        assert found([{"a": value, "x": 1}, {"x": 2}], [{"x": 2}, {"x": 1}], *more, Unordered("$")) == []
        assert found({"a": value}, {"a": "x"}, *more, Default("$.a", "x")) == []
    for one in rules:
        assert found({"a": value}, {}, one) == [("removed", "$['a']")]


def test_a_default_stands_on_the_side_that_has_nothing():
    assert found({}, {"a": {"b": 1}}, Default("$.a", {}), Subset("$.a")) == []
    assert found({"a": {"b": 1}}, {}, Default("$.a", {}), Subset("$.a")) == [("removed", "$['a']")]


def test_only_what_is_asked_for_is_compared():
    rule = Only(("$.id", "$.items[*].price"))
    one = {"id": 1, "at": 1, "items": [{"price": 1, "sku": "a"}], "more": {"x": 1}}
    assert found(one, {"id": 1, "at": 2, "items": [{"price": 1, "sku": "b"}], "other": None}, rule) == []
    assert found(one, {**one, "id": {"a": 2}}, rule) == [("type", "$['id']")]
    assert found(one, {**one, "items": [{"price": {"eur": 1}}]}, rule) == [("type", "$['items'][0]['price']")]
    assert found({"id": {"a": {"b": 1}}}, {"id": {"a": {"b": 2}}}, rule) == [("changed", "$['id']['a']['b']")]
    assert found(one, {**one, "items": [*one["items"], {"price": 2}]}, rule) == [("added", "$['items'][1]")]
    assert found(one, {**one, "items": [*one["items"], {}, 5]}, rule) == []  # no price is there
    deep = Only("$..price")
    assert found({"a": {"price": 1, "x": 1}, "b": 1}, {"a": {"price": 1, "x": 2}, "b": 2, "c": {"x": 1}}, deep) == []
    assert found({"a": 1}, {"a": [{"price": 1}]}, deep) == [("type", "$['a']")]
    assert found({"a": 1}, {"a": "x"}, Only("$.a.b")) == []
    assert found({"a": {1}}, {"a": {2}}, Only("$.a.b")) == []
    wide = [{"x": number} for number in range(2_000)]
    assert found({"a": 1}, {"a": wide}, Only("$..price")) == [("type", "$['a']")]  # too large to find out
    assert found([{"id": 1, "v": 1}, {"id": 2, "v": 2}], [{"v": 7}, {"id": 2}], Only("$[*].v"), Unordered("$")) != []
    assert found(one, {"id": 2, "items": []}, rule, IgnoreName("i*")) == []
    assert found([3, {"id": 1}], [{"id": 1}, 4], Only("$[*].id"), Unordered("$")) == []
    assert found([{"id": 1}, {"id": 2}], [{"id": 3}, {"id": 1}], Only("$[*].id"), Unordered("$")) != []


def test_names_by_pattern():
    rule = IgnoreName("*_at")
    one, other = {"made_at": 1, "b": [{"x_at": [1], "at": 1}]}, {"b": [{"y_at": 2, "at": 2}]}
    assert found(one, other, rule) == [("changed", "$['b'][0]['at']")]
    assert found(one, other, rule, IgnoreName("at")) == []
    assert found({"A_AT": 1}, {}, rule) == [("removed", "$['A_AT']")]
    assert found([{"id": 1, "x_at": 1}, {"id": 2}], [{"id": 2, "x_at": 3}, {"id": 1}], rule, Unordered("$")) == []
    assert found({"n1_at": {"v": 1}}, {"n1_at": {"v": 2}}, rule, Tolerance("$.n1_at.v", abs=0.1)) == []
    many = {f"{number}_at": number for number in range(2_000)}
    assert found(many, {}, rule) == []


def test_keys_of_several_members_and_of_members_of_members():
    one = [{"p": {"id": 1}, "l": "de", "v": 1}, {"p": {"id": 1}, "l": "en", "v": 2}, {"l": "de", "v": 3}]
    other = [{"l": "de", "v": 3}, {"p": {"id": 1}, "l": "en", "v": 2}, {"p": {"id": 1}, "l": "de", "v": 9}]
    rule = KeyedBy("$", ("@.p.id", "l"))
    assert found(one, other, rule) == [("changed", "$[0]['v']")]
    assert found(one, other, rule, Tolerance("$[*].p.id", abs=0.1)) == [("changed", "$[0]['v']")]
    assert found(one[:2], other[1:2], rule) == [("removed", "$[0]")]
    assert found([{"p": 3, "v": 1}, {"v": 2}], [{"v": 2}, {"p": 4, "v": 1}], KeyedBy("$", "@.p.id")) == [
        ("changed", "$[0]['p']")
    ]


def test_what_is_on_one_side_only_may_be_accepted():
    asked = []
    rule = Accept(lambda a, b: asked.append((a, b)) or b is None, "$.b")
    assert found({"a": 1, "b": "x"}, {"a": 1}, rule) == []
    assert found({"a": 1}, {"a": 1, "b": "x"}, rule) == [("added", "$['b']")]
    assert asked == [("x", None), (None, "x")]
    odd = Accept(lambda a, b: a is None or b is None, "$[*]")
    assert found([1, 2, 3], [3, 4], odd, Unordered("$")) == []
    assert found({1, 2}, {2, 3}, odd) == []
    assert found([1, 2], [2, 1, 7], Accept(lambda a, b: a == 7, "$[*]"), Unordered("$")) == [("added", "$[2]")]


def test_each_selection_of_functions_is_a_way_to_be_the_same():
    first, second = Normalize("$.v", lambda text: text[0]), Normalize("$.v", lambda text: text[::-1])
    assert same("ab", "ac", first)
    assert same("ab", "ac", second, first)  # although reversed they begin otherwise
    assert same("ab", "cb", second, first)
    assert not same("ab", "cd", second, first)
    assert same(1.49, 1.51, Tolerance("$.v", abs=0.1), Normalize("$.v", round))
    assert same("a\nb", "a\nc", Normalize("$.v", str.splitlines), Accept(lambda *_: True, "$.v[1]"))


def test_a_function_of_a_whole_text_leaves_its_lines():
    config = ShadowConfig(ignore=[Accept(lambda *_: True, "$[1]"), Normalize("$", str.upper)])
    assert Divergence.compare("a\nb", "a\nc", config) is None
