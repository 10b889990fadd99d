"""Records that last: a sink that writes them to disk, redacted, and what reads them back and adds them up.

`Shadower(sinks=[JsonlSink("shadow.jsonl")])` writes; `read_archive()` and `merge_archives()` read, with
`trioshadow[archive]`.
"""

from __future__ import annotations

from ._differences import Difference as Difference
from ._differences import Instance as Instance
from ._differences import Place as Place
from ._differences import told_kind as told_kind
from ._masks import MASK as MASK
from ._masks import MASKED_PARAMETER as MASKED_PARAMETER
from ._merge import Merged, merge_archives
from ._problem import Problem, ProblemKind
from ._reading import Archive, Segment, Snapshot, read_archive
from ._redaction import Redaction
from ._sink import JsonlSink
from ._summary import OtherEpoch as OtherEpoch
from ._summary import Summary as Summary
from ._summary import UnknownEpochError as UnknownEpochError
from ._summary import summarize as summarize

# The names that are not in this list are for the other rooms of the package.
__all__ = [
    "Archive",
    "JsonlSink",
    "Merged",
    "Problem",
    "ProblemKind",
    "Redaction",
    "Segment",
    "Snapshot",
    "merge_archives",
    "read_archive",
]

for _thing in [globals()[_name] for _name in __all__]:
    if isinstance(_thing, type):
        _thing.__module__ = "trioshadow.archive"
