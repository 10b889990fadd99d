"""The secondary, which measures the noise: never on the caller's path, never mixed into the shadow's numbers. Trio
layer, virtual clock.
"""

from __future__ import annotations

import contextlib
import random
from collections import Counter

import pytest
import trio

from trioshadow import FailureKind, ResponseRecord, SecondaryStatistics, ShadowConfig, Shadower, Verdict, in_shadow
from trioshadow.evidence import Decision, FieldState
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import assert_accounts, counts
from tests.support.hell import leaves_a_nursery_open, raises_in_cleanup, swallows_cancelled

ALL = ShadowConfig(noise_rate=1)


def secondary_counts(shadower):
    statistics = shadower.statistics()
    assert_accounts(statistics)
    names = ("in_flight", "matched", "diverged", "ignored", "failed", "timed_out", "abandoned")
    return {name: count for name in names if (count := getattr(statistics.secondary, name))}


def field(shadower, name, operation=""):
    (found,) = [score for score in shadower.scorecard().operation(operation).fields if score.field == name]
    return found


def backends(primary=None, shadow=None, secondary=None):
    same = Answer(b"same", after=1)
    return [ScriptedBackend(step or same) for step in (primary, shadow, secondary)]


BAD = {
    "slow": Answer(b"same", after=1.5),
    "hung": Hang(),
    "failing": Fail(ValueError),
    "exiting": Fail(SystemExit),
    "refusing": Hang(refuse_cancel=9),
    "corrupting": leaves_a_nursery_open,
    "raising in its cleanup": raises_in_cleanup,
    "swallowing Cancelled": swallows_cancelled,
    "diverging": Answer(b"other"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_the_caller_never_waits_for_a_secondary(autojump_clock, bad):
    primary, shadow, secondary = backends(secondary=bad)
    async with Shadower(primary, shadow, ALL, secondary=secondary) as shadower:
        for _ in range(3):
            start = trio.current_time()
            outcome = await shadower.call(b"k")
            assert trio.current_time() - start == 1
            assert outcome.primary == b"same"
        await shadower.wait_idle()
        assert shadower.statistics().matched == 3
        assert shadower.statistics().secondary.calls == 3


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_a_bad_secondary_changes_no_verdict_and_no_settling_time_of_the_shadow(autojump_clock, bad):
    primary, shadow, secondary = backends(shadow=Answer(b"same", after=1.25), secondary=bad)
    async with Shadower(primary, shadow, ALL, secondary=secondary) as shadower:
        outcome = await shadower.call(b"k")
        await outcome.wait_settled()
        assert outcome.verdict is Verdict.MATCHED
        assert trio.current_time() == 1.25


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_a_bad_shadow_changes_nothing_of_the_secondary(autojump_clock, bad):
    primary, shadow, secondary = backends(shadow=bad)
    async with Shadower(primary, shadow, ALL, secondary=secondary) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert secondary_counts(shadower) == {"matched": 1}


async def test_the_secondarys_verdicts_are_counted_apart(autojump_clock):
    steps = [Answer(b"same"), Answer(b"other"), Fail(ValueError), Hang(), leaves_a_nursery_open]
    primary, shadow, _ = backends()
    async with Shadower(primary, shadow, ALL, secondary=ScriptedBackend(*steps)) as shadower:
        for _ in steps:
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 5}
        assert shadower.statistics().secondary == SecondaryStatistics(
            calls=5, in_flight=0, matched=1, diverged=1, ignored=0, failed=2, timed_out=1, abandoned=0
        )
        assert shadower.divergences() == shadower.failures() == []


async def test_a_pair_is_in_flight_until_both_sides_are_done(autojump_clock):
    primary, shadow, secondary = backends(secondary=Answer(b"same", after=1.75))
    async with Shadower(primary, shadow, ALL, secondary=secondary) as shadower:
        await (await shadower.call(b"k")).wait_settled()
        assert trio.current_time() == 1
        assert counts(shadower) == {"matched": 1}
        assert secondary_counts(shadower) == {"in_flight": 1}
        assert shadower.scorecard().pairs == 0
        await shadower.wait_idle()
        assert trio.current_time() == 1.75
        assert secondary_counts(shadower) == {"matched": 1}
        assert shadower.scorecard().pairs == 1


async def test_a_hung_secondary_is_cut_off_at_the_same_deadline(autojump_clock):
    primary, shadow, secondary = backends(secondary=Hang())
    async with Shadower(primary, shadow, ALL, secondary=secondary) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert trio.current_time() == 2
        assert field(shadower, "timed out").secondary_only == 1


async def test_what_differs_is_paired_call_by_call(autojump_clock):
    def answer(status, etag, price):
        return Answer(
            ResponseRecord(
                b'{"price": %d, "id": %d}' % (price, status),
                headers={"content-type": "application/json", "etag": etag},
            )
        )

    primary = ScriptedBackend(answer(1, "a", 60))
    shadow = ScriptedBackend(answer(2, "a", 60), answer(2, "b", 61), answer(2, "b", 61), answer(1, "a", 60))
    secondary = ScriptedBackend(answer(3, "a", 60), answer(1, "b", 60), answer(3, "b", 60), answer(1, "a", 62))
    async with Shadower(primary, shadow, ALL, secondary=secondary) as shadower:
        for number in range(4):
            await shadower.call(b"%d" % number, operation="GET /x")
            await shadower.wait_idle()

        def pairs(name):
            found = field(shadower, name, "GET /x")
            return found.shadow_only, found.secondary_only, found.both, found.neither

        assert pairs("$.id") == (1, 0, 2, 1)
        assert pairs("header etag") == (0, 0, 2, 2)
        assert pairs("$.price") == (2, 1, 0, 1)


async def test_failures_of_either_side_are_fields_like_any_other(autojump_clock):
    primary = ScriptedBackend(Answer(b"same"))
    shadow = ScriptedBackend(Fail(ValueError), Hang(), Fail(ValueError), Answer(b"same"))
    secondary = ScriptedBackend(Answer(b"same"), Hang(), Fail(KeyError), Fail(ValueError))
    async with Shadower(primary, shadow, ALL, secondary=secondary) as shadower:
        for _ in range(4):
            await shadower.call(b"k")
            await shadower.wait_idle()
        failed, timed_out = field(shadower, "failed"), field(shadower, "timed out")
        assert (failed.shadow_only, failed.secondary_only, failed.both) == (1, 1, 1)
        assert (timed_out.shadow_only, timed_out.secondary_only, timed_out.both) == (0, 0, 1)
        assert failed.examples[0].shadow == "ValueError: "


async def test_a_primary_that_raises_is_compared_with_a_secondary_that_does(autojump_clock):
    primary, shadow, secondary = backends(Fail(ValueError), Fail(ValueError), Fail(KeyError))
    async with Shadower(primary, shadow, ALL, secondary=secondary) as shadower:
        with pytest.raises(ValueError):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}
        assert secondary_counts(shadower) == {"diverged": 1}
        assert field(shadower, "error").secondary_only == 1


