"""What can change is fixed by a copy, and what cannot is taken as it is. Pure. In a leg: test_views.py."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
import weakref
from typing import NamedTuple

import attrs
import pytest

from trioshadow import ResponseRecord
from trioshadow._model.fixing import copy_request, fixed, shown
from trioshadow._model.immutable import is_immutable
from trioshadow._model.packing import Packed


class Color(enum.Enum):
    RED = [1]  # noqa: RUF012


@attrs.frozen
class FrozenAttrs:
    x: object


@attrs.define
class MutableAttrs:
    x: object


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 1, 1.5, 1j, "x", b"x", range(3), ..., datetime.datetime(2026, 1, 1), decimal.Decimal(1)),  # noqa: DTZ001
        *(uuid.UUID(int=1), (1, ("a", b"b")), frozenset([(1, 2)]), Color.RED, FrozenAttrs((1, Color.RED))),
        *(ResponseRecord(b"x"), ResponseRecord((1, 2)), (ResponseRecord(b"x"),)),
    ],
)
def test_immutable_values_are_taken_as_they_are(value):
    assert is_immutable(value)
    assert fixed(value) is value
    assert copy_request(value) is value


@pytest.mark.parametrize(
    "value", [[], {}, set(), bytearray(), (1, []), FrozenAttrs([]), MutableAttrs(1), ResponseRecord([]), object()]
)
def test_what_can_change_is_not_immutable(value):
    assert not is_immutable(value)


def test_frozen_records_of_other_libraries():
    import dataclasses

    @dataclasses.dataclass(frozen=True)
    class FrozenData:
        x: object

    class Struct:  # as msgspec makes them
        __struct_config__ = type("Config", (), {"frozen": True})
        __struct_fields__ = ("x",)

    class MutableStruct(Struct):
        __struct_config__ = type("Config", (), {"frozen": False})

    struct = Struct()
    struct.x = 1  # type: ignore[attr-defined]
    assert is_immutable(FrozenData(1))
    assert is_immutable(struct)
    assert not is_immutable(FrozenData([]))
    assert not is_immutable(MutableStruct())


def test_a_subclass_or_a_cached_property_makes_a_frozen_record_changeable():
    import dataclasses
    import functools

    @dataclasses.dataclass(frozen=True)
    class Base:
        x: int

        @functools.cached_property
        def tags(self):
            return []

    class Sub(Base):
        pass

    class Pair(NamedTuple):
        a: int
        b: int

    class Row(Pair):
        pass

    class FrozenSub(FrozenAttrs):
        pass

    assert is_immutable(Base(1))
    cached = Base(1)
    cached.tags.append(1)
    assert not is_immutable(cached)
    assert not is_immutable(Sub(1))
    assert not is_immutable(FrozenSub(1))
    row = Row(1, 2)
    assert is_immutable(row)
    row.tags = []
    assert not is_immutable(row)


def test_a_walk_in_a_circle_or_too_long_ends():
    for hold in (lambda circle: (circle,), lambda circle: circle):
        circle = FrozenAttrs(None)
        object.__setattr__(circle, "x", hold(circle))
        assert not is_immutable(circle)
    assert not is_immutable(tuple(range(20_000)))
    assert fixed(tuple(range(20_000))).load() == tuple(range(20_000))  # type: ignore[attr-defined]


def test_a_document_too_deep_to_copy_says_so():
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TypeError, match="can't be copied: give view="):
        fixed(deep)
    with pytest.raises(TypeError, match="can't be copied: give copy_request="):
        copy_request(deep)
    while deep:  # taken apart by hand: the interpreter would recurse
        deep = deep.pop()  # type: ignore[assignment]


def test_an_owner_in_an_answer_is_not_copied_whatever_it_is_equal_to():
    closed = []

    @attrs.define
    class Connection:
        name: str

        def __del__(self):
            closed.append(self.name)

    finalized = MutableAttrs([1])
    weakref.finalize(finalized, closed.append, "finalized")
    answer = [Connection("a"), finalized]
    for copied in (fixed(answer).load(), shown(answer)):
        assert copied == answer
        assert copied is not answer
        assert copied[0] is answer[0]
        assert copied[1] is finalized
    del copied
    assert closed == []


def test_a_snapshot_with_classes_and_functions_in_it():
    value = [dict, print, lambda: 0, Color.RED, MutableAttrs([1])]
    packed = fixed(value)
    assert isinstance(packed, Packed)
    value[4].x.append(2)  # type: ignore[attr-defined]
    assert packed.load() == [*value[:4], MutableAttrs([1])]
