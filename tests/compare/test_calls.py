"""Comparing as part of a call: what reaches outcomes and records, rules that change at run time, exceptions. Trio, on a
virtual clock.
"""

from __future__ import annotations

import attrs
import pytest

from trioshadow import FailureKind, ResponseRecord, ShadowConfig, Shadower, Verdict
from trioshadow.compare import Accept, IgnorePath, Normalize, SameError
from trioshadow.testing import Answer, Fail, ScriptedBackend

from tests.support.accounts import counts

JSON = {"content-type": "application/json"}


async def old(request):
    return ResponseRecord(b'{"id": 1, "price": 10}', headers=JSON)


async def new(request):
    return ResponseRecord(b'{"id": 2, "price": 12}', headers=JSON)


async def test_changes_reach_the_outcome_and_the_log(autojump_clock):
    async with Shadower(old, new, ShadowConfig(ignore=[IgnorePath("$.id")])) as shadower:
        outcome = await shadower.call(b"x")
        await outcome.wait_settled()
        await shadower.wait_idle()
    (record,) = shadower.divergences()
    assert record.divergence is outcome.divergence
    assert [(change.path, change.primary, change.shadow) for change in record.divergence.body.changes] == [
        ("$['price']", 10, 12)
    ]


async def test_rules_change_at_run_time(autojump_clock):
    async with Shadower(old, new) as shadower:
        for ignore in ((), (IgnorePath("$.*"),)):
            shadower.reconfigure(attrs.evolve(shadower.config, ignore=ignore))
            await (await shadower.call(b"x")).wait_settled()
    assert counts(shadower) == {"matched": 1, "diverged": 1}


async def test_rules_come_after_the_views(autojump_clock):
    config = ShadowConfig(
        view=(lambda record: {"total": 10.0, "note": "x"}, lambda record: {"total": 10, "note": "y"}),
        ignore=[IgnorePath("$.note")],
    )
    async with Shadower(old, new, config) as shadower:
        await (await shadower.call(b"x")).wait_settled()
    assert counts(shadower) == {"matched": 1}


@pytest.mark.parametrize(
    "config",
    [
        ShadowConfig(compare=lambda primary, shadow: 1 / 0),
        ShadowConfig(compare=lambda primary, shadow: "equal"),
        ShadowConfig(ignore=[Accept(lambda primary, shadow: 1 / 0)]),
    ],
)
async def test_what_decides_about_whole_answers_and_raises_is_a_failed_comparison(config, autojump_clock):
    async with Shadower(old, new, config) as shadower:
        outcome = await shadower.call(b"x")
        await outcome.wait_settled()
    assert outcome.verdict is Verdict.FAILED
    assert outcome.shadow_failed.kind is FailureKind.COMPARE_RAISED
    assert counts(shadower) == {"failed": 1}


async def test_a_rule_of_a_place_that_raises_leaves_a_divergence_with_a_note(autojump_clock):
    def raises(_):
        raise LookupError("nothing there")

    async with Shadower(old, new, ShadowConfig(ignore=[Normalize("$.id", raises)])) as shadower:
        outcome = await shadower.call(b"x")
        await outcome.wait_settled()
    assert outcome.verdict is Verdict.DIVERGED
    assert outcome.divergence.body.notes == ("Normalize raised LookupError at $.id: nothing there",)


class OldError(Exception):
    pass


class OldTimeout(OldError):
    pass


class NewTimeout(Exception):
    pass


async def verdict_of(primary_error, shadow_error, **settings):
    primary = ScriptedBackend(Fail(primary_error))
    shadow = ScriptedBackend(Answer(b"") if shadow_error is None else Fail(shadow_error))
    async with Shadower(primary, shadow, ShadowConfig(**settings)) as shadower:
        with pytest.raises(type(primary_error)):
            await shadower.call(b"x")
        await shadower.wait_idle()
    (verdict,) = counts(shadower)
    return verdict, [str(record.divergence) for record in shadower.divergences()]


async def test_the_same_type_of_exception_matches_whatever_it_says(autojump_clock):
    assert await verdict_of(KeyError("a"), KeyError("b")) == ("matched", [])
    assert await verdict_of(KeyError("a"), LookupError("a")) == (
        "diverged",
        ["raised KeyError, the shadow LookupError"],
    )


async def test_strict_errors_must_say_the_same(autojump_clock):
    assert await verdict_of(KeyError("a"), KeyError("a"), strict_errors=True) == ("matched", [])
    assert (await verdict_of(KeyError("a"), KeyError("b"), strict_errors=True))[0] == "diverged"
    same = {"ignore": [SameError(OldTimeout, NewTimeout)], "strict_errors": True}
    assert (await verdict_of(OldTimeout("late"), NewTimeout("late"), **same))[0] == "matched"
    assert (await verdict_of(OldTimeout("late"), NewTimeout("later"), **same))[0] == "diverged"


async def test_exceptions_that_were_renamed_are_the_same(autojump_clock):
    rules = [SameError(OldError, NewTimeout), SameError(KeyError, ValueError)]
    assert (await verdict_of(OldTimeout(), NewTimeout(), ignore=rules))[0] == "matched"  # subclasses count
    assert (await verdict_of(KeyError(), ValueError(), ignore=rules))[0] == "matched"
    assert (await verdict_of(ValueError(), KeyError(), ignore=rules))[0] == "diverged"  # not the other way round
    assert (await verdict_of(KeyError(), NewTimeout(), ignore=rules))[0] == "diverged"
    assert (await verdict_of(OldTimeout(), None, ignore=rules))[0] == "diverged"
    group, other = ExceptionGroup("", [OldError(), KeyError()]), ExceptionGroup("", [NewTimeout(), ValueError()])
    assert (await verdict_of(group, other, ignore=rules))[0] == "matched"
    shorter = ExceptionGroup("", [NewTimeout()])
    assert (await verdict_of(group, shorter, ignore=rules))[0] == "diverged"
