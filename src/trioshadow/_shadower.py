"""The Shadower: the class that users meet, which wires what is below.

A call has two lifetimes. The caller's task ends with its answer: `_caller/` decides, launches, and is told what the
primary did. A leg ends with its verdict: `_service/` runs the shadow, judges, settles. What stays is in `_accounts/`.

Promises kept here:

1. *Same answer.* `call()` awaits the primary in the caller's own task, context and cancel scopes, and returns its very
   object or raises its very exception.
2. *Same time.* Between the primary's answer and the caller there is no await. `start()` and `primary_done()` are
   synchronous and short; all else happens in the service nursery. What no promise covers is CPU: shadow code and
   comparisons on the caller's loop take turns with it. Keep them small, or move them off it (`trioshadow.isolation`).

A nursery opened and closed inside `call()` would have to wait for its children before it could return, so each call's
nursery is part of the shadower's, and the caller does not stand in it.
"""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Generic, Self, TypedDict

import trio
from trio.lowlevel import enable_ki_protection

from ._accounts.consumer import Consumer
from ._accounts.instruments import Instrument, Instruments, Slo
from ._accounts.ledger import Ledger, ShadowStatistics
from ._accounts.log import DivergenceLog
from ._accounts.notices import Notices
from ._accounts.observers import Observers
from ._accounts.sink import Sink, SinkTarget
from ._caller.admission import Admission
from ._caller.launch import Launcher
from ._caller.leg import Leg
from ._caller.outcome import PrimaryT, ShadowOutcome, ShadowT
from ._model.backend import BackendLike, RequestT, as_callable, beside
from ._model.checks import is_count, is_text, several
from ._model.sampling import SamplingKey
from ._model.slo import SloTracker, recorder_of
from ._service.background import Background, Entered
from ._service.comparer import Comparer, checked_comparer
from ._service.desk import Desk
from ._service.door import Door, State
from ._service.gate import Gate, LegBreaker
from ._service.hosts import HostPool
from ._service.service import Service
from ._settings.config import ShadowConfig
from ._settings.records import DivergenceRecord
from .evidence import Epoch, Histogram, Objective, Scorecard
from .evidence import scorecard as scorecard_of

_DEFAULT_CONFIG = ShadowConfig()
_DEFAULT_OBJECTIVE = Objective()


class ShadowerOptions(TypedDict, total=False):
    """What every form in which a shadower comes takes: `Shadower` says what each of them is."""

    name: str
    log: DivergenceLog | None
    sinks: Iterable[Sink | SinkTarget]
    slo: SloTracker | None
    breaker: LegBreaker | None
    comparer: Comparer | None
    objective: Objective


