"""Where a proxy listens, as people write it."""

from __future__ import annotations

import ipaddress

import attrs

from trioshadow.cli.common.checks import text


@attrs.frozen
class Address:
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Can only this machine reach it?"""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def address(value: object) -> Address:
    """An address as people write it: `127.0.0.1:8080`, `[::1]:8080`, or a port alone, which is one of 127.0.0.1.

    Raises ValueError for anything else.
    """
    if isinstance(value, Address):
        return value
    said = str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)
    host, colon, port = said.rpartition(":")
    host = host if colon else "127.0.0.1"
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"must have the brackets of an IPv6 address, as in [::1]:8080, not {said!r}")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 2**16):
        raise ValueError(f"must be HOST:PORT, as in 127.0.0.1:8080 or [::1]:8080, not {said!r}")
    return Address(host, int(port))


def loopback_address(value: object) -> Address:
    """The same, of this machine alone. Raises ValueError for anything else."""
    found = address(value)
    if not found.is_loopback:
        raise ValueError(f"must be on loopback, as in 127.0.0.1:9901, not {value!r}: it tells what passes through")
    return found
