"""A breaker around a backend of one's own, on the virtual clock."""

from __future__ import annotations

import pytest
import trio

from trioshadow import ShadowError
from trioshadow.guard import Breaker, BreakerBackend, BreakerOpen, BreakerState
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend


async def test_an_answer_and_an_exception_pass_and_count(autojump_clock):
    backend = BreakerBackend(ScriptedBackend(Answer(b"ok"), Fail(ValueError), Fail(ValueError)), Breaker(failures=2))
    assert await backend.call(b"k") == b"ok"
    for _ in range(2):
        with pytest.raises(ValueError):
            await backend.call(b"k")
    with pytest.raises(BreakerOpen, match="the breaker is open: 2 failures in a row, the last failed"):
        await backend.call(b"k")
    assert issubclass(BreakerOpen, ShadowError)


async def test_what_is_too_slow_counts_and_says_so(autojump_clock):
    backend = BreakerBackend(ScriptedBackend(Hang()), Breaker(failures=1), timeout=2)
    with pytest.raises(trio.TooSlowError):
        await backend.call(b"k")
    assert trio.current_time() == 2
    assert backend.breaker.reason == "1 failure in a row, the last timed out"


async def test_a_backend_with_a_deadline_of_its_own_is_too_slow_too(autojump_clock):
    backend = BreakerBackend(ScriptedBackend(Fail(trio.TooSlowError)), Breaker(failures=1))
    with pytest.raises(trio.TooSlowError):
        await backend.call(b"k")
    assert backend.breaker.state is BreakerState.OPEN


async def test_a_caller_that_goes_away_counts_as_nothing_and_leaks_no_probe(autojump_clock):
    breaker = Breaker(failures=1, cool_down=1)
    breaker.trip("for the test", trio.current_time())
    backend = BreakerBackend(ScriptedBackend(Hang(), Hang(), Hang(), Answer(b"ok")), breaker)
    await trio.sleep(1)
    for _ in range(3):
        with trio.move_on_after(1):
            await backend.call(b"k")
        assert breaker.state is BreakerState.HALF_OPEN
    assert await backend.call(b"k") == b"ok"
    assert breaker.state is BreakerState.CLOSED


async def test_while_the_probes_are_on_their_way_others_are_refused(autojump_clock):
    breaker = Breaker(failures=1, cool_down=1, probes=2)
    breaker.trip("for the test", trio.current_time())
    backend = BreakerBackend(ScriptedBackend(Answer(b"ok", after=1)), breaker)
    await trio.sleep(1)
    refused = []

    async def one():
        try:
            await backend.call(b"k")
        except BreakerOpen as exc:
            refused.append(str(exc))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(one)
    assert refused == ["the breaker is half_open: 1 s have passed"] * 3
    assert breaker.state is BreakerState.CLOSED


async def test_ctrl_c_in_the_backend_counts_as_nothing(autojump_clock):
    backend = BreakerBackend(ScriptedBackend(Fail(KeyboardInterrupt)), Breaker(failures=1))
    with pytest.raises(KeyboardInterrupt):
        await backend.call(b"k")
    assert backend.breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((7, Breaker()), TypeError, "backend must be a Backend"),
        ((print, None), TypeError, "breaker must be a Breaker, not NoneType"),
        ((print, Breaker(), 0), ValueError, r"timeout must be seconds in \(0, inf\], not 0"),
        ((print, Breaker(), "1"), ValueError, "timeout must be seconds"),
    ],
)
def test_what_is_wrong_is_named(arguments, error, words):
    backend, breaker, *timeout = arguments
    with pytest.raises(error, match=words):
        BreakerBackend(backend, breaker, **({"timeout": timeout[0]} if timeout else {}))
