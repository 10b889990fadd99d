"""Every bound of the library: its default, what happens at it, and where that is counted.

    python bench/bounds.py     # a Markdown table, from the library that is installed: that of docs/guard.md

Nothing is measured here. A bound that is missing is a bug: of the table, or of the library.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from trioshadow import Capture, DivergenceLog, ShadowConfig, Shadower, Sink
from trioshadow._accounts.ledger import EPOCHS
from trioshadow._accounts.notices import CAUSES, QUIET_SECONDS
from trioshadow._caller.admission import FRAMES
from trioshadow._model.errors import MESSAGE_LIMIT
from trioshadow._model.keys import KEY_LIMIT
from trioshadow._service.hosts import IDLE_HOSTS
from trioshadow._settings.records import OPERATION_LIMIT
from trioshadow.archive import JsonlSink
from trioshadow.archive._bounded_lines import LONGEST
from trioshadow.compare._headers import NAMES_KEPT, VALUES_KEPT
from trioshadow.compare._write import VALUE_LIMIT
from trioshadow.evidence._evidence import FIELDS, OPERATIONS
from trioshadow.http import MAX_BODY_BYTES
from trioshadow.http._operations import LIMIT
from trioshadow.isolation import SyncBackend, ThreadBackend, ThreadComparer

_HEAD = ("what", "limit", "default", "at the limit", "counted in")


def _default(function: Callable[..., Any], parameter: str) -> Any:
    return inspect.signature(function).parameters[parameter].default


def _size(count: int) -> str:
    for unit, size in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if count % size == 0:
            return f"{count // size} {unit}"
    return f"{count:,} bytes"


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """The table, without its head."""
    config = ShadowConfig()
    capture = Capture().max_bytes

    def threads(parameter: str) -> Any:
        return _default(ThreadComparer, parameter)

    yield (
        *("legs in flight, and records that log and lossless sinks have not taken", "`max_in_flight`"),
        *(f"{config.max_in_flight}", "calls are shed", "`shed_by_cause`: `in_flight`, `records_waiting`"),
    )
    yield (
        *(
            "bytes that legs in flight hold, as far as known",
            "`max_in_flight_bytes`",
            _size(config.max_in_flight_bytes),
        ),
        *("calls are shed, a leg gives way", "`shed_by_cause`, `gave_way_by_cause`: `bytes`; `in_flight_bytes`"),
    )
    yield (
        *("frames of the caller's stack that a leg needs", "free of them", f"{FRAMES}"),
        *("the call is shed", "`shed_by_cause`: `stack`"),
    )
    yield (
        *("time of a shadow, in seconds", "`shadow_timeout`", f"{config.shadow_timeout:g}"),
        *("it is cancelled", "`timed_out`"),
    )
    yield (
        *("a step of a shadow, in seconds", "`max_step`", f"{config.max_step:g}"),
        *("it is said, and trips the breaker", "`stalls`"),
    )
    yield (
        *("secondaries that are not done", "`max_in_flight`", f"{config.max_in_flight}"),
        *("calls are mirrored without one", "`secondary.in_flight`"),
    )
    yield (
        *("large bodies that are compared, and that wait for it", "`ThreadComparer(max_workers, waiting)`"),
        *(
            f"{threads('max_workers')} and {threads('waiting')}",
            "a leg is abandoned",
            "`gave_way_by_cause`: `comparisons`",
        ),
    )
    yield (
        *("threads of a blocking backend", "`SyncBackend(max_workers)`", f"{_default(SyncBackend, 'max_workers')}"),
        *("its calls wait, until their deadline", "`timed_out`"),
    )
    yield (
        *("calls in a backend with a loop or processes of its own", "`ThreadBackend`, `ProcessBackend(max_in_flight)`"),
        *(f"{_default(ThreadBackend, 'max_in_flight')}", "BackendFull is raised: the call fails", "`failed`"),
    )
    yield (
        *("bytes that are copied of a request, or an answer", "`max_copied_bytes`", _size(config.max_copied_bytes)),
        *("not mirrored, or abandoned", "`held_back_by_cause`: `not_copied`, `gave_way_by_cause`: `copies`"),
    )
    yield (
        *("requests that an edge copies while their bodies are on their way", "`max_in_flight`"),
        *(f"{config.max_in_flight}", "they are not mirrored", "`held_back_by_cause`: `incomplete`"),
    )
    yield (
        *("bodies at the edges of HTTP", "`max_body_bytes`", _size(MAX_BODY_BYTES)),
        *("served, and not compared", "`abandoned`, `failed` (`too_large`), `held_back_by_cause`: `incomplete`"),
    )
    yield (
        *("divergences in the log, and failures", "`DivergenceLog(capacity)`", f"{DivergenceLog().capacity} each"),
        *("the oldest is dropped", "`records_dropped`: `log`, `failures`"),
    )
    yield (
        *(
            "records that wait for a subscriber",
            "`subscribe(max_buffer_size)`",
            f"{_default(Shadower.subscribe, 'max_buffer_size')}",
        ),
        *("it loses records", "`records_dropped`, by its name"),
    )
    yield (
        *("records that wait for a sink", "`Sink(max_buffer_size)`", f"{Sink(print).max_buffer_size}"),
        *("it loses records; a lossless one has calls shed", "`records_dropped`, by its name"),
    )
    yield (
        *("changes of a record", "`max_changes`", f"{config.max_changes}"),
        *("the first are kept, all are counted", "`BodyDiff.change_count`"),
    )
    yield (
        *("a value, a key, a message of a record", "fixed"),
        *(f"{VALUE_LIMIT} characters, {KEY_LIMIT} bytes, {MESSAGE_LIMIT} characters", "cut", ""),
    )
    yield (
        *("headers of a record that differ: names, values", "fixed"),
        *(f"{NAMES_KEPT:,}, {VALUES_KEPT}", "the first are kept", ""),
    )
    yield (
        *("what a record captures of a request, or an answer", "`Capture(max_bytes)`", f"off; {_size(capture)}"),
        *("cut", "`cut` in what was captured"),
    )
    yield (
        *("operations and fields that are counted by name", "fixed", f"{OPERATIONS} and {FIELDS:,}, at least"),
        *("the lightest are counted together", "`(other)`, `(other fields)`"),
    )
    yield (
        *("names of operations that an edge gives, and their length", "fixed"),
        *(f"{LIMIT}; {OPERATION_LIMIT} characters", "counted together; cut", "`(other)`"),
    )
    yield (
        *("epochs, and series of one, whose counts are kept apart", "fixed", f"{EPOCHS}"),
        *("the oldest lives on in the totals", "`statistics()`"),
    )
    yield (
        *("files of an archive", "`JsonlSink(max_total_bytes)`", _size(_default(JsonlSink, "max_total_bytes"))),
        *("the oldest segment is deleted", "`JsonlSink.deleted_segments`"),
    )
    yield (
        *("a line of an archive, written or read", "fixed; `JsonlSink(max_segment_bytes)`", _size(LONGEST)),
        *("dropped; skipped", "`records_dropped`; `Problem`"),
    )
    yield (
        *("the exit, in seconds", "`drain_timeout`, twice", f"{config.drain_timeout:g}"),
        *("legs are cancelled; then what waits for sinks is dropped", "`abandoned`; `records_dropped`"),
    )
    yield ("idle tasks that wait for legs", "fixed", f"{IDLE_HOSTS}", "those of a burst end with it", "")
    yield (
        *("lines in the log, of one cause; causes", "fixed", f"one in {QUIET_SECONDS:g} s; {CAUSES}"),
        *("not said; told as one", "how many, with the next that is"),
    )


def table() -> str:
    """The table, as Markdown."""
    lines = [" | ".join(_HEAD), " | ".join(["---"] * len(_HEAD)), *(" | ".join(row) for row in rows())]
    return "\n".join(f"| {line} |" for line in lines)


if __name__ == "__main__":
    print(table())
