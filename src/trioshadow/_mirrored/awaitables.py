"""What a sync primary gives to await: the same, for its caller, and the leg is told what comes of it.

The caller may await it, soon or late or never, here or in another thread or event loop, close it, or drop it. What is
awaited is told. In all other cases the leg is let go of, and abandons itself (`MirroredLeg.__del__`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import GeneratorType
from typing import Any

from trioshadow._caller.mirrored_leg import MirroredLeg

from .transparent import Transparent, special, wrapped_by


def watched(awaitable: Awaitable[Any], leg: MirroredLeg[Any, Any]) -> Awaitable[Any]:
    """Behaves as `awaitable`, and tells the leg what comes of awaiting it the first time. Made where it was started."""
    is_coroutine = isinstance(awaitable, Coroutine | GeneratorType)
    self = (_Coroutine if is_coroutine else _Awaitable).before(awaitable)
    object.__setattr__(self, "_watch", _Watch(leg))
    return self


class _Watch:
    """The leg, until it is told or let go of. `begun`: something awaits it."""

    __slots__ = ("_leg", "begun")

    def __init__(self, leg: MirroredLeg[Any, Any]) -> None:
        self.begun = False
        self._leg: MirroredLeg[Any, Any] | None = leg

    def let_go(self) -> MirroredLeg[Any, Any] | None:
        """The leg, once."""
        leg, self._leg = self._leg, None
        return leg

    def done(self, answer: object) -> None:
        """The primary answered."""
        leg = self.let_go()
        if leg is not None:
            leg.primary_done(answer)

    def raised(self, exc: BaseException) -> None:
        """The primary raised, or it was closed: then it may be by the garbage collector, in the midst of anything."""
        leg = self.let_go()
        if leg is not None and not isinstance(exc, GeneratorExit):
            leg.primary_raised(exc)


class _Awaitable(Transparent):
    """Before an awaitable that is no coroutine: a future, a lazy query. It may be awaited again, if that may be."""

    __slots__ = ("_watch",)
    own = frozenset({"__await__"})

    def __await__(self) -> Generator[Any, Any, Any]:
        awaitable, watch = wrapped_by(self), _watch_of(self)
        watch.begun = True
        awaiting = special(awaitable, "__await__")
        try:
            # A coroutine made of a generator is its own iterator.
            answer = yield from awaitable if awaiting is None else awaiting()
        except BaseException as exc:
            watch.raised(exc)
            raise
        watch.done(answer)
        return answer


_watch_of: Callable[[_Awaitable], _Watch] = _Awaitable.__dict__["_watch"].__get__


class _Coroutine(_Awaitable):
    """Before a coroutine, which others than `await` drive, too: an event loop, and whoever closes it unawaited."""

    __slots__ = ()
    own = frozenset({"__await__", "close", "send", "throw"})

    def send(self, value: Any) -> Any:
        _watch_of(self).begun = True
        return _step(self, wrapped_by(self).send, value)

    def throw(self, *exc: Any) -> Any:
        if not _watch_of(self).begun:
            _watch_of(self).let_go()  # it is never asked, and what is raised is not the primary's
        return _step(self, wrapped_by(self).throw, *exc)

    def close(self) -> None:
        _watch_of(self).let_go()
        wrapped_by(self).close()


def _step(coroutine: _Coroutine, step: Callable[..., Any], *args: Any) -> Any:
    try:
        return step(*args)
    except StopIteration as stop:
        _watch_of(coroutine).done(stop.value)
        raise
    except BaseException as exc:
        _watch_of(coroutine).raised(exc)
        raise
