"""The names of members: two are the same where they would be the same as values. Pure."""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import fractions
import itertools
import math
import uuid
from typing import NamedTuple

import attrs
import msgpack
import numpy as np
import pandas as pd
import pytest

from trioshadow import Divergence, ResponseRecord, ShadowConfig
from trioshadow.compare import (
    CompareWith,
    Default,
    IgnoreName,
    IgnorePath,
    Only,
    SameType,
    Subset,
    Tolerance,
    Undecided,
    Unordered,
)

from tests.support.comparing import compare, found

NAN = math.nan
OLD, NEW = "old.models", "new.models"


def defined_in(module):
    """Classes as two packages may have them."""

    class Color(enum.Enum):
        RED = 1

    class Hue(enum.Enum):
        RED = 1

    class Name(enum.StrEnum):
        A = "a"

    @attrs.frozen
    class Point:
        x: object

    for cls in (Color, Hue, Name, Point):
        cls.__module__, cls.__qualname__ = module, cls.__name__
    return Color, Hue, Name, Point


class Pair(NamedTuple):
    x: object
    y: object = 2


OldColor, OldHue, OldName, OldPoint = defined_in(OLD)
NewColor, NewHue, NewName, NewPoint = defined_in(NEW)
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)


class Opaque:
    """Knows when it is equal, also to a str."""

    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return self.name == getattr(other, "name", other)

    def __hash__(self):
        return hash(self.name)


SCALARS = [
    *(1, True, 1.0, decimal.Decimal(1), fractions.Fraction(1), np.int64(1), np.True_, np.float64(1), 1 + 0j, 2**70),
    *(
        NAN,
        decimal.Decimal("NaN"),
        np.float64("nan"),
        np.datetime64("NaT", "s"),
        np.timedelta64("NaT", "s"),
        pd.NaT,
        pd.NA,
    ),
    *(None, "a", np.str_("a"), OldName.A, NewName.A, b"a", memoryview(b"a"), Opaque("a"), uuid.UUID(int=1)),
    *(OldColor.RED, OldHue.RED, NewColor.RED, NewHue.RED),
    *(NOON, NOON.astimezone(datetime.timezone(datetime.timedelta(hours=1))), NOON.date(), np.datetime64("2026-01-01")),
    *(np.datetime64("2026-01-01", "ns"), pd.Timestamp(NOON)),
]
KEYS = [
    *SCALARS,
    *((one,) for one in (1, True, NAN, np.float64("nan"), OldColor.RED, NewHue.RED, (1,), (True,))),
    *(frozenset((one,)) for one in (1, True, NAN)),
    *(OldPoint(one) for one in (1, True, NAN, (1,), (True,))),
    *(NewPoint(1), NewPoint(NAN), Pair(1), Pair(x=True), (1, 2), (True, 2)),
]


def fresh(value):
    """The same, as if it came from somewhere else: NaN is another object."""
    try:
        return copy.deepcopy(value) if type(value) is not float else float(str(value))
    except TypeError:  # a memoryview
        return value


@pytest.mark.parametrize("strict", [False, True])
def test_names_are_the_same_where_they_are_so_as_values(strict):
    ordered, unordered = (ShadowConfig(ignore=rules, strict=strict) for rules in ([], [Unordered("$")]))

    def same(primary, shadow, config=ordered):
        return Divergence.compare(primary, shadow, config) is None

    for one, other in itertools.combinations_with_replacement(KEYS, 2):
        twin = fresh(other)
        expected = same([one], [twin])
        assert same({one}, {twin}) is expected, (one, twin)
        assert same({one: 0}, {twin: 0}) is expected, (one, twin)
        assert same([{one: 0}, 5], [5, {twin: 0}], unordered) is expected, (one, twin)


def test_what_differs_has_the_place_of_its_name():
    assert found({NAN: 1, (NAN, 1): [2]}, {float("nan"): 2, (float("nan"), 1.0): [3]}) == [
        ("changed", "$[NaN]"),
        ("changed", "$[(NaN, 1)][0]"),
    ]
    assert found({OldColor.RED: 1, "a": 2}, {"b": 2, NewColor.RED: 2}) == [
        ("changed", "$[1]"),
        ("removed", "$['a']"),
        ("added", "$['b']"),
    ]
    assert found({(1,): 0}, {(True,): 0}) == [("removed", "$[(1,)]"), ("added", "$[(true,)]")]


