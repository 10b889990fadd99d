"""The benchmark works: every row is there. What it measures is not asserted: numbers belong to a machine, not to a
test.

A subprocess, on the real clock.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_RUN = Path(__file__).parent.parent / "bench" / "run.py"
_HARMS = _RUN.parent / "harms.py"

_ROWS = (
    "call() not sampled (rate 0.1",
    "call() not sampled (rate 0,",
    "call() sampled, matching, all in all",
    "bare Trio by hand",
    "call() sampled, diverging",
    "100 callers at once",
    "a leg without an idle host",
    "call() not sampled, with stall meter and breaker",
    "call() sampled, matching, with the stall meter",
    "call() sampled, matching, with stall meter and breaker",
    "a step of a shadow, with the stall meter",
    "p50, slow (1 s)",
    "p99, slow (1 s)",
    "p99, hung",
    "p99, failing",
    "p99, diverging",
    "p99, blocking in SyncBackend",
    "p50, burning 20 ms of CPU",
    "p99, a candidate in a ThreadBackend that sleeps 50 ms, blocking",
    "p99, a candidate in a ProcessBackend that burns 50 ms of Python",
    "p99, a candidate in a ThreadBackend that burns 50 ms of Python",
    "p99, a candidate in a ThreadBackend that holds the interpreter lock in C",
    "p99, a candidate in a ProcessBackend that segfaults",
    "a call there and back, SyncBackend",
    "a call there and back, ThreadBackend",
    "a call there and back, ProcessBackend",
    "first differing byte of two 1 MiB bodies",
    "keeping a mutable answer",
    "100 KB of JSON, 10 differences",
    "5 MB of JSON, 10 differences",
    "for each KB",
    "equal bytes, which are never decoded",
    "values that are equal",
    "2,000 objects, one more in front, KeyedBy",
    "two decoded documents of 780 items, 10 differences: deepdiff",
    "100,000 levels deep",
    "one object in front of 1,000, KeyedBy",
    "a leg in flight",
    "an idle host",
    "garbage left by a matched call",
    "garbage left by a diverged call",
    "garbage left by a failing call",
    "garbage left by a timed-out call",
    "reading records from a plain segment",
    "reading records from a compressed segment",
    "most memory that reading",
    "records and nothing else: merge_archives",
    "JsonlSink.write, all in all",
    "CPU of the event loop's thread",
    "redacting, encoding and writing a record",
    "a record with a captured body of 4 KB, masked by path",
    "compared in place",
    "compared in a worker thread",
    "compared in a worker process",
    "records that all differ alike",
    "records that differ each in another field",
    "writing it",
    "the server's CPU time for a request",
    "proxy, unsampled, bodies of 4 KB",
    "proxy, unsampled, bodies of 100 KB",
    "middleware at sample 0, without a server",
    "at sample 1, shadow app in this process",
    "p50, at sample 1, app 5 ms",
    "p99, at sample 1, app 5 ms",
    "p99, at sample 1, app answers at once",
    "p50, shadow refuses connections",
    "p99, shadow never answers",
    "p99, shadow resets in mid-body",
    "8 MiB through the middleware",
    "8 MiB through the proxy",
    "noise 0.1% of each call, 20 fields: ever REJECT",
    "noise 30.0% of each call, 20 fields: ever REJECT",
    "noise 2 %, 1,000 fields: ever REJECT",
    "noise 1 %, 200 fields that come one by one: ever REJECT",
    "noise of the key 30 %, 10 keys make 60 %: ever REJECT",
    "a side lags 30 s each hour: ever REJECT",
    "a side stalls 20 s each hour: latency: ever REJECT",
    "0.12 % wrong (0.1 % allowed), no noise: ever PROMOTE",
    "always wrong, under 90 % noise: ever PROMOTE",
    "90 % of the calls one key, 3 % of the others wrong, noise 5 %: ever PROMOTE",
    "flaps never, and is wrong for 8 % of the customers: ever PROMOTE",
    "identical, noise 1 %: the field CLEAN after",
    "1 % wrong, no noise: the field REGRESSED after",
    "6 % against 1 %: the field REGRESSED after",
    "everything wrong, 50 calls a second: REJECT after",
    "10% of the calls wrong, with a secondary: no PROMOTE after",
    "twice as slow, 1.5 allowed: REGRESSED after",
    "just as slow as allowed: ever REGRESSED",
    "6 % against 1 %: ever REJECT in an hour",
    "Evidence.observe of a call that matched",
    "Evidence.observe of a call that differs in one field",
    "scorecard() of 256 operations, 1,",
    "a snapshot as JSON, 10 operations of 5 fields",
    "the fullest evidence: ",
)


@pytest.fixture(scope="module", params=["plain", "markdown"])
def printed(request: pytest.FixtureRequest) -> str:
    """Run one tiny round of everything."""
    arguments = ["--smoke", "--markdown"] if request.param == "markdown" else ["--smoke"]
    run = subprocess.run(
        [sys.executable, "-W", "error", str(_RUN), *arguments], capture_output=True, check=False, text=True, timeout=400
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("row", _ROWS)
def test_bench_prints_each_row(printed: str, row: str) -> None:
    """Each row that the documentation quotes is in the table."""
    assert row in printed


def test_bench_says_where_it_ran(printed: str) -> None:
    """Numbers without their machine and versions are worth nothing."""
    for word in ("cores", "CPython", "trioshadow ", "trio ", "numbers held"):
        assert word in printed


def test_bench_measures_the_real_pairs_or_says_that_they_are_not_there(printed: str) -> None:
    """They are downloaded by nox, and by nothing else."""
    there = bool(os.environ.get("TRIOSHADOW_PAIRS"))
    assert ("KeyedBy alpha_3: " in printed) is there
    assert ("TRIOSHADOW_PAIRS names no directory" in printed) is not there


def test_the_table_of_harms_tells_what_survived() -> None:
    """The command behind the page on isolation: what crashes takes its process along, unless it has one of its own."""
    run = subprocess.run(
        [sys.executable, "-W", "error", str(_HARMS), "--smoke"],
        capture_output=True,
        check=False,
        text=True,
        timeout=400,
    )
    assert run.returncode == 0, run.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in run.stdout.splitlines() if "segfaults" in line]
    assert {row[1]: row[-1] for row in rows} == {
        "on the loop": "no: SIGSEGV",
        "SyncBackend": "no: SIGSEGV",
        "ThreadBackend": "no: SIGSEGV",
        "ProcessBackend": "yes",
    }


def test_bench_refuses_what_it_does_not_know() -> None:
    """A misspelt option is an error, unlike a number that is missed."""
    run = subprocess.run(
        [sys.executable, str(_RUN), "--shrot"], capture_output=True, check=False, text=True, timeout=60
    )
    assert run.returncode == 2
    assert "--shrot" in run.stderr
