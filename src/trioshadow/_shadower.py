"""The Shadower: the service nursery, `start()` and `call()`, the drain.

Promises kept here:

1. *Same answer.* `call()` awaits the primary in the caller's own task, context and cancel scopes, and returns its very
   object or raises its very exception.
2. *Same time.* Between the primary's answer and the caller there is no await. `start()` and `primary_done()` are
   synchronous and short; everything else happens in the tasks of the service nursery. What no promise covers is CPU:
   shadow code and comparisons on the caller's event loop take turns with it. Keep them small, or move them off the loop
   (`trioshadow.guard`).
3. *Nothing leaks in.* The shadow's tasks are children of the service nursery, which raises nothing but what must pass.
4. *Every call is accounted for.* Each way out of `start()` enters the call in exactly one counter.
5. *Bounded.* A call is shed before it gets a leg, when legs and waiting records fill the room.
6. *Sticky.* `ShadowConfig.should_shadow` alone decides which keys are mirrored.

A leg's own promises are in `_active_leg.py`, those of its records in `_consumer.py`.

Two lifetimes: the caller's task ends with its answer, a leg with its verdict. A nursery opened and closed inside
`call()` would have to wait for its children before it could return, so each call's nursery is part of the shadower's,
and the caller does not stand in it.
"""

from __future__ import annotations

import contextvars
import enum
import functools
import random
import time
import uuid
from collections.abc import Callable, Iterable
from threading import get_ident
from types import TracebackType
from typing import Any, Generic, Self

import trio
from mmh3 import hash as mmh3_hash
from trio.lowlevel import current_trio_token, disable_ki_protection, enable_ki_protection

from ._accounts.consumer import PATIENCE, Consumer
from ._accounts.ledger import Ledger, ShadowStatistics
from ._accounts.log import DivergenceLog
from ._accounts.notices import Notices
from ._accounts.sink import Sink, SinkTarget
from ._active_leg import ActiveLeg, Desk
from ._comparer import Comparer, ThreadComparer
from ._gate import Gate, LegBreaker
from ._host import HostPool
from ._in_shadow import ShadowMark, shadow_mark
from ._judge import PrimarySide, compare_failure
from ._kill_file import EVERY, VARIABLE, KillFile, kill_file
from ._leg import OPERATION_LIMIT, IdleLeg, Leg, NamedIdleLeg
from ._model.backend import BackendLike, RequestT, as_callable
from ._model.errors import ShadowerNotRunning, passing_error, type_name
from ._model.sampling import SamplingKey, encode_key
from ._model.sizes import size_of
from ._model.slo import SloTracker, recorder_of
from ._model.snapshot import ATOMS, Packed, copy_request
from ._model.verdict import IN_FLIGHT, HeldBack, Verdict
from ._outcome import PrimaryT, ShadowOutcome, ShadowT
from ._pair import Pair
from ._secondary_leg import SecondaryLeg
from ._settings.config import ShadowConfig
from ._settings.records import DivergenceRecord
from .evidence import UNNAMED, Epoch, Evidence, Histogram, Objective, Operation, Scorecard
from .evidence import scorecard as scorecard_of

#: The leg of each call that is not mirrored.
_NOT_SAMPLED, _SHED, _UNKEYED, _HELD_BACK, _PAUSED, _CLOSED = (
    IdleLeg(verdict) for verdict in Verdict if not verdict.mirrored
)
_NOT_SAMPLED_SLOT = Verdict.NOT_SAMPLED.slot
_PAUSED_SLOT = Verdict.PAUSED.slot
_GIVEN_UP = IdleLeg(Verdict.ABANDONED)
_ABANDONED_SLOT = Verdict.ABANDONED.slot
_PRIMARY_ABANDONED = PrimarySide.ABANDONED

_DEFAULT_CONFIG = ShadowConfig()
_DEFAULT_OBJECTIVE = Objective()


class _State(enum.Enum):
    NEW = enum.auto()
    RUNNING = enum.auto()
    CLOSED = enum.auto()