def test_rules_hold_for_members_of_any_name():
    assert found({NAN: 1.0}, {float("nan"): 1.1}, Tolerance("$[*]", abs=0.5)) == []
    assert found({NAN: 1}, {float("nan"): 1, (1,): 1}, Subset("$")) == []
    assert found({NAN: 1, (1,): 1}, {float("nan"): 1}, Subset("$")) == [("removed", "$[(1,)]")]
    assert found({NAN: 1, (1,): None}, {float("nan"): 1}, Default("$[*]")) == []
    assert found({OldName.A: 1, NAN: 2}, {"a": 2, float("nan"): 2}, IgnorePath("$.a")) == []
    either = [{OldName.A: 1, NAN: 2}, 1], [1, {"a": 2, float("nan"): 2}]
    assert found(*either, Unordered("$"), IgnoreName("a")) == []
    assert found({"x": {OldName.A: 1}}, {"x": {OldName.A: 2}}, Only("$.x.a")) == [("changed", "$['x']['a']")]
    assert found({OldColor.RED: 1}, {OldHue.RED: 1}) != []
    assert found({OldColor.RED: 1}, {OldHue.RED: 1}, SameType(OldColor, OldHue)) == []
    assert found({OldPoint(1): 1}, {OldPoint(2): 1}, CompareWith(OldPoint, lambda a, b: a.x == b.x - 1)) == []


def test_names_in_a_body_may_be_no_numbers_too():
    headers = {"content-type": "application/msgpack"}
    ours, theirs = ({NAN: [1], True: [2], 1.5: 3}, {1.5: 3, float("nan"): [1], 1: [2]})
    assert found(*(ResponseRecord(msgpack.packb(body), headers=headers) for body in (ours, theirs))) == [
        ("removed", "$[true]"),
        ("added", "$[1]"),
    ]


# ── a name that is there more than once ──────────────────────────────────────────────────────────────────────────────


def nans(*values):
    return {float("nan"): value for value in values}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (nans(1, 2), nans(2, 1), []),
        (nans(1, 1), nans(1, 1), []),
        (nans(1, 1), nans(1, 2), [("changed", "$[NaN]")]),
        (nans(1, 2), nans(3, 1), [("changed", "$[NaN]")]),
        (nans(1, 2), nans(2), [("removed", "$[NaN]")]),
        (nans(2), nans(1, 2), [("added", "$[NaN]")]),
        (nans(1, 1), nans(1), [("removed", "$[NaN]")]),
        ({OldColor.RED: "a", 1: "b"}, {1: "a", NewColor.RED: "b"}, []),
        ({OldColor.RED: "a", 1: "b"}, {1: "c", NewColor.RED: "b"}, [("changed", "$[1]")]),
    ],
)
def test_a_name_that_is_there_twice_is_that_of_a_member_that_is_the_same(one, other, expected):
    assert found(one, other) == expected
    assert (found([one, 0], [0, other], Unordered("$")) == []) is (expected == [])


def test_a_rule_about_classes_takes_nothing_from_a_name_that_may_be_several():
    """By the rule each name is each of the other side's; those with the same member still find each other."""
    days = [np.datetime64("2026-01-01"), np.datetime64("2026-01-02")]
    ours = dict(zip(days, "ab", strict=True))
    theirs = dict(zip([day.astype("M8[ns]") for day in reversed(days)], "ba", strict=True))
    near = CompareWith(np.datetime64, lambda a, b: abs(a - b) <= np.timedelta64(1, "D"))
    assert found(ours, theirs) == []
    assert found(ours, theirs, near) == []
    assert found(ours, {**theirs, next(iter(theirs)): "c"}, near) == [("changed", "$[date('2026-01-02')]")]


def test_a_dict_that_holds_itself_by_a_name_that_is_there_twice():
    ours, theirs = nans(1), nans(1)
    for each in (ours, theirs):
        each[float("nan")] = each
    assert found(ours, theirs) == []


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_very_many_names_that_can_only_be_asked_about_differ_if_one_is_alone():
    ours, theirs = ({Pair(number, side): 0 for number in range(300)} for side in (1, 2))
    divergence = compare(ours, theirs)
    assert divergence.body.change_count == 600
    assert divergence.body.notes == ("the names of members are too many to find all that are the same",)
    with pytest.raises(Undecided, match="too many pairs"):  # a rule may let one be absent
        compare(ours, theirs, Default("$.*", 1))


def test_very_many_names_of_which_each_may_have_a_counterpart_are_not_decided():
    ours = {Pair(number): number for number in range(300)}
    theirs = {(number, 2): number + 1 for number in reversed(range(300))}
    with pytest.raises(Undecided, match="too many pairs"):
        compare(ours, theirs)
    assert found(ours, {(number, 2): number for number in range(300)}) == []
