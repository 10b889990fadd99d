"""One mirrored call: a leg, from `start()` to its verdict.

Promises kept here:

- *Nothing leaks in*: whatever the shadow raises becomes words. Only KeyboardInterrupt and GeneratorExit pass.
- *Every call is accounted for*: a leg settles exactly once, in `_settle`, which every path of its host ends in.
- *Nothing is kept alive*: what a leg holds of the caller (request, answer, view) is let go when it settles, and no
  exception is ever held, only its shape.

A leg has two inputs. The shadow runs in a task of its own (`run_shadow`), a child of this call's nursery; the primary's
side is told by the caller (`primary_done`, `primary_raised`, `abandon`). When the shadow ends, the leg's host
(`_host.py`) closes the nursery; when the primary's side is known too, it calls `finish`. Only then is it known whether
the shadow left its task in order (`crashed`), so only then is anything compared. The deadline, which is the nursery's,
covers the shadow alone: the primary may take as long as it likes.

Who cancelled a shadow? Its own code sees one `Cancelled` for all causes, and afterwards it is too late to tell them
apart, so each cause leaves its mark at the moment it acts: `abandon()` and the closing shadower set a flag before they
cancel, and the deadline is caught by the host's abort function, which Trio calls in the very step in which it looks at
the clock.
"""

from __future__ import annotations

import abc
import contextvars
import enum
import math
import time
from collections.abc import Awaitable, Callable
from threading import get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Self

import trio
from trio.lowlevel import disable_ki_protection, enable_ki_protection

from ._divergence import Divergence, ErrorDiff
from ._errors import (
    MESSAGE_LIMIT,
    ErrorShape,
    consists_of,
    describe_error,
    error_shape,
    first_other,
    passing_error,
)
from ._outcome import PrimaryT, ShadowOutcome, ShadowT
from ._snapshot import ATOMS, Copied, Packed, snapshot
from ._verdict import DivergenceRecord, FailureKind, ShadowFailure, Verdict

if TYPE_CHECKING:
    from ._config import ShadowConfig
    from ._consumer import Consumer
    from ._host import LegHost
    from ._ledger import Ledger

#: A record keeps this many bytes of its key.
KEY_LIMIT = 256


class ShadowMark:
    """Marks a context as a shadow's while `running`. An object of its own: contexts outlive legs, and must not keep
    them.
    """

    running = True


shadow_mark: contextvars.ContextVar[ShadowMark | None] = contextvars.ContextVar("trioshadow.shadow_mark", default=None)


def in_shadow() -> bool:
    """True in code that a shadow leg runs, in its task, its child tasks and its threads.

    For the write deep in the stack that must happen once: `if not in_shadow(): send_mail()`. It turns False when the
    leg's shadow ends, also in tasks that the shadow started elsewhere and that still have its context.
    """
    mark = shadow_mark.get()
    return mark is not None and mark.running


class Leg(abc.ABC, Generic[PrimaryT, ShadowT]):
    """The handle of one call, for what is not one `await`: a stream, a sync function, a middleware.

    `shadower.start()` makes it. Then exactly one of `primary_done`, `primary_raised` and `abandon` ends it, in the
    thread that started it; a second one, or one from another thread, is a RuntimeError. It is a sync context manager
    too: leaving it without having ended it abandons it, so that no leg is lost and holds its place for ever.

        with shadower.start(request) as leg:
            answer = await primary(request)
            outcome = leg.primary_done(answer)

    None of its methods waits for anything, and only `primary_done` runs user code (the primary's view).
    """

    __slots__ = ()

    mirrored: ClassVar[bool]
    """Is there a shadow? If not, nothing that the leg is told is looked at, and what would be told need not be kept."""

    @abc.abstractmethod
    def primary_done(self, answer: PrimaryT) -> ShadowOutcome[PrimaryT, ShadowT]:
        """The primary answered. Takes what is to be compared from the answer at once, so that it may change
        afterwards.
        """

    @abc.abstractmethod
    def primary_raised(self, exc: BaseException) -> None:
        """The primary raised. An Exception is compared with what the shadow does; any other (Cancelled) abandons the
        leg.

        `exc` is not kept.
        """

    @abc.abstractmethod
    def abandon(self) -> None:
        """There will be no answer: the shadow is cancelled and the leg counted `abandoned`."""

    def __enter__(self) -> Self:
        return self

    @abc.abstractmethod
    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        """Abandon the leg if it was not ended."""


