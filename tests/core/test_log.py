"""The log of divergences: a ring. Pure."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import DivergenceLog, DivergenceRecord, Verdict


def record(key: bytes = b"") -> DivergenceRecord:
    return DivergenceRecord(
        key=key,
        operation="",
        verdict=Verdict.DIVERGED,
        divergence=None,
        failure=None,
        at=0.0,
        primary_seconds=None,
        shadow_seconds=None,
    )


@given(st.integers(0, 5), st.integers(0, 12))
def test_the_log_is_a_ring(capacity, pushed):
    log = DivergenceLog(capacity)
    for i in range(pushed):
        log.push(record(b"%d" % i))
    kept = [entry.key for entry in log.snapshot()]
    assert kept == [b"%d" % i for i in range(pushed)][max(0, pushed - capacity) :]
    assert len(log) == len(kept)
    assert log.dropped == pushed - len(kept)
    assert log.capacity == capacity
    assert repr(log) == f"<DivergenceLog {len(kept)}/{capacity}, dropped {log.dropped}>"


def test_the_log_is_validated():
    assert DivergenceLog().capacity == 128
    with pytest.raises(ValueError, match=r"capacity must be a count in \[0, inf\), not -1"):
        DivergenceLog(-1)
    for bad in (None, 2.5, True):
        with pytest.raises(TypeError, match="capacity must be an int, not "):
            DivergenceLog(bad)  # type: ignore[arg-type]


def test_what_the_log_keeps_can_be_pickled():
    assert pickle.loads(pickle.dumps(record())) == record()