async def test_a_cancelled_caller_abandons_both(autojump_clock):
    primary, shadow, secondary = backends(Hang(), Answer(b"same"), Hang())
    async with Shadower(primary, shadow, ALL, secondary=secondary) as shadower:
        with trio.move_on_after(0.5):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert trio.current_time() == 0.5
        assert counts(shadower) == {"abandoned": 1}
        assert secondary_counts(shadower) == {"abandoned": 1}
        assert shadower.scorecard().pairs == 0


async def test_a_secondary_that_says_nothing_leaves_the_call_unpaired(autojump_clock):
    # The exit cuts it off when the shadow is done.
    primary, shadow, secondary = backends(shadow=Answer(b"other", after=1), secondary=Hang())
    config = ShadowConfig(noise_rate=1, drain_timeout=0, shadow_timeout=9)
    async with Shadower(primary, shadow, config, secondary=secondary) as shadower:
        await (await shadower.call(b"k")).wait_settled()
    assert counts(shadower) == {"diverged": 1}
    assert secondary_counts(shadower) == {"abandoned": 1}
    found = field(shadower, "$")
    assert (found.calls, found.pairs) == (1, 0)


async def test_a_secondary_that_nobody_waits_for_is_counted_too(autojump_clock):
    primary, shadow, secondary = backends(secondary=Answer(b"same", after=1.5))
    async with Shadower(primary, shadow, ALL, secondary=secondary) as shadower:
        await shadower.call(b"k")
        await trio.sleep(5)
        assert secondary_counts(shadower) == {"matched": 1}


async def test_leaving_gives_a_secondary_the_same_time_as_a_shadow(autojump_clock):
    primary, shadow, secondary = backends(secondary=Answer(b"same", after=4))
    config = ShadowConfig(noise_rate=1, drain_timeout=5, shadow_timeout=9)
    async with Shadower(primary, shadow, config, secondary=secondary) as shadower:
        await shadower.call(b"k")
    assert trio.current_time() == 4
    assert secondary_counts(shadower) == {"matched": 1}


