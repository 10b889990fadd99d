"""For `evidence.py`: traffic of which the truth is known, counted call by call and judged by the whole scorecard.

A `Traffic` says of each call its key, in what the shadow and the secondary differ, how long both took, and when it
came. It goes through `Evidence.observe()` and `scorecard()`, as a running shadower's calls do, and is looked at again
and again.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from trioshadow import Verdict
from trioshadow.evidence import Epoch, Evidence, Objective, Observation, Scorecard, scorecard

#: Latency has rows of its own.
UNTIMED = Objective(max_p99_ratio=None)


@dataclass(frozen=True)
class Call:
    """One call, and what came of it."""

    key: int | None
    shadow: tuple[str, ...] = ()
    secondary: tuple[str, ...] | None = None
    seconds: tuple[float, float] | None = None


#: From the number of a call, the time and a source of chance.
Traffic = Callable[[int, float, random.Random], Call]


@dataclass
class Watched:
    """What was seen at the looks at one run."""

    objective: Objective = field(default_factory=lambda: UNTIMED)
    rate: float = 50.0
    evidence: Evidence = field(init=False)
    calls: int = 0

    def __post_init__(self) -> None:
        self.evidence = Evidence(Epoch("v2", "rules"), objective=self.objective)

    def run(self, traffic: Traffic, chance: random.Random, looks: Iterator[int]) -> Iterator[tuple[int, Scorecard]]:
        """The number of calls and the card at each look."""
        row = self.evidence.operation("op")
        start = 1.7e9 + 60 * chance.random()
        for look in looks:
            while self.calls < look:
                at = start + self.calls / self.rate
                call = traffic(self.calls, at - start, chance)
                primary, shadow = call.seconds or (None, None)
                seen = _side(call.shadow, shadow)
                row.counts[seen.verdict.slot] += 1
                self.evidence.observe(
                    row,
                    seen,
                    None if call.secondary is None else _side(call.secondary, None),
                    key=b"",
                    key_hash=None if call.key is None else _hash(call.key),
                    at=at,
                    primary_seconds=primary,
                )
                self.calls += 1
            yield look, scorecard(self.evidence, self.objective)


def _hash(key: int) -> int:
    value = (key + 1) * 0x9E3779B97F4A7C15 % 2**64
    value = (value ^ (value >> 32)) * 0x9E3779B97F4A7C15 % 2**64
    return value ^ (value >> 29)


def _side(fields: tuple[str, ...], seconds: float | None) -> Observation:
    if not fields:
        return Observation(verdict=Verdict.MATCHED, fields={}, seconds=seconds)
    verdict = Verdict.FAILED if fields == ("failed",) else Verdict.DIVERGED
    return Observation(verdict=verdict, fields=dict.fromkeys(fields, ("1", "2")), seconds=seconds)


def looks(first: int, last: int, *, every: int = 0, step: float = 1.02) -> Iterator[int]:
    """So far apart: so many calls, or a ratio."""
    look = first
    while look <= last:
        yield look
        look = look + every if every else max(look + 1, int(look * step))


def until(
    seed: int,
    traffic: Traffic,
    wanted: Callable[[Scorecard], bool],
    seen_at: Iterator[int],
    *by: Any,
) -> int | None:
    """The number of calls at the first look at which this was so; `by` an objective and calls a second."""
    watched = Watched(*by)
    for calls, card in watched.run(traffic, random.Random(seed), seen_at):
        if wanted(card):
            return calls
    return None


# ── traffic ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def independent(shadow: float, secondary: float | None, fields: int = 1, late: int = 0) -> Traffic:
    """Each call has a key of its own; shadow and secondary differ at these rates, in each of so many fields, of which
    one more appears every `late` calls.
    """
    names = tuple(f"$.f{number}" for number in range(fields))

    def traffic(call: int, _: float, chance: random.Random) -> Call:
        shown = names[: 1 + call // late] if late else names
        differs = _some(shown, shadow, chance)
        noise = None if secondary is None else _some(shown, secondary, chance)
        return Call(call, differs, noise)

    return traffic


def _some(names: tuple[str, ...], rate: float, chance: random.Random) -> tuple[str, ...]:
    if len(names) < 20:
        return tuple(name for name in names if chance.random() < rate)
    found, at = [], -1
    while rate > 0:
        at += 1 + int(math.log(1 - chance.random()) / math.log1p(-rate))
        if at >= len(names):
            break
        found.append(names[at])
    return tuple(found)


def by_key(
    stale: float, wrong: float = 0.0, hot: int = 10, share: float = 0.6, tail: int = 20_000
) -> Callable[[int], Traffic]:
    """Noise that belongs to a key: each of the three sides has a stale copy of some. `hot` keys make `share` of calls,
    and the shadow is always wrong for `wrong` of all keys.
    """

    def make(seed: int) -> Traffic:
        truth = random.Random(seed)
        states: dict[int, tuple[bool, bool, bool, bool]] = {}

        def traffic(_: int, __: float, chance: random.Random) -> Call:
            key = chance.randrange(hot) if chance.random() < share else hot + chance.randrange(tail)
            if key not in states:
                old, new, other = (truth.random() < stale for _ in range(3))
                states[key] = old, new, other, truth.random() < wrong
            old, new, other, is_wrong = states[key]
            return Call(key, ("$.f",) if is_wrong or old != new else (), ("$.f",) if old != other else ())

        return traffic

    return make


def in_bursts(seconds: float, every: float, odd: float = 0.3, wrong: float = 0.0) -> Callable[[int], Traffic]:
    """Each of the three sides lags for so many seconds, every so many on average: then `odd` of its answers are odd."""

    def make(seed: int) -> Traffic:
        lags = [_stalls(3 * seed + side, seconds, every) for side in range(3)]

        def traffic(call: int, second: float, chance: random.Random) -> Call:
            old, new, other = (side(second) and chance.random() < odd for side in lags)
            shadow = old != new or chance.random() < wrong
            return Call(call, ("$.f",) if shadow else (), ("$.f",) if old != other else ())

        return traffic

    return make


def asking_some(traffic: Traffic, noise_rate: float) -> Traffic:
    """The same, of which only so many calls have a secondary."""

    def some(call: int, second: float, chance: random.Random) -> Call:
        found = traffic(call, second, chance)
        return found if chance.random() < noise_rate else replace(found, secondary=None)

    return some


def restarted(seconds: float, every: float) -> Callable[[int], Traffic]:
    """The candidate fails for so many seconds at each full hour, or whatever is given; all else is well."""

    def make(seed: int) -> Traffic:
        first = random.Random(seed).random() * every

        def traffic(call: int, second: float, _: random.Random) -> Call:
            return Call(call, ("failed",) if (second - first) % every < seconds else (), ())

        return traffic

    return make


def heavy(share: float, noise: float) -> Traffic:
    """So many calls are heavy: there the secondary fails, and the shadow is wrong. Noise is of each call."""

    def traffic(call: int, _: float, chance: random.Random) -> Call:
        if chance.random() < share:
            return Call(call, ("$.f",), ("failed",))
        shadow, secondary = (("$.f",) if chance.random() < noise else () for _ in range(2))
        return Call(call, shadow, secondary)

    return traffic


def customers(noise: float, number: int) -> Traffic:
    """The same customers come again, and noise is of each call."""

    def traffic(_: int, __: float, chance: random.Random) -> Call:
        shadow, secondary = (("$.f",) if chance.random() < noise else () for _ in range(2))
        return Call(chance.randrange(number), shadow, secondary)

    return traffic


def _stalls(seed: int, seconds: float, every: float) -> Callable[[float], bool]:
    truth = random.Random(seed)
    starts = [truth.expovariate(1 / every)]

    def lags(second: float) -> bool:
        while starts[-1] <= second:
            starts.append(starts[-1] + seconds + truth.expovariate(1 / every))
        return any(start <= second < start + seconds for start in starts[-3:])

    return lags


def poller(share: float, wrong: float, noise: float) -> Callable[[int], Traffic]:
    """One key makes `share` of all calls and is right; of the other keys `wrong` always are; noise is of each call."""

    def make(seed: int) -> Traffic:
        truth = random.Random(seed)
        bad = {key for key in range(20_000) if truth.random() < wrong}

        def traffic(_: int, __: float, chance: random.Random) -> Call:
            key = -2 if chance.random() < share else chance.randrange(20_000)
            shadow, secondary = (chance.random() < noise for _ in range(2))
            return Call(key, ("$.f",) if shadow or key in bad else (), ("$.f",) if secondary else ())

        return traffic

    return make


def flapping(wrong: float, customers: int = 2_000, odd: float = 0.1) -> Callable[[int], Traffic]:
    """The old one is odd in some answers; the new one never is, and is always wrong for some customers."""

    def make(seed: int) -> Traffic:
        truth = random.Random(seed)
        bad = {key for key in range(customers) if truth.random() < wrong}

        def traffic(_: int, __: float, chance: random.Random) -> Call:
            key = chance.randrange(customers)
            old, other = (chance.random() < odd for _ in range(2))
            return Call(key, ("$.f",) if old or key in bad else (), ("$.f",) if old != other else ())

        return traffic

    return make


def timed(factor: float, stall: float = 0.0, every: float = 3_600.0) -> Callable[[int], Traffic]:
    """Lognormal latencies, median 50 ms and sigma 0.5, the shadow's so many times as long; each side stalls for so many
    seconds, every so many on average, and takes a second more.
    """

    def make(seed: int) -> Traffic:
        of_primary, of_shadow = (_stalls(2 * seed + side, stall, every) for side in range(2))

        def traffic(call: int, second: float, chance: random.Random) -> Call:
            primary, shadow = (0.05 * math.exp(chance.gauss(0, 0.5)) for _ in range(2))
            if stall:
                primary, shadow = primary + of_primary(second), shadow + of_shadow(second)
            return Call(call, seconds=(primary, shadow * factor))

        return traffic

    return make
