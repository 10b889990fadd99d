"""Every call is counted under what it was called, those that were never mirrored too; and by epoch. Trio layer."""

from __future__ import annotations

import functools
import threading

import attrs
import pytest
import trio

from trioshadow import ShadowConfig, Shadower, mirrored
from trioshadow._accounts.ledger import EPOCHS
from trioshadow.compare import IgnorePath
from trioshadow.evidence import UNNAMED, Epoch
from trioshadow.testing import Answer, Hang, ScriptedBackend

from tests.support.accounts import assert_lets_go, counts, rows


async def echo(request):
    return request


async def test_each_reason_is_counted_under_its_operation(autojump_clock):
    config = ShadowConfig(sample_rate=0.5, max_in_flight=1, may_mirror=lambda request: request != b"unsafe")
    keys = (b"%d" % number for number in range(100))
    sampled, left_out = (next(key for key in keys if config.should_shadow(key) is wanted) for wanted in (True, False))
    async with Shadower(echo, ScriptedBackend(Hang()), config) as shadower:
        await shadower.call(b"x", key=left_out, operation="not sampled")
        await shadower.call(b"x", key=object(), operation="unkeyed")  # type: ignore[arg-type]
        await shadower.call(b"unsafe", key=sampled, operation="held back")
        await shadower.call(b"x", key=sampled, operation="mirrored")
        await shadower.call(b"x", key=sampled, operation="shed")
        shadower.pause()
        await shadower.call(b"x", key=sampled, operation="paused")
    await shadower.call(b"x", key=sampled, operation="closed")
    await shadower.call(b"x", key=sampled)
    assert rows(shadower) == {
        "not sampled": {"mirrored": 0, "not_sampled": 1},
        "unkeyed": {"mirrored": 0, "unkeyed": 1},
        "held back": {"mirrored": 0, "held_back": 1},
        "mirrored": {"mirrored": 1},
        "shed": {"mirrored": 0, "shed": 1},
        "paused": {"mirrored": 0, "paused": 1},
        "closed": {"mirrored": 0, "closed": 1},
        UNNAMED: {"mirrored": 0, "closed": 1},
    }


async def test_a_leg_is_counted_under_the_last_name_that_it_was_given(autojump_clock):
    async with Shadower(echo, echo) as shadower:
        leg = shadower.start(b"k")
        assert rows(shadower) == {UNNAMED: {"mirrored": 1}}
        leg.name_operation("a")
        assert rows(shadower) == {"a": {"mirrored": 1}}
        leg.name_operation("b")
        leg.name_operation(7)  # type: ignore[arg-type]
        leg.primary_done(b"k")
        await shadower.wait_idle()
        leg.name_operation("too late")
        assert rows(shadower) == {"b": {"mirrored": 1}}
        assert_lets_go(shadower)


async def test_a_leg_that_is_not_mirrored_is_too(autojump_clock):
    async with Shadower(echo, echo, ShadowConfig(sample_rate=0)) as shadower:
        first, second = shadower.start(b"k"), shadower.start(b"k", operation="a")
        first.name_operation("b")
        second.name_operation("a")
        second.name_operation("c")
        second.name_operation(None)  # type: ignore[arg-type]
        second.name_operation("c" * 300)
        assert rows(shadower) == {"b": {"mirrored": 0, "not_sampled": 1}, "c" * 256: {"mirrored": 0, "not_sampled": 1}}


async def test_a_name_that_is_no_str_is_none(autojump_clock):
    class Name(str):
        def __hash__(self):
            raise AssertionError("asked")

    class Undecided:
        def __bool__(self):
            raise AssertionError("asked")

    async with Shadower(echo, echo) as shadower:
        for name in (7, ["a"], Name("a"), b"bytes", Undecided()):
            await shadower.call(b"k", operation=name)  # type: ignore[arg-type]
        await shadower.wait_idle()
        assert rows(shadower) == {UNNAMED: {"mirrored": 5}}


async def test_calls_of_other_threads_are_counted_by_name():
    async with Shadower(echo, echo) as shadower:

        def call():
            leg = shadower.start(b"k", operation="elsewhere")
            leg.name_operation("renamed")
            shadower.start(b"k", operation="elsewhere")

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    assert rows(shadower) == {"renamed": {"mirrored": 0, "closed": 1}, "elsewhere": {"mirrored": 0, "closed": 1}}


async def test_a_mirrored_function_is_known_by_name_before_it_is_mirrored():
    def new():
        return 1

    @mirrored(new)
    def old():
        return 1

    old()
    assert rows(old.shadower) == {"old": {"mirrored": 0, "closed": 1}}


async def test_many_operations_are_kept_within_bounds_and_all_calls_are_counted(autojump_clock):
    async with Shadower(echo, echo) as shadower:
        for number in range(2_000):
            await shadower.call(b"k", operation="heavy")
            await shadower.call(b"k", operation=f"light {number}")
            if number % 100 == 0:
                await shadower.wait_idle()
        await shadower.wait_idle()
        found = rows(shadower)
        assert len(found) <= 2 * 256 + 2
        assert found["heavy"]["mirrored"] + found["heavy"].get("shed", 0) == 2_000
        assert sum(sum(row.values()) for row in found.values()) == 4_000
        assert sum(found["(other)"].values()) > 1_000


async def test_a_leg_that_is_named_after_its_row_was_folded_is_counted_once(autojump_clock):
    async with Shadower(echo, echo, ShadowConfig(sample_rate=0)) as shadower:
        legs = [shadower.start(b"k", operation=f"light {number}") for number in range(2_000)]
        for number, leg in enumerate(legs):
            leg.name_operation(f"other {number}")
        found = rows(shadower)
        assert sum(sum(row.values()) for row in found.values()) == 2_000


