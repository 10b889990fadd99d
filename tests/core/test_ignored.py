"""`ShadowConfig.ignore_if` sees the request, and decides of calls that diverged whether they count. Trio layer, virtual
clock.
"""

from __future__ import annotations

import gc
import json
import weakref

import attrs
import pytest
import trio

from trioshadow import Divergence, FailureKind, ResponseRecord, ShadowConfig, Shadower, Verdict, in_shadow
from trioshadow.evidence import Decision
from trioshadow.testing import Answer, Fail, ScriptedBackend

from tests.support.accounts import assert_accounts, counts


async def echo(request):
    return request["user"]


async def twice(request):
    return request["user"] * 2


def robots(request, primary, shadow):
    return request["user"].startswith("robot")


def users(*names):
    return [{"user": name} for name in names]


async def call_all(shadower, requests):
    verdicts = []
    for number, request in enumerate(requests):
        outcome = await shadower.call(request, key=b"%d" % number)
        verdicts.append((await outcome.wait_settled()).verdict)
        assert_accounts(shadower.statistics())
    await shadower.wait_idle()
    return verdicts


async def test_a_call_that_diverged_is_counted_apart_if_it_does_not_count(autojump_clock):
    async with Shadower(echo, twice, ShadowConfig(ignore_if=robots)) as shadower:
        verdicts = await call_all(shadower, users("ada", "robot 1", "", "robot 2", "eva"))
        assert verdicts == [
            *(Verdict.DIVERGED, Verdict.IGNORED, Verdict.MATCHED),
            *(Verdict.IGNORED, Verdict.DIVERGED),
        ]
        assert counts(shadower) == {"matched": 1, "diverged": 2, "ignored": 2}
        assert len(shadower.divergences()) == 2
        assert shadower.failures() == []


async def test_its_outcome_has_the_answers_and_no_divergence(autojump_clock):
    async with Shadower(echo, twice, ShadowConfig(ignore_if=robots)) as shadower:
        outcome = await (await shadower.call({"user": "robot"}, key=b"k")).wait_settled()
        assert (outcome.primary, outcome.shadow) == ("robot", "robotrobot")
        assert (outcome.divergence, outcome.shadow_failed) == (None, None)
        assert outcome.mirrored


async def test_it_is_asked_only_about_calls_that_diverged(autojump_clock):
    asked = []

    def ignore_if(*told):
        asked.append(told)
        return True

    shadow = ScriptedBackend(Answer(b"same"), Fail(ValueError), Answer(b"same", after=9), Answer(b"other"))
    async with Shadower(ScriptedBackend(Answer(b"same")), shadow, ShadowConfig(ignore_if=ignore_if)) as shadower:
        for request in (b"1", b"2", b"3", b"4"):
            await (await shadower.call(request)).wait_settled()
        assert counts(shadower) == {"matched": 1, "failed": 1, "timed_out": 1, "ignored": 1}
    assert asked == [(b"4", b"same", b"other")]


async def test_it_gets_the_answers_after_their_views_and_the_request_that_the_shadow_had(autojump_clock):
    asked = []

    async def shadow(request):
        request["seen"] = True
        return {"price": 2, "at": 1}

    async def primary(request):
        return {"price": 1, "at": 0}

    config = ShadowConfig(view=lambda answer: [answer["price"]], ignore_if=lambda *told: asked.append(told) or True)
    async with Shadower(primary, shadow, config) as shadower:
        request = {"user": "ada"}
        await (await shadower.call(request, key=b"k")).wait_settled()
        assert asked == [({"user": "ada", "seen": True}, [1], [2])]
        assert request == {"user": "ada"}


@pytest.mark.parametrize(("shadow", "told"), [(Answer(b"answer"), (None, b"answer")), (Fail(KeyError), (None, None))])
async def test_a_side_that_raised_is_none(autojump_clock, shadow, told):
    asked = []
    config = ShadowConfig(ignore_if=lambda request, *answers: asked.append(answers) or request == b"robot")
    async with Shadower(ScriptedBackend(Fail(ValueError)), ScriptedBackend(shadow), config) as shadower:
        for request in (b"ada", b"robot"):
            with pytest.raises(ValueError):
                await shadower.call(request)
        await shadower.wait_idle()
        assert counts(shadower) == {"diverged": 1, "ignored": 1}
    assert asked == [told, told]


