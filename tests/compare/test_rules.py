"""The rules: what each takes away and what it leaves; what they refuse. Pure."""

from __future__ import annotations

import copy
import datetime
import decimal
import fractions
import json
import math
import uuid
from enum import Enum
from typing import NamedTuple

import numpy
import pytest

from trioshadow import Divergence, IgnoreField, ResponseRecord, ShadowConfig
from trioshadow.compare import (
    VOLATILE_HEADERS,
    Accept,
    CompareWith,
    Default,
    HeaderAs,
    IgnoreCookie,
    IgnoreHeader,
    IgnoreName,
    IgnorePath,
    KeyedBy,
    Normalize,
    Only,
    SameError,
    SameNumber,
    SameText,
    SameTime,
    SameType,
    Subset,
    Tolerance,
    Undecided,
    Unordered,
)

from tests.support.comparing import compare, found
from tests.support.portable import said_by

# ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

ALL = [
    IgnoreHeader("x-request-id"),
    HeaderAs("x-at", "date", within=1),
    IgnoreCookie("sid", "expires"),
    IgnorePath("$.a"),
    Tolerance("$.a", abs=0.1),
    Unordered("$.a"),
    KeyedBy("$.a", "id"),
    Subset("$.a"),
    Normalize("$.a", str.lower),
    Accept(len),
    SameError(KeyError, ValueError),
    IgnoreName("*_at"),
    Only(["$.a", "$.b"]),
    Default("$.a", []),
    SameText("$.a", ignore_case=True),
    SameNumber("$.a"),
    SameTime("$.a", within=1),
    KeyedBy("$.a", ("id", "@.b.c")),
    SameType(int, "shop.Order"),
    CompareWith("numpy.ndarray", max),
]


def test_a_default_is_made_of_builtins_and_plain_scalars():
    circle = []
    circle.append(circle)
    for value in (
        None,
        1,
        decimal.Decimal(1),
        "",
        b"",
        datetime.date(2026, 11, 30),
        uuid.UUID(int=1),
        {"a": [(1,), {2}]},
        Color.RED,
        circle,
    ):
        assert Default("$.a", value).value is value


def test_rules_are_data():
    config = ShadowConfig(ignore=[*ALL, IgnoreField.STATUS])
    assert hash(config) == hash(ShadowConfig(ignore=[*ALL, IgnoreField.STATUS]))
    assert config == ShadowConfig(ignore=(*ALL, IgnoreField.STATUS))
    assert IgnoreHeader("X-Request-ID") == ALL[0]
    for rule in ALL:
        assert repr(rule).startswith(type(rule).__name__ + "(")
        with pytest.raises(AttributeError):
            rule.path = "$.b"


