"""What an archive costs: reading records back, and writing one.

Reading is set against msgspec, the fastest decoder of JSON that we know: the same file, line by line, each line through
`msgspec.json.decode` into plain dicts and lists, which are then thrown away. `read_archive().records()` decodes the
same lines, checks each against the format, and makes a `DivergenceRecord` with its `Divergence` and `Change`s of it.
The records are of JSON bodies with 5 changes and 4 headers that differ, some 1 KB a line.

The memory is what `tracemalloc` sees at most while all is read: over so many records, and over ten times as many.

Writing is set against `trio.to_thread.run_sync` of a function that does nothing: the hop into a worker thread and back,
of which the event loop has its part. The rest is the thread's, and takes turns with the loop as any Python code does.

What these rows do not tell: how fast a disk is (the files lie where Python puts temporary ones).
"""

from __future__ import annotations

import functools
import gzip
import json
import tempfile
import time
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import attrs
import msgspec
import trio

from trioshadow import Captured, Divergence, DivergenceRecord, ResponseRecord, ShadowConfig, Verdict
from trioshadow.archive import JsonlSink, Redaction, merge_archives, read_archive
from trioshadow.archive._lines import record_line

from lib.table import Row, Section, kib, us
from lib.timing import Effort, Rounds, timed_once

_JSON = {"content-type": "application/json"}
_OLD = {"items": [{"sku": f"sku-{n}", "price": 10.5, "stock": 3} for n in range(5)], "at": "2026-01-01"}
_NEW = {"items": [{"sku": f"sku-{n}", "price": 12, "stock": 3} for n in range(5)], "at": "2026-01-01"}


def _record(number: int = 0, captured: Captured | None = None) -> DivergenceRecord:
    old, new = (
        ResponseRecord(json.dumps(body).encode(), headers={**_JSON, "x-node": node, "etag": f'"{node}"', "age": node})
        for body, node in ((_OLD, "1"), (_NEW, "2"))
    )
    divergence = Divergence.compare(old, new, ShadowConfig())
    key = f"user-{number}".encode()
    return DivergenceRecord(key, "GET /cart", Verdict.DIVERGED, divergence, None, 1e9, 0.01, 0.02, "2.0/1", captured)


