"""For `evidence.py`: CLEAN, what holds without a secondary, how far the bounds can be trusted, and latency.

Counts are put into an `Evidence` as calls without a key, each of which counts as a key of its own, exactly; the
scorecard is the library's whole one. Where a sketch of keys has a part in it, real hashes are counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from trioshadow import Verdict
from trioshadow.evidence import Epoch, Evidence, FieldState, Objective, OperationScore, scorecard
from trioshadow.evidence._bounds import discoveries, rate_wealth, upper_bound
from trioshadow.evidence._field import FieldTally
from trioshadow.evidence._histogram import Histogram
from trioshadow.evidence._latency import latencies
from trioshadow.evidence._operation import Operation

from lib.simulation.shares import calls_until, hold_share, runs_of, share
from lib.simulation.walks import Walk, walk
from lib.table import Row
from lib.timing import Effort

_ALPHA = Objective().error_level
_FIELD = "$.field"
#: Looks that are so far apart, as a ratio, where every call would take too long.
_STEP = 1.02


def _judged(row: Operation, objective: Objective) -> OperationScore:
    evidence = Evidence(Epoch())
    evidence.operations["op"] = row
    return scorecard(evidence, objective).operation("op")


def _add(row: Operation, differs: int, same: int) -> None:
    """Count calls without a secondary and without a key."""
    tally = row.fields.setdefault(_FIELD, FieldTally()) if differs else FieldTally()
    row.counts[Verdict.MATCHED.slot] += same
    row.counts[Verdict.DIVERGED.slot] += differs
    row.keys.keyless += differs + same
    tally.differed += differs
    tally.keys.keyless += differs


def _add_pairs(row: Operation, b: int, c: int, both: int, neither: int) -> None:
    """Count pairs without a key."""
    _add(row, b + both, c + neither)
    row.asked += b + c + both + neither
    row.pairs += b + c + both + neither
    row.pair_keys.keyless += b + c + both + neither
    tally = row.fields.setdefault(_FIELD, FieldTally())
    tally.shadow_only += b
    tally.shadow_keys.keyless += b
    tally.secondary_only += c
    tally.both += both


def _looks(first: int, last: int, step: float) -> list[int]:
    looks = [first]
    while looks[-1] < last:
        looks.append(min(last, max(looks[-1] + 1, int(looks[-1] * step))))
    return looks


def clean(effort: Effort) -> Iterator[Row]:
    """How soon a candidate without a fault is CLEAN."""
    for max_rate in (0.001, 0.01):
        low, high = 1, 10**6
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if upper_bound(0, middle, _ALPHA, max_rate) <= max_rate else (middle, high)
        objective = Objective(max_rate=max_rate, max_p99_ratio=None)
        runs = runs_of(effort, 30)
        needed = [_keys_until_clean(np.random.default_rng(run), objective, high) for run in range(runs)]
        what = f"no difference at all, no secondary, max_rate {max_rate:.1%}: CLEAN"
        yield Row(f"{what}, by the formula", f"{high:,} keys")
        yield Row(f"  as the sketch counts them ({runs:,} runs)", calls_until(needed, "keys"))
    runs = runs_of(effort, 60)
    for noise in (0.0, 0.01, 0.05, 0.3):
        needed = [_pairs_until_clean(np.random.default_rng(run), noise) for run in range(runs)]
        what = f"identical, a field with noise {noise:.0%}, a secondary in all calls: CLEAN after ({runs:,} runs)"
        yield Row(what, calls_until(needed))


def _keys_until_clean(chance: np.random.Generator, objective: Objective, at_least: int) -> int:
    row = Operation()
    for look in _looks(at_least // 2, 10**6, _STEP):
        for key_hash in chance.integers(0, 2**64, size=look - row.compared, dtype=np.uint64).tolist():
            row.keys.add(key_hash)
        row.counts[Verdict.MATCHED.slot] = look
        if _judged(row, objective).state is FieldState.CLEAN:
            return look
    raise AssertionError("what never differs was not found clean")


def _pairs_until_clean(chance: np.random.Generator, noise: float) -> int:
    row, done = Operation(), 0
    objective = Objective(max_p99_ratio=None)
    for look in _looks(50, 10**7, _STEP):
        one = noise * (1 - noise)
        b, c, both, neither = chance.multinomial(look - done, [one, one, noise**2, (1 - noise) ** 2]).tolist()
        _add_pairs(row, b, c, both, neither)
        done = look
        if _judged(row, objective).state is FieldState.CLEAN:
            return look
    raise AssertionError("what is identical was not found clean")


def without_secondary(effort: Effort) -> Iterator[Row]:
    """How soon a field that differs too often is REGRESSED; looked at whenever it differs."""
    runs = runs_of(effort, 1_000)
    objective = Objective(max_p99_ratio=None)
    for rate in (0.01, 0.003):
        needed = []
        for run in range(runs):
            chance = np.random.default_rng(run)
            row, score = Operation(), None
            while score is None or not score.fields or score.fields[0].state is not FieldState.REGRESSED:
                _add(row, 1, int(chance.geometric(rate)) - 1)
                score = _judged(row, objective)
            needed.append(row.compared)
        what = f"differs in {rate:.1%} of the calls, max_rate 0.1%: REGRESSED after ({runs:,} runs)"
        yield Row(what, calls_until(needed))
    chance, hits = np.random.default_rng(20_264), 0
    for _ in range(runs):
        hits += _ever_regressed(walk(chance, 20_000, np.full(50, 0.001), np.zeros(50)), 0.001)
    what = f"50 fields, each at max_rate itself: one ever REGRESSED in 20,000 calls ({runs:,} runs)"
    yield hold_share(Row(what, share(hits, runs)), hits, runs)


def _ever_regressed(seen: Walk, limit: float) -> bool:
    differ: dict[int, int] = {}
    for call, field, b in zip(seen.call.tolist(), seen.field.tolist(), seen.b.tolist(), strict=True):
        differ[field] = b
        if b >= Objective().min_keys and rate_wealth(b, call, limit) > 0:
            wealths = [rate_wealth(number, call, limit) for number in differ.values()]
            found = discoveries(wealths, _ALPHA)
            if any(rejected and b >= Objective().min_keys for rejected, b in zip(found, differ.values(), strict=True)):
                return True
    return False


def bounds(effort: Effort) -> Iterator[Row]:
    """How often an upper bound, looked at after every call, ever falls below the rate."""
    runs, calls = runs_of(effort, 2_000), 20_000
    for rate in (0.001, 0.01, 0.1):
        limits = np.array([_first_below(differ, rate, calls) for differ in range(int(calls * rate * 2) + 50)])
        chance, failed = np.random.default_rng(20_265), 0
        for _ in range(runs):
            arrivals = np.minimum(np.cumsum(chance.geometric(rate, size=len(limits))), calls + 1)
            failed += bool((arrivals > limits).any())
        what = f"bound of a rate of {rate:.1%}: ever too low in {calls:,} calls ({runs:,} runs)"
        yield hold_share(Row(what, share(failed, runs)), failed, runs)
    runs = runs_of(effort, 300)
    for shadow, secondary in ((0.06, 0.01), (0.3, 0.2)):
        failed = sum(_beyond_noise_fails(np.random.default_rng(run), shadow, secondary, calls) for run in range(runs))
        what = f"bound beyond noise, {shadow:.0%} against {secondary:.0%}: ever too low in {calls:,} calls"
        yield hold_share(Row(f"{what} ({runs:,} runs)", share(failed, runs)), failed, runs)


def _first_below(differ: int, rate: float, calls: int) -> int:
    """Return after how many calls the bound falls below the rate if so many differ; calls + 1 if it does not."""
    low, high = int(differ / rate), calls + 1
    if low >= high:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        below = upper_bound(differ, middle, _ALPHA, 0.001) < rate
        low, high = (low, middle) if below else (middle, high)
    return high


def _beyond_noise_fails(chance: np.random.Generator, shadow: float, secondary: float, calls: int) -> bool:
    row, done = Operation(), 0
    objective = Objective(max_p99_ratio=None)
    b, c, both = shadow * (1 - secondary), secondary * (1 - shadow), shadow * secondary
    for look in _looks(20, calls, 1.1):
        _add_pairs(row, *chance.multinomial(look - done, [b, c, both, 1 - b - c - both]).tolist())
        done = look
        fields = _judged(row, objective).fields
        if fields and fields[0].rate_beyond_noise < shadow - secondary:
            return True
    return False


def latency(effort: Effort) -> Iterator[Row]:
    """How often an equal shadow is ever called slower, how soon a slower one, and how soon an equal one is CLEAN.

    Lognormal latencies, median 50 ms and sigma 0.5: a p99 of 160 ms.
    """
    runs = runs_of(effort, 1_000)
    for what, ratio in (
        ("identical, max_p99_ratio 1.5", 1.5),
        ("just as slow as allowed, max_p99_ratio 1.0", 1.0),
    ):
        objective = Objective(max_p99_ratio=ratio)
        found = [_latency_until(run, 1.0, objective, FieldState.REGRESSED, 10_000) for run in range(runs)]
        hits = runs - found.count(None)
        yield hold_share(Row(f"{what}: ever REGRESSED in 10,000 calls ({runs:,} runs)", share(hits, runs)), hits, runs)
    runs, objective = runs_of(effort, 200), Objective()
    for what, factor, state in (
        ("twice as slow", 2.0, FieldState.REGRESSED),
        ("three times as slow", 3.0, FieldState.REGRESSED),
        ("identical", 1.0, FieldState.CLEAN),
    ):
        found = [_latency_until(run, factor, objective, state, 10**6) for run in range(runs)]
        needed = [one for one in found if one is not None]
        yield Row(f"{what}, max_p99_ratio 1.5: {state.name} after ({runs:,} runs)", calls_until(needed))
    found = [_latency_until(run, 1.5, objective, FieldState.CLEAN, 10_000) for run in range(runs)]
    hits = runs - found.count(None)
    what = f"just too slow, max_p99_ratio 1.5: ever CLEAN in 10,000 calls ({runs:,} runs)"
    yield hold_share(Row(what, share(hits, runs)), hits, runs)


def _latency_until(seed: int, factor: float, objective: Objective, state: FieldState, most: int) -> int | None:
    chance = np.random.default_rng(seed)
    row, every = Operation(), 100
    for look in range(every, most + 1, every):
        row.counts[Verdict.MATCHED.slot] = row.keys.keyless = look
        for histogram, slower in ((row.primary_seconds, 1.0), (row.shadow_seconds, factor)):
            histogram.update(_histogram(slower * chance.lognormal(math.log(0.05), 0.5, size=every)))
        if latencies({"op": row}, objective)["op"].state is state:
            return look
    return None


def _histogram(seconds: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Histogram:
    """The bins that `Histogram.add()` would count, found at once."""
    bins, counts = np.unique((8 * np.log2(seconds * 1e6)).astype(int), return_counts=True)
    return Histogram.from_dict(dict(zip(map(str, bins.tolist()), counts.tolist(), strict=True)))
