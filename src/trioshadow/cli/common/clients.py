"""The clients of commands that ask services over HTTP: one for each side, so that no side waits for another's."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from .errors import CliError

#: Seconds for which an idle connection to either side is kept: less than servers do (some 2, most 5 and more), since a
#: request on one that is just being closed fails.
KEPT_IDLE = 1.5


def trusted_by(ca_file: Path | None) -> ssl.SSLContext:
    """The certificates to trust in: the usual ones, and those of this file. Raises CliError if there are none in it."""
    context = httpx.create_ssl_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ValueError) as exc:
            raise CliError(f"--ca-file: no certificates in {ca_file}: {exc}") from None
    return context


def make_client(trusted: ssl.SSLContext) -> httpx.AsyncClient:
    """A client without timeouts, to be entered: who asks has a deadline."""
    # As many connections as there are requests: none should wait for another's.
    limits = httpx.Limits(max_connections=None, keepalive_expiry=KEPT_IDLE)
    # Without the proxies of the environment: all sides are named, and are reached directly.
    transport = httpx.AsyncHTTPTransport(verify=trusted, trust_env=False, limits=limits)
    return httpx.AsyncClient(transport=transport, trust_env=False, timeout=None)  # noqa: S113
