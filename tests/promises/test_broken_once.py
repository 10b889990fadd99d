"""What an attack has broken once, each with the least that shows it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from trioshadow import DivergenceRecord, ShadowConfig, Shadower, Verdict
from trioshadow.archive import JsonlSink, merge_archives
from trioshadow.evidence import Decision, Epoch, Evidence, Objective, Observation, scorecard
from trioshadow.guard import Breaker

from tests.support.portable import TOO_LONG


async def echo(request: bytes) -> bytes:
    return request


async def another(request: bytes) -> bytes:
    return request + b"!"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_processes_that_were_forked_before_it_is_entered_are_added_up(tmp_path: Path) -> None:
    program = f"""
import os, trio
from trioshadow import Shadower
from trioshadow.archive import JsonlSink

async def echo(request):
    return request

shadower = Shadower(echo, echo, sinks=[JsonlSink({str(tmp_path / "a.jsonl")!r})])  # at import, as is allowed

async def main():
    async with shadower:
        for number in range(10):
            await shadower.call(b"%d" % number)

children = [os.fork() for _ in range(1)]
trio.run(main)
if children[0]:
    assert os.waitpid(children[0], 0)[1] == 0
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert sum(merge_archives(tmp_path / "a.jsonl").evidence().totals()) == 20


class Snapshots:
    """A sink that takes both, and is slow or fails."""

    def __init__(self, *, every: float, seconds: float = 0.0, fails: int = 0) -> None:
        self.snapshot_every = every
        self.calls: list[int] = []
        self.records = 0
        self._seconds = seconds
        self._fails = fails

    async def write(self, record: DivergenceRecord) -> None:
        self.records += 1

    async def snapshot(self, snapshots: Sequence[dict[str, Any]]) -> None:
        await trio.sleep(self._seconds)
        if self._fails:
            self._fails -= 1
            raise OSError("disk full")
        self.calls.append(sum(one["operations"][""]["counts"]["matched"] for one in snapshots))

    async def aclose(self) -> None:
        pass


async def test_a_snapshot_that_failed_is_told_again_though_nothing_new_was_counted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    sink = Snapshots(every=1.0, fails=1)
    async with Shadower(echo, echo, sinks=[sink]) as shadower:
        await shadower.call(b"x")
        await trio.sleep(5)
    assert sink.calls == [1]


async def test_snapshots_that_take_longer_than_their_interval_leave_records_their_turn(
    autojump_clock: trio.testing.MockClock,
) -> None:
    sink = Snapshots(every=0.05, seconds=0.2)
    async with Shadower(echo, another, sinks=[sink]) as shadower:
        for _ in range(100):
            await shadower.call(b"x")
            await trio.sleep(0.02)
    assert sink.records == 100


async def test_secondaries_that_refuse_to_be_cancelled_are_bounded(autojump_clock: trio.testing.MockClock) -> None:
    release = trio.Event()

    async def refuses(request: bytes) -> None:
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


class Uncopyable:
    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError

    def __deepcopy__(self, memo: object) -> Any:
        raise TypeError

    def __trioshadow_key__(self) -> bytes:
        return b"k"


class DeepBreaker(Breaker):
    """One that needs more room on the stack than all else."""

    def release(self, permit: int, verdict: Verdict, now: float, /, frames: int = 25) -> None:
        if frames:
            self.release(permit, verdict, now, frames - 1)
        else:
            super().release(permit, verdict, now)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("breaker", [None, DeepBreaker(failures=None, failure_rate=None)])
async def test_a_request_that_can_not_be_copied_is_counted_once_however_deep_its_caller_is(breaker: Any) -> None:
    async def primary(request: Uncopyable) -> None:
        pass

    async with Shadower(primary, primary, breaker=breaker) as shadower:

        def deep(frames: int) -> None:
            if frames:
                deep(frames - 1)
                return
            call = shadower.call(Uncopyable())
            try:
                call.send(None)
            except StopIteration:
                return
            finally:
                call.close()

        for frames in range(sys.getrecursionlimit() - 200, sys.getrecursionlimit()):
            try:
                deep(frames)
            except RecursionError:
                continue
        statistics = shadower.statistics()
        assert statistics.in_flight == 0
        assert statistics.mirrored == statistics.failed + statistics.abandoned
        with trio.fail_after(TOO_LONG):
            await shadower.wait_idle()


def test_a_lambda_has_the_same_fingerprint_in_each_process() -> None:
    program = (
        "from trioshadow import ShadowConfig; "
        "print(ShadowConfig(view=lambda r: r in {'a', 'b', 'c', 'd'} or (lambda: {'x', 'y', 'z'})).fingerprint)"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in "01234"
    }
    assert len(told) == 1


def test_counts_of_which_only_rounding_makes_all_can_be_judged() -> None:
    evidence = Evidence(Epoch())
    row = evidence.operation("")
    row.counts[0] = row.asked = row.pairs = 2**63 - 1
    row.anything.shadow_only = 2**62
    row.anything.secondary_only = 1
    row.fields["a"] = row.anything
    assert scorecard(evidence, Objective()).explain()


@pytest.mark.parametrize("noisy", [80, 85, 90, 94])
def test_a_candidate_that_is_always_wrong_in_a_noisy_field_is_not_promoted(noisy: int) -> None:
    evidence = Evidence(Epoch())
    row = evidence.operation("")
    wrong, right = (
        Observation(verdict=verdict, fields=fields, seconds=None)
        for verdict, fields in ((Verdict.DIVERGED, {"$.rank": ("1", "2")}), (Verdict.MATCHED, {}))
    )
    for number in range(6_000):
        row.counts[Verdict.DIVERGED.slot] += 1
        secondary = wrong if number % 100 < noisy else right
        evidence.observe(row, wrong, secondary, key=b"", key_hash=None, at=0.0, primary_seconds=None)
    assert scorecard(evidence, Objective(max_p99_ratio=None)).decision is Decision.REJECT


async def test_a_leg_is_named_in_its_own_thread() -> None:
    async with Shadower(echo, echo) as shadower:
        with shadower.start(b"x", operation="a") as leg:
            with pytest.raises(RuntimeError, match="thread"):
                await trio.to_thread.run_sync(leg.name_operation, "b")
            leg.primary_done(b"x")


async def test_a_sink_gets_what_a_closed_one_left(tmp_path: Path) -> None:
    sink = JsonlSink(tmp_path / "a.jsonl")
    for _ in range(2):  # one after the other
        async with Shadower(echo, echo, sinks=[sink]) as shadower:
            await shadower.call(b"x")
    assert sum(merge_archives(tmp_path / "a.jsonl").evidence().totals()) == 2
