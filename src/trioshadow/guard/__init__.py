"""Whether a candidate runs: it is given more step by step, and left alone while it is bad. Where it runs:
`trioshadow.isolation`.
"""

from __future__ import annotations

from ._breaker import Breaker, BreakerChange, BreakerState
from ._ramp import Ramp, RampEnd, RampOutcome

__all__ = [
    "Breaker",
    "BreakerChange",
    "BreakerState",
    "Ramp",
    "RampEnd",
    "RampOutcome",
]

for _thing in [globals()[_name] for _name in __all__]:
    _thing.__module__ = "trioshadow.guard"
