"""`trioshadow proxy`: a reverse proxy that mirrors, for those who can't change their code. This file conducts."""

from __future__ import annotations

import logging

from trioshadow.cli.common.command_line import takes
from trioshadow.cli.common.console import make_console

from .options import NOTES, ProxyOptions
from .report import show_report
from .serving import serve_proxy


@takes(ProxyOptions, config=True, notes=NOTES)
async def proxy(options: ProxyOptions) -> None:
    r"""Serve an old service through a proxy that sends a new one the same requests.

    Each client gets the answer of the primary (the old service) as it comes and never waits for the shadow (the new
    service). The proxy compares the answers of the two. When it stops, it reports what differs and whether to promote
    the shadow.

      trioshadow proxy --primary http://127.0.0.1:8000 \
                       --shadow http://127.0.0.1:9000

    Send it requests (curl http://127.0.0.1:8080/), and press Ctrl-C for the report. Only GET, HEAD and OPTIONS are
    mirrored unless you name more with --allow-method.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")  # to stderr
    console = make_console()

    def announce(line: str) -> None:
        console.print(line, soft_wrap=True)
        console.file.flush()

    seen = await serve_proxy(options, announce)
    console.print()
    show_report(console, seen.statistics, seen.scorecard)
