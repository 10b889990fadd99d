"""What is compared, and when: views, snapshots, copies. The caller changes its answer at once in most of these. Trio
layer.
"""

from __future__ import annotations

import array
import contextvars
import dataclasses
import json
from collections import OrderedDict, deque

import attrs
import pytest
import trio

from trioshadow import FailureKind, IgnoreField, ResponseRecord, ShadowConfig, Shadower, Verdict, in_shadow
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import counts


@attrs.frozen
class Frozen:
    items: object


@dataclasses.dataclass
class Row:
    name: str


MAKERS = {
    "dict": lambda: {"a": [1, {"b": 2}]},
    "list": lambda: [1, [2]],
    "set": lambda: {1, 2},
    "bytearray": lambda: bytearray(b"abc"),
    "deque": lambda: deque([1, [2]]),
    "ordered dict": lambda: OrderedDict(a=[1]),
    "tuple of lists": lambda: ([1], [2]),
    "frozen record of a list": lambda: Frozen([1]),
    "record with a dict": lambda: ResponseRecord({"a": 1}),
    "list of rows": lambda: [Row("a"), Row("b")],
    "list with a bytearray": lambda: [bytearray(b"abc"), array.array("i", [1, 2])],
}


def spoil(answer):
    """Change whatever can be changed in it."""
    match answer:
        case dict():
            for value in answer.values():
                spoil(value)
            answer["spoiled"] = True
        case list() | deque():
            for value in answer:
                spoil(value)
            answer.append("spoiled")
        case set():
            answer.add("spoiled")
        case bytearray() | array.array():
            answer.append(7)
        case tuple():
            for value in answer:
                spoil(value)
        case Frozen():
            spoil(answer.items)
        case ResponseRecord():
            spoil(answer.body)
        case Row():
            answer.name = "spoiled"


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
async def test_an_answer_that_the_caller_changes_at_once_still_matches(autojump_clock, make):
    async def backend(request):
        return make()

    async def slow(request):
        await trio.sleep(1)
        return make()

    for primary, shadow in ((backend, backend), (backend, slow), (slow, backend)):
        async with Shadower(primary, shadow) as shadower:
            for _ in range(3):
                outcome = await shadower.call(b"k")
                spoil(outcome.primary)
                await outcome.wait_settled()
                assert outcome.verdict is Verdict.MATCHED, outcome.divergence or outcome.shadow_failed


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
async def test_a_real_difference_does_not_vanish(autojump_clock, make):
    def spoiled():
        answer = make()
        spoil(answer)
        return answer

    async with Shadower(
        ScriptedBackend(Answer(lambda _: make())), ScriptedBackend(Answer(lambda _: spoiled()))
    ) as shadower:
        outcome = await shadower.call(b"k")
        spoil(outcome.primary)  # now it is what the shadow answers
        await outcome.wait_settled()
        assert outcome.verdict is Verdict.DIVERGED


async def test_objects_that_are_compared_by_identity_stay_themselves_inside_a_snapshot(autojump_clock):
    class Identity:
        pass

    one = Identity()
    async with Shadower(
        ScriptedBackend(Answer(lambda _: [one, {}])), ScriptedBackend(Answer(lambda _: [one, {}]))
    ) as s:
        outcome = await (await s.call(b"k")).wait_settled()
        assert outcome.verdict is Verdict.MATCHED


async def test_an_unpicklable_answer_is_copied_all_the_same(autojump_clock):
    @dataclasses.dataclass
    class Local:
        x: list

    async def backend(request):
        return [Local([1])]

    async with Shadower(backend, backend) as shadower:
        outcome = await shadower.call(b"k")
        outcome.primary[0].x.append(2)
        await outcome.wait_settled()
        assert outcome.verdict is Verdict.MATCHED


async def test_an_answer_that_cannot_be_copied_asks_for_a_view(autojump_clock):
    class Uncopyable:
        def __eq__(self, other):
            return True

        def __deepcopy__(self, memo):
            raise ValueError

        __reduce_ex__ = None  # type: ignore[assignment]
        __hash__ = None  # type: ignore[assignment]

    async def backend(request):
        return [Uncopyable()]

    async with Shadower(backend, backend) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.verdict is Verdict.FAILED
        assert outcome.shadow_failed is not None
        assert outcome.shadow_failed.kind is FailureKind.COMPARE_RAISED
        assert outcome.shadow_failed.message.endswith("this answer (list) can't be copied: give view=")


async def test_other_objects_are_compared_with_eq_as_they_are(autojump_clock):
    async with Shadower(ScriptedBackend(Answer(Row("a"))), ScriptedBackend(Answer(Row("a")), Answer(Row("b")))) as s:
        assert (await (await s.call(b"k")).wait_settled()).verdict is Verdict.MATCHED
        outcome = await (await s.call(b"k")).wait_settled()
        assert outcome.divergence is not None
        assert outcome.divergence.body is not None
        assert (outcome.divergence.body.primary_len, outcome.divergence.body.shadow_len) == (None, None)


