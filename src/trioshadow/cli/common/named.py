"""Functions and classes by their names, as a command line and a TOML file have them: `module:name`, or one built in.

To name one is to run the code of its module. Nothing else here imports what users name.
"""

from __future__ import annotations

import builtins
import contextlib
import difflib
import importlib
import re
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

from trioshadow._model.errors import describe_error, passing_error
from trioshadow._model.words import visible

_NAMES = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_EXAMPLE = "mypkg.rules:same"


def named(name: str) -> Any:
    """What is called so: `mypkg.rules:same`, `decimal:Decimal.normalize`, `str.casefold`, `KeyError`.

    A module is looked for in the current directory first, as `python -m` does, and what it imports while it is
    imported. Raises ValueError, of one line.
    """
    module, colon, inside = name.rpartition(":")
    if not all(_NAMES.fullmatch(part) for part in ([module] if colon else []) + [inside]):
        raise ValueError(f"it must be a name such as {_EXAMPLE} or str.casefold, not {name!r}")
    if not colon and not hasattr(builtins, inside.partition(".")[0]):
        raise ValueError(f"{name!r} is none of Python's own (one of a module is written {_EXAMPLE})")
    found: Any = _module(module) if colon else builtins
    where = module
    for part in inside.split("."):
        if not hasattr(found, part):
            close = difflib.get_close_matches(part, dir(found), n=1)
            raise ValueError(f"there is no {part!r} in {where}" + (f": did you mean {close[0]!r}?" if close else ""))
        found = getattr(found, part)
        where = f"{where}.{part}".lstrip(".")
    return found


def name_of(thing: Any) -> str:
    """What a function or a class is called: `named` finds it by that."""
    module = getattr(thing, "__module__", None)
    if module in (None, "builtins"):  # a method of one of Python's own has no module
        return str(thing.__qualname__)
    return f"{module}:{thing.__qualname__}"


def _module(name: str) -> Any:
    try:
        with _current_directory_first():
            return importlib.import_module(name)
    except BaseException as exc:  # whatever the module does: it may exit, too
        if passing_error(exc) is not None:
            raise
        kind, message = describe_error(exc)
        raise ValueError(f"{name} can't be imported: {kind}: {visible(' '.join(message.split()))}") from None


@contextlib.contextmanager
def _current_directory_first() -> Generator[None]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    importlib.invalidate_caches()  # it may have been written a moment ago
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the module can change the path itself
            sys.path.remove(here)
