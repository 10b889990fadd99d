"""Values and bodies that are made to hurt: nothing raises, nothing recurses, all of it is bounded. Pure.

"Bounded" is counted here, in steps and sizes; how long it takes is the bench's business.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import json
import sys
from collections import UserString
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from unittest.mock import Mock

import attrs
import pytest

from trioshadow import Divergence, ResponseRecord, ShadowConfig
from trioshadow.compare import Accept, Excerpt, IgnorePath, KeyedBy, Normalize, Tolerance, Undecided, Unordered

from tests.support.comparing import compare, found

DEEP = 100_000


def nested(depth, leaf):
    for level in range(depth):
        leaf = [leaf] if level % 2 else {"a": leaf}
    return leaf


@pytest.mark.slow
def test_nesting_100_000_deep():
    divergence = compare(nested(DEEP, 1), nested(DEEP, 2))
    (change,) = divergence.body.changes
    assert (change.primary, change.shadow) == (1, 2)
    assert len(change.path) < 500
    assert len(str(divergence)) < 200
    assert compare(nested(DEEP, 1), nested(DEEP, 1.0)) is None
    assert found(nested(DEEP, 1), nested(DEEP, 2), IgnorePath("$..b"), Tolerance("$..*", abs=1)) == []
    (change,) = compare([nested(DEEP, 1)], [None]).body.changes
    assert len(change.primary.text) <= 257
    assert len(found([nested(10_000, 1), 2], [3, nested(10_000, 1.0)], Unordered("$"))) == 1
    assert found({"k": nested(10_000, 1)}, {"k": nested(10_000, "x")}, Accept(lambda *_: True, "$..a")) == []


def test_deep_bodies_of_bytes():
    kind = {"content-type": "application/json"}
    body = json.dumps(nested(900, 1)).encode() if sys.version_info >= (3, 12) else b"[" * 900 + b"1" + b"]" * 900
    other = body.replace(b"1", b"2")
    divergence = Divergence.compare(
        ResponseRecord(body, headers=kind), ResponseRecord(other, headers=kind), ShadowConfig()
    )
    assert divergence.body.change_count == 1


def test_values_that_contain_themselves():
    a, b = [1], [1.0]
    a.append(a)
    b.append(b)
    assert found(a, b) == []
    b.append(2)
    assert found(a, b) == [("added", "$[2]")]
    one, other = {"x": 1}, {"x": 2}
    one["self"] = one
    other["self"] = other
    assert found(one, other) == [("changed", "$['x']")]
    assert found([one], [3, other], Unordered("$"))
    assert found([a, 1], [1, a], Unordered("$")) == []
    assert compare([one], [None]).body.changes[0].primary.type_name == "dict"
    assert compare(a, one).body.changes[0].kind == "type"


def shared(depth, leaf):
    for _ in range(depth):
        leaf = [leaf, leaf]
    return leaf


def test_an_object_that_is_there_2_to_the_50_times():
    assert found(shared(50, [1]), shared(50, [1.0])) == []
    divergence = compare(shared(50, [1]), shared(50, [2]))
    assert 1 < divergence.body.change_count <= 20_002
    assert divergence.body.notes == ("objects that differ and are there many times were compared 10,000 times",)
    assert len(found([shared(50, [1])], [1, shared(50, [1.0])], Unordered("$"))) == 1
    assert len(found([shared(50, [1])], [shared(50, [2])], KeyedBy("$", "id"), max_changes=10**9)) > 1


def test_unordered_arrays_in_unordered_arrays():
    rules = (Unordered("$"), Unordered("$..*"), Tolerance("$..*", abs=1))

    def layers(depth, leaf):
        for _ in range(depth):
            leaf = [leaf, 0]
        return leaf

    assert found(layers(6, 1.0), layers(6, 1.5), *rules) == []
    # Each layer asks about the one below: if it did so twice, this would not end.
    assert len(found(layers(60, 1.0), layers(60, 5.0), *rules)) == 1
    assert len(found(layers(2_000, [1.0]), layers(2_000, [5.0]), *rules)) == 1
    assert found(layers(2_000, [1, 2]), layers(2_000, [2, 1]), *rules) == []


def test_ints_with_one_hash_in_an_unordered_array():
    # hash(n) is n % (2**61 - 1): in a table by hash each of these would be compared with all others.
    ints = [number * (2**61 - 1) for number in range(30_000)]
    assert found(ints, ints[::-1], Unordered("$")) == []
    assert found([2**80, 2.0**90, -(2**80)], [-(2.0**80), 2**90, 2.0**80], Unordered("$")) == []
    assert found([2**80, 1], [1, decimal.Decimal(2**80)], Unordered("$")) == []


def test_what_a_normalize_makes_may_contain_itself():
    def loop(value):
        made = [value]
        made.append(made)
        return made

    places = [("changed", "$['a'][0]")]
    assert found(b'{"a": 1, "b": [1, 2]}', b'{"a": 2,"b": [1, 2]}', Normalize("$.a", loop)) == places


def test_10_000_differences():
    body = compare(
        {str(number): number for number in range(10_000)}, {str(number): -1 for number in range(10_000)}
    ).body
    assert (body.change_count, len(body.changes)) == (10_000, 100)
    assert len(repr(body)) < 20_000
    long = compare(["x" * 100_000] * 1000, ["y" * 100_000] * 1000)
    assert len(repr(long)) < 100_000
    assert len(long.explain()) < 100_000


class Evil:
    def __eq__(self, other):
        raise ValueError("no")

    __hash__ = None

    def __repr__(self):
        raise ValueError("no")


class EvilExit(Evil):
    def __eq__(self, other):
        sys.exit(3)

    __hash__ = None


class Liar:
    """Says that it is everything, and equal to everything."""

    __class__ = property(lambda self: dict)

    def __eq__(self, other):
        return True

    __hash__ = None


class NoBool:
    def __eq__(self, other):
        return self

    __hash__ = None

    def __bool__(self):
        raise TypeError("no bool")


class HatefulKey:
    def __hash__(self):
        return 1

    def __eq__(self, other):
        raise RuntimeError("hateful")


class BadHash:
    def __hash__(self):
        raise RuntimeError("unhashable")


@pytest.mark.parametrize("kind", [Evil, EvilExit])
def test_an_eq_that_raises_is_a_change_with_a_note(kind):
    divergence = compare({"a": kind(), "b": 1}, {"a": kind(), "b": 2})
    assert [change.path for change in divergence.body.changes] == ["$['a']", "$['b']"]
    (note,) = divergence.body.notes
    assert note.startswith("comparing raised ")
    assert "at $.a" in note
    assert found([kind(), 1], [1, kind()], Unordered("$")) == [("changed", "$[0]")]
    divergence.explain()


@pytest.mark.parametrize("kind", [Evil, EvilExit, NoBool])
def test_an_eq_that_raises_where_there_is_nothing_else_is_a_failure(kind):
    for one, other in ((kind(), kind()), (kind(), 1), ([], kind())):
        with pytest.raises((ValueError, SystemExit, Undecided)):
            compare(one, other)


def test_what_an_object_says_of_itself_does_not_count():
    assert found([Liar()], [{}]) == []  # nothing is known of it, so its `==` is asked
    liar = Liar()
    assert found({"a": liar}, {"a": liar}) == []

    class LyingList(list):
        __class__ = dict

        def __eq__(self, other):
            return True

        __hash__ = None

    assert found([LyingList([1])], [[2]]) == [("changed", "$[0][0]")]


def test_a_container_that_is_changed_while_it_is_looked_at_differs():
    class Adds:
        def __eq__(self, other):
            members["more"] = 1
            return False

        __hash__ = None

    members = {"a": Adds(), "b": 1}
    divergence = compare({"x": members, "y": 1}, {"x": {"a": Adds(), "b": 2}, "y": 2})
    assert [change.path for change in divergence.body.changes] == ["$['x']['a']", "$['x']", "$['y']"]
    assert divergence.body.notes == ("comparing raised RuntimeError at $.x: dictionary changed size during iteration",)


def test_keys_that_hate():
    """A key whose `==` raises has no counterpart, as it has none in a set."""
    alone = ["removed", "added"]
    for value in (1, [1]):
        kinds = [kind for kind, _ in found({"x": {HatefulKey(): value}, "y": 1}, {"x": {HatefulKey(): value}, "y": 2})]
        assert kinds == [*alone, "changed"]
        assert [kind for kind, _ in found({HatefulKey(): value}, {HatefulKey(): 2})] == alone
    kinds = [kind for kind, _ in found({HatefulKey(): [1], 2: 3, 4: 5}, {HatefulKey(): [1], 4: 6})]
    assert kinds == ["removed", "removed", "changed", "added"]
    key = HatefulKey()
    assert found({key: 1}, {key: 2})[0][0] == "changed"
    assert found([{HatefulKey(): 1}], [2, {HatefulKey(): 1}], Unordered("$"))
    assert found([BadHash()], [[BadHash()]], Unordered("$")) == [("type", "$[0]")]
    assert found({"t": {HatefulKey()}}, {"t": {HatefulKey()}})


class LazyMapping(Mapping):
    def __init__(self, error=None, count=1):
        self.error = error
        self.count = count

    def __getitem__(self, key):
        if self.error is not None:
            raise self.error
        return 1

    def __iter__(self):
        return iter(range(self.count))

    def __len__(self):
        return 1


class Endless(Sequence):
    def __getitem__(self, index):
        return index

    def __len__(self):
        return 3


class Bottomless(Mapping):
    """Makes a new one of itself whenever it is asked."""

    def __getitem__(self, key):
        return Bottomless()

    def __iter__(self):
        return iter("a")

    def __len__(self):
        return 1


@attrs.define
class Lazy:
    name: str

    @property
    def broken(self):
        raise LookupError("detached")


Lazy.__attrs_attrs__  # noqa: B018 - it is a record


def test_containers_that_raise_or_have_no_end(monkeypatch):
    divergence = compare([LazyMapping(OSError("gone"))], [LazyMapping()])
    assert divergence.body.notes == ("comparing raised OSError at $[0]: gone",)
    assert "which raises OSError when it is read" in divergence.explain()
    with pytest.raises(Undecided, match=r"\$.a can't be compared: more than 1,000,000 elements in a container"):
        compare({"a": Endless()}, {"a": Endless()})
    divergence = compare({"a": Endless(), "b": 1}, {"a": Endless(), "b": 2})
    assert [change.path for change in divergence.body.changes] == ["$['b']"]
    assert "more than 1,000,000 elements" in divergence.body.notes[0]
    monkeypatch.setattr("trioshadow.compare._pairs.MADE_LIMIT", 1000)
    with pytest.raises(Undecided, match="more than 1,000 containers that make their parts"):
        compare(Bottomless(), Bottomless())
    divergence = compare([Bottomless(), 1], [Bottomless(), 2])  # what else differs is told
    assert [change.path for change in divergence.body.changes] == ["$[1]"]
    assert "can't be compared: more than 1,000 containers that make their parts" in divergence.body.notes[0]
    assert compare([LazyMapping(OSError("gone"))], [3]).body.changes[0].primary.size is None


def test_strings_that_are_sequences_of_themselves():
    assert found({UserString("a")}, {UserString("b")}) == [("removed", "$[*]"), ("added", "$[*]")]
    assert found([UserString("abc")], [UserString("abc")]) == []
    assert found([UserString("abc")], ["abc"]) == []
    assert found([{"id": UserString("a")}], [{"id": UserString("a"), "x": 1}], KeyedBy("$", "id")) == [
        ("added", "$[0]['x']")
    ]


def test_what_has_no_bottom_among_unordered_elements(monkeypatch):
    monkeypatch.setattr("trioshadow.compare._canonical.MADE_LIMIT", 1000)
    monkeypatch.setattr("trioshadow.compare._pairs.MADE_LIMIT", 1000)
    rules = (Unordered("$"), Tolerance("$[*].n", abs=1))
    assert found([Bottomless()], [Bottomless(), 1], *rules) == [("changed", "$")]
    with pytest.raises(Undecided, match="more than 1,000 containers that make their parts"):
        found([Bottomless(), 1], [1.0, Bottomless()], *rules)
    assert found([Bottomless(), 1], [2, Bottomless()], *rules) != []  # 1 has no counterpart, whatever the other has
    monkeypatch.setattr("trioshadow.compare._canonical.MADE_LIMIT", 10**9)
    monkeypatch.setattr("trioshadow.compare._canonical.DEPTH_LIMIT", 1000)
    assert found([Bottomless()], [Bottomless(), 1], *rules) == [("changed", "$")]


def test_circles_that_rarely_meet(monkeypatch):
    monkeypatch.setattr("trioshadow.compare._walk.DEPTH_LIMIT", 5_000)

    def ring(length):
        first = last = []
        for _ in range(length - 1):
            last = [last]
        first.append(last)
        return first

    assert found(ring(30), ring(31)) == []
    with pytest.raises(Undecided, match="nested more than 5,000 deep, or in circles"):
        compare(ring(300), ring(301))


def test_many_containers_of_builtins_are_no_trouble():
    rows = [collections.OrderedDict(a=number) for number in range(1_000)]
    assert found(rows, [dict(row) for row in rows]) == []
    assert found([range(1_000_001)], [collections.deque(range(1_000_001))]) == []
    (change,) = compare([collections.OrderedDict.fromkeys(range(5_000), 1)], [None]).body.changes
    assert change.primary.size == 5_000


def test_fields_that_were_never_set():
    @dataclasses.dataclass
    class Half:
        a: int
        b: int = dataclasses.field(init=False)

    assert found([Half(1)], [Half(1)]) == []
    full = Half(1)
    full.b = 2
    assert found([Half(1)], [full]) == [("added", "$[0]['b']")]


def test_a_memoryview_that_was_released():
    view = memoryview(b"abc")
    view.release()
    for one, other in ((view, b"x"), ([view], [b"x"]), (b"x", view)):
        assert compare(one, other) is not None


def test_what_says_that_it_is_a_record():
    assert compare(Mock(spec=ResponseRecord), b"x").body is not None


def test_a_status_of_many_digits():
    divergence = compare(ResponseRecord(b"", status=10**5000), ResponseRecord(b""))
    assert str(divergence) == "status <int of 16,610 bits> -> 200"


def test_what_is_kept_of_a_value_is_no_part_of_it():
    class Stamp(datetime.datetime):
        pass

    stamp = Stamp(2026, 1, 1, tzinfo=datetime.UTC)
    stamp.load = "x" * 10**6
    (change,) = compare([stamp], [None]).body.changes
    assert type(change.primary) is Excerpt
    zone = datetime.timezone(datetime.timedelta(0), "x" * 10**6)
    (change,) = compare([datetime.datetime(2026, 1, 1, tzinfo=zone)], [None]).body.changes
    assert type(change.primary) is Excerpt
    long = type("N" * 10**6, (), {})
    assert len(repr(compare([long()], [long()]))) < 2_000


def test_names_that_have_no_end():
    deep = ["\x01" * 100] * 40
    one, other = 1, 2
    for name in deep:
        one, other = {name: one}, {name: other}
    divergence = compare(one, other)
    assert len(divergence.body.changes[0].path) <= 1_001
    headers = {f"{number:05}" + "n" * 10_000: "1" for number in range(2_000)}
    divergence = compare(ResponseRecord(b""), ResponseRecord(b"", headers=headers))
    assert len(divergence.headers.added) == 1_000
    assert len(repr(divergence)) < 400_000


def test_an_interrupt_passes():
    class Interrupting:
        def __eq__(self, other):
            raise KeyboardInterrupt

        __hash__ = None

        def __repr__(self):
            raise KeyboardInterrupt

    class InterruptingKey(HatefulKey):
        def __eq__(self, other):
            raise KeyboardInterrupt

        __hash__ = HatefulKey.__hash__

    for one, other, rules in (
        ([Interrupting()], [Interrupting()], ()),
        ([Interrupting()], [None], ()),
        ({InterruptingKey(): 1}, {InterruptingKey(): 1}, ()),
        ({InterruptingKey(): [1]}, {InterruptingKey(): [1]}, ()),
        ({InterruptingKey(): [1], 2: 3}, {InterruptingKey(): [1]}, ()),
        (
            [{InterruptingKey(): [1], 2: 3}, 0],
            [{InterruptingKey(): [1]}, 1.5],
            (Unordered("$"), Tolerance("$..*", abs=1)),
        ),
        ([LazyMapping(KeyboardInterrupt())], [3], ()),
        ([{InterruptingKey(): 1}], [{InterruptingKey(): 1}, 2], (Unordered("$"),)),
        ([LazyMapping(KeyboardInterrupt())], [LazyMapping(KeyboardInterrupt()), 1], (Unordered("$"),)),
        ({"a": 1}, {"a": 2}, (Normalize("$.a", lambda _: (_ for _ in ()).throw(KeyboardInterrupt)),)),
        ([1], [2, 3], (Unordered("$"), Normalize("$[*]", lambda _: (_ for _ in ()).throw(KeyboardInterrupt)))),
        ({"a": 1}, {"a": 2}, (Accept(lambda *_: (_ for _ in ()).throw(KeyboardInterrupt), "$.a"),)),
    ):
        with pytest.raises(KeyboardInterrupt):
            compare(one, other, *rules)
    for decoder_error in (KeyboardInterrupt, GeneratorExit):

        def decoder(body, error=decoder_error):
            raise error

        kind = {"content-type": "a/b"}
        with pytest.raises(decoder_error):
            compare(ResponseRecord(b"1", headers=kind), ResponseRecord(b"2", headers=kind), decoders={"a/b": decoder})


def test_a_decoder_that_exits_is_contained():
    kind = {"content-type": "a/b"}
    divergence = compare(
        ResponseRecord(b"1", headers=kind),
        ResponseRecord(b"2", headers=kind),
        decoders={"a/b": lambda _: sys.exit("bye")},
    )
    assert "SystemExit: bye" in divergence.body.notes[0]


def test_odd_classes():
    class Meta(type):
        def __getattr__(cls, name):
            return ("surprise",)

    class Odd(metaclass=Meta):
        pass

    class BadEnum(enum.Enum):
        EVIL = Evil()

    class Unhashable(type):
        def __eq__(cls, other):
            return True

        __hash__ = None

    class Odder(metaclass=Unhashable):
        pass

    assert found([Odd()], [Odd()]) == [("changed", "$[0]")]
    assert found([Odder()], [Odder()]) == [("changed", "$")]
    assert found(Odder(), [1]) == [("changed", "$")]
    assert found([BadEnum.EVIL], [BadEnum.EVIL]) == []
    assert found([BadEnum.EVIL], [1])
    odd_tuple = type("T", (tuple,), {"_fields": "ab"})
    assert found([odd_tuple((1, 2))], [(1, 2)]) == []
    named = NamedTuple("P", [("a", int)])(1)
    assert found([named], [{"a": 2}]) == [("changed", "$[0]['a']")]


def test_at_most_a_few_notes():
    divergence = compare([Evil() for _ in range(50)], [Evil() for _ in range(50)])
    assert divergence.body.change_count == 50
    assert len(divergence.body.notes) == 5


def test_huge_numbers_and_names():
    big = 10**1_000_000
    divergence = compare({"a": big, "n" * 1_000_000: 1, big: 1}, {"a": big + 1})
    assert len(repr(divergence)) < 2_000
    assert "<int of 3,321,929 bits>" in divergence.explain()
    assert found([big], [float("inf")]) == [("changed", "$[0]")]
    assert found([big], [big + 1], Tolerance("$[0]", abs=1)) == []
