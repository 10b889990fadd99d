"""What keeps a test true on a busy machine, and with the next version of Python or of a library."""

from __future__ import annotations

from collections.abc import Callable

#: Seconds that only a bug takes, however busy the machine is.
TOO_LONG = 100


def said_by(function: Callable[..., object], *args: object) -> str:
    """What this function says when it raises: words of Python or of a library, which their next version may change."""
    try:
        function(*args)
    except Exception as exc:
        return str(exc)
    raise AssertionError(f"{function} did not raise")
