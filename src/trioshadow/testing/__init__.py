"""For tests: that old and new agree, that nothing diverges in a whole test run, and backends that play a script."""

from __future__ import annotations

from ._collector import Collector as Collector
from ._collector import collecting as collecting
from ._collector import raise_on_divergence
from ._equivalent import assert_equivalent, assert_equivalent_async
from ._not_equivalent import NotEquivalentError
from ._scripted import Answer, Fail, Hang, ScriptedBackend

# The names that are not in this list are for the pytest plugin.
__all__ = [
    "Answer",
    "Fail",
    "Hang",
    "NotEquivalentError",
    "ScriptedBackend",
    "assert_equivalent",
    "assert_equivalent_async",
    "raise_on_divergence",
]

# So that the traceback of a test shows the name that it imports.
NotEquivalentError.__module__ = "trioshadow.testing"
