"""For `evidence.py`: how often a decision is wrong, and how soon it is right, on traffic of which the truth is known.

False REJECT: the candidate is another copy of the old one. False PROMOTE: it is just worse than what is allowed, or bad
in a way that hides. Each run is looked at again and again, and counts if it was wrong at any look.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from trioshadow.evidence import Decision, FieldState, Objective, Scorecard
from trioshadow.evidence._drift import Drift, Moment

from lib.simulation.shares import calls_until, hold_share, runs_of, share
from lib.simulation.traffic import (
    UNTIMED,
    Traffic,
    asking_some,
    by_key,
    customers,
    flapping,
    heavy,
    in_bursts,
    independent,
    looks,
    poller,
    restarted,
    timed,
    until,
)
from lib.table import Row
from lib.timing import SMOKE, Effort

Make = Callable[[int], Traffic]


#: Another copy of the old one, which differs from itself in 5 % of the calls.
_FIVE = independent(0.05, 0.05)


def _rejected(card: Scorecard) -> bool:
    return card.decision is Decision.REJECT


def _promoted(card: Scorecard) -> bool:
    return card.decision is Decision.PROMOTE


def _field_is(state: FieldState) -> Callable[[Scorecard], bool]:
    return lambda card: any(field.state is state for field in card.operation("op").fields)


def _slower(card: Scorecard) -> bool:
    return card.operation("op").latency.state is FieldState.REGRESSED


def _calls_of(effort: Effort, calls: int) -> int:
    """Hardly any, where it is only to be shown that it works."""
    return calls // 40 if effort == SMOKE else calls


def _same(traffic: Traffic) -> Make:
    return lambda _: traffic


def false_rejects(effort: Effort) -> Iterator[Row]:
    """How often a candidate that is another copy of the old one is ever rejected."""
    cases: list[tuple[str, Make, int, Objective]] = [
        (f"noise {noise:.1%} of each call, 20 fields", _same(independent(noise, noise, 20)), 20_000, UNTIMED)
        for noise in (0.001, 0.01, 0.05, 0.3)
    ]
    cases += [
        ("noise 2 %, 1,000 fields", _same(independent(0.02, 0.02, 1_000)), 3_000, UNTIMED),
        ("noise 1 %, 200 fields that come one by one", _same(independent(0.01, 0.01, 200, late=100)), 20_000, UNTIMED),
        ("noise of the key 5 %, 10 keys make 60 % of the calls", by_key(0.025), 20_000, UNTIMED),
        ("noise of the key 30 %, 10 keys make 60 %", by_key(0.18), 20_000, UNTIMED),
        ("noise 5 %, a tenth of the calls has a secondary", _same(asking_some(_FIVE, 0.1)), 20_000, UNTIMED),
        ("noise 2.5 %, 5,000 customers who come again", _same(customers(0.025, 5_000)), 60_000, UNTIMED),
        ("it is restarted each hour, for 3 s: 0.08 % fail", restarted(3, 3_600), 108_000, UNTIMED),
        ("a side lags 30 s each hour", in_bursts(30, 3_600), 108_000, UNTIMED),
        ("a side lags 5 s each 10 minutes", in_bursts(5, 600), 108_000, UNTIMED),
        ("a side stalls 20 s each hour: latency", timed(1.0, 20), 108_000, Objective()),
    ]
    for what, make, all_calls, objective in cases:
        runs, calls = runs_of(effort, 60), _calls_of(effort, all_calls)
        seen_at = calls // (4 if effort == SMOKE else 40)
        # Slowly, so that there are blocks enough to reject by: three hours, or half of one.
        found = [
            until(run, make(run), _rejected, looks(seen_at, calls, every=seen_at), objective, 10) for run in range(runs)
        ]
        wrong = runs - found.count(None)
        told = f"{what}: ever REJECT in {calls:,} calls, 10 a second ({runs:,} runs)"
        yield _hold(Row(told, share(wrong, runs)), wrong, runs)


def false_promotes(effort: Effort) -> Iterator[Row]:
    """How often one that is worse than allowed is ever promoted."""
    one_percent = Objective(max_rate=0.01, max_p99_ratio=None)
    cases: list[tuple[str, Make, int, Objective]] = [
        ("0.12 % wrong (0.1 % allowed), no noise", _same(independent(0.0012, 0.0)), 30_000, UNTIMED),
        ("noise 5 %, 1.5 % more (1.25 % allowed)", _same(_more(0.05, 0.015)), 30_000, UNTIMED),
        ("always wrong, under 90 % noise", _same(independent(1.0, 0.9)), 20_000, UNTIMED),
        ("90 % of the calls one key, 3 % of the others wrong, noise 5 %", poller(0.9, 0.03, 0.05), 60_000, one_percent),
        ("the same without noise", poller(0.9, 0.03, 0.0), 60_000, one_percent),
        ("flaps never, and is wrong for 8 % of the customers", flapping(0.08), 30_000, UNTIMED),
        ("noise 1.9 %, flaps never, wrong for 0.9 % of them", flapping(0.009, 12_000, 0.0095), 60_000, UNTIMED),
        ("4 % are heavy: the secondary fails, and it is wrong", _same(heavy(0.04, 0.02)), 30_000, UNTIMED),
    ]
    for what, make, all_calls, objective in cases:
        runs, calls = runs_of(effort, 60), _calls_of(effort, all_calls)
        found = [
            until(run, make(run), _promoted, looks(500, calls, every=max(500, calls // 60)), objective)
            for run in range(runs)
        ]
        wrong = runs - found.count(None)
        told = f"{what}: ever PROMOTE in {calls:,} calls ({runs:,} runs)"
        yield _hold(Row(told, share(wrong, runs)), wrong, runs)


def _more(noise: float, excess: float) -> Traffic:
    return independent(noise + excess, noise)


def _hold(row: Row, wrong: int, runs: int) -> Row:
    """At most 2 %; of fewer than fifty runs none is more than that."""
    return replace(row, hold="<= 2%", held=wrong <= max(1, 0.02 * runs)) if runs >= 10 else hold_share(row, wrong, runs)


def soon(effort: Effort) -> Iterator[Row]:
    """How soon it is right."""
    runs = runs_of(effort, 60)
    limit = _calls_of(effort, 400_000)
    clean, regressed = _field_is(FieldState.CLEAN), _field_is(FieldState.REGRESSED)
    for what, traffic, wanted, first, end, most in (
        ("identical, noise 1 %: the field CLEAN", independent(0.01, 0.01), clean, 2_000, 400_000, 36_000),
        ("identical, noise 5 %: the field CLEAN", independent(0.05, 0.05), clean, 500, 100_000, 7_500),
        ("identical, noise 30 %: the field CLEAN", independent(0.3, 0.3), clean, 100, 20_000, 1_000),
        (
            "noise 5 %, a tenth of the calls has a secondary: the field CLEAN",
            asking_some(_FIVE, 0.1),
            clean,
            5_000,
            400_000,
            None,
        ),
        ("noise 2.5 %, 5,000 customers: the operation CLEAN", customers(0.025, 5_000), _promoted, 5_000, 100_000, None),
        ("nothing differs: the operation CLEAN", independent(0.0, 0.0), _promoted, 500, 20_000, None),
        ("1 % wrong, no noise: the field REGRESSED", independent(0.01, 0.0), regressed, 100, 20_000, 1_700),
        ("6 % against 1 %: the field REGRESSED", independent(0.06, 0.01), regressed, 50, 20_000, 550),
    ):
        last = max(2 * first, min(end, limit))
        found = [until(run, traffic, wanted, looks(first, last)) or last for run in range(runs)]
        yield _until(f"{what} after ({runs:,} runs)", found, most)
    runs = runs_of(effort, 20)
    for what, traffic, minutes in (
        ("2 % wrong", independent(0.02, 0.0), 15),
        ("everything wrong", independent(1.0, 0.0), 10),
        ("everything wrong, without a secondary", independent(1.0, None), 10),
    ):
        last = _calls_of(effort, 90_000)
        found = [until(run, traffic, _rejected, looks(2_000, last, every=500)) or last for run in range(runs)]
        median = sorted(found)[runs // 2] / 3_000
        row = Row(f"{what}, 50 calls a second: REJECT after ({runs:,} runs)", f"{median:.1f} minutes")
        yield replace(row, hold=f"<= {minutes}", held=median <= minutes)


def _until(what: str, found: list[int], most: int | None) -> Row:
    row = Row(what, calls_until(found))
    middle = sorted(found)[len(found) // 2]
    return row if most is None or len(found) < 6 else replace(row, hold=f"<= {most:,}", held=middle <= most)


def latency(effort: Effort) -> Iterator[Row]:
    """How soon a slower candidate is found, and how often one that is just as slow as allowed is called slower."""
    runs, last = runs_of(effort, 60), max(1_000, _calls_of(effort, 10_000))
    found = [
        until(run, timed(2.0)(run), _slower, looks(500, last, every=100), Objective()) or last for run in range(runs)
    ]
    yield _until(f"twice as slow, 1.5 allowed: REGRESSED after ({runs:,} runs)", found, 2_500)
    for factor, told in ((1.0, "as fast"), (1.5, "just as slow as allowed")):
        ever = [
            until(run, timed(factor)(run), _slower, looks(500, last, every=250), Objective()) for run in range(runs)
        ]
        wrong = runs - ever.count(None)
        yield _hold(Row(f"{told}: ever REGRESSED in 10,000 calls ({runs:,} runs)", share(wrong, runs)), wrong, runs)


def broken(effort: Effort) -> Iterator[Row]:
    """How many calls after it broke, when a million were good, what is broken is no longer promoted."""
    for paired, rate, most in ((False, 1.0, 10), (False, 0.1, 100), (True, 1.0, 40), (True, 0.1, 400)):
        runs = runs_of(effort, 60)
        found = []
        for run in range(runs):
            chance, drift, call = random.Random(run), Drift(), 1_000_000
            drift.add(1, 0.001, Moment(1, 0.0, 0), order=0, paired=paired)
            while drift.block < 0:
                call += max(1, math.ceil(math.log(1 - chance.random()) / math.log1p(-rate))) if rate < 1 else 1
                drift.add(1, 0.001, Moment(call, 0.0, 1), order=0, paired=paired)
            found.append(call - 1_000_000)
        how = "with a secondary" if paired else "without a secondary"
        yield _until(f"{rate:.0%} of the calls wrong, {how}: no PROMOTE after ({runs:,} runs)", found, most)


def others(effort: Effort) -> Iterator[Row]:
    """Diffy's and Kayenta's rules on the same traffic: 600 calls a minute for an hour, one field."""
    runs, last = runs_of(effort, 40), _calls_of(effort, 36_000)
    for what, shadow, secondary in (
        ("identical, noise 1 %", 0.01, 0.01),
        ("identical, noise 30 %", 0.3, 0.3),
        ("6 % against 1 %", 0.06, 0.01),
        ("1.3 % against 1 %", 0.013, 0.01),
    ):
        ours = diffy = kayenta = 0
        for run in range(runs):
            by_minute = _minutes(run, shadow, secondary)
            ours += (
                until(run, independent(shadow, secondary), _rejected, looks(600, last, every=600), UNTIMED, 10.0)
                is not None
            )
            diffy += any(_diffy(by_minute[: minute + 1]) for minute in range(60))
            kayenta += any(_kayenta(by_minute[: minute + 1]) for minute in range(9, 60))
        told = f"Diffy {share(diffy, runs)}, Kayenta {share(kayenta, runs)}"
        yield Row(f"{what}: ever REJECT in an hour, looked at each minute ({runs:,} runs)", share(ours, runs), told)


def _minutes(seed: int, shadow: float, secondary: float) -> list[tuple[int, int]]:
    chance = random.Random(seed)
    return [
        (sum(chance.random() < shadow for _ in range(600)), sum(chance.random() < secondary for _ in range(600)))
        for _ in range(60)
    ]


def _diffy(by_minute: list[tuple[int, int]]) -> bool:
    """Diffy's rule: raw > noise, relative > 20 %, absolute > 0.03 %."""
    raw, noise = (sum(counts) for counts in zip(*by_minute, strict=True))
    excess = raw - noise
    return bool(excess > 0 and excess > 0.2 * (raw + noise) and excess > 0.0003 * 600 * len(by_minute))


def _kayenta(by_minute: list[tuple[int, int]]) -> bool:
    """Kayenta's: a one-sided Mann-Whitney test of the rates of each minute, at 1 %, by the normal approximation."""
    ours, theirs = zip(*by_minute, strict=True)
    ranked = sorted((*ours, *theirs))
    ranks = {value: ranked.index(value) + (ranked.count(value) + 1) / 2 for value in set(ranked)}
    n = len(ours)
    rank_sum = sum(ranks[value] for value in ours)
    statistic = rank_sum - n * (n + 1) / 2
    ties = sum(count**3 - count for count in (ranked.count(value) for value in set(ranked)))
    spread = math.sqrt(n * n / 12 * (2 * n + 1 - ties / (2 * n * (2 * n - 1))))
    return bool(spread > 0 and (statistic - n * n / 2 - 0.5) / spread > 2.326)
