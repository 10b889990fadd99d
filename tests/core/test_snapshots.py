"""Sinks that take the counts too: each minute, at the exit, and only what has changed. Trio layer, virtual clock."""

from __future__ import annotations

import attrs
import pytest
import trio

from trioshadow import ShadowConfig, Shadower, Sink
from trioshadow._shadower import admission_of
from trioshadow.evidence import Evidence
from trioshadow.testing import Answer, Hang, ScriptedBackend


async def echo(request):
    return request


class Target:
    """A sink that notes what it is told, and when."""

    def __init__(self, every=60.0, write_seconds=0.0, error=None):
        self.snapshot_every = every
        self.write_seconds = write_seconds
        self.error = error
        self.told = []
        self.busy = False

    async def write(self, record):
        await self._note("record", record.key)

    async def snapshot(self, snapshots):
        calls = [sum(row["counts"]["matched"] for row in one["operations"].values()) for one in snapshots]
        await self._note("snapshot", *calls)
        self.last = snapshots
        if self.error is not None:
            raise self.error

    async def aclose(self):
        await self._note("closed")

    async def _note(self, what, *more):
        assert not self.busy, "two at once"
        self.busy = True
        await trio.sleep(self.write_seconds)
        self.busy = False
        self.told.append((trio.current_time(), what, *more))


async def test_counts_are_told_each_minute_and_at_the_exit(autojump_clock):
    target = Target()
    async with Shadower(echo, echo, sinks=[target]) as shadower:
        await trio.sleep(10)
        await shadower.call(b"k")
        await trio.sleep(70)
        await shadower.call(b"k")
        await trio.sleep(45)
        await shadower.call(b"k")
    assert target.told == [(60, "snapshot", 1), (120, "snapshot", 2), (125, "snapshot", 3), (125, "closed")]


async def test_what_has_not_changed_is_not_told_again(autojump_clock):
    target = Target()
    async with Shadower(echo, echo, sinks=[target]) as shadower:
        await shadower.call(b"k")
        await trio.sleep(1_000)
    assert target.told == [(60, "snapshot", 1), (1_000, "closed")]


async def test_records_and_snapshots_are_never_written_at_once(autojump_clock):
    target = Target(every=3.0, write_seconds=0.5)
    async with Shadower(echo, ScriptedBackend(Answer(b"other")), sinks=[target]) as shadower:
        for number in range(20):
            await shadower.call(b"%d" % number)
            await trio.sleep(0.7)
    records = [entry[2] for entry in target.told if entry[1] == "record"]
    snapshots = [entry for entry in target.told if entry[1] == "snapshot"]
    assert records == [b"%d" % number for number in range(20)]
    assert len(snapshots) >= 4
    assert [entry[1] for entry in target.told[-2:]] == ["snapshot", "closed"]
    assert shadower.statistics().records_dropped["Target"] == 0


async def test_the_last_snapshot_has_everything(autojump_clock):
    target = Target()
    async with Shadower(echo, ScriptedBackend(Answer(b"k", after=1)), sinks=[target]) as shadower:
        await shadower.call(b"k", operation="a")
    (snapshot,) = target.last
    assert Evidence.from_dict(snapshot).to_dict(snapshot["until"]) == snapshot
    assert snapshot["operations"]["a"]["counts"]["matched"] == 1
    assert snapshot["operations"]["a"]["counts"]["in_flight"] == 0


async def test_each_epoch_has_a_snapshot_of_its_own(autojump_clock):
    target = Target()
    config = ShadowConfig(candidate="1")
    async with Shadower(echo, echo, config, sinks=[target]) as shadower:
        await shadower.call(b"k")
        shadower.reconfigure(attrs.evolve(config, candidate="2"))
        await shadower.call(b"k")
        await shadower.call(b"k")
        await trio.sleep(61)
        await shadower.call(b"k")
    assert target.told == [(60, "snapshot", 1, 2), (61, "snapshot", 3), (61, "closed")]
    assert target.last[0]["epoch"]["candidate"] == "2"


