"""What the class of a record says: how its fields compare, how its library writes them. Beside records, and beside what
was decoded. Pure.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import random
from typing import Any, NamedTuple

import attrs
import msgpack
import msgspec
import pydantic
import pytest
from pydantic.alias_generators import to_camel

from trioshadow.compare import IgnorePath, KeyedBy, Normalize, SameNumber, Subset, Tolerance, Unordered
from trioshadow.compare._values import Extension

from tests.support.comparing import compare, found


def from_package(package):
    """As if a class had been defined in another package: of one it would be another kind, see test_kinds.py."""

    def moved(cls):
        cls.__module__ = f"{package}.models"
        return cls

    return moved


@attrs.frozen
class Folded:
    v: Any = attrs.field(eq=str.lower)


@from_package("other")
@attrs.frozen
class PlainV:
    v: Any


@attrs.frozen
class Sized:
    v: Any = attrs.field(eq=attrs.cmp_using(eq=lambda one, other: len(one) == len(other)))


@from_package("folding")
@attrs.frozen(eq=False)
class ByIdentity:
    v: Any = attrs.field(eq=str.lower)


@attrs.frozen
class Cached:
    x: Any
    cache: Any = attrs.field(default=0, eq=False)


@from_package("data")
@dataclasses.dataclass
class CachedData:
    x: Any
    cache: Any = dataclasses.field(default=0, compare=False)


@from_package("plain")
@dataclasses.dataclass
class Uncached:
    x: Any
    cache: Any = 0


class Struct(msgspec.Struct, rename="camel", frozen=True):
    user_name: Any
    id: Any = 0


@from_package("kinds")
class Event(msgspec.Struct, tag=True, rename={"type": "eventType"}):
    type: str


@from_package("swapped")
class Swapped(msgspec.Struct, rename={"a": "b", "b": "a"}):
    a: Any
    b: Any


@from_package("omitting")
class Omitting(msgspec.Struct, omit_defaults=True):
    a: Any
    b: Any = 0
    text: Any = "default"
    items: list[Any] = []
    made: Any = msgspec.field(default_factory=lambda: [1])
    long_name: Any = msgspec.field(default=None, name="longName")


@from_package("unset")
class Unset(msgspec.Struct):
    a: Any
    u: int | msgspec.UnsetType = msgspec.UNSET
    b: int = 0


@from_package("array")
class Listed(msgspec.Struct, array_like=True, rename="camel", omit_defaults=True):
    first_one: Any
    second_one: Any = 0


@from_package("models")
class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow")
    user_name: Any
    id: Any = 0
    read_as: Any = pydantic.Field(0, validation_alias="readAsThis")
    written_as: Any = pydantic.Field(0, serialization_alias="x")
    secret: Any = pydantic.Field(None, exclude=True)
    empty: Any = pydantic.Field(None, exclude_if=lambda value: value is None)

    @pydantic.computed_field
    @property
    def both_names(self) -> Any:
        return [self.user_name, self.id]


@from_package("checked")
@pydantic.dataclasses.dataclass
class Checked:
    user_name: Any = pydantic.Field(serialization_alias="userName")


class Ids(pydantic.RootModel[list[int]]):
    pass


class OtherIds(pydantic.RootModel[list[int]]):
    pass


class Id(pydantic.RootModel[Any]):
    pass


class Tags(pydantic.RootModel[set[str]]):
    pass


class Labels(pydantic.RootModel[set[str]]):
    pass


@from_package("other")
class Outer(pydantic.BaseModel):
    structs: Any


class Point(NamedTuple):
    x: int
    y: int


class Points(enum.Enum):
    CORNER = Point(1, 2)


class Color(enum.Enum):
    RED = "red"


class Pair(enum.Enum):
    ONE = (1, 2)


class Couple(enum.Enum):
    ONE = (1, 2)


class OfUmsgpack:
    type = 1
    data = b"a"


OfUmsgpack.__module__, OfUmsgpack.__name__ = "umsgpack", "Ext"
EXTENSIONS = [msgpack.ExtType(1, b"a"), msgspec.msgpack.Ext(1, bytearray(b"a")), OfUmsgpack(), Extension(1, b"a")]
SECOND = datetime.datetime.fromtimestamp(1, datetime.UTC)
STRUCT, EVENT, MODEL = Struct("x", 1), Event("x"), Model(user_name="x", id=1, more=2)
DUMPED = MODEL.model_dump(by_alias=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Folded("A"), Folded("a")),
        (Folded("A"), {"v": "a"}),
        (Folded("A"), PlainV("a")),
        (Folded("A"), ByIdentity("a")),
        (Folded(1), Folded(1)),  # what has no key
        (Sized([1]), Sized([2])),
        *[(kind(1, cache=2), other(1, cache=3)) for kind in (Cached, CachedData) for other in (Cached, Uncached)],
        *[(kind(1, cache=2), {"x": 1, "cache": 3}) for kind in (Cached, CachedData)],
        (Cached(1), {"x": 1}),
        (STRUCT, msgspec.to_builtins(STRUCT)),
        (STRUCT, msgspec.structs.asdict(STRUCT)),
        (STRUCT, Checked("x").__dict__ | {"id": 1}),
        (EVENT, msgspec.to_builtins(EVENT)),
        (Swapped(1, 2), msgspec.to_builtins(Swapped(1, 2))),
        (Listed(1), [1, 0]),
        (Listed(1), {"firstOne": 1}),
        *[(one, msgspec.to_builtins(one)) for one in (Omitting(1), Omitting(1, str(b"default", "ascii"), long_name=2))],
        (Omitting(1), msgspec.structs.asdict(Omitting(1))),
        (Omitting(1, text=str(b"default", "ascii")), {"a": 1, "made": [1]}),
        (Unset(1), {"a": 1, "b": 0}),
        (MODEL, DUMPED),
        (MODEL, MODEL.model_dump()),
        (MODEL, {**DUMPED, "secret": None, "empty": None}),
        (Model(user_name="x", empty=1), Model(user_name="x", empty=1).model_dump(by_alias=True)),
        (Checked("x"), {"userName": "x"}),
        (Outer(structs=[STRUCT]), {"structs": [{"userName": "x", "id": 1}]}),
        (Ids([1]), [1]),
        (Ids([1]), Ids([1])),
        (Id({"a": 1}), {"a": 1}),
        (Id(Id(Color.RED)), "red"),
        (Id(STRUCT), {"userName": "x", "id": 1}),
        (Id(Folded("A")), Id({"v": "a"})),
        (Id(Point(1, 2)), [1, 2]),
        (Points.CORNER, [1, 2]),
        *[(one, other) for one in EXTENSIONS for other in EXTENSIONS],
        (msgpack.Timestamp(1, 0), SECOND),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_record_is_what_its_class_says(one, other):
    """Beside what is the same by the class's own words, in any place and order."""
    for a, b in ((one, other), (other, one)):
        assert found({"a": [a]}, {"a": [b]}) == []
        assert found([a, 7, [a]], [[b], b, 7], Unordered("$")) == []
        assert found([a], [b], strict=True) == ([] if type(a) is type(b) else [("type", "$[0]")])


