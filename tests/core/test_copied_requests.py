"""What the shadow is given of a request: a copy of values, never one of what owns something. Trio layer."""

from __future__ import annotations

import dataclasses
import functools
import gc
import io
import os
import pathlib
import re
import threading
import weakref

import attrs
import pytest
import trio

from trioshadow import Arguments, ShadowConfig, Shadower, Verdict, mirrored
from trioshadow._model.fixing import NotCopiedError, TooLargeError, copy_request, loaded
from trioshadow._model.packing import COPIED_BYTES
from trioshadow.guard import Breaker
from trioshadow.testing import Answer, ScriptedBackend

from tests.support.accounts import counts, held_back


async def given(*arguments, **settings):
    """What the shadow of a function is given, and the shadower."""
    seen = []

    async def new(*arguments):
        seen.append(arguments)

    @mirrored(new, ShadowConfig(**settings))
    def old(*arguments):
        pass

    async with old.mirroring() as shadower:
        old(*arguments)
        await shadower.wait_idle()
    return seen, shadower


class Owner:
    """Owns a descriptor, as a client does."""

    def __init__(self, log):
        self.log = log
        self.rows = [object() for _ in range(COPIED_BYTES // 10)]

    def __del__(self):
        self.log.append("closed")

    async def new_read(self, count):
        return self, count

    @mirrored(new_read)
    def read(self, count):
        return self, count


async def test_the_self_of_a_method_is_shared_and_no_second_one_frees_what_it_owns(autojump_clock):
    log = []
    owner = Owner(log)
    async with Owner.read.mirroring() as shadower:
        for count in (1, [1], {"nested": owner}):
            assert owner.read(count) == (owner, count)
        assert Owner.read(count=[1], self=owner) == (owner, [1])
        await shadower.wait_idle()
        gc.collect()
        assert counts(shadower) == {"matched": 4}
    assert log == []


async def test_the_other_arguments_of_a_method_are_copied(autojump_clock):
    seen = []

    class Service:
        async def new_call(self, rows, *, of=None):
            seen.append((self, rows, of))

        @mirrored(new_call)
        async def call(self, rows, *, of=None):
            await trio.lowlevel.checkpoint()
            rows.append("spoiled")

    service = Service()
    async with Service.call.mirroring() as shadower:
        await service.call([1], of={"a": service})
        await shadower.wait_idle()
    assert seen == [(service, [1], {"a": service})]


def test_a_function_is_a_method_by_the_name_of_its_first_parameter():
    def parts_of(function):
        requests = []
        mirror = mirrored(print, ShadowConfig(may_mirror=lambda request: requests.append(request) or False))(function)

        async def main():
            async with mirror.mirroring():
                mirror(*(["x"] if function is not trio.current_time else []))

        trio.run(main)
        return requests[0].shares_self

    class Text(str):
        def shout(self):
            return self.upper()

        shouted = functools.lru_cache(shout)

    assert parts_of(Text.shout)
    assert parts_of(Text.shouted)  # wrapped, it is one still
    assert not parts_of(Text("x").count)
    assert not parts_of(lambda text: text)
    assert not parts_of(trio.current_time)  # has no parameter
    assert not parts_of(re.compile("x").match)


def test_arguments_that_cannot_be_changed_are_not_copied():
    owner = object()
    for arguments in (
        Arguments(("a", 1), {"b": ("c",)}),
        Arguments((owner, "a"), {}, shares_self=True),
        Arguments((), {}),
    ):
        assert copy_request(arguments) is arguments
    for arguments in (
        Arguments((owner, [1]), {"a": owner}, shares_self=True),
        Arguments((), {"self": owner, "a": [1]}, shares_self=True),
    ):
        copied = loaded(copy_request(arguments))
        assert copied == arguments
        assert copied.kwargs is not arguments.kwargs


class Finalized:
    def __init__(self):
        weakref.finalize(self, int)


class Entered:
    def __enter__(self):
        pass


def numbers():
    yield 1


@dataclasses.dataclass
class Job:
    what: object


OWNERS = {
    "lock": threading.Lock,
    "event of trio": trio.Event,
    "memory channel": lambda: trio.open_memory_channel(1)[1],
    "context manager": Entered,
    "`weakref.finalize`": Finalized,
    "`__del__`": lambda: Owner([]),
    "method of an owner": lambda: Owner([]).new_read,
    "generator": numbers,
    "iterator": lambda: iter([1]),
    "file": pathlib.Path(os.devnull).open,
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("make", OWNERS.values(), ids=OWNERS)
async def test_a_request_that_holds_what_owns_something_is_held_back_with_a_word(autojump_clock, caplog, make):
    for request in (make(), {"nested": [make()]}, Job(make())):
        seen, shadower = await given(request)
        assert seen == []
        assert counts(shadower) == {"held_back": 1}
        assert held_back(shadower) == {"not_copied": 1}
        assert ": give copy_request=" in caplog.messages[-1]


async def test_a_request_that_cannot_be_copied_is_held_back_and_says_so_once(autojump_clock, caplog):
    class Uncopyable:
        def __reduce_ex__(self, protocol):
            raise SystemExit

    shadow = ScriptedBackend(Answer(1))
    async with Shadower(ScriptedBackend(Answer(1)), shadow) as shadower:
        for _ in range(2):
            outcome = await shadower.call({"nested": Uncopyable()}, key=b"k")
            assert (outcome.primary, outcome.verdict, outcome.mirrored) == (1, Verdict.HELD_BACK, False)
        assert counts(shadower) == {"held_back": 2}
    assert shadow.requests == []
    assert caplog.messages == ["calls are not mirrored: this request (dict) can't be copied: give copy_request="]


async def test_a_request_that_was_not_copied_is_kept_by_nobody(autojump_clock):
    class Request(list):
        pass

    async def backend(request):
        return 1

    async with Shadower(backend, backend) as shadower:
        gc.collect()
        gc.disable()
        try:
            for held in (trio.Event(), [[i] for i in range(100_000)]):
                request = Request([held])
                watching = weakref.ref(request)
                await shadower.call(request, key=b"k")
                del request
                assert watching() is None
        finally:
            gc.enable()
        assert counts(shadower) == {"held_back": 2}


async def test_a_keyboard_interrupt_while_a_request_is_copied_passes(autojump_clock):
    class Interrupted:
        def __reduce_ex__(self, protocol):
            raise KeyboardInterrupt

    async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Answer(1))) as shadower:
        with pytest.raises(KeyboardInterrupt):
            await shadower.call([Interrupted()], key=b"k")
        assert counts(shadower) == {}  # it was never served


async def test_copy_request_shares_what_would_be_held_back(autojump_clock):
    owner = Owner([])
    seen, shadower = await given(owner, copy_request=lambda arguments: arguments)
    assert seen == [(owner,)]
    assert counts(shadower) == {"matched": 1}


async def test_a_call_that_is_not_copied_gives_back_its_place_as_a_probe(autojump_clock):
    breaker = Breaker(cool_down=1)
    breaker.trip("for the test", trio.current_time())
    async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Answer(1)), breaker=breaker) as shadower:
        await trio.sleep(1)
        for _ in range(3):
            await shadower.call([trio.Event()], key=b"k")
        await (await shadower.call(b"k")).wait_settled()
        assert counts(shadower) == {"held_back": 3, "matched": 1}


