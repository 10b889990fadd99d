"""A mirrored function behaves as the function: attribute by attribute, bound and unbound, before its shadower runs and
while it does. Mostly pure; Trio layer where the request of what was bound is looked at, on the real clock (threads).
"""

from __future__ import annotations

import abc
import asyncio
import collections.abc
import copy
import enum
import functools
import gc
import inspect
import json
import pickle
import types
import typing
import weakref
from unittest import mock

import pytest
import trio

from trioshadow import Arguments, MirroredFunction, mirrored

from tests.support.accounts import counts


def new(*args, **kwargs):
    raise AssertionError("nothing is mirrored here")


def over(function) -> typing.Any:
    return mirrored(new)(function)


def price(sku: str, *, times: int = 1) -> int:
    """What it costs."""
    return len(sku) * times


def shout(text):
    return text.upper()


shout = over(shout)


def kinds():
    class Plain:
        def method(self, y):
            return type(self).__name__, y

        async def async_method(self, y):
            return type(self).__name__, y

        @staticmethod
        def static(y):
            return y

        @classmethod
        def of_class(cls, y):
            return cls.__name__, y

        @classmethod
        async def async_of_class(cls, y):
            return cls.__name__, y

        @functools.lru_cache  # noqa: B019 - it is what is tested
        def cached(self, y):
            return type(self).__name__, y

        double = staticmethod(functools.partial(pow, 2))
        partial_method = functools.partialmethod(method, 3)
        size = len
        upper = str.upper
        number = int

        @functools.singledispatchmethod
        def by_type(self, y):
            return "object", y

        by_type.register(int)(lambda self, y: ("int", y))

    return {name: kind for name, kind in vars(Plain).items() if not name.startswith("__")}


KINDS = kinds()
ARGUMENTS = {"partial_method": (), "size": ("abc",), "upper": ("abc",)}


def reached(thing, name):
    """What a caller gets and does, in all ways in which it can be read."""
    sub = type("Sub", (thing,), {})
    return [tried(owner, name) for owner in (thing(), thing, sub(), sub, super(sub, sub()), super(sub, sub))]


def tried(owner, name):
    try:
        read = getattr(owner, name)
    except TypeError as exc:  # `str.upper`, of what is no str
        return str(exc)
    try:
        answer = read(*ARGUMENTS.get(name, (3,)))
        if inspect.iscoroutine(answer):
            answer = trio.run(_awaited, answer)
    except TypeError as exc:  # the instance is missing
        answer = str(exc)
    try:
        signature = str(inspect.signature(read))
    except ValueError:  # C code that has none
        signature = ""
    kind = inspect.isfunction(read), inspect.ismethod(read), inspect.iscoroutinefunction(read), read.__class__
    # Some Pythons keep what a singledispatchmethod makes, so that it is the same each time.
    is_same = name == "by_type" or getattr(owner, name) is read
    return answer, signature, kind, is_same, getattr(owner, name) == read


async def _awaited(coroutine):
    return await coroutine


@pytest.mark.parametrize("name", KINDS)
def test_in_a_class_body_it_binds_as_what_it_wraps(name):
    """Through instances, classes, subclasses and super(): answers, kinds, signatures, identity and equality."""
    wrapper, kind = over(kinds()[name]), kinds()[name]
    plain, mirroring = type("Thing", (), {name: kind}), type("Thing", (), {name: wrapper})
    assert reached(mirroring, name) == reached(plain, name)
    assert hasattr(getattr(mirroring, name), "mirroring")
    assert callable(wrapper) == callable(kind)
    assert hasattr(wrapper, "__get__") == hasattr(kind, "__get__")
    assert isinstance(wrapper, type(kind))