async def test_each_series_of_an_epoch_has_a_snapshot_of_its_own_and_they_add_up(autojump_clock):
    target = Target()
    slow = ScriptedBackend(Answer(b"k", after=5))
    async with Shadower(echo, slow, ShadowConfig(shadow_timeout=99, drain_timeout=99), sinks=[target]) as shadower:
        await shadower.call(b"k")
        await trio.sleep(1)
        admission_of(shadower).ledger.begin_anew()
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert shadower.scorecard().calls == 1
        assert shadower.statistics().matched == 2
    parts = [Evidence.from_dict(one) for one in target.last]
    assert len({part.series for part in parts}) == 2
    assert [sum(part.totals()) for part in parts] == [1, 1]
    assert sum(Evidence.merge(parts).totals()) == 2


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit()])
async def test_a_snapshot_that_fails_is_said_and_the_records_go_on(autojump_clock, caplog, error):
    target = Target(error=error)
    async with Shadower(echo, ScriptedBackend(Answer(b"other")), sinks=[target]) as shadower:
        await shadower.call(b"a")
        await trio.sleep(61)
        await shadower.call(b"b")
    assert [entry[1] for entry in target.told] == ["record", "snapshot", "record", "snapshot", "closed"]
    assert "sink 'Target' failed to take a snapshot" in caplog.text


async def test_a_snapshot_that_hangs_holds_up_nothing_but_its_sink(autojump_clock):
    class Hanging(Target):
        async def snapshot(self, snapshots):
            await trio.sleep_forever()

    other = []
    sinks = [Sink(Hanging(), name="hanging"), Sink(other.append, name="other")]
    async with Shadower(echo, ScriptedBackend(Answer(b"other")), sinks=sinks) as shadower:
        await shadower.call(b"a")
        await trio.sleep(61)
        start = trio.current_time()
        await shadower.call(b"b")
        assert trio.current_time() == start
    assert trio.current_time() == 61 + 5  # drain_timeout
    assert len(other) == 2
    assert shadower.statistics().records_dropped["hanging"] == 1


async def test_a_shadow_that_refuses_to_end_is_in_flight_in_the_snapshot(autojump_clock):
    target = Target()
    async with Shadower(echo, ScriptedBackend(Hang(refuse_cancel=61)), sinks=[target]) as shadower:
        await shadower.call(b"k")
        await trio.sleep(60.5)
        assert target.last[0]["operations"][""]["counts"]["in_flight"] == 1


async def test_sinks_without_a_snapshot_are_told_records_only(autojump_clock):
    told = []
    async with Shadower(echo, ScriptedBackend(Answer(b"other")), sinks=[told.append]) as shadower:
        await shadower.call(b"k")
        await trio.sleep(100)
    assert len(told) == 1


class Snapshots:
    """A sink that takes both, whose snapshots are slow or fail at first."""

    def __init__(self, *, every, seconds=0.0, fails=0):
        self.snapshot_every = every
        self.calls = []
        self.records = 0
        self._seconds = seconds
        self._fails = fails

    async def write(self, record):
        self.records += 1

    async def snapshot(self, snapshots):
        await trio.sleep(self._seconds)
        if self._fails:
            self._fails -= 1
            raise OSError("disk full")
        self.calls.append(sum(one["operations"][""]["counts"]["matched"] for one in snapshots))

    async def aclose(self):
        pass


async def test_a_snapshot_that_failed_is_told_again_though_nothing_new_was_counted(autojump_clock):
    sink = Snapshots(every=1.0, fails=1)
    async with Shadower(echo, echo, sinks=[sink]) as shadower:
        await shadower.call(b"x")
        await trio.sleep(5)
    assert sink.calls == [1]


async def test_snapshots_that_take_longer_than_their_interval_leave_records_their_turn(autojump_clock):
    sink = Snapshots(every=0.05, seconds=0.2)
    async with Shadower(echo, ScriptedBackend(Answer(b"another")), sinks=[sink]) as shadower:
        for _ in range(100):
            await shadower.call(b"x")
            await trio.sleep(0.02)
    assert sink.records == 100