def _file(directory: Path, count: int) -> Path:
    """An archive of so many records, as a sink writes it."""
    path = directory / f"{count}.jsonl"

    async def write() -> None:
        sink = JsonlSink(path)
        await sink.write(_record())
        await sink.aclose()

    trio.run(write)
    opened = path.read_bytes().partition(b"\n")[0]
    lines = [record_line(_record(number)) for number in range(100)]
    path.write_bytes(opened + b"\n" + b"".join(lines) * (count // 100))
    return path


def _read(path: Path, count: int) -> None:
    if sum(1 for _ in read_archive(path).records()) != count:
        raise AssertionError("records are missing")


def _merge(path: Path, count: int) -> None:
    if merge_archives(path).records_since != count:
        raise AssertionError("records are missing")


def _decode(lines: Iterable[bytes]) -> None:
    decode = msgspec.json.decode
    for line in lines:
        decode(line)


def _decode_file(path: Path) -> None:
    with path.open("rb") as file:
        _decode(file)


def _decode_gzip(path: Path) -> None:
    with gzip.open(path, "rb") as file:
        _decode(file)


def _peak(path: Path, count: int) -> int:
    tracemalloc.start()
    _read(path, count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


async def _write(path: Path, record: DivergenceRecord, count: int) -> float:
    sink = JsonlSink(path)
    await sink.write(record)
    start = time.perf_counter()
    for _ in range(count):
        await sink.write(record)
    seconds = time.perf_counter() - start
    await sink.aclose()
    return seconds / count


async def _loop(path: Path, record: DivergenceRecord, count: int) -> float:
    """CPU time of the event loop's own thread."""
    sink = JsonlSink(path)
    await sink.write(record)
    start = time.thread_time()
    for _ in range(count):
        await sink.write(record)
    seconds = time.thread_time() - start
    await sink.aclose()
    return seconds / count


async def _hop(count: int) -> float:
    await trio.to_thread.run_sync(int)
    start = time.perf_counter()
    for _ in range(count):
        await trio.to_thread.run_sync(int)
    return (time.perf_counter() - start) / count


def _work(sink: JsonlSink, record: DivergenceRecord, count: int) -> float:
    """What the thread does, without the hop."""
    start = time.perf_counter()
    for _ in range(count):
        sink._write_record(record)  # noqa: SLF001
    return (time.perf_counter() - start) / count


def sections(effort: Effort) -> list[Section]:
    """Measure."""
    with tempfile.TemporaryDirectory() as directory:
        return [_reading(Path(directory), effort), _writing(Path(directory), effort)]


def _reading(directory: Path, effort: Effort) -> Section:
    count = max(100, effort.calls * 10 // 100 * 100)
    plain = _file(directory, count)
    packed = directory / "packed.jsonl.20260101T000000-00000000-000001.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), 6))
    more = _file(directory, 10 * count)
    rounds = Rounds(
        {
            "read": functools.partial(timed_once, functools.partial(_read, plain, count)),
            "decode": functools.partial(timed_once, functools.partial(_decode_file, plain)),
            "read gz": functools.partial(timed_once, functools.partial(_read, packed, count)),
            "decode gz": functools.partial(timed_once, functools.partial(_decode_gzip, packed)),
            "merge": functools.partial(timed_once, functools.partial(_merge, plain, count)),
        },
        effort.rounds,
    )

    def row(what: str, name: str, against: str) -> Row:
        median = rounds.median(lambda one: one[name]) / count
        base = rounds.median(lambda one: one[against]) / count
        ratio = rounds.median(lambda one: one[name] / one[against])
        return Row(what, f"{us(median)} a record", f"msgspec.json.decode of each line, {us(base)}", ratio)

    few, many = _peak(plain, count), _peak(more, 10 * count)
    return Section(
        f"Reading an archive of {count:,} records, {plain.stat().st_size // count:,} bytes each",
        [
            row("reading records from a plain segment", "read", "decode").hold_at_most(4),
            row("reading records from a compressed segment", "read gz", "decode gz").hold_at_most(4),
            row("records and nothing else: merge_archives", "merge", "decode"),
            Row(
                f"most memory that reading {10 * count:,} records takes",
                kib(many),
                f"{count:,} records, {kib(few)}",
                many / few,
            ).hold_at_most(1.2),
        ],
    )


def _writing(directory: Path, effort: Effort) -> Section:
    count = max(10, effort.calls // 5)
    record = _record()
    body = json.dumps({"user": {"email": "ada@api.test"}, "rows": [[n, "x" * 20] for n in range(140)]}).encode()
    answer = {"status": 200, "headers": [["content-type", "application/json"]], "body": body}
    captured = attrs.evolve(record, captured=Captured(None, answer, answer))
    sink = JsonlSink(directory / "work.jsonl")
    masking = JsonlSink(directory / "masked.jsonl", redaction=Redaction(paths=["$.user.email"]))
    rounds = Rounds(
        {
            "write": functools.partial(trio.run, _write, directory / "write.jsonl", record, count),
            "loop": functools.partial(trio.run, _loop, directory / "loop.jsonl", record, count),
            "hop": functools.partial(trio.run, _hop, count),
            "work": functools.partial(_work, sink, record, count),
            "captured": functools.partial(_work, masking, captured, count),
        },
        effort.rounds,
    )

    def median(name: str) -> float:
        return rounds.median(lambda one: one[name])

    against = f"a worker thread that does nothing, {us(median('hop'))}"
    return Section(
        "Writing an archive",
        [
            Row(
                "JsonlSink.write, all in all",
                us(median("write")),
                against,
                rounds.median(lambda one: one["write"] / one["hop"]),
            ),
            Row("  of it CPU of the event loop's thread", us(median("loop"))),
            Row("  of it redacting, encoding and writing a record, in the thread", us(median("work"))),
            Row("  a record with a captured body of 4 KB, masked by path, twice", us(median("captured"))),
        ],
    )