async def test_the_request_begins_with_what_was_bound():
    seen = []

    def see(*args):
        seen.append(args)
        return args

    class Thing:
        method = mirrored(see)(KINDS["method"])
        static = mirrored(see)(KINDS["static"])
        of_class = mirrored(see)(KINDS["of_class"])
        cached = mirrored(see)(KINDS["cached"])
        partial_method = mirrored(see)(functools.partialmethod(lambda self, a, b: None, 1))
        by_type = mirrored(see)(KINDS["by_type"])
        double = mirrored(see)(functools.partial(pow, 2))
        upper = mirrored(see)(str.upper)

        def __deepcopy__(self, memo):
            return self

    class Text(str):
        upper = mirrored(see)(str.upper)

    thing = Thing()
    for name, call, request in [
        ("method", lambda: thing.method(5), (thing, 5)),
        ("method", lambda: Thing.method(thing, 5), (thing, 5)),
        ("static", lambda: thing.static(5), (5,)),
        ("static", lambda: Thing.static(5), (5,)),
        ("of_class", lambda: thing.of_class(5), (Thing, 5)),
        ("of_class", lambda: Thing.of_class(5), (Thing, 5)),
        ("cached", lambda: thing.cached(5), (thing, 5)),
        ("partial_method", lambda: thing.partial_method(5), (thing, 5)),
        ("by_type", lambda: thing.by_type(5), (thing, 5)),
        ("double", lambda: Thing.double(5), (5,)),
        ("upper", lambda: Thing.upper("a"), ("a",)),
    ]:
        async with getattr(Thing, name).mirroring() as shadower:
            call()
            await shadower.wait_idle()
            assert [(type(one[0]), *one[1:]) for one in seen] == [(type(request[0]), *request[1:])], name
            assert shadower.statistics().mirrored == 1
            seen.clear()
    text = Text("a")
    async with Text.upper.mirroring() as shadower:
        assert text.upper() == "A"
        await shadower.wait_idle()
        assert seen == [("a",)]


async def test_a_shadow_may_be_of_any_kind_too_and_is_bound_to_the_first_argument():
    class Thing:
        def __init__(self, n=1):
            self.n = n

        @classmethod
        def make(cls, n):
            return cls.__name__, n

        @classmethod
        async def make_async(cls, n):
            return cls.__name__, n

        def add(self, a, b):
            return self.n + a + b

        add_one = functools.partialmethod(add, 1)

        old_make = mirrored(make)(make)
        old_make_too = mirrored(make_async)(make)
        old_add = mirrored(add_one)(lambda self, b: self.n + 1 + b)
        old_static = mirrored(staticmethod(lambda n: n))(staticmethod(lambda n: n))

    for function, call in [
        (Thing.old_make, lambda: Thing.old_make(3)),
        (Thing.old_make_too, lambda: Thing.old_make_too(3)),
        (Thing.old_add, lambda: Thing(5).old_add(3)),
        (Thing.old_static, lambda: Thing.old_static(3)),
    ]:
        async with function.mirroring() as shadower:
            call()
            await shadower.wait_idle()
            assert counts(shadower) == {"matched": 1}
    async with Thing.old_make.mirroring() as shadower:
        assert (await shadower.call(Arguments((Thing, 3), {}))).primary == ("Thing", 3)


# ── attributes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_its_attributes_are_those_of_what_it_wraps_and_live_there():
    wrapper = over(price)
    its_own = {"__call__", "__get__", "__reduce_ex__"}  # bound methods, and new ones for each reader
    for name in set(dir(price)) - its_own:
        assert getattr(wrapper, name) == getattr(price, name), name
    assert set(dir(wrapper)) == {*dir(price), "mirroring", "shadower"}
    wrapper.calls = 3
    assert price.calls == 3
    price.calls = 4
    assert wrapper.calls == 4
    del wrapper.calls
    assert not hasattr(price, "calls")
    assert wrapper.__wrapped__ is inspect.unwrap(wrapper) is price
    assert inspect.signature(wrapper) == inspect.signature(price)
    assert typing.get_type_hints(wrapper) == {"sku": str, "times": int, "return": int}
    assert (repr(wrapper), str(wrapper), hash(wrapper)) == (repr(price), str(price), hash(price))
    assert wrapper == price == wrapper == over(price)
    assert (wrapper != price, wrapper != over(price), wrapper != len) == (False, False, True)
    assert weakref.ref(wrapper)() is wrapper
    assert isinstance(wrapper, types.FunctionType)
    assert not isinstance(wrapper, collections.abc.Iterable)
    assert mock.create_autospec(wrapper)("a") is not None