class Shadower(Generic[RequestT, PrimaryT, ShadowT]):
    """Answers each call with the primary, and sends sampled ones to the shadow too, to compare.

        async with Shadower(old, new, ShadowConfig(sample_rate=0.1)) as shadower:
            outcome = await shadower.call(request)   # exactly as long as `await old(request)`

    Made anywhere, also at import; entered once. It belongs to the thread and the `trio.run` in which it was entered.

    `primary` and `shadow` are Backends or async functions of one argument: TypeError for what is neither, such as a
    sync function: that is for `mirrored` or a `trioshadow.isolation.SyncBackend`. A `def` that returns something to
    await has to say so, by its return annotation or by what it wraps. A lambda, or an object that is called, is asked:
    each call raises the TypeError. `name` tells shadowers apart in warnings and in task names. `log` takes the
    divergences (by default a new `DivergenceLog(128)`); `sinks` get every record: targets, or `Sink(target, ...)`.

    `secondary` is another copy of the primary, or the primary itself for calls without side effects: a sub-sample of
    the mirrored calls (`config.noise_rate`) goes to it too, so that what the old backend does by itself is told apart
    from what the new one does. `slo` is anything with `record(success: bool)`: it is told each verdict but
    `abandoned`, True for a match, on the event loop, so it should be quick. `breaker` is a
    `trioshadow.guard.Breaker`, or anything with the methods of a `LegBreaker`: while it is open, no leg starts, and
    sampled calls are counted `paused`. `comparer` compares large bodies (`config.large_body`): by default a
    `ThreadComparer()`, with two threads. `objective` is what the candidate is to be judged by: see `scorecard()`.

    If the environment variable `TRIOSHADOW_KILL_FILE` names a file when it is entered, calls are `paused` while that
    file is there; it is looked for once a second.

    Leaving it normally: no new legs, running legs get up to `config.drain_timeout` seconds, the rest are cancelled and
    counted `abandoned`; then log and sinks get as long again to catch up. Leaving it by an exception: legs are
    cancelled at once. An exception of the body leaves as itself. A shadow that refuses to be cancelled holds up this
    exit, as Trio keeps no orphans; a warning says which.
    """

    def __init__(
        self,
        primary: BackendLike[RequestT, PrimaryT],
        shadow: BackendLike[RequestT, ShadowT],
        config: ShadowConfig = _DEFAULT_CONFIG,
        *,
        name: str = "",
        log: DivergenceLog | None = None,
        sinks: Iterable[Sink | SinkTarget] = (),
        secondary: BackendLike[RequestT, PrimaryT] | None = None,
        slo: SloTracker | None = None,
        breaker: LegBreaker | None = None,
        comparer: Comparer | None = None,
        objective: Objective = _DEFAULT_OBJECTIVE,
    ) -> None:
        self._primary = as_callable(primary, "primary", may_stream=True)
        self._shadow = shadow
        shadow_call = as_callable(beside(shadow, primary), "shadow")
        secondary_call = None if secondary is None else as_callable(beside(secondary, primary), "secondary")
        is_text.check("name", name)
        self._name = name
        self._notices = Notices(name)
        self._ledger = Ledger(_epoch_of(_require_config(config)), lambda: uuid.uuid4().hex, time.time, objective)
        if log is None:
            log = DivergenceLog()
        elif not isinstance(log, DivergenceLog):
            raise TypeError(f"log must be a DivergenceLog, as in DivergenceLog(1000), not {type(log).__name__}")
        self._consumer = Consumer(
            log, [Sink.of(sink) for sink in several("sinks", sinks, "sinks, as in [sink]")], self._ledger, self._notices
        )
        self._gate = None if breaker is None else Gate(breaker, self._notices)
        told: list[Instrument] = [self._consumer, Observers()]
        if self._gate is not None:
            told.append(self._gate)
        if slo is not None:
            told.append(Slo(recorder_of(slo), functools.partial(self._consumer.count_dropped, "slo")))
        desk = Desk(
            comparer=checked_comparer(comparer),
            name=name,
            ledger=self._ledger,
            notices=self._notices,
            instruments=Instruments(told, self._notices),
        )
        self._post = desk.post
        pool = HostPool(desk)
        self._door = Door()
        self._launcher = Launcher(shadow_call, secondary_call, desk, pool)
        self._ledger.use(config, self._ledger.evidence.epoch)
        self._admission = Admission(
            door=self._door,
            ledger=self._ledger,
            notices=self._notices,
            gate=self._gate,
            launcher=self._launcher,
        )
        self._service = Service(desk, pool, self._consumer, self._door, killed=self._admission.killed, gate=self._gate)

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def call(
        self,
        request: RequestT,
        *,
        key: SamplingKey | None = None,
        operation: str = "",
        context: Mapping[str, object] | None = None,
    ) -> ShadowOutcome[PrimaryT, ShadowT]:
        """Answer with the primary: `outcome.primary` is what `await primary(request)` returns, and what that raises is
        raised.

        Adds no checkpoint and takes no time of its own beyond the synchronous work of `start()` and of the primary's
        view. `key` is the sampling key (by default `config.key(request)`, or the request itself); `operation` names
        what is called, for the records; `context` is for them too (by default `config.context(request)`): up to 8
        values such as `{"tenant": "acme"}`, as texts of up to 256 characters. Cancelling the caller cancels the
        primary, as without a shadower, and abandons the leg.

        Raises ShadowerNotRunning if the shadower was never entered.
        """
        # No signal can come between the return of admit() and the try: CPython looks for signals at calls and backward
        # jumps.
        leg = self._admission.admit(request, key, operation, context)
        try:
            answer = await self._primary(request)
        except BaseException as exc:
            leg.primary_raised(exc)
            raise
        return leg.primary_done(answer)

    @enable_ki_protection  # a leg that was started and is not returned would hold its place for ever
    def start(
        self,
        request: RequestT,
        *,
        key: SamplingKey | None = None,
        operation: str = "",
        context: Mapping[str, object] | None = None,
    ) -> Leg[PrimaryT, ShadowT]:
        """Decide whether this call is mirrored, and start the shadow if so. Synchronous.

        For what is not one `await`; see `Leg` for how it is ended. Copies the request for the shadow where it is
        mutable. Raises ShadowerNotRunning if the shadower was never entered, and nothing else.
        """
        admission = self._admission
        return admission.in_hand(admission.admit(request, key, operation, context), operation)

    # ── the two lifetimes ────────────────────────────────────────────────────────────────────────────────────────────

    @enable_ki_protection
    async def __aenter__(self) -> Self:
        """Open the service nursery. RuntimeError the second time, and where no Trio runs."""
        if self._door.state is not State.NEW:
            raise RuntimeError("a Shadower is entered once: make a new one (they are cheap)")
        # Not in __init__: one that was made at import may be forked before it is entered, and each child counts for
        # itself.
        self._ledger.begin_series()
        self._launcher.begin()
        await self._service.open()
        return self

    @enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Drain, flush and close, as the class says. An exception of the body leaves as itself."""
        await self._service.close(in_order=exc is None, seconds=lambda: self.config.drain_timeout)

    def background(self, *, enter: Iterable[AbstractAsyncContextManager[object]] = ()) -> Background:
        """For programs without Trio (Flask, Django, scripts, asyncio): a context manager, not async, that enters this
        shadower in a `trio.run` of its own in a daemon thread, and leaves it. Then all calls come from other threads.

        `enter`: what is entered there before it, one after the other, and left after it: a `ThreadBackend`, say.
        """
        return self._background(self, enter)

    def _background(self, entered: Entered, enter: Iterable[AbstractAsyncContextManager[object]]) -> Background:
        return Background(entered, self._door, self._notices, lambda: self.config.drain_timeout, enter)

    # ── at run time ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def config(self) -> ShadowConfig:
        """The configuration of the next call."""
        return self._admission.config

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    @property
    def shadow(self) -> BackendLike[RequestT, ShadowT]:
        """As given."""
        return self._shadow

    @property
    def running(self) -> bool:
        """Is it entered, and not left yet?"""
        return self._door.state is State.RUNNING

    @enable_ki_protection  # an epoch that is begun by half would count calls that no statistics have
    def reconfigure(self, config: ShadowConfig) -> None:
        """Use `config` from the next call on; legs in flight keep the one they started with.

        Another `candidate`, or other rules, begin a new epoch: the scorecard begins anew. Another rate does not.
        """
        epoch = _epoch_of(_require_config(config))
        self._post.ask(lambda: self._ledger.use(config, epoch))

    def pause(self) -> None:
        """Mirror no more calls (they are counted `paused`) until `resume()`. Legs in flight go on."""
        self._admission.pause()

    def resume(self) -> None:
        """Mirror again, as the configuration says, unless the kill file is there."""
        self._admission.resume()

    @property
    def paused(self) -> bool:
        """Is it paused, by `pause()` or by the kill file?"""
        return self._admission.paused

    # ── what was found ───────────────────────────────────────────────────────────────────────────────────────────────

    def divergences(self) -> list[DivergenceRecord]:
        """The divergences in the log, oldest first; a new list."""
        return self._consumer.divergences()

    def failures(self) -> list[DivergenceRecord]:
        """The last failures and timeouts, oldest first, as many as the log's capacity; a new list."""
        return self._consumer.failures()

    @property
    def divergence_count(self) -> int:
        """How many divergences are in the log; `statistics().diverged` is how many there were."""
        return self._consumer.divergence_count

    def subscribe(
        self, max_buffer_size: int = 256, *, name: str = "subscribers"
    ) -> trio.MemoryReceiveChannel[DivergenceRecord]:
        """A channel of the records from now on, for a task of yours. It ends when the shadower is left; close it when
        done.

        A subscriber that has `max_buffer_size` records waiting, in [1, inf), loses further ones; its losses are counted
        under `name` in `statistics().records_dropped`, of more than 100 names under `(other)`. TypeError for an
        infinite buffer, ValueError for one below 1.
        """
        is_count.check("max_buffer_size", max_buffer_size)
        is_text.check("name", name)
        return self._consumer.subscribe(max_buffer_size, name)

    def statistics(self) -> ShadowStatistics:
        """All counts at this moment. From any thread."""
        gate = self._gate
        return self._ledger.statistics(self._consumer.dropped(), None if gate is None else gate.state)

    def latencies(self) -> dict[str, Histogram]:
        """How long compared calls took, since it was made: `primary`, `shadow`, `secondary`. From any thread."""
        return dict(zip(("primary", "shadow", "secondary"), self._ledger.latencies(), strict=True))

    def snapshot(self) -> dict[str, Any]:
        """What was counted of the current epoch, as plain data that nobody counts in any more.

        For a scorecard whose cost is another thread's: `scorecard(Evidence.from_dict(snapshot), objective)` of
        `trioshadow.evidence` is `scorecard(objective)`. From another thread than the shadower's it waits for the loop.
        """
        return self._post.ask(lambda: self._ledger.evidence.to_dict(time.time()))

    def scorecard(self, objective: Objective | None = None) -> Scorecard:
        """Is the candidate good enough? From all calls of the current epoch, as they are at this moment; if a ramp has
        tried again, from those since it last did.

        None: by the shadower's own objective. A card for other limits does without what must be counted for them,
        whether it is slower and whether a field is broken now, and says so. To be asked as often as one likes: its
        error level holds for all moments together. From another thread than the shadower's it waits for the loop.
        """

        def card() -> Scorecard:
            evidence = self._ledger.evidence
            return scorecard_of(evidence, evidence.objective if objective is None else objective)

        return self._post.ask(card)

    async def wait_idle(self) -> None:
        """Wait until nothing is in flight, the channel is empty, and log and sinks have caught up.

        A checkpoint. Any number of tasks may wait. It returns when that was so: calls made meanwhile may be in flight.
        """
        await self._consumer.wait_until(self._consumer.is_idle)

    def __repr__(self) -> str:
        name = f" {self._name!r}" if self._name else ""
        return f"<Shadower{name} {self._door.state.value}, {self._ledger.in_flight} in flight>"


def admission_of(shadower: Shadower[Any, Any, Any]) -> Admission:
    """What our own edges need of a shadower, and users do not."""
    return shadower._admission  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - of this file


def background_of(
    shadower: Shadower[Any, Any, Any], entered: Entered, enter: Iterable[AbstractAsyncContextManager[object]]
) -> Background:
    """As its `background()`, where it is entered through something else."""
    return shadower._background(entered, enter)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - of this file


def _epoch_of(config: ShadowConfig) -> Epoch:
    return Epoch(config.candidate, config.fingerprint)


def _require_config(config: object) -> ShadowConfig:
    if not isinstance(config, ShadowConfig):
        raise TypeError(f"config must be a ShadowConfig, not {type(config).__name__}")
    return config