async def test_a_view_runs_on_both_sides_and_takes_the_primarys_before_the_caller_has_it(autojump_clock):
    async def backend(request):
        return {"keep": [1], "noise": object()}

    config = ShadowConfig(view=lambda answer: answer["keep"])
    async with Shadower(backend, backend, config) as shadower:
        outcome = await shadower.call(b"k")
        outcome.primary["keep"].append("spoiled")
        await outcome.wait_settled()
        assert outcome.verdict is Verdict.MATCHED
        assert outcome.shadow is not None
        assert outcome.shadow["keep"] == [1]  # the answer, not the view


async def test_a_view_for_each_side_compares_different_shapes(autojump_clock):
    config = ShadowConfig(view=(dataclasses.astuple, lambda document: tuple(json.loads(document).values())))
    async with Shadower(ScriptedBackend(Answer(Row("a"))), ScriptedBackend(Answer(b'{"name": "a"}'))) as shadower:
        shadower.reconfigure(config)
        assert (await (await shadower.call(b"k")).wait_settled()).verdict is Verdict.MATCHED
        shadower.reconfigure(ShadowConfig(view=(None, lambda _: Row("a"))))
        assert (await (await shadower.call(b"k")).wait_settled()).verdict is Verdict.MATCHED


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("exception", [ValueError, SystemExit])
async def test_a_view_that_raises_never_reaches_the_caller(autojump_clock, side, exception):
    def broken(answer):
        raise exception("view")

    view = (broken, None) if side == 0 else (None, broken)
    async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Answer(1)), ShadowConfig(view=view)) as shadower:
        outcome = await shadower.call(b"k")
        assert outcome.primary == 1
        await outcome.wait_settled()
        assert outcome.shadow_failed is not None
        assert outcome.shadow_failed.kind is FailureKind.COMPARE_RAISED
        assert outcome.shadow_failed.type_name == exception.__name__
        assert outcome.shadow_failed.message == f"the {('primary', 'shadow')[side]}'s view: view"
        assert counts(shadower) == {"failed": 1}


async def test_a_keyboard_interrupt_in_the_shadows_view_passes(autojump_clock):
    def broken(answer):
        raise KeyboardInterrupt

    config = ShadowConfig(view=(None, broken))
    with pytest.raises(KeyboardInterrupt):
        async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Answer(1)), config) as shadower:
            await shadower.call(b"k")
            await trio.sleep_forever()
    assert counts(shadower) == {"abandoned": 1}


async def test_a_keyboard_interrupt_in_the_primarys_view_passes_and_abandons(autojump_clock):
    def broken(answer):
        raise KeyboardInterrupt

    async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Answer(1)), ShadowConfig(view=broken)) as shadower:
        with pytest.raises(KeyboardInterrupt):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"abandoned": 1}


async def test_an_answer_of_an_unhashable_class_reaches_its_caller(autojump_clock):
    class Meta(type):
        __hash__ = None  # type: ignore[assignment]

    class Odd(metaclass=Meta):
        pass

    answer = Odd()
    async with Shadower(ScriptedBackend(Answer(answer)), ScriptedBackend(Answer(answer))) as shadower:
        outcome = await shadower.call(b"k")
        assert outcome.primary is answer
        await shadower.wait_idle()
        assert counts(shadower) == {"failed": 1}


async def test_a_view_cannot_end_its_own_leg(autojump_clock):
    def view(answer):
        leg.abandon()

    async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Answer(1)), ShadowConfig(view=view)) as shadower:
        leg = shadower.start(b"k")
        outcome = await leg.primary_done(1).wait_settled()
        assert outcome.shadow_failed is not None
        assert outcome.shadow_failed.message.startswith("the primary's view: this leg has ended")


async def test_what_a_comparison_sets_does_not_meet_the_next(autojump_clock):
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)
    seen = []

    def view(answer):
        seen.append(variable.get())
        variable.set(variable.get() + 1)
        return answer

    config = ShadowConfig(view=(None, view))
    async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Answer(1)), config) as shadower:
        for _ in range(3):
            await (await shadower.call(b"k")).wait_settled()
    assert seen == [0, 0, 0]


async def test_the_shadows_own_failure_comes_before_the_primarys_view(autojump_clock):
    def broken(answer):
        raise ValueError

    async def failing(request):
        raise KeyError

    async with Shadower(ScriptedBackend(Answer(1)), failing, ShadowConfig(view=broken)) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.shadow_failed is not None
        assert outcome.shadow_failed.kind is FailureKind.RAISED


