"""Keys, requests and answers of any type: what Hypothesis makes of builtins and records, and classes that lie.

Trio layer, on a virtual clock. `nox -s fuzz` tries many more of the same. What two documents have in common is the
matter of `compare/test_properties.py`; here it is what passes through a shadower, whole.
"""

from __future__ import annotations

import array
import collections
import copy
import dataclasses
import datetime
import decimal
import enum
import functools
import pathlib
import types
import typing

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import Capture, ResponseRecord, ShadowConfig, Shadower, encode_key

from tests.support.accounts import assert_accounts

# So that a failure shows its example, and not this.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

# ── values that compare by value ──────────────────────────────────────────────────────────────────────────────────────


class Color(enum.Enum):
    RED = "red"
    GREEN = ("g", 2)


class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2


class Pair(typing.NamedTuple):
    one: object
    two: object


@attrs.frozen
class Frozen:
    value: object


@attrs.define(eq=True)
class Mutable:
    value: object


@dataclasses.dataclass
class Data:
    value: object
    more: object = dataclasses.field(default_factory=list)


class OwnText(str):
    __slots__ = ()


class OwnDict(dict):
    pass


#: Any code point, surrogates by themselves too.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=8)
ATOMS = st.one_of(
    st.none() | st.booleans() | st.just(...) | st.just(NotImplemented),
    st.integers() | st.sampled_from([63, 64, 20_000]).map(lambda bits: 1 << bits),  # the last has no decimal text
    st.floats() | st.complex_numbers() | st.decimals() | st.fractions(),
    TEXTS | TEXTS.map(OwnText) | st.binary(max_size=8) | st.uuids(),
    st.sampled_from([*Color, *Level, Level.LOW | Level.HIGH, range(3), pathlib.PurePosixPath("/a"), int, len]),
    st.dates() | st.times() | st.timedeltas() | st.datetimes(timezones=st.none() | st.just(datetime.UTC)),
)
NAMES = (
    TEXTS | st.integers() | st.booleans() | st.none() | st.binary(max_size=3) | st.sampled_from([*Color, 1.0, (1, 2)])
)
HASHED = st.frozensets(NAMES, max_size=4)


def containers(children):
    lists, dicts = st.lists(children, max_size=4), st.dictionaries(NAMES, children, max_size=4)
    return st.one_of(
        lists | lists.map(tuple) | lists.map(collections.deque),
        dicts | dicts.map(OwnDict) | dicts.map(collections.OrderedDict) | dicts.map(lambda d: collections.Counter()),
        dicts.map(lambda items: collections.defaultdict(list, items)),
        HASHED | HASHED.map(set),
        st.binary(max_size=8).map(bytearray) | st.binary(max_size=8).map(lambda octets: array.array("B", octets)),
        st.builds(Pair, children, children) | st.builds(Data, children),
        st.builds(Frozen, children) | st.builds(Mutable, children),
    )


VALUES = st.recursive(ATOMS, containers, max_leaves=12)
HEADERS = st.dictionaries(st.sampled_from(["content-type", "x", "Set-Cookie"]), st.sampled_from(["", "a", "text/html"]))
BODIES = st.binary(max_size=20) | TEXTS | VALUES
RECORDS = st.builds(ResponseRecord, BODIES, status=st.integers(100, 599), headers=HEADERS)
PLAIN = VALUES | RECORDS

# ── and what does not, or lies ────────────────────────────────────────────────────────────────────────────────────────


class Own(BaseException):
    pass


def itself(answer):
    return answer


def liar(error, *names):
    """A class of which these methods raise `error`."""

    def raises(*_, **__):
        raise error

    return type(f"Raises{error.__name__}", (), dict.fromkeys(names, raises))


class Claims:
    """It says that it is something else."""

    def __init__(self, claimed):
        object.__setattr__(self, "claimed", claimed)

    @property
    def __class__(self):
        return object.__getattribute__(self, "claimed")


class LyingMeta(type):
    __name__ = property(lambda _: 3)  # type: ignore[assignment]

    def __instancecheck__(cls, instance):
        raise Own

    def __getattr__(cls, name):
        raise Own


def lying_class():
    """Not of the module: pytest would ask it what it is."""
    return LyingMeta("OfLyingClass", (), {})


class EqualsAll:
    def __eq__(self, other):
        return True

    __hash__ = None  # type: ignore[assignment]


class TextThatLies(str):
    def encode(self, *_):
        raise Own

    def __str__(self):
        raise Own

    def __len__(self):
        raise Own

    def __eq__(self, other):
        raise Own

    def __hash__(self):
        raise Own


class BytesThatLie(bytes):
    def __len__(self):
        return 10**18

    def __bytes__(self):
        raise Own

    def __hash__(self):
        raise Own


class DictThatLies(dict):
    def items(self):
        return [(1,)]

    def __iter__(self):
        raise Own

    def __len__(self):
        return 10**18


class KeyThatLies:
    def __init__(self, key):
        self.key = key

    def __trioshadow_key__(self):
        if isinstance(self.key, type):
            raise self.key
        return self.key


def in_a_circle(kind):
    loop = kind()
    loop["self" if kind is dict else slice(0, 0)] = loop if kind is dict else [loop]
    return loop


def deep(depth):
    value: object = []
    for _ in range(depth):
        value = [value]
    return value


METHODS = st.lists(
    st.sampled_from(
        [
            *("__eq__", "__hash__", "__reduce_ex__", "__deepcopy__", "__repr__", "__str__", "__bool__", "__len__"),
            *(
                "__iter__",
                "__getattr__",
                "__getattribute__",
                "__trioshadow_key__",
                "__trioshadow_may_mirror__",
                "__setattr__",
            ),
        ]
    ),
    min_size=1,
    max_size=5,
)