Color = Enum("Color", "RED")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: IgnoreHeader(""), ValueError, "name must be the name of a header"),
        (lambda: IgnoreHeader(b"x"), TypeError, "name must be a str, not bytes"),
        (lambda: IgnorePath(None), TypeError, r"path must be a str such as '\$.items\[\*\].id', not NoneType"),
        (lambda: IgnorePath("a"), ValueError, "path must be an RFC 9535 path: 'a', at character 0"),
        (lambda: Tolerance("$.a"), ValueError, "Tolerance takes abs= or rel=, above 0"),
        (lambda: Tolerance("$.a", abs=-1), ValueError, r"abs must be a number in \[0, inf\), not -1"),
        (lambda: Tolerance("$.a", rel=math.nan), ValueError, r"rel must be a number in \[0, inf\), not nan"),
        (lambda: Tolerance("$.a", abs=math.inf), ValueError, "abs must be a number in"),
        (lambda: Tolerance("$.a", abs="1"), TypeError, "abs must be a number, not str"),
        (lambda: Tolerance("$.a", abs=True), TypeError, "abs must be a number, not bool"),
        (lambda: Unordered("$["), ValueError, "path must be"),
        (lambda: KeyedBy("$", ""), ValueError, "field must be the name of a member"),
        (lambda: KeyedBy("$", "$.id"), ValueError, "field must be the name of a member, such as 'id', or a path"),
        (lambda: KeyedBy("$", "@.id[*]"), ValueError, "field must be the name of a member, or a path of names"),
        (lambda: KeyedBy("$", "@"), ValueError, "field must be the name of a member, or a path of names"),
        (lambda: KeyedBy("$", ()), ValueError, "field must be the name of a member"),
        (lambda: KeyedBy("$", ("id", "id")), ValueError, "of several each once, not"),
        (lambda: KeyedBy("$", ["@.a['b']", "c", "@.a.b"]), ValueError, "of several each once, not"),
        (lambda: Default("$.a", object()), TypeError, "value must be a value of JSON, or of other scalars, not object"),
        (lambda: Default("$.a", {"a": [1, {2: len}]}), TypeError, "value must be a value of JSON, .* not dict"),
        (lambda: Default("$.a", {object(): 1}), TypeError, "value must be a value of JSON, .* not dict"),
        (lambda: KeyedBy("$", ("id", 3)), TypeError, "field must be a str, or a tuple of them"),
        (lambda: Only(()), ValueError, "paths must be at least one RFC 9535 path"),
        (lambda: Only(3), TypeError, "paths must be a str such as"),
        (lambda: Only("id"), ValueError, "path must be an RFC 9535 path"),
        (lambda: IgnoreName(""), ValueError, "name must be the name of a member"),
        (lambda: SameText("$.a"), ValueError, "SameText takes ignore_case=True"),
        (lambda: SameText("$.a", pattern="("), ValueError, "pattern must be a regular expression"),
        (lambda: SameTime("$.a", within=-1), ValueError, "within must be a number in"),
        (lambda: IgnoreHeader("set-cookie sid"), ValueError, "name must be the name of a header, which has no blanks"),
        (lambda: KeyedBy("$", 3), TypeError, "field must be a str, or a tuple of them, not int"),
        (lambda: Subset(3), TypeError, "path must be a str"),
        (lambda: Normalize("$", "lower"), TypeError, "function must be a function, not str"),
        (lambda: Accept(None), TypeError, "predicate must be a function, not NoneType"),
        (lambda: Accept(len, 3), TypeError, "path must be a str"),
        (lambda: Accept(len, "x"), ValueError, "path must be"),
        (
            lambda: SameError(KeyError, "ValueError"),
            TypeError,
            "shadow must be an exception class, not str: 'ValueError'",
        ),
        (lambda: SameError(int, KeyError), TypeError, "primary must be an exception class, not type: <class 'int'>"),
        (lambda: SameType(int, 3), TypeError, "shadow must be a class, or its name, not int: 3 is not a class, or its"),
        (lambda: SameType("Order", int), ValueError, "primary must be a class, or its name with the package"),
        (lambda: CompareWith("shop..Order", max), ValueError, "type must be a class, or its name with the package"),
        (lambda: CompareWith(int, "max"), TypeError, "function must be a function, not str"),
        (lambda: SameError(KeyError(), KeyError), TypeError, "primary must be an exception class, not KeyError"),
    ],
)
def test_a_rule_is_checked_where_it_is_made(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)
USER = {"id": 1, "identity": "a", "meta": {"at": 1, "by": "x"}}
OTHER = {"id": 2, "identity": "b", "meta": {"at": 2, "by": "y"}}


def test_an_ignored_path_takes_all_below_it_and_nothing_beside_it():
    assert found(USER, OTHER) == [
        ("changed", "$['id']"),
        ("changed", "$['identity']"),
        ("changed", "$['meta']['at']"),
        ("changed", "$['meta']['by']"),
    ]
    assert found(USER, OTHER, IgnorePath("$..id"), IgnorePath("$.meta")) == [("changed", "$['identity']")]
    assert found(USER, OTHER, IgnorePath("$.*")) == []
    assert found(USER, OTHER, IgnorePath("$")) == []
    assert found({"a": 1}, {"b": 1}, IgnorePath("$.a")) == [("added", "$['b']")]
    assert found({"a": 1}, {}, IgnorePath("$.a")) == []
    assert found({}, {"a": [1, 2]}, IgnorePath("$..a")) == []
    assert found([{"id": 1}, {"id": 2, "x": 1}], [{"id": 3}, {"id": 4, "x": 2}], IgnorePath("$[*].id")) == [
        ("changed", "$[1]['x']")
    ]


