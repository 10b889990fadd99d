"""raise_on_divergence: whatever diverges in this process meanwhile, wherever its shadower is, is raised at the end."""

from __future__ import annotations

import contextlib
import logging
import threading

import pytest
import trio

from trioshadow import DivergenceLog, ShadowConfig, Shadower, Verdict, mirrored
from trioshadow._accounts.consumer import Consumer
from trioshadow._accounts.ledger import Ledger
from trioshadow._accounts.notices import Notices
from trioshadow._accounts.observers import observing
from trioshadow.evidence import Epoch
from trioshadow.testing import (
    Answer,
    Fail,
    Hang,
    NotEquivalentError,
    ScriptedBackend,
    assert_equivalent,
    raise_on_divergence,
)

from tests.support.accounts import counts


async def mirror(*steps, config=None, operation="op"):
    """One call for each step of the shadow; the primary answers 1."""
    async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(*steps), config or ShadowConfig()) as shadower:
        for number in range(len(steps)):
            await shadower.call(b"key %d" % number, operation=operation)
            await shadower.wait_idle()
    return shadower


def test_what_diverges_fails_and_times_out_is_raised_with_its_operation_and_key():
    with pytest.raises(NotEquivalentError) as caught, raise_on_divergence():
        trio.run(mirror, Answer(2), Answer(1), Fail(OSError("no")), clock=trio.testing.MockClock(autojump_threshold=0))
    assert str(caught.value) == (
        "2 calls diverged, failed or timed out\n\n"
        "call of op, key key 0\nbody (value): 1 change\n  $\n    - 1\n    + 2\n\n"
        "call of op, key key 2\nthe shadow raised OSError: no"
    )
    assert [record.verdict for record in caught.value.records] == [Verdict.DIVERGED, Verdict.FAILED]
    assert caught.value.count == 2


async def test_a_timeout_is_raised_too(autojump_clock):
    with (
        pytest.raises(NotEquivalentError, match="^1 call diverged.*\n\n.*\nthe shadow timed out"),
        raise_on_divergence(),
    ):
        await mirror(Hang())


def test_matches_raise_nothing():
    with raise_on_divergence():
        trio.run(mirror, Answer(1))


def test_an_operation_without_a_name_and_a_hostile_one_are_shown():
    for operation, shown in (("", "call of (no operation named), key"), ("\x1b[2J", "call of \\u001b[2J, key")):
        with pytest.raises(NotEquivalentError) as caught, raise_on_divergence():
            trio.run(lambda operation=operation: mirror(Answer(2), operation=operation))
        assert shown in str(caught.value)


def test_any_thread_and_any_shadower_is_seen():
    @mirrored(lambda number: number + 1)
    def function(number):
        return number

    async def main():
        async with function.mirroring():
            function(1)

    with pytest.raises(NotEquivalentError, match="2 calls"), raise_on_divergence():
        thread = threading.Thread(target=trio.run, args=(main,))
        thread.start()
        thread.join()
        trio.run(mirror, Answer(2))


def test_an_exception_of_the_body_wins():
    with pytest.raises(LookupError), raise_on_divergence():
        trio.run(mirror, Answer(2))
        raise LookupError


def test_the_innermost_takes():
    with raise_on_divergence():
        with pytest.raises(NotEquivalentError), raise_on_divergence():
            trio.run(mirror, Answer(2))
        trio.run(mirror, Answer(1))
    with pytest.raises(NotEquivalentError, match="1 call"), raise_on_divergence():
        with raise_on_divergence():
            trio.run(mirror, Answer(1))
        trio.run(mirror, Answer(2))


def test_two_that_overlap_come_and_go_in_any_order():
    first, second = raise_on_divergence(), raise_on_divergence()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    trio.run(mirror, Answer(2))
    with pytest.raises(NotEquivalentError):
        second.__exit__(None, None, None)
    trio.run(mirror, Answer(2))  # nobody looks


def test_it_is_entered_once_and_is_no_decorator():
    manager = raise_on_divergence()
    with manager:
        pass
    with pytest.raises(RuntimeError, match="entered once"), manager:
        pass
    with pytest.raises(TypeError):
        manager(mirror)  # of an async function, a decorator would see nothing


def test_what_assert_equivalent_finds_it_raises_itself():
    with raise_on_divergence():
        with contextlib.suppress(NotEquivalentError):
            assert_equivalent(str, repr, ["x"])
        trio.run(mirror, Answer(1))


def test_all_are_counted_and_the_first_are_kept():
    async def main():
        async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Answer(2))) as shadower:
            for _ in range(1_200):
                await (await shadower.call(b"k")).wait_settled()

    with pytest.raises(NotEquivalentError) as caught, raise_on_divergence():
        trio.run(main)
    assert (caught.value.count, len(caught.value.records)) == (1_200, 1_000)
    assert str(caught.value).startswith("1,200 calls diverged")
    assert str(caught.value).endswith("\n\nand 1,190 more")


def test_a_record_that_comes_after_an_interrupted_exit_is_in_the_log_all_the_same():
    shadower = trio.run(mirror, Answer(2))
    ledger, notices = Ledger(Epoch(), str, float), Notices("")
    consumer = Consumer(DivergenceLog(), [], ledger, notices)

    async def interrupted():
        consumer.cut_off()
        await consumer.run()

    trio.run(interrupted)
    arrived = []
    consumer.recorded(shadower.divergences()[0], lambda: arrived.append(True))
    assert len(consumer.divergences()) == 1
    assert arrived == [True]


def test_an_observer_that_raises_never_reaches_a_leg(caplog):
    def broken(record):
        raise RecursionError

    with caplog.at_level(logging.WARNING, "trioshadow"), observing(broken):
        shadower = trio.run(mirror, Answer(2), Answer(1))
    assert counts(shadower) == {"diverged": 1, "matched": 1}
    assert "an observer raised RecursionError" in caplog.text
