"""Which classes may be alike: records and enums by their names, rules about classes, what `==` does not say. Pure."""

from __future__ import annotations

import collections
import dataclasses
import enum
import pickle
import sys
from typing import Generic, NamedTuple, TypeVar

import attrs
import msgpack
import msgspec
import pydantic
import pytest

from trioshadow import ShadowConfig
from trioshadow.compare import CompareWith, IgnorePath, KeyedBy, SameType, Undecided, Unordered

from tests.support.comparing import compare, found


def from_package(package):
    """As if a class had been defined in another package."""

    def moved(cls):
        cls.__module__ = f"{package}.models"
        return cls

    return moved


@dataclasses.dataclass
class Ok:
    value: object


@dataclasses.dataclass
class Err:
    value: object


class Sub(Ok):
    pass


@dataclasses.dataclass
class Empty:
    pass


@dataclasses.dataclass
class NotFound:
    pass


@from_package("other")
@attrs.define
class Fine:
    value: object


@from_package("other")
@attrs.define
class Bad:
    value: object


class Cat(msgspec.Struct, tag=True):
    name: str


class Dog(msgspec.Struct, tag=True):
    name: str


@from_package("other")
class Hound(msgspec.Struct, tag="Dog"):
    name: str


class Pair(msgspec.Struct, array_like=True):
    one: int
    two: int


class Tagged(msgspec.Struct, array_like=True, tag=True):
    one: int


class Left(NamedTuple):
    value: object


class Right(NamedTuple):
    value: object


class Model(pydantic.BaseModel):
    value: object


T = TypeVar("T")


class Page(pydantic.BaseModel, Generic[T]):
    value: T


class Color(enum.Enum):
    RED = 1


class Hue(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


@from_package("other")
class Shade(enum.Enum):
    CRIMSON = 1


class Circle:
    class Params(NamedTuple):
        value: object


class Square:
    class Params(NamedTuple):
        value: object


def another_ok():
    """Of one name with the other."""

    @dataclasses.dataclass
    class Ok:
        value: object

    return Ok(1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[(Ok(1), Err(1)), (Empty(), NotFound()), (Ok(1), Sub(1)), (Ok(1), Model(value=1)), (Left(1), Right(1))],
        *[(Color.RED, Hue.RED), (Color.RED, Level.LOW), (Fine(1), Bad(1))],
        (Circle.Params(1), Square.Params(1)),
        (msgpack.ExtType(5, b"a"), [5, b"a"]),
        (msgpack.ExtType(5, b"a"), {"code": 5, "data": b"a"}),
    ],
)
def test_classes_of_one_package_with_two_names_are_two_kinds(one, other):
    for a, b in ((one, other), (other, one)):
        for rules in ((), (Unordered("$"),), (KeyedBy("$", "value"),)):
            (change,) = compare([a], [b], *rules).body.changes
            assert (str(change.kind), change.path) == ("type", "$[0]")
        assert found([a, 0], [0, b], Unordered("$")) != []
        assert found({"x": a}, {"x": b}) == [("type", "$['x']")]
        assert len(found({frozenset((1,)): a}, {frozenset((1,)): b})) == 1
        explained = compare(a, b).explain()
        assert all(type(side).__name__ in explained for side in (a, b) if type(side) not in (list, dict))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[(Ok(1), Fine(1)), (Err(1), Fine(1)), (Ok(1), {"value": 1}), (Fine(1), Left(1)), (Ok(1), another_ok())],
        *[(Color.RED, Shade.CRIMSON), (Color.RED, 1), (Empty(), {}), (Left(1), [1])],
        *[(Page[int](value=1), Page(value=1)), (Page[int](value=1), Page[object](value=1))],
        *[(Cat("a"), {"type": "Cat", "name": "a"}), (Dog("a"), Hound("a"))],
        *[(Pair(1, 2), [1, 2]), (Pair(1, 2), {"one": 1, "two": 2}), (Tagged(1), ["Tagged", 1])],
        *[(collections.Counter(a=1), {"a": 1}), (collections.defaultdict(int, a=1), {"a": 1})],
        (collections.deque([1]), [1]),
        (msgpack.ExtType(5, b"a"), msgpack.ExtType(5, b"a")),
    ],
)
def test_these_are_alike(one, other):
    for a, b in ((one, other), (other, one)):
        assert found([a], [b]) == []
        assert found([a, 0], [0, b], Unordered("$")) == []
        assert found([a], [b], strict=True) == ([] if type(a) is type(b) else [("type", "$[0]")])


