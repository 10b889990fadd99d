"""Large bodies are compared off the event loop: in a comparer of the test's, on the virtual clock.

And in real threads, on the real one.
"""

from __future__ import annotations

import json
import math
import threading

import pytest
import trio

from trioshadow import Capture, Divergence, FailureKind, ResponseRecord, ShadowConfig, Shadower, Verdict
from trioshadow._service.comparer import ThreadComparer
from trioshadow.compare import IgnorePath, Normalize
from trioshadow.testing import Answer, ScriptedBackend

from tests.support.accounts import assert_accounts, counts
from tests.support.portable import TOO_LONG

SMALL = 200


def document(price, *, size=SMALL):
    body = json.dumps({"price": price, "filler": "x" * size}).encode()
    return ResponseRecord(body, headers={"content-type": "application/json"})


def backend(answer):
    return ScriptedBackend(Answer(answer))


class Comparer:
    """Compares when it is told to, or after `seconds`."""

    def __init__(self, seconds=1.0, error=None):
        self.seconds = seconds
        self.error = error
        self.compared = 0

    async def compare(self, primary, shadow, config):
        await trio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        self.compared += 1
        return Divergence.compare(primary, shadow, config)


async def one(primary, shadow, comparer, **config):
    async with Shadower(
        backend(primary), backend(shadow), ShadowConfig(**{"large_body": SMALL, **config}), comparer=comparer
    ) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert_accounts(shadower.statistics())
        return outcome, shadower


async def test_large_bodies_that_differ_are_compared_elsewhere_and_the_caller_does_not_wait(autojump_clock):
    comparer = Comparer(seconds=5)
    async with Shadower(
        backend(document(1)), backend(document(2)), ShadowConfig(large_body=SMALL), comparer=comparer
    ) as shadower:
        outcome = await shadower.call(b"k")
        assert trio.current_time() == 0
        await trio.sleep(1)
        assert (outcome.verdict, counts(shadower)) == (None, {"in_flight": 1})
        await outcome.wait_settled()
        assert trio.current_time() == 5
        assert outcome.verdict is Verdict.DIVERGED
        assert [change.path for change in outcome.divergence.body.changes] == ["$['price']"]
        assert outcome.shadow == document(2)
        assert shadower.statistics().in_flight_bytes == 0


@pytest.mark.parametrize(
    ("primary", "shadow", "config"),
    [
        (document(1), document(1), {}),
        (document(1), document(2), {"large_body": 10**6}),
        (document(1), document(2), {"decode": False}),
        (document(1), document(2), {"compare": lambda primary, shadow: True}),
        ({"a": "x" * 900}, {"a": "y" * 900}, {}),
        (document(1), 7, {}),
        (b"x" * 400, b"x" * 400, {}),
    ],
)
async def test_what_takes_no_time_or_is_no_body_is_compared_in_place(autojump_clock, primary, shadow, config):
    comparer = Comparer()
    outcome, _ = await one(primary, shadow, comparer, **config)
    assert comparer.compared == 0
    assert outcome.verdict in (Verdict.MATCHED, Verdict.DIVERGED)
    assert trio.current_time() == 0


async def test_rules_views_and_capture_are_those_of_the_call(autojump_clock):
    outcome, _ = await one(document(1), document(2), Comparer(), ignore=[IgnorePath("$.price")])
    assert outcome.verdict is Verdict.MATCHED
    outcome, shadower = await one(
        document(1), document(2), Comparer(), view=lambda answer: answer.body, capture=Capture(request=False)
    )
    (record,) = shadower.divergences()
    assert record.captured.primary.startswith(b'{"price": 1')
    assert outcome.verdict is Verdict.DIVERGED


async def test_what_the_comparison_raises_is_a_failure(autojump_clock):
    outcome, _ = await one(document(1), document(2), Comparer(error=ValueError("no")))
    assert outcome.verdict is Verdict.FAILED
    assert outcome.shadow_failed.kind is FailureKind.COMPARE_RAISED
    assert outcome.shadow_failed.message == "the comparison: no"


