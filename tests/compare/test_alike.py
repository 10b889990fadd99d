"""Rules by which two values that are not equal are the same: texts, numbers, times, what is not there. Pure."""

from __future__ import annotations

import datetime
import decimal

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
    Tolerance,
    Unordered,
)

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
        ("1" * 65, int("1" * 65), False),
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
    ],
)
def test_times_written_in_another_way(primary, shadow, within, expected):
    assert same(primary, shadow, SameTime("$.v", within=within)) is expected
    assert same(shadow, primary, SameTime("$.v", within=within)) is expected


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
