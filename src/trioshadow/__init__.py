"""Shadow an old backend with a new one, in-process, on Trio: the caller gets the old one's answer, you get the
differences.
"""

from __future__ import annotations

from ._accounts.ledger import SecondaryStatistics, ShadowStatistics
from ._accounts.log import DivergenceLog
from ._accounts.sink import Sink
from ._caller.leg import Leg
from ._caller.outcome import ShadowOutcome
from ._mirrored import Arguments, MirroredFunction, mirrored
from ._model.backend import Backend
from ._model.errors import BodyTooLarge, ShadowerNotRunning, ShadowError, ShadowPending
from ._model.record import ResponseRecord
from ._model.sampling import SamplingKey, encode_key
from ._model.slo import SloTracker
from ._model.verdict import FailureKind, HeldBack, ShadowFailure, Verdict
from ._service.comparer import Comparer
from ._service.gate import LegBreaker
from ._service.marks import in_shadow
from ._settings.capture import Capture
from ._settings.config import ShadowConfig
from ._settings.records import Captured, DivergenceRecord
from ._shadower import Shadower
from .compare import BodyDiff, Divergence, ErrorDiff, HeaderDiff, IgnoreField

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
