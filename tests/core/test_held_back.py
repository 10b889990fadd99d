"""Calls that are held back: by their request, the configuration, an edge, or since they come from a shadow. Trio layer,
virtual clock.
"""

from __future__ import annotations

import attrs
import pytest
import trio

from trioshadow import HeldBack, ShadowConfig, Shadower, Verdict
from trioshadow._shadower import admission_of
from trioshadow.testing import Answer, ScriptedBackend

from tests.support.accounts import counts, held_back


async def primary(request):
    await trio.sleep(1)
    return request


@attrs.frozen
class Order:
    write: bool

    def __trioshadow_key__(self):
        return b"k"

    def __trioshadow_may_mirror__(self):
        return not self.write


async def test_a_request_type_says_itself_that_it_must_not_be_mirrored(autojump_clock):
    shadow = ScriptedBackend(Answer(Order(write=False)))
    async with Shadower(primary, shadow) as shadower:
        outcome = await shadower.call(Order(write=True))
        assert outcome.primary == Order(write=True)
        assert outcome.verdict is Verdict.HELD_BACK
        assert not outcome.mirrored
        await shadower.call(Order(write=False))
        await shadower.wait_idle()
        assert counts(shadower) == {"held_back": 1, "matched": 1}
        assert held_back(shadower) == {"not_allowed": 1}
        assert len(shadow.requests) == 1


async def test_the_configuration_has_the_last_word_on_what_may_be_mirrored(autojump_clock):
    async with Shadower(primary, primary, ShadowConfig(may_mirror=lambda _: True)) as shadower:
        await shadower.call(Order(write=True))
        shadower.reconfigure(ShadowConfig(may_mirror=lambda request: request != b"no"))
        await shadower.call(b"no")
        await shadower.call(b"yes")
        await shadower.wait_idle()
        assert counts(shadower) == {"held_back": 1, "matched": 2}
        assert admission_of(shadower).may_mirror(b"yes")
        assert not admission_of(shadower).may_mirror(b"no")


async def test_may_mirror_is_asked_of_sampled_calls_only(autojump_clock):
    asked = []
    async with Shadower(primary, primary, ShadowConfig(sample_rate=0, may_mirror=asked.append)) as shadower:
        await shadower.call(b"k")
        assert counts(shadower) == {"not_sampled": 1}
        assert asked == []


@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(1)], ids=repr)
async def test_a_may_mirror_that_raises_holds_the_call_back_and_says_so(autojump_clock, caplog, error):
    def raises(request):
        raise error

    async with Shadower(primary, primary, ShadowConfig(may_mirror=raises)) as shadower:
        assert (await shadower.call(b"k")).primary == b"k"
        assert held_back(shadower) == {"not_allowed": 1}
        assert f"may_mirror raised {type(error).__name__}: not mirrored" in caplog.text
        assert "secret" not in caplog.text


async def test_a_keyboard_interrupt_in_may_mirror_passes(autojump_clock):
    def raises(request):
        raise KeyboardInterrupt

    async with Shadower(primary, primary, ShadowConfig(may_mirror=raises)) as shadower:
        with pytest.raises(KeyboardInterrupt):
            await shadower.call(b"k")


async def test_each_cause_of_holding_back_has_its_count(autojump_clock):
    async def calls_itself(request):
        await shadower.call(request)
        return request

    async with Shadower(primary, calls_itself) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        for cause in HeldBack:
            admission_of(shadower).admit_if_entered(b"k", refused=cause).abandon()
        assert held_back(shadower) == {"in_shadow": 2, "not_allowed": 1, "marked": 1, "incomplete": 1, "not_copied": 1}
        assert counts(shadower) == {"held_back": 6, "matched": 1}


async def test_what_an_edge_refuses_is_counted_only_if_it_is_sampled(autojump_clock):
    async with Shadower(primary, primary, ShadowConfig(sample_rate=0)) as shadower:
        admission_of(shadower).admit_if_entered(b"k", refused=HeldBack.MARKED)
        assert counts(shadower) == {"not_sampled": 1}