def test_bytes_that_are_no_document_have_no_places_for_rules():
    divergence = compare(b"abc", b"abd", IgnorePath("$.x"), Tolerance("$", abs=1))
    assert divergence == compare(b"abc", b"abd")
    assert divergence.body.excerpts == (b"abc", b"abd")


def test_the_root_can_be_ignored_also_of_bytes():
    assert compare(b"abc", b"abd", IgnorePath("$")) is None
    assert compare(ResponseRecord(b"abc"), ResponseRecord(b"abd", status=500), IgnorePath("$")) == Divergence(
        status=(200, 500)
    )


@pytest.mark.parametrize(
    ("primary", "shadow", "close"),
    [
        (100, 101, True),
        (100, 102, False),
        (100, 100.5, True),
        (100.0, decimal.Decimal("100.9"), True),
        (fractions.Fraction(1, 3), 1.3, True),
        (2**2000, 2**2000 + 1, True),
        (2**2000, 2**2000 + 2, False),
        (decimal.Decimal("1e999999999"), decimal.Decimal("1e999999998"), False),
        (1.0, decimal.Decimal("1e999999998"), False),
        (math.inf, 1, False),
        (math.inf, -math.inf, False),
        (math.nan, 1.0, False),
        (True, 1, False),
        (1j, 1.5j, False),
        ("100", "101", False),
        (NOON, NOON + SECOND, True),
        (NOON, NOON + 2 * SECOND, False),
        (NOON, (NOON + SECOND).replace(tzinfo=None), False),
        (datetime.date(2026, 1, 1), datetime.date(2026, 1, 2), False),
        (datetime.timedelta(seconds=1), datetime.timedelta(seconds=2), True),
        ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00.9+01:00", True),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z", False),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00", False),
        ("2026-01-01T00:00:00Z", "yesterday", False),
        ("2026-01-01" + " " * 100, "2026-01-01" + " " * 99, False),
        ([100], [101], False),
        (True, False, False),
    ],
)
def test_a_tolerance_in_units_and_seconds(primary, shadow, close):
    for one, other in ((primary, shadow), (shadow, primary)):
        assert (found({"a": one}, {"a": other}, Tolerance("$.a", abs=1)) == []) is close


def test_a_relative_tolerance_is_of_the_larger():
    # The example of the docstring: 99 and 100 are within 1 %, 98 and 100 are not.
    rule = Tolerance("$", rel=0.01)
    assert found(99, 100, rule) == found(100, 99, rule) == []
    assert found(98, 100, rule) == [("changed", "$")]
    assert found(0.0, 1e-9, rule) == [("changed", "$")]
    assert found(0.0, 1e-9, rule, Tolerance("$", abs=1e-6)) == []


def test_a_tolerance_is_for_its_place_only():
    assert found({"a": 1, "b": 1}, {"a": 2, "b": 2}, Tolerance("$.a", abs=1)) == [("changed", "$['b']")]


def test_a_subset_lets_the_shadow_add():
    assert found({"a": {}}, {"a": {"x": 1}, "b": 2}, Subset("$.a")) == [("added", "$['b']")]
    assert found({"a": {"x": {}}}, {"a": {"x": {"y": 1}}}, Subset("$.a")) == [("added", "$['a']['x']['y']")]
    assert found({"a": {"x": {}}}, {"a": {"x": {"y": 1}}, "z": 1}, Subset("$"), Subset("$..*")) == []
    assert found({"a": 1, "c": 1}, {"a": 2, "b": 1}, Subset("$")) == [("changed", "$['a']"), ("removed", "$['c']")]


def test_normalize_compares_what_a_function_makes_of_both():
    assert found({"a": "X "}, {"a": "x"}, Normalize("$.a", str.strip), Normalize("$.a", str.lower)) == []
    assert found({"a": "X"}, {"a": "y"}, Normalize("$.a", str.lower)) == [("changed", "$['a']")]
    assert found({"a": '{"x": 1}'}, {"a": '{"x":2}'}, Normalize("$.a", json.loads)) == [("changed", "$['a']['x']")]
    assert compare(b"a\n", b"a", Normalize("$", bytes.strip)) is None
    assert found("a\nb \n", "a\nb\n", Normalize("$[*]", str.rstrip)) == []


