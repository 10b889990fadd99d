"""What the callers of `soak.py` ask for, and all that its candidates do with it. Not for measuring.

A request carries what becomes of it on either side, so that a seed says what is asked. `BEHAVIOURS` has each behaviour
of a shadow with its weight; hell's own, one by one and with exact times, is `tests/promises/test_nothing_leaks_in.py`.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import NoReturn

import attrs
import trio

from trioshadow import ResponseRecord

#: Seconds that the primary takes; the candidate that behaves takes as long.
PRIMARY_SECONDS = 0.005
#: Seconds that a shadow refuses to be cancelled at the most.
REFUSES_SECONDS = 0.4
OPERATIONS = ("", "list", "read", "search", "write")
#: Bytes of a body that is compared in a worker thread: two of them are more than the `large_body` of `soak.py`.
LARGE = 60_000


@attrs.frozen
class Request:
    """One call: the same for the primary, the shadow and the secondary."""

    number: int
    behaviour: str
    primary_raises: bool
    body: bytearray | bytes = b""
    """A bytearray must be copied for the shadow."""


@attrs.frozen
class Answer:
    """What the primary gives, but for the behaviours that need other answers."""

    number: int
    operation: str = "answered"


class Refused(Exception):
    """The primary's own."""


class OwnBase(BaseException):
    """No Exception."""


class Hostile:
    """An answer that harms whoever compares it."""

    def __init__(self, exits: bool) -> None:
        self._exits = exits

    def __eq__(self, other: object) -> NoReturn:
        if self._exits:
            sys.exit(7)
        raise ValueError("compared")

    __hash__ = None  # type: ignore[assignment]


def _body(end: str) -> ResponseRecord:
    items = ",".join(f'{{"id": {number}, "name": "item"}}' for number in range(LARGE // 30))
    return ResponseRecord(f'[{items}, "{end}"]'.encode(), headers={"content-type": "application/json"})


_LARGE, _OTHER_LARGE = _body("primary"), _body("shadow")

#: The answer or the exception that the primary gave, in the context of its caller.
given: ContextVar[object] = ContextVar("given")


def answer_to(request: Request) -> object:
    """What the primary gives, if it does not raise."""
    match request.behaviour:
        case "large":
            return _LARGE
        case "hostile":
            return Hostile(exits=request.number % 2 == 0)
        case "mutable":
            return {"number": request.number, "items": [request.number] * 20}
        case _:
            return Answer(request.number)


async def primary(request: Request) -> object:
    """The old backend: 5 ms, and sometimes an exception."""
    await trio.sleep(PRIMARY_SECONDS)
    if request.primary_raises:
        refused = Refused(request.number)
        given.set(refused)
        raise refused
    answer = answer_to(request)
    given.set(answer)
    return answer


async def secondary(request: Request) -> object:
    """Another copy of the old backend, of which one in fifty answers differs."""
    await trio.sleep(PRIMARY_SECONDS)
    return Answer(-1) if request.number % 50 == 0 else _same(request)


def _same(request: Request) -> object:
    if request.primary_raises:
        raise Refused(request.number)
    return answer_to(request)


async def _answers(request: Request) -> object:
    await trio.sleep(PRIMARY_SECONDS)
    return _same(request)


async def _diverges(request: Request) -> object:
    await trio.sleep(PRIMARY_SECONDS)
    return Answer(request.number, operation=f"differs {request.number % 7}")


async def _large(_: Request) -> object:
    await trio.sleep(PRIMARY_SECONDS)
    return _OTHER_LARGE


async def _raises(request: Request) -> NoReturn:
    await trio.sleep(PRIMARY_SECONDS)
    raise ValueError(f"boom {request.number}")


async def _raises_base(request: Request) -> NoReturn:
    raise SystemExit(3) if request.number % 2 else OwnBase("mine")


async def _hangs(_: Request) -> NoReturn:
    await trio.sleep_forever()
    raise AssertionError("unreachable")


async def _refuses(request: Request) -> object:
    with trio.CancelScope(shield=True):
        await trio.sleep(REFUSES_SECONDS * (request.number % 10) / 10)
    return _same(request)


async def _leaves_a_nursery_open(request: Request) -> object:
    nursery = await trio.open_nursery().__aenter__()
    if request.number % 2:
        nursery.start_soon(trio.sleep_forever)
    return _same(request)


async def _spawns(request: Request) -> object:
    nursery = trio.lowlevel.current_task().parent_nursery
    assert nursery is not None
    for seconds in (0.001, 0.01, 60):
        nursery.start_soon(trio.sleep, seconds)
    return _same(request)


async def _fails_in_a_nursery(request: Request) -> object:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        nursery.start_soon(_raises, request)
    return _same(request)


async def _recurses(request: Request) -> object:
    return await _recurses(request)


async def _mutates(request: Request) -> object:
    if isinstance(request.body, bytearray):
        request.body[:] = b"stolen"
    await trio.sleep(PRIMARY_SECONDS)
    return _same(request)


async def _uses_a_thread(request: Request) -> object:
    # Cut off by its deadline, it leaves the thread behind.
    await trio.to_thread.run_sync(time.sleep, 0.01 if request.number % 4 else 0.5, abandon_on_cancel=True)
    return _same(request)


async def _blocks(request: Request) -> object:
    time.sleep(0.02)  # noqa: ASYNC251 - the harm that is meant
    return _same(request)


#: Of a shadow: what it does, and how often in a thousand calls or so.
BEHAVIOURS: dict[str, tuple[Callable[[Request], Awaitable[object]], int]] = {
    "same": (_answers, 500),
    "mutable": (_answers, 60),
    "mutates": (_mutates, 40),
    "diverges": (_diverges, 80),
    "large": (_large, 8),
    "hostile": (_answers, 30),
    "raises": (_raises, 50),
    "raises base": (_raises_base, 20),
    "hangs": (_hangs, 30),
    "refuses": (_refuses, 20),
    "nursery": (_leaves_a_nursery_open, 30),
    "spawns": (_spawns, 20),
    "group": (_fails_in_a_nursery, 20),
    "recurses": (_recurses, 5),
    "thread": (_uses_a_thread, 10),
    "blocks": (_blocks, 1),
    "calls again": (_answers, 30),
}
_NAMES = tuple(BEHAVIOURS)
_WEIGHTS = tuple(weight for _, weight in BEHAVIOURS.values())


def draw(source: random.Random, number: int) -> Request:
    """The next request of a caller."""
    (behaviour,) = source.choices(_NAMES, _WEIGHTS)
    size = source.choice((0, 0, 10, 1000, 20_000))
    body = bytearray(size) if behaviour == "mutates" else bytes(size)
    return Request(number, behaviour, source.random() < 0.03, body)


class Candidate:
    """The new backend. `call_again` is the shadower's own `call`, for the candidate that calls whom it shadows."""

    def __init__(self, call_again: Callable[[Request], Awaitable[object]]) -> None:
        self._call_again = call_again
        #: It fails whatever is asked, so that the breaker has something to do.
        self.sick = False

    async def call(self, request: Request) -> object:
        """Do what the request says."""
        if self.sick:
            raise OwnBase("sick")
        if request.behaviour == "calls again":
            await self._call_again(attrs.evolve(request, behaviour="same"))
        does, _ = BEHAVIOURS[request.behaviour]
        return await does(request)
