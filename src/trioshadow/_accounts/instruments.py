"""Who is told what happens to the runs: one mechanism, on which log, sinks, breaker, spans and SLO stand.

An instrument has a method for each moment, as Trio's have, and overrides those that it wants. What is told is over and
counted: no instrument can change it. What one raises is contained here and said, and the others are told all the same;
only what must pass is raised, when all have been told.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal, TypeAlias

from trio.lowlevel import disable_ki_protection

from trioshadow._model.errors import passing_error, type_name
from trioshadow._model.verdict import ShadowFailure, Verdict
from trioshadow._settings.records import DivergenceRecord

from .notices import Notices

#: Which of the two backends a run calls.
Side: TypeAlias = Literal["shadow", "secondary"]


class Settled:
    """What a run came to, as everybody is told it. (The settlement itself, seen from outside.)"""

    __slots__ = ("candidate", "failure", "operation", "permit", "side", "verdict", "watchers")

    side: Side
    verdict: Verdict
    failure: ShadowFailure | None
    operation: str
    candidate: str
    permit: int | None
    """The breaker's, if there is one and the side is the shadow."""
    watchers: tuple[Callable[[Settled], object], ...]
    """Who asked to be told of this run: `tell_when_settled()`."""


class Instrument:
    """What can be told: each method is a moment. They run on the event loop, and should be quick."""

    title: ClassVar[str]
    """As the log calls it when it raises."""

    def recorded(self, record: DivergenceRecord, arrived: Callable[[], None]) -> None:
        """A leg has its verdict, and there is something to record of it. The consumer calls `arrived()` when the record
        is in the log.
        """

    def settled(self, settled: Settled) -> None:
        """A run has its verdict."""

    def stalled(self, side: Side, seconds: float, where: str) -> None:
        """A step of a run kept the event loop for so long. Told in its task, in the midst of it."""


#: Each with its title.
_Listeners: TypeAlias = tuple[tuple[str, Callable[..., None]], ...]


class Instruments:
    """The instruments of one shadower."""

    __slots__ = ("_notices", "_recorded", "_settled", "_stalled")

    def __init__(self, instruments: Iterable[Instrument], notices: Notices) -> None:
        told = tuple(instruments)
        # Only those that want to know of it: each leg settles, and nearly all match.
        self._recorded: _Listeners = tuple(
            (one.title, one.recorded) for one in told if type(one).recorded is not Instrument.recorded
        )
        self._settled: _Listeners = tuple(
            (one.title, one.settled) for one in told if type(one).settled is not Instrument.settled
        )
        self._stalled: _Listeners = tuple(
            (one.title, one.stalled) for one in told if type(one).stalled is not Instrument.stalled
        )
        self._notices = notices

    def recorded(self, record: DivergenceRecord, arrived: Callable[[], None]) -> None:
        """Tell all."""
        self._tell(self._recorded, record, arrived)

    def settled(self, settled: Settled) -> None:
        """Tell all, and those who asked for this run: spans."""
        listeners = self._settled
        if settled.watchers:
            asked = (("what was told a verdict", functools.partial(_call, watcher)) for watcher in settled.watchers)
            listeners = (*listeners, *asked)
        self._tell(listeners, settled)

    def stalled(self, side: Side, seconds: float, where: str) -> None:
        """Tell all."""
        self._tell(self._stalled, side, seconds, where)

    def _tell(self, listeners: _Listeners, *moment: object) -> None:
        passing = None
        for title, listener in listeners:
            try:
                listener(*moment)
            except BaseException as exc:
                if passing_error(exc) is None:
                    self._notices.say(f"{title} raised", f"{title} raised {type_name(type(exc))}")
                else:
                    passing = exc
        if passing is not None:
            try:
                raise passing
            finally:
                del passing  # its traceback has this frame, which has what was told


#: Of the shadow.
_SAYS_NOTHING = (Verdict.ABANDONED, Verdict.IGNORED, Verdict.CLOSED)


class Slo(Instrument):
    """Tells an SLO tracker each verdict of the shadow but `abandoned` and `ignored`; counts what it could not take."""

    title = "the SLO tracker"

    def __init__(self, record: Callable[[bool], object], lost: Callable[[], None]) -> None:
        self._record = record
        self._lost = lost

    def settled(self, settled: Settled) -> None:
        """A match is a success."""
        if settled.side != "shadow" or settled.verdict in _SAYS_NOTHING:
            return
        try:
            _call(self._record, settled.verdict is Verdict.MATCHED)
        except BaseException as exc:
            if passing_error(exc) is None:
                self._lost()
            raise


@disable_ki_protection
def _call(listener: Callable[[Any], object], told: Any) -> None:
    listener(told)
