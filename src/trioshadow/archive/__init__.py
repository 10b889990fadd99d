"""Records that last: a sink that writes them to disk, redacted, and what reads them back and adds them up.

`Shadower(sinks=[JsonlSink("shadow.jsonl")])` writes; `read_archive()` and `merge_archives()` read, with
`trioshadow[archive]`.
"""

# Two folders, `_writing/` and `_reading/`. Beside them is what they share: the format of a line, the names of the
# files, and redaction.

from __future__ import annotations

from ._bounded_lines import Line as Line
from ._bounded_lines import lines_of as lines_of
from ._bounded_lines import too_long as too_long
from ._masks import MASK as MASK
from ._masks import MASKED_PARAMETER as MASKED_PARAMETER
from ._reading.archive import Archive, Snapshot, read_archive
from ._reading.archive import Segment as Segment
from ._reading.course import Course as Course
from ._reading.course import Track as Track
from ._reading.differences import Difference as Difference
from ._reading.differences import Instance as Instance
from ._reading.differences import Place as Place
from ._reading.merge import Merged as Merged
from ._reading.merge import merge_archives
from ._reading.problem import Problem
from ._reading.problem import ProblemKind as ProblemKind
from ._reading.summary import OtherEpoch as OtherEpoch
from ._reading.summary import Summary as Summary
from ._reading.summary import UnknownEpochError as UnknownEpochError
from ._reading.summary import summarize as summarize
from ._redaction import Redaction
from ._writing.sink import JsonlSink

# The names that are not in this list are for the other rooms of the package. ProblemKind, whose members are strs,
# Segment and Merged are in the reference all the same: one meets them, and need not import them.
__all__ = [
    "Archive",
    "JsonlSink",
    "Problem",
    "Redaction",
    "Snapshot",
    "merge_archives",
    "read_archive",
]

for _thing in [Segment, Merged, ProblemKind, *(globals()[_name] for _name in __all__)]:
    if isinstance(_thing, type):
        _thing.__module__ = "trioshadow.archive"
