"""The options of the proxy. What is in the files of TLS is found out where they are used."""

from __future__ import annotations

from pathlib import Path

import attrs

from trioshadow import Capture, ShadowConfig
from trioshadow.cli.common.checks import fraction, seconds_or_none
from trioshadow.cli.common.options import (
    FLAG,
    OUTPUT_FILE,
    READABLE_FILE,
    Kind,
    Panel,
    WrongOptionError,
    option,
)
from trioshadow.cli.common.services import ServiceOptions

from .address import Address, address, loopback_address

NOTES = {
    Panel.FORWARDING: (
        "To the shadow and the secondary. The primary gets every request as it comes, and a service at its own origin "
        "gets the credentials too."
    )
}


@attrs.frozen(kw_only=True)
class ProxyOptions(ServiceOptions):
    """All that the proxy takes."""

    listen: Address = option(
        Kind(str, "HOST:PORT", address),
        Address("127.0.0.1", 8080),
        short="-l",
        panel=Panel.LISTENING,
        about=(
            "Where to listen: [::1]:8080 for IPv6, 0.0.0.0:8080 for every address of this machine; port 0 picks a free "
            "one."
        ),
    )
    tls_cert: Path | None = option(
        READABLE_FILE,
        None,
        panel=Panel.LISTENING,
        about="PEM file with the certificate and its chain, to serve HTTPS, with HTTP/2.",
        shown="plain HTTP",
    )
    tls_key: Path | None = option(
        READABLE_FILE,
        None,
        panel=Panel.LISTENING,
        about="PEM file with the key of the certificate, not encrypted.",
        shown="the file of --tls-cert",
    )
    trust_forwarded: bool = option(
        FLAG,
        default=False,
        panel=Panel.LISTENING,
        about=(
            "Extend the Forwarded and X-Forwarded-* headers of incoming requests instead of replacing them. Only "
            "behind a proxy of your own."
        ),
    )
    admin: Address | None = option(
        Kind(str, "HOST:PORT", loopback_address),
        None,
        panel=Panel.LISTENING,
        about="Answer GET /healthz and GET /statistics (JSON) here: a loopback address, or a port alone.",
        shown="off",
    )
    sample: float = option(
        Kind(float, "FRACTION", fraction("mirrors one request in ten")),
        1.0,
        panel=Panel.SAMPLING,
        about=(
            "Fraction of requests to mirror, from 0 to 1. Of the requests with the same key, all are mirrored or none. "
            "Below 1, requests without a key are not mirrored."
        ),
    )
    breaker: bool = option(
        FLAG,
        default=False,
        panel=Panel.LIMITS,
        about=(
            "Stop mirroring for 30 seconds after 5 failures in a row, or when half of a minute's requests have failed. "
            "Then one request shows whether the shadow is well again."
        ),
    )
    drain: float = option(
        Kind(float, "SECONDS", seconds_or_none),
        10.0,
        panel=Panel.LIMITS,
        about=(
            "How long requests in flight may take after Ctrl-C or SIGTERM. A second signal stops the proxy at once."
        ),
    )
    archive: Path | None = option(
        OUTPUT_FILE,
        None,
        short="-a",
        panel=Panel.OUTPUT,
        about=(
            "Write differences and counts to this file, for `trioshadow report` and `trioshadow replay`. Secrets in "
            "headers are masked."
        ),
    )
    capture: bool = option(
        FLAG,
        default=False,
        panel=Panel.OUTPUT,
        about="Keep the requests and answers that differ in the archive. They may contain personal data.",
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.tls_key is not None and self.tls_cert is None:
            raise WrongOptionError("tls_key", "is of no use without a certificate (tls-cert)")
        if self.capture and self.archive is None:
            raise WrongOptionError("capture", "is of no use without an archive")

    def config(self) -> ShadowConfig:
        """What of this is the shadower's."""
        return self.shadow_config(
            noise_rate=ShadowConfig().noise_rate,
            sample_rate=self.sample,
            capture=Capture(max_bytes=max(1, self.max_body)) if self.capture else None,
            drain_timeout=min(self.drain, self.timeout),  # no leg is in flight for longer
        )
