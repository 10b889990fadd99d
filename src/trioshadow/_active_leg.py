"""The leg of a mirrored call, from `start()` to its verdict.

Promises kept here:

- *Nothing leaks in*: whatever the shadow raises becomes words. Only KeyboardInterrupt and GeneratorExit pass.
- *Every call is accounted for*: a leg settles exactly once, in `_settle`, which every path of its host ends in.
- *Nothing is kept alive*: what a leg holds of the caller (request, answer, view) is let go when it settles, and no
  exception is ever held, only its shape.

A leg has two inputs. The shadow runs in a task of its own (`run_shadow`), a child of this call's nursery; the primary's
side is told by the caller (`primary_done`, `primary_raised`, `abandon`). When the shadow ends, the leg's host
(`_host.py`) closes the nursery; when the primary's side is known too, it calls `finish`. Only then is it known whether
the shadow left its task in order (`crashed`), so only then is anything compared (`_judge.py`). The deadline, which is
the nursery's, covers the shadow alone: the primary may take as long as it likes.

Who cancelled a shadow? Its own code sees one `Cancelled` for all causes, and afterwards it is too late to tell them
apart, so each cause leaves its mark at the moment it acts: `abandon()` and the closing shadower set a flag before they
cancel, and the deadline is caught by the host's abort function, which Trio calls in the very step in which it looks at
the clock.
"""

from __future__ import annotations

import contextvars
import functools
import math
import time
from collections.abc import Awaitable, Callable
from threading import get_ident
from types import CoroutineType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

import trio
from trio.lowlevel import disable_ki_protection, enable_ki_protection

from ._in_shadow import LegMark, Settled, shadow_mark
from ._judge import (
    Cut,
    Judgement,
    Large,
    LegFacts,
    PrimarySide,
    ShadowSide,
    compare_failure,
    is_plain_match,
    judge,
    judgement_of,
)
from ._leg import OPERATION_LIMIT, Leg
from ._model.errors import consists_of, describe_error, error_words, first_other, passing_error, type_name
from ._model.kinds import is_a
from ._model.sampling import counting_hash
from ._model.sizes import size_of
from ._model.snapshot import ATOMS, Copied, Deferred, Packed, snapshot
from ._model.verdict import FailureKind, ShadowFailure, Verdict
from ._outcome import PrimaryT, ShadowOutcome, ShadowT
from ._pair import Pair
from ._settings.capture import captured
from ._settings.records import Captured, DivergenceRecord
from ._steps import in_steps
from .compare import Divergence
from .evidence import COMPARED, Evidence, Observation, Operation, fields_of

if TYPE_CHECKING:
    from ._accounts.consumer import Consumer
    from ._accounts.ledger import Ledger
    from ._accounts.notices import Notices
    from ._comparer import Comparer
    from ._gate import Gate
    from ._host import LegHost
    from ._secondary_leg import SecondaryLeg
    from ._settings.capture import Capture
    from ._settings.config import ShadowConfig

#: A record keeps this many bytes of its key.
KEY_LIMIT = 256

#: A loop that is no later than this, in seconds, is never called late.
_PUNCTUAL = 0.05

# Bound once: reading a member off its class costs 0.1 µs on Python 3.11, and a leg reads some ten.
_PENDING, _DONE, _RAISED, _ABANDONED = PrimarySide
_RUNNING, _ANSWERED, _FAILED, _CANCELLED = ShadowSide
_UNCUT, _BY_DEADLINE, _BY_LATE_LOOP, _BY_OTHERS = Cut


_MATCHED = Verdict.MATCHED
_MATCH: Judgement = _MATCHED, None, None
_COMPARED = frozenset(verdict.slot for verdict in COMPARED)


