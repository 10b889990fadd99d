"""The gate before the legs: a breaker of the user's, asked for each, and told how each ended. It decides nothing.

A breaker is code of others (that of `trioshadow.guard` is one that fits): what it raises is contained here. If it can't
say whether a leg may begin, none does: it is there to protect, and mirroring gives way.
"""

from __future__ import annotations

import enum
from typing import Protocol

from ._accounts.notices import Notices
from ._model.errors import passing_error, type_name
from ._model.verdict import Verdict


class LegBreaker(Protocol):
    """What can be given as `Shadower(breaker=...)`. All times are seconds of Trio's clock."""

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


class Gate:
    """Asks and tells a breaker."""

    __slots__ = ("_breaker", "_notices", "_said")

    def __init__(self, breaker: LegBreaker, notices: Notices) -> None:
        for name in ("admit", "release", "trip"):
            if not callable(getattr(breaker, name, None)):
                raise TypeError(f"breaker must have `admit`, `release` and `trip`, as Breaker(), not {breaker!r:.100}")
        self._breaker = breaker
        self._notices = notices
        self._said: enum.Enum = breaker.state

    @property
    def state(self) -> str:
        """Of the breaker, in lower case."""
        return str(self._breaker.state.value)

    def admit(self, now: float) -> int | None:
        """A permit, which must be given back, or None."""
        permit = None
        try:
            permit = self._breaker.admit(now)
            if self._breaker.state is not self._said:
                self._say()
        except RecursionError:  # the caller is deep: nothing can be said here, and a permit must not be lost
            pass
        except BaseException as exc:
            self._contain(exc)
        return permit

    def release(self, permit: int, verdict: Verdict, now: float) -> bool:
        """The leg has ended. False: it could not be told, for want of room on the stack, and is to be told again."""
        try:
            self._breaker.release(permit, verdict, now)
            if self._breaker.state is not self._said:
                self._say()
        except RecursionError:
            return False
        except BaseException as exc:
            self._contain(exc)
        return True

    def trip(self, reason: str, now: float) -> None:
        """Open at once."""
        try:
            self._breaker.trip(reason, now)
            if self._breaker.state is not self._said:
                self._say()
        except BaseException as exc:
            self._contain(exc)

    def _say(self) -> None:
        self._said = state = self._breaker.state
        name = str(state.value).replace("_", "-")
        self._notices.say(f"breaker {name}", f"the breaker is {name} now: {self._breaker.reason}")

    def _contain(self, exc: BaseException) -> None:
        if passing_error(exc) is not None:
            raise exc
        self._notices.say("breaker failed", f"the breaker or its listener raised {type_name(type(exc))}")
