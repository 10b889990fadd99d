"""`trioshadow proxy`: a reverse proxy that mirrors, for those who can't change their code. This file conducts."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

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

from .report import show_report
from .serving import serve_proxy
from .settings import read_settings


async def proxy(
    *,
    primary: Primary = None,
    shadow: Shadow = None,
    secondary: Secondary = None,
    noise_rate: Annotated[
        float | None, option("Fraction of mirrored requests that go to the secondary too, 0 to 1.", "0.1")
    ] = None,
    candidate: Candidate = None,
    objective_rate: ObjectiveRate = None,
    max_p99_ratio: MaxP99Ratio = None,
    acknowledge: Acknowledge = None,
    archive: Annotated[
        Path | None,
        option(
            "File for what differs, with the counts, for `report` and `replay`. Secrets in headers are masked.", "none"
        ),
    ] = None,
    capture: Annotated[
        bool | None,
        option("Keep requests and answers of what differs in the archive: it may be personal data.", "no"),
    ] = None,
    listen: Annotated[
        str | None,
        option(
            "HOST:PORT to listen on: [::1]:8080 for IPv6, 0.0.0.0:8080 for all addresses of this machine; port 0 takes "
            "a free one.",
            "127.0.0.1:8080",
        ),
    ] = None,
    sample: Annotated[
        float | None,
        option("Fraction of requests that are mirrored, 0 to 1. One key is mirrored always or never.", "1"),
    ] = None,
    key_header: Annotated[
        str | None,
        option(
            "Header of requests whose value is the key, such as X-User-Id. Requests without it are not mirrored at a "
            "--sample below 1.",
            "method, path and query",
        ),
    ] = None,
    allow_method: AllowMethod = None,
    forward_credential: Annotated[
        tuple[str, ...] | None,
        option(
            "Header that the shadow gets although it lets somebody in, such as Authorization or Cookie. The primary "
            "gets all. Repeatable."
        ),
    ] = None,
    allow_header: Annotated[
        tuple[str, ...] | None,
        option(
            "Header of requests that the shadow gets, and no other, such as Accept or X-User-*. The primary gets all. "
            "Repeatable.",
            "all but what lets somebody in",
        ),
    ] = None,
    drop_header: Annotated[
        tuple[str, ...] | None,
        option("Header of requests that the shadow does not get, such as Idempotency-Key or X-B3-*. Repeatable."),
    ] = None,
    breaker: Annotated[
        bool | None,
        option(
            "Leave the shadow alone for 30 seconds after 5 failures in a row, or when half of the requests of a minute "
            "have failed; one request then shows whether it is well again.",
            "no",
        ),
    ] = None,
    timeout: Timeout = None,  # noqa: ASYNC109 - the name of an option
    ignore_header: IgnoreHeader = None,
    ignore_path: IgnorePath = None,
    max_body: MaxBody = None,
    primary_timeout: Annotated[
        float | None,
        option("Seconds that the primary has until its answer begins; then the client gets a 504.", "60"),
    ] = None,
    preserve_host: PreserveHost = None,
    trust_forwarded: Annotated[
        bool | None,
        option(
            "Continue the Forwarded and X-Forwarded-* headers that come in, and do not replace them. Only behind a "
            "proxy of your own.",
            "no",
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        option("PEM file with the certificate and its chain, to serve HTTPS, with HTTP/2.", "none: plain HTTP"),
    ] = None,
    tls_key: Annotated[
        Path | None, option("PEM file with the key of --tls-cert, not encrypted.", "the file of --tls-cert")
    ] = None,
    ca_file: CaFile = None,
    drain: Annotated[
        float | None,
        option(
            "Seconds that requests in flight get when it is told to stop, by Ctrl-C or SIGTERM. A second signal ends "
            "it at once.",
            "10",
        ),
    ] = None,
    admin: Annotated[
        str | None,
        option("HOST:PORT on loopback, or a port, that answers GET /healthz and GET /statistics (JSON).", "off"),
    ] = None,
    config: Annotated[
        Path | None,
        option(
            'TOML file with options by these names (sample = 0.1, ignore-path = ["$.id"]). Those of the command line '
            "win.",
        ),
    ] = None,
) -> None:
    r"""Serve an old service through a proxy that sends a new one the same requests.

    Each client gets the answer of the primary (the old service), as it comes. The
    answers of the shadow (the new one) are compared with it, for a report in the
    end, which says whether to promote the shadow; nobody waits for them.

      python -m trioshadow proxy --primary http://127.0.0.1:8000 \
                                 --shadow http://127.0.0.1:9000

    Send it requests (curl http://127.0.0.1:8080/), and press Ctrl-C for the report.
    Only GET, HEAD and OPTIONS are mirrored unless --allow-method says more.
    """
    options = {name: value for name, value in locals().items() if name != "config"}
    settings = read_settings(options, config)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")  # to stderr
    console = make_console()

    def announce(line: str) -> None:
        console.print(line, soft_wrap=True)
        console.file.flush()

    seen = await serve_proxy(settings, announce)
    console.print()
    show_report(console, seen.statistics, seen.scorecard)
