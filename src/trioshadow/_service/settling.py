"""Settling: what becomes of a judgement, the shadow's and the secondary's.

Promise kept here: *every call is accounted for*. A run settles exactly once. The shadow's settlement takes the call out
of `in_flight` and enters its verdict, enters what was compared in the evidence, settles the outcome, and tells the
instruments, who make the record arrive in log and sinks. The secondary's is counted apart, leaves no record and settles
no outcome; what it came to is entered in the evidence together with what the shadow came to (`pair.py`).
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, TypeAlias, TypedDict

from trioshadow._accounts.instruments import Settled
from trioshadow._model.errors import passing_error, type_name
from trioshadow._model.keys import KEY_LIMIT
from trioshadow._model.refusal import Lack
from trioshadow._model.sampling import counting_hash
from trioshadow._model.verdict import FailureKind, ShadowFailure, Verdict
from trioshadow._settings.config import ShadowConfig
from trioshadow._settings.context import Context
from trioshadow._settings.records import OPERATION_LIMIT, DivergenceRecord
from trioshadow.compare import Divergence
from trioshadow.evidence import COMPARED, Evidence, Observation, Operation, fields_of

from .desk import Desk
from .judging import Judgement, explained_lack
from .pair import Pair
from .run import Run
from .timing import is_contended, is_unlike

#: Told what the outcome is to show: verdict, the shadow's answer, divergence, failure.
SettleOutcome: TypeAlias = Callable[[Verdict, Any, Divergence | None, ShadowFailure | None], None]


class _Clocks(TypedDict):
    """By which clocks the sides of a call were timed."""

    primary_cpu_seconds: float | None
    contended: bool
    unlike: bool


class _Times(_Clocks):
    """With the primary's own time."""

    primary_seconds: float | None
    now: float
    """When the shadow was done, by the clock of the run."""


class Settlement(Settled):
    """What both have: what the instruments are told, and how."""

    __slots__ = ("_desk",)

    _desk: Desk

    def _tell(self, run: Run, judgement: Judgement) -> None:
        self.verdict, _, self.failure = judgement
        mark = run.mark
        if mark is None:
            self.watchers = ()
        else:
            self.watchers, mark.watchers = mark.watchers, ()
        self._desk.instruments.settled(self)
        self.watchers = ()


