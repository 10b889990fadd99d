"""What the tests of the archive share: records, and a writer that keeps nothing back."""

from __future__ import annotations

import attrs
import trio

from trioshadow import Captured, Divergence, DivergenceRecord, ResponseRecord, ShadowConfig, Shadower, Verdict
from trioshadow.archive import JsonlSink, Problem, read_archive
from trioshadow.archive._lines import record_line
from trioshadow.archive._writing.writer import ArchiveWriter, Limits
from trioshadow.evidence import Epoch, Evidence, Objective
from trioshadow.http import HttpRequest

#: Tests take no minutes.
BY_CALLS = Objective(block_seconds=None, block_calls=10)
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


LIMITS = Limits(max_segment_bytes=1 << 20, max_segment_age=3600.0, max_total_bytes=1 << 30, compress=True)


class Clock:
    def __init__(self):
        self.now = 1_790_000_000.0

    def __call__(self):
        return self.now


class Said(list):
    def __call__(self, cause, text, *, once=False):
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


def shadowed(
    path, calls, primary, shadow, secondary=None, *, operations=("GET /users/{id}",), objective=BY_CALLS, **config
):
    """An archive of so many calls, as a process writes it. The backends are functions of the number of the call."""

    def backend(function):
        async def call(request):
            await trio.lowlevel.checkpoint()
            return function(int(request.target.rpartition("/")[2]))

        return call

    async def main():
        settings = ShadowConfig(**{"noise_rate": 1.0, "max_in_flight": 10_000, **config})
        sides = (backend(primary), backend(shadow))
        copy = None if secondary is None else backend(secondary)
        async with Shadower(*sides, settings, secondary=copy, sinks=[JsonlSink(path)], objective=objective) as shadower:
            for number in range(calls):
                request = HttpRequest("GET", f"https://shop.test/users/{number}", headers={"authorization": "Bearer t"})
                await shadower.call(request, operation=operations[number % len(operations)])
                if number % 100 == 0:
                    await shadower.wait_idle()  # so that no sink falls behind
            await shadower.wait_idle()

    trio.run(main)


def written(path, *records, **limits):
    """An archive of these records, without a snapshot."""
    put = writer(path, **limits)
    for each in records:
        put.write(record_line(each), each.epoch)
    put.close()
