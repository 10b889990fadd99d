"""How a replay sends: on a virtual clock, with fakes for the services and the disk."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import trio
import trio.testing

from trioshadow import ResponseRecord, ShadowConfig
from trioshadow.cli.replay.run import HOPELESS, Pace, Replay, Sides
from trioshadow.http import HttpRequest


class Disk:
    """A SliceSink, without threads."""

    snapshot_every = math.inf
    error = None
    discards = False

    def __init__(self, seconds=0.0):
        self.taken = 0
        self.snapshots = 0
        self.most = 0
        self.told = []
        self._seconds = seconds

    async def write(self, record):
        await trio.sleep(self._seconds)
        self.taken += 1

    async def snapshot(self, snapshots):
        if not self.discards:
            self.told += snapshots
            self.snapshots += 1

    async def aclose(self):
        pass


class Side:
    """A service: answers after so many seconds, and knows who was there when."""

    def __init__(self, seconds=0.0, body=b"", raises=None):
        self.seconds = seconds
        self.body = body
        self.raises = raises
        self.began = []
        self.urls = []
        self.running = 0
        self.most = 0

    async def __call__(self, request):
        self.began.append(trio.current_time())
        self.urls.append(request.url)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await trio.sleep(self.seconds)
            if self.raises is not None:
                raise self.raises
            return ResponseRecord(self.body)
        finally:
            self.running -= 1


def requests(count):
    left = iter([HttpRequest("GET", f"/{number}") for number in range(count)])

    async def take():
        return next(left, None)

    return take


def replay(count, primary, shadow, secondary=None, *, disk=None, concurrency=10, config=None, **more):
    timeout = more.pop("primary_timeout", 60.0)
    sides = Sides(primary=primary, shadow=shadow, secondary=secondary, primary_timeout=timeout)
    config = config or ShadowConfig(max_in_flight=concurrency + 2_000, noise_rate=1.0)
    return Replay(requests(count), sides, config, disk or Disk(), concurrency=concurrency, **more)


async def test_starts_are_spaced_by_the_rate_and_in_the_order_of_the_file(autojump_clock):
    primary, shadow = Side(0.1), Side(0.1)
    running = replay(9, primary, shadow, rate=4)
    statistics = await running.slice(100)
    assert primary.began == [n / 4 for n in range(9)] == sorted(shadow.began)
    assert primary.urls == [f"/{n}" for n in range(9)]
    assert (statistics.calls, statistics.matched, running.done, running.ended) == (9, 9, 9, True)
    assert trio.current_time() == 2.1


async def test_a_rate_goes_on_over_slices(autojump_clock):
    primary = Side()
    running = replay(9, primary, Side(), rate=4)
    while not running.ended:
        await running.slice(0.6)
    assert primary.began == [n / 4 for n in range(9)]


async def test_what_a_slow_primary_has_missed_is_not_made_up_for(autojump_clock):
    primary = Side(1.0)
    await replay(4, primary, Side(), rate=4, concurrency=1).slice(100)
    assert primary.began == [0, 1, 2, 3]


async def test_a_pause_is_not_made_up_for(autojump_clock):
    pace = Pace(4)
    starts = []
    for pause in (0, 10, 0, 0):
        await trio.sleep(pause)
        await pace.wait()
        starts.append(trio.current_time())
    assert starts == [0, 10, 10.25, 10.5]


async def test_a_loop_that_is_a_little_late_does_not_slow_the_rate(autojump_clock):
    pace = Pace(4)
    starts = []
    for _ in range(4):
        await pace.wait()
        await trio.sleep(0.125)
        starts.append(trio.current_time())
    assert starts == [0.125, 0.375, 0.625, 0.875]


@pytest.mark.parametrize("slow", ["primary", "shadow", "secondary"])
async def test_no_more_than_the_concurrency_are_in_flight_on_any_side_and_nothing_is_shed(autojump_clock, slow):
    sides = {name: Side(1.0 if name == slow else 0.0) for name in ("primary", "shadow", "secondary")}
    running = replay(35, *sides.values(), concurrency=10)
    statistics = await running.slice(100)
    assert {name: side.most for name, side in sides.items()}[slow] == 10
    assert max(side.most for side in sides.values()) == 10
    assert (statistics.calls, statistics.matched, statistics.secondary.matched) == (35, 35, 35)
    assert trio.current_time() == 4


async def test_without_a_pair_nobody_waits_for_a_secondary(autojump_clock):
    secondary = Side(1.0)
    config = ShadowConfig(max_in_flight=2_010, noise_rate=0.0)
    await replay(10, Side(), Side(), secondary, config=config, concurrency=1).slice(100)
    assert (secondary.began, trio.current_time()) == ([], 0)


async def test_a_slice_ends_with_nothing_in_flight_and_the_next_goes_on(autojump_clock):
    primary, shadow, disk = Side(1.0), Side(1.5), Disk()
    running = replay(10, primary, shadow, disk=disk, concurrency=2)
    done = []
    while not running.ended:
        statistics = await running.slice(3.5)
        assert (primary.running, shadow.running, statistics.in_flight) == (0, 0, 0)
        done.append(running.done)
    assert done == [6, 10]
    assert primary.urls == [f"/{n}" for n in range(10)]
    assert disk.snapshots == 2
    assert [told["series"] for told in disk.told] == list(dict.fromkeys(told["series"] for told in disk.told))


async def test_stopping_lets_those_in_flight_end_and_takes_no_more(autojump_clock):
    primary, shadow = Side(1.0), Side(2.0)
    running = replay(100, primary, shadow, concurrency=3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.slice, 100.0)
        await trio.sleep(0.5)
        running.stop()
    assert (running.done, len(shadow.began), trio.current_time()) == (3, 3, 2)


async def test_stopping_does_not_wait_for_the_next_start(autojump_clock):
    primary = Side()
    running = replay(100, primary, Side(), rate=0.01)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.slice, 1000.0)
        await trio.sleep(150)
        running.stop()
    assert (primary.began, running.done, trio.current_time()) == ([0, 100], 2, 150)


async def test_a_primary_without_an_answer_is_counted_by_cause_and_compared_with_nothing(autojump_clock):
    answers = iter([None, OSError("no"), None, ValueError(), OSError("no")])

    async def primary(request):
        raised = next(answers)
        if raised is not None:
            raise raised
        if request.url == "/2":
            await trio.sleep(100)
        return ResponseRecord(b"")

    running = replay(5, primary, Side(0.5), concurrency=1, primary_timeout=3.0)
    statistics = await running.slice(100)
    assert running.no_answer == Counter({"OSError": 2, "timed out": 1, "ValueError": 1})
    assert (statistics.matched, statistics.abandoned, running.answered) == (1, 4, 1)
    assert (running.done, running.unreachable) == (5, False)
    assert trio.current_time() == 3.5


@pytest.mark.parametrize(("count", "done"), [(1_000, HOPELESS), (3, 3)])
async def test_a_primary_that_never_answers_ends_it_and_nothing_counts(autojump_clock, count, done):
    primary, disk = Side(raises=ConnectionError()), Disk()
    running = replay(count, primary, Side(), disk=disk, concurrency=1)
    await running.slice(100)
    assert running.unreachable
    assert (running.no_answer.total(), disk.snapshots) == (done, 0)


async def test_a_primary_that_answered_before_may_be_away(autojump_clock):
    running = replay(30, Side(raises=ConnectionError()), Side(), answered=1)
    await running.slice(100)
    assert (running.unreachable, running.done) == (False, 30)


async def test_a_shadow_that_fails_or_hangs_is_counted_and_ends_nothing(autojump_clock):
    for shadow, became in ((Side(raises=OSError()), "failed"), (Side(100), "timed_out"), (Side(body=b"x"), "diverged")):
        statistics = await replay(20, Side(), shadow).slice(100)
        assert getattr(statistics, became) == statistics.calls == 20


@pytest.mark.slow
async def test_records_that_wait_for_a_slow_disk_hold_the_workers_and_none_is_lost(autojump_clock):
    disk, waiting = Disk(0.01), []

    class Watched(Side):
        async def __call__(self, request):
            waiting.append(len(self.urls) - disk.taken)
            return await super().__call__(request)

    running = replay(3_000, Side(), Watched(body=b"x"), disk=disk)
    statistics = await running.slice(1_000)
    assert max(waiting) <= 520
    assert (statistics.diverged, disk.taken, statistics.shed) == (3_000, 3_000, 0)
    assert statistics.records_dropped["archive"] == 0


async def test_a_disk_that_fails_ends_the_slice(autojump_clock):
    disk = Disk()
    disk.error = OSError()
    running = replay(10, Side(), Side(), disk=disk)
    await running.slice(100)
    assert (running.done, running.ended) == (0, False)
