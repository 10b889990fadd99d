"""Is the candidate good enough to promote? Counts by operation and field, and a scorecard that answers.

Pure: no Trio, no I/O, no clock.
"""

from __future__ import annotations

from ._epoch import Epoch
from ._evidence import FORMAT as FORMAT
from ._evidence import OTHERS as OTHERS
from ._evidence import UNNAMED as UNNAMED
from ._evidence import Evidence
from ._field import Example as Example
from ._histogram import Histogram
from ._judging import scorecard
from ._objective import Acknowledged, Objective
from ._objective import is_objective as is_objective
from ._observation import Observation as Observation
from ._operation import ANYTHING as ANYTHING
from ._operation import COMPARED as COMPARED
from ._operation import Operation as Operation
from ._places import FAILURES as FAILURES
from ._places import failure_field as failure_field
from ._places import field_name as field_name
from ._places import fields_of as fields_of
from ._places import folded_path as folded_path
from ._plan import Plan as Plan
from ._plan import PlannedOperation as PlannedOperation
from ._plan import Wait as Wait
from ._scorecard import Decision, Scorecard
from ._scores import FieldScore, FieldState, OperationScore
from ._scores import LatencyScore as LatencyScore
from ._standing import Counts as Counts
from ._standing import Standing as Standing
from ._standing import is_much_worse as is_much_worse
from ._standing import standings as standings
from ._withheld import Withheld as Withheld

# The names that are not in this list are for the other rooms of the package. Some are in the reference all the same:
# they are attributes of scores, or what a plan is, which are read and need not be imported.
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

for _thing in [Example, LatencyScore, Plan, PlannedOperation, Wait, Withheld, *(globals()[_name] for _name in __all__)]:
    if isinstance(_thing, type):
        _thing.__module__ = "trioshadow.evidence"
