"""Whether a candidate runs: it is given more step by step, and left alone while it is bad. Where it runs:
`trioshadow.isolation`.
"""

from __future__ import annotations

from ._breaker import Breaker, BreakerState
from ._breaker import BreakerChange as BreakerChange
from ._ramp import Ramp, RampEnd
from ._ramp import RampOutcome as RampOutcome

# RampOutcome, which `Ramp.run()` returns, and BreakerChange, which a listener gets, are in the reference all the same:
# they are read, and need not be imported.
__all__ = [
    "Breaker",
    "BreakerState",
    "Ramp",
    "RampEnd",
]

for _thing in [BreakerChange, RampOutcome, *(globals()[_name] for _name in __all__)]:
    _thing.__module__ = "trioshadow.guard"
