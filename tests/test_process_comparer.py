"""Large bodies compared in real worker processes, on the real clock."""

from __future__ import annotations

import json
import os
import threading

import pytest
import trio
import trio.testing

from trioshadow import Divergence, ResponseRecord, ShadowConfig, Shadower, Verdict
from trioshadow.compare import IgnorePath, Normalize
from trioshadow.guard import ProcessComparer
from trioshadow.guard._process_comparer import _compare
from trioshadow.testing import Answer, ScriptedBackend

LARGE = 200


def document(price):
    body = json.dumps({"price": price, "filler": "x" * LARGE}).encode()
    return ResponseRecord(body, headers={"content-type": "application/json"})


def process_of(value):
    """A rule's function that says where it runs."""
    return os.getpid()


def hangs(value):
    threading.Event().wait()


def dies(value):
    os._exit(1)


async def one(comparer, **config):
    sides = ScriptedBackend(Answer(document(1))), ScriptedBackend(Answer(document(2)))
    settings = ShadowConfig(large_body=LARGE, **config)
    async with Shadower(*sides, settings, comparer=comparer) as shadower:
        return await (await shadower.call(b"k")).wait_settled()


async def test_the_rules_are_those_of_the_call_and_run_in_the_worker():
    async with ProcessComparer() as comparer:
        outcome = await one(comparer)
        assert outcome.divergence == Divergence.compare(document(1), document(2), ShadowConfig())
        assert (await one(comparer, ignore=[IgnorePath("$.price")])).verdict is Verdict.MATCHED
        # Both prices become the number of the process.
        assert (await one(comparer, ignore=[Normalize("$.price", process_of)])).verdict is Verdict.MATCHED


async def test_one_config_is_pickled_once():
    async with ProcessComparer() as comparer:
        config = ShadowConfig()
        for _ in range(2):
            assert await comparer.compare(document(1), document(2), config) is not None


async def test_a_worker_that_dies_is_the_failure_of_its_call_alone():
    async with ProcessComparer() as comparer:
        outcome = await one(comparer, ignore=[Normalize("$.price", dies)])
        assert outcome.verdict is Verdict.FAILED
        assert outcome.shadow_failed.message.startswith("the comparison: ")
        assert (await one(comparer)).verdict is Verdict.DIVERGED


async def test_rules_that_can_not_be_pickled_are_compared_in_threads(caplog):
    here = set()
    async with ProcessComparer() as comparer:
        for _ in range(2):
            outcome = await one(comparer, ignore=[Normalize("$.price", lambda value: here.add(os.getpid()))])
            assert outcome.verdict is Verdict.MATCHED
    assert here == {os.getpid()}
    (said,) = [record.message for record in caplog.records if "pickled" in record.message]
    assert said.endswith("Error): large bodies are compared in threads")


async def test_beyond_its_places_a_comparison_would_block():
    async with ProcessComparer(max_workers=1, waiting=0) as comparer, trio.open_nursery() as nursery:
        hanging = ShadowConfig(ignore=[Normalize("$.price", hangs)])
        nursery.start_soon(comparer.compare, document(1), document(2), hanging)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.WouldBlock):
            await comparer.compare(document(1), document(2), ShadowConfig())
        nursery.cancel_scope.cancel()


def test_the_worker_s_function_compares_by_what_it_is_given():
    import pickle

    rules = pickle.dumps({"ignore": (IgnorePath("$.price"),), "strict": True})
    assert _compare((document(1), document(2), rules)) is None
    assert _compare((document(1), document(2), pickle.dumps({}))) is not None


@pytest.mark.parametrize("options", [{"max_workers": 0}, {"waiting": -1}])
def test_its_counts_are_checked(options):
    with pytest.raises(ValueError, match="must be"):
        ProcessComparer(**options)
