"""Is the candidate good enough to promote? Counts by operation and field, and a scorecard that answers.

Pure: no Trio, no I/O, no clock.
"""

from __future__ import annotations

from ._evidence import OTHERS as OTHERS
from ._evidence import UNNAMED as UNNAMED
from ._evidence import Epoch, Evidence
from ._evidence import Observation as Observation
from ._field import Example as Example
from ._histogram import Histogram
from ._judging import scorecard
from ._objective import Acknowledged, Objective
from ._operation import COMPARED as COMPARED
from ._operation import Operation as Operation
from ._places import fields_of as fields_of
from ._places import folded_path as folded_path
from ._scorecard import Decision, Scorecard
from ._scores import FieldScore, FieldState, OperationScore
from ._scores import LatencyScore as LatencyScore

# The names that are not in this list are for the other rooms of the package. Example and LatencyScore are in the
# reference all the same: they are attributes of scores, which are read and need not be imported.
__all__ = [
    "Acknowledged",
    "Decision",
    "Epoch",
    "Evidence",
    "FieldScore",
    "FieldState",
    "Histogram",
    "Objective",
    "OperationScore",
    "Scorecard",
    "scorecard",
]

for _thing in [Example, LatencyScore, *(globals()[_name] for _name in __all__)]:
    if isinstance(_thing, type):
        _thing.__module__ = "trioshadow.evidence"
