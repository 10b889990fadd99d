"""The caller's half of a mirrored call: what the caller tells of the primary, once.

Promises kept here:

- *Same time*: nothing here waits, in whatever thread the caller is; what is to be done on the loop goes by the post.
  What is to be compared is taken from the primary's answer at once (its view, or a copy where it may change), since the
  caller owns the answer once it has it.
- *Nothing is kept alive*: when the primary's side has been told, the leg lets go of the runs and of what it told them.
- *Every call is accounted for*: a leg whose handle is lost is abandoned.
"""

from __future__ import annotations

import functools
from types import TracebackType
from typing import Any

from trio.lowlevel import disable_ki_protection, enable_ki_protection

from trioshadow._model.errors import passing_error
from trioshadow._model.fixing import Deferred, TooLargeError, fixed, shown
from trioshadow._model.immutable import ATOMS
from trioshadow._model.kinds import is_a
from trioshadow._model.once import ReadOnce, ReadOnceError
from trioshadow._model.refusal import refusal_in
from trioshadow._service.desk import Desk
from trioshadow._service.judging import PrimarySide, PrimaryState, ReadError, compare_failure, read_error
from trioshadow._service.run import Run
from trioshadow._service.settling import ShadowSettlement
from trioshadow._service.timing import alone, told_so_far
from trioshadow._settings.config import ShadowConfig, View

from .leg import Leg
from .outcome import PrimaryT, ShadowOutcome, ShadowT


