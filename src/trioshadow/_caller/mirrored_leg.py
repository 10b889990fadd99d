"""The caller's half of a mirrored call: what the caller tells of the primary, once.

Promises kept here:

- *Same time*: nothing here waits. What is to be compared is taken from the primary's answer at once (its view, or a
  copy where it may change), since the caller owns the answer once it has it.
- *Nothing is kept alive*: when the primary's side has been told, the leg lets go of the runs and of what it told them.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from types import TracebackType
from typing import Any, NoReturn

from trio.lowlevel import disable_ki_protection, enable_ki_protection

from trioshadow._model.errors import passing_error
from trioshadow._model.fixing import Deferred, TooLargeError, fixed, shown
from trioshadow._model.immutable import ATOMS
from trioshadow._model.kinds import is_a
from trioshadow._model.once import ReadOnce
from trioshadow._model.refusal import refusal_in
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

    __slots__ = ("_config", "_now", "_outcome", "_primary", "_runs", "_settlement", "_started", "_thread", "_told")

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
        now: Callable[[], float],
    ) -> None:
        self._config = config
        self._primary = primary
        self._runs = runs
        self._settlement = settlement
        self._outcome = outcome
        self._now = now
        self._thread = get_ident()
        self._told = told_so_far()
        self._started = now()

    @enable_ki_protection
    def name_operation(self, operation: str) -> None:
        """Name what is called, for the counts and the records."""
        if self._thread != get_ident():
            self._refuse()  # its row would be counted in two threads at once
        self._settlement.rename(operation)

    @enable_ki_protection
    def primary_done(self, answer: PrimaryT) -> ShadowOutcome[PrimaryT, ShadowT]:
        """The primary answered. Takes what is to be compared from the answer at once, so that it may change
        afterwards.
        """
        primary = self._take()
        self._outcome.primary = answer
        self._time(primary)
        state: PrimaryState = "done"
        primary.state = state
        try:
            if self._config.primary_view is None and type(answer) in ATOMS:
                primary.value = answer  # the commonest case, without the calls below
            elif not self._settlement.settled:
                primary.value = _fixed_view(self._config, answer, primary)
            if not (self._settlement.settled or self._runs[-1].take_room_for(primary.value)):
                state = "abandoned"
        except BaseException as exc:  # the view is user code, and so may be the answer's class
            if passing_error(exc) is not None:
                self._tell(primary, "abandoned")
                raise
            if is_a(exc, TooLargeError):
                self._runs[-1].too_large(exc)
                state = "abandoned"
            else:
                what = "answer" if self._config.primary_view is None else "view"
                primary.failure = compare_failure(f"the primary's {what}", exc)
        self._tell(primary, state)
        return self._outcome

    @enable_ki_protection
    def primary_raised(self, exc: BaseException) -> None:
        """The primary raised. An Exception, or what `error_view` makes of it, is compared with what the shadow does;
        any other (Cancelled) abandons the leg.
        """
        primary = self._take()
        if not is_a(exc, Exception):
            self._tell(primary, "abandoned")
            return
        self._time(primary)
        try:
            state = self._take_error(exc, primary)
        except BaseException:  # a KeyboardInterrupt in its `__str__`: nothing else comes out of that
            self._tell(primary, "abandoned")
            raise
        self._tell(primary, state)

    def _take_error(self, exc: Exception, primary: PrimarySide) -> PrimaryState:
        view = None if self._settlement.settled else self._config.primary_error_view
        primary.error, primary.failure, told = _read_error(exc, view, self._config)
        if primary.error is not None or primary.failure is not None:
            return "raised"
        primary.value = told
        if not (self._settlement.settled or self._runs[-1].take_room_for(told)):
            return "abandoned"
        return "done"

    @enable_ki_protection
    def abandon(self) -> None:
        """There will be no answer: the shadow is cancelled and the leg counted `abandoned`."""
        self._tell(self._take(), "abandoned")

    @enable_ki_protection
    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        """Abandon the leg if it was not ended."""
        if self._primary is not None:
            self.abandon()

    @enable_ki_protection
    def ran_alone(self, seconds: float, cpu: float) -> None:
        """The primary is a sync function that ran in its caller, timed by that. Before the leg is ended."""
        primary = self._primary
        assert primary is not None
        primary.seconds, primary.timing = seconds, alone(cpu)

    def _time(self, primary: PrimarySide) -> None:
        if primary.seconds is not None:
            return
        took = primary.seconds = self._now() - self._started
        told = told_so_far()
        if told is not self._told:
            timing = told.since(self._told)
            if timing.elsewhere <= took:  # else it is ended in another task than it was started in
                primary.timing = timing
                primary.seconds = took - timing.elsewhere

    def _take(self) -> PrimarySide:
        """To be told. Once: before any user code, which must not end this leg a second time."""
        primary = self._primary
        if primary is None or self._thread != get_ident():
            self._refuse()
        self._primary = None
        return primary

    def _refuse(self) -> NoReturn:
        if self._thread != get_ident():
            raise RuntimeError(
                "a leg is named and ended in the thread that started it: hand the answer over with trio.from_thread"
            )
        raise RuntimeError("this leg has ended: call one of primary_done, primary_raised and abandon, once")

    def _tell(self, primary: PrimarySide, state: PrimaryState) -> None:
        # A call that was settled first has nothing that the secondary could be compared with.
        primary.state = "abandoned" if self._settlement.settled else state
        runs, self._runs = self._runs, ()
        if type(primary.value) is ReadOnce or primary.failure is not None:
            runs[-1].say_if_read_once()
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