def test_what_a_decorator_keeps_on_its_function_is_seen_by_callers():
    """`cache_clear`, and a count that the function keeps on itself."""

    def counting(function):
        @functools.wraps(function)
        def counted(*args):
            counted.calls = getattr(counted, "calls", 0) + 1
            return function(*args)

        return counted

    counted = over(counting(len))
    counted("a")
    counted("a")
    assert counted.calls == 2
    cached = over(functools.lru_cache(len))
    cached("a")
    cached("a")
    assert cached.cache_info().hits == 1
    cached.cache_clear()
    assert cached.cache_info().hits == 0


def test_its_own_names_are_neither_set_nor_deleted_nor_do_they_hide_any():
    wrapper = over(price)
    for name in ("mirroring", "shadower"):
        with pytest.raises(AttributeError, match=f"'{name}' is trioshadow's own here, and is not set"):
            setattr(wrapper, name, 3)
        with pytest.raises(AttributeError, match=f"'{name}' is trioshadow's own here, and is not deleted"):
            delattr(wrapper, name)

        class Taken:
            def __call__(self):
                return 1

        setattr(Taken, name, 3)
        with pytest.raises(TypeError, match=f"what is mirrored has a '{name}' of its own"):
            over(Taken())
    twice = over(over(price))  # two shadows
    assert twice("abc") == 3
    assert twice.shadower is not twice.__wrapped__.shadower
    assert over(mock.Mock(return_value=3))() == 3  # which has every name


def test_it_is_a_function_to_what_looks_for_functions():
    async def async_price(sku):
        return 3

    wrapper = over(async_price)
    assert inspect.iscoroutinefunction(wrapper)
    assert asyncio.iscoroutinefunction(wrapper)
    coroutine = wrapper("a")
    assert (coroutine.__name__, coroutine.__qualname__) == ("async_price", async_price.__qualname__)
    coroutine.close()

    class Abstract(abc.ABC):
        @over
        @abc.abstractmethod
        def below(self): ...

        @abc.abstractmethod
        @over
        def above(self): ...

        @property
        @over
        def prop(self):
            return 3

    assert Abstract.__abstractmethods__ == {"below", "above"}

    class Concrete(Abstract):
        below = above = None

    assert Concrete().prop == 3

    class Letters(enum.Enum):
        A = 1

        @over
        def shown(self):
            return self.name

    assert list(Letters) == [Letters.A]
    assert Letters.A.shown() == "A"


def test_single_dispatch_over_and_under_it():
    @over
    @functools.singledispatch
    def shown(thing):
        return "object"

    @shown.register
    def _(thing: int):
        return "int"

    assert (shown("a"), shown(1)) == ("object", "int")

    @functools.singledispatch
    @over
    def also_shown(thing):
        return "object"

    @also_shown.register
    @over
    def _(thing: int):
        return "int"

    assert (also_shown("a"), also_shown(1)) == ("object", "int")


# ── copies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_copied_and_pickled_as_what_it_wraps():
    """By name, where its name leads to it. What is known by another name is pickled as what it wraps."""
    assert copy.copy(shout) is copy.deepcopy(shout) is pickle.loads(pickle.dumps(shout)) is shout
    assert pickle.loads(pickle.dumps(over(json.dumps))) is json.dumps
    assert pickle.loads(pickle.dumps(over(len))) is len
    assert pickle.loads(pickle.dumps(over(functools.partial(pow, 2))))(3) == 8
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(over(lambda: 3))


# ── objects and classes ──────────────────────────────────────────────────────────────────────────────────────────────


class Counted:
    def __iter__(self):
        raise AssertionError("its subclass says that it can't")


class Till(Counted):
    def __init__(self):
        self.taken = []

    def __call__(self, amount):
        self.taken.append(amount)
        return sum(self.taken)

    def __len__(self):
        return len(self.taken)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False

    def __iadd__(self, amount):
        self.taken.append(amount)
        return self

    def __eq__(self, other):
        return isinstance(other, Till) and other.taken == self.taken

    __iter__ = None


