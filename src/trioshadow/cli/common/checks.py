"""What commands are told, checked: from what was said to the value, or a ValueError that says what must be.

What can't be meant is found out here, before anything is asked or listens, and ends the command with one line that says
where it was said. What a single command takes stands beside that command.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

from trioshadow.http import checked_base_url

from .errors import CliError

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_Settings = TypeVar("_Settings", bound=attrs.AttrsInstance)


class WrongSettingError(ValueError):
    """A value that can't be meant. `setting`: the name of the field."""

    def __init__(self, setting: str, why: str) -> None:
        super().__init__(f"{setting} {why}")
        self.setting = setting
        self.why = why


def setting(check: Callable[[Any], Any], default: Any = attrs.NOTHING) -> Any:
    """A field, with the check that makes its value; those that may be absent are None."""

    def convert(value: Any, _: Any, field: attrs.Attribute[Any]) -> Any:
        if value is None and default is None:
            return None
        try:
            return check(value)
        except ValueError as exc:
            raise WrongSettingError(field.name, str(exc)) from None

    return attrs.field(default=default, converter=attrs.Converter(convert, takes_self=True, takes_field=True))


def option_names(settings: type[attrs.AttrsInstance]) -> dict[str, str]:
    """What the fields of a class of settings are called on the command line, without the dashes before it."""
    return {field.name: field.name.replace("_", "-") for field in attrs.fields(settings)}


def made(settings: type[_Settings], values: Mapping[str, object], places: Mapping[str, str]) -> _Settings:
    """The settings of these values. `places` says of each field where it was said.

    Raises CliError, of one line.
    """
    for name in ("primary", "shadow"):
        if name in places and name not in values:
            raise CliError(f"--{name} is missing: the URL of the {name}, such as http://127.0.0.1:8000")
    try:
        return settings(**values)
    except WrongSettingError as exc:
        raise CliError(f"{places[exc.setting]} {exc.why}") from None


def made_of_options(settings: type[_Settings], options: Mapping[str, object]) -> _Settings:
    """The settings of what was said on the command line alone: by the names of the fields, None for what was not."""
    names = option_names(settings)
    values = {name: options[name] for name in names if options.get(name) is not None}
    return made(settings, values, {name: f"--{shown}" for name, shown in names.items()})


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def text(value: object) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"must be a text, not {value!r}")
    return value


def url(value: object) -> str:
    """Where a service is."""
    said = text(value)
    try:
        found = checked_base_url(said, "")
    except ValueError:
        raise ValueError(f"must be a URL such as http://127.0.0.1:8000, not {said!r}") from None
    if "@" in found.partition("://")[2].partition("/")[0]:
        raise ValueError("must have no user and password: they would be sent to nobody")
    return found


def boolean(value: object) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")  # noqa: TRY004 - one error for all that is wrong
    return value


def number(value: object, allowed: str) -> float:
    """A number; `allowed` says which."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise ValueError(f"must be {allowed}, not {value!r}")
    return float(value)


def fraction(example: str) -> Callable[[object], float]:
    """From 0 to 1. `example` says what 0.1 does."""
    allowed = f"a fraction from 0 to 1 (0.1 {example})"

    def check(value: object) -> float:
        found = number(value, allowed)
        if not 0 <= found <= 1:
            raise ValueError(f"must be {allowed}, not {value!r}")
        return found

    return check


def seconds(value: object) -> float:
    """A time that something may take."""
    found = number(value, "seconds")
    if not 0 < found < math.inf:
        raise ValueError(f"must be seconds above 0, not {value!r}")
    return found


def seconds_or_none(value: object) -> float:
    """A time that may be none at all."""
    found = number(value, "seconds")
    if not 0 <= found < math.inf:
        raise ValueError(f"must be seconds, 0 or more, not {value!r}")
    return found


def byte_count(value: object) -> int:
    """As `HttpBackend` takes it."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 2**31 - 2:
        raise ValueError(f"must be a number of bytes from 0 to {2**31 - 2}, not {value!r}")
    return value


def several(check: Callable[[str], object]) -> Callable[[object], tuple[str, ...]]:
    """Texts, each of which passes this check."""

    def check_all(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"must be a list of texts, not {value!r}")  # noqa: TRY004
        for each in value:
            check(text(each))
        return tuple(value)

    return check_all


def token(value: object) -> str:
    """A name of a method or a header (RFC 9110 §5.6.2)."""
    if not _TOKEN.fullmatch(said := text(value)):
        raise ValueError(f"must be a name as HTTP allows it, not {said!r}")
    return said


def rule_of(rule: Callable[[str], object]) -> Callable[[str], object]:
    """What a rule can be made of."""

    def check(said: str) -> object:
        try:
            return rule(said)
        except ValueError as exc:
            raise ValueError(f"can't be used: {exc}") from None

    return check


def readable_file(value: object) -> Path:
    """A file that can be opened."""
    path = value if isinstance(value, Path) else Path(text(value))
    try:
        with path.open("rb"):
            return path
    except OSError as exc:
        raise ValueError(f"can't be read: {path}: {exc.strerror}") from None


def writable_file(value: object) -> Path:
    """A file that is there, or can be made."""
    path = Path(str(value))
    if not path.name or not path.parent.is_dir():
        raise ValueError(f"must be a file in a directory that is there, not {str(value)!r}")
    if path.exists() and not path.is_file():
        raise ValueError(f"must be a regular file, not {str(value)!r}")
    return path