class IdleLeg(Leg[Any, Any]):
    """The leg of a call that is not mirrored: one for each verdict, shared by all calls, so that such a call costs no
    leg.
    """

    __slots__ = ("verdict",)

    mirrored = False

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def primary_done(self, answer: PrimaryT) -> ShadowOutcome[PrimaryT, Any]:
        """Nothing to compare: an outcome with this leg's verdict."""
        return ShadowOutcome(answer, self.verdict)

    def primary_raised(self, exc: BaseException) -> None:
        """Nothing to compare."""

    def abandon(self) -> None:
        """Nothing to cancel."""

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        """Nothing to abandon."""


class Desk:
    """What all legs of one shadower share: whom they call, where they report."""

    __slots__ = ("cancelled", "consumer", "ledger", "now", "shadow", "task_name")

    now: Callable[[], float]
    """The run's clock, without the way through the run that `trio.current_time()` takes: 0.1 against 0.2 µs."""

    def __init__(
        self, shadow: Callable[[Any], Awaitable[Any]], task_name: str, ledger: Ledger, consumer: Consumer
    ) -> None:
        self.shadow = shadow
        self.task_name = task_name
        self.ledger = ledger
        self.consumer = consumer
        #: The legs are being cancelled: the shadower is left, or the scope around it was cancelled.
        self.cancelled = False


class _Primary(enum.Enum):
    """What the caller has told."""

    PENDING = enum.auto()
    DONE = enum.auto()
    RAISED = enum.auto()
    ABANDONED = enum.auto()


class _Shadow(enum.Enum):
    """How the shadow's own code ended."""

    RUNNING = enum.auto()
    ANSWERED = enum.auto()
    FAILED = enum.auto()
    CANCELLED = enum.auto()
    """Nothing but Cancelled came out of it."""


class _Cut(enum.Enum):
    """What cancelled the shadow while it was running."""

    NONE = enum.auto()
    DEADLINE = enum.auto()
    LATE_LOOP = enum.auto()
    """The deadline, but Trio looked at it so late that the shadow can't be blamed: see `ActiveLeg.interrupted`."""
    OTHER = enum.auto()
    """The closing shadower, or the shadow itself."""


# Bound once: reading a member off its class costs 0.1 µs on Python 3.11, and a leg reads some twenty.
_PENDING, _DONE, _RAISED, _ABANDONED = _Primary
_RUNNING, _ANSWERED, _FAILED, _CANCELLED = _Shadow
_UNCUT, _BY_DEADLINE, _BY_LATE_LOOP, _BY_OTHERS = _Cut
_MATCHED, _DIVERGED = Verdict.MATCHED, Verdict.DIVERGED


