"""A run: one call of one backend beside the primary, from its launch to its judgement.

Promises kept here:

- *Nothing leaks in*: whatever the backend raises becomes words. Only KeyboardInterrupt and GeneratorExit pass.
- *Nothing is kept alive*: what a run holds of the caller (request, answer, view) is let go when it settles, and no
  exception is ever held, only its shape.

A sampled call has a run of the shadow, and one of the secondary if that is asked too. They know nothing of each other,
of their host (`hosts.py`) or of the caller. Each has two inputs: its backend runs in a task of its own (`perform`), a
child of the call's nursery; and the primary's side, which the caller tells and both runs read. When the backend ends,
the host closes the nursery; when the primary's side is known too, it calls `finish`. Only then is it known whether the
backend left its task in order (`crashed`), so only then is anything compared (`judging.py`), and the settlement
(`settling.py`) is given the judgement, once. The deadline, which is the nursery's, covers the backend alone: the
primary may take as long as it likes.

Who cancelled a backend? Its own code sees one `Cancelled` for all causes, and afterwards it is too late to tell them
apart, so each cause leaves its mark at the moment it acts: the caller that abandons and the closing shadower set a flag
before they cancel, and the deadline is caught by the host's abort function, which Trio calls in the very step in which
it looks at the clock.
"""

from __future__ import annotations

import contextvars
import functools
import math
import threading
from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import Any, Protocol

import trio
from trio.lowlevel import disable_ki_protection, enable_ki_protection

from trioshadow._accounts.instruments import Side
from trioshadow._model.errors import consists_of, describe_error, first_other, passing_error
from trioshadow._model.fixing import loaded
from trioshadow._model.sizes import size_of
from trioshadow._model.verdict import Verdict
from trioshadow._settings.capture import captured
from trioshadow._settings.config import ShadowConfig
from trioshadow._settings.records import Captured
from trioshadow.compare import Divergence

from .desk import Desk
from .judging import (
    ABANDONED,
    MATCHED,
    Ignores,
    Judgement,
    Large,
    PrimarySide,
    RunFacts,
    RunState,
    compare_failure,
    is_plain_match,
    judge,
    judgement_of,
    read_error,
)
from .marks import RunMark, shadow_mark
from .steps import in_steps
from .timing import told_so_far

#: A loop that is no later than this, in seconds, is never called late.
_PUNCTUAL = 0.05


class Settles(Protocol):
    """Who is given what a run came to."""

    operation: str
    """What is called, for who must say which run it is."""

    def settle(self, run: Run, judgement: Judgement, /) -> None:
        """The run's verdict. Once."""
        ...  # pragma: no cover - a protocol has no body


