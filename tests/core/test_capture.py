"""What records keep of requests and answers: nothing unless asked, and then little. Pure and Trio layers."""

from __future__ import annotations

import pytest

from trioshadow import BodyDiff, Capture, Captured, Divergence, ResponseRecord, ShadowConfig, Shadower
from trioshadow._settings.capture import captured
from trioshadow.compare import Change
from trioshadow.http import HttpRequest
from trioshadow.testing import Answer, Fail, ScriptedBackend

from tests.support.accounts import assert_lets_go, counts


async def record_of(request, primary, shadow, capture, **more):
    config = ShadowConfig(capture=capture, **more)
    async with Shadower(ScriptedBackend(primary), ScriptedBackend(shadow), config) as shadower:
        await shadower.call(request, key=b"k")
        await shadower.wait_idle()
        (record,) = shadower.divergences() + shadower.failures()
        return record


async def test_nothing_is_kept_unless_asked_for(autojump_clock):
    record = await record_of(b"secret", Answer(b"a"), Answer(b"b"), None)
    assert record.captured is None


async def test_request_and_answers_are_kept(autojump_clock):
    record = await record_of(b"ask", Answer(b"a"), Answer("b"), Capture())
    assert record.captured == Captured(b"ask", b"a", "b")


async def test_either_alone(autojump_clock):
    only_answers = await record_of(b"ask", Answer(b"a"), Answer(b"b"), Capture(request=False))
    assert only_answers.captured == Captured(None, b"a", b"b")
    only_request = await record_of(b"ask", Answer(b"a"), Answer(b"b"), Capture(answers=False))
    assert only_request.captured == Captured(b"ask", None, None)


async def test_of_a_side_that_raised_there_is_none(autojump_clock):
    record = await record_of(b"ask", Answer(b"a"), Fail(ValueError), Capture())
    assert record.captured == Captured(b"ask", b"a", None)


async def test_bodies_are_cut(autojump_clock):
    record = await record_of(b"ask" * 9, Answer("é" * 9), Answer(b"b" * 9), Capture(max_bytes=5))
    assert record.captured == Captured(b"askas", "ééééé", b"bbbbb")


async def test_the_request_is_kept_as_it_was_sent_whatever_the_sides_do_to_it(autojump_clock):
    async def changes(request):
        request["a"].append(2)
        return len(request["a"])

    for more in ({}, {"copy_request": lambda request: {"a": list(request["a"])}}):
        config = ShadowConfig(capture=Capture(), compare=lambda _, __: False, **more)
        async with Shadower(changes, changes, config) as shadower:
            await shadower.call({"a": [1]}, key=b"k")
            await shadower.wait_idle()
            assert shadower.divergences()[0].captured == Captured('{"a": [1]}', "2", "2")


async def test_the_primarys_answer_is_kept_as_it_was_compared(autojump_clock):
    record = await record_of(b"ask", Answer({"a": 1}), Answer({"a": 2}), Capture(), view=lambda row: row["a"])
    assert record.captured == Captured(b"ask", "1", '{"a": 2}')


def test_messages_of_http_are_kept_in_parts():
    request = HttpRequest("POST", "/x?a=1", {"X-A": "b"}, b"0123456789")
    assert captured(request, 4) == {
        "method": "POST",
        "url": "/x?a=1",
        "headers": [["X-A", "b"]],
        "body": b"0123",
        "cut": 10,
    }
    answer = ResponseRecord({"a": 1}, headers={"X-A": "b"}, status=201)
    assert captured(answer, 100) == {"status": 201, "headers": [["x-a", "b"]], "body": '{"a": 1}'}
    assert captured(ResponseRecord(b"ab"), 2) == {"status": 200, "headers": [], "body": b"ab"}


def test_headers_are_cut_too():
    record = ResponseRecord(b"", headers=[(f"x-{number:03}", "v" * 99) for number in range(300)])
    headers = captured(record, 10)["headers"]
    assert len(headers) == 100
    assert headers[7] == ["x-007", "v" * 10]


class Odd:
    def __repr__(self):
        raise SystemExit


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, "null"),
        ({"a": {1, 2}}, '{"a": "{1, 2}"}'),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        (float("nan"), "NaN"),
    ],
)
def test_any_value_is_kept_as_some_text(value, kept):
    assert captured(value, 100) == kept


def test_a_value_that_cant_be_looked_at_is_no_harm():
    assert "Odd" in captured(Odd(), 100)
    assert "Odd" in captured({"a": Odd()}, 100)
    nested = []
    for _ in range(100_000):
        nested = [nested]
    assert isinstance(captured(nested, 100), str)


async def test_a_call_with_a_secondary_keeps_the_same(autojump_clock):
    config = ShadowConfig(capture=Capture(), noise_rate=1)
    backends = [ScriptedBackend(Answer(each)) for each in (b"a", b"b", b"c")]
    async with Shadower(backends[0], backends[1], config, secondary=backends[2]) as shadower:
        await shadower.call(b"ask")
        await shadower.wait_idle()
        assert shadower.divergences()[0].captured == Captured(b"ask", b"a", b"b")


def test_wrong_captures_are_refused():
    with pytest.raises(ValueError, match=r"max_bytes must be a count in \[1, inf\), not 0"):
        Capture(max_bytes=0)
    with pytest.raises(TypeError, match="max_bytes must be an int, not float"):
        Capture(max_bytes=1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="capture must be a Capture"):
        ShadowConfig(capture=True)  # type: ignore[arg-type]


async def test_ctrl_c_while_a_call_is_captured_passes_and_leaves_nothing_in_flight():
    class Interrupts:
        def __trioshadow_captured__(self):
            raise KeyboardInterrupt

        def __reduce__(self):
            return Interrupts, ()

    config = ShadowConfig(capture=Capture())
    with pytest.raises(KeyboardInterrupt):
        async with Shadower(ScriptedBackend(Answer(1)), ScriptedBackend(Answer(2)), config) as shadower:
            await shadower.call(Interrupts(), key=b"k")
            await shadower.wait_idle()
    assert counts(shadower) == {"abandoned": 1}


async def test_a_divergence_that_is_made_of_anything_harms_nobody(autojump_clock, caplog):
    class Odd:
        def __eq__(self, other):
            raise ValueError

        __hash__ = None

    odd = [
        Divergence(body=BodyDiff(1, 1, None, changes=(7,))),  # type: ignore[arg-type]
        Divergence(body=BodyDiff(1, 1, None, changes=(Change("$.a", Odd(), 1, 2),))),  # type: ignore[arg-type]
        Divergence(status=7),  # type: ignore[arg-type]
        Divergence(headers=7),  # type: ignore[arg-type]
    ]
    config = ShadowConfig(compare=lambda _, number: odd[number], noise_rate=0.5)
    numbers = ScriptedBackend(*(Answer(number) for number in range(len(odd))))
    async with Shadower(ScriptedBackend(Answer(0)), numbers, config, secondary=ScriptedBackend(Answer(0))) as shadower:
        for _ in range(40):
            await shadower.call(b"k")
            await shadower.wait_idle()
        assert counts(shadower) == {"diverged": 40}
        shadower.scorecard()
        assert_lets_go(shadower)
