"""How much of a body is held in memory. Pure."""

from __future__ import annotations

#: 1 MiB: of a request and of each of its answers.
MAX_BODY_BYTES = 2**20

#: What zlib can be asked for at once.
_LARGEST = 2**31 - 2


def checked_body_limit(limit: object) -> int:
    """The limit itself. Raises TypeError or ValueError for what is no number of bytes in [0, 2**31 - 2]."""
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(f"max_body_bytes must be an int, not {type(limit).__name__}")
    if not 0 <= limit <= _LARGEST:
        raise ValueError(f"max_body_bytes must be a number of bytes in [0, 2**31 - 2], not {limit!r}")
    return limit