class MirroredLeg(Leg[PrimaryT, ShadowT]):
    """The leg of a mirrored call."""

    mirrored = True

    __slots__ = ("_config", "_desk", "_outcome", "_primary", "_runs", "_settlement", "_started", "_told")

    _primary: PrimarySide | None
    """What the runs know of the primary; None when it has been told."""
    _runs: tuple[Run, ...]
    """Of the secondary, if there is one, and of the shadow: until they have been told."""

    def __init__(
        self,
        config: ShadowConfig,
        primary: PrimarySide,
        runs: tuple[Run, ...],
        *,
        settlement: ShadowSettlement,
        outcome: ShadowOutcome[PrimaryT, ShadowT],
        desk: Desk,
    ) -> None:
        self._config = config
        self._primary = primary
        self._runs = runs
        self._settlement = settlement
        self._outcome = outcome
        self._desk = desk
        self._told = told_so_far()
        self._started = desk.now()

    @enable_ki_protection
    def name_operation(self, operation: str) -> None:
        """Name what is called, for the counts and the records."""
        self._desk.post.do(self._settlement.rename, operation)

    @enable_ki_protection
    def primary_done(self, answer: PrimaryT) -> ShadowOutcome[PrimaryT, ShadowT]:
        """The primary answered. Takes what is to be compared from the answer at once, so that it may change
        afterwards.
        """
        primary = self._take()
        self._outcome.primary = answer
        self._time(primary)
        state: PrimaryState = "done"
        try:
            if self._config.primary_view is None and type(answer) in ATOMS:
                primary.value = answer  # the commonest case, without the calls below
            elif not self._settlement.settled:
                primary.value = _fixed_view(self._config, answer, primary)
        except BaseException as exc:  # the view is user code, and so may be the answer's class
            if passing_error(exc) is not None:
                self._end(primary, "abandoned")
                raise
            if is_a(exc, TooLargeError):
                self._desk.ledger.gave_way["copies"] += 1
                self._desk.notices.say("copies", f"legs are abandoned: {exc}")
                state = "abandoned"
            else:
                what = "answer" if self._config.primary_view is None else "view"
                primary.failure = compare_failure(f"the primary's {what}", exc)
        self._end(primary, state)
        return self._outcome

    @enable_ki_protection
    def primary_raised(self, exc: BaseException) -> None:
        """The primary raised. An Exception, or what `error_view` makes of it, is compared with what the shadow does;
        any other (Cancelled) abandons the leg.
        """
        primary = self._take()
        if not is_a(exc, Exception):
            self._end(primary, "abandoned")
            return
        self._time(primary)
        try:
            state = self._take_error(exc, primary)
        except BaseException:  # a KeyboardInterrupt in its `__str__`: nothing else comes out of that
            self._end(primary, "abandoned")
            raise
        self._end(primary, state)

    def _take_error(self, exc: Exception, primary: PrimarySide) -> PrimaryState:
        view = None if self._settlement.settled else self._config.primary_error_view
        primary.error, primary.failure, told = _read_error(exc, view, self._config)
        if primary.error is not None or primary.failure is not None:
            return "raised"
        primary.value = told
        return "done"

    @enable_ki_protection
    def abandon(self) -> None:
        """There will be no answer: the shadow is cancelled and the leg counted `abandoned`."""
        self._end(self._take(), "abandoned")

    @enable_ki_protection
    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        """Abandon the leg if it was not ended."""
        primary, self._primary = self._primary, None
        if primary is not None:
            self._end(primary, "abandoned")

    @enable_ki_protection
    def __del__(self) -> None:
        """Nobody can end it any more: abandon it. By the post, since this may run in any thread, in the midst of
        anything.
        """
        primary = self._primary
        if primary is not None:
            self._desk.post.put(functools.partial(_tell, primary, self._runs, self._settlement, "abandoned"))

    @enable_ki_protection
    def ran_alone(self, seconds: float, cpu: float) -> None:
        """The primary is a sync function that ran in its caller, timed by that. Before the leg is ended."""
        primary = self._primary
        assert primary is not None
        primary.seconds, primary.timing = seconds, alone(cpu)

    def _time(self, primary: PrimarySide) -> None:
        if primary.seconds is not None:
            return
        took = primary.seconds = self._desk.now() - self._started
        told = told_so_far()
        if told is not self._told:
            timing = told.since(self._told)
            if 0 <= timing.elsewhere <= took:  # else it is ended in another task than it was started in
                primary.timing = timing
                primary.seconds = took - timing.elsewhere

    def _take(self) -> PrimarySide:
        """To be told. Once: before any user code, which must not end this leg a second time."""
        primary, self._primary = self._primary, None  # one step: of two threads, one gets it
        if primary is None:
            raise RuntimeError("this leg has ended: call one of primary_done, primary_raised and abandon, once")
        return primary

    def _end(self, primary: PrimarySide, state: PrimaryState) -> None:
        runs, self._runs = self._runs, ()
        self._say_if_read_once(primary)
        self._desk.post.do(_tell, primary, runs, self._settlement, state)

    def _say_if_read_once(self, primary: PrimarySide) -> None:
        """The primary's side may be such that it can be read once, or that its view would have read it."""
        failure = primary.failure
        if type(primary.value) is ReadOnce:
            told = str(ReadOnceError(primary.value.name))
        elif failure is not None and failure.type_name == ReadOnceError.__name__:
            told = failure.message
        else:
            return
        self._desk.notices.say("read once", f"an answer is not compared: {told}")


def _tell(primary: PrimarySide, runs: tuple[Run, ...], settlement: ShadowSettlement, state: PrimaryState) -> None:
    primary.state = state
    # A call that was settled first has nothing that the secondary could be compared with.
    if settlement.settled or (state == "done" and not runs[-1].take_room_for(primary.value)):
        primary.state = "abandoned"
    for run in runs:
        run.primary_known()


@disable_ki_protection
def _fixed_view(config: ShadowConfig, answer: Any, primary: PrimarySide) -> object:
    primary.refusal = refusal_in(answer)  # no view shows it
    view, limit = config.primary_view, config.max_copied_bytes
    if view is None:
        return fixed(answer, limit)  # a Deferred is no builtin: it is kept as it is
    return fixed(view(shown(answer.load() if type(answer) is Deferred else answer, limit)), limit)


@disable_ki_protection
def _read_error(exc: Exception, view: View | None, config: ShadowConfig) -> ReadError:
    return read_error(exc, view, config, "primary")
