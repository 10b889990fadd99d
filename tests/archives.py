"""What the tests of the archive share: records, and a writer that keeps nothing back."""

from __future__ import annotations

import attrs

from trioshadow import Captured, Divergence, DivergenceRecord, ResponseRecord, ShadowConfig, Verdict
from trioshadow.archive import Problem, read_archive
from trioshadow.archive._writer import ArchiveWriter, Limits
from trioshadow.evidence import Epoch, Evidence

JSON = {"content-type": "application/json"}
SNAPSHOT = Evidence(Epoch("2.0", "abc"), series="s1", since=1.0).to_dict(2.0)


def divergence(old, new, **config):
    found = Divergence.compare(old, new, ShadowConfig(**config))
    assert found is not None
    return found


def record(key=b"user-7", *, old=1, new=2, epoch="", captured=None, **config):
    found = old if isinstance(old, Divergence) else divergence(old, new, **config)
    return DivergenceRecord(
        key, "GET /users/{id}", Verdict.DIVERGED, found, None, 1_790_000_000.5, 0.01, 0.02, epoch, captured
    )


def answers(old: bytes, new: bytes, headers=JSON):
    return ResponseRecord(old, headers=headers), ResponseRecord(new, headers=headers)


def captured(body, **more):
    request = {
        "method": "POST",
        "url": "/login?page=1&token=tok-1",
        "headers": [["Cookie", "sid=c00kie"]],
        "body": body,
    }
    answer = {"status": 200, "headers": [["set-cookie", "sid=c00kie"], ["x-user", "ada"]], "body": body}
    return Captured(**{"request": request, "primary": answer, "shadow": answer, **more})


LIMITS = Limits(max_segment_bytes=1 << 20, max_segment_seconds=3600.0, max_total_bytes=1 << 30, compress=True)


class Clock:
    def __init__(self):
        self.now = 1_790_000_000.0

    def __call__(self):
        return self.now


class Said(list):
    def __call__(self, cause, text):
        self.append(text)


def writer(path, said=None, clock=None, **limits):
    return ArchiveWriter(path, attrs.evolve(LIMITS, **limits), Said() if said is None else said, clock or Clock())


def keys(path):
    return [record.key for record in read_archive(path).records()]


def problems(*paths):
    return [(problem.kind, problem.line) for problem in read_archive(*paths).problems()]


def told(*paths):
    """Every entry that is no problem; there must be none."""
    entries = list(read_archive(*paths))
    assert not [entry for entry in entries if isinstance(entry, Problem)]
    return entries