async def test_the_exit_says_that_it_waits_for_a_secondary_that_refuses(autojump_clock, caplog):
    primary, shadow, secondary = backends(secondary=Hang(refuse_cancel=20))
    async with Shadower(primary, shadow, ALL, secondary=secondary) as shadower:
        await shadower.call(b"k", operation="GET /x")
    assert trio.current_time() == 20
    assert "the exit waits for 1 shadow(s) that refuse to be cancelled: GET /x" in caplog.text


# Binomial(1000, 1/4): 150 and 350 are seven standard deviations off.
@pytest.mark.parametrize(("rate", "low", "high"), [(0, 0, 0), (0.25, 150, 350), (1, 1000, 1000)])
async def test_the_noise_rate_is_a_fraction_of_the_mirrored_calls(autojump_clock, rate, low, high):
    primary, shadow, secondary = (ScriptedBackend(Answer(b"same")) for _ in range(3))
    async with Shadower(primary, shadow, ShadowConfig(noise_rate=rate), secondary=secondary) as shadower:
        for _ in range(1000):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert low <= len(secondary.requests) <= high
        assert shadower.statistics().secondary.calls == len(secondary.requests)


async def test_a_call_that_is_not_sampled_has_no_secondary(autojump_clock):
    primary, shadow, secondary = backends()
    config = ShadowConfig(noise_rate=1, sample_rate=0)
    async with Shadower(primary, shadow, config, secondary=secondary) as shadower:
        await shadower.call(b"k")
    assert secondary.requests == []


class Spawned(trio.abc.Instrument):
    """Tasks in the order in which they were made: which of two new ones Trio runs first is random by itself."""

    def __init__(self):
        self.tasks = []

    def task_spawned(self, task):
        self.tasks.append(task)


async def test_shadow_and_secondary_are_launched_in_random_order(autojump_clock):
    backend = ScriptedBackend(Answer(b"same"))
    shadows, spawned = set(), Spawned()

    async def shadow(request):
        shadows.add(trio.lowlevel.current_task())
        return b"same"

    trio.lowlevel.add_instrument(spawned)
    firsts = Counter()
    async with Shadower(backend, shadow, ALL, secondary=backend) as shadower:
        await shadower.call(b"k")  # by then their hosts are there, and they alone are new
        await shadower.wait_idle()
        for _ in range(1000):
            spawned.tasks.clear()
            shadows.clear()
            await shadower.call(b"k")
            await shadower.wait_idle()
            first, second = spawned.tasks
            firsts["shadow" if first in shadows else "secondary"] += 1
            assert len(shadows & {first, second}) == 1
    # Binomial(1000, 1/2): 400 is six standard deviations off.
    assert min(firsts["shadow"], firsts["secondary"]) > 400


async def test_the_secondary_knows_that_it_is_no_real_call(autojump_clock):
    seen = []

    async def backend(request):
        seen.append(in_shadow())

    async with Shadower(backend, backend, ALL, secondary=backend) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
    assert sorted(seen) == [False, True, True]


async def test_each_side_has_a_request_of_its_own(autojump_clock):
    async def changes(request):
        request.append("changed")
        return request

    for config in (ALL, ShadowConfig(noise_rate=1, copy_request=list)):
        async with Shadower(changes, changes, config, secondary=changes) as shadower:
            outcome = await shadower.call(["a"], key=b"k")
            await shadower.wait_idle()
            assert outcome.primary == ["a", "changed"]
            assert counts(shadower) == {"matched": 1}
            assert secondary_counts(shadower) == {"matched": 1}


async def test_a_request_that_pickle_cant_take_is_copied_for_each(autojump_clock):
    class Local:
        def __init__(self):
            self.seen = []

    async def backend(request):
        request.seen.append(1)
        return len(request.seen)

    async with Shadower(backend, backend, ALL, secondary=backend) as shadower:
        await shadower.call(Local(), key=b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}
        assert secondary_counts(shadower) == {"matched": 1}


def _unloadable():
    raise ValueError


class Unloadable:
    def __reduce__(self):
        return _unloadable, ()


