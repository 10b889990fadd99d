"""The lines of a stream, one after the other, in bounded memory: whatever its lines are, compressed or not.

A line may be as long as the file: a log of something else, a hole of 2 GiB that another program left, a few KB that
unpack to it. So what is longer than any line of ours is read past and only measured.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from typing import IO, TypeAlias

#: Bytes of a line of an archive, its end included. A sink writes no longer one, and a reader skips it.
LONGEST = 64 << 20
#: Bytes that are taken at a time.
_BLOCK = 1 << 20

#: A line with its end, which the last one may lack; or of one that is too long how many bytes it has.
Line: TypeAlias = bytes | bytearray | int


def lines_of(stream: IO[bytes] | io.BufferedReader) -> Iterator[Line]:
    """The lines of a stream; of those that are too long the length alone."""
    block = min(_BLOCK, LONGEST + 1)
    for raw in iter(partial(stream.readline, block), b""):
        yield raw if len(raw) < block else _long(stream, raw, block)


def too_long(length: int) -> str:
    """What there is to say of a line of so many bytes."""
    return f"the line has {length:,} bytes, and what has more than {LONGEST >> 20} MiB is not read"


def _long(stream: IO[bytes] | io.BufferedReader, raw: bytes, block: int) -> Line:
    """The line that begins with `raw`."""
    line, length = bytearray(raw), len(raw)
    while not raw.endswith(b"\n") and (raw := stream.readline(block)):
        length += len(raw)
        if length <= LONGEST:
            line += raw
        else:
            line.clear()
    return line if length <= LONGEST else length
