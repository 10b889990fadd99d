"""The gate before the legs: a breaker of the user's, asked for each, and told how each ended. It decides nothing.

A breaker is code of others (that of `trioshadow.guard` is one that fits): what it raises is contained. If it can't say
whether a leg may begin, none does: it is there to protect, and mirroring gives way.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Protocol

from trioshadow._accounts.instruments import Instrument, Settled, Side
from trioshadow._accounts.notices import Notices
from trioshadow._model.errors import passing_error, type_name
from trioshadow._model.verdict import Verdict


class LegBreaker(Protocol):
    """What can be given as `Shadower(breaker=...)`. All times are seconds of Trio's clock.

    It is asked in the thread of the call, and told in the shadower's: where calls come from several threads, both may
    happen at once.
    """

    @property
    def state(self) -> enum.Enum:
        """For statistics and the log."""
        ...  # pragma: no cover - a protocol has no body

    @property
    def reason(self) -> str:
        """Why it is in this state, in words without anything from traffic."""
        ...  # pragma: no cover

    def admit(self, now: float, /) -> int | None:
        """A permit for one leg, or None."""
        ...  # pragma: no cover

    def release(self, permit: int, verdict: Verdict, now: float, /) -> None:
        """The leg of this permit has ended, however it did: told once, for each permit."""
        ...  # pragma: no cover

    def trip(self, reason: str, now: float, /) -> None:
        """Open at once."""
        ...  # pragma: no cover


class Gate(Instrument):
    """Asks and tells a breaker."""

    title = "the breaker or its listener"

    now: Callable[[], float]
    """The clock of the run; from any thread."""

    def __init__(self, breaker: LegBreaker, notices: Notices) -> None:
        for name in ("admit", "release", "trip"):
            if not callable(getattr(breaker, name, None)):
                raise TypeError(f"breaker must have `admit`, `release` and `trip`, as Breaker(), not {breaker!r:.100}")
        for name in ("state", "reason"):
            if not hasattr(breaker, name):
                raise TypeError(f"breaker must have a `{name}`, as Breaker(), not {breaker!r:.100}")
        self._breaker = breaker
        self._notices = notices
        self._said: enum.Enum = breaker.state

    @property
    def state(self) -> str:
        """Of the breaker, in lower case."""
        return str(self._breaker.state.value)

    def admit(self) -> int | None:
        """A permit, which the leg that has it gives back when it settles, or None."""
        permit = None
        try:
            permit = self._breaker.admit(self.now())
            self._look()
        except BaseException as exc:
            self._contain(exc)
        return permit

    def give_back(self, permit: int) -> None:
        """The leg that it was for never began."""
        try:
            self._breaker.release(permit, Verdict.ABANDONED, self.now())
            self._look()
        except BaseException as exc:
            self._contain(exc)

    def settled(self, settled: Settled) -> None:
        """A leg gives back its permit."""
        if settled.permit is not None:
            self._breaker.release(settled.permit, settled.verdict, self.now())
            self._look()

    def stalled(self, side: Side, seconds: float, where: str) -> None:  # noqa: ARG002 - a breaker says no lines of code
        """A candidate that keeps the loop harms everybody: none at all for a while."""
        if side == "shadow":
            self._breaker.trip(f"a step of the shadow took {seconds:.3g} s", self.now())
            self._look()

    def _look(self) -> None:
        """Say what it changed to."""
        state = self._breaker.state
        if state is not self._said:
            self._said = state
            name = str(state.value).replace("_", "-")
            self._notices.say(f"breaker {name}", f"the breaker is {name} now: {self._breaker.reason}")

    def _contain(self, exc: BaseException) -> None:
        if passing_error(exc) is not None:
            raise exc
        self._notices.say(f"{self.title} raised", f"{self.title} raised {type_name(type(exc))}")
