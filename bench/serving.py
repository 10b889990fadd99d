"""What HTTP costs: the middleware and the proxy on hypercorn, on loopback, as a client sees them.

Hypercorn on Trio has a process of its own (`lib/serving/served.py`). This one is the client, of plain sockets
(`lib/serving/load.py`), and what stands behind the proxy, in threads (`lib/serving/peers.py`). In one process with the
server, a client would be a third of each request, and dilute what is measured by as much; so it takes another core, and
a few per cent of that.

Throughput is a closed loop: each of 16 connections asks again as soon as it has its answer, and the server is never
idle. Latency is an open loop: requests come at random moments, whether or not those before them are answered, far fewer
than the server can take. A round is one run of each variant, and ratios are taken within rounds; a run that was not
answered as it should be, or whose shadows were not all called, ends everything.

- *By hand* is the extra work itself: the shadow app is called in a background nursery and its answer collected; nothing
  is compared, counted or contained.
- *The bare pass-through* is what one writes in ten lines with hypercorn and httpx. It is wrong about hop-by-hop
  headers, disconnects and errors.
- *Memory* is that of the server's process: its peak while a response streams, beyond what it had before. Every call is
  sampled, and the shadow streams as much. In the midst the client takes nothing for half a second, so that a buffer
  without an end would fill.
- *Hostile shadows* are called over HTTP. That costs CPU on the server's loop, which no promise covers; what is promised
  is that nobody waits for them.
- *Without a server* are messages to and from the app, in this process: what the middleware itself adds.

What these rows do not tell: TLS, HTTP/2, networks; and what a real app's own work makes of the ratios. Here the app
does nothing but answer, and takes 5 ms for it where the row says so: that is the worst case.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

from lib.serving.messages import message_rows
from lib.serving.peers import peers
from lib.serving.server import CONNECTIONS, Latencies, Server, running
from lib.table import Row, Section, mib, ms, us
from lib.timing import Effort, Rounds

#: Throughput is measured in runs of this part of the others' time, and in so many times as many rounds: what the
#: neighbours do changes by the second.
_PART, _TIMES = 0.25, 3
#: A run of latencies whose p99 has a number to hold: so many times as long.
_LONG = 2
#: Requests a second in the open loops.
_RATE = 250
_HOSTILE_RATE = 100
_MOST_GROWTH = 32 << 20
_HOSTILE = {"refused": "refuses connections", "hung": "never answers", "reset": "resets in mid-body"}


def _throughput_rows(
    server: Server,
    effort: Effort,
    names: tuple[str, str, str],
    what: str,
    *,
    path: str = "/4k",
    limit: float | None = None,
) -> list[Row]:
    ours, reference, called = names
    rounds = Rounds(
        {
            name: functools.partial(server.throughput, name, path, effort.caller_seconds * _PART)
            for name in (reference, ours)
        },
        effort.caller_rounds if limit is None else effort.caller_rounds * _TIMES,
    )
    row = Row(
        what,
        f"{rounds.median(lambda one: one[ours].rate):,.0f} /s",
        f"{called}, {rounds.median(lambda one: one[reference].rate):,.0f} /s",
        rounds.median(lambda one: one[ours].rate / one[reference].rate),
    )
    return [
        row if limit is None else row.hold_at_least(limit),
        Row(
            "  beside it, the server's CPU time for a request",
            us(rounds.median(lambda one: one[ours].cpu)),
            f"{called}, {us(rounds.median(lambda one: one[reference].cpu))}",
            rounds.median(lambda one: one[ours].cpu / one[reference].cpu),
        ),
    ]


def _latency_rounds(
    server: Server, variants: Sequence[str], *, rounds: int, seconds: float, rate: float, path: str = "/wait"
) -> Rounds[Latencies]:
    def variant(name: str) -> Callable[[], Latencies]:
        seeds = itertools.count()  # in a round, all variants have the same moments
        return lambda: server.latencies(name, path, seconds, rate, next(seeds))

    return Rounds({name: variant(name) for name in variants}, rounds)


def _latency_rows(rounds: Rounds[Latencies], label: str, names: tuple[str, str, str]) -> list[Row]:
    return [
        _latency_row(rounds, f"p50, {label}", names, lambda latencies: latencies.p50),
        _latency_row(rounds, f"p99, {label}", names, lambda latencies: latencies.p99),
    ]


def _latency_row(
    rounds: Rounds[Latencies], what: str, names: tuple[str, str, str], percentile: Callable[[Latencies], float]
) -> Row:
    ours, reference, called = names
    return Row(
        what,
        ms(rounds.median(lambda one: percentile(one[ours]))),
        f"{called}, {ms(rounds.median(lambda one: percentile(one[reference])))}",
        rounds.median(lambda one: percentile(one[ours]) / percentile(one[reference])),
    )


def _memory_row(server: Server, effort: Effort, what: str, variant: str) -> Row:
    growth = server.growth(variant, effort.streamed)
    what = f"{mib(effort.streamed)} through {what}"
    if growth is None:
        return Row(what, "not measured: no /proc here")
    return Row(what, mib(growth), "", None, f"<= {mib(_MOST_GROWTH)}", growth <= _MOST_GROWTH)


def sections(effort: Effort) -> list[Section]:
    """Measure."""
    messages = message_rows(effort)
    with peers() as ports:
        with running(["alone", "off", "all", "by hand", "proxy", "bare", *_HOSTILE], ports) as server:
            alone, bare = ("off", "alone", "app alone"), ("proxy", "bare", "bare pass-through")
            throughput = [
                *_throughput_rows(server, effort, alone, "middleware at sample 0", limit=0.97),
                *_throughput_rows(server, effort, bare, "proxy, unsampled, bodies of 4 KB", limit=0.85),
                *_throughput_rows(server, effort, bare, "proxy, unsampled, bodies of 100 KB", path="/100k"),
            ]
            rounds, seconds, fewer = effort.caller_rounds, effort.caller_seconds, effort.caller_rounds // 2 + 1
            pair, enemies = ("by hand", "all"), ("alone", *_HOSTILE)
            waiting = _latency_rounds(server, pair, rounds=rounds, seconds=_LONG * seconds, rate=_RATE)
            at_once = _latency_rounds(server, pair, rounds=fewer, seconds=seconds, rate=_RATE, path="/4k")
            hostile = _latency_rounds(server, enemies, rounds=fewer, seconds=seconds, rate=_HOSTILE_RATE)
        # Another, whose heap has no room that others have left.
        with running(["all", "proxy, all"], ports) as server:
            streams = [
                _memory_row(server, effort, "the middleware", "all"),
                _memory_row(server, effort, "the proxy", "proxy, all"),
            ]
    by_hand = ("all", "by hand", "by hand")
    waits = [
        *(row.hold_at_most(1.10) for row in _latency_rows(waiting, "at sample 1, app 5 ms", by_hand)),
        *(row.hold_at_most(1.10) for row in _latency_rows(at_once, "at sample 1, app answers at once", by_hand)),
    ]
    for name, what in _HOSTILE.items():
        waits += _latency_rows(hostile, f"shadow {what}, app 5 ms", (name, "alone", "app alone"))
    return [
        Section(
            "HTTP: requests per second",
            [*throughput, *messages],
            [
                f"Hypercorn on Trio in a process of its own, {CONNECTIONS} connections that never pause. Wall clock.",
                "The app does nothing but answer with 4 KB: the ratio is the worst there is.",
            ],
        ),
        Section(
            "HTTP: what the client waits",
            waits,
            [
                f"Every call sampled; {_RATE} requests a second in an open loop, with hostile shadows {_HOSTILE_RATE}.",
                "By hand: the shadow app called in a background nursery, its answer collected and not compared.",
                "An app that answers at once leaves no pause in which its shadow could run: all its CPU time is seen.",
                "Hostile shadows are called over HTTP, none is shed, and a hung one times out after 0.5 s.",
            ],
        ),
        Section(
            "HTTP: growth of the server's memory while it streams",
            streams,
            ["Resident memory at its peak, beyond before. Sampled; the client takes nothing for half a second midway."],
        ),
    ]
