"""`trioshadow replay`: captured requests through both services, before production or in CI. This file conducts."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trioshadow.cli.common.console import make_console
from trioshadow.cli.common.objective import Acknowledge, MaxP99Ratio, ObjectiveRate
from trioshadow.cli.common.options import (
    AllowMethod,
    CaFile,
    Candidate,
    IgnoreHeader,
    IgnorePath,
    MaxBody,
    PreserveHost,
    Primary,
    Secondary,
    Shadow,
    Timeout,
    option,
)
from trioshadow.cli.common.scorecard import exit_status
from trioshadow.evidence import scorecard

from .conduct import conduct
from .report import show_replay
from .settings import read_replay_settings


async def replay(
    file: Annotated[
        Path,
        Parameter(
            help="Archive of trioshadow, or a file of one JSON object a line: method, url, and if need be headers and "
            "body."
        ),
    ],
    /,
    *,
    primary: Primary = None,
    shadow: Shadow = None,
    secondary: Secondary = None,
    noise_rate: Annotated[
        float | None, option("Fraction of requests that go to the secondary too, 0 to 1.", "1")
    ] = None,
    candidate: Candidate = None,
    objective_rate: ObjectiveRate = None,
    max_p99_ratio: MaxP99Ratio = None,
    acknowledge: Acknowledge = None,
    rate: Annotated[
        float | None, option("Requests a second, at the most.", "as many as the concurrency allows")
    ] = None,
    concurrency: Annotated[int | None, option("Requests in flight, at the most.", "10")] = None,
    archive: Annotated[
        Path | None,
        option("File for what is found, beside which is how far it came.", "FILE's name.replay.jsonl, here"),
    ] = None,
    resume: Annotated[bool | None, option("Go on where a run with the same archive was ended.", "no")] = None,
    key_header: Annotated[
        str | None,
        option("Header of requests whose value is the key, such as X-User-Id.", "method, path, query and body"),
    ] = None,
    allow_method: AllowMethod = None,
    forward_credential: Annotated[
        tuple[str, ...] | None,
        option(
            "Header that is sent although it lets somebody in, such as Authorization or Cookie: to all sides. Without "
            "it no side gets it. Repeatable."
        ),
    ] = None,
    allow_header: Annotated[
        tuple[str, ...] | None,
        option(
            "Header of requests that is sent, and no other, such as Accept or X-User-*: to all sides. Repeatable.",
            "all but what lets somebody in",
        ),
    ] = None,
    drop_header: Annotated[
        tuple[str, ...] | None,
        option("Header of requests that no side is sent, such as Idempotency-Key or X-B3-*. Repeatable."),
    ] = None,
    timeout: Timeout = None,  # noqa: ASYNC109 - the name of an option
    ignore_header: IgnoreHeader = None,
    ignore_path: IgnorePath = None,
    max_body: MaxBody = None,
    primary_timeout: Annotated[
        float | None, option("Seconds that the primary has for an answer; without one nothing is compared.", "60")
    ] = None,
    preserve_host: PreserveHost = None,
    ca_file: CaFile = None,
) -> int:
    r"""Send captured requests to an old service and to a new one, and compare their answers.

    In the end stands a report, which says whether to promote the new one, and so
    does the exit status: 0 promote, 1 reject, 3 hold (not enough is known yet).
    2 is wrong use, and 130 is Ctrl-C, after which --resume goes on.

      python -m trioshadow replay requests.jsonl --primary http://127.0.0.1:8000 \
                                                 --shadow http://127.0.0.1:9000

    A line of requests.jsonl is {"method": "GET", "url": "/users/7"}. Only GET, HEAD
    and OPTIONS are sent unless --allow-method says more.
    """
    settings = read_replay_settings(dict(locals()))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")  # to stderr
    seen, signal = await conduct(settings)
    if seen is not None:
        found = scorecard(seen.evidence, settings.objective())
        show_replay(make_console(), settings, seen, found, early=bool(signal))
        if seen.trouble is not None:
            raise seen.trouble
        if not signal:
            return exit_status(found)
    return 128 + signal
