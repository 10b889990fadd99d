"""Breaker: a candidate that stays bad is left alone for a while. A pure state machine: the time is passed in.

The rules:

- *Closed*: every leg is let through, and its end counted. It opens when `failures` legs in a row have failed, or when
  of the legs of the last `window` seconds, `min_calls` or more, a fraction of `failure_rate` have.
- *Open*: none is let through, for `cool_down` seconds.
- *Half-open*, from the first leg that asks after that: so many as `probes` at once are let through. When as many in a
  row have ended well it closes; the first that fails opens it again.

Each time that it changes its state a new *generation* begins, and a permit is the number of its generation. What ends
under the permit of an earlier generation says nothing any more: a leg that began while it was closed, and fails when it
is half-open, does not speak of the probes.

What a leg that was abandoned would have come to is not known, so it counts as neither, and gives back its place.

The defaults of `failures`, `cool_down` and `probes` are those of the crate reliability-toolkit.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable

import attrs

from trioshadow._accounts.forks import Lock
from trioshadow._accounts.notices import Notices
from trioshadow._model.checks import is_bool, is_count, is_function, is_interval, number
from trioshadow._model.errors import passing_error, type_name
from trioshadow._model.verdict import Verdict
from trioshadow._model.words import counted

#: The window is counted in so many parts: the oldest is dropped as a whole.
_PARTS = 10

# Bound once: reading a member off its class costs 0.1 µs on Python 3.11, and each leg asks.
_DIVERGED = Verdict.DIVERGED
_ANSWERED = (Verdict.MATCHED, Verdict.DIVERGED, Verdict.IGNORED)
_FAILURES = (Verdict.FAILED, Verdict.TIMED_OUT)
_TOLD = {verdict: verdict.value.replace("_", " ") for verdict in Verdict}


class BreakerState(enum.Enum):
    """What a breaker does with a call."""

    CLOSED = "closed"
    """Lets it through."""
    OPEN = "open"
    """Does not."""
    HALF_OPEN = "half_open"
    """Lets a few through, to see."""


_CLOSED, _OPEN, _HALF_OPEN = BreakerState


@attrs.frozen
class BreakerChange:
    """A breaker changed its state."""

    before: BreakerState
    after: BreakerState
    at: float
    """On the clock of whoever asked it: Trio's, for a Shadower."""
    reason: str


_is_rate = number("a fraction in (0, 1]", lambda rate: 0 < rate <= 1)


