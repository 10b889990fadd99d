"""Which of a request's headers go to a shadow: an allow-list and a deny-list, the same at every edge. Pure.

What these lists don't decide: headers about the connection (`_fields.py`) never go, and to another origin what lets
somebody in goes only if it is named once more (`HttpBackend.credentials`).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable

from trioshadow._model.checks import Check, several

from ._fields import MARK, RawHeaders

#: No list takes these away: they belong to the message as it is sent, and are made anew for it where need be; and a
#: copy that lost its mark could be mirrored again, without an end.
_ALWAYS = frozenset((b"host", b"content-length", b"accept-encoding", MARK.encode()))


_is_header = Check("names of headers", lambda name: isinstance(name, str), "names of headers, none of them empty", bool)


def checked_names(names: Iterable[str], parameter: str) -> list[str]:
    """Names or patterns in lower case. TypeError or ValueError, naming the parameter, for what is none; of a lone
    str, taken for its letters, what it names would go along.
    """
    checked = several(parameter, names, "names of headers, as in ['x-user']")
    for name in checked:
        _is_header.check(parameter, name)
    return [name.lower() for name in checked]


class HeaderLists:
    """Header names, or patterns as in `x-b3-*`, in any case. A header goes if it is allowed, or all are (None), and is
    not dropped.
    """

    def __init__(self, allow: Iterable[str] | None, drop: Iterable[str]) -> None:
        self._allowed = None if allow is None else _matcher(checked_names(allow, "allow_headers"))
        dropped = checked_names(drop, "drop_headers")
        self._dropped = _matcher(dropped) if dropped else None

    def passing(self, headers: RawHeaders) -> RawHeaders:
        """Those that go, in their order and case."""
        if self._allowed is None and self._dropped is None:
            return headers
        return [pair for pair in headers if self._passes(pair[0].lower())]

    def _passes(self, lower: bytes) -> bool:
        if lower in _ALWAYS:
            return True
        name = lower.decode("latin-1")
        return self.allows(name) and not self.drops(name)

    def allows(self, name: str) -> bool:
        """Is a name, in lower case, among those that go, or are all?"""
        return self._allowed is None or bool(self._allowed(name))

    def drops(self, name: str) -> bool:
        """Is a name, in lower case, among those that don't go?"""
        return self._dropped is not None and bool(self._dropped(name))


def _matcher(patterns: list[str]) -> Callable[[str], object]:
    return re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)").match  # of no pattern: nothing