def test_a_callable_object_stays_the_object_that_it_is():
    till = wrapper = over(Till())
    assert (wrapper(3), wrapper(4), len(wrapper), wrapper.taken) == (3, 7, 2, [3, 4])
    assert isinstance(wrapper, Till)
    assert isinstance(wrapper, collections.abc.Sized)
    wrapper.taken = [5]
    assert wrapper.__wrapped__.taken == [5]
    with wrapper as entered:
        assert entered is wrapper
    wrapper += 6
    assert wrapper is till
    assert over(wrapper.__wrapped__) == wrapper
    assert wrapper != over(Till())
    with pytest.raises(TypeError, match="unhashable"):
        hash(wrapper)
    with pytest.raises(TypeError):
        iter(wrapper)
    assert not isinstance(wrapper, collections.abc.Iterable)
    other = copy.deepcopy(wrapper)
    other(1)
    assert (len(wrapper), len(other), len(copy.copy(wrapper))) == (2, 3, 2)
    assert copy.copy(wrapper).shadower is other.shadower is wrapper.shadower


class Priced:
    def __init__(self, sku):
        self.sku = sku


def test_a_class_stays_a_class():
    number = over(int)

    class Sub(number):  # type: ignore[misc,valid-type]
        pass

    assert number("3") == 3
    assert str(inspect.signature(over(Priced))) == "(sku)"
    assert isinstance(3, number)
    assert issubclass(Sub, number)
    assert Sub.__mro__ == (Sub, int, object)

    class Base(over(typing.List[int])):  # noqa: UP006 # type: ignore[misc] # it has entries of its own
        pass

    assert issubclass(Base, list)


def test_a_descriptor_of_ones_own_binds_as_it_says():
    class Named:
        def __set_name__(self, owner, name):
            self.name = name

        def __get__(self, instance, owner=None):
            return self.name if instance is None else functools.partial(self, instance)

        def __call__(self, instance, y):
            return instance, y

    class Fresh(Named):
        def __get__(self, instance, owner=None):
            return types.MethodType(lambda instance, y: (instance, y), instance)

    class Thing:
        named = over(Named())
        fresh = over(Fresh())

    thing = Thing()
    assert thing.fresh(3) == (thing, 3)
    assert inspect.ismethod(thing.fresh)
    assert Thing.named == "named"  # no function: given as it is
    assert thing.named(3) == (thing, 3)
    assert hasattr(thing.named, "mirroring")


def test_what_gives_values_is_no_function():
    for value in (property(len), functools.cached_property(len)):
        with pytest.raises(TypeError, match="mirrored.. decorates a function, not "):
            over(value)
        with pytest.raises(TypeError, match="shadow must be callable, not "):
            mirrored(value)


def test_what_makes_a_generator_is_refused_however_it_is_called():
    def generate(self, x):
        yield x

    class Generates:
        __call__ = generate

    for function in (
        *(Generates(), Generates().__call__, functools.partial(generate, 1), staticmethod(generate)),
        *(classmethod(generate), functools.partialmethod(generate, 1), functools.lru_cache(generate)),
    ):
        with pytest.raises(TypeError, match="is a generator function: mirror it with Shadower.start"):
            over(function)


def test_a_name_that_is_no_name_breaks_nothing():
    class Odd:
        __name__ = 3

        def __call__(self):
            return 1

    assert over(Odd())() == 1
    assert over(Odd()).shadower.name == ""


def test_what_is_bound_for_a_call_is_not_kept():
    """With the garbage collector off: neither the object nor the wrapper that was made for it."""

    class Thing:
        method = over(KINDS["method"])
        of_class = over(KINDS["of_class"])
        partial_method = over(functools.partialmethod(lambda self, a: a, 1))

    thing = Thing()
    gone = weakref.ref(thing)
    gc.disable()
    try:
        for name in ("method", "of_class"):
            getattr(thing, name)(1)
        thing.partial_method()
        del thing
        assert gone() is None
    finally:
        gc.enable()


def test_it_is_what_type_checkers_take_it_for():
    function: MirroredFunction[..., int] = over(price)
    assert function("abc") == 3
