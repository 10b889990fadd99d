"""Arrays without an order whose elements only rules can tell the same: what is decided, how, and within which bounds.
Pure; `looks` are counted, never seconds.
"""

from __future__ import annotations

import copy
import itertools
import random

import pytest

from trioshadow import Divergence, ResponseRecord, ShadowConfig
from trioshadow.compare import (
    Accept,
    Default,
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
from trioshadow.compare._questions import Questions, Way

from tests.support.comparing import compare, found

JSON = {"content-type": "application/json"}
COUNT = 700
NAMES = [f"Name {number}" for number in range(COUNT)]
TIMES = [f"2026-11-30T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z" for second in range(COUNT)]


def shuffled(values):
    values = list(values)
    random.Random(1).shuffle(values)
    return values


@pytest.mark.parametrize(
    ("primary", "shadow", "rules"),
    [
        (NAMES, [name.upper() for name in NAMES], [SameText("$[*]", ignore_case=True)]),
        (list(map(str, range(COUNT))), range(COUNT), [SameNumber("$[*]")]),
        (TIMES, [time.replace("Z", "+00:00") for time in TIMES], [SameTime("$[*]")]),
        (TIMES, [time.replace("Z", ".5Z") for time in TIMES], [SameTime("$[*]", within=0.6)]),
        (TIMES, [time.replace("Z", ".1Z") for time in TIMES], [Tolerance("$[*]", abs=0.2)]),
        (NAMES, [name.upper() for name in NAMES], [Normalize("$[*]", str.casefold)]),
        (
            [{"name": name, "price": number / 7} for number, name in enumerate(NAMES)],
            [{"name": name.upper(), "price": number / 7 + 1e-9} for number, name in enumerate(NAMES)],
            [Normalize("$[*].name", str.casefold), Tolerance("$[*].price", abs=1e-6)],
        ),
        (
            [{"id": number} for number in range(COUNT)],
            [{"id": number, "note": None} for number in range(COUNT)],
            [Default("$..*")],
        ),
        ([{"id": n} for n in range(COUNT)], [{"id": n, "x": n} for n in range(COUNT)], [Subset("$[*]")]),
        (
            [{"id": n} for n in range(COUNT)],
            [{"id": n, "x": n} for n in range(COUNT)],
            [Accept(lambda a, b: a is None, "$[*].x")],
        ),
    ],
)
def test_many_elements_find_their_own_in_any_order(primary, shadow, rules):
    assert found(list(primary), shuffled(shadow), Unordered("$"), *rules) == []


def test_one_among_many_that_is_off_is_found():
    floats = [random.Random(number).random() for number in range(COUNT)]
    moved = [value + 1e-9 for value in floats]
    rules = (Unordered("$"), Tolerance("$[*]", abs=1e-6))
    assert found(floats, shuffled([*moved, 5.0]), *rules)[0][0] == "added"
    moved[3] += 1
    assert found(floats, shuffled(moved), *rules) == [("changed", "$[3]")]


def test_if_not_all_can_be_looked_at_but_one_has_no_counterpart_they_differ(monkeypatch):
    monkeypatch.setattr("trioshadow.compare._questions.LOOKS", 500)
    monkeypatch.setattr("trioshadow.compare._questions.OWN_LOOKS", 0)
    numbers = [float(number) for number in range(100)]
    divergence = compare(numbers, [number + 0.5 for number in numbers], Unordered("$"), Tolerance("$[*]", abs=0.1))
    assert divergence.body.change_count == 100
    assert divergence.body.notes == (
        "the elements of an array without an order are too many to find all that are the same",
    )


def test_what_differs_elsewhere_is_told_though_an_array_is_undecided(monkeypatch):
    monkeypatch.setattr("trioshadow.compare._questions.LOOKS", 10)
    monkeypatch.setattr("trioshadow.compare._questions.OWN_LOOKS", 0)
    numbers = [float(number) for number in range(20)]
    rules = (Unordered("$.n"), Tolerance("$.n[*]", abs=0.1))
    moved = [number + 0.05 for number in reversed(numbers)]
    divergence = compare({"n": numbers, "x": 1}, {"n": moved, "x": 2}, *rules)
    assert [change.path for change in divergence.body.changes] == ["$['x']"]
    assert "$.n can't be compared: too many pairs" in divergence.body.notes[0]
    with pytest.raises(Undecided, match=r"\$\.n can't be compared: too many pairs"):
        compare({"n": numbers}, {"n": moved}, *rules)


def test_an_answer_that_was_taken_for_granted_is_forgotten():
    # Two values that hold themselves: whether the inner ones are the same is asked within the question about the outer.
    questions = Questions(strict=False)
    outer, inner, other = ([], [], None, Way.ANY), ([], [], None, Way.ANY), ([], [], None, Way.ANY)
    assert questions.answer(other) is None
    questions.settle(other, answer=False)
    assert questions.answer(outer) is None
    assert questions.answer(inner) is None
    assert questions.answer(outer) is True  # taken for granted
    questions.settle(inner, answer=True)
    assert questions.answer(inner) is True
    questions.settle(outer, answer=False)
    assert questions.answer(inner) is None  # it may have been so only if the outer ones had been the same
    assert questions.answer(outer) is False
    assert questions.answer(other) is False
    questions.settle(inner, answer=None)
    assert questions.answer(inner) is None  # it could not be told, which is no answer


def test_circles():
    def circle(value):
        one, other = {"k": 0}, {"k": 0}
        one |= {"x": other, "y": value}
        other["x"] = one
        return one, other

    (a1, b1), (a2, b2), (c2, _), (d1, _) = circle(1.0), circle(5.0), circle(1.0), circle(5.0)
    config = ShadowConfig(ignore=[Normalize("$..*", lambda value: value), Unordered("$")])
    for ours in itertools.permutations([a1, b1, d1]):
        for theirs in itertools.permutations([a2, b2, c2]):
            assert Divergence.compare(list(ours), list(theirs), config) is not None


def test_what_recurses_without_end_is_undecided():
    class Deep:
        def __eq__(self, other):
            return self == other

        __hash__ = None

    with pytest.raises(Undecided, match="nested too deep"):
        compare([Deep()], [Deep()])


def test_nested_ones():
    chance = random.Random(1)

    def tree(depth):
        return {"v": chance.random()} if not depth else [tree(depth - 1) for _ in range(3)]

    def moved(value):
        return {"v": value["v"] + 1e-12} if isinstance(value, dict) else shuffled(map(moved, value))

    rules = (Unordered("$"), Unordered("$..*"), Tolerance("$..v", abs=1e-9))
    one = tree(5)
    assert found(one, moved(one), *rules) == []
    other = moved(one)
    place = other
    while isinstance(place, list):
        place = place[0]
    place["v"] += 1
    assert len(found(one, other, *rules)) == 1


def test_keys_that_a_rule_touches():
    rules = (KeyedBy("$", "name"), SameText("$[*].name", ignore_case=True))
    one = [{"name": name, "v": 1} for name in NAMES[:50]]
    other = shuffled({"name": name.upper(), "v": 1 + (name == "Name 7")} for name in NAMES[:50])
    assert found(one, other, *rules) == [("changed", "$[7]['v']")]


def test_a_name_that_is_there_twice_is_no_array_without_an_order():
    sides = [ResponseRecord(body, headers=JSON) for body in (b'{"a":1,"a":2}', b'{"a":2,"a":1}')]
    for rule in (Unordered("$..*"), KeyedBy("$.a", "id"), Default("$.a[*]", 1)):
        assert Divergence.compare(*sides, ShadowConfig(ignore=[rule])) is not None
    rules = [Unordered("$"), Unordered("$..*")]
    sides = [ResponseRecord(b"[" + one + b"]", headers=JSON) for one in (b'1,{"a":1,"a":2}', b'{"a":2,"a":1},1')]
    assert Divergence.compare(*sides, ShadowConfig(ignore=rules)) is not None


def test_functions_in_deep_documents():
    def deep(value):
        for _ in range(200):
            value = {"a": value}
        return value

    def lower(value):
        return value.lower() if isinstance(value, str) else value

    assert found(deep("A"), deep("a"), Normalize("$..*", lower)) == []
    assert len(found(deep("A"), deep("b"), Normalize("$..*", lower))) == 1
    assert found(deep("A"), deep("a"), Normalize("$..*", str.lower)) == []  # which raises for what is no text
    with pytest.raises(Undecided, match="nested more than 60 deep"):
        compare(deep("A"), deep("b"), Normalize("$..*", copy.deepcopy))


def test_elements_are_shown_beside_those_of_the_same_key_though_it_is_not_compared():
    one, other = [{"id": 1, "v": 1}, {"id": 2, "v": 2}], [{"id": 2, "v": 7}, {"id": 1, "v": 8}]
    changes = compare(one, other, Only("$[*].v"), KeyedBy("$", "id")).body.changes
    assert [(change.primary, change.shadow) for change in changes] == [(1, 8), (2, 7)]
