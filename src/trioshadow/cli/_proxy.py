"""`trioshadow proxy`: a reverse proxy that mirrors, for those who can't change their code. This file conducts."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ._console import make_console
from ._proxy_report import show_report
from ._proxy_serving import serve_proxy
from ._proxy_settings import read_settings


def _option(text: str, default: str = "") -> Parameter:
    # None in the signature tells what was not said, so that the file is asked; the help shows what that means.
    def shown(_: object) -> str:
        return default

    return Parameter(
        help=text,
        show_default=shown if default else False,
        negative="",
        consume_multiple=False,  # one value each time that it is given
    )


async def proxy(
    *,
    primary: Annotated[
        str | None,
        _option(
            "URL of the service that answers, such as http://127.0.0.1:8000. A path in it is put before that of each "
            "request. Required."
        ),
    ] = None,
    shadow: Annotated[str | None, _option("URL of the service that is tried out. Required.")] = None,
    secondary: Annotated[
        str | None,
        _option(
            "URL of another copy of the primary, or of the primary itself if asking twice does no harm. What differs "
            "between the two is noise, and not held against the shadow."
        ),
    ] = None,
    noise_rate: Annotated[
        float | None, _option("Fraction of mirrored requests that go to the secondary too, 0 to 1.", "0.1")
    ] = None,
    candidate: Annotated[
        str | None, _option("Which version the shadow is, for the report, such as 'shop 2.1'.")
    ] = None,
    objective_rate: Annotated[
        float | None,
        _option("Fraction of keys that may differ beyond noise, for the report to say PROMOTE.", "0.001"),
    ] = None,
    listen: Annotated[
        str | None,
        _option(
            "HOST:PORT to listen on: [::1]:8080 for IPv6, 0.0.0.0:8080 for all addresses of this machine; port 0 takes "
            "a free one.",
            "127.0.0.1:8080",
        ),
    ] = None,
    sample: Annotated[
        float | None,
        _option("Fraction of requests that are mirrored, 0 to 1. One key is mirrored always or never.", "1"),
    ] = None,
    key_header: Annotated[
        str | None,
        _option(
            "Header of requests whose value is the key, such as X-User-Id. Requests without it are not mirrored at a "
            "--sample below 1.",
            "method, path and query",
        ),
    ] = None,
    allow_method: Annotated[
        tuple[str, ...] | None,
        _option("Method that is mirrored too, such as POST: if its effects may happen twice. Repeatable."),
    ] = None,
    forward_credential: Annotated[
        tuple[str, ...] | None,
        _option(
            "Header that the shadow gets although it lets somebody in, such as Authorization or Cookie. The primary "
            "gets all. Repeatable."
        ),
    ] = None,
    timeout: Annotated[  # noqa: ASYNC109 - the name of an option
        float | None, _option("Seconds that the shadow has for a request; what takes longer counts as timed out.", "2")
    ] = None,
    ignore_header: Annotated[
        tuple[str, ...] | None,
        _option(
            "Header of answers that may differ, such as X-Request-Id; * stands for any characters. Date, Server and "
            "other volatile ones are ignored anyway. Repeatable."
        ),
    ] = None,
    ignore_path: Annotated[
        tuple[str, ...] | None,
        _option("JSONPath of what may differ in bodies, such as $.items[*].id or $..generated_at. Repeatable."),
    ] = None,
    max_body: Annotated[
        int | None,
        _option("Bytes of a body that are kept to compare; larger ones are served and not compared.", "1048576"),
    ] = None,
    primary_timeout: Annotated[
        float | None,
        _option("Seconds that the primary has until its answer begins; then the client gets a 504.", "60"),
    ] = None,
    preserve_host: Annotated[
        bool | None, _option("Send both services the client's Host header, and not that of their URLs.", "no")
    ] = None,
    trust_forwarded: Annotated[
        bool | None,
        _option(
            "Continue the Forwarded and X-Forwarded-* headers that come in, and do not replace them. Only behind a "
            "proxy of your own.",
            "no",
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        _option("PEM file with the certificate and its chain, to serve HTTPS, with HTTP/2.", "none: plain HTTP"),
    ] = None,
    tls_key: Annotated[
        Path | None, _option("PEM file with the key of --tls-cert, not encrypted.", "the file of --tls-cert")
    ] = None,
    ca_file: Annotated[
        Path | None,
        _option("PEM file with certificates to trust in, beside the usual ones, for https:// services."),
    ] = None,
    drain: Annotated[
        float | None,
        _option(
            "Seconds that requests in flight get when it is told to stop, by Ctrl-C or SIGTERM. A second signal ends "
            "it at once.",
            "10",
        ),
    ] = None,
    admin: Annotated[
        str | None,
        _option("HOST:PORT on loopback, or a port, that answers GET /healthz and GET /statistics (JSON).", "off"),
    ] = None,
    config: Annotated[
        Path | None,
        _option(
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
