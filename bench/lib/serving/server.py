"""The server's process, from outside: starting it, driving it, checking what it has counted."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.serving.load import ask, closed_loop, open_loop, read_stream, request

#: The folder from which its process is started.
BENCH = Path(__file__).parents[2]
#: Of the closed loops.
CONNECTIONS = 16
#: Seconds for which a stream's reader takes nothing.
PAUSE = 0.5

#: Where each request of a run must have been counted.
_COUNTED = {
    "off": ("calls", "not_sampled"),
    "proxy": ("calls", "not_sampled"),
    "all": ("calls", "matched"),
    "by hand": ("collected",),
    "refused": ("calls", "failed"),
    "reset": ("calls", "failed"),
    "hung": ("calls", "timed_out"),
}


@dataclass(frozen=True)
class Throughput:
    """What a server that never waits gets done."""

    rate: float
    """Responses per second."""
    cpu: float
    """Seconds of the server's CPU time for each."""


@dataclass(frozen=True)
class Latencies:
    """What clients waited, in seconds."""

    p50: float
    p99: float


class Server:
    """A process that serves these variants."""

    def __init__(self, ports: dict[str, int]) -> None:
        self._ports = ports

    def settle(self, variant: str, query: str = "") -> dict[str, int]:
        """Wait until its shadows have ended: what has been counted."""
        counts: dict[str, int] = json.loads(ask(self._ports["admin"], f"/{variant.replace(' ', '%20')}{query}"))
        return counts

    def throughput(self, variant: str, path: str, seconds: float) -> Throughput:
        """Ask as fast as it answers."""
        before = self.settle(variant, "?collect")
        rate, count = closed_loop(self._ports[variant], request(path), seconds, CONNECTIONS)
        after = self._checked(variant, before, count)
        return Throughput(rate, (after["cpu"] - before["cpu"]) * 1e-9 / count)

    def latencies(self, variant: str, path: str, seconds: float, rate: float, seed: int) -> Latencies:
        """Ask so many times a second."""
        before = self.settle(variant, "?collect")
        seconds_each, count = open_loop(self._ports[variant], request(path), seconds, rate, seed)
        self._checked(variant, before, count)
        percentiles = statistics.quantiles(seconds_each, n=100)
        return Latencies(percentiles[49], percentiles[98])

    def _checked(self, variant: str, before: dict[str, int], count: int) -> dict[str, int]:
        after = self.settle(variant)
        for name in _COUNTED.get(variant, ()):
            if after[name] - before[name] != count:
                raise AssertionError(f"{variant}: {name} must be {count} more than in {before}, not {after}")
        return after

    def growth(self, variant: str, size: int) -> int | None:
        """By how many bytes the process grows while it streams so many; None if that can't be measured here."""
        port = self._ports[variant]
        for _ in range(20):
            ask(port, "/4k")
        before = self.settle(variant, "?collect")
        read_stream(port, f"/stream/{size}", size, PAUSE)
        after = self.settle(variant)
        if after["abandoned"] != before["abandoned"] + 1:  # larger than the middleware copies
            raise AssertionError(f"{variant}: the stream must be mirrored and abandoned, not {after}")
        return after["VmHWM"] - before["VmRSS"] if "VmHWM" in after else None


@contextlib.contextmanager
def running(variants: Sequence[str], ports: dict[str, int]) -> Iterator[Server]:
    """Start it with these variants, and stop it. `ports` are those of `peers()`."""
    arguments = json.dumps({"variants": list(variants), "peers": ports})
    warnings = [f"-W{option}" for option in sys.warnoptions]
    command = [sys.executable, *warnings, "-m", "lib.serving.served", arguments]
    with subprocess.Popen(command, cwd=BENCH, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            if not said:
                raise AssertionError("the server did not start")
            yield Server(json.loads(said))
            process.stdin.close()
            if process.wait(timeout=30):
                raise AssertionError(f"the server ended with status {process.returncode}")
        finally:
            process.kill()  # if it has not ended
