"""What the proxy is told: by options, and by a TOML file whose keys are named like the options. Options win.

Everything is checked here, before anything listens: what can't be meant is a CliError of one line that says where it
was said. What is in the files of TLS is found out where they are used.
"""

from __future__ import annotations

import ipaddress
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from trioshadow import ShadowConfig
from trioshadow.compare import IgnoreHeader, IgnorePath
from trioshadow.evidence import Objective
from trioshadow.http import MAX_BODY_BYTES, allow_methods, checked_base_url, key_header

from ._errors import CliError

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class WrongSettingError(ValueError):
    """A value that can't be meant. `setting`: the name of the field."""

    def __init__(self, setting: str, why: str) -> None:
        super().__init__(f"{setting} {why}")
        self.setting = setting
        self.why = why


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


# ── checks: from what was said to the value, or a ValueError that says what must be ───────────────────────────────────


def _url(value: object) -> str:
    text = _text(value)
    try:
        url = checked_base_url(text, "")
    except ValueError:
        raise ValueError(f"must be a URL such as http://127.0.0.1:8000, not {text!r}") from None
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise ValueError("must have no user and password: they would be sent to nobody")
    return url


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"must be a text, not {value!r}")
    return value


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")  # noqa: TRY004 - one error for all that is wrong
    return value


def _number(value: object, allowed: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise ValueError(f"must be {allowed}, not {value!r}")
    return float(value)


def _fraction(example: str) -> Callable[[object], float]:
    allowed = f"a fraction from 0 to 1 (0.1 {example})"

    def check(value: object) -> float:
        number = _number(value, allowed)
        if not 0 <= number <= 1:
            raise ValueError(f"must be {allowed}, not {value!r}")
        return number

    return check


def _level(value: object) -> float:
    allowed = "a fraction between 0 and 1 (0.001: one key in a thousand may differ)"
    number = _number(value, allowed)
    if not 0 < number < 1:
        raise ValueError(f"must be {allowed}, not {value!r}")
    return number


def _seconds(value: object) -> float:
    number = _number(value, "seconds")
    if not 0 < number < math.inf:
        raise ValueError(f"must be seconds above 0, not {value!r}")
    return number


def _seconds_or_none(value: object) -> float:
    number = _number(value, "seconds")
    if not 0 <= number < math.inf:
        raise ValueError(f"must be seconds, 0 or more, not {value!r}")
    return number


def _bytes(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 2**31 - 2:
        raise ValueError(f"must be a number of bytes from 0 to {2**31 - 2}, not {value!r}")
    return value


def address(value: object, *, only_loopback: bool = False) -> Address:
    """An address as people write it: `127.0.0.1:8080`, `[::1]:8080`, or a port alone, which is one of 127.0.0.1.

    Raises ValueError for anything else, and for what is not loopback if that is all that is allowed.
    """
    if isinstance(value, Address):
        return value
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)
    host, colon, port = text.rpartition(":")
    host = host if colon else "127.0.0.1"
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"must have the brackets of an IPv6 address, as in [::1]:8080, not {text!r}")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 2**16):
        raise ValueError(f"must be HOST:PORT, as in 127.0.0.1:8080 or [::1]:8080, not {text!r}")
    found = Address(host, int(port))
    if only_loopback and not found.is_loopback:
        raise ValueError(f"must be on loopback, as in 127.0.0.1:9901, not {text!r}: it tells what passes through")
    return found


def _admin(value: object) -> Address:
    return address(value, only_loopback=True)


def _several(check: Callable[[str], object]) -> Callable[[object], tuple[str, ...]]:
    def check_all(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"must be a list of texts, not {value!r}")  # noqa: TRY004
        for each in value:
            check(_text(each))
        return tuple(value)

    return check_all


def _token(value: object) -> str:
    if not _TOKEN.fullmatch(text := _text(value)):
        raise ValueError(f"must be a name as HTTP allows it, not {text!r}")
    return text


def _rule(rule: Callable[[str], object]) -> Callable[[str], object]:
    def check(text: str) -> object:
        try:
            return rule(text)
        except ValueError as exc:
            raise ValueError(f"can't be used: {exc}") from None

    return check


def _file(value: object) -> Path:
    path = value if isinstance(value, Path) else Path(_text(value))
    try:
        with path.open("rb"):
            return path
    except OSError as exc:
        raise ValueError(f"can't be read: {path}: {exc.strerror}") from None