async def test_a_request_that_cant_be_rebuilt_is_no_fault_of_either(autojump_clock):
    async def slow(request):
        await trio.sleep(1)

    async with Shadower(slow, slow, ALL, secondary=slow) as shadower:
        outcome = await (await shadower.call(Unloadable(), key=b"k")).wait_settled()
        assert outcome.shadow_failed.message == "copy_request: "
        await shadower.wait_idle()
        assert field(shadower, "not compared").both == 1


async def test_the_primarys_view_is_the_secondarys_too(autojump_clock):
    config = ShadowConfig(noise_rate=1, view=(lambda row: row["name"], lambda model: model.upper()))
    primary, shadow, secondary = backends(Answer({"name": "ADA"}), Answer("ada"), Answer({"name": "ADA", "x": 1}))
    async with Shadower(primary, shadow, config, secondary=secondary) as shadower:
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}
        assert secondary_counts(shadower) == {"matched": 1}


async def test_a_view_that_raises_on_the_primarys_side_is_nobodys_difference(autojump_clock):
    config = ShadowConfig(noise_rate=1, view=lambda row: row["name"])
    primary, shadow, secondary = backends(Answer({}), Answer({"name": 1}), Answer({"name": 1}))
    async with Shadower(primary, shadow, config, secondary=secondary) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.shadow_failed.kind is FailureKind.COMPARE_RAISED
        await shadower.wait_idle()
        assert field(shadower, "not compared").both == 1


async def test_a_mutable_answer_is_compared_as_it_was_by_both(autojump_clock):
    primary, shadow, secondary = backends(
        Answer({"a": [1]}), Answer({"a": [1]}, after=1), Answer({"a": [1]}, after=1.5)
    )
    async with Shadower(primary, shadow, ALL, secondary=secondary) as shadower:
        (await shadower.call(b"k")).primary["a"].append(2)
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}
        assert secondary_counts(shadower) == {"matched": 1}


async def test_noise_is_told_apart_from_a_regression(autojump_clock):
    rng = random.Random(1)

    def service(*, wrong):
        async def backend(request):
            answer = {"total": 80, "node": rng.randrange(3)}
            if wrong and rng.random() < 0.05:
                answer["total"] = 81
            return answer

        return backend

    async with Shadower(service(wrong=False), service(wrong=True), ALL, secondary=service(wrong=False)) as shadower:
        for number in range(700):
            await shadower.call(b"%d" % number)
            await shadower.wait_idle()
        scorecard = shadower.scorecard()
        assert scorecard.decision is Decision.REJECT
        assert field(shadower, "$.total").state is FieldState.REGRESSED
        assert field(shadower, "$.node").state in (FieldState.TOO_FEW, FieldState.CLEAN)
        assert field(shadower, "$.node").noise == pytest.approx(2 / 3, abs=0.1)


async def test_what_cant_be_called_is_refused_at_construction():
    with pytest.raises(TypeError, match="secondary must be a Backend"):
        Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Answer(1)), secondary=7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"noise_rate must be a fraction in \[0, 1\]"):
        ShadowConfig(noise_rate=1.5)


async def test_secondaries_that_refuse_to_be_cancelled_are_bounded(autojump_clock):
    release = trio.Event()

    async def echo(request):
        return request

    async def refuses(request):
        with trio.CancelScope(shield=True):
            await release.wait()

    config = ShadowConfig(noise_rate=1.0, max_in_flight=4, shadow_timeout=0.1)
    async with Shadower(echo, echo, config, secondary=refuses) as shadower:
        for _ in range(50):
            await shadower.call(b"x")
            await trio.sleep(0.2)
        assert shadower.statistics().matched == 50
        assert shadower.statistics().secondary.in_flight == 4
        release.set()


@pytest.mark.parametrize("raises", [False, True])
async def test_with_a_call_that_was_abandoned_first_its_secondary_is_too(autojump_clock, raises):
    async def primary(request):
        await trio.sleep(10)
        if raises:
            raise ValueError
        return b"a"

    async def secondary(request):
        with trio.CancelScope(shield=True):  # it holds up the exit, and the primary ends meanwhile
            await trio.sleep(20)
        return b"b"

    async def caller():
        with contextlib.suppress(ValueError):
            await shadower.call(b"k")

    config = ShadowConfig(noise_rate=1, drain_timeout=1, shadow_timeout=200)
    async with trio.open_nursery() as nursery:
        async with Shadower(primary, ScriptedBackend(Hang()), config, secondary=secondary) as shadower:
            nursery.start_soon(caller)
            await trio.sleep(1)
        assert counts(shadower) == {"abandoned": 1}
        assert shadower.statistics().secondary.abandoned == 1
