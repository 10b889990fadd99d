"""The primary of a shadower that a transport or a middleware is given: the edge itself serves the calls."""

from __future__ import annotations

from typing import NoReturn

from ._request import HttpRequest


async def served_by_edge(_: HttpRequest, /) -> NoReturn:
    """`Shadower(served_by_edge, HttpBackend(...))`: for edges, which answer with what they stand before.

    Raises RuntimeError: `call()` of such a shadower has nobody to ask.
    """
    raise RuntimeError("this shadower's primary is served by an edge (ShadowTransport, ShadowMiddleware): call that")
