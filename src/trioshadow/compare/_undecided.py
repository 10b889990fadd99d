"""What a comparison raises that can't tell, in its bounds, whether two answers are the same: that is no difference. And
what comes of several things of which some can't be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trioshadow._model.errors import ShadowError


class Undecided(ShadowError, ValueError):
    """Two answers can't be compared within the bounds of a comparison, and nothing else in them differs.

    Nobody's fault but that of the answers: an array without an order whose elements are too many and too alike,
    containers that never end, what can be read once, exceptions of which only a part is kept. The call is counted as a
    failure of the comparison (`FailureKind.COMPARE_RAISED`), never as a difference. A `view` that sorts or shortens
    helps, or `KeyedBy` with a key that is exact and there once.
    """


class OutOfBounds(Undecided):
    """All that may be asked at a place, or as deep as this, was asked: nothing more is asked there."""


def all_of(asks: Iterable[Callable[[], bool]]) -> bool:
    """Do all say yes? One no decides; raises Undecided where there is none and one can't tell, and OutOfBounds."""
    unsure: Undecided | None = None
    for ask in asks:
        try:
            if not ask():
                return False
        except OutOfBounds:
            raise
        except Undecided as reason:
            unsure = unsure or reason
    if unsure is not None:
        raise unsure
    return True


def any_of(asks: Iterable[Callable[[], bool]]) -> bool:
    """Does one say yes? That decides; raises Undecided where none does and one can't tell, and OutOfBounds."""
    return not all_of(_opposite(ask) for ask in asks)


def _opposite(ask: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: not ask()
