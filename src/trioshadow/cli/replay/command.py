"""`trioshadow replay`: captured requests through both services, before production or in CI. This file conducts."""

from __future__ import annotations

import logging

from trioshadow.cli.common.command_line import takes
from trioshadow.cli.common.console import make_console
from trioshadow.cli.common.scorecard import exit_status
from trioshadow.evidence import scorecard

from .conduct import conduct
from .options import NOTES, ReplayOptions
from .report import show_replay


@takes(ReplayOptions, notes=NOTES)
async def replay(options: ReplayOptions) -> int:
    r"""Send captured requests to an old service and to a new one, and compare their answers.

    At the end there is a report, which says whether to promote the new service. The exit status says so too: 0 promote,
    1 reject, 3 hold (not enough is known yet); 2 is wrong use, and 130 is Ctrl-C, after which --resume continues.

      trioshadow replay requests.jsonl --primary http://127.0.0.1:8000 \
                                       --shadow http://127.0.0.1:9000

    A line of requests.jsonl is {"method": "GET", "url": "/users/7"}. Only GET, HEAD and OPTIONS are sent unless you
    name more with --allow-method.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")  # to stderr
    seen, signal = await conduct(options)
    if seen is not None:
        found = scorecard(seen.evidence, options.objective())
        show_replay(make_console(), options, seen, found, early=bool(signal))
        if seen.trouble is not None:
            raise seen.trouble
        if not signal:
            return exit_status(found)
    return 128 + signal