@pytest.mark.parametrize(
    ("one", "other", "changes"),
    [
        (Folded("A"), Folded("b"), ["changed v"]),
        (Folded("A"), {"v": "b"}, ["changed v"]),
        (Sized([1]), Sized([1, 3]), ["added v[1]"]),
        (Cached(1, cache=2), {"x": 2, "cache": 3}, ["changed x"]),
        (STRUCT, {"userName": "y", "id": 1}, ["changed userName"]),
        (STRUCT, {"user_name": "y", "id": 1}, ["changed user_name"]),
        (STRUCT, {"id": 1}, ["removed userName"]),
        (STRUCT, Struct("y", 1), ["changed user_name"]),
        (STRUCT, Checked("x"), ["removed id"]),
        (Swapped(1, 2), {"a": 1, "b": 2}, ["changed b", "changed a"]),
        (EVENT, {"eventType": "x"}, ["removed type"]),
        (Omitting(1, b=2), {"a": 1, "made": [1]}, ["removed b"]),
        (Omitting(1, b=False), {"a": 1, "made": [1]}, ["removed b"]),
        (Omitting(1), {"a": 1}, ["removed made"]),
        (Unset(1), {"a": 1}, ["removed b"]),
        (Unset(1, u=0), {"a": 1, "b": 0}, ["removed u"]),
        (MODEL, {**DUMPED, "secret": 1}, ["type secret"]),
        (MODEL, {**DUMPED, "bothNames": ["x", 2]}, ["changed bothNames[1]"]),
        (MODEL, {**DUMPED, "readAs": 1, "x": 1}, ["changed readAs", "changed x"]),
        (MODEL, {name: DUMPED[name] for name in DUMPED if name != "bothNames"}, ["removed bothNames"]),
        (MODEL, Model(user_name="x", id=1, more=2, secret=3), ["type secret"]),
        (Model(user_name="x", id=1, more=2, empty=1), DUMPED, ["removed empty"]),
        (Ids([1]), [2], ["changed [0]"]),
        (Ids([1]), OtherIds([1]), ["type "]),
        (Id(Folded("A")), Id({"v": "b"}), ["changed v"]),
        (Pair.ONE, Couple.ONE, ["type "]),
        (Tags({"a"}), Labels({"a"}), ["type "]),
        (Extension(1, b"a"), msgspec.msgpack.Ext(2, b"a"), ["changed "]),
        (Extension(1, b"a"), [1, b"a"], ["type "]),
        (msgpack.Timestamp(1, 1), SECOND, ["changed "]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_differs_has_the_name_that_the_mapping_has_for_it(one, other, changes):
    """And a class says no more than that."""
    shown = [
        f"{kind} {path}".replace("$[0]", "").replace("['", "").replace("']", "") for kind, path in found([one], [other])
    ]
    assert shown == changes
    assert len(found([other], [one])) == len(changes)
    for a, b in ((one, other), (other, one)):
        assert found([a, 7], [7, b], Unordered("$")) != []


def test_rules_have_the_names_of_the_mapping():
    """Beside a record those of attributes."""
    mapping, record = {"userName": "y", "id": 1}, Struct("y", 1)
    for order in ((), (Unordered("$"),)):
        assert found([STRUCT], [mapping], IgnorePath("$[*].userName"), *order) == []
        assert found([STRUCT], [mapping], IgnorePath("$[*].user_name"), *order) != []
        assert found([STRUCT, 7], [record, 7], IgnorePath("$[*].userName"), *order) != []
        assert found([STRUCT, 7], [record, 7], IgnorePath("$[*].user_name"), *order) == []
    assert found([STRUCT], [{"userName": "x", "id": 1, "more": 2}], Subset("$[*]")) == []


def test_a_key_may_be_an_attribute_or_as_it_is_written():
    ours = [Struct(f"u{i}", i) for i in range(3)]
    theirs = msgspec.to_builtins(ours[::-1])
    theirs[0]["id"] = 7
    assert found(ours, theirs, KeyedBy("$", "userName")) == [("changed", "$[2]['id']")]
    assert found(ours, ours[::-1], KeyedBy("$", "user_name")) == []
    assert found([PlainV(1), PlainV(2)], [{"v": 2}, {"v": 1}], KeyedBy("$", "w")) == []


def test_records_that_are_written_alike_are_no_others_than_their_attributes():
    """In no order either."""

    @from_package("written")
    @attrs.frozen
    class Written:
        userName: Any  # noqa: N815 - that is the point
        id: Any

    assert len(found([STRUCT], [Written("x", 1)])) == 2
    assert len(found([STRUCT, 7], [7, Written("x", 1)], Unordered("$"))) == 2
    mapping = {"userName": "x", "id": 1}
    assert found([STRUCT, Written("x", 1)], [mapping, mapping], Unordered("$")) == []


def test_a_key_that_raises_says_nothing():
    """As `str.lower` of what is no text."""
    body = compare([Folded(1)], [Folded(2)]).body
    assert [change.path for change in body.changes] == ["$[0]['v']"]
    assert body.notes[0].startswith("eq= raised TypeError at $[0].v")
    assert compare([Folded("a")], [{}]).body.notes == ()  # there is nothing to ask about
    assert found([Folded(1), 7], [7, Folded(2)], Unordered("$")) != []


def test_no_function_of_a_rule_sees_what_was_made_for_a_key():
    """Texts of which only the length counts are no others where order means nothing."""
    rules = (Unordered("$"), Normalize("$[*].v", len))
    assert found([Folded("ab"), 7], [7, Folded("cd")], *rules) == []
    assert found([Folded("ab"), 7], [7, Folded("abc")], *rules) != []


def test_what_was_seen_before_a_class_was_is_seen_again():
    """That a member is not compared may be known only after it was."""
    shared = [{"x": number, "cache": number} for number in (1, 2)]
    ours = [[*shared, {"x": 3.0}], [*shared, {"x": 3.0}]]
    theirs = [[{"x": 3.4}, *map(dict, shared)], [{"x": 3.4}, Cached(2), Cached(1)]]
    assert found(ours, theirs, Unordered("$[*]"), Tolerance("$..x", abs=0.5)) == []


def test_of_many_records_each_is_found_in_what_was_decoded():
    """Those with defaults too, and without asking each whether it is the same as each."""
    ours = [Omitting(number, b=number % 2, long_name=number % 3 or None) for number in range(500)]
    theirs = msgspec.json.decode(msgspec.json.encode(ours[::-1]))
    theirs[10]["a"] = -1
    (change,) = compare(ours, theirs, Unordered("$")).body.changes
    assert change.path == "$[489]['a']"


def test_of_a_dict_that_is_a_record_too_the_items_count():
    kind = dataclasses.make_dataclass("Kind", [("x", int, dataclasses.field(default=0, compare=False))], bases=(dict,))
    one = kind()
    one["x"] = 1
    assert found([one], [{"x": 1}]) == []
    assert found([one], [{"x": 2}]) == [("changed", "$[0]['x']")]


# ── at random, by brute force ────────────────────────────────────────────────────────────────────────────────────────


class Hiding(pydantic.BaseModel):
    id: Any
    a: Any = pydantic.Field(exclude=True)


class Aliased(pydantic.BaseModel):
    id: Any
    a: Any = pydantic.Field(serialization_alias="A")


class Zeros(msgspec.Struct, omit_defaults=True):
    id: Any = 0
    a: Any = 0


class Crossed(msgspec.Struct, rename={"a": "id", "id": "a"}):
    id: Any
    a: Any


@attrs.frozen
class InOneCase:
    id: Any
    a: Any = attrs.field(eq=lambda value: value.lower() if isinstance(value, str) else value)


@attrs.frozen
class OnlyId:
    id: Any
    a: Any = attrs.field(eq=False)


RECORDS: list[Any] = [Hiding, Aliased, Zeros, Crossed, InOneCase, OnlyId]
for _kind in RECORDS:
    _kind.__module__ = _kind.__name__.lower()
LEAVES = [0, 1, 1.4, "a", "A", None]


class Forms:
    """Elements that are records or mappings, and other forms of them, which may be the same."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def element(self, depth=1):
        values = [
            self.element(depth - 1) if depth and self.random.random() < 0.2 else self.random.choice(LEAVES)
            for _ in range(2)
        ]
        return self.form(*values)

    def form(self, *values):
        if self.random.random() < 0.5:
            return dict(zip(self.random.sample(["id", "a", "A"], 2), values, strict=True))
        record = self.random.choice(RECORDS)(**dict(zip(("id", "a"), values, strict=True)))
        return Id(record) if self.random.random() < 0.2 else record

    def another(self, value):
        value = value.root if type(value) is Id else value
        if value in LEAVES or self.random.random() < 0.2:
            return value.swapcase() if type(value) is str else value
        found = value if type(value) is dict else {"id": value.id, "a": value.a}
        values = [self.another(found.get("id", 0)), self.another(found.get("a", found.get("A", 0)))]
        if type(value) is dict or self.random.random() < 0.5:
            return (
                self.form(*values)
                if self.random.random() < 0.5
                else dict(zip(("id", self.random.choice("aA")), values, strict=True))
            )
        return type(value)(*values) if not isinstance(value, pydantic.BaseModel) else value


def all_matched(same):
    """Can each row be given a column of its own that is true?"""
    return not same or any(
        one and all_matched([row[:j] + row[j + 1 :] for row in same[1:]]) for j, one in enumerate(same[0])
    )


@pytest.mark.parametrize("seed", range(5))
def test_elements_in_any_order_are_found_as_the_walk_compares_them(seed):
    forms = Forms(seed)
    choice = forms.random.choice
    matched = 0
    for _ in range(100):
        ours = [forms.element() for _ in range(forms.random.randint(2, 4))]
        theirs = [forms.another(one) for one in ours]
        forms.random.shuffle(theirs)
        rules = choice([(), (IgnorePath(f"$[*].{choice('aA')}"),), (SameNumber("$..*"), Tolerance("$[*].id", abs=0.5))])
        expected = all_matched([[found([one], [other], *rules) == [] for other in theirs] for one in ours])
        matched += expected
        assert (found(ours, theirs, *rules, Unordered("$")) == []) is expected, (ours, theirs, rules)
        assert (found(theirs, ours, *rules, Unordered("$")) == []) is expected, (ours, theirs, rules)
    assert 5 < matched < 90
