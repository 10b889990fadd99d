"""Checks of what options are given: from what was said to the value, or a ValueError that says what must be.

What a single command takes stands beside that command.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

from trioshadow.http import checked_base_url

EXAMPLE_URL = "http://127.0.0.1:8000"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


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
        raise ValueError(f"must be a URL such as {EXAMPLE_URL}, not {said!r}") from None
    if "@" in found.partition("://")[2].partition("/")[0]:
        raise ValueError("must have no user and password: they would be sent to nobody")
    return found


def boolean(value: object) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")  # noqa: TRY004 - one error for all that is wrong
    return value


def number_in(allowed: str, holds: Callable[[float], bool]) -> Callable[[object], float]:
    """A number of which this holds; `allowed` says which."""

    def check(value: object) -> float:
        try:
            found = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        except OverflowError:  # a whole number of more than 308 digits
            found = math.nan
        if math.isnan(found) or not holds(found):
            raise ValueError(f"must be {allowed}, not {value!r}")
        return found

    return check


def fraction(example: str) -> Callable[[object], float]:
    """From 0 to 1. `example` says what 0.1 does."""
    return number_in(f"a fraction from 0 to 1 (0.1 {example})", lambda found: 0 <= found <= 1)


#: A time that something may take.
seconds = number_in("seconds above 0", lambda found: 0 < found < math.inf)

#: A time that may be none at all.
seconds_or_none = number_in("seconds, 0 or more", lambda found: 0 <= found < math.inf)


def byte_count(value: object) -> int:
    """As `HttpBackend` takes it."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 2**31 - 2:
        raise ValueError(f"must be a number of bytes from 0 to {2**31 - 2}, not {value!r}")
    return value


def token(value: object) -> str:
    """A name of a method or a header (RFC 9110 §5.6.2)."""
    if not _TOKEN.fullmatch(said := text(value)):
        raise ValueError(f"must be a name as HTTP allows it, not {said!r}")
    return said


def rule_of(rule: Callable[[str], object]) -> Callable[[object], str]:
    """What a rule can be made of."""

    def check(value: object) -> str:
        said = text(value)
        try:
            rule(said)
        except ValueError as exc:
            raise ValueError(f"can't be used: {exc}") from None
        return said

    return check


def any_path(value: object) -> Path:
    """A path, wherever it leads."""
    return value if isinstance(value, Path) else Path(text(value))


def readable_file(value: object) -> Path:
    """A file that can be opened."""
    path = any_path(value)
    try:
        with path.open("rb"):
            return path
    except OSError as exc:
        raise ValueError(f"can't be read: {path}: {exc.strerror}") from None


def writable_file(value: object) -> Path:
    """A file that is there, or can be made."""
    path = any_path(value)
    if not path.name or not path.parent.is_dir():
        raise ValueError(f"must be a file in a directory that is there, not {str(value)!r}")
    if path.exists() and not path.is_file():
        raise ValueError(f"must be a regular file, not {str(value)!r}")
    return path