async def test_it_runs_in_the_leg_and_the_caller_never_waits_for_it(autojump_clock):
    tasks = []

    def ignore_if(request, primary, shadow):
        tasks.append((trio.lowlevel.current_task(), in_shadow()))
        return True

    async with Shadower(
        ScriptedBackend(Answer(b"a")), ScriptedBackend(Answer(b"b", after=1)), ShadowConfig(ignore_if=ignore_if)
    ) as shadower:
        outcome = await shadower.call(b"k")
        assert (trio.current_time(), tasks) == (0, [])
        await outcome.wait_settled()
        assert trio.current_time() == 1
        assert [task is trio.lowlevel.current_task() for task, _ in tasks] == [False]


@pytest.mark.parametrize("error", [ValueError("odd"), SystemExit(3), BaseException("odd")])
async def test_what_it_raises_is_a_failure_of_the_comparison(autojump_clock, error):
    def ignore_if(request, primary, shadow):
        raise error

    async with Shadower(echo, twice, ShadowConfig(ignore_if=ignore_if)) as shadower:
        outcome = await (await shadower.call({"user": "ada"}, key=b"k")).wait_settled()
        assert counts(shadower) == {"failed": 1}
        assert outcome.shadow_failed.kind is FailureKind.COMPARE_RAISED
        assert outcome.shadow_failed.message == f"ignore_if: {error}"


class NoBool:
    def __bool__(self):
        raise TypeError("neither")


async def test_so_is_an_answer_that_is_neither_true_nor_false(autojump_clock):
    async with Shadower(echo, twice, ShadowConfig(ignore_if=lambda *_: NoBool())) as shadower:
        outcome = await (await shadower.call({"user": "ada"}, key=b"k")).wait_settled()
        assert outcome.shadow_failed.message == "ignore_if: neither"


async def test_ctrl_c_in_it_passes():
    def ignore_if(request, primary, shadow):
        raise KeyboardInterrupt

    shadower = Shadower(echo, twice, ShadowConfig(ignore_if=ignore_if))
    with pytest.raises(KeyboardInterrupt):
        async with shadower:
            await (await shadower.call({"user": "ada"}, key=b"k")).wait_settled()
    assert counts(shadower) == {"abandoned": 1}


# ── large bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Comparer:
    async def compare(self, primary, shadow, config):
        await trio.sleep(1)
        return Divergence.compare(primary, shadow, config)


def document(price):
    body = json.dumps({"price": price, "filler": "x" * 200}).encode()
    return ResponseRecord(body, headers={"content-type": "application/json"})


@pytest.mark.parametrize("raises", [False, True])
async def test_after_a_comparison_elsewhere_it_is_asked_on_the_loop(autojump_clock, raises):
    asked = []

    def ignore_if(request, primary, shadow):
        asked.append((trio.current_time(), request, primary, shadow))
        if raises:
            raise ValueError("odd")
        return request == b"robot"

    primary, shadow = ScriptedBackend(Answer(document(1))), ScriptedBackend(Answer(document(2)))
    config = ShadowConfig(large_body=200, ignore_if=ignore_if)
    async with Shadower(primary, shadow, config, comparer=Comparer()) as shadower:
        outcome = await (await shadower.call(b"robot")).wait_settled()
        if raises:
            assert outcome.shadow_failed.message == "ignore_if: odd"
        else:
            assert outcome.verdict is Verdict.IGNORED
        assert asked == [(1, b"robot", document(1), document(2))]
        await (await shadower.call(b"ada")).wait_settled()
        assert counts(shadower) == ({"failed": 2} if raises else {"ignored": 1, "diverged": 1})


# ── what comes of it ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_ignored_call_is_no_evidence_and_lowers_the_coverage(autojump_clock):
    names = ["robot" if number % 4 == 0 else "" for number in range(8_000)]  # of "" both make ""
    async with Shadower(echo, twice, ShadowConfig(ignore_if=robots, max_in_flight=4_000)) as shadower:
        await call_all(shadower, users(*names))
        card = shadower.scorecard()
        (score,) = card.operations
        assert (score.settled, score.compared, score.ignored, score.fields) == (8_000, 6_000, 2_000, ())
        assert card.coverage == 0.75
        assert card.decision is Decision.HOLD
        assert card.reasons == ("75.0% of the calls are of operations found clean, and 95.0% are asked for",)
        ignored = "2,000 sampled calls ignored (25.0%): they differed, and ignore_if says that they do not count"
        assert ignored in card.notes
        told = shadower.snapshot()["operations"][""]["counts"]
        assert (told["matched"], told["ignored"]) == (6_000, 2_000)