def made(*makers):
    """One of what these make: Hypothesis would hash the things themselves."""
    return st.sampled_from(makers).map(lambda make: make())


LIARS = st.one_of(
    st.builds(lambda error, names: liar(error, *names)(), st.sampled_from([ValueError, SystemExit, Own]), METHODS),
    st.builds(Claims, st.sampled_from([dict, bytes, str, ResponseRecord, KeyboardInterrupt, Own])),
    made(lying_class, lambda: lying_class()(), EqualsAll, object, lambda: itself, lambda: iter([1])),
    made(lambda: TextThatLies("lies"), lambda: BytesThatLie(b"lies"), lambda: DictThatLies(a=1)),
    made(lambda: memoryview(b"view"), lambda: types.ModuleType("module"), lambda: decimal.Decimal("sNaN")),
    made(lambda: in_a_circle(list), lambda: in_a_circle(dict), lambda: deep(5000)),
    made(
        *(functools.partial(KeyThatLies, key) for key in (b"key", None, 1.5, Own, ValueError)),
        lambda: KeyThatLies(("a", ("b", TextThatLies("c")))),
    ),
    made(object, lambda: TextThatLies("lies"), lambda: BytesThatLie(b"lies")).map(ResponseRecord),
)
ANYTHING = PLAIN | LIARS | st.lists(LIARS, max_size=3) | st.builds(Frozen, LIARS)
KEYS = st.none() | ANYTHING | st.recursive(TEXTS | st.integers() | st.uuids(), lambda keys: st.tuples(keys, keys))
CONFIGS = st.builds(
    ShadowConfig,
    sample_rate=st.sampled_from([0.0, 0.5, 1.0]),
    strict=st.booleans(),
    noise_rate=st.sampled_from([0, 1]),
    large_body=st.sampled_from([1, 1000]),
    max_in_flight_bytes=st.sampled_from([1, 10, 2**28]),
    capture=st.sampled_from([None, Capture(max_bytes=10)]),
    key=st.sampled_from([None, lambda request: request, id]),
)


def run(main, threshold=0.0):
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=threshold))


class Backend:
    """Takes 1 s, and answers with what `answer` makes of the answer that is written beforehand."""

    def __init__(self, answers, made):
        self.answers = iter(answers)
        self.made = made

    async def call(self, request):
        await trio.sleep(1)
        return self.made(next(self.answers))


@given(st.lists(PLAIN, max_size=5), st.booleans())
def test_identical_backends_never_differ_whatever_they_answer(answers, strict):
    async def main():
        config = ShadowConfig(strict=strict, noise_rate=1.0)
        backends = [Backend(answers, made) for made in (itself, copy.deepcopy, copy.deepcopy)]
        async with Shadower(backends[0], backends[1], config, secondary=backends[2]) as shadower:
            for answer in answers:
                outcome = await shadower.call(b"request")
                assert outcome.primary is answer
                await outcome.wait_settled()
        statistics = shadower.statistics()
        assert_accounts(statistics)
        assert statistics.matched == statistics.secondary.matched == len(answers), shadower.divergences()

    run(main)


@given(st.lists(PLAIN, max_size=5))
def test_what_a_shadow_gets_is_equal_to_the_request_and_the_primary_gets_it_itself(requests):
    async def main():
        async with Shadower(echo, echo) as shadower:
            for request in requests:
                outcome = await shadower.call(request, key=b"key")
                assert outcome.primary is request
                await outcome.wait_settled()
        statistics = shadower.statistics()
        assert_accounts(statistics)
        assert statistics.matched == len(requests), (shadower.divergences(), shadower.failures())

    async def echo(request):
        await trio.sleep(1)
        return request

    run(main)


@given(st.lists(st.tuples(ANYTHING, KEYS, ANYTHING, ANYTHING, ANYTHING), max_size=4), CONFIGS)
def test_whatever_comes_the_caller_gets_the_very_answer_in_time_and_each_call_is_counted(calls, config):
    async def main():
        primary = Backend([answer for _, _, answer, _, _ in calls], itself)
        shadow = Backend([answer for _, _, _, answer, _ in calls] * 2, itself)
        async with Shadower(primary, shadow, config, secondary=shadow) as shadower:
            for request, key, answer, _, operation in calls:
                start = trio.current_time()
                outcome = await shadower.call(request, key=key, operation=operation)
                assert outcome.primary is answer
                assert trio.current_time() - start == 1
                assert_accounts(shadower.statistics())
            left_at = trio.current_time()
        assert trio.current_time() - left_at <= 3
        statistics = shadower.statistics()
        assert_accounts(statistics)
        assert statistics.calls == len(calls)
        assert statistics.in_flight == statistics.in_flight_bytes == statistics.secondary.in_flight == 0
        assert repr(shadower.divergences()) and repr(shadower.failures())
        assert shadower.scorecard().explain() and shadower.snapshot()

    run(main, 0.01)  # real seconds, for the threads that compare


def bytes_of(key):
    try:
        return encode_key(key)
    except (Exception, SystemExit, Own):
        return None


@given(KEYS, st.integers(0, 2**32 - 1))
def test_a_key_has_bytes_that_say_whether_it_is_mirrored_or_it_is_no_key(key, seed):
    async def main():
        config = ShadowConfig(sample_rate=0.5, seed=seed)
        encoded = bytes_of(key)
        expected = "unkeyed"
        if encoded is not None:
            assert type(encoded) is bytes
            assert encode_key(key) == encoded
            expected = "mirrored" if config.should_shadow(encoded) else "not_sampled"
        async with Shadower(answers, answers, config) as shadower:
            await shadower.call(1.5 if key is None else b"request", key=key)
        assert getattr(shadower.statistics(), expected) == 1

    async def answers(request):
        return None

    run(main)
