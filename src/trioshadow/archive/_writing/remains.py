"""What is left of the records of a file that another program has moved, removed, cut off or rewritten. Blocking."""

from __future__ import annotations

import contextlib
import json
import os

from trioshadow.archive._bounded_lines import Line, lines_of

from .active_file import ActiveFile, open_regular

#: How `_lines.py` begins one.
_RECORD = b'{"t":"record",'


def records_left(file: ActiveFile) -> int:
    """How many records a reader still finds behind the file's own first line, wherever it is by now. Of a file that has
    no name any more: in what has its name, since `sed -i` and editors put a copy there.
    """
    with contextlib.suppress(OSError):
        fd = open_regular(file.path, os.O_RDONLY) if file.is_removed() else os.dup(file.fd)
        with os.fdopen(fd, "rb") as stream:
            stream.seek(0)
            lines = lines_of(stream)
            if next(lines, b"") == file.head:
                return sum(map(_is_record, lines))
    return 0


def _is_record(line: Line) -> bool:
    if isinstance(line, int) or not line.startswith(_RECORD):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