async def test_an_operation_of_which_all_is_ignored_was_never_compared(autojump_clock):
    async with Shadower(echo, twice, ShadowConfig(ignore_if=robots)) as shadower:
        await call_all(shadower, users("robot", "robot"))
        assert any("never compared (2 ignored)" in told for told in shadower.scorecard().not_covered)


async def test_a_tracker_of_an_objective_is_not_told_of_it(autojump_clock):
    told = []

    class Tracker:
        def record(self, success):
            told.append(success)

    async with Shadower(echo, twice, ShadowConfig(ignore_if=robots), slo=Tracker()) as shadower:
        await call_all(shadower, users("robot", "ada", ""))
    assert told == [False, True]


async def test_noise_that_is_ignored_makes_up_for_no_regression(autojump_clock):
    """The old service differs from itself for robots, who are ignored; the new one differs for eva too."""
    turn = iter(range(10_000))

    async def noisy(request):
        return (request["user"], next(turn)) if request["user"] == "robot" else request["user"]

    async def worse(request):
        return "other" if request["user"] == "eva" else request["user"]

    config = ShadowConfig(ignore_if=robots, noise_rate=1)
    # The shadow is like the primary for robots: or else the call itself is ignored, and no pair at all.
    async with Shadower(echo, worse, config, secondary=noisy) as shadower:
        await call_all(shadower, users("robot", "robot", "robot", "eva", "ada"))
        assert counts(shadower) == {"matched": 4, "diverged": 1}
        assert shadower.statistics().secondary.ignored == 3
        assert shadower.statistics().secondary.matched == 2
        (score,) = shadower.scorecard().operations
        assert (score.compared, score.pairs) == (5, 2)
        (field,) = score.fields
        assert (field.shadow_only, field.secondary_only, field.both) == (1, 0, 0)


async def test_a_pair_of_an_ignored_call_is_none(autojump_clock):
    async with Shadower(echo, twice, ShadowConfig(ignore_if=robots, noise_rate=1), secondary=echo) as shadower:
        await call_all(shadower, users("robot", "ada"))
        assert counts(shadower) == {"ignored": 1, "diverged": 1}
        assert shadower.statistics().secondary.matched == 2
        (score,) = shadower.scorecard().operations
        assert (score.compared, score.pairs) == (1, 1)


def test_it_is_one_of_the_rules():
    config = ShadowConfig()
    assert attrs.evolve(config, ignore_if=robots).fingerprint != config.fingerprint
    assert ShadowConfig(ignore_if=robots).fingerprint == ShadowConfig(ignore_if=robots).fingerprint
    with pytest.raises(TypeError, match="ignore_if must be a function"):
        ShadowConfig(ignore_if=True)


# ── nothing is kept ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Tracked(dict):
    __hash__ = object.__hash__


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("ends", ["ignored", "diverged", "raised", "matched", "failed"])
async def test_nothing_is_kept_after_the_call_settled(autojump_clock, ends):
    alive = []

    def copy_request(request):
        copied = Tracked(request)
        alive.append(weakref.ref(copied))
        return copied

    def ignore_if(request, primary, shadow):
        if ends == "raised":
            raise ValueError(request)
        return ends == "ignored"

    async def shadow(request):
        if ends == "failed":
            raise ValueError
        return request["user"] * (1 if ends == "matched" else 2)

    config = ShadowConfig(copy_request=copy_request, ignore_if=ignore_if)
    async with Shadower(echo, shadow, config) as shadower:
        leg = shadower.start({"user": "ada"}, key=b"k")
        outcome = await leg.primary_done("ada").wait_settled()
        await shadower.wait_idle()
        assert outcome.verdict.value == ("failed" if ends == "raised" else ends)
        assert [ref() for ref in alive] == [None]
