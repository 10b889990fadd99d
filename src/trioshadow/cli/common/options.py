"""Options of commands: each is a field of an attrs class, which says all there is to say of it, once.

A command has one such class. From it `command_line` makes the command line and the help, and `reading` knows what may
stand in a TOML file. This file has what the fields are declared with.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from . import checks


class Panel(enum.Enum):
    """Where the help shows an option: by what people want to do. In this order."""

    SERVICES = "Services"
    LISTENING = "Listening"
    SAMPLING = "Sampling"
    FORWARDING = "Forwarding"
    COMPARING = "Comparing"
    OBJECTIVE = "Objective"
    LIMITS = "Limits"
    OUTPUT = "Output"


@attrs.frozen
class Kind:
    """A kind of value."""

    type: Any
    """What the command line makes of its words. A TOML file has types of its own."""
    metavar: str
    """What stands for the value in the help."""
    check: Callable[[Any], Any]
    """From what was said to the value of the field. Raises ValueError: the rest of a sentence that begins with the name
    of the option.
    """
    many: bool = False
    """Is the value of the field a tuple of such?"""


def several(kind: Kind) -> Kind:
    """Any number of them: a list in a TOML file, an option that is repeated on the command line."""

    def check(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"must be a list of texts, not {value!r}")  # noqa: TRY004 - one error for all that is wrong
        return tuple(kind.check(each) for each in value)

    return attrs.evolve(kind, check=check, many=True)


BYTES = Kind(int, "BYTES", checks.byte_count)
FLAG = Kind(bool, "", checks.boolean)
HEADER = Kind(str, "HEADER", checks.token)
METHOD = Kind(str, "METHOD", checks.token)
NAME = Kind(str, "NAME", checks.text)
OUTPUT_FILE = Kind(Path, "FILE", checks.writable_file)
READABLE_FILE = Kind(Path, "FILE", checks.readable_file)
SECONDS = Kind(float, "SECONDS", checks.seconds)
URL = Kind(str, "URL", checks.url)


class WrongOptionError(ValueError):
    """A value that can't be meant. `option`: the name of the field."""

    def __init__(self, option: str, why: str) -> None:
        super().__init__(f"{option} {why}")
        self.option = option
        self.why = why


@attrs.frozen(kw_only=True)
class Option:
    """What is known of a field, beside its name and its default."""

    kind: Kind
    help: str
    panel: Panel | None = None
    """None: it is no option but an argument, which has no name on the command line."""
    short: str = ""
    """Its letter, with the dash; empty if it has none."""
    shown: str = ""
    """What the help says that its absence means; empty: its default, if that is a value."""


def option(
    kind: Kind,
    default: Any = attrs.NOTHING,
    *,
    panel: Panel,
    about: str,
    short: str = "",
    shown: str = "",
) -> Any:
    """A field that is an option: required if it has no default. `about` and `shown` are for the help."""
    return _field(default, Option(kind=kind, help=about, panel=panel, short=short, shown=shown))


def argument(kind: Kind, default: Any = attrs.NOTHING, *, about: str) -> Any:
    """A field that is an argument: of the several kinds, all that are left."""
    return _field(default, Option(kind=kind, help=about))


def option_of(field: attrs.Attribute[Any]) -> Option:
    """What the field was declared with."""
    found: Option = field.metadata[Option]
    return found


def default_shown(field: attrs.Attribute[Any]) -> str:
    """What the help says that the absence of an option means; empty if there is nothing to say."""
    default = field.default
    if shown := option_of(field).shown:
        return shown
    if default is None or default is attrs.NOTHING or isinstance(default, bool | tuple):
        return ""
    return f"{default:g}" if isinstance(default, float) else str(default)


def names_of(options: type[attrs.AttrsInstance]) -> dict[str, str]:
    """What the fields that are options are called, without the dashes before it, by the names of the fields."""
    return {field.name: field.name.replace("_", "-") for field in attrs.fields(options) if option_of(field).panel}


def _field(default: Any, option: Option) -> Any:
    def convert(value: Any, _: Any, field: attrs.Attribute[Any]) -> Any:
        if value is None and default is None:
            return None
        try:
            return option.kind.check(value)
        except ValueError as exc:
            raise WrongOptionError(field.name, str(exc)) from None

    converter = attrs.Converter(convert, takes_self=True, takes_field=True)
    return attrs.field(default=default, converter=converter, metadata={Option: option})