@attrs.define(kw_only=True, eq=False)
class Breaker:
    """Stops mirroring while the shadow is bad, for `Shadower(breaker=Breaker())`.

    One breaker guards one backend. Shadowers of one Trio run that mirror to the same backend may share it, and calls
    may come from any thread. Out of range is a ValueError that names the parameter, the value and the range; a wrong
    type is a TypeError.
    """

    failures: int | None = attrs.field(default=5, validator=is_count.or_none, on_setattr=attrs.setters.frozen)
    """It opens after so many failures in a row, in [1, inf); None: never for that."""
    failure_rate: float | None = attrs.field(default=0.5, validator=_is_rate.or_none, on_setattr=attrs.setters.frozen)
    """It opens when this fraction of the legs, in (0, 1], of the last `window` seconds have failed; None: never for
    that."""
    window: float = attrs.field(default=60.0, validator=is_interval, on_setattr=attrs.setters.frozen)
    """Seconds, in (0, inf), give or take a tenth: it is counted in ten parts."""
    min_calls: int = attrs.field(default=20, validator=is_count, on_setattr=attrs.setters.frozen)
    """Of fewer legs, in [1, inf), no rate is taken."""
    cool_down: float = attrs.field(default=30.0, validator=is_interval, on_setattr=attrs.setters.frozen)
    """Seconds, in (0, inf), that it stays open."""
    probes: int = attrs.field(default=1, validator=is_count, on_setattr=attrs.setters.frozen)
    """So many legs at once, in [1, inf), are let through when it is half-open; and so many in a row must end well."""
    count_divergences: bool = attrs.field(default=False, validator=is_bool, on_setattr=attrs.setters.frozen)
    """Does a divergence count as a failure? They are what a shadow is there for, so by default it does not."""
    listener: Callable[[BreakerChange], object] | None = attrs.field(
        default=None, validator=is_function.or_none, repr=False, on_setattr=attrs.setters.frozen
    )
    """Told of each change, synchronously, where it is made: in the thread of the call, or the shadower's. It should be
    quick; what it raises is lost (the breaker must not break)."""

    _state: BreakerState = attrs.field(default=_CLOSED, init=False)
    _generation: int = attrs.field(default=0, init=False)
    _until: float = attrs.field(default=-math.inf, init=False)
    _in_a_row: int = attrs.field(default=0, init=False)
    """Failures, while it is closed; probes that ended well, while it is half-open."""
    _probing: int = attrs.field(default=0, init=False)
    _parts: list[list[int]] = attrs.field(factory=list[list[int]], init=False, repr=False)
    """Of the window: number of the part, calls, failures."""
    _changes: list[BreakerChange] = attrs.field(factory=list[BreakerChange], init=False, repr=False)
    """That the listener has not been told yet."""
    _notices: Notices = attrs.field(factory=lambda: Notices(""), init=False, repr=False)
    _lock: Lock = attrs.field(factory=Lock, init=False, repr=False)
    _opened: int = attrs.field(default=0, init=False)
    _reason: str = attrs.field(default="", init=False)

    @property
    def state(self) -> BreakerState:
        """Now. An open one whose time is up is half-open from the next call on."""
        return self._state

    @property
    def opened(self) -> int:
        """How often it has opened."""
        return self._opened

    @property
    def reason(self) -> str:
        """Why it is in this state; empty before its first change."""
        return self._reason

    # ── what a shadower asks ─────────────────────────────────────────────────────────────────────────────────────────

    def admit(self, now: float, /) -> int | None:
        """May a leg begin at this time, in seconds? Its permit, which must be given to `release()` once; or None."""
        if self._state is _CLOSED:
            return self._generation
        with self._lock:
            permit = self._permit(now)
        self._tell()
        return permit

    def _permit(self, now: float) -> int | None:
        if self._state is _OPEN:
            if now < self._until:
                return None
            self._change(_HALF_OPEN, now, f"{self.cool_down:g} s have passed")
        if self._state is _HALF_OPEN:  # pragma: no branch - another thread has closed it meanwhile
            if self._probing >= self.probes:
                return None
            self._probing += 1
        return self._generation

    def release(self, permit: int, verdict: Verdict, now: float, /) -> None:
        """A leg has ended, at this time. Verdicts of calls that were not mirrored, and ABANDONED, count as neither."""
        with self._lock:
            if permit == self._generation:
                self._ended(verdict, now)
        self._tell()

    def _ended(self, verdict: Verdict, now: float) -> None:
        failed = verdict in _FAILURES or (verdict is _DIVERGED and self.count_divergences)
        ended_well = not failed and verdict in _ANSWERED
        if self._state is _HALF_OPEN:
            self._probing -= 1
            if failed:
                self._open(f"a probe {_TOLD[verdict]}", now)
            elif ended_well:
                self._probed(now)
        elif failed:
            self._failed(verdict, now)
        elif ended_well:
            if self._in_a_row:  # to set an attribute of such a class costs 0.4 µs, and mostly it is 0
                self._in_a_row = 0
            if self.failure_rate is not None:
                self._part(now)[1] += 1

    def trip(self, reason: str, now: float, /) -> None:
        """Open at once, whatever was counted; one that is open stays so for `cool_down` seconds from now."""
        with self._lock:
            if self._state is _OPEN:
                self._until = now + self.cool_down
            else:
                self._open(reason, now)
        self._tell()

    # ── counting ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _failed(self, verdict: Verdict, now: float) -> None:
        self._in_a_row += 1
        told = _TOLD[verdict]
        calls = failed = 0
        if self.failure_rate is not None:
            part = self._part(now)
            part[1] += 1
            part[2] += 1
            calls, failed = sum(one[1] for one in self._parts), sum(one[2] for one in self._parts)
        if self.failures is not None and self._in_a_row >= self.failures:
            self._open(f"{counted(self._in_a_row, 'failure')} in a row, the last {told}", now)
        elif self.failure_rate is not None and calls >= self.min_calls and failed >= self.failure_rate * calls:
            self._open(f"{failed:,} of {calls:,} calls failed in {self.window:g} s, the last {told}", now)

    def _probed(self, now: float) -> None:
        self._in_a_row += 1
        if self._in_a_row >= self.probes:
            self._change(_CLOSED, now, f"{counted(self.probes, 'probe')} ended well")

    def _part(self, now: float) -> list[int]:
        """Of the window, the part of this moment."""
        number = math.floor(now * _PARTS / self.window)
        parts = self._parts
        if not parts or parts[-1][0] < number:
            parts.append([number, 0, 0])
            while parts[0][0] <= number - _PARTS:
                del parts[0]
        return parts[-1]

    def _open(self, reason: str, now: float) -> None:
        self._until = now + self.cool_down
        self._opened += 1
        self._change(_OPEN, now, reason)

    def _change(self, state: BreakerState, now: float, reason: str) -> None:
        change = BreakerChange(self._state, state, now, reason)
        self._state, self._reason = state, reason
        self._generation += 1
        self._in_a_row = self._probing = 0
        self._parts.clear()
        if self.listener is not None:
            self._changes.append(change)

    def _tell(self) -> None:
        """Without the lock: a listener may wait for a thread that asks this breaker."""
        while self._changes:
            try:
                change = self._changes.pop(0)
            except IndexError:  # pragma: no cover - another thread tells it
                return
            assert self.listener is not None
            try:
                self.listener(change)
            except BaseException as exc:
                if passing_error(exc) is not None:
                    raise
                self._notices.say("listener", f"the listener of a breaker raised {type_name(type(exc))}")
