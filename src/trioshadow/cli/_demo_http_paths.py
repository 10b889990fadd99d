"""Counts where answers differ: by path, and how. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import attrs

from trioshadow import Divergence

from ._proxy_tally import general


@attrs.frozen
class Spot:
    """Where answers differ, and how."""

    path: str
    """`$.headings[*].text` of a body, `body` of one that is not JSON, `header NAME`, or `status`."""
    kind: str
    """`added`, `removed`, `changed`, or `type`."""


@attrs.frozen
class Row:
    """At how many calls, without the rules and with them."""

    spot: Spot
    without: int
    ruled: int


def spots_of(divergence: Divergence) -> set[Spot]:
    """All of one call, each once, however many elements of a list it is."""
    spots: set[Spot] = set()
    if divergence.status is not None:
        spots.add(Spot("status", "changed"))
    if (headers := divergence.headers) is not None:
        for kind in ("added", "removed", "changed"):
            spots |= {Spot(f"header {name}", kind) for name in getattr(headers, kind)}
    if (body := divergence.body) is not None:
        if body.forms == ("json", "json") and body.changes:
            spots |= {Spot(general(change.path), change.kind.value) for change in body.changes}
        else:
            spots.add(Spot("body", "changed"))
    return spots


def rows_of(without: Iterable[Divergence], ruled: Iterable[Divergence]) -> list[Row]:
    """A row for each spot, of all the calls without rules and of the same calls with them; the most frequent first."""
    before = Counter(spot for divergence in without for spot in spots_of(divergence))
    after = Counter(spot for divergence in ruled for spot in spots_of(divergence))
    rows = [Row(spot, before[spot], after[spot]) for spot in before | after]
    return sorted(rows, key=lambda row: (-max(row.without, row.ruled), row.spot.path, row.spot.kind))