def test_the_tag_of_a_struct_is_a_member():
    assert found([Cat("a")], [Hound("a")]) == [("changed", "$[0]['type']")]
    assert found([Cat("a")], [{"name": "a"}]) == [("removed", "$[0]['type']")]
    assert found([Cat("a")], [Hound("a")], IgnorePath("$[*].type")) == []
    assert found([Tagged(1)], [[1]]) == [("type", "$[0][0]"), ("removed", "$[0][1]")]


def test_among_unordered_elements_a_dict_may_be_either_of_two_kinds():
    ok, err, as_dict = Ok(1), Err(1), {"value": 1}
    assert found([ok, err], [as_dict, as_dict], Unordered("$")) == []
    assert found([as_dict, as_dict], [err, ok], Unordered("$")) == []
    assert found([err, as_dict], [as_dict, ok], Unordered("$")) == []
    assert found([ok, err], [err, ok], Unordered("$")) == []
    assert found([ok, ok], [err, ok], Unordered("$")) == [("type", "$[1]")]
    assert found([Color.RED, Hue.RED], [1, Color.RED], Unordered("$")) == []
    assert len(found([Color.RED, Color.RED], [1, Hue.RED], Unordered("$"))) == 1
    assert found([ok, Fine(1)], [Bad(1), err], Unordered("$")) == []


def test_of_many_records_of_two_kinds_each_is_found_again():
    many = [kind(number) for number in range(500) for kind in (Ok, Err)]
    divergence = compare(many, [*many[1:][::-1], Err(-1)], Unordered("$"))
    assert [change.path for change in divergence.body.changes] == ["$[0]"]
    assert divergence.body.notes == ()


# ── rules about classes ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "rule",
    [SameType(Ok, Err), SameType("tests.Ok", "tests.compare.test_kinds.Err"), SameType(Ok, "tests.compare.Err")],
)
def test_two_types_may_be_the_same(rule):
    assert found([Ok(1)], [Err(1)], rule) == []
    assert found([Sub(1)], [Err(1)], rule) == []  # subclasses count
    assert found([Ok(1)], [Err(2)], rule) == [("changed", "$[0]['value']")]
    assert found([Err(1)], [Ok(1)], rule) == [("type", "$[0]")]  # the primary's, and the shadow's
    assert found([Ok(1), 0], [0, Err(1)], rule, Unordered("$")) == []
    assert found([Err(1), 0], [0, Ok(1)], rule, Unordered("$")) != []
    assert found([Ok(1)], [Err(1)], rule, strict=True) == [("type", "$[0]")]
    assert found([Ok(1)], [NotFound()], rule) == [("type", "$[0]")]


def test_members_of_two_enums_may_be_the_same():
    assert found([Color.RED], [Hue.RED], SameType(Color, Hue)) == []
    assert found([Color.RED, 0], [0, Hue.RED], SameType(Color, Hue), Unordered("$")) == []


class Polygon:
    """Equal to nothing, as shapes are that are drawn from another corner."""

    def __init__(self, *corners):
        self.corners = corners

    def __eq__(self, other):
        return False

    __hash__ = None


class Square4(Polygon):
    pass


def same_corners(one, other):
    return set(one.corners) == set(other.corners)


@pytest.mark.parametrize("kind", [Polygon, "tests.Polygon", "tests.compare.test_kinds.Polygon"])
def test_a_function_may_compare_the_values_of_a_class(kind):
    rule = CompareWith(kind, same_corners)
    one, other = Polygon(1, 2), Square4(2, 1)
    assert found({"a": one}, {"a": other}) == [("type", "$['a']")]
    assert found({"a": one}, {"a": other}, rule) == []
    assert found(one, other, rule) == []
    assert found([one, 0], [0, other], rule, Unordered("$")) == []
    assert found([one], [Polygon(3)], rule) == [("changed", "$[0]")]
    assert found([one], [1], rule) == [("type", "$[0]")]


def test_a_class_is_not_meant_by_a_name_that_is_like_its_own():
    for name in ("test.Polygon", "tests.compare.Poly", "tests.Square4.Polygon", "Polygon.Polygon"):
        assert found([Polygon(1)], [Polygon(1)], CompareWith(name, same_corners)) == [("changed", "$[0]")]


def test_builtins_can_be_compared_by_a_function_too():
    close = CompareWith(float, lambda one, other: abs(one - other) < 1)
    assert found([{"a": [1.0, 2.0]}], [{"a": [1.5, 4.0]}], close) == [("changed", "$[0]['a'][1]")]
    same_length = CompareWith(list, lambda one, other: len(one) == len(other))
    assert found({"a": [1, 2]}, {"a": [3, 4]}, same_length) == []
    assert found(b"\0a", b"\0b", CompareWith(bytes, lambda one, other: one[0] == other[0])) == []