def test_what_is_the_same_is_not_normalized():
    assert found({"p": 1}, {"p": 1.0}, Normalize("$.p", str)) == []
    assert found({"p": [1]}, {"p": (1.0,)}, Normalize("$.p", str)) == []
    assert found([{"p": 1}, 0], [0, {"p": 1.0}], Unordered("$"), Normalize("$[*].p", str)) == []


@pytest.mark.parametrize(
    ("function", "place"),
    [
        (lambda value: sorted(value) if type(value) is str else value, "$['a'][0]"),
        (lambda value: value.split() if type(value) is str else value, "$['a'][0]"),
        (lambda value: [value, value], "$['a'][0]"),
        (lambda value: {"x": value}, "$['a']['x']"),
    ],
)
def test_a_normalize_that_puts_a_value_into_another_does_not_do_so_again_below(function, place):
    """It would do so without end."""
    deep = Normalize("$..*", function)
    assert found({"a": "x"}, {"a": "y"}, deep)[0] == ("changed", place)
    assert found({"a": "X"}, {"a": "x"}, deep, Normalize("$..*", lower)) == []
    assert found(["x", "y"], ["y", "x"], deep, Unordered("$")) == []
    assert found(["x", "y"], ["y", "z"], deep, Unordered("$")) != []


def lower(value):
    return value.lower() if type(value) is str else value


def test_a_normalize_is_called_again_for_what_it_makes_of_a_text():
    """Such as a text that has another in it."""
    inner, other = ('{"x": 1, "y": 2}', '{"y": 2, "x": 1}')
    loads = Normalize("$..*", lambda value: json.loads(value) if type(value) is str else value)
    assert found({"a": json.dumps({"b": inner})}, {"a": json.dumps({"b": other})}, loads) == []
    assert found({"a": json.dumps({"b": inner})}, {"a": {"b": other}}, loads) == []


def test_a_normalize_that_makes_more_and_more_is_undecided():
    """A copy of a value in another is not known for it, so it ends at some depth."""
    more = Normalize("$..*", lambda value: {"x": copy.deepcopy(value)})
    with pytest.raises(Undecided, match="functions are not called more than 1,000 levels deep"):
        compare({"a": ["x"]}, {"a": ["y"]}, more)
    with pytest.raises(Undecided):
        compare([["x"], ["y"]], [["y"], ["z"]], more, Unordered("$"))


def test_a_normalize_that_raises_changes_nothing_and_says_so():
    divergence = compare({"a": "1", "b": 1}, {"a": "x", "b": 2}, Normalize("$.a", int))
    assert [change.path for change in divergence.body.changes] == ["$['a']", "$['b']"]
    (note,) = divergence.body.notes
    assert note == f"Normalize raised ValueError at $.a: {said_by(int, 'x')}"


def test_a_key_is_the_same_whatever_kind_of_number_it_is():
    for one, other in ((1, 1.0), (1, decimal.Decimal(1)), (1.5, decimal.Decimal("1.5")), (2**70, float(2**70))):
        assert found([{"id": one, "p": 1}, {"id": 7}], [{"id": 7}, {"id": other, "p": 1}], KeyedBy("$", "id")) == []
    for one, other in ((1, True), (1, "1"), (0, None), (0, False), ("1", b"1")):
        assert len(found([{"id": one}, {"id": 7}], [{"id": 7}, {"id": other}], KeyedBy("$", "id"))) == 2


@pytest.mark.parametrize(("one", "other"), [("0", "null"), ("0", "false"), ("1", "true"), ("1", '"1"'), ("{}", "0")])
def test_a_key_in_a_body_is_no_other_key(one, other):
    sides = (f'[{{"id": {one}}}, {{"id": 7}}]', f'[{{"id": 7}}, {{"id": {other}}}]')
    bodies = [ResponseRecord(side.encode(), headers={"content-type": "application/json"}) for side in sides]
    assert len(found(*bodies, KeyedBy("$", "id"))) == 2


