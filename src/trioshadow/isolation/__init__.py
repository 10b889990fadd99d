"""Where a candidate runs, so that it can't hurt: in threads, in a thread's own loop, in processes; and where large
bodies are compared. Whether it runs at all: `trioshadow.guard`.
"""

from __future__ import annotations

from trioshadow._service.comparer import ThreadComparer

from ._errors import BackendFull, BackendNotRunning, CandidateError
from ._process import ProcessBackend
from ._process_comparer import ProcessComparer
from ._sync import SyncBackend
from ._thread import ThreadBackend

__all__ = [
    "BackendFull",
    "BackendNotRunning",
    "CandidateError",
    "ProcessBackend",
    "ProcessComparer",
    "SyncBackend",
    "ThreadBackend",
    "ThreadComparer",
]

for _thing in [globals()[_name] for _name in __all__]:
    _thing.__module__ = "trioshadow.isolation"