@pytest.mark.parametrize(
    ("function", "said"),
    [(lambda a, b: 1 // 0, "ZeroDivisionError"), (lambda a, b: "yes", "TypeError at $[0]: the function gave no bool")],
)
def test_a_function_that_does_not_say_whether_says_nothing(function, said):
    divergence = compare([Polygon(1)], [Polygon(1)], CompareWith(Polygon, function))
    assert [change.path for change in divergence.body.changes] == ["$[0]"]
    (note,) = divergence.body.notes
    assert note.startswith("CompareWith raised ")
    assert said in note
    equal = CompareWith(int, function)
    assert found([1], [1.0], equal) == []  # what is equal stays so
    assert found([1], [True], equal) == [("type", "$[0]")]


def test_rules_about_classes_are_pickled_with_the_rest():
    config = ShadowConfig(ignore=[SameType(Ok, Err), CompareWith(Polygon, same_corners)])
    comparison = pickle.loads(pickle.dumps(config.comparison))
    assert comparison.divergence_of(Ok(Polygon(1)), Err(Polygon(1))) is None


# ── what `==` does not say ───────────────────────────────────────────────────────────────────────────────────────────


class Says:
    def __init__(self, answer):
        self.answer = answer

    def __eq__(self, other):
        return self.answer

    __hash__ = None

    def __repr__(self):
        return f"Says({self.answer!r})"


class Never(Says):
    """Equal to nothing, not even to itself, as NaN is."""

    def __eq__(self, other):
        return False

    __hash__ = None


@pytest.mark.parametrize("answer", [None, 1, "", [False], Says(0)])
def test_an_eq_that_gives_no_bool_is_not_taken_for_one(answer):
    what = f"`==` of Says gives no bool, but {type(answer).__name__}: give a view=, or the rule CompareWith"
    with pytest.raises(Undecided, match=what):
        compare([Says(answer)], [Says(answer)])
    (note,) = compare([Says(answer), 1], [Says(answer), 2]).body.notes
    assert what in note
    assert found([Says(answer)], [Says(answer)], CompareWith(Says, lambda *_: True)) == []


def test_what_is_not_even_equal_to_itself_is_the_same_if_it_is_shown_alike():
    assert found([Never(1)], [Never(1)]) == []
    assert found([Never(1)], [Never(2)]) == [("changed", "$[0]")]
    assert found([Never(1), 0], [0, Never(1)], Unordered("$")) == []
    assert found([Never(1)], [Says(answer=False)]) == [("type", "$[0]")]


def test_an_odd_module_is_no_package():
    odd = dataclasses.make_dataclass("Odd", ["value"])
    odd.__module__ = None
    even = dataclasses.make_dataclass("Even", ["value"])
    even.__module__ = None
    assert found([odd(1)], [even(1)]) == [("type", "$[0]")]
    assert found([odd(1)], [Ok(1)]) == []
    assert found([odd(1)], [odd(1)], CompareWith("x.Odd", lambda *_: sys.exit())) == []


class Names(pydantic.RootModel[list[str]]):
    pass


class Nested(pydantic.RootModel[Names]):
    pass


class Owner(pydantic.BaseModel):
    names: Names


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Names(["a", "b"]), ["a", "b"], True),
        (Names(["a", "b"]), ["a", "c"], False),
        (Nested(Names(["a"])), ["a"], True),
        (Owner(names=Names(["a"])), {"names": ["a"]}, True),
        (msgspec.msgpack.Ext(5, b"a"), msgpack.ExtType(5, b"a"), True),
        (msgspec.msgpack.Ext(5, b"a"), msgpack.ExtType(6, b"a"), False),
        (msgspec.msgpack.Ext(5, bytearray(b"a")), msgpack.ExtType(5, b"b"), False),
        (msgspec.msgpack.Ext(5, b"a"), [5, b"a"], False),
        (msgpack.Timestamp(1, 5), msgpack.Timestamp(1, 6), False),
        (msgpack.Timestamp(1, 5), msgpack.Timestamp(1, 5), True),
    ],
)
def test_what_a_library_puts_around_a_value_is_the_value(one, other, same):
    assert (compare(one, other) is None) is same
    assert (compare(other, one) is None) is same
    assert (compare([1, one], [other, 1], Unordered("$")) is None) is same


def test_the_place_of_a_difference_is_that_in_the_value():
    assert found(Names(["a", "b"]), ["a", "c"]) == [("changed", "$[1]")]
