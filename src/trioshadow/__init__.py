"""Shadow an old backend with a new one, in-process, on Trio: the caller gets the old one's answer, you get the
differences.
"""

from __future__ import annotations

from ._backend import Backend
from ._capture import Capture
from ._comparer import Comparer
from ._config import ShadowConfig
from ._divergence import BodyDiff, Divergence, ErrorDiff, HeaderDiff
from ._errors import BodyTooLarge, ShadowerNotRunning, ShadowError, ShadowPending
from ._gate import LegBreaker
from ._in_shadow import in_shadow
from ._ledger import SecondaryStatistics, ShadowStatistics
from ._leg import Leg
from ._log import DivergenceLog
from ._mirrored import Arguments, MirroredFunction, mirrored
from ._outcome import ShadowOutcome
from ._record import ResponseRecord
from ._sampling import SamplingKey, encode_key
from ._shadower import Shadower
from ._sink import Sink
from ._slo import SloTracker
from ._verdict import Captured, DivergenceRecord, FailureKind, HeldBack, ShadowFailure, Verdict
from .compare import IgnoreField

__all__ = [
    "Arguments",
    "Backend",
    "BodyDiff",
    "BodyTooLarge",
    "Capture",
    "Captured",
    "Comparer",
    "Divergence",
    "DivergenceLog",
    "DivergenceRecord",
    "ErrorDiff",
    "FailureKind",
    "HeaderDiff",
    "HeldBack",
    "IgnoreField",
    "Leg",
    "LegBreaker",
    "MirroredFunction",
    "ResponseRecord",
    "SamplingKey",
    "SecondaryStatistics",
    "ShadowConfig",
    "ShadowError",
    "ShadowFailure",
    "ShadowOutcome",
    "ShadowPending",
    "ShadowStatistics",
    "Shadower",
    "ShadowerNotRunning",
    "Sink",
    "SloTracker",
    "Verdict",
    "encode_key",
    "in_shadow",
    "mirrored",
]

# So that tracebacks, reprs and the documentation show the names that users import.
for _thing in [globals()[_name] for _name in __all__]:
    if isinstance(_thing, type) and _thing.__module__.startswith(("trioshadow._", "trioshadow.compare.")):
        _thing.__module__ = "trioshadow"
