"""From an answer on the wire to the ResponseRecord that is compared, and how much of a body is held for it. Pure.

The same for both sides, whoever sent the answer: an app in this process, or a server behind two others.
"""

from __future__ import annotations

from collections.abc import Iterable

from trioshadow._model.checks import integer
from trioshadow._model.errors import BodyTooLarge
from trioshadow._model.record import ResponseRecord

from ._codings import inflate
from ._fields import RawHeaders, without_coding, without_hop_by_hop

#: 1 MiB: of a request and of each of its answers.
MAX_BODY_BYTES = 2**20

#: What zlib can be asked for at once.
_LARGEST = 2**31 - 2
_is_limit = integer("a number of bytes in [0, 2**31 - 2]", lambda limit: 0 <= limit <= _LARGEST)

#: Answers that have no body, whatever their headers say (RFC 9110 §6.4.1).
_BODILESS = frozenset((204, 304))
_PARTIAL = 206


def record_of(
    method: str, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes, limit: int
) -> ResponseRecord:
    """The record of an answer whose body, as it was sent, is `body`.

    Headers about the connection are left out, and Content-Length, since the body itself is here. A body with a
    Content-Encoding is inflated, and then that header is left out too, as it says how it was sent; one that can't be is
    kept as it was sent, with the header. Answers that have no body on the wire (to HEAD, 204, 304) have none here,
    though an app may send one to its server. Raises BodyTooLarge if it inflates to more than `limit` bytes.
    """
    kept = without_hop_by_hop(headers)
    if method == "HEAD" or status in _BODILESS:
        return ResponseRecord(b"", status=status, headers=kept)
    others: RawHeaders = []
    codings: list[str] = []
    for pair in kept:
        name = pair[0].lower()
        if name == b"content-encoding":
            codings.append(pair[1].decode("latin-1"))
        if name != b"content-length":
            others.append(pair)
    kept = others
    if codings and status != _PARTIAL:  # of a coded answer, a part is no coded body
        try:
            body = inflate(body, ",".join(codings), limit)
        except BodyTooLarge:
            raise
        except ValueError:
            return ResponseRecord(body, status=status, headers=kept)
        kept = without_coding(kept)
    return ResponseRecord(body, status=status, headers=kept)


def checked_body_limit(limit: int) -> int:
    """The limit itself. Raises TypeError or ValueError for what is no number of bytes in [0, 2**31 - 2]."""
    _is_limit.check("max_body_bytes", limit)
    return limit
