"""Large bodies compared in real worker processes, on the real clock."""

from __future__ import annotations

import json
import os
import pickle
import threading

import pytest
import trio
import trio.testing

from trioshadow import Divergence, ResponseRecord, ShadowConfig, Shadower, Verdict
from trioshadow.compare import IgnorePath, Normalize
from trioshadow.isolation import ProcessComparer
from trioshadow.testing import Answer, ScriptedBackend

LARGE = 200
JSON = {"content-type": "application/json"}


def document(price):
    body = json.dumps({"price": price, "filler": "x" * LARGE}).encode()
    return ResponseRecord(body, headers=JSON)


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


async def test_what_a_rule_met_in_a_worker_is_known_here():
    rules = [IgnorePath("$.price"), IgnorePath("$.prize")]
    async with ProcessComparer() as comparer:
        config = ShadowConfig(ignore=rules)
        for _ in range(2):
            await comparer.compare({"price": 1}, {"price": 2}, config)
        counts = config.comparison.use.counts()
        assert counts["IgnorePath $.price"][1:] == (True, False)
        assert counts["IgnorePath $.prize"] == (2, False, False)


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


def as_text(body):
    return body.decode("ascii")


def never_the_same(primary, shadow):
    return False


ONE, OTHER = document(1), document(1.0)
#: Of each setting that decides a comparison a value, and two answers of which it decides.
DECIDED = {
    "ignore": ((IgnorePath("$.price"),), document(1), document(2)),
    "compare": (never_the_same, ONE, ONE),
    "strict": (True, ONE, OTHER),
    "strict_errors": (True, ONE, document(2)),  # these two of exceptions, which are never compared elsewhere
    "error_fields": ({KeyError: ("$.args[0]",)}, ONE, document(2)),
    "max_changes": (1, ResponseRecord(b"[1, 2]", headers=JSON), ResponseRecord(b"[3, 4]", headers=JSON)),
    "decode": (False, ONE, OTHER),
    "decoders": ({"application/json": as_text}, ONE, OTHER),
    "exact_decimals": (
        True,
        ResponseRecord(b"[0.1]", headers=JSON),
        ResponseRecord(b"[0.10000000000000001]", headers=JSON),
    ),
}


def test_of_each_setting_there_is_it_is_known_what_it_decides():
    assert set(DECIDED) == set(ShadowConfig().comparison.settings)
    for name, (value, primary, shadow) in DECIDED.items():
        by_it = Divergence.compare(primary, shadow, ShadowConfig(**{name: value}))
        without = Divergence.compare(primary, shadow, ShadowConfig())
        assert (by_it == without) is (name in {"strict_errors", "error_fields"}), name


async def test_a_process_compares_exactly_as_the_loop_does():
    async with ProcessComparer() as comparer:
        for name, (value, primary, shadow) in DECIDED.items():
            config = ShadowConfig(**{name: value})
            assert await comparer.compare(primary, shadow, config) == Divergence.compare(primary, shadow, config), name


def test_what_decides_a_comparison_travels_whole():
    comparison = ShadowConfig(**{name: value for name, (value, *_) in DECIDED.items()}).comparison
    there = pickle.loads(pickle.dumps(comparison))
    assert there.settings == comparison.settings
    assert there.bodies.limit == 1


@pytest.mark.parametrize("options", [{"max_workers": 0}, {"waiting": -1}])
def test_its_counts_are_checked(options):
    with pytest.raises(ValueError, match="must be"):
        ProcessComparer(**options)