@pytest.mark.parametrize(
    ("one", "other"), [("1", "true"), ("1", "1.5"), ("[1]", "[true]"), ('{"a": 0}', '{"a": false}')]
)
def test_one_that_is_another_is_found_in_a_long_array(one, other):
    sides = (f"[{', '.join([one] * 200)}]", f"[{', '.join([*[one] * 150, other, *[one] * 49])}]")
    bodies = [ResponseRecord(side.encode(), headers={"content-type": "application/json"}) for side in sides]
    ((_, path),) = found(*bodies)
    assert path.startswith("$[150]")


def test_strictly_a_key_of_another_type_is_another_key():
    bodies = (b'[{"id": 1}, {"id": 7}]', b'[{"id": 7}, {"id": 1.0}]')
    records = [ResponseRecord(body, headers={"content-type": "application/json"}) for body in bodies]
    assert found(*records, KeyedBy("$", "id")) == []
    kinds = [kind for kind, _ in found(*records, KeyedBy("$", "id"), strict=True)]
    assert sorted(kinds) == ["added", "removed"]


def test_accept_of_a_place():
    def either(primary, shadow):
        return {primary, shadow} == {"gray", "grey"}

    assert found({"a": "gray"}, {"a": "grey"}, Accept(either, "$.a")) == []
    assert found({"a": "gray"}, {"a": "red"}, Accept(either, "$.a")) == [("changed", "$['a']")]
    assert found({"a": "gray"}, {}, Accept(either, "$.a")) == [("removed", "$['a']")]
    assert found({"a": [1]}, {"a": [2]}, Accept(lambda one, other: len(one) == len(other), "$.a")) == []
    divergence = compare({"a": 1}, {"a": []}, Accept(either, "$.a"))
    assert divergence.body.notes == (f"Accept raised TypeError at $.a: {said_by(either, 1, [])}",)


def test_a_function_need_not_be_hashable():
    class Function:
        __hash__ = None

        def __call__(self, *values):
            return True

    assert found([1], [2], Accept(Function(), "$[0]")) == []


def test_accept_of_the_whole_answers():
    seen = []

    def accept(primary, shadow):
        seen.append((primary, shadow))
        return shadow.status == 304

    old, new = ResponseRecord(b"x"), ResponseRecord(b"", status=304)
    assert compare(old, new, Accept(accept)) is None
    assert compare(old, ResponseRecord(b""), Accept(accept)) is not None
    assert compare(old, old, Accept(accept)) is None
    assert seen == [(old, new), (old, ResponseRecord(b""))]  # what is the same is no question
    with pytest.raises(ZeroDivisionError):
        compare(1, 2, Accept(lambda *_: 1 / 0))


def test_rules_hold_for_bodies_of_bytes_too():
    old = b'{"id": 1, "users": [{"id": 1, "n": "x"}, {"id": 2}], "tags": ["a", "b"], "at": 1.0}'
    new = b'{"id": 2, "users": [{"id": 3}, {"id": 1, "n": "y"}, {"id": 2}], "tags": ["b", "a"], "at": 1.5}'
    rules = (IgnorePath("$.id"), KeyedBy("$.users", "id"), Unordered("$.tags"), Tolerance("$.at", abs=1))
    assert found(old, new, *rules) == [("changed", "$['users'][0]['n']"), ("added", "$['users'][0]")]


def test_a_rule_for_the_elements_of_a_set():
    assert found({"a": {1, 2}}, {"a": {3}}, IgnorePath("$.a[*]")) == []
    assert found({"a": {1.0, 2}}, {"a": {1.1, 2}}, Tolerance("$.a[*]", abs=0.2)) == []


# ── arrays ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def users(*ids, **more):
    return [{"id": number, "name": f"user {number}", **more} for number in ids]


def test_by_index_one_insertion_changes_all():
    assert len(found(users(1, 2, 3), users(0, 1, 2, 3))) == 7