class Desk:
    """What all legs of one shadower share: whom they call, where they report."""

    __slots__ = (
        *("cancelled", "comparer", "consumer", "gate", "ledger", "notices", "now", "secondary", "shadow", "slo"),
        "task_name",
    )

    now: Callable[[], float]
    """The run's clock, without the way through the run that `trio.current_time()` takes: 0.1 against 0.2 µs."""

    def __init__(
        self,
        *,
        shadow: Callable[[Any], Awaitable[Any]],
        secondary: Callable[[Any], Awaitable[Any]] | None,
        slo: Callable[[bool], object] | None,
        gate: Gate | None,
        comparer: Comparer,
        name: str,
        ledger: Ledger,
        consumer: Consumer,
        notices: Notices,
    ) -> None:
        self.shadow = shadow
        self.secondary = secondary
        self.slo = slo
        self.gate = gate
        self.comparer = comparer
        self.task_name = f"trioshadow leg of {name or 'shadower'}"
        self.ledger = ledger
        self.consumer = consumer
        self.notices = notices
        #: The legs are being cancelled: the shadower is left, or the scope around it was cancelled.
        self.cancelled = False


class ActiveLeg(LegFacts, Leg[PrimaryT, ShadowT]):
    """The leg of a mirrored call: the shadow's. (The secondary's is made of it: `_secondary_leg.py`.)"""

    mirrored = True

    __slots__ = (
        *("_deadline", "_key_hash", "_outcome", "_primary_seconds", "_settled", "_started", "_thread", "backend"),
        *("captured", "captured_request", "counted", "desk", "evidence", "held_bytes", "host", "key", "large", "mark"),
        *("operation", "pair", "permit", "request", "reserved_bytes", "row", "secondary_leg"),
    )

    request: Any
    host: LegHost | None
    secondary_leg: SecondaryLeg | None
    """If there is a secondary, until it knows the primary's side."""
    pair: Pair | None
    held_bytes: int
    """Of what it holds, as far as known, and as the ledger has it."""
    reserved_bytes: int
    """Of these, for the answer that is not there yet."""
    large: Large | None
    """What is to be compared elsewhere."""
    mark: LegMark | None
    """Since the shadow's task began."""
    captured_request: Any
    captured: Captured | None
    """What the record keeps of the call."""
    counted: bool
    """Has the ledger its verdict?"""
    _settled: bool
    _primary_seconds: float | None
    _deadline: float

    def __init__(
        self,
        desk: Desk,
        config: ShadowConfig,
        key: bytes,
        operation: str,
        *,
        evidence: Evidence,
        row: Operation,
        permit: int | None = None,
    ) -> None:
        self.desk = desk
        self.backend = desk.shadow
        self.config = config
        self.key = key[:KEY_LIMIT]  # legs may be many and keys a megabyte
        self._key_hash = counting_hash(key)
        self.operation = operation[:OPERATION_LIMIT] if type(operation) is str else ""
        self.evidence = evidence
        self.row = row
        #: Of the breaker, if there is one: to be given back.
        self.permit = permit
        self._thread = get_ident()
        self._outcome: ShadowOutcome[PrimaryT, ShadowT] = ShadowOutcome(None, None)  # type: ignore[arg-type]
        self.request = self.host = self.secondary_leg = self.pair = self.large = self.mark = None
        self.captured_request = self.captured = self._primary_seconds = None
        self.held_bytes = self.reserved_bytes = 0
        self._settled = self.counted = self.gave_way = False
        self._deadline = math.inf
        self.primary, self.shadow, self.cut = _PENDING, _RUNNING, _UNCUT
        self.primary_value = self.primary_error = self.answer = self.error = self.shadow_seconds = None
        self.crash = self.own_failure = self.primary_failure = None
        self._started = desk.now()

    # ── the caller's side ────────────────────────────────────────────────────────────────────────────────────────────

    @enable_ki_protection
    def name_operation(self, operation: str) -> None:
        """Name what is called, for the counts and the records."""
        if self._thread != get_ident():
            self._refuse()  # its row would be counted in two threads at once
        if type(operation) is str and not self._settled:
            self.operation = operation[:OPERATION_LIMIT]
            row = self.evidence.operation(self.operation)
            self.desk.ledger.rename_leg(self.row, row)
            self.row = row

    @enable_ki_protection
    def primary_done(self, answer: PrimaryT) -> ShadowOutcome[PrimaryT, ShadowT]:
        """The primary answered. Takes what is to be compared from the answer at once, so that it may change
        afterwards.
        """
        if self.primary is not _PENDING or self._thread != get_ident():
            self._refuse()
        self.primary = _DONE  # before the view, which must not end this leg a second time
        self._outcome.primary = answer
        self._primary_seconds = self.desk.now() - self._started
        try:
            if self.config.primary_view is None and type(answer) in ATOMS:
                self.primary_value = answer  # the commonest case, without the calls below
            elif not self._settled:
                self.primary_value = _view_of_primary(self.config, answer)
            if not (self._settled or self._holds(self.primary_value)):
                self._conclude(_ABANDONED)
                return self._outcome
        except BaseException as exc:  # the view is user code, and so may be the answer's class
            if passing_error(exc) is not None:
                self._conclude(_ABANDONED)
                raise
            what = "answer" if self.config.primary_view is None else "view"
            self.own_failure = self.primary_failure = compare_failure(f"the primary's {what}", exc)
        self._conclude(_DONE)
        return self._outcome

    @enable_ki_protection
    def primary_raised(self, exc: BaseException) -> None:
        """The primary raised. An Exception is compared with what the shadow does; any other (Cancelled) abandons the
        leg.
        """
        if self.primary is not _PENDING or self._thread != get_ident():
            self._refuse()
        if not is_a(exc, Exception):
            self._conclude(_ABANDONED)
            return
        self._primary_seconds = self.desk.now() - self._started
        try:
            self.primary_error = error_words(exc)
        except BaseException:  # a KeyboardInterrupt in its `__str__`: nothing else comes out of that
            self._conclude(_ABANDONED)
            raise
        self._conclude(_RAISED)

    @enable_ki_protection
    def abandon(self) -> None:
        """There will be no answer: the shadow is cancelled and the leg counted `abandoned`."""
        if self.primary is not _PENDING or self._thread != get_ident():
            self._refuse()
        self._conclude(_ABANDONED)

    @enable_ki_protection
    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        """Abandon the leg if it was not ended."""
        if self.primary is _PENDING:
            self.abandon()

    def _refuse(self) -> NoReturn:
        if self._thread != get_ident():
            raise RuntimeError(
                "a leg is named and ended in the thread that started it: hand the answer over with trio.from_thread"
            )
        raise RuntimeError("this leg has ended: call one of primary_done, primary_raised and abandon, once")

    def _conclude(self, primary: PrimarySide) -> None:
        self.primary = primary
        host, secondary = self.host, self.secondary_leg
        if secondary is not None:
            self.secondary_leg = None
            secondary.primary_known(self)
        if host is None:
            return  # the shadow has not started yet, and looks at this before it does; or the leg has settled already
        if self.shadow is not _RUNNING:
            host.wake()
        elif primary is _ABANDONED:
            host.nursery.cancel_scope.cancel()

    # ── the shadow's side ────────────────────────────────────────────────────────────────────────────────────────────

    async def run_shadow(self) -> None:
        """The shadow's task: a child of this call's nursery, in a copy of the caller's context.

        A child, and not inline in the host: a shadow that leaves a nursery open corrupts the task it ran in, and then
        this one ends in a RuntimeError that the nursery hands to the host, where inline the whole run would end.
        """
        desk, host = self.desk, self.host
        assert host is not None
        if self.primary is _ABANDONED or desk.cancelled:
            self.shadow = _CANCELLED
            host.wake()
            return
        self.mark = mark = LegMark()
        shadow_mark.set(mark)
        started = desk.now()
        self._deadline = host.nursery.cancel_scope.deadline = started + self.config.shadow_timeout
        entered = False
        try:
            request = self.request
            if type(request) is Packed or type(request) is Copied:
                request = request.load()
            self.request = None  # the shadow has it now: what it was made from need not be kept beside it
            entered = True
            limit = self.config.max_step_seconds
            answering = self.backend(request)
            # Neither a subclass nor what looks like one: the driver reads its frames.
            if limit < math.inf and type(answering) is CoroutineType:
                answering = in_steps(answering, limit, self._stalled)
            self.answer = await answering
            if not self._holds(self.answer):
                self.answer, self.gave_way = None, True
            ended = _ANSWERED
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            if not entered:
                self.own_failure = compare_failure("copy_request", exc)
                ended = _FAILED
            else:
                # Cancelled is swallowed here on purpose: the cause has left its mark, and this is the end of the task.
                ended = _CANCELLED if consists_of(exc, trio.Cancelled) else _FAILED
                self.error = error_words(exc if self.cut is _UNCUT else first_other(exc, trio.Cancelled) or exc)
        finally:
            mark.running = False
            self.shadow_seconds = desk.now() - started
        self.shadow = ended
        host.wake()

    def _stalled(self, seconds: float, where: str) -> None:
        """A step of the shadow took too long. Runs in its task, in the midst of it, and raises nothing."""
        desk = self.desk
        desk.ledger.stalls += 1
        side = "secondary" if self.secondary else "shadow"
        desk.notices.say("stall", f"a step of the {side} kept the event loop for {seconds:.3g} s, up to {where}")
        if desk.gate is not None and not self.secondary:
            desk.gate.trip(f"a step of the shadow took {seconds:.3g} s", desk.now())

    def _holds(self, answer: object) -> bool:
        """It holds the answer of one side. False: there is no room for that, and this leg has to give way.

        The first side takes room for the other's too, as if that were of the same size: or else, of many legs that have
        one answer each, none would find room for its second.
        """
        size = size_of(answer)
        if size == self.reserved_bytes:  # mostly: the second is as large as the first, or neither has a size
            self.reserved_bytes = 0
            return True
        first = self.primary is _PENDING or self.shadow is _RUNNING
        reserved = size if first and not self.reserved_bytes else 0
        more = size + reserved - self.reserved_bytes
        ledger = self.desk.ledger
        if ledger.held_bytes + more > self.config.max_in_flight_bytes:
            ledger.gave_way["bytes"] += 1
            self.desk.notices.say("bytes", "legs are abandoned: what they hold would pass max_in_flight_bytes")
            return False
        self.reserved_bytes = reserved
        self.held_bytes += more
        ledger.held_bytes += more
        return True

    def interrupted(self) -> None:
        """The host's wait for this leg is being cancelled, in this very step of Trio's loop.

        If it is by the deadline, was the loop there in time? A loop that was blocked for so long that it comes by more
        than half of the whole timeout late (and by more than an idle loop may, which sleeps in whole milliseconds) has
        not given the shadow its turns: then an answer that is ready counts, and a cancelled shadow is abandoned rather
        than blamed.
        """
        if self.shadow is _RUNNING and self.primary is not _ABANDONED:
            late = self.desk.now() - self._deadline
            if late > max(self.config.shadow_timeout / 2, _PUNCTUAL):
                self.cut = _BY_LATE_LOOP
            else:
                self.cut = _BY_DEADLINE if late >= 0 else _BY_OTHERS

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def crashed(self, crash: BaseException) -> None:
        """`crash` came out of this call's nursery: the shadow did not leave its task in order, or it was cancelled."""
        if self.shadow is _RUNNING:
            self.shadow = _FAILED
        if passing_error(crash) is not None:
            self._settle(Verdict.ABANDONED, None, None)
            return
        corrupted = first_other(crash, trio.Cancelled)
        if corrupted is not None:
            self.crash = describe_error(corrupted)

    @property
    def settled(self) -> bool:
        """Has it a verdict?"""
        return self._settled

    def waits_for_primary(self) -> bool:
        """The nursery is closed; is the primary's side still to come?"""
        return self.primary is _PENDING and not self.desk.cancelled

    @enable_ki_protection
    def finish(self) -> bool:
        """Both sides are known, or one will never be. Called once, by the host, in the host's task.

        False: it is not settled yet, since what is to be compared is large: the host awaits `finish_elsewhere()`.
        """
        judgement: Judgement = Verdict.ABANDONED, None, None
        try:
            # Others' code in a context of its own: what a comparison sets there must not meet the next one.
            judgement = _MATCH if is_plain_match(self) else contextvars.copy_context().run(self._judge)
        except BaseException as exc:  # a view, an `__eq__`, a `__str__`: user code
            if passing_error(exc) is not None:
                raise
            judgement = Verdict.FAILED, None, compare_failure("the comparison", exc)
        finally:
            if self.large is None:
                self._settle(*judgement)
        return self.large is None

    @enable_ki_protection
    async def finish_elsewhere(self) -> None:
        """Compare what is large, and settle: as abandoned if that is cancelled, or if there is no place for it."""
        judgement: Judgement = Verdict.ABANDONED, None, None
        try:
            large, self.large = self.large, None
            assert large is not None
            compared = await self.desk.comparer.compare(large.primary, large.shadow, self.config)
            judgement = judgement_of(compared)
            if self.config.capture is not None:
                self._keep(self.config.capture, judgement)
        except trio.WouldBlock:
            self.desk.ledger.gave_way["comparisons"] += 1
            self.desk.notices.say("comparisons", "legs are abandoned: too many large bodies wait to be compared")
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            # Cancelled is swallowed: the shadower is closing, and this leg ends as it is.
            if not consists_of(exc, trio.Cancelled):
                judgement = Verdict.FAILED, None, compare_failure("the comparison", exc)
        finally:
            self._settle(*judgement)

    @disable_ki_protection
    def _judge(self) -> Judgement:
        judgement = judge(self, closing=self.desk.cancelled)
        if isinstance(judgement, Large):
            self.large = judgement
            return Verdict.ABANDONED, None, None
        if self.config.capture is not None:
            self._keep(self.config.capture, judgement)
        return judgement

    def _keep(self, capture: Capture, judgement: Judgement) -> None:
        """What the record keeps of the call, if there is one."""
        if (judgement[1] is not None or judgement[2] is not None) and not self.secondary:
            self.captured = self._capture(capture)  # here, since it runs the code of what is captured

    def _capture(self, capture: Capture) -> Captured:
        limit = capture.max_bytes
        return Captured(
            request=captured(self.captured_request, limit) if capture.request else None,
            primary=captured(self.primary_value, limit) if capture.answers and self.primary is _DONE else None,
            shadow=captured(self.answer, limit) if capture.answers and self.shadow is _ANSWERED else None,
        )

    @enable_ki_protection
    def fail_at_start(self, failure: ShadowFailure) -> None:
        """The request could not be copied: there will be no shadow."""
        self._settle(Verdict.FAILED, None, failure)

    @enable_ki_protection
    def give_up_at_start(self) -> None:
        """Copying the request was interrupted: nobody will hear of this leg again."""
        self.primary = _ABANDONED
        self._settle(Verdict.ABANDONED, None, None)

    def _settle(self, verdict: Verdict, divergence: Divergence | None, failure: ShadowFailure | None) -> None:
        # The callers are KI-protected: this is one step, from 'in flight' to a verdict with its record on its way.
        desk = self.desk
        self._settled = True
        if divergence is not None or failure is not None:
            desk.consumer.record(self._record(verdict, divergence, failure))
        desk.ledger.settle_leg(verdict, self.row, paired=self.pair is not None)
        self.counted = True
        if self.held_bytes:
            desk.ledger.held_bytes -= self.held_bytes
        if self.permit is not None:
            assert desk.gate is not None
            if desk.gate.release(self.permit, verdict, desk.now()):
                self.permit = None
        self._enter(verdict, divergence, failure)
        # What a shadow gave that was too late, or left its task in disorder, is no answer.
        answered = verdict is not Verdict.ABANDONED and (failure is None or failure.kind is FailureKind.COMPARE_RAISED)
        # The outcome is the leg's other half: nobody else settles it.
        self._outcome._settle(verdict, self.answer if answered else None, divergence, failure)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        mark = self.mark
        self.host = self.request = self.primary_value = self.answer = self.captured_request = None
        self.pair = self.mark = None
        if mark is not None and mark.watchers:
            self._tell_watchers(mark, verdict, failure)
        if desk.slo is not None and verdict is not Verdict.ABANDONED:
            self._tell_slo(desk.slo, verdict)
        if desk.consumer.waiters:
            desk.consumer.changed()

    def _record(
        self, verdict: Verdict, divergence: Divergence | None, failure: ShadowFailure | None
    ) -> DivergenceRecord:
        return DivergenceRecord(
            key=self.key,
            operation=self.operation,
            verdict=verdict,
            divergence=divergence,
            failure=failure,
            at=time.time(),
            primary_seconds=self._primary_seconds,
            shadow_seconds=self.shadow_seconds,
            # Not of the leg's own config: an edge has added the rules that it always has, and it is counted in this.
            epoch=self.evidence.epoch.name,
            captured=self.captured,
        )

    def _enter(self, verdict: Verdict, divergence: Divergence | None, failure: ShadowFailure | None) -> None:
        """Enter what was compared in the evidence; with a secondary, when that is known too."""
        pair = self.pair
        if pair is not None:
            observation = self._observation(verdict, divergence, failure)
            pair.shadow_done(functools.partial(self._enter_pair, observation))
            return
        row = self.row
        try:
            if verdict is _MATCHED:  # nearly always
                row.observe(self._key_hash, self._primary_seconds, self.shadow_seconds)
            elif verdict.slot in _COMPARED:
                self._observe(self._observation(verdict, divergence, failure), None)
        except BaseException as exc:
            self._not_entered(exc)

    def _enter_pair(self, shadow: Observation, secondary: Observation) -> None:
        row = self.row
        row.held -= 1
        row.secondary_counts[secondary.verdict.slot] += 1
        try:
            if shadow.verdict.slot in _COMPARED:
                self._observe(shadow, secondary if secondary.verdict.slot in _COMPARED else None)
        except BaseException as exc:
            self._not_entered(exc)

    def _observe(self, shadow: Observation, secondary: Observation | None) -> None:
        self.evidence.observe(
            self.row,
            shadow,
            secondary,
            key=self.key,
            key_hash=self._key_hash,
            at=time.time(),
            primary_seconds=self._primary_seconds,
        )

    def _not_entered(self, exc: BaseException) -> None:
        # Such as a Divergence of `compare=` that is made of anything. Out of here it would end the service nursery.
        if passing_error(exc) is not None:
            raise exc
        self.desk.notices.say("evidence", f"a call could not be entered in the evidence ({type_name(type(exc))})")

    def _observation(
        self, verdict: Verdict, divergence: Divergence | None, failure: ShadowFailure | None
    ) -> Observation:
        try:
            fields = fields_of(divergence, failure)
        except BaseException as exc:  # a Divergence that `compare=` has made of anything: reading it is user code
            if passing_error(exc) is not None:
                raise
            fields = {"body": (None, None)}
        return Observation(verdict=verdict, fields=fields, seconds=self.shadow_seconds)

    def _tell_watchers(self, mark: LegMark, verdict: Verdict, failure: ShadowFailure | None) -> None:
        watchers, mark.watchers = mark.watchers, ()
        settled = Settled(verdict=verdict, failure=failure, operation=self.operation, candidate=self.config.candidate)
        for watcher in watchers:
            self._tell_watcher(watcher, settled)

    @disable_ki_protection
    def _tell_watcher(self, watcher: Callable[[Settled], object], settled: Settled) -> None:
        try:
            watcher(settled)
        except BaseException as exc:  # a span's processors are user code
            if passing_error(exc) is not None:
                raise
            self.desk.notices.say("watcher", f"what was told a verdict raised {type_name(type(exc))}")

    @disable_ki_protection
    def _tell_slo(self, record: Callable[[bool], object], verdict: Verdict) -> None:
        try:
            record(verdict is Verdict.MATCHED)
        except BaseException as exc:  # user code
            if passing_error(exc) is not None:
                raise
            self.desk.consumer.count_dropped("slo")
            self.desk.notices.say("slo", f"the SLO tracker raised {type_name(type(exc))}")


@disable_ki_protection
def _view_of_primary(config: ShadowConfig, answer: Any) -> object:
    view = config.primary_view
    if view is None:
        return snapshot(answer)  # a Deferred is no builtin: it is kept as it is
    return snapshot(view(answer.load() if type(answer) is Deferred else answer))
