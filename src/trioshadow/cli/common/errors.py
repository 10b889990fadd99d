"""What ends a command with one line on stderr and exit status 2."""

from __future__ import annotations

import importlib


class CliError(Exception):
    """The user can put this right: the message is one line that says how."""


def require(*modules: str, extra: str) -> None:
    """Raise CliError, naming the extra to install, unless all these libraries are there."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as exc:
            if exc.name != module:
                raise  # it is there, but what it needs is not: not for us to explain away
            raise CliError(f"this needs {module}: pip install 'trioshadow[{extra}]'") from exc