async def test_what_belongs_to_the_program_is_shared_in_the_copy(autojump_clock):
    class Local:
        def __init__(self, value):
            self.value = value

    function = lambda: None  # noqa: E731
    things = [Local, function, re, re.match("x", "x"), weakref.ref(Local), OWNERS["lock"], attrs.Factory, len]
    ((copied,),), _ = await given([Local([1]), io.BytesIO(b"x"), *things])
    local, file, *shared = copied
    assert shared == things
    assert type(local) is Local
    assert (local.value, file.read()) == ([1], b"x")


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Node:
    def __init__(self, log):
        self.log = log

    def __reduce__(self):
        self.log.append(1)
        return Node, (None,)


def test_a_copy_stops_early_in_a_large_graph():
    """In the caller's time 100,000 objects would be a tenth of a second."""
    asked = []
    with pytest.raises(TooLargeError, match="is too large to be copied: give max_copied_bytes= or copy_request="):
        copy_request([Node(asked) for _ in range(100_000)])
    assert 1_000 < len(asked) < 10_000
    for large in ([[i] for i in range(1_000_000)], [None] * 1_000_000, tuple(range(1_000_000))):
        with pytest.raises(TooLargeError):
            copy_request(large)


def test_a_long_text_or_buffer_costs_little():
    """It is copied as memory is, and bytes not even that."""
    body = bytes(COPIED_BYTES * 5)
    copied = loaded(copy_request({"body": body, "buffer": bytearray(body), "text": "x" * COPIED_BYTES}))
    assert copied["body"] == body == copied["buffer"]
    assert type(copied["buffer"]) is bytearray
    buffer = bytearray(body)
    packed = copy_request([buffer])
    buffer[:] = b""
    assert loaded(packed) == [body]
    with pytest.raises(TooLargeError):
        copy_request([bytes(COPIED_BYTES * 17)])


async def test_a_larger_request_is_copied_if_it_may_be(autojump_clock):
    request = [[i] for i in range(100_000)]
    _, shadower = await given(request)
    assert held_back(shadower) == {"not_copied": 1}
    seen, shadower = await given(request, max_copied_bytes=2**30)
    assert seen == [(request,)]
    assert seen[0][0] is not request


def test_nothing_of_what_was_copied_is_kept():
    """Who packs is used again."""

    class Local:
        pass

    request = Arguments((Local(), [Local()]), {}, shares_self=True)
    watching = [weakref.ref(request.args[0]), weakref.ref(request.args[1][0])]
    copy_request(request)
    del request
    assert [reference() for reference in watching] == [None, None]


def test_what_is_copied_in_the_midst_of_a_copy_does_not_disturb_it():
    class Nested:
        def __init__(self, inner):
            self.inner = inner

        def __reduce__(self):
            with pytest.raises(NotCopiedError):
                copy_request([threading.Lock()])
            return Nested, (loaded(copy_request(self.inner)),)

    rows = [1, [2]]
    first, second, third = loaded(copy_request([rows, Nested([3, numbers.__name__]), rows]))
    assert first is third
    assert (first, second.inner) == (rows, [3, "numbers"])