@pytest.mark.slow
async def test_rows_that_legs_are_in_are_not_folded(autojump_clock):
    config = ShadowConfig(max_in_flight=10_000)
    async with Shadower(echo, ScriptedBackend(Answer(b"k", after=1)), config) as shadower:
        for number in range(1_500):
            await shadower.call(b"k", operation=f"light {number}")
        assert len(rows(shadower)) == 1_500  # bounded by max_in_flight
        await shadower.wait_idle()
        await shadower.call(b"k", operation="one more")
        await shadower.wait_idle()
        assert len(rows(shadower)) <= 2 * 256 + 2
        assert counts(shadower) == {"matched": 1_501}


# ── epochs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_other_rules_begin_a_new_epoch_and_another_rate_does_not(autojump_clock):
    config = ShadowConfig(candidate="1")
    async with Shadower(echo, echo, config) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        shadower.reconfigure(attrs.evolve(config, sample_rate=0.5, max_in_flight=7, noise_rate=0.5))
        assert shadower.scorecard().calls == 1
        for changed in (
            attrs.evolve(config, candidate="2"),
            attrs.evolve(config, ignore=[IgnorePath("$.id")]),
            attrs.evolve(config, strict=True),
            attrs.evolve(config, view=len),
            attrs.evolve(config, shadow_timeout=1),
            attrs.evolve(config, seed=3),
            attrs.evolve(config, key=bytes),
            attrs.evolve(config, may_mirror=bool),
        ):
            shadower.reconfigure(changed)
            assert shadower.scorecard().calls == 0
            assert shadower.scorecard().epoch == Epoch(changed.candidate, changed.fingerprint)
        assert shadower.statistics().calls == 1


async def test_a_call_stays_in_the_epoch_in_which_it_began(autojump_clock):
    config = ShadowConfig(candidate="1")
    slow = ScriptedBackend(Answer(b"other", after=1))
    async with Shadower(echo, slow, config) as shadower:
        leg = shadower.start(b"k")
        shadower.reconfigure(attrs.evolve(config, candidate="2"))
        leg.name_operation("named late")
        leg.primary_done(b"k")
        await shadower.wait_idle()
        assert shadower.scorecard().operations == ()
        assert shadower.divergences()[0].epoch == config.epoch_id
        shadower.reconfigure(config)
        assert shadower.scorecard().operation("named late").fields[0].calls == 1


async def test_epochs_that_are_not_kept_are_still_in_the_statistics(autojump_clock):
    slow = ScriptedBackend(Answer(b"k", after=50))
    async with Shadower(echo, slow, ShadowConfig(shadow_timeout=99, drain_timeout=99)) as shadower:
        configs = [ShadowConfig(candidate=str(number), shadow_timeout=99, drain_timeout=99) for number in range(20)]

        def kept(configs):
            found = []
            for config in configs:
                shadower.reconfigure(config)
                found += [int(score.operation) for score in shadower.scorecard().operations]
            return found

        for config in configs:
            shadower.reconfigure(config)
            await shadower.call(b"k", operation=config.candidate)
        assert kept(configs) == [*range(20)]  # legs are in flight in all of them
        await shadower.wait_idle()
        shadower.reconfigure(ShadowConfig(candidate="last"))
        latest = EPOCHS - 1  # and the current one
        assert kept(configs[-latest:]) == [*range(20)][-latest:]
        assert kept(configs[:-latest]) == []
        assert counts(shadower) == {"matched": 20}


def test_fingerprints_are_of_what_is_said_and_not_of_objects():
    def one():
        return ShadowConfig(ignore=[IgnorePath("$.id")], decoders={"application/x": len}, view=lambda row: row["a"])

    assert one().fingerprint == one().fingerprint
    assert one().epoch_id == one().epoch_id != attrs.evolve(one(), candidate="2").epoch_id
    other = attrs.evolve(one(), view=lambda row: row["b"])
    assert one().fingerprint != other.fingerprint
    with pytest.raises(TypeError, match="candidate must be a str, not int"):
        ShadowConfig(candidate=2)  # type: ignore[arg-type]


class _Looks:
    def look(self, row):
        return row


class _Stares(_Looks):
    pass


def test_functions_are_told_apart_by_what_they_have_closed_over():
    def at_least(limit, *, default=0):
        def view(row, least=default):
            return row["a"] >= limit + least

        return view

    def one(limit, **more):
        return ShadowConfig(view=at_least(limit, **more)).fingerprint

    assert one(1) == one(1)
    assert len({one(1), one(2), one(1, default=3)}) == 3
    prints = [ShadowConfig(view=lambda row, limit=limit: row[limit]).fingerprint for limit in (1, 2, 1)]
    assert prints[0] == prints[2] != prints[1]
    one_of, others = (ShadowConfig(view=functools.partial(at_least, limit)).fingerprint for limit in (1, 2))
    assert one_of != others
    methods = [ShadowConfig(view=instance.count).fingerprint for instance in ([], [1], ())]
    assert methods[0] == methods[1] != methods[2]
    bound = [ShadowConfig(view=kind().look).fingerprint for kind in (_Looks, _Looks, _Stares)]
    assert bound[0] == bound[1] != bound[2]

    def recursive(row):
        return later(row) if row else recursive

    assert ShadowConfig(view=recursive).fingerprint  # what it closes over is not there yet, or is itself
    later = len


async def test_reading_a_scorecard_while_legs_run_changes_nothing(autojump_clock):
    async with Shadower(echo, ScriptedBackend(Answer(b"k", after=1))) as shadower:
        await shadower.call(b"k")
        before = shadower.statistics()
        for _ in range(3):
            assert shadower.scorecard().mirrored == 1
        assert shadower.statistics() == before
        await trio.sleep(2)
        assert counts(shadower) == {"matched": 1}