async def test_without_a_place_the_leg_gives_way(autojump_clock, caplog):
    outcome, shadower = await one(document(1), document(2), Comparer(error=trio.WouldBlock()))
    assert outcome.verdict is Verdict.ABANDONED
    assert shadower.statistics().gave_way_by_cause == {"bytes": 0, "comparisons": 1, "copies": 0}
    assert "too many large bodies wait to be compared" in caplog.text


async def test_the_exit_does_not_wait_for_a_comparison_that_hangs(autojump_clock):
    config = ShadowConfig(large_body=SMALL, drain_timeout=3)
    async with Shadower(backend(document(1)), backend(document(2)), config, comparer=Comparer(math.inf)) as shadower:
        await shadower.call(b"k")
        await trio.sleep(1)
    assert trio.current_time() == 4
    assert counts(shadower) == {"abandoned": 1}
    with trio.move_on_after(1):
        async with Shadower(
            backend(document(1)), backend(document(2)), config, comparer=Comparer(math.inf)
        ) as shadower:
            await shadower.call(b"k")
            await trio.sleep_forever()
    assert trio.current_time() == 5
    assert counts(shadower) == {"abandoned": 1}


async def test_what_would_be_compared_while_the_shadower_is_closing_is_abandoned(autojump_clock):
    config = ShadowConfig(large_body=SMALL)
    with pytest.raises(KeyError):
        async with Shadower(backend(None), backend(document(2)), config, comparer=Comparer(5)) as shadower:
            leg = shadower.start(b"k")
            await trio.sleep(1)
            leg.primary_done(document(1))  # the host has not heard of it yet
            raise KeyError
    assert trio.current_time() == 1
    assert counts(shadower) == {"abandoned": 1}


async def test_ctrl_c_in_a_comparison_passes(autojump_clock):
    with pytest.raises(KeyboardInterrupt):
        await one(document(1), document(2), Comparer(error=KeyboardInterrupt()))


async def test_a_secondary_is_compared_elsewhere_too(autojump_clock):
    comparer = Comparer()
    config = ShadowConfig(large_body=SMALL, noise_rate=1)
    sides = backend(document(1)), backend(document(2))
    async with Shadower(*sides, config, secondary=backend(document(3)), comparer=comparer) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert comparer.compared == 2
        assert shadower.statistics().secondary.diverged == 1
        assert counts(shadower) == {"diverged": 1}


@pytest.mark.parametrize(("max_workers", "waiting", "words"), [(0, 1, "max_workers"), (1, -1, "waiting")])
def test_a_comparer_has_at_least_one_thread(max_workers, waiting, words):
    with pytest.raises(ValueError, match=f"{words} must be a count"):
        ThreadComparer(max_workers, waiting)


def test_what_is_no_comparer_is_refused():
    with pytest.raises(TypeError, match="comparer must have an async `compare`"):
        Shadower(Comparer().compare, Comparer().compare, comparer=7)


# ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_by_default_it_is_a_worker_thread():
    threads = set()

    def seen(value):
        threads.add(threading.get_ident())
        return value

    config = ShadowConfig(ignore=[Normalize("$.price", seen)], large_body=SMALL)
    async with Shadower(backend(document(1)), backend(document(2)), config) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
    assert outcome.verdict is Verdict.DIVERGED
    assert threads
    assert threading.get_ident() not in threads


async def test_so_many_threads_compare_and_so_many_wait():
    go_on, running = threading.Event(), []

    def blocks(value):
        running.append(1)
        go_on.wait(10)
        return value

    config = ShadowConfig(ignore=[Normalize("$.price", blocks)])
    comparer = ThreadComparer(max_workers=1, waiting=2)
    refused = []

    async def compare():
        try:
            await comparer.compare(document(1), document(2), config)
        except trio.WouldBlock:
            refused.append(1)

    try:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(compare)
            with trio.fail_after(TOO_LONG):
                while len(refused) < 2 or not running:
                    await trio.sleep(0.001)
            assert len(running) == 1
            go_on.set()
    finally:
        go_on.set()
    assert len(refused) == 2
    assert await comparer.compare(document(1), document(1), ShadowConfig()) is None
