"""From what was said to the options of a command: the command line wins over a TOML file, and that over the defaults.

What can't be meant is found out here, before anything is asked or listens, and ends the command with one line that says
where it was said.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

from .checks import EXAMPLE_URL
from .errors import CliError
from .options import WrongOptionError, names_of, option_of

_Options = TypeVar("_Options", bound=attrs.AttrsInstance)


def read_options(options: type[_Options], said: Mapping[str, object], file: Path | None = None) -> _Options:
    """The options of what the command line says, by the names of the fields, None for what it does not; and of a file.

    Raises CliError, of one line.
    """
    names = names_of(options)
    values = {name: value for name, value in said.items() if value is not None}
    places = {name: f"--{shown}" for name, shown in names.items()}
    if file is not None:
        fields = {shown: name for name, shown in names.items()}
        for shown, value in _read_toml(file).items():
            if shown not in fields:
                raise CliError(f"{file}: there is no option {shown!r}{_instead(shown, list(fields))}")
            if (name := fields[shown]) not in values:
                values[name] = value
                places[name] = f"{file}: {shown}"
    for field in attrs.fields(options):
        if field.default is attrs.NOTHING and field.name not in values:
            what = f"the {option_of(field).kind.metavar} of the {field.name}, such as {EXAMPLE_URL}"
            raise CliError(f"{places[field.name]} is missing: {what}")
    try:
        return options(**values)
    except WrongOptionError as exc:
        raise CliError(f"{places[exc.option]} {exc.why}") from None


def _instead(shown: str, names: list[str]) -> str:
    close = difflib.get_close_matches(shown, names, n=1)
    return f": did you mean {close[0]!r}?" if close else " (--help lists those there are)"


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise CliError(f"--config can't be read: {file}: {exc.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise CliError(f"--config {file} is no TOML: {exc}") from None
