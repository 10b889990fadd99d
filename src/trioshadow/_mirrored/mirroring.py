"""When a mirrored function is mirrored: its shadowers, one after the other, and what enters them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

from trio.lowlevel import enable_ki_protection

from trioshadow._caller.leg import Leg
from trioshadow._service.background import Background
from trioshadow._shadower import Shadower, admission_of, background_of

from .arguments import Arguments


class Series:
    """The shadowers of one mirrored function, of which each is entered once. `make()` makes the next."""

    __slots__ = ("_admit", "_busy", "_make", "_shares_self", "operation", "shadower")

    shadower: Shadower[Arguments, Any, Any]
    """The current one, or the last."""
    _admit: Callable[..., Leg[Any, Any]]

    def __init__(self, make: Callable[[], Shadower[Arguments, Any, Any]], operation: str, *, shares_self: bool) -> None:
        self._make = make
        self._shares_self = shares_self
        self._busy = False
        self.operation = operation
        self._next()

    def _next(self) -> None:
        self.shadower = self._make()
        self._admit = admission_of(self.shadower).admit_if_entered

    def start(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Leg[Any, Any]:
        """The leg of a call with these arguments."""
        arguments = Arguments(args, kwargs, shares_self=self._shares_self)
        return self._admit(arguments, key=None, operation=self.operation)

    def next(self) -> Shadower[Arguments, Any, Any]:
        """The shadower that is to be entered. RuntimeError if one is."""
        if self._busy:
            raise RuntimeError(f"{self.operation} is being mirrored already")
        if admission_of(self.shadower).entered:
            self._next()
        return self.shadower

    def begin(self) -> Shadower[Arguments, Any, Any]:
        """The same, which is entered now."""
        shadower = self.next()
        self._busy = True
        return shadower

    def begun(self) -> None:
        """It was entered: a quicker way in, since a leg whose operation is known needs not be named."""
        self._admit = admission_of(self.shadower).admit

    def end(self) -> None:
        """It was left, or could not be entered."""
        self._busy = False


class Mirroring:
    """What `mirroring()` of a mirrored function gives: an async context manager, around the program. For one without
    Trio there is `background()`.
    """

    __slots__ = ("_series", "_shadower")

    _shadower: Shadower[Arguments, Any, Any]
    """While it is entered."""

    def __init__(self, series: Series) -> None:
        self._series = series

    @enable_ki_protection
    async def __aenter__(self) -> Shadower[Arguments, Any, Any]:
        """Mirror the calls made from now on; returns the shadower. RuntimeError if the function is mirrored already."""
        self._shadower = self._series.begin()
        try:
            await self._shadower.__aenter__()
        except BaseException:
            self._series.end()
            raise
        self._series.begun()
        return self._shadower

    @enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """As of the shadower."""
        try:
            await self._shadower.__aexit__(kind, exc, tb)
        finally:
            self._series.end()

    def background(self, *, enter: Iterable[AbstractAsyncContextManager[object]] = ()) -> Background:
        """A context manager that is not async, for programs without Trio: see `Shadower.background()`."""
        return background_of(self._series.next(), self, enter)

    async def wait_idle(self) -> None:
        """As of the shadower."""
        await self._shadower.wait_idle()
