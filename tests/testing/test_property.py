"""A hypothesis strategy as requests: hypothesis runs, shrinks and remembers as it does with a property of one's own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import unittest

import hypothesis
import pytest
import trio
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from trioshadow import ShadowConfig
from trioshadow.testing import (
    Answer,
    Hang,
    NotEquivalentError,
    ScriptedBackend,
    assert_equivalent,
    assert_equivalent_async,
)

from tests.support.profiles import own_profile

SETTINGS = hypothesis.settings(database=None, derandomize=True)


def echo(request):
    return request


def below_1000(number):
    return min(number, 1000)


def test_a_property_that_holds_passes_and_tries_as_many_as_the_settings_say():
    backend = ScriptedBackend(Answer(echo))
    assert_equivalent(backend, echo, st.integers(), settings=hypothesis.settings(SETTINGS, max_examples=17))
    assert len(backend.requests) == 17


def test_the_smallest_request_is_shown_and_nothing_else():
    settings = hypothesis.settings(SETTINGS, print_blob=True)  # as on a CI server
    with pytest.raises(NotEquivalentError) as caught:
        assert_equivalent(echo, below_1000, st.integers(), settings=settings)
    assert str(caught.value) == (
        "the shadow differs for 1 of 1 request\n\nrequest 1: 1001\nbody (value): 1 change\n  $\n    - 1001\n    + 1000"
    )
    assert len(caught.value.records) == 1
    notes = "\n".join(caught.value.__notes__)
    assert "old_and_new_agree(\n    request=1001,\n)" in notes
    assert "reproduce_failure" not in notes  # it could not be put on anything
    assert "Explanation" not in notes


def test_the_traceback_of_a_property_begins_at_the_test():
    with pytest.raises(NotEquivalentError) as caught:
        assert_equivalent(echo, below_1000, st.integers(), settings=SETTINGS)
    assert [entry.name for entry in caught.traceback][1:] == ["assert_equivalent"]


def test_the_settings_are_those_of_the_profile():
    backend = ScriptedBackend(Answer(echo))
    hypothesis.settings.register_profile("three", hypothesis.settings(SETTINGS, max_examples=3))

    async def in_a_thread_that_hypothesis_has_met():
        await trio.to_thread.run_sync(hypothesis.settings)  # Trio keeps the thread, and that keeps its profile
        hypothesis.settings.load_profile("three")
        await assert_equivalent_async(backend, echo, st.integers())

    with own_profile():
        trio.run(in_a_thread_that_hypothesis_has_met)
        assert len(backend.requests) == 3
        assert_equivalent(backend, echo, st.integers())
        assert len(backend.requests) == 6


def test_two_properties_do_not_forget_each_others_failures():
    database = InMemoryExampleDatabase()
    settings = hypothesis.settings(SETTINGS, derandomize=False, database=database, phases=[Phase.generate, Phase.reuse])
    with pytest.raises(NotEquivalentError):
        assert_equivalent(echo, below_1000, st.integers(), settings=settings)
    kept = {key: set(values) for key, values in database.data.items()}
    assert kept
    assert_equivalent(echo, echo, st.integers(), settings=settings)
    assert_equivalent(echo, below_1000, st.integers(max_value=1000), operation="other", settings=settings)
    assert {key: set(database.data[key]) for key in kept} == kept

    replay = hypothesis.settings(settings, phases=[Phase.reuse])
    with pytest.raises(NotEquivalentError):
        assert_equivalent(echo, below_1000, st.integers(), settings=replay)


def test_a_property_that_tried_nothing_does_not_pass():
    for phases in ([], [Phase.explicit], [Phase.reuse]):
        with pytest.raises(unittest.SkipTest):  # hypothesis's own
            assert_equivalent(echo, echo, st.integers(), settings=hypothesis.settings(SETTINGS, phases=phases))


def test_a_request_that_is_held_back_is_an_error_of_a_property_too():
    config = ShadowConfig(may_mirror=lambda request: request < 5)
    with pytest.raises(RuntimeError, match="held_back") as caught:
        assert_equivalent(echo, echo, st.integers(), config=config, settings=SETTINGS)
    assert "request=5" in "\n".join(caught.value.__notes__)


def test_a_shadow_that_hangs_is_found_in_spite_of_hypothesis_own_deadline():
    hanging = ScriptedBackend(Hang())
    settings = hypothesis.settings(SETTINGS, deadline=1, suppress_health_check=list(HealthCheck))
    with pytest.raises(NotEquivalentError, match="the shadow timed out"):
        assert_equivalent(echo, hanging, st.just(1), config=ShadowConfig(shadow_timeout=0.01), settings=settings)


def test_a_shadow_that_answers_now_so_now_so_is_told_as_flaky():
    shadow = ScriptedBackend(Answer(2), Answer(1))
    with pytest.raises(hypothesis.errors.Flaky):
        assert_equivalent(ScriptedBackend(Answer(1)), shadow, st.just(0), settings=SETTINGS)


def test_it_may_stand_inside_of_given():
    @SETTINGS
    @given(st.integers())
    def agree(number):
        assert_equivalent(echo, below_1000, [number])

    with pytest.raises(NotEquivalentError, match="request 1: 1001"):
        agree()


def test_an_interrupt_ends_the_property():
    def old(request):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assert_equivalent(old, echo, st.integers(), settings=SETTINGS)


# ── inside of a Trio run ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_asynchronous_form_shrinks_too_and_calls_the_backends_in_this_run():
    task, thread = trio.lowlevel.current_task(), threading.get_ident()

    async def old(request):
        assert (trio.lowlevel.current_task(), threading.get_ident()) == (task, thread)
        return request

    with pytest.raises(NotEquivalentError, match="request 1: 1001") as caught:
        await assert_equivalent_async(old, below_1000, st.integers(), settings=SETTINGS)
    assert "request=1001" in "\n".join(caught.value.__notes__)
    await assert_equivalent_async(old, echo, st.integers(), settings=SETTINGS)


async def test_the_asynchronous_form_is_cancelled_with_its_task():
    with trio.CancelScope() as scope:

        async def old(request):
            scope.cancel()
            await trio.sleep_forever()

        await assert_equivalent_async(old, echo, st.integers(), settings=SETTINGS)
    assert scope.cancelled_caught


async def test_the_asynchronous_form_takes_no_thread_of_the_backends():
    limiter = trio.to_thread.current_default_thread_limiter()

    async def old(request):
        assert limiter.borrowed_tokens == 0
        return request

    await assert_equivalent_async(old, echo, st.integers(), settings=SETTINGS)


# ── hypothesis is the user's ─────────────────────────────────────────────────────────────────────────────────────────


def test_hypothesis_is_not_imported_where_nobody_gives_a_strategy():
    program = (
        "import json, sys\n"
        "from trioshadow.testing import assert_equivalent, raise_on_divergence\n"
        "with raise_on_divergence():\n"
        "    assert_equivalent(json.loads, json.loads, ['1'])\n"
        "print([name for name in ('hypothesis', 'pytest') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == json.dumps([])