def _setting(check: Callable[[Any], Any], default: Any = attrs.NOTHING) -> Any:
    """A field, with the check that makes its value; those that may be absent are None."""

    def convert(value: Any, _: Any, field: attrs.Attribute[Any]) -> Any:
        if value is None and default is None:
            return None
        try:
            return check(value)
        except ValueError as exc:
            raise WrongSettingError(field.name, str(exc)) from None

    return attrs.field(default=default, converter=attrs.Converter(convert, takes_self=True, takes_field=True))


@attrs.frozen(kw_only=True)
class Settings:
    """All that the proxy is told, checked."""

    primary: str = _setting(_url)
    shadow: str = _setting(_url)
    secondary: str | None = _setting(_url, None)
    """Another copy of the primary."""
    noise_rate: float | None = _setting(_fraction("sends it one mirrored request in ten"), None)
    """The fraction of mirrored requests that go to the secondary; None: as of `ShadowConfig`."""
    candidate: str | None = _setting(_text, None)
    """Which version the shadow is."""
    objective_rate: float = _setting(_level, Objective().max_rate)
    listen: Address = _setting(address, Address("127.0.0.1", 8080))
    sample: float = _setting(_fraction("mirrors one request in ten"), 1.0)
    timeout: float = _setting(_seconds, 2.0)
    """Seconds that the shadow has."""
    primary_timeout: float = _setting(_seconds, 60.0)
    """Seconds that the primary has until its response begins."""
    ignore_header: tuple[str, ...] = _setting(_several(_rule(IgnoreHeader)), ())
    ignore_path: tuple[str, ...] = _setting(_several(_rule(IgnorePath)), ())
    allow_method: tuple[str, ...] = _setting(_several(_token), ())
    key_header: str | None = _setting(_token, None)
    forward_credential: tuple[str, ...] = _setting(_several(_token), ())
    max_body: int = _setting(_bytes, MAX_BODY_BYTES)
    """Bytes of a body, of requests and of answers, that are kept to be compared."""
    preserve_host: bool = _setting(_bool, default=False)
    trust_forwarded: bool = _setting(_bool, default=False)
    tls_cert: Path | None = _setting(_file, None)
    tls_key: Path | None = _setting(_file, None)
    ca_file: Path | None = _setting(_file, None)
    drain: float = _setting(_seconds_or_none, 10.0)
    """Seconds that requests in flight get to end."""
    admin: Address | None = _setting(_admin, None)

    def __attrs_post_init__(self) -> None:
        if self.tls_key is not None and self.tls_cert is None:
            raise WrongSettingError("tls_key", "is of no use without a certificate (tls-cert)")
        if self.noise_rate is not None and self.secondary is None:
            raise WrongSettingError("noise_rate", "is of no use without a secondary")

    def objective(self) -> Objective:
        """What is asked of the shadow."""
        return Objective(max_rate=self.objective_rate)

    def config(self) -> ShadowConfig:
        """What of this is the shadower's."""
        return ShadowConfig(
            candidate=self.candidate or "",
            noise_rate=ShadowConfig().noise_rate if self.noise_rate is None else self.noise_rate,
            sample_rate=self.sample,
            shadow_timeout=self.timeout,
            ignore=[*map(IgnoreHeader, self.ignore_header), *map(IgnorePath, self.ignore_path)],
            key=None if self.key_header is None else key_header(self.key_header),
            may_mirror=allow_methods(*map(str.upper, self.allow_method)) if self.allow_method else None,
            drain_timeout=min(self.drain, self.timeout),  # no leg is in flight for longer
        )


def read_settings(options: Mapping[str, object], file: Path | None) -> Settings:
    """From options, by the names of the fields, None for those that were not given, and a TOML file.

    Raises CliError, of one line.
    """
    said = _read_toml(file) if file is not None else {}
    names = {field.name: field.name.replace("_", "-") for field in attrs.fields(Settings)}
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
    for name in ("primary", "shadow"):
        if name not in values:
            raise CliError(f"--{name} is missing: the URL of the {name}, such as http://127.0.0.1:8000")
    try:
        return Settings(**values)
    except WrongSettingError as exc:
        raise CliError(f"{places[exc.setting]} {exc.why}") from None


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise CliError(f"--config can't be read: {file}: {exc.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise CliError(f"--config {file} is no TOML: {exc}") from None