def test_keyed_by_one_insertion_is_one_change():
    rule = KeyedBy("$.users", "id")
    old, new = {"users": users(1, 2, 3)}, {"users": users(0, 3, 1, 2)}
    assert found(old, new, rule) == [("added", "$['users'][0]")]
    assert found(new, old, rule) == [("removed", "$['users'][0]")]
    new["users"][2]["name"] = "?"
    assert found(old, new, rule) == [("changed", "$['users'][0]['name']"), ("added", "$['users'][0]")]
    assert found(old, new, rule, IgnorePath("$.users[*].name")) == [("added", "$['users'][0]")]
    assert found(old, new, rule, IgnorePath("$.users[*]")) == []
    # An index means nothing there.
    assert found(old, {"users": users(3, 2)}, rule, IgnorePath("$.users[0]")) == [("removed", "$['users'][0]")]


def test_keyed_by_any_kind_of_key():
    assert found(
        [{"k": {"a": [1]}, "v": 1}, {"k": None}], [{"k": None}, {"k": {"a": [1.0]}, "v": 2}], KeyedBy("$", "k")
    ) == [("changed", "$[0]['v']")]
    # Twice the same key, no key, no object: in their order.
    old = [{"k": 1, "v": 1}, {"v": 1}, 7, {"k": 1, "v": 2}]
    new = [{"v": 1}, 7, {"k": 1, "v": 1}, {"k": 1, "v": 3}]
    assert found(old, new, KeyedBy("$", "k")) == [("changed", "$[3]['v']")]
    assert found(users(1), {"id": 1}, KeyedBy("$", "id")) == [("type", "$")]


def test_rules_for_the_key():
    assert (
        found(
            [{"id": "A"}, {"id": "b"}], [{"id": "B"}, {"id": "a"}], KeyedBy("$", "id"), Normalize("$[*].id", str.lower)
        )
        == []
    )
    assert found(users(1, 2), users(3, 4), KeyedBy("$", "id"), IgnorePath("$[*].id"), IgnorePath("$..name")) == []
    # A key is nothing but a way to show what differs: elements that are the same are so in any order.
    rules = (KeyedBy("$", "id"), Tolerance("$[*].id", abs=0.5))
    assert found([{"id": 1.0}, {"id": 2.0}], [{"id": 1.25}, {"id": 2.0}], *rules) == []
    assert found([{"id": 1.0}, {"id": 2.0}], [{"id": 2.0}, {"id": 1.25}], *rules) == []
    assert len(found([{"id": 1.0}, {"id": 2.0}], [{"id": 2.0}, {"id": 1.75}], *rules)) == 2
    key = type("Key", (tuple,), {"_fields": ("a", "b")})
    assert found([{"id": key((1, 2))}], [{"id": (1, 2)}], KeyedBy("$", "id")) == []


def test_unordered_elements():
    rule = Unordered("$")
    assert found([1, 2, 2, 3], [3, 2, 1, 2], rule) == []
    assert found([1, 2, 2], [2, 1, 1], rule) == [("changed", "$[2]")]
    assert found([1, 2], [2, 1, 2, 5], rule) == [("added", "$[2]"), ("added", "$[3]")]
    assert found([2, 1, 2, 5], [1, 2], rule) == [("removed", "$[2]"), ("removed", "$[3]")]
    assert found([1, 1, 9], [True, 1, 1.0], rule) == [("type", "$[2]")]
    assert found([[1, 2], [3]], [[3], [2, 1]], rule) == [("changed", "$[0][0]"), ("changed", "$[0][1]")]
    assert found([[1, 2], [3]], [[3], [2, 1]], rule, Unordered("$[*]")) == []
    assert found([1, 2], [3, "x"], rule) == [("changed", "$[0]"), ("type", "$[1]")]
    assert found([math.nan, 0.0, None], [None, -0.0, math.nan], rule) == []


def test_an_element_that_became_another_is_looked_into():
    old = users(1, 2, 3)
    new = [old[2], {**old[1], "name": "?"}, old[0]]
    assert found(old, new, Unordered("$")) == [("changed", "$[1]['name']")]


