"""Changes of mind while `soak.py` runs: configurations, pauses, the kill file, a tripped breaker, a sick candidate.

Each is over after a second or two, so that calls are mirrored for most of the time.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import trio

from trioshadow import Capture, IgnoreField, ShadowConfig, Shadower
from trioshadow.compare import IgnorePath, Rule
from trioshadow.guard import Breaker

from lib.soak.candidates import LARGE, Candidate, Request

#: No configuration allows more: legs that began under one may still be there under the next.
MAX_IN_FLIGHT, MAX_BYTES = 256, 16 << 20

_RULES: tuple[tuple[IgnoreField | Rule, ...], ...] = ((), (IgnorePath("$.operation"),), (IgnoreField.STATUS,))


def _key(request: Request) -> int:
    if request.number % 97 == 0:
        raise LookupError("no key")
    return request.number


def config(source: random.Random) -> ShadowConfig:
    """Any."""
    return ShadowConfig(
        key=_key,
        sample_rate=source.choice((0.05, 0.5, 0.9, 1, 1, 1)),
        shadow_timeout=source.choice((0.1, 0.25)),
        max_step=source.choice((0.015, 0.1)),
        max_in_flight=source.choice((8, MAX_IN_FLIGHT, MAX_IN_FLIGHT)),
        max_in_flight_bytes=source.choice((MAX_BYTES // 64, MAX_BYTES)),
        large_body=2 * LARGE - 10_000,
        noise_rate=source.choice((0, 0.2)),
        ignore=source.choice(_RULES),
        strict=source.random() < 0.2,
        capture=source.choice((None, None, Capture(max_bytes=1000))),
        candidate=source.choice(("1", "2", "3", "4", "5", "6")),
        drain_timeout=2.0,
    )


class Conductor:
    """One task that does one of these things after another."""

    def __init__(
        self,
        shadower: Shadower[Request, object, object],
        candidate: Candidate,
        breaker: Breaker,
        kill_file: Path,
        source: random.Random,
    ) -> None:
        self._shadower = shadower
        self._candidate = candidate
        self._breaker = breaker
        self._kill_file = kill_file
        self._source = source
        #: How often each was done.
        self.done: Counter[str] = Counter()

    async def run(self) -> None:
        """Until cancelled."""
        actions = {
            "reconfigure": (self._reconfigure, 60),
            "pause": (self._pause, 10),
            "kill file": (self._touch, 4),
            "trip": (self._trip, 10),
            "sick": (self._fall_sick, 10),
            "subscribe": (self._subscribe, 20),
        }
        names, weights = list(actions), [weight for _, weight in actions.values()]
        while True:
            (name,) = self._source.choices(names, weights)
            self.done[name] += 1
            await actions[name][0]()
            await trio.sleep(self._source.random())

    async def _reconfigure(self) -> None:
        self._shadower.reconfigure(config(self._source))

    async def _pause(self) -> None:
        self._shadower.pause()
        await trio.sleep(self._source.random() / 2)
        self._shadower.resume()

    async def _touch(self) -> None:
        self._kill_file.touch()
        await trio.sleep(1.2)
        self._kill_file.unlink()

    async def _trip(self) -> None:
        self._breaker.trip("soak", trio.current_time())

    async def _fall_sick(self) -> None:
        self._candidate.sick = True
        await trio.sleep(self._source.random() / 2)
        self._candidate.sick = False

    async def _subscribe(self) -> None:
        async with self._shadower.subscribe(4, name=f"subscriber {self._source.randrange(3)}") as channel:
            if self._source.random() < 0.5:
                await trio.sleep(self._source.random())  # and loses what comes
            with trio.move_on_after(self._source.random()):
                async for _ in channel:
                    pass
