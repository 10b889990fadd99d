"""A process that counts, and writes snapshots by a clock that is moved by hand."""

from __future__ import annotations

import itertools
import random

from trioshadow import ShadowConfig, Verdict
from trioshadow.archive._lines import snapshot_line
from trioshadow.evidence import Epoch, Evidence, Observation

from tests.support.archives import Clock, writer

START = Clock().now


class Process:
    """One that counts, and writes a snapshot whenever it is asked to."""

    keys = itertools.count()

    def __init__(self, path, series, *, clock=None, candidate="2.0", **limits):
        self.clock = clock or Clock()
        self.writer = writer(path, clock=self.clock, **{"max_segment_age": float("inf"), **limits})
        self.begin(series, candidate)

    def begin(self, series, candidate="2.0"):
        config = ShadowConfig(candidate=candidate)
        self.epoch = config.epoch_id
        self.evidence = Evidence(Epoch(candidate, config.fingerprint), series=series, since=self.clock.now)

    def count(self, calls=1, wrong=0, *, noise=None, operation="GET /", field="$.price"):
        """So many calls, of which so many differ. `noise`: all with a secondary, which differs in so many others."""

        def side(differs):
            return Observation(verdict=Verdict.DIVERGED, fields={field: ("1", "2")} if differs else {}, seconds=0.01)

        row = self.evidence.operation(operation)
        for number in range(calls):
            differs = number < wrong
            row.counts[(Verdict.DIVERGED if differs else Verdict.MATCHED).slot] += 1
            self.evidence.observe(
                row,
                side(differs),
                None if noise is None else side(number >= calls - noise),
                key=b"",
                key_hash=random.Random(next(self.keys)).getrandbits(64),
                at=self.clock.now,
                primary_seconds=0.01,
            )

    def put(self):
        line = snapshot_line(self.evidence.to_dict(self.clock.now), self.clock.now)
        self.writer.write(line, self.epoch, snapshot=True)

    def go(self, minutes, calls=1, wrong=0, **more):
        """So many minutes, each with so many calls and a snapshot."""
        for _ in range(minutes):
            self.count(calls, wrong, **more)
            self.clock.now += 60
            self.put()
