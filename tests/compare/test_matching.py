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


class Odd:
    """Can't be compared with its like."""

    __hash__ = None

    def __eq__(self, other):
        return "who knows" if type(other) is Odd else NotImplemented


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


def test_the_few_that_are_not_equal_are_the_same_among_themselves():
    values = [{"v": float(number)} for number in range(60)]
    others = [{"v": one["v"] + 0.01 * (one["v"] % 20 == 0)} for one in reversed(values)]
    assert found(values, others, Unordered("$"), Tolerance("$[*].v", abs=0.1)) == []
    unsure = [*values, {"v": Odd()}]
    with pytest.raises(Undecided):
        compare(unsure, [{"v": Odd()}, *others], Unordered("$"), Tolerance("$[*].v", abs=0.1))


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


CODES = dict(zip(NAMES, shuffled(range(COUNT)), strict=True))


def hard(count=60):
    """Elements of which only each pair can tell that it belongs together."""
    return [{"name": name} for name in NAMES[:count]], [{"name": CODES[name]} for name in NAMES[count - 1 :: -1]]


def same_names(one, other):
    return other in (one, CODES.get(one)) or one == CODES.get(other, "none")


@pytest.mark.parametrize(
    ("one", "other", "rule"),
    [
        ([1.0, 2.0], [2.0, 5.0], Tolerance("$.b[*]", abs=0.1)),
        ({1.0, 2.0}, {2.0, 5.0}, Tolerance("$.b[*]", abs=0.1)),
        ({"x": 1}, {}, Default("$.b.x", 2)),
        ({"x": 1}, {"x": 2}, Default("$.b.x", 1)),
        ("A", "b", Normalize("$.b", str.lower)),
    ],
)
def test_what_one_array_looks_at_is_not_taken_from_another_place(monkeypatch, one, other, rule):
    monkeypatch.setattr("trioshadow.compare._questions.LOOKS", 300)
    left, right = hard()
    rules = (Unordered("$.*"), Accept(same_names, "$.a[*].name"), rule)
    for sides in (({"a": left, "b": one}, {"a": right, "b": other}), ({"b": one, "a": left}, {"b": other, "a": right})):
        divergence = compare(*sides, *rules)
        assert all(change.path.startswith("$['b']") for change in divergence.body.changes)
        assert "$.a can't be compared: too many pairs" in divergence.body.notes[0]
        assert compare(*reversed(sides), *rules) is not None
        with pytest.raises(Undecided, match=r"\$\.a can't be compared: too many pairs"):
            compare({**sides[0], "b": one}, {**sides[1], "b": one}, *rules)


def test_what_places_look_at_is_bounded_together(monkeypatch):
    monkeypatch.setattr("trioshadow.compare._questions.LOOKS", 0)
    left, right = hard(20)
    places = [left] * 10, [right] * 10
    looks = 0

    def counting(one, other):
        nonlocal looks
        looks += 1
        return same_names(one, other)

    rules = (Unordered("$"), Unordered("$[*]"), Accept(counting, "$[*][*].name"))
    with pytest.raises(Undecided):
        compare(*places, *rules[1:])
    assert 10 < looks < 10 * 4 * 41
    with pytest.raises(Undecided):
        compare(*places, *rules)


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"odd": Odd(), "value": value}])
def test_what_no_element_can_be_decides_wherever_one_stands_of_which_nobody_knows(wrap):
    for one, other in itertools.product(itertools.permutations([Odd(), 1, 2]), itertools.permutations([Odd(), 1, 3])):
        sides = [[wrap(value) for value in side] for side in (one, other)]
        assert compare(*sides, Unordered("$")) is not None
        with pytest.raises(Undecided, match="`==` of Odd gives no bool"):
            compare(sides[0], [wrap(value) for value in (2, Odd(), 1)], Unordered("$"))


def test_a_set_differs_by_what_no_element_can_be():
    class Hashed:
        __hash__ = object.__hash__

        def __eq__(self, other):
            return self is other or ("who knows" if type(other) is Hashed else NotImplemented)

    assert compare({Hashed(), 1.5}, {Hashed(), 9.5, 8.5}) is not None
    assert compare({Hashed(), 1.5}, {Hashed(), 9.5}) is not None
    with pytest.raises(Undecided):
        compare({Hashed(), 1.5}, {Hashed(), 1.5})
    one, other = {(1, "a"), (2, "b")}, {(1, "A"), (2, "B")}
    assert compare(one, other, Normalize("$[*][1]", str.lower)) is None
    assert compare({(1, 0.5), (2, 0.5)}, {(1, 0.6), (2, 0.4)}, Tolerance("$[*][1]", abs=0.2)) is None
    with pytest.raises(Undecided):
        compare(one, other, Normalize("$[*][1]", lambda text: Odd()))
    assert compare(one | {0}, other, Normalize("$[*][1]", lambda text: Odd())) is not None


def test_of_several_ways_to_be_the_same_one_suffices_wherever_it_stands():
    def same(value):
        return value

    def one(_):
        return 1

    for functions in itertools.permutations([same, one]):
        rules = [Normalize("$.a", function) for function in functions]
        assert found({"a": Odd()}, {"a": Odd()}, *rules) == []
    for function in (same, id):
        with pytest.raises(Undecided):
            compare({"a": Odd()}, {"a": Odd()}, Normalize("$.a", function))
    assert found({"a": Odd()}, {}, Default("$.a", 1), Accept(lambda a, b: True, "$.a")) == []
    assert found({"a": Odd(), "b": 1}, {"a": Odd(), "b": 2}, Normalize("$.b", same))[0] == ("changed", "$['b']")


def test_too_many_of_which_nobody_knows_are_not_all_asked_about():
    asked = 0

    class Counting(Odd):
        def __eq__(self, other):
            nonlocal asked
            asked += 1
            return "who knows"

    sides = [[Counting() for _ in range(100)] for _ in range(2)]
    with pytest.raises(Undecided):
        compare(*sides, Unordered("$"))
    assert asked < 300
    assert compare([*sides[0], 1], [*sides[1], 2, 3], Unordered("$")) is not None


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
