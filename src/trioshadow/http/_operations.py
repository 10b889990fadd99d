"""What a request is called in the records: its method and its path with ids templated, bounded in number. Pure."""

from __future__ import annotations

import functools
import re

#: So many names one edge gives; what comes after them is `OTHERS`.
LIMIT = 500
OTHERS = "(other)"

#: Of one path.
_SEGMENTS, _CHARACTERS = 20, 200

#: A segment that is somebody's or something's number: digits, a UUID, a long hexadecimal or base64 word with digits in
#: it, an e-mail address, or anything with percent-escapes.
_ID = re.compile(
    r"""\d+
    | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
    | (?=[a-f]*\d)[0-9a-f]{8,}
    | (?=[^\d]*\d)(?=.*[A-Z_a-z])[\w-]{16,}=*
    | .*(?:@|%[0-9a-f]{2}).*
    | [a-z]{1,8}[-_]\d+
    """,
    re.IGNORECASE | re.VERBOSE,
)


@functools.lru_cache(maxsize=1024)  # twice a request, and most are asked for again
def _template(path: str) -> str:
    segments = path.split("/")
    shown = ["{id}" if _ID.fullmatch(segment[:_CHARACTERS]) else segment for segment in segments[: _SEGMENTS + 1]]
    if len(segments) > len(shown):
        shown.append("...")
    return "/".join(shown)[:_CHARACTERS]


def template_path(path: str) -> str:
    """The path with `{id}` in place of each segment that looks like one.

    >>> template_path("/users/42/orders/6f1c0f5e-7c1e-4a8e-9d0e-3b1f0a2c4d5e")
    '/users/{id}/orders/{id}'
    """
    return _template(path[: _SEGMENTS * _CHARACTERS])


class OperationNames:
    """Gives names, a limited number of them: who asks for random paths must not fill a table."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._given: set[str] = set()

    def name(self, method: str, path: str) -> str:
        """`GET /users/{id}`, of a template that a router knows or of `template_path()`; `OTHERS` for one too many."""
        name = f"{method[:16]} {path}"
        if name in self._given:
            return name
        if len(self._given) >= self._limit:
            return OTHERS
        self._given.add(name)
        return name
