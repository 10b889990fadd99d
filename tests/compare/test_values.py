"""Values of every kind, place by place: what is the same, what differs and where, what is kept of it. Pure."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import math
import sqlite3
import types
import uuid
import zoneinfo
from typing import NamedTuple

import attrs
import msgspec
import pydantic
import pytest
import sqlalchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from trioshadow import Divergence, ShadowConfig
from trioshadow.compare import Change, ChangeKind, Excerpt, Undecided, Unordered

from tests.support.comparing import compare, found

NAN = math.nan


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Hue(enum.Enum):
    RED = "red"


Hue.__module__ = "other"  # of one package with Color it would be another kind: see test_kinds.py


class Level(enum.IntEnum):
    LOW = 1


class Name(enum.StrEnum):
    A = "a"


class Box(enum.Enum):
    EMPTY = ()
    PAIR = (1, 2)


@attrs.define
class AttrsPoint:
    x: object
    y: object = 0
    cache: object = attrs.field(default=None, eq=False)


@dataclasses.dataclass
class DataPoint:
    x: object
    y: object = 0
    cache: object = dataclasses.field(default=None, compare=False)


class StructPoint(msgspec.Struct):
    x: object
    y: object = 0


class ModelPoint(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    x: object
    y: object = 0


class TuplePoint(NamedTuple):
    x: object
    y: object = 0


POINTS = [AttrsPoint, DataPoint, StructPoint, ModelPoint, TuplePoint]
for _kind in POINTS[1:]:  # as if each came from another library
    _kind.__module__ = _kind.__name__.lower()


class MyDict(dict):
    def items(self):
        raise RuntimeError

    __iter__ = __getitem__ = get = keys = values = items


class MyList(list):
    def __iter__(self):
        raise RuntimeError

    __getitem__ = __len__ = __iter__


class MyStr(str):
    def __eq__(self, other):
        return True

    __hash__ = str.__hash__
    __str__ = __repr__ = __len__ = None


class MyInt(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__
    __int__ = __index__ = None


class MyFloat(float):
    __eq__ = MyInt.__eq__
    __hash__ = float.__hash__


class MyBytes(bytes):
    __eq__ = MyInt.__eq__
    __hash__ = bytes.__hash__
    __getitem__ = None


class Money:
    def __init__(self, amount):
        self.amount = amount

    def __eq__(self, other):
        return (other.amount if isinstance(other, Money) else other) == self.amount

    __hash__ = None

    def __repr__(self):
        return f"Money({self.amount})"


def by_type(value):
    return type(value).__name__


UTC = datetime.UTC
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, decimal.Decimal(1)),
        (0.5, fractions.Fraction(1, 2)),
        (0.0, -0.0),
        (2**70, float(2**70)),
        (NAN, float("nan")),
        (NAN, decimal.Decimal("NaN")),
        (complex(NAN, 1), complex(NAN, 1)),
        ((1, 2), [1, 2]),
        ([1, 2], collections.deque([1, 2])),
        (range(3), [0, 1, 2]),
        ({1, 2}, frozenset((2, 1.0))),
        ({NAN}, {float("nan")}),
        ({"a": 1}, types.MappingProxyType({"a": 1})),
        ({"a": 1, "b": 2}, collections.OrderedDict(b=2, a=1)),
        ({"a": 1}.keys(), {"a"}),
        (MyDict(a=1), {"a": 1.0}),
        (MyList([1]), [1.0]),
        (MyStr("a"), "a"),
        (MyInt(1), 1),
        (MyFloat(0.5), 0.5),
        (b"a", bytearray(b"a")),
        ([b"a"], [memoryview(b"a")]),
        ([MyBytes(b"a")], [b"a"]),
        (Color.RED, "red"),
        (Color.RED, Hue.RED),
        (Level.LOW, 1.0),
        (Name.A, "a"),
        (Box.PAIR, [1, 2]),
        ({Name.A: 1}, {"a": 1}),
        (NOON, NOON.astimezone(datetime.timezone(datetime.timedelta(hours=5)))),
        (uuid.UUID(int=1), uuid.UUID(int=1)),
        (Money(3), Money(3)),
        (Money(3), 3),
        (TuplePoint(1, 2), (1, 2)),
        (TuplePoint(1, 2), [1, 2]),
        ([TuplePoint(1, 2)], [[1, 2]]),
        (array.array("i", [1, 2]), array.array("d", [1, 2])),
        *[(point(x=1, y=[2]), {"x": 1, "y": [2]}) for point in POINTS],
        *[(point(x=1, y=[2]), other(x=1, y=[2])) for point in POINTS for other in POINTS],
        (AttrsPoint(1, cache=1), AttrsPoint(1, cache=2)),
        (DataPoint(1, cache=1), DataPoint(1, cache=2)),
        (ModelPoint(x=1, z=3), {"x": 1, "y": 0, "z": 3}),
    ],
    ids=by_type,
)
def test_the_same(one, other):
    for a, b in ((one, other), (other, one)):
        assert found(a, b) == []
        assert found([a], [b]) == []
        assert found({"a": a}, {"a": b}) == []
    assert found([one], [one], strict=True) == []


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (1, 2, "changed"),
        (1, True, "type"),
        (0, False, "type"),
        (1, "1", "type"),
        (1, None, "type"),
        (None, False, "type"),
        (2**70, 2**70 + 1, "changed"),
        (0.1, decimal.Decimal("0.1"), "changed"),
        (NAN, 1.0, "changed"),
        (NAN, None, "type"),
        ("a", "b", "changed"),
        ("a", b"a", "type"),
        (b"a", b"b", "changed"),
        ([], {}, "type"),
        ([], (1,), "added"),
        ([], set(), "type"),
        ([1], None, "type"),
        (MyStr("a"), "b", "changed"),
        (MyInt(1), 2, "changed"),
        (Color.RED, Color.BLUE, "changed"),
        (Color.RED, 1, "type"),
        (NOON, NOON.replace(tzinfo=None), "changed"),
        (NOON, NOON.date(), "type"),
        (NOON, NOON.isoformat(), "type"),
        (NOON.time(), datetime.timedelta(0), "type"),
        (uuid.UUID(int=1), uuid.UUID(int=2), "changed"),
        (uuid.UUID(int=1), str(uuid.UUID(int=1)), "type"),
        (Money(3), Money(4), "changed"),
        (Money(3), 4, "type"),
        (object(), object(), "changed"),
        (1j, 2j, "changed"),
    ],
    ids=by_type,
)
def test_not_the_same(one, other, kind):
    path = "$[0][0]" if kind == "added" else "$[0]"
    assert found([one], [other]) == [(kind, path)]
    assert found([other], [one]) == [("removed" if kind == "added" else kind, path)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        ([1], (1,)),
        ({"a": 1}, collections.OrderedDict(a=1)),
        ({1}, frozenset((1,))),
        (Color.RED, "red"),
        (AttrsPoint(1), DataPoint(1)),
        (AttrsPoint(1), {"x": 1, "y": 0}),
        (TuplePoint(1), (1, 0)),
        (b"a", bytearray(b"a")),
        (Money(3), 3),
        (1, decimal.Decimal(1)),
    ],
    ids=by_type,
)
def test_strict_tells_types_apart(one, other):
    assert found([one], [other]) == []
    assert found([one], [other], strict=True) == [("type", "$[0]")]
    if type(one) is not bytes:  # bytes are a body, whatever holds them
        assert found(one, other, strict=True) == [("type", "$")]
    (line, *_) = compare([1], [1.0], strict=True).explain().splitlines()[1:]
    assert line == "  $[0]"


def test_a_named_tuple_among_unordered_elements_may_be_an_array():
    assert found([TuplePoint(1, 2), 0], [0, (1, 2)], Unordered("$")) == []


def test_changes_are_in_the_primarys_order():
    old = {"b": [1, {"x": 1}, 3, 4], "a": "x", "gone": None}
    new = {"a": "y", "new": 1, "b": [2, {"x": 2, "y": 3}, 3], "newer": 2}
    assert found(old, new) == [
        ("changed", "$['b'][0]"),
        ("changed", "$['b'][1]['x']"),
        ("added", "$['b'][1]['y']"),
        ("removed", "$['b'][3]"),
        ("changed", "$['a']"),
        ("removed", "$['gone']"),
        ("added", "$['new']"),
        ("added", "$['newer']"),
    ]


def test_a_change_has_both_values():
    body = compare({"a": 1, "b": [2], "c": 3}, {"a": None, "b": [2, {"x": 1}]}).body
    assert body.changes == (
        Change("$['a']", ChangeKind.TYPE, 1, None),
        Change("$['b'][1]", ChangeKind.ADDED, None, {"x": 1}),
        Change("$['c']", ChangeKind.REMOVED, 3, None),
    )
    assert body.change_count == 3
    assert body.forms == ("value", "value")
    assert (body.primary_len, body.shadow_len, body.prefix_equal_bytes) == (3, 2, None)
    assert hash(body.changes[1]) == hash(Change("$['b'][1]", ChangeKind.ADDED))


def test_the_same_values_under_other_names_are_not_the_same():
    # 1 == True, so `==` of the two dicts holds; and their types are the same, in their order.
    assert found({"x": 1, "y": True}, {"y": 1, "x": True}) == [("type", "$['x']"), ("type", "$['y']")]
    assert found({"x": 1, "y": 1.0}, {"y": 1, "x": 1.0}) == []
    assert len(found({"x": 1, "y": 1.0}, {"y": 1, "x": 1.0}, strict=True)) == 2


def test_numbers_and_times_that_eq_gets_wrong():
    assert found([complex(NAN, 1)], [complex(NAN, 2)]) == [("changed", "$[0]")]
    assert found([decimal.Decimal("sNaN"), 1], [decimal.Decimal("sNaN"), 1.0]) == []
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    first = datetime.datetime(2024, 10, 27, 2, 30, tzinfo=zone)
    assert found([first], [first.replace(fold=1)]) == [("changed", "$[0]")]
    assert found([first], [first.astimezone(UTC)]) == []
    assert found([NOON], [NOON.replace(fold=1)]) == []
    elements = [first, first.replace(fold=1), NOON, NOON.replace(tzinfo=None), complex(NAN, 1), 1j, 2 + 0j]
    others = [2, 1j, complex(NAN, 1), NOON.replace(tzinfo=None), NOON, first.replace(fold=1).astimezone(UTC), first]
    assert found(elements, others, Unordered("$")) == []
    strangers = [complex(NAN, 2), first.replace(fold=1), NOON]
    assert len(found([complex(NAN, 1), first, NOON.date()], strangers, Unordered("$"))) == 3


def test_what_a_class_says_of_its_pickling_does_not_count():
    class Sly:
        __module__ = "uuid"

        def __reduce__(self):
            return (int, (1,))

    assert found([Sly()], [Sly()]) == [("changed", "$[0]")]


def test_keys_that_are_no_names():
    assert found({None: 1, 2: 3, (4,): 5}, {None: 2, 2: 4, (4,): 6}) == [
        ("changed", "$[null]"),
        ("changed", "$[2]"),
        ("changed", "$[(4,)]"),
    ]


def test_a_key_that_is_a_bool_is_no_number():
    for one, other in (({1: "a"}, {True: "a"}), ({1: ["a"]}, {True: ["a"]}), ({1: 1, "x": [2]}, {True: 1, "x": [3]})):
        assert found(one, other)[-2 if len(one) == 1 else 0] == ("removed", "$[1]")
        assert found(one, other)[-1] == ("added", "$[true]")
        assert len(found([one, 0], [0, other], Unordered("$"))) == len(found(one, other))
    assert found({True: 1, 2: 3}, {2.0: 3, True: 2}) == [("changed", "$[true]")]
    assert found({1: "a"}, {1.0: "a"}) == []


def test_elements_of_sets_have_no_place_of_their_own():
    body = compare({"tags": {"b", "a", "c"}}, {"tags": {"c", "x", "y", 1}}).body
    assert [(change.kind.value, change.path, change.primary, change.shadow) for change in body.changes] == [
        ("removed", "$['tags'][*]", "a", None),
        ("removed", "$['tags'][*]", "b", None),
        ("added", "$['tags'][*]", None, "x"),
        ("added", "$['tags'][*]", None, "y"),
        ("added", "$['tags'][*]", None, 1),
    ]
    assert found({1, True - 1}, {1.0, False}) == [("removed", "$[*]"), ("added", "$[*]")]
    assert "$.tags[*] removed" in str(compare({"tags": {"b"}}, {"tags": set()}))  # `tags` itself is not gone
    assert "$.tags removed" in str(compare({"tags": {"b"}}, {}))


def test_not_more_than_max_changes_are_kept_and_all_are_counted():
    body = Divergence.compare(list(range(10_000)), [-1] * 10_000, ShadowConfig()).body
    assert (len(body.changes), body.change_count) == (100, 10_000)
    body = Divergence.compare([1, 2, 3], [4, 5, 6], ShadowConfig(max_changes=2)).body
    assert ([change.path for change in body.changes], body.change_count) == (["$[0]", "$[1]"], 3)


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────────────────────


def kept(value):
    return compare([None], [[value]]).body.changes[0].shadow


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 1, 2**500, 0.5, "text", b"bytes", decimal.Decimal("1.10"), NOON, NOON.date(), 1j),
        *([], {}, (), set(), [1, [2]], {"a": {"b": (1, 2)}}, {1: {3}, None: frozenset((4,))}),
    ],
    ids=by_type,
)
def test_a_small_value_of_builtins_is_kept_as_it_is(value):
    (copied,) = kept(value)
    assert copied == value
    assert type(copied) is type(value)
    if isinstance(value, list | dict | set) and value:
        assert copied is not value


def test_what_is_kept_does_not_change_with_the_original():
    old, new = {"a": [1, bytearray(b"x")]}, {"a": None}
    divergence = compare(old, new)
    old["a"][1][0] = 0
    old["a"].append(2)
    assert divergence.body.changes[0].primary == [1, b"x"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * 300, '"' + "x" * 256 + '"… (300 characters)'),
        (b"x" * 300, "b'" + "x" * 60 + "'… (300 bytes)"),
        (list(range(1000)), None),
        ({"k" * 300: 1}, '{"' + "k" * 254 + "…"),
        (AttrsPoint(1, "z"), 'AttrsPoint(x=1, y="z")'),
        ([StructPoint(1)], "[StructPoint(x=1, y=0)]"),
        (ModelPoint(x=1), "ModelPoint(x=1, y=0)"),
        (TuplePoint(1, 2), "TuplePoint(x=1, y=2)"),
        (types.MappingProxyType({1: 2}), "mappingproxy(1=2)"),
        (collections.deque([1]), "deque(1)"),
        (((1,), ()), "((1,), ())"),
        (range(2), "range(0, 1)"),
        (Color.RED, 'Color("red")'),
        (2**5000, "<int of 5,001 bits>"),
        (Money(3), "Money(3)"),
        (uuid.UUID(int=0), "UUID('00000000-0000-0000-0000-000000000000')"),
        (datetime.timedelta(hours=1), "datetime.timedelta(seconds=3600)"),
        ({"b", "a"}, None),
    ],
    ids=by_type,
)
def test_what_is_large_or_no_builtin_is_kept_as_a_text(value, text):
    change = compare([None], [value]).body.changes[0]
    if text is None:
        text = {list: "[" + ", ".join(map(str, range(1000))), set: '{"a", "b"}'}.get(type(value), str(change.shadow))
        text = text if len(text) <= 256 else text[:256] + "…"
    shown = compare([None], [value]).explain().splitlines()[-1].strip()
    assert shown == "+ " + text


def test_an_excerpt_says_what_it_is_of():
    change = compare([None], [list(range(1000))]).body.changes[0]
    assert (change.shadow.type_name, change.shadow.size, change.shadow.start) == ("list", 1000, 0)
    change = compare([None], [AttrsPoint(1)]).body.changes[0]
    assert change.shadow == Excerpt("AttrsPoint(x=1, y=0)", "AttrsPoint", 2)
    assert compare([None], [TuplePoint(1)]).body.changes[0].shadow.size is None
    assert compare([None], [Money(1)]).body.changes[0].shadow.size is None


def test_of_long_texts_the_part_that_differs_is_kept():
    old, new = "a" * 1000 + "old" + "b" * 1000, "a" * 1000 + "new" + "b" * 10
    change = compare([old], [new]).body.changes[0]
    assert change.primary == Excerpt(old[960:1216], "str", 2003, 960)
    assert change.shadow == Excerpt(new[960:1216], "str", 1013, 960)
    assert str(change.shadow) == '…"' + "a" * 40 + "new" + "b" * 10 + '" (1,013 characters)'
    change = compare([b"a" * 1000], [b"a" * 999 + b"\0"]).body.changes[0]
    assert (change.shadow.text, change.shadow.start) == (repr(b"a" * 40 + b"\0"), 959)
    assert compare(["short"], ["x" * 300]).body.changes[0].primary == "short"


# ── records of an ORM ────────────────────────────────────────────────────────────────────────────────────────────────


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "product"
    sku: Mapped[str] = mapped_column(primary_key=True)
    price: Mapped[decimal.Decimal]


def rows(text):
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection:
        found_rows = connection.execute(sqlalchemy.text(text)).all()
    engine.dispose()
    return found_rows


def rows_of_sqlite(text):
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    found_rows = connection.execute(text).fetchall()
    connection.close()
    return found_rows


class Record:
    """As asyncpg has it: neither a sequence nor a mapping, to Python."""

    def __init__(self, **values):
        self._values = values

    def keys(self):
        return iter(self._values)

    def __iter__(self):
        return iter(self._values.values())


class DictRow(list):
    """As psycopg2 has it."""

    def keys(self):
        return ("id", "parent_id")


class OdbcRow:
    cursor_description = (("id", int), ("parent_id", int))

    def __iter__(self):
        return iter((1, 2))


Record.__module__, DictRow.__module__, OdbcRow.__module__ = "asyncpg.protocol", "psycopg2.extras", "pyodbc"
OdbcRow.__name__ = OdbcRow.__qualname__ = "Row"


@pytest.mark.parametrize(
    "row",
    [
        rows("select 1 as id, 2 as parent_id")[0],
        rows_of_sqlite("select 1 as id, 2 as parent_id")[0],
        Record(id=1, parent_id=2),
        DictRow([1, 2]),
        OdbcRow(),
    ],
    ids=lambda row: type(row).__module__,
)
def test_a_row_is_a_record_of_its_columns(row):
    (swapped,) = rows("select 2 as parent_id, 1 as id")
    (renamed,) = rows("select 1 as id, 2 as parent")
    assert found([row], [swapped]) == []
    assert found([row], [renamed]) == [("removed", "$[0]['parent_id']"), ("added", "$[0]['parent']")]
    assert found([row], [{"id": 1, "parent_id": 2}]) == []
    assert found([row], [renamed._mapping]) != []
    assert found([row], [(1, 2)]) == []
    assert found([row], [[1, 3]]) == [("changed", "$[0][1]")]
    assert found([row, 0], [0, swapped], Unordered("$")) == []
    assert found([row, 0], [0, (1, 2)], Unordered("$")) == []
    assert found([row], [row], strict=True) == []
    assert "(id=1, parent_id=2)" in compare([row], [0]).explain()


def test_a_column_that_is_there_twice_is_not_lost():
    (one,), (other,) = rows("select 1 as id, 2 as id"), rows("select 3 as id, 2 as id")
    assert found([one], [other]) == [("changed", "$[0]['id']")]
    assert found([one], [rows("select 1 as id, 4 as id")[0]]) == [("changed", "$[0]['id#2']")]
    assert found([one._mapping], [other._mapping]) == [("changed", "$[0]['id']")]
    assert found([one], rows_of_sqlite("select 1 as id, 3 as id")) == [("changed", "$[0]['id#2']")]
    assert found([one], [{"id": 1}]) == [("removed", "$[0]['id#2']")]
    assert found([one._mapping], [(1, 2)]) == [("type", "$[0]")]


def test_a_model_and_a_row_are_comparable_through_a_view():
    engine = sqlalchemy.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Product(sku="lamp", price=decimal.Decimal("4.00")))
        session.flush()
        model = session.scalars(sqlalchemy.select(Product)).one()
        row = session.execute(sqlalchemy.text("select sku, price from product")).one()
        as_dict = {name: getattr(model, name) for name in ("sku", "price")}
        assert found(as_dict, row) == []
        assert found([as_dict["sku"], as_dict["price"]], row) == []
        # Without a view: a model knows no equality.
        divergence = compare([model], [row])
        assert divergence.body.changes[0].kind is ChangeKind.TYPE
        note = "Product objects are compared by identity: give a view="
        assert compare([model], [Product(sku="lamp")]).body.notes == (note,)
        of_models = session.execute(sqlalchemy.select(Product)).one()
        other = Product(sku="lamp")
        assert found([of_models], [{"Product": model}]) == []
        assert compare([of_models], [{"Product": other}]).body.notes == (note,)
        # What `==` makes of a column is a condition, and no answer.
        with pytest.raises(
            Undecided, match="`==` of BinaryExpression gives no bool, but BinaryExpression: give a view="
        ):
            compare([Product.sku == "a"], [Product.sku == "a"])
    engine.dispose()


def test_objects_that_are_compared_by_identity_are_pointed_out():
    divergence = compare([object()], [object()])
    assert divergence.body.notes == ("object objects are compared by identity: give a view=",)
    assert compare([Money(1)], [Money(2)]).body.notes == ()


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

TEXT = [f"line {number}" for number in range(20)]


def lines(old, new):
    return found("\n".join(old), "\n".join(new))


def test_text_is_compared_line_by_line():
    assert lines(TEXT, ["new", *TEXT]) == [("added", "$[0]")]
    assert lines(TEXT, TEXT[:5] + TEXT[6:]) == [("removed", "$[5]")]
    assert lines(TEXT, [*TEXT[:5], "other", *TEXT[6:]]) == [("changed", "$[5]")]
    assert lines(TEXT, [*TEXT, "", ""]) == [("added", "$[20]"), ("added", "$[21]")]
    assert lines([*TEXT[:3], "a", "b", *TEXT[3:]], [*TEXT[:3], "c", *TEXT[3:], "z"]) == [
        ("changed", "$[3]"),
        ("removed", "$[4]"),
        ("added", "$[21]"),
    ]
    assert lines(["x"] * 100, ["x"] * 101) == [("added", "$[100]")]
    assert lines(["{", "a", "}", "{", "b", "}"], ["{", "a", "}", "{", "c", "}", "{", "b", "}"]) == [
        ("added", "$[4]"),
        ("added", "$[5]"),
        ("added", "$[6]"),
    ]
    assert lines(["a", "b", "c"], ["c", "b", "a"])
    assert found("a", "b") == [("changed", "$")]
    assert found("a\nb", "a\r\nb") == [("changed", "$[0]")]
    assert compare("a\nb", "a\nc").body.forms == ("text", "text")


@pytest.mark.parametrize(("ours", "theirs", "kind"), [(99, 100, ChangeKind.ADDED), (100, 99, ChangeKind.REMOVED)])
def test_of_long_arrays_that_are_looked_at_in_runs_the_longer_one_has_more(ours, theirs, kind):
    primary, shadow = ({"items": [{"id": number} for number in range(count)]} for count in (ours, theirs))
    (change,) = Divergence.compare(primary, shadow, ShadowConfig()).body.changes
    assert (change.path, change.kind) == ("$['items'][99]", kind)
