"""Ways to keep a candidate from hurting: it is given more step by step, left alone while it is bad, put elsewhere."""

from __future__ import annotations

from trioshadow._comparer import ThreadComparer

from ._breaker import Breaker, BreakerChange, BreakerState
from ._breaker_backend import BreakerBackend, BreakerOpen
from ._isolation_errors import BackendFull, BackendNotRunning, CandidateError
from ._process import ProcessBackend
from ._process_comparer import ProcessComparer
from ._ramp import Ramp
from ._ramp_run import RampEnd, RampOutcome
from ._sync import SyncBackend
from ._thread import ThreadBackend

__all__ = [
    "BackendFull",
    "BackendNotRunning",
    "Breaker",
    "BreakerBackend",
    "BreakerChange",
    "BreakerOpen",
    "BreakerState",
    "CandidateError",
    "ProcessBackend",
    "ProcessComparer",
    "Ramp",
    "RampEnd",
    "RampOutcome",
    "SyncBackend",
    "ThreadBackend",
    "ThreadComparer",
]

for _thing in [globals()[_name] for _name in __all__]:
    _thing.__module__ = "trioshadow.guard"
