"""The pure rooms: records, keys, configuration, divergences, errors, snapshots, the log, the ledger. No Trio, no
clock.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import math
import pickle
import threading
import uuid
from http import HTTPStatus
from typing import NamedTuple
from unittest.mock import Mock

import attrs
import mmh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trioshadow
from trioshadow import (
    BodyDiff,
    Divergence,
    DivergenceLog,
    DivergenceRecord,
    HeaderDiff,
    IgnoreField,
    ResponseRecord,
    ShadowConfig,
    ShadowerNotRunning,
    ShadowError,
    ShadowPending,
    Verdict,
    encode_key,
)
from trioshadow._accounts.ledger import Ledger
from trioshadow._accounts.notices import Notices
from trioshadow._model.errors import consists_of, describe_error, error_shape, first_other, passing_error
from trioshadow._model.fixing import Packed, copy_request, fixed, is_immutable
from trioshadow.compare import VOLATILE_HEADERS, Change, ChangeKind
from trioshadow.compare._write import first_difference
from trioshadow.evidence import Epoch

from tests.support.accounts import assert_accounts

# ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_has_sorted_lower_cased_headers_with_repeats_in_order():
    record = ResponseRecord(b"", headers=[("X-B", "1"), ("set-cookie", "b"), (b"Set-Cookie", b"a"), ("A", "\xe9")])
    assert record.headers == (("a", "é"), ("set-cookie", "b"), ("set-cookie", "a"), ("x-b", "1"))
    assert ResponseRecord(b"", headers={"B": "1", "A": "2"}).headers == (("a", "2"), ("b", "1"))
    assert ResponseRecord(b"", headers=[(b"A", "1"), ("B", b"2")]).headers == (("a", "1"), ("b", "2"))
    assert hash(record) == hash(attrs.evolve(record))


def test_a_record_is_ok_below_400_unless_it_says_otherwise():
    assert [ResponseRecord(b"", status=status).ok for status in (0, 200, 399, 400, 503)] == [True] * 3 + [False] * 2
    assert not ResponseRecord(b"", ok=False).ok
    assert ResponseRecord.success(b"x", 201) == ResponseRecord(b"x", status=201, ok=True)
    assert ResponseRecord.success(b"x") == ResponseRecord(b"x")
    assert ResponseRecord.failure(503) == ResponseRecord(b"", status=503, ok=False)
    assert ResponseRecord.failure(404, b"gone").body == b"gone"
    assert ResponseRecord(b"", status=HTTPStatus.NOT_FOUND).status == 404


def test_with_header_adds_one():
    record = ResponseRecord(b"").with_header("X-A", "1").with_header("x-a", "2")
    assert record.headers == (("x-a", "1"), ("x-a", "2"))


def test_a_record_is_frozen_and_shares_no_buffer():
    buffer = bytearray(b"abc")
    record = ResponseRecord(buffer)
    buffer[0] = 0
    assert record.body == b"abc"
    assert ResponseRecord(memoryview(b"abc")).body == b"abc"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        record.status = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"status": "200"}, "status must be an int, not str"),
        ({"status": True}, "status must be an int, not bool"),
        ({"headers": [("a", 1)]}, "headers: a value must be str or bytes, not int"),
        ({"headers": {3: "x"}}, "headers: a name must be str or bytes, not int"),
    ],
)
def test_a_record_refuses_what_it_cannot_hold(arguments, message):
    with pytest.raises(TypeError, match=message):
        ResponseRecord(b"", **arguments)


# ── sampling ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Text(enum.StrEnum):
    A = "a"


class WithKey:
    def __trioshadow_key__(self):
        return ("user", 42)


@pytest.mark.parametrize(
    ("key", "encoded"),
    [
        (b"", b""),
        (b"\x00\xff", b"\x00\xff"),
        ("", b""),
        ("é😀", "é😀".encode()),
        ("\ud800", b"\xed\xa0\x80"),
        (0, b"0"),
        (-42, b"-42"),
        (2**70, b"1180591620717411303424"),
        (True, b"1"),
        (Text.A, b"a"),
        (uuid.UUID("12345678-1234-5678-1234-567812345678"), b"12345678-1234-5678-1234-567812345678"),
        ((), b""),
        (("user", 42), b"4:user,2:42,"),
        ((("a", b"b"), "c"), b"8:1:a,1:b,,1:c,"),
        (WithKey(), b"4:user,2:42,"),
    ],
)
def test_the_bytes_of_a_key(key, encoded):
    assert encode_key(key) == encoded


class OddBytes(bytes):
    def __getitem__(self, index):
        raise ValueError

    def __bytes__(self):
        raise ValueError


class OddStr(str):
    def encode(self, *arguments):
        return "not bytes"


class OddInt(int):
    def __str__(self):
        raise SystemExit

    __repr__ = __index__ = __int__ = __str__


class OddUUID(uuid.UUID):
    def __str__(self):
        return OddStr("x")


class OddTuple(tuple):
    def __iter__(self):
        raise ValueError


def test_subclasses_have_the_key_of_their_type():
    one = uuid.UUID(int=1)
    for odd, plain in (
        (OddBytes(b"abc"), b"abc"),
        (OddStr("é"), "é"),
        (OddInt(5), 5),
        (OddUUID(int=1), one),
        (OddTuple((1, OddStr("a"))), (1, "a")),
    ):
        encoded = encode_key(odd)
        assert encoded == encode_key(plain)
        assert type(encoded) is bytes


@pytest.mark.parametrize("kind", [bytes, str, int, uuid.UUID, tuple])
def test_what_only_says_that_it_is_a_key_is_none(kind):
    with pytest.raises((TypeError, AttributeError)):
        encode_key(Mock(spec=kind))


@pytest.mark.parametrize("key", [None, 1.5, [], {}, object(), ("a", None), bytearray(b"k")])
def test_what_is_no_key(key):
    with pytest.raises(TypeError, match="a sampling key must be bytes, str, int, UUID, or a tuple of these, not "):
        encode_key(key)


@given(st.binary(), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_the_rule_is_the_documented_one(key, seed, rate):
    expected = mmh3.hash(key, seed, signed=False) < rate * 2**32
    assert ShadowConfig(sample_rate=rate, seed=seed).should_shadow(key) == expected


@given(st.binary(), st.floats(0, 1), st.floats(0, 1))
def test_raising_the_rate_only_adds_keys(key, one, other):
    low, high = sorted((one, other))
    if ShadowConfig(sample_rate=low).should_shadow(key):
        assert ShadowConfig(sample_rate=high).should_shadow(key)


def test_the_rate_is_the_share_of_keys_and_seeds_are_independent():
    keys = [b"%d" % i for i in range(20_000)]
    for rate in (0, 0.01, 0.1, 0.5, 1):
        share = sum(map(ShadowConfig(sample_rate=rate).should_shadow, keys)) / len(keys)
        assert abs(share - rate) < 4 * math.sqrt(rate * (1 - rate) / len(keys)) + 1e-9
    one, other = (set(filter(ShadowConfig(sample_rate=0.5, seed=seed).should_shadow, keys)) for seed in (0, 1))
    assert abs(len(one & other) / len(keys) - 0.25) < 0.02


def test_should_shadow_takes_bytes_only():
    for key in ("\ud800", 3, None, bytearray(b"k")):
        with pytest.raises(TypeError, match="should_shadow takes the bytes of a key, not "):
            ShadowConfig().should_shadow(key)  # type: ignore[arg-type]


# ── configuration ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_defaults():
    config = ShadowConfig()
    assert config == ShadowConfig.full_sample()
    assert attrs.asdict(config, filter=lambda field, _: field.init) == {
        "sample_rate": 1.0,
        "shadow_timeout": 2.0,
        "ignore": (),
        "max_step_seconds": 0.1,
        "max_in_flight": 256,
        "max_in_flight_bytes": 256 * 1024**2,
        "large_body": 512 * 1024,
        "drain_timeout": 5.0,
        "seed": 0,
        "key": None,
        "view": None,
        "copy_request": None,
        "compare": None,
        "strict": False,
        "strict_errors": False,
        "max_changes": 100,
        "decode": True,
        "decoders": (),
        "may_mirror": None,
        "noise_rate": 0.1,
        "candidate": "",
        "capture": None,
    }
    assert hash(config) == hash(ShadowConfig())
    assert ShadowConfig(ignore=[IgnoreField.BODY]).ignore == (IgnoreField.BODY,)
    assert type(ShadowConfig(shadow_timeout=fractions.Fraction(1, 2)).shadow_timeout) is float
    assert ShadowConfig(shadow_timeout=math.inf, drain_timeout=0).shadow_timeout == math.inf


@pytest.mark.parametrize(
    ("parameter", "value", "error", "message"),
    [
        ("sample_rate", 10, ValueError, r"sample_rate must be a fraction in \[0, 1\] .*, not 10"),
        ("sample_rate", -0.1, ValueError, "sample_rate must be a fraction"),
        ("sample_rate", math.nan, ValueError, "sample_rate must be a fraction .* not nan"),
        ("sample_rate", "0.1", TypeError, "sample_rate must be a number, not str"),
        ("sample_rate", True, TypeError, "sample_rate must be a number, not bool"),
        ("shadow_timeout", 0, ValueError, r"shadow_timeout must be seconds in \(0, inf\], not 0"),
        ("shadow_timeout", 10**400, ValueError, r"shadow_timeout must be seconds in \(0, inf\], not 10000"),
        ("shadow_timeout", -1, ValueError, "shadow_timeout must be seconds"),
        ("shadow_timeout", math.nan, ValueError, "shadow_timeout must be seconds"),
        ("shadow_timeout", None, TypeError, "shadow_timeout must be a number, not NoneType"),
        ("drain_timeout", -1, ValueError, r"drain_timeout must be seconds in \[0, inf\], not -1"),
        ("drain_timeout", math.nan, ValueError, "drain_timeout must be seconds"),
        ("max_in_flight", 0, ValueError, r"max_in_flight must be a count in \[1, inf\), not 0"),
        ("max_in_flight", 2.5, TypeError, "max_in_flight must be an int, not float"),
        ("max_in_flight", math.inf, TypeError, "max_in_flight must be an int, not float"),
        ("seed", -1, ValueError, r"seed must be an int in \[0, 2\*\*32\), not -1"),
        ("seed", 2**32, ValueError, "seed must be an int in"),
        ("seed", "x", TypeError, "seed must be an int, not str"),
        ("ignore", ["body"], TypeError, "ignore takes IgnoreField members and rules of trioshadow.compare, not str"),
        (
            "ignore",
            IgnoreField.BODY,
            TypeError,
            "ignore takes several rules, as in .*, not <IgnoreField.BODY",
        ),
        ("ignore", "body", TypeError, "ignore takes several rules"),
        ("ignore", [VOLATILE_HEADERS], TypeError, r"not collections of them: write \[\*VOLATILE_HEADERS, ...\]"),
        ("compare", 3, TypeError, "compare must be a function, not int"),
        ("strict", 1, TypeError, "strict must be a bool, not int"),
        ("strict_errors", None, TypeError, "strict_errors must be a bool, not NoneType"),
        ("decode", "no", TypeError, "decode must be a bool, not str"),
        ("max_changes", 0, ValueError, r"max_changes must be a count in \[1, inf\), not 0"),
        ("decoders", {"json": len}, ValueError, r"a content type must be 'type/subtype' or '\+suffix', not 'json'"),
        ("decoders", {3: len}, TypeError, "decoders: a content type must be a str, not int"),
        ("decoders", {"+cbor": 3}, TypeError, r"decoders: for '\+cbor' there must be a function, not int"),
        ("key", 3, TypeError, "key must be a function, not int"),
        ("view", 3, TypeError, "view must be a function, or a pair of them .*, not 3"),
        ("view", (len,), TypeError, "view must be a function, or a pair of them"),
        ("view", (len, 3), TypeError, "view must be a function, or a pair of them"),
        ("copy_request", "x", TypeError, "copy_request must be a function, not str"),
    ],
)
def test_bad_configuration_is_named(parameter, value, error, message):
    with pytest.raises(error, match=message):
        ShadowConfig(**{parameter: value})


def test_a_configuration_takes_keywords_only():
    with pytest.raises(TypeError):
        ShadowConfig(0.5)  # type: ignore[misc]


# ── divergences ─────────────────────────────────────────────────────────────────────────────────────────────────────

CONFIG = ShadowConfig()


def test_equal_answers_do_not_diverge():
    record = ResponseRecord(b"x", headers={"a": "1"})
    for answer in (b"x", "x", 3, None, [1, {"a": 2}], record):
        assert Divergence.compare(answer, answer, CONFIG) is None
    assert Divergence.compare(bytearray(b"x"), memoryview(b"x"), CONFIG) is None
    assert Divergence.compare(ResponseRecord(b"x", status=0), b"x", CONFIG) is None


def value_diff(kind, primary, shadow, primary_len=None, shadow_len=None):
    forms = tuple("bytes" if type(value) is bytes else "value" for value in (primary, shadow))
    changes = (Change("$", kind, primary, shadow),)
    return BodyDiff(primary_len, shadow_len, None, changes=changes, change_count=1, forms=forms)


@pytest.mark.parametrize(
    ("primary", "shadow", "expected"),
    [
        (b"abc", b"abd!", BodyDiff(3, 4, 2)),
        (b"abc", b"", BodyDiff(3, 0, 0)),
        (bytearray(b"ab"), b"ac", BodyDiff(2, 2, 1)),
        ("abc", b"abc", value_diff(ChangeKind.TYPE, "abc", b"abc", 3, 3)),
        ([1], {1: 2, 3: 4}, value_diff(ChangeKind.TYPE, [1], {1: 2, 3: 4}, 1, 2)),
        (3, None, value_diff(ChangeKind.TYPE, 3, None)),
        (2.5, 3.0, value_diff(ChangeKind.CHANGED, 2.5, 3.0)),
    ],
)
def test_a_body_that_differs(primary, shadow, expected):
    assert Divergence.compare(primary, shadow, CONFIG) == Divergence(body=expected)


def test_a_value_beside_a_record_has_status_0_and_no_headers():
    divergence = Divergence.compare(ResponseRecord(b"x", headers={"a": "1"}), b"x", CONFIG)
    assert divergence == Divergence(status=(200, 0), headers=HeaderDiff((), ("a",), ()))


def test_header_values_are_compared_as_ordered_lists():
    one = ResponseRecord(b"", headers=[("a", "1"), ("a", "2"), ("b", "1"), ("c", "1")])
    other = ResponseRecord(b"", headers=[("a", "2"), ("a", "1"), ("b", "1"), ("d", "1")])
    assert Divergence.compare(one, other, CONFIG) == Divergence(headers=HeaderDiff(("d",), ("c",), ("a",)))
    ignoring = ShadowConfig(ignore=[IgnoreField.HEADERS])
    assert Divergence.compare(one, other, ignoring) is None


def test_ok_is_not_compared():
    assert Divergence.compare(ResponseRecord(b"", ok=True), ResponseRecord(b"", ok=False), CONFIG) is None


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40))
def test_the_first_difference_is_where_a_loop_finds_it(prefix, a, b):
    a, b = prefix + a, prefix + b
    expected = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    assert first_difference(a, b) == expected


def test_the_first_difference_of_large_bodies():
    a = bytes(1 << 20)
    for at in (0, 1, 4095, 4096, (1 << 19) - 1, 1 << 19, (1 << 20) - 1):
        b = bytearray(a)
        b[at] = 1
        assert first_difference(a, bytes(b)) == at
    assert first_difference(a, a[:-7]) == len(a) - 7


# ── errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_errors_have_stdlib_parents():
    for kind in (ShadowPending, ShadowerNotRunning):
        assert issubclass(kind, ShadowError)
        assert issubclass(kind, RuntimeError)


def test_shapes_tell_nesting_and_order_apart():
    a, b = ValueError(), KeyError()
    group = ExceptionGroup
    shapes = [
        error_shape(exc)
        for exc in (
            *(a, b, group("", [a]), group("", [a, b]), group("", [b, a])),
            *(group("", [group("", [a]), b]), group("", [group("", [a, b])]), BaseExceptionGroup("", [SystemExit()])),
        )
    ]
    assert len(set(shapes)) == len(shapes)
    assert error_shape(group("x", [ValueError("1")])) == error_shape(group("y", [ValueError("2")]))


def test_what_passes_and_what_a_group_consists_of():
    deep: BaseException = KeyboardInterrupt()
    for _ in range(3000):
        deep = BaseExceptionGroup("", [ValueError(), deep])
    assert isinstance(passing_error(deep), KeyboardInterrupt)
    assert isinstance(passing_error(GeneratorExit()), GeneratorExit)
    assert passing_error(SystemExit()) is None
    assert consists_of(ExceptionGroup("", [KeyError(), IndexError()]), LookupError)
    assert not consists_of(ExceptionGroup("", [KeyError(), OSError()]), LookupError)
    assert isinstance(first_other(ExceptionGroup("", [KeyError(), OSError()]), LookupError), OSError)


def test_exceptions_that_lie_are_seen_through():
    class Liar(Exception):
        @property
        def __class__(self):
            return KeyboardInterrupt

    class Mute(Exception):
        @property
        def __class__(self):
            raise ValueError

    class Circle(ExceptionGroup):
        @property
        def exceptions(self):
            return (self,)

    class OddText(str):
        def __getitem__(self, index):
            return self

        def __format__(self, spec):
            raise SystemExit

    class Odd(Exception):
        def __str__(self):
            return OddText("text")

    for lie in (Liar(), Mute(), Circle("", [ValueError()])):
        assert passing_error(lie) is None
        assert not consists_of(lie, KeyboardInterrupt)
        assert error_shape(lie)[0][0] is type(lie)
    assert type(describe_error(Odd())[1]) is str


def test_a_group_that_holds_itself_many_times_over_is_looked_at_in_bounded_time():
    group: Exception = ValueError()
    for _ in range(60):
        group = ExceptionGroup("", [group, group])
    assert len(error_shape(group)) == 1000
    assert passing_error(group) is None
    assert consists_of(group, ValueError)


def test_a_description_survives_the_exception():
    assert describe_error(ValueError("x" * 9999)) == ("ValueError", "x" * 500)

    class Interrupts(Exception):
        def __str__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        describe_error(Interrupts())


# ── snapshots ───────────────────────────────────────────────────────────────────────────────────────────────────────


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
    circle = FrozenAttrs(None)
    object.__setattr__(circle, "x", (circle,))
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


def test_a_snapshot_with_classes_and_functions_in_it():
    value = [dict, print, lambda: 0, Color.RED, MutableAttrs([1])]
    packed = fixed(value)
    assert isinstance(packed, Packed)
    value[4].x.append(2)  # type: ignore[attr-defined]
    assert packed.load() == [*value[:4], MutableAttrs([1])]


# ── the log and the ledger ──────────────────────────────────────────────────────────────────────────────────────────


def record(key: bytes = b"") -> DivergenceRecord:
    return DivergenceRecord(
        key=key,
        operation="",
        verdict=Verdict.DIVERGED,
        divergence=None,
        failure=None,
        at=0.0,
        primary_seconds=None,
        shadow_seconds=None,
    )


@given(st.integers(0, 5), st.integers(0, 12))
def test_the_log_is_a_ring(capacity, pushed):
    log = DivergenceLog(capacity)
    for i in range(pushed):
        log.push(record(b"%d" % i))
    kept = [entry.key for entry in log.snapshot()]
    assert kept == [b"%d" % i for i in range(pushed)][max(0, pushed - capacity) :]
    assert len(log) == len(kept)
    assert log.dropped == pushed - len(kept)
    assert log.capacity == capacity
    assert repr(log) == f"<DivergenceLog {len(kept)}/{capacity}, dropped {log.dropped}>"


def test_the_log_is_validated():
    assert DivergenceLog().capacity == 128
    with pytest.raises(ValueError, match=r"capacity must be a count in \[0, inf\), not -1"):
        DivergenceLog(-1)
    for bad in (None, 2.5, True):
        with pytest.raises(TypeError, match="capacity must be an int, not "):
            DivergenceLog(bad)  # type: ignore[arg-type]


def test_two_threads_lose_no_count():
    ledger = Ledger(Epoch(), lambda: "series", lambda: 0.0)

    def count():
        for number in range(20_000):
            ledger.count_elsewhere("ab"[number % 2])

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statistics = ledger.statistics({})
    assert statistics.closed == 80_000
    assert ledger.evidence.operation("a").calls == ledger.evidence.operation("b").calls == 40_000
    assert_accounts(statistics)


def test_verdicts_know_whether_there_was_a_leg():
    mirrored = {verdict.name for verdict in Verdict if verdict.mirrored}
    assert mirrored == {"MATCHED", "DIVERGED", "FAILED", "TIMED_OUT", "ABANDONED"}


def test_a_notice_is_said_once_a_minute_with_the_number_suppressed(caplog):
    now = 0.0
    notices = Notices("swap", clock=lambda: now)
    for now in (0, 1, 59.9, 60, 61, 119, 500):  # noqa: B007 - read by the clock
        notices.say("cause", "text")
    notices.say("other", "text")
    for now in (600, 9999):  # noqa: B007
        notices.say("once", "only", once=True)
    assert [entry.getMessage() for entry in caplog.records] == [
        "shadower 'swap': text",
        "shadower 'swap': text (2 more of these since it was last said)",
        "shadower 'swap': text (2 more of these since it was last said)",
        "shadower 'swap': text",
        "shadower 'swap': only",
    ]


# ── the face ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_public_names_are_shown_as_they_are_imported():
    for name in trioshadow.__all__:
        thing = getattr(trioshadow, name)
        if isinstance(thing, type):
            assert thing.__module__ == "trioshadow"
    assert pickle.loads(pickle.dumps(ResponseRecord(b"x"))) == ResponseRecord(b"x")
    assert pickle.loads(pickle.dumps(record())) == record()


def test_an_exception_without_a_message_is_described_by_its_cause():
    def caused(*causes):
        exc = None
        for cause in reversed(causes):
            cause.__cause__ = exc
            exc = cause
        return exc

    assert describe_error(caused(ValueError(), OSError(), KeyError("far"))) == ("ValueError", "KeyError: 'far'")
    assert describe_error(caused(ValueError("near"), KeyError("far"))) == ("ValueError", "near")
    try:
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError  # noqa: B904
    except ValueError as exc:
        assert describe_error(exc) == ("ValueError", "KeyError: 'first'")
    circle = ValueError()
    circle.__cause__ = OSError()
    circle.__cause__.__cause__ = circle
    assert describe_error(circle) == ("ValueError", "")
    assert describe_error(caused(ValueError(), OSError("x" * 1000)))[1] == "OSError: " + "x" * 491
