"""Leg: the handle of one call, the two-phase form that every edge is built on; and that of a call that is not
mirrored.

That of a mirrored call is in `mirrored_leg.py`.
"""

from __future__ import annotations

import abc
from types import TracebackType
from typing import Any, ClassVar, Generic, Self

from trio.lowlevel import enable_ki_protection

from trioshadow._model.verdict import Verdict
from trioshadow._settings.records import OPERATION_LIMIT
from trioshadow.evidence import Evidence

from .outcome import PrimaryT, ShadowOutcome, ShadowT


class Leg(abc.ABC, Generic[PrimaryT, ShadowT]):
    """The handle of one call, for what is not one `await`: a stream, a sync function, a middleware.

    `shadower.start()` makes it. Then exactly one of `primary_done`, `primary_raised` and `abandon` ends it, in any
    thread: the first wins, and of a leg that is mirrored a second one is a RuntimeError. It is a sync context manager
    too: leaving it without having ended it abandons it. So does losing it: when the last reference to it is gone, in
    whatever thread, it is abandoned soon after. No leg holds its place for ever.

        with shadower.start(request) as leg:
            answer = await primary(request)
            outcome = leg.primary_done(answer)

    None of its methods waits for anything. `primary_done` runs user code: the primary's view, and what copies the
    answer (`__reduce__`); `primary_raised` runs the exception's `__str__`.
    """

    __slots__ = ()

    mirrored: ClassVar[bool]
    """Is there a shadow? If not, nothing that the leg is told is looked at, and what would be told need not be kept."""

    @abc.abstractmethod
    def name_operation(self, operation: str) -> None:
        """Name what is called, before the leg is ended: a router knows it only after `start()`. In the thread that
        started it: for a leg that is mirrored, another is a RuntimeError.
        """

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

    @enable_ki_protection  # a leg that is not entered would not be abandoned
    def __enter__(self) -> Self:
        return self

    @abc.abstractmethod
    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        """Abandon the leg if it was not ended."""


class IdleLeg(Leg[Any, Any]):
    """The leg of a call that is not mirrored: one for each verdict, shared by all calls, so that such a call costs no
    leg. Whoever may be given a name gets a `NamedIdleLeg` of its own.
    """

    __slots__ = ("slot", "verdict")

    mirrored = False

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        #: Where it is counted.
        self.slot = verdict.slot

    def name_operation(self, operation: str) -> None:
        """Nobody has it in hand."""

    def primary_done(self, answer: PrimaryT) -> ShadowOutcome[PrimaryT, Any]:
        """Nothing to compare: an outcome with this leg's verdict."""
        return ShadowOutcome(answer, self.verdict)

    def primary_raised(self, exc: BaseException) -> None:
        """Nothing to compare."""

    def abandon(self) -> None:
        """Nothing to cancel."""

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        """Nothing to abandon."""


class NamedIdleLeg(IdleLeg):
    """The leg of a call that is not mirrored, and that may be named: what is never mirrored must be known by name."""

    __slots__ = ("_evidence", "_operation")

    def __init__(self, verdict: Verdict, evidence: Evidence, operation: str) -> None:
        super().__init__(verdict)
        self._evidence = evidence
        self._operation = operation

    @enable_ki_protection
    def name_operation(self, operation: str) -> None:
        """Count the call under this name, and no more under the one before."""
        if type(operation) is str and operation[:OPERATION_LIMIT] != self._operation:
            old, self._operation = self._operation, operation[:OPERATION_LIMIT]
            self._evidence.rename(old, self._operation, self.slot)