class Run(RunFacts):
    """One call of one backend."""

    __slots__ = (
        *("_backend", "_compared_request", "_config", "_deadline", "_desk", "_held_bytes", "_large"),
        *("_reserved_bytes", "_scope", "_wake", "captured", "captured_request", "mark"),
        *("primary", "request", "settlement", "side"),
    )

    side: Side
    request: Any
    """Until the backend has it."""
    _compared_request: Any
    """What the backend was given, for `ignore_if`, where there is that."""
    captured_request: Any
    captured: Captured | None
    """What the record keeps of the call."""
    mark: RunMark | None
    """Since the backend's task began."""
    _held_bytes: int
    """Of what it holds, as far as known, and as the ledger has it."""
    _reserved_bytes: int
    """Of these, for the answer that is not there yet."""
    _large: Large | None
    """What is to be compared elsewhere."""
    _scope: trio.CancelScope | None
    """Of the call's nursery; None before the launch, and when the run has settled."""
    _wake: Callable[[], None]

    def __init__(
        self,
        desk: Desk,
        config: ShadowConfig,
        side: Side,
        backend: Callable[[Any], Awaitable[Any]],
        *,
        primary: PrimarySide,
        settlement: Settles,
    ) -> None:
        super().__init__()
        self._desk = desk
        self._config = config
        self.side = side
        self._backend = backend
        self.primary = primary
        self.settlement = settlement
        self.request = self.captured_request = self.captured = self.mark = self._large = self._scope = None
        self._compared_request = None
        self._held_bytes = self._reserved_bytes = 0
        self._deadline = math.inf

    # ── what its host does ───────────────────────────────────────────────────────────────────────────────────────────

    def launch(self, nursery: trio.Nursery, wake: Callable[[], None]) -> None:
        """Start the backend's task, in a copy of the current context. `wake()` is called at its end, and again when the
        primary's side is known after that.
        """
        self._scope = nursery.cancel_scope
        self._wake = wake
        nursery.start_soon(self.perform, name=self._desk.task_name)

    async def perform(self) -> None:
        """The backend's task: a child of this call's nursery.

        A child, and not inline in the host: a backend that leaves a nursery open corrupts the task it ran in, and then
        this one ends in a RuntimeError that the nursery hands to the host, where inline the whole run would end.
        """
        desk, scope = self._desk, self._scope
        assert scope is not None
        if self.primary.state == "abandoned" or desk.closing:
            self.state = "cancelled"
            self._wake()
            return
        self.mark = mark = RunMark()
        shadow_mark.set(mark)
        told = told_so_far()
        started = desk.now()
        self._deadline = scope.deadline = started + self._config.shadow_timeout
        entered = False
        ended_at: float | None = None
        try:
            request = loaded(self.request)
            self.request = None  # the backend has it now: what it was made from need not be kept beside it
            if self._config.ignore_if is not None:
                self._compared_request = request
            entered = True
            limit = self._config.max_step
            answering = self._backend(request)
            del request
            # Neither a subclass nor what looks like one: the driver reads its frames.
            if limit < math.inf and type(answering) is CoroutineType:
                answering = in_steps(answering, limit, self._stalled)
            self._answer_with(await answering)
            ended: RunState = "answered"
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            ended_at = desk.now()  # what is read of an exception is not the backend's time
            if not entered:
                self.failure = compare_failure("copy_request", exc)
                ended = "failed"
            else:
                # Cancelled is swallowed here on purpose: the cause has left its mark, and this is the end of the task.
                ended = "cancelled" if consists_of(exc, trio.Cancelled) else "failed"
                if self.cut or ended == "cancelled":
                    self.error = self._config.comparison.raised(first_other(exc, trio.Cancelled) or exc)
                else:
                    ended = self._take_error(exc)
        finally:
            mark.running = False
            self.ended = ended_at = desk.now() if ended_at is None else ended_at
            self.seconds = ended_at - started
            if told_so_far() is not told:
                self.timing = timing = told_so_far().since(told)
                if not self.cut:
                    self.seconds -= timing.elsewhere
        self.state = ended
        self._wake()

    def _take_error(self, exc: BaseException) -> RunState:
        """What the backend raised, or what is to be compared in its place."""
        if not threading.main_thread().is_alive():
            # The interpreter is on its way out, and gives no more threads: that is not the candidate's fault.
            self.gave_way = True
            return "failed"
        config = self._config
        view = config.shadow_error_view if self.side == "shadow" else config.primary_error_view
        self.error, self.failure, told = read_error(exc, view, config, self.side)
        if self.error is not None or self.failure is not None:
            return "failed"
        self._answer_with(told)
        self.in_place_of_error = True
        return "answered"

    def _answer_with(self, answer: object) -> None:
        if self.take_room_for(answer):
            self.answer = answer
        else:
            self.gave_way = True

    def _stalled(self, seconds: float, where: str) -> None:
        """A step of the backend took too long. Runs in its task, in the midst of it."""
        desk = self._desk
        desk.ledger.stalls += 1
        desk.notices.say("stall", f"a step of the {self.side} kept the event loop for {seconds:.3g} s, up to {where}")
        desk.instruments.stalled(self.side, seconds, where)

    def interrupted(self) -> None:
        """The host's wait for this run is being cancelled, in this very step of Trio's loop.

        If it is by the deadline, was the loop there in time? A loop that was blocked for so long that it comes by more
        than half of the whole timeout late (and by more than an idle loop may, which sleeps in whole milliseconds) has
        not given the backend its turns: then an answer that is ready counts, and a cancelled backend is abandoned
        rather than blamed.
        """
        if self.state == "running" and self.primary.state != "abandoned":
            late = self._desk.now() - self._deadline
            if late > max(self._config.shadow_timeout / 2, _PUNCTUAL):
                self.cut = "late_loop"
            else:
                self.cut = "deadline" if late >= 0 else "other"

    def crashed(self, crash: BaseException) -> None:
        """`crash` came out of this call's nursery: the backend did not leave its task in order, or it was cancelled."""
        if self.state == "running":
            self.state = "failed"
        if passing_error(crash) is not None:
            self.settle(ABANDONED)
            return
        corrupted = first_other(crash, trio.Cancelled)
        if corrupted is not None:
            self.crash = describe_error(corrupted)

    # ── what its caller tells ────────────────────────────────────────────────────────────────────────────────────────

    def primary_known(self) -> None:
        """The primary's side is known."""
        scope = self._scope
        if scope is None:
            return  # the backend's task looks at it before it begins; or the run has settled already
        if self.state != "running":
            self._wake()
        elif self.primary.state == "abandoned":
            scope.cancel()

    def take_room_for(self, answer: object) -> bool:
        """Enter what it holds of one side's answer. False: there is no room for that, and this run has to give way.

        The first side takes room for the other's too, as if that were of the same size: or else, of many runs that have
        one answer each, none would find room for its second.
        """
        size = size_of(answer)
        if size == self._reserved_bytes:  # mostly: the second is as large as the first, or neither has a size
            self._reserved_bytes = 0
            return True
        first = self.primary.state == "pending" or self.state == "running"
        reserved = size if first and not self._reserved_bytes else 0
        ledger = self._desk.ledger
        more = size + reserved - self._reserved_bytes
        if ledger.held_bytes + more > self._config.max_in_flight_bytes:
            ledger.gave_way["bytes"] += 1
            self._desk.notices.say("bytes", "legs are abandoned: what they hold would pass max_in_flight_bytes")
            return False
        self._reserved_bytes = reserved
        self._held_bytes += more
        ledger.held_bytes += more
        return True

    def hold(self, size: int) -> None:
        """Enter so many bytes, for which there is room, until it settles."""
        self._held_bytes += size
        self._desk.ledger.held_bytes += size

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def waits_for_primary(self) -> bool:
        """The nursery is closed; is the primary's side still to come?"""
        return self.primary.state == "pending" and not self._desk.closing

    @enable_ki_protection
    def finish(self) -> bool:
        """Both sides are known, or one will never be. Called once, by the host, in the host's task.

        False: it is not settled yet, since what is to be compared is large: the host awaits `finish_elsewhere()`.
        """
        judgement = ABANDONED
        try:
            if is_plain_match(self.primary, self, self._config):
                judgement = MATCHED
            else:
                # Others' code in a context of its own: what a comparison sets there must not meet the next one.
                judgement = contextvars.copy_context().run(self._judge)
        except BaseException as exc:  # a view, an `__eq__`, a `__str__`: user code
            if passing_error(exc) is not None:
                raise
            judgement = Verdict.FAILED, None, compare_failure("the comparison", exc)
        finally:
            if self._large is None:
                self.settle(judgement)
        return self._large is None

    @enable_ki_protection
    async def finish_elsewhere(self) -> None:
        """Compare what is large, and settle: as abandoned if that is cancelled, or if there is no place for it."""
        judgement = ABANDONED
        desk = self._desk
        try:
            large, self._large = self._large, None
            assert large is not None
            compared = await desk.comparer.compare(large.primary, large.shadow, self._config)
            judgement = contextvars.copy_context().run(self._judge_large, compared, large)
        except trio.WouldBlock:
            desk.ledger.gave_way["comparisons"] += 1
            desk.notices.say("comparisons", "legs are abandoned: too many large bodies wait to be compared")
        except BaseException as exc:
            if passing_error(exc) is not None:
                raise
            # Cancelled is swallowed: the shadower is closing, and this run ends as it is.
            if not consists_of(exc, trio.Cancelled):
                judgement = Verdict.FAILED, None, compare_failure("the comparison", exc)
        finally:
            self.settle(judgement)

    @disable_ki_protection
    def _judge(self) -> Judgement:
        config = self._config
        # The secondary is another copy of the primary, whose answers have that one's shape.
        view = config.shadow_view if self.side == "shadow" else config.primary_view
        judgement = judge(self.primary, self, config, view, closing=self._desk.closing, ignores=self._ignores)
        if isinstance(judgement, Large):
            self._large = judgement
            return ABANDONED
        self._keep(judgement)
        return judgement

    @disable_ki_protection
    def _judge_large(self, compared: Divergence | None, large: Large) -> Judgement:
        judgement = judgement_of(compared, large.primary, large.shadow, self._ignores)
        self._keep(judgement)
        return judgement

    @property
    def _ignores(self) -> Ignores | None:
        asked = self._config.ignore_if
        return None if asked is None else functools.partial(asked, self._compared_request)

    def _keep(self, judgement: Judgement) -> None:
        """Take what the record keeps of the call, if there is one: here, since it runs the code of what is captured."""
        capture, primary = self._config.capture, self.primary
        recorded = self.side == "shadow" and (judgement[1] is not None or judgement[2] is not None)
        if capture is None or not recorded:
            return
        limit, answers = capture.max_bytes, capture.answers
        self.captured = Captured(
            request=captured(self.captured_request, limit) if capture.request else None,
            primary=captured(primary.value, limit) if answers and primary.state == "done" else None,
            shadow=captured(self.answer, limit) if answers and self.state == "answered" else None,
        )

    def settle(self, judgement: Judgement) -> None:
        """Give the judgement on, once, and let go of all else. Also where there was no launch."""
        # The callers are KI-protected: this is one step, from 'in flight' to a verdict with its record on its way.
        self._scope = None
        if self._held_bytes:
            self._desk.ledger.held_bytes -= self._held_bytes
        try:
            self.settlement.settle(self, judgement)
        finally:
            self.request = self.captured_request = self._compared_request = self.answer = self.mark = None