async def test_a_comparison_counts_as_in_shadow_so_that_it_is_not_mirrored(autojump_clock):
    seen = []

    def view(answer):
        seen.append(in_shadow())
        return answer

    async with Shadower(
        ScriptedBackend(Answer(1)), ScriptedBackend(Answer(1)), ShadowConfig(view=(None, view))
    ) as shadower:
        for _ in range(2):
            await (await shadower.call(b"k")).wait_settled()
    assert seen == [True, True]


async def test_ignored_fields_are_not_compared(autojump_clock):
    one = ResponseRecord(b"a", headers={"a": "1"})
    other = ResponseRecord(b"b", status=404, headers={"a": "2"})
    ignore = list(IgnoreField)
    async with Shadower(ScriptedBackend(Answer(one)), ScriptedBackend(Answer(other))) as shadower:
        for left in range(3):
            shadower.reconfigure(ShadowConfig(ignore=ignore[left:]))
            outcome = await (await shadower.call(b"k")).wait_settled()
            assert (outcome.verdict is Verdict.MATCHED) == (left == 0)
        assert counts(shadower) == {"matched": 1, "diverged": 2}


# ── the request ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_immutable_request_is_shared_and_a_mutable_one_copied(autojump_clock):
    class Custom:
        def __init__(self, x):
            self.x = x

    local = Custom([1])
    for request, shared in (
        (b"k", True),
        ("k", True),
        ((1, "a"), True),
        ({"a": 1}, False),
        (Row("a"), False),
        (local, False),
    ):
        shadow = ScriptedBackend(Answer(1))
        async with Shadower(ScriptedBackend(Answer(1)), shadow) as shadower:
            await shadower.call(request, key=b"k")
            await shadower.wait_idle()
        assert (shadow.requests[0] is request) == shared
        assert shadow.requests[0] == request or shadow.requests[0].x == request.x  # type: ignore[attr-defined]


async def test_copy_request_overrides(autojump_clock):
    shadow = ScriptedBackend(Answer(1))
    config = ShadowConfig(copy_request=lambda request: {**request, "dry_run": True})
    async with Shadower(ScriptedBackend(Answer(1)), shadow, config) as shadower:
        await shadower.call({"a": 1})
        await shadower.wait_idle()
    assert shadow.requests == [{"a": 1, "dry_run": True}]


class Unloadable:
    def __reduce__(self):
        return _raise, ()


def _raise():
    raise ValueError("can't be loaded")


async def test_a_copy_that_cannot_be_loaded_is_not_the_candidates_failure(autojump_clock):
    async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Answer(1))) as shadower:
        outcome = await (await shadower.call(Unloadable())).wait_settled()
        assert outcome.shadow_failed is not None
        assert outcome.shadow_failed.kind is FailureKind.COMPARE_RAISED
        assert outcome.shadow_failed.message == "copy_request: can't be loaded"


# ── what is no match, though both sides are None ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("step", "config", "verdict"),
    [
        (Answer(None), {}, Verdict.MATCHED),
        (Fail(ValueError()), {}, Verdict.FAILED),
        (Hang(), {}, Verdict.TIMED_OUT),
        (Answer(None), {"copy_request": lambda _: 1 / 0}, Verdict.FAILED),
        (Answer(None), {"compare": lambda *_: False}, Verdict.DIVERGED),
        (Answer(None), {"view": (None, lambda _: 7)}, Verdict.DIVERGED),
        (Answer(b"x" * 20), {"max_in_flight_bytes": 10}, Verdict.ABANDONED),  # it is let go of, and None is left
    ],
)
async def test_a_primary_that_answers_none_is_not_matched_by_a_shadow_that_gives_nothing(
    autojump_clock, step, config, verdict
):
    async with Shadower(ScriptedBackend(Answer(None)), ScriptedBackend(step), ShadowConfig(**config)) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
    assert outcome.verdict is verdict


async def test_the_secondarys_answer_is_looked_at_by_the_primarys_view(autojump_clock):
    # The view of 1 is 2; that of 2, which the secondary answers, is 3.
    config = ShadowConfig(view=(lambda answer: answer + 1, None), noise_rate=1)
    backends = [ScriptedBackend(Answer(answer)) for answer in (1, 2, 2)]
    async with Shadower(*backends[:2], config, secondary=backends[2]) as shadower:
        await (await shadower.call(b"k")).wait_settled()
        await shadower.wait_idle()
        statistics = shadower.statistics()
    assert (statistics.matched, statistics.secondary.diverged) == (1, 1)


async def test_an_answer_that_can_not_be_copied_is_not_matched_by_none(autojump_clock):
    answer = []
    for _ in range(100_000):
        answer = [answer]
    primary = ScriptedBackend(Answer(answer))
    async with Shadower(primary, ScriptedBackend(Answer(None))) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
    assert outcome.verdict is Verdict.FAILED
    assert outcome.shadow_failed.kind is FailureKind.COMPARE_RAISED
