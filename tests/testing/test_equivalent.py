"""assert_equivalent: what is a difference and what is not, how it is told, and backends that misbehave.

On the real clock, of which it takes no time; where a shadow hangs, the asynchronous form on a virtual one.
"""

from __future__ import annotations

import asyncio
import functools
import json
import pickle
import threading

import attrs
import msgspec
import pytest
import trio

from trioshadow import BodyDiff, Divergence, FailureKind, ShadowConfig, ShadowError, Verdict
from trioshadow.compare import IgnorePath, Tolerance
from trioshadow.http import HttpRequest
from trioshadow.testing import (
    Answer,
    Fail,
    Hang,
    NotEquivalentError,
    ScriptedBackend,
    assert_equivalent,
    assert_equivalent_async,
)

from tests.support.portable import said_by


def echo(request):
    return request


def differences(*args, **kwargs) -> NotEquivalentError:
    with pytest.raises(NotEquivalentError) as caught:
        assert_equivalent(*args, **kwargs)
    return caught.value


# ── what is the same ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_libraries_that_agree_pass():
    assert_equivalent(json.loads, msgspec.json.decode, ["[1]", "{}", '"\\u00e9"'])


def test_backends_async_functions_and_plain_functions_go_together():
    async def awaited(request):
        await trio.lowlevel.checkpoint()
        return request

    sides = [echo, awaited, functools.partial(awaited), ScriptedBackend(Answer(echo))]
    for primary in sides:
        for shadow in sides:
            assert_equivalent(primary, shadow, [1, "two", b"three"])
            assert differences(primary, lambda request: 4, [1]).count == 1


def test_an_exception_is_an_answer():
    assert_equivalent(int, float, ["1", "x", None])  # ValueError, TypeError
    error = differences(int, ScriptedBackend(Fail(KeyError("x"))), ["x"])
    assert str(error).endswith(f"request 1: \"x\"\nerror\n  - ValueError: {said_by(int, 'x')}\n  + KeyError: 'x'")


def test_stop_iteration_is_an_answer_too():
    assert_equivalent(next, next, [iter(())], config=ShadowConfig(copy_request=echo))


def test_rules_and_views_are_those_of_the_config():
    def new(request):
        return {"id": 2, "price": 1.0000001}

    old = ScriptedBackend(Answer({"id": 1, "price": 1.0}))
    assert differences(old, new, ["x"]).count == 1
    assert_equivalent(old, new, ["x"], config=ShadowConfig(ignore=[IgnorePath("$.id"), Tolerance("$.price", rel=1e-3)]))
    assert_equivalent(old, new, ["x"], config=ShadowConfig(view=lambda answer: round(answer["price"])))


def test_every_request_is_mirrored_whatever_the_rate_and_whether_it_has_a_key():
    config = ShadowConfig(sample_rate=0.0, key=lambda request: 1 / 0)
    assert differences(echo, lambda request: None, [object(), {}, 1.5], config=config).count == 3


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_message_has_the_request_and_the_explanation():
    error = differences(json.loads, msgspec.json.decode, ["1", "[NaN]", "\ud800"], operation="decode")
    assert str(error) == (
        "the shadow differs for 2 of 3 requests\n\n"
        'request 2: "[NaN]"\n'
        f"the shadow raised DecodeError: {said_by(msgspec.json.decode, '[NaN]')}\n\n"
        'request 3: "\\ud800"\n'
        "error\n"
        f"  - JSONDecodeError: {said_by(json.loads, chr(0xD800))}\n"
        f"  + UnicodeEncodeError: {said_by(chr(0xD800).encode)}"
    )
    assert error.count == 2
    failed, diverged = error.records
    assert (failed.operation, failed.verdict, diverged.verdict) == ("decode", Verdict.FAILED, Verdict.DIVERGED)
    assert failed.failure.kind is FailureKind.RAISED
    assert diverged.divergence.error.shadow == "UnicodeEncodeError"


def test_the_error_is_an_assertion_and_one_of_the_librarys_own():
    error = differences(echo, str, [1])
    assert isinstance(error, AssertionError)
    assert isinstance(error, ShadowError)
    assert type(error).__module__ == "trioshadow.testing"


def test_the_error_survives_being_pickled():
    error = differences(echo, str, [1, 2])
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.records, again.count) == (str(error), error.records, 2)
    assert (NotEquivalentError("by hand").records, NotEquivalentError("by hand").count) == ((), 0)


def test_all_are_counted_and_the_first_are_shown():
    error = differences(echo, str, range(2_500), max_shown=2)
    assert str(error).startswith("the shadow differs for 2,500 of 2,500 requests\n\nrequest 1: 0\n")
    assert str(error).endswith("\n\nand 2,498 more")
    assert str(error).count("request ") == 2
    assert (error.count, len(error.records)) == (2_500, 1_000)


