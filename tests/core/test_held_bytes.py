"""`max_in_flight_bytes`, on the virtual clock: what legs hold is known at every moment, given back however they end.

At the limit mirroring gives way.
"""

from __future__ import annotations

import attrs
import pytest
import trio

from trioshadow import ResponseRecord, ShadowConfig, Shadower, Verdict
from trioshadow._model.fixing import Deferred, copy_request
from trioshadow._model.packing import Packed
from trioshadow._model.sizes import comparable_size, size_of
from trioshadow.asgi._request import AsgiRequest
from trioshadow.http import HttpRequest
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import assert_accounts, counts

KIB = 1024


def of(size, after=0.0):
    return ScriptedBackend(Answer(b"x" * size, after=after))


async def held(shadower):
    return shadower.statistics().in_flight_bytes


async def test_what_a_leg_holds_is_known_while_it_is_in_flight(autojump_clock):
    async with Shadower(of(300), of(50, after=1)) as shadower:
        leg = shadower.start(b"r" * 7)
        assert await held(shadower) == 7
        await trio.sleep(0.5)
        outcome = leg.primary_done(b"p" * 300)
        assert await held(shadower) == 607  # as much again for the shadow's
        await outcome.wait_settled()
        assert await held(shadower) == 0
        leg = shadower.start(b"r" * 7)
        await trio.sleep(1.5)
        assert await held(shadower) == 107  # the shadow has answered, and as much again for the primary's
        leg.abandon()
        await shadower.wait_idle()
        assert await held(shadower) == 0


@pytest.mark.parametrize("secondary", [None, of(20), ScriptedBackend(Hang()), ScriptedBackend(Fail(ValueError))])
@pytest.mark.parametrize("shadow", [of(10), ScriptedBackend(Fail(ValueError)), ScriptedBackend(Hang())])
@pytest.mark.parametrize("ends", ["answers", "raises", "is cancelled", "shadower is left"])
async def test_however_a_leg_ends_it_gives_back_what_it_held(autojump_clock, secondary, shadow, ends):
    async def primary(request):
        await trio.sleep(1)
        if ends == "raises":
            raise ValueError
        return b"p" * 1000 if ends == "answers" else await trio.sleep_forever()

    config = ShadowConfig(noise_rate=1, shadow_timeout=3, drain_timeout=1)
    with trio.move_on_after(1.5 if ends == "shadower is left" else 100):
        async with Shadower(primary, shadow, config, secondary=secondary) as shadower:
            for _ in range(3):
                try:
                    with trio.move_on_after(2):
                        await shadower.call(b"r" * 100)
                except ValueError:
                    pass
            await shadower.wait_idle()
            assert await held(shadower) == 0
    assert await held(shadower) == 0
    assert_accounts(shadower.statistics())


async def test_at_the_limit_calls_are_shed_by_that_cause(autojump_clock):
    config = ShadowConfig(max_in_flight_bytes=1000)
    async with Shadower(of(1), of(1, after=1), config) as shadower:
        for _ in range(4):
            assert (await shadower.call(b"r" * 400)).primary == b"x"
        assert counts(shadower) == {"in_flight": 2, "shed": 2}
        assert shadower.statistics().shed_by_cause == {"in_flight": 0, "records_waiting": 0, "bytes": 2, "stack": 0}
        await shadower.wait_idle()
        await shadower.call(b"r" * 400)
        await shadower.call(b"r" * 1000)  # for so much there never is room
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 3, "shed": 3}


async def test_an_answer_of_the_primary_that_would_pass_it_is_served_and_the_leg_gives_way(autojump_clock, caplog):
    config = ShadowConfig(max_in_flight_bytes=1000)
    async with Shadower(of(2000), of(1, after=1), config) as shadower:
        outcome = await shadower.call(b"k")
        assert outcome.primary == b"x" * 2000
        await outcome.wait_settled()
        assert outcome.verdict is Verdict.ABANDONED
        assert shadower.statistics().gave_way_by_cause == {"bytes": 1, "comparisons": 0, "copies": 0}
        assert await held(shadower) == 0
    assert "legs are abandoned: what they hold would pass max_in_flight_bytes" in caplog.text


async def test_an_answer_of_the_shadow_that_would_pass_it_is_dropped(autojump_clock):
    config = ShadowConfig(max_in_flight_bytes=1000, noise_rate=0)
    async with Shadower(of(10), of(2000), config, secondary=of(2000)) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert (outcome.verdict, outcome.shadow) == (Verdict.ABANDONED, None)
        shadower.reconfigure(ShadowConfig(max_in_flight_bytes=1000, noise_rate=1))
        await (await shadower.call(b"k")).wait_settled()
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 2}
        assert shadower.statistics().secondary.abandoned == 1
        assert shadower.statistics().gave_way_by_cause["bytes"] == 3
        assert await held(shadower) == 0


async def test_a_thousand_large_bodies_stay_within_it(autojump_clock):
    most = 0
    config = ShadowConfig(max_in_flight=1000, max_in_flight_bytes=64 * KIB)
    async with Shadower(of(4 * KIB, after=1), of(4 * KIB, after=1.5), config) as shadower:
        async with trio.open_nursery() as nursery:
            for number in range(1000):
                nursery.start_soon(shadower.call, b"%d" % number)
            while len(nursery.child_tasks) or shadower.statistics().in_flight:
                most = max(most, await held(shadower))
                await trio.sleep(0.1)
        await shadower.wait_idle()
        statistics = shadower.statistics()
        assert 32 * KIB < most <= 64 * KIB
        assert statistics.matched > 0
        assert statistics.abandoned == statistics.gave_way_by_cause["bytes"] > 0
        assert statistics.matched + statistics.abandoned == 1000
        assert await held(shadower) == 0


@pytest.mark.parametrize("told", [7, -7, "many", None, SystemExit], ids=str)
async def test_what_a_request_says_of_its_size_can_not_hurt_its_call(autojump_clock, told):
    @attrs.frozen
    class Own:
        def __trioshadow_held_bytes__(self):
            if told is SystemExit:
                raise SystemExit
            return told

    async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Answer(1))) as shadower:
        outcome = await shadower.call(Own(), key=b"k")
        assert (await outcome.wait_settled()).verdict is Verdict.MATCHED
    assert size_of(Own()) == (7 if told == 7 else 0)


def test_ctrl_c_while_a_request_says_its_size_passes():
    class Own:
        def __trioshadow_held_bytes__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        size_of(Own())


def test_sizes_are_those_of_what_is_known():
    packed = copy_request([b"x" * 100])
    assert type(packed) is Packed
    assert 100 < size_of(packed) == packed.size < 200
    assert size_of(b"four") == size_of("four") == size_of(bytearray(4)) == 4
    assert size_of(ResponseRecord(b"four")) == 4
    assert size_of(ResponseRecord({"a": 1})) == 0
    assert size_of(Deferred(bytes, bytearray(5), b"12", 7)) == 7
    assert size_of(HttpRequest("POST", "/", body=b"four")) == 4
    assert size_of(AsgiRequest("POST", "/", body=b"four")) == 4  # it inherits that
    assert size_of(7) == size_of({"a": b"x"}) == 0
    assert comparable_size(ResponseRecord(b"four")) == comparable_size("four") == 4
    assert comparable_size({"a": 1}) is None