class ShadowSettlement(Settlement):
    """Of the shadow's run: of the call."""

    __slots__ = ("_arrived", "_context", "_evidence", "_key", "_key_hash", "_row", "_settle_outcome", "pair", "settled")

    pair: Pair | None
    """With the secondary, if that is asked too."""
    settled: bool

    def __init__(
        self,
        desk: Desk,
        config: ShadowConfig,
        key: bytes,
        operation: str,
        *,
        evidence: Evidence,
        row: Operation,
        permit: int | None,
        settle_outcome: SettleOutcome,
        arrived: Callable[[], None],
        context: Context,
    ) -> None:
        self._desk = desk
        self.side = "shadow"
        self.candidate = config.candidate
        self.operation = operation[:OPERATION_LIMIT] if type(operation) is str else ""
        self._key = key[:KEY_LIMIT]  # legs may be many and keys a megabyte
        self._key_hash = counting_hash(key)
        self._evidence = evidence
        use = config.comparison.use
        if use is not None and use is not evidence.use:
            evidence.watch(use)
        self._row = row
        self.permit = permit
        self._settle_outcome = settle_outcome
        self._arrived = arrived
        self._context = context
        self.pair = None
        self.settled = False

    def rename(self, operation: str) -> None:
        """The call is one of another operation, if that is not too late."""
        if type(operation) is str and not self.settled:
            self.operation = operation[:OPERATION_LIMIT]
            row = self._evidence.operation(self.operation)
            self._desk.ledger.rename_leg(self._row, row)
            self._row = row

    def settle(self, run: Run, judgement: Judgement) -> None:
        """From 'in flight' to a verdict. The caller is KI-protected: this is one step."""
        verdict, divergence, failure = judgement
        desk, pair = self._desk, self.pair
        if pair is not None and verdict is Verdict.CLOSED:
            pair.undo()
            pair = None
        self.settled = True
        self.pair = None
        desk.ledger.settle_leg(verdict, self._row)
        # What a shadow gave that was too late, or left its task in disorder, is no answer.
        answered = verdict is not Verdict.ABANDONED and (failure is None or failure.kind is FailureKind.COMPARE_RAISED)
        answered = answered and not run.in_place_of_error
        self._settle_outcome(verdict, run.answer if answered else None, divergence, failure)
        arrived = self._arrived
        del self._settle_outcome, self._arrived  # a secondary that still runs would keep the outcome, and the answers
        lack = _lack_of(run, verdict)
        # All of these come to code of others: what must pass out of one may not keep the others from being told.
        try:
            if pair is not None:
                observation = _observation(judgement, run, lack)
                pair.shadow_done(functools.partial(self._enter, self._observe_pair, observation, _times_of(run)))
            else:
                self._enter(self._observe_alone, judgement, run, lack)
        finally:
            arrives = False
            try:
                if divergence is not None or failure is not None:
                    desk.instruments.recorded(self._record(judgement, run, lack), arrived)
                    arrives = True
            finally:
                if not arrives:
                    arrived()
                self._tell(run, judgement)

    def _record(self, judgement: Judgement, run: Run, lack: Lack | None) -> DivergenceRecord:
        verdict, divergence, failure = judgement
        return DivergenceRecord(
            key=self._key,
            operation=self.operation,
            verdict=verdict,
            divergence=divergence,
            failure=failure,
            at=time.time(),
            primary_seconds=run.primary.seconds,
            shadow_seconds=run.seconds,
            # Not of the leg's own config: an edge has added the rules that it always has, and it is counted in this.
            epoch=self._evidence.epoch.name,
            captured=run.captured,
            withheld=() if lack is None else lack.names,
            context=self._context,
        )

    def _enter(self, observe: Callable[..., None], *what: Any) -> None:
        """Enter what was compared in the evidence. Its row is held until then, and meanwhile none is folded."""
        evidence = self._evidence
        evidence.still += 1  # as nothing_folded() does, whose generator would cost each leg a microsecond
        try:
            observe(*what)
        except BaseException as exc:
            self._not_entered(exc)
        finally:
            evidence.still -= 1
            self._row.held -= 1

    def _observe_alone(self, judgement: Judgement, run: Run, lack: Lack | None) -> None:
        verdict = judgement[0]
        if verdict is Verdict.MATCHED and lack is None:  # nearly always
            self._row.observe(self._key_hash, run.primary.seconds, run.seconds, run.ended)
            self._row.latest = time.time()
            if run.timing is not None or run.primary.timing is not None:
                self._row.observe_clocks(
                    shadow_cpu_seconds=run.cpu_seconds, queued_seconds=run.queued_seconds, **_clocks_of(run)
                )
        elif verdict in COMPARED:
            self._observe(_observation(judgement, run, lack), None, _times_of(run))

    def _observe_pair(self, shadow: Observation, times: _Times, secondary: Observation) -> None:
        self._row.secondary_counts[secondary.verdict.slot] += 1
        if shadow.verdict in COMPARED:
            self._observe(shadow, secondary if secondary.verdict in COMPARED else None, times)

    def _observe(self, shadow: Observation, secondary: Observation | None, times: _Times) -> None:
        self._evidence.observe(
            self._row,
            shadow,
            secondary,
            key=self._key,
            key_hash=self._key_hash,
            at=time.time(),
            **times,
        )

    def _not_entered(self, exc: BaseException) -> None:
        # Such as a Divergence of `compare=` that is made of anything. Out of here it would end the service nursery.
        if passing_error(exc) is not None:
            raise exc
        self._desk.notices.say("evidence", f"a call could not be entered in the evidence ({type_name(type(exc))})")


class SecondarySettlement(Settlement):
    """Of the secondary's run: for the noise, and for nobody else."""

    __slots__ = ("_pair",)

    def __init__(self, desk: Desk, config: ShadowConfig, operation: str, pair: Pair) -> None:
        self._desk = desk
        self.side = "secondary"
        self.candidate = config.candidate
        self.operation = operation
        self.permit = None
        self._pair = pair

    def settle(self, run: Run, judgement: Judgement) -> None:
        """To where it meets what the shadow came to."""
        self._pair.secondary_done(_observation(judgement, run, _lack_of(run, judgement[0])))
        self._tell(run, judgement)


def _lack_of(run: Run, verdict: Verdict) -> Lack | None:
    mark = run.mark
    if mark is None or mark.lack is None:  # nearly always
        return None
    return explained_lack(verdict, run.primary, mark.lack)


def _observation(judgement: Judgement, run: Run, lack: Lack | None) -> Observation:
    verdict, divergence, failure = judgement
    try:
        fields = fields_of(divergence, failure)
    except BaseException as exc:  # a Divergence that `compare=` has made of anything: reading it is user code
        if passing_error(exc) is not None:
            raise
        fields = {"$": (None, None)}  # they differ somewhere
    withheld, remedy = ((), "") if lack is None else (lack.names, lack.remedy)
    return Observation(
        verdict=verdict,
        fields=fields,
        seconds=run.seconds,
        cpu_seconds=run.cpu_seconds,
        queued_seconds=run.queued_seconds,
        withheld=withheld,
        remedy=remedy,
    )


def _clocks_of(run: Run) -> _Clocks:
    primary, timing = run.primary.timing, run.timing
    return {
        "primary_cpu_seconds": None if primary is None else primary.cpu_seconds,
        "contended": is_contended(primary, timing),
        "unlike": is_unlike(primary, timing),
    }


def _times_of(run: Run) -> _Times:
    return {"primary_seconds": run.primary.seconds, "now": run.ended, **_clocks_of(run)}