def test_unordered_elements_under_other_rules():
    old, new = users(1, 2, 3, at=5.0), users(3, 1, 2, at=5.5)
    assert len(found(old, new, Unordered("$"))) == 3
    assert found(old, new, Unordered("$"), IgnorePath("$[*].at")) == []
    assert found(old, new, Unordered("$"), IgnorePath("$..at")) == []
    assert found(old, new, Unordered("$"), Normalize("$[*].at", int)) == []
    assert found(old, new, Unordered("$"), Tolerance("$[*].at", abs=1)) == []
    assert found(old, users(3, 1, 2, at=5.0, extra=1), Unordered("$"), Subset("$[*]")) == []
    assert found(old, new, Unordered("$"), Accept(lambda *_: True, "$[*].at")) == []
    assert found(old, new, Unordered("$"), IgnorePath("$[*]")) == []
    # A rule's function that raises leaves the value as it is.
    assert found(["b", 1], [1, "b"], Unordered("$"), Normalize("$[*]", str.lower)) == []


def test_unordered_with_a_tolerance_finds_the_partners_that_leave_none_alone():
    # 1.0 is close to both, 1.8 to the one only: first come, first served would leave 1.8 alone.
    assert found([1.0, 1.8, 7], [1.4, 0.7, 7], Unordered("$"), Tolerance("$[*]", abs=0.45)) == []
    assert found([1.0, 0.0], [0.5, 1.5], Unordered("$"), Tolerance("$[*]", abs=0.5)) == []


def test_what_is_the_same_in_its_order_is_the_same_unordered():
    rules = (Tolerance("$[*]", abs=1), Unordered("$"))
    assert found([10, 11], [11, 12], *rules) == []
    assert found(list(range(100)), list(range(1, 101)), *rules) == []
    jitter = [{"v": number + 0.5} for number in range(3_000)]
    assert found([{"v": number} for number in range(3_000)], jitter, Tolerance("$[*].v", abs=1), Unordered("$")) == []
    assert found([[1, 5], [2, 5]], [[2], [1]], IgnorePath("$[*][1]"), Unordered("$")) == []

    class Named(NamedTuple):
        x: int

    assert found([(1,), Named(1)], [Named(1), {"x": 1}], Unordered("$")) == []


def test_a_text_among_elements_has_no_lines():
    # As the root it would have, and its first line would be ignored.
    rules = (Unordered("$"), IgnorePath("$[*][0]"), Tolerance("$[*]", abs=1))
    assert found(["a\nb", "x"], ["y", "c\nb"], *rules) == [("changed", "$[0]"), ("changed", "$[1]")]


def test_keyed_by_comes_before_unordered():
    assert found(users(1, 2), users(2, 1), Unordered("$"), KeyedBy("$", "id")) == []


def test_many_elements_that_only_a_comparison_can_tell(monkeypatch):
    rules = (Unordered("$"), Tolerance("$[*]", abs=0.1))
    old = [float(number) for number in range(2_000)]
    assert found(old, [value + 0.05 for value in old], *rules) == []
    assert found(old, [value + 0.05 for value in reversed(old)], *rules) == []
    divergence = compare(old, [*(value + 0.05 for value in reversed(old[1:])), -1.0], *rules)
    assert [(change.primary, change.shadow) for change in divergence.body.changes] == [(0.0, -1.0)]
    monkeypatch.setattr("trioshadow.compare._questions.LOOKS", 10)
    monkeypatch.setattr("trioshadow.compare._questions.OWN_LOOKS", 0)
    with pytest.raises(Undecided, match="too many pairs of elements"):
        compare(old[:20], [value + 0.05 for value in reversed(old[:20])], *rules)
    divergence = compare([old[:20], 1], [[*old[:19], 50.0, 60.0], 2], Unordered("$[0]"), Tolerance("$[0][*]", abs=0.1))
    assert [change.path for change in divergence.body.changes] == ["$[0]", "$[1]"]  # how many there are is sure


def test_no_pairing_by_greed():
    # 1.0 and 1.1 are within the tolerance of 1.05 both, and not of each other: 1.05 must not keep its equal.
    rules = (Unordered("$"), Tolerance("$[*]", abs=0.0625))
    assert found([1.0, 1.0625], [1.0625, 1.125], *rules) == []
    assert len(found([1.0, 1.0], [1.0625, 1.125], *rules)) == 1