class Shadower(Generic[RequestT, PrimaryT, ShadowT]):
    """Answers each call with the primary, and sends sampled ones to the shadow too, to compare.

        async with Shadower(old, new, ShadowConfig(sample_rate=0.1)) as shadower:
            outcome = await shadower.call(request)   # exactly as long as `await old(request)`

    Made anywhere, also at import; entered once. It belongs to the thread and the `trio.run` in which it was entered.

    `primary` and `shadow` are Backends or async functions of one argument: TypeError if neither callable nor with a
    `call`. What is callable but not async is found out at the first call. `name` tells shadowers apart in warnings and
    in task names. `log` takes the divergences (by default a new `DivergenceLog(128)`); `sinks` get every record:
    targets, or `Sink(target, ...)`.

    `secondary` is another copy of the primary, or the primary itself for calls without side effects: a sub-sample of
    the mirrored calls (`config.noise_rate`) goes to it too, so that what the old backend does by itself is told apart
    from what the new one does. `slo` is anything with `record(success: bool)`: it is told each verdict but
    `abandoned`, True for a match, on the event loop, so it should be quick. `breaker` is a
    `trioshadow.guard.Breaker`, or anything with the methods of a `LegBreaker`: while it is open, no leg starts, and
    sampled calls are counted `paused`. `comparer` compares large bodies (`config.large_body`): by default a
    `ThreadComparer()`, with two threads.

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
    ) -> None:
        self._primary = as_callable(primary, "primary")
        self._shadow = shadow
        shadow_call = as_callable(shadow, "shadow")
        self._config = _require_config(config)
        self._name = name
        self._notices = Notices(name)
        self._ledger = Ledger(_epoch_of(config), lambda: uuid.uuid4().hex, time.time)
        if log is None:
            log = DivergenceLog()
        elif not isinstance(log, DivergenceLog):
            raise TypeError(f"log must be a DivergenceLog, as in DivergenceLog(1000), not {type(log).__name__}")
        self._consumer = Consumer(log, [Sink.of(sink) for sink in sinks], self._ledger, self._notices)
        self._desk = Desk(
            shadow=shadow_call,
            secondary=None if secondary is None else as_callable(secondary, "secondary"),
            slo=None if slo is None else recorder_of(slo),
            gate=None if breaker is None else Gate(breaker, self._notices),
            comparer=_require_comparer(comparer),
            name=name,
            ledger=self._ledger,
            consumer=self._consumer,
            notices=self._notices,
        )
        self._random = random.Random()  # noqa: S311 - which calls are paired is no secret
        self._pool = HostPool()
        self._state = _State.NEW
        self._paused = False
        self._killed = False
        self._stopped = False
        """Either of them: one question on the path of all calls."""
        #: Permits of the breaker that are given back at the next call: (permit, those before). Where a stack is full,
        #: as little as a call does not fit.
        self._owed: tuple[int, Any] | None = None
        #: The thread in which calls are mirrored; None while there is none, so that one comparison tells both.
        self._thread: int | None = None

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def call(
        self, request: RequestT, *, key: SamplingKey | None = None, operation: str = ""
    ) -> ShadowOutcome[PrimaryT, ShadowT]:
        """Answer with the primary: `outcome.primary` is what `await primary(request)` returns, and what that raises is
        raised.

        Adds no checkpoint and takes no time of its own beyond the synchronous work of `start()` and of the primary's
        view. `key` is the sampling key (by default `config.key(request)`, or the request itself); `operation` names
        what is called, for the records. Cancelling the caller cancels the primary, as without a shadower, and abandons
        the leg.

        Raises ShadowerNotRunning if the shadower was never entered.
        """
        # No signal can come between the return of _start() and the try: CPython looks for signals at calls and backward
        # jumps.
        leg = self._start(request, key, operation)
        try:
            answer = await self._primary(request)
        except BaseException as exc:
            leg.primary_raised(exc)
            raise
        return leg.primary_done(answer)

    def start(
        self, request: RequestT, *, key: SamplingKey | None = None, operation: str = ""
    ) -> Leg[PrimaryT, ShadowT]:
        """Decide whether this call is mirrored, and start the shadow if so. Synchronous.

        For what is not one `await`; see `Leg` for how it is ended. Copies the request for the shadow where it is
        mutable. Raises ShadowerNotRunning if the shadower was never entered, and nothing else.
        """
        return self._in_hand(self._start(request, key, operation), operation)

    def _in_hand(self, leg: Leg[PrimaryT, ShadowT], operation: str) -> Leg[PrimaryT, ShadowT]:
        # Whoever holds a leg may name it.
        if isinstance(leg, IdleLeg):
            return NamedIdleLeg(leg.verdict, self._ledger.evidence, _name_of(operation))
        return leg

    @enable_ki_protection
    def _start(
        self,
        request: RequestT,
        key: SamplingKey | None,
        operation: str,
        config: ShadowConfig | None = None,
        refused: HeldBack | None = None,
    ) -> Leg[PrimaryT, ShadowT]:
        if get_ident() != self._thread:
            return self._start_elsewhere(operation)
        ledger = self._ledger
        evidence = ledger.evidence
        # The type first: what is no str may not even say whether it is true.
        row = self._row(evidence, operation) if type(operation) is str and operation else evidence.unnamed
        mark = shadow_mark.get()
        if mark is not None and mark.running:
            return self._hold_back(HeldBack.IN_SHADOW, row)
        if self._stopped:
            return self._pause(row)
        if config is None:
            config = self._config
        try:
            if key is None:
                key = request if config.key is None else _key_of(config.key, request)  # type: ignore[assignment]
            key_bytes = key if type(key) is bytes else encode_key(key)
        except BaseException as exc:  # the key function is user code
            if passing_error(exc) is not None:
                raise
            key_bytes = b""
            if config.sample_rate < 1:
                self._notices.say("unkeyed", f"a request has no sampling key ({_no_key(key, exc)}): not mirrored")
                return self._idle(_UNKEYED, row)
        rate = config.sample_rate
        # At 0 there is nothing to hash for; else this is config.should_shadow(), without a call on the path of most
        # calls.
        if rate < 1 and (rate <= 0 or mmh3_hash(key_bytes, config.seed, False) >= config.threshold):  # noqa: FBT003
            row.counts[_NOT_SAMPLED_SLOT] += 1  # and this is _idle()
            return _NOT_SAMPLED
        if not self._in_own_run():
            return self._closed("they come from another trio.run than the shadower's", operation)
        if refused is not None:
            return self._hold_back(refused, row)
        if (config.may_mirror is not None or type(request) not in ATOMS) and not self._may_mirror(config, request):
            return self._hold_back(HeldBack.NOT_ALLOWED, row)
        gate = self._desk.gate
        permit = None
        if gate is not None:
            try:
                permit = self._permit_of(gate)
            except RecursionError:  # as below
                permit = None
            if permit is None:
                row.counts[_PAUSED_SLOT] += 1
                ledger.paused_by_breaker += 1  # after it: a part is never more than the whole
                return _PAUSED
        size = size_of(request)
        if not ledger.admit(config.max_in_flight, config.max_in_flight_bytes - size, row):
            if permit is not None:
                self._owed = (permit, self._owed)
            self._notices.say("shed", "calls are shed: max_in_flight or max_in_flight_bytes is reached")
            return _SHED
        try:
            # The evidence that the row is of: user code that ran since may have begun another epoch.
            leg: ActiveLeg[PrimaryT, ShadowT] = ActiveLeg(
                self._desk, config, key_bytes, operation, evidence=evidence, row=row, permit=permit
            )
            return self._start_shadow(leg, request, size)
        except RecursionError:
            # The caller is so deep that the primary still fits and a leg does not. No call in here: it would not
            # either.
            counts = row.counts
            ledger.in_flight -= 1
            row.held -= 1
            counts[IN_FLIGHT] -= 1
            counts[_ABANDONED_SLOT] += 1
            if permit is not None:
                self._owed = (permit, self._owed)
            return _GIVEN_UP

    def _permit_of(self, gate: Gate) -> int | None:
        now = self._desk.now()
        while self._owed is not None:
            owed, others = self._owed
            gate.release(owed, Verdict.ABANDONED, now)
            self._owed = others
        return gate.admit(now)

    def _row(self, evidence: Evidence, operation: str) -> Operation:
        row = evidence.operations.get(operation)
        return evidence.operation(_name_of(operation)) if row is None else row

    def _start_shadow(
        self, leg: ActiveLeg[PrimaryT, ShadowT], request: RequestT, size: int
    ) -> ActiveLeg[PrimaryT, ShadowT]:
        config = leg.config
        paired = (
            self._desk.secondary is not None
            and self._random.random() < config.noise_rate
            # A secondary that refuses to be cancelled outlasts its call, and takes no place in `in_flight` any more.
            and self._ledger.pairs < config.max_in_flight
        )
        request_of_secondary = None
        try:
            if config.copy_request is None and type(request) in ATOMS:
                leg.request = request  # the commonest case, without the calls below
            else:
                leg.request = _copy_of(config, request)
                size = size_of(leg.request)
            if config.capture is not None and config.capture.request:
                leg.captured_request = self._copy_again(config, request, leg.request)
            if paired:
                request_of_secondary = self._copy_again(config, request, leg.request)
        except BaseException as exc:
            if passing_error(exc) is not None:
                leg.give_up_at_start()
                raise
            try:
                leg.fail_at_start(compare_failure("copy_request", exc))
            except RecursionError:  # pragma: no cover - whether this still fits differs from one caller to the next
                if not leg.counted:
                    raise
            if leg.permit is not None:
                self._owed = (leg.permit, self._owed)
        else:
            if paired:
                self._launch_pair(leg, request_of_secondary)
            else:
                self._pool.launch(leg, self._spawn)
            if size:
                # Now that it runs, and without a call: before, a full stack would leave it on the ledger for ever.
                leg.held_bytes = size
                self._desk.ledger.held_bytes += size
        return leg

    def _launch_pair(self, leg: ActiveLeg[PrimaryT, ShadowT], request: Any) -> None:
        """The shadow and the secondary, in random order, so that time favours neither."""
        secondary = SecondaryLeg(leg)
        secondary.request = request
        secondary.pair = pair = Pair(self._ledger)
        first, second = (leg, secondary) if self._random.random() < 0.5 else (secondary, leg)
        # As in _start(): no call where there was no room for one.
        try:
            self._pool.launch(first, self._spawn)
        except RecursionError:
            self._ledger.pairs -= 1
            self._ledger.pairs_begun -= 1
            raise
        try:
            self._pool.launch(second, self._spawn)
        except RecursionError:
            self._ledger.pairs -= 1
            self._ledger.pairs_begun -= 1
            if second is secondary:
                return
            secondary.primary = _PRIMARY_ABANDONED  # it looks at this before it calls anybody
            raise
        leg.pair, leg.secondary_leg = pair, secondary

    def _copy_again(self, config: ShadowConfig, request: RequestT, copied: Any) -> Any:
        """One more copy, for another than the shadow; the same where both are safe to have it."""
        if copied is request or type(copied) is Packed:
            return copied
        return _copy_of(config, request)

    def start_if_running(
        self,
        request: RequestT,
        *,
        key: SamplingKey | None = None,
        operation: str = "",
        config: ShadowConfig | None = None,
        refused: HeldBack | None = None,
    ) -> Leg[PrimaryT, ShadowT]:
        """`start()` for those who build drop-in forms, which are live before any shadower runs.

        Before that it counts `closed` and warns once. `config` takes the place of the shadower's own; a call that the
        form itself refuses to mirror is held back for the cause `refused`, if it is sampled.
        """
        if self._state is _State.NEW:
            return self._in_hand(self._closed("it was never entered", operation), operation)
        return self._in_hand(self._start(request, key, operation, config, refused), operation)

    def may_mirror(self, request: RequestT) -> bool:
        """What `config.may_mirror`, or the request's type, says of this request; False if that raises."""
        return self._may_mirror(self._config, request)

    @enable_ki_protection
    def _may_mirror(self, config: ShadowConfig, request: RequestT) -> bool:
        may_mirror = config.may_mirror
        try:
            if may_mirror is None:
                may_mirror = getattr(type(request), "__may_mirror__", None)
                if may_mirror is None:
                    return True
            return _answer_of(may_mirror, request)
        except BaseException as exc:  # user code
            if passing_error(exc) is not None:
                raise
            self._notices.say("may_mirror", f"may_mirror raised {type_name(type(exc))}: not mirrored")
            return False

    def _hold_back(self, cause: HeldBack, row: Operation) -> IdleLeg:
        self._ledger.hold_back(cause, row)
        return _HELD_BACK

    def _idle(self, leg: IdleLeg, row: Operation) -> IdleLeg:
        row.counts[leg.verdict.slot] += 1
        return leg

    def _closed(self, why: str, operation: str) -> IdleLeg:
        self._ledger.count_elsewhere(_name_of(operation))
        self._notices.say(f"closed: {why}", f"calls are served by the primary and not mirrored: {why}", once=True)
        return _CLOSED

    def _start_elsewhere(self, operation: str) -> IdleLeg:
        if self._state is _State.NEW:
            raise ShadowerNotRunning(
                "this shadower was never entered: wrap the program that calls it in `async with shadower:`"
            )
        if self._state is _State.CLOSED:
            return self._closed("the shadower was left", operation)
        return self._closed("they come from another thread than the shadower's", operation)

    def _in_own_run(self) -> bool:
        # A leg started from another run "works", and corrupts both.
        try:
            return current_trio_token() is self._token
        except RuntimeError:  # not in a run at all: the shadower's own broke off before it could close
            return False

    def _spawn(self, async_fn: Callable[..., Any], *args: Any) -> None:
        # In the shadower's context: a host outlives the caller that it is first made for.
        self._context.run(functools.partial(self._service.start_soon, async_fn, *args, name="trioshadow host"))

    # ── the two lifetimes ────────────────────────────────────────────────────────────────────────────────────────────

    @enable_ki_protection
    async def __aenter__(self) -> Self:
        """Open the service nursery. RuntimeError the second time."""
        if self._state is not _State.NEW:
            raise RuntimeError("a Shadower is entered once: make a new one (they are cheap)")
        self._token = current_trio_token()
        # Not in __init__: one that was made at import may be forked before it is entered, and each child counts for
        # itself.
        self._ledger.begin_series()
        self._random.seed()
        self._desk.now = trio.lowlevel.current_clock().current_time
        # Comparisons and the shadow's view run in the hosts' context: what they call must not be mirrored either.
        self._context = _unmirrored_context(of_shadow=True)
        path = kill_file()
        file = None if path is None else KillFile(path, self._kill)
        if file is not None:
            with trio.move_on_after(EVERY):  # a file system that hangs must not hold up a service that starts
                await file.look()
        self._service_manager = trio.open_nursery()
        self._service = await self._service_manager.__aenter__()
        # What sinks call must not be mirrored, or they would feed themselves; but their writes are meant.
        start_consumer = functools.partial(self._service.start_soon, self._consumer.run, name="trioshadow consumer")
        _unmirrored_context(of_shadow=False).run(start_consumer)
        self._watch_scope = trio.CancelScope()
        self._kill_scope = trio.CancelScope()
        self._service.start_soon(self._watch, name="trioshadow watch")
        if file is not None:
            self._service.start_soon(self._watch_kill_file, file, name="trioshadow kill file")
        self._state = _State.RUNNING
        self._thread = get_ident()
        return self

    @enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Drain, flush and close, as the class says. An exception of the body leaves as itself."""
        self._close_door()
        try:
            if exc is None:
                with trio.move_on_after(self._config.drain_timeout):
                    await self._consumer.wait_until(self._no_legs)
        finally:
            await self._finish()

    @enable_ki_protection
    async def _finish(self) -> None:
        try:
            with trio.CancelScope(shield=True):
                self._cancel_legs()
                with trio.move_on_after(PATIENCE):
                    await self._consumer.wait_until(self._no_legs)
                if not self._no_legs():
                    which = ", ".join(name or "(no operation named)" for name in self._pool.operations()[:5])
                    self._notices.say(
                        "held up",
                        f"the exit waits for {self._ledger.in_flight or self._ledger.pairs} shadow(s) that refuse to "
                        f"be cancelled: {which}",
                    )
                    await self._consumer.wait_until(self._no_legs)
                await self._consumer.flush(self._config.drain_timeout)
        finally:
            self._consumer.cut_off()
            self._watch_scope.cancel()
            self._kill_scope.cancel()
            await self._close_service()  # all its tasks have ended, or a KeyboardInterrupt is on its way

    @enable_ki_protection
    async def _close_service(self) -> None:
        try:
            # The body's exception is not shown to the nursery, which would put it into a group. If a KeyboardInterrupt
            # out of a leg has cancelled the nursery, and so the body, that one is raised in place of the body's
            # Cancelled.
            await self._service_manager.__aexit__(None, None, None)
        except BaseException as group:
            # Anything else would be a bug of ours, and is shown whole.
            raise (passing_error(group) or group) from None

    def _no_legs(self) -> bool:
        return not (self._ledger.in_flight or self._ledger.pairs)

    def _close_door(self) -> None:
        self._thread = None
        self._state = _State.CLOSED

    def _cancel_legs(self) -> None:
        self._desk.cancelled = True
        self._pool.cancel()

    async def _watch(self) -> None:
        """Learn that the scope around the shadower was cancelled, while callers may go on in a shield."""
        try:
            with self._watch_scope:
                await trio.sleep_forever()
        except trio.Cancelled:
            # Swallowed: this is the end of the task, and the nursery must not be cancelled by it.
            self._close_door()
            self._cancel_legs()

    async def _watch_kill_file(self, file: KillFile) -> None:
        with self._kill_scope:
            await file.watch()

    # ── at run time ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def config(self) -> ShadowConfig:
        """The configuration of the next call."""
        return self._config

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    @property
    def shadow(self) -> BackendLike[RequestT, ShadowT]:
        """As given."""
        return self._shadow

    @property
    def was_entered(self) -> bool:
        """Is it running, or has it been?"""
        return self._state is not _State.NEW

    @property
    def running(self) -> bool:
        """Is it entered, and not left yet?"""
        return self._state is _State.RUNNING

    @enable_ki_protection  # an epoch that is begun by half would count calls that no statistics have
    def reconfigure(self, config: ShadowConfig) -> None:
        """Use `config` from the next call on; legs in flight keep the one they started with.

        Another `candidate`, or other rules, begin a new epoch: the scorecard begins anew. Another rate does not.
        """
        self._config = _require_config(config)
        epoch = _epoch_of(config)
        if epoch != self._ledger.evidence.epoch:
            self._ledger.begin_epoch(epoch)

    @enable_ki_protection
    def pause(self) -> None:
        """Mirror no more calls (they are counted `paused`) until `resume()`. Legs in flight go on."""
        self._paused = self._stopped = True

    @enable_ki_protection
    def resume(self) -> None:
        """Mirror again, as the configuration says, unless the kill file is there."""
        self._paused = False
        self._stopped = self._killed

    @property
    def paused(self) -> bool:
        """Is it paused, by `pause()` or by the kill file?"""
        return self._stopped

    @enable_ki_protection
    def _kill(self, is_there: bool) -> None:
        self._killed = is_there
        self._stopped = self._paused or is_there
        told = "is there: no call is mirrored until it is removed" if is_there else "is not there: calls are mirrored"
        self._notices.say(f"kill file {is_there}", f"the kill file that {VARIABLE} names {told}")

    def _pause(self, row: Operation) -> IdleLeg:
        row.counts[_PAUSED_SLOT] += 1
        if not self._paused:
            self._ledger.paused_by_kill_file += 1  # after it: a part is never more than the whole
        return _PAUSED

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
        self, max_buffer: int = 256, *, name: str = "subscribers"
    ) -> trio.MemoryReceiveChannel[DivergenceRecord]:
        """A channel of the records from now on, for a task of yours. It ends when the shadower is left; close it when
        done.

        A subscriber that has `max_buffer` records waiting, in [1, inf), loses further ones; its losses are counted
        under `name` in `statistics().records_dropped`, of more than 100 names under `(other)`. ValueError for an
        infinite buffer.
        """
        if isinstance(max_buffer, bool) or not isinstance(max_buffer, int) or max_buffer < 1:
            raise ValueError(f"max_buffer must be a count in [1, inf), not {max_buffer!r}")
        return self._consumer.subscribe(max_buffer, name)

    def statistics(self) -> ShadowStatistics:
        """All counts at this moment. From any thread."""
        gate = self._desk.gate
        return self._ledger.statistics(self._consumer.dropped(), None if gate is None else gate.state)

    def latencies(self) -> dict[str, Histogram]:
        """How long the compared calls took since the shadower was made: `primary`, `shadow` and `secondary`. From any
        thread; 0.15 ms for ten operations, 12 ms for the fullest evidence there can be.
        """
        return dict(zip(("primary", "shadow", "secondary"), self._ledger.latencies(), strict=True))

    def snapshot(self) -> dict[str, Any]:
        """What was counted of the current epoch, as plain data that nobody counts in any more.

        For a scorecard whose cost is another thread's: `scorecard(Evidence.from_dict(snapshot), objective)` of
        `trioshadow.evidence` is `scorecard(objective)`. In the shadower's own thread only. It takes a millisecond for
        ten operations, and 60 to 120 for the fullest evidence there can be.
        """
        return self._ledger.evidence.to_dict(time.time())

    def scorecard(self, objective: Objective = _DEFAULT_OBJECTIVE) -> Scorecard:
        """Is the candidate good enough? From all calls of the current epoch, as they are at this moment.

        To be asked as often as one likes: its error level holds for all moments together. It takes a few
        milliseconds for ten operations, and a few hundred for the fullest evidence there can be: of the event loop's
        time, if it is called there. Nor can it be called anywhere else while calls are made: another thread may meet
        what it reads half changed. `snapshot()` is the way to do without the loop.
        """
        return scorecard_of(self._ledger.evidence, objective)

    async def wait_idle(self) -> None:
        """Wait until nothing is in flight, the channel is empty, and log and sinks have caught up.

        A checkpoint. Any number of tasks may wait. It returns when that was so: calls made meanwhile may be in flight
        again.
        """
        await self._consumer.wait_until(self._consumer.is_idle)

    def __repr__(self) -> str:
        name = f" {self._name!r}" if self._name else ""
        return f"<Shadower{name} {self._state.name.lower()}, {self._ledger.in_flight} in flight>"


def _unmirrored_context(*, of_shadow: bool) -> contextvars.Context:
    """A copy of the current context in which calls are held back."""
    context = contextvars.copy_context()
    mark = ShadowMark(of_shadow=of_shadow)
    context.run(shadow_mark.set, mark)
    return context


def _no_key(key: object, exc: BaseException) -> str:
    return type_name(type(exc)) if key is None else f"{type_name(type(exc))}, the key is a {type_name(type(key))}"


@disable_ki_protection
def _key_of(key: Callable[[Any], SamplingKey], request: Any) -> SamplingKey:
    return key(request)


@disable_ki_protection
def _answer_of(may_mirror: Callable[[Any], bool], request: Any) -> bool:
    return bool(may_mirror(request))


@disable_ki_protection
def _copy_of(config: ShadowConfig, request: Any) -> Any:
    return copy_request(request) if config.copy_request is None else config.copy_request(request)


def _name_of(operation: object) -> str:
    return operation[:OPERATION_LIMIT] if type(operation) is str else UNNAMED


def _epoch_of(config: ShadowConfig) -> Epoch:
    return Epoch(config.candidate, config.fingerprint)


def _require_comparer(comparer: Comparer | None) -> Comparer:
    if comparer is None:
        return ThreadComparer()
    if not callable(getattr(comparer, "compare", None)):
        raise TypeError(f"comparer must have an async `compare`, as ThreadComparer(), not {type(comparer).__name__}")
    return comparer


def _require_config(config: object) -> ShadowConfig:
    if not isinstance(config, ShadowConfig):
        raise TypeError(f"config must be a ShadowConfig, not {type(config).__name__}")
    return config
