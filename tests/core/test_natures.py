"""What an object is to those who do not own it, by its type. Pure."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import io
import itertools
import logging
import pathlib
import queue
import socket
import sqlite3
import threading
import weakref
import xml.dom.minidom

import httpx
import pytest
import trio

from trioshadow._model.natures import Nature, can_be_read_once, is_finalized, nature_of, wraps_what_is_read_once
from trioshadow._model.once import ReadOnce


class Color(enum.Enum):
    RED = 1

    def close(self):
        """A member of an enum owns nothing."""


class Closes:
    def close(self):
        pass


class Finalized:
    def __del__(self):
        pass


class Opened(Closes):
    async def __aenter__(self):
        pass


class NotIterable(list):
    __next__ = None


async def nothing():
    pass


async def asynchronous():
    yield


def numbers():
    yield 1


NATURES = {
    Nature.VALUE: [1, "x", [], {}, object(), Exception(), memoryview(b""), pathlib.Path(), trio.Path(), NotIterable()],
    Nature.SHARED: [int, Color, Color.RED, len.__class__, logging, numbers, weakref.ref(Color), ReadOnce(1)],
    Nature.OWNER: [
        *(Closes(), Finalized(), Opened(), threading.Lock(), threading.Event(), trio.Event(), asyncio.Event()),
        *(trio.Lock(), trio.CapacityLimiter(1), trio.CancelScope(), trio.open_memory_channel(1)[0]),
        *(queue.Queue(), queue.SimpleQueue(), asyncio.Queue()),
        *(contextlib.nullcontext(), contextlib.contextmanager(numbers)(), socket.socket, sqlite3.Connection),
    ],
    Nature.ONCE: [
        *(iter([1]), numbers(), map(str, [1]), zip([1]), itertools.count(), asynchronous()),
        *(io.BytesIO(), io.StringIO(), sqlite3.Cursor),
        *(trio.open_memory_channel(1)[1], asyncio.Future),
    ],
}
#: Of these the class is given: an instance would have to be closed.
CLASSES = (socket.socket, asyncio.Future, sqlite3.Connection, sqlite3.Cursor)


@pytest.mark.parametrize("nature", NATURES, ids=lambda nature: nature.name)
def test_the_nature_of_an_object(nature):
    for thing in NATURES[nature]:
        assert nature_of(thing if thing in CLASSES else type(thing)) is nature, thing


def test_a_coroutine_is_read_once():
    coroutine = nothing()
    assert nature_of(type(coroutine)) is Nature.ONCE
    coroutine.close()


class Reader(Closes):
    def recv(self):
        pass


@pytest.mark.parametrize(
    "value",
    [
        *(numbers(), io.BytesIO(), contextlib.nullcontext(), Opened(), Reader(), trio.Lock(), queue.Queue()),
        httpx.Response(200, content=numbers()),
    ],
    ids=lambda value: type(value).__module__ + "." + type(value).__name__,
)
def test_what_is_read_or_entered_can_be_read_once(value):
    assert can_be_read_once(value)


@pytest.mark.parametrize(
    "value",
    [
        *(1, [], object(), Closes(), Finalized(), memoryview(b""), pathlib.Path(), trio.Event()),
        *(xml.dom.minidom.Document(), httpx.Response(200, content=b"x")),
    ],
    ids=lambda value: type(value).__module__ + "." + type(value).__name__,
)
def test_what_can_be_looked_at_again_is_not_read_once(value):
    """Also a response whose body has been read, and what is entered to free memory."""
    assert not can_be_read_once(value)


def response_of_urllib3(*, loaded):
    urllib3 = pytest.importorskip("urllib3")
    return urllib3.HTTPResponse(io.BytesIO(b"x"), preload_content=loaded)


def response_of_requests(*, loaded):
    requests = pytest.importorskip("requests")
    response = requests.Response()
    if loaded:
        response.raw = io.BytesIO(b"x")
        assert response.content == b"x"
    return response


@pytest.mark.parametrize("response", [response_of_urllib3, response_of_requests])
def test_a_response_of_another_library_can_be_read_once_as_long_as_its_body_was_not_read(response):
    assert can_be_read_once(response(loaded=False))
    assert not can_be_read_once(response(loaded=True))


def test_an_object_over_what_can_be_read_once_is_told_from_one_with_a_counter():
    def with_attribute(value, cls=Exception):
        wrapper = cls()
        wrapper.attribute = value
        return wrapper

    assert wraps_what_is_read_once(with_attribute(numbers()))
    assert not wraps_what_is_read_once(with_attribute(itertools.count()))
    assert not wraps_what_is_read_once(with_attribute([numbers()]))
    assert not wraps_what_is_read_once(with_attribute(numbers(), xml.dom.minidom.Document))
    assert not wraps_what_is_read_once(with_attribute(numbers(), Closes))


def test_only_a_finalizer_owns_something_and_not_any_weak_reference():
    value = Closes()
    watching = weakref.ref(value, print)
    assert not is_finalized(value)
    weakref.finalize(value, int)
    assert is_finalized(value)
    del watching
