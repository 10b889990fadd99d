"""What the proxy is told: by options, and by a TOML file whose keys are named like the options. Options win.

Everything is checked before anything listens. What is in the files of TLS is found out where they are used.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from trioshadow import Capture, ShadowConfig
from trioshadow.cli.common.backends import BackendSettings
from trioshadow.cli.common.checks import (
    WrongSettingError,
    boolean,
    fraction,
    made,
    option_names,
    readable_file,
    seconds_or_none,
    setting,
    text,
    writable_file,
)
from trioshadow.cli.common.errors import CliError


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


def address(value: object, *, only_loopback: bool = False) -> Address:
    """An address as people write it: `127.0.0.1:8080`, `[::1]:8080`, or a port alone, which is one of 127.0.0.1.

    Raises ValueError for anything else, and for what is not loopback if that is all that is allowed.
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
    found = Address(host, int(port))
    if only_loopback and not found.is_loopback:
        raise ValueError(f"must be on loopback, as in 127.0.0.1:9901, not {said!r}: it tells what passes through")
    return found


def _admin(value: object) -> Address:
    return address(value, only_loopback=True)


@attrs.frozen(kw_only=True)
class Settings(BackendSettings):
    """All that the proxy is told, checked."""

    archive: Path | None = setting(writable_file, None)
    """Where records and counts are written."""
    capture: bool = setting(boolean, default=False)
    """Do records keep requests and answers?"""
    breaker: bool = setting(boolean, default=False)
    """Is a shadow that fails left alone for a while?"""
    listen: Address = setting(address, Address("127.0.0.1", 8080))
    sample: float = setting(fraction("mirrors one request in ten"), 1.0)
    trust_forwarded: bool = setting(boolean, default=False)
    tls_cert: Path | None = setting(readable_file, None)
    tls_key: Path | None = setting(readable_file, None)
    drain: float = setting(seconds_or_none, 10.0)
    """Seconds that requests in flight get to end."""
    admin: Address | None = setting(_admin, None)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.tls_key is not None and self.tls_cert is None:
            raise WrongSettingError("tls_key", "is of no use without a certificate (tls-cert)")
        if self.capture and self.archive is None:
            raise WrongSettingError("capture", "is of no use without an archive")

    def config(self) -> ShadowConfig:
        """What of this is the shadower's."""
        return self.shadow_config(
            noise_rate=ShadowConfig().noise_rate,
            sample_rate=self.sample,
            capture=Capture(max_bytes=max(1, self.max_body)) if self.capture else None,
            drain_timeout=min(self.drain, self.timeout),  # no leg is in flight for longer
        )


def read_settings(options: Mapping[str, object], file: Path | None) -> Settings:
    """From options, by the names of the fields, None for those that were not given, and a TOML file.

    Raises CliError, of one line.
    """
    said = _read_toml(file) if file is not None else {}
    names = option_names(Settings)
    unknown = sorted(said.keys() - set(names.values()))
    if unknown:
        raise CliError(f"{file}: there is no setting {unknown[0]!r}; there are {', '.join(names.values())}")
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for name, shown in names.items():
        places[name] = f"--{shown}"
        if options.get(name) is not None:
            values[name] = options[name]
        elif shown in said:
            values[name] = said[shown]
            places[name] = f"{file}: {shown}"
    return made(Settings, values, places)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise CliError(f"--config can't be read: {file}: {exc.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise CliError(f"--config {file} is no TOML: {exc}") from None