def test_the_request_is_shown_as_it_was_before_the_primary_changed_it():
    def old(request):
        request.append(1)
        return len(request)

    error = differences(old, lambda request: 7, [[], [5]])
    assert "request 1: []\n" in str(error)
    assert "request 2: [5]\n" in str(error)


def test_huge_and_hostile_values_stay_short_and_can_be_printed():
    huge = ["x" * 10_000_000, b"\x1b" * 10_000_000, "\ud800\x1b[2J" * 1000, {"\x1b]0;": ["\u202e"] * 100_000}]
    error = differences(echo, lambda request: [request] * 3, huge)
    assert len(str(error)) < 5_000
    assert all(line.isprintable() for line in str(error).split("\n"))
    str(error).encode()


def test_an_explanation_of_many_lines_is_cut():
    error = differences(lambda request: list(range(100)), lambda request: list(range(100, 200)), [1])
    assert str(error).endswith("\n  and 261 more lines")
    assert str(error).count("\n") == 43
    assert error.records[0].divergence.body.change_count == 100


def test_a_line_of_an_explanation_is_cut_where_it_says_the_least():
    tags = "\U000e0001" * 500  # each is written in ten characters
    error = differences(ScriptedBackend(Fail(OSError(tags + "old"))), ScriptedBackend(Fail(KeyError(tags))), ["x"])
    assert max(map(len, str(error).split("\n"))) == 600
    assert "- OSError: " in str(error)
    assert "+ KeyError: " in str(error)


@pytest.mark.parametrize(
    ("shadow", "config", "told"),
    [
        (ScriptedBackend(Fail(OSError("no\nroute"))), {}, "the shadow raised OSError: no\\nroute"),
        (echo, {"view": lambda answer: 1 / 0}, "the two can't be compared: ZeroDivisionError: the primary's view: "),
        (echo, {"copy_request": lambda request: 1 / 0}, "the two can't be compared: ZeroDivisionError: copy_request: "),
        (echo, {"compare": lambda old, new: False}, "body (value): differs"),
        (echo, {"compare": lambda old, new: Divergence(body=BodyDiff(1, 1, None, notes=3))}, "the explanation of it"),
    ],
    ids=["raised", "view", "copy_request", "compare", "compare_invents"],
)
def test_each_kind_of_difference_is_told_in_words(shadow, config, told):
    error = differences(echo, shadow, ["x"], config=ShadowConfig(**config))
    assert told in str(error)


def test_an_answer_that_is_too_large_is_told_in_words():
    from trioshadow import BodyTooLarge

    error = differences(echo, ScriptedBackend(Fail(BodyTooLarge("more than 10 bytes"))), ["x"])
    assert str(error).endswith("the shadow's answer is too large: more than 10 bytes")


# ── nothing passes that was not compared ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("requests", [[], iter(()), {}])
def test_no_request_is_an_error_of_the_test(requests):
    with pytest.raises(ValueError, match="a test that compares nothing can't fail"):
        assert_equivalent(echo, echo, requests)


def test_a_request_that_is_held_back_is_an_error_that_says_what_to_do():
    config = ShadowConfig(may_mirror=lambda request: request != 3)
    with pytest.raises(RuntimeError, match=r"^request 2 was not compared \(held_back\): .*may_mirror=lambda"):
        assert_equivalent(echo, echo, [1, 3], config=config)
    post = HttpRequest("POST", "/orders")
    with pytest.raises(RuntimeError, match="held_back"):
        assert_equivalent(echo, echo, [post])
    assert_equivalent(echo, echo, [post], config=ShadowConfig(may_mirror=lambda request: True))


def test_large_requests_and_answers_are_copied_as_nobody_waits_for_that():
    large = [[number] for number in range(100_000)]
    assert_equivalent(echo, echo, [large], config=ShadowConfig(key=len))


def test_inside_of_a_shadow_nothing_is_compared_and_that_is_said():
    async def shadow(request):
        await assert_equivalent_async(echo, echo, [1])

    error = differences(lambda request: None, shadow, [1])
    assert "the shadow raised RuntimeError: request 1 was not compared (held_back)" in str(error)


