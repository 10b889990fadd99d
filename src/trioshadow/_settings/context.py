"""The context of a call: a few values of the application's own, such as the tenant, that its record has. Pure."""

from __future__ import annotations

import re
from itertools import islice
from typing import TypeAlias

Context: TypeAlias = tuple[tuple[str, str], ...]

#: So many are kept of one call, ...
_MOST = 8
#: ... and so many characters of each.
_LENGTH = 256

_NAME = re.compile(r"[\w.-]{1,64}")
_PLAIN = (str, int, float, bool, type(None))


def context_of(values: dict[object, object]) -> Context:
    """As a record has it: values as texts, cut. ValueError, whose message quotes nothing, for anything but at most 8
    names of letters, digits, `_`, `.` and `-` with texts, numbers, bools or None. Runs no code of users.
    """
    found = []
    for name, value in islice(values.items(), _MOST + 1):
        if type(name) is not str or not _NAME.fullmatch(name):
            raise ValueError("the names of a context have 1 to 64 letters, digits, '_', '.' and '-'")
        if type(value) not in _PLAIN:
            raise ValueError("the values of a context are texts, numbers, bools or None")
        found.append((name, str(value)[:_LENGTH]))
    if len(found) > _MOST:
        raise ValueError(f"a context has at most {_MOST} values")
    return tuple(found)
