"""A few values of the application's own that travel into the record of a call. Trio layer, virtual clock."""

from __future__ import annotations

import contextvars
import types

import pytest

from trioshadow import ShadowConfig, Shadower, mirrored
from trioshadow.testing import Answer, ScriptedBackend

tenant = contextvars.ContextVar("tenant", default="nobody")


async def contexts(config, *given):
    """Of the records of calls with these contexts."""
    async with Shadower(ScriptedBackend(Answer(b"a")), ScriptedBackend(Answer(b"b")), config) as shadower:
        for one in given:
            await shadower.call(b"request", context=one)
        await shadower.wait_idle()
        return [record.context for record in shadower.divergences()]


async def test_a_record_has_the_context_of_its_call_as_texts(autojump_clock):
    given = {"tenant": "acme", "release": 42, "share": 0.5, "canary": True, "shop.id": None}
    expected = ("tenant", "acme"), ("release", "42"), ("share", "0.5"), ("canary", "True"), ("shop.id", "None")
    assert await contexts(ShadowConfig(), given, None, {}, types.MappingProxyType({"a-b": ""})) == [
        expected,
        (),
        (),
        (("a-b", ""),),
    ]


async def test_it_is_what_it_was_when_the_call_was_made(autojump_clock):
    given = {"tenant": "acme"}
    async with Shadower(ScriptedBackend(Answer(b"a")), ScriptedBackend(Answer(b"b"))) as shadower:
        leg = shadower.start(b"request", context=given)
        given["tenant"] = "another"
        leg.primary_done(b"a")
        await shadower.wait_idle()
    (record,) = shadower.divergences()
    assert record.context == (("tenant", "acme"),)


async def test_calls_that_bring_none_have_that_of_the_configuration(autojump_clock):
    config = ShadowConfig(context=lambda request: {"tenant": tenant.get(), "size": len(request)})
    tenant.set("acme")
    found = await contexts(config, None, {"tenant": "mine"}, {})
    assert found == [(("tenant", "acme"), ("size", "7")), (("tenant", "mine"),), ()]


async def test_mirrored_functions_have_that_of_the_configuration(autojump_clock):
    async def successor(n):
        return n + 1

    @mirrored(successor, ShadowConfig(context=lambda arguments: {"n": arguments.args[0]}))
    def plain(n):
        return n

    async with plain.mirroring() as shadower:
        plain(7)
        await shadower.wait_idle()
    (record,) = shadower.divergences()
    assert record.context == (("n", "7"),)


async def test_calls_that_are_not_mirrored_are_not_asked_for_it(autojump_clock):
    asked = []
    assert await contexts(ShadowConfig(sample_rate=0, context=asked.append), None) == []
    assert asked == []


class Raises:
    def keys(self):
        raise ValueError("s3cret")


BAD = {
    "no mapping": ("acme", "ValueError was raised"),
    "that raises": (Raises(), "ValueError was raised"),
    "a name that is none": ({"the tenant": "acme"}, "the names of a context have"),
    "a name of another type": ({1: "acme"}, "the names of a context have"),
    "an empty name": ({"": "acme"}, "the names of a context have"),
    "a value of another type": ({"tenant": ["acme"]}, "the values of a context are texts"),
    "a huge int": ({"tenant": 10**5000}, "Exceeds the limit"),
    "too many": ({f"n{number}": "" for number in range(9)}, "a context has at most 8 values"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("by", ["call", "configuration"])
async def test_one_that_can_not_be_kept_is_said_and_the_call_is_mirrored_without_it(bad, by, autojump_clock, caplog):
    given, expected = BAD[bad]
    config = ShadowConfig(context=(lambda _: given) if by == "configuration" else None)
    assert await contexts(config, given if by == "call" else None) == [()]
    assert f"a record has no context: {expected}" in caplog.text
    assert "s3cret" not in caplog.text


async def test_it_is_bounded_and_in_no_repr(autojump_clock):
    given = {"n" * 64: "v" * 10_000} | {f"n{number}": "s3cret" for number in range(7)}
    async with Shadower(ScriptedBackend(Answer(b"a")), ScriptedBackend(Answer(b"b"))) as shadower:
        await shadower.call(b"request", context=given)
        await shadower.wait_idle()
    (record,) = shadower.divergences()
    assert record.context[0] == ("n" * 64, "v" * 256)
    assert len(record.context) == 8
    assert "s3cret" not in repr(record)


async def test_what_must_pass_out_of_the_function_passes(autojump_clock):
    def interrupted(request):
        raise KeyboardInterrupt

    config = ShadowConfig(context=interrupted)
    async with Shadower(ScriptedBackend(Answer(b"a")), ScriptedBackend(Answer(b"b")), config) as shadower:
        with pytest.raises(KeyboardInterrupt):
            shadower.start(b"request")
        assert shadower.statistics().in_flight == 0