def test_an_abandoned_call_is_an_error_that_says_what_to_do():
    from trioshadow import BodyTooLarge
    from trioshadow._model.fixing import Deferred

    def too_large():
        raise BodyTooLarge("more than 10 bytes")

    with pytest.raises(RuntimeError, match=r"^request 1 was not compared \(abandoned\): .*shadow_timeout"):
        assert_equivalent(lambda request: Deferred(too_large), echo, [1])


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"requests": "abc"}, TypeError, r"several requests, as in \[request\]"),
        ({"requests": b"abc"}, TypeError, r"several requests, as in \[request\]"),
        ({"requests": 7}, TypeError, "or a hypothesis strategy, not int"),
        ({"config": None}, TypeError, "config must be a ShadowConfig"),
        ({"max_shown": 0}, ValueError, r"max_shown must be a count in \[1, inf\), not 0"),
        ({"settings": object()}, TypeError, "they go with a strategy"),
        ({"primary": 7}, TypeError, "primary must be a Backend"),
        ({"shadow": None}, TypeError, "shadow must be a Backend"),
        ({"shadow": lambda request: (yield)}, TypeError, "shadow is a generator function"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, match):
    arguments = {"primary": echo, "shadow": echo, "requests": [1], **arguments}
    with pytest.raises(error, match=match):
        assert_equivalent(**arguments)


def test_requests_that_raise_midway_raise_as_they_are():
    def requests():
        yield 1
        raise LookupError("the file of requests has ended")

    with pytest.raises(LookupError, match="has ended"):
        assert_equivalent(echo, str, requests())


# ── backends that misbehave ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit, pytest.fail.Exception])
def test_what_is_no_answer_passes_out_of_the_primary(leaving):
    def old(request):
        raise leaving("out")

    with pytest.raises(leaving, match="out"):
        assert_equivalent(old, echo, [1])


def test_a_shadow_that_exits_has_failed():
    error = differences(echo, ScriptedBackend(Fail(SystemExit(3))), [1])
    assert str(error).endswith("the shadow raised SystemExit: 3")


def test_a_shadow_that_changes_its_request_changes_a_copy():
    def new(request):
        answer = len(request)
        request.clear()
        return answer

    requests = [[1], [1, 2]]
    assert_equivalent(len, new, requests)
    assert requests == [[1], [1, 2]]


class Unspeakable(Exception):
    def __str__(self):
        raise SystemExit

    __repr__ = __str__


@attrs.define(eq=False)
class UnspeakableRequest:
    def __repr__(self):
        raise ValueError


def test_exceptions_and_requests_that_cannot_be_shown_are_told_all_the_same():
    error = differences(echo, ScriptedBackend(Fail(Unspeakable())), [Unspeakable(), UnspeakableRequest()])
    assert error.count == 2
    assert "the shadow raised Unspeakable: <Unspeakable.__str__ raised SystemExit>" in str(error)


async def test_a_shadow_that_hangs_is_a_difference_after_its_deadline(autojump_clock):
    shadow = ScriptedBackend(Hang(), Answer(2))
    with pytest.raises(NotEquivalentError) as caught:
        await assert_equivalent_async(echo, shadow, [1, 2], config=ShadowConfig(shadow_timeout=60))
    assert trio.current_time() == 60
    assert str(caught.value).endswith("request 1: 1\nthe shadow timed out: no answer within 60 s")
    assert caught.value.records[0].verdict is Verdict.TIMED_OUT


def test_the_deadline_of_the_plain_form_is_real_and_yours():
    error = differences(echo, ScriptedBackend(Hang()), [1], config=ShadowConfig(shadow_timeout=0.01))
    assert str(error).endswith("the shadow timed out: no answer within 0.01 s")


def test_a_plain_function_that_is_slow_is_not_timed():
    # Nothing can interrupt it, and a loop that was blocked proves nothing.
    def slow(request):
        threading.Event().wait(0.03)
        return request

    assert_equivalent(echo, slow, [1], config=ShadowConfig(shadow_timeout=0.001))


# ── where it may be called ───────────────────────────────────────────────────────────────────────────────────────────


async def test_the_plain_form_inside_of_a_trio_run_names_the_other():
    with pytest.raises(RuntimeError, match=r"await assert_equivalent_async\(\.\.\.\)"):
        assert_equivalent(echo, echo, [1])


async def test_the_plain_form_works_in_a_thread():
    await trio.to_thread.run_sync(assert_equivalent, echo, echo, [1])


def test_the_plain_form_works_under_another_event_loop():
    async def main():
        assert_equivalent(echo, echo, [1])

    asyncio.run(main())


async def test_the_asynchronous_form_uses_what_belongs_to_this_run():
    send, receive = trio.open_memory_channel(0)

    async def old(request):
        await send.send(request)
        return request

    async with trio.open_nursery() as nursery:

        async def serve():
            async for _ in receive:
                pass

        nursery.start_soon(serve)
        await assert_equivalent_async(old, echo, [1, 2, 3])
        send.close()


async def test_the_asynchronous_form_can_be_cancelled(autojump_clock):
    with trio.move_on_after(1) as scope:
        await assert_equivalent_async(ScriptedBackend(Hang()), echo, [1])
    assert scope.cancelled_caught
    assert trio.current_time() == 1