class ActiveLeg(Leg[PrimaryT, ShadowT]):
    """The leg of a mirrored call."""

    mirrored = True

    # No slots, and defaults in the class: a leg is made for each sampled call, and most of these it never sets.
    request: Any = None
    host: LegHost | None = None
    _settled = False

    _primary = _PENDING
    _primary_value: Any = None
    _primary_error: tuple[ErrorShape, str, str] | None = None
    _primary_seconds: float | None = None
    _own_failure: ShadowFailure | None = None  # of the code between the sides: a copy or a view

    _shadow = _RUNNING
    _answer: Any = None
    _error: tuple[ErrorShape, str, str] | None = None
    _shadow_seconds: float | None = None
    _deadline = math.inf
    _cut = _UNCUT
    _crash: tuple[str, str] | None = None

    def __init__(self, desk: Desk, config: ShadowConfig, key: bytes, operation: str) -> None:
        self.desk = desk
        self.config = config
        self.key = key[:KEY_LIMIT]
        self.operation = operation
        self._thread = get_ident()
        self._outcome: ShadowOutcome[PrimaryT, ShadowT] = ShadowOutcome(None, None)  # type: ignore[arg-type]
        self._started = desk.now()

    # ── the caller's side ────────────────────────────────────────────────────────────────────────────────────────────

    @enable_ki_protection
    def primary_done(self, answer: PrimaryT) -> ShadowOutcome[PrimaryT, ShadowT]:
        """The primary answered. Takes what is to be compared from the answer at once, so that it may change
        afterwards.
        """
        if self._primary is not _PENDING or self._thread != get_ident():
            self._refuse()
        self._outcome.primary = answer
        self._primary_seconds = self.desk.now() - self._started
        if self.config.primary_view is None and type(answer) in ATOMS:
            self._primary_value = answer  # the commonest case, without the calls below
        elif not self._settled:
            try:
                self._primary_value = _view_of_primary(self.config, answer)
            except BaseException as exc:
                self._not_comparable("the primary's view", exc)
        self._conclude(_DONE)
        return self._outcome

    @enable_ki_protection
    def primary_raised(self, exc: BaseException) -> None:
        """The primary raised. An Exception is compared with what the shadow does; any other (Cancelled) abandons the
        leg.
        """
        if self._primary is not _PENDING or self._thread != get_ident():
            self._refuse()
        if not isinstance(exc, Exception):
            self._conclude(_ABANDONED)
            return
        self._primary_seconds = self.desk.now() - self._started
        try:
            self._primary_error = _describe_shape(exc)
        except BaseException as broken:
            self._not_comparable("the primary's exception", broken)
        self._conclude(_RAISED)

    def _not_comparable(self, stage: str, exc: BaseException) -> None:
        if passing_error(exc) is not None:
            self._conclude(_ABANDONED)
            raise exc
        self._own_failure = compare_failure(stage, exc)

    @enable_ki_protection
    def abandon(self) -> None:
        """There will be no answer: the shadow is cancelled and the leg counted `abandoned`."""
        if self._primary is not _PENDING or self._thread != get_ident():
            self._refuse()
        self._conclude(_ABANDONED)

    @enable_ki_protection
    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        """Abandon the leg if it was not ended."""
        if self._primary is _PENDING:
            self.abandon()

    def _refuse(self) -> NoReturn:
        if self._thread != get_ident():
            raise RuntimeError(
                "a leg is ended in the thread that started it: hand the answer over with trio.from_thread"
            )
        raise RuntimeError("this leg has ended: call one of primary_done, primary_raised and abandon, once")

    def _conclude(self, primary: _Primary) -> None:
        self._primary = primary
        host = self.host
        if host is None:
            return  # the shadow has not started yet, and looks at this before it does; or the leg has settled already
        if self._shadow is not _RUNNING:
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
        if self._primary is _ABANDONED or desk.cancelled:
            self._shadow = _CANCELLED
            host.wake()
            return
        mark = ShadowMark()
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
            self._answer = await desk.shadow(request)
            ended = _ANSWERED
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            if not entered:
                self._own_failure = compare_failure("copy_request", exc)
                ended = _FAILED
            else:
                # Cancelled is swallowed here on purpose: the cause has left its mark, and this is the end of the task.
                ended = _CANCELLED if consists_of(exc, trio.Cancelled) else _FAILED
                self._error = _describe_shape(exc) if self._cut is _UNCUT else _describe_besides_cancelled(exc)
        finally:
            mark.running = False
            self._shadow_seconds = desk.now() - started
        self._shadow = ended
        host.wake()

    def interrupted(self) -> None:
        """The host's wait for this leg is being cancelled, in this very step of Trio's loop.

        If it is by the deadline, was the loop there in time? A loop that was blocked for so long that it comes by more
        than half of the whole timeout late has not given the shadow its turns: then an answer that is ready counts, and
        a cancelled shadow is abandoned rather than blamed.
        """
        if self._shadow is _RUNNING and self._primary is not _ABANDONED:
            late = self.desk.now() - self._deadline
            if late > self.config.shadow_timeout / 2:
                self._cut = _BY_LATE_LOOP
            else:
                self._cut = _BY_DEADLINE if late >= 0 else _BY_OTHERS

    # ── the verdict ──────────────────────────────────────────────────────────────────────────────────────────────────

    def crashed(self, crash: BaseException) -> None:
        """`crash` came out of this call's nursery: the shadow did not leave its task in order, or it was cancelled."""
        if self._shadow is _RUNNING:
            self._shadow = _FAILED
        if passing_error(crash) is not None:
            self._settle(Verdict.ABANDONED, None, None)
            return
        corrupted = first_other(crash, trio.Cancelled)
        if corrupted is not None:
            self._crash = describe_error(corrupted)

    def waits_for_primary(self) -> bool:
        """The nursery is closed; is the primary's side still to come?"""
        return self._primary is _PENDING and not self.desk.cancelled

    @enable_ki_protection
    def finish(self) -> None:
        """Both sides are known, or one will never be. Called once, by the host, in the host's task."""
        verdict, divergence, failure = Verdict.ABANDONED, None, None
        try:
            verdict, divergence, failure = self._judge()
        except BaseException as exc:  # a view, an `__eq__`, a `__str__`: user code
            if passing_error(exc) is not None:
                raise
            verdict, failure = Verdict.FAILED, compare_failure("the comparison", exc)
        finally:
            self._settle(verdict, divergence, failure)

    @disable_ki_protection
    def _judge(self) -> tuple[Verdict, Divergence | None, ShadowFailure | None]:
        if (
            self._crash is None
            and self._cut is _UNCUT
            and self._shadow is _ANSWERED
            and self._primary is _DONE
            and self._own_failure is None
        ):
            return self._judge_answers()
        return self._judge_trouble()

    def _judge_answers(self) -> tuple[Verdict, Divergence | None, ShadowFailure | None]:
        primary, shadow, config = self._primary_value, self._answer, self.config
        if type(primary) is Packed or type(primary) is Copied:
            primary = primary.load()
        if config.shadow_view is not None:
            shadow = config.shadow_view(shadow)
        divergence = Divergence.compare(primary, shadow, config)
        return (_MATCHED if divergence is None else _DIVERGED), divergence, None

    def _judge_trouble(self) -> tuple[Verdict, Divergence | None, ShadowFailure | None]:
        if self._primary is _ABANDONED:
            return Verdict.ABANDONED, None, None
        if self._cut is _BY_DEADLINE:
            return Verdict.TIMED_OUT, None, self._timeout_failure()
        if self._shadow is not _ANSWERED and self._cut_by_others():
            return Verdict.ABANDONED, None, None
        if self._crash is not None:
            # What the shadow's code gave is void: it did not leave its task in order.
            return Verdict.FAILED, None, ShadowFailure(FailureKind.RAISED, *self._crash)
        if self._primary is _PENDING:
            return Verdict.ABANDONED, None, None
        if self._own_failure is not None and self._error is None:
            return Verdict.FAILED, None, self._own_failure
        if self._primary_error is not None:
            divergence = self._compare_errors(self._primary_error)
            return (_MATCHED if divergence is None else _DIVERGED), divergence, None
        if self._error is not None:
            _, type_name, message = self._error
            return Verdict.FAILED, None, ShadowFailure(FailureKind.RAISED, type_name, message)
        return self._judge_answers()

    def _cut_by_others(self) -> bool:
        if self._cut is _BY_LATE_LOOP:
            return True
        return self.desk.cancelled and (self._cut is _BY_OTHERS or self._shadow_seconds is None)

    def _timeout_failure(self) -> ShadowFailure:
        message = f"no answer within {self.config.shadow_timeout:g} s"
        also = self._crash or (self._error[1:] if self._error is not None and self._shadow is _FAILED else None)
        if also is not None:
            message += "; then {}: {}".format(*also)
        return ShadowFailure(FailureKind.TIMED_OUT, "TooSlowError", message[:MESSAGE_LIMIT])

    def _compare_errors(self, primary_error: tuple[ErrorShape, str, str]) -> Divergence | None:
        shape, name, message = primary_error
        if self._error is None:
            return Divergence(error=ErrorDiff(name, None, message, ""))
        shadow_shape, shadow_name, shadow_message = self._error
        if shape == shadow_shape:
            return None
        return Divergence(error=ErrorDiff(name, shadow_name, message, shadow_message))

    @enable_ki_protection
    def fail_at_start(self, failure: ShadowFailure) -> None:
        """The request could not be copied: there will be no shadow."""
        self._settle(Verdict.FAILED, None, failure)

    @enable_ki_protection
    def give_up_at_start(self) -> None:
        """Copying the request was interrupted: nobody will hear of this leg again."""
        self._primary = _ABANDONED
        self._settle(Verdict.ABANDONED, None, None)

    def _settle(self, verdict: Verdict, divergence: Divergence | None, failure: ShadowFailure | None) -> None:
        # The callers are KI-protected: this is one step, from 'in flight' to a verdict with its record on its way.
        desk = self.desk
        self._settled = True
        if divergence is not None or failure is not None:
            desk.consumer.record(
                DivergenceRecord(
                    key=self.key,
                    operation=self.operation,
                    verdict=verdict,
                    divergence=divergence,
                    failure=failure,
                    at=time.time(),
                    primary_seconds=self._primary_seconds,
                    shadow_seconds=self._shadow_seconds,
                )
            )
        desk.ledger.settle_leg(verdict)
        # The outcome is the leg's other half: nobody else settles it.
        self._outcome._settle(verdict, self._answer, divergence, failure)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        self.host = self.request = self._primary_value = None
        if desk.consumer.waiters:
            desk.consumer.changed()


@disable_ki_protection
def _view_of_primary(config: ShadowConfig, answer: Any) -> object:
    view = config.primary_view
    return snapshot(answer if view is None else view(answer))


def _describe_shape(exc: BaseException) -> tuple[ErrorShape, str, str]:
    return (error_shape(exc), *describe_error(exc))


def _describe_besides_cancelled(exc: BaseException) -> tuple[ErrorShape, str, str]:
    """A cancelled shadow that raised more than Cancelled: what is worth telling is the more."""
    return _describe_shape(first_other(exc, trio.Cancelled) or exc)


def compare_failure(stage: str, exc: BaseException) -> ShadowFailure:
    """The failure of the migration's own code between the two sides."""
    type_name, message = describe_error(exc)
    return ShadowFailure(FailureKind.COMPARE_RAISED, type_name, f"{stage}: {message}"[:MESSAGE_LIMIT])
