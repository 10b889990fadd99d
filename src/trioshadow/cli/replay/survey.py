"""A look at all requests before the first is sent: how many there are, what can't be used, and are they the same as
before?
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import attrs

from trioshadow.archive import MASK
from trioshadow.cli.common.errors import CliError
from trioshadow.http import HttpRequest

from .input import Skipped, SkippedCounts
from .options import ReplayOptions
from .progress import Progress
from .source import Digest, Source

#: How often it says how far it is, and looks whether to go on.
_EVERY = 1_000


@attrs.frozen
class Survey:
    """What there is to send."""

    total: int
    """Requests."""
    skipped: SkippedCounts
    withheld: Counter[str]
    """Headers that let somebody in and go to no side, by the number of requests that have them."""
    requests_with_withheld: int
    masked: frozenset[str]
    """Those of them that a file has masked, so that no option sends them."""


async def survey(
    entries: Iterable[HttpRequest | Skipped],
    options: ReplayOptions,
    noted: Progress,
    *,
    stopping: Callable[[], bool],
    advance: Callable[[int], object],
) -> Survey | None:
    """Read all. None if it was to stop.

    Raises CliError if there is nothing to send, or the first requests are not those that were noted.
    """
    source, digest = Source(entries), Digest()
    total, withheld, with_withheld, masked = 0, Counter[str](), 0, set[str]()
    while (request := await source.take()) is not None:
        if total < noted.requests:
            digest.add(request)
        total += 1
        if total == noted.requests and str(digest) != noted.digest:
            raise _other_requests(options)
        names = options.withheld.intersection(name.lower() for name, _ in request.headers)
        withheld.update(names)
        with_withheld += bool(names)
        masked.update(names.intersection(name.lower() for name, value in request.headers if value == MASK))
        if total % _EVERY == 0:
            advance(total)
            if stopping():
                return None
    if stopping():
        return None
    if not total:
        raise _nothing(options, source.skipped)
    if total < noted.requests:
        raise _other_requests(options)
    return Survey(total, source.skipped, withheld, with_withheld, frozenset(masked))


def _other_requests(options: ReplayOptions) -> CliError:
    return CliError(
        f"{options.file} does not begin with the requests that were replayed into {options.archive}: name the same "
        "file, with the same --allow-method, or begin anew with another --archive"
    )


def _nothing(options: ReplayOptions, skipped: SkippedCounts) -> CliError:
    first = next((each[0] for each in skipped.first.values()), None)
    if first is None:
        return CliError(f"{options.file} has no request: it is empty")
    more = skipped.counts.total() - 1
    return CliError(
        f"{options.file} has no request that can be replayed: {first}"
        + (f", and {more:,} more of its lines can't be used" if more else "")
    )
