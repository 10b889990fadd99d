"""What a comparison raises that can't tell, in its bounds, whether two answers are the same: that is no difference."""

from __future__ import annotations

from trioshadow._model.errors import ShadowError


class Undecided(ShadowError, ValueError):
    """Two answers can't be compared within the bounds of a comparison, and nothing else in them differs.

    Nobody's fault but that of the answers: an array without an order whose elements are too many and too alike,
    containers that never end, what can be read once. The call is counted as a failure of the comparison
    (`FailureKind.COMPARE_RAISED`), never as a difference. A `view` that sorts or shortens helps, or `KeyedBy` with a
    key that is exact and there once.
    """
