"""The backend of each side of a replay: no side is given credentials that are not named."""

from __future__ import annotations

import httpx

from trioshadow.archive import MASK
from trioshadow.cli.common.services import OptionsBackend
from trioshadow.http import Causes, HeaderLists, HttpRequest

from .options import ReplayOptions


class ReplayBackend(OptionsBackend):
    """Sends one side what the options let go along."""

    # The primary is another origin too than where they were given.
    _of_all = True

    def __init__(self, options: ReplayOptions, client: httpx.AsyncClient, url: str) -> None:
        super().__init__(options, client, url, withheld=options.withheld)
        self._withheld = options.withheld
        self._dropped = HeaderLists(None, options.drop_header)

    def _remedy(self, request: HttpRequest, causes: Causes) -> str:
        names = causes.names
        masked = [name for name in names if request.header(name) == MASK]
        if masked:
            told = " ".join(f"--forward-credential {name}" for name in masked)
            return f"a file of requests that has {', '.join(masked)}, which archives mask, with {told}"
        unnamed = tuple(name for name in names if name in self._withheld)
        dropped = tuple(name for name in names if self._dropped.drops(name))
        return super()._remedy(request, Causes(unnamed, causes.not_allowed, dropped))
