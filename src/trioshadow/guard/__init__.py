"""Ways to keep a candidate from hurting: one that stays bad is left alone, a blocking one goes to its own threads."""

from __future__ import annotations

from trioshadow._comparer import ThreadComparer

from ._breaker import Breaker, BreakerChange, BreakerState
from ._sync import SyncBackend

__all__ = ["Breaker", "BreakerChange", "BreakerState", "SyncBackend", "ThreadComparer"]

for _thing in [globals()[_name] for _name in __all__]:
    _thing.__module__ = "trioshadow.guard"