def test_rules_that_can_not_go_together():
    with pytest.raises(ValueError, match="ignore takes one Only rule"):
        ShadowConfig(ignore=[Only("$.a"), Only("$.b")])
    functions = [Normalize(path, len) for path in ("$.a", "$.*", "$..a", "$..*", "$['a','b']", "$.b.a")]
    assert ShadowConfig(ignore=[*functions[:5], Normalize("$.b", len)]).ignore
    with pytest.raises(ValueError, match="more than 5 Normalize rules meet at one place"):
        ShadowConfig(ignore=[*functions, Normalize("$..['x','a']", len)])


# ── headers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def headers(primary, shadow, *rules):
    divergence = compare(ResponseRecord(b"", headers=primary), ResponseRecord(b"", headers=shadow), *rules)
    return (
        []
        if divergence is None
        else [*divergence.headers.added, *divergence.headers.removed, *divergence.headers.changed]
    )


def test_ignored_headers_by_name_and_glob():
    one, other = (
        {"X-Request-Id": "1", "x-b3-trace": "1", "ETag": "1"},
        {"x-request-ID": "2", "X-B3-Span": "1", "etag": "2"},
    )
    assert headers(one, other) == ["x-b3-span", "x-b3-trace", "etag", "x-request-id"]
    assert headers(one, other, IgnoreHeader("x-REQUEST-id"), IgnoreHeader("X-B3-*")) == ["etag"]
    assert headers(one, other, IgnoreHeader("*")) == []
    assert headers(one, other, IgnoreHeader("e?ag"), IgnoreHeader("x-[br]*")) == []
    assert headers({"date": "1"}, {"update": "1"}, IgnoreHeader("date")) == ["update"]


def test_the_volatile_headers_each_have_a_reason():
    assert all(rule.reason for rule in VOLATILE_HEADERS)
    names = [
        "Date",
        "Age",
        "Server",
        "Via",
        "Traceparent",
        "X-Request-Id",
        "Connection",
        "Transfer-Encoding",
        "X-Amzn-RequestId",
    ]
    kept = ["Content-Type", "ETag", "Set-Cookie", "Location", "Cache-Control", "Content-Encoding", "Last-Modified"]
    one, other = dict.fromkeys(names + kept, "1=1"), dict.fromkeys(names + kept, "2=2")
    assert headers(one, other, *VOLATILE_HEADERS) == sorted(name.lower() for name in kept)


# ── in place of the rules ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_comparator_of_ones_own_replaces_the_lot():
    seen = []

    def casefold(primary, shadow):
        seen.append((primary, shadow))
        return primary.lower() == shadow.lower()

    assert compare(b"A", b"a", compare=casefold) is None
    assert str(compare(b"A", b"b", compare=casefold)) == "body: $ differs"
    assert compare(b"A", b"b", compare=casefold).explain() == "body (value): differs\n  $"
    assert compare(b"A", b"A", compare=casefold) is None
    assert seen == [(b"A", b"a"), (b"A", b"b"), (b"A", b"b"), (b"A", b"A")]
    ours = Divergence(status=(1, 2))
    assert compare(1, 1, IgnorePath("$"), compare=lambda *_: ours) is ours
    assert compare(1, 2, compare=lambda *_: None) is None
    assert compare(1, 2, compare=lambda *_: (numpy.array([1, 2]) > 0).all()) is None
    assert str(compare(1, 1, compare=lambda *_: (numpy.array([1, 2]) == 1).all())) == "body: $ differs"
    with pytest.raises(TypeError, match="compare must return a Divergence, None, or a bool, not int"):
        compare(1, 2, compare=lambda *_: 0)


def test_what_only_says_of_one_element_holds_for_all_where_the_order_means_nothing():
    """Else nothing would be compared."""
    assert found([1, 2], [9, 2], Only("$[0]"), Unordered("$")) == [("changed", "$[0]")]
    assert found([1, 2], [1, 9], Only("$[0]"), Unordered("$")) == []
    assert found([1, 2], [2, 1], Only("$[0]"), Unordered("$")) == []
    assert found({"a": {1, 2}}, {"a": {2, 3}}, Only("$.a[0]")) != []
    assert found([[1, 2], 0], [0, [9, 2]], Only("$[*][0]"), Unordered("$"), Unordered("$[*]")) != []
